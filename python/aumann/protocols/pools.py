"""Protocols that draw uniformly from a pool of agents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aumann._numbers import check_positive
from aumann.population import Population
from aumann.protocols.drawing import ascending, check_request, check_seed, panel_order
from aumann.protocols.memory import remembered
from aumann.protocols.visibility import check_weight, engagement, followers, visibility

__all__ = ["TopicByFollowers", "TopicTop", "UniformRandom", "VisibilityBiased"]


class PoolProtocol(ABC):
    """Draws uniformly from a pool; where that is too small, all of it and some of the others."""

    @abstractmethod
    def _pool(self, population: Population, topic: str | None) -> NDArray[np.intp]:
        """Return the agents of the pool, ascending, at least one."""

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
        TypeError
            If `size` or `seed` is no integer.
        ValueError
            If `size` or `seed` is out of range, the population has no such topic, or it lacks a
            feature that the pool is made from.

        Notes
        -----
        A larger panel of the same seed holds all agents of the smaller one. Cost: a random order of
        the pool (docs/random-orders.md), O(N) for the panel's mask, and, at the first panel of a
        population and topic, finding the pool in O(N).

        Examples
        --------
        >>> import aumann
        >>> population = aumann.synthesize(agents=1_000, steps=2)
        >>> aumann.UniformRandom().draw(population, 5, seed=0).shape
        (5,)
        """
        check_request(population, size, topic)
        check_seed(seed)
        pool = self._pool(population, topic)
        drawn = pool[panel_order(seed, 0, pool.size)[:size]]
        if size > pool.size:
            outside = np.ones(population.agents, dtype=np.bool_)
            outside[pool] = False
            others = np.flatnonzero(outside)
            more = others[panel_order(seed, 1, others.size)[: size - pool.size]]
            drawn = np.concatenate((drawn, more))
        return ascending(drawn, population.agents)

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
            Exact inclusion probabilities; their sum is `size`. With m agents in the pool: size / m
            in the pool and 0 outside, or, where `size` exceeds m, 1 in the pool and
            (size - m) / (N - m) outside.

        Raises
        ------
        TypeError, ValueError
            As `draw`.

        Examples
        --------
        >>> import aumann
        >>> population = aumann.synthesize(agents=1_000, steps=2)
        >>> aumann.UniformRandom().inclusion(population, 5)[:3]
        array([0.005, 0.005, 0.005])
        """
        check_request(population, size, topic)
        pool = self._pool(population, topic)
        beyond = max(size - pool.size, 0)
        others = population.agents - pool.size
        chances = np.full(population.agents, beyond / others if beyond else 0.0)
        chances[pool] = min(size / pool.size, 1.0)
        return chances


@dataclass(frozen=True)
class UniformRandom(PoolProtocol):
    """Every agent is as likely as any other: the unbiased control.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=1_000, steps=2)
    >>> aumann.UniformRandom().draw(population, 5, seed=0).shape
    (5,)
    """

    def _pool(self, population: Population, topic: str | None) -> NDArray[np.intp]:
        return np.arange(population.agents)


@dataclass(frozen=True)
class VisibilityBiased(PoolProtocol):
    """Draw from the most visible agents, as small studies of platforms do.

    The pool holds the agents of highest visibility, z(log followers) + weight * z(log engagement),
    z standardising over the population and engagement being activity plus resonance over the
    window, in the topic asked for. The panel is drawn uniformly from the pool; where it is larger
    than the pool, the whole pool is in it, and the rest is drawn from the other agents.

    Parameters
    ----------
    pool : float, default 0.05
        Part of the population in the pool, rounded (halves up) to at least one agent. The paper's
        text lost its value.
    weight : float, default 1.0
        Weight of engagement. The paper does not say. ``VisibilityBiased(weight=0)`` is the variant
        that looks at followers only; it needs no feature but reach, and no topic changes it.

    Notes
    -----
    Source: "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404, appendix N. The
    population needs features named reach, activity and resonance, none negative. Equal agents at
    the edge of the pool rank by index. The panel is the same on every machine unless agents at the
    edge differ by less than rounding. An agent outside the pool is never in a small panel, so no
    weights can make such a panel speak for the population; `VisibilityWeighted` is the repairable
    form of the same habit.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=1_000, steps=2)
    >>> protocol = aumann.VisibilityBiased()
    >>> panel = population.take(protocol.draw(population, 20, seed=0))
    >>> panel.agents
    20
    >>> chances = protocol.inclusion(population, 20)
    >>> (chances > 0).sum(), chances.max()
    (np.int64(50), np.float64(0.4))
    """

    pool: float = 0.05
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse parameters without a meaning."""
        check_positive("pool", self.pool, 1.0)
        check_weight(self.weight)

    @remembered
    def _pool(self, population: Population, topic: str | None) -> NDArray[np.intp]:
        visible = visibility(population, self.weight, topic)
        return _largest(visible, max(1, int(self.pool * population.agents + 0.5)))


