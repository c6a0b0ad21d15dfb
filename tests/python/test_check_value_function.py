"""What `check_value_function` says of value functions whose answers are known."""

import itertools
import math

import numpy as np
import pytest
import torch

import aumann
from aumann import _probes
from aumann._differentiable import Differentiable

DTYPES = [torch.float64, torch.float32]


def population(agents, features=3, dtype=torch.float64, seed=3):
    uniform = np.random.default_rng(seed).random((agents, features))
    return torch.as_tensor(np.expm1(uniform), dtype=dtype)


def mean(x):
    return x.mean(0).sum()


def heat(x):
    return torch.log1p(x.mean(0).prod())


def variance(x):
    return x.sum(1).var(correction=0)


def gini(x):
    s = x.sum(1)
    return (s[:, None] - s[None, :]).abs().mean()


def gini_of_ranks(x):
    s = x.sum(1).sort().values
    ranks = torch.arange(1, len(s) + 1, dtype=x.dtype, device=x.device)
    return 2 / len(s) ** 2 * ((2 * ranks - len(s) - 1) * s).sum()


def own_terms(x):
    return (x.exp().sum(1) * x[:, 0].sin()).sum()


class QuadraticGame:
    """F = sum u + u' M u with u_i = w_i . x_i, whose second derivatives are 2 M_ij w_i w_j'."""

    def __init__(self, agents, features, seed):
        draw = np.random.default_rng(seed)
        self.w = draw.normal(size=(agents, features))
        m = draw.normal(size=(agents, agents)) / agents**0.5
        self.m = (m + m.T) / 2
        np.fill_diagonal(self.m, 0)
        self.x = draw.normal(size=(agents, features))

    def __call__(self, x):
        u = (torch.as_tensor(self.w) * x).sum(1)
        return u.sum() + u @ torch.as_tensor(self.m) @ u

    @property
    def sum_of_squares(self):
        sizes = (self.w**2).sum(1)
        return 4 * sizes @ self.m**2 @ sizes

    @property
    def strength(self):
        agents, features = self.x.shape
        u = (self.w * self.x).sum(1)
        gradient = self.w * (1 + 2 * self.m @ u)[:, None]
        entries = agents * (agents - 1) * features**2
        return math.sqrt(self.sum_of_squares / entries) / math.sqrt((gradient**2).mean())


def strength_from_hessian(f, x):
    hessian = torch.autograd.functional.hessian(f, x).permute(0, 2, 1, 3)
    across = hessian[~torch.eye(len(x), dtype=torch.bool)]
    gradient = torch.autograd.functional.jacobian(f, x)
    return float(across.square().mean().sqrt() / gradient.square().mean().sqrt())


@pytest.mark.parametrize(("agents", "features"), [(2, 1), (3, 2), (20, 3), (90, 1)])
def test_strength_of_quadratic_games_is_within_its_error(agents, features):
    game = QuadraticGame(agents, features, seed=agents)
    check = aumann.check_value_function(game, torch.as_tensor(game.x), directions=1000)
    assert 0 < check.strength_error < 0.1 * check.strength
    assert abs(check.strength - game.strength) < 4 * check.strength_error
    assert check.strength == pytest.approx(game.strength, rel=0.1)
    assert not check.linear
    assert check.smooth


class EveryDraw:
    """Stands in for a random generator: every half of the agents with every pattern of signs."""

    def __init__(self, agents):
        patterns = list(itertools.product((0, 1), repeat=agents))
        self.count = len(patterns) ** 2
        halves = (half for half in patterns for _ in patterns)
        signs = (sign for _ in patterns for sign in patterns)
        self.numbers = itertools.chain(halves, signs)

    def integers(self, high, size, dtype):
        return np.array(next(self.numbers), dtype=dtype).reshape(size)


