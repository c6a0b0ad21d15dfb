"""Quadrature rules against what defines them: the polynomials that they integrate exactly."""

import numpy as np
import pytest
from numpy.polynomial import legendre

from aumann.path_integral.rules import LEVELS, fixed_rule, nested_rule

# Highest degree that the nested rules integrate exactly: Gauss 1 and 5, Kronrod 11, Patterson 23.
DEGREES = dict(zip(LEVELS, (1, 5, 11, 23), strict=True))


def legendre_integral(nodes: np.ndarray, weights: np.ndarray, degree: int) -> float:
    """The rule's integral over [0, 1] of the shifted Legendre polynomial."""
    return float(weights @ legendre.legval(2 * nodes - 1, [0] * degree + [1]))


@pytest.mark.parametrize("level", range(len(LEVELS)))
def test_nested_rules_are_exact_up_to_their_degree_and_not_beyond(level):
    rule = nested_rule()
    highest = DEGREES[LEVELS[level]]
    for degree in range(highest + 1):
        found = legendre_integral(rule.nodes, rule.weights[level], degree)
        assert found == pytest.approx(float(degree == 0), abs=4e-16)
    assert abs(legendre_integral(rule.nodes, rule.weights[level], highest + 1)) > 1e-3


def test_each_nested_rule_has_the_nodes_of_the_one_before_and_positive_weights():
    rule = nested_rule()
    for level, count in enumerate(LEVELS):
        assert (rule.weights[level, :count] > 0).all()
        assert (rule.weights[level, count:] == 0).all()
    assert rule.nodes[0] == 0.5
    assert len(np.unique(rule.nodes)) == LEVELS[-1]


@pytest.mark.parametrize("nodes", [1, 2, 5, 32])
def test_gauss_legendre_is_exact_to_degree_twice_its_nodes(nodes):
    at, weights = fixed_rule("gauss-legendre", nodes)
    for degree in range(2 * nodes):
        assert legendre_integral(at, weights, degree) == pytest.approx(
            float(degree == 0), abs=2e-15
        )
    assert abs(legendre_integral(at, weights, 2 * nodes)) > 1e-8


@pytest.mark.parametrize("nodes", [2, 3, 50])
def test_the_weights_of_equidistant_rules_sum_to_one(nodes):
    at, weights = fixed_rule("trapezoid", nodes)
    assert (at[0], at[-1]) == (0, 1)
    assert weights.sum() == pytest.approx(1, abs=1e-15)
    # Of a square the trapezoid's error is h^2 / 6 and the midpoint's -h^2 / 12.
    assert weights @ at**2 - 1 / 3 == pytest.approx(1 / (nodes - 1) ** 2 / 6)
    at, weights = fixed_rule("midpoint", nodes)
    assert weights @ at**2 - 1 / 3 == pytest.approx(-1 / nodes**2 / 12)
