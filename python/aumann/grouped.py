"""Attributions summed over groups of agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._shares import warn_undefined
from aumann.export import Table, Tabular
from aumann.groups import Groups

__all__ = ["GroupedAttribution", "group_sums"]


@dataclass(frozen=True, eq=False, repr=False)
class GroupedAttribution(Tabular):
    """Sums and shares of attributions per group of agents: the result of `Attribution.group`.

    Parameters
    ----------
    names : tuple of str, length G
        The groups.
    counts : ndarray of int, shape (G,) or (T, G)
        Agents present in each group.
    sums : ndarray of float64, shape (G,) or (T, G)
        Sum of the attributions of each group.
    divisors : ndarray of float64, shape (T,)
        Sum of all attributions per step, NaN where shares are undefined.
    step_labels : ndarray, shape (T,), optional
        Names, times or indices of the steps; None without a step axis.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0], [2.0], [5.0]], aumann.Mean())
    >>> result.group(["low", "low", "high"])
    group  agents      sum  share
    high        1  1.66667  0.625
    low         2        1  0.375
    """

    names: tuple[str, ...]
    counts: NDArray[np.intp]
    sums: NDArray[np.float64]
    divisors: NDArray[np.float64]
    step_labels: NDArray[Any] | None = None

    @property
    def shares(self) -> NDArray[np.float64]:
        """Each sum as a part of the sum over all agents, of the shape of `sums`.

        NaN, with a RuntimeWarning, where `Attribution.shares` is; NaN also for a group without
        agents, which has no share rather than one of 0 (its sum is 0).
        """
        warn_undefined(self.divisors, self.step_labels)
        return self._shares()

    def to_table(self) -> Table:
        """Return one row per step and group, as columns (step,) group, agents, sum and share.

        Returns
        -------
        Table
            Without a step column if the features had no step axis. Undefined shares, and those
            of groups without agents, are NaN.

        Examples
        --------
        >>> import aumann
        >>> result = aumann.attribute([[[1.0], [3.0]], [[2.0], [6.0]]], aumann.Mean())
        >>> result.group(["low", "high"]).to_table()["share"]
        array([0.75, 0.25, 0.75, 0.25])
        """
        steps = len(np.atleast_2d(self.sums))
        columns: dict[str, NDArray[Any]] = {}
        if self.step_labels is not None:
            columns["step"] = np.repeat(self.step_labels, len(self.names))
        columns["group"] = np.tile(np.array(self.names), steps)
        columns["agents"] = self.counts.flatten()
        columns["sum"] = self.sums.flatten()
        columns["share"] = self._shares().ravel()
        return Table(columns)

    def __repr__(self) -> str:
        """Return the groups as a text table."""
        return repr(self.to_table())

    def _repr_html_(self) -> str:
        return self.to_table()._repr_html_()

    def _shares(self) -> NDArray[np.float64]:
        divisors = self.divisors[:, np.newaxis] if self.sums.ndim == 2 else self.divisors
        return np.where(self.counts > 0, self.sums / divisors, np.nan)


def group_sums(
    values: NDArray[Any], present: NDArray[np.bool_] | None, groups: Groups
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return how many agents of each group are present, and the sums of their values.

    Parameters
    ----------
    values : ndarray, shape (T, N)
        0 for absent agents.
    present : ndarray of bool, shape (T, N), optional
        Which agents are there.
    groups : Groups
        The group of every agent.

    Returns
    -------
    tuple of ndarray, shape (T, G)
        Counts and float64 sums.

    Examples
    --------
    >>> counts, sums = group_sums(np.ones((1, 3)), None, Groups.from_labels(["a", "b", "a"]))
    >>> counts, sums
    (array([[2, 1]]), array([[2., 1.]]))
    """
    size = len(groups.names)
    sums = np.empty((len(values), size))
    counts = np.empty((len(values), size), dtype=np.intp)
    for step, row in enumerate(values):
        sums[step] = _core.group_sums(row, groups.codes, size)
        counts[step] = (
            groups.counts
            if present is None
            else np.bincount(groups.codes[present[step]], minlength=size)
        )
    return counts, sums