@pytest.mark.parametrize("agents", [2, 3, 4])
def test_strength_is_unbiased_over_all_halves_and_signs(agents):
    game = QuadraticGame(agents, 1, seed=agents)
    draws = EveryDraw(agents)
    function = Differentiable(game, game.x)
    found, _, vanishing = _probes.strength(function, draws.count, draws)
    assert found == pytest.approx(game.strength, rel=1e-12)
    assert not vanishing


@pytest.mark.parametrize("f", [heat, variance])
def test_strength_agrees_with_the_whole_hessian(f):
    x = population(12)
    check = aumann.check_value_function(f, x, directions=600)
    assert abs(check.strength - strength_from_hessian(f, x)) < 4 * check.strength_error
    assert not check.linear
    assert check.smooth
    assert check.permutation_invariant


def test_strength_error_covers_what_it_says():
    game = QuadraticGame(10, 2, seed=0)
    checks = [aumann.check_value_function(game, game.x, seed=seed) for seed in range(60)]
    found = np.array([check.strength for check in checks])
    errors = np.array([check.strength_error for check in checks])
    assert found.std() == pytest.approx(errors.mean(), rel=0.4)
    assert np.mean(np.abs(found - game.strength) < 2 * errors) > 0.85


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", [mean, own_terms])
def test_sums_over_agents_are_linear(f, dtype):
    check = aumann.check_value_function(f, population(100, dtype=dtype))
    assert check.linear
    assert check.strength == 0
    assert check.strength_error == 0
    assert check.interaction < 1e-4
    assert check.smooth
    assert check.permutation_invariant
    assert check.repeatable
    assert check.unused_features == check.unseen_features == ()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", [heat, variance, gini])
def test_what_mixes_agents_is_nonlinear(f, dtype):
    check = aumann.check_value_function(f, population(100, dtype=dtype))
    assert not check.linear
    assert check.interaction > 0.1
    assert check.permutation_invariant


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", [gini, gini_of_ranks])
@pytest.mark.parametrize("agents", [12, 1000])
def test_mixed_differences_see_what_second_derivatives_are_blind_to(f, agents, dtype):
    check = aumann.check_value_function(f, population(agents, dtype=dtype))
    assert check.strength == 0
    assert check.interaction > 0.1
    assert not check.linear
    assert not check.smooth


def test_interaction_of_two_agents_by_hand():
    # A is one agent and B the other, each takes the other's row: with F = a b the single
    # differences are b^2 - ab and a^2 - ab, the mixed one is ab - b^2 - a^2 + ab.
    a, b = 2.0, 5.0
    check = aumann.check_value_function(lambda x: x.prod(), [[a], [b]])
    assert check.interaction == pytest.approx(
        (a - b) ** 2 / math.sqrt(((b * b - a * b) ** 2 + (a * a - a * b) ** 2) / 2), rel=1e-12
    )
    # A third of two agents is one; the only cross-agent second derivative is 1.
    assert check.strength == pytest.approx(1 / math.sqrt((a * a + b * b) / 2), rel=0.5)


def test_one_agent_is_linear():
    check = aumann.check_value_function(heat, population(1))
    assert check.linear
    assert (check.strength, check.strength_error, check.interaction) == (0, 0, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("agents", [200, 5000])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.relu(x - 0.3).mean(),
        lambda x: (x - 0.5).abs().mean(),
        lambda x: x.mean() + (x > 0.5).to(x.dtype).mean(),
        lambda x: x.mean() + x.sum(1).round().mean(),
        lambda x: x[:, 0].mean() + x[:, 1:].square().mean().detach(),
    ],
    ids=["positive part", "absolute value", "indicator", "rounding", "detached part"],
)
def test_kinks_jumps_and_detached_parts_are_not_smooth(f, agents, dtype):
    check = aumann.check_value_function(f, population(agents, dtype=dtype))
    assert not check.smooth
    assert check.linear


