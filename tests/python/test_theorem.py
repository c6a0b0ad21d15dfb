"""Theorem 1 of the paper: where one factor maps a panel's shares onto the population's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import aumann

W = np.array([1.0, 0.5, 0.2])

THREE = np.array([[1.0], [2.0], [3.0]])


def pairs(x: torch.Tensor) -> torch.Tensor:
    """The sum of s_i s_j over pairs of agents."""
    s = x.sum(1)
    return (s.sum() ** 2 - s.square().sum()) / 2


def credits_of_pairs(s: np.ndarray) -> np.ndarray:
    """With zero baseline the gradient on the path is a times the sum of the others."""
    others = ~np.eye(len(s), dtype=bool)
    return np.array([s[i] * s[others[i]].sum() / 2 for i in range(len(s))])


def population(agents: int = 400, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=(agents, 3))


def visible(x: np.ndarray, size: int) -> np.ndarray:
    """The agents with the largest composites, largest first."""
    return np.argsort(-x.sum(axis=1))[:size]


def compared(f: Any, x: np.ndarray, members: Any, **how: Any) -> aumann.Rescaling:
    panel, whole = (aumann.attribute(each, f, **how) for each in (x[members], x))
    return aumann.rescaling(panel, whole, members)


def test_three_agents_for_whom_no_factor_works() -> None:
    whole, panel = aumann.attribute(THREE, pairs), aumann.attribute(THREE[:2], pairs)
    for result, closed, by_hand in (
        (whole, credits_of_pairs(THREE[:, 0]), [2.5, 4, 4.5]),
        (panel, credits_of_pairs(THREE[:2, 0]), [1, 1]),
    ):
        assert closed.tolist() == by_hand
        assert result.values == pytest.approx(by_hand, abs=1e-14)
    assert panel.shares / whole.shares[:2] == pytest.approx([11 / 5, 11 / 8], abs=1e-14)
    # p = (1, 1) / 2, q = (2.5, 4) / 11; the best factor is between the two, and sin^2 of the angle
    # between (1, 1) and (2.5, 4) is what it leaves.
    found = aumann.rescaling(panel, whole, [0, 1])
    assert found.factor == pytest.approx(11 / 2 * 6.5 / (2.5**2 + 4**2), rel=1e-13)
    assert found.residual**2 == pytest.approx(1 - 6.5**2 / (2 * (2.5**2 + 4**2)), rel=1e-12)
    assert np.isnan(found.spearman)


@pytest.mark.parametrize(
    "members", [[0, 1, 2], [0, 1], [0, 2], [1, 2], [2], [2, 0]], ids=lambda members: str(members)
)
def test_no_factor_works_for_any_two_of_the_three(members: list[int]) -> None:
    found = compared(pairs, THREE, members)
    assert (found.residual > 0.05) == (len(members) == 2)


@pytest.mark.parametrize("baseline", [0.0, 0.5, [0.1, 0.2, 0.3]], ids=str)
@pytest.mark.parametrize("weights", [None, [3, 0, 0.5]], ids=str)
@pytest.mark.parametrize("size", [2, 30, 399])
def test_one_known_factor_if_additive(baseline: Any, weights: Any, size: int) -> None:
    x = population()
    members = visible(x, size)
    found = compared(aumann.Mean(weights), x, members, baseline=baseline)
    terms = (x - baseline) @ (np.ones(3) if weights is None else np.array(weights))
    assert found.residual < 1e-14
    assert found.factor == pytest.approx(terms.sum() / terms[members].sum(), rel=1e-12)
    assert found.predicted_factor == pytest.approx(found.factor, rel=1e-12)


def test_one_factor_if_additive_whatever_the_features_go_through() -> None:
    # Definition 2 asks for a sum over agents, not for terms that are linear in the features.
    def terms(x: Any, exp: Callable[[Any], Any]) -> Any:
        return exp(x[:, 0] / 4) * x[:, 1] + x[:, 2] ** 3

    def additive(x: torch.Tensor) -> torch.Tensor:
        return terms(x, torch.exp).sum()

    x = population()
    members = visible(x, 40)
    found = compared(additive, x, members)
    own = terms(x, np.exp)
    assert found.residual < 1e-12
    assert found.factor == pytest.approx(own.sum() / own[members].sum(), rel=1e-10)
    assert found.predicted_factor is None


CURVED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh of the mean": lambda x: torch.tanh((x @ torch.from_numpy(W)).mean()),
    "square of the sum": lambda x: (x @ torch.from_numpy(W)).sum().square(),
    "log of the sum": lambda x: torch.log1p((x @ torch.from_numpy(W)).sum()),
}


@pytest.mark.parametrize("baseline", [0.0, [0.1, 0.2, 0.3]], ids=str)
@pytest.mark.parametrize("f", CURVED.values(), ids=CURVED)
def test_a_curve_of_a_sum_is_nonlinear_and_has_one_factor(f: Any, baseline: Any) -> None:
    x = population()
    members = visible(x, 40)
    assert not aumann.check_value_function(f, x).linear
    found = compared(f, x, members, baseline=baseline)
    terms = (x - baseline) @ W
    assert found.residual < 1e-13
    assert found.factor == pytest.approx(terms.sum() / terms[members].sum(), rel=1e-10)


def test_a_curve_of_a_homogeneous_sum_has_one_factor_from_zero_only() -> None:
    def curved(x: torch.Tensor) -> torch.Tensor:
        return torch.log1p(x.square().sum(1).sqrt().sum())

    x = population()
    members = visible(x, 40)
    found = compared(curved, x, members)
    sizes = np.sqrt((x**2).sum(axis=1))
    assert found.residual < 1e-13
    assert found.factor == pytest.approx(sizes.sum() / sizes[members].sum(), rel=1e-10)
    assert compared(curved, x, members, baseline=[2.0, 0.5, 1.0]).residual > 1e-3


@pytest.mark.parametrize(
    "f",
    [aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference(), pairs],
    ids=["heat", "variance", "gini", "pairs"],
)
def test_no_factor_for_the_others(f: Any) -> None:
    x = population()
    found = compared(f, x, visible(x, 40))
    assert found.residual > 1e-3
    assert found.predicted_factor is None


def test_strength_does_not_tell_how_far_the_best_factor_misses() -> None:
    x = population()
    members = visible(x, 40)
    uniform = np.random.default_rng(5).permutation(len(x))[:40]
    curved, gini = CURVED["tanh of the mean"], aumann.GiniMeanDifference()
    checks = [aumann.check_value_function(f, x) for f in (curved, gini)]
    assert checks[0].strength > checks[1].strength == 0
    assert checks[0].interaction > checks[1].interaction > 0.1
    assert compared(curved, x, members).residual < 1e-13
    assert compared(gini, x, members).residual > 0.8
    # It is as much the panel's.
    assert compared(gini, x, uniform).residual < 0.3
