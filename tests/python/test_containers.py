"""The same numbers from everything that holds them, in every argument, or a refusal with a cure."""

import mmap
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
import xarray as xr

import aumann
from aumann import Groups, Mean, Population
from aumann._labelled import Axis

X = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 3.0], [2.0, 2.0], [4.0, 1.0]])
PRESENT = np.array([True, False, True, True, True])
COLORS = np.array([7, 5, 7, 6, 5])
CHANCES = np.array([0.5, 0.25, 1.0, 0.5, 0.75])


def mapped(row: np.ndarray) -> np.ndarray:
    memory = mmap.mmap(-1, row.nbytes)
    held = np.frombuffer(memory, dtype=row.dtype)
    held[:] = row
    return held


def packed(row: np.ndarray) -> np.ndarray:
    records = np.zeros(len(row), dtype=[("pad", "u1"), ("value", row.dtype)])
    records["value"] = row
    return records["value"]


def read_only(row: np.ndarray) -> np.ndarray:
    view = row.copy()
    view.flags.writeable = False
    return view


def relation(row: np.ndarray) -> Any:
    return duckdb.from_arrow(pa.table({"value": row})).to_arrow_table().column(0)


# Whatever holds one number per agent, of the dtype that it is given.
ROWS: dict[str, Callable[[np.ndarray], Any]] = {
    "list": lambda row: row.tolist(),
    "tuple": lambda row: tuple(row.tolist()),
    "list of NumPy numbers": list,
    "memory-mapped": mapped,
    "byte-swapped": lambda row: row.astype(row.dtype.newbyteorder()),
    "unaligned": packed,
    "strided": lambda row: np.repeat(row, 3)[::3],
    "reversed": lambda row: row[::-1].copy()[::-1],
    "read-only": read_only,
    "pandas": pd.Series,
    "pandas index": pd.Index,
    "pandas nullable": lambda row: pd.Series(row).convert_dtypes(),
    "pandas Arrow": lambda row: pd.Series(row).convert_dtypes(dtype_backend="pyarrow"),
    "pandas in another order": lambda row: pd.Series(row).iloc[ORDER],
    "polars": pl.Series,
    "pyarrow": pa.array,
    "pyarrow in chunks": lambda row: pa.chunked_array([row[:2], row[2:]]),
    "duckdb column": relation,
    "xarray": xr.DataArray,
    "xarray with dims": lambda row: xr.DataArray(row, dims=["AgentID"]),
    "tensor": lambda row: torch.from_numpy(row.copy()),
    "masked": lambda row: np.ma.array(row, mask=False),
    "objects": lambda row: row.astype(object),
}


# What takes one number per agent, and what it makes of it.
ARGUMENTS: dict[str, tuple[np.ndarray, Callable[[Any], Any]]] = {
    "presence": (PRESENT, lambda row: aumann.attribute(X, Mean(), presence=row).values),
    "group": (COLORS, lambda row: aumann.attribute(X, Mean()).group(row).sums),
    "group names": (COLORS, lambda row: Groups.from_labels(row).names),
    "tiers": (X[:, 0] * 2, lambda row: Groups.tiers(row).matched(Axis(5), "tiers").codes),
    "column": (X[:, 0], lambda row: aumann.attribute([row, X[:, 1]], Mean()).values),
    "column of integers": (COLORS, lambda row: aumann.attribute([row, X[:, 1]], Mean()).values),
    "weights": (CHANCES, lambda row: Mean(weights=row).value(np.eye(5))),
    "baseline": (CHANCES, lambda row: aumann.attribute(np.eye(5), Mean(), baseline=row).values),
    "inclusion": (CHANCES, lambda row: weighted(inclusion=row).shares),
    "static feature": (X[:, 0], lambda row: of_arrays(row).raw("a")),
    "count": (COLORS, lambda row: of_arrays(row).raw("a")),
    "label": (COLORS, lambda row: of_arrays(X[:, 0], label=row).agent_table["label"]),
    "table": (X[:, 0], lambda row: of_table(value=row).raw("value")),
    "table of counts": (COLORS, lambda row: of_table(value=row).raw("value")),
    "table by agent": (COLORS * 10 + np.arange(5), lambda row: of_table(agent=row).features()),
    "table by step": (np.array([2, 0, 1, 4, 3]), lambda row: of_table(step=row).features()),
    "game": (X[:, 0], lambda row: aumann.Game(lambda c: row, 3).values(np.ones((5, 3), bool))),
}


def weighted(**given: Any) -> Any:
    with warnings.catch_warnings():
        # Ten members of a group are too many to write down.
        warnings.simplefilter("ignore", RuntimeWarning)
        return aumann.reweight(X, Mean(), ["a", "b", "a", "b", "a"], **given)


def of_arrays(row: Any, **labels: Any) -> Population:
    return Population.from_arrays({"a": row}, kinds="measurement", labels=labels)


def of_table(**columns: Any) -> Population:
    plain = {"agent": np.arange(5), "step": np.zeros(5, dtype=int), "value": X[:, 1]}
    return Population.from_table(plain | columns, features=["value"], kinds="measurement")


