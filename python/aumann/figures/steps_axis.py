"""Labels of steps that fit under an axis."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from matplotlib.axes import Axes

from aumann.figures.style import tick_names

__all__ = ["short_labels", "step_axis"]

_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.\d+)?)?)?\s?(Z|[+-]\d{2}(?::?\d{2})?)?)?"
)
_DATE_AND_TIME = re.compile(r"(?<=\d) (?=\d\d:)")
_LONGEST = 14


def short_labels(labels: Sequence[str]) -> tuple[list[str], str]:
    """Return labels without what all have in common, and that part.

    Dates and times lose the year if it is one, the time if it is always midnight, the date if it is
    one, and the offset from UTC where all have the same. Other labels that are long lose the words
    that all begin with, and are cut: at their end, or in front where only the end tells them apart.

    Parameters
    ----------
    labels : sequence of str
        In the order of the steps.

    Returns
    -------
    tuple of list of str and str
        The labels, and the common year, date or beginning, or "".

    Examples
    --------
    >>> short_labels(["2026-04-08T00:00:00", "2026-04-09T00:00:00"])
    (['04-08', '04-09'], '2026')
    >>> short_labels(["2026-04-08T00:00", "2026-04-08T06:00"])
    (['00:00', '06:00'], '2026-04-08')
    >>> short_labels(["2012-07-04T08:00+02:00", "2012-07-05T09:00+02:00"])
    (['07-04 08:00', '07-05 09:00'], '2012')
    >>> short_labels(["before the announcement", "after"])
    (['before the an\u2026', 'after'], '')
    >>> short_labels(["experiment run 1", "experiment run 2"])
    (['1', '2'], 'experiment run')
    """
    parsed = [_ISO.fullmatch(label) for label in labels]
    found = [match.groups("00") for match in parsed if match is not None]
    if len(found) < len(labels):
        return _cut(labels)
    one_year = len({parts[0] for parts in found}) == 1
    one_day = len({parts[:3] for parts in found}) == 1
    seconds = any(parts[5] != "00" for parts in found)
    timed = any(parts[3:6] != ("00", "00", "00") for parts in found)
    dates = ["-".join(parts[one_year:3]) for parts in found]
    if not timed:
        return dates, found[0][0] if one_year else ""
    one_offset = len({parts[6] for parts in found}) == 1
    times = [
        ":".join(parts[3 : 6 if seconds else 5]) + ("" if one_offset else parts[6])
        for parts in found
    ]
    if one_day:
        return times, "-".join(found[0][:3])
    both = [f"{date} {time}" for date, time in zip(dates, times, strict=True)]
    return both, found[0][0] if one_year else ""


def _cut(labels: Sequence[str]) -> tuple[list[str], str]:
    """Return labels that fit, and the words that were taken from the beginning of all."""
    common = ""
    if len(labels) > 1 and max(map(len, labels)) > _LONGEST:
        # All labels begin with what the first and the last of them in order begin with.
        first, last = min(labels), max(labels)
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
        length = sum(1 for _ in alike)
        common = first[: 1 + max(first.rfind(mark, 0, length) for mark in " _/:-.")]
    rest = [label.removeprefix(common) for label in labels]
    cut = [label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}\u2026" for label in rest]
    if len(set(cut)) < len(set(rest)):
        cut = [
            label if len(label) <= _LONGEST else f"\u2026{label[1 - _LONGEST :]}" for label in rest
        ]
    return cut, common.rstrip(" _/:-.")


def step_axis(axes: Axes, labels: Sequence[str], inches: float) -> None:
    """Label the steps 0, 1, ... of a horizontal axis, as many as fit side by side.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Steps are at whole numbers.
    labels : sequence of str
        Of all steps.
    inches : float
        About how wide the axis is.

    Examples
    --------
    >>> from aumann.figures.style import Picture
    >>> axes = Picture(3, 2).subplots()
    >>> step_axis(axes, [f"2026-04-{day:02}" for day in range(8, 22)], 2.5)
    >>> [label.get_text() for label in axes.get_xticklabels()]
    ['04-08', '04-12', '04-16', '04-20']
    """
    short, common = short_labels(labels)
    short = [_DATE_AND_TIME.sub("\n", label) for label in short]
    longest = max(len(line) for label in short for line in label.split("\n"))
    # A letter of the ticks is about 0.08 inches wide.
    room = max(1, int(inches / (0.08 * (longest + 1.5))))
    every = -(-len(short) // room)
    shown = range(0, len(short), every)
    axes.set_xticks(list(shown), tick_names([short[step] for step in shown]))
    axes.set_xlabel(f"step ({common})" if common else "step")
