"""The first thing a reader sees: the top tier's share in the population and in panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aumann.report.evidence import Evidence, Spread
from aumann.report.judgement import told_protocol
from aumann.report.repair import repaired_protocol, repaired_size
from aumann.report.words import indicator, percent, percent_span, quoted

__all__ = ["Block", "Line", "glance"]


@dataclass(frozen=True)
class Line:
    """A line of marks, one per topic; positions are percentages of the width.

    `ranges` are what the marks stand in: over seeds, or 95 % intervals.
    """

    kind: str
    label: str
    marks: tuple[float, ...]
    ranges: tuple[tuple[float, float], ...]
    text: str


@dataclass(frozen=True)
class Block:
    """The lines of a value function on an axis of its own; `ticks` are positions and texts."""

    name: str
    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]


def glance(evidence: Evidence, topics: Sequence[str | None]) -> list[Block]:
    """Return one block per value function in which the top tier has a share."""
    blocks = (_block(evidence, topics, function) for function in evidence.functions)
    return [block for block in blocks if block is not None]


def _block(evidence: Evidence, topics: Sequence[str | None], function: str) -> Block | None:
    top, size = evidence.top, evidence.sizes[0]
    rows: list[tuple[str, str, list[Spread]]] = [
        (
            "whole",
            f"all {evidence.agents:,} agents",
            [Spread.of([evidence.whole[topic, function][top]]) for topic in topics],
        )
    ]
    told, control = told_protocol(evidence), evidence.control
    kinds = [("told" if told != control else "control", told)]
    kinds += [("control", control)] if control is not None and control != told else []
    for kind, protocol in kinds:
        label = f"{size:,} by {quoted(protocol)}"
        panels = (evidence.panels[topic, function, protocol, size] for topic in topics)
        rows.append((kind, label, [each.shares[top] for each in panels]))
    repaired, repaired_by = repaired_protocol(evidence), repaired_size(evidence)
    if repaired is not None:
        found = [
            evidence.repairs.get(((topic, function, repaired, repaired_by), top))
            for topic in topics
        ]
        rows.append(
            (
                "reweighted",
                f"{repaired_by:,} by {quoted(repaired)}, reweighted",
                [
                    Spread(each.share.mean, each.low.mean, each.high.mean, None, 1, 0)
                    for each in found
                    if each is not None
                ],
            )
        )
    known = [
        figure
        for _, _, spreads in rows
        for each in spreads
        for figure in (each.mean, each.low, each.high)
        if figure is not None
    ]
    if not known:
        return None
    low, high = min(0.0, *known), max(0.0, *known)
    # Marks at the ends stay inside; a row of zeros has a width too.
    width = (high - low) * 1.08 or 1.0
    start = low - 0.04 * (high - low)

    def at(share: float) -> float:
        return round(100 * (share - start) / width, 2)

    lines = []
    for kind, label, spreads in rows:
        there = [each for each in spreads if each.mean is not None]
        means = [each.mean for each in there if each.mean is not None]
        ends = [(each.low, each.high) for each in there] if kind != "whole" else []
        lines.append(
            Line(
                kind,
                label,
                tuple(at(mean) for mean in means),
                tuple((at(a), at(b)) for a, b in ends if a is not None and b is not None),
                percent_span(means) if means else "undefined",
            )
        )
    ticks = [(at(0.0), "0"), *([(at(1.0), percent(1.0).replace(".0", ""))] if high >= 1 else [])]
    return Block(indicator(function), tuple(lines), tuple(ticks))
