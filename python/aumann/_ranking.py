"""The largest of many numbers, without sorting them all."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aumann._numbers import check_integer
from aumann._printable import LONGEST_NAME, printable

__all__ = ["Top", "jaccard", "largest", "largest_by_step"]


# Every which candidate is looked at before all are.
SAMPLED = 64
# Steps and agents that are printed.
SHOWN_STEPS, SHOWN_AGENTS = 12, 5


class _Top(NamedTuple):
    agents: NDArray[np.intp]
    values: NDArray[Any]


class Top(_Top):
    """The agents with the largest attributions, and these; `ids` where identifiers were kept."""

    # Of the shape of `agents`; apart from the two, so that they can be unpacked as a pair.
    ids: NDArray[Any] | None = None

    def __repr__(self) -> str:
        """Return the pair, and the identifiers where there are any; or a line for every step."""
        if self.agents.ndim == 2:
            return self._by_step()
        shown = f"agents={self.agents!r}, values={self.values!r}"
        return f"Top({shown})" if self.ids is None else f"Top({shown}, ids={self.ids!r})"

    def _by_step(self) -> str:
        names = self.agents if self.ids is None else self.ids
        lines = []
        for step, (row, values) in enumerate(zip(names, self.values, strict=True)):
            # Who is missing where fewer agents are there has no number.
            there = self.agents[step] >= 0
            told = [
                f"{printable(str(name), most=LONGEST_NAME)} ({value:.6g})"
                for name, value in zip(row[there], values[there], strict=True)
            ]
            more = ["..."] if len(told) > SHOWN_AGENTS else []
            lines.append(f"  step {step}: {', '.join([*told[:SHOWN_AGENTS], *more]) or 'nobody'}")
        if len(lines) > SHOWN_STEPS:
            lines = [*lines[: SHOWN_STEPS - 2], "  ...", lines[-1]]
        steps, k = self.agents.shape
        return "\n".join([f"Top {k} of each of {steps} steps, agent (attribution)", *lines])


def largest(
    values: NDArray[Any], candidates: NDArray[np.intp], k: int, by_magnitude: bool = False
) -> NDArray[np.intp]:
    """Return the k candidates with the largest values, in order, ties by index.

    Parameters
    ----------
    values : ndarray of float, shape (N,)
        What is compared.
    candidates : ndarray of int, shape (n,)
        Indices into `values`, ascending, at least one.
    k : int
        How many are wanted, at least 1; fewer come where there are fewer candidates.
    by_magnitude : bool
        Whether to compare distances from 0.

    Returns
    -------
    ndarray of int, shape (min(k, n),)

    Notes
    -----
    O(n + k log k).

    Examples
    --------
    >>> largest(np.array([3.0, 7.0, 3.0, 1.0]), np.arange(4), 2)
    array([1, 0])
    """
    keys = -np.abs(values[candidates]) if by_magnitude else -values[candidates]
    k = min(k, len(keys))
    few = keys[::SAMPLED]
    if len(few) >= k and not np.isnan(bound := np.partition(few, k - 1)[k - 1]):
        # The k-th of some of them is no better than the k-th of all: whoever is worse is out.
        left = np.flatnonzero(keys <= bound)
        keys, candidates = keys[left], candidates[left]
    edge = np.partition(keys, k - 1)[k - 1]
    above = np.flatnonzero(keys < edge)
    level = np.flatnonzero(keys == edge)[: k - len(above)]
    found = np.concatenate([above, level])
    order = np.argsort(keys[found], kind="stable")
    return np.asarray(candidates[found[order]])


def jaccard(one: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    """Return how many agents two tops share, as a part of those in either.

    Examples
    --------
    >>> jaccard(np.array([4, 2]), np.array([2, 7]))
    0.3333333333333333
    """
    shared = np.intersect1d(one, other, assume_unique=True).size
    return shared / (len(one) + len(other) - shared)


def largest_by_step(
    values: NDArray[Any], present: NDArray[np.bool_] | None, k: int, by: str
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return the agents with the largest values of every step, and these.

    Parameters
    ----------
    values : ndarray, shape (T, N)
        What is ranked.
    present : ndarray of bool, shape (T, N), optional
        Who is.
    k : int
        How many, at least 1.
    by : str
        "value" or "magnitude".

    Returns
    -------
    tuple of ndarray, shape (T, k)
        Agents, -1 where a step has fewer, and values, NaN there. k is reduced to the largest
        number of agents present at a step.

    Raises
    ------
    TypeError, ValueError
        If `k` is no positive integer or `by` is unknown.

    Examples
    --------
    >>> largest_by_step(np.array([[1.0, -3.0, 2.0]]), None, 2, "magnitude")
    (array([[1, 2]]), array([[-3.,  2.]]))
    """
    check_integer("k", k, 1)
    if by not in ("value", "magnitude"):
        raise ValueError(f"by: {by!r}, 'value' or 'magnitude' is wanted")
    steps, agents = values.shape
    most = agents if present is None else int(present.sum(axis=1).max())
    found = np.full((steps, min(k, most)), -1, dtype=np.intp)
    sizes = np.full(found.shape, np.nan, dtype=values.dtype)
    for step, row in enumerate(values):
        candidates = np.arange(agents) if present is None else np.flatnonzero(present[step])
        ranked = largest(row, candidates, found.shape[1], by == "magnitude")
        found[step, : len(ranked)] = ranked
        sizes[step, : len(ranked)] = row[ranked]
    return found, sizes
