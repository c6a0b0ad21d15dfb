"""A protocol that follows contacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import refuse_masked
from aumann._numbers import check_integer
from aumann.population import Population
from aumann.protocols.drawing import check_request, check_seed, panel_order

__all__ = ["Snowball"]


@dataclass(frozen=True, eq=False)
class Snowball:
    """Start anywhere and follow contacts, wave after wave, until the panel is full.

    Start agents are drawn uniformly. A wave holds all neighbours of the wave before who are not yet
    in the panel; of one that no longer fits, as many as fit are drawn uniformly. Where a wave is
    empty, as many agents as at first are drawn to start again, those already in the panel going
    without effect.

    Parameters
    ----------
    network : array of int, shape (E, 2), or tuple of two arrays of int, shape (E,)
        Edges between agents, as indices into the population. Contacts work both ways; self-loops
        and repeated edges change nothing. Borrowed: do not write to it.
    starts : int, default 10
        Agents to start from, at least 1. The default is ours.

    Attributes
    ----------
    edges : int
        E.

    Raises
    ------
    TypeError, ValueError
        If the network has no such form or holds a negative index, or `starts` is no integer of at
        least 1.

    Notes
    -----
    Coleman, Relational analysis: the study of social organizations with survey methods, Human
    Organization 17 (1958); Goodman, Snowball sampling, Annals of Mathematical Statistics 32 (1961),
    limits the contacts that each agent names, this protocol does not.

    Examples
    --------
    >>> import numpy as np, aumann
    >>> population = aumann.synthesize(agents=1_000, steps=2)
    >>> ring = np.column_stack((np.arange(1_000), np.roll(np.arange(1_000), 1)))
    >>> panel = aumann.Snowball(ring, starts=1).draw(population, 7, seed=0)
    >>> int(panel[-1] - panel[0])
    6
    """

    network: Any = field(repr=False)
    starts: int = 10

    def __post_init__(self) -> None:
        """Refuse what is no network."""
        check_integer("starts", self.starts, 1)
        for name, ends in zip(("sources", "targets"), self._ends, strict=True):
            if ends.dtype.kind not in "iu":
                raise TypeError(f"network: {name} of dtype {ends.dtype}, integers are wanted")
            if ends.size and ends.min() < 0:
                edge = int(np.argmin(ends))
                raise ValueError(
                    f"network: agent {ends[edge]} in edge {edge}, indices from 0 on are wanted"
                )

    def __repr__(self) -> str:
        """Return the protocol with the number of its edges."""
        return f"Snowball({self.edges} edges, starts={self.starts})"

    @property
    def edges(self) -> int:
        """Number of edges E."""
        return int(self._ends[0].size)

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
            Changes nothing, as the network has no topics.

        Returns
        -------
        ndarray of intp, shape (size,)
            Agent indices, ascending; the same on every machine. `Population.take` makes the panel.

        Raises
        ------
        TypeError
            If `size` or `seed` is no integer.
        ValueError
            If `size` or `seed` is out of range, the population has no such topic, or the network
            names an agent that it does not have.

        Notes
        -----
        A larger panel of the same seed holds all agents of the smaller one. Cost: a random order
        of the population, the neighbours of the panel, and, at the first draw, sorting the edges.

        Examples
        --------
        >>> import numpy as np, aumann
        >>> population = aumann.synthesize(agents=1_000, steps=2)
        >>> star = aumann.Snowball((np.zeros(999, dtype=int), np.arange(1, 1_000)))
        >>> panel = star.draw(population, 50, seed=0)
        >>> 0 in panel
        True
        """
        check_request(population, size, topic)
        check_seed(seed)
        self._check_agents(population)
        order = panel_order(seed, 0, population.agents)
        inside = np.zeros(population.agents, dtype=np.bool_)
        drawn = started = waves = 0
        wave = order[:0]
        while drawn < size:
            wave = self._reached(wave, inside)
            room = size - drawn
            if wave.size > room:
                wave = wave[panel_order(seed, waves + 1, wave.size)[:room]]
            elif wave.size == 0:
                wave = order[started : started + self.starts]
                started += self.starts
                wave = wave[~inside[wave]][:room]
            inside[wave] = True
            drawn += wave.size
            waves += 1
        return np.flatnonzero(inside)

    def inclusion(self, population: Population, size: int, *, topic: str | None = None) -> NoReturn:
        """Refuse: who is likely to be in a snowball has no closed form.

        Parameters
        ----------
        population, size, topic
            As for `draw`.

        Raises
        ------
        TypeError, ValueError
            As `draw`.
        ValueError
            Otherwise, always.

        Examples
        --------
        >>> import numpy as np, aumann
        >>> population = aumann.synthesize(agents=1_000, steps=2)
        >>> aumann.Snowball(np.array([[0, 1]])).inclusion(population, 10)
        Traceback (most recent call last):
            ...
        ValueError: Snowball: its inclusion probabilities have no closed form; ...
        """
        check_request(population, size, topic)
        self._check_agents(population)
        raise ValueError(
            "Snowball: its inclusion probabilities have no closed form; reweight its panels to "
            "known group totals, or draw by a protocol that has them, such as VisibilityWeighted"
        )

    @cached_property
    def _ends(self) -> tuple[NDArray[Any], NDArray[Any]]:
        refuse_masked(self.network, "network")
        try:
            if isinstance(self.network, tuple) and len(self.network) == 2:
                sources, targets = map(np.asarray, self.network)
            else:
                pairs = np.asarray(self.network)
                if pairs.ndim != 2 or pairs.shape[1] != 2:
                    raise ValueError(f"shape {pairs.shape}, (E, 2) or two arrays (E,) is wanted")
                sources, targets = pairs.T
        except ValueError as error:
            raise ValueError(f"network: {error}") from error
        if sources.ndim != 1 or sources.shape != targets.shape:
            raise ValueError(
                f"network: shapes {sources.shape} and {targets.shape}, (E,) twice is wanted"
            )
        return sources, targets

    @cached_property
    def _contacts(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Neighbours of agent i, up to the highest in the network, between two limits."""
        one, other = (ends.astype(np.intp, copy=False) for ends in self._ends)
        agents = np.concatenate((one, other))
        limits = np.concatenate(([0], np.cumsum(np.bincount(agents))))
        order = np.argsort(agents, kind="stable")
        return limits, np.concatenate((other, one))[order]

    def _check_agents(self, population: Population) -> None:
        for ends in self._ends:
            if ends.size and ends.max() >= population.agents:
                edge = int(np.argmax(ends))
                raise ValueError(
                    f"network: agent {ends[edge]} in edge {edge}; the population has "
                    f"{population.agents} agents, indices below that are wanted"
                )

    def _reached(self, wave: NDArray[np.int64], inside: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the neighbours of a wave who are not in the panel, ascending."""
        limits, contacts = self._contacts
        wave = wave[wave < limits.size - 1]
        counts = limits[wave + 1] - limits[wave]
        firsts = limits[wave] - (np.cumsum(counts) - counts)
        found = contacts[np.repeat(firsts, counts) + np.arange(counts.sum())]
        return np.unique(found[~inside[found]])
