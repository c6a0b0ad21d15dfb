"""Event logs as a table of rows in a database: text or Parquet in, malformed lines found."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from aumann.sources._calendar import QUARTER, offset_of_quarter

__all__ = [
    "ROLES",
    "STEP_NUMBERS",
    "Layout",
    "Malformed",
    "check_stream",
    "check_unit",
    "create_table",
    "find_layout",
    "load_rows",
]

ROLES = ("actor", "target", "time", "kind")
TEXTS = ("actor", "target", "kind", "topic")
SEPARATORS = {".csv": ",", ".tsv": "\t"}
# Separators of files that put quotes around fields; elsewhere a quote is a character like another.
QUOTING = (",", ";")
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
# Of whole numbers that count steps and are no times.
STEP_NUMBERS = "whole numbers"
# No line holds it, so the engine reads whole lines and every one of them is accounted for.
NO_SEPARATOR = "\x1c\x1d\x1e\x1f"
# Years 2 to 9998 in microseconds, which every calendar operation can hold.
EARLIEST, LATEST = -62_104_060_800_000_000, 253_370_764_800_000_000
QUARTER_OF_WALL = f"(wall - ((wall % {QUARTER}) + {QUARTER}) % {QUARTER}) // {QUARTER}"
# Bytes in which the first line must end.
HEAD = 1 << 20
EXAMPLES = 5


@dataclass(frozen=True)
class Layout:
    """How the fields of a log are found."""

    path: Path
    parquet: bool
    separator: str
    header: bool
    fields: tuple[str, ...]
    where: dict[str, int]


@dataclass(frozen=True)
class Malformed:
    """Lines that hold no event."""

    count: int
    examples: list[str]


def check_unit(time_unit: str) -> None:
    """Refuse a unit of time that is none."""
    if time_unit not in (*UNITS, "iso"):
        raise ValueError(f"time_unit is {time_unit!r}; 's', 'ms', 'us' or 'iso' is wanted")


def check_stream(path: Path) -> None:
    """Refuse a compressed file that is cut short or damaged, which the engine may not notice."""
    import pyarrow

    if path.suffix not in (".gz", ".zst"):
        return
    try:
        with pyarrow.input_stream(str(path)) as stream:
            while stream.read(1 << 22):
                pass
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise ValueError(
            f"{path} is cut short or damaged, so it is not read at all: {error}"
        ) from error


def find_layout(
    connection: Any,
    path: Path,
    columns: Sequence[str],
    separator: str | None,
    header: bool | None,
    topic_column: str | None,
) -> Layout:
    """Find out which field of the log plays which role.

    Fields are found by the names in the header (or in the Parquet schema) if actor, target, time
    and kind are all among them, else by their position in `columns`.
    """
    if isinstance(columns, str):
        raise TypeError(f"columns is the text {columns!r}; a sequence of names is wanted")
    missing = [role for role in ROLES if role not in columns]
    if missing:
        raise ValueError(f"columns is {tuple(columns)}, which lacks {missing}")
    if len(set(columns)) != len(columns):
        raise ValueError(f"columns is {tuple(columns)}, which names a column twice")
    names = [name for name in path.name.split(".")[1:] if name not in ("gz", "zst")]
    suffix = f".{names[-1]}" if names else ""
    parquet = suffix == ".parquet"
    if parquet:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)])
        first = [row[0] for row in described.fetchall()]
        separator, header = "", True
    else:
        separator = separator if separator is not None else SEPARATORS.get(suffix)
        if separator is None:
            raise ValueError(
                f"separator is not given and cannot be told from the name {path.name}; "
                "a character such as ' ' is wanted"
            )
        if len(separator) != 1 or separator in '"\r\n':
            raise ValueError(f"separator is {separator!r}; one character is wanted")
        first = _first_fields(path, separator)
    named = all(role in first for role in ROLES)
    if header is None:
        some = [role for role in ROLES if role in first]
        if some and not named:
            missing = [role for role in ROLES if role not in some]
            raise ValueError(
                f"{path}: the first line, {first}, looks like a header, but lacks {missing}; "
                "header=True (--header) reads the fields in the order of columns (--columns), "
                "header=False (--no-header) takes the line for an event"
            )
        header = named
    fields = tuple(first) if header and named else tuple(columns)
    if header and not named and len(first) != len(columns):
        raise ValueError(
            f"{path} has the columns {first}; {list(ROLES)}, or {len(columns)} columns in the "
            f"order {list(columns)}, are wanted"
        )
    roles = {role: fields.index(role) for role in ROLES}
    if topic_column is not None:
        # A kind of event can be a topic; who, whom and when cannot.
        others = [name for name in fields if name == "kind" or name not in ROLES]
        if topic_column not in others:
            raise ValueError(f"topic_column is {topic_column!r}; one of {others} is wanted")
        roles["topic"] = fields.index(topic_column)
    if parquet:
        fields = tuple(first)
    return Layout(path, parquet, separator, header, fields, roles)


def _first_fields(path: Path, separator: str) -> list[str]:
    import pyarrow

    with pyarrow.input_stream(str(path)) as stream:
        head = stream.read(HEAD)
    if not head.strip():
        raise ValueError(f"{path} is empty; at least one event is wanted")
    line = head.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8-sig", errors="replace")
    if separator in QUOTING:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator))]
    return [field.strip() for field in line.split(separator)]


def load_rows(connection: Any, layout: Layout, time_unit: str, zone: ZoneInfo) -> Malformed:
    """Make the view `event` (actor, target, time in microseconds, kind, topic) of a log.

    An event without a target has an empty one; one without a topic likewise.
    """
    kind_of_time = "VARCHAR"
    if layout.parquet:
        fields, kind_of_time = _parquet_fields(connection, layout)
    else:
        fields = _text_fields(layout)
    utc, wall = _times(kind_of_time, time_unit)
    connection.execute(
        f"""
        CREATE TABLE line AS
        SELECT line, whole, {", ".join(f"{_clean(name)} AS {name}" for name in TEXTS)},
          CAST({utc} AS BIGINT) AS utc, CAST({wall} AS BIGINT) AS wall
        FROM ({fields})
        """,
        {"path": str(layout.path)},
    )
    _read_wall_clocks(connection, zone)
    numbers = time_unit == STEP_NUMBERS
    no_time = "no whole number as time" if numbers else f"no time in the unit {time_unit}"
    connection.execute(
        f"""
        CREATE VIEW reading AS
        SELECT line, actor, target, kind, topic, coalesce(utc, wall - shift) AS time,
          CASE WHEN whole IS NOT TRUE THEN 'another number of fields than {len(layout.fields)}'
               WHEN actor = '' THEN 'no actor'
               WHEN kind = '' THEN 'no kind'
               WHEN time IS NULL OR time NOT BETWEEN {EARLIEST} AND {LATEST}
