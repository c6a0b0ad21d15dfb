"""Path integrals of every kind of function: what "converged" means, what nodes and errors are."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch_functions import along

import aumann
from aumann.benchmark.integrands import KINDS, cost, known_integrals

KNOWN = known_integrals()
ONES = np.ones((2, 1))


@pytest.fixture(scope="module")
def costs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return [cost(each) for each in KNOWN]


def test_every_kind_is_there():
    assert sorted({each.kind for each in KNOWN}) == sorted(KINDS)


@pytest.mark.parametrize(
    "known", [k for k in KNOWN if k.kind in ("smooth", "steep")], ids=lambda known: known.name
)
def test_closed_forms_of_the_set_are_those_of_a_composite_rule(known):
    # Eight pieces of 25 Gauss nodes, the gradient by autograd: no code of the package.
    nodes, weights = np.polynomial.legendre.leggauss(25)
    found = np.zeros(len(known.x))
    for piece in range(8):
        for node, weight in zip(nodes, weights, strict=True):
            a = (piece + (node + 1) / 2) / 8
            leaf = torch.tensor(a * known.x, requires_grad=True)
            (gradient,) = torch.autograd.grad(known.function(leaf), leaf)
            found += weight / 16 * (gradient.numpy() * known.x).sum(axis=1)
    assert_allclose(found, known.exact, rtol=0, atol=1e-12 * np.abs(known.exact).max())


@pytest.mark.parametrize("position", range(len(KNOWN)), ids=lambda k: KNOWN[k].name)
def test_no_error_is_larger_than_its_estimate_and_nothing_wrong_has_converged(costs, position):
    each = costs[position]
    assert each.error <= each.estimate + 1e-14
    if each.converged:
        assert each.error <= 1e-6
    if each.kind in ("smooth", "singular"):
        assert each.converged


def test_smooth_functions_take_at_most_twice_the_nodes_that_they_need(costs):
    for each in costs:
        if each.kind == "smooth":
            # Seven is the least evidence on which anything is believed.
            assert each.nodes <= max(7, 2 * each.fewest), each


def test_infinite_derivatives_at_an_end_are_laid_denser_nodes(costs):
    nodes = {each.name: each.nodes for each in costs if each.kind == "singular"}
    assert nodes["sum of s^(1/2)"] == nodes["sum of s^(1/10)"] == nodes["(1 - x)^(1/2)"] == 14
    assert max(nodes.values()) < 100


@pytest.mark.parametrize("centre", [0.07, 0.31, 0.5, 0.55, 0.7, 0.93])
@pytest.mark.parametrize("half", [0.15, 0.08, 0.04])
def test_a_feature_wider_than_a_sixteenth_is_found_though_f_is_the_same_around_it(centre, half):
    if not half < centre < 1 - half:
        half = min(centre, 1 - centre) / 1.1

    def tent(x):
        return torch.relu(1 - (x[0, 0] - centre).abs() / half) * x[1, 0]

    result = aumann.attribute(ONES, tent)
    assert result.converged
    # Half the base times the height; the other agent's is what is left of a total of 0.
    assert_allclose(result.values, [-half, half], rtol=0, atol=1e-6 * half)


@pytest.mark.parametrize(("low", "high"), [(0.42, 0.58), (0.13, 0.2), (0.71, 0.78)])
def test_plateaus_with_equal_ends_are_seen(low, high):
    def window(x):
        inside = x[0, 0].clamp(low, high) - low
        return inside * (high - low - inside) * x[1, 0]

    result = aumann.attribute(ONES, window)
    assert result.converged
    # The integral of t (w - t) over the window.
    exact = (high - low) ** 3 / 6
    assert_allclose(result.values, [-exact, exact], rtol=0, atol=2e-6 * exact)


def test_agents_who_cancel_are_not_lost_in_a_total_of_nothing():
    def opposed(x):
        return torch.relu(1 - (x[0, 0] - 0.6).abs() / 0.15) * (x[1, 0] - x[2, 0])

    result = aumann.attribute(np.ones((3, 1)), opposed)
    assert result.converged
    assert_allclose(result.values, [0, 0.15, -0.15], rtol=0, atol=1e-6)


def test_a_step_is_judged_whoever_its_neighbours_are():
    draw = np.random.default_rng(5)
    x = draw.random((4, 6, 2)) * np.array([0.2, 1.0, 3.0, 1.0])[:, None, None]
    x[3, 0, 0] = 4.0

    def function(x):
        s = x.sum(dim=-1)
        return s.mean(dim=-1).log1p() + torch.relu(s.amax(dim=-1) - 3.5)

    together = aumann.attribute(x, function)
    alone = [aumann.attribute(each, function) for each in x]
    assert together.evaluations == sum(each.evaluations for each in alone)
    assert len({each.evaluations for each in alone}) > 1
    for k, each in enumerate(alone):
        assert_allclose(together.values[k], each.values, rtol=1e-13)
        assert together.error_estimate[k] == pytest.approx(each.error_estimate, rel=1e-2, abs=1e-14)
    assert together.converged.all()


def test_an_offset_in_single_precision_is_no_excuse():
    def shifted(x):
        return 250_000 + torch.tanh(50 * (x.mean() - 0.3))

    x = np.ones((4, 1), np.float32)
    with pytest.warns(RuntimeWarning, match=r"near 2.5e\+05, where the numbers .* lie 0.03 apart"):
        result = aumann.attribute(x, shifted)
    # tanh(35) - tanh(-15) = 2, a quarter for each.
    assert result.converged
    assert_allclose(result.values, 0.5, rtol=1e-5)
    assert result.error_estimate > np.finfo(np.float32).eps
    exact = aumann.attribute(x.astype(np.float64), shifted)
    assert_allclose(exact.values, 0.5, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_residual_of_a_part_of_the_total_is_not_rounding(dtype):
    # Cut off from the gradient: a third of F.
    def cut(x):
        return (x.mean() + x.detach().mean() / 2).to(dtype)

    x = torch.ones(8, 1, dtype=dtype)
    with pytest.warns(RuntimeWarning, match="did not converge"):
        result = aumann.attribute(x, cut)
    assert not result.converged
    assert result.residual == pytest.approx(-0.5, rel=0.02)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_error_that_is_owned_up_to_is_at_least_that_of_the_precision(dtype):
    x = torch.from_numpy(np.random.default_rng(1).random((40, 2)) + 0.5).to(dtype)
    result = aumann.attribute(x, lambda x: x.mean(dim=0).prod())
    exact = aumann.attribute(x.double(), lambda x: x.mean(dim=0).prod())
    error = np.abs(result.values - exact.values).max()
    assert error <= result.error_estimate
    assert result.error_estimate >= torch.finfo(dtype).eps * exact.values.max()
    assert result.converged


def test_few_evaluations_never_count_as_converged():
    for most in (3, 5, 6):
        with pytest.warns(RuntimeWarning, match="did not converge"):
            result = aumann.attribute(ONES, torch.sum, method=along(max_evaluations=most))
        assert result.evaluations <= most
        assert not result.converged
