"""A table of the paper, as plain columns that know how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from textwrap import fill
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aumann._printable import printable
from aumann.export import Table, Tabular, html_table, text_table

__all__ = ["NOTHING", "Column", "Kind", "PaperTable"]

# share: a part of a whole, written as a percentage. points: a difference of shares. figure: a
# number of order 1, or rounding error. members: a number of agents, or the mean of some.
# deviation: of shares. written: numbers that are text already.
Kind: TypeAlias = Literal["text", "share", "points", "figure", "members", "deviation", "written"]

UNDEFINED = "undefined"

# Where there is nothing of which a figure could be undefined.
NOTHING = "-"

# Of the sentences above and below a table.
WIDTH = 100


@dataclass(frozen=True)
class Column:
    """Cells of one kind under a name.

    Parameters
    ----------
    name : str
        The heading.
    kind : {"text", "share", "points", "figure", "members", "deviation", "written"}
        How cells are written.
    cells : sequence
        Numbers, or text where the kind says so; None where undefined, NaN where there is nothing.
    deviations : sequence of float or None, optional
        The standard deviation of each cell; None where there is none.
    """

    name: str
    kind: Kind
    cells: Sequence[Any]
    deviations: Sequence[float | None] | None = None

    def texts(self, signed: bool) -> list[str]:
        """Return the cells as they are written, shares with their sign if asked."""
        deviations = self.deviations or [None] * len(self.cells)
        return [
            _text(self.kind, cell, deviation, signed)
            for cell, deviation in zip(self.cells, deviations, strict=True)
        ]


@dataclass(frozen=True, eq=False, repr=False)
class PaperTable(Tabular):
    """One table of the paper, of the study at hand.

    Parameters
    ----------
    name : str
        As the paper has it.
    title : str
        What it shows: which panels, topic and value function.
    columns : sequence of Column
        In the paper's layout.
    labels : int
        How many of the first columns name the rows.
    notes : sequence of str
        What is needed to read it right.
    missing : str
        Why the study does not hold it, and what to ask for; empty where it does.

    Examples
    --------
    >>> shares = Column("sports", "share", [0.931, None])
    >>> table = PaperTable("Table 2", "Shares", [Column("tier", "text", ["top", "tail"]), shares])
    >>> table
    Table 2. Shares
    tier     sports
    top       93.1%
    tail  undefined
    >>> table.to_table()["sports"]
    array([0.931,   nan])
    """

    name: str
    title: str
    columns: Sequence[Column] = ()
    labels: int = 1
    notes: Sequence[str] = ()
    missing: str = ""

    @property
    def signed(self) -> bool:
        """Whether any share leaves [0, 1] by more than rounding."""
        shares = [
            cell
            for column in self.columns
            if column.kind == "share"
            for cell in column.cells
            if cell is not None
        ]
        return any(share < -1e-9 or share > 1 + 1e-9 for share in shares)

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    @property
    def rows(self) -> list[list[str]]:
        """Cells as they are written, row by row."""
        texts = [column.texts(self.signed) for column in self.columns]
        return [list(row) for row in zip(*texts, strict=True)]

    @property
    def remarks(self) -> list[str]:
        """The notes, and what the signs mean where there are any."""
        if not self.signed:
            return list(self.notes)
        return [
            *self.notes,
            "signed shares: there are attributions of both signs, so the shares of tiers can be "
            "negative or exceed 100 %, and points of different value functions do not compare",
        ]

    def to_table(self) -> Table:
        """Return the columns as arrays: shares as parts of 1, undefined figures as NaN.

        The standard deviation of a column stands behind it, as `NAME deviation`.

        Raises
        ------
        ValueError
            If the study does not hold the table; it says what to ask for.
        """
        if self.missing:
            raise ValueError(f"{self.name}: {self.missing}")
        found: dict[str, NDArray[Any]] = {}
        for k, column in enumerate(self.columns):
            # A topic may be called like one of the other columns.
            name = column.name if column.name not in found else f"{column.name} ({k})"
            if column.kind in ("text", "written"):
                found[name] = np.array(list(column.cells), dtype=np.object_)
                continue
            found[name] = _numbers(column.cells)
            if column.deviations is not None:
                found[f"{name} deviation"] = _numbers(column.deviations)
        return Table(found)

    def __repr__(self) -> str:
        """Return the table as text."""
        if self.missing:
            return printable(f"{self.name}. {self.title}\nnot in this study: {self.missing}", "\n")
        title = fill(printable(f"{self.name}. {self.title}"), WIDTH)
        remarks = (fill(printable(remark), WIDTH) for remark in self.remarks)
        return "\n".join([title, text_table(self.header, self.rows), *remarks])

    def _repr_html_(self) -> str:
        if self.missing:
            return html_table([], [[self.name, self.title, f"not in this study: {self.missing}"]])
        table = html_table(self.header, self.rows)
        title = html_table([], [[f"{self.name}. {self.title}"]])
        return title + table + html_table([], [[remark] for remark in self.remarks])


def _numbers(cells: Sequence[Any]) -> NDArray[np.float64]:
    return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)


def _text(kind: Kind, cell: Any, deviation: float | None, signed: bool) -> str:
    if cell is None:
        return UNDEFINED
    if kind in ("text", "written"):
        return str(cell)
    if isnan(cell):
        return NOTHING
    if kind == "share":
        return f"{100 * cell:{'+' if signed else ''}.1f}%"
    if kind == "points":
        return f"{100 * cell:+.1f}" + ("" if deviation is None else f" ±{100 * deviation:.1f}")
    if kind == "deviation":
        return f"{100 * cell:.1f}"
    if kind == "members" and isinstance(cell, int):
        return f"{cell:,}"
    if kind == "members":
        return f"{cell:,.1f}" + ("" if deviation is None else f" ±{deviation:,.1f}")
    return _figure(cell) + ("" if deviation is None else f" ±{_figure(deviation)}")


def _figure(number: float) -> str:
    """Write a number of order 1 to three decimals, and rounding error as a power of ten."""
    return f"{number:.0e}" if 0 < abs(number) < 5e-4 else f"{number:.3f}"
