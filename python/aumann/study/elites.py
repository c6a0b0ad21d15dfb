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
        What every agent is, a row of `kinds`.
    kinds : ndarray of bool, shape (K, E)
        Which elites an agent of a kind is in; no two rows are alike.

    Examples
    --------
    >>> import aumann
    >>> elites = Elites.of(aumann.synthesize(agents=1_000, steps=2))
    >>> elites.names
    ('reach', 'activity', 'resonance')
    >>> elites.kinds[elites.codes].sum(axis=0)
    array([10, 10, 10])
    """

    names: tuple[str, ...]
    codes: NDArray[np.int64]
    kinds: NDArray[np.bool_]

    @classmethod
    def of(cls, population: Population, topic: str | None = None) -> Elites:
        """Rank agents over the whole window, in one topic or (None) in all together.

        Measurements that differ by topic cannot be added up, and make no elite of all topics. What
        is static, as reach, is of all topics always.
        """
        names = tuple(
            feature.name
            for feature in population.feature_list
            if feature.static
            or feature.kind == "count"
            or len(population.topics) < 2
            or topic is not None
        )
        codes = np.zeros(population.agents, dtype=np.int64)
        kinds = np.zeros((1, 0), dtype=np.bool_)
        for name in names:
            tiers = Groups.tiers(population.raw(name, topic), (PART, 1 - PART), ("in", "out"))
            codes = 2 * codes + (tiers.codes == 0)
            found = np.bincount(codes, minlength=2 * len(kinds)) > 0
            inside = np.column_stack([np.repeat(kinds, 2, axis=0), np.arange(len(found)) % 2 == 1])
            # Kinds that nobody is of are left out, so that their number does not double each time.
            codes, kinds = (np.cumsum(found) - 1)[codes], inside[found]
        return cls(names, codes, kinds)

    def take(self, members: NDArray[np.intp]) -> Elites:
        """Return the elites of the members of a panel."""
        return Elites(self.names, self.codes[members], self.kinds)

    def overlaps(self) -> list[dict[str, Any]]:
        """Return how many agents every two elites share, as a part of those in either."""
        counts = np.bincount(self.codes, minlength=len(self.kinds))
        rows = []
        each = zip(self.names, self.kinds.T, strict=True)
        for (name, inside), (other, there) in combinations(each, 2):
            either = int(counts[inside | there].sum())
            jaccard = int(counts[inside & there].sum()) / either if either else None
            rows.append({"elite": name, "other": other, "jaccard": jaccard})
        return rows

    def shares(
        self, result: Attribution | None, present: NDArray[np.bool_] | None
    ) -> list[dict[str, Any]]:
        """Return every elite's part of an attribution of one step, if there is one.

        Examples
        --------
        >>> import aumann
        >>> result = aumann.attribute([[1.0], [3.0]], aumann.Mean())
        >>> elites = Elites(("loud",), np.array([0, 1]), np.array([[False], [True]]))
        >>> elites.shares(result, None)
        [{'elite': 'loud', 'agents': 1, 'share': 0.75}]
        """
        there = self.codes if present is None else self.codes[present]
        counts = np.bincount(there, minlength=len(self.kinds))
        shares = np.full(len(self.kinds), np.nan)
        if result is not None:
            sums, magnitudes = result.statistics[0, 2:]
            parts = _core.group_sums(result.values, self.codes, len(self.kinds))
            shares = parts / share_divisors(sums, magnitudes, result.values.dtype)
        return [
            {
                "elite": name,
                "agents": int(counts[inside].sum()),
                "share": None if result is None else defined(shares[inside].sum()),
            }
            for name, inside in zip(self.names, self.kinds.T, strict=True)
        ]
