"""Path integrals of torch functions, against closed forms and independent quadrature."""

import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch_functions import DeepSets, along, heat, truth

import aumann

BUILT_IN = [
    aumann.Mean(weights=[1, 2, 0.5]),
    aumann.Heat(),
    aumann.Variance(),
    aumann.GiniMeanDifference(),
    2 * aumann.Heat() - aumann.GiniMeanDifference(weights=[1, 0, 3]) / 3,
]


def features(agents: int, seed: int = 0, steps: int | None = None) -> np.ndarray:
    """Features of few distinct values, so that agents tie, and exact sums, so that none nearly do.

    Composites a last bit apart may fall together on the path, where rounding is coarser.
    """
    draw = np.random.default_rng(seed)
    shape = (agents, 3) if steps is None else (steps, agents, 3)
    return np.floor(8 * np.log1p(draw.poisson(1.5, shape))) / 8 + 0.125


@pytest.mark.parametrize("game", ["additive", "quadratic", "softplus"])
@pytest.mark.parametrize("seed", range(3))
def test_the_known_truths_are_met_to_rounding(game, seed):
    problem = truth(game, agents=60, seed=seed)
    result = aumann.attribute(problem.x, problem.function)
    size = np.abs(problem.attribution).max()
    # The adaptive rule stops once it is within its tolerance; the rule that it stops at is better.
    assert_allclose(result.values, problem.attribution, rtol=0, atol=1e-6 * size)
    result = aumann.attribute(problem.x, problem.function, method=along(tolerance=1e-13))
    assert_allclose(result.values, problem.attribution, rtol=0, atol=1e-12 * size)
    assert abs(result.relative_residual) < 1e-12
    assert result.converged


@pytest.mark.parametrize("function", BUILT_IN, ids=repr)
@pytest.mark.parametrize("baseline", [0.0, "mean", [0.25, 0.5, 0.125]], ids=str)
def test_built_in_functions_agree_with_their_closed_forms(function, baseline):
    x = features(500)
    exact = aumann.attribute(x, function, baseline=baseline)
    result = aumann.attribute(x, function, baseline=baseline, method=along(tolerance=1e-12))
    size = np.abs(exact.values).max()
    assert_allclose(result.values, exact.values, rtol=0, atol=2e-13 * size)
    assert result.value == pytest.approx(exact.value, rel=1e-13)
    assert result.baseline_value == pytest.approx(exact.baseline_value, rel=1e-13, abs=1e-16)


def test_gini_between_crossing_agents_is_found_by_splitting_the_path():
    # Six agents change places at up to 15 points of the path.
    draw = np.random.default_rng(4)
    x, start = draw.random((2, 6, 1))
    exact = aumann.attribute(x, aumann.GiniMeanDifference(), baseline=start)
    result = aumann.attribute(
        x,
        aumann.GiniMeanDifference(),
        baseline=start,
        method=along(tolerance=1e-4, max_evaluations=10_000),
    )
    assert result.converged
    # More than one rule of the whole path.
    assert result.evaluations > 55
    largest = np.abs(exact.values).max()
    assert np.abs(result.values - exact.values).max() <= result.error_estimate <= 1e-4 * largest


def test_a_kink_common_to_all_agents_is_within_the_default_budget():
    x = features(200)

    def above(x):
        return torch.relu(x.mean() - 0.4)

    result = aumann.attribute(x, above)
    mean = x.mean()
    # The slope is 1 from a = 0.4 / mean on.
    assert_allclose(result.values, x.sum(axis=1) / x.size * (1 - 0.4 / mean), rtol=1e-6)
    assert result.converged
    assert 15 < result.evaluations <= 500


@pytest.mark.parametrize(
    ("rule", "order"), [("midpoint", -1.0), ("trapezoid", 2.0), ("gauss-legendre", None)]
)
def test_fixed_rules_use_their_nodes_and_their_errors_fall_as_they_should(rule, order):
    x = features(300)
    exact = aumann.attribute(x, aumann.Heat())
    at = {}
    for nodes in (9, 17):
        result = aumann.attribute(x, heat, method=along(rule=rule, nodes=nodes, tolerance=0.5))
        assert result.evaluations == nodes
        assert result.estimator == f"{rule} quadrature, {nodes} nodes"
        assert np.isnan(result.error_estimate)
        at[nodes] = result.residual
    if order is None:
        assert abs(at[17]) < 1e-9 * exact.value
        return
    # F = log(1 + P a^3): errors are -h^2/24 and h^2/12 of how much its second derivative changes
    # from a = 0, where it is 0, to 1.
    product = np.prod(x.mean(axis=0))
    bend = (6 * product * (1 + product) - 9 * product**2) / (1 + product) ** 2
    for nodes, residual in at.items():
        width = 1 / nodes if rule == "midpoint" else 1 / (nodes - 1)
        assert residual == pytest.approx(order * width**2 * bend / 24, rel=0.05)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**16), agents=st.integers(2, 12))
