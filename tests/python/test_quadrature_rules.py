"""Quadrature rules against what defines them: the polynomials that they integrate exactly."""

import numpy as np
import pytest
from numpy.polynomial import legendre

from aumann.path_integral.rules import LEVELS, fixed_rule, nested_rule

# Highest degree that the nested rules integrate exactly: Gauss 5, Kronrod 11, Patterson 23 and 47;
# between, that of the optimal rule before, or their number where that is more.
DEGREES = {3: 5, 7: 11, 11: 11, 13: 13, 15: 23, 19: 23, 23: 23, 25: 25, 27: 27, 29: 29} | {
    31: 47,
    39: 47,
    47: 47,
    55: 55,
}


def legendre_integral(nodes: np.ndarray, weights: np.ndarray, degree: int) -> float:
    """The rule's integral over [0, 1] of the shifted Legendre polynomial."""
    return float(weights @ legendre.legval(2 * nodes - 1, [0] * degree + [1]))


@pytest.mark.parametrize("level", nested_rule().levels, ids=lambda level: str(level.count))
def test_nested_rules_are_exact_up_to_their_degree_and_not_beyond(level):
    nodes = nested_rule().nodes[: level.count]
    highest = DEGREES[level.count]
    assert level.degree == highest
    for degree in range(highest + 1):
        found = legendre_integral(nodes, level.weights, degree)
        assert found == pytest.approx(float(degree == 0), abs=2e-15)
    assert abs(legendre_integral(nodes, level.weights, highest + 1)) > 1e-6


def test_nodes_are_distinct_and_no_weight_is_negative():
    rule = nested_rule()
    assert tuple(level.count for level in rule.levels) == LEVELS
    for level in rule.levels:
        assert level.weights.min() > -1e-15
        assert level.weights.sum() == pytest.approx(1, abs=1e-14)
    assert rule.nodes[0] == 0.5
    assert len(np.unique(rule.nodes)) == LEVELS[-1]


@pytest.mark.parametrize("level", nested_rule().levels[1:], ids=lambda level: str(level.count))
def test_the_error_of_a_jump_between_nodes_is_within_its_coefficients(level):
    nodes = nested_rule().nodes[: level.count, np.newaxis]
    places = np.linspace(nodes.min(), nodes.max(), 20003)[1:-1]
    after = 1.0 * (nodes > places)
    error = np.abs(level.weights @ after - (1 - places))
    part = error / np.abs(level.high @ after).max(axis=0)
    assert 0.9 * level.jump < part.max() <= level.jump


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
