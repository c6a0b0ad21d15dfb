"""What is measured of a panel over the whole window, beside the population's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._attribute import attribute
from aumann._rescaling import Drawn, Ranked, related
from aumann.attribution import Attribution
from aumann.groups import Groups
from aumann.population import Population
from aumann.study.elites import Elites
from aumann.study.panels import features_of
from aumann.study.store import Rows
from aumann.study.tiers import (
    TierShare,
    attributed,
    defined,
    population_shares,
    tier_shares,
)
from aumann.value_functions import ValueFunction

__all__ = ["Whole"]

# The k of the overlaps of the k largest attributions.
TOP = (10, 100)


@dataclass(frozen=True, eq=False)
class Whole:
    """The population in a topic over the whole window, attributed by every value function.

    Parameters
    ----------
    topic : str or None
        None for all topics together.
    x : ndarray, shape (N, d)
        Features.
    present : ndarray of bool, shape (N,), optional
        Who is there at any step, if not everybody.
    tiers : Groups
        The tier of every agent.
    elites : Elites
        Who is in which elite.
    results : dict of str to Attribution
        By the name of the value function.
    shares : dict of str to list of TierShare
        What the tiers have of them.
    """

    topic: str | None
    x: NDArray[np.floating[Any]]
    present: NDArray[np.bool_] | None
    tiers: Groups
    elites: Elites
    results: dict[str, Attribution]
    shares: dict[str, list[TierShare]]

    @cached_property
    def ranked(self) -> dict[str, Ranked]:
        """The results with their largest values, by the name of the value function."""
        return {name: Ranked.of(result, TOP) for name, result in self.results.items()}

    @cached_property
    def elite_rows(self) -> dict[str, list[dict[str, Any]]]:
        """What the elites have of the results, by the name of the value function."""
        return {
            name: self.elites.shares(result, self.present) for name, result in self.results.items()
        }

    @classmethod
    def of(
        cls,
        population: Population,
        topic: str | None,
        tiers: Groups,
        elites: Elites,
        value_functions: Mapping[str, ValueFunction],
    ) -> Whole:
        """Attribute a population, which has to have a value."""
        x = population.features(topic, window="whole")
        present = population.window_presence("whole", topic)
        return cls._attributed(topic, x, present, tiers, elites, value_functions)

    @classmethod
    def _attributed(
        cls,
        topic: str | None,
        x: NDArray[np.floating[Any]],
        present: NDArray[np.bool_] | None,
        tiers: Groups,
        elites: Elites,
        value_functions: Mapping[str, ValueFunction],
    ) -> Whole:
        results = {}
        for name, function in value_functions.items():
            try:
                results[name] = attribute(x, function, presence=present)
            except ValueError as error:
                where = "the population" if topic is None else repr(topic)
                raise ValueError(f"{name} of {where} over the whole window: {error}") from error
        shares = {
            name: population_shares(result, tiers, present) for name, result in results.items()
        }
        return cls(topic, x, present, tiers, elites, results, shares)

    def scaled(self) -> Whole:
        """Return the same with every feature divided by its standard deviation.

        Centred features would leave mean and heat without a total, and heat without a domain; so
        0 remains the baseline.
        """
        there = self.x if self.present is None else self.x[self.present]
        # Of equal numbers the deviation is rounding, not 0.
        spread = np.where(there.min(axis=0) < there.max(axis=0), there.std(axis=0), 1.0)
        functions = {name: result.value_function for name, result in self.results.items()}
        return self._attributed(
            self.topic, self.x / spread, self.present, self.tiers, self.elites, functions
        )

    def rows(self) -> Rows:
        """Return the shares of the population's tiers and elites."""
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
        elites = [
            {"topic": self.topic, "value_function": name, **row}
            for name, found in self.elite_rows.items()
            for row in found
        ]
        return {"whole": rows, "elites": elites}

    def scaled_rows(self) -> list[dict[str, Any]]:
        """Return the tier shares of scaled features, as the table `scaled` has the population."""
        return [
            {
                "topic": self.topic,
                "protocol": None,
                "size": None,
                "seed": None,
                "value_function": name,
                "tier": part.tier,
                "share": part.share,
                "flip": None,
            }
            for name, parts in self.shares.items()
            for part in parts
        ]

    def panel_rows(self, members: NDArray[np.intp], what: Mapping[str, Any]) -> Rows:
        """Return what is measured of a panel, each row with `what` names it."""
        drawn = Drawn.of(members, what["size"], len(self.x))
        x, present = features_of(self.x, members), self._present(members)
        elites = self.elites.take(members)
        cells: list[dict[str, Any]] = []
        elite_rows: list[dict[str, Any]] = []
        tiers = self.tiers.take(members)
        shares: list[dict[str, Any]] = []
        for name, whole in self.results.items():
            panel = attributed(x, whole.value_function, present)
            cell = {"topic": self.topic, **what, "value_function": name}
            cells.append({**cell, **self._relation(panel, drawn, name)})
            of_tiers = tier_shares(panel, tiers, present)
            shares += [
                {**cell, "tier": own.tier, "agents": own.agents, "share": own.share, "flip": flip}
                for own, flip in zip(of_tiers, _flips(of_tiers, self.shares[name]), strict=True)
            ]
            both = zip(elites.shares(panel, present), self.elite_rows[name], strict=True)
            for own, of_whole in both:
                flip = _difference(own["share"], of_whole["share"])
                elite_rows.append({**cell, **own, "flip": flip})
        return {"cells": cells, "shares": shares, "elite_shares": elite_rows}

    def _relation(self, panel: Attribution | None, drawn: Drawn, name: str) -> dict[str, Any]:
        """Return how a panel's attributions relate to the population's; nothing if it has none."""
        jaccards = [f"jaccard_{k}" for k in TOP]
        if panel is None:
            return dict.fromkeys(["value", "factor", "residual", "spearman", *jaccards])
        relation = related(panel, drawn, self.ranked[name])
        return {
            "value": panel.value,
            "factor": defined(relation.factor),
            "residual": defined(relation.residual),
            "spearman": defined(relation.spearman),
            **{f"jaccard_{k}": defined(relation.jaccard[k]) for k in TOP},
        }

    def panel_shares(
        self, members: NDArray[np.intp], what: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Return the tier shares of a panel and nothing else."""
        x, present = features_of(self.x, members), self._present(members)
        tiers = self.tiers.take(members)
        rows = []
        for name, whole in self.results.items():
            own = tier_shares(attributed(x, whole.value_function, present), tiers, present)
            rows += [
                {
                    "topic": self.topic,
                    **what,
                    "value_function": name,
                    "tier": part.tier,
                    "share": part.share,
                    "flip": flip,
                }
                for part, flip in zip(own, _flips(own, self.shares[name]), strict=True)
            ]
        return rows

    def _present(self, members: NDArray[np.intp]) -> NDArray[np.bool_] | None:
        return None if self.present is None else self.present[members]


def _flips(own: Sequence[TierShare], of_whole: Sequence[TierShare]) -> list[float | None]:
    return [_difference(a.share, b.share) for a, b in zip(own, of_whole, strict=True)]


def _difference(own: float | None, of_whole: float | None) -> float | None:
    return None if own is None or of_whole is None else own - of_whole
