"""An attribution: concentration over agents, shares of groups, and how both move over steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aumann.attribution import Attribution
from aumann.figures.selection import told
from aumann.figures.steps_axis import step_axis
from aumann.figures.style import (
    INK,
    WIDTH,
    Look,
    Picture,
    counted,
    describe,
    legend_beside,
    look,
    percent_axis,
    tick_names,
    tidy,
)
from aumann.groups import Groups

__all__ = ["contributions"]

# More groups than this cannot be told apart by their looks.
_MOST = 8
# Ranks at which the curve of a large population is drawn.
_POINTS = 400
_OTHERS = Look("#BBBBBB", "o", "-", "")


class _Parts(NamedTuple):
    """What some groups have of an attribution, at every step; `rest` if the last is the others."""

    names: list[str]
    agents: NDArray[np.float64]
    sums: NDArray[np.float64]
    rest: bool = False

    def look(self, position: int) -> Look:
        """Return how a group looks: the others like none of the rest."""
        return _OTHERS if self.rest and position == len(self.names) - 1 else look(position)


def contributions(result: Attribution, groups: Any = None) -> Figure:
    """Draw an attribution, as `Attribution.plot` says.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[[1.0], [3.0]], [[2.0], [4.0]]], aumann.Mean())
    >>> contributions(result, ["a", "b"]).axes[0].get_xlabel()
    'step'
    """
    labels = None if groups is None else Groups.from_labels(groups)
    if result.values.ndim == 2:
        return _over_steps(result, labels)
    return _concentration(result) if labels is None else _bars(result, labels)


def _title(result: Attribution, what: str) -> str:
    return f"{what}: {told(repr(result.value_function))}, {counted(result.agents)}"


def _concentration(result: Attribution) -> Figure:
    values = np.asarray(result.values, np.float64)
    if result.presence is not None:
        values = values[result.presence]
    largest_first = np.sort(values)[::-1]
    cumulative = np.concatenate([[0.0], np.cumsum(largest_first)])
    agents = len(values)
    ranks = np.unique(np.geomspace(1, max(agents, 1), _POINTS).round().astype(int))
    ranks = ranks[ranks <= agents]
    divisor = float(result.group(np.zeros(result.agents, np.intp)).divisors[0])
    scale = 1.0 if np.isnan(divisor) else divisor
    figure = Picture(WIDTH, 3.6)
    axes = figure.subplots()
    axes.plot(ranks / max(agents, 1), cumulative[ranks] / scale, color=look(1).color)
    axes.plot(
        ranks / max(agents, 1),
        cumulative[-1] / scale * ranks / max(agents, 1),
        color="#999999",
        linewidth=1,
        linestyle=(0, (4, 3)),
    )
    for part in (0.01, 0.1):
        rank = round(part * agents)
        if rank:
            _mark(axes, rank / agents, cumulative[rank] / scale, not np.isnan(divisor))
    axes.set_xscale("log")
    percent_axis(axes, "x")
    axes.axhline(0, color=INK, linewidth=0.7)
    tidy(axes)
    axes.set_xlabel("agents, the largest attribution first (% of all, log scale)")
    notes = ["Dashed: if all agents had the same"]
    negative = int(np.count_nonzero(values < 0))
    if negative:
        notes.append(f"{negative:,} agents have a negative attribution, so that the curve falls")
    _share_axis(axes, divisor, notes)
    describe(figure, _title(result, "How concentrated the attribution is"), notes)
    return figure


def _mark(axes: Axes, part: float, height: float, shares: bool) -> None:
    axes.plot(part, height, "o", color=look(1).color)
    value = f"{100 * height:.1f} %" if shares else f"{height:.4g}"
    axes.annotate(
        f"largest {100 * part:.3g} %: {value}",
        (part, height),
        (-8, 4),
        textcoords="offset points",
        horizontalalignment="right",
        fontsize=8,
    )


def _share_axis(axes: Axes, divisor: float, notes: list[str]) -> None:
    """Label the vertical axis: shares, or attributions where there are none."""
    if np.isnan(divisor):
        axes.set_ylabel("attribution")
        notes.append("Shares are undefined: the attributions sum to 0")
    else:
        axes.set_ylabel("share of the attribution (%)")
        percent_axis(axes, "y")


def _bars(result: Attribution, groups: Groups) -> Figure:
    parts = _parts(result, groups)
    divisor = float(result.group(groups).divisors[0])
    undefined = np.isnan(divisor)
    heights = parts.sums[0] / (1.0 if undefined else divisor)
    figure = Picture(WIDTH, 3.6)
    axes = figure.subplots()
    places = np.arange(len(parts.names))
    bars = axes.bar(places, heights, width=0.66, edgecolor="white", alpha=0.9)
    for position, bar in enumerate(bars):
        own = parts.look(position)
        bar.set(color=own.color, hatch=own.hatch, edgecolor="white")
    notes = []
    if not undefined:
        part = parts.agents[0] / max(parts.agents[0].sum(), 1)
        axes.plot(places, part, "_", color=INK, markersize=26, markeredgewidth=1.8)
        notes.append("Black lines: the part of the agents that are in the group")
    for place, height in zip(places, heights, strict=True):
        axes.annotate(
            f"{height:.4g}" if undefined else f"{100 * height:.1f}",
            (place, height),
            (0, 3 if height >= 0 else -3),
            textcoords="offset points",
            horizontalalignment="center",
            verticalalignment="bottom" if height >= 0 else "top",
            fontsize=8,
        )
    long = max(map(len, parts.names)) * len(parts.names) > 75
    slant: dict[str, Any] = {"rotation": 30, "horizontalalignment": "right"} if long else {}
    axes.set_xticks(places, tick_names(parts.names), **slant)
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.margins(y=0.12)
    axes.axhline(0, color=INK, linewidth=0.8)
    tidy(axes)
    _share_axis(axes, divisor, notes)
    describe(figure, _title(result, "Who has the attribution"), notes)
    return figure


def _over_steps(result: Attribution, groups: Groups | None) -> Figure:
    parts = _signs(result) if groups is None else _parts(result, groups)
    labels = [str(label) for label in result.by_step()["step"]]
    steps = np.arange(len(labels))
    figure = Picture(WIDTH, 3.8)
    axes = figure.subplots()
    above, below = np.zeros(len(steps)), np.zeros(len(steps))
    for position, (name, heights) in enumerate(zip(parts.names, parts.sums.T, strict=True)):
        own = parts.look(position)
        axes.bar(
            steps,
            heights,
            bottom=np.where(heights >= 0, above, below),
            width=0.8,
            color=own.color,
            hatch=own.hatch,
            edgecolor="white",
            linewidth=0.4,
            label=name,
        )
        above += np.maximum(heights, 0)
        below += np.minimum(heights, 0)
    axes.plot(
        steps,
        np.atleast_1d(result.total),
        color=INK,
        marker="D",
        markersize=3.5,
        markerfacecolor="white",
        linewidth=1,
        label="total",
    )
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlim(-0.6, len(steps) - 0.4)
    tidy(axes)
    step_axis(axes, labels, 5.2)
    axes.set_ylabel("attribution")
    legend_beside(figure, axes)
    describe(figure, _title(result, "Attribution step by step"), [])
    return figure


def _signs(result: Attribution) -> _Parts:
    values = np.asarray(result.values, np.float64)
    positive = np.maximum(values, 0).sum(axis=1)
    negative = np.minimum(values, 0).sum(axis=1)
    sums, names = [positive], ["positive"]
    if negative.any():
        sums, names = [positive, negative], ["positive", "negative"]
    return _Parts(names, np.zeros((len(values), len(names))), np.stack(sums, axis=1))


def _parts(result: Attribution, groups: Groups) -> _Parts:
    """Return agents and sums of every group; of many, the smaller ones as one."""
    grouped = result.group(groups)
    names, sums = list(grouped.names), np.atleast_2d(grouped.sums)
    agents = np.atleast_2d(grouped.counts).astype(np.float64)
    if len(names) <= _MOST:
        return _Parts(names, agents, sums)
    order = np.argsort(-np.abs(sums).sum(axis=0), kind="stable")
    kept, rest = np.sort(order[: _MOST - 1]), order[_MOST - 1 :]
    return _Parts(
        [*(names[group] for group in kept), f"{len(rest):,} others"],
        np.column_stack([agents[:, kept], agents[:, rest].sum(axis=1)]),
        np.column_stack([sums[:, kept], sums[:, rest].sum(axis=1)]),
        rest=True,
    )
