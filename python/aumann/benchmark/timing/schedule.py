"""What is run, in which order, and how the time is shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aumann.benchmark.timing.cell import Cell
from aumann.benchmark.timing.methods import TimedMethod

__all__ = ["is_hopeless", "planned", "share", "stuck"]

# Seconds to start a process and make its features.
START = 0.5
# Seconds for a cell of samples that will not be finished: enough to time some of them.
PROBE = 5.0


def planned(
    methods: Mapping[str, TimedMethod],
    value_functions: Sequence[str],
    sizes: Sequence[int],
    *,
    repeats: int,
    limit: float,
    machine: str,
    version: str,
) -> list[Cell]:
    """Return all cells in the order in which they are run: exact methods, then from few agents up.

    Examples
    --------
    >>> methods = {"slow": TimedMethod("m:s", samples=10), "exact": TimedMethod("m:e")}
    >>> about = dict(repeats=5, limit=1.0, machine="", version="")
    >>> [(c.method, c.agents) for c in planned(methods, ["mean"], [10, 20], **about)]
    [('exact', 10), ('exact', 20), ('slow', 10), ('slow', 20)]
    """
    groups = [
        [name for name, method in methods.items() if (method.samples is None) == exact]
        for exact in (True, False)
    ]
    return [
        Cell(
            name,
            methods[name].target,
            function,
            agents,
            methods[name].whole(agents),
            repeats,
            limit,
            machine,
            version,
        )
        for group in groups
        for agents in sorted(sizes)
        for name in group
        for function in value_functions
    ]


def stuck(done: Iterable[Cell]) -> dict[tuple[str, str], int]:
    """Return the fewest agents for which a method did not finish, by method and value function.

    Examples
    --------
    >>> stuck([Cell("a", "m:f", "mean", 10, note="stopped at the limit", ran=True)])
    {('a', 'mean'): 10}
    """
    found: dict[tuple[str, str], int] = {}
    for cell in done:
        late = cell.status == "unfinished" and cell.ran
        if late or cell.basis == "fewer samples":
            found[cell.series] = min(cell.agents, found.get(cell.series, cell.agents))
    return found


def is_hopeless(cell: Cell, stuck_at: Mapping[tuple[str, str], int]) -> bool:
    """Return whether the method did not finish for fewer agents.

    Examples
    --------
    >>> is_hopeless(Cell("a", "m:f", "mean", 20), {("a", "mean"): 10})
    True
    """
    return stuck_at.get(cell.series, cell.agents) < cell.agents


def share(
    cell: Cell,
    waiting: Sequence[Cell],
    stuck_at: Mapping[tuple[str, str], int],
    remaining: float,
) -> float:
    """Return the seconds that a cell may take: an equal part of what remains, up to its limit.

    Parameters
    ----------
    cell : Cell
        The next one.
    waiting : sequence of Cell
        Those after it. Cells that will not finish keep a small part only.
    stuck_at : dict
        What `stuck` returned.
    remaining : float
        Seconds left for all.

    Examples
    --------
    >>> cells = [Cell("a", "m:f", "mean", agents) for agents in (10, 20)]
    >>> share(cells[0], cells[1:], {}, remaining=21.0)
    10.0
    """
    short = min(PROBE, cell.limit, remaining)
    if is_hopeless(cell, stuck_at):
        return short
    hopeless = sum(is_hopeless(other, stuck_at) for other in waiting)
    free = remaining - START * (1 + len(waiting)) - short * hopeless
    return min(cell.limit, max(short, free / (1 + len(waiting) - hopeless)))
