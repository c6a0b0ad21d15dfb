"""What a sampled result keeps, so that it can be gone on with and merged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aumann._core import Moments
from aumann._warning import warn_user
from aumann.estimators import LEAST_SAMPLES, CoalitionSampling, PermutationSampling

__all__ = [
    "Plan",
    "StepSamples",
    "checks",
    "digest",
    "estimated",
    "plan_of",
    "told",
    "warn_unsampled",
]

Plan: TypeAlias = tuple[str, bool, bool]

# Agents of whom samples may say nothing, in expectation, where so many are enough.
UNSAMPLED = 0.01


def digest(*numbers: float) -> int:
    """Return a number that differs between numbers, the same in every process.

    Examples
    --------
    >>> digest(-1.0) == digest(-2.0), digest(0.0) == digest(-0.0)
    (False, True)
    """
    parts = b"".join(
        number.to_bytes(8, "little")
        if isinstance(number, int)
        else (np.float64(number) + 0.0).tobytes()
        for number in numbers
    )
    return int.from_bytes(hashlib.blake2b(parts, digest_size=8).digest(), "little")


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
    exact : tuple of bool
        Of every term, whether each sample is the value itself.
    null : ndarray of bool, optional
        Agents who stand at their baseline, so that they change nothing.
    seen : tuple of (float, float)
        The smallest and the largest value of the coalitions sampled, of a game evaluated in Python.
    evaluations : int
        How many values of coalitions were needed.
    """

    plan: Plan
    runs: tuple[tuple[int, int, int], ...]
    moments: tuple[Moments, ...]
    fingerprint: int
    ends: tuple[float, float]
    exact: tuple[bool, ...] = (False,)
    null: NDArray[np.bool_] | None = None
    seen: tuple[float, float] = (np.inf, -np.inf)
    evaluations: int = 0

    @property
    def count(self) -> int:
        """How many samples there are."""
        return sum(stop - start for _, start, stop in self.runs)

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the standard errors."""
        return self.count - (2 if self.plan[:2] == ("coalitions", True) else 1)

    def estimate(
        self, coefficients: Sequence[float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return estimates and standard errors of a sum of terms.

        Samples that are all equal, up to the unit of their sums, tell no error: it is NaN, unless
        each of them is the value itself.
        """
        estimates = [moments.estimate() for moments in self.moments]
        values, errors = estimated(coefficients, estimates)
        terms = zip(self.moments, estimates, self.exact, strict=True)
        for moments, (_, own_errors), exact in terms:
            if not exact:
                unit = 2 * moments.quantum / np.sqrt(max(1, self.count))
                equal = own_errors <= unit
                errors[equal if self.null is None else equal & ~self.null] = np.nan
        return values, errors

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
                    "of other numbers (first=, in samples) or of another seed are wanted"
                )
        joined: list[tuple[int, int, int]] = []
        for seed, start, stop in runs:
            if joined and joined[-1][0] == seed and joined[-1][2] == start:
                joined[-1] = (seed, joined[-1][1], stop)
            else:
                joined.append((seed, start, stop))
        moments = tuple(a.merged(b) for a, b in zip(self.moments, other.moments, strict=True))
        return replace(
            self,
            runs=tuple(joined),
            moments=moments,
            seen=(min(self.seen[0], other.seen[0]), max(self.seen[1], other.seen[1])),
            evaluations=self.evaluations + other.evaluations,
        )


def checks(most: int, exact: bool = False) -> list[int]:
    """Return after how many samples a tolerance is looked at, up to `most`.

    Fixed numbers, a quarter apart, so that a run ends where any other run of its kind would. The
    first look is at `LEAST_SAMPLES`, or at the first two samples that are each exact.

    Examples
    --------
    >>> checks(60), checks(60, exact=True)
    ([32, 40, 50, 60], [2, 32, 40, 50, 60])
    """
    found = [min(2, most)] if exact else []
    count = LEAST_SAMPLES
    while not found or found[-1] < most:
        found.append(min(count, most))
        count = max(count + 8, -(-count * 5 // 4))
    return found


def warn_unsampled(samples: StepSamples, unknown: int, where: str) -> None:
    """Warn that coalitions are too few to say something of every agent.

    Parameters
    ----------
    samples : StepSamples
        Those of a step.
    unknown : int
        How many of its agents have no estimate.
    where : str
        At which steps, in words.
    """
    agents, enough = samples.moments[0].players, samples.count
    while 2 * agents * (1 + enough) > UNSAMPLED * 2**enough:
        enough += 1
    few = "coalition" if samples.count == 1 else f"{samples.count:,} coalitions"
    warn_user(
        f"{unknown:,} of {agents:,} agents{where} are in all or none of the {few} that were "
        "sampled, which tells nothing of them: they are NaN, and so are all sums over them. Where "
        f"coalitions are reused, {agents:,} agents want at least {enough} of them"
    )


def estimated(
    coefficients: Sequence[float],
    estimates: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the estimates and standard errors of a sum of independently sampled terms.

    Parameters
    ----------
    coefficients : sequence of float
        Of the terms.
    estimates : sequence of tuple of ndarray of float64, shape (n,)
        Means and standard errors of the terms.

    Returns
    -------
    tuple of ndarray of float64, shape (n,)
        Estimates, and standard errors; these are NaN for a single sample.
    """
    terms = list(zip(coefficients, estimates, strict=True))
    values = np.zeros(len(estimates[0][0]))
    for coefficient, (means, _) in terms:
        values += coefficient * means
    # Their squares may be out of range.
    total = reduce(np.hypot, [abs(coefficient) * errors for coefficient, (_, errors) in terms])
    return values, total


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
