"""Other definitions of the elite: the top of any feature."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._shares import share_divisors
from aumann.attribution import Attribution
from aumann.groups import Groups
from aumann.population import Population
from aumann.study.tiers import defined

__all__ = ["elite_overlaps", "elite_shares", "elites_of"]

PART = 0.01


def elites_of(population: Population) -> dict[str, NDArray[np.bool_]]:
    """Return the top 1 % of the agents by each of their features, over window and topics.

    Measurements that differ by topic cannot be added up, and make no elite.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=1_000, steps=2)
    >>> {name: int(inside.sum()) for name, inside in elites_of(population).items()}
    {'reach': 10, 'activity': 10, 'resonance': 10}
    """
    found = {}
    for feature in population.feature_list:
        if feature.kind == "measurement" and not feature.static and len(population.topics) > 1:
            continue
        values = population.raw(feature.name)
        found[feature.name] = Groups.tiers(values, (PART, 1 - PART), ("in", "out")).codes == 0
    return found


def elite_overlaps(elites: Mapping[str, NDArray[np.bool_]]) -> list[dict[str, Any]]:
    """Return how many agents every two elites share, as a part of those in either.

    Examples
    --------
    >>> inside = {"a": np.array([True, True, False]), "b": np.array([False, True, False])}
    >>> elite_overlaps(inside)
    [{'elite': 'a', 'other': 'b', 'jaccard': 0.5}]
    """
    rows = []
    for (name, inside), (other, there) in combinations(elites.items(), 2):
        either = np.count_nonzero(inside | there)
        jaccard = float(np.count_nonzero(inside & there) / either) if either else None
        rows.append({"elite": name, "other": other, "jaccard": jaccard})
    return rows


def elite_shares(
    result: Attribution, elites: Mapping[str, NDArray[np.bool_]]
) -> list[dict[str, Any]]:
    """Return every elite's part of an attribution of one step.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0], [3.0]], aumann.Mean())
    >>> elite_shares(result, {"loud": np.array([False, True])})
    [{'elite': 'loud', 'agents': 1, 'share': 0.75}]
    """
    sums, magnitudes = result.statistics[0, 2:]
    divisor = float(share_divisors(sums, magnitudes, result.values.dtype))
    rows = []
    for name, inside in elites.items():
        present = inside if result.presence is None else inside & result.presence
        share = float(result.values[inside].sum(dtype=np.float64)) / divisor
        agents = int(np.count_nonzero(present))
        rows.append({"elite": name, "agents": agents, "share": defined(share)})
    return rows
