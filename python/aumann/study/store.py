"""The folder of a study: what was asked for, what is done, and the tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from aumann._files import replacing
from aumann._seals import (
    DIGITS,
    SealedParquet,
    digest_of_file,
    seal_document,
    seal_of,
    unseal_document,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "FINISHED",
    "MANIFEST",
    "PARTS",
    "TABLES",
    "Rows",
    "Store",
    "read_manifest",
    "read_tables",
]

# The rows of some tables, each a list of records.
Rows: TypeAlias = dict[str, list[dict[str, Any]]]

MANIFEST = "manifest.json"
PARTS = "parts"
# The key of the manifest that says that all tables are there, and of one run.
FINISHED = "finished"
# The key under which the file of the manifest has the digests of the tables.
TABLES = "tables"
# What ends a part, and is nowhere else in it.
END = b"\n"
# What begins a part, before and after the digest of the rest; and one from before there were any.
BEFORE, AFTER, UNSEALED = b'{"seal": "', b'", ', b'{"versions": '
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
    part that is missing. A part says which versions it was measured by, and carries a digest that
    no other part and no other study has: one that is damaged counts as missing. One process at a
    time may write to the folder (`aumann._locks.exclusive`).

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
        # Without a manifest nobody knows of which study a part without a digest is.
        self._begun = path.exists()
        self.manifest: dict[str, Any] = _found(path, asked) if self._begun else asked
        strange = sorted(self.folder.glob("*.parquet"))
        if strange and not self._begun:
            raise ValueError(
                f"output: {self.folder} holds {strange[0].name} and no study; "
                "an empty folder, or that of this study, is wanted"
            )
        (self.folder / PARTS).mkdir(parents=True, exist_ok=True)
        self._versions: dict[str, str] = asked["versions"]
        self._identity = json.dumps({**asked, "versions": None}, sort_keys=True)
        if not self._begun:
            self._write_manifest()

    def has(self, part: str) -> bool:
        """Tell whether a part is finished; one that was damaged since is not."""
        return self._text(part) is not None

    def write(self, part: str, rows: Rows) -> None:
        """Keep a finished part."""
        with replacing(self._path(part)) as temporary:
            # repr of floats is exact, so that what is read back is the same to the bit.
            text = json.dumps({"versions": self._versions, "rows": rows}).encode()[1:] + END
            temporary.write_bytes(BEFORE + self._seal(part, text) + AFTER + text)

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
        self._write_manifest({name: digest_of_file(self._table_path(name)) for name in tables})
        return {name: parquet.read_table(self._table_path(name)) for name in tables}

    def _read(self, part: str) -> tuple[dict[str, str], Rows]:
        """Return the versions that a part was measured by, and its rows."""
        try:
            found = json.loads(self._text(part) or b"")
            return found["versions"], found["rows"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"output: {self._path(part)} is damaged; delete it, and run the study again"
            ) from error

    def _text(self, part: str) -> bytes | None:
        """Return what a part holds; None if it is missing or damaged.

        A part from before there were digests is taken as it is, if it has its end.
        """
        try:
            found = self._path(part).read_bytes()
        except FileNotFoundError:
            return None
        size = len(BEFORE) + DIGITS + len(AFTER)
        if found[:size] == BEFORE + self._seal(part, found[size:]) + AFTER:
            return found
        old = self._begun and found.startswith(UNSEALED) and found.endswith(END)
        return found if old else None

    def _seal(self, part: str, text: bytes) -> bytes:
        return seal_of(text, f"{self._identity} {part}").encode()

    def _write_manifest(self, tables: Mapping[str, str] | None = None) -> None:
        """Write the manifest, with the digests of the tables that it says are finished."""
        document = {**self.manifest, **({} if tables is None else {TABLES: tables})}
        with replacing(self.folder / MANIFEST) as temporary:
            temporary.write_bytes(seal_document(document).encode())

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


def read_tables(folder: Path, digests: Mapping[str, str] | None) -> dict[str, Any]:
    """Read the tables of a finished study; all that are there if their digests are not known.

    Raises
    ------
    ValueError
        If one is missing or damaged.
    """
    if digests is None:
        return {path.stem: _table(path) for path in sorted(folder.glob("*.parquet"))}
    paths = {name: folder / f"{name}.parquet" for name in sorted(digests)}
    for name, path in paths.items():
        if not path.is_file() or digest_of_file(path) != digests[name]:
            wrong = "damaged" if path.is_file() else "missing"
            raise ValueError(f"folder: {path} is {wrong}; run the study again")
    return {name: _table(path) for name, path in paths.items()}


def _table(path: Path) -> Any:
    with SealedParquet(path) as file:
        return file.read()


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Read the manifest of a study; None if the file is something else.

    Raises
    ------
    ValueError
        If it was damaged.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "manifest.json"
    >>> _ = path.write_text("{}")
    >>> read_manifest(path) is None
    True
    """
    try:
        found = unseal_document(path.read_bytes().decode())
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        return None
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged; delete it and the tables beside it, and run the study again: "
            "what it has measured is kept"
        ) from error
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
    found.pop(TABLES, None)
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
