"""The tables of the paper on what was chosen: baselines, elites, topics."""

from __future__ import annotations

from aumann.study.grid import FULL, Grid, named, over_seeds, undefined_note, within
from aumann.study.paper_table import Column, PaperTable

__all__ = ["baselines", "elite_overlaps", "elites", "topics"]


def baselines(grid: Grid, name: str) -> PaperTable:
    """Return how the rankings by two baselines agree."""
    topic = grid.topics[0]
    rows = grid.rows("baselines", topic=topic)
    columns = [
        Column("value function", "text", [row["value_function"] for row in rows]),
        Column("baselines", "text", [f"{row['baseline']} vs. {row['other']}" for row in rows]),
    ]
    for heading, figure in (
        ("Kendall", "kendall"),
        ("Spearman", "spearman"),
        ("top 10", "jaccard_10"),
        ("top 100", "jaccard_100"),
    ):
        columns.append(Column(heading, "figure", [row[figure] for row in rows]))
    return PaperTable(
        name,
        f"Agreement of two baselines on the ranking of all {grid.agents:,} agents, and Jaccard "
        f"overlap of their largest attributions{'' if topic is None else f'; {topic}'}",
        columns,
        2,
        ["undefined: by one of the two baselines all agents have the same attribution"]
        if any(row["kendall"] is None for row in rows)
        else [],
    )


def elites(grid: Grid, name: str) -> PaperTable:
    """Return the shares of the top 1 % by every feature, of all agents and of small panels."""
    topic = grid.topics[0]
    function = grid.function("Heat", topic)
    whole = grid.rows("elites", topic=topic, value_function=function)
    size, protocol = grid.small, grid.biased
    rows = grid.rows(
        "elite_shares", topic=topic, value_function=function, protocol=protocol, size=size
    )
    shares = over_seeds(rows, "share", "elite")
    flips = over_seeds(rows, "flip", "elite")
    names = [row["elite"] for row in whole]
    return PaperTable(
        name,
        f"Shares of the top 1 % by each feature in all {grid.agents:,} agents (FULL) and in panels "
        f"of {size:,} by {protocol}, and the gap in percentage points; {within(function, topic)}, "
        f"{grid.mean_and_deviation}",
        [
            Column("anchor", "text", [f"top 1 % by {elite}" for elite in names]),
            Column(FULL, "share", [row["share"] for row in whole]),
            Column(f"{size:,}", "share", [shares[elite,].mean for elite in names]),
            Column(
                "gap, points",
                "points",
                [flips[elite,].mean for elite in names],
                [flips[elite,].deviation for elite in names],
            ),
        ],
        1,
        grid.instead("Heat", topic)
        + _ranked(grid, topic)
        + undefined_note((f"panels of {protocol}", shares[elite,]) for elite in names[:1])
        + grid.same_agents([topic], [protocol], size),
    )


def elite_overlaps(grid: Grid, name: str) -> PaperTable:
    """Return how much every two elites have in common."""
    topic = grid.topics[0]
    where = {"topic": topic} if grid.manifest.get("elites_in_topic") else {}
    rows = grid.rows("overlaps", "it needs two features", **where)
    return PaperTable(
        name,
        "Jaccard overlap of the elites of table 14",
        [
            Column("anchor", "text", [f"top 1 % by {row['elite']}" for row in rows]),
            Column("other", "text", [f"top 1 % by {row['other']}" for row in rows]),
            Column("Jaccard", "figure", [row["jaccard"] for row in rows]),
        ],
        1,
        _ranked(grid, topic),
    )


def _ranked(grid: Grid, topic: str | None) -> list[str]:
    """Say of which topics the counts are that make an elite, where there are topics."""
    if topic is None:
        return []
    if grid.manifest.get("elites_in_topic"):
        return [f"agents are ranked by their counts in {topic}"]
    return ["agents are ranked by their counts in all topics (elites_in_topic: in the topic)"]


def topics(grid: Grid, name: str) -> PaperTable:
    """Return how alive the topics are."""
    rows = grid.rows("topics")
    least = grid.manifest["least_participants"]
    columns = [
        Column("topic", "text", [named(row["topic"]) for row in rows]),
        Column("agents", "members", [row["active"] for row in rows]),
        Column("eligible", "text", ["yes" if row["eligible"] else "no" for row in rows]),
    ]
    if not least:
        # With no least number of agents every step would count.
        title = "Topics: agents with any activity, and whether there are any"
        return PaperTable(name, title, columns, 1)
    columns.insert(2, Column("steps", "members", [row["steps_enough"] for row in rows]))
    return PaperTable(
        name,
        f"Topics: agents with any activity, steps with at least {least:,} of them, and whether "
        f"these are the {grid.manifest['least_steps']:,} steps that were asked for",
        columns,
        1,
        ["where nobody is active a topic is not eligible, whatever was asked for"]
        if any(not row["active"] for row in rows)
        else [],
    )
