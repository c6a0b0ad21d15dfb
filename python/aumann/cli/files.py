"""Files that commands write: refused before the work where they cannot be written."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from aumann._arrays import for_arrow
from aumann._files import check_output, replacing, storable
from aumann._printable import spreadsheet_safe
from aumann.population import Population

__all__ = ["KeepIds", "PopulationOutput", "check_writable", "read_population", "write_table"]

# Options of every command that makes a population file.
PopulationOutput: TypeAlias = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="FILE", help="Population file to write (.parquet)."),
]
KeepIds: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--keep-ids",
        help="Keep who is who: identifiers go into the file, and attribute --per-agent shows them.",
    ),
]


def read_population(path: Path) -> Population:
    """Read a population file; a file that is not there is said so in plain words."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; a population file is wanted")
    return Population.read_parquet(path)


def check_writable(path: Path, *suffixes: str, inputs: Iterable[Path] = ()) -> None:
    """Refuse an output path that cannot work, before any work is done.

    Raises
    ------
    ValueError
        If the suffix is none of `suffixes`, or the path is one of the files that are read.
    OSError
        If the path is a directory or a device, its directory does not exist, or nothing can be
        written there.
    """
    if path.is_dir():
        raise IsADirectoryError(f"--output {path} is a directory; a file to write is wanted")
    if path.suffix not in suffixes:
        raise ValueError(
            f"--output {path} has the suffix {path.suffix!r}; {' or '.join(suffixes)} is wanted"
        )
    check_output(path, inputs)
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise NotADirectoryError(f"--output {path} cannot be written: {folder} is no directory")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"--output {path} cannot be written: {folder} is not writable")


def write_table(columns: Mapping[str, Any], path: Path) -> None:
    """Write columns of equal length as Parquet or CSV, by the suffix of the path.

    None is null in Parquet and an empty field in CSV, in which texts that a spreadsheet would run
    begin with an apostrophe. The file is whole or not there.
    """
    from pyarrow import csv, parquet, table

    with storable(path), replacing(path) as temporary:
        rows = table({name: for_arrow(each) for name, each in columns.items()})
        if path.suffix == ".csv":
            csv.write_csv(_spreadsheet_safe(rows), temporary)
        else:
            parquet.write_table(rows, temporary)


def _spreadsheet_safe(rows: Any) -> Any:
    import pyarrow

    texts = (pyarrow.types.is_string, pyarrow.types.is_large_string)
    columns = [
        pyarrow.array(
            [None if each is None else spreadsheet_safe(each) for each in column.to_pylist()],
            column.type,
        )
        if any(kind(column.type) for kind in texts)
        else column
        for column in rows.columns
    ]
    return pyarrow.table(columns, [spreadsheet_safe(name) for name in rows.column_names])
