"""Run the comparison: cells one after another, what is known kept after each."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from aumann._locks import exclusive
from aumann.benchmark.timing.cell import Cell
from aumann.benchmark.timing.extrapolation import complete
from aumann.benchmark.timing.figure import write_figure
from aumann.benchmark.timing.methods import BUILT_IN, TimedMethod
from aumann.benchmark.timing.process import machine, run_cell, version
from aumann.benchmark.timing.report import write_markdown
from aumann.benchmark.timing.schedule import is_hopeless, planned, share, stuck
from aumann.benchmark.timing.store import read_cells, write_cells
from aumann.benchmark.workload import FULL
from aumann.value_functions import from_name

__all__ = ["SIZES", "VALUE_FUNCTIONS", "run"]

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, FULL)
VALUE_FUNCTIONS = ("mean", "heat", "variance", "gini")


def run(
    methods: Mapping[str, TimedMethod | str] | None = None,
    sizes: Sequence[int] = SIZES,
    value_functions: Sequence[str] = VALUE_FUNCTIONS,
    *,
    repeats: int = 5,
    limit: float = 60.0,
    budget: float = 1_200.0,
    output: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Cell]:
    """Time methods over numbers of agents and value functions, each cell in a fresh process.

    Parameters
    ----------
    methods : dict of str to TimedMethod or str, optional
        What to time, by name. A string "module:function" is a method that draws no samples. By
        default the eight of `BUILT_IN`; add to them with ``BUILT_IN | {"mine": "module:f"}``.
    sizes : sequence of int
        Numbers of agents; features are the sparse workload of `aumann.benchmark.workload`.
    value_functions : sequence of str
        Of mean, heat, variance and gini.
    repeats : int
        Timed calls per cell, after a warm-up. Fewer where they would take more than a fifth of
        what the cell may take.
    limit : float
        Seconds that the calls of one cell may take together, after which it is stopped.
    budget : float
        Seconds for everything. What a cell does not need is left to those after it; cells that
        are not reached are unfinished.
    output : path, optional
        Folder of `results.parquet`, `results.md`, `timing.png` and `timing.svg`. Cells found there
        that were run by the same version on the same machine are not run again, but for failed
        ones, and for those without a measurement if `limit` is larger now.
    progress : callable, optional
        Called before each cell and at the end with the cells done, the cells in all, and words.

    Returns
    -------
    list of Cell
        One per method, value function and number of agents.

    Raises
    ------
    ValueError, TypeError
        If a method, a size, a value function or a number is not as described.
    ImportError
        Without pyarrow, if `output` is given.
    BlockingIOError
        If another process is timing into `output`.

    Notes
    -----
    After an interruption the cells that were finished are in `results.parquet`, and the same call
    goes on with the others.

    Examples
    --------
    >>> cells = run({"mine": "aumann.benchmark.timing.methods:aumann_shapley"}, [100], ["mean"])
    >>> cells[0].status, cells[0].seconds < 1
    ('measured', True)
    """
    named = {
        name: TimedMethod(method) if isinstance(method, str) else method
        for name, method in (BUILT_IN if methods is None else methods).items()
    }
    _check(named, sizes, value_functions, repeats, limit, budget)
    plan = planned(
        named,
        value_functions,
        sizes,
        repeats=repeats,
        limit=limit,
        machine=machine(),
        version=version(),
    )
    folder = None if output is None else Path(output)
    with nullcontext() if folder is None else exclusive(folder):
        return _timed(plan, folder, limit, budget, progress)


def _timed(
    plan: Sequence[Cell],
    folder: Path | None,
    limit: float,
    budget: float,
    progress: Callable[[int, int, str], None] | None,
) -> list[Cell]:
    """Run the cells of a plan that are not known yet."""
    earlier = {} if folder is None else _earlier(folder)
    known = {key: cell for key, cell in earlier.items() if _stands(cell, limit)}
    cells = [known.get(cell.key, cell) for cell in plan]
    started = perf_counter()
    for position, cell in enumerate(cells):
        if progress is not None:
            place = f"{cell.method}, {cell.value_function}, {cell.agents:,} agents"
            progress(position, len(cells), place)
        stuck_at = stuck(cells)
        remaining = budget - (perf_counter() - started)
        if cell.ran or (cell.samples is None and is_hopeless(cell, stuck_at)):
            continue
        if remaining <= 0:
            cells[position] = replace(cell, note="no time was left")
            continue
        waiting = [other for other in cells[position + 1 :] if not other.ran]
        granted = share(cell, waiting, stuck_at, remaining)
        done = run_cell(cell, granted)
        # What was stopped for want of time is tried again where there is more.
        stopped = done.status not in ("measured", "extrapolated")
        cells[position] = replace(done, limit=min(done.limit, granted)) if stopped else done
        if folder is not None:
            write_cells(_with_others(cells, earlier), folder / "results.parquet")
    cells = complete(cells)
    if folder is not None:
        write_cells(_with_others(cells, earlier), folder / "results.parquet")
        write_markdown(cells, folder / "results.md")
        try:
            write_figure(cells, folder)
        except ImportError as error:
            warnings.warn(str(error), RuntimeWarning, stacklevel=2)
    if progress is not None:
        progress(len(cells), len(cells), "done")
    return cells


def _earlier(folder: Path) -> dict[tuple[object, ...], Cell]:
    """Return the cells of earlier runs by their keys."""
    return {cell.key: cell for cell in read_cells(folder / "results.parquet")}


def _stands(cell: Cell, limit: float) -> bool:
    """Tell whether a cell of an earlier run need not be run again under this limit."""
    if not cell.ran or cell.status == "failed":
        return False
    return cell.status == "measured" or limit <= cell.limit


def _with_others(cells: Sequence[Cell], earlier: Mapping[tuple[object, ...], Cell]) -> list[Cell]:
    """Return the cells of this run, and those of earlier ones that are no part of it."""
    own = {cell.key for cell in cells}
    return [*cells, *(cell for key, cell in earlier.items() if key not in own)]


def _check(
    methods: Mapping[str, TimedMethod],
    sizes: Sequence[int],
    value_functions: Sequence[str],
    repeats: int,
    limit: float,
    budget: float,
) -> None:
    for name, method in methods.items():
        if not isinstance(method, TimedMethod):
            raise TypeError(f"methods: {name!r} is {method!r}, a TimedMethod or a string is wanted")
    for label, given in {
        "methods": methods,
        "sizes": sizes,
        "value_functions": value_functions,
    }.items():
        if isinstance(given, str) or not given:
            raise ValueError(f"{label}: {given!r}, at least one in a list is wanted")
        if len(set(given)) < len(given):
            raise ValueError(f"{label}: {list(given)} has one twice")
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int) or size < 2:
            raise ValueError(f"sizes: {size!r}, an integer of at least 2 is wanted")
    for function in value_functions:
        from_name(function)
    if repeats < 1:
        raise ValueError(f"repeats: {repeats}, at least 1 is wanted")
    for label, seconds in {"limit": limit, "budget": budget}.items():
        if not 0 < seconds < float("inf"):
            raise ValueError(f"{label}: {seconds}, a positive number of seconds is wanted")
