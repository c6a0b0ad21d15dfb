"""What makes a rule a protocol."""

from __future__ import annotations

import typing

import numpy as np
from numpy.typing import NDArray

from aumann.population import Population

__all__ = ["Protocol"]


# `typing` takes no members from a class that is itself called Protocol, so that anything would pass
# for one.
@typing.runtime_checkable
class PanelProtocol(typing.Protocol):
    """A rule that draws a panel from a population; anything with these two methods is one.

    Examples
    --------
    >>> import aumann, numpy as np
    >>> class FirstAgents:
    ...     def draw(self, population, size, seed, *, topic=None):
    ...         return np.arange(size)
    ...     def inclusion(self, population, size, *, topic=None):
    ...         return (np.arange(population.agents) < size).astype(float)
    >>> isinstance(FirstAgents(), aumann.Protocol), isinstance("all", aumann.Protocol)
    (True, False)
    """

    def draw(
        self, population: Population, size: int, seed: int, *, topic: str | None = None
    ) -> NDArray[np.intp]:
        """Draw a panel without replacement.

        Parameters
        ----------
        population : Population
            The population of N agents.
        size : int
            Agents in the panel, from 1 to N.
        seed : int
            A number from 0 to 2**64 - 1; another one gives an independent panel.
        topic : str, optional
            The topic whose engagement counts; None is all topics together.

        Returns
        -------
        ndarray of intp, shape (size,)
            Agent indices, ascending; the same on every machine. `Population.take` makes the panel.

        Raises
        ------
        TypeError, ValueError
            If an argument is out of range, or the population lacks what the rule needs.
        """
        ...

    def inclusion(
        self, population: Population, size: int, *, topic: str | None = None
    ) -> NDArray[np.float64]:
        """Return how likely each agent is in a panel.

        Parameters
        ----------
        population, size, topic
            As for `draw`.

        Returns
        -------
        ndarray of float64, shape (N,)
            The exact inclusion probability of each agent over all seeds: 0 where an agent cannot
            be drawn, 1 where it always is; the sum is `size`.

        Raises
        ------
        TypeError, ValueError
            As `draw`; ValueError also where the probabilities cannot be calculated.
        """
        ...


Protocol = PanelProtocol
