"""Inclusion probabilities: whom a panel can speak for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aumann._labelled import Axis, labels_of
from aumann._panels import read_groups, read_numbers, refuse_where

__all__ = ["check_inclusion", "proportional_inclusion", "read_inclusion"]

Numbers = NDArray[np.float64]

# An agent this near to certainty is certain, so that no other one's part of a line that is cut
# into parts of these lengths exceeds the distance of two marks by rounding.
CERTAIN = 1 - 2.0**-30
# Below, a sum of sizes has no digits left to divide by.
VANISHING = 1e-290


def check_inclusion(inclusion: ArrayLike, groups: Any = None) -> None:
    r"""Refuse the inclusion probabilities of panels that cannot speak for the whole population.

    Parameters
    ----------
    inclusion : array-like of float, shape (N,)
        Inclusion probabilities of all agents of the population, as protocols give them.
    groups : Groups, or array-like of int, bool or str, shape (N,), optional
        The group of every agent, to say which groups are out of reach.

    Raises
    ------
    TypeError, ValueError
        If some agent has probability 0: how many, and which groups cannot be reached at all or
        only in part. Also if these are no probabilities.

    Notes
    -----
    O(N). No weights can repair a probability of 0: what agents are like who are never seen would
    have to be assumed. Such a panel speaks for the agents above 0, and `reweight` then estimates
    the shares among these only.

    Examples
    --------
    >>> check_inclusion([0.5, 0.1, 0.1])
    >>> try:
    ...     check_inclusion([0.5, 0.5, 0.0, 0.0], ["top", "top", "top", "tail"])
    ... except ValueError as error:
    ...     print(str(error).replace("; ", ";\n"))
    inclusion: 0 for 2 of 4 agents (50.0 %), for whom no panel can speak;
    out of reach: 'tail';
    in part: 'top' (1 of 3 agents);
    such a panel speaks for the other 2 agents only
    """
    chances = read_numbers("inclusion", inclusion)
    refuse_where(~((chances >= 0) & (chances <= 1)), "inclusion", chances, "a number from 0 to 1")
    never = chances == 0
    agents = Axis(len(chances), labels_of(inclusion))
    partition = None if groups is None else read_groups(groups, agents)
    missed, total = int(never.sum()), len(chances)
    if not missed:
        return
    phrases = [
        f"inclusion: 0 for {missed:,} of {total:,} agents ({100 * missed / total:.1f} %), "
        "for whom no panel can speak"
    ]
    if partition is not None:
        lost = np.bincount(partition.codes[never], minlength=len(partition.names))
        cells = list(zip(partition.names, lost.tolist(), partition.counts.tolist(), strict=True))
        wholly = [repr(name) for name, gone, count in cells if gone == count > 0]
        partly = [
            f"{name!r} ({gone:,} of {count:,} agents)"
            for name, gone, count in cells
            if 0 < gone < count
        ]
        phrases += [f"out of reach: {', '.join(wholly)}"] if wholly else []
        phrases += [f"in part: {', '.join(partly)}"] if partly else []
    phrases.append(f"such a panel speaks for the other {total - missed:,} agents only")
    raise ValueError("; ".join(phrases))


def read_inclusion(inclusion: ArrayLike, members: Axis) -> Numbers:
    """Return the inclusion probabilities of members, who cannot have been drawn with 0.

    Parameters
    ----------
    inclusion : array-like of float, shape (M,)
        Above 0 and at most 1.
    members : Axis
        How many there are, and what they are called.

    Returns
    -------
    ndarray of float64, shape (M,)

    Raises
    ------
    TypeError, ValueError
        If there is not one probability per member.

    Examples
    --------
    >>> read_inclusion([1, 0.5], Axis(2))
    array([1. , 0.5])
    """
    chances = read_numbers("inclusion", inclusion, members)
    inside = (chances > 0) & (chances <= 1)
    refuse_where(
        ~inside, "inclusion", chances, "a probability above 0 (it was drawn) and at most 1"
    )
    return chances


def proportional_inclusion(sizes: Numbers, panel: int) -> Numbers:
    """Return inclusion probabilities proportional to sizes, except for agents that are certain.

    Parameters
    ----------
    sizes : ndarray of float64, shape (N,)
        0 or more.
    panel : int
        Agents in the panel, from 1 to N: what the probabilities sum to.

    Returns
    -------
    ndarray of float64, shape (N,)
        min(1, c sizes), with c so that they sum to `panel`.

    Notes
    -----
    O(N) for each round in which agents turn out to be certain.

    Examples
    --------
    >>> proportional_inclusion(np.array([8.0, 1.0, 1.0]), 2)
    array([1. , 0.5, 0.5])
    """
    chances = np.ones(sizes.size)
    left, places = np.arange(sizes.size), panel
    while left.size > places:
        share = sizes[left]
        total = share.sum()
        share *= places / total if total > VANISHING else 0.0
        certain = share >= CERTAIN
        if not certain.any():
            chances[left] = share
            break
        left = left[~certain]
        places -= int(np.count_nonzero(certain))
    return chances
