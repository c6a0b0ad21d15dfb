"""The study: whether small panels tell the story of the population they are drawn from."""

from aumann.study.study import Study, StudyResults

__all__ = ["Study", "StudyResults"]
