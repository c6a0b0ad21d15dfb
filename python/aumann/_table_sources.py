"""Columns of any table by their names: of pandas, polars, Arrow, DuckDB, or a mapping of arrays."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from aumann._labelled import Axis, common_labels, labels_of, order_of

__all__ = ["column_getter"]


def column_getter(table: Any) -> tuple[Callable[[str], Any], list[Any]]:
    """Return what reads a column by its name, and the names.

    Examples
    --------
    >>> get, names = column_getter({"agent": ["b", "a"]})
    >>> names, get("agent")
    (['agent'], ['b', 'a'])
    """
    for method in ("to_dataframe", "collect"):
        if hasattr(table, method):
            raise TypeError(
                f"table is a {type(table).__name__}; a data frame is wanted: use table.{method}()"
            )
    if isinstance(table, Mapping):
        return _of_mapping(table), list(table)
    if not hasattr(table, "__arrow_c_stream__"):
        raise TypeError(
            f"table is a {type(table).__name__}; a data frame, an Arrow table "
            "(anything with __arrow_c_stream__) or a mapping of arrays is wanted"
        )
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(
            "reading a data frame needs pyarrow: pip install 'aumann[cli]'"
        ) from error
    if hasattr(table, "get_columns"):
        return partial(_of_polars, table), list(table.columns)
    if hasattr(table, "iloc"):
        # Arrow drops an index that counts rows, even where it has a name.
        levels = [name for name in table.index.names if name is not None]
        if levels := [name for name in levels if name not in table.columns]:
            table = table.reset_index(levels)
        return partial(_of_pandas, table), [str(name) for name in table.columns]
    arrow = _converted("table", table)
    # DuckDB's own categories are ordered, which Arrow is not told.
    kinds = [str(kind) for kind in getattr(table, "types", ())]
    ordered = {arrow.column_names[k] for k, kind in enumerate(kinds) if kind.startswith("ENUM")}

    def get(name: str) -> Any:
        column = arrow.column(name)
        if name not in ordered:
            return column
        chunks = [
            pyarrow.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary, ordered=True)
            for chunk in column.chunks
        ]
        return pyarrow.chunked_array(chunks) if chunks else column

    return get, arrow.column_names


def _of_pandas(table: Any, name: str) -> Any:
    """Return a column of pandas as an Arrow column, or as it is where Arrow has no such type."""
    place = [str(each) for each in table.columns].index(name)
    column = table.iloc[:, place]
    kind = column.dtype
    if hasattr(kind, "fill_value"):
        # A sparse column.
        return np.asarray(column)
    spans = getattr(getattr(kind, "categories", None), "dtype", kind)
    if str(spans).startswith(("period", "interval")):
        # Arrow knows what they are stored as.
        return column
    if isinstance(kind, np.dtype) and kind.kind in "iufcV":
        plain = kind.isnative and kind.itemsize <= 8 and kind.kind in "iuf"
        if not plain:
            return column.to_numpy()
    return _converted(f"column {name!r}", table.iloc[:, [place]]).column(0)


def _converted(what: str, table: Any) -> Any:
    """Return a table of Arrow, or say of which column it cannot be made."""
    import pyarrow

    try:
        return pyarrow.table(table)
    except (pyarrow.ArrowException, OverflowError, TypeError, ValueError) as error:
        told = "; ".join(map(str, error.args))
        raise TypeError(f"{what}: a column of one kind of values is wanted: {told}") from error


def _of_polars(table: Any, name: str) -> Any:
    """Return a column of polars as an Arrow column, where Arrow has its type."""
    import pyarrow

    column = table.get_column(name)
    if type(column.dtype).__name__ in ("Int128", "UInt128"):
        return column
    return pyarrow.table(table.select(name)).column(0)


def _of_mapping(table: Mapping[Any, Any]) -> Callable[[str], Any]:
    """Return what reads columns of a mapping, put in the order of the first labelled one."""
    index = common_labels({f"column {name!r}": labels_of(each) for name, each in table.items()})

    def get(name: str) -> Any:
        column, labels = table[name], labels_of(table[name])
        if hasattr(column, "columns"):
            raise TypeError(f"column {name!r} is a table; an array is wanted")
        if labels is not None and index is not None:
            order = order_of(labels, Axis(len(index), index), f"column {name!r}", "row")
            if order is not None:
                column = column.iloc[order] if hasattr(column, "iloc") else column[order]
        return column if hasattr(column, "dtype") or hasattr(column, "type") else _listed(column)

    return get


def _listed(column: Any) -> Any:
    """Return a list of numbers as an array, of anything else as it is."""
    items = list(column)
    kept = (str, type(None), Decimal, datetime.date)
    plain = not any(issubclass(kind, kept) for kind in set(map(type, items)))
    return np.asarray(items) if plain else items
