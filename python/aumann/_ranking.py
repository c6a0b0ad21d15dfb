"""The largest of many numbers, without sorting them all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["largest"]


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
    edge = np.partition(keys, k - 1)[k - 1]
    above = np.flatnonzero(keys < edge)
    level = np.flatnonzero(keys == edge)[: k - len(above)]
    found = np.concatenate([above, level])
    order = np.argsort(keys[found], kind="stable")
    return np.asarray(candidates[found[order]])
