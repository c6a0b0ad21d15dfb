"""Attributions by step and group, with the cells of few people taken out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aumann._shares import share_divisors
from aumann.attribution import Attribution
from aumann.groups import Groups

__all__ = ["MINIMUM_CELL", "Cells", "step_cells", "suppress", "window_cells"]

# The fewest people that a cell may hold to be shown, unless a caller says otherwise.
MINIMUM_CELL = 10


@dataclass(frozen=True)
class Cells:
    """What is shown: rows (steps, or the window as one) by groups.

    Parameters
    ----------
    rows : tuple of str, length R
        Names of the rows.
    groups : tuple of str, length G
    agents : ndarray of int, shape (R, G)
        Agents present.
    sums, shares : ndarray of float64, shape (R, G)
        NaN where suppressed; shares also where they are undefined, or nobody is in the cell.
    value, total : ndarray of float64, shape (R,)
        F(x) and F(x) - F(baseline); NaN where suppressed.
    residual, relative_residual : ndarray of float64, shape (R,)
        Sum of the attributions minus total, and that as a part of the sum of magnitudes.
    undefined : ndarray of bool, shape (R,)
        Where shares do not exist because the attributions sum to 0.
    hidden : ndarray of bool, shape (R, G)
        Which cells are suppressed.
    """

    rows: tuple[str, ...]
    groups: tuple[str, ...]
    agents: NDArray[np.intp]
    sums: NDArray[np.float64]
    shares: NDArray[np.float64]
    value: NDArray[np.float64]
    total: NDArray[np.float64]
    residual: NDArray[np.float64]
    relative_residual: NDArray[np.float64]
    undefined: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


def step_cells(
    result: Attribution, groups: Groups, rows: tuple[str, ...], minimum: int | None
) -> Cells:
    """Return one row per step of the result; `minimum` is None where agents are no people."""
    grouped = result.group(groups)
    return _cells(
        rows,
        groups.names,
        np.atleast_2d(grouped.counts),
        np.atleast_2d(grouped.sums),
        result.statistics,
        share_divisors(result.statistics[:, 2], result.statistics[:, 3], result.values.dtype),
        minimum,
    )


def window_cells(
    result: Attribution,
    groups: Groups,
    row: str,
    present: NDArray[np.bool_] | None,
    minimum: int | None,
) -> Cells:
    """Return one row that sums the steps of the result.

    An agent counts once if it is present in any step, as `present` says (None: all are).
    """
    grouped = result.group(groups)
    statistics = result.statistics.sum(axis=0, keepdims=True)
    counts = groups.counts if present is None else groups.take(np.flatnonzero(present)).counts
    return _cells(
        (row,),
        groups.names,
        counts[np.newaxis],
        np.atleast_2d(grouped.sums).sum(axis=0, keepdims=True),
        statistics,
        share_divisors(statistics[:, 2], statistics[:, 3], result.values.dtype),
        minimum,
    )


def _cells(
    rows: tuple[str, ...],
    groups: tuple[str, ...],
    agents: NDArray[np.intp],
    sums: NDArray[np.float64],
    statistics: NDArray[np.float64],
    divisors: NDArray[np.float64],
    minimum: int | None,
) -> Cells:
    value, baseline_value, attributed, magnitude = statistics.T
    total = value - baseline_value
    residual = attributed - total
    relative = np.divide(residual, magnitude, out=np.zeros_like(residual), where=magnitude > 0)
    hidden = np.zeros(sums.shape, dtype=np.bool_)
    few = np.zeros(len(rows), dtype=np.bool_)
    if minimum is not None:
        hidden = suppress(agents, minimum)
        present = agents.sum(axis=1)
        few = (present > 0) & (present < minimum)
    return Cells(
        rows,
        groups,
        agents,
        np.where(hidden, np.nan, sums),
        np.where(hidden | (agents == 0), np.nan, sums / divisors[:, np.newaxis]),
        np.where(few, np.nan, value),
        np.where(few, np.nan, total),
        residual,
        relative,
        np.isnan(divisors),
        hidden,
    )


def suppress(agents: NDArray[np.intp], minimum: int) -> NDArray[np.bool_]:
    """Return which cells to take out so that none of fewer than `minimum` agents can be read.

    In a row where the suppressed cells hold fewer than `minimum` agents together, their sum could
    be had by subtraction from the total, so the next larger cells go too until they hold enough.
    Empty cells say nothing about anybody and stay.

    Parameters
    ----------
    agents : ndarray of int, shape (R, G)
        Agents in each cell.
    minimum : int
        The fewest agents of a cell that may be shown.

    Returns
    -------
    ndarray of bool, shape (R, G)

    Examples
    --------
    >>> suppress(np.array([[3, 40, 90], [30, 40, 50], [0, 40, 90], [6, 6, 90]]), 10)
    array([[ True,  True, False],
           [False, False, False],
           [False, False, False],
           [ True,  True, False]])
    """
    order = np.argsort(agents, axis=1, kind="stable")
    ascending = np.take_along_axis(agents, order, axis=1)
    # Agents in smaller cells of the row: once too few of them are hidden, this cell is as well.
    before = np.cumsum(ascending, axis=1) - ascending
    small = (ascending > 0) & (ascending < minimum)
    needed = small.any(axis=1, keepdims=True) & (before < minimum) & (ascending > 0)
    hidden = np.zeros(agents.shape, dtype=np.bool_)
    np.put_along_axis(hidden, order, small | needed, axis=1)
    return hidden
