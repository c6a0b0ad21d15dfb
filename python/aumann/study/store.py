"""The folder of a study: what was asked for, what is done, and the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from aumann._files import replacing

__all__ = ["MANIFEST", "Rows", "Store"]

# The rows of some tables, each a list of records.
Rows: TypeAlias = dict[str, list[dict[str, Any]]]

MANIFEST = "manifest.json"
PARTS = "parts"

# Types of columns; those not named hold real numbers.
TEXT = {"topic", "value_function", "protocol", "tier", "step", "elite", "other", "baseline"}
WHOLE_NUMBERS = {
    *("size", "seed", "agents", "number", "bin", "active", "steps_enough", "merged"),
    *("reachable", "certain"),
}


class Store:
    """A folder that holds the parts of a study as they are finished.

    Every part is written whole or not at all, so a study that was killed goes on with the first
    part that is missing. One process at a time may write to it.

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
        if not path.exists():
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(asked, indent=2) + "\n")

    def has(self, part: str) -> bool:
        """Tell whether a part is finished."""
        return self._path(part).exists()

    def write(self, part: str, rows: Rows) -> None:
        """Keep a finished part."""
        with replacing(self._path(part)) as temporary:
            # repr of floats is exact, so that what is read back is the same to the bit.
            temporary.write_text(json.dumps(rows))

    def write_tables(self, parts: Sequence[str]) -> dict[str, Any]:
        """Write the tables of all parts, in order, and return them by name.

        A table is a file NAME.parquet in the folder.
        """
        from pyarrow import Table, parquet

        rows: Rows = {}
        for part in self._read(parts):
            for name, records in part.items():
                rows.setdefault(name, []).extend(records)
        tables = {
            name: Table.from_pylist(records, schema=_schema(records[0]))
            for name, records in rows.items()
            if records
        }
        for name, table in tables.items():
            with replacing(self.folder / f"{name}.parquet") as temporary:
                parquet.write_table(table, temporary)
        return tables

    def _read(self, parts: Sequence[str]) -> Iterator[Rows]:
        for part in parts:
            yield json.loads(self._path(part).read_text())

    def _path(self, part: str) -> Path:
        return self.folder / PARTS / f"{part}.json"


def _found(path: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Read the manifest in a folder, and say what differs if it is of another study."""
    try:
        found = json.loads(path.read_text())
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"format", "population"} <= found.keys():
        raise ValueError(
            f"output: {path} is of no study; an empty folder, or that of this study, is wanted"
        )
    different = sorted(
        key for key in {*found, *asked} if key != "versions" and found.get(key) != asked.get(key)
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
