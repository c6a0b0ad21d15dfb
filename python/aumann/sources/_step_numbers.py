"""Steps of a log whose times are numbers of steps."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from aumann.sources._calendar import MAX_STEPS, Edges, StepLength, iso_time, zone_named

__all__ = ["StepNumbers", "step_length", "time_text"]


class StepNumbers:
    """So many numbers in a row as "1" or "10": times are whole numbers that count steps."""

    def __init__(self, text: str) -> None:
        self.count = int(text)

    def edges(self, first: int, last: int, zone: ZoneInfo) -> Edges:
        """Return the steps that hold all numbers from `first` to `last`, called by their first.

        Steps begin at multiples of `count`, so that other logs of the same run have the same ones.
        """
        begin = first // self.count * self.count
        steps = (last - begin) // self.count + 1
        if steps > MAX_STEPS:
            raise ValueError(
                f"step divides the numbers from {first:,} to {last:,} into {steps:,} steps; at "
                f"most {MAX_STEPS:,} are wanted: times since 1970 need a length such as '1d', and "
                "start and stop (--from, --to) leave stray numbers out"
            )
        starts = [begin + k * self.count for k in range(steps)]
        return Edges(starts, [str(start) for start in starts])


def step_length(text: str) -> StepLength | StepNumbers:
    """Return how long a step is: a length of time, or how many numbers of the log it holds."""
    if re.fullmatch(r"[1-9][0-9]{0,8}", text):
        return StepNumbers(text)
    return StepLength(text)


def time_text(time: int, step: StepLength | StepNumbers, time_zone: str) -> str:
    """Return a time of the log as it is told: ISO 8601 in the zone, or the number."""
    if isinstance(step, StepNumbers):
        return str(time)
    return iso_time(time, zone_named(time_zone))
