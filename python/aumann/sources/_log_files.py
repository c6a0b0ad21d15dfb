"""Files of an event log: which ones are meant, in which form they are, and their bytes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from aumann.sources._compressed import Decompressed

__all__ = ["LogFile", "log_files", "opened", "shown"]

# Bytes in which the header, or the first event, must end.
HEAD = 1 << 20
COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
JSON = (".jsonl", ".ndjson", ".json")
# Marks and patterns of the texts that are not UTF-8 and still common.
UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class LogFile:
    """One file, or standard input where there is no path."""

    path: Path | None
    name: str

    @property
    def suffix(self) -> str:
        """The suffix before that of the compression."""
        suffixes = [end for end in Path(self.name).suffixes if end not in COMPRESSED]
        return suffixes[-1].lower() if suffixes and self.path is not None else ""

    def form(self, head: bytes, separator: str | None) -> Literal["parquet", "json", "text"]:
        """Say how the file is read: by its suffix, else by its first bytes."""
        if self.suffix == ".parquet" or (separator is None and head.startswith(b"PAR1")):
            return "parquet"
        if separator is None and (
            self.suffix in JSON
            or (
                self.suffix not in (".csv", ".tsv")
                and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
            )
        ):
            return "json"
        return "text"


def log_files(path: str | PathLike[str] | Sequence[str | PathLike[str]]) -> list[LogFile]:
    """Return the files that are meant: one, several, all of a folder, or standard input ("-").

    Raises
    ------
    FileNotFoundError
        If one is not there.
    ValueError
        If none is given, a folder holds none, or one is given twice.
    """
    given = [path] if isinstance(path, (str, PathLike)) else list(path)
    if not given:
        raise ValueError("path is an empty sequence; at least one file is wanted")
    files: list[LogFile] = []
    for one in given:
        place = Path(one)
        if os.fspath(one) == "-":
            files.append(LogFile(None, "standard input"))
        elif place.is_dir():
            files.extend(_files_of(place))
        elif place.exists():
            files.append(LogFile(place, place.name))
        else:
            raise FileNotFoundError(f"{place} is not there, or is no file")
    met = set()
    for file in files:
        real = "-" if file.path is None else os.path.realpath(file.path)
        if real in met:
            raise ValueError(f"path names {file.path or '-'} twice; its events would count twice")
        met.add(real)
    return files


def shown(files: Sequence[LogFile]) -> str:
    """Return what messages call the files."""
    first = str(files[0].path or files[0].name)
    return first if len(files) == 1 else f"{first} and {len(files) - 1} more"


def _files_of(folder: Path) -> list[LogFile]:
    """Return the files below a folder by path; hidden ones and marks such as _SUCCESS aside."""
    found = []
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        found += [Path(base) / name for name in names if not name.startswith((".", "_"))]
    if not found:
        raise ValueError(f"{folder} holds no file; at least one is wanted")
    return [LogFile(file, str(file.relative_to(folder))) for file in sorted(found)]


@contextmanager
def opened(file: LogFile) -> Iterator[tuple[Any, bytes]]:
    """Give the stream of a file's bytes, decompressed, after its first ones, and those.

    A stream that is cut short or damaged is refused when its fault is met, and a text in UTF-16
    at once.
    """
    import pyarrow

    raw: Any = getattr(sys.stdin, "buffer", None) if file.path is None else file.path.open("rb")
    shown = file.path or file.name
    if not hasattr(raw, "peek"):
        raise ValueError("path is '-', but the program has no standard input of bytes")
    try:
        # What is not a name of a compressed file may be one all the same.
        start = raw.peek(4)
        compression = COMPRESSED.get(file.path.suffix if file.path else "") or next(
            (name for magic, name in MAGIC.items() if start.startswith(magic)), None
        )
        stream: Any = raw
        if compression is not None:
            stream = Decompressed(raw, compression, shown)
        head = b""
        while len(head) < HEAD and (piece := stream.read(HEAD - len(head))):
            head += piece
        yield stream, _checked(head, shown)
    except (pyarrow.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(
            f"{shown} is cut short or damaged, so it is not read at all: {error}"
        ) from error
    finally:
        if file.path is not None:
            raw.close()


def _checked(head: bytes, shown: Path | str) -> bytes:
    sample = head[:1024]
    zeros = max(sample[::2].count(0), sample[1::2].count(0))
    if head.startswith(UTF16) or (not head.startswith(b"PAR1") and zeros > len(sample) // 8):
        raise ValueError(
            f"{shown} is text in UTF-16 or UTF-32; UTF-8 is wanted: "
            "iconv -f UTF-16 -t UTF-8 FILE > NEW writes it"
        )
    return head.removeprefix(b"\xef\xbb\xbf")
