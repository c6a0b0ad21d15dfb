"""Reweighting: what a panel says about the population, each member standing for its like."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aumann._designs import Design, check_design, design_error, stratified_error
from aumann._influence import weighted_shares
from aumann._panels import FEW_CONTRIBUTORS, read_columns, read_function, read_groups, read_totals
from aumann.inclusion import read_inclusion
from aumann.reweighted import Reweighted, listed
from aumann.value_functions import ValueFunction

__all__ = ["reweight", "reweighted"]

# Above this, nominal 95 % intervals cover in clearly fewer of the simulated draws.
WIDE_SPAN = 1e4

Numbers = NDArray[np.float64]


def reweight(
    x: Any,
    value_function: ValueFunction,
    groups: Any,
    *,
    inclusion: ArrayLike | None = None,
    totals: Mapping[Any, float] | ArrayLike | None = None,
    design: Design = "fixed",
) -> Reweighted:
    """Estimate the shares of groups in the whole population from a panel of it.

    Every member is counted as many times as it stands for agents: 1 / pi times if its inclusion
    probability pi is known, or as often as its group is larger in the population than in the
    panel. That repairs what no factor on the panel's own shares can.

    Parameters
    ----------
    x : array-like, table, list of columns, or Population; shape (M, d)
        Features of the M members at one step, as in `attribute`. Of a Population, the features
        over its whole window are taken.
    value_function : Mean, Heat, Variance or GiniMeanDifference
        The indicator, attributed by Aumann-Shapley with zero baseline.
    groups : Groups, or array-like of int, bool or str, shape (M,)
        The group of every member.
    inclusion : array-like of float, shape (M,)
        The probability with which each member came into the panel, above 0 and at most 1. Every
        agent of the population must have had one above 0: `check_inclusion` says for whom else a
        panel can speak.
    totals : mapping of group to number, or array-like of shape (G,)
        Agents of the population in each group, in the order of the groups if an array
        (post-stratification), where inclusion probabilities are unknown. Within a group members
        must be like a uniform draw of it. Exactly one of `inclusion` and `totals` is given.
    design : "fixed" or "bernoulli"
        Whether the size of the panel was fixed, or every agent was drawn on its own. Only standard
        errors depend on it; with `totals` it is not used.

    Returns
    -------
    Reweighted
        Shares per group with standard errors and nominal 95 % intervals, beside the panel's own.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be read or has the wrong shape, a probability is not above 0 and at
        most 1, a group of the population has no member or fewer agents than members, or heat
        leaves its domain.

    Warns
    -----
    RuntimeWarning
        Where intervals will be too narrow or cannot be had: fewer than 10 members carry a group,
        weights span more than 1e4, shares are undefined, a group has no member. Such a group has no
        share (NaN), and one whose members have attributions of 0 has share 0; neither has a
        standard error (NaN). `Reweighted.cautions` keeps the text.

    Notes
    -----
    Weights d = 1 / pi, N = sum d. Attributions: mean d s, heat d sum_k x_k / xbar_k, variance
    d s (s - sbar), Gini d (2 F - 1) s, where bars are weighted means and F is the weighted
    mid-distribution function. Standard errors are by linearisation: with z the influence of a
    member on a share, Bernoulli draws have SE^2 = sum (1 - pi) z^2 / pi^2, draws of a fixed size n
    n / (n - 1) sum (1 - pi) (z / pi - B)^2, B the mean of z / pi weighted by 1 - pi; for `totals`
    the variance of z within groups counts. Cost: O(M d G), O(M log M + M G) for Gini.

    Source: J. Hajek, comment in "Foundations of Statistical Inference" (1971); J.-C. Deville,
    "Variance estimation for complex statistics and estimators" (1999).

    Examples
    --------
    >>> import aumann
    >>> x = [[float(s)] for s in range(40)]
    >>> groups = ["tail"] * 20 + ["top"] * 20
    >>> inclusion = [0.05] * 20 + [0.5] * 20
    >>> result = aumann.reweight(x, aumann.Mean(), groups, inclusion=inclusion)
    >>> result.names, result.panel_shares.round(2)
    (('tail', 'top'), array([0.24, 0.76]))
    >>> result.shares.round(2), result.standard_error.round(2)
    (array([0.76, 0.24]), array([0.05, 0.05]))
    """
    result = reweighted(
        x, value_function, groups, inclusion=inclusion, totals=totals, design=design
    )
    for caution in result.cautions:
        warnings.warn(caution, RuntimeWarning, stacklevel=2)
    return result


def reweighted(
    x: Any,
    value_function: ValueFunction,
    groups: Any,
    *,
    inclusion: ArrayLike | None = None,
    totals: Mapping[Any, float] | ArrayLike | None = None,
    design: Design = "fixed",
) -> Reweighted:
    """Do as `reweight`, with the cautions in the result only: many threads share the warnings.

    Examples
    --------
    >>> import aumann
    >>> groups = aumann.Groups.from_labels([0, 1])
    >>> len(reweighted([[1.0], [2.0]], aumann.Mean(), groups, inclusion=[0.5, 0.5]).cautions)
    1
    """
    function = read_function(value_function)
    columns, agents = read_columns(x, function)
    members = agents.size
    partition = read_groups(groups, agents)
    check_design(design)
    counts = partition.counts
    error: Callable[[Numbers], float]
    if inclusion is not None and totals is None:
        chances = read_inclusion(inclusion, agents)
        weights = 1 / chances
        complete = np.full(len(counts), bool((chances == 1).all()))
        told = "fixed size" if design == "fixed" else "Bernoulli"

        def error(z: Numbers) -> float:
            return design_error(z, chances, design)

    elif totals is not None and inclusion is None:
        sizes = read_totals(totals, partition)
        weights = (sizes / np.maximum(counts, 1))[partition.codes]
        complete = counts == sizes
        told = "post-stratified"

        def error(z: Numbers) -> float:
            return stratified_error(z, partition.codes, sizes)

    else:
        given = "neither" if totals is None else "both"
        raise TypeError(f"inclusion, totals: {given} given, exactly one of them is wanted")

    # Only ratios of weights count; so their squares cannot overflow.
    relative = weights / weights.max()
    estimate = weighted_shares(function, columns, weights, partition)
    own = weighted_shares(function, columns, np.ones(members), partition)
    carrying = partition.codes[estimate.contributions != 0]
    contributors = np.bincount(carrying, minlength=len(counts)).astype(np.intp, copy=False)
    errors = np.full(len(counts), np.nan)
    if estimate.defined:
        # A group that nobody seen carries may be carried by agents not seen: no error is known.
        for group in np.flatnonzero((contributors > 0) | complete):
            errors[group] = error(estimate.influence(int(group)))
    result = Reweighted(
        value_function=function,
        names=partition.names,
        shares=np.where(counts > 0, estimate.shares, np.nan),
        standard_error=errors,
        panel_shares=np.where(counts > 0, own.shares, np.nan),
        members=counts,
        contributors=contributors,
        design=told,
        effective_size=float(relative.sum() ** 2 / (relative @ relative)),
        weight_span=float(1 / relative.min()),
    )
    return replace(result, cautions=tuple(_cautions(result, complete)))


def _cautions(result: Reweighted, complete: NDArray[np.bool_]) -> Iterator[str]:
    """Say why figures are missing or will be too sure of themselves."""
    if np.isnan(result.shares).all():
        yield (
            "shares are undefined: the weighted attributions sum to 0, or to rounding error "
            "beside their magnitudes"
        )
        return
    few = (result.contributors < FEW_CONTRIBUTORS) & ~complete
    if few.any():
        told = listed(
            [
                f"{result.names[group]!r} by {result.contributors[group]}"
                for group in np.flatnonzero(few)
            ]
        )
        yield (
            f"fewer than {FEW_CONTRIBUTORS} members of the panel carry a group ({told}): "
            "its interval is too narrow, or cannot be had"
        )
    if result.weight_span > WIDE_SPAN:
        yield (
            f"weights span a factor of {result.weight_span:.3g}, above {WIDE_SPAN:g}: "
            "intervals are too narrow"
        )
    if np.isnan(result.standard_error[result.contributors > 0]).any():
        yield "a single member shows no spread: there are no standard errors"
