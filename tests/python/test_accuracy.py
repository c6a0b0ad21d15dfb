"""The accuracy contract where it is hard to keep: offsets, close baselines, layers, odd ranges."""

import numpy as np
import pytest

import aumann

FUNCTIONS = (aumann.Mean(), aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference())


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def exact_variance(x: np.ndarray, b: np.ndarray) -> np.ndarray:
    """In extended precision, about points amid the data."""
    differences = (x.astype(np.longdouble) - b).sum(axis=1)
    middles = (0.5 * ((x - x[0].astype(np.longdouble)) + (b - b[0].astype(np.longdouble)))).sum(1)
    return differences * 2 / len(x) * (middles - middles.mean())


def exact_gini(x: np.ndarray, b: np.ndarray) -> np.ndarray:
    """By mid-ranks, for baselines ordered as x. Composites in float64: equal bits are ties."""
    s = x[:, 0].astype(np.float64)
    for column in x.T[1:]:
        s = s + column
    _, inverse, counts = np.unique(s, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n = len(x)
    return 2 / n**2 * (2 * ranks - n - 1) * (x.astype(np.longdouble) - b).sum(axis=1)


EXACT = {aumann.Variance(): exact_variance, aumann.GiniMeanDifference(): exact_gini}


@pytest.mark.parametrize("function", EXACT, ids=repr)
@pytest.mark.parametrize("offset", [0.0, 20.0, 1e3, 1e6, 1e8])
@pytest.mark.parametrize("baseline", ["zero", "common", "per agent"])
def test_an_offset_of_all_agents_costs_no_digits(
    function: aumann.ValueFunction, offset: float, baseline: str
) -> None:
    x = offset + rng().random((30_000, 2))
    b = {
        "zero": np.zeros_like(x),
        "common": np.full_like(x, offset),
        "per agent": x * 0.5,
    }[baseline]
    given = {"zero": 0.0, "common": offset, "per agent": b}[baseline]
    # Between offset ends composites are taken from the first agent's, and are not rounded.
    wide = x.astype(np.longdouble) if baseline == "per agent" else x
    expected = EXACT[function](wide, b)
    result = aumann.attribute(x, function, baseline=given)
    assert np.abs(result.values - expected).max() <= 1e-13 * np.abs(expected).max()
    assert abs(result.relative_residual) <= 1e-12


@pytest.mark.parametrize("function", EXACT, ids=repr)
@pytest.mark.parametrize("offset", [0.0, 20.0, 1e3])
@pytest.mark.parametrize("near", [False, True])
def test_single_precision_keeps_its_contract(
    function: aumann.ValueFunction, offset: float, near: bool
) -> None:
    # Steps of 2**-12, so that the baselines are exact and ordered as x.
    x = (offset + np.round(rng(1).random((30_000, 3)) * 2**12) / 2**12).astype(np.float32)
    b = x - np.float32(2**-10) if near else x * np.float32(0.5)
    expected = EXACT[function](x, b)
    result = aumann.attribute(x, function, baseline=b)
    assert result.values.dtype == np.float32
    assert np.abs(result.values - expected).max() <= 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("function", FUNCTIONS, ids=repr)
def test_single_precision_follows_double(function: aumann.ValueFunction) -> None:
    counts = np.floor(1 / rng(2).random((50_000, 3)))
    x = np.log1p(counts).astype(np.float32) + np.float32(100)
    double = aumann.attribute(x.astype(np.float64), function, baseline=99.5).values
    single = aumann.attribute(x, function, baseline=99.5).values
    assert np.abs(single - double).max() <= 1e-6 * np.abs(double).max()


def test_a_composite_that_rounds_to_minus_zero_is_zero() -> None:
    x = np.array([[1], [-1], [2]], dtype=np.float32)
    result = aumann.attribute(x, aumann.GiniMeanDifference(weights=[1e-50]))
    assert np.abs(result.values).max() == 0
    result = aumann.attribute(np.array([[-0.0], [0.0], [1.0]]), aumann.GiniMeanDifference())
    assert result.values[0] == result.values[1] == 0


@pytest.mark.parametrize("factor", [0.9, 1 / 3, 0.5])
def test_gini_takes_proportional_baselines_of_counts(factor: float) -> None:
    # Equal products of counts have composites that differ in the last bit, here and there in
    # another order in the baseline.
    x = np.log1p(np.floor(rng(3).pareto(1.2, (20_000, 3)) * 2))
    result = aumann.attribute(x, aumann.GiniMeanDifference(), baseline=factor * x)
    expected = (1 - factor) * aumann.attribute(x, aumann.GiniMeanDifference()).values
    assert abs(result.relative_residual) <= 1e-12
    # Ties within rounding share a weight here and not there, so the largest tie blocks differ.
    close = np.abs(result.values - expected) <= 1e-9 * np.abs(expected).max()
    assert close.mean() > 0.5
    assert np.abs(result.values.sum() - expected.sum()) <= 1e-12 * np.abs(expected).sum()


@pytest.mark.parametrize("m", [1e2, 1e6, 1e8, 1e12])
def test_heat_resolves_a_mean_that_falls_while_another_rises(m: float) -> None:
    x, b = np.array([[2 * m, 0], [0, 0]]), np.array([[0, 0], [0, 2 * m]])
    root = np.sqrt(0.25 + 1 / m**2)
    exact = np.log((root + 0.5) ** 2 * m**2) / (2 * root)
    values = aumann.attribute(x, aumann.Heat(), baseline=b).values
    np.testing.assert_allclose(values, [exact, -exact], rtol=1e-13)


def test_heat_of_means_far_apart_does_not_depend_on_their_order() -> None:
    means = np.array([1e-170, 1e-130, 1e300])
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        result = aumann.attribute(means[None, order], aumann.Heat())
        np.testing.assert_allclose(result.value, np.log1p(1.0), rtol=1e-13)
        np.testing.assert_allclose(result.values, [np.log(2)], rtol=1e-13)


def test_heat_of_many_features_is_quick() -> None:
    result = aumann.attribute(np.ones((2, 20_000)), aumann.Heat(), baseline=0.999)
    assert abs(result.relative_residual) <= 1e-12


@pytest.mark.parametrize("function", [aumann.Mean(), aumann.GiniMeanDifference()], ids=repr)
def test_overflow_is_refused_and_never_infinite(function: aumann.ValueFunction) -> None:
    huge = np.array([[1.7e308], [-1.7e308], [1.7e308]] * 10)
    huge[1::3] *= 1 if isinstance(function, aumann.GiniMeanDifference) else -1
    with pytest.raises(ValueError, match="exceed the range"):
        function.value(huge)
    with pytest.raises(ValueError, match="exceed the range"):
        aumann.attribute(huge, function, baseline=huge.copy())


def test_an_output_in_use_is_named() -> None:
    from aumann import _core

    x = np.ones((1, 3, 2))
    out = np.zeros((1, 3))
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out: read-only"):
        _core.attribute("mean", None, "aumann_shapley", None, x, None, None, out)
    shared = np.zeros((1, 3, 1))
    with pytest.raises(ValueError, match="another call"):
        _core.attribute("mean", None, "aumann_shapley", None, shared, None, None, shared[:, :, 0])
