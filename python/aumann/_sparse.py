"""Counts of agents over steps with the zeros left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Series", "SparseSteps", "compact"]

# Above this part of non-zero counts the (T, N) array is kept: sparse entries take 16 bytes each
# against 8, and scattering them is slower than reading a column.
SPARSE_LIMIT = 0.25


@dataclass(frozen=True, eq=False)
class SparseSteps:
    """Non-zero counts of N agents over T steps.

    Parameters
    ----------
    indptr : ndarray of int64, shape (T + 1,)
        Step t holds the entries indptr[t] to indptr[t + 1].
    indices : ndarray of intp, shape (entries,)
        The agents with a count, ascending within a step.
    values : ndarray of int64 or float64, shape (entries,)
        Their counts.
    agents : int
        N.

    Examples
    --------
    >>> import numpy as np
    >>> counts = SparseSteps.from_dense(np.array([[0, 3, 0], [1, 0, 2]]))
    >>> counts.step(1)
    (array([0, 2]), array([1, 2]))
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.intp]
    values: NDArray[Any]
    agents: int

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return int(self.indptr.size - 1)

    @classmethod
    def from_dense(cls, array: NDArray[Any]) -> SparseSteps:
        """Leave the zeros of a (T, N) array out."""
        step, agent = np.nonzero(array)
        return cls.from_entries(step, agent, array[step, agent], array.shape[0], array.shape[1])

    @classmethod
    def from_entries(
        cls,
        step: NDArray[Any],
        agent: NDArray[Any],
        values: NDArray[Any],
        steps: int,
        agents: int,
    ) -> SparseSteps:
        """Build from entries sorted by step, then agent, each pair once."""
        indptr = np.zeros(steps + 1, dtype=np.int64)
        np.cumsum(np.bincount(step, minlength=steps), out=indptr[1:])
        return cls(indptr, agent.astype(np.intp, copy=False), values, agents)

    def step(self, step: int) -> tuple[NDArray[np.intp], NDArray[Any]]:
        """Return the agents with a count in a step, and their counts."""
        span = slice(self.indptr[step], self.indptr[step + 1])
        return self.indices[span], self.values[span]

    def to_dense(self) -> NDArray[Any]:
        """Return the counts as a (T, N) array."""
        dense = np.zeros((self.steps, self.agents), dtype=self.values.dtype)
        dense[self.entry_steps(), self.indices] = self.values
        return dense

    def entry_steps(self) -> NDArray[np.intp]:
        """Return the step of each entry."""
        return np.repeat(np.arange(self.steps), np.diff(self.indptr))

    def total(self) -> NDArray[Any]:
        """Return each agent's sum over the steps, shape (N,)."""
        total = np.zeros(self.agents, dtype=self.values.dtype)
        np.add.at(total, self.indices, self.values)
        return total

    def take(self, indices: NDArray[np.intp]) -> SparseSteps:
        """Return the counts of the agents at `indices`, in that order."""
        position = np.full(self.agents, -1, dtype=np.intp)
        position[indices] = np.arange(indices.size)
        agent = position[self.indices]
        kept = agent >= 0
        agent, step, values = agent[kept], self.entry_steps()[kept], self.values[kept]
        order = np.lexsort((agent, step))
        return SparseSteps.from_entries(
            step[order], agent[order], values[order], self.steps, indices.size
        )


Series: TypeAlias = NDArray[Any] | SparseSteps


def compact(series: Series) -> Series:
    """Return counts in the smaller form: sparse up to a quarter of non-zeros, else dense.

    The choice depends on the counts alone, so a population has one form however it was made.
    """
    if isinstance(series, SparseSteps):
        if (series.values == 0).any():
            return compact(series.to_dense())
        few = series.values.size <= SPARSE_LIMIT * series.steps * series.agents
        return series if few else series.to_dense()
    many = np.count_nonzero(series) > SPARSE_LIMIT * series.size
    return series if many else SparseSteps.from_dense(series)