@dataclass(frozen=True)
class TopicByFollowers(PoolProtocol):
    """Draw from the agents of a topic who are widely followed too.

    The pool holds the m agents of largest product of engagement in the topic (activity plus
    resonance over the window) and followers, m being the number of agents with any engagement in
    the topic. The panel is drawn uniformly from the pool; where it is larger than the pool, the
    whole pool is in it, and the rest is drawn from the other agents.

    Notes
    -----
    Source: "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404, appendix N. The
    population needs features named reach, activity and resonance, none negative. As m counts the
    engaged, the pool is all of them who have followers; the places of those without, who score 0
    as inactive agents do, go to agents of score 0 by index. Raises ValueError, naming the topic,
    where nobody is engaged in it.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=1_000, steps=2, topics=2)
    >>> panel = aumann.TopicByFollowers().draw(population, 20, 0, topic=population.topics[0])
    >>> panel.size
    20
    """

    @remembered
    def _pool(self, population: Population, topic: str | None) -> NDArray[np.intp]:
        engaged = engagement(population, topic) > 0
        count = np.count_nonzero(engaged)
        if count == 0:
            raise _nobody(topic)
        inside = engaged & (followers(population) > 0)
        rest = np.flatnonzero(~inside)
        inside[rest[: count - np.count_nonzero(inside)]] = True
        return np.flatnonzero(inside)


@dataclass(frozen=True)
class TopicTop(PoolProtocol):
    """Draw from the agents of a topic, whoever follows them.

    The pool holds the m agents of largest engagement in the topic (activity plus resonance over
    the window), m being the number of agents with any engagement in the topic: all of these. The
    panel is drawn uniformly from the pool; where it is larger than the pool, the whole pool is in
    it, and the rest is drawn from the other agents.

    Notes
    -----
    Source: "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404, appendix N. The
    population needs features named activity and resonance, none negative. Raises ValueError,
    naming the topic, where nobody is engaged in it.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=1_000, steps=2, topics=2)
    >>> panel = aumann.TopicTop().draw(population, 20, seed=0, topic=population.topics[0])
    >>> panel.size
    20
    """

    @remembered
    def _pool(self, population: Population, topic: str | None) -> NDArray[np.intp]:
        pool = np.flatnonzero(engagement(population, topic))
        if pool.size == 0:
            raise _nobody(topic)
        return pool


def _nobody(topic: str | None) -> ValueError:
    where = "any topic" if topic is None else repr(topic)
    return ValueError(
        f"topic: no agent has any activity or resonance in {where}; a topic with one is wanted"
    )


def _largest(scores: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return the agents of the largest scores, ascending; ties at the edge go by index."""
    edge = np.partition(scores, scores.size - count)[scores.size - count]
    inside = scores > edge
    ties = np.flatnonzero(scores == edge)
    inside[ties[: count - np.count_nonzero(inside)]] = True
    return np.flatnonzero(inside)
