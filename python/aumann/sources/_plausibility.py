"""Logs that can be read as asked, but hardly are what was meant: said, with what to try instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from aumann.sources._calendar import Edges, StepLength, iso_time
from aumann.sources._event_counts import single
from aumann.sources._step_numbers import StepNumbers
from aumann.sources._times import UNITS

__all__ = ["Reading", "doubts"]

# In microseconds since 1970.
YEAR_1971, YEAR_1990, YEAR_2100 = (31_536_000_000_000, 631_152_000_000_000, 4_102_444_800_000_000)
LENGTHS = {"m": 60 * UNITS["s"], "h": 3_600 * UNITS["s"]}
LENGTHS |= {"d": 24 * LENGTHS["h"], "w": 168 * LENGTHS["h"]}
# Fewer steps can be mostly empty by chance.
FEW_STEPS = 20
# Of a step, the part that events in a single one span at least.
LEAST_SPAN = 0.1
# Fewer events are an example rather than a log.
SOME_EVENTS = 10
# Fewer actors or targets can be apart by chance.
FEW_AGENTS = 5
# Of the agents of a log, the part that a table of followers has to know.
LEAST_FOLLOWED = 0.1
# Of the events, the part from which on an agent is taken for a mark of nobody.
LEAST_NOBODY = 0.01
NOBODY = ("null", "none", "nan", "na", "n/a", "<na>", "nil", "undefined", "unknown", "-", "?", "-1")
# Fewer topics are no matter, however few events each has.
MANY_TOPICS = 100


@dataclass(frozen=True)
class Reading:
    """How a log was read, and what came of it.

    Parameters
    ----------
    step, zone, time_unit
        As asked for.
    events, first, last : int
        Their number, and the first and last time.
    edges : Edges
        The steps.
    kinds : mapping of str to sequence of str
        The kinds of events that are counted, by feature.
    topics : int
        Number of topics.
    followers : bool
        Whether there is a table of followers.
    reach : ndarray of int, shape (N,)
    """

    step: StepLength | StepNumbers
    zone: ZoneInfo
    time_unit: Literal["s", "ms", "us", "iso"]
    events: int
    first: int
    last: int
    edges: Edges
    kinds: Mapping[str, Sequence[str]]
    topics: int
    followers: bool
    reach: NDArray[np.int64]


def doubts(connection: Any, read: Reading) -> list[str]:
    """Return one sentence for each way in which a log was probably not meant as it was read.

    Takes the tables `event`, `coded`, `agent` and, with followers, `follower`.
    """
    steps = connection.execute("SELECT step, count(*) AS events FROM coded GROUP BY step")
    found = steps.fetchnumpy()
    by_step = np.zeros(len(read.edges.starts), dtype=np.int64)
    by_step[found["step"]] = found["events"]
    units = list(_units(read))
    return [
        *units,
        # Times in a wrong unit make all else that is said of steps.
        *([] if units else _empty_steps(read, by_step)),
        *([] if units else _single_step(read)),
        *_agents(connection),
        *_nobody(connection, read.events),
        *_kinds(connection, read.kinds),
        *_zeros(connection, read),
        *_topics(read),
    ]


def _units(read: Reading) -> Iterator[str]:
    """Doubt times of 1970, or of the next century."""
    early, late = read.last < YEAR_1971, read.first >= YEAR_2100
    if isinstance(read.step, StepNumbers):
        if read.first >= YEAR_1990 // UNITS["s"]:
            yield (
                f"the numbers of the steps go from {read.first:,} to {read.last:,}, as times since "
                "1970 do; those need a step (--step) such as '1d'"
            )
        return
    if not early and not late:
        return
    when = _span(read, read.first, read.last)
    said = f"all events fall into {when} with time_unit {read.time_unit!r}"
    if read.time_unit != "iso":
        for unit, length in UNITS.items():
            ends = [time * length // UNITS[read.time_unit] for time in (read.first, read.last)]
            if ends[0] >= YEAR_1990 and ends[1] < YEAR_2100:
                yield f"{said}; with {unit!r} (--time-unit {unit}) it is {_span(read, *ends)}"
                return
        numbers = [time // UNITS[read.time_unit] for time in (read.first, read.last)]
        if all(19_000_000 < number < 21_000_000 for number in numbers):
            yield f"{said}; dates such as {numbers[0]} are read as 'iso' when written 2012-07-01"
            return
    if read.events < SOME_EVENTS:
        return
    if early:
        yield (
            f"{said}; times that count the steps of a simulation are read with step='1' "
            "(--step 1), and a file made of times in another unit has to be made anew"
        )
    else:
        yield f"{said}; is the unit of the file another one (--time-unit)?"


def _span(read: Reading, first: int, last: int) -> str:
    return f"{iso_time(first, read.zone)[:10]} to {iso_time(last, read.zone)[:10]}"


def _empty_steps(read: Reading, by_step: NDArray[np.int64]) -> Iterator[str]:
    """Doubt a range that holds few events for its length: a stray time, or a step too short."""
    steps, labels = by_step.size, read.edges.labels
    there = np.flatnonzero(by_step)
    empty = steps - there.size
    if steps < FEW_STEPS or 2 * empty <= steps:
        return
    said = f"{empty:,} of {steps:,} steps hold no event"
    gaps = np.diff(there) - 1
    place = int(np.argmax(gaps))
    before = int(by_step[: there[place] + 1].sum())
    after = read.events - before
    if 2 * gaps[place] <= steps:
        yield (
            f"{said}; a longer step (--step) has fewer empty ones, and start and stop (--from, "
            "--to) keep a part of the time"
        )
        return
    label = labels[there[place + 1]] if before <= after else labels[there[place] + 1]
    side, option = ("start", "--from") if before <= after else ("stop", "--to")
    yield (
        f"{said}: none between {labels[there[place]]} and {labels[there[place + 1]]}, with "
        f"{before:,} of {read.events:,} events before and {after:,} after; if the "
        f"{min(before, after):,} have a wrong time, {side}={label!r} ({option} {label}) leaves "
        "them out"
    )


def _single_step(read: Reading) -> Iterator[str]:
    """Doubt everything in one step of which it spans little: nothing is said of when."""
    if len(read.edges.starts) > 1 or read.events < SOME_EVENTS:
        return
    span = read.last - read.first
    if isinstance(read.step, StepNumbers):
        if span < LEAST_SPAN * read.step.count:
            yield (
                f"all events fall into one step of {read.step.count:,} numbers, of which they span "
                f"{span + 1:,}; a lower step (--step) tells when"
            )
    elif span < LEAST_SPAN * read.step.count * LENGTHS[read.step.unit]:
        cure = "a shorter step (--step) tells when, if times are"
        if span < LENGTHS["m"]:
            cure = "no step (--step) is as short (1m is the shortest); look whether times are"
        yield (
            f"all {read.events:,} events fall into one step of {read.step.count}{read.step.unit}, "
            f"of which they span {_duration(span)}; {cure} in the column (columns, --columns) and "
            "unit (time_unit, --time-unit) they were read with"
        )


def _duration(span: int) -> str:
    for unit, name in (("d", "days"), ("h", "hours"), ("m", "minutes")):
        if span >= LENGTHS[unit]:
            return f"{span / LENGTHS[unit]:.3g} {name}"
    return f"{span / UNITS['s']:.3g} seconds"


def _agents(connection: Any) -> Iterator[str]:
    """Doubt actors and targets of two kinds, as every target becomes an agent."""
    actors, targets = connection.execute(
        "SELECT count(DISTINCT actor), count(DISTINCT target) FROM event WHERE target <> ''"
    ).fetchall()[0]
    if min(actors, targets) < FEW_AGENTS:
        return
    both = single(
        connection,
        "SELECT count(*) FROM (SELECT actor FROM event INTERSECT SELECT target FROM event)",
    )
    if both == 0:
        yield (
            f"none of the {targets:,} targets is ever an actor, and all of them are agents: are "
            "target and actor the right columns (columns, --columns), and written alike?"
        )


def _nobody(connection: Any, events: int) -> Iterator[str]:
    """Doubt agents whose name says that there is none."""
    marks = ", ".join(f"'{mark}'" for mark in NOBODY)
    for column in ("actor", "target"):
        rows = connection.execute(
            f"SELECT {column}, count(*) FROM event WHERE lower({column}) IN ({marks}) "
            f"GROUP BY {column} ORDER BY count(*) DESC"
        ).fetchall()
        for name, count in rows:
            if count >= LEAST_NOBODY * events:
                yield (
                    f"{name!r} is taken for an agent, the {column} of {count:,} of {events:,} "
                    f"events; where it stands for nobody, leave the field empty"
                )


def _kinds(connection: Any, kinds: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Doubt kinds that are written like one that is counted, but for capitals."""
    rows = connection.execute("SELECT kind, count(*) FROM event GROUP BY kind ORDER BY kind")
    known = dict(rows.fetchall())
    counted = {kind for names in kinds.values() for kind in names}
    for feature, names in kinds.items():
        folded = {kind.casefold() for kind in names}
        for kind, count in known.items():
            if kind not in counted and kind.casefold() in folded:
                yield (
                    f"{count:,} events of the kind {kind!r} are not counted as {feature}, which "
                    f"is of {list(names)}"
                )


