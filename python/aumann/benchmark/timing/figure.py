"""Time against the number of agents, one panel per value function, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from aumann._files import replacing
from aumann.benchmark.timing.cell import FOREVER, Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["write_figure"]


class _Look(NamedTuple):
    color: str
    marker: str


# One colour per value of the agents, told apart by all common kinds of colour vision (Okabe and
# Ito); one marker per way to find it.
_ORANGE, _BLUE, _GREEN, _GREY = "#D55E00", "#0072B2", "#009E73", "#555555"
_EXACT, _SAMPLED, _ANEW = "o", "s", "^"
_LOOKS: Mapping[str, _Look] = {
    "Aumann-Shapley": _Look(_ORANGE, _EXACT),
    "Shapley": _Look(_BLUE, _EXACT),
    "Banzhaf": _Look(_GREEN, _EXACT),
    "leave-one-out": _Look(_GREY, _EXACT),
    "Shapley, sampled": _Look(_BLUE, _SAMPLED),
    "Banzhaf, sampled": _Look(_GREEN, _SAMPLED),
    "Shapley, re-evaluated": _Look(_BLUE, _ANEW),
    "Banzhaf, re-evaluated": _Look(_GREEN, _ANEW),
}
# Looks of methods that are not built in, in turn.
_OTHERS = [_Look(color, marker) for marker in "Dv" for color in ("#CC79A7", "#000000", "#E69F00")]
_TIMES = {
    1e-6: "1 us",
    1e-5: "10 us",
    1e-4: "100 us",
    1e-3: "1 ms",
    1e-2: "10 ms",
    1e-1: "100 ms",
    1.0: "1 s",
    10.0: "10 s",
    60.0: "1 min",
    3_600.0: "1 h",
    86_400.0: "1 d",
    FOREVER: "30 d",
    10 * 365.25 * 86_400: "10 years",
}
# Height of a label as a part of the height of a panel.
_LABEL = 0.047


def write_figure(cells: Sequence[Cell], folder: Path) -> None:
    """Write `timing.png` and `timing.svg`: measured points filled, estimates hollow and dashed.

    Parameters
    ----------
    cells : sequence of Cell
        The results.
    folder : path
        Where to write.

    Raises
    ------
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import tempfile
    >>> cell = Cell("a", "m:f", "mean", 10, status="measured", seconds=1.0)
    >>> write_figure([cell], Path(tempfile.mkdtemp()))
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("the figure needs matplotlib: pip install 'aumann[study]'") from error
    functions = list(dict.fromkeys(cell.value_function for cell in cells))
    columns = min(2, len(functions))
    rows = -(-len(functions) // columns)
    style: Any = {"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "aumann"}
    with rc_context(style):
        figure = Figure(figsize=(6.6 * columns, 4.6 * rows + 0.9), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        names = list(dict.fromkeys(cell.method for cell in cells))
        others = [name for name in names if name not in _LOOKS]
        looks = {**_LOOKS, **{n: _OTHERS[k % len(_OTHERS)] for k, n in enumerate(others)}}
        for axes in panels.flat[len(functions) :]:
            axes.set_visible(False)
        drawn = list(zip(panels.flat, functions, strict=False))
        for axes, function in drawn:
            own = [cell for cell in cells if cell.value_function == function]
            _draw(axes, function, own, looks)
        _scale(panels.flat[0], cells)
        for axes, function in drawn:
            _label(axes, [c for c in cells if c.value_function == function], names, looks)
        _explain(figure, cells)
        for suffix in ("png", "svg"):
            with replacing(folder / f"timing.{suffix}") as temporary:
                # Without a date the same results are the same file.
                about: Any = {"Date": None} if suffix == "svg" else None
                figure.savefig(temporary, format=suffix, dpi=160, metadata=about)


def _draw(axes: Axes, function: str, cells: Sequence[Cell], looks: Mapping[str, _Look]) -> None:
    axes.set_title(function, loc="left", fontweight="bold")
    axes.grid(True, which="major", color="#E4E4E4", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.axhline(FOREVER, color="#999999", linewidth=0.8, linestyle=(0, (1, 2)))
    # The first is drawn over the others.
    for name, look in reversed(list(looks.items())):
        points = _points(cells, name)
        for before, after in pairwise(points):
            both = before.status == after.status == "measured"
            axes.plot(
                [before.agents, after.agents],
                [before.seconds or 0, after.seconds or 0],
                color=look.color,
                linewidth=1.5,
                linestyle="-" if both else (0, (3, 2)),
            )
        for point in points:
            measured = point.status == "measured"
            axes.plot(
                [point.agents],
                [point.seconds or 0],
                look.marker,
                color=look.color,
                markersize=5,
                markerfacecolor=look.color if measured else "white",
                markeredgewidth=1.2,
            )
            if measured and point.lower_quartile is not None:
                spread = [point.lower_quartile, point.upper_quartile or point.lower_quartile]
                axes.plot([point.agents] * 2, spread, color=look.color, linewidth=3, alpha=0.35)


def _scale(axes: Axes, cells: Sequence[Cell]) -> None:
    """Set the axes that all panels share, in times a reader knows."""
    axes.set(xscale="log", yscale="log")
    seconds = [cell.seconds for cell in cells if cell.seconds is not None] or [1.0]
    low, high = min(seconds) / 3, max(seconds) * 4
    axes.set_ylim(low, high)
    marks = {time: name for time, name in _TIMES.items() if low <= time <= high}
    axes.set_yticks(list(marks), list(marks.values()))
    axes.minorticks_off()
    sizes = sorted({cell.agents for cell in cells})
    axes.set_xlim(sizes[0] / 1.6, sizes[-1] * 1.25)
    # Sizes close to each other would write over each other.
    apart = [n for n, after in zip(sizes, [*sizes[1:], np.inf], strict=True) if after / n > 3]
    axes.set_xticks(apart, [f"{size:,}" for size in apart])


def _label(
    axes: Axes, cells: Sequence[Cell], names: Sequence[str], looks: Mapping[str, _Look]
) -> None:
    """Write the name of each curve beside its end, moved apart where they are close."""
    ends = {name: points[-1] for name in names if (points := _points(cells, name))}
    low, high = np.log(axes.get_ylim())
    height = {
        name: float((np.log(end.seconds or 1.0) - low) / (high - low)) for name, end in ends.items()
    }
    places = _apart(height, _LABEL)
    right = axes.get_xlim()[1]
    for name, end in ends.items():
        axes.annotate(
            name,
            xy=(end.agents, end.seconds or 0),
            xytext=(1.03, places[name]),
            textcoords="axes fraction",
            color=looks[name].color,
            verticalalignment="center",
            annotation_clip=False,
            fontweight="bold" if name == "Aumann-Shapley" else "normal",
            arrowprops={
                "arrowstyle": "-",
                "relpos": (0, 0.5),
                "color": looks[name].color,
                "linewidth": 0.6,
                "shrinkA": 1,
                "shrinkB": 4,
            },
        )
    if np.exp(low) < FOREVER < np.exp(high):
        axes.text(
            axes.get_xlim()[0] * 1.1,
            FOREVER,
            "infeasible above",
            fontsize=7,
            color="#777777",
            verticalalignment="bottom",
        )
    axes.set_xlim(right=right)


def _apart(heights: Mapping[str, float], least: float) -> dict[str, float]:
    """Move heights apart to a least distance, each group about its middle, within [0, 1]."""
    groups: list[tuple[list[str], float]] = []
    for name in sorted(heights, key=heights.__getitem__):
        groups.append(([name], heights[name]))
        while len(groups) > 1:
            (below, low), (above, high) = groups[-2:]
            if high - low >= least * (len(below) + len(above)) / 2:
                break
            size = len(below) + len(above)
            groups[-2:] = [([*below, *above], (low * len(below) + high * len(above)) / size)]
    places = {}
    for members, middle in groups:
        half = least * (len(members) - 1) / 2
        middle = min(max(middle, half), 1 - half)
        for position, name in enumerate(members):
            places[name] = middle - half + least * position
    return places


def _points(cells: Sequence[Cell], method: str) -> list[Cell]:
    own = [cell for cell in cells if cell.method == method and cell.seconds is not None]
    return sorted(own, key=lambda cell: cell.agents)


def _explain(figure: Figure, cells: Sequence[Cell]) -> None:
    figure.supxlabel("agents")
    figure.supylabel("time of one attribution")
    figure.suptitle(
        "Time by method and number of agents. Filled: measured (median; bar: quartiles). "
        f"Hollow, dashed: extrapolated.\n{cells[0].machine}; {cells[0].version}",
        fontsize=9,
        horizontalalignment="left",
        x=0.01,
    )
