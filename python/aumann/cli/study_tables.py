"""The tables of the paper on a terminal."""

from collections.abc import Iterable, Sequence
from textwrap import fill, wrap

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aumann.cli.terminal import PLAIN
from aumann.study.paper_table import PaperTable

__all__ = ["print_paper_tables", "print_table"]

# Wider tables continue below themselves, so that they can be read and pasted anywhere.
WIDTH = 100

# Longer names are broken at spaces and hyphens where they can be, and otherwise within.
HEADING = 13
LONGEST = 24

# Between two columns.
GAP = 2


def print_paper_tables(console: Console, tables: Iterable[PaperTable]) -> None:
    """Print those that the study holds, and at the end why it does not hold the others.

    Columns that do not fit next to each other are printed in further tables, each with the names
    of the rows.
    """
    width = min(console.width, WIDTH)
    missing = []
    for table in tables:
        if table.missing:
            missing.append(table)
            continue
        print_table(console, f"{table.name}. {table.title}", table)
        console.print("\n")
    if missing:
        console.print(Text("Not in this study", style="bold"))
        for table in missing:
            line = f"{table.name}. {table.title}: {table.missing}"
            console.print(fill(line, width, subsequent_indent="  "))


def print_table(console: Console, title: str, table: PaperTable) -> None:
    """Print a table under a title, and what is needed to read it right."""
    width = min(console.width, WIDTH)
    console.print(Text(fill(title, width), style="bold"))
    for columns in _side_by_side(table, width):
        console.print()
        console.print(_part(table, columns))
    for remark in table.remarks:
        console.print(fill(remark, width))


def _side_by_side(table: PaperTable, width: int) -> list[list[int]]:
    """Return the columns of each part of a table that is too wide."""
    widths = [
        max(map(cell_len, "\n".join([_heading(name), *map(_name, cells)]).split("\n")))
        for name, *cells in zip(table.header, *table.rows, strict=True)
    ]
    sections = _sections(table)
    # The names of sections stand in the column of the first label.
    widths[sections] = max(widths[: sections + 1])
    labels = sum(widths[sections : table.labels]) + GAP * (table.labels - 1 - sections)
    parts: list[list[int]] = [[]]
    left = width - labels
    for k in range(table.labels, len(widths)):
        if parts[-1] and widths[k] + GAP > left:
            parts.append([])
            left = width - labels
        parts[-1].append(k)
        left -= widths[k] + GAP
    return parts


def _part(table: PaperTable, columns: Sequence[int]) -> Table:
    """Return some columns with the names of the rows, each said where it changes."""
    sections = _sections(table)
    labels = range(sections, table.labels)
    part = Table(**PLAIN)
    for k in [*labels, *columns]:
        text = table.columns[k].kind == "text"
        part.add_column(_heading(table.header[k]), justify="left" if text else "right")
    before: list[str] = []
    for row in table.rows:
        if sections and row[:1] != before[:1]:
            part.add_row(Text(_name(row[0]), style="bold"))
            before = row[:1]
        names = [
            "" if k < table.labels - 1 and row[: k + 1] == before[: k + 1] else _name(row[k])
            for k in labels
        ]
        part.add_row(*names, *(row[k] for k in columns))
        before = row
    return part


def _sections(table: PaperTable) -> int:
    """Return 1 if the first column heads sections of rows, which keeps the table narrow."""
    return int(table.labels > 1)


def _heading(name: str) -> str:
    lines = wrap(name, HEADING, break_long_words=False)
    return "\n".join(part for line in lines for part in _lines(line))


def _name(text: str) -> str:
    return "\n".join(_lines(text))


def _lines(text: str) -> list[str]:
    if len(text) <= LONGEST:
        return [text]
    # Value functions with weights are long.
    name, bracket, inside = text.partition("(")
    return [*wrap(name + bracket, LONGEST), *wrap(inside, LONGEST)]
