"""Reweighted shares against populations written out in full, errors against derivatives."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import aumann_shapley

import aumann

FUNCTIONS = [
    aumann.Mean([1.0, 0.5, 2.0]),
    aumann.Heat(),
    aumann.Variance(),
    aumann.GiniMeanDifference([2.0, 1.0, 1.0]),
]


def quietly(*args, **options):
    """Reweight without the cautions that tiny panels give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return aumann.reweight(*args, **options)


def written_out(function, x, times, codes, groups):
    """Shares where each member stands `times` times in the population, in extended precision."""
    rows = np.repeat(np.arange(len(x)), times)
    weights = function.weights
    phi = aumann_shapley(function.name, x[rows], 0.0, weights)
    sums = [phi[codes[rows] == group].sum() for group in range(groups)]
    return np.array(sums, dtype=np.float64) / float(phi.sum())


def weighted(function, x, d, codes, groups):
    """Shares by the weighted definitions, agent by agent, for weights that need not be whole."""
    total = math.fsum(d)
    if function.name == "heat":
        means = [math.fsum(d * column) / total for column in x.T]
        carried = [w * sum(row / means) for w, row in zip(d, x, strict=True)]
    else:
        s = x @ np.array(function.weights or (1.0,) * x.shape[1])
        mean = math.fsum(d * s) / total
        below = [math.fsum(d[s < each]) + math.fsum(d[s == each]) / 2 for each in s]
        factor = {
            "mean": np.ones(len(s)),
            "variance": s - mean,
            "gini": 2 * np.array(below) / total - 1,
        }[function.name]
        carried = d * factor * s
    sums = [math.fsum(np.array(carried)[codes == group]) for group in range(groups)]
    return np.array(sums) / math.fsum(sums)


def derivatives(function, x, d, codes, groups):
    """Central differences of the shares by each weight, shape (M, G)."""
    steps = 1e-5 * np.diag(d)
    ends = [[weighted(function, x, d + sign * h, codes, groups) for h in steps] for sign in (1, -1)]
    return (np.array(ends[0]) - np.array(ends[1])) / (2 * 1e-5 * d[:, None])


def example(seed, members=40):
    draw = np.random.default_rng(seed)
    # Few distinct values, so that composites tie within and across groups.
    x = draw.integers(0, 4, (members, 3)).astype(float)
    x[:3] += 1.0
    codes = draw.integers(0, 3, members)
    codes[:3] = 0, 1, 2
    return x, codes, draw


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_each_member_stands_for_its_weight(function, seed):
    x, codes, draw = example(seed, members=12)
    times = draw.integers(1, 9, len(x))
    result = quietly(x, function, codes, inclusion=1 / times)
    expected = written_out(function, x, times, codes, 3)
    assert result.shares == pytest.approx(expected, rel=1e-10, abs=1e-10)
    assert result.shares == pytest.approx(weighted(function, x, 1.0 * times, codes, 3), abs=1e-10)
    own = aumann.attribute(x, function).group(codes).shares
    assert result.panel_shares == pytest.approx(own, abs=1e-11)
    assert result.effective_size == pytest.approx(times.sum() ** 2 / (times**2).sum())
    assert result.weight_span == pytest.approx(times.max() / times.min())
    assert result.members.tolist() == np.bincount(codes).tolist()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("design", ["fixed", "bernoulli"])
