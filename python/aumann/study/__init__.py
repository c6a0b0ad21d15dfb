"""The study: whether small panels tell the story of the population they are drawn from."""

from aumann.study.description import StudyDescription, read_study
from aumann.study.results import StudyResults
from aumann.study.study import Study, paper_protocols

__all__ = ["Study", "StudyDescription", "StudyResults", "paper_protocols", "read_study"]