THEN '{no_time}' END AS fault
        FROM line LEFT JOIN clock ON {QUARTER_OF_WALL} = clock.quarter;
        CREATE VIEW event AS
        SELECT actor, target, time, kind, topic FROM reading WHERE fault IS NULL
        """
    )
    return _malformed(connection, layout)


def _text_fields(layout: Layout) -> str:
    """Return the query of the fields of a text file, `whole` saying whether all are there."""
    separator = _literal(layout.separator)
    split = f"string_split(text, {separator})"
    if layout.separator in QUOTING:
        # Fields are taken with the separator before them: an empty match would end the search.
        # What the pattern skips is missing when the fields are put together again.
        pattern = _literal(f'{layout.separator}("(?:[^"]|"")*"|[^{layout.separator}"]*)')
        split = f"""
          CASE WHEN NOT contains(text, '"') THEN {split}
          WHEN array_to_string(regexp_extract_all({separator} || text, {pattern}, 1), {separator})
            = text
          THEN [CASE WHEN starts_with(field, '"') THEN replace(field[2:-2], '""', '"')
                ELSE field END
                FOR field IN regexp_extract_all({separator} || text, {pattern}, 1)] END"""
    roles = ", ".join(
        f"fields[{layout.where[role] + 1}] AS {role}" if role in layout.where else f"'' AS {role}"
        for role in (*ROLES, "topic")
    )
    return f"""
        SELECT line, len(fields) = {len(layout.fields)} AS whole, {roles} FROM (
          SELECT line, {split} AS fields FROM (
            SELECT row_number() OVER () AS line, text FROM read_csv($path, auto_detect=false,
              header=false, columns={{'text': 'VARCHAR'}}, delim={_literal(NO_SEPARATOR)},
              quote='', escape='', comment='', strict_mode=false, ignore_errors=true,
              store_rejects=true, rejects_limit=0))
          WHERE {_clean("text")} <> '' AND line > {int(layout.header)})"""


def _parquet_fields(connection: Any, layout: Layout) -> tuple[str, str]:
    """Return the query of the fields of a Parquet file, and the type of the time."""
    types = {
        row[0]: row[1]
        for row in connection.execute(
            "DESCRIBE SELECT * FROM read_parquet($path)", {"path": str(layout.path)}
        ).fetchall()
    }
    names = {role: layout.fields[place] for role, place in layout.where.items()}
    kind_of_time = types[names["time"]]
    typed = kind_of_time.startswith(("TIMESTAMP", "DATE"))
    roles = ", ".join(
        f"{_identifier(names[role])} AS time"
        if role == "time" and typed
        else f"CAST({_identifier(names[role])} AS VARCHAR) AS {role}"
        if role in names
        else f"'' AS {role}"
        for role in (*ROLES, "topic")
    )
    return (
        f"SELECT row_number() OVER () AS line, true AS whole, {roles} FROM read_parquet($path)",
        kind_of_time if typed else "VARCHAR",
    )


def _times(kind_of_time: str, unit: str) -> tuple[str, str]:
    """Return how the time becomes microseconds of UTC, or else of the wall clock."""
    if kind_of_time != "VARCHAR" and unit == STEP_NUMBERS:
        raise ValueError(
            f"step is a number, but times have the type {kind_of_time}; a length of time such as "
            "'1d' is wanted"
        )
    if kind_of_time == "TIMESTAMP WITH TIME ZONE":
        return "epoch_us(time)", "NULL"
    if kind_of_time != "VARCHAR":
        return "NULL", "epoch_us(CAST(time AS TIMESTAMP))"
    text = _clean("time")
    if unit == "iso":
        # Seconds may be left out, which not every version of the engine reads, and the engine
        # would also take words such as infinity.
        date = f"regexp_matches({text}, '^[0-9]{{4}}-')"
        zoned = f"regexp_matches({text}, ':[0-9.]+ ?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
        minutes = "'^([^:]*:[0-9]{2})( ?(Z|[+-].*)?)$'"
        full = f"regexp_replace({text}, {minutes}, '\\1:00\\2')"
        return (
            f"CASE WHEN {date} AND {zoned} THEN epoch_us(TRY_CAST({full} AS TIMESTAMPTZ)) END",
            f"CASE WHEN {date} AND NOT {zoned} THEN epoch_us(TRY_CAST({full} AS TIMESTAMP)) END",
        )
    if unit == STEP_NUMBERS:
        whole = f"regexp_full_match({text}, '-?[0-9]{{1,15}}([.]0*)?')"
        return (
            f"CASE WHEN {whole} THEN TRY_CAST(TRY_CAST({text} AS DECIMAL(38, 6)) AS BIGINT) END",
            "NULL",
        )
    # Digits only: the engine would also take 0x10, 1_000 and 1e3 for numbers. Decimals are left
    # to the slower path.
    whole = f"regexp_full_match({text}, '-?[0-9]{{1,12}}')"
    number = f"regexp_full_match({text}, '-?[0-9]{{1,18}}([.][0-9]*)?')"
    return (
        f"CASE WHEN {whole} THEN TRY_CAST({text} AS BIGINT) * {UNITS[unit]} "
        f"WHEN {number} THEN TRY_CAST(floor(TRY_CAST({text} AS DECIMAL(38, 6)) * {UNITS[unit]}) "
        "AS BIGINT) END",
        "NULL",
    )


def _read_wall_clocks(connection: Any, zone: ZoneInfo) -> None:
    """Fill the table `clock` with how far the wall clock is ahead in each quarter met."""
    quarters = connection.execute(
        f"SELECT DISTINCT {QUARTER_OF_WALL} FROM line "
        f"WHERE wall BETWEEN {EARLIEST} AND {LATEST} ORDER BY 1"
    ).fetchnumpy()
    met = next(iter(quarters.values()))
    shifts = np.array([offset_of_quarter(int(quarter), zone) for quarter in met], dtype=np.int64)
    create_table(connection, "clock", {"quarter": met.astype(np.int64), "shift": shifts})


def create_table(connection: Any, name: str, columns: dict[str, NDArray[Any]]) -> None:
    """Make a table of a few columns."""
    import pyarrow

    connection.register("given", pyarrow.table(columns))
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
    connection.unregister("given")


def _malformed(connection: Any, layout: Layout) -> Malformed:
    """Count the lines that hold no event, and say what is wrong with the first ones."""
    faults = connection.execute(
        f"SELECT line, fault FROM reading WHERE fault IS NOT NULL ORDER BY line LIMIT {EXAMPLES}"
    ).fetchall()
    count = connection.execute("SELECT count(*) FROM reading WHERE fault IS NOT NULL").fetchall()[
        0
    ][0]
    if not layout.parquet:
        # Unreadable lines never get a number, so those after them are further down the file.
        unreadable = connection.execute(
            "SELECT line, min(error_type) FROM reject_errors GROUP BY line ORDER BY line"
        ).fetchall()
        count += len(unreadable)
        moved = []
        for line, fault in faults:
            for earlier, _ in unreadable:
                line += earlier <= line
            moved.append((line, fault))
        faults = sorted([*moved, *((line, fault.lower()) for line, fault in unreadable)])
    unit = "row" if layout.parquet else "line"
    return Malformed(count, [f"{unit} {line}: {fault}" for line, fault in faults[:EXAMPLES]])


def _clean(name: str) -> str:
    """Return a text without the spaces around it; a missing one is empty."""
    return f"coalesce(trim({name}), '')"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
