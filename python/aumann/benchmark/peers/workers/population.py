"""The population that every peer attributes, and the value functions on it, in plain NumPy.

One player per agent; agents outside a coalition stand at the zero baseline. Nothing is evaluated
agent by agent: a coalition matrix costs a matrix product, and one pass more for the Gini mean
difference, whose composites are sorted once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Population"]


class Population:
    """Features of all agents and one value function, evaluated on coalitions.

    Parameters
    ----------
    x : ndarray of float64, shape (n, d)
        Features, none negative; the composite of an agent is the sum of its features.
    value_function : str
        mean, heat, variance or gini.

    Attributes
    ----------
    evaluations : int
        Coalitions evaluated so far.

    Examples
    --------
    >>> population = Population(np.array([[1.0], [3.0]]), "mean")
    >>> population.values(np.array([[False, True], [True, True]]))
    array([1.5, 2. ])
    """

    def __init__(self, x: NDArray[np.float64], value_function: str) -> None:
        self.x = x
        self.value_function = value_function
        self.evaluations = 0
        n = len(x)
        composite = x.sum(axis=1)
        self._order = np.argsort(composite)
        self._ascending = composite[self._order]
        self._rank = np.empty(n, dtype=np.intp)
        self._rank[self._order] = np.arange(n)
        # What is summed over a coalition, and F as a function of the sums.
        columns = {
            "heat": x,
            "mean": composite[:, None],
            "variance": np.stack([composite, composite**2], axis=1),
        }
        self._columns = columns.get(value_function)

    @property
    def agents(self) -> int:
        """Number of agents, n."""
        return len(self.x)

    def values(self, coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return F of each row of a coalition matrix (m, n), true or 1 where an agent is in."""
        self.evaluations += len(coalitions)
        if self._columns is None:
            return self._gini(coalitions)
        return self._of_sums(coalitions.astype(np.float64, copy=False) @ self._columns)

    def value(self, members: NDArray[np.intp]) -> float:
        """Return F of one coalition, given by the indices of its members."""
        self.evaluations += 1
        if self._columns is None:
            inside = np.zeros(self.agents, dtype=np.bool_)
            inside[self._rank[members]] = True
            ascending = self._ascending[inside]
            # With k members the n - k others are 0 and take the lowest ranks.
            k, n = len(ascending), self.agents
            return float(np.arange(n + 1 - 2 * k, n, 2) @ ascending) * 2 / n**2
        return float(self._of_sums(self._columns[members].sum(axis=0)))

    def _of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        means = sums / self.agents
        if self.value_function == "heat":
            heat: NDArray[np.float64] = np.log1p(means.prod(axis=-1))
            return heat
        if self.value_function == "mean":
            return means[..., 0]
        return means[..., 1] - means[..., 0] ** 2

    def _gini(self, coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        n = self.agents
        inside = coalitions[:, self._order].astype(np.float64)
        # An agent's rank is n less the members above it; 2 rank - n - 1 is its weight.
        above = inside.sum(axis=1, keepdims=True) - inside.cumsum(axis=1)
        weights = (n - 1 - 2 * above) * inside
        values: NDArray[np.float64] = weights @ self._ascending * (2 / n**2)
        return values
