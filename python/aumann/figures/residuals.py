"""What is left of the shares after the best single factor, and whether the ranks agree."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aumann.figures.plotting import PlottedStudy
from aumann.figures.selection import (
    Summary,
    chosen_size,
    over_seeds,
    select,
    settle,
    told,
    undefined_note,
    unique,
    where,
)
from aumann.figures.style import (
    FAINT,
    WIDTH,
    Look,
    Picture,
    counted,
    describe,
    legend_beside,
    look,
    tidy,
)

__all__ = ["residuals"]

# Residuals below are rounding, as in `Rescaling`.
_ROUNDING = 1e-12


def residuals(
    results: PlottedStudy, *, topic: str | None = None, size: int | None = None
) -> Figure:
    """Draw the rescaling residual and the rank correlation of every value function and protocol.

    Parameters and errors are those of `StudyResults.plot`. Small points are panels, large ones
    their means. Residuals are on a logarithmic axis, and those of exactly 0 below it.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> results = aumann.Study(population, seeds=[0, 1]).run(tempfile.mkdtemp())
    >>> [axes.get_ylabel() for axes in residuals(results).axes]
    ['rescaling residual rho (log scale)', 'Spearman rank correlation']
    """
    subject = settle(results, topic)
    cells = select(results, "cells", topic=subject.topic)
    size = chosen_size(cells, size)
    cells = where(cells, size=size)
    protocols = unique(cells["protocol"])
    functions = unique(cells["value_function"])
    figure = Picture(WIDTH, 3.7)
    left, right = figure.subplots(1, 2)
    positive = cells["residual"][cells["residual"] > 0]
    # Exact zeros are drawn below all that a logarithm can show.
    lowest = int(np.floor(np.log10(positive.min(initial=1.0))))
    floor = 10.0 ** (lowest - max(1.5, -0.14 * lowest))
    undefined: dict[str, list[Summary]] = {}
    steps = np.linspace(-0.3, 0.3, len(protocols)) if len(protocols) > 1 else np.zeros(1)
    for at, function in enumerate(functions):
        for position, protocol in enumerate(protocols):
            mine = where(cells, value_function=function, protocol=protocol)
            own, place = look(position), at + steps[position]
            label = protocol if at == 0 else None
            rho = over_seeds(mine, "residual")
            undefined[f"{told(function)}, {protocol}"] = [rho]
            _points(left, place, mine["residual"], rho.mean, floor, own, label)
            spearman = over_seeds(mine, "spearman")
            _points(right, place, mine["spearman"], spearman.mean, -np.inf, own, None)
    for axes in (left, right):
        names = [textwrap.fill(told(function), 10) for function in functions]
        axes.set_xticks(range(len(functions)), names, fontsize=7.5)
        axes.set_xlim(-0.55, len(functions) - 0.45)
        axes.tick_params(axis="x", length=0)
        for edge in range(1, len(functions)):
            axes.axvline(edge - 0.5, color="#DDDDDD", linewidth=0.6)
        tidy(axes)
    _scale(left, lowest, floor, bool(np.any(cells["residual"] == 0)))
    left.set_ylabel("rescaling residual rho (log scale)")
    right.set_ylabel("Spearman rank correlation")
    weakest = min(0.9, np.floor(10 * right.get_ylim()[0]) / 10)
    right.set_ylim(weakest, 1 + 0.03 * (1 - weakest))
    legend_beside(figure, left, title="protocol")
    where_words = "" if subject.topic is None else f": {subject.topic}"
    describe(
        figure,
        f"What the best single factor leaves, panels of {counted(size)}{where_words}",
        [
            "Small points: a panel each; large: their mean. Left: the part of the panel's shares "
            "that the best single factor misses; below 1e-12 it is rounding. Right: ranks of the "
            "members in the panel and in the population",
            *undefined_note(undefined),
        ],
    )
    return figure


def _points(
    axes: Axes,
    place: float,
    values: NDArray[np.float64],
    mean: float,
    floor: float,
    own: Look,
    label: str | None,
) -> None:
    shown = np.maximum(values, floor)
    places = np.full(len(shown), place + 0.05)
    axes.plot(places, shown, ".", color=own.color, alpha=0.5, markersize=4.5, markeredgewidth=0)
    axes.plot(
        place,
        max(mean, floor),
        own.marker,
        color=own.color,
        markersize=5.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        linestyle="none",
        label=label,
    )


def _scale(axes: Axes, lowest: int, floor: float, zeros: bool) -> None:
    """Make the axis of residuals logarithmic, with a place for zeros and a band for rounding."""
    axes.set_yscale("log")
    bottom = floor / 10 if zeros else 10.0 ** (lowest - 0.5)
    exponents = range(0, lowest - 1, -3 if lowest < -6 else -1)
    ticks = {10.0**e: f"1e\u2212{-e}" if e else "1" for e in exponents}
    if zeros:
        ticks[floor] = "exactly 0"
        axes.axhline(
            (floor * 10.0**lowest) ** 0.5, color=FAINT, linewidth=0.8, linestyle=(0, (1, 2))
        )
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    axes.set_ylim(bottom, 3)
    if bottom < _ROUNDING:
        axes.axhspan(bottom, _ROUNDING, color="#EFEFEF", zorder=0)
        axes.annotate(
            "rounding",
            (1, _ROUNDING),
            (-3, -3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            horizontalalignment="right",
            verticalalignment="top",
            fontsize=7.5,
            color=FAINT,
        )
