"""Lines of a text in batches: their numbers, their texts, what makes some of them unreadable.

A record is a line, or several where a quoted field holds line breaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BROKEN", "LONG", "LONGEST", "QUOTING", "line_batches"]

# Separators of files that put quotes around fields; elsewhere a quote is a character like another.
QUOTING = (",", ";")
CHUNK = 1 << 23
# The longest record that is read, in bytes; a longer one is malformed and never held whole.
LONGEST = 1 << 24
ROWS = 1 << 16
# Faults of records: a quote that is not closed, or not at the end of its field; too long.
BROKEN, LONG = 1, 2


def line_batches(stream: Any, head: bytes, separator: str | None) -> Iterator[Any]:
    r"""Give tables of the columns line, text and fault (0: none), of all records in order.

    Lines end in ``\n``, ``\r\n``, ``\r\r\n`` or ``\r``. Where fields are not quoted, a ``\r`` ends
    lines only if the file has no ``\n``: elsewhere it belongs to a text, which could forge a line.
    A text that is no UTF-8 is null, and so is one that is too long. All lines from a quote that
    opens a field and does not close it are faulty: they may be those of a text.
    """
    quotes = _Quotes(separator) if separator is not None and separator in QUOTING else None
    lone = quotes is not None or b"\n" not in head
    rest, lines, piece = b"", 0, head
    while True:
        last = not piece
        data = rest + piece
        ends = _line_ends(data, lone, last)
        keep, broken = np.ones(ends.size, bool), np.zeros(ends.size, bool)
        if quotes is not None and b'"' in data:
            ends = ends[: quotes.join(data, ends, keep, broken, last)]
        used = int(ends[-1]) if ends.size else 0
        first = np.flatnonzero(keep[: ends.size])
        if first.size:
            bounds = np.append(np.concatenate([[0], ends])[first], used)
            yield _table(first + lines + 1, _texts(bounds, data), broken[first] * BROKEN)
        lines += ends.size
        rest = data[used:]
        if last:
            return
        if len(rest) > LONGEST:
            rest, passed = _pass_over(stream, rest, lone, quotes is not None)
            faults = np.full(passed, LONG)
            yield _table(np.arange(passed) + lines + 1, [None] * passed, faults)
            lines += passed
        piece = stream.read(CHUNK)


class _Quotes:
    """What a record with quoted fields looks like."""

    def __init__(self, separator: str) -> None:
        mark = re.escape(separator.encode())
        plain, quoted = b'[^%b"\\r\\n]*' % mark, b'"[^"]*(?:""[^"]*)*'
        field = b'(?:%b"|%b)' % (quoted, plain)
        self.record = re.compile(b"%b(?:%b%b)*(?=[\\r\\n]|\\Z)" % (field, mark, field))
        # As much as can belong to a record: what is wrong is where this ends.
        self.partial = re.compile(b'(?:%b%b)*(?:%b"?)?' % (field, mark, quoted))

    def join(
        self,
        data: bytes,
        ends: NDArray[np.int64],
        keep: NDArray[np.bool_],
        broken: NDArray[np.bool_],
        last: bool,
    ) -> int:
        """Leave only the first line of every record in `keep`; return how many lines are settled.

        A record goes on in the next line only if the number of quotes in its first is odd.
        """
        quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == ord('"'))
        counts = np.bincount(np.searchsorted(ends, quotes, side="right"), minlength=ends.size)
        settled = 0
        for line in np.flatnonzero(counts[: ends.size] % 2).tolist():
            if line < settled:
                continue
            start = int(ends[line - 1]) if line else 0
            whole = self.record.match(data, start)
            found = whole or self.partial.match(data, start)
            assert found is not None
            final = int(np.searchsorted(ends, found.end(), side="right"))
            if final == ends.size:
                if not last:
                    return int(line)
                final -= 1
            settled = final + 1
            if whole:
                keep[line + 1 : settled] = False
            else:
                broken[line:settled] = True
        return ends.size


def _line_ends(data: bytes, lone: bool, last: bool) -> NDArray[np.int64]:
    """Return where lines end, behind their last character.

    What the two last characters are is known with those that follow.
    """
    octets = np.frombuffer(data, np.uint8)
    octets = octets if last else octets[:-2]
    ends = np.flatnonzero(octets == ord("\n"))
    if lone and b"\r" in data:
        returns = np.flatnonzero(octets == ord("\r"))
        padded = np.frombuffer(data + b"  ", np.uint8)
        second, third = padded[returns + 1], padded[returns + 2]
        part = (second == ord("\n")) | ((second == ord("\r")) & (third == ord("\n")))
        ends = np.sort(np.concatenate([ends, returns[~part]]))
    ends += 1
    if last and data and (not ends.size or ends[-1] < len(data)):
        ends = np.append(ends, len(data))
    return ends


def _pass_over(stream: Any, data: bytes, lone: bool, quoting: bool) -> tuple[bytes, int]:
    """Read on to the end of a record; return what follows it, and how many lines were passed."""
    passed = quotes = 0
    while True:
        piece = stream.read(CHUNK)
        data += piece
        ends = _line_ends(data, lone, last=not piece)
        outside = np.ones(ends.size, bool)
        if quoting:
            places = np.flatnonzero(np.frombuffer(data, np.uint8) == ord('"'))
            outside = (quotes + np.searchsorted(places, ends)) % 2 == 0
        if outside.any():
            final = int(np.argmax(outside))
            return data[int(ends[final]) :], passed + final + 1
        passed += ends.size
        if not piece:
            return b"", passed
        quotes += data[:-2].count(b'"')
        data = data[-2:]


def _texts(bounds: NDArray[np.int64], data: bytes) -> Any:
    import pyarrow

    places, content = pyarrow.py_buffer(bounds.astype(np.int64)), pyarrow.py_buffer(data)
    made = pyarrow.Array.from_buffers
    texts = made(pyarrow.large_string(), bounds.size - 1, [None, places, content])
    try:
        texts.validate(full=True)
    except pyarrow.ArrowInvalid:
        raw = made(pyarrow.large_binary(), bounds.size - 1, [None, places, content])
        return [_decoded(text) for text in raw.to_pylist()]
    return texts


def _decoded(text: bytes) -> str | None:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def _table(lines: NDArray[np.int64], texts: Any, faults: NDArray[np.int64]) -> Any:
    """Return the batch as the engine takes it: in pieces that its threads can share."""
    import pyarrow

    table = pyarrow.table(
        {
            "line": lines,
            "text": pyarrow.array(texts, pyarrow.large_string()),
            "fault": faults.astype(np.int8),
        }
    )
    return pyarrow.Table.from_batches(table.to_batches(max_chunksize=ROWS))
