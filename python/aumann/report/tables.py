"""The tables of a report, from what is told in the story to what happens step by step."""

from __future__ import annotations

from aumann.report.evidence import Evidence, Row
from aumann.report.further_tables import further_tables
from aumann.report.table import (
    FUNCTION,
    PROTOCOL,
    SIZE,
    TIER,
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
from aumann.report.words import indicator, residual

__all__ = ["tables"]

# A page stays quick to open and to sort below so many rows of one table.
LONGEST = 2_000


def tables(evidence: Evidence) -> list[Table]:
    """Return the tables of a study that have rows."""
    made = [
        _population(evidence),
        _peaks(evidence),
        _panels(evidence),
        _repairs(evidence),
        _reach(evidence),
        *further_tables(evidence),
        _steps(evidence),
    ]
    there = [table for table in made if table.rows]
    if evidence.topics == (None,):
        there = [_without_topics(table) for table in there]
    return [_within_reason(table) for table in there]


def _within_reason(table: Table) -> Table:
    if len(table.rows) <= LONGEST:
        return table
    note = (
        f"{table.note} These are {len(table.rows):,} rows, too many for a page: they are in the "
        "folder of the study, as Parquet."
    )
    return Table(table.key, table.title, note, (), [])


def _population(evidence: Evidence) -> Table:
    rows = []
    for (topic, function), shares in evidence.whole.items():
        leader = evidence.leader((topic, function))
        rows.append(
            [
                *text_cells(topic, indicator(function)),
                Cell(leader or "undefined", leader),
                *(percent_cell(shares[tier]) for tier in evidence.tiers),
            ]
        )
    return Table(
        "population",
        "Shares of the population",
        "The whole window: what each tier carries of the value function, and the tier that carries "
        "most. Shares of variance and Gini mean difference can be below 0 or above 100 %.",
        (
            TOPIC,
            FUNCTION,
            Column("main tier", numeric=False),
            *(Column(tier) for tier in evidence.tiers),
        ),
        rows,
    )


def _peaks(evidence: Evidence) -> Table:
    rows = [
        [
            *text_cells(topic, indicator(function)),
            Cell(peak.step, peak.number),
            number_cell(peak.value),
            number_cell(peak.value / peak.median if peak.median > 0 else None, 3),
            *(percent_cell(peak.shares[tier]) for tier in evidence.tiers),
        ]
        for (topic, function), peak in evidence.peaks.items()
    ]
    return Table(
        "peaks",
        "Peaks",
        "The step at which a value function is largest, and the shares of the tiers at that step.",
        (
            TOPIC,
            FUNCTION,
            Column("peak", numeric=False),
            Column("value"),
            Column("times median"),
            *(Column(tier) for tier in evidence.tiers),
        ),
        rows,
    )


def _panels(evidence: Evidence) -> Table:
    rows = []
    figures: tuple[str, ...] = ()
    for (topic, function, protocol, size), panels in evidence.panels.items():
        share = panels.shares[evidence.top]
        figures = tuple(name for name in panels.figures if name != "residual")
        same = f"{panels.same_leader} of {panels.defined}"
        rows.append(
            [
                *text_cells(topic, indicator(function), protocol),
                count_cell(size),
                percent_cell(share.mean),
                Cell("undefined", None)
                if share.deviation is None
                else Cell(f"{100 * share.deviation:.1f}", share.deviation),
                *(points_cell(panels.flips[tier].mean) for tier in evidence.tiers),
                Cell(same, panels.same_leader / panels.defined if panels.defined else None),
                Cell(residual(panels.residual.mean), panels.residual.mean),
                *(number_cell(panels.figures[name].mean, 3) for name in figures),
                count_cell(share.undefined),
            ]
        )
    headings = {"spearman": "Spearman", "jaccard_10": "Jaccard 10", "jaccard_100": "Jaccard 100"}
    return Table(
        "panels",
        "Panels beside the population",
        f"Means over the seeds: the share of the {evidence.top} tier in panels and its deviation "
        "in points; the flips of the tiers, panel less population, in percentage points "
        "(points of different value functions do not compare); in how many panels the main tier "
        "is that of the population; rho and the agreement of rankings; panels without shares.",
        (
            TOPIC,
            FUNCTION,
            PROTOCOL,
            SIZE,
            Column(f"share of {evidence.top}"),
            Column("deviation"),
            *(Column(f"flip of {tier}") for tier in evidence.tiers),
            Column("same main tier"),
            Column("rho"),
            *(Column(headings[name]) for name in figures),
            Column("undefined"),
        ),
        rows,
    )


def _repairs(evidence: Evidence) -> Table:
    rows = []
    for (cell, tier), each in evidence.repairs.items():
        topic, function, protocol, size = cell
        covered = f"{each.covered} of {each.judged}"
        rows.append(
            [
                *text_cells(topic, indicator(function), protocol),
                count_cell(size),
                Cell(tier, tier),
                percent_cell(each.own),
                percent_cell(each.share.mean),
                percent_cell(each.low.mean),
                percent_cell(each.high.mean),
                percent_cell(each.whole),
                Cell(covered, each.covered / each.judged if each.judged else None),
                count_cell(each.without),
            ]
        )
    return Table(
        "repairs",
        "Reweighted panels",
        "Means over the seeds: shares of a tier as the panels have them and reweighted, the ends "
        "of the nominal 95 % intervals where all panels have one, the population's share, in how "
        "many panels the interval holds it, and how many panels have none.",
        (
            TOPIC,
            FUNCTION,
            PROTOCOL,
            SIZE,
            TIER,
            *map(Column, ("as it is", "reweighted", "low", "high", "population", "covered")),
            Column("no interval"),
        ),
        rows,
    )


def _reach(evidence: Evidence) -> Table:
    rows = [
        [
            *text_cells(topic, protocol),
            count_cell(size),
            count_cell(agents),
            percent_cell(agents / evidence.agents),
        ]
        for (topic, protocol, size), agents in evidence.reach.items()
    ]
    return Table(
        "reach",
        "Whom panels can speak for",
        f"How many of the {evidence.agents:,} agents have a chance to be drawn.",
        (TOPIC, PROTOCOL, SIZE, Column("agents"), Column("of all")),
        rows,
    )


def _steps(evidence: Evidence) -> Table:
    found: dict[tuple[str | None, str, int], list[Row]] = {}
    for row in evidence.rows("steps"):
        found.setdefault((row["topic"], row["value_function"], row["number"]), []).append(row)
    rows = []
    for (topic, function, place), mine in found.items():
        shares = {row["tier"]: row["share"] for row in mine}
        rows.append(
            [
                *text_cells(topic, indicator(function)),
                Cell(mine[0]["step"], place),
                number_cell(mine[0]["value"]),
                *(percent_cell(shares[tier]) for tier in evidence.tiers),
            ]
        )
    return Table(
        "steps",
        "Step by step",
        "The value function at each step, and the shares of the tiers at that step.",
        (
            TOPIC,
            FUNCTION,
            Column("step", numeric=False),
            Column("value"),
            *(Column(tier) for tier in evidence.tiers),
        ),
        rows,
    )


def _without_topics(table: Table) -> Table:
    if table.columns[0] is not TOPIC:
        return table
    rows = [row[1:] for row in table.rows]
    return Table(table.key, table.title, table.note, table.columns[1:], rows)
