"""Whether steps that are named by texts are in the order that their numbers say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aumann._warning import warn_user

__all__ = ["doubt_order"]


def doubt_order(column: str, labels: Sequence[str]) -> None:
    """Warn where the order of texts is not that of the numbers in them: "day 10" before "day 2".

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     doubt_order("day", ["day 1", "day 2"])
    ...     doubt_order("day", ["day 1", "day 10", "day 2"])
    >>> [str(each.message)[:56] for each in caught]
    ["steps are in the order of their texts in column 'day': '"]
    """
    keys = [_numbered(label) for label in labels]
    for place in range(1, len(keys)):
        before, after = keys[place - 1], keys[place]
        # Names of another pattern have no order but that of their texts.
        if before[0] == after[0] and before[1] > after[1]:
            warn_user(
                f"steps are in the order of their texts in column {column!r}: "
                f"{labels[place - 1]!r} comes before {labels[place]!r}; numbers, dates as "
                "2024-01-31 and padded names as 'day 02' are in the order of time",
                UserWarning,
            )
            return


def _numbered(label: str) -> tuple[str, list[float]]:
    """Return a text without its numbers, and these."""
    number = r"[0-9]{1,300}(?:[.][0-9]+)?"
    return re.sub(number, "0", label), [float(found) for found in re.findall(number, label)]