def test_errors_are_those_of_the_derivatives(function, design):
    x, codes, draw = example(7)
    pi = draw.uniform(0.05, 1.0, len(x))
    pi[5] = 1.0
    z = derivatives(function, x, 1 / pi, codes, 3)
    expected = []
    for group in range(3):
        expanded = z[:, group] / pi
        if design == "bernoulli":
            expected.append(math.sqrt(sum((1 - pi) * expanded**2)))
            continue
        centre = sum((1 - pi) * expanded) / sum(1 - pi)
        factor = len(pi) / (len(pi) - 1)
        expected.append(math.sqrt(factor * sum((1 - pi) * (expanded - centre) ** 2)))
    result = quietly(x, function, codes, inclusion=pi, design=design)
    assert result.standard_error == pytest.approx(expected, rel=1e-6)
    low, high = result.intervals.T
    assert (low + high) / 2 == pytest.approx(result.shares)
    assert high - low == pytest.approx(2 * 1.959964 * result.standard_error, rel=1e-6)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_known_totals(function):
    x, codes, _ = example(8)
    counts = np.bincount(codes)
    # The last group is in the panel as a whole.
    totals = np.array([5 * counts[0], 11 * counts[1], counts[2]])
    result = quietly(x, function, codes, totals=totals)
    times = (totals // counts)[codes]
    assert result.shares == pytest.approx(written_out(function, x, times, codes, 3), abs=1e-10)
    z = derivatives(function, x, 1.0 * times, codes, 3)
    for group in range(3):
        squared = 0.0
        for stratum, (n, size) in enumerate(zip(counts, totals, strict=True)):
            spread = np.var(z[codes == stratum, group], ddof=1)
            squared += size**2 * (1 - n / size) * spread / n
        assert result.standard_error[group] == pytest.approx(math.sqrt(squared), rel=1e-6)
    named = quietly(x, function, codes, totals={2: totals[2], "1": totals[1], 0: totals[0], "x": 0})
    assert np.array_equal(named.shares, result.shares)
    assert np.array_equal(named.standard_error, result.standard_error)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_panel_of_everybody_is_the_population(function):
    x, codes, _ = example(9)
    own = aumann.attribute(x, function).group(codes).shares
    for options in ({"inclusion": np.ones(40)}, {"totals": np.bincount(codes)}):
        for design in ("fixed", "bernoulli"):
            result = aumann.reweight(x, function, codes, design=design, **options)
            assert result.shares == pytest.approx(own, abs=1e-12)
            assert not result.standard_error.any()
            assert result.cautions == ()
            assert "no sampling error" in result.verdict()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_equal_weights_leave_the_shares_alone(function):
    x, codes, _ = example(10)
    result = quietly(x, function, codes, inclusion=np.full(40, 0.125))
    assert result.shares == pytest.approx(result.panel_shares, abs=1e-12)
    assert (result.standard_error > 0).all()
    assert result.weight_span == 1
    assert result.effective_size == pytest.approx(40)
    assert "agree" in result.verdict()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_group_has_all(function):
    x, _, draw = example(11)
    for options in ({"inclusion": draw.uniform(0.01, 1, 40)}, {"totals": [70]}):
        result = aumann.reweight(x, function, ["all"] * 40, **options)
        assert result.shares.tolist() == [1.0]
        assert result.standard_error.tolist() == [0.0]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_order_and_the_scale_of_weights_do_not_matter(function):
    x, codes, draw = example(12)
    pi = draw.uniform(0.1, 1.0, 40)
    result = quietly(x, function, codes, inclusion=pi)
    order = draw.permutation(40)
    shuffled = quietly(x[order], function, codes[order], inclusion=pi[order])
    assert shuffled.shares == pytest.approx(result.shares, abs=1e-12)
    assert shuffled.standard_error == pytest.approx(result.standard_error, rel=1e-9)
    rare = quietly(x, function, codes, inclusion=pi * 1e-300)
    assert rare.shares == pytest.approx(result.shares, abs=1e-12)
    assert rare.effective_size == pytest.approx(result.effective_size)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (aumann.Mean(), [[1.0], [-1.0], [0.0]]),
        (aumann.Heat(), [[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]),
        (aumann.Variance(), [[0.1], [0.1], [0.1]]),
        (aumann.GiniMeanDifference(), [[0.1], [0.1], [0.1]]),
        (aumann.GiniMeanDifference(), [[0.0], [0.0], [0.0]]),
    ],
)
def test_shares_that_do_not_exist(function, x):
    pi = [0.3, 0.3, 0.7]
    with pytest.warns(RuntimeWarning, match="shares are undefined"):
        result = aumann.reweight(x, function, ["a", "b", "a"], inclusion=pi)
    assert np.isnan(result.shares).all()
    assert np.isnan(result.standard_error).all()
    assert np.isnan(result.panel_shares).all()
    assert result.verdict().startswith("No verdict")
    assert len(result.to_table()) == 2


def test_a_panel_without_shares_of_its_own_may_still_speak():
    result = quietly([[1.0], [-1.0], [0.0]], aumann.Mean(), list("aba"), inclusion=[0.1, 0.5, 0.5])
    assert result.shares.tolist() == [1.25, -0.25]
    assert np.isnan(result.panel_shares).all()
    assert "own shares of Mean() are undefined" in result.verdict()
