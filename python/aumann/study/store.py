"""The folder of a study: what was asked for, what is done, and the tables."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from aumann._files import replacing

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FINISHED", "MANIFEST", "PARTS", "Rows", "Store", "read_manifest"]

# The rows of some tables, each a list of records.
Rows: TypeAlias = dict[str, list[dict[str, Any]]]

MANIFEST = "manifest.json"
PARTS = "parts"
# The key of the manifest that says that all tables are there, and of one run.
FINISHED = "finished"
# What ends a part, and is nowhere else in it: a part that was cut short does not have it.
END = "\n"
# Rows that are gathered before they are written: they compress well, and take some megabytes.
GATHERED = 50_000

# Types of columns; those not named hold real numbers.
TEXT = {"topic", "value_function", "protocol", "tier", "step", "elite", "other", "baseline"}
WHOLE_NUMBERS = {
    *("size", "seed", "agents", "number", "bin", "active", "steps_enough", "merged"),
    *("reachable", "certain"),
}


class Store:
    """A folder that holds the parts of a study as they are finished.

    Every part is written whole or not at all, so a study that was killed goes on with the first
    part that is missing. A part says which versions it was measured by. One process at a time may
    write to it.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    manifest : mapping
        What the study is, as JSON can say it.

    Raises
    ------
    ValueError
        If the folder holds another study (what differs is named), or tables and no study.
    OSError
        If it cannot be written.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        """Begin a study, or go on with it."""
        self.folder = Path(folder)
        asked = json.loads(json.dumps(manifest))
        path = self.folder / MANIFEST
        self.manifest: dict[str, Any] = _found(path, asked) if path.exists() else asked
        strange = sorted(self.folder.glob("*.parquet"))
        if strange and not path.exists():
            raise ValueError(
                f"output: {self.folder} holds {strange[0].name} and no study; "
                "an empty folder, or that of this study, is wanted"
            )
        (self.folder / PARTS).mkdir(parents=True, exist_ok=True)
        for pattern in (f"{PARTS}/.*", f".{MANIFEST}.*", ".*.parquet.*"):
            for left in self.folder.glob(pattern):
                # Of a process that was killed while it wrote.
                left.unlink(missing_ok=True)
        self._versions: dict[str, str] = asked["versions"]
        if not path.exists():
            self._write_manifest()

    def has(self, part: str) -> bool:
        """Tell whether a part is finished; one that lost its end on the way to the disk is not."""
        path = self._path(part)
        if not path.exists() or path.stat().st_size == 0:
            return False
        with path.open("rb") as file:
            file.seek(-len(END), os.SEEK_END)
            return file.read() == END.encode()

    def write(self, part: str, rows: Rows) -> None:
        """Keep a finished part."""
        with replacing(self._path(part)) as temporary:
            # repr of floats is exact, so that what is read back is the same to the bit.
            text = json.dumps({"versions": self._versions, "rows": rows})
            temporary.write_text(text + END)

    def write_tables(self, parts: Sequence[str]) -> dict[str, Any]:
        """Write the tables of all parts, in order, and return them by name.

        A table is a file NAME.parquet in the folder. The tables take the place of older ones when
        all of them are written; then the manifest says that the study is finished, and by which
        versions the parts were measured.

        Raises
        ------
        ValueError
            If a part is damaged.
        OSError
            If the tables cannot be written; those that were there remain.

        Notes
        -----
        Cost: in memory the tables returned, a row group of each, and one part as Python objects.
        """
        from pyarrow import parquet

        versions: dict[str, set[str]] = {}
        with ExitStack() as files:
            with ExitStack() as open_tables:
                tables: dict[str, _Writer] = {}
                for part in parts:
                    measured_by, rows = self._read(part)
                    for program, version in measured_by.items():
                        versions.setdefault(program, set()).add(version)
                    for name, records in rows.items():
                        if not records:
                            continue
                        if name not in tables:
                            path = files.enter_context(replacing(self._table_path(name)))
                            writer = _Writer(path, records[0])
                            tables[name] = open_tables.enter_context(writer)
                        tables[name].add(records)
            if self.manifest.pop(FINISHED, False):
                # From here on tables of this run stand beside older ones.
                self._write_manifest()
        self.manifest["versions"] = {name: _joined(each) for name, each in versions.items()}
        self.manifest[FINISHED] = True
        self._write_manifest()
        return {name: parquet.read_table(self._table_path(name)) for name in tables}

    def _read(self, part: str) -> tuple[dict[str, str], Rows]:
        """Return the versions that a part was measured by, and its rows."""
        path = self._path(part)
        try:
            found = json.loads(path.read_text())
            return found["versions"], found["rows"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"output: {path} is damaged; delete it, and run the study again"
            ) from error

    def _write_manifest(self) -> None:
        with replacing(self.folder / MANIFEST) as temporary:
            temporary.write_text(json.dumps(self.manifest, indent=2) + "\n")

    def _path(self, part: str) -> Path:
        return self.folder / PARTS / f"{part}.json"

    def _table_path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"


class _Writer:
    """A Parquet file that grows by row groups, as rows come."""

    def __init__(self, path: Path, record: Mapping[str, Any]) -> None:
        from pyarrow import parquet

        self._schema = _schema(record)
        self._file = parquet.ParquetWriter(path, self._schema)
        self._tables: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        with self._file:
            if failure is None:
                self._flush()

    def add(self, records: list[dict[str, Any]]) -> None:
        """Append rows."""
        from pyarrow import Table

        # Arrow has a tenth of the size of the same rows as dicts.
        self._tables.append(Table.from_pylist(records, schema=self._schema))
        if sum(table.num_rows for table in self._tables) >= GATHERED:
            self._flush()

    def _flush(self) -> None:
        from pyarrow import concat_tables

        if self._tables:
            self._file.write_table(concat_tables(self._tables))
            self._tables = []


def _joined(versions: Iterable[str]) -> str:
    """Return versions, the oldest first.

    Examples
    --------
    >>> _joined({"0.10.0", "0.9.1"})
    '0.9.1, 0.10.0'
    """
    return ", ".join(sorted(versions, key=lambda one: ([*map(int, re.findall(r"\d+", one))], one)))


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Read the manifest of a study; None if the file is something else.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "manifest.json"
    >>> _ = path.write_text("{}")
    >>> read_manifest(path) is None
    True
    """
    try:
        found = json.loads(path.read_text())
    except ValueError:
        return None
    if not isinstance(found, dict) or not {"format", "population"} <= found.keys():
        return None
    return found


def _found(path: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Read the manifest in a folder, and say what differs if it is of another study."""
    found = read_manifest(path)
    if found is None:
        raise ValueError(
            f"output: {path} is of no study; an empty folder, or that of this study, is wanted"
        )
    different = sorted(
        key for key in {*found, *asked} - {"versions", FINISHED} if found.get(key) != asked.get(key)
    )
    if different:
        raise ValueError(
            f"output: {path.parent} holds a study with other {', '.join(different)}; "
            "an empty folder, or that of this study, is wanted"
        )
    return found


def _schema(record: Mapping[str, Any]) -> Any:
    """Return the types of the columns of a record; every name has one type in all tables."""
    import pyarrow

    def kind(name: str) -> Any:
        if name in TEXT:
            return pyarrow.string()
        if name in WHOLE_NUMBERS:
            return pyarrow.uint64() if name == "seed" else pyarrow.int64()
        return pyarrow.bool_() if name == "eligible" else pyarrow.float64()

    return pyarrow.schema([(name, kind(name)) for name in record])
