"""What a report says to a question, and what its sentences are put together from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aumann.report.evidence import Evidence, Indicator
from aumann.report.words import indicator, percent

__all__ = ["Answer", "Topics", "head_count", "indicators", "known", "spread"]

Topics: TypeAlias = Sequence[str | None]


@dataclass(frozen=True)
class Answer:
    """A question, its answer, the number behind it, and the sentences that bear it out."""

    question: str
    answer: str
    gist: str
    sentences: tuple[str, ...]


def indicators(evidence: Evidence, topics: Topics) -> list[Indicator]:
    """Return every value function in every one of the topics."""
    return [(topic, function) for topic in topics for function in evidence.functions]


def known(figures: Iterable[float | None]) -> list[float]:
    """Return the figures that are defined."""
    return [figure for figure in figures if figure is not None]


def spread(
    evidence: Evidence,
    figures: Callable[[str], Iterable[float | None]],
    say: Callable[[list[float], str], str],
) -> list[str]:
    """Return a phrase per value function that has defined figures, said of these and its name."""
    found = ((known(figures(function)), indicator(function)) for function in evidence.functions)
    return [say(there, name) for there, name in found if there]


def head_count(evidence: Evidence, tier: str) -> str:
    """Return how much of the population a tier is."""
    return f"{percent(evidence.manifest['tiers'][tier] / evidence.agents)} of the agents"