def test_which_figure_tells_what():
    x = population(5000)
    kink = aumann.check_value_function(lambda x: torch.relu(x - 0.3).mean(), x)
    assert kink.crossed > 0
    at_kink = aumann.check_value_function(lambda x: torch.relu(x).mean(), torch.zeros(50, 1))
    assert at_kink.gradient_disagreement > 0.5
    assert at_kink.ties == 1
    detached = aumann.check_value_function(lambda x: x[:, 0].mean() + x.detach().mean(), x)
    assert detached.value_disagreement > 0.1
    assert detached.gradient_disagreement == 0
    jump = aumann.check_value_function(lambda x: x.mean() + (x > 0.5).double().mean(), x)
    assert jump.gradient_disagreement == 0
    assert jump.crossed > 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("agents", [7, 300])
@pytest.mark.parametrize(
    "f",
    [
        heat,
        variance,
        lambda x: (x + 0.1).log().mean(),
        lambda x: x.sum(1).logsumexp(0),
        lambda x: (x.mean() * 10).exp(),
        lambda x: torch.nn.functional.softplus(x.sum(1), beta=20).mean(),
        lambda x: x.norm(),
        lambda x: x.mean(0).prod() - 1000,
    ],
)
def test_smooth_value_functions_are_smooth(f, agents, dtype):
    check = aumann.check_value_function(f, population(agents, dtype=dtype))
    assert check.smooth
    assert check.crossed == 0
    assert check.permutation_invariant
    assert check.repeatable


def test_steps_out_of_the_domain_count_for_nothing():
    x = population(50)
    assert torch.isnan((x - 0.1 * x.std()).log().mean())
    check = aumann.check_value_function(lambda x: x.log().mean(), x)
    assert check.smooth


def test_agents_with_weights_of_their_own_are_not_permutation_invariant():
    x = population(50)
    weights = torch.arange(50.0, dtype=torch.float64)
    check = aumann.check_value_function(lambda x: (weights * x.sum(1)).mean(), x)
    assert not check.permutation_invariant
    assert check.permutation_change > 0.01
    assert check.linear
    assert check.smooth


def test_a_value_of_zero_does_not_inflate_changes():
    x = population(50)
    offset = float(mean(x))
    check = aumann.check_value_function(lambda x: mean(x) - offset, x)
    assert abs(check.value) < 1e-15
    assert check.permutation_invariant
    assert check.scale > 0.1


def test_features_without_effect_and_without_gradient():
    x = population(40, 4)
    check = aumann.check_value_function(
        lambda x: x[:, 0].mean() + torch.floor(3 * x[:, 1]).mean() + x[:, 3].square().mean(), x
    )
    assert check.unused_features == (2,)
    assert check.unseen_features == (1,)
    assert not check.smooth
    n = len(x)
    exact = [1 / n, 0, 0, float((2 * x[:, 3] / n).square().mean().sqrt())]
    np.testing.assert_allclose(check.feature_gradient, exact, rtol=1e-14)
    assert [change > 0 for change in check.feature_change] == [True, True, False, True]


def test_a_feature_that_acts_by_jumps_is_not_smooth_where_no_step_crosses_one():
    x = population(6, 2)
    x[:, 1] = torch.tensor([0.5, 1.5, 2.5, 0.5, 1.5, 2.5])
    check = aumann.check_value_function(lambda x: x[:, 0].mean() + x[:, 1].floor().mean(), x)
    assert check.crossed == 0
    assert check.value_disagreement == 0
    assert check.unseen_features == (1,)
    assert not check.smooth


def test_rounding_of_a_large_constant_is_no_interaction():
    x = population(50)
    check = aumann.check_value_function(lambda x: mean(x) + 1e9, x)
    assert check.linear
    assert check.interaction > 1e-10


def test_second_derivatives_that_are_not_finite_leave_the_verdict_to_mixed_differences():
    x = population(30)
    x[:4] = 0
    additive = aumann.check_value_function(lambda x: x.pow(1.5).sum(), x)
    assert math.isnan(additive.strength)
    assert math.isnan(additive.strength_error)
    assert additive.linear
    assert not additive.smooth
    assert not aumann.check_value_function(lambda x: x.pow(1.5).sum() ** 2, x).linear
