"""Methods: which value of the agents is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from aumann.estimators import (
    CoalitionSampling,
    MeanFieldExpansion,
    PathIntegral,
    PermutationSampling,
)

__all__ = ["AumannShapley", "Banzhaf", "LeaveOneOut", "Method", "Shapley"]


@dataclass(frozen=True, repr=False)
class AumannShapley:
    """The Aumann-Shapley value: the gradient of F averaged along the straight path to x.

    For agent i with features x_i, baseline b_i and path B + a (X - B),

        phi_i = sum_k (x_ik - b_ik) * integral_0^1 dF/dx_ik (B + a (X - B)) da.

    It satisfies efficiency (the sum of phi is F(X) - F(B)), symmetry, dummy and linearity. The
    built-in value functions have closed forms of it, so it is exact: nothing is sampled. Torch
    functions are integrated numerically.

    Parameters
    ----------
    estimator : PathIntegral, optional
        How. Without one it is the closed form of a built-in value function, and
        `PathIntegral()` of a torch function.

    Raises
    ------
    TypeError
        If the estimator is of another kind.

    Notes
    -----
    Cost: one or two passes over x; the Gini mean difference needs ranks as well; that of
    `PathIntegral` for torch functions.

    Source: "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404; R. J. Aumann and
    L. S. Shapley, "Values of Non-Atomic Games" (1974).

    Examples
    --------
    >>> import numpy as np, aumann
    >>> x = np.array([[1.0, 2.0], [3.0, 0.0]])
    >>> aumann.attribute(x, aumann.Mean(), method=aumann.AumannShapley()).values
    array([1.5, 1.5])
    """

    estimator: PathIntegral | None = None

    def __post_init__(self) -> None:
        """Refuse an estimator of another value."""
        _check(self, self.estimator, PathIntegral)

    def __repr__(self) -> str:
        """Return the method as it would be written."""
        return _shown(self, self.estimator)


@dataclass(frozen=True, repr=False)
class Shapley:
    """The Shapley value: the mean marginal contribution of an agent over all orders of joining.

    Agents outside a coalition stand at their baseline; n stays the same. It satisfies the same
    four axioms as `AumannShapley` and is a different number: equal for mean and variance, close
    for heat with many agents, far away for the Gini mean difference at any size.

    Parameters
    ----------
    estimator : PermutationSampling or MeanFieldExpansion, optional
        How. Without one the value is exact: by closed form for mean, variance and the Gini mean
        difference, by enumeration of all coalitions for up to 24 agents otherwise; where neither
        is possible, an error says which estimator to use.

    Raises
    ------
    TypeError
        If the estimator is of another kind.

    Notes
    -----
    Cost: O(N) for mean and variance, O(N log N) for the Gini mean difference, O(n 2^n) by
    enumeration. Estimators state theirs.

    Source: L. S. Shapley, "A value for n-person games" (1953); closed forms: docs/paper.md.

    Examples
    --------
    >>> import aumann
    >>> x = [[1.0], [2.0], [6.0]]
    >>> aumann.attribute(x, aumann.GiniMeanDifference(), method=aumann.Shapley()).values.round(4)
    array([0.    , 0.2222, 2.    ])
    >>> sampled = aumann.Shapley(aumann.PermutationSampling(20, seed=1))
    >>> result = aumann.attribute(x, aumann.Heat(), method=sampled)
    >>> result.standard_error.shape
    (3,)
    """

    estimator: PermutationSampling | MeanFieldExpansion | None = None

    def __post_init__(self) -> None:
        """Refuse an estimator of another value."""
        _check(self, self.estimator, PermutationSampling, MeanFieldExpansion)

    def __repr__(self) -> str:
        """Return the method as it would be written."""
        return _shown(self, self.estimator)


@dataclass(frozen=True, repr=False)
class Banzhaf:
    """The Banzhaf value: the mean marginal contribution of an agent over all coalitions of others.

    Agents outside a coalition stand at their baseline. It is not efficient: its sum is not
    F(X) - F(B) in general, so `residual` is a finding here, not an error.

    Parameters
    ----------
    estimator : CoalitionSampling or MeanFieldExpansion, optional
        How. Without one the value is exact, as for `Shapley`.

    Raises
    ------
    TypeError
        If the estimator is of another kind.

    Notes
    -----
    Cost: as `Shapley`, to which it is equal for mean, variance and the Gini mean difference.

    Source: J. F. Banzhaf, "Weighted voting doesn't work" (1965).

    Examples
    --------
    >>> import aumann
    >>> x = [[1.0], [2.0], [6.0]]
    >>> aumann.attribute(x, aumann.Variance(), method=aumann.Banzhaf()).values.round(4)
    array([-0.6667, -0.6667,  6.    ])
    """

    estimator: CoalitionSampling | MeanFieldExpansion | None = None

    def __post_init__(self) -> None:
        """Refuse an estimator of another value."""
        _check(self, self.estimator, CoalitionSampling, MeanFieldExpansion)

    def __repr__(self) -> str:
        """Return the method as it would be written."""
        return _shown(self, self.estimator)


@dataclass(frozen=True)
class LeaveOneOut:
    """Leave-one-out: by how much F(X) falls when one agent goes back to its baseline.

    It looks at one point only: interactions are counted twice or not at all, so the sum is not
    F(X) - F(B) in general and `residual` is a finding, not an error.

    Notes
    -----
    Cost: O(N), O(N log N) for the Gini mean difference; n + 2 evaluations of a game, and three
    again to check it.

    Examples
    --------
    >>> import aumann
    >>> x = [[1.0], [2.0], [6.0]]
    >>> aumann.attribute(x, aumann.Variance(), method=aumann.LeaveOneOut()).values.round(4)
    array([-1.5556, -2.2222,  4.    ])
    """


Method: TypeAlias = AumannShapley | Shapley | Banzhaf | LeaveOneOut


def _check(method: object, estimator: object, *kinds: type) -> None:
    if estimator is None or isinstance(estimator, kinds):
        return
    wanted = " or ".join(kind.__name__ for kind in kinds)
    if isinstance(estimator, type) and issubclass(estimator, kinds):
        raise TypeError(f"estimator: the class {estimator.__name__}, an instance is wanted")
    raise TypeError(f"estimator: {estimator!r}, {wanted} is wanted for {type(method).__name__}")


def _shown(method: object, estimator: object) -> str:
    return f"{type(method).__name__}({'' if estimator is None else repr(estimator)})"
