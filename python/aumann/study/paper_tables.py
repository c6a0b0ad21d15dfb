"""The tables of the paper's study, in its layout, from the tables of any study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aumann.study.grid import (
    FULL,
    Grid,
    NotHeld,
    OverSeeds,
    named,
    over_seeds,
    undefined_note,
    within,
)
from aumann.study.paper_dynamics import peaks, stability
from aumann.study.paper_robustness import baselines, elite_overlaps, elites, topics
from aumann.study.paper_table import Column, PaperTable

__all__ = ["paper_tables"]


def paper_tables(tables: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, PaperTable]:
    """Return every table of the paper's study, by its name there.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        Those of `StudyResults`.
    manifest : mapping
        What the study is.

    Returns
    -------
    dict of str to PaperTable
        A table that the study does not hold says in `missing` why, and what to ask for.
    """
    grid = Grid(tables, manifest)
    found: dict[str, PaperTable] = {}
    for name, (subject, build) in BUILDERS.items():
        try:
            found[name] = build(grid, name)
        except NotHeld as reason:
            found[name] = PaperTable(name, subject, missing=str(reason))
    return found


def _tier_shares(grid: Grid, name: str) -> PaperTable:
    """Topics side by side; below each other value functions, panels, tiers."""
    functions = grid.nonlinear
    if not functions:
        raise NotHeld("its only value function is the mean; ask for heat, variance or gini")
    size = grid.small
    shares = grid.rows("shares", size=size)
    panels = over_seeds(shares, "share", "value_function", "protocol", "tier", "topic")
    lines = [
        (function, panel, tier)
        for function in functions
        for panel in (FULL, *grid.protocols)
        for tier in grid.tiers
    ]

    def share(line: tuple[str, str, str], topic: str | None) -> float | None:
        function, panel, tier = line
        if panel == FULL:
            return grid.whole_share(topic, function, tier)
        return panels[function, panel, tier, topic].mean

    columns = _labels(("value function", "panel", "tier"), lines)
    for topic in grid.topics:
        cells = [share(line, topic) for line in lines]
        columns.append(Column(named(topic), "share", cells))
    return PaperTable(
        name,
        f"Tier shares of all {grid.agents:,} agents (FULL) and of panels of {size:,} by "
        f"protocol, {grid.mean}",
        columns,
        3,
        undefined_note(
            (f"panels of {function} and {protocol}", cell)
            for (function, protocol, tier, _), cell in panels.items()
            if tier == grid.tiers[0] and function in functions
        ),
    )


def _residuals(grid: Grid, name: str) -> PaperTable:
    return _by_topic_and_function(
        grid,
        name,
        "residual",
        "Part of a panel's shares that no single factor maps onto the population's (rho)",
    )


def _rank_correlations(grid: Grid, name: str) -> PaperTable:
    return _by_topic_and_function(
        grid,
        name,
        "spearman",
        "Spearman correlation of the members' ranks in the panel and in the population",
    )


def _by_topic_and_function(grid: Grid, name: str, figure: str, subject: str) -> PaperTable:
    rows = grid.rows("cells", protocol=grid.biased, size=grid.thousand)
    found = over_seeds(rows, figure, "value_function", "topic")
    columns = [Column("topic", "text", [named(topic) for topic in grid.topics])]
    for function in grid.functions:
        cells = [found[function, topic] for topic in grid.topics]
        columns.append(_means(function, "figure", cells))
    return PaperTable(
        name,
        f"{subject}; panels of {grid.thousand:,} by {grid.biased}, {grid.mean_and_deviation}",
        columns,
        1,
        undefined_note((f"panels of {function}", cell) for (function, _), cell in found.items())
        + grid.same_agents(grid.topics, [grid.biased], grid.thousand),
    )


def _overlaps_of_the_top(grid: Grid, name: str) -> PaperTable:
    rows = grid.rows("cells", protocol=grid.biased, size=grid.small)
    lines = [(function, topic) for function in grid.functions for topic in grid.topics]
    columns = _labels(("value function", "topic"), lines)
    for k in (10, 100):
        found = over_seeds(rows, f"jaccard_{k}", "value_function", "topic")
        columns.append(_means(f"top {k}", "figure", [found[line] for line in lines]))
    return PaperTable(
        name,
        "Jaccard overlap of the k largest attributions of a panel and of the population; panels "
        f"of {grid.small:,} by {grid.biased}, {grid.mean_and_deviation}",
        columns,
        2,
        grid.same_agents(grid.topics, [grid.biased], grid.small),
    )


def _all_tier_shares(grid: Grid, name: str) -> PaperTable:
    """Tiers side by side, of the small panel and of the population."""
    size, protocol = grid.small, grid.biased
    rows = grid.rows("shares", protocol=protocol, size=size)
    panels = over_seeds(rows, "share", "value_function", "topic", "tier")
    lines = [(function, topic) for function in grid.functions for topic in grid.topics]
    columns = _labels(("value function", "topic"), lines)
    for tier in grid.tiers:
        cells = [panels[function, topic, tier].mean for function, topic in lines]
        columns.append(Column(f"{size:,} {tier}", "share", cells))
    for tier in grid.tiers:
        full = [grid.whole_share(topic, function, tier) for function, topic in lines]
        columns.append(Column(f"{FULL} {tier}", "share", full))
    return PaperTable(
        name,
        f"Tier shares of panels of {size:,} by {protocol}, {grid.mean}, and of all "
        f"{grid.agents:,} agents (FULL)",
        columns,
        2,
        undefined_note(
            (f"panels of {function}", cell)
            for (function, _, tier), cell in panels.items()
            if tier == grid.tiers[0]
        ),
    )


def _doses(grid: Grid, name: str) -> PaperTable:
    topic, top = grid.topics[0], grid.tiers[0]
    function = grid.function("Variance", topic)
    rows = grid.rows("shares", topic=topic, value_function=function, tier=top, size=grid.small)
    members = over_seeds(rows, "agents", "protocol")
    flips = over_seeds(rows, "flip", "protocol")
    protocols = grid.protocols
    return PaperTable(
        name,
        f"Members of the {top} tier among {grid.small:,} and flip of its share, panel less "
        f"population in percentage points, by protocol; {within(function, topic)}, "
        f"{grid.mean_and_deviation}",
        [
            Column("protocol", "text", protocols),
            _means("members", "members", [members[protocol,] for protocol in protocols]),
            _means("flip, points", "points", [flips[protocol,] for protocol in protocols]),
        ],
        1,
        grid.instead("Variance", topic)
        + undefined_note((f"panels of {protocol}", flips[protocol,]) for protocol in protocols)
        + _without_members(rows, top)
        + grid.same_agents([topic], protocols, grid.small),
    )


def _without_members(rows: Sequence[Mapping[str, Any]], top: str) -> list[str]:
    """Say how many panels hold nobody of a tier, which then has none of their shares."""
    panels = Counter(row["protocol"] for row in rows)
    without = Counter(row["protocol"] for row in rows if not row["agents"])
    told = [f"{count} of {panels[protocol]} of {protocol}" for protocol, count in without.items()]
    return [f"panels without members of the {top} tier: {', '.join(told)}"] if told else []


def _sizes(grid: Grid, name: str) -> PaperTable:
    """Sizes below each other, the biased and the random protocol side by side."""
    topic = grid.topics[0]
    function = grid.function("Heat", topic)
    rows = grid.rows("shares", topic=topic, value_function=function)
    panels = over_seeds(rows, "share", "protocol", "size", "tier")
    columns = [Column("size", "text", [*(f"{size:,}" for size in grid.sizes), FULL])]
    protocols = list(dict.fromkeys([grid.biased, *grid.random[:1]]))
    for protocol in protocols:
        for tier in grid.tiers:
            cells = [panels[protocol, size, tier].mean for size in grid.sizes]
            cells.append(grid.whole_share(topic, function, tier))
            columns.append(Column(f"{protocol} {tier}", "share", cells))
    notes = grid.instead("Heat", topic) + undefined_note(
        (f"panels of {size:,} by {protocol}", cell)
        for (protocol, size, tier), cell in panels.items()
        if tier == grid.tiers[0] and protocol in protocols
    )
    if len(protocols) < 2:
        notes.append("the study has no two protocols, one biased and one random, to compare")
    return PaperTable(
        name,
        f"Tier shares by panel size; {within(function, topic)}, {grid.mean}",
        columns,
        1,
        notes,
    )


def _labels(names: Sequence[str], lines: Sequence[Sequence[str | None]]) -> list[Column]:
    """Return the columns that name the rows."""
    return [
        Column(name, "text", [named(line[k]) for line in lines]) for k, name in enumerate(names)
    ]


def _means(name: str, kind: Any, cells: Sequence[OverSeeds]) -> Column:
    return Column(name, kind, [cell.mean for cell in cells], [cell.deviation for cell in cells])


Builder = Callable[[Grid, str], PaperTable]

BUILDERS: dict[str, tuple[str, Builder]] = {
    "Table 2": ("Tier shares of the population and of small panels", _tier_shares),
    "Table 3": ("Rescaling residual", _residuals),
    "Table 10": ("Agreement of baselines", baselines),
    "Table 12": ("Overlap of the largest attributions", _overlaps_of_the_top),
    "Table 13": ("Tier shares by topic and value function", _all_tier_shares),
    "Table 14": ("Shares of other elites", elites),
    "Table 14, overlaps": ("Overlap of the elites", elite_overlaps),
    "Table 15": ("Peaks", peaks),
    "Table 16": ("Share of the top tier across the steps", stability),
    "Table 17": ("Members of the top tier against the flip", _doses),
    "Table 18": ("Tier shares by panel size", _sizes),
    "Appendix G": ("Rank-rank summary", _rank_correlations),
    "Appendix H": ("Topics", topics),
}
