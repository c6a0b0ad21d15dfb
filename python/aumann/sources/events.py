"""Populations of event logs: who did what to whom, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from aumann._warning import warn_user
from aumann.feature import Feature
from aumann.population import Population
from aumann.sources._calendar import zone_named
from aumann.sources._database import database
from aumann.sources._event_counts import (
    check_kinds,
    code_events,
    counts,
    identifiers,
    index_agents,
    index_topics,
    reach,
    single,
)
from aumann.sources._event_log import ONLY_KIND, check_malformed, load_events
from aumann.sources._followers import check_followers, load_followers
from aumann.sources._identifiers import unify_identifiers
from aumann.sources._layout import Wanted
from aumann.sources._log_files import log_files, shown
from aumann.sources._plausibility import Reading, doubts
from aumann.sources._step_numbers import StepNumbers, step_length, time_text
from aumann.sources._time_range import Moment, TimeRange, restrict
from aumann.sources._times import STEP_NUMBERS, check_unit

__all__ = ["read_events"]

SPAN = "SELECT count(*), min(time), max(time) FROM event"


def read_events(
    path: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    columns: Sequence[str] | None = None,
    actor: str | None = None,
    target: str | None = None,
    time: str | None = None,
    kind: str | None = None,
    separator: str | None = None,
    header: bool | None = None,
    activity: Sequence[str] | None = None,
    resonance: Sequence[str] | None = None,
    step: str = "1d",
    time_zone: str = "UTC",
    time_unit: Literal["s", "ms", "us", "iso"] = "s",
    start: Moment | None = None,
    stop: Moment | None = None,
    topic_column: str | None = None,
    followers: str | PathLike[str] | None = None,
    self_engagement: bool = False,
    strict: bool = False,
    keep_ids: bool = False,
    people: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Population:
    r"""Count the events of a log per agent, step and topic.

    Agents are all identifiers met as actor or target (and in the follower table), in sorted order:
    by number if all are integers, else by code point. The features are

    - reach (static count): followers if a follower table is given, else the number of distinct
      other actors with an event at the agent over the whole window, of all kinds and topics;
    - activity (count per step): events of the kinds `activity`, by the actor;
    - resonance (count per step): events of the kinds `resonance`, at the target.

    An agent is not its own addressee: an event at oneself counts as activity, but for neither
    reach nor resonance, unless `self_engagement` is asked for.

    Parameters
    ----------
    path : path, or sequence of paths
        Files as they are named (no patterns), a folder (all files below it, in order of their
        paths; hidden ones and those that begin with ``_`` aside), or ``"-"`` for standard input.
        Text with one event per line, JSON lines (one object per line), both plain or compressed
        (``.gz``, ``.zst``), or Parquet (``.parquet``).
    columns : sequence of str, optional
        The columns in the order of the file, where it has no header: actor, target, time and
        kind, and any names for others. If None, there are these four, or the first three.
    actor, target, time, kind : str, optional
        The column of each role by its name in the header, in `columns` or in the Parquet schema;
        the name of the role in any case if None. For JSON lines the path of a field, as in
        ``"commit.record.subject.uri"``; of an address ``at://PERSON/...`` the person counts.
        ``kind=""`` says that events have no kinds.
    separator : str, optional
        One character; a comma for ``.csv`` and a tab for ``.tsv`` if None. Fields may be quoted
        where it is a comma or semicolon, and then hold line breaks. Spaces around fields are
        dropped.
    header : bool, optional
        Whether the first line is a header. If None, it is one if it holds the names of the roles;
        a line that looks like a header with other names is refused, as the order of `columns`
        could take actors for targets.
    activity, resonance : sequence of str, optional
        Kinds of events that count, as they are written in the file; RT and RE if None. Where
        events have no kinds, all of them count, as activity of the actor and as resonance of the
        target.
    step : str
        Length of a step: a number and m (minutes), h, d or w. Days and weeks (from Monday) are
        those of the calendar, so they may be an hour short or long; the first starts at the
        boundary at or before the first event. A number alone, as "1" or "10", where times are
        whole numbers that count the steps of a simulation: so many of them are a step.
    time_zone : str
        IANA name of the zone that steps, and times without an offset, belong to.
    time_unit : {"s", "ms", "us", "iso"}
        Times are numbers since 1970 in this unit, or ISO 8601 texts such as 2024-06-01,
        2024-06-01T13:30:00.5Z, 2024-06-01 13:30 +0200 or 2024-06-01 01:30 PM. A text with anything
        else in it is malformed; the name of a zone (EST) refuses the log. Times of a Parquet file
        that have a type of their own need none, nor do numbers of steps.
    start, stop : str, date, datetime or int, optional
        Only events from `start`, included, to `stop`, left out: ISO 8601 (a date is its midnight;
        without an offset in `time_zone`), or numbers where times count steps. Who has no event
        in between is no agent.
    topic_column : str, optional
        A further column, or kind: one topic per value, in sorted order. Activity is then the
        actor's events of the topic and resonance those received with it. Events without a topic
        count for reach only.
    followers : path, optional
        Table with columns agent and followers (``.csv``, ``.tsv``, also compressed, or
        ``.parquet``). Its agents join the population; agents that it lacks have a reach of 0.
    self_engagement : bool
        Count events at oneself for reach and resonance too.
    strict : bool
        Refuse a log with malformed lines instead of leaving them out.
    keep_ids : bool
        Keep the identifiers as the label "id" of the agent table: attributions of the population
        then show them in `top`, tables and exports.
    people : bool
        Whether the agents are people; see `Population`.
    progress : callable, optional
        Called with the name of each stage.

    Returns
    -------
    Population
        Its metadata hold what was asked for, the first and last event, how reach was obtained,
        the number of events, those at oneself, `malformed_lines` with `malformed_examples`, and,
        where they apply, `events_outside_time`, `events_without_topic` and
        `agents_without_followers`, and `warnings`.

    Warns
    -----
    UserWarning
        If the log can be read as asked but was hardly meant so: all events in 1970 or after 2100,
        most steps empty, all events in a small part of one step, targets that are never actors,
        agents called "null", kinds written in other letters than one that counts, a feature that
        is 0 for everybody, a table of followers that knows few of the agents, topics of one event
        each. The warning names the cure.

    Raises
    ------
    ImportError
        If duckdb or pyarrow is not installed.
    OSError
        If a file is not there or cannot be opened.
    KeyboardInterrupt
        On Ctrl-C, also while a query of the engine runs.
    ValueError
        If a file is empty, cut short or damaged, lacks a column, or holds no event (between
        `start` and `stop`); if a time ends in the name of a zone; if a kind never occurs; if an
        argument is not one of the above; if more lines are malformed than hold events, or with
        `strict` any: another number of fields, a time that cannot be read, no actor or no kind.
        An event need not have a target.

    Notes
    -----
    Identifiers that are all numbers may be written as 101, 101.0 or 1.01e+02, as programs do in a
    column with missing values: they are one agent. Decimals that may have lost digits are refused,
    and so is a log with more malformed lines than events, and one of UTF-16. Memory grows with the
    log; what does not fit goes to temporary files. A line longer than 16 MB is malformed and never
    held.

    A wall clock time that a change of clocks skipped is read as if they had not changed yet, one
    that occurred twice as the first; a day that a zone skipped is no step.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> log = Path(folder.name) / "log.csv"
    >>> _ = log.write_text("7,9,1341100972,RT\n8,9,1341100980,RE\n9,8,1341187500,RE\n")
    >>> population = read_events(log)
    >>> population
    Population: 3 agents, 2 steps (2012-07-01 to 2012-07-02), no topics
      reach      static count
      activity   count
      resonance  count
    >>> population.agent_table["reach"]
    array([0, 1, 2])
    >>> folder.cleanup()
    """
    files = log_files(path)
    log = shown(files)
    length, zone = step_length(step), zone_named(time_zone)
    numbers = isinstance(length, StepNumbers)
    within = TimeRange.of(start, stop, zone, numbers)
    asked = {"activity": activity, "resonance": resonance}
    for argument, some in asked.items():
        _check_kinds_asked(argument, some)
    if isinstance(columns, str):
        raise TypeError(f"columns is the text {columns!r}; a sequence of names is wanted")
    named = {"actor": actor, "target": target, "time": time, "kind": kind}
    wanted = Wanted(
        columns=None if columns is None else tuple(columns),
        separator=separator,
        header=header,
        names={role: name for role, name in named.items() if name is not None},
        topic=topic_column,
    )
    check_unit(time_unit)
    if numbers and time_unit != "s":
        raise ValueError(
            f"step is {step!r} and time_unit {time_unit!r}; numbers of steps have no unit, and "
            "times need a step such as '1d'"
        )

    def stage(name: str) -> None:
        if progress is not None:
            progress(name)

    with database(log) as connection:
        stage(f"reading {Path(log).name}")
        malformed, with_kinds = load_events(
            connection, files, wanted, STEP_NUMBERS if numbers else time_unit, zone
        )
        events, first, last = connection.execute(SPAN).fetchall()[0]
        if events == 0:
            found = f"; {malformed.told()}" if malformed.count else ""
            cure = (
                f"; step is {step!r}, by which times are whole numbers that count steps, and times "
                "of day need a length such as '1d'"
            )
            if not numbers:
                cure = (
                    f"; time_unit (--time-unit) is {time_unit!r}; 's', 'ms' or 'us' for numbers "
                    "since 1970, or 'iso' for texts such as 2024-06-01 or 2024-06-01T13:30:00Z, "
                    "is wanted"
                    if "no time in" in found
                    else ""
                )
            if "number of fields" in found:
                cure += "; an event has an actor, a target, a time, and may have a kind (--columns)"
            raise ValueError(f"{log} holds no event{found}{cure}")
        check_malformed(malformed, events, log, strict)
        kinds = _kinds(asked, with_kinds)
        outside = restrict(connection, within)
        if outside == events:
            raise ValueError(
                f"{log} holds no event between start and stop (--from, --to); its events go from "
                f"{time_text(first, length, time_zone)} to {time_text(last, length, time_zone)}"
            )
        if outside:
            events, first, last = connection.execute(SPAN).fetchall()[0]
        check_kinds(
            connection,
            kinds,
            {name for name, some in asked.items() if some is not None},
            malformed.beside(),
        )
        edges = length.edges(first, last, zone)
        stage("indexing agents")
        columns_of_agents = [("line", "actor"), ("line", "target")]
        if followers is not None:
            load_followers(connection, Path(followers))
            columns_of_agents.append(("follower", "id"))
        unify_identifiers(connection, columns_of_agents)
        if followers is not None:
            check_followers(connection, Path(followers))
        agents = index_agents(connection, followers is not None)
        topics = index_topics(connection) if topic_column is not None else []
        stage("counting events")
        code_events(connection, edges, kinds, topic_column is not None, self_engagement)
        series = {
            name: counts(connection, agent, name, max(1, len(topics)), len(edges.labels), agents)
            for name, agent in (("activity", "actor"), ("resonance", "target"))
        }
        agent_table: dict[str, NDArray[Any]] = {
            "reach": reach(connection, agents, followers is not None)
        }
        if keep_ids:
            agent_table["id"] = identifiers(connection)
        doubted = doubts(
            connection,
            Reading(
                length,
                zone,
                time_unit,
                events,
                first,
                last,
                edges,
                kinds,
                len(topics),
                followers is not None,
                agent_table["reach"],
            ),
        )
        metadata: dict[str, Any] = {
            "source": "events",
            "file": Path(log).name,
            "events": events,
            "first_event": time_text(first, length, time_zone),
            "last_event": time_text(last, length, time_zone),
            "step": step,
            "time_zone": time_zone,
            "activity": list(kinds["activity"]) if with_kinds else "all events",
            "resonance": list(kinds["resonance"]) if with_kinds else "all events",
            "reach": f"followers in {Path(followers).name}"
            if followers is not None
            else "distinct incoming actors over the whole window, all kinds, "
            + ("oneself among them" if self_engagement else "without oneself"),
            "self_engagement": self_engagement,
            "events_at_oneself": single(
                connection, "SELECT count(*) FROM event WHERE actor = target"
            ),
            "identifiers_kept": keep_ids,
            "malformed_lines": malformed.count,
        }
        for name, moment in (("from", start), ("to", stop)):
            if moment is not None:
                metadata[name] = str(moment)
        if start is not None or stop is not None:
            metadata["events_outside_time"] = outside
        if malformed.count:
            metadata["malformed_examples"] = malformed.examples
        if followers is not None:
            metadata["agents_without_followers"] = single(
                connection, "SELECT count(*) FROM agent ANTI JOIN follower USING (id)"
            )
        if topic_column is not None:
            metadata["topic_column"] = topic_column
            metadata["events_without_topic"] = single(
                connection, "SELECT count(*) FROM event WHERE topic = ''"
            )
        if doubted:
            metadata["warnings"] = doubted
    for doubt in doubted:
        warn_user(doubt, UserWarning)
    return Population(
        [
            Feature("reach", "count", static=True),
            Feature("activity", "count"),
            Feature("resonance", "count"),
        ],
        agent_table,
        series,
        agents=agents,
        step_labels=edges.labels,
        topics=topics,
        metadata=metadata,
        people=people,
    )


def _check_kinds_asked(argument: str, kinds: Sequence[str] | None) -> None:
    if isinstance(kinds, str):
        raise TypeError(f"{argument} is the text {kinds!r}; a sequence of kinds is wanted")
    if kinds is not None and not kinds:
        raise ValueError(f"{argument} is empty; at least one kind of event is wanted")


def _kinds(asked: dict[str, Sequence[str] | None], with_kinds: bool) -> dict[str, tuple[str, ...]]:
    """Return the kinds that count: all events where the log has none."""
    if with_kinds:
        usual = {"activity": ("RT",), "resonance": ("RE",)}
        return {name: tuple(kinds or usual[name]) for name, kinds in asked.items()}
    for argument, kinds in asked.items():
        if kinds is not None:
            raise ValueError(
                f"{argument} is {list(kinds)}, but events have no kinds, so that all of them "
                "count; kind (--kind) names the column that holds kinds"
            )
    return {name: (ONLY_KIND,) for name in asked}
