"""What a report states, taken from the tables of a study: figures per cell, over the seeds."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from aumann._peak import peak_step

if TYPE_CHECKING:
    from aumann.study import StudyResults

__all__ = [
    "Cell",
    "Evidence",
    "Indicator",
    "Panels",
    "Peak",
    "Repair",
    "Row",
    "Spread",
    "grouped",
    "highest_step",
]

Row: TypeAlias = dict[str, Any]

# Topic (None where there are none) and value function.
Indicator: TypeAlias = tuple[str | None, str]
# Topic, value function, protocol and size.
Cell: TypeAlias = tuple[str | None, str, str, int]


@dataclass(frozen=True)
class Spread:
    """A figure of some panels; None where it is undefined for all of them.

    Examples
    --------
    >>> Spread.of([1.0, None, 3.0])
    Spread(mean=2.0, low=1.0, high=3.0, deviation=1.4142135623730951, defined=2, undefined=1)
    """

    mean: float | None
    low: float | None
    high: float | None
    deviation: float | None
    defined: int
    undefined: int

    @classmethod
    def of(cls, figures: Iterable[float | None]) -> Spread:
        """Summarise figures, None being undefined."""
        every = list(figures)
        known = [figure for figure in every if figure is not None]
        if not known:
            return cls(None, None, None, None, 0, len(every))
        deviation = statistics.stdev(known) if len(known) > 1 else None
        missing = len(every) - len(known)
        mean = statistics.fmean(known)
        return cls(mean, min(known), max(known), deviation, len(known), missing)


@dataclass(frozen=True)
class Panels:
    """The panels of a cell: one per seed.

    Parameters
    ----------
    shares, flips : dict of str to Spread
        Per tier; a flip is the panel's share less the population's.
    figures : dict of str to Spread
        Rescaling residual, Spearman's correlation and so on, by the name of their column.
    same_leader : int
        Panels in which the tier with the largest share is that of the population.
    """

    shares: dict[str, Spread]
    flips: dict[str, Spread]
    figures: dict[str, Spread]
    same_leader: int

    @property
    def defined(self) -> int:
        """How many of them have shares."""
        return next(iter(self.shares.values())).defined

    @property
    def residual(self) -> Spread:
        """What the best single factor leaves."""
        return self.figures["residual"]


@dataclass(frozen=True)
class Peak:
    """The step at which a value function is largest, the earliest of such."""

    step: str
    number: int
    value: float
    median: float
    steps: int
    shares: dict[str, float | None]


@dataclass(frozen=True)
class Repair:
    """Reweighted shares of a tier in the panels of a cell, beside the population's.

    `own` is the mean of the panels' shares as they are; of `judged` panels with an interval,
    nominally of 95 %, `covered` have the population's share within it, and `without` have none.
    Where some have none, the ends of the others' are not averaged: the share is that of all.
    """

    own: float | None
    share: Spread
    error: Spread
    low: Spread
    high: Spread
    whole: float | None
    covered: int
    judged: int
    without: int

    @property
    def missed(self) -> tuple[float, float] | None:
        """By how much the mean misses as it is and reweighted; None where undefined."""
        if self.own is None or self.share.mean is None or self.whole is None:
            return None
        return abs(self.own - self.whole), abs(self.share.mean - self.whole)


@dataclass(frozen=True)
class Evidence:
    """All figures of a study that its report speaks of.

    Parameters
    ----------
    manifest : mapping
        What the study is.
    tables : mapping of str to list of dict
        Its tables, as rows.
    """

    manifest: Mapping[str, Any]
    tables: Mapping[str, Sequence[Row]]
    topics: tuple[str | None, ...] = ()
    functions: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    tiers: tuple[str, ...] = ()
    whole: dict[Indicator, dict[str, float | None]] = field(default_factory=dict)
    panels: dict[Cell, Panels] = field(default_factory=dict)
    peaks: dict[Indicator, Peak] = field(default_factory=dict)
    panel_peaks: dict[Cell, tuple[int, int]] = field(default_factory=dict)
    repairs: dict[tuple[Cell, str], Repair] = field(default_factory=dict)
    reach: dict[tuple[str | None, str, int], int] = field(default_factory=dict)
    certain: dict[tuple[str | None, str, int], int] = field(default_factory=dict)

    @classmethod
    def of(cls, results: StudyResults) -> Evidence:
        """Gather the figures of a finished study."""
        # By far the longest tables are drawn and not told.
        told = {name: table for name, table in results.tables.items() if not name.endswith("bins")}
        return cls(results.manifest, {name: table.to_pylist() for name, table in told.items()})

    def __post_init__(self) -> None:
        """Gather the tables' rows by cell."""
        asked = self.manifest
        settled = {
            # Topics in which too few agents take part are left out of the tables.
            "topics": tuple(dict.fromkeys(row["topic"] for row in self.tables["whole"])),
            "functions": tuple(asked["value_functions"]),
            "protocols": tuple(asked["protocols"]),
            "sizes": tuple(sorted(asked["sizes"])),
            "tiers": tuple(asked["tiers"]),
        }
        for name, value in settled.items():
            object.__setattr__(self, name, value)
        for row in self.tables["whole"]:
            self.whole.setdefault(_indicator(row), {})[row["tier"]] = row["share"]
        self._gather_panels()
        self._gather_peaks()
        repairs = grouped(self.rows("repairs"), lambda row: (_cell(row), row["tier"]))
        for (cell, tier), rows in repairs.items():
            self.repairs[cell, tier] = _repair(self.panels[cell].shares[tier].mean, rows)
        for row in self.rows("protocols"):
            # Of some protocols nobody can say it.
            if row["reachable"] is not None:
                key = row["topic"], row["protocol"], row["size"]
                self.reach[key], self.certain[key] = row["reachable"], row["certain"]

    @property
    def agents(self) -> int:
        """Agents of the population."""
        return int(self.manifest["agents"])

    @property
    def top(self) -> str:
        """The first tier."""
        return self.tiers[0]

    @property
    def control(self) -> str | None:
        """The first protocol that draws uniformly, if there is one."""
        uniform = (
            name for name, text in self.manifest["protocols"].items() if text == "UniformRandom()"
        )
        return next(uniform, None)

    @property
    def steps(self) -> int:
        """Steps of the population."""
        return len({row["number"] for row in self.tables["steps"]})

    def rows(self, table: str) -> Sequence[Row]:
        """Return the rows of a table; none where the study has no such table."""
        return self.tables.get(table, ())

    def leader(self, of: Indicator) -> str | None:
        """Return the tier with the largest share of the population; None if undefined."""
        return _leader(self.whole[of])

    def _gather_panels(self) -> None:
        cells = grouped(self.tables["cells"], _cell)
        for key, rows in grouped(self.tables["shares"], _cell).items():
            of_tier = grouped(rows, lambda row: row["tier"])
            by_seed: dict[int, dict[str, float | None]] = {}
            for row in rows:
                by_seed.setdefault(row["seed"], {})[row["tier"]] = row["share"]
            named = Counter(_leader(shares) for shares in by_seed.values())
            leader = self.leader(key[:2])
            self.panels[key] = Panels(
                {t: Spread.of(row["share"] for row in mine) for t, mine in of_tier.items()},
                {t: Spread.of(row["flip"] for row in mine) for t, mine in of_tier.items()},
                {
                    name: Spread.of(row[name] for row in cells[key])
                    for name in ("residual", "spearman", "jaccard_10", "jaccard_100")
                    if name in cells[key][0]
                },
                0 if leader is None else named[leader],
            )

    def _gather_peaks(self) -> None:
        for key, rows in grouped(self.tables["steps"], _indicator).items():
            highest = highest_step(rows)
            if highest is None:
                continue
            at_peak = [row for row in rows if row["number"] == highest]
            values = {row["number"]: row["value"] for row in rows if row["value"] is not None}
            self.peaks[key] = Peak(
                at_peak[0]["step"],
                highest,
                values[highest],
                statistics.median(values.values()),
                len(values),
                {row["tier"]: row["share"] for row in at_peak},
            )
        for cell, rows in grouped(self.rows("panel_steps"), _cell).items():
            panels = grouped(rows, lambda row: row["seed"]).values()
            found = [step for step in map(highest_step, panels) if step is not None]
            if cell[:2] in self.peaks:
                same = found.count(self.peaks[cell[:2]].number)
                self.panel_peaks[cell] = (same, len(found))


def highest_step(rows: Iterable[Row]) -> int | None:
    """Return the number of the step at which the value of the rows peaks, if it does."""
    return peak_step({row["number"]: row["value"] for row in rows})


def _indicator(row: Row) -> Indicator:
    return row["topic"], row["value_function"]


def _cell(row: Row) -> Cell:
    return row["topic"], row["value_function"], row["protocol"], row["size"]


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Return rows by a key, in the order in which the keys come."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _leader(shares: Mapping[str, float | None]) -> str | None:
    known = {tier: share for tier, share in shares.items() if share is not None}
    return max(known, key=lambda tier: known[tier]) if known else None


def _repair(own: float | None, rows: Sequence[Row]) -> Repair:
    whole = rows[0]["whole_share"]
    held = [
        row["low"] <= whole <= row["high"]
        for row in rows
        if None not in (whole, row["low"], row["high"])
    ]
    without = len(rows) - len(held)
    share, error, low, high = (
        Spread.of([] if without and name in ("low", "high") else [row[name] for row in rows])
        for name in ("share", "standard_error", "low", "high")
    )
    return Repair(own, share, error, low, high, whole, sum(held), len(held), without)
