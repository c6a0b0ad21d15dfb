"""Steps of calendar length: their edges in time, their labels, wall clocks to time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

__all__ = ["QUARTER", "Edges", "StepLength", "iso_time", "offset_of_quarter", "zone_named"]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
# Wall clocks of all zones change at multiples of a quarter of an hour.
QUARTER = 15 * 60 * 1_000_000
# More steps than this come from a mistaken unit or a stray date rather than from a study.
MAX_STEPS = 100_000


class StepLength:
    """A length of time such as "30m", "6h", "1d" or "2w".

    Minutes and hours are elapsed time; days and weeks are calendar days of a zone, so that a day
    with a change of clocks is 23 or 25 hours long.
    """

    def __init__(self, text: str) -> None:
        found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text)
        if found is None:
            raise ValueError(
                f"step is {text!r}; a number of minutes, hours, days or weeks such as "
                "'30m', '6h', '1d' or '1w' is wanted, or a number alone where times count steps"
            )
        self.count, self.unit = int(found[1]), found[2]

    @property
    def calendar(self) -> bool:
        """True for days and weeks."""
        return self.unit in "dw"

    def edges(self, first: int, last: int, zone: ZoneInfo) -> Edges:
        """Return the steps that hold all times from `first` to `last`, in microseconds.

        The first step starts at the midnight (for weeks: that of Monday) at or before `first`, for
        minutes and hours at the last whole step after that midnight.
        """
        start = _datetime(first, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if self.unit == "w":
            start -= timedelta(days=start.weekday())
        if self.calendar:
            days = self.count * (7 if self.unit == "w" else 1)
            stride = timedelta(days=days)
            spans = (_datetime(last, zone).date() - start.date()) // stride + 1
            _check_steps(spans, first, last, zone)
            # Adding days to a local time keeps the wall clock at midnight.
            times = [start + k * stride for k in range(spans)]
            starts = [_microseconds(time) for time in times]
            # A day that the zone skipped, as Samoa did 2011-12-30, would end where it starts.
            kept = [k for k in range(spans) if k + 1 == spans or starts[k] < starts[k + 1]]
            return Edges([starts[k] for k in kept], [f"{times[k]:%Y-%m-%d}" for k in kept])
        length = self.count * (60_000_000 if self.unit == "m" else 3_600_000_000)
        midnight = _microseconds(start)
        begin = midnight + (first - midnight) // length * length
        spans = (last - begin) // length + 1
        _check_steps(spans, first, last, zone)
        starts = [begin + k * length for k in range(spans)]
        return Edges(starts, [_datetime(t, zone).isoformat(timespec="minutes") for t in starts])


@dataclass(frozen=True)
class Edges:
    """Where steps start, in microseconds since 1970, and what they are called."""

    starts: list[int]
    labels: list[str]


def zone_named(name: str) -> ZoneInfo:
    """Return a time zone by its name in the IANA database."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"time_zone is {name!r}; a name such as 'UTC' or 'Europe/Paris' is wanted"
        ) from error


def offset_of_quarter(quarter: int, zone: ZoneInfo) -> int:
    """Return how many microseconds the wall clock is ahead of UTC in a quarter of an hour.

    `quarter` counts quarters of wall time since 1970. An hour that occurs twice is taken the first
    time; one that is left out is read as if the clocks had not changed yet.
    """
    wall = (EPOCH + quarter * timedelta(minutes=15)).replace(tzinfo=zone)
    offset = wall.utcoffset()
    assert offset is not None
    return offset // MICROSECOND


def iso_time(microseconds: int, zone: ZoneInfo) -> str:
    """Return a time as ISO 8601 with the offset of the zone."""
    return _datetime(microseconds, zone).isoformat()


def _datetime(microseconds: int, zone: ZoneInfo) -> datetime:
    return (EPOCH + microseconds * MICROSECOND).astimezone(zone)


def _microseconds(time: datetime) -> int:
    return (time.astimezone(timezone.utc) - EPOCH) // MICROSECOND


def _check_steps(steps: int, first: int, last: int, zone: ZoneInfo) -> None:
    if steps > MAX_STEPS:
        raise ValueError(
            f"step divides the events from {iso_time(first, zone)} to {iso_time(last, zone)} into "
            f"{steps:,} steps; at most {MAX_STEPS:,} are wanted: is time_unit mistaken, or a time, "
            "which start and stop (--from, --to) leave out?"
        )
