"""How visible agents are: followers and engagement."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aumann.population import Population

__all__ = ["check_weight", "engagement", "followers", "visibility"]


def check_weight(weight: object) -> None:
    """Refuse what cannot weigh engagement."""
    if isinstance(weight, bool) or not isinstance(weight, int | float | np.number):
        raise TypeError(f"weight: {weight!r}, a number is wanted")
    if not math.isfinite(weight):
        raise ValueError(f"weight: {weight}, a finite number is wanted")


def followers(population: Population) -> NDArray[np.float64]:
    """Return the reach of each agent, which no topic changes."""
    return _total(population, ("reach",), None)


def engagement(population: Population, topic: str | None) -> NDArray[np.float64]:
    """Return activity plus resonance of each agent over the window."""
    return _total(population, ("activity", "resonance"), topic)


def visibility(population: Population, weight: float, topic: str | None) -> NDArray[np.float64]:
    """Return z(log1p followers) + weight * z(log1p engagement), z standardising over the agents."""
    visible = _standard_log(followers(population))
    if weight != 0:
        visible += weight * _standard_log(engagement(population, topic))
    return visible


def _total(
    population: Population, names: tuple[str, ...], topic: str | None
) -> NDArray[np.float64]:
    """Add up features over the window; those that are static are of all topics."""
    known = {feature.name: feature for feature in population.feature_list}
    missing = [name for name in names if name not in known]
    if missing:
        raise ValueError(
            f"population: features {sorted(known)}; the protocol needs {', '.join(missing)} too"
        )
    totals = np.zeros(population.agents)
    for name in names:
        values = population.raw(name, topic)
        if values.min() < 0:
            agent = int(np.argmin(values))
            raise ValueError(
                f"population: {name} of agent {agent} is {values[agent]}; "
                "a protocol that ranks by it needs numbers of at least 0"
            )
        totals += values
    return totals


def _standard_log(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standardise log1p of the totals, which are overwritten; agents who all agree are at 0."""
    np.log1p(totals, out=totals)
    if totals.min() == totals.max():
        totals[:] = 0.0
        return totals
    totals -= totals.mean()
    totals /= totals.std()
    return totals
