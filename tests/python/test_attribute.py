"""The verb: numbers worked out by hand, shapes, dtypes, containers."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import reference
import torch
import xarray as xr

import aumann
from aumann.coercion import read_features

X = np.array([[1.0, 2.0, 0.5], [3.0, 0.0, 4.0], [0.0, 3.0, 1.0], [2.0, 2.0, 2.0]])
FUNCTIONS = [aumann.Mean(), aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference()]
each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=reference.NAMES)


# x = 1, 2, 6: mean 3, variance 14/3, Gini (2/9)(1 + 5 + 4) = 20/9, heat log 4. Attributions from
# the closed forms: s/3; s(s - 3)/3; (2/9)(2r - 4)s; log(4)/(1 * 3) * s/3.
@pytest.mark.parametrize(
    ("function", "value", "values"),
    [
        (aumann.Mean(), 3.0, [1 / 3, 2 / 3, 2.0]),
        (aumann.Variance(), 14 / 3, [-2 / 3, -2 / 3, 6.0]),
        (aumann.GiniMeanDifference(), 20 / 9, [-4 / 9, 0.0, 24 / 9]),
        (aumann.Heat(), np.log(4), np.log(4) * np.array([1, 2, 6]) / 9),
    ],
)
def test_values_by_hand(function: Any, value: float, values: Any) -> None:
    result = aumann.attribute([[1], [2], [6]], function)
    np.testing.assert_allclose(result.values, values, rtol=1e-15, atol=1e-15)
    assert result.value == pytest.approx(value, rel=1e-15)
    assert function.value([[1], [2], [6]]) == pytest.approx(value, rel=1e-15)
    assert result.baseline_value == 0
    assert result.total == result.value


def test_ties_share_the_mid_rank() -> None:
    # Ranks of 1, 1, 4 are 1.5, 1.5, 3: (2/9)(3 - 4) * 1 twice, (2/9)(6 - 4) * 4.
    result = aumann.attribute([[1.0], [4.0], [1.0]], aumann.GiniMeanDifference())
    np.testing.assert_allclose(result.values, [-2 / 9, 16 / 9, -2 / 9], rtol=1e-15)


def test_variance_with_a_baseline_per_agent_by_hand() -> None:
    # s = 4, 2; b = 0, 2; middles 2, 2 with mean 2: nothing is attributed although F falls to ...
    # F(s) = 1 and F(b) = 1: total 0.
    result = aumann.attribute([[4.0], [2.0]], aumann.Variance(), baseline=[[0.0], [2.0]])
    assert (result.value, result.baseline_value, result.total) == (1, 1, 0)
    np.testing.assert_array_equal(result.values, [0, 0])


@each_function
def test_one_step_and_many_steps_agree(function: Any) -> None:
    steps = np.stack([X, X[::-1], 2 * X])
    result = aumann.attribute(steps, function)
    assert result.values.shape == (3, 4)
    for step, features in enumerate(steps):
        single = aumann.attribute(features, function)
        assert single.values.shape == (4,)
        assert isinstance(single.value, float)
        np.testing.assert_array_equal(result.values[step], single.values)
        assert result.value[step] == single.value
    np.testing.assert_array_equal(function.value(steps), result.value)


def containers() -> dict[str, Any]:
    names = ["reach", "activity", "resonance"]
    frame = pd.DataFrame(X, columns=names)
    return {
        "nested list": X.tolist(),
        "tuple of rows": tuple(map(tuple, X.tolist())),
        "columns": list(X.T),
        "tuple of columns": tuple(np.ascontiguousarray(column) for column in X.T),
        "pandas": frame,
        "pandas nullable": frame.astype("Float64"),
        "pandas Arrow": frame.astype(pd.ArrowDtype(pa.float64())),
        "pandas series": [frame[name] for name in names],
        "polars": pl.DataFrame(X, schema=names),
        "polars in chunks": pl.concat(
            [pl.DataFrame(part, schema=names) for part in (X[:1], X[1:])]
        ),
        "polars series": list(pl.DataFrame(X, schema=names).get_columns()),
        "pyarrow": pa.table(dict(zip(names, X.T, strict=True))),
        "pyarrow batch": pa.RecordBatch.from_arrays([pa.array(c) for c in X.T], names=names),
        "pyarrow in chunks": pa.concat_tables(
            [pa.table(dict(zip(names, part.T, strict=True))) for part in (X[:3], X[3:])]
        ),
        "pyarrow arrays": [pa.array(column) for column in X.T],
        "stream only": StreamOnly(pa.table(dict(zip(names, X.T, strict=True)))),
        "interchange only": InterchangeOnly(pa.table(dict(zip(names, X.T, strict=True)))),
        "xarray": xr.DataArray(X, dims=["agent", "feature"]),
        "xarray transposed": xr.DataArray(X.T, dims=["feature", "agent"]),
        # Tensors that record gradients refuse to become arrays as they are.
        "tensor": torch.from_numpy(X).requires_grad_(),
        "tensor columns": [torch.from_numpy(column).requires_grad_() for column in X.T],
        "tensor of half size": torch.from_numpy(X).bfloat16(),
    }


class StreamOnly:
    """A table of a library that is known by its Arrow stream alone."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class InterchangeOnly:
    """A table of a library that is known by the data frame interchange protocol alone."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> object:
        return self.table.__dataframe__(nan_as_null, allow_copy)


@pytest.mark.parametrize("container", containers())
@each_function
def test_containers_agree_with_the_array(function: Any, container: str) -> None:
    x = containers()[container]
    np.testing.assert_array_equal(
        aumann.attribute(x, function).values, aumann.attribute(X, function).values
    )
    # The same object as a baseline per agent: nothing is left to attribute.
    np.testing.assert_array_equal(aumann.attribute(X, function, baseline=x).values, 0)


def test_columns_of_tables_are_read_in_place() -> None:
    column = np.arange(5.0)
    for table in (
        pd.DataFrame({"a": column}, copy=False),
        pl.DataFrame({"a": column}),
        pa.table({"a": column}),
        [pa.chunked_array([column])],
        [pl.Series(column)],
    ):
        first, second = (read_features(table).source[0] for _ in range(2))
        assert first.ctypes.data == second.ctypes.data


def test_columns_may_have_steps() -> None:
    steps = np.stack([X, 2 * X])
    columns = list(np.moveaxis(steps, -1, 0))
    expected = aumann.attribute(steps, aumann.Heat(), baseline=steps / 2)
    result = aumann.attribute(columns, aumann.Heat(), baseline=[c / 2 for c in columns])
    np.testing.assert_array_equal(result.values, expected.values)


def test_labelled_steps_are_kept() -> None:
    days = np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[ns]")
    array = xr.DataArray(
        np.stack([X, 2 * X]).transpose(1, 2, 0),
        dims=["agent", "feature", "time"],
        coords={"time": days, "feature": ["reach", "activity", "resonance"]},
    )
    result = aumann.attribute(array, aumann.Mean())
    np.testing.assert_array_equal(result.step_labels, days)
    np.testing.assert_array_equal(result.values[1], 2 * result.values[0])
    array[2, 1, 1] = np.nan
    with pytest.raises(ValueError, match=r"x: NaN at step 1, agent 2, feature 1 \('activity'\)"):
        aumann.attribute(array, aumann.Mean())


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("float64", "float64"),
        ("float32", "float32"),
        (">f8", "float64"),
        (">f4", "float32"),
        ("float16", "float64"),
        ("longdouble", "float64"),
        ("int64", "float64"),
        ("uint8", "float64"),
        ("bool", "float64"),
    ],
)
def test_dtype_of_the_values(dtype: str, expected: str) -> None:
    x = X.astype(dtype)
    result = aumann.attribute(x, aumann.Variance())
    assert result.values.dtype == np.dtype(expected)
    np.testing.assert_array_equal(
        result.values, aumann.attribute(x.astype(expected), aumann.Variance()).values
    )


def test_columns_of_both_sizes_become_float64() -> None:
    columns = [X[:, 0].astype(np.float32), X[:, 1], X[:, 2]]
    result = aumann.attribute(columns, aumann.Heat())
    assert result.values.dtype == np.float64
    np.testing.assert_array_equal(result.values, aumann.attribute(X, aumann.Heat()).values)


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_out_is_filled_and_returned(stepped: bool, dtype: Any) -> None:
    x = np.stack([X, 2 * X]).astype(dtype) if stepped else X.astype(dtype)
    out = np.full(x.shape[:-1], np.nan, dtype=dtype)
    result = aumann.attribute(x, aumann.Heat(), out=out)
    assert np.shares_memory(result.values, out)
    np.testing.assert_array_equal(out, aumann.attribute(x, aumann.Heat()).values)


def test_a_memory_mapped_file_is_read_in_place(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    result = aumann.attribute(mapped, aumann.Heat())
    np.testing.assert_array_equal(result.values, aumann.attribute(X, aumann.Heat()).values)


def test_the_input_is_left_alone() -> None:
    x, baseline = X.copy(), X / 2
    aumann.attribute(x, aumann.Variance() - aumann.Heat(), baseline=baseline)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(baseline, X / 2)


@each_function
def test_population_equals_its_features(function: Any) -> None:
    counts = np.array([[5, 0, 2], [1, 4, 0]])
    population = aumann.Population.from_arrays(
        {"posts": counts, "replies": counts[::-1]}, kinds="count", step_labels=["mon", "tue"]
    )
    features = np.log1p(np.stack([counts, counts[::-1]], axis=-1))
    for baseline in (0.0, [0.5, 0.5], "mean", features / 2, features[0] / 2):
        if isinstance(baseline, np.ndarray) and function.name == "gini":
            continue
        result = aumann.attribute(population, function, baseline=baseline)
        expected = aumann.attribute(features, function, baseline=baseline)
        np.testing.assert_allclose(result.values, expected.values, rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(result.total, expected.total, rtol=1e-14, atol=1e-16)
    assert list(result.step_labels) == ["mon", "tue"]
    np.testing.assert_allclose(function.value(population), function.value(features), rtol=1e-14)


def test_population_brings_its_presence() -> None:
    presence = np.array([[True, True, False], [False, True, True]])
    counts = np.array([[5, 0, 0], [0, 4, 3]])
    population = aumann.Population.from_arrays({"posts": counts}, kinds="count", presence=presence)
    result = aumann.attribute(population, aumann.Mean())
    np.testing.assert_allclose(result.value, [np.log(6) / 2, np.log(20) / 2])
    np.testing.assert_array_equal(result.presence, presence)
    with pytest.raises(TypeError, match="presence: a Population brings its own"):
        aumann.attribute(population, aumann.Mean(), presence=presence)


def test_population_errors_name_the_step_and_the_feature() -> None:
    population = aumann.Population.from_arrays(
        {"heat": [[1.0, 1.0], [-3.0, -3.0]]}, kinds="measurement"
    )
    with pytest.raises(ValueError, match=r"product.*\(step 1\)"):
        aumann.attribute(population, aumann.Heat())
    baseline = np.zeros((2, 2, 1))
    baseline[1, 1, 0] = np.inf
    with pytest.raises(ValueError, match=r"baseline: inf at step 1, agent 1, feature 0 \('heat'\)"):
        aumann.attribute(population, aumann.Mean(), baseline=baseline)


def test_tables_need_no_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    table = StreamOnly(pa.table({"posts": [1.0]}))
    with pytest.raises(ImportError, match=r"pyarrow: pip install 'aumann\[cli\]'"):
        aumann.attribute(table, aumann.Mean())
    assert aumann.attribute(pl.DataFrame({"posts": [1.0]}), aumann.Mean()).value == 1


def test_elapsed_is_measured() -> None:
    assert 0 < aumann.attribute(X, aumann.Mean()).elapsed < 60


def test_a_list_that_looks_like_agents_is_warned_about() -> None:
    agents = [np.array([1.0, 2.0])] * 100
    with pytest.warns(UserWarning, match="100 features of 2 agents"):
        assert aumann.attribute(agents, aumann.Mean()).agents == 2
    assert aumann.attribute(np.stack(agents), aumann.Mean()).agents == 100
