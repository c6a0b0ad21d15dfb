"""Weighted attributions of a panel's members, and what each member does to a group's share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aumann._shares import share_divisors
from aumann.groups import Groups
from aumann.value_functions import BuiltIn

__all__ = ["WeightedShares", "weighted_shares"]

Numbers = NDArray[np.float64]
# From the 0 or 1 of every member that says whether it is in a group, and the group's share, to
# the members' influence on that share.
Influence = Callable[[Numbers, float], Numbers]


@dataclass(frozen=True, eq=False)
class WeightedShares:
    """Shares of groups where every member stands for so many agents.

    Parameters
    ----------
    groups : Groups
        The groups of the M members.
    contributions : ndarray of float64, shape (M,)
        Attribution of one agent like this member, up to a positive common factor.
    shares : ndarray of float64, shape (G,)
        NaN where the weighted contributions sum to 0 or to rounding error.
    form : callable
        The influence on a share, by the value function.
    """

    groups: Groups
    contributions: Numbers
    shares: Numbers
    form: Influence

    @property
    def defined(self) -> bool:
        """Whether there is a sum that the shares are parts of."""
        return not bool(np.isnan(self.shares).any())

    def influence(self, group: int) -> Numbers:
        """Return the influence values z of the members on the share of a group, shape (M,).

        They sum to 0 under the weights; the sum of w z over another sample of weights w is, to
        first order, by how much the share there differs.
        """
        inside = (self.groups.codes == group).astype(np.float64)
        return self.form(inside, float(self.shares[group]))


def weighted_shares(
    function: BuiltIn, columns: Numbers, weights: Numbers, groups: Groups
) -> WeightedShares:
    """Return the shares of groups in the population that weighted members stand for.

    Parameters
    ----------
    function : ValueFunction
        A built-in value function, attributed by Aumann-Shapley with zero baseline.
    columns : ndarray of float64, shape (d, M)
        Features of the members.
    weights : ndarray of float64, shape (M,)
        How many agents each member stands for, above 0.
    groups : Groups
        The groups of the M members.

    Returns
    -------
    WeightedShares

    Raises
    ------
    ValueError
        If the weights of the features do not fit, the weighted means leave the domain of heat, or
        numbers exceed the range of float64.

    Notes
    -----
    O(M d), O(M log M) for the Gini mean difference. Influence values: J.-C. Deville, "Variance
    estimation for complex statistics and estimators" (1999).

    Examples
    --------
    >>> from aumann import Groups, Mean
    >>> groups = Groups.from_labels(["a", "b"])
    >>> weighted_shares(Mean(), np.array([[1.0, 3.0]]), np.array([3.0, 1.0]), groups).shares
    array([0.5, 0.5])
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if function.name == "heat":
            contributions, form = _heat(columns, weights)
        else:
            contributions, form = _COMPOSITE_FORMS[function.name](
                _composites(function, columns), weights
            )
        carried = weights * contributions
        sums = np.bincount(groups.codes, weights=carried, minlength=len(groups.names))
    if not np.isfinite(np.abs(carried).sum()):
        raise ValueError("x: the weighted attributions exceed the range of float64")
    # Parts of the sum of the groups, so that one group alone has exactly all.
    total, magnitude = sums.sum(keepdims=True), np.abs(carried).sum(keepdims=True)
    divisor = share_divisors(total, magnitude, carried.dtype)
    return WeightedShares(groups, contributions, sums / divisor, form)


def _composites(function: BuiltIn, columns: Numbers) -> Numbers:
    # Feature by feature: members of equal features then have equal bits, whatever the weights.
    factors = function.weights_for(len(columns))
    composites = np.zeros(columns.shape[1])
    for k, column in enumerate(columns):
        composites += column if factors is None else factors[k] * column
    return composites


def _mean(s: Numbers, weights: Numbers) -> tuple[Numbers, Influence]:
    total = weights @ s

    def influence(inside: Numbers, share: float) -> Numbers:
        z: Numbers = s * (inside - share) / total
        return z

    return s, influence


def _heat(columns: Numbers, weights: Numbers) -> tuple[Numbers, Influence]:
    totals = columns @ weights
    means = totals / weights.sum()
    product = float(means.prod())
    if product <= -1:
        raise ValueError(
            f"x: the product of the weighted feature means is {product:g}, which heat, "
            "log(1 + product), wants above -1"
        )
    others = np.array([np.delete(means, k).prod() for k in range(len(means))])

    def influence(inside: Numbers, share: float) -> Numbers:
        # Heat's share is the mean over the features of the group's part of each.
        parts = (columns @ (weights * inside)) / totals
        apart = (inside - parts[:, np.newaxis]) * columns / totals[:, np.newaxis]
        return np.asarray(apart.mean(axis=0))

    return others @ columns, influence


def _variance(s: Numbers, weights: Numbers) -> tuple[Numbers, Influence]:
    # Relative to one composite, so that equal ones deviate from their mean by exactly 0.
    origin = s[0]
    shifted = s - origin
    size = weights.sum()
    deviations = shifted - weights @ shifted / size
    total = weights @ deviations**2

    def influence(inside: Numbers, share: float) -> Numbers:
        counted = weights * inside
        centred = inside * shifted - counted @ shifted / size
        centred += origin * (inside - counted.sum() / size)
        z: Numbers = deviations * (centred - share * deviations) / total
        return z

    return s * deviations, influence


def _gini(s: Numbers, weights: Numbers) -> tuple[Numbers, Influence]:
    order = np.argsort(s, kind="stable")
    ascending = s[order]
    starts = np.flatnonzero(np.concatenate(([True], ascending[1:] != ascending[:-1])))
    tie = np.empty(len(s), dtype=np.intp)
    tie[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(s))))
    heights = np.add.reduceat(weights[order], starts)
    up_to = np.cumsum(heights)
    # Where the weighted mid-distribution function stands at each member.
    level = ((up_to - heights / 2) / up_to[-1])[tie]
    contributions = (2 * level - 1) * s

    def response(inside: Numbers) -> Numbers:
        """Return by how much the weighted sum over those inside grows with each weight."""
        counted = weights * inside * s
        masses = np.add.reduceat(counted[order], starts)
        from_top = np.cumsum(masses[::-1])[::-1]
        above = (from_top - masses / 2)[tie]
        grown: Numbers = inside * contributions + 2 / up_to[-1] * (above - counted @ level)
        return grown

    everyone = response(np.ones(len(s)))
    total = weights @ contributions

    def influence(inside: Numbers, share: float) -> Numbers:
        z: Numbers = (response(inside) - share * everyone) / total
        return z

    return contributions, influence


_COMPOSITE_FORMS = {"mean": _mean, "variance": _variance, "gini": _gini}
