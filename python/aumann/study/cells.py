"""What is measured of a panel: its tier shares, and how they relate to the population's."""

from __future__ import annotations

from collections.abc import Sequence
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
from aumann.study.tiers import TierShare, defined, tier_shares
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
    shares : dict of str to list of TierShare
        What the tiers have of them.
    """

    topic: str | None
    x: NDArray[np.floating[Any]]
    present: NDArray[np.bool_] | None
    tiers: Groups
    results: dict[str, Attribution]
    shares: dict[str, list[TierShare]]

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
        shares = {name: tier_shares(result, tiers) for name, result in results.items()}
        return cls(topic, x, present, tiers, results, shares)

    def rows(self) -> Rows:
        """Return the tier shares of the population, one row per value function and tier."""
        rows = [
            {
                "topic": self.topic,
                "value_function": name,
                "tier": part.tier,
                "agents": part.agents,
                "share": part.share,
                "value": self.results[name].value,
            }
            for name, parts in self.shares.items()
            for part in parts
        ]
        return {"whole": rows}

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
                    "factor": defined(relation.factor),
                    "residual": defined(relation.residual),
                    "spearman": defined(relation.spearman),
                    **{f"jaccard_{k}": defined(relation.jaccard[k]) for k in top},
                }
            )
            both = zip(tier_shares(panel, tiers), self.shares[name], strict=True)
            for own, of_whole in both:
                flip = None
                if own.share is not None and of_whole.share is not None:
                    flip = own.share - of_whole.share
                row = {"tier": own.tier, "agents": own.agents, "share": own.share, "flip": flip}
                shares.append({**cell, **row})
        return {"cells": cells, "shares": shares}
