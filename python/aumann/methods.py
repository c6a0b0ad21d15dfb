"""Methods: which value of the agents is meant."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AumannShapley"]


@dataclass(frozen=True)
class AumannShapley:
    """The Aumann-Shapley value: the gradient of F averaged along the straight path to x.

    For agent i with features x_i, baseline b_i and path B + a (X - B),

        phi_i = sum_k (x_ik - b_ik) * integral_0^1 dF/dx_ik (B + a (X - B)) da.

    It satisfies efficiency (the sum of phi is F(X) - F(B)), symmetry, dummy and linearity. The
    built-in value functions have closed forms of it, so it is exact: nothing is sampled.

    Notes
    -----
    Cost: one or two passes over x; the Gini mean difference needs ranks as well.

    Source: "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404; R. J. Aumann and
    L. S. Shapley, "Values of Non-Atomic Games" (1974).

    Examples
    --------
    >>> import numpy as np, aumann
    >>> x = np.array([[1.0, 2.0], [3.0, 0.0]])
    >>> aumann.attribute(x, aumann.Mean(), method=aumann.AumannShapley()).values
    array([1.5, 1.5])
    """
