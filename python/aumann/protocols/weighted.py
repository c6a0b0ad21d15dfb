"""A protocol under which the visible are likelier and everyone is possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aumann._numbers import check_positive
from aumann.inclusion import proportional_inclusion
from aumann.population import Population
from aumann.protocols.drawing import (
    ascending,
    check_request,
    check_seed,
    panel_order,
    panel_word,
)
from aumann.protocols.memory import remembered
from aumann.protocols.visibility import check_weight, visibility

__all__ = ["VisibilityWeighted"]

# Units of the line that an agent's part has at least: probabilities are met to a relative 1e-6.
LEAST_UNITS = 2.0**20


@dataclass(frozen=True)
class VisibilityWeighted:
    """The more visible, the likelier, but everyone is possible: a bias that weights can repair.

    The inclusion probability of an agent is proportional to exp(rate * v), v being visibility,
    z(log followers) + weight * z(log engagement), standardised over the population. Agents whose
    probability would exceed 1 are always in the panel, and the others share the places left.

    Parameters
    ----------
    rate : float, default 0.7
        How fast the probability grows, above 0. An agent one standard deviation more visible is
        exp(rate) times as likely. The default is ours.
    weight : float, default 1.0
        Weight of engagement, as in `VisibilityBiased`; 0 looks at followers only.

    Notes
    -----
    The panel is a randomised systematic sample: agents in random order lie side by side on a line,
    each as long as its probability, and are drawn where marks at distance 1 with a random start
    fall on them (Madow, Annals of Mathematical Statistics 20, 1949; Hartley and Rao, the same, 33,
    1962). It has exactly `size` agents. The line is measured in integers, 2**60 of them or more, so
    that each probability is met to a millionth of itself or better. Panels of one seed and
    different sizes are not nested. A panel is the same on every machine unless rounding of the
    logarithms moves an agent's end past a mark. Cost: O(N).

    The population needs features named reach, activity and resonance, none negative (only reach if
    `weight` is 0).

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=1_000, steps=2)
    >>> protocol = aumann.VisibilityWeighted()
    >>> panel = protocol.draw(population, 20, seed=0)
    >>> chances = protocol.inclusion(population, 20)
    >>> panel.size, bool(chances.min() > 0), round(chances.sum(), 6)
    (20, True, np.float64(20.0))
    """

    rate: float = 0.7
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse parameters without a meaning."""
        check_positive("rate", self.rate)
        check_weight(self.weight)

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
            Agent indices, ascending. `Population.take` makes the panel.

        Raises
        ------
        TypeError, ValueError
            As `inclusion`; also if `seed` is no integer or out of range.

        Examples
        --------
        >>> import aumann
        >>> population = aumann.synthesize(agents=1_000, steps=2)
        >>> aumann.VisibilityWeighted(rate=0.5).draw(population, 5, seed=0).shape
        (5,)
        """
        chances = self.inclusion(population, size, topic=topic)
        check_seed(seed)
        certain = np.flatnonzero(chances == 1)
        places = int(size) - certain.size
        if places == 0:
            return certain
        chances[certain] = 0
        order = panel_order(seed, 0, population.agents)
        units = (chances * _units(places)).astype(np.int64)
        ends = np.cumsum(units[order])
        distance = int(ends[-1]) // places
        start = panel_word(seed) * distance >> 64
        marks = start + distance * np.arange(places)
        drawn = order[np.searchsorted(ends, marks, side="right")]
        return ascending(np.concatenate((certain, drawn)), population.agents)

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
            Exact inclusion probabilities, all above 0; their sum is `size`.

        Raises
        ------
        TypeError
            If `size` is no integer.
        ValueError
            If `size` is out of range, the population has no such topic or lacks a feature, or
            `rate` is so high that the least visible agent is next to impossible.

        Examples
        --------
        >>> import aumann
        >>> population = aumann.synthesize(agents=1_000, steps=2)
        >>> chances = aumann.VisibilityWeighted(rate=0.5).inclusion(population, 5)
        >>> bool(chances.max() > 10 * chances.min())
        True
        """
        check_request(population, size, topic)
        chances = proportional_inclusion(self._weights(population, topic), int(size))
        places = int(size) - int(np.count_nonzero(chances == 1))
        least = chances.min()
        if least * _units(places) < LEAST_UNITS:
            raise ValueError(
                f"rate: {self.rate:g}, which leaves an agent a probability of {least:.1g} to be "
                f"in a panel of {size}; a lower rate is wanted"
            )
        return chances

    @remembered
    def _weights(self, population: Population, topic: str | None) -> NDArray[np.float64]:
        weights = visibility(population, self.weight, topic)
        spread = weights.std()
        if spread > 0:
            weights *= self.rate / spread
        weights -= weights.max()
        np.exp(weights, out=weights)
        return weights


def _units(places: int) -> float:
    """Return the units of the distance between two marks: as many as 63 bits can add up."""
    return 2.0 ** (62 - places.bit_length())
