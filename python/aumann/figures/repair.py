"""Reweighted shares with their intervals, beside raw ones and the truth."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aumann.figures.names import known
from aumann.figures.plotting import PlottedStudy
from aumann.figures.selection import Columns, chosen_size, select, settle, unique, where
from aumann.figures.style import (
    INK,
    WIDTH,
    Picture,
    counted,
    describe,
    grid,
    look,
    percent_axis,
    tick_names,
    tidy,
    title_tier,
)

__all__ = ["repair"]

_RAW = "#666666"


def repair(
    results: PlottedStudy,
    *,
    topic: str | None = None,
    value_function: object = None,
    protocol: str | None = None,
    size: int | None = None,
) -> Figure:
    """Draw what reweighting makes of every panel: a row per panel, axes per tier.

    Parameters and errors are those of `StudyResults.plot`. Only protocols in which every agent can
    be drawn are there: the others cannot be repaired by weights.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> results = aumann.Study(population, seeds=[0]).run(tempfile.mkdtemp())
    >>> results.tables.pop("repairs", None) and None
    >>> repair(results)
    Traceback (most recent call last):
    ValueError: ... has no table 'repairs'; a study with a protocol in which every agent can be ...
    """
    subject = settle(results, topic, value_function)
    rows = select(results, "repairs", **subject.where)
    if protocol is not None:
        known("protocol", protocol, unique(rows["protocol"]))
        rows = where(rows, protocol=protocol)
    size = chosen_size(rows, size)
    rows = where(rows, size=size)
    # A pool that is smaller than the panel leaves nobody out, so this depends on the size.
    protocols = unique(rows["protocol"])
    raw = select(results, "shares", size=size, **subject.where)
    tiers: dict[str, int] = results.manifest["tiers"]
    columns = min(4, len(tiers))
    panels = _places(rows, protocols)
    lines = -(-len(tiers) // columns)
    figure = Picture(WIDTH, 1.2 + lines * (0.5 + max(1.0, 0.11 * max(panels.values()))))
    every = grid(figure, len(tiers), columns, sharey=True)
    notes = []
    for position, (axes, tier) in enumerate(zip(every, tiers, strict=True)):
        mine = where(rows, tier=tier), where(raw, tier=tier)
        notes.append(f"{tier} {_draw(axes, *mine, panels, look(position).color)}")
        title_tier(axes, tier, tiers[tier], columns)
    every[0].set_ylim(max(panels.values()) + 0.7, -0.7)
    middles = [
        float(np.mean([place for (name, _), place in panels.items() if name == each]))
        for each in protocols
    ]
    names = tick_names([textwrap.fill(name, 22) for name in protocols])
    every[0].set_yticks(middles, names)
    for axes in every[-columns:]:
        axes.set_xlabel("share (%)")
    describe(
        figure,
        f"Panels of {counted(size)}, raw and reweighted: {subject.words}",
        [
            *subject.notes,
            "A row per panel. Crosses: its raw share; dots and lines: reweighted, with the 95 % "
            f"interval; dashed: the population. Intervals that hold it: {'; '.join(notes)}",
        ],
    )
    return figure


def _places(rows: Columns, protocols: list[str]) -> dict[tuple[str, float], float]:
    """Return the row of every panel, a gap between the protocols."""
    places: dict[tuple[str, float], float] = {}
    for block, protocol in enumerate(protocols):
        for seed in unique(rows["seed"][rows["protocol"] == protocol]):
            places[protocol, seed] = len(places) + 1.5 * block
    return places


def _draw(
    axes: Axes,
    rows: Columns,
    raw: Columns,
    places: dict[tuple[str, float], float],
    color: str,
) -> str:
    """Draw a tier and say how many of its intervals hold the population's share."""
    at = np.array([places[key] for key in zip(rows["protocol"], rows["seed"], strict=True)])
    truth = rows["whole_share"][0]
    keys = zip(raw["protocol"], raw["seed"], strict=True)
    found = {key: share for key, share in zip(keys, raw["share"], strict=True) if key in places}
    axes.axvline(truth, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    axes.plot(
        list(found.values()),
        [places[key] for key in found],
        "x",
        color=_RAW,
        markersize=4.5,
    )
    axes.hlines(at, rows["low"], rows["high"], color=color, linewidth=1.4, alpha=0.7)
    axes.plot(rows["share"], at, "o", color=color, markersize=4)
    axes.axvline(0, color=INK, linewidth=0.7)
    percent_axis(axes, "x")
    tidy(axes, along="x")
    axes.tick_params(left=False)
    sure = np.isfinite(rows["low"]) & np.isfinite(rows["high"])
    held = sure & (rows["low"] <= truth) & (truth <= rows["high"])
    without = len(at) - int(sure.sum())
    return f"{held.sum()} of {sure.sum()}" + (f" ({without} without interval)" if without else "")
