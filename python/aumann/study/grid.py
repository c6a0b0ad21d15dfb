"""What a study holds, and which panels, topic and value function a table of the paper shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, stdev
from typing import Any, TypeAlias

__all__ = [
    "FULL",
    "Grid",
    "NotHeld",
    "OverSeeds",
    "named",
    "over_seeds",
    "undefined_note",
    "within",
]

# The paper's name for the panel of all agents.
FULL = "FULL"

ANEW = "a study that is run anew into an empty folder has it"

# Classes of value functions in the repr of one or of a sum.
FUNCTION = re.compile(r"[A-Za-z]\w*(?=\()")

Row: TypeAlias = dict[str, Any]


class NotHeld(Exception):
    """A study does not hold what a table needs; the message says what to ask for."""


@dataclass(frozen=True)
class OverSeeds:
    """A figure of the panels that differ by their seed alone.

    Parameters
    ----------
    mean : float or None
        Of the panels in which it is defined; None if there are none.
    deviation : float or None
        The standard deviation of these (divisor n - 1); None for fewer than two.
    panels, undefined : int
        How many panels there are, and in how many of them the figure is undefined.
    """

    mean: float | None
    deviation: float | None
    panels: int
    undefined: int

    @classmethod
    def of(cls, figures: Sequence[float | None]) -> OverSeeds:
        """Sum up the figures of some panels.

        Examples
        --------
        >>> OverSeeds.of([1.0, 2.0, None])
        OverSeeds(mean=1.5, deviation=0.7071067811865476, panels=3, undefined=1)
        """
        there = [figure for figure in figures if figure is not None]
        return cls(
            fmean(there) if there else None,
            stdev(there) if len(there) > 1 else None,
            len(figures),
            len(figures) - len(there),
        )


def over_seeds(rows: Iterable[Row], figure: str, *keys: str) -> dict[tuple[Any, ...], OverSeeds]:
    """Return a figure over the seeds, by the keys that tell cells apart.

    Examples
    --------
    >>> rows = [{"tier": "top", "share": 0.5}, {"tier": "top", "share": 0.7}]
    >>> over_seeds(rows, "share", "tier")["top",].mean
    0.6
    """
    found: dict[tuple[Any, ...], list[float | None]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row[figure])
    return {key: OverSeeds.of(figures) for key, figures in found.items()}


def undefined_note(cells: Iterable[tuple[str, OverSeeds]]) -> list[str]:
    """Return one line that counts the undefined panels by what they are of, or none.

    Examples
    --------
    >>> undefined_note([("panels of random", OverSeeds.of([0.1, None]))])
    ['undefined shares, left out of the means: 1 of 2 panels of random']
    """
    panels: dict[str, int] = {}
    undefined: dict[str, int] = {}
    for what, cell in cells:
        panels[what] = panels.get(what, 0) + cell.panels
        undefined[what] = undefined.get(what, 0) + cell.undefined
    counted = [f"{number} of {panels[what]} {what}" for what, number in undefined.items() if number]
    return [f"undefined shares, left out of the means: {'; '.join(counted)}"] if counted else []


def named(topic: str | None) -> str:
    """Return how a topic is written: all events together are `all`."""
    return "all" if topic is None else topic


def within(function: str, topic: str | None) -> str:
    """Return how a value function and a topic are written in a title."""
    return function if topic is None else f"{function} in {topic}"


@dataclass(frozen=True)
class Grid:
    """The tables of a study, with the choices that the tables of the paper need.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        Those of `StudyResults`.
    manifest : mapping
        What the study is.
    """

    tables: Mapping[str, Any]
    manifest: Mapping[str, Any]

    def rows(self, name: str, ask: str = ANEW, **where: Any) -> list[Row]:
        """Return the rows of a table with the values asked for.

        Raises
        ------
        NotHeld
            If there are none; `ask` says how a study comes to have them.
        """
        if name not in self.tables:
            raise NotHeld(f"it has no table {name!r}; {ask}")
        found = [
            row
            for row in self._records(name)
            if all(row[key] == value for key, value in where.items())
        ]
        if not found:
            what = ", ".join(f"{key} {value!r}" for key, value in where.items())
            raise NotHeld(f"its table {name!r} has no rows of {what}; {ask}")
        return found

    def whole_share(self, topic: str | None, function: str, tier: str) -> float | None:
        """Return what a tier has of the population; None where that is undefined."""
        return self._whole[topic, function, tier]

    @cached_property
    def _whole(self) -> dict[tuple[str | None, str, str], float | None]:
        return {
            (row["topic"], row["value_function"], row["tier"]): row["share"]
            for row in self.rows("whole")
        }

    def _records(self, name: str) -> list[Row]:
        if name not in self._read:
            self._read[name] = self.tables[name].to_pylist()
        return self._read[name]

    @cached_property
    def _read(self) -> dict[str, list[Row]]:
        return {}

    def same_agents(
        self, topics: Sequence[str | None], protocols: Sequence[str], size: int
    ) -> list[str]:
        """Say of which panels the members are the same whatever the seed, so that none deviates."""
        if not self._several or "protocols" not in self.tables:
            return []
        certain = {
            (row["topic"], row["protocol"]): row["certain"]
            for row in self.rows("protocols", size=size)
        }
        notes = []
        for protocol in protocols:
            fixed = [topic for topic in topics if certain.get((topic, protocol)) == size]
            where = "" if len(fixed) == len(topics) else f" in {', '.join(map(named, fixed))}"
            if fixed:
                notes.append(
                    f"panels of {size:,} by {protocol}{where} hold the same agents whatever the "
                    "seed, as their pool is of that size: a deviation of 0 is no precision"
                )
        return notes

    def _order(self, table: str, column: str) -> list[Any]:
        return list(dict.fromkeys(row[column] for row in self.rows(table)))

    @property
    def agents(self) -> int:
        """N, of the population."""
        return int(self.manifest["agents"])

    @cached_property
    def topics(self) -> list[str | None]:
        """Topics in the order of the study; None alone if there are none."""
        return self._order("whole", "topic")

    @cached_property
    def functions(self) -> list[str]:
        """Names of the value functions."""
        return self._order("whole", "value_function")

    @cached_property
    def tiers(self) -> list[str]:
        """Names of the tiers, that of the top first."""
        return self._order("whole", "tier")

    @cached_property
    def protocols(self) -> list[str]:
        """Names of the protocols."""
        return self._order("cells", "protocol")

    @cached_property
    def sizes(self) -> list[int]:
        """Sizes of the panels, the smallest first."""
        return sorted(self._order("cells", "size"))

    @property
    def nonlinear(self) -> list[str]:
        """Names of the value functions other than the mean and its multiples."""
        return [name for name in self.functions if set(FUNCTION.findall(name)) != {"Mean"}]

    def function(self, name: str, topic: str | None) -> str:
        """Return the value function of a class, or one that stands in for it in a topic.

        Where there is none of the class, or its shares of the population are undefined, it is the
        first nonlinear one with shares, or else the first of all with shares.
        """
        wanted = self._wanted(name)
        for each in (wanted, *self.nonlinear, *self.functions):
            if self._has_shares(topic, each):
                return each
        return wanted

    def instead(self, name: str, topic: str | None) -> list[str]:
        """Say why `function` is not the one that is wanted; nothing if it is."""
        wanted, shown = self._wanted(name), self.function(name, topic)
        if shown == wanted:
            return []
        where = "" if topic is None else f" in {topic}"
        return [f"{wanted} has no shares{where}, where it is undefined: {shown} is shown instead"]

    def _wanted(self, name: str) -> str:
        of_class = [each for each in self.functions if each.startswith(f"{name}(")]
        return (of_class or self.nonlinear or self.functions)[0]

    def _has_shares(self, topic: str | None, function: str) -> bool:
        return any(self.whole_share(topic, function, tier) is not None for tier in self.tiers)

    @property
    def random(self) -> list[str]:
        """Protocols that draw uniformly from all agents."""
        drawn = self.manifest["protocols"]
        return [name for name in self.protocols if str(drawn[name]).startswith("UniformRandom(")]

    @property
    def biased(self) -> str:
        """The first protocol that is not uniform, or the first of all if there is none."""
        return next((name for name in self.protocols if name not in self.random), self.protocols[0])

    @property
    def small(self) -> int:
        """The smallest size."""
        return self.sizes[0]

    @property
    def thousand(self) -> int:
        """1,000 agents as in the paper's test of the theorem, or else the smallest size."""
        return 1_000 if 1_000 in self.sizes else self.small

    @property
    def mean(self) -> str:
        """What the figures of panels are, in words."""
        return f"mean of {self._seeds}" if self._several else self._seeds

    @property
    def mean_and_deviation(self) -> str:
        """The same, of figures that are shown with their deviation."""
        return f"mean ± standard deviation over {self._seeds}" if self._several else self._seeds

    @property
    def _several(self) -> bool:
        return len(self._order("cells", "seed")) > 1

    @property
    def _seeds(self) -> str:
        seeds = self._order("cells", "seed")
        return f"{len(seeds)} seeds" if self._several else f"one panel, seed {seeds[0]}"