# Refused, with what to do or what is wanted.
REFUSED = {("masked", argument): ": a masked array, " for argument in ARGUMENTS} | {
    ("objects", "presence"): "dtype object, bool is wanted",
    ("objects", "tiers"): "dtype object; numbers are wanted",
    ("objects", "column"): "dtype object, real numbers are wanted: of float make floats with",
    ("objects", "column of integers"): "real numbers are wanted: of int make floats with",
    ("objects", "weights"): "dtype object, real numbers are wanted",
    ("objects", "baseline"): "real numbers are wanted: of float make floats with",
    ("objects", "inclusion"): "dtype object, real numbers are wanted",
    ("objects", "static feature"): "dtype object; integers or floats are wanted",
    ("objects", "count"): "dtype object; integers or floats are wanted",
    ("objects", "table"): "dtype object; numbers are wanted",
    ("objects", "table of counts"): "dtype object; numbers are wanted",
    ("pandas in another order", "weights"): "plain numbers in the order of the features are wanted",
    **{
        ("pandas in another order", argument): "but x has none, and may be in this order"
        for argument in ("presence", "group", "tiers", "baseline", "inclusion")
    },
    ("xarray with dims", "weights"): "dims ('AgentID',), (feature,) is wanted",
    ("xarray with dims", "baseline"): "dims ('AgentID',), (feature,) is wanted",
    ("xarray with dims", "game"): "dims ('AgentID',), (coalition,) is wanted",
    **{
        ("pandas in another order", argument): "labels on both or on neither are wanted"
        for argument in ARGUMENTS
        if argument.startswith(("column", "table", "label"))
    },
    **{
        (container, argument): "among feature columns, an array of numbers is wanted"
        for container in ("list", "tuple", "list of NumPy numbers")
        for argument in ("column", "column of integers")
    },
}
# Alone it sets the order of the agents.
ORDER = [3, 0, 4, 1, 2]
SETTING = ("static feature", "count")


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("container", ROWS)
def test_every_container_gives_the_same_numbers(container: str, argument: str) -> None:
    row, use = ARGUMENTS[argument]
    held = ROWS[container](row)
    if (container, argument) in REFUSED:
        with pytest.raises((TypeError, ValueError, aumann.GameError)) as caught:
            use(held)
        assert REFUSED[container, argument] in str(caught.value)
        return
    if container == "pandas in another order" and argument in SETTING:
        row = row[ORDER]
    np.testing.assert_array_equal(use(held), use(row))