def _zeros(connection: Any, read: Reading) -> Iterator[str]:
    """Doubt features that are 0 for everybody, with which heat is 0."""
    if not read.reach.any():
        if read.followers:
            yield "reach is 0 for every agent: the table of followers has no number above 0"
        else:
            yield f"reach is 0 for every agent: {_without_target(connection)}"
    elif read.followers:
        agents, known = connection.execute(
            """
            SELECT count(*), count(follower.id) FROM (
              SELECT actor AS id FROM event UNION SELECT target FROM event WHERE target <> ''
            ) AS met LEFT JOIN follower USING (id)
            """
        ).fetchall()[0]
        if known < LEAST_FOLLOWED * agents:
            yield (
                f"the table of followers knows {known:,} of the {agents:,} agents of the log, and "
                "the others have a reach of 0: are they written alike in both, as in "
                f"{single(connection, 'SELECT min(actor) FROM event')!r} and "
                f"{single(connection, 'SELECT min(id) FROM follower')!r}?"
            )
    for name, agent in (("activity", "actor"), ("resonance", "target")):
        counted = single(
            connection,
            f"SELECT count(*) FROM coded WHERE {name} AND {agent} IS NOT NULL "
            "AND subject IS NOT NULL",
        )
        if not counted:
            why = (
                "none of its events has a topic"
                if single(connection, f"SELECT count(*) FROM coded WHERE {name} AND {agent} >= 0")
                else _without_target(connection, _told_kinds(connection, read.kinds[name]))
            )
            yield f"{name} is 0 for every agent: {why}"


def _told_kinds(connection: Any, kinds: Sequence[str]) -> list[str] | None:
    """Return kinds of events, or None where they are all that there are."""
    known = {kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM event").fetchall()}
    return None if known <= set(kinds) else list(kinds)


def _without_target(connection: Any, kinds: list[str] | None = None) -> str:
    of_kinds = "" if kinds is None else "AND list_contains($kinds, kind)"
    given = {} if kinds is None else {"kinds": kinds}
    at_oneself = connection.execute(
        f"SELECT count(*) FROM event WHERE target <> '' {of_kinds}", given
    ).fetchall()[0][0]
    if at_oneself:
        return (
            f"all {at_oneself:,} events with a target are at their own actor; "
            "self_engagement=True (--self-engagement) counts them"
        )
    return "no event has a target" if kinds is None else f"no event of {kinds} has a target"


def _topics(read: Reading) -> Iterator[str]:
    """Doubt a column that names single events rather than topics."""
    if read.topics >= MANY_TOPICS and 2 * read.topics > read.events:
        yield (
            f"{read.topics:,} topics for {read.events:,} events: topic_column (--topic-column) "
            "wants a column with few different values"
        )
