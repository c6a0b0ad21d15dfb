"""Compressed streams, refused where they hold far more than data ever compress to."""

from __future__ import annotations

import io
from typing import Any

__all__ = ["Decompressed"]

# How many times larger than its file a stream may be, and from how many bytes on that matters:
# logs compress 5 to 50 times, and what expands a thousand times was made to fill a memory.
MOST = 250
LEAST = 1 << 26


class _Counted(io.RawIOBase):
    """A stream, and how many bytes were read of it."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self.stream, self.count = stream, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        piece: bytes = self.stream.read(size)
        self.count += len(piece)
        return piece


class Decompressed(_Counted):
    """The content of a compressed stream; the stream itself is left open.

    Parameters
    ----------
    raw : binary file
        The compressed bytes.
    compression : str
        As pyarrow calls it: gzip, zstd.
    shown : object
        What messages call the stream.
    """

    def __init__(self, raw: Any, compression: str, shown: object) -> None:
        """Begin at the position of the file."""
        import pyarrow

        self._packed, self._shown = _Counted(raw), shown
        packed = pyarrow.PythonFile(self._packed, "r")
        super().__init__(pyarrow.CompressedInputStream(packed, compression))

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes.

        Raises
        ------
        ValueError
            If there have been far more of them than data compress to.
        pyarrow.ArrowInvalid, OSError
            If the stream is cut short or damaged.
        """
        # All at once would be all of it before it is looked at.
        piece = super().read(LEAST if size is None or size < 0 else min(size, LEAST))
        if self.count > max(LEAST, MOST * self._packed.count):
            raise ValueError(
                f"{self._shown} holds more than {MOST} times the bytes of its file, so it is not "
                "read at all; decompress it first to read it all the same"
            )
        return piece
