"""The tables of the paper that go step by step."""

from __future__ import annotations

from typing import Any

from aumann.study.grid import FULL, Grid, OverSeeds, named, over_seeds, undefined_note, within
from aumann.study.paper_table import Column, PaperTable

__all__ = ["peaks", "stability"]


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


def stability(grid: Grid, name: str) -> PaperTable:
    """Return the top tier's share over the steps, of panels of every size and of all agents."""
    function, topic, top = grid.function("Heat"), grid.topics[0], grid.tiers[0]
    where: dict[str, Any] = {"topic": topic, "value_function": function, "tier": top}
    rows = grid.rows("panel_steps", "name a protocol in stepwise", **where)
    protocols = dict.fromkeys(row["protocol"] for row in rows)
    protocol = grid.biased if grid.biased in protocols else next(iter(protocols))
    panels = over_seeds(
        (row for row in rows if row["protocol"] == protocol), "share", "size", "number"
    )
    full = [row["share"] for row in grid.rows("steps", **where)]
    # A step has the mean of its panels; mean and deviation go across the steps.
    across = [
        OverSeeds.of([cell.mean for (other, _), cell in panels.items() if other == size])
        for size in grid.sizes
    ]
    across.append(OverSeeds.of(full))
    return PaperTable(
        name,
        f"Share of the {top} tier from step to step ({len(full)} in all); "
        f"{within(function, topic)}, panels by {protocol}, {grid.mean} at each step",
        [
            Column("size", "text", [*(f"{size:,}" for size in grid.sizes), FULL]),
            Column("mean across steps", "share", [cell.mean for cell in across]),
            Column("deviation across steps, points", "deviation", [c.deviation for c in across]),
        ],
        1,
        undefined_note((f"steps of panels of {size:,}", cell) for (size, _), cell in panels.items())
        + undefined_note([("steps of all agents", OverSeeds.of(full))]),
    )
