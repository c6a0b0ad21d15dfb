"""Value functions as objects, and sums of multiples of them."""

import copy
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import aumann
from aumann import Combination, GiniMeanDifference, Heat, Mean, Variance, _core
from aumann.value_functions import from_name

X = np.random.default_rng(3).integers(0, 64, size=(2, 50, 3)) / 8


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (Mean(), "Mean()"),
        (Mean([1, 0.5]), "Mean(weights=(1.0, 0.5))"),
        (Heat(), "Heat()"),
        (2 * Mean() + Variance(), "2 * Mean() + Variance()"),
        (Variance() + Mean() * 2, "2 * Mean() + Variance()"),
        (Mean() - Variance() / 4, "Mean() - 0.25 * Variance()"),
        (-Heat(), "-Heat()"),
        (-(Heat() - 3 * Heat()), "2 * Heat()"),
        (Mean() + Mean([1, 1]), "Mean() + Mean(weights=(1.0, 1.0))"),
        (Mean() - Mean(), "0 * Mean()"),
        (sum([Mean(), Heat(), Mean()]), "Heat() + 2 * Mean()"),
        (np.float32(0.5) * Mean(), "0.5 * Mean()"),
        (np.float64(2) * (Mean() + Heat()), "2 * Heat() + 2 * Mean()"),
        (np.int64(2) * Mean(), "2 * Mean()"),
        (Fraction(1, 4) * Mean(), "0.25 * Mean()"),
    ],
)
def test_repr_is_what_would_be_written(written: Any, text: str) -> None:
    assert repr(written) == text
    names = {name: getattr(aumann, name) for name in aumann.__all__}
    assert eval(text, names) == written


def test_equality_and_hash() -> None:
    assert Mean() == Mean()
    assert Mean() != Variance()
    assert Mean([1, 2]) == Mean(np.array([1.0, 2.0]))
    assert Mean([1, 2]) != Mean([2, 1])
    assert Mean() + Variance() == Variance() + Mean()
    assert Mean() + Variance() != Mean() - Variance()
    assert 1 * Mean() == Combination(((1.0, Mean()),)) != Mean()
    same = {Mean(), Mean(), Mean([1]), Mean((1.0,)), Heat(), 2 * Mean(), Mean() * 2}
    assert len(same) == 4


@pytest.mark.parametrize("function", [Mean([1, 2]), Heat(), 2 * Mean() - Variance([1, 2, 3])])
def test_copies_are_equal_and_frozen(function: Any) -> None:
    assert pickle.loads(pickle.dumps(function)) == function == copy.deepcopy(function)
    with pytest.raises(AttributeError):
        setattr(function, "parts" if isinstance(function, Combination) else "weights", ())


def test_weights_do_not_follow_their_source() -> None:
    source = np.array([1.0, 2.0])
    function = Mean(source)
    source[0] = 5
    assert function.weights == (1.0, 2.0)


@pytest.mark.parametrize(
    "nonsense",
    [
        lambda: Mean() + 1,
        lambda: 1 + Mean(),
        lambda: Mean() * Mean(),
        lambda: Mean() * "2",
        lambda: Mean() * True,
        lambda: Mean() * 1j,
        lambda: np.array([1.0, 2.0]) * Mean(),
        lambda: 2 / Mean(),
        lambda: Mean() - 1,
        lambda: Mean() / Mean(),
        lambda: Combination(((1.0, "mean"),)),  # type: ignore[arg-type]
    ],
)
def test_arithmetic_that_means_nothing(nonsense: Any) -> None:
    with pytest.raises(TypeError):
        nonsense()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_coefficients_are_finite(bad: float) -> None:
    with pytest.raises(ValueError, match=r"coefficient of Mean\(\): .* a finite number"):
        bad * Mean()
    with pytest.raises(ZeroDivisionError):
        Mean() / 0
    with pytest.raises(ValueError, match="parts: none"):
        Combination(())


def test_attribution_is_the_sum_of_the_terms() -> None:
    terms = [(2.0, Mean([1, 0, 3])), (-0.5, Heat()), (1.0, Variance()), (3.0, GiniMeanDifference())]
    function = sum(c * f for c, f in terms)
    result = aumann.attribute(X, function, baseline=0.25)
    parts = [(c, aumann.attribute(X, f, baseline=0.25)) for c, f in terms]
    for name in ("values", "value", "baseline_value", "total"):
        expected = sum(c * getattr(part, name) for c, part in parts)
        np.testing.assert_allclose(getattr(result, name), expected, rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(result.statistics[:, 2], result.values.sum(axis=1))
    np.testing.assert_allclose(result.statistics[:, 3], np.abs(result.values).sum(axis=1))
    assert np.all(np.abs(result.relative_residual) <= 1e-12)
    assert result.value_function is function


@pytest.mark.parametrize("factor", [0.0, -1.0, 3.0])
def test_a_multiple_scales_everything(factor: float) -> None:
    once, scaled = aumann.attribute(X, Variance()), aumann.attribute(X, factor * Variance())
    np.testing.assert_array_equal(scaled.values, factor * once.values)
    np.testing.assert_array_equal(scaled.total, factor * once.total)
    np.testing.assert_array_equal((factor * Variance()).value(X), factor * Variance().value(X))


def test_combination_fills_out() -> None:
    out = np.empty(X.shape[:2])
    result = aumann.attribute(X, 2 * Heat() + Mean(), out=out)
    assert np.shares_memory(result.values, out)
    np.testing.assert_array_equal(out, aumann.attribute(X, Mean() + 2 * Heat()).values)


def test_names_are_those_of_the_core() -> None:
    assert [from_name(name).name for name in _core.value_functions()] == _core.value_functions()
    assert from_name("gini") == GiniMeanDifference()
    with pytest.raises(ValueError, match="'Mean', one of mean, heat, variance, gini is wanted"):
        from_name("Mean")
