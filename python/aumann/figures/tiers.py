"""Tier shares of the population beside those of panels: at one size, and against the size."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aumann.figures.plotting import PlottedStudy
from aumann.figures.selection import (
    Summary,
    averaged,
    chosen_size,
    over_seeds,
    seeds,
    select,
    settle,
    undefined_note,
    unique,
)
from aumann.figures.style import (
    BEHIND,
    FAINT,
    INK,
    WIDTH,
    Look,
    Picture,
    counted,
    describe,
    grid,
    legend_beside,
    look,
    percent_axis,
    size_axis,
    tick_names,
    tidy,
    title_tier,
)

__all__ = ["scales", "tiers"]

# Of the length that all bars take: longer whiskers would leave the bars too short to read.
_BEYOND = 0.5


def tiers(
    results: PlottedStudy,
    *,
    topic: str | None = None,
    value_function: object = None,
    size: int | None = None,
) -> Figure:
    """Draw the share of every tier in the population and in panels by every protocol, as bars.

    Parameters and errors are those of `StudyResults.plot`. Whiskers are one standard deviation over
    the seeds; the bars decide how far the axis goes, and what is longer ends in an arrow.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> results = aumann.Study(population, seeds=[0, 1]).run(tempfile.mkdtemp())
    >>> len(tiers(results).axes[0].patches)             # the population and four protocols
    5
    """
    subject = settle(results, topic, value_function)
    whole = select(results, "whole", **subject.where)
    panels = select(results, "shares", **subject.where)
    size = chosen_size(panels, size)
    protocols = unique(panels["protocol"])
    names: dict[str, int] = results.manifest["tiers"]
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    lines = max(len(textwrap.wrap(name, 22)) for name in protocols)
    figure = Picture(WIDTH, 1.1 + rows * (0.55 + (0.18 + 0.12 * lines) * (len(protocols) + 1)))
    found = {
        tier: [
            over_seeds(panels, "share", protocol=protocol, size=size, tier=tier)
            for protocol in protocols
        ]
        for tier in names
    }
    full = {tier: float(whole["share"][whole["tier"] == tier][0]) for tier in names}
    shares = np.array([[full[tier], *(each.mean for each in found[tier])] for tier in names])
    spread = np.array([[np.nan, *(each.deviation for each in found[tier])] for tier in names])
    low, high = _reach(shares, spread)
    every = grid(figure, len(names), columns, sharey=True, sharex=True)
    for position, (axes, tier) in enumerate(zip(every, names, strict=True)):
        _bars(axes, shares[position], spread[position], look(position), low, high)
        title_tier(axes, tier, names[tier], columns)
        labels = ["population", *(textwrap.fill(name, 22) for name in protocols)]
        axes.set_yticks(range(len(labels)), tick_names(labels))
    every[0].set_ylim(len(protocols) + 0.6, -0.6)
    # Room for the numbers beside the bars.
    room = 0.6 * (high - low)
    left = room if (shares < 0).any() else 0.05 * room * (low < 0)
    every[0].set_xlim(low - left, high + room)
    cut = (shares - spread < low) | (shares + spread > high)
    for axes in every[-columns:]:
        axes.set_xlabel("share (%)")
    describe(
        figure,
        f"Tier shares of the population and of panels of {counted(size)}: {subject.words}",
        [
            *subject.notes,
            averaged("Bars", "whiskers", seeds(panels)),
            *(["Arrows: whiskers that are longer than drawn"] if cut.any() else []),
            # A panel has shares of all tiers or of none.
            *undefined_note({name: [found[tier][k]] for k, name in enumerate(protocols)}),
        ],
    )
    return figure


def _reach(shares: NDArray[np.float64], spread: NDArray[np.float64]) -> tuple[float, float]:
    """Return how far whiskers are drawn: beyond the bars by half of their length, at most."""
    low, high = (float(end(np.nan_to_num(shares))) for end in (np.min, np.max))
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return 0.0, 1.0
    beyond = _BEYOND * (high - low)
    ends = np.nan_to_num(np.concatenate([shares - spread, shares + spread]))
    return (
        min(low, max(float(ends.min()), low - beyond)),
        max(high, min(float(ends.max()), high + beyond)),
    )


def _bars(
    axes: Axes,
    shares: NDArray[np.float64],
    spread: NDArray[np.float64],
    own: Look,
    low: float,
    high: float,
) -> None:
    places = np.arange(len(shares))
    bars = axes.barh(places, np.nan_to_num(shares), height=0.68, color=own.color, alpha=0.85)
    bars[0].set(color="#555555", hatch="////", edgecolor="white")
    starts, ends = np.maximum(shares - spread, low), np.minimum(shares + spread, high)
    axes.errorbar(
        shares[1:],
        places[1:],
        xerr=[(shares - starts)[1:], (ends - shares)[1:]],
        fmt="none",
        ecolor=INK,
        elinewidth=0.9,
        capsize=2,
    )
    for marker, at, cut in (
        ("<", low, shares - spread < low),
        (">", high, shares + spread > high),
    ):
        axes.plot(np.full(cut.sum(), at), places[cut], marker, color=INK, markersize=6)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.axvline(shares[0], color="#555555", linewidth=0.8, linestyle=(0, (3, 2)), zorder=0.5)
    for place, share, deviation in zip(places, shares, np.nan_to_num(spread), strict=True):
        if np.isnan(share):
            axes.annotate(
                "undefined",
                (0, place),
                (3, 0),
                textcoords="offset points",
                fontsize=7,
                color=FAINT,
                verticalalignment="center",
                bbox=BEHIND,
            )
            continue
        outwards = -1 if share < 0 else 1
        end = share + outwards * deviation
        shown = np.clip(end, low, high)
        axes.annotate(
            f"{100 * share:.1f}".replace("-", "\u2212"),
            (shown, place),
            # Past the head of an arrow.
            ((4 if shown == end else 7) * outwards, 0),
            textcoords="offset points",
            fontsize=7.5,
            horizontalalignment="left" if outwards > 0 else "right",
            verticalalignment="center",
            bbox=BEHIND,
        )
    percent_axis(axes, "x")
    tidy(axes, along="x")
    axes.tick_params(left=False)


def scales(
    results: PlottedStudy, *, topic: str | None = None, value_function: object = None
) -> Figure:
    """Draw the share of every tier against the size of the panels, protocol by protocol.

    Parameters and errors are those of `StudyResults.plot`. Bands are one standard deviation over
    the seeds; dashed lines are the population's shares.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> results = aumann.Study(population, sizes=[50, 200], seeds=[0]).run(tempfile.mkdtemp())
    >>> [axes.get_title("left") for axes in scales(results).axes]
    ['visibility', 'topic by followers', 'topic top', 'random']
    """
    subject = settle(results, topic, value_function)
    whole = select(results, "whole", **subject.where)
    panels = select(results, "shares", **subject.where)
    protocols = unique(panels["protocol"])
    sizes = sorted(int(size) for size in unique(panels["size"]))
    columns = min(3 if len(protocols) in (3, 5, 6, 9) else 4, len(protocols))
    rows = -(-len(protocols) // columns)
    figure = Picture(WIDTH, 0.9 + 2.3 * rows)
    every = grid(figure, len(protocols), columns, sharex=True, sharey=True)
    undefined: dict[str, list[Summary]] = {}
    for axes, protocol in zip(every, protocols, strict=True):
        for position, tier in enumerate(results.manifest["tiers"]):
            found = [
                over_seeds(panels, "share", protocol=protocol, size=size, tier=tier)
                for size in sizes
            ]
            undefined[protocol] = found
            _curve(axes, sizes, found, tier, look(position))
            share = float(whole["share"][whole["tier"] == tier][0])
            _population(axes, share, look(position))
        axes.axhline(0, color=INK, linewidth=0.7)
        axes.set_title(textwrap.fill(protocol, 95 // (columns + 1)), loc="left")
        percent_axis(axes, "y")
        tidy(axes)
        size_axis(axes, sizes)
    for axes in every[-columns:]:
        axes.set_xlabel("agents in the panel")
    for axes in every[::columns]:
        axes.set_ylabel("share (%)")
    legend_beside(figure, every[0], title="tier")
    describe(
        figure,
        f"Tier shares against the size of the panel: {subject.words}",
        [
            *subject.notes,
            averaged("Lines", "bands", seeds(panels)),
            "Dashed, hollow markers: the population",
            *undefined_note(undefined),
        ],
    )
    return figure


def _population(axes: Axes, share: float, own: Look) -> None:
    axes.axhline(share, color=own.color, linewidth=0.9, linestyle=(0, (4, 3)))
    # At the right edge, so that the tier can be told without colour.
    axes.plot(
        1,
        share,
        own.marker,
        color=own.color,
        markerfacecolor="white",
        transform=axes.get_yaxis_transform(),
        clip_on=False,
    )


def _curve(axes: Axes, sizes: list[int], found: list[Summary], tier: str, own: Look) -> None:
    mean = np.array([summary.mean for summary in found])
    spread = np.nan_to_num([summary.deviation for summary in found])
    axes.fill_between(sizes, mean - spread, mean + spread, color=own.color, alpha=0.2, linewidth=0)
    axes.plot(sizes, mean, color=own.color, marker=own.marker, linestyle=own.line, label=tier)
