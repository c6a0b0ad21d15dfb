"""The baseline of an attribution: where its path starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._arrays import RealArray
from aumann.coercion import Block, Features, read_arrays

__all__ = ["Baseline", "read_baseline"]


@dataclass(frozen=True, eq=False)
class Baseline:
    """What each agent's features start from.

    `row` is one row shared by all agents, shape (1, d). `columns` holds a row per agent: one array
    of shape (1 or T, N, d), or d columns of shape (1 or T, N). Both are None for zero and for the
    mean.
    """

    text: str
    row: NDArray[np.float64] | None = None
    columns: RealArray | list[RealArray] | None = None
    mean: bool = False

    def of_block(self, block: Block) -> NDArray[np.float64] | RealArray | list[RealArray] | None:
        """Return the baseline of a block of steps, as the core takes it."""
        if self.mean:
            return _core.feature_means(block.x, block.presence)
        if isinstance(self.columns, list):
            return [_of_steps(column, block.steps) for column in self.columns]
        return self.row if self.columns is None else _of_steps(self.columns, block.steps)

    def arrays(self) -> list[RealArray]:
        """Return the memory that an output must not overlap."""
        if self.columns is None:
            return []
        return self.columns if isinstance(self.columns, list) else [self.columns]


def _of_steps(array: RealArray, steps: slice) -> RealArray:
    return array if len(array) == 1 else array[steps]


def read_baseline(baseline: Any, features: Features) -> Baseline:
    """Return the baseline for features, checked.

    Parameters
    ----------
    baseline : float, "mean", array-like, table, or list of columns
        As in `attribute`.
    features : Features
        The features to be attributed.

    Returns
    -------
    Baseline

    Raises
    ------
    TypeError, ValueError
        If the baseline cannot be read, is not finite, or does not fit the features.

    Examples
    --------
    >>> from aumann.coercion import read_features
    >>> read_baseline([0.5, 1], read_features([[1.0, 2.0]])).row
    array([[0.5, 1. ]])
    """
    if isinstance(baseline, str):
        if baseline == "mean":
            return Baseline("mean", mean=True)
        raise ValueError(f"baseline: {baseline!r}, 'mean' or numbers are wanted")
    if isinstance(baseline, bool | np.bool_):
        raise TypeError(f"baseline: {baseline!r}, 'mean' or numbers are wanted")
    arrays = read_arrays(baseline, "baseline")
    steps, agents, width = features.shape
    if arrays.names is not None and features.names not in (None, arrays.names):
        raise ValueError(f"baseline: features {arrays.names}, {features.names} are wanted")
    shape = arrays.shape
    if shape in ((), (width,)):
        row = np.atleast_1d(np.asarray(arrays.data, dtype=np.float64))
        bad = np.flatnonzero(~np.isfinite(row))
        if bad.size:
            where = f" at feature {bad[0]}" if shape else ""
            raise ValueError(f"baseline: {row[bad[0]]}{where}, finite numbers are wanted")
        text = f"one row for all agents, shape {shape}" if shape else f"{row[0]:.6g}"
        if not row.any():
            return Baseline(text)
        return Baseline(text, row=np.ascontiguousarray(np.broadcast_to(row, (1, width))))
    if shape not in ((agents, width), (steps, agents, width)):
        raise ValueError(
            f"baseline: shape {shape}, a number, ({width},), ({agents}, {width}) or "
            f"({steps}, {agents}, {width}) is wanted"
        )
    text, stepped = f"one row per agent, shape {shape}", len(shape) == 3
    if isinstance(arrays.data, list):
        columns = [_cast(column, features.dtype, stepped) for column in arrays.data]
        return Baseline(text, columns=columns)
    return Baseline(text, columns=_cast(arrays.data, features.dtype, stepped))


def _cast(array: RealArray, dtype: np.dtype[Any], stepped: bool) -> RealArray:
    """Return an array of the features' dtype, with a step axis, copied only where it differs."""
    with np.errstate(over="ignore"):
        cast: RealArray = array.astype(dtype, copy=False)
    return cast if stepped else cast[np.newaxis]
