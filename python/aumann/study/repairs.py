"""What reweighting makes of the panels that can be repaired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann.reweighting import reweighted
from aumann.study.cells import Whole
from aumann.study.panels import features_of
from aumann.study.tiers import defined
from aumann.value_functions import BuiltIn

__all__ = ["LARGEST_REPAIRED", "repair_rows"]

# Beyond, the error of a share is far below what anybody reports, and takes long to find.
LARGEST_REPAIRED = 10_000


def repair_rows(
    whole: Whole,
    members: NDArray[np.intp],
    inclusion: NDArray[np.float64],
    what: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return the population's tier shares as a panel gives them when it is reweighted.

    Parameters
    ----------
    whole : Whole
        The population, for the true shares.
    members : ndarray of int, shape (M,)
        The panel.
    inclusion : ndarray of float64, shape (M,)
        The inclusion probability of each member; every agent of the population has one above 0.
    what : mapping
        Protocol, size and seed.

    Returns
    -------
    list of dict
        One row per tier and value function that can be reweighted: the built-in ones, not sums of
        them. With nominal 95 % intervals.

    Examples
    --------
    >>> import aumann
    >>> from aumann.study.elites import Elites
    >>> population = aumann.synthesize(agents=500, steps=2, seed=0)
    >>> elites = Elites.of(population)
    >>> whole = Whole.of(population, None, population.tiers(), elites, {"mean": aumann.Mean()})
    >>> rows = repair_rows(whole, np.arange(0, 500, 5), np.full(100, 0.2), {"size": 100})
    >>> [round(row["whole_share"], 2) for row in rows]
    [0.04, 0.23, 0.73]
    """
    present = slice(None) if whole.present is None else whole.present[members]
    there = members[present]
    rows = []
    for name, result in whole.results.items():
        if isinstance(result.value_function, BuiltIn):
            cell = {"topic": whole.topic, **what, "value_function": name}
            shares = _reweighted_shares(whole, result.value_function, there, inclusion[present])
            rows += [
                {**cell, "tier": part.tier, **share, "whole_share": part.share}
                for part, share in zip(whole.shares[name], shares, strict=True)
            ]
    return rows


def _reweighted_shares(
    whole: Whole, function: BuiltIn, there: NDArray[np.intp], inclusion: NDArray[np.float64]
) -> list[dict[str, float | None]]:
    """Return share, error and interval of every tier; nothing where F has no value."""
    x, names = features_of(whole.x, there), ("share", "standard_error", "low", "high")
    undefined = [dict.fromkeys(names)] * len(whole.tiers.names)
    if not there.size:
        return undefined
    try:
        # Cautions are about single panels; of many panels the coverage says more.
        repaired = reweighted(x, function, whole.tiers.take(there), inclusion=inclusion)
    except ValueError:
        if x.min() >= 0:
            raise
        return undefined
    shares = repaired.shares
    if not np.isnan(shares).all():
        # As the panels' own: tiers without members add 0 to the mean of the panels.
        shares = np.where(repaired.members == 0, 0.0, shares)
    figures = np.column_stack([shares, repaired.standard_error, repaired.intervals])
    return [dict(zip(names, map(defined, row), strict=True)) for row in figures]
