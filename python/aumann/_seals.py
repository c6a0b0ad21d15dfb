"""Seals: digests by which a damaged file is told from one that is as it was written."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from aumann._files import replacing

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "DIGITS",
    "SealedParquet",
    "digest_of_file",
    "seal_document",
    "seal_of",
    "sealed_writer",
    "unseal_document",
]

# Where digests are, and what says elsewhere that they are there: a file that lost one of the two
# is damaged, and one that has neither is from before there were any.
SEAL, SEALED = "seal", "sealed"
PARQUET_SEAL, PARQUET_SEALED = b"aumann.seal", b"aumann.sealed"
BYTES = 16
DIGITS = 2 * BYTES
# Bytes read at a time.
PIECE = 1 << 20
# What ends a Parquet file: the length of the footer, and these.
MAGIC = b"PAR1"
TAIL = 4 + len(MAGIC)


def seal_of(text: bytes, key: str = "") -> str:
    """Return the digest of a text, another one for every key.

    Examples
    --------
    >>> seal_of(b"text", "a") == seal_of(b"text", "b"), len(seal_of(b"text"))
    (False, 32)
    """
    return _hash([key.encode(), b"\0", text])


def seal_document(document: Mapping[str, Any]) -> str:
    """Return a document as JSON that ends with a digest of all of it.

    The digest is taken with zeros in its place.

    Examples
    --------
    >>> text = seal_document({"agents": 3})
    >>> unseal_document(text)
    {'agents': 3}
    >>> unseal_document(text.replace("3", "4", 1))
    Traceback (most recent call last):
    ValueError: it is not what was written
    """
    place = "0" * DIGITS
    text = json.dumps({SEALED: True, **document, SEAL: place}, indent=2) + "\n"
    before, _, after = text.rpartition(place)
    return before + _hash([text.encode()]) + after


def unseal_document(text: str) -> Any:
    """Return what was given to `seal_document`; JSON that never was sealed as it is.

    Raises
    ------
    ValueError
        If it is no JSON, or not what was sealed.
    """
    found = json.loads(text)
    if isinstance(found, dict) and {SEALED, SEAL} & found.keys():
        marked, seal = found.pop(SEALED, None), found.pop(SEAL, None)
        zeros = text.replace(str(seal), "0" * DIGITS)
        if marked is not True or text.count(str(seal)) != 1 or seal != _hash([zeros.encode()]):
            raise ValueError("it is not what was written")
    return found


def digest_of_file(path: Path) -> str:
    """Return the digest of a file."""
    with open(path, "rb") as file:
        return _digest(file, 0, os.fstat(file.fileno()).st_size)


@contextmanager
def sealed_writer(
    path: str | os.PathLike[str], schema: Any, groups: int, **options: Any
) -> Iterator[Any]:
    """Give a ParquetWriter to a file that is written whole or not at all, and is then sealed.

    Parameters
    ----------
    path : path
    schema : pyarrow.Schema
    groups : int
        How many row groups will be written.
    **options
        Of `pyarrow.parquet.ParquetWriter`.

    Yields
    ------
    pyarrow.parquet.ParquetWriter

    Notes
    -----
    The seal is in the metadata: a digest of the footer, taken with zeros in the place of the seal,
    then one of each row group; the first has the beginning of the file with it.
    """
    from pyarrow import parquet

    marked = schema.with_metadata({**(schema.metadata or {}), PARQUET_SEALED: b"yes"})
    place = b"0" * (DIGITS * (1 + groups))
    with replacing(path) as temporary:
        with parquet.ParquetWriter(temporary, marked, write_page_checksum=True, **options) as file:
            yield file
            file.add_key_value_metadata({PARQUET_SEAL: place})
        with open(temporary, "r+b") as raw:
            footer, begins = _footer(raw)
            bounds = _bounds(parquet.read_metadata(temporary), begins)
            digests = [_hash([footer]), *(_digest(raw, *each) for each in pairwise(bounds))]
            raw.seek(begins + footer.index(place))
            raw.write("".join(digests).encode())


class SealedParquet:
    """A Parquet file of which nothing is returned before it is known to be as it was written.

    A file without a seal, from before there were any, is read as it is.

    Parameters
    ----------
    path : path

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    OSError
        If the file cannot be opened.
    ValueError
        If it is no Parquet file, or a damaged one; it is named.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a file and check its footer."""
        self._name = os.fspath(path)
        # Both are of the file that has the name in the end: another may take its place meanwhile.
        while True:
            footer, begins = self._open()
            try:
                if os.path.samestat(os.fstat(self._raw.fileno()), os.stat(path)):
                    break
            except BaseException:
                self.__exit__()
                raise
            self.__exit__()
        try:
            self.metadata = dict(self._file.metadata.metadata or {})
            self.names: list[str] = self._file.schema_arrow.names
            self.group_rows = [
                self._file.metadata.row_group(k).num_rows
                for k in range(self._file.metadata.num_row_groups)
            ]
            marked = self.metadata.pop(PARQUET_SEALED, None)
            seal = self.metadata.pop(PARQUET_SEAL, None)
            self._digests: list[str] = []
            self._bounds: list[int] = []
            if marked is not None or seal is not None:
                self._digests = self._checked(marked, seal, footer)
                self._bounds = _bounds(self._file.metadata, begins)
        except BaseException:
            self.__exit__()
            raise

    def _open(self) -> tuple[bytes, int]:
        """Open the file; return its footer and where that begins."""
        from pyarrow import parquet

        if not stat.S_ISREG(os.stat(self._name).st_mode):
            raise ValueError(f"{self._name} is no file; a Parquet file is wanted")
        self._raw = open(self._name, "rb")  # noqa: SIM115
        try:
            footer: tuple[bytes, int] = self._guarded(_footer, self._raw)
            self._file = self._guarded(
                parquet.ParquetFile, self._name, page_checksum_verification=True
            )
        except BaseException:
            self._raw.close()
            raise
        return footer

    def __enter__(self) -> Self:
        """Return this file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._file.close()
        self._raw.close()

    def read_row_groups(self, groups: Sequence[int], columns: list[str] | None = None) -> Any:
        """Return row groups as a pyarrow.Table.

        Raises
        ------
        ValueError
            If one is damaged.
        """
        if not self._digests:
            return self._guarded(self._file.read_row_groups, groups, columns=columns)
        for k in groups:
            if _digest(self._raw, *self._bounds[k : k + 2]) != self._digests[k]:
                raise self._damaged()
        return self._file.read_row_groups(groups, columns=columns)

    def read(self) -> Any:
        """Return all rows as a pyarrow.Table; see `read_row_groups`."""
        return self.read_row_groups(range(len(self.group_rows)))

    def _checked(self, marked: bytes | None, seal: bytes | None, footer: bytes) -> list[str]:
        """Return the digests of the row groups once the footer is known to be right."""
        size = DIGITS * (1 + len(self.group_rows))
        if marked is None or seal is None or len(seal) != size or footer.count(seal) != 1:
            raise self._damaged()
        digests = [seal[k : k + DIGITS].decode("ascii", "replace") for k in range(0, size, DIGITS)]
        if _hash([footer.replace(seal, b"0" * size)]) != digests[0]:
            raise self._damaged()
        return digests[1:]

    def _damaged(self) -> ValueError:
        return ValueError(
            f"{self._name} is damaged, or was changed by another program: it is not what aumann "
            "wrote"
        )

    def _guarded(self, read: Any, *arguments: Any, **options: Any) -> Any:
        """Call what reads bytes that may be anything, and name the file if it fails."""
        try:
            return read(*arguments, **options)
        except Exception as error:
            # Damaged bytes raise whatever the reader stumbles over first.
            said = str(error).splitlines() or [type(error).__name__]
            raise ValueError(f"{self._name} is not a complete Parquet file: {said[0]}") from error