# Numbers as other types have them: 2**53 + 2 is an integer that float64 holds.
LARGE = 2**53 + 2
DECIMALS = [Decimal("0.3"), Decimal(0), Decimal(3)]
TYPES: dict[str, tuple[Any, list[Any]]] = {
    "bool": (np.array([True, False, True]), [1, 0, 1]),
    **{
        kind: (np.array([3, 0, 100], dtype=kind), [3, 0, 100])
        for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    },
    **{
        kind: (np.array([0.5, 0.0, 3.0], dtype=kind), [0.5, 0, 3])
        for kind in ("float16", "float32", "float64", "longdouble")
    },
    "large integers": (np.array([LARGE, 0, 1]), [LARGE, 0, 1]),
    "integers of Python": ([LARGE, 0, 1], [LARGE, 0, 1]),
    "broadcast": (np.broadcast_to(2.5, 3), [2.5, 2.5, 2.5]),
    "pandas Int64": (pd.Series([3, 0, 1], dtype="Int64"), [3, 0, 1]),
    "pandas Float32": (pd.Series([0.5, 0, 3], dtype="Float32"), [0.5, 0, 3]),
    "pandas boolean": (pd.Series([True, False, True], dtype="boolean"), [1, 0, 1]),
    "pandas Arrow integers": (pd.Series([3, 0, 1], dtype="uint8[pyarrow]"), [3, 0, 1]),
    "pandas Arrow decimals": (
        pd.Series(DECIMALS, dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
        [0.3, 0, 3],
    ),
    "polars integers": (pl.Series([3, 0, 1], dtype=pl.Int16), [3, 0, 1]),
    "polars booleans": (pl.Series([True, False, True]), [1, 0, 1]),
    "polars decimals": (pl.Series(DECIMALS), [0.3, 0, 3]),
    "polars integers of 128 bits": (pl.Series([2**70, 0, 1], dtype=pl.Int128), [2.0**70, 0, 1]),
    "pyarrow booleans": (pa.array([True, False, True]), [1, 0, 1]),
    "pyarrow halves": (pa.array(np.array([0.5, 0, 3], dtype=np.float16)), [0.5, 0, 3]),
    "pyarrow decimals": (pa.array(DECIMALS), [0.3, 0, 3]),
    "duckdb decimals": (
        duckdb.sql("SELECT unnest([0.3, 0.0, 3.0]) AS v").to_arrow_table().column(0),
        [0.3, 0, 3],
    ),
    "duckdb huge integers": (
        duckdb.sql("SELECT unnest([3::HUGEINT, 0, 1]) AS v").to_arrow_table().column(0),
        [3, 0, 1],
    ),
    "tensor of halves": (torch.tensor([0.5, 0.0, 3.0], dtype=torch.bfloat16), [0.5, 0, 3]),
    "tensor with a gradient": (torch.tensor([0.5, 0.0, 3.0], requires_grad=True), [0.5, 0, 3]),
}
READERS: dict[str, Callable[[Any], Any]] = {
    "column": lambda row: aumann.attribute([as_column(row)], Mean()).values * 3,
    "feature": lambda row: of_arrays(row).raw("a"),
    "column of a table": lambda row: Population.from_table(
        {"agent": [1, 2, 3], "value": row}, features=["value"], kinds="measurement", step=None
    ).raw("value"),
}


def as_column(row: Any) -> Any:
    return np.asarray(row) if isinstance(row, list) else row


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", TYPES)
def test_numbers_of_every_type_are_the_same(kind: str, reader: str) -> None:
    row, numbers = TYPES[kind]
    found = READERS[reader](row)
    if reader == "column":
        # A third of each, three times.
        rtol = 1e-6 if found.dtype == np.float32 else 3e-16
        np.testing.assert_allclose(found, numbers, rtol=rtol, atol=0)
    else:
        np.testing.assert_array_equal(found, numbers)


NOT_NUMBERS: dict[str, tuple[Any, str]] = {
    "records": (pl.Series([{"a": 1.0}] * 3), "make a column of each part"),
    "arrays": (pl.Series([[1.0, 2.0]] * 3, dtype=pl.Array(pl.Float64, 2)), "wanted"),
    "lists": (pl.Series([[1.0], [2.0], [3.0]]), "make a column of each part"),
    "Arrow lists": (pa.array([[1.0], [2.0], [3.0]]), "make a column of each part"),
    "Arrow records": (pa.array([{"a": 1.0}] * 3), "make a column of each part"),
    "categories": (pd.Series(pd.Categorical([1, 2, 1])), "dtype category, real numbers"),
    "text": (np.array(["1", "2", "3"]), "wanted"),
    "complex": (np.ones(3) + 1j, "wanted"),
    "times": (np.array([1, 2, 3], dtype="datetime64[s]"), "wanted"),
    "missing": (pd.Series([1, None, 2], dtype="Int64"), "missing"),
    "polars missing": (pl.Series([1, None, 2]), "missing"),
    "Arrow missing": (pa.array([1.0, None, 2.0]), "missing"),
    "fractions": (np.array([Fraction(1, 2)] * 3), "wanted"),
    "structured": (np.zeros(3, dtype=[("a", "f8"), ("b", "f8")]), "wanted"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", NOT_NUMBERS)
def test_what_is_no_number_is_refused(kind: str, reader: str) -> None:
    row, message = NOT_NUMBERS[kind]
    with pytest.raises((TypeError, ValueError), match=message):
        READERS[reader](row)


FRAME = pd.DataFrame(X, columns=["a", "b"])
# Whatever holds rows of agents and columns of features.
TABLES: dict[str, Callable[[], Any]] = {
    "lists": X.tolist,
    "Fortran order": lambda: np.asfortranarray(X),
    "byte-swapped": lambda: X.astype(">f8"),
    "read-only": lambda: read_only(X),
    "memory-mapped": lambda: mapped(X.ravel()).reshape(X.shape),
    "strided": lambda: np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
    "columns of records": lambda: list_of_records(),
    "pandas": lambda: FRAME,
    "pandas nullable": FRAME.convert_dtypes,
    "pandas Arrow": lambda: FRAME.convert_dtypes(dtype_backend="pyarrow"),
    "pandas columns in another order": lambda: FRAME[["b", "a"]],
    "polars": lambda: pl.from_pandas(FRAME),
    "pyarrow": lambda: pa.table(FRAME),
    "pyarrow batches": lambda: pa.Table.from_batches(pa.table(FRAME).to_batches(max_chunksize=2)),
    "duckdb relation": lambda: duckdb.from_arrow(pa.table(FRAME)),
    "xarray": lambda: xr.DataArray(X, dims=["agent", "feature"]),
    "xarray turned": lambda: xr.DataArray(X.T, dims=["variable", "unique_id"]),
    "tensor": lambda: torch.from_numpy(X),
}


def list_of_records() -> list[np.ndarray]:
    records = np.rec.fromarrays(X.T, names="a,b")
    return [records["a"], records["b"]]


@pytest.mark.parametrize("container", TABLES)
def test_every_table_gives_the_same_attribution(container: str) -> None:
    table, function = TABLES[container](), aumann.Variance()
    expected = aumann.attribute(X, function).values
    np.testing.assert_allclose(aumann.attribute(table, function).values, expected, rtol=1e-15)
    one = aumann.attribute(FRAME, Mean(), baseline=table)
    np.testing.assert_array_equal(one.values, 0)
