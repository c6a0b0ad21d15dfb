"""Path integrals of every kind of function: what "converged" means, what nodes and errors are."""

import warnings
from functools import cache

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch_functions import along

import aumann
from aumann.benchmark.integrands import KINDS, cost, known_integrals

KNOWN = known_integrals()
ONES = np.ones((2, 1))


@cache
def integral(position):
    """One of the set at the default tolerance: computed where, and only if, a test wants it."""
    known = KNOWN[position]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = aumann.attribute(known.x, known.function)
    return result, np.abs(result.values - known.exact).max()


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
def test_no_error_is_larger_than_its_estimate_and_nothing_wrong_has_converged(position):
    result, error = integral(position)
    largest = np.abs(KNOWN[position].exact).max()
    assert error <= result.error_estimate + 1e-14 * largest
    assert error <= 1e-6 * largest
    assert result.converged


@pytest.mark.parametrize(
    "position", [k for k in range(len(KNOWN)) if KNOWN[k].kind in ("smooth", "steep")]
)
def test_smooth_functions_take_at_most_twice_the_nodes_that_they_need(position):
    known = KNOWN[position]
    with warnings.catch_warnings():
        # Of rules that are too short.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = cost(known)
    # Seven is the least evidence on which anything is believed; what is steep is parted.
    most = 2 * found.fewest if known.kind == "smooth" else 2.5 * found.fewest
    assert found.nodes <= max(7, most), found


def test_infinite_derivatives_at_an_end_are_laid_denser_nodes():
    nodes = {
        each.name: integral(k)[0].evaluations
        for k, each in enumerate(KNOWN)
        if each.kind == "singular"
    }
    assert nodes["sum of s^(1/2)"] == nodes["sum of s^(1/10)"] == nodes["(1 - x)^(1/2)"] == 14
    assert max(nodes.values()) < 100


def own_kinks(agents, seed=0):
    draw = np.random.default_rng(seed)
    x = draw.random((agents, 2)) + 0.2
    sums = x.sum(axis=1)
    return x, sums, sums * draw.random(agents)


@pytest.mark.parametrize(
    ("agents", "tolerance", "most"), [(200, 0.01, 100), (40, 0.01, 120), (200, 1e-3, 500)]
)
def test_kinks_of_many_agents_cost_as_many_cells_as_their_jumps_need(agents, tolerance, most):
    x, sums, kinks = own_kinks(agents)

    def hinges(x):
        return torch.relu(x.sum(dim=1) - torch.from_numpy(kinks)).sum()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = aumann.attribute(x, hinges, method=along(tolerance=tolerance))
    exact = sums - kinks
    error = np.abs(result.values - exact).max()
    assert error <= result.error_estimate
    assert result.evaluations <= most
    # A gradient that jumps by J is known to J h / 2 with cells of h: about 1 / 500 each.
    assert error <= max(tolerance, 2e-3) * exact.max()
    assert result.converged == (tolerance == 0.01)


@pytest.mark.parametrize(("agents", "tolerance"), [(1000, 0.01), (200, 1e-3), (40, 0.01)])
def test_a_smooth_total_does_not_excuse_the_kinks_of_its_agents(agents, tolerance):
    # The total of many bends is smooth, and its residual next to nothing.
    x, sums, kinks = own_kinks(agents)

    def bends(x):
        return torch.relu(x.sum(dim=1) - torch.from_numpy(kinks)).square().sum()

    result = aumann.attribute(x, bends, method=along(tolerance=tolerance))
    exact = (sums - kinks) ** 2
    error = np.abs(result.values - exact).max()
    assert error <= result.error_estimate <= tolerance * exact.max() * 1.01
    assert result.converged
    assert result.evaluations <= 120


def test_kinks_close_together_are_not_averaged_away():
    x, sums, _ = own_kinks(40, seed=171)
    kinks = sums * np.linspace(0.03, 0.14, 40)

    def hinges(x):
        return torch.relu(x.sum(dim=1) - torch.from_numpy(kinks)).sum()

    result = aumann.attribute(x, hinges, method=along(tolerance=0.01))
    exact = sums - kinks
    error = np.abs(result.values - exact).max()
    assert error <= result.error_estimate
    assert result.converged
    assert error <= 0.01 * exact.max()


def test_a_jump_is_not_lost_among_kinks_or_in_the_steps_beside_it():
    x, _, kinks = own_kinks(20)
    steps = np.stack([x, 0.2 * x, 1.1 * x])

    def jumping(x):
        s = x.sum(dim=-1)
        jump = 2.0 * (s[..., 0] > 0.6 * x.new_tensor(x_sum)).double()
        return torch.relu(s - torch.from_numpy(kinks)).sum(dim=-1) + jump

    x_sum = float(x[0].sum())
    few = along(tolerance=0.01, max_evaluations=200)
    with pytest.warns(RuntimeWarning, match="did not converge"):
        together = aumann.attribute(steps, jumping, method=few)
    for k, each in enumerate(steps):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            alone = aumann.attribute(each, jumping, method=few)
        assert together.converged[k] == alone.converged == (k == 1)
        assert_allclose(together.values[k], alone.values, rtol=1e-12, atol=1e-14)
        assert together.error_estimate[k] == pytest.approx(alone.error_estimate, rel=1e-6)
        if k != 1:
            assert together.residual[k] == pytest.approx(-2, rel=0.1)
            assert together.error_estimate[k] >= 1


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


def test_a_pooled_network_takes_about_twice_the_nodes_that_its_furthest_agents_need():
    torch.manual_seed(0)
    layers = torch.nn.Linear(3, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64), torch.nn.Tanh()
    encode = torch.nn.Sequential(*layers).double()
    readout = torch.nn.Sequential(torch.nn.Linear(64, 1), torch.nn.Tanh()).double()
    network = aumann.PooledValueFunction(encode, lambda state: readout(state).squeeze(-1))
    x = np.random.default_rng(0).exponential(size=(3000, 3))
    result = aumann.attribute(x, network)

    def gauss(nodes):
        rule = along(rule="gauss-legendre", nodes=nodes, tolerance=1.0)
        return aumann.attribute(x, network, method=rule).values

    exact = gauss(40)
    largest = np.abs(exact).max()
    fewest = next(k for k in range(4, 40) if np.abs(gauss(k) - exact).max() <= 1e-6 * largest)
    assert result.converged
    assert np.abs(result.values - exact).max() <= result.error_estimate <= 1e-6 * largest
    assert result.evaluations <= 2 * fewest + 1
