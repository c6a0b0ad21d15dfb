"""Protocols: rules that draw a panel from a population."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from aumann._numbers import check_integer
from aumann.population import Population

__all__ = ["UniformRandom", "VisibilityBiased"]


@dataclass(frozen=True)
class UniformRandom:
    """Every agent is as likely as any other: the unbiased control.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=1_000, steps=2)
    >>> aumann.UniformRandom().draw(population, 5, seed=0).shape
    (5,)
    """

    def draw(self, population: Population, size: int, seed: int) -> NDArray[np.intp]:
        """Draw a panel without replacement.

        Parameters
        ----------
        population : Population
            The population of N agents.
        size : int
            Agents in the panel, from 1 to N.
        seed : int
            A number from 0 to 2**64 - 1; another one gives an independent panel.

        Returns
        -------
        ndarray of intp, shape (size,)
            Agent indices, ascending; the same on every machine. `Population.take` makes the panel.

        Raises
        ------
        TypeError, ValueError
            If `size` or `seed` is no integer or out of range.

        Notes
        -----
        Cost: one random number per agent.
        """
        return _draw(np.arange(population.agents), size, population.agents, seed)


@dataclass(frozen=True)
class VisibilityBiased:
    """Draw from the most visible agents, as small studies of platforms do.

    The pool holds the agents of highest visibility, z(log followers) + weight * z(log engagement),
    z standardising over the population and engagement being activity plus resonance over the
    window. The panel is drawn uniformly from the pool; where it is larger than the pool, the whole
    pool is in it, and the rest is drawn from the other agents.

    Parameters
    ----------
    pool : float, default 0.05
        Part of the population in the pool. The paper's text lost its value.
    weight : float, default 1.0
        Weight of engagement. The paper does not say.

    Notes
    -----
    Source: "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404, appendix N. The
    population needs features named reach, activity and resonance. An agent outside the pool is
    never in a small panel, so no weights can make such a panel speak for the population.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=1_000, steps=2)
    >>> panel = population.take(aumann.VisibilityBiased().draw(population, 20, seed=0))
    >>> panel.agents
    20
    """

    pool: float = 0.05
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse parameters without a meaning."""
        for name, value in (("pool", self.pool), ("weight", self.weight)):
            if isinstance(value, bool) or not isinstance(value, Real):
                raise TypeError(f"{name} is {value!r}; a number is wanted")
        if not 0 < self.pool <= 1:
            raise ValueError(f"pool is {self.pool}; a part above 0 and at most 1 is wanted")
        if not math.isfinite(self.weight):
            raise ValueError(f"weight is {self.weight}; a finite number is wanted")

    def draw(self, population: Population, size: int, seed: int) -> NDArray[np.intp]:
        """Draw a panel without replacement; see `UniformRandom.draw`.

        Also raises ValueError if the population lacks one of the three features. The panel is the
        same on every machine unless agents at the edge of the pool differ by less than rounding.
        """
        names = {feature.name for feature in population.feature_list}
        missing = sorted({"reach", "activity", "resonance"} - names)
        if missing:
            raise ValueError(
                f"population: features {sorted(names)}; visibility needs {', '.join(missing)} too"
            )
        visibility = _standard(_log_total(population, "reach"))
        engagement = _log_total(population, "activity", "resonance")
        visibility += self.weight * _standard(engagement)
        ranked = np.argsort(-visibility, kind="stable")
        return _draw(ranked, size, max(1, int(self.pool * population.agents + 0.5)), seed)


def _log_total(population: Population, *features: str) -> NDArray[np.float64]:
    totals = np.zeros(population.agents)
    for name in features:
        totals += population.raw(name)
    np.log1p(totals, out=totals)
    return totals


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    deviations: NDArray[np.float64] = values - values.mean()
    spread = deviations.std()
    if spread > 0:
        deviations /= spread
    return deviations


def _draw(ranked: NDArray[np.intp], size: int, pool: int, seed: int) -> NDArray[np.intp]:
    """Draw uniformly from the first `pool` of the ranked agents, then from the others."""
    check_integer("size", size, 1, len(ranked))
    check_integer("seed", seed, 0, 2**64 - 1)
    keys = np.random.Philox(key=seed).random_raw(len(ranked))
    first, rest = ranked[:pool], ranked[pool:]
    drawn = first[np.argsort(keys[:pool], kind="stable")[:size]]
    more = rest[np.argsort(keys[pool:], kind="stable")[: size - len(drawn)]]
    return np.sort(np.concatenate((drawn, more)))
