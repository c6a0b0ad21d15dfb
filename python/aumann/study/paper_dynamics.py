"""The tables of the paper that go step by step."""

from __future__ import annotations

from aumann.study.grid import Grid, named
from aumann.study.paper_table import Column, PaperTable

__all__ = ["peaks"]


def peaks(grid: Grid, name: str) -> PaperTable:
    """Return the step with the largest value of every topic, and what the tiers have of it."""
    function = grid.function("Heat")
    peak: dict[str | None, dict[str, float | None]] = {}
    labels: list[str] = []
    for topic in grid.topics:
        rows = grid.rows("steps", topic=topic, value_function=function)
        # The first of steps that tie.
        first = min(rows, key=lambda row: (-row["value"], row["number"]))
        labels.append(first["step"])
        peak[topic] = {
            row["tier"]: row["share"] for row in rows if row["number"] == first["number"]
        }

    def dominant(topic: str | None) -> str | None:
        shares = {tier: share for tier, share in peak[topic].items() if share is not None}
        return max(shares, key=shares.__getitem__) if shares else None

    return PaperTable(
        name,
        f"Step of the largest value per topic, the population's tier shares at it, and the tier "
        f"that has most; {function}",
        [
            Column("topic", "text", [named(topic) for topic in grid.topics]),
            Column("peak", "text", labels),
            *(
                Column(tier, "share", [peak[topic][tier] for topic in grid.topics])
                for tier in grid.tiers
            ),
            Column("most", "text", [dominant(topic) for topic in grid.topics]),
        ],
        1,
    )
