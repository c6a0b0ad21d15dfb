"""The results as a Parquet file, whole at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from aumann._seals import SealedParquet, sealed_writer
from aumann.benchmark.timing.cell import Cell

__all__ = ["read_cells", "write_cells"]

_KINDS = {"str": "string", "int": "int64", "float": "float64", "bool": "bool"}


def write_cells(cells: Sequence[Cell], path: Path) -> None:
    """Write cells, one per row, in place of the file that is there.

    Raises
    ------
    ImportError
        Without pyarrow.
    OSError
        If nothing can be written there.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "results.parquet"
    >>> write_cells([Cell("a", "m:f", "mean", 10)], file)
    >>> read_cells(file)[0].agents
    10
    """
    pyarrow = _pyarrow()
    columns = [pyarrow.field(field.name, _kind(pyarrow, str(field.type))) for field in fields(Cell)]
    rows = pyarrow.Table.from_pylist([asdict(cell) for cell in cells], pyarrow.schema(columns))
    with sealed_writer(path, rows.schema, 1) as writer:
        writer.write_table(rows)


def read_cells(path: Path) -> list[Cell]:
    """Read the cells of a file; none if it is not there.

    Raises
    ------
    ImportError
        Without pyarrow.
    ValueError
        If it is no file of results.

    Examples
    --------
    >>> read_cells(Path("nowhere.parquet"))
    []
    """
    _pyarrow()
    if not path.exists():
        return []
    try:
        with SealedParquet(path) as file:
            rows = file.read()
    except ValueError as error:
        raise ValueError(f"{error}; name another folder") from error
    wanted = [field.name for field in fields(Cell)]
    if rows.column_names != wanted:
        raise ValueError(
            f"{path} has the columns {rows.column_names}, {wanted} are wanted; name another folder"
        )
    return [Cell(**row) for row in rows.to_pylist()]


def _kind(pyarrow: Any, annotation: str) -> Any:
    name = annotation.removesuffix(" | None")
    return getattr(pyarrow, _KINDS.get(name, "string"))() if name != "bool" else pyarrow.bool_()


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("timings are kept with pyarrow: pip install 'aumann[cli]'") from error
    return pyarrow
