"""A table of a report: what its cells say, and what they sort by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aumann.report.words import number, percent, points

__all__ = [
    "FUNCTION",
    "PROTOCOL",
    "SIZE",
    "TIER",
    "TOPIC",
    "Cell",
    "Column",
    "Table",
    "count_cell",
    "number_cell",
    "percent_cell",
    "points_cell",
    "text_cells",
]

# Tables of more rows than a screen holds can be narrowed down.
FILTERED_FROM = 13


@dataclass(frozen=True)
class Cell:
    """A text, and what it sorts by: a number, the text itself, or None where undefined."""

    text: str
    value: float | str | None


@dataclass(frozen=True)
class Column:
    """A heading; numbers are set to the right and sort as such."""

    name: str
    numeric: bool = True
    filtered: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the page; `note` says what a row is."""

    key: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]

    @property
    def filters(self) -> list[tuple[int, str, list[str]]]:
        """Columns to narrow a long table down by: position, name, the texts that are in it."""
        if len(self.rows) < FILTERED_FROM:
            return []
        found = (
            (place, column.name, list(dict.fromkeys(row[place].text for row in self.rows)))
            for place, column in enumerate(self.columns)
            if column.filtered
        )
        return [each for each in found if len(each[2]) > 1]


TOPIC = Column("topic", numeric=False, filtered=True)
FUNCTION = Column("value function", numeric=False, filtered=True)
PROTOCOL = Column("protocol", numeric=False, filtered=True)
SIZE = Column("size", filtered=True)
TIER = Column("tier", numeric=False, filtered=True)


def text_cells(*texts: str | None) -> list[Cell]:
    """Return cells of text."""
    return [Cell(text or "", text) for text in texts]


def count_cell(count: int) -> Cell:
    """Return a cell of a whole number."""
    return Cell(f"{count:,}", count)


def percent_cell(share: float | None) -> Cell:
    """Return a cell of a share."""
    return Cell(percent(share), share)


def points_cell(flip: float | None) -> Cell:
    """Return a cell of a difference of shares."""
    return Cell(points(flip), flip)


def number_cell(value: float | None, digits: int = 4) -> Cell:
    """Return a cell of a number with so many significant digits."""
    return Cell(number(value, digits), value)
