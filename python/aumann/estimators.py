"""Estimators: how a value of the agents is found where no closed form gives it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal

from aumann._numbers import check_integer, check_positive

__all__ = [
    "LEAST_SAMPLES",
    "MAX_SAMPLES",
    "CoalitionSampling",
    "MeanFieldExpansion",
    "PathIntegral",
    "PermutationSampling",
]

# What the fixed-point sums of the core can hold.
MAX_SAMPLES = 2**20

# Before a run may stop by its tolerance.
LEAST_SAMPLES = 32


class Estimator:
    """How a value is found; shown as it would be written."""

    def __repr__(self) -> str:
        """Return the call that makes it, without what is left at its default.

        Examples
        --------
        >>> PermutationSampling(20, seed=1)
        PermutationSampling(20, seed=1)
        """
        parts = []
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if field.default is MISSING:
                parts.append(repr(value))
            elif value != field.default:
                parts.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"


@dataclass(frozen=True, repr=False)
class PermutationSampling(Estimator):
    """Random orders in which agents join: an unbiased estimate of the Shapley value.

    Every order gives every agent one marginal contribution. Orders depend on the seed and their
    number alone: the bits are the same at any number of threads, and a run of 100 that is resumed
    to 300 is the run of 300.

    Parameters
    ----------
    permutations : int
        How many orders, at most; at least 1. With `antithetic` an even number, as each order is
        taken together with its reverse.
    antithetic : bool
        Whether to use pairs of an order and its reverse. One pair is exact where agents interact
        in pairs only: mean, variance, Gini mean difference.
    control_variate : bool
        Whether to subtract what an agent's position alone would contribute on the mean-field
        path, whose expectation is known, where the value function offers that (heat). Estimates
        stay unbiased, and every sample still sums to F(X) - F(B).
    tolerance : float, optional
        Stop when the largest standard error is at most this part of the range of the values, with
        what the samples may have missed (see below). Looked at after fixed numbers of samples, 32
        at first: pairs with `antithetic`, else orders.
    max_seconds : float, optional
        Stop after about this time. How many orders fit differs from run to run, so the result is
        not reproducible; it still says how many there were.
    seed : int
        From 0 to 2**64 - 1.
    first : int
        Number of the first *sample*, for runs that are merged later. With `antithetic` a sample is
        a pair of orders: a run of 40 permutations takes samples 0 to 19, and ``first=20``, which is
        its `samples`, comes next. Without, a sample is an order, and ``first=40`` comes next.

    Raises
    ------
    TypeError, ValueError
        If a number is of the wrong kind or out of range.

    Notes
    -----
    Cost per order: O(N) for mean, variance and heat, O(N log N) for the Gini mean difference,
    n + 1 evaluations of a game. Memory: O(N) per thread. Standard errors are those of the mean
    over independent samples: pairs with `antithetic`, else orders. They are NaN for a single
    sample, and where all samples of an agent are equal, which tells no error; 0 where that must be
    so: for mean, with `antithetic` for variance and Gini, and for an agent at its baseline. For
    intervals see `Attribution.interval`.

    k samples may have missed what happens in fewer than 3/k of the orders. Where that can add up
    to R, a run with a `tolerance` stops only when 3 R/k, beside the half width of the 95 %
    intervals, is within twice the tolerance. R is 0 where agents interact in pairs only; for heat
    the largest that a sample can be; for a game or a callable the range of its values in the
    coalitions seen, or a smaller `bound` of the `Game`.

    Source: J. Castro, D. Gomez, J. Tejada, "Polynomial calculation of the Shapley value based on
    sampling" (2009); random orders: docs/random-orders.md.

    Examples
    --------
    >>> import aumann
    >>> method = aumann.Shapley(aumann.PermutationSampling(200, seed=7))
    >>> x = [[1.0, 2.0], [3.0, 1.0], [2.0, 2.0]]
    >>> result = aumann.attribute(x, aumann.Heat(), method=method)
    >>> bool((result.standard_error < 0.01).all()), result.seed
    (True, 7)
    """

    permutations: int
    antithetic: bool = True
    control_variate: bool = True
    tolerance: float | None = None
    max_seconds: float | None = None
    seed: int = 0
    first: int = 0

    def __post_init__(self) -> None:
        """Check every number."""
        _check_flag("antithetic", self.antithetic)
        _check_flag("control_variate", self.control_variate)
        per_sample = 2 if self.antithetic else 1
        check_integer("permutations", self.permutations, 1, MAX_SAMPLES * per_sample)
        if self.antithetic and self.permutations % 2:
            raise ValueError(
                f"permutations: {self.permutations}, an even number is wanted with "
                "antithetic=True, which takes each order together with its reverse"
            )
        _check_stops(self)

    @property
    def samples(self) -> int:
        """Independent samples asked for: pairs with `antithetic`, else orders."""
        return self.permutations // 2 if self.antithetic else self.permutations


@dataclass(frozen=True, repr=False)
class CoalitionSampling(Estimator):
    """Random coalitions, every agent a member of half of them: an estimate of the Banzhaf value.

    Parameters
    ----------
    coalitions : int
        How many, at most; at least 1.
    reuse : bool
        Whether every coalition serves every agent: the value is the mean over coalitions that
        hold the agent less the mean over those that do not (maximum sample reuse). One evaluation
        per coalition, the right choice for games that are evaluated from scratch. Otherwise every
        agent is toggled in every coalition: n evaluations each for a game, but for the built-in
        value functions the same cost, and far smaller errors, as the values' common part cancels.
    tolerance, max_seconds, seed, first
        As in `PermutationSampling`; samples are coalitions, so `first` counts these.

    Raises
    ------
    TypeError, ValueError
        If a number is of the wrong kind or out of range.

    Notes
    -----
    Cost per coalition: O(N) for the built-in value functions, after sorting once for the Gini
    mean difference. Memory: O(N) per thread. Estimates do not sum to F(X) - F(B). Standard errors
    and stops by a tolerance are as in `PermutationSampling`; they are exact without `reuse` for
    mean only.

    With `reuse` an agent who is in all or none of k coalitions has no estimate: N 2^(1 - k) of N
    agents, in expectation. They are NaN, with a RuntimeWarning that names a number that is enough,
    about log2(N) + 13.

    Source: J. T. Wang, R. Jia, "Data Banzhaf" (2023), for the reuse of samples.

    Examples
    --------
    >>> import aumann
    >>> method = aumann.Banzhaf(aumann.CoalitionSampling(400, reuse=False, seed=7))
    >>> x = [[1.0, 2.0], [3.0, 1.0], [2.0, 2.0]]
    >>> result = aumann.attribute(x, aumann.Heat(), method=method)
    >>> exact = aumann.attribute(x, aumann.Heat(), method=aumann.Banzhaf())
    >>> bool((abs(result.values - exact.values) < 5 * result.standard_error).all())
    True
    """

    coalitions: int
    reuse: bool = True
    tolerance: float | None = None
    max_seconds: float | None = None
    seed: int = 0
    first: int = 0

    def __post_init__(self) -> None:
        """Check every number."""
        _check_flag("reuse", self.reuse)
        check_integer("coalitions", self.coalitions, 1, MAX_SAMPLES)
        _check_stops(self)

    @property
    def samples(self) -> int:
        """Independent samples asked for: coalitions."""
        return self.coalitions


@dataclass(frozen=True, repr=False)
class MeanFieldExpansion(Estimator):
    """An expansion in 1/n about the mean of the coalitions, for functions of the feature means.

    Order 0 is the limit of many agents: for Shapley the Aumann-Shapley value. Each further order
    takes a factor of about 1 / (n p) off the error, p being the fraction of agents that matter:
    order 2 is exact to about 1e-12 where a million agents do, and to some percent where a dozen
    do. `error_estimate` of the result is about the largest error of a value, judged by the
    corrections of the orders: true errors are seldom larger, and often smaller. The Shapley
    expansion is efficient at every order.

    Where one agent or a few make up much of a feature's mean, or agents are few beside the square
    of the features, the expansion does not converge: its values may then be anything. If
    `error_estimate` exceeds 1e-2 of the largest value, `converged` is False and a RuntimeWarning
    says so. `PermutationSampling` and `CoalitionSampling` have no such limit.

    Parameters
    ----------
    order : int
        0, 1 or 2.

    Raises
    ------
    TypeError, ValueError
        If the order is none of these. On use: more than 64 features, or 16 at order 2; the product
        of the means is -1 or less on the path, or in a coalition, so that heat is not defined.

    Notes
    -----
    Cost: two passes over x, with as many terms per agent as there are pairs of features, at order 2
    triples, and a path integral of derivatives: seconds at 16 features and order 2. Where features
    or baselines of mixed signs leave it open whether the product of the means falls to -1 in a
    coalition, such coalitions are searched for, in some more passes. For heat; mean is exact at
    any order.

    Source: derived for aumann, docs/paper.md.

    Examples
    --------
    >>> import aumann
    >>> x = [[1.0, 2.0], [3.0, 1.0], [2.0, 2.0]] * 100
    >>> result = aumann.attribute(
    ...     x, aumann.Heat(), method=aumann.Shapley(aumann.MeanFieldExpansion())
    ... )
    >>> result.error_estimate < 1e-6
    True
    """

    order: int = 2

    def __post_init__(self) -> None:
        """Check the order."""
        if isinstance(self.order, bool) or not isinstance(self.order, int):
            raise TypeError(f"order: {self.order!r}, 0, 1 or 2 is wanted")
        if self.order not in (0, 1, 2):
            raise ValueError(f"order: {self.order}, 0, 1 or 2 is wanted")


@dataclass(frozen=True, repr=False)
class PathIntegral(Estimator):
    """The gradient of a torch function, integrated along a path from the baseline to x.

    What `AumannShapley` is found by where no closed form gives it. A built-in value function is
    integrated as its torch twin. Weights and sums are float64 whatever the function computes in.

    Parameters
    ----------
    rule : "gauss-kronrod", "gauss-legendre", "midpoint" or "trapezoid"
        "gauss-kronrod" is adaptive: nested rules of 7 to 55 nodes, the path parted at kinks or in
        the middle where these do not agree with each other and with the values of F, nodes denser
        towards an end where the gradient grows without bound. The others have a fixed number of
        nodes.
    nodes : int, optional
        Of a fixed rule, the ends of the trapezoid included; 32 if not given.
    tolerance : float
        Asked of the largest error of a value, relative to the largest value, and of the residual,
        relative to the sum of magnitudes. No less than rounding allows: 16 times the spacing of
        the numbers that F computes in, at most 0.02, and relative to the terms of F where these
        cancel to nothing.
    path : "straight", "agent-order" or callable
        "straight" gives the Aumann-Shapley value. "agent-order" fades the agents in one after
        another, in the random order of `seed`: each gets what F changes by, which needs n + 1
        values and no gradient; the mean over many orders is the Shapley value. A callable takes a
        (a tensor without axes, float64), the baseline and x (tensors of one step, (n, d)) and
        returns the features at a, by torch operations; it must lead from the one to the other.
    seed : int
        Of the order of the agents, from 0 to 2**64 - 1.
    max_evaluations : int
        The adaptive rule stops before it needs more gradients than this, of any step.
    max_bytes : int
        What features evaluated together may take where steps or nodes are small enough that
        evaluating many at once is faster; what F makes of them comes on top.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.

    Notes
    -----
    Cost: a forward and a backward pass of F per node, three forward passes more, and one of each
    where the tolerance is not met at once; by the adaptive rule up to twelve forward passes, which
    look at F between the nodes. Memory: one node at a time, a number per agent and node of a piece
    of the path (7 to 55) and 64 bytes per agent, by a fixed rule 16, and a copy of a step whose
    array is read-only.

    `error_estimate` of the result is the largest, over agents, of the errors summed over the pieces
    of the path, and what rounding and the residual add to it. It is found from the Legendre
    coefficients of the contributions: what they will have fallen to at the first degree that the
    rule does not integrate, so far as the total, whose error is known, bears it out. What F does in
    less than a sixteenth of the path may be missed. A fixed rule knows its residual only, by which
    `converged` is judged, and its `error_estimate` is NaN. A result that is not converged says so
    in `converged` and by a RuntimeWarning. Of a combination of built-in value functions each term
    meets the tolerance. Small steps and nodes are evaluated together where that gives the same as
    one by one, which is checked.

    Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks" (2017), for
    integrated gradients, which are the same integral.

    Examples
    --------
    >>> import aumann, torch
    >>> def crowding(x):
    ...     return torch.log1p(x.mean(dim=0).prod())
    >>> x = [[1.0, 0.5], [0.5, 1.0], [0.0, 1.5]]
    >>> result = aumann.attribute(x, crowding)
    >>> result.estimator, abs(result.residual) < 1e-6
    ('gauss-kronrod quadrature, 7 nodes', True)
    >>> midpoint = aumann.PathIntegral(rule="midpoint", nodes=4, tolerance=0.01)
    >>> aumann.attribute(x, crowding, method=aumann.AumannShapley(midpoint)).evaluations
    4
    """

    rule: Literal["gauss-kronrod", "gauss-legendre", "midpoint", "trapezoid"] = "gauss-kronrod"
    nodes: int | None = None
    tolerance: float = 1e-6
    path: Literal["straight", "agent-order"] | Callable[[Any, Any, Any], Any] = "straight"
    seed: int = 0
    max_evaluations: int = 500
    max_bytes: int = 2**26

    def __post_init__(self) -> None:
        """Check every argument."""
        rules = ("gauss-kronrod", "gauss-legendre", "midpoint", "trapezoid")
        if self.rule not in rules:
            raise ValueError(f"rule: {self.rule!r}, one of {', '.join(rules)} is wanted")
        if not callable(self.path) and self.path not in ("straight", "agent-order"):
            raise ValueError(
                f"path: {self.path!r}, 'straight', 'agent-order' or a callable is wanted"
            )
        if self.nodes is not None:
            if self.rule == "gauss-kronrod":
                raise ValueError(
                    f"nodes: {self.nodes!r}, but the adaptive rule finds its own; None is wanted, "
                    "or rule='gauss-legendre'"
                )
            # Gauss nodes are eigenvalues of a matrix of that size.
            most = 1000 if self.rule == "gauss-legendre" else 2**20
            check_integer("nodes", self.nodes, 2 if self.rule == "trapezoid" else 1, most)
        if self.path == "agent-order" and (self.rule, self.nodes) != ("gauss-kronrod", None):
            raise ValueError(
                f"rule: {self.rule!r}, but path='agent-order' needs no quadrature; the default is "
                "wanted"
            )
        check_positive("tolerance", self.tolerance, 1.0)
        check_integer("seed", self.seed, 0, 2**64 - 1)
        check_integer("max_evaluations", self.max_evaluations, 3)
        check_integer("max_bytes", self.max_bytes, 1)


def _check_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {value!r}, True or False is wanted")


def _check_stops(estimator: PermutationSampling | CoalitionSampling) -> None:
    check_integer("seed", estimator.seed, 0, 2**64 - 1)
    check_integer("first", estimator.first, 0, 2**63 - 1)
    for name, most in (("tolerance", 1.0), ("max_seconds", math.inf)):
        value = getattr(estimator, name)
        if value is not None:
            check_positive(name, value, most)
