"""Tables of what a study measures beside its panels: elites, baselines, variations."""

from __future__ import annotations

from aumann.report.evidence import Evidence, Spread, grouped, highest_step
from aumann.report.table import (
    FUNCTION,
    PROTOCOL,
    SIZE,
    TOPIC,
    Cell,
    Column,
    Table,
    count_cell,
    number_cell,
    percent_cell,
    points_cell,
    text_cells,
)
from aumann.report.words import indicator

__all__ = ["further_tables"]

EVERYONE = "all agents"


def further_tables(evidence: Evidence) -> list[Table]:
    """Return the tables of what not every study measures; without rows where this one did not."""
    return [
        _topics(evidence),
        _elites(evidence),
        _elite_flips(evidence),
        _overlaps(evidence),
        _baselines(evidence),
        _merged(evidence),
        _scaled(evidence),
    ]


def _topics(evidence: Evidence) -> Table:
    rows = [
        [
            *text_cells(row["topic"]),
            count_cell(row["active"]),
            count_cell(row["steps_enough"]),
            *text_cells("yes" if row["eligible"] else "no"),
        ]
        for row in evidence.rows("topics")
        if row["topic"] is not None
    ]
    return Table(
        "topics",
        "Topics",
        "Agents who take part in a topic at any step, at how many steps enough of them do, and "
        "whether the topic is in the study.",
        (
            Column("name", numeric=False),
            Column("active agents"),
            Column("steps with enough"),
            Column("in the study", numeric=False),
        ),
        rows,
    )


def _elites(evidence: Evidence) -> Table:
    rows = [
        [
            *text_cells(row["topic"], indicator(row["value_function"]), row["elite"]),
            count_cell(row["agents"]),
            percent_cell(row["share"]),
        ]
        for row in evidence.rows("elites")
    ]
    return Table(
        "elites",
        "Other elites",
        "The share of the top 1 % of the population, taken by different features, "
        + (
            "of the topic at hand."
            if evidence.manifest.get("elites_in_topic")
            else "of all topics."
        ),
        (TOPIC, FUNCTION, Column("top 1 % by", numeric=False), Column("agents"), Column("share")),
        rows,
    )


def _overlaps(evidence: Evidence) -> Table:
    by_topic = bool(evidence.manifest.get("elites_in_topic"))
    rows = [
        [
            *(text_cells(row["topic"]) if by_topic else []),
            Cell(row["elite"], row["elite"]),
            Cell(row["other"], row["other"]),
            number_cell(row["jaccard"], 3),
        ]
        for row in evidence.rows("overlaps")
    ]
    return Table(
        "overlaps",
        "Overlaps of the elites",
        "Agents in both over agents in either (Jaccard).",
        (
            *([TOPIC] if by_topic else []),
            Column("top 1 % by", numeric=False),
            Column("and by", numeric=False),
            Column("overlap"),
        ),
        rows,
    )


def _baselines(evidence: Evidence) -> Table:
    figures = ("kendall", "spearman", "jaccard_10", "jaccard_100")
    rows = [
        [
            *text_cells(
                row["topic"], indicator(row["value_function"]), row["baseline"], row["other"]
            ),
            *(number_cell(row[name], 3) for name in figures),
        ]
        for row in evidence.rows("baselines")
    ]
    return Table(
        "baselines",
        "Baselines",
        "How far the population's rankings agree when the path starts elsewhere.",
        (
            TOPIC,
            FUNCTION,
            Column("baseline", numeric=False, filtered=True),
            Column("and", numeric=False, filtered=True),
            *map(Column, ("Kendall", "Spearman", "Jaccard 10", "Jaccard 100")),
        ),
        rows,
    )


def _elite_flips(evidence: Evidence) -> Table:
    keys = ("topic", "value_function", "protocol", "size")
    names = list(dict.fromkeys(row["elite"] for row in evidence.rows("elite_shares")))
    rows = []
    cells = grouped(evidence.rows("elite_shares"), lambda row: tuple(row[key] for key in keys))
    for (topic, function, protocol, size), mine in cells.items():
        flips = grouped(mine, lambda row: row["elite"])
        rows.append(
            [
                *text_cells(topic, indicator(function), protocol),
                count_cell(size),
                *(
                    points_cell(Spread.of(row["flip"] for row in flips[name]).mean)
                    for name in names
                ),
            ]
        )
    return Table(
        "elite-flips",
        "Flips of the elites",
        "Means over the seeds: the share of an elite in panels less its share in the population, "
        "in percentage points.",
        (TOPIC, FUNCTION, PROTOCOL, SIZE, *(Column(f"top 1 % by {name}") for name in names)),
        rows,
    )


def _merged(evidence: Evidence) -> Table:
    keys = ("topic", "value_function", "merged")
    rows = []
    cells = grouped(evidence.rows("merged_steps"), lambda row: tuple(row[key] for key in keys))
    for (topic, function, merged), mine in cells.items():
        highest = highest_step(mine)
        at_peak = {row["tier"]: row for row in mine if row["number"] == highest}
        if at_peak:
            first = next(iter(at_peak.values()))
            rows.append(
                [
                    *text_cells(topic, indicator(function)),
                    count_cell(merged),
                    Cell(first["step"], first["number"]),
                    number_cell(first["value"]),
                    *(percent_cell(at_peak[tier]["share"]) for tier in evidence.tiers),
                ]
            )
    return Table(
        "merged",
        "Peaks of longer steps",
        "The peak with so many adjacent steps taken together, and the shares of the tiers there.",
        (
            TOPIC,
            FUNCTION,
            Column("steps together", filtered=True),
            Column("peak", numeric=False),
            Column("value"),
            *(Column(tier) for tier in evidence.tiers),
        ),
        rows,
    )


def _scaled(evidence: Evidence) -> Table:
    keys = ("topic", "value_function", "protocol", "size")
    rows = []
    cells = grouped(evidence.rows("scaled"), lambda row: tuple(row[key] for key in keys))
    for (topic, function, protocol, size), mine in cells.items():
        tiers = grouped(mine, lambda row: row["tier"])
        means = (Spread.of(row["share"] for row in tiers[tier]).mean for tier in evidence.tiers)
        rows.append(
            [
                *text_cells(topic, indicator(function), protocol or EVERYONE),
                count_cell(evidence.agents if size is None else size),
                *(percent_cell(mean) for mean in means),
            ]
        )
    return Table(
        "scaled",
        "Standardised features",
        "Shares of the tiers with every feature divided by its standard deviation, means over the "
        "seeds.",
        (TOPIC, FUNCTION, PROTOCOL, SIZE, *(Column(tier) for tier in evidence.tiers)),
        rows,
    )
