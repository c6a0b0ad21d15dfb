"""Event logs as a table of events in a database: any files in, malformed lines found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from aumann.sources._fields import read_fields
from aumann.sources._layout import Layout, Wanted
from aumann.sources._log_files import LogFile, shown
from aumann.sources._times import (
    EARLIEST,
    IN_NAMED_ZONE,
    ISO,
    LATEST,
    QUARTER_OF_WALL,
    STEP_NUMBERS,
    read_wall_clocks,
    time_queries,
)

__all__ = ["ONLY_KIND", "Malformed", "check_malformed", "load_events"]

# What all events are where a log has no kinds.
ONLY_KIND = "event"
EXAMPLES = 5
# Characters of a text in a message.
SHOWN = 60


@dataclass(frozen=True)
class Malformed:
    """Lines that hold no event."""

    count: int
    examples: list[str]
    # The first text that is no time.
    no_time: str | None

    def beside(self) -> str:
        """Return what a message about the other lines has to add."""
        if not self.count:
            return ""
        return f"; malformed lines left out: {self.count:,}, the first: {self.told()}"

    def told(self) -> str:
        """Return the first ones as a part of a message."""
        time = "" if self.no_time is None else f" (the first such time is {self.no_time!r})"
        return "; ".join(self.examples[:3]) + time


def load_events(
    connection: Any, files: Sequence[LogFile], wanted: Wanted, time_unit: str, zone: ZoneInfo
) -> tuple[Malformed, bool]:
    """Make the view `event` (actor, target, time in microseconds, kind, topic) of a log.

    An event without a target has an empty one; one without a topic likewise. Returned are the
    lines that hold no event, and whether events have kinds.
    """
    connection.execute(
        "CREATE TABLE line (file INTEGER, line BIGINT, fault VARCHAR, actor VARCHAR, "
        "target VARCHAR, kind VARCHAR, topic VARCHAR, utc BIGINT, wall BIGINT, no_time VARCHAR)"
    )
    layouts: dict[LogFile, Layout] = {}
    for number, file in enumerate(files):
        for layout, clock, fields in read_fields(connection, file, wanted):
            layouts[file] = layout
            utc, wall = time_queries(clock, time_unit)
            texts = ", ".join(
                role if role in layout.where else f"'' AS {role}"
                for role in ("actor", "target", "kind", "topic")
            )
            connection.execute(
                f"INSERT INTO line SELECT {number}, line, fault, {texts}, {utc} AS utc, "
                f"{wall} AS wall, CASE WHEN fault IS NULL AND coalesce(coalesce(utc, wall) "
                f"NOT BETWEEN {EARLIEST} AND {LATEST}, true) "
                f"THEN left(CAST(time AS VARCHAR), {SHOWN}) END FROM ({fields})"
            )
    kinds = _have_kinds(connection, layouts, wanted)
    _check_targets(connection, layouts, wanted)
    if time_unit == "iso":
        _check_zones(connection, files)
    read_wall_clocks(connection, zone)
    numbers = time_unit == STEP_NUMBERS
    no_time = "no whole number as time" if numbers else f"no time in the unit {time_unit}"
    connection.execute(
        f"""
        CREATE VIEW reading AS
        SELECT file, line, actor, target, topic, coalesce(utc, wall - shift) AS time, no_time,
          {"kind" if kinds else f"'{ONLY_KIND}'"} AS kind,
          CASE WHEN fault IS NOT NULL THEN fault
               WHEN actor = '' THEN 'no actor'
               {"WHEN kind = '' THEN 'no kind'" if kinds else ""}
               WHEN time IS NULL OR time NOT BETWEEN {EARLIEST} AND {LATEST}
               THEN '{no_time}' END AS faulty
        FROM line LEFT JOIN clock ON {QUARTER_OF_WALL} = clock.quarter;
        CREATE VIEW event AS
        SELECT actor, target, time, kind, topic FROM reading WHERE faulty IS NULL
        """
    )
    return _malformed(connection, files, no_time), kinds


def check_malformed(malformed: Malformed, events: int, log: str, strict: bool) -> None:
    """Refuse malformed lines if none are wanted, and more of them than events in any case."""
    count = malformed.count
    if strict and count:
        raise ValueError(f"{log} has {count:,} malformed lines, the first: {malformed.told()}")
    if count > events:
        raise ValueError(
            f"{log} has {count:,} malformed lines beside {events:,} events, so it is not read; "
            f"the first: {malformed.told()}"
        )


def _have_kinds(connection: Any, layouts: dict[LogFile, Layout], wanted: Wanted) -> bool:
    """Say whether events have kinds; refuse files that are not read in the same way."""
    headers = {file: of.header > 0 for file, of in layouts.items() if of.separator}
    kinds = {file: "kind" in of.where for file, of in layouts.items()}
    for what, having in (("a header", headers), ("a column of kinds", kinds)):
        if len(set(having.values())) > 1:
            some = next(file.name for file, has in having.items() if has)
            other = next(file.name for file, has in having.items() if not has)
            raise ValueError(
                f"{some} has {what} and {other} has none; files that are read alike are wanted"
            )
    if "kind" in wanted.names or any(of.width for of in layouts.values()):
        return any(kinds.values())
    # A JSON object tells what it holds one by one.
    return bool(connection.execute("SELECT count(*) FROM line WHERE kind <> ''").fetchall()[0][0])


def _check_targets(connection: Any, layouts: dict[LogFile, Layout], wanted: Wanted) -> None:
    """Refuse a path of targets that leads nowhere, where no header tells so."""
    if any(of.width for of in layouts.values()):
        return
    composite = "starts_with(fault, 'target')"
    events, targets, objects = connection.execute(
        f"SELECT count(*), count(*) FILTER (target <> ''), count(*) FILTER ({composite}) "
        f"FROM line WHERE fault IS NULL OR {composite}"
    ).fetchall()[0]
    if events and objects == targets:
        what = "target is no text or number at" if objects else "no object has"
        raise ValueError(
            f"{what} {wanted.name('target')!r}; target (--target) names the path of the "
            "target, as in 'commit.record.subject.uri'"
        )


def _check_zones(connection: Any, files: Sequence[LogFile]) -> None:
    """Refuse times in a zone with a name, which would otherwise be left out unseen."""
    found = connection.execute(
        "SELECT file, line, no_time FROM line WHERE regexp_full_match(no_time, $zone) "
        "AND NOT regexp_full_match(no_time, '.*[0-9] ?[AaPp][Mm]') "
        "AND NOT regexp_full_match(no_time, $read) ORDER BY file, line LIMIT 1",
        {"zone": IN_NAMED_ZONE, "read": ISO},
    ).fetchall()
    if found:
        number, line, time = found[0]
        raise ValueError(
            f"{shown(files)}, {_where(files, number, line)}: the time {time!r} ends in the name "
            "of a zone, which several may have; an offset from UTC, as in 2024-06-01 13:30 -05:00, "
            "is wanted, or none, where time_zone (--time-zone) says the zone of all"
        )


def _where(files: Sequence[LogFile], number: int, line: int) -> str:
    unit = "row" if files[number].suffix == ".parquet" else "line"
    within = f"{files[number].name}, " if len(files) > 1 else ""
    return f"{within}{unit} {line}"


def _malformed(connection: Any, files: Sequence[LogFile], no_time: str) -> Malformed:
    """Count the lines that hold no event, and say what is wrong with the first ones."""
    faults = connection.execute(
        "SELECT file, line, faulty, count(*) OVER () FROM reading WHERE faulty IS NOT NULL "
        f"ORDER BY file, line LIMIT {EXAMPLES}"
    ).fetchall()
    examples = [f"{_where(files, number, line)}: {fault}" for number, line, fault, _ in faults]
    times = connection.execute(
        "SELECT no_time FROM reading WHERE no_time <> '' AND faulty = $fault "
        "ORDER BY file, line LIMIT 1",
        {"fault": no_time},
    ).fetchall()
    return Malformed(faults[0][3] if faults else 0, examples, times[0][0] if times else None)
