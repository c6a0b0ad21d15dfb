"""The tables of a report: what the cells say, and what they sort by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aumann.report.evidence import Evidence, Row
from aumann.report.words import indicator, number, percent, points, residual

__all__ = ["PROTOCOL", "Cell", "Column", "Table", "tables"]

# A page stays quick to open and to sort below so many rows of one table.
LONGEST = 2_000
# Tables of more rows than a screen holds can be narrowed down.
FILTERED_FROM = 13


@dataclass(frozen=True)
class Cell:
    """A text, and what it sorts by: a number, the text itself, or None where undefined."""

    text: str
    value: float | str | None


@dataclass(frozen=True)
class Column:
    """A heading; numbers are set to the right and sort as such."""

    name: str
    numeric: bool = True
    filtered: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the page; `note` says what a row is."""

    key: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]

    @property
    def filters(self) -> list[tuple[int, str, list[str]]]:
        """Columns to narrow a long table down by: position, name, the texts that are in it."""
        if len(self.rows) < FILTERED_FROM:
            return []
        found = (
            (place, column.name, list(dict.fromkeys(row[place].text for row in self.rows)))
            for place, column in enumerate(self.columns)
            if column.filtered
        )
        return [each for each in found if len(each[2]) > 1]


TOPIC = Column("topic", numeric=False, filtered=True)
FUNCTION = Column("value function", numeric=False, filtered=True)
PROTOCOL = Column("protocol", numeric=False, filtered=True)
SIZE = Column("size", filtered=True)
TIER = Column("tier", numeric=False, filtered=True)


def tables(evidence: Evidence) -> list[Table]:
    """Return the tables of a study that have rows."""
    made = [
        _population(evidence),
        _peaks(evidence),
        _panels(evidence),
        _repairs(evidence),
        _reach(evidence),
        _elites(evidence),
        _overlaps(evidence),
        _baselines(evidence),
        _steps(evidence),
    ]
    return [
        _without_topics(table) if evidence.topics == (None,) else table
        for table in made
        if table.rows
    ]


def _population(evidence: Evidence) -> Table:
    rows = []
    for (topic, function), shares in evidence.whole.items():
        leader = evidence.leader((topic, function))
        rows.append(
            [
                *_texts(topic, indicator(function)),
                Cell(leader or "undefined", leader),
                *(_percent(shares[tier]) for tier in evidence.tiers),
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
            *_texts(topic, indicator(function)),
            Cell(peak.step, peak.number),
            _number(peak.value),
            _number(peak.value / peak.median if peak.median > 0 else None, 3),
            *(_percent(peak.shares[tier]) for tier in evidence.tiers),
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
                *_texts(topic, indicator(function), protocol),
                Cell(f"{size:,}", size),
                _percent(share.mean),
                Cell("undefined", None)
                if share.deviation is None
                else Cell(f"{100 * share.deviation:.1f}", share.deviation),
                *(_points(panels.flips[tier].mean) for tier in evidence.tiers),
                Cell(same, panels.same_leader / panels.defined if panels.defined else None),
                Cell(residual(panels.residual.mean), panels.residual.mean),
                *(_number(panels.figures[name].mean, 3) for name in figures),
                Cell(f"{share.undefined:,}", share.undefined),
            ]
        )
    headings = {"spearman": "Spearman", "jaccard_10": "Jaccard 10", "jaccard_100": "Jaccard 100"}
    return Table(
        "panels",
        "Panels beside the population",
        f"Means over the seeds: the share of the {evidence.top} in panels and its deviation in "
        "percentage points; the flips of the tiers, panel less population, in percentage points "
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
                *_texts(topic, indicator(function), protocol),
                Cell(f"{size:,}", size),
                Cell(tier, tier),
                _percent(each.own),
                _percent(each.share.mean),
                _percent(each.low.mean),
                _percent(each.high.mean),
                _percent(each.whole),
                Cell(covered, each.covered / each.judged if each.judged else None),
            ]
        )
    return Table(
        "repairs",
        "Reweighted panels",
        "Means over the seeds: shares of a tier as the panels have them and reweighted, the ends "
        "of the nominal 95 % intervals, the population's share, and in how many panels the "
        "interval holds it.",
        (
            TOPIC,
            FUNCTION,
            PROTOCOL,
            SIZE,
            TIER,
            *map(Column, ("as it is", "reweighted", "low", "high", "population", "covered")),
        ),
        rows,
    )


def _reach(evidence: Evidence) -> Table:
    rows = [
        [
            *_texts(topic, protocol),
            Cell(f"{size:,}", size),
            Cell(f"{agents:,}", agents),
            _percent(agents / evidence.agents),
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


def _elites(evidence: Evidence) -> Table:
    rows = [
        [
            *_texts(row["topic"], indicator(row["value_function"]), row["elite"]),
            Cell(f"{row['agents']:,}", row["agents"]),
            _percent(row["share"]),
        ]
        for row in evidence.rows("elites")
    ]
    return Table(
        "elites",
        "Other elites",
        "The share of the top 1 % of the population, taken by different features.",
        (TOPIC, FUNCTION, Column("top 1 % by", numeric=False), Column("agents"), Column("share")),
        rows,
    )


def _overlaps(evidence: Evidence) -> Table:
    rows = [
        [
            Cell(row["elite"], row["elite"]),
            Cell(row["other"], row["other"]),
            _number(row["jaccard"], 3),
        ]
        for row in evidence.rows("overlaps")
    ]
    return Table(
        "overlaps",
        "Overlaps of the elites",
        "Agents in both over agents in either (Jaccard).",
        (Column("top 1 % by", numeric=False), Column("and by", numeric=False), Column("overlap")),
        rows,
    )


def _baselines(evidence: Evidence) -> Table:
    figures = ("kendall", "spearman", "jaccard_10", "jaccard_100")
    rows = [
        [
            *_texts(row["topic"], indicator(row["value_function"]), row["baseline"], row["other"]),
            *(_number(row[name], 3) for name in figures),
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


def _steps(evidence: Evidence) -> Table:
    found: dict[tuple[str | None, str, int], list[Row]] = {}
    for row in evidence.rows("steps"):
        found.setdefault((row["topic"], row["value_function"], row["number"]), []).append(row)
    rows = []
    for (topic, function, place), mine in found.items():
        shares = {row["tier"]: row["share"] for row in mine}
        rows.append(
            [
                *_texts(topic, indicator(function)),
                Cell(mine[0]["step"], place),
                _number(mine[0]["value"]),
                *(_percent(shares[tier]) for tier in evidence.tiers),
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
        rows if len(rows) <= LONGEST else [],
    )


def _without_topics(table: Table) -> Table:
    if table.columns[0] is not TOPIC:
        return table
    rows = [row[1:] for row in table.rows]
    return Table(table.key, table.title, table.note, table.columns[1:], rows)


def _texts(*texts: str | None) -> list[Cell]:
    return [Cell(text or "", text) for text in texts]


def _percent(share: float | None) -> Cell:
    return Cell(percent(share), share)


def _points(flip: float | None) -> Cell:
    return Cell(points(flip), flip)


def _number(value: float | None, digits: int = 4) -> Cell:
    return Cell(number(value, digits), value)
