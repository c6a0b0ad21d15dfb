"""What reweighting promises on average: intervals that cover, errors that come true."""

import warnings

import numpy as np
import pytest

import aumann
from aumann.inclusion import proportional_inclusion

pytestmark = pytest.mark.lengthy

FUNCTIONS = [aumann.Mean(), aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference()]


def visibility(population):
    scores = np.zeros(population.agents)
    for names in (["reach"], ["activity", "resonance"]):
        logs = np.log1p(sum(population.raw(name) for name in names))
        scores += (logs - logs.mean()) / logs.std()
    return scores


def draw(rng, pi, design):
    """A panel with these inclusion probabilities: each alone, or systematically after a shuffle."""
    if design == "bernoulli":
        return np.flatnonzero(rng.random(len(pi)) < pi)
    order = rng.permutation(len(pi))
    ends = np.cumsum(pi[order])
    marks = np.arange(round(ends[-1])) + rng.random()
    return order[np.minimum(np.searchsorted(ends, marks), len(pi) - 1)]


@pytest.mark.parametrize("design", ["fixed", "bernoulli"])
def test_intervals_cover_at_the_nominal_rate(design):
    population = aumann.synthesize(agents=200_000, steps=14, seed=3)
    x = population.features(window="whole")
    tiers = population.tiers(by="reach")
    pi = proportional_inclusion(np.exp(0.7 * visibility(population)), 1000)
    truth = np.array([aumann.attribute(x, f).group(tiers).shares for f in FUNCTIONS])
    rng = np.random.default_rng(5)
    covered = np.zeros(truth.shape)
    far = np.zeros(truth.shape)
    draws = 1000
    for _ in range(draws):
        panel = draw(rng, pi, design)
        members, chances = x[panel], pi[panel]
        for row, function in enumerate(FUNCTIONS):
            result = aumann.reweight(
                members, function, tiers.take(panel), inclusion=chances, design=design
            )
            low, high = result.intervals.T
            covered[row] += (low <= truth[row]) & (truth[row] <= high)
            far[row] += np.abs(result.panel_shares - truth[row]) > (high - low)
    assert (covered >= 0.92 * draws).all(), covered / draws
    assert (covered <= 0.98 * draws).all(), covered / draws
    # The panel's own shares are nowhere near, in any draw that was seen.
    assert (far[:, [0, 2]] == draws).all()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_intervals_of_known_totals_cover(function):
    rng = np.random.default_rng(6)
    sizes, drawn = np.array([500, 4500, 15_000]), np.array([300, 400, 400])
    codes = np.repeat(np.arange(3), sizes)
    x = rng.poisson(rng.gamma(2.0, 4.0, (20_000, 2)) / (1 + codes[:, None]))
    truth = aumann.attribute(x, function).group(codes).shares
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    covered, estimates, errors = np.zeros(3), [], []
    draws = 1000
    for _ in range(draws):
        panel = np.concatenate(
            [
                start + rng.choice(size, count, replace=False)
                for start, size, count in zip(starts, sizes, drawn, strict=True)
            ]
        )
        result = aumann.reweight(x[panel], function, codes[panel], totals=sizes)
        low, high = result.intervals.T
        covered += (low <= truth) & (truth <= high)
        estimates.append(result.shares)
        errors.append(result.standard_error)
    assert (covered >= 0.92 * draws).all(), covered / draws
    assert (covered <= 0.98 * draws).all(), covered / draws
    assert np.mean(errors, axis=0) == pytest.approx(np.std(estimates, axis=0), rel=0.12)


def networked():
    population = aumann.synthesize(agents=20_000, steps=5, seed=1)
    return population, population.tiers(by="reach"), np.exp(0.5 * visibility(population))


def skewed():
    rng = np.random.default_rng(2)
    x = rng.lognormal(0.0, 1.0, (20_000, 2))
    return x, aumann.Groups.tiers(x[:, 0], (0.1, 0.9), ("top", "rest")), np.ones(20_000)


def tied():
    rng = np.random.default_rng(3)
    x = rng.poisson(1.5, (20_000, 3)).astype(float)
    return x, aumann.Groups.tiers(x.sum(axis=1), (0.2, 0.8), ("top", "rest")), 1 + x.sum(axis=1)


@pytest.mark.parametrize("design", ["fixed", "bernoulli"])
@pytest.mark.parametrize(
    ("made", "functions", "error"),
    [
        (networked, [aumann.Variance(), aumann.Heat()], 0.01),
        (skewed, [aumann.Mean(), aumann.GiniMeanDifference()], 0.03),
        (tied, [aumann.GiniMeanDifference(), aumann.Variance()], 0.03),
    ],
)
def test_predicted_errors_come_true(made, functions, error, design):
    population, groups, sizes = made()
    rng = np.random.default_rng(4)
    for function in functions:
        plan = aumann.plan_panel(
            population, function, groups, "top", error, inclusion=sizes, design=design
        )
        assert 0.9 * error < plan.error <= error
        assert plan.size < 5000
        pi = proportional_inclusion(sizes, plan.size)
        place = groups.names.index("top")
        x = population
        if isinstance(population, aumann.Population):
            x = population.features(window="whole")
        estimates = []
        for _ in range(400):
            panel = draw(rng, pi, design)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                result = aumann.reweight(
                    x[panel], function, groups.take(panel), inclusion=pi[panel], design=design
                )
            estimates.append(result.shares[place])
        truth = aumann.attribute(x, function).group(groups).shares[place]
        spread = np.sqrt(np.mean((np.array(estimates) - truth) ** 2))
        assert spread == pytest.approx(plan.error, rel=0.2), (function, plan, spread)
