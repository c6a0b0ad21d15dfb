"""Columns of a Parquet file as the columns of an event log, by their types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from aumann.sources._layout import Layout, Wanted, named_layout
from aumann.sources._log_files import LogFile

__all__ = ["opened_table"]

ROWS = 1 << 16
# Whole numbers below this are all told apart in floats of 16, 32 and 64 bits.
EXACT = {16: 1 << 11, 32: 1 << 24, 64: 1 << 53}


@contextmanager
def opened_table(file: LogFile, wanted: Wanted) -> Iterator[tuple[Layout, str, Iterator[Any]]]:
    """Give the layout of a Parquet file, what its times are, and its batches.

    A batch has the column line, counting rows, and one for each role: texts without the spaces
    around them, empty where missing, and times as they are.
    """
    import pyarrow
    from pyarrow import parquet

    if file.path is None:
        raise ValueError("standard input holds Parquet, which is read from files only")
    try:
        # Opened by the name as it is: neither a pattern nor an address, and folders are no columns.
        with pyarrow.OSFile(str(file.path)) as source, parquet.ParquetFile(source) as table:
            names = table.schema_arrow.names
            layout = named_layout(file, names, wanted)
            types = {role: table.schema_arrow.types[int(k)] for role, k in layout.where.items()}
            clock = _clock(file, types["time"]) if "time" in types else "text"
            for role, kind in types.items():
                if role != "time":
                    _check_text(file, role, kind)
            yield layout, clock, _batches(table, layout, clock, names)
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{file.path} cannot be read: {str(error).splitlines()[0]}") from error


def _batches(table: Any, layout: Layout, clock: str, names: list[str]) -> Iterator[Any]:
    import pyarrow

    rows = 0
    wanted = sorted({names[int(k)] for k in layout.where.values()})
    for batch in table.iter_batches(batch_size=ROWS, columns=wanted):
        columns: dict[str, Any] = {"line": pyarrow.array(np.arange(batch.num_rows) + rows + 1)}
        for role, place in layout.where.items():
            column = batch.column(names[int(place)])
            columns[role] = _time(column, clock) if role == "time" else _text(column, role)
        rows += batch.num_rows
        yield pyarrow.table(columns)


def _plain(kind: Any) -> Any:
    """Return the type of the values, whether or not they are encoded."""
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _check_text(file: LogFile, role: str, kind: Any) -> None:
    from pyarrow import types

    plain = _plain(kind)
    if not (
        _is_text(plain)
        or types.is_integer(plain)
        or types.is_floating(plain)
        or types.is_decimal(plain)
        or types.is_boolean(plain)
        or types.is_null(plain)
    ):
        raise ValueError(
            f"{file.path}: the column of the {role} has the type {kind}; "
            "texts or numbers are wanted"
        )


def _clock(file: LogFile, kind: Any) -> str:
    """Return what times of a type are, in the words of `time_queries`."""
    from pyarrow import types

    plain = _plain(kind)
    if types.is_timestamp(plain):
        return f"{'wall' if plain.tz is None else 'utc'} {plain.unit}"
    if types.is_date(plain):
        return "wall s" if types.is_date32(plain) else "wall ms"
    if types.is_integer(plain):
        return "integer"
    if types.is_floating(plain):
        return "real"
    if _is_text(plain) or types.is_decimal(plain) or types.is_null(plain):
        return "text"
    raise ValueError(
        f"{file.path}: the column of the time has the type {kind}; times, numbers or texts are "
        "wanted"
    )


def _time(column: Any, clock: str) -> Any:
    import pyarrow
    from pyarrow import compute, types

    kind = _plain(column.type)
    if kind != column.type:
        column = column.cast(kind)
    if clock == "text":
        return _text(column, "time")
    if types.is_date32(kind):
        days = column.cast(pyarrow.int32()).cast(pyarrow.int64())
        return compute.multiply(days, 86_400)
    if clock in ("integer", "real"):
        return column.cast(pyarrow.float64()) if clock == "real" else column
    return column.cast(pyarrow.int64())


def _text(column: Any, role: str) -> Any:
    """Return values as texts, as they would be written in a text file."""
    import pyarrow
    from pyarrow import compute, types

    kind = _plain(column.type)
    if kind != column.type:
        column = column.cast(kind)
    if types.is_floating(kind):
        bits = kind.bit_width
        column = column.cast(pyarrow.float64())
        column = compute.if_else(compute.is_nan(column), None, column)
        largest = compute.max(compute.abs(column)).as_py()
        if role in ("actor", "target", "agent") and (largest or 0) >= EXACT[bits]:
            raise ValueError(
                f"the column of the {role} holds floats of {bits} bits from {EXACT[bits]:,} on, "
                "which have lost digits; whole numbers or texts are wanted"
            )
    texts = column.cast(pyarrow.large_string())
    trimmed = compute.utf8_trim(texts, characters=" \t\r\n\u00a0\ufeff")
    return compute.fill_null(trimmed, "")
