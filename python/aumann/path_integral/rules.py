"""Quadrature rules on [0, 1], in float64."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVELS", "Level", "NestedRule", "fixed_rule", "nested_rule"]

Floats: TypeAlias = NDArray[np.float64]

# Numbers of nodes of the nested rules, each with all nodes of the one before, and the highest
# degree that they integrate exactly. 3, 7, 15 and 31 nodes are optimal extensions of one another;
# those between have the degree that any symmetric nodes have, or that of the optimal rule before
# them, and tell after few nodes more whether that was good enough.
DEGREES = {
    3: 5,
    7: 11,
    11: 11,
    13: 13,
    15: 23,
    19: 23,
    23: 23,
    25: 25,
    27: 27,
    29: 29,
    31: 47,
    39: 47,
    47: 47,
    55: 55,
}
LEVELS = tuple(DEGREES)
# The positive nodes on [-1, 1] but 0, in the order in which levels bring them in. T. N. L.
# Patterson, "The optimum addition of points to quadrature formulae" (1968).
_POSITIVE_NODES = (
    0.77459666924148337704,
    0.43424374934680255800,
    0.96049126870802028342,
    0.22338668642896688163,
    0.62110294673722640294,
    0.88845923287225699889,
    0.99383196321275502221,
    0.33113539325797683309,
    0.53131974364437562397,
    0.70249620649152707861,
    0.83672593816886873550,
    0.11248894313318662575,
    0.92965485742974005667,
    0.98153114955374010687,
    0.99909812496766759766,
    0.16823525155220746498,
    0.38335932419873034692,
    0.66290966002478059546,
    0.86390793819369047715,
    0.05634431304659278997,
    0.57719571005204581484,
    0.80694053195021761186,
    0.94634285837340290515,
    0.27774982202182431507,
    0.48361802694584102756,
    0.73975604433529475868,
    0.91037115695700429250,
)


@dataclass(frozen=True, eq=False)
class Level:
    """One of the nested rules: its weights, and what tells of its error.

    Parameters
    ----------
    count, degree : int
        Nodes, and the highest degree integrated exactly.
    weights : ndarray, shape (count,)
        Of the rule.
    high, low : ndarray, shape (w, count)
        Give the last w Legendre coefficients of the polynomial through the nodes, and the w before
        them. P_k is 1 at the end, so that each bounds its term.
    jump : float
        The error of a jump between two nodes is at most this part of the largest of `high`.
    """

    count: int
    degree: int
    weights: Floats
    high: Floats
    low: Floats
    jump: float

    @property
    def power(self) -> float:
        """How often coefficients fall as they do from `low` to `high` down to the rule's error."""
        return (self.degree + 1 - self.count) / len(self.high) + 1


@dataclass(frozen=True, eq=False)
class NestedRule:
    """Nodes in the order in which levels bring them in, and the levels."""

    nodes: Floats
    levels: tuple[Level, ...]


@cache
def nested_rule() -> NestedRule:
    """Return the nested rules of 3 to 55 nodes.

    Examples
    --------
    >>> rule = nested_rule()
    >>> rule.nodes.shape, [level.count for level in rule.levels][:4]
    ((55,), [3, 7, 11, 13])
    """
    nodes = np.array([0.0] + [sign * node for node in _POSITIVE_NODES for sign in (-1, 1)])
    levels = []
    for count, degree in DEGREES.items():
        legendre = np.polynomial.legendre.legvander(nodes[:count], count - 1)
        # Interpolatory weights: Legendre polynomials but the constant integrate to 0.
        coefficients = np.linalg.inv(legendre)
        width = max(1, (count + 1) // 4)
        high = coefficients[count - width :]
        low = coefficients[max(1, count - 2 * width) : count - width]
        places = (nodes[:count] + 1) / 2
        jump = _error_of_a_jump(places, coefficients[0], high)
        levels.append(Level(count, degree, coefficients[0], high, low, jump))
    return NestedRule((nodes + 1) / 2, tuple(levels))


def _error_of_a_jump(nodes: Floats, weights: Floats, high: Floats) -> float:
    """Return the largest error of a jump between two nodes, as a part of its coefficients."""
    at = np.sort(nodes)
    # Columns are jumps in the gaps between nodes; the error is largest at either end of a gap.
    after = 1.0 * (nodes[:, np.newaxis] > (at[:-1] + at[1:]) / 2)
    found = weights @ after
    error = np.maximum(np.abs(found - (1 - at[:-1])), np.abs(found - (1 - at[1:])))
    return float((error / np.abs(high @ after).max(axis=0)).max())


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