def test_axioms_hold_for_random_networks(seed, agents):
    f, g = DeepSets(seed), DeepSets(seed + 1)
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(agents, 3))
    x[1] = x[0]
    start = draw.normal(size=3)
    start_of_dummy = np.broadcast_to(start, x.shape).copy()
    x[-1] = start
    how = {"baseline": start_of_dummy, "method": along(tolerance=1e-9)}
    of_f, of_g = (aumann.attribute(x, each, **how) for each in (f, g))
    both = aumann.attribute(x, lambda x: 2 * f(x) - g(x), **how)
    size = np.abs(of_f.values).max() + np.abs(of_g.values).max() + 1e-12
    # Efficiency, symmetry, dummy (an agent who stays where it was), linearity.
    assert abs(of_f.residual) <= 1e-8 * size * agents
    if agents > 2:
        assert of_f.values[0] == pytest.approx(of_f.values[1], rel=1e-12, abs=1e-15)
    assert of_f.values[-1] == 0
    assert_allclose(both.values, 2 * of_f.values - of_g.values, atol=1e-8 * size)
    # Permutation of the agents.
    order = draw.permutation(agents)
    moved = aumann.attribute(x[order], f, baseline=start_of_dummy[order], method=how["method"])
    assert_allclose(moved.values, of_f.values[order], rtol=1e-9, atol=1e-9 * size)


def test_discrete_shapley_equals_aumann_shapley_on_quadratic_games():
    problem = truth("quadratic", agents=12, seed=5)
    # A tensor says that the function is one of tensors, for every method.
    x = torch.from_numpy(problem.x)
    values = {
        method: aumann.attribute(x, problem.function, method=method).values
        for method in (aumann.AumannShapley(), aumann.Shapley(), aumann.Banzhaf())
    }
    for found in values.values():
        assert_allclose(found, problem.attribution, rtol=1e-9, atol=1e-9)


def test_heat_between_baselines_is_that_of_the_reference():
    x, start = features(80, seed=1), features(80, seed=2)
    result = aumann.attribute(x, heat, baseline=start, method=along(tolerance=1e-12))
    wanted = reference.aumann_shapley("heat", x, start).astype(float)
    assert_allclose(result.values, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


def test_float32_features_give_float32_values_and_a_tolerance_that_rounding_allows():
    x = features(1000).astype(np.float32)
    result = aumann.attribute(x, heat)
    exact = aumann.attribute(x.astype(np.float64), aumann.Heat())
    assert result.values.dtype == np.float32
    assert result.converged
    assert_allclose(result.values, exact.values, rtol=0, atol=3e-6 * exact.values.max())


def test_a_module_computes_in_the_dtype_of_its_parameters():
    f = DeepSets(3).float()
    x = features(50)
    result = aumann.attribute(x, f)
    assert result.values.dtype == np.float64
    assert result.converged
    double = aumann.attribute(x, DeepSets(3))
    assert_allclose(result.values, double.values, rtol=0, atol=1e-5 * np.abs(double.values).max())


def test_the_cap_on_evaluations_is_kept_and_told_of():
    def kinked(x):
        return torch.relu(x - 0.7).sum()

    x = features(40)
    with pytest.warns(RuntimeWarning, match="did not converge: the error estimate"):
        result = aumann.attribute(x, kinked, method=along(max_evaluations=100))
    assert result.evaluations <= 100
    assert not result.converged
    assert "stopped by max_evaluations=100" in result.estimator
    exact = np.maximum(x - 0.7, 0).sum(axis=1)
    assert np.abs(result.values - exact).max() <= result.error_estimate
    with pytest.warns(RuntimeWarning, match="did not converge"):
        fewer = aumann.attribute(x, kinked, method=along(max_evaluations=8))
    # Seven nodes, and one point off the path.
    assert fewer.evaluations == 8


@pytest.mark.parametrize(
    ("jump", "size"),
    [
        (lambda x: (x.mean() > 0.4).double(), 1.0),
        # At the baseline, and at x.
        (lambda x: (x > 0).double().mean(), 1.0),
        (lambda x: (x / 4).floor().mean(), 0.25),
    ],
)
@pytest.mark.parametrize("how", [{}, {"rule": "gauss-legendre", "nodes": 6}], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_jump_is_reported_as_what_the_gradient_does_not_see(jump, size, how, dtype):
    x = features(20).astype(dtype)
    x[:5] = 4.0
    with pytest.warns(RuntimeWarning, match="F jumps on the path"):
        result = aumann.attribute(x, lambda x: jump(x) + torch.log1p(x.mean()), method=along(**how))
    assert not result.converged
    assert result.residual == pytest.approx(-size, rel=1e-5)
    assert "not converged: the tolerance was not met" in repr(result)


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.75, 0.875])
def test_a_kink_where_the_quadrature_looks_is_seen_as_well(threshold):
    x = np.ones((4, 1))
    result = aumann.attribute(x, lambda x: torch.relu(x.mean() - threshold))
    assert result.converged
    assert_allclose(result.values, (1 - threshold) / 4, rtol=1e-5)


