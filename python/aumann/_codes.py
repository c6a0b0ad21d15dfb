"""Labels as positions among the distinct ones, whatever holds them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import refuse_masked

__all__ = ["Codes", "read_codes"]


@dataclass(frozen=True, eq=False)
class Codes:
    """The distinct labels of a column, and which of them each row has.

    Parameters
    ----------
    values : ndarray, shape (G,)
        Ascending (numbers as numbers, text by code point), or in the order of the categories
        where these are ordered. Text is held as objects: of a fixed width, the longest label
        would set the size of all.
    codes : ndarray of intp, shape (N,)
        Indices into `values`.
    ordered : bool
        Whether the column brought the order.
    """

    values: NDArray[Any]
    codes: NDArray[np.intp]
    ordered: bool = False

    @property
    def rows(self) -> NDArray[Any]:
        """The label of every row, shape (N,)."""
        spread: NDArray[Any] = self.values[self.codes]
        return spread


@dataclass(frozen=True)
class _Place:
    """What errors call a column and its rows."""

    name: str
    row: Callable[[int], str]

    def missing(self, absent: NDArray[np.bool_]) -> NoReturn:
        raise ValueError(f"{self.row(int(np.argmax(absent)))} is missing; a label is wanted")


def read_codes(column: Any, name: str, row: Callable[[int], str] | None = None) -> Codes:
    """Return the labels of a column: integers, booleans, text, times, spans or floats.

    Parameters
    ----------
    column : array-like
        A list, an array, or a column or index of pandas, polars, Arrow.
    name : str
        What errors call it.
    row : callable, optional
        What errors call one of its rows; ``name[row]`` if None.

    Returns
    -------
    Codes

    Raises
    ------
    TypeError
        If the labels are of several kinds, such as 1 and "1", or masked.
    ValueError
        If a row has none, or this is not one column.

    Examples
    --------
    >>> read_codes(["b", "a", "b"], "labels").codes
    array([1, 0, 1])
    """
    place = _Place(name, row or (lambda position: f"{name}[{position}]"))
    refuse_masked(column, name)
    if hasattr(getattr(column, "dtype", None), "pyarrow_dtype"):
        column = column.array.__arrow_array__()
    if hasattr(column, "dictionary_encode") and hasattr(column, "type"):
        return _of_arrow(column, place)
    dtype = getattr(column, "dtype", None)
    if getattr(dtype, "name", None) == "category":
        held = getattr(column, "array", column)
        return _of_categories(held.categories, held.codes, bool(held.ordered), place)
    if str(getattr(dtype, "name", "")).startswith(("interval", "period")):
        return _of_spans(column, place)
    if hasattr(column, "to_physical"):
        return _of_polars(column, place)
    if getattr(dtype, "tz", None) is not None:
        column = (column.dt if hasattr(column, "dt") else column).tz_convert(None)
    if hasattr(dtype, "na_value") and hasattr(column, "isna"):
        absent = np.asarray(column.isna())
        if absent.any():
            place.missing(absent)
        plain = getattr(dtype, "numpy_dtype", None)
        column = np.asarray(column if plain is None else column.to_numpy(dtype=plain))
    return _of_plain(column, place)


def _of_plain(column: Any, place: _Place) -> Codes:
    if isinstance(column, list | tuple):
        if any(isinstance(item, list | tuple | np.ndarray) for item in column):
            column = np.asarray(column)
        else:
            return _of_items(column, place)
    array = np.asarray(column)
    if isinstance(column, Mapping):
        raise TypeError(
            f"{place.name} is a {type(column).__name__}; one label per agent, (N,), is wanted, "
            "such as pandas.Series(...), whose index says the agents"
        )
    if array.ndim == 0:
        raise TypeError(
            f"{place.name} is a {type(column).__name__}; one label per agent, (N,), is wanted"
        )
    if array.ndim != 1:
        raise ValueError(
            f"{place.name} has shape {array.shape}; one label per agent, (N,), is wanted"
        )
    if array.dtype.kind in "OUT":
        return _of_items(array.tolist(), place)
    if array.dtype.kind in "mM" and np.isnat(array).any():
        place.missing(np.isnat(array))
    if array.dtype.kind == "f" and np.isnan(array).any():
        place.missing(np.isnan(array))
    values, codes = np.unique(array, return_inverse=True)
    return Codes(values, codes.reshape(-1))


def _of_items(items: Sequence[Any], place: _Place) -> Codes:
    kinds = {kind: _kind(kind) for kind in set(map(type, items))}
    if len(set(kinds.values())) > 1 or "missing" in kinds.values():
        _refuse_mixed(items, place)
    if set(kinds.values()) == {"text"}:
        distinct = sorted(set(items))
        position = {text: k for k, text in enumerate(distinct)}
        values = np.empty(len(distinct), dtype=object)
        values[:] = [str(text) for text in distinct]
        return Codes(values, np.fromiter(map(position.__getitem__, items), np.intp, len(items)))
    if set(kinds.values()) == {"time"}:
        return _of_plain(_times(items, place), place)
    if set(kinds.values()) & {"Interval", "Period"}:
        import pandas

        spans = pandas.Index(items)
        if spans.dtype != object:
            return _of_spans(spans, place)
    array = _integers(items) if set(kinds.values()) == {"integer"} else np.array(items)
    if array.dtype.kind == "O":
        raise TypeError(
            f"{place.row(0)} is {_cut(items[0])}; an integer, a boolean or text is wanted"
        )
    return _of_plain(array, place)


def _of_spans(column: Any, place: _Place) -> Codes:
    """Return intervals, as of `pandas.cut`, or periods: as text, in their own order."""
    import pandas

    held = pandas.Categorical(column)
    return _of_categories(held.categories.astype(str), held.codes, True, place)


def _integers(items: Sequence[Any]) -> NDArray[Any]:
    """Return integers exactly; NumPy takes those beyond int64 for floats."""
    for dtype in (np.int64, np.uint64):
        try:
            return np.array(items, dtype=dtype)
        except OverflowError:
            continue
    return np.array(items, dtype=object)


def _times(items: Sequence[Any], place: _Place) -> NDArray[Any]:
    for row, item in enumerate(items):
        if getattr(item, "tzinfo", None) is not None:
            raise TypeError(
                f"{place.row(row)} is {_cut(item)}; times of one zone are wanted, without its name"
            )
    return np.array(items, dtype="datetime64[us]")


def _kind(kind: type) -> str:
    if issubclass(kind, str):
        return "text"
    if issubclass(kind, bool | np.bool_):
        return "boolean"
    if issubclass(kind, int | np.integer):
        return "integer"
    if issubclass(kind, datetime.date):
        return "time"
    if kind is type(None) or kind.__name__ in ("NAType", "NaTType"):
        return "missing"
    return kind.__name__


def _refuse_mixed(items: Sequence[Any], place: _Place) -> NoReturn:
    for row, item in enumerate(items):
        if _kind(type(item)) == "missing" or item != item:
            raise ValueError(f"{place.row(row)} is missing; every agent needs a label")
    first = _kind(type(items[0]))
    row = next(row for row, item in enumerate(items) if _kind(type(item)) != first)
    raise TypeError(
        f"{place.row(row)} is {_cut(items[row])}, but {place.row(0)} is {_cut(items[0])}; "
        "labels of one kind are wanted"
    )


def _cut(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 60 else f"{text[:56]}..."


def _of_categories(categories: Any, codes: Any, ordered: bool, place: _Place) -> Codes:
    """Return the categories that occur: in their order if they have one, else sorted."""
    codes = np.asarray(codes).astype(np.intp, copy=False)
    if (codes < 0).any():
        place.missing(codes < 0)
    used, codes = np.unique(codes, return_inverse=True)
    words = read_codes(categories, place.name)
    ranks = words.codes[used]
    codes = codes.reshape(-1)
    if ordered:
        return Codes(words.values[ranks], codes, True)
    # Where a dictionary holds a label twice, both are one.
    distinct, rank = np.unique(ranks, return_inverse=True)
    return Codes(words.values[distinct], rank.reshape(-1)[codes], words.ordered)


def _of_polars(column: Any, place: _Place) -> Codes:
    if column.null_count():
        place.missing(column.is_null().to_numpy())
    kind = type(column.dtype).__name__
    if kind == "Enum":
        categories = column.dtype.categories.to_list()
        return _of_categories(categories, column.to_physical().to_numpy(), True, place)
    if kind in ("String", "Categorical", "Int128"):
        return _of_items(column.to_list(), place)
    return _of_plain(column.to_numpy(), place)


def _of_arrow(column: Any, place: _Place) -> Codes:
    import pyarrow

    kinds = pyarrow.types
    if column.null_count:
        place.missing(column.is_null().to_numpy(zero_copy_only=False))
    chunked = column if hasattr(column, "chunks") else pyarrow.chunked_array([column])
    if kinds.is_string_view(chunked.type):
        chunked = chunked.cast(pyarrow.large_string())
    text = kinds.is_string(chunked.type) or kinds.is_large_string(chunked.type)
    if not text and not kinds.is_dictionary(chunked.type):
        if kinds.is_time(chunked.type):
            raise TypeError(
                f"{place.name} has dtype {chunked.type}; integers, booleans, texts or dates are "
                "wanted as labels"
            )
        return _of_plain(chunked.to_numpy(), place)
    encoded = chunked.dictionary_encode() if text else chunked
    encoded = encoded.unify_dictionaries().combine_chunks()
    if hasattr(encoded, "chunks"):
        return _of_plain([], place)
    if encoded.dictionary.null_count:
        raise ValueError(f"{place.name} has a missing value among its categories")
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return _of_categories(encoded.dictionary.to_pylist(), codes, encoded.type.ordered, place)
