"""What a sampled result keeps, so that it can be gone on with and merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aumann._core import Moments
from aumann.estimators import CoalitionSampling, PermutationSampling

__all__ = ["Plan", "StepSamples", "checks", "estimated", "plan_of", "told"]

Plan: TypeAlias = tuple[str, bool, bool]


def plan_of(estimator: PermutationSampling | CoalitionSampling) -> Plan:
    """Return what samples must have in common to be added up.

    Examples
    --------
    >>> plan_of(CoalitionSampling(10))
    ('coalitions', True, False)
    """
    if isinstance(estimator, PermutationSampling):
        return ("orders", estimator.antithetic, estimator.control_variate)
    return ("coalitions", estimator.reuse, False)


@dataclass(frozen=True, eq=False)
class StepSamples:
    """The samples of one step.

    Parameters
    ----------
    plan : Plan
        What a sample is.
    runs : tuple of (int, int, int)
        Seed, first and last + 1 sample number of every run, in order.
    moments : tuple of Moments
        One per term of the value function.
    fingerprint : int
        Of the game they belong to.
    ends : tuple of (float, float)
        The values of all agents and of none.
    """

    plan: Plan
    runs: tuple[tuple[int, int, int], ...]
    moments: tuple[Moments, ...]
    fingerprint: int
    ends: tuple[float, float]

    @property
    def count(self) -> int:
        """How many samples there are."""
        return sum(stop - start for _, start, stop in self.runs)

    def merge(self, other: StepSamples) -> StepSamples:
        """Return the samples of both.

        Raises
        ------
        ValueError
            If they are of different games, or share a sample.
        """
        if self.plan != other.plan:
            raise ValueError(
                f"other: {told(other.plan, other.count)}, besides {told(self.plan, self.count)}; "
                "samples of one kind are wanted"
            )
        if self.fingerprint != other.fingerprint or len(self.moments) != len(other.moments):
            raise ValueError("other: samples of another game, the same inputs are wanted")
        runs = sorted((*self.runs, *other.runs))
        for (seed, _, stop), (next_seed, next_start, next_stop) in pairwise(runs):
            if seed == next_seed and next_start < stop:
                last = min(stop, next_stop) - 1
                raise ValueError(
                    f"other: samples {next_start} to {last} of seed {seed} are in both, samples "
                    "of other numbers (first=) or of another seed are wanted"
                )
        joined: list[tuple[int, int, int]] = []
        for seed, start, stop in runs:
            if joined and joined[-1][0] == seed and joined[-1][2] == start:
                joined[-1] = (seed, joined[-1][1], stop)
            else:
                joined.append((seed, start, stop))
        moments = tuple(a.merged(b) for a, b in zip(self.moments, other.moments, strict=True))
        return StepSamples(self.plan, tuple(joined), moments, self.fingerprint, self.ends)


def checks(most: int) -> list[int]:
    """Return after how many samples a tolerance is looked at, up to `most`.

    Fixed numbers, a quarter apart, so that a run ends where any other run of its kind would.

    Examples
    --------
    >>> checks(50)
    [8, 16, 24, 32, 40, 50]
    """
    found: list[int] = []
    count = 0
    while count < most:
        count = max(count + 8, -(-count * 5 // 4))
        found.append(min(count, most))
    return found


def estimated(
    coefficients: Sequence[float], moments: Sequence[Moments]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the estimates and standard errors of a sum of independently sampled terms.

    Parameters
    ----------
    coefficients : sequence of float
        Of the terms.
    moments : sequence of Moments
        Of the terms.

    Returns
    -------
    tuple of ndarray of float64, shape (n,)
        Estimates, and standard errors; these are NaN for a single sample.
    """
    values = np.zeros(moments[0].players)
    variances = np.zeros_like(values)
    for coefficient, each in zip(coefficients, moments, strict=True):
        means, errors = each.estimate()
        values += coefficient * means
        variances += (coefficient * errors) ** 2
    return values, np.sqrt(variances)


def told(plan: Plan, samples: int) -> str:
    """Return how values were found, in words.

    Examples
    --------
    >>> told(("orders", True, True), 500)
    '1,000 antithetic permutations'
    """
    kind, flag, control = plan
    if kind == "coalitions":
        return f"{samples:,} coalitions, {'reused' if flag else 'marginal contributions'}"
    orders = f"{2 * samples:,} antithetic permutations" if flag else f"{samples:,} permutations"
    return orders if control else f"{orders}, no control variate"
