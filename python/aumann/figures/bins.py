"""Attribution by percentile bin and step: the population beside a panel."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Colormap, LogNorm, Normalize, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from aumann.figures.names import known
from aumann.figures.plotting import PlottedStudy
from aumann.figures.selection import Columns, Subject, chosen_size, select, settle, unique, where
from aumann.figures.steps_axis import step_axis
from aumann.figures.style import FAINT, WIDTH, Picture, counted, describe

__all__ = ["bins"]

# What is smaller than the largest mass by this factor has the palest colour. The scale of signed
# masses is linear below the second.
_RANGE, _LINEAR = 1e-4, 1e-3
_ROUNDING = 1e-12


class _Map(NamedTuple):
    title: str
    masses: NDArray[np.float64]
    undefined: bool


def bins(
    results: PlottedStudy,
    *,
    topic: str | None = None,
    value_function: object = None,
    protocol: str | None = None,
    size: int | None = None,
) -> Figure:
    """Draw which bins have the attribution at which step, of all and of one panel.

    Bins are of reach, or of what the study has in its place.

    Every mass is a part of the sum over all bins and steps, of the population or of the panel: the
    colours show steps of high value as well as bins. The panel is that of the study's first seed.
    Parameters and errors are those of `StudyResults.plot`. A study without panels step by step
    shows the population alone, unless a protocol or size was asked for.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> results = aumann.Study(population, seeds=[0]).run(tempfile.mkdtemp())
    >>> bins(results).axes[0].get_title("left")
    'population, 1,000 agents'
    """
    subject = settle(results, topic, value_function)
    whole = select(results, "bins", **subject.where)
    steps = _step_labels(whole)
    rows = int(whole["bin"].max())
    title = f"population, {counted(results.manifest['agents'])}"
    maps = [_map(title, whole, rows, len(steps))]
    notes = [*subject.notes]
    if "panel_bins" in results.tables or protocol is not None or size is not None:
        panel, name, members = _panel(results, subject, protocol, size)
        seed = results.manifest["seeds"][0]
        maps.append(_map(f"{name}, {counted(members)}", panel, rows, len(steps)))
        empty = rows - np.count_nonzero(maps[1].masses.any(axis=1))
        notes.append(f"Right: one panel, seed {seed}")
        if empty:
            notes.append(f"White: no attribution, there at all steps in {empty:,} of {rows:,} bins")
    figure = Picture(WIDTH, 3.9)
    drawn = figure.subplots(1, len(maps), sharey=True, squeeze=False)[0]
    every = np.concatenate([each.masses.ravel() for each in maps])
    colors, norm = _colors(every)
    signed = isinstance(norm, SymLogNorm)
    for axes, each in zip(drawn, maps, strict=True):
        _draw(axes, each, colors, norm)
        step_axis(axes, steps, 5.2 / len(maps))
        axes.set_title(textwrap.fill(each.title, 38), loc="left")
    ticks = [1, 25, 50, 75, 100] if rows == 100 else sorted({1, rows})
    drawn[0].set_yticks([tick - 1 for tick in ticks], [str(tick) for tick in ticks])
    by = results.manifest.get("bins_by", "reach")
    drawn[0].set_ylabel(f"bin of {by} ({rows} = highest)")
    paler = not signed and (every[every > 0] < norm.vmin).any()
    bar = figure.colorbar(
        drawn[-1].collections[0],
        ax=list(drawn),
        pad=0.02,
        aspect=28,
        extend="min" if paler else "neither",
    )
    bar.ax.yaxis.set_major_formatter(FuncFormatter(_percent))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    if signed:
        bar.set_ticks(_signed_ticks(float(norm.vmax or 1.0)))
    bar.set_label("part of the sum over all steps (%)")
    if signed:
        notes.append("Hatched: negative; the scale is linear around 0")
    describe(figure, f"Attribution by {by} and step: {subject.words}", notes)
    return figure


def _step_labels(rows: Columns) -> list[str]:
    order = np.argsort(rows["number"], kind="stable")
    return [str(label) for label in unique(rows["step"][order])]


def _panel(
    results: PlottedStudy, subject: Subject, protocol: str | None, size: int | None
) -> tuple[Columns, str, int]:
    """Return the rows of one panel, its protocol and its size."""
    rows = select(results, "panel_bins", **subject.where)
    protocols = unique(rows["protocol"])
    name = protocols[0] if protocol is None else known("protocol", protocol, protocols)
    members = chosen_size(rows, size)
    return where(rows, protocol=name, size=members), name, members


def _map(title: str, rows: Columns, height: int, steps: int) -> _Map:
    sums = np.zeros((height, steps))
    sums[rows["bin"].astype(int) - 1, rows["number"].astype(int)] = rows["sum"]
    total, magnitude = sums.sum(), np.abs(sums).sum()
    if abs(total) <= _ROUNDING * magnitude:
        return _Map(title, np.zeros_like(sums), True)
    return _Map(title, sums / total, False)


def _colors(masses: NDArray[np.float64]) -> tuple[Colormap, Normalize]:
    """Return a scale for all maps: of one hue if nothing is negative, else of two about 0."""
    largest = float(np.abs(masses).max(initial=0.0)) or 1.0
    if (masses < -_ROUNDING * largest).any():
        norm: Normalize = SymLogNorm(_LINEAR * largest, vmin=-largest, vmax=largest)
        return colormaps["RdBu_r"], norm
    smallest = float(masses[masses > 0].min(initial=largest))
    return colormaps["viridis_r"], LogNorm(max(smallest, _RANGE * largest), largest)


def _draw(axes: Axes, each: _Map, colors: Colormap, norm: Normalize) -> None:
    height, steps = each.masses.shape
    shown = np.ma.masked_equal(each.masses, 0)
    edges = np.arange(steps + 1) - 0.5, np.arange(height + 1) - 0.5
    # As an image in vector formats, where ten thousand cells would be large and slow.
    axes.pcolormesh(*edges, shown, cmap=colors, norm=norm, rasterized=True)
    axes.tick_params(length=2)
    if isinstance(norm, SymLogNorm):
        _hatch(axes, each.masses < 0)
    if each.undefined:
        axes.text(
            0.5,
            0.5,
            "undefined: sums to 0",
            transform=axes.transAxes,
            color=FAINT,
            horizontalalignment="center",
        )


def _hatch(axes: Axes, negative: NDArray[np.bool_]) -> None:
    """Hatch what is negative, so that the sign can be told without colour."""
    padded = np.pad(negative.astype(np.int8), ((1, 1), (0, 0)))
    change = np.diff(padded, axis=0)
    patches = []
    for step in range(negative.shape[1]):
        starts, ends = (np.flatnonzero(change[:, step] == sign) for sign in (1, -1))
        patches += [
            Rectangle((step - 0.5, start - 0.5), 1, end - start)
            for start, end in zip(starts, ends, strict=True)
        ]
    axes.add_collection(
        PatchCollection(
            patches,
            facecolor="none",
            edgecolor="#00000055",
            hatch="////",
            linewidth=0,
            rasterized=True,
        )
    )


def _signed_ticks(largest: float) -> list[float]:
    """Return 0 and the powers of ten on both sides that are well out of the linear part."""
    exponents = range(int(np.floor(np.log10(largest))), -40, -1)
    powers = [10.0**e for e in exponents if 10.0**e >= 2 * _LINEAR * largest]
    return [*(-power for power in powers), 0.0, *reversed(powers)]


def _percent(part: float, _: object) -> str:
    return f"{100 * part:.3g}".replace("-", "\u2212")