def test_the_gini_of_the_users_own_says_that_rounding_splits_its_ties():
    x = np.random.default_rng(0).exponential(size=(300, 3)).round(1)

    def gini(x):
        s = x.sum(dim=1)
        return (s[:, None] - s).abs().mean()

    exact = aumann.attribute(x, aumann.GiniMeanDifference())
    with pytest.warns(RuntimeWarning, match="did not converge"):
        result = aumann.attribute(x, gini, method=along(max_evaluations=60))
    assert not result.converged
    # Of our own twin the composites are formed once.
    twin = aumann.attribute(x, aumann.as_torch(aumann.GiniMeanDifference()))
    assert_allclose(twin.values, exact.values, rtol=0, atol=1e-12 * exact.values.max())


@pytest.mark.parametrize("root", [torch.sqrt, torch.special.entr, lambda x: x**0.5])
def test_agents_who_do_not_move_contribute_nothing_whatever_their_gradient(root):
    x = np.random.default_rng(0).poisson(0.6, (50, 2)).astype(float)
    method = along(tolerance=1e-3)
    result = aumann.attribute(x, lambda x: root(x).mean(), method=method)
    exact = root(torch.from_numpy(x)).numpy().sum(axis=1) / x.size
    assert_allclose(result.values, exact, rtol=0, atol=2e-3 * np.abs(exact).max())


def test_bytes_limit_what_is_evaluated_together_and_not_the_values():
    x = features(30, steps=6)
    largest = []

    def seen(x):
        largest.append(x.numel() * x.element_size())
        return torch.log1p(x.mean(dim=-2).prod(dim=-1))

    free = aumann.attribute(x, seen, method=along(tolerance=1e-13))
    assert max(largest) > 6 * 30 * 3 * 8
    largest.clear()
    one = 30 * 3 * 8
    bounded = aumann.attribute(x, seen, method=along(max_bytes=2 * one, tolerance=1e-13))
    assert max(largest) <= 2 * one
    assert_allclose(bounded.values, free.values, rtol=1e-12)
    exact = aumann.attribute(x, aumann.Heat())
    assert_allclose(free.values, exact.values, rtol=0, atol=1e-12 * exact.values.max())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("agents", [7, 100])
@pytest.mark.parametrize("rule", ["gauss-kronrod", "midpoint"])
def test_what_is_rounding_only_counts_as_converged(agents, dtype, rule):
    # All agents are equal: the variance is 0, and so would its gradient be without rounding.
    x = np.full((agents, 3), 1.1, dtype)

    def variance(x):
        return x.sum(dim=-1).var(unbiased=False)

    result = aumann.attribute(x, variance, method=along(rule=rule))
    assert result.converged
    assert np.abs(result.values).max() < 100 * np.finfo(dtype).eps / agents


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_tensors_are_integrated_as_they_are(dtype):
    x = torch.from_numpy(features(50)).to(dtype)
    result = aumann.attribute(x, lambda x: x.float().mean(dim=0).prod().to(dtype))
    exact = aumann.attribute(x.double(), lambda x: x.mean(dim=0).prod())
    spacing = torch.finfo(dtype).eps
    assert_allclose(result.values, exact.values, rtol=0, atol=4 * spacing * exact.values.max())


@pytest.mark.parametrize("kept", [0, 2_000, 2**28])
def test_graphs_kept_or_made_anew_give_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    from aumann.path_integral import pooled_integrand

    monkeypatch.setattr(pooled_integrand, "KEPT_BYTES", kept)
    torch.manual_seed(0)
    layers = torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4), torch.nn.Tanh()
    encode = torch.nn.Sequential(*layers).double()
    encoded = []
    encode.register_forward_hook(lambda *given: encoded.append(len(given[1][0])))
    pooled = aumann.PooledValueFunction(encode, lambda state: state.square().sum(), chunk=16)
    x = np.random.default_rng(0).exponential(size=(50, 3))
    method = aumann.AumannShapley(aumann.PathIntegral("gauss-legendre", nodes=20))
    found = aumann.attribute(x, pooled, method=method)
    passes = sum(encoded) / 50
    whole = aumann.attribute(x, lambda x: encode(x).mean(-2).square().sum(), method=method)
    assert_allclose(found.values, whole.values, rtol=1e-12)
    # A node is one pass of all agents where the graphs fit, and two where none is kept.
    assert (20 < passes < 32) == (kept == 2**28)
