"""Bad input: an error that names the argument, what came and what was wanted; never a number."""

import re
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import aumann

X = np.array([[1.0, 2.0, 0.5], [3.0, 0.0, 4.0], [0.0, 3.0, 1.0], [2.0, 2.0, 2.0]])
STEPS = np.stack([X, 2 * X])
FUNCTIONS = [aumann.Mean(), aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference()]
each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])


class Unreadable:
    """A tensor on a device whose memory NumPy cannot read."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 3)), r"x: shape \(0, 3\), at least one agent"),
        (np.zeros((4, 0)), r"x: shape \(4, 0\), at least one feature"),
        (np.zeros((0, 4, 3)), r"x: shape \(0, 4, 3\), at least one step"),
        (np.zeros((2, 0, 3)), r"x: shape \(2, 0, 3\), at least one agent"),
        ([], r"x: shape \(0,\), \(N, d\) or \(T, N, d\)"),
        (pd.DataFrame(), "x: no columns, at least one feature"),
        (pl.DataFrame({"a": []}, schema={"a": pl.Float64}), "at least one agent"),
        (np.zeros(4), r"x: shape \(4,\), .*use x\[:, None\]"),
        (pd.Series([1.0, 2.0]), r"x: shape \(2,\), .*use x\[:, None\]"),
        (pl.Series([1.0, 2.0]), r"x: shape \(2,\), .*use x\[:, None\]"),
        (pa.chunked_array([[1.0, 2.0]]), r"x: shape \(2,\), .*use x\[:, None\]"),
        (3.0, r"x: shape \(\), \(N, d\)"),
        (np.zeros((1, 2, 3, 4)), r"x: shape \(1, 2, 3, 4\), \(N, d\)"),
        ([[1.0, 2.0], [3.0]], "x: rows of numbers of equal length are wanted"),
        ([np.zeros(3), np.zeros(4)], r"x\[1\]: shape \(4,\), columns of one shape.*\(3,\)"),
        ([np.zeros((1, 1, 3))], r"x\[0\]: shape \(1, 1, 3\), columns"),
        (pl.DataFrame({"a": [1.0, None]}), "x: column 'a': 1 missing values"),
        (pa.table({"a": [1.0, None]}), "x: column 'a': 1 missing values"),
        (pd.DataFrame({"a": [1.0, None]}, dtype="Float64"), "x: column 'a': 1 missing values"),
        (pl.DataFrame({"agent": [1], "a": [1.0]}), "x: column 'agent' is no feature"),
        (pd.DataFrame({"step": [1], "a": [1.0]}), "x: column 'step' is no feature"),
        (xr.DataArray(X, dims=["agent", "what"]), r"x: dims \('agent', 'what'\), agent, feature"),
        (xr.DataArray(STEPS, dims=["step", "time", "agent"]), "at most one of step and time"),
    ],
)
def test_x_of_the_wrong_shape(x: Any, message: str) -> None:
    for call in (lambda: aumann.attribute(x, aumann.Mean()), lambda: aumann.Mean().value(x)):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X.astype(object), "x: dtype object, real numbers"),
        ([[Decimal(1)]], "x: dtype object"),
        ([[1.0, None]], "x: dtype object"),
        (None, "x: dtype object"),
        ([["1"]], "x: dtype <U1"),
        (X + 0j, "x: dtype complex128"),
        (X.astype("datetime64[s]"), "x: dtype datetime64"),
        (X.astype("timedelta64[s]"), "x: dtype timedelta64"),
        (np.ma.masked_array(X, X > 2), "x: a masked array.*presence="),
        (np.zeros(3, dtype=[("a", "f8"), ("b", "f8")]), "x: dtype .*list of columns"),
        ([X[:, 0], [1, 2, 3, 4]], "x: item 1 is list among feature columns"),
        ([X[:, 0], X[:, 1].astype(object)], r"x\[1\]: dtype object"),
        (pd.DataFrame({"a": [1.0], "b": ["x"]}), "x: column 'b': dtype .*real numbers"),
        (pd.DataFrame({"a": pd.Categorical([1, 2])}), "x: column 'a': dtype category"),
        (pl.DataFrame({"a": [1.0], "b": ["x"]}), "x: column 'b': dtype .*real numbers"),
        (pl.DataFrame({"a": [1.0]}).lazy(), "x: a lazy table.*collect"),
        (pa.table({"a": ["x"]}), "x: column 'a': dtype object"),
        (xr.Dataset({"a": ("agent", X[:, 0])}), "x: Dataset, an xarray.DataArray"),
        (Unreadable(), "x: Unreadable cannot be read: can't convert cuda:0"),
        (aumann.Mean(), "x: dtype object"),
    ],
)
def test_x_of_the_wrong_kind(x: Any, message: str) -> None:
    for call in (lambda: aumann.attribute(x, aumann.Mean()), lambda: aumann.Mean().value(x)):
        with pytest.raises(TypeError, match=message):
            call()


@each_function
@each_dtype
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0), (1, 4097, 2), (2, 8999, 1)])
@pytest.mark.parametrize("layout", ["C", "Fortran", "columns"])
def test_numbers_that_are_not_finite_are_found(
    function: Any, dtype: Any, bad: float, place: tuple[int, int, int], layout: str
) -> None:
    x = np.ones((3, 9000, 3), dtype=dtype)
    x[place] = bad
    # A later one is not the first.
    x[2, 8999, 2] = bad
    word = "NaN" if np.isnan(bad) else str(bad)
    where = f"{word} at step {place[0]}, agent {place[1]}, feature {place[2]}, finite"
    laid: Any = {"C": x, "Fortran": np.asfortranarray(x), "columns": list(np.moveaxis(x, -1, 0))}[
        layout
    ]
    with pytest.raises(ValueError, match=f"^x: {where}"):
        aumann.attribute(laid, function)
    with pytest.raises(ValueError, match=f"^x: {where}"):
        function.value(laid)
    with pytest.raises(ValueError, match=f"^baseline: {where}"):
        aumann.attribute(np.ones_like(x), function, baseline=laid)
    where = f"{word} at agent {place[1]}, feature {place[2]}, finite"
    with pytest.raises(ValueError, match=f"^x: {where}"):
        aumann.attribute(x[place[0]], function)


def test_names_of_features_are_named() -> None:
    table = pl.DataFrame({"reach": [1.0, 2.0], "activity": [0.0, np.nan]})
    with pytest.raises(ValueError, match=r"x: NaN at agent 1, feature 1 \('activity'\), finite"):
        aumann.attribute(table, aumann.Mean())


def test_one_long_step_is_still_named() -> None:
    with pytest.raises(ValueError, match="x: NaN at step 0, agent 1, feature 0"):
        aumann.attribute([[[1.0], [np.nan]]], aumann.Mean())


def test_a_number_too_large_for_its_dtype() -> None:
    with pytest.raises(ValueError, match="x: inf at agent 0, feature 0"):
        aumann.attribute(np.array([[np.longdouble("1e4000")]]), aumann.Mean())
    with pytest.raises(ValueError, match=r"exceed.*float32"):
        aumann.attribute(np.full((2, 3), 3e38, dtype=np.float32), aumann.Mean())
    with pytest.raises(ValueError, match="the sum exceeds the range of float32"):
        aumann.attribute(np.ones((2, 1), dtype=np.float32), 1e39 * aumann.Mean())
    x = np.array([[[1]], [[3]]], dtype=np.float32)
    with pytest.raises(ValueError, match="the sum exceeds the range of float32 at step 1"):
        aumann.attribute(x, 2e38 * aumann.Mean())


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ("median", "baseline: 'median', 'mean', 'previous' or numbers"),
        (np.nan, "baseline: nan, finite"),
        (-np.inf, "baseline: -inf, finite"),
        ([0, np.nan, 0], "baseline: nan at feature 1, finite"),
        ([0, 0], r"baseline: shape \(2,\), a number, \(3,\), \(4, 3\) or \(2, 4, 3\)"),
        (np.zeros((1, 3)), r"baseline: shape \(1, 3\)"),
        (np.zeros((3, 4)), r"baseline: shape \(3, 4\)"),
        (np.zeros((2, 3)), r"baseline: shape \(2, 3\)"),
        (np.zeros((3, 4, 3)), r"baseline: shape \(3, 4, 3\)"),
        (np.zeros((1, 2, 4, 3)), r"baseline: shape \(1, 2, 4, 3\)"),
        ([np.zeros(4), np.zeros(4)], r"baseline: shape \(4, 2\)"),
        ([], r"baseline: shape \(0,\)"),
        ([[0], [0, 0]], "baseline: rows of numbers of equal length"),
    ],
)
def test_baseline_that_does_not_fit(baseline: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        aumann.attribute(STEPS, aumann.Mean(), baseline=baseline)


@pytest.mark.parametrize("baseline", [None, True, 1j, object(), [None], X.astype(object)])
def test_baseline_of_the_wrong_kind(baseline: Any) -> None:
    with pytest.raises(TypeError, match=r"^baseline: "):
        aumann.attribute(X, aumann.Mean(), baseline=baseline)


def test_baseline_with_other_feature_names() -> None:
    table = pl.DataFrame({"a": [1.0], "b": [2.0]})
    with pytest.raises(ValueError, match=r"baseline: features \('b', 'c'\), \('a', 'b'\)"):
        aumann.attribute(table, aumann.Mean(), baseline=table.rename({"b": "c", "a": "b"}))


def test_baseline_too_large_for_the_dtype() -> None:
    with pytest.raises(ValueError, match="baseline: inf at agent 0, feature 0"):
        aumann.attribute(np.ones((1, 1), np.float32), aumann.Mean(), baseline=[[1e39]])


def test_heat_refuses_products_outside_the_logarithm() -> None:
    with pytest.raises(ValueError, match=r"product is -2.*more than -1"):
        aumann.attribute([[-2.0]], aumann.Heat())
    with pytest.raises(ValueError, match=r"product is -2.*more than -1"):
        aumann.Heat().value([[-2.0]])
    with pytest.raises(ValueError, match="product is -1"):
        aumann.attribute([[-1.0]], aumann.Heat())
    # Both ends are in the domain, the path between them is not.
    with pytest.raises(ValueError, match="product is"):
        aumann.attribute([[3.0, -3.0], [-3.0, 3.0]], aumann.Heat(), baseline=[[3.0, -3.0]] * 2)
    with pytest.raises(ValueError, match="product is"):
        aumann.attribute([[4.0, 4.0]], aumann.Heat(), baseline=[-4.0, -4.0 + 7.99])


@pytest.mark.parametrize(
    ("presence", "message"),
    [
        (np.zeros(4, bool), "presence: no agent is present, at least one"),
        (np.array([[1, 1, 1, 1], [0, 0, 0, 0]], bool), "presence: no agent is present at step 1"),
        (np.ones(3, bool), r"presence: shape \(3,\), \(4,\) or \(2, 4\)"),
        (np.ones((3, 4), bool), r"presence: shape \(3, 4\)"),
        (np.array(True), r"presence: shape \(\)"),
    ],
)
def test_presence_that_does_not_fit(presence: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        aumann.attribute(STEPS, aumann.Mean(), presence=presence)
    with pytest.raises(ValueError, match=message):
        aumann.Mean().value(STEPS, presence)


@pytest.mark.parametrize("presence", [np.ones(4), [1, 1, 1, 1], "all", np.ma.ones(4, bool)])
def test_presence_of_the_wrong_kind(presence: Any) -> None:
    with pytest.raises(TypeError, match=r"^presence: "):
        aumann.attribute(X, aumann.Mean(), presence=presence)


def read_only() -> Any:
    out = np.zeros(4)
    out.flags.writeable = False
    return out


def unaligned() -> Any:
    return np.zeros(33, np.uint8)[1:].view(np.float64)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ([0.0] * 4, TypeError, "out: list, a NumPy array"),
        (np.ma.zeros(4), TypeError, "out: MaskedArray"),
        (np.zeros(4, np.float32), TypeError, "out: dtype float32, float64"),
        (np.zeros(4, ">f8"), TypeError, "out: dtype >f8, float64"),
        (np.zeros(3), ValueError, r"out: shape \(3,\), \(4,\)"),
        (np.zeros((1, 4)), ValueError, r"out: shape \(1, 4\), \(4,\)"),
        (np.zeros(8)[::2], ValueError, "out: not aligned and contiguous"),
        (unaligned(), ValueError, "out: not aligned and contiguous"),
        (read_only(), ValueError, "out: read-only"),
    ],
)
def test_out_that_cannot_be_filled(out: Any, error: type[Exception], message: str) -> None:
    before = np.array(out)
    with pytest.raises(error, match=message):
        aumann.attribute(X, aumann.Mean(), out=out)
    np.testing.assert_array_equal(np.asarray(out), before)


def test_out_that_overlaps_an_input() -> None:
    x = np.ones((4, 1))
    for features in (x, [x[:, 0]]):
        with pytest.raises(ValueError, match="out: overlaps an input"):
            aumann.attribute(features, aumann.Mean(), out=x[:, 0])
    for baseline in (x, [x[:, 0]]):
        with pytest.raises(ValueError, match="out: overlaps an input"):
            aumann.attribute(np.ones((4, 1)), aumann.Mean(), baseline=baseline, out=x[:, 0])
    shared = np.zeros((2, 4))
    presence = shared.reshape(-1).view(bool)[:8].reshape(2, 4)
    presence[:] = True
    with pytest.raises(ValueError, match="out: overlaps an input"):
        aumann.attribute(np.ones((2, 4, 1)), aumann.Mean(), presence=presence, out=shared)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (aumann.Mean, r"the class Mean, an instance is wanted: Mean\(\)"),
        ("mean", "'mean', Mean, Heat, Variance, GiniMeanDifference, a sum"),
        (None, "None, Mean"),
        (aumann.ValueFunction(), "ValueFunction is no value function by itself"),
    ],
)
def test_value_function_of_the_wrong_kind(function: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        aumann.attribute(X, function)


@pytest.mark.parametrize("method", ["shapley", None, aumann.AumannShapley])
def test_method_of_the_wrong_kind(method: Any) -> None:
    with pytest.raises(TypeError, match=r"method: .*AumannShapley\(\), .* is wanted"):
        aumann.attribute(X, aumann.Mean(), method=method)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1, np.nan], ValueError, "weights: nan at feature 1"),
        ([np.inf], ValueError, "weights: inf at feature 0"),
        ([], ValueError, r"weights: shape \(0,\)"),
        (2.0, ValueError, r"weights: shape \(\)"),
        ([[1, 2]], ValueError, r"weights: shape \(1, 2\)"),
        (["a"], TypeError, "weights: dtype"),
        ([1j], TypeError, "weights: dtype complex128"),
        ([True], TypeError, "weights: dtype bool"),
    ],
)
def test_weights_that_are_no_numbers(weights: Any, error: type[Exception], message: str) -> None:
    for function in (aumann.Mean, aumann.Variance, aumann.GiniMeanDifference):
        with pytest.raises(error, match=message):
            function(weights)


@pytest.mark.parametrize("function", [aumann.Mean, aumann.Variance, aumann.GiniMeanDifference])
def test_weights_of_the_wrong_length(function: Any) -> None:
    for call in (
        lambda: aumann.attribute(X, function([1, 2])),
        lambda: function([1, 2]).value(X),
        lambda: aumann.attribute(X, aumann.Heat() + function([1, 2])),
    ):
        with pytest.raises(ValueError, match="weights: 2 numbers for the 3 features of x"):
            call()


@each_function
@each_dtype
def test_one_agent(function: Any, dtype: Any) -> None:
    result = aumann.attribute(np.array([[1.0, 2.0, 4.0]], dtype=dtype), function)
    if function.name in ("variance", "gini"):
        assert (result.value, result.total, result.relative_residual) == (0, 0, 0)
        assert result.values.tolist() == [0]
        with pytest.warns(RuntimeWarning, match="shares are undefined: the attributions sum to 0"):
            assert np.isnan(result.shares).all()
    else:
        assert result.shares.tolist() == [1]
        assert result.values[0] == pytest.approx(result.value, rel=1e-6)


@each_function
@each_dtype
def test_all_zeros(function: Any, dtype: Any) -> None:
    result = aumann.attribute(np.zeros((2, 5, 3), dtype=dtype), function)
    assert not result.values.any()
    assert not np.any(result.value)
    assert not np.any(result.relative_residual)
    with pytest.warns(RuntimeWarning, match="shares are undefined at step 0, 1:"):
        assert np.isnan(result.shares).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "undefined" in repr(result)


@each_function
def test_integers_too_long_for_float64_are_rounded(function: Any) -> None:
    x = np.array([[2**53 + 1], [0]])
    np.testing.assert_array_equal(
        aumann.attribute(x, function).values, aumann.attribute(x.astype(float), function).values
    )


def test_a_baseline_beyond_the_type_of_x_is_told_as_it_came() -> None:
    for baseline, told in ((1e300, "1e+300"), ([0.0, -1e39], "-1e+39")):
        with pytest.raises(ValueError, match=f"baseline: {re.escape(told)} is beyond .* float32"):
            aumann.attribute(np.ones((3, 2), np.float32), aumann.Mean(), baseline=baseline)
