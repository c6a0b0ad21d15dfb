"""Whether panels agree with the population: one judgement per cell, by rules that are stated."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from enum import Enum

from aumann.report.evidence import Cell, Evidence

__all__ = ["Judgement", "judge", "judged", "told_protocol"]

# Differences of top-tier shares below a percentage point are not spoken of as a bias.
SMALL = 0.01
# A panel whose share of the top tier is typically this far off says little of it.
FAR = 0.05


class Judgement(Enum):
    """What panels of one protocol and size say, beside the population."""

    OTHER_TIER = "another tier"
    OFF = "top tier off"
    FAR = "typically far off"
    AGREE = "agrees"
    UNDEFINED = "undefined"


def judge(evidence: Evidence, cell: Cell) -> Judgement:
    """Judge the panels of a cell.

    Undefined: fewer than half of the panels have shares, or the population has none. Another tier:
    more than half of the panels with shares give the largest one to another tier than the
    population does. Off: they do not, but the top tier's flip has one sign in all of them, and its
    mean is at least a percentage point and beyond the flip of every uniform panel of that size.
    Far: they are neither, but the root mean square of the flip is above 5 points. They agree
    otherwise.
    """
    panels = evidence.panels[cell]
    without = panels.shares[evidence.top].undefined
    if evidence.leader(cell[:2]) is None or not panels.defined or without > panels.defined:
        return Judgement.UNDEFINED
    if 2 * panels.same_leader < panels.defined:
        return Judgement.OTHER_TIER
    flip = panels.flips[evidence.top]
    if flip.mean is None or flip.low is None or flip.high is None:
        return Judgement.UNDEFINED
    chance = SMALL
    if evidence.control is not None:
        uniform = evidence.panels[(cell[0], cell[1], evidence.control, cell[3])].flips[evidence.top]
        if uniform.low is not None and uniform.high is not None:
            chance = max(chance, -uniform.low, uniform.high)
    one_sign = flip.low > 0 or flip.high < 0
    if one_sign and abs(flip.mean) > chance and cell[2] != evidence.control:
        return Judgement.OFF
    spread = (flip.deviation or 0.0) ** 2 * (flip.defined - 1) / flip.defined
    return Judgement.FAR if math.sqrt(flip.mean**2 + spread) > FAR else Judgement.AGREE


def judged(
    evidence: Evidence, topics: Sequence[str | None], protocol: str, size: int
) -> tuple[Counter[Judgement], int]:
    """Count the judgements over topics and value functions, and those that are defined."""
    counts = Counter(
        judge(evidence, (topic, function, protocol, size))
        for topic in topics
        for function in evidence.functions
    )
    return counts, counts.total() - counts[Judgement.UNDEFINED]


def told_protocol(evidence: Evidence) -> str:
    """Return the protocol that the story is told of: the first that is not uniform, if any."""
    biased = [name for name in evidence.protocols if name != evidence.control]
    return biased[0] if biased else evidence.protocols[0]
