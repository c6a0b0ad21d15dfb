"""Long tables in files: text with a separator, JSON lines, Parquet and Arrow."""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import Any

from aumann.sources._compressed import Decompressed

__all__ = ["read_table_file"]

SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
ARROW = (".arrow", ".feather", ".ipc")
SUFFIXES = (*SEPARATORS, *JSON_LINES, ".parquet", *ARROW)
# An integer that is written in one way only, so that "07" and "7" stay two names; decimals of 0
# are what a missing value elsewhere makes of it.
INTEGER = r"^(0|-?[1-9][0-9]{0,17})([.]0*)?$"


def read_table_file(
    path: str | PathLike[str], names: Collection[str], separator: str | None = None
) -> Any:
    r"""Read a file as an Arrow table, for `Population.from_table`.

    Parameters
    ----------
    path : path
        ``.csv``, ``.tsv`` and ``.jsonl`` (``.ndjson``), also compressed (``.gz``, ``.zst``),
        ``.parquet``, or ``.arrow`` (``.feather``, ``.ipc``). Text is UTF-8 with the names of the
        columns in the first line.
    names : collection of str
        Columns of text that hold names rather than numbers (of agents, steps, topics, labels):
        they are read as they are written, and as integers where all of them are.
    separator : str, optional
        One character between the fields of a text; that of the suffix if None.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    OSError
        If the file cannot be opened.
    ValueError
        If the suffix is another one, the separator none, or not that of the file, or the file is
        damaged.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "long.csv"
    ...     _ = path.write_text("who,day,posts\n07,1,4\n7,1,2\n")
    ...     read_table_file(path, ["who", "day"]).to_pydict()
    {'who': ['07', '7'], 'day': [1, 1], 'posts': [4, 2]}
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ImportError("reading a table needs pyarrow: pip install 'aumann[cli]'") from error
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there, or is no file")
    plain = path.with_suffix("") if path.suffix in (".gz", ".zst") else path
    suffix = plain.suffix
    if suffix not in SUFFIXES or (plain != path and suffix not in (*SEPARATORS, *JSON_LINES)):
        wanted = ", ".join(SUFFIXES)
        raise ValueError(
            f"{path.name} is no table by its name; one of {wanted} is wanted (text also .gz, .zst)"
        )
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise ValueError(f"separator (--separator) is {separator!r}; one character is wanted")
    if separator is not None and suffix not in SEPARATORS:
        raise ValueError(
            f"separator (--separator) is {separator!r}, but {path.name} has none by its name"
        )
    try:
        table = _read(path, suffix, names, separator or SEPARATORS.get(suffix))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    [only] = table.column_names if table.num_columns == 1 else [""]
    other = next((mark for mark in ";\t|" if mark in only), None)
    if suffix in SEPARATORS and other is not None:
        raise ValueError(
            f"{path} has one column, {only!r}; "
            f"separator={other!r} (--separator {other!r}) reads several"
        )
    again = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if again:
        raise ValueError(
            f"{path} has two columns {again[0]!r}; every column needs a name of its own"
        )
    return table


def _read(path: Path, suffix: str, names: Collection[str], separator: str | None) -> Any:
    import pyarrow as pa
    from pyarrow import csv, feather, json, parquet

    if suffix == ".parquet":
        # Not by the name of the path, which may look like a pattern or like partitions.
        with parquet.ParquetFile(path) as file:
            return file.read()
    if suffix in ARROW:
        return feather.read_table(path)
    with path.open("rb") as raw:
        compression = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
        stream: Any = raw if compression is None else Decompressed(raw, compression, path)
        if suffix in JSON_LINES:
            return json.read_json(stream)
        table = csv.read_csv(
            stream,
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                # An empty field is missing; a word is not, as it would be left out unseen.
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    for place, name in enumerate(table.column_names):
        if name in names:
            table = table.set_column(place, name, _integers_or_text(table.column(name)))
    return table


def _integers_or_text(column: Any) -> Any:
    import pyarrow as pa
    from pyarrow import compute

    if len(column) and compute.all(compute.match_substring_regex(column, INTEGER)).as_py():
        return compute.replace_substring_regex(column, r"[.]0*$", "").cast(pa.int64())
    return column
