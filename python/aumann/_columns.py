"""Feature columns of tables, series, tensors and labelled arrays, none of which is imported."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._axes import axis_of, key_columns, refuse_wide, wide

__all__ = [
    "Columns",
    "is_column",
    "is_xarray",
    "label_axes",
    "read_column",
    "read_table",
]


@dataclass(frozen=True, eq=False)
class Columns:
    """One array per feature, with the labels of their agents and what says step and agent."""

    arrays: list[NDArray[Any]]
    names: tuple[str, ...] | None = None
    agent_labels: Any = None
    # Name and column, of the step and of the agent of every row.
    keys: tuple[tuple[str, Any], tuple[str, Any]] | None = field(default=None, repr=False)

    def places(self, argument: str) -> list[str]:
        """Return what errors call each column."""
        if self.names is None:
            return [f"{argument}[{k}]" for k in range(len(self.arrays))]
        return [f"{argument}: column {name!r}" for name in self.names]


def is_xarray(x: Any) -> bool:
    """Tell whether this is an xarray.DataArray.

    Examples
    --------
    >>> is_xarray([1, 2])
    False
    """
    return (
        type(x).__module__.partition(".")[0] == "xarray"
        and hasattr(x, "dims")
        and hasattr(x, "transpose")
        and hasattr(x, "values")
        and not callable(x.values)
    )


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
    _refuse_nested(item, argument)
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
            return _decimals(np.asarray(item.to_numpy(dtype=plain)), item)
        if getattr(item, "num_chunks", None) == 1 and hasattr(item, "chunk"):
            # Only a single chunk can be read in place.
            return _decimals(np.asarray(item.chunk(0)), item)
        if type(getattr(item, "dtype", None)).__name__ in ("Int128", "UInt128"):
            # NumPy has none of that size.
            return np.array(item.to_list(), dtype=np.float64)
        return _decimals(np.asarray(item), item)
    except (RuntimeError, TypeError) as error:
        raise TypeError(f"{argument}: {type(item).__name__} cannot be read: {error}") from error
    except ValueError as error:
        raise ValueError(
            f"{argument}: rows of numbers of equal length are wanted: {error}"
        ) from error


def _decimals(array: NDArray[Any], item: Any) -> NDArray[Any]:
    """Return a column of decimal numbers, as databases have them, as the nearest floats."""
    typed = hasattr(item, "dtype") or hasattr(item, "type")
    if not typed or array.dtype.kind != "O" or array.size == 0:
        return array
    if set(map(type, array.tolist())) != {Decimal}:
        return array
    return array.astype(np.float64)


def read_table(x: Any, argument: str) -> Columns | None:
    """Return the columns of a table, or None if `x` is none.

    Agents are its rows, unless an index level or column says step and another one agent: then
    `keys` holds both.
    """
    if isinstance(x, np.ndarray | list | tuple):
        return None
    levels: list[tuple[Any, Any]] = []
    labels = None
    if hasattr(x, "iloc") and hasattr(x, "columns"):
        _refuse_wide_frame(x, argument)
        named = [(name, x.iloc[:, k]) for k, name in enumerate(x.columns)]
        levels = [(name, x.index.get_level_values(k)) for k, name in enumerate(x.index.names)]
        labels = x.index
    elif hasattr(x, "collect_schema") and hasattr(x, "collect"):
        raise TypeError(f"{argument}: a lazy table, a collected one is wanted: use x.collect()")
    elif hasattr(x, "get_columns"):
        named = [(column.name, column) for column in x.get_columns()]
    else:
        table = _arrow_table(x)
        if table is None:
            return None
        named = [(name, table.column(k)) for k, name in enumerate(table.column_names)]
    keys = _keys(levels, named, argument)
    if keys is None:
        refuse_wide([name for name, _ in named], argument)
        if len(levels) > 1:
            raise ValueError(
                f"{argument}: an index of levels {tuple(x.index.names)}, of which none says step "
                f"and agent; name them so, or drop it: {argument}.reset_index(drop=True)"
            )
    else:
        labels = None
        used = {id(column) for _, column in keys}
        named = [(name, column) for name, column in named if id(column) not in used]
    arrays = [read_column(column, f"{argument}: column {name!r}") for name, column in named]
    for (name, _), array in zip(named, arrays, strict=True):
        if array.ndim != 1:
            raise ValueError(
                f"{argument}: column {name!r} holds arrays of shape {array.shape[1:]}, one number "
                "per row is wanted"
            )
    return Columns(arrays, tuple(str(name) for name, _ in named), labels, keys)


def _keys(
    levels: list[tuple[Any, Any]], named: list[tuple[Any, Any]], argument: str
) -> tuple[tuple[str, Any], tuple[str, Any]] | None:
    """Return what says step and agent; an index that says agent alone labels the rows."""
    candidates = [*levels, *named]
    names = [name for name, _ in candidates]
    if len(levels) == 1 and axis_of(names[0]) == "agent":
        others = {axis_of(name) for name, _ in named}
        if not others & {"step", "agent"}:
            return None
    if len(levels) == 1 and axis_of(names[0]) == "step" and key_columns_of(named) == 0:
        raise ValueError(wide(argument, f"rows, by their index {names[0]!r},", "step", rows=True))
    found = key_columns(names, argument, {name for name, each in candidates if _of_words(each)})
    return None if found is None else (candidates[found[0]], candidates[found[1]])


def _of_words(column: Any) -> bool:
    """Tell whether a column, or a level of an index, holds words by its type."""
    kind = str(getattr(column, "type", None) or getattr(column, "dtype", "")).lower()
    words = ("str", "large_str", "utf8", "object", "categor", "dictionary", "enum")
    return kind.startswith(words) and not kind.startswith("struct")


def key_columns_of(named: list[tuple[Any, Any]]) -> int:
    """Return how many columns say which agent a row is of.

    Examples
    --------
    >>> key_columns_of([("AgentID", None), ("wealth", None)])
    1
    """
    return sum(axis_of(name) == "agent" for name, _ in named)


def _refuse_wide_frame(frame: Any, argument: str) -> None:
    """Refuse a pandas frame whose columns are agents or steps, or whose rows are steps."""
    columns = frame.columns
    if columns.nlevels > 1:
        raise ValueError(
            f"{argument}: columns of {columns.nlevels} levels {tuple(columns.names)}, one name per "
            "feature is wanted; use stack() for rows of step and agent"
        )
    axis = axis_of(columns.name)
    if axis in ("step", "agent"):
        raise ValueError(wide(argument, f"columns, called {columns.name!r},", axis))
    times = ("DatetimeIndex", "PeriodIndex", "TimedeltaIndex")
    if type(columns).__name__ in times:
        raise ValueError(wide(argument, "columns, which are times,", "step"))
    names = list(columns)
    if type(frame.index).__name__ in times and not any(axis_of(name) == "agent" for name in names):
        raise ValueError(wide(argument, "rows, whose index holds times,", "step", rows=True))


def label_axes(
    x: Any, argument: str
) -> tuple[NDArray[Any], tuple[str, ...] | None, Any, Any] | None:
    """Return a labelled array as (step, agent, feature) with its names, step and agent labels.

    None stands for anything that is no xarray.DataArray.
    """
    if type(x).__module__.partition(".")[0] != "xarray" or not hasattr(x, "dims"):
        return None
    if not is_xarray(x):
        raise TypeError(
            f"{argument}: {type(x).__name__}, an xarray.DataArray is wanted; use "
            f"{argument}.to_dataarray('feature')"
        )
    dims = list(x.dims)
    steps = [dim for dim in dims if axis_of(dim) == "step"]
    found = {axis_of(dim): dim for dim in dims}
    wanted = {*(["step"] if steps else []), "agent", "feature"}
    if set(found) != wanted or len(found) != len(dims):
        raise ValueError(
            f"{argument}: dims {tuple(map(str, dims))}, agent, feature and at most one of step and "
            "time are wanted"
        )
    names = x.coords[found["feature"]].values.tolist() if found["feature"] in x.coords else None
    if names is not None:
        key_columns(names, argument)
    return (
        x.transpose(*steps, found["agent"], found["feature"]).values,
        None if names is None else tuple(str(name) for name in names),
        # A copy, for the result keeps them.
        x.coords[steps[0]].values.copy() if steps and steps[0] in x.coords else None,
        x.indexes.get(found["agent"]),
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


def _refuse_nested(item: Any, argument: str) -> None:
    """Refuse a column of records or lists, which NumPy would take for rows of another axis."""
    kind = getattr(item, "type", None) if hasattr(item, "null_count") else None
    if kind is None:
        kind = getattr(item, "dtype", None)
        kind = getattr(kind, "pyarrow_dtype", kind)
    text = str(kind).lower()
    if text.startswith(("struct", "list", "fixed_size_list", "large_list", "map", "object(")):
        raise TypeError(
            f"{argument}: dtype {kind}, one number per row is wanted; make a column of each part"
        )
