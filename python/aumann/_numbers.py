"""Numbers that options are given as."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["check_integer", "check_positive"]


def check_integer(argument: str, value: object, low: int, high: int | None = None) -> None:
    """Refuse what is no integer from `low` to `high`, or from `low` on.

    Examples
    --------
    >>> check_integer("seed", 3, 0, 7)
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{argument}: {value!r}, an integer is wanted")
    if value < low or (high is not None and value > high):
        wanted = f"at least {low}" if high is None else f"a number from {low} to {high}"
        raise ValueError(f"{argument}: {value}, {wanted} is wanted")


def check_positive(argument: str, value: object, high: float = math.inf) -> None:
    """Refuse what is no finite number above 0 and at most `high`.

    Examples
    --------
    >>> check_positive("tolerance", 0.5, 1.0)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{argument}: {value!r}, a number is wanted")
    if not 0 < value <= high or not math.isfinite(value):
        below = "" if high == math.inf else f" and at most {high:g}"
        raise ValueError(f"{argument}: {value}, a number above 0{below} is wanted")
