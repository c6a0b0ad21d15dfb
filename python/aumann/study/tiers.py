"""Attributions of a study, and the shares of tiers in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aumann._attribute import attribute
from aumann.attribution import Attribution
from aumann.groups import Groups
from aumann.value_functions import ValueFunction

__all__ = ["TierShare", "attributed", "defined", "population_shares", "tier_shares"]


def attributed(
    x: NDArray[Any],
    function: ValueFunction,
    present: NDArray[np.bool_] | None,
    baseline: Any = 0.0,
) -> Attribution | None:
    """Attribute a step or a panel; None where nobody is there, or F has no value.

    Parameters
    ----------
    x : ndarray, shape (N, d)
        Features: finite numbers.
    function : ValueFunction
        The indicator. The heat has no value where negative measurements have a product of means
        of -1 or less, or leave its domain on the way.
    present : ndarray of bool, shape (N,), optional
        Who is there, if not everybody.
    baseline : float, "mean" or ndarray of shape (N, d)
        As in `attribute`.

    Examples
    --------
    >>> import aumann
    >>> x = np.array([[1.0, -3.0], [2.0, 1.0]])
    >>> attributed(x, aumann.Heat(), None) is None
    True
    >>> attributed(x, aumann.Mean(), np.zeros(2, dtype=bool)) is None
    True
    """
    if present is not None and not present.any():
        return None
    try:
        return attribute(x, function, presence=present, baseline=baseline)
    except ValueError:
        # What is never negative has no such excuse.
        if x.min() >= 0 and (isinstance(baseline, str) or np.min(baseline) >= 0):
            raise
        return None


class TierShare(NamedTuple):
    """A tier's part of an attribution; `share` is None where shares are undefined.

    In a panel a tier without members has 0 of the whole: what a study that drew it would add to its
    mean. Left out, panels that happen to hold the tier would speak for all.
    """

    tier: str
    agents: int
    sum: float | None
    share: float | None


def tier_shares(
    result: Attribution | None, tiers: Groups, present: NDArray[np.bool_] | None
) -> list[TierShare]:
    """Return every tier's part of an attribution of one step, if there is one.

    Undefined shares are counted in the tables of a study, and not warned of one by one.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0], [3.0]], aumann.Mean())
    >>> tier_shares(result, aumann.Groups.from_labels(["a", "b"]), None)[1]
    TierShare(tier='b', agents=1, sum=1.5, share=0.75)
    """
    if result is None:
        there = tiers if present is None else tiers.take(np.flatnonzero(present))
        counts = zip(tiers.names, there.counts, strict=True)
        return [TierShare(tier, int(count), None, None) for tier, count in counts]
    grouped = result.group(tiers)
    columns = (grouped.names, grouped.counts, grouped.sums, grouped.sums / grouped.divisors)
    return [
        TierShare(tier, int(agents), float(sum_), defined(share))
        for tier, agents, sum_, share in zip(*columns, strict=True)
    ]


def population_shares(
    result: Attribution | None, tiers: Groups, present: NDArray[np.bool_] | None
) -> list[TierShare]:
    """Return the same of the population, where a tier without agents has no share.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0], [3.0]], aumann.Mean())
    >>> tiers = aumann.Groups(np.array([1, 1]), ("top", "tail"))
    >>> [part.share for part in population_shares(result, tiers, None)]
    [None, 1.0]
    """
    parts = tier_shares(result, tiers, present)
    return [part if part.agents else part._replace(share=None) for part in parts]


def defined(figure: Any) -> float | None:
    """Return a number, or None where it is undefined.

    Examples
    --------
    >>> defined(float("nan")), defined(1)
    (None, 1.0)
    """
    return float(figure) if np.isfinite(figure) else None
