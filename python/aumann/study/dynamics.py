"""How attributions move from step to step: the population's, and those of panels beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann.attribution import Attribution
from aumann.groups import Groups
from aumann.study.panels import features_of
from aumann.study.store import Rows
from aumann.study.tiers import attributed, population_shares, tier_shares
from aumann.value_functions import ValueFunction

__all__ = ["BINS", "StepFeatures"]

# Bins of reach, where there are as many agents.
BINS = 100


@dataclass(frozen=True, eq=False)
class StepFeatures:
    """The population at one step of a topic.

    Parameters
    ----------
    topic : str or None
        None for all topics together.
    number, label : int, str
        The step.
    x : ndarray, shape (N, d)
        Features.
    present : ndarray of bool, shape (N,), optional
        Who is there, if not everybody.
    tiers : Groups
        The tier of every agent.
    bins : Groups
        The percentile bin of every agent, "1" the lowest.
    value_functions : mapping of str to ValueFunction
        By name.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=300, steps=2, seed=0)
    >>> x = next(population.iter_features())
    >>> groups = population.tiers(), population.percentile_bins()
    >>> step = StepFeatures(None, 0, "day 1", x, None, *groups, {"heat": aumann.Heat()})
    >>> rows = step.rows()
    >>> len(rows["steps"]), len(rows["bins"])
    (3, 100)
    """

    topic: str | None
    number: int
    label: str
    x: NDArray[np.floating[Any]]
    present: NDArray[np.bool_] | None
    tiers: Groups
    bins: Groups
    value_functions: Mapping[str, ValueFunction]

    def rows(self) -> Rows:
        """Return sums and shares of tiers, and sums of bins, of the population."""
        steps: list[dict[str, Any]] = []
        bins: list[dict[str, Any]] = []
        for name, function in self.value_functions.items():
            result = attributed(self.x, function, self.present)
            cell = {**self._cell({}, name), "value": None if result is None else result.value}
            steps += [
                {**cell, "tier": part.tier, "sum": part.sum, "share": part.share}
                for part in population_shares(result, self.tiers, self.present)
            ]
            bins += [{**cell, **row} for row in _masses(result, self.bins)]
        return {"steps": steps, "bins": bins}

    def panel_rows(self, members: NDArray[np.intp], what: Mapping[str, Any], binned: bool) -> Rows:
        """Return the shares of a panel's tiers and, if asked for, the sums of its bins."""
        x, tiers = features_of(self.x, members), self.tiers.take(members)
        present = None if self.present is None else self.present[members]
        groups = self.bins.take(members) if binned else None
        steps: list[dict[str, Any]] = []
        bins: list[dict[str, Any]] = []
        for name, function in self.value_functions.items():
            result = attributed(x, function, present)
            cell = self._cell(what, name)
            value = None if result is None else result.value
            steps += [
                {**cell, "value": value, "tier": part.tier, "share": part.share}
                for part in tier_shares(result, tiers, present)
            ]
            if groups is not None:
                bins += [{**cell, **row} for row in _masses(result, groups)]
        return {"panel_steps": steps, "panel_bins": bins}

    def _cell(self, what: Mapping[str, Any], name: str) -> dict[str, Any]:
        return {
            "topic": self.topic,
            **what,
            "value_function": name,
            "step": self.label,
            "number": self.number,
        }


def _masses(result: Attribution | None, bins: Groups) -> list[dict[str, Any]]:
    """Return the sum of every bin, if there is an attribution."""
    if result is None:
        return [{"bin": int(bin_), "sum": None} for bin_ in bins.names]
    sums = result.group(bins).sums
    return [
        {"bin": int(bin_), "sum": float(mass)} for bin_, mass in zip(bins.names, sums, strict=True)
    ]
