"""Other definitions of the elite: the top of any feature."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._shares import share_divisors
from aumann.attribution import Attribution
from aumann.groups import Groups
from aumann.population import Population
from aumann.study.tiers import defined

__all__ = ["Elites"]

PART = 0.01


@dataclass(frozen=True, eq=False)
class Elites:
    """Who is in the top 1 % by each feature; agents may be in several elites.

    Parameters
    ----------
    names : tuple of str, length E
        The features.
    codes : ndarray of int64, shape (N,)
        Bit e is set where an agent is in elite e.

    Examples
    --------
    >>> import aumann
    >>> elites = Elites.of(aumann.synthesize(agents=1_000, steps=2))
    >>> elites.names
    ('reach', 'activity', 'resonance')
    >>> [int(inside.sum()) for inside in elites.inside()]
    [10, 10, 10]
    """

    names: tuple[str, ...]
    codes: NDArray[np.int64]

    @classmethod
    def of(cls, population: Population) -> Elites:
        """Rank agents over the whole window and all topics.

        Measurements that differ by topic cannot be added up, and make no elite.
        """
        names = tuple(
            feature.name
            for feature in population.feature_list
            if feature.static or feature.kind == "count" or len(population.topics) < 2
        )
        codes = np.zeros(population.agents, dtype=np.int64)
        for e, name in enumerate(names):
            tiers = Groups.tiers(population.raw(name), (PART, 1 - PART), ("in", "out"))
            codes |= (tiers.codes == 0).astype(np.int64) << e
        return cls(names, codes)

    def take(self, members: NDArray[np.intp]) -> Elites:
        """Return the elites of the members of a panel."""
        return Elites(self.names, self.codes[members])

    def inside(self) -> list[NDArray[np.bool_]]:
        """Return who is in each elite."""
        return [(self.codes >> e) & 1 == 1 for e in range(len(self.names))]

    def overlaps(self) -> list[dict[str, Any]]:
        """Return how many agents every two elites share, as a part of those in either."""
        rows = []
        each = zip(self.names, self.inside(), strict=True)
        for (name, inside), (other, there) in combinations(each, 2):
            either = int(np.count_nonzero(inside | there))
            shared = int(np.count_nonzero(inside & there))
            jaccard = shared / either if either else None
            rows.append({"elite": name, "other": other, "jaccard": jaccard})
        return rows

    def shares(self, result: Attribution) -> list[dict[str, Any]]:
        """Return every elite's part of an attribution of one step.

        Examples
        --------
        >>> import aumann
        >>> result = aumann.attribute([[1.0], [3.0]], aumann.Mean())
        >>> Elites(("loud",), np.array([0, 1])).shares(result)
        [{'elite': 'loud', 'agents': 1, 'share': 0.75}]
        """
        sums, magnitudes = result.statistics[0, 2:]
        divisor = float(share_divisors(sums, magnitudes, result.values.dtype))
        kinds = 1 << len(self.names)
        parts = _core.group_sums(result.values, self.codes, kinds)
        present = self.codes if result.presence is None else self.codes[result.presence]
        counts = np.bincount(present, minlength=kinds)
        rows = []
        for e, name in enumerate(self.names):
            chosen = np.flatnonzero(np.arange(kinds) & (1 << e))
            share = defined(parts[chosen].sum() / divisor)
            rows.append({"elite": name, "agents": int(counts[chosen].sum()), "share": share})
        return rows
