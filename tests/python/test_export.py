"""Conversions of results to the tables of other libraries."""

import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import aumann

X = np.array([[[1.0], [3.0], [2.0]], [[2.0], [4.0], [0.0]]])
SINGLE = aumann.attribute(X[0], aumann.Variance())
STEPS = aumann.attribute(X, aumann.Variance())
PRESENCE = np.array([[True, False, True], [True, True, True]])
PARTIAL = aumann.attribute(X, aumann.Variance(), presence=PRESENCE)
LABELLED = aumann.attribute(
    aumann.Population.from_arrays(
        {"wealth": X[:, :, 0]}, kinds="measurement", step_labels=["mon", "tue"]
    ),
    aumann.Variance(),
)


def rows(frame: Any) -> list[dict[str, Any]]:
    """The rows of a table, whichever library it is of."""
    if isinstance(frame, pd.DataFrame):
        return frame.to_dict("records")
    return frame.to_dicts() if isinstance(frame, pl.DataFrame) else frame.to_pylist()


@pytest.mark.parametrize(
    ("target", "kind"),
    [("to_pandas", pd.DataFrame), ("to_polars", pl.DataFrame), ("to_arrow", pa.Table)],
)
def test_long_tables(target: str, kind: type) -> None:
    single = getattr(SINGLE, target)()
    assert isinstance(single, kind)
    assert rows(single) == [{"agent": i, "value": SINGLE.values[i]} for i in range(3)]
    assert rows(getattr(STEPS, target)()) == [
        {"step": t, "agent": i, "value": STEPS.values[t, i]} for t in range(2) for i in range(3)
    ]
    assert rows(getattr(PARTIAL, target)()) == [
        {"step": t, "agent": i, "value": PARTIAL.values[t, i]}
        for t in range(2)
        for i in range(3)
        if PRESENCE[t, i]
    ]
    assert [row["step"] for row in rows(getattr(LABELLED, target)())] == ["mon"] * 3 + ["tue"] * 3
    steps = rows(getattr(STEPS.by_step(), target)())
    assert [row["total"] for row in steps] == STEPS.total.tolist()
    groups = rows(getattr(LABELLED.group(["b", "a", "b"]), target)())
    assert [(row["step"], row["group"], row["agents"]) for row in groups] == [
        ("mon", "a", 1),
        ("mon", "b", 2),
        ("tue", "a", 1),
        ("tue", "b", 2),
    ]
    assert [row["sum"] for row in groups] == LABELLED.group(["b", "a", "b"]).sums.ravel().tolist()
    assert list(rows(getattr(SINGLE.group([0, 0, 1]), target)())[0]) == [
        "group",
        "agents",
        "sum",
        "share",
    ]


def test_float32_stays_float32() -> None:
    result = aumann.attribute(X[0].astype(np.float32), aumann.Mean())
    assert result.to_pandas()["value"].dtype == np.float32
    assert result.to_polars().schema["value"] == pl.Float32
    assert result.to_arrow().schema.field("value").type == pa.float32()
    assert result.to_xarray().dtype == np.float32


def test_labelled_arrays() -> None:
    single = SINGLE.to_xarray()
    assert single.dims == ("agent",)
    np.testing.assert_array_equal(single, SINGLE.values)
    steps = LABELLED.to_xarray()
    assert steps.dims == ("step", "agent")
    np.testing.assert_array_equal(steps.sel(step="tue"), LABELLED.values[1])
    assert steps.attrs == {
        "value_function": "Variance()",
        "method": "AumannShapley()",
        "baseline": "0",
    }
    partial = PARTIAL.to_xarray()
    np.testing.assert_array_equal(np.isnan(partial), ~PRESENCE)
    np.testing.assert_array_equal(partial.values[PRESENCE], PARTIAL.values[PRESENCE])


def test_days_of_a_labelled_array_survive() -> None:
    days = np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[ns]")
    array = xr.DataArray(X, dims=["time", "agent", "feature"], coords={"time": days})
    result = aumann.attribute(array, aumann.Mean())
    assert result.to_polars()["step"].to_numpy().tolist() == np.repeat(days, 3).tolist()
    assert result.to_xarray().sel(step="2026-01-02").values.shape == (3,)


def test_long_tables_are_shown_in_part() -> None:
    table = aumann.attribute(np.ones((1000, 1)), aumann.Mean()).to_table()
    lines = repr(table).splitlines()
    assert len(lines) == 22
    assert lines[0].split() == ["agent", "value"]
    assert lines[11].split() == ["...", "..."]
    assert lines[-1].split() == ["999", "0.001"]


@pytest.mark.parametrize(
    ("library", "target"),
    [
        ("pandas", "to_pandas"),
        ("polars", "to_polars"),
        ("pyarrow", "to_arrow"),
        ("xarray", "to_xarray"),
    ],
)
def test_a_missing_library_is_named(
    library: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=f"this conversion needs {library}: pip install"):
        getattr(SINGLE, target)()
