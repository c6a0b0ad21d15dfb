"""The tables of the paper that go step by step."""

from __future__ import annotations

from math import nan
from typing import Any

from aumann._peak import peak_step
from aumann.study.grid import FULL, Grid, OverSeeds, named, over_seeds, undefined_note, within
from aumann.study.paper_table import NOTHING, Column, PaperTable

__all__ = ["peaks", "stability"]


def peaks(grid: Grid, name: str) -> PaperTable:
    """Return the step with the largest value of every topic, and what the tiers have of it."""
    functions = {topic: grid.function("Heat", topic) for topic in grid.topics}
    shown = ", ".join(dict.fromkeys(functions.values()))
    found = [_peak(grid, topic, function) for topic, function in functions.items()]
    # A topic without a peak is no undefined figure: there is nothing to have a share of.
    shares = [dict.fromkeys(grid.tiers, nan) if peak is None else peak[1] for peak in found]
    most = [NOTHING if peak is None else _dominant(peak[1]) for peak in found]
    return PaperTable(
        name,
        f"Step of the largest value per topic, the population's tier shares at it, and the tier "
        f"that has most; {shown}",
        [
            Column("topic", "text", [named(topic) for topic in grid.topics]),
            Column("peak", "text", ["no peak" if peak is None else peak[0] for peak in found]),
            *(Column(tier, "share", [each[tier] for each in shares]) for tier in grid.tiers),
            Column("most", "text", most),
        ],
        1,
        [note for topic in grid.topics for note in grid.instead("Heat", topic)]
        + (["no peak: undefined, or the same value at every step"] if None in found else []),
    )


def _peak(
    grid: Grid, topic: str | None, function: str
) -> tuple[str, dict[str, float | None]] | None:
    """Return the label and the shares of the first of the largest steps, if one stands out."""
    rows = grid.rows("steps", topic=topic, value_function=function)
    highest = peak_step({row["number"]: row["value"] for row in rows})
    if highest is None:
        return None
    at_peak = [row for row in rows if row["number"] == highest]
    return at_peak[0]["step"], {row["tier"]: row["share"] for row in at_peak}


def _dominant(shares: dict[str, float | None]) -> str | None:
    there = {tier: share for tier, share in shares.items() if share is not None}
    return max(there, key=there.__getitem__) if there else None


def stability(grid: Grid, name: str) -> PaperTable:
    """Return the top tier's share over the steps, of panels of every size and of all agents."""
    topic, top = grid.topics[0], grid.tiers[0]
    function = grid.function("Heat", topic)
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
        grid.instead("Heat", topic)
        + undefined_note(
            (f"steps of panels of {size:,}", cell) for (size, _), cell in panels.items()
        )
        + undefined_note([("steps of all agents", OverSeeds.of(full))]),
    )
