"""Figures of attributions and of studies, made with matplotlib but without pyplot.

`aumann.Attribution.plot` and `aumann.StudyResults.plot` are the way in. A module here draws one
figure or a pair of them; none is imported before a figure is asked for.
"""

from aumann.figures.plotting import FIGURES, PlottedAttribution, PlottedStudy

__all__ = ["FIGURES", "PlottedAttribution", "PlottedStudy"]
