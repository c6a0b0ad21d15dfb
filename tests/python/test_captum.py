"""captum's integrated gradients against ours: the same nodes, but for its float32 weights.

captum multiplies float64 gradients by quadrature weights that were rounded to float32. Rounding
changes a weight by at most 2^-24 of itself, so a value may differ by 2^-24 times the sum of the
magnitudes of its weighted contributions: 6e-8 of a value whose contributions have one sign.
"""

import os
from importlib.util import find_spec

import numpy as np
import pytest

import aumann
from aumann.benchmark.quadrature import plain_loop

if find_spec("captum") is None:
    if os.environ.get("CI"):
        pytest.fail("captum must be installed in CI (dependency group test)", pytrace=False)
    pytest.skip("captum is not installed (dependency group test)", allow_module_level=True)

import torch
from captum.attr import IntegratedGradients

NODES = 50
ROUNDED = 2.0**-24


def heat(x):
    return torch.log1p(x.mean(-2).prod(-1))


def variance(x):
    return x.sum(-1).var(-1, correction=0)


class DeepSets(torch.nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(4)
            self.encode = torch.nn.Sequential(
                torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, 16), torch.nn.Tanh()
            )
            self.readout = torch.nn.Linear(16, 1)
        self.double()

    def forward(self, x):
        return self.readout(self.encode(x).mean(-2)).squeeze(-1)


FUNCTIONS = {"heat": heat, "variance": variance, "DeepSets": DeepSets()}


def rule(nodes):
    at, weights = np.polynomial.legendre.leggauss(nodes)
    return ((at + 1) / 2).tolist(), weights / 2


def ours(x, function, nodes=NODES, **options):
    estimator = aumann.PathIntegral(rule="gauss-legendre", nodes=nodes)
    return aumann.attribute(x, function, method=aumann.AumannShapley(estimator), **options)


def captums(x, function, nodes=NODES, **options):
    found, delta = IntegratedGradients(function).attribute(
        x[None], n_steps=nodes, return_convergence_delta=True, **options
    )
    return found[0].sum(-1).detach().numpy(), float(delta)


@pytest.fixture
def x():
    return torch.from_numpy(np.random.default_rng(8).exponential(size=(400, 3)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_they_agree_up_to_the_rounding_of_its_weights(name, x):
    function = FUNCTIONS[name]
    result = ours(x, function)
    found, _ = captums(x, function)
    nodes, weights = rule(NODES)
    magnitudes = sum(
        plain_loop(function, x, [a], [w]).abs() for a, w in zip(nodes, weights, strict=True)
    )
    rounding = 1e-14 * np.abs(result.values).max()
    assert (np.abs(found - result.values) <= ROUNDED * magnitudes.numpy() + rounding).all()
    # In all, errors of the weights cancel for the most part.
    difference = np.abs(found - result.values).max() / np.abs(result.values).max()
    assert 1e-11 < difference < 50e-9


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_its_weights_tell_them_apart(name, x):
    nodes, weights = rule(NODES)
    rounded = weights.astype(np.float32).astype(np.float64).tolist()
    expected = plain_loop(FUNCTIONS[name], x, nodes, rounded).numpy()
    found, _ = captums(x, FUNCTIONS[name])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14 * np.abs(expected).max())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_residuals(name, x):
    function = FUNCTIONS[name]
    result = ours(x, function)
    assert abs(result.relative_residual) < 1e-14
    found, delta = captums(x, function)
    assert abs(delta) > 1e-12 * np.abs(found).sum()
    assert delta == pytest.approx(found.sum() - result.total, rel=1e-3)


def test_the_floor_of_the_variance(x):
    # Contributions grow in proportion to a: captum's residual is that of the rounded weights.
    nodes, weights = rule(NODES)
    floor = 2 * np.dot(nodes, weights.astype(np.float32).astype(np.float64)) - 1
    assert floor == pytest.approx(7.0e-10, rel=0.01)
    found, delta = captums(x, variance)
    assert delta / found.sum() == pytest.approx(floor, rel=1e-4)


def test_a_baseline_of_every_agent(x):
    baseline = torch.from_numpy(np.random.default_rng(9).exponential(size=(400, 3)))
    result = ours(x, heat, baseline=baseline)
    found, _ = captums(x, heat, baselines=baseline[None])
    np.testing.assert_allclose(found, result.values, rtol=0, atol=1e-8 * np.abs(found).max())


@pytest.mark.parametrize("nodes", [5, 50])
def test_its_trapezoid_falls_short(nodes, x):
    # A constant gradient: every rule whose weights sum to 1 is exact.
    def mean(x):
        return x.sum(-1).mean(-1)

    found, _ = captums(x, mean, nodes, method="riemann_trapezoid")
    exact = x.sum(-1).numpy() / len(x)
    np.testing.assert_allclose(found, (1 - 1 / nodes) * exact, rtol=1e-7)
    trapezoid = aumann.PathIntegral(rule="trapezoid", nodes=nodes)
    result = aumann.attribute(x, mean, method=aumann.AumannShapley(trapezoid))
    np.testing.assert_allclose(result.values, exact, rtol=1e-14)


def test_its_midpoint_is_ours(x):
    found, _ = captums(x, heat, 20, method="riemann_middle")
    midpoint = aumann.PathIntegral(rule="midpoint", nodes=20, tolerance=0.1)
    result = aumann.attribute(x, heat, method=aumann.AumannShapley(midpoint))
    np.testing.assert_allclose(found, result.values, rtol=1e-6)


def test_the_compared_peers_are_the_same_function():
    from aumann.benchmark.peers.workers import captum
    from aumann.benchmark.peers.workers.aumann import METHODS, value_function
    from aumann.benchmark.peers.workers.population import Population

    points = np.random.default_rng(2).exponential(size=(60, 3))
    for name in ("mean", "heat", "variance", "gini"):
        population, budget = Population(points, name), {"steps": NODES}
        mine = METHODS["AumannShapley(PathIntegral)"](population, budget, 0)
        theirs = captum.METHODS["IntegratedGradients"](population, budget, 0)
        np.testing.assert_allclose(theirs, mine, rtol=0, atol=50e-9 * np.abs(mine).max())
        exact = aumann.attribute(points, value_function(name)).values
        np.testing.assert_allclose(mine, exact, rtol=0, atol=1e-13 * np.abs(exact).max())
