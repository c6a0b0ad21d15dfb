"""Feature columns of tables, series, tensors and labelled arrays, none of which is imported."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns", "is_column", "label_axes", "read_column", "read_table"]


@dataclass(frozen=True, eq=False)
class Columns:
    """One array per feature."""

    arrays: list[NDArray[Any]]
    names: tuple[str, ...] | None = None

    def places(self, argument: str) -> list[str]:
        """Return what errors call each column."""
        if self.names is None:
            return [f"{argument}[{k}]" for k in range(len(self.arrays))]
        return [f"{argument}: column {name!r}" for name in self.names]


def is_column(item: Any) -> bool:
    """Tell whether an item of a list is a column of its own, rather than a row of numbers."""
    if isinstance(item, np.ndarray):
        return item.ndim > 0
    if isinstance(item, np.generic):
        return False
    kinds = ("to_numpy", "__array__", "__arrow_c_array__", "__arrow_c_stream__")
    return any(hasattr(item, kind) for kind in kinds)


def read_column(item: Any, argument: str) -> NDArray[Any]:
    """Return an array, series, Arrow column, tensor or nested list of numbers as an array."""
    if isinstance(item, np.ndarray):
        return item
    _refuse_missing(item, argument)
    try:
        if hasattr(item, "detach"):
            # A tensor that records gradients, or lies on a device, refuses to become an array;
            # only its numbers are read.
            item = item.detach().cpu()
            if str(item.dtype) == "torch.bfloat16":
                item = item.double()
        plain = getattr(getattr(item, "dtype", None), "numpy_dtype", None)
        if plain is not None:
            # A nullable column of pandas becomes objects unless told otherwise.
            return np.asarray(item.to_numpy(dtype=plain))
        if getattr(item, "num_chunks", None) == 1 and hasattr(item, "chunk"):
            # Only a single chunk can be read in place.
            return np.asarray(item.chunk(0))
        return np.asarray(item)
    except (RuntimeError, TypeError) as error:
        raise TypeError(f"{argument}: {type(item).__name__} cannot be read: {error}") from error
    except ValueError as error:
        raise ValueError(
            f"{argument}: rows of numbers of equal length are wanted: {error}"
        ) from error


def read_table(x: Any, argument: str) -> Columns | None:
    """Return the columns of a table, or None if `x` is none. Agents are its rows."""
    if isinstance(x, np.ndarray | list | tuple):
        return None
    if hasattr(x, "iloc") and hasattr(x, "columns"):
        named = [(str(name), x.iloc[:, k]) for k, name in enumerate(x.columns)]
    elif hasattr(x, "collect_schema") and hasattr(x, "collect"):
        raise TypeError(f"{argument}: a lazy table, a collected one is wanted: use x.collect()")
    elif hasattr(x, "get_columns"):
        named = [(column.name, column) for column in x.get_columns()]
    else:
        table = _arrow_table(x)
        if table is None:
            return None
        named = [(name, table.column(k)) for k, name in enumerate(table.column_names)]
    for name, _ in named:
        if name in ("agent", "step"):
            raise ValueError(
                f"{argument}: column {name!r} is no feature; drop it, or use Population.from_table"
            )
    return Columns(
        [read_column(column, f"{argument}: column {name!r}") for name, column in named],
        tuple(name for name, _ in named),
    )


def label_axes(
    x: Any, argument: str
) -> tuple[NDArray[Any], tuple[str, ...] | None, NDArray[Any] | None] | None:
    """Return a labelled array as (step, agent, feature) with its names and step labels.

    None stands for anything that is no xarray.DataArray.
    """
    if type(x).__module__.partition(".")[0] != "xarray" or not hasattr(x, "dims"):
        return None
    if not hasattr(x, "transpose") or not hasattr(x, "values") or callable(x.values):
        raise TypeError(f"{argument}: {type(x).__name__}, an xarray.DataArray is wanted")
    dims = [str(dim) for dim in x.dims]
    steps = [dim for dim in dims if dim in ("step", "time")]
    if sorted(dims) != sorted([*steps, "agent", "feature"]) or len(steps) > 1:
        raise ValueError(
            f"{argument}: dims {tuple(dims)}, agent, feature and at most one of step and time "
            "are wanted"
        )
    # A copy, for the result keeps them.
    labels = x.coords[steps[0]].values.copy() if steps and steps[0] in x.coords else None
    names = x.coords["feature"].values.tolist() if "feature" in x.coords else None
    return (
        x.transpose(*steps, "agent", "feature").values,
        None if names is None else tuple(str(name) for name in names),
        labels,
    )


def _arrow_table(x: Any) -> Any:
    """Return `x` as a pyarrow table, or None if it is no table."""
    if hasattr(x, "column_names") and hasattr(x, "column"):
        return x
    # A single column also exports a stream; it has a null count or can be put in a frame.
    stream = hasattr(x, "__arrow_c_stream__") and not (
        hasattr(x, "null_count") or hasattr(x, "to_frame")
    )
    if not stream and not hasattr(x, "__dataframe__"):
        return None
    try:
        arrow = importlib.import_module("pyarrow")
    except ImportError as error:
        raise ImportError(
            f"reading a {type(x).__name__} needs pyarrow: pip install 'aumann[cli]'"
        ) from error
    if stream:
        return arrow.table(x)
    return importlib.import_module("pyarrow.interchange").from_dataframe(x)


def _refuse_missing(item: Any, argument: str) -> None:
    """Refuse a column with missing values or categories, which NumPy would turn into numbers."""
    dtype = getattr(item, "dtype", None)
    if getattr(dtype, "name", None) == "category":
        raise TypeError(f"{argument}: dtype category, real numbers are wanted")
    count = getattr(item, "null_count", 0)
    missing = count() if callable(count) else count
    if hasattr(dtype, "na_value") and hasattr(item, "isna"):
        missing = int(item.isna().sum())
    if missing:
        raise ValueError(f"{argument}: {missing} missing values, numbers are wanted")
