"""Names that a user gives, and the nearest of those there are."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeVar

__all__ = ["known"]

T = TypeVar("T")


def known(argument: str, asked: Any, names: Sequence[T]) -> T:
    """Return what was asked for if it is there, or say which one may be meant.

    Parameters
    ----------
    argument : str
        What the error calls it.
    asked : object
        A name or a number.
    names : sequence
        What there is.

    Raises
    ------
    ValueError
        If it is not among them.

    Examples
    --------
    >>> known("size", 100, [100, 1000])
    100
    >>> known("name", "tier", ["bins", "tiers"])
    Traceback (most recent call last):
    ValueError: name: 'tier' is not there, 'tiers' is the nearest; 'bins', 'tiers' are
    """
    for name in names:
        if asked == name:
            return name
    if all(isinstance(each, Real) for each in (asked, *names)):
        nearest = min(names, key=lambda name: abs(name - asked))
    else:
        nearest = max(names, key=lambda name: _likeness(str(asked).lower(), str(name).lower()))
    there = ", ".join(repr(name) for name in names)
    raise ValueError(f"{argument}: {asked!r} is not there, {nearest!r} is the nearest; {there} are")


def _likeness(asked: str, name: str) -> float:
    """Return how much a name looks like the one asked for; most of all where it begins with it."""
    word = asked.removesuffix("()")
    ratio = difflib.SequenceMatcher(None, asked, name).ratio()
    return ratio + 2 * name.startswith(word) + (word in name)
