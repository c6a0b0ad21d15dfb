"""Games with a known truth and NumPy coalition games, against differences and enumeration."""

from itertools import permutations

import numpy as np
import pytest
import reference

from aumann.benchmark import known
from aumann.benchmark.coalitions import coalition_game, sampled_banzhaf, sampled_shapley
from aumann.benchmark.workload import sparse, workload


@pytest.fixture(params=known.GAMES)
def problem(request):
    return known.make_problem(request.param, agents=7, seed=3, steps=2, features=3)


def test_gradients_are_those_of_differences(problem):
    x, f = problem.x[0], problem.function
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        slope = (f.value(x + step) - f.value(x - step)) / 2e-6
        assert f.gradient(x)[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_truths_are_integrals_along_the_path(problem):
    # A midpoint rule of 4,000 nodes, none of Gauss and Legendre.
    x, f = problem.x[1], problem.function
    places = (np.arange(4_000) + 0.5) / 4_000
    mean = np.mean([f.gradient(place * x) for place in places], axis=0)
    np.testing.assert_allclose(problem.truth[1], (x * mean).sum(axis=1), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(known.path_integral(f, x), problem.truth[1], rtol=1e-12, atol=1e-15)


def test_truths_sum_to_the_totals(problem):
    assert problem.truth.shape == (2, 7)
    assert (problem.agents, problem.steps) == (7, 2)
    np.testing.assert_allclose(problem.truth.sum(axis=1), problem.totals, rtol=1e-12)


def test_games_agree_with_features_set_to_0(problem):
    x, f = problem.x[0], problem.function
    coalitions = np.array(list(np.ndindex(*[2] * 7)), dtype=bool)
    values = f.coalition_game(x)(coalitions)
    expected = [f.value(x * members[:, np.newaxis]) for members in coalitions]
    np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12)
    game = f.incremental_game(x)
    for members, value in zip(coalitions, values, strict=True):
        game.reset()
        for agent in np.flatnonzero(members)[::-1]:
            game.add(int(agent))
        assert game.value() == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_values_of_the_three_games_by_hand():
    # u = (3, 8), M = ((0, 1/2), (1/2, 0)): 11 + 24 = 35; softplus of 11 - 1.
    w, x = np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])
    m = np.array([[0.0, 0.5], [0.5, 0.0]])
    assert known.Additive(w).value(x) == 11
    assert known.Quadratic(w, m).value(x) == 35
    assert known.Quadratic(w, m).attribution(x).tolist() == [15, 20]
    assert known.Softplus(w).value(x) == pytest.approx(np.log1p(np.exp(10)), rel=1e-15)


@pytest.mark.parametrize("z", [0.0, 1e-12, -1e-12, 3.0, -3.0, 800.0, -800.0])
def test_softplus_for_sums_small_and_large(z):
    f = known.Softplus(np.array([[0.25], [0.75]]))
    phi = f.attribution(np.full((2, 1), z))
    rise = np.logaddexp(0, np.longdouble(z) - 1) - np.logaddexp(0, np.longdouble(-1))
    assert phi.sum() == pytest.approx(float(rise), rel=1e-6 if abs(z) < 1e-6 else 1e-14, abs=0)
    assert phi[1] == pytest.approx(3 * phi[0], rel=1e-15, abs=0)


def test_problems_are_drawn_once_and_for_all():
    first, again, other = (known.make_problem("quadratic", 4, seed) for seed in (0, 0, 1))
    assert (first.x == again.x).all()
    assert (first.function.interactions == again.function.interactions).all()
    assert (first.x != other.x).all()
    assert (np.diag(first.function.interactions) == 0).all()
    assert (first.function.interactions == first.function.interactions.T).all()
    with pytest.raises(ValueError, match="game: 'cubic', one of additive, quadratic, softplus"):
        known.make_problem("cubic", 4, 0)


@pytest.mark.parametrize("name", reference.NAMES)
def test_coalitions_are_valued_as_features_set_to_0(name):
    x = sparse(9)
    coalitions = np.random.default_rng(0).random((50, 9)) < 0.5
    expected = [reference.value(name, x * members[:, np.newaxis]) for members in coalitions]
    found = coalition_game(name, x)(coalitions)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", reference.NAMES)
def test_samples_find_the_means_of_marginals(name):
    x = sparse(5)

    def value(members):
        return reference.value(name, x * np.isin(np.arange(5), members)[:, np.newaxis])

    shapley = np.zeros(5)
    for order in permutations(range(5)):
        for place, agent in enumerate(order):
            shapley[agent] += (value(order[: place + 1]) - value(order[:place])) / 120
    found = sampled_shapley(x, name, 5 * 4_000)
    assert found.sum() == pytest.approx(value(range(5)), rel=1e-12)
    np.testing.assert_allclose(found, shapley, atol=0.03 * np.abs(shapley).max())

    banzhaf = np.zeros(5)
    for members in np.ndindex(*[2] * 5):
        sign = 2 * np.array(members) - 1
        banzhaf += sign * value(np.flatnonzero(members)) / 16
    found = sampled_banzhaf(x, name, 200_000)
    np.testing.assert_allclose(found, banzhaf, atol=0.02 * np.abs(banzhaf).max())


def test_one_order_and_few_coalitions_by_hand():
    # The draws of the generator that both use, worked out coalition by coalition.
    x = sparse(5)
    s = x.sum(axis=1)
    order = np.random.default_rng(0).permutation(5)
    grown = [np.var(s * np.isin(np.arange(5), order[:size])) for size in range(6)]
    expected = np.empty(5)
    expected[order] = np.diff(grown)
    np.testing.assert_allclose(sampled_shapley(x, "variance", 5), expected, rtol=1e-12)

    drawn = np.random.default_rng(0).integers(0, 2, (9, 5), dtype=bool)
    values = np.array([np.var(s * members) for members in drawn])
    expected = [values[drawn[:, k]].mean() - values[~drawn[:, k]].mean() for k in range(5)]
    np.testing.assert_allclose(sampled_banzhaf(x, "variance", 9), expected, rtol=1e-12)


def test_samples_that_make_no_whole_order_have_no_values():
    assert np.isnan(sampled_shapley(sparse(10), "heat", 6)).all()
    whole, more = (sampled_shapley(sparse(10), "heat", number) for number in (20, 26))
    assert (whole == more).all()
    with pytest.raises(ValueError, match="value_function: 'median'"):
        sampled_banzhaf(sparse(10), "median", 6)


def test_workloads():
    w = workload("W", 2_000)
    assert (w == sparse(2_000)).all()
    assert (workload("W32", 2_000) == w.astype(np.float32)).all()
    assert (workload("W-14", 100)[3] == sparse(100, 3)).all()
    assert np.unique(workload("W-dense", 2_000)).size == 6_000
    # Part of the agents without activity or without resonance: 1 - 0.2 * 0.5.
    assert (w[:, 1:] == 0).any(axis=1).mean() == pytest.approx(0.9, abs=0.02)
    with pytest.raises(ValueError, match="name: 'X'"):
        workload("X", 10)
