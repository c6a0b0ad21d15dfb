"""The answer of `aumann attribute` as tables on a terminal."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from aumann.cli.cells import Cells
from aumann.cli.terminal import PLAIN

__all__ = ["print_agents", "print_cells", "print_notes"]

# More groups than this make a table of steps too wide; their largest is named instead.
MOST_COLUMNS = 8


def print_cells(
    console: Console, cells: Cells, peak: int | None, by_step: bool, prefix: str
) -> None:
    """Print one line per step with the share of each group, or one per group of a single row.

    `prefix` stands before the names of groups that do not say by themselves what they are.
    """
    console.print()
    console.print(_step_table(cells, peak, prefix) if by_step else _group_table(cells, prefix))
    console.print()


def print_agents(console: Console, columns: dict[str, NDArray[Any]], by_step: bool) -> None:
    """Print the attributions of single agents."""
    table = Table(**PLAIN)
    names = [name for name in columns if by_step or name != "step"]
    for name in names:
        table.add_column(name, justify="left" if name in ("step", "id", "group") else "right")
    for line in zip(*(columns[name].tolist() for name in names), strict=True):
        table.add_row(*(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in line))
    console.print(table)
    console.print()


def print_notes(console: Console, cells: Cells, minimum: int | None, elapsed: float) -> None:
    """Print what the table needs to be read right: residual, undefined, suppressed, time."""
    worst = int(np.argmax(np.abs(cells.residual)))
    where = f" (step {cells.rows[worst]})" if len(cells.rows) > 1 else ""
    relative = float(np.abs(cells.relative_residual).max())
    console.print(
        f"residual at most {abs(cells.residual[worst]):.1e}{where}, "
        f"{relative:.0e} of the sum of magnitudes"
    )
    if cells.undefined.any():
        console.print(
            "undefined: the attributions sum to 0, or to rounding error, so nothing is a share"
        )
    if cells.hidden.any():
        console.print(
            f"suppressed: {int(cells.hidden.sum())} of {cells.hidden.size} cells hold fewer than "
            f"{minimum} people, or could give such a cell away"
        )
    if _signed(cells):
        console.print(
            "signed shares: there are attributions of both signs, so the shares of groups can be "
            "negative or exceed 100 %"
        )
    console.print(f"attributed in {_seconds(elapsed)}")


def _step_table(cells: Cells, peak: int | None, prefix: str) -> Table:
    table = Table(**PLAIN)
    table.add_column("step")
    for name in ("value", "total", "residual"):
        table.add_column(name, justify="right")
    several = 1 < len(cells.groups) <= MOST_COLUMNS
    if several:
        for group in cells.groups:
            table.add_column(f"share of\n{prefix}{group}", justify="right")
    elif len(cells.groups) > 1:
        table.add_column("largest share")
    for row, step in enumerate(cells.rows):
        shown = [
            f"{step} peak" if row == peak else step,
            _amount(cells.value[row]),
            _amount(cells.total[row]),
            f"{cells.residual[row]:.1e}",
        ]
        if several:
            shown += [_share(cells, row, group) for group in range(len(cells.groups))]
        elif len(cells.groups) > 1:
            shown.append(_largest_share(cells, row, prefix))
        table.add_row(*shown, style="bold" if row == peak else None)
    return table


def _group_table(cells: Cells, prefix: str) -> Table:
    table = Table(**PLAIN)
    table.add_column("group")
    for name in ("agents", "sum", "share"):
        table.add_column(name, justify="right")
    for group, name in enumerate(cells.groups):
        hidden = cells.hidden[0, group]
        table.add_row(
            f"{prefix}{name}",
            "suppressed" if hidden else f"{cells.agents[0, group]:,}",
            _amount(cells.sums[0, group]),
            _share(cells, 0, group),
        )
    table.add_row("total", f"{cells.agents.sum():,}", _amount(cells.total[0]), "")
    return table


def _share(cells: Cells, row: int, group: int) -> str:
    if cells.hidden[row, group]:
        return "suppressed"
    if cells.undefined[row]:
        return "undefined"
    if cells.agents[row, group] == 0:
        return "no agents"
    sign = "+" if _signed(cells) else ""
    return f"{100 * cells.shares[row, group]:{sign}.2f} %"


def _largest_share(cells: Cells, row: int, prefix: str) -> str:
    if np.isnan(cells.shares[row]).all():
        return "undefined" if cells.undefined[row] else "suppressed"
    group = int(np.nanargmax(cells.shares[row]))
    return f"{_share(cells, row, group)} in {prefix}{cells.groups[group]}"


def _signed(cells: Cells) -> bool:
    """Return whether any share leaves [0, 1] by more than rounding."""
    shares = cells.shares[~np.isnan(cells.shares)]
    return bool(((shares < -1e-9) | (shares > 1 + 1e-9)).any())


def _amount(number: float) -> str:
    return "suppressed" if np.isnan(number) else f"{number:.6g}"


def _seconds(elapsed: float) -> str:
    return f"{1000 * elapsed:.1f} ms" if elapsed < 1 else f"{elapsed:.2f} s"
