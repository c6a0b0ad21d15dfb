"""How large a panel has to be."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aumann._designs import Design, check_design, predicted_error
from aumann._influence import weighted_shares
from aumann._labelled import Axis
from aumann._numbers import check_positive
from aumann._panels import (
    FEW_CONTRIBUTORS,
    read_columns,
    read_function,
    read_groups,
    read_numbers,
    refuse_where,
)
from aumann.inclusion import proportional_inclusion
from aumann.value_functions import ValueFunction

__all__ = ["PanelPlan", "plan_panel"]

Numbers = NDArray[np.float64]


class HasInclusion(Protocol):
    """A protocol that says with which probability it draws every agent."""

    def inclusion(self, population: Any, size: int, *, topic: str | None = None) -> Numbers:
        """Return the inclusion probabilities, shape (N,), for a panel of so many agents."""


@dataclass(frozen=True)
class PanelPlan:
    """How large a panel has to be: the result of `plan_panel`.

    Parameters
    ----------
    size : int
        Agents in the panel.
    error : float
        The standard error of the group's reweighted share that panels of this size will have.
    wanted : float
        The largest one that was wanted.
    group : str
        The group.
    share : float
        Its share in the population.
    contributors : float
        How many members of the group with an attribution other than 0 a panel has on average.
    design : "fixed" or "bernoulli"
        How panels are drawn.

    Examples
    --------
    >>> PanelPlan(320, 0.0099, 0.01, "top", 0.17, 31.5, "fixed").size
    320
    """

    size: int
    error: float
    wanted: float
    group: str
    share: float
    contributors: float
    design: Design


def plan_panel(
    population: Any,
    value_function: ValueFunction,
    groups: Any,
    group: object,
    error: float,
    *,
    protocol: HasInclusion | None = None,
    inclusion: ArrayLike | None = None,
    topic: str | None = None,
    design: Design = "fixed",
) -> PanelPlan:
    """Find how many agents a protocol has to draw for a wanted error of a group's share.

    The share is the one that `reweight` estimates, and the error its standard error, predicted
    from the whole population: from one like the one that is to be studied, say an earlier one.

    Parameters
    ----------
    population : Population, or array-like, table, list of columns of shape (N, d)
        All agents at one step. Of a Population, the features over its whole window are taken.
    value_function : Mean, Heat, Variance or GiniMeanDifference
        The indicator, attributed by Aumann-Shapley with zero baseline.
    groups : Groups, or array-like of int, bool or str, shape (N,)
        The group of every agent.
    group : str, or int or bool if such are the labels
        The group whose share is wanted.
    error : float
        The largest standard error of its share, above 0; 0.01 is a percentage point.
    protocol : object with a method `inclusion(population, size, topic=topic)`
        How panels are drawn: gives the inclusion probabilities, shape (N,), of panels of a size.
    inclusion : array-like of float, shape (N,)
        Or numbers above 0 to which inclusion probabilities are to be proportional; agents for
        whom that is more than 1 are certain. Exactly one of `protocol` and `inclusion` is given.
    topic : str, optional
        The topic of the Population that features and `protocol` are for; None is all together.
    design : "fixed" or "bernoulli"
        Whether the size of panels is fixed, or every agent is drawn on its own.

    Returns
    -------
    PanelPlan

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be read or has the wrong shape, the group has no agent, shares are
        undefined, or `protocol` cannot reach the error even with all agents.

    Warns
    -----
    RuntimeWarning
        If panels of this size have fewer than 10 members that carry the group, on average: their
        estimates will err by more than is predicted.

    Notes
    -----
    With z the influence of an agent on the share: Bernoulli SE^2 = sum (1 - pi) z^2 / pi, fixed
    size SE^2 = N / (N - 1) sum pi (1 - pi) (z / pi - B)^2, B the mean of z / pi weighted by
    pi (1 - pi). The size is found by bisection between 2 and N, as the error falls with the size
    for any sensible protocol; where an agent cannot be drawn the error counts as infinite, so a
    protocol that draws from a pool is told to exhaust it. Cost: O(N log N), and one
    `protocol.inclusion` for each of about log2 N sizes.

    Source: J. Hajek (1964), as in `reweight`.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=20_000, steps=3)
    >>> tiers = population.tiers(by="reach")
    >>> weights = 1 + population.raw("reach")
    >>> gini = aumann.GiniMeanDifference()
    >>> plan = aumann.plan_panel(population, gini, tiers, "top", 0.01, inclusion=weights**0.5)
    >>> plan.size, round(plan.error, 4), round(plan.share, 3)
    (687, 0.01, 0.088)
    """
    function = read_function(value_function)
    columns, everybody = read_columns(population, function, topic)
    agents = everybody.size
    partition = read_groups(groups, everybody)
    check_positive("error", error)
    check_design(design)
    name = str(group)
    if name not in partition.names:
        known = ", ".join(map(repr, partition.names[:8]))
        raise ValueError(f"group: {group!r}, one of the groups is wanted ({known})")
    place = partition.names.index(name)
    inside = partition.codes == place
    if not inside.any():
        raise ValueError(f"group: {group!r} has no agent, a group with agents is wanted")
    whole = weighted_shares(function, columns, np.ones(agents), partition)
    if not whole.defined:
        raise ValueError(
            f"population: shares of {function!r} are undefined, its attributions sum to 0 or to "
            "rounding error beside their magnitudes"
        )
    z = whole.influence(place)
    chances = _chances(population, everybody, protocol, inclusion, topic)

    def error_at(size: int) -> float:
        return predicted_error(z, chances(size), design)

    low, high = min(2, agents), agents
    if error_at(high) > error:
        raise ValueError(
            f"protocol: a panel of all {agents:,} agents has a standard error of "
            f"{error_at(high):.3g}, at most {error:g} is wanted"
        )
    while low < high:
        middle = (low + high) // 2
        if error_at(middle) <= error:
            high = middle
        else:
            low = middle + 1
    carrying = float(chances(high)[inside & (whole.contributions != 0)].sum())
    share = float(whole.shares[place])
    plan = PanelPlan(high, error_at(high), float(error), name, share, carrying, design)
    if carrying < FEW_CONTRIBUTORS and high < agents:
        warnings.warn(
            f"panels of {high:,} agents have {carrying:.1f} members on average that carry "
            f"{name!r}, fewer than {FEW_CONTRIBUTORS}: estimates will err by more than predicted",
            RuntimeWarning,
            stacklevel=2,
        )
    return plan


def _chances(
    population: Any,
    agents: Axis,
    protocol: HasInclusion | None,
    inclusion: ArrayLike | None,
    topic: str | None,
) -> Callable[[int], Numbers]:
    """Return what gives the inclusion probabilities of panels of a size."""
    if inclusion is not None and protocol is None:
        sizes = read_numbers("inclusion", inclusion, agents)
        refuse_where(
            ~(np.isfinite(sizes) & (sizes > 0)), "inclusion", sizes, "a finite number above 0"
        )
        return lambda size: proportional_inclusion(sizes, size)
    if protocol is None or inclusion is not None:
        given = "neither" if protocol is None else "both"
        raise TypeError(f"protocol, inclusion: {given} given, exactly one of them is wanted")
    if not callable(getattr(protocol, "inclusion", None)):
        raise TypeError(f"protocol: {protocol!r}, an object with a method inclusion is wanted")

    def given_by_protocol(size: int) -> Numbers:
        chances = read_numbers(
            "protocol.inclusion", protocol.inclusion(population, size, topic=topic), agents
        )
        inside = (chances >= 0) & (chances <= 1)
        refuse_where(~inside, "protocol.inclusion", chances, "a number from 0 to 1")
        return chances

    return given_by_protocol
