"""The results as Markdown tables, and the words in which times are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from aumann._files import replacing
from aumann.benchmark.timing.cell import Cell

__all__ = [
    "memory_cell",
    "notes",
    "reference_of",
    "seconds_in_words",
    "short_cell",
    "time_cell",
    "write_markdown",
]

_UNITS = (
    (86_400.0, "d"),
    (3_600.0, "h"),
    (60.0, "min"),
    (1.0, "s"),
    (1e-3, "ms"),
    (1e-6, "us"),
)
# What Aumann-Shapley is called among the methods; the ratios are to it.
REFERENCE = "Aumann-Shapley"


def seconds_in_words(seconds: float) -> str:
    """Return a time with three digits and a unit that suits it.

    Examples
    --------
    >>> seconds_in_words(0.00123), seconds_in_words(7_200)
    ('1.23 ms', '2 h')
    """
    if seconds >= 365.25 * 86_400:
        return f"{seconds / (365.25 * 86_400):,.0f} years"
    size, unit = next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])
    return f"{seconds / size:.3g} {unit}"


def time_cell(cell: Cell, reference: Cell | None = None) -> str:
    """Return the time of a cell in words, marked if it was not measured.

    Parameters
    ----------
    cell : Cell
        The cell.
    reference : Cell, optional
        Aumann-Shapley of the same value function and agents; the ratio to it is added if it was
        measured.

    Examples
    --------
    >>> time_cell(Cell("a", "m:f", "mean", 10, status="extrapolated", seconds=90.0))
    '1.5 min extrapolated'
    """
    if cell.seconds is None:
        return _without_time(cell)
    times = _times_reference(cell, reference)
    ratio = "" if times is None else f" ({times})"
    if cell.status == "measured":
        return seconds_in_words(cell.seconds) + ratio
    exponent = "" if cell.exponent is None else f", N^{cell.exponent:.2f}"
    return f"{seconds_in_words(cell.seconds)}{ratio} {cell.status}{exponent}"


def short_cell(cell: Cell, reference: Cell | None = None) -> str:
    """Return the time of a cell as short as it may be: a tilde marks what was not measured.

    Parameters
    ----------
    cell, reference : Cell
        As for `time_cell`.

    Examples
    --------
    >>> short_cell(Cell("a", "m:f", "mean", 10, status="extrapolated", seconds=90.0))
    '~1.5 min'
    """
    if cell.seconds is None or cell.status == "infeasible":
        return _without_time(cell)
    parts = [("" if cell.status == "measured" else "~") + seconds_in_words(cell.seconds)]
    ratio = _times_reference(cell, reference)
    if ratio is not None:
        parts.append(ratio)
    if cell.exponent is not None:
        parts.append(f"N^{cell.exponent:.2f}")
    return " ".join(parts)


def memory_cell(cell: Cell) -> str:
    """Return the peak memory of a cell in words.

    Examples
    --------
    >>> memory_cell(Cell("a", "m:f", "mean", 10, peak_bytes=25 * 2**20))
    '25 MiB'
    """
    if cell.peak_bytes is None:
        return ""
    if cell.peak_bytes >= 2**30:
        return f"{cell.peak_bytes / 2**30:.2g} GiB"
    return f"{cell.peak_bytes / 2**20:.3g} MiB"


def notes(cells: Sequence[Cell]) -> list[str]:
    """Return what else there is to say of cells: what went wrong, how estimates were made.

    Examples
    --------
    >>> notes([Cell("a", "m:f", "mean", 10, status="failed", note="ended by SIGSEGV")])
    ['a, mean, 10 agents: failed: ended by SIGSEGV']
    """
    lines = []
    for cell in cells:
        place = f"{cell.method}, {cell.value_function}, {cell.agents:,} agents"
        if cell.note is not None:
            lines.append(f"{place}: {cell.status}: {' '.join(cell.note.split())}")
        elif cell.basis == "fewer samples":
            lines.append(f"{place}: from {cell.samples_timed:,} of {cell.samples:,} samples")
    return lines


def write_markdown(cells: Sequence[Cell], path: Path) -> None:
    """Write one table of times and one of peak memory per value function.

    Raises
    ------
    OSError
        If nothing can be written there.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "results.md"
    >>> write_markdown([Cell("a", "m:f", "mean", 10, status="measured", seconds=2.0)], file)
    >>> "| 10 | 2 s |" in file.read_text()
    True
    """
    functions = list(dict.fromkeys(cell.value_function for cell in cells))
    first = cells[0]
    lines = [
        "# Time and memory by method",
        "",
        f"{first.machine}; {first.version}; up to {first.repeats} timed calls per cell, in a "
        "fresh process each.",
        "",
        f"Times are medians; in brackets the multiple of {REFERENCE} for the same value function "
        "and agents. *extrapolated*: not measured, but estimated from fewer samples or, with its "
        "exponent, by a power law through the three largest measured numbers of agents. "
        "*infeasible*: the estimate is beyond 30 days, or the method refuses.",
    ]
    for function in functions:
        own = [cell for cell in cells if cell.value_function == function]
        lines += ["", f"## {function}", "", "### Time", "", *_table(own, _time)]
        lines += ["", "### Spread (quartiles, timed calls)", "", *_table(own, _spread)]
        lines += ["", "### Peak memory above that before the call", "", *_table(own, _memory)]
    further = notes(cells)
    if further:
        lines += ["", "## Notes", "", *(f"- {line}" for line in further)]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n")


def _table(cells: Sequence[Cell], show: Callable[[Cell, Sequence[Cell]], str]) -> list[str]:
    methods = list(dict.fromkeys(cell.method for cell in cells))
    sizes = sorted({cell.agents for cell in cells})
    found = {(cell.method, cell.agents): cell for cell in cells}
    lines = [f"| agents | {' | '.join(methods)} |", "|---:" * (1 + len(methods)) + "|"]
    for agents in sizes:
        shown = [show(found[method, agents], cells) for method in methods]
        lines.append(f"| {agents:,} | {' | '.join(shown)} |")
    return lines


def _time(cell: Cell, cells: Sequence[Cell]) -> str:
    shown = time_cell(cell, reference_of(cell, cells))
    return shown.replace(cell.status, f"*{cell.status}*")


def _spread(cell: Cell, _: Sequence[Cell]) -> str:
    if cell.lower_quartile is None or cell.upper_quartile is None:
        return ""
    lower, upper = seconds_in_words(cell.lower_quartile), seconds_in_words(cell.upper_quartile)
    return f"{lower} to {upper}, {cell.calls}"


def _memory(cell: Cell, _: Sequence[Cell]) -> str:
    return memory_cell(cell)


def reference_of(cell: Cell, cells: Sequence[Cell]) -> Cell | None:
    """Return the cell of Aumann-Shapley that a cell is compared with."""
    wanted = (REFERENCE, cell.value_function, cell.agents)
    return next((c for c in cells if (c.method, c.value_function, c.agents) == wanted), None)


def _without_time(cell: Cell) -> str:
    return "infeasible, refused" if cell.refused else cell.status


def _times_reference(cell: Cell, reference: Cell | None) -> str | None:
    if reference is None or reference is cell or reference.status != "measured":
        return None
    assert cell.seconds is not None
    assert reference.seconds is not None
    return _ratio(cell.seconds / reference.seconds)


def _ratio(ratio: float) -> str:
    if ratio < 1_000:
        return f"{ratio:.2g}x" if ratio < 100 else f"{ratio:.0f}x"
    digits, power = f"{ratio:.1e}".split("e")
    return f"{digits}e{int(power)}x"
