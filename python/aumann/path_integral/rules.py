"""Quadrature rules on [0, 1], in float64."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVELS", "NestedRule", "fixed_rule", "nested_rule"]

Floats: TypeAlias = NDArray[np.float64]

# Numbers of nodes of the nested rules: each has all nodes of the one before. Three nodes are the
# Kronrod extension of one Gauss node, seven that of three, fifteen Patterson's extension of seven.
LEVELS = (1, 3, 7, 15)
# The positive nodes on [-1, 1], by the level that brings them in. T. N. L. Patterson, "The optimum
# addition of points to quadrature formulae" (1968).
_POSITIVE_NODES = (
    (),
    (0.77459666924148337704,),
    (0.43424374934680255800, 0.96049126870802028342),
    (
        0.22338668642896688163,
        0.62110294673722640294,
        0.88845923287225699889,
        0.99383196321275502221,
    ),
)


@dataclass(frozen=True, eq=False)
class NestedRule:
    """Nodes in the order in which levels bring them in, and the weights of every level.

    `weights[k]` is over all nodes, 0 for those that come later.
    """

    nodes: Floats
    weights: Floats


@cache
def nested_rule() -> NestedRule:
    """Return the nested rules of 1, 3, 7 and 15 nodes.

    Examples
    --------
    >>> rule = nested_rule()
    >>> rule.weights.shape, rule.weights.sum(axis=1).round(12)
    ((4, 15), array([1., 1., 1., 1.]))
    """
    nodes = [0.0]
    for positive in _POSITIVE_NODES:
        nodes += [sign * node for node in positive for sign in (-1, 1)]
    weights = np.zeros((len(LEVELS), LEVELS[-1]))
    for level, count in enumerate(LEVELS):
        # Interpolatory weights: Legendre polynomials but the constant integrate to 0.
        moments = np.zeros(count)
        moments[0] = 1.0
        legendre = np.polynomial.legendre.legvander(np.array(nodes[:count]), count - 1)
        weights[level, :count] = np.linalg.solve(legendre.T, moments)
    return NestedRule((np.array(nodes) + 1) / 2, weights)


@cache
def fixed_rule(rule: str, nodes: int) -> tuple[Floats, Floats]:
    """Return nodes and weights of a rule that is not adaptive.

    Parameters
    ----------
    rule : str
        "gauss-legendre", "midpoint" or "trapezoid".
    nodes : int
        How many: at least 1, of the trapezoid at least 2, its ends included.

    Examples
    --------
    >>> fixed_rule("trapezoid", 3)
    (array([0. , 0.5, 1. ]), array([0.25, 0.5 , 0.25]))
    """
    if rule == "gauss-legendre":
        # Found by an eigenvalue problem: worth keeping.
        at, weights = np.polynomial.legendre.leggauss(nodes)
        return (at + 1) / 2, weights / 2
    if rule == "midpoint":
        return (np.arange(nodes) + 0.5) / nodes, np.full(nodes, 1 / nodes)
    weights = np.full(nodes, 1 / (nodes - 1))
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, nodes), weights
