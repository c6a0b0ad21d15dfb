"""What a protocol found out about a population, kept for its next panels."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from numpy.typing import NDArray

from aumann.population import Population

__all__ = ["remembered"]

# Enough for three protocols on five topics; at a million agents the largest take 8 MB each.
KEPT = 16

Rule = TypeVar("Rule")
Found = TypeVar("Found", bound=NDArray[Any])

_found: WeakKeyDictionary[Population, dict[object, Any]] = WeakKeyDictionary()
_lock = Lock()


def remembered(
    find: Callable[[Rule, Population, str | None], Found],
) -> Callable[[Rule, Population, str | None], Found]:
    """Keep what a method of a hashable protocol returns, as long as the population lives.

    A study draws hundreds of panels from one population, and finding a pool takes many times as
    long as drawing from it. What is kept is read-only; of many answers the latest are kept.
    """

    @wraps(find)
    def answer(rule: Rule, population: Population, topic: str | None) -> Found:
        key = (rule, topic)
        with _lock:
            kept: dict[object, Found] = _found.setdefault(population, {})
            if key in kept:
                return kept[key]
        found = find(rule, population, topic)
        found.flags.writeable = False
        with _lock:
            kept[key] = found
            while len(kept) > KEPT:
                del kept[next(iter(kept))]
        return found

    return answer
