"""Times of events: texts, numbers and typed values as microseconds of UTC."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from aumann.sources._calendar import QUARTER, offset_of_quarter
from aumann.sources._database import create_table

__all__ = [
    "EARLIEST",
    "IN_NAMED_ZONE",
    "ISO",
    "LATEST",
    "QUARTER_OF_WALL",
    "STEP_NUMBERS",
    "UNITS",
    "check_unit",
    "read_wall_clocks",
    "time_queries",
]

# The unit of whole numbers that count steps and are no times.
STEP_NUMBERS = "whole numbers"
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
# Years 2 to 9998 in microseconds, which every calendar operation can hold.
EARLIEST, LATEST = -62_104_060_800_000_000, 253_370_764_800_000_000
QUARTER_OF_WALL = f"(wall - ((wall % {QUARTER}) + {QUARTER}) % {QUARTER}) // {QUARTER}"
# ISO 8601 as most programs write it: a date, a time of day, which half of it where hours go to 12,
# what it is ahead of UTC.
DATE = "([0-9]{4}-[0-9]{2}-[0-9]{2})"
CLOCK = "[Tt ]([0-9]{1,2}):([0-9]{2})(:[0-9]{2}(?:[.,][0-9]+)?)?(?: ?([AaPp])[.]?[Mm][.]?)?"
ZONE = "(Z|z|UTC|GMT|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?"
ISO = f"^{DATE}(?:{CLOCK} ?{ZONE})?$"
# The same before the name of a zone, as in EST, [Europe/Paris] or UTC+2.
IN_NAMED_ZONE = f"^{DATE}{CLOCK} ?{ZONE}[ (\\[]*[A-Za-z][A-Za-z_/]*[0-9:+-]*[)\\]]*$"


def check_unit(time_unit: str) -> None:
    """Refuse a unit of time that is none."""
    if time_unit not in (*UNITS, "iso"):
        raise ValueError(f"time_unit is {time_unit!r}; 's', 'ms', 'us' or 'iso' is wanted")


def time_queries(kind: str, unit: str) -> tuple[str, str]:
    """Return how the column time becomes microseconds of UTC, or else of the wall clock.

    `kind` is "text", "integer", "real", or "utc" or "wall" with the unit of a typed column, as in
    "utc ns". What is out of range, or no time, is null.
    """
    if unit == STEP_NUMBERS:
        return _number_query(kind), "NULL"
    if kind.startswith(("utc", "wall")):
        clock, unit = kind.split()
        value = _micros("time", unit)
        return (value, "NULL") if clock == "utc" else ("NULL", value)
    if unit == "iso":
        return _iso_queries() if kind == "text" else ("NULL", "NULL")
    if kind == "integer":
        return _micros("time", unit), "NULL"
    if kind == "real":
        within = f"time BETWEEN {EARLIEST / UNITS[unit]} AND {LATEST / UNITS[unit]}"
        return f"CASE WHEN {within} THEN CAST(round(time * {UNITS[unit]}) AS BIGINT) END", "NULL"
    # Digits only: the engine would also take 0x10, 1_000 and 1e3 for numbers. Decimals are left
    # to the slower path.
    whole = "regexp_full_match(time, '-?[0-9]{1,12}')"
    number = "regexp_full_match(time, '-?[0-9]{1,18}([.][0-9]*)?')"
    return (
        f"CASE WHEN {whole} THEN TRY_CAST(time AS BIGINT) * {UNITS[unit]} "
        f"WHEN {number} THEN TRY_CAST(floor(TRY_CAST(time AS DECIMAL(38, 6)) * {UNITS[unit]}) "
        "AS BIGINT) END",
        "NULL",
    )


def _number_query(kind: str) -> str:
    if kind.startswith(("utc", "wall")):
        typed = "TIMESTAMP WITH TIME ZONE" if kind.startswith("utc") else "TIMESTAMP"
        raise ValueError(
            f"step is a number, but times have the type {typed}; a length of time such as "
            "'1d' is wanted"
        )
    text = "time" if kind == "text" else "CAST(time AS VARCHAR)"
    whole = f"regexp_full_match({text}, '-?[0-9]{{1,15}}([.]0*)?')"
    return f"CASE WHEN {whole} THEN TRY_CAST(TRY_CAST({text} AS DECIMAL(38, 6)) AS BIGINT) END"


def _micros(value: str, unit: str) -> str:
    if unit == "ns":
        return f"CAST({value} - (({value} % 1000) + 1000) % 1000 AS BIGINT) // 1000"
    factor = UNITS[unit]
    within = f"{value} BETWEEN {EARLIEST // factor} AND {LATEST // factor}"
    return f"CASE WHEN {within} THEN CAST({value} AS BIGINT) * {factor} END"


def _iso_queries() -> tuple[str, str]:
    """Match a text as a whole: what follows a time is honoured or makes it none."""
    names = ["date", "hour", "minute", "second", "half", "zone"]
    parts = f"regexp_extract(time, '{ISO}', {names})"
    of_twelve = (
        "TRY_CAST(p.hour AS INTEGER) % 12 + CASE WHEN lower(p.half) = 'p' THEN 12 ELSE 0 END"
    )
    hour = (
        "CASE WHEN p.hour = '' THEN '00' WHEN p.half = '' AND len(p.hour) = 2 THEN p.hour "
        "WHEN p.half <> '' AND TRY_CAST(p.hour AS INTEGER) BETWEEN 1 AND 12 "
        f"THEN lpad(CAST({of_twelve} AS VARCHAR), 2, '0') END"
    )
    clock = (
        f"list_transform([{parts}], lambda p: epoch_us(TRY_CAST(p.date || ' ' || {hour} || ':' || "
        "CASE WHEN p.minute = '' THEN '00' ELSE p.minute END || "
        "CASE WHEN p.second = '' THEN ':00' ELSE replace(p.second, ',', '.') END AS TIMESTAMP)))[1]"
    )
    zone = f"{parts}.zone"
    digits = f"replace(substr({zone}, 2), ':', '')"
    minutes = (
        f"CASE WHEN {zone} IN ('Z', 'z', 'UTC', 'GMT') THEN 0 ELSE "
        f"(CASE WHEN starts_with({zone}, '-') THEN -1 ELSE 1 END) * "
        f"(TRY_CAST({digits}[1:2] AS BIGINT) * 60 + "
        f"coalesce(TRY_CAST({digits}[3:4] AS BIGINT), 0)) END"
    )
    return (
        f"CASE WHEN {zone} <> '' THEN {clock} - ({minutes}) * 60000000 END",
        f"CASE WHEN {zone} = '' THEN {clock} END",
    )


def read_wall_clocks(connection: Any, zone: ZoneInfo) -> None:
    """Fill the table `clock` with how far the wall clock is ahead in each quarter met."""
    quarters = connection.execute(
        f"SELECT DISTINCT {QUARTER_OF_WALL} FROM line "
        f"WHERE wall BETWEEN {EARLIEST} AND {LATEST} ORDER BY 1"
    ).fetchnumpy()
    met = next(iter(quarters.values()))
    shifts = np.array([offset_of_quarter(int(quarter), zone) for quarter in met], dtype=np.int64)
    create_table(connection, "clock", {"quarter": met.astype(np.int64), "shift": shifts})
