"""The part of a log between two times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np

from aumann.sources._calendar import EPOCH

__all__ = ["Moment", "TimeRange", "restrict"]

# What start and stop may be: ISO 8601, a date or time, or the number of a step.
Moment: TypeAlias = str | date | int


@dataclass(frozen=True)
class TimeRange:
    """From `start`, included, to `stop`, left out; in microseconds since 1970 or step numbers.

    None leaves a side open.
    """

    start: int | None
    stop: int | None

    @classmethod
    def of(
        cls, start: Moment | None, stop: Moment | None, zone: ZoneInfo, numbers: bool
    ) -> TimeRange:
        """Read two ends as a caller gives them; `numbers` says whether times count steps."""
        read = _number if numbers else _microseconds
        ends = [
            None if moment is None else read(name, moment, zone)
            for name, moment in (("start", start), ("stop", stop))
        ]
        if ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
            raise ValueError(f"start is {start}, stop is {stop}; a later stop is wanted")
        return cls(ends[0], ends[1])


def restrict(connection: Any, within: TimeRange) -> int:
    """Leave only the events within a range in the view `event`; return how many are outside."""
    if within.start is None and within.stop is None:
        return 0
    first = -(2**63) if within.start is None else within.start
    beyond = 2**63 - 1 if within.stop is None else within.stop
    condition = f"time >= {first} AND time < {beyond}"
    connection.execute(
        f"""
        ALTER VIEW event RENAME TO any_event;
        CREATE VIEW event AS SELECT * FROM any_event WHERE {condition}
        """
    )
    rows = connection.execute(f"SELECT count(*) FROM any_event WHERE NOT ({condition})").fetchall()
    outside: int = rows[0][0]
    return outside


def _number(name: str, moment: Moment, zone: ZoneInfo) -> int:
    if isinstance(moment, int | np.integer) and not isinstance(moment, bool):
        return int(moment)
    if isinstance(moment, str) and re.fullmatch(r"-?[0-9]{1,15}", moment.strip()):
        return int(moment)
    raise ValueError(f"{name} is {moment!r}, but times are numbers of steps; a number is wanted")


def _microseconds(name: str, moment: Moment, zone: ZoneInfo) -> int:
    """Return a time; one without an offset is of the zone, a date its midnight."""
    if isinstance(moment, str):
        # Versions of Python below 3.11 do not read the Z.
        text = re.sub(r"[Zz]$", "+00:00", moment.strip())
        try:
            if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
                raise ValueError(text)
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"{name} is {moment!r}; a date or time such as '2024-06-01' or "
                "'2024-06-01T18:00' is wanted"
            ) from None
    if not isinstance(moment, date):
        raise TypeError(f"{name} is {moment!r}; a date or time, or ISO 8601 text, is wanted")
    time = (
        moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)
    )
    if time.tzinfo is None:
        time = time.replace(tzinfo=zone)
    # Times near the ends of the calendar have no counterpart in UTC.
    try:
        return (time.astimezone(timezone.utc) - EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        raise ValueError(f"{name} is {moment}; a year from 2 to 9998 is wanted") from None
