"""What is measured of a panel: its tier shares, and how they relate to the population's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._attribute import attribute
from aumann._rescaling import rescaling
from aumann.attribution import Attribution
from aumann.groups import Groups
from aumann.population import Population
from aumann.study.store import Rows
from aumann.value_functions import ValueFunction

__all__ = ["Whole"]


@dataclass(frozen=True, eq=False)
class Whole:
    """The population in a topic, attributed by every value function.

    Parameters
    ----------
    topic : str or None
        None for all topics together.
    x : ndarray, shape (N, d)
        Features of the whole window.
    present : ndarray of bool, shape (N,), optional
        Who is there at any step, if not everybody.
    tiers : Groups
        The tier of every agent.
    results : dict of str to Attribution
        By the name of the value function.
    """

    topic: str | None
    x: NDArray[np.floating[Any]]
    present: NDArray[np.bool_] | None
    tiers: Groups
    results: dict[str, Attribution]

    @classmethod
    def of(
        cls,
        population: Population,
        topic: str | None,
        tiers: Groups,
        value_functions: dict[str, ValueFunction],
    ) -> Whole:
        """Attribute a population over the whole window."""
        x = population.features(topic, window="whole")
        present = population.window_presence("whole")
        results = {
            name: attribute(x, function, presence=present)
            for name, function in value_functions.items()
        }
        return cls(topic, x, present, tiers, results)

    def rows(self) -> Rows:
        """Return the tier shares of the population, one row per value function and tier."""
        shares = []
        for name, result in self.results.items():
            for tier, agents, share in self._shares(result, self.tiers):
                shares.append(
                    {
                        "topic": self.topic,
                        "value_function": name,
                        "tier": tier,
                        "agents": agents,
                        "share": share,
                        "value": result.value,
                    }
                )
        return {"whole": shares}

    def panel_rows(
        self, members: NDArray[np.intp], what: dict[str, Any], top: Sequence[int]
    ) -> Rows:
        """Return what is measured of a panel, each row with `what` names it."""
        x, tiers = self.x[members], self.tiers.take(members)
        present = None if self.present is None else self.present[members]
        cells: list[dict[str, Any]] = []
        shares: list[dict[str, Any]] = []
        for name, whole in self.results.items():
            panel = attribute(x, whole.value_function, presence=present)
            relation = rescaling(panel, whole, members, k=tuple(top))
            cell = {"topic": self.topic, **what, "value_function": name}
            cells.append(
                {
                    **cell,
                    "value": panel.value,
                    "factor": _number(relation.factor),
                    "residual": _number(relation.residual),
                    "spearman": _number(relation.spearman),
                    **{f"jaccard_{k}": _number(relation.jaccard[k]) for k in top},
                }
            )
            both = zip(self._shares(panel, tiers), self._shares(whole, self.tiers), strict=True)
            for (tier, agents, share), (_, _, of_whole) in both:
                flip = None if share is None or of_whole is None else share - of_whole
                shares.append(
                    {**cell, "tier": tier, "agents": agents, "share": share, "flip": flip}
                )
        return {"cells": cells, "shares": shares}

    def _shares(
        self, result: Attribution, tiers: Groups
    ) -> Iterator[tuple[str, int, float | None]]:
        grouped = result.group(tiers)
        # Divisors are NaN where shares are undefined: counted in the tables, not warned of.
        shares = grouped.sums / grouped.divisors
        for tier, agents, share in zip(grouped.names, grouped.counts, shares, strict=True):
            yield tier, int(agents), _number(share)


def _number(value: Any) -> float | None:
    """Return a number, or None where it is undefined."""
    return None if value is None or not np.isfinite(value) else float(value)
