"""Random numbers of panels, and what every protocol is asked with."""

from __future__ import annotations

import threading
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._numbers import check_integer
from aumann.population import Population

__all__ = ["ascending", "check_request", "check_seed", "panel_order", "panel_word"]

# No window has so many steps, so panels share no random number with sampled permutations, which
# count steps from 0.
PANEL_STEP = 2**32 - 1


def check_request(population: Population, size: int, topic: str | None) -> None:
    """Refuse sizes and topics that the population does not have."""
    check_integer("size", size, 1, population.agents)
    if topic is not None and topic not in population.topics:
        known = list(population.topics)
        wanted = f"one of {known}" if known else "None, as there are no topics,"
        raise ValueError(f"topic: {topic!r}, {wanted} is wanted")


def check_seed(seed: int) -> None:
    """Refuse what is no seed."""
    check_integer("seed", seed, 0, 2**64 - 1)


class _Latest(threading.local):
    """The orders drawn last: panels of one seed, from small to large, all begin with the same."""

    def __init__(self) -> None:
        # A pool and the agents outside it.
        self.order = lru_cache(maxsize=2)(_drawn_order)


def _drawn_order(seed: int, sample: int, agents: int) -> NDArray[np.int64]:
    order = _core.random_order(seed, PANEL_STEP, sample, agents)
    order.flags.writeable = False
    return order


_latest = _Latest()


def panel_order(seed: int, sample: int, agents: int) -> NDArray[np.int64]:
    """Return a random order of agents (docs/random-orders.md), read-only.

    Samples are independent.
    """
    return _latest.order(seed, sample, agents)


def panel_word(seed: int) -> int:
    """Return 64 random bits that no random order uses."""
    key = int(seed) + ((2**64 - 1) << 64)
    return int(np.random.Philox(key=key).random_raw())


def ascending(drawn: NDArray[np.int64], agents: int) -> NDArray[np.intp]:
    """Sort distinct agents; in O(agents), as panels may be almost everyone."""
    inside = np.zeros(agents, dtype=np.bool_)
    inside[drawn] = True
    return np.flatnonzero(inside)
