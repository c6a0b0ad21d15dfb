"""Agents who have the same features, and how far what they get differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_by_class", "spread_by_class", "tie_classes"]

# Fixed, so that the same features are told apart in the same way every time.
KEY_SEED = 20_240_518


def tie_classes(columns: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """Return the class of each agent, agents with equal numbers in all columns sharing one.

    Parameters
    ----------
    columns : sequence of ndarray, shape (n,)
        At least one.

    Returns
    -------
    ndarray of intp, shape (n,)
        Classes from 0 on.

    Examples
    --------
    >>> import numpy as np
    >>> tie_classes([np.array([3.0, 1.0, 3.0, 1.0]), np.array([5.0, 1.0, 5.0, 2.0])])
    array([2, 0, 2, 1])
    """
    # One number stands for a row while it is sorted; the rows themselves decide.
    weights = np.random.default_rng(KEY_SEED).random(len(columns)) + 0.5
    key = np.zeros(len(columns[0]))
    with np.errstate(over="ignore", invalid="ignore"):
        for column, weight in zip(columns, weights, strict=True):
            key += weight * column.astype(np.float64, copy=False)
    order = np.argsort(key, kind="stable")
    differs = np.zeros(len(key), dtype=np.bool_)
    for column in columns:
        ordered = column[order]
        differs[1:] |= ordered[1:] != ordered[:-1]
    classes = np.empty(len(key), dtype=np.intp)
    classes[order] = np.cumsum(differs)
    return classes


def spread_by_class(values: NDArray[Any], classes: NDArray[np.intp]) -> NDArray[Any]:
    """Return the largest less the smallest value of each class.

    Examples
    --------
    >>> import numpy as np
    >>> spread_by_class(np.array([1.0, 4.0, 3.0]), np.array([0, 0, 1]))
    array([3., 0.])
    """
    order = np.argsort(classes, kind="stable")
    starts = np.flatnonzero(np.diff(classes[order], prepend=-1))
    ordered = values[order]
    spread: NDArray[Any] = np.maximum.reduceat(ordered, starts)
    spread -= np.minimum.reduceat(ordered, starts)
    return spread


def mean_by_class(values: NDArray[Any], classes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return for each agent the mean over its class.

    Examples
    --------
    >>> import numpy as np
    >>> mean_by_class(np.array([1.0, 4.0, 3.0]), np.array([0, 0, 1]))
    array([2.5, 2.5, 3. ])
    """
    counts = np.bincount(classes)
    return np.asarray((np.bincount(classes, weights=values) / counts)[classes])