def _footer(file: BinaryIO) -> tuple[bytes, int]:
    """Return the footer of a Parquet file, with what ends the file, and where it begins."""
    size = file.seek(0, os.SEEK_END)
    if size < len(MAGIC) + TAIL:
        raise ValueError(f"{size} bytes are too few")
    file.seek(size - TAIL)
    tail = file.read(TAIL)
    length = int.from_bytes(tail[:4], "little") + TAIL
    if tail[4:] != MAGIC or length > size - len(MAGIC):
        raise ValueError("it does not end as one does")
    file.seek(size - length)
    return file.read(length), size - length


def _bounds(metadata: Any, end: int) -> list[int]:
    """Return where each row group begins, the first at the beginning of the file, and the end."""
    starts = []
    for k in range(metadata.num_row_groups):
        group = metadata.row_group(k)
        columns = [group.column(c) for c in range(group.num_columns)]
        pages = [(each.dictionary_page_offset, each.data_page_offset) for each in columns]
        starts.append(min(offset for offsets in pages for offset in offsets if offset))
    return [*([0] if starts else []), *starts[1:], end]


def _digest(file: BinaryIO, start: int, stop: int) -> str:
    """Return the digest of a part of a file."""
    file.seek(start)
    return _hash(file.read(min(PIECE, stop - place)) for place in range(start, stop, PIECE))


def _hash(texts: Iterable[bytes]) -> str:
    digest = blake2b(digest_size=BYTES)
    for text in texts:
        digest.update(text)
    return digest.hexdigest()
