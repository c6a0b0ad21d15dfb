"""Dose and response: agents of the first tier in a panel, and how far its share is off."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

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
    INK,
    WIDTH,
    Picture,
    counted,
    describe,
    legend_beside,
    look,
    percent_axis,
    tidy,
)

__all__ = ["dose"]


def dose(
    results: PlottedStudy,
    *,
    topic: str | None = None,
    value_function: object = None,
    size: int | None = None,
) -> Figure:
    """Draw members of the first tier in a panel against the flip of its share, per protocol.

    Parameters and errors are those of `StudyResults.plot`. Whiskers are one standard deviation over
    the seeds, both ways, but not to fewer than 0 agents.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> results = aumann.Study(population, seeds=[0, 1]).run(tempfile.mkdtemp())
    >>> dose(results).axes[0].get_ylabel()
    'flip of its share (percentage points)'
    """
    subject = settle(results, topic, value_function)
    panels = select(results, "shares", **subject.where)
    size = chosen_size(panels, size)
    tier, agents = next(iter(results.manifest["tiers"].items()))
    figure = Picture(WIDTH, 3.6)
    axes = figure.subplots()
    axes.axhline(0, color=INK, linewidth=0.8)
    flips: dict[str, list[Summary]] = {}
    cut = False
    for position, protocol in enumerate(unique(panels["protocol"])):
        where = {"protocol": protocol, "size": size, "tier": tier}
        members = over_seeds(panels, "agents", **where)
        flip = over_seeds(panels, "flip", **where)
        flips[protocol] = [flip]
        own = look(position)
        # There are no panels with less than nobody.
        fewer = np.minimum(members.deviation, members.mean)
        cut |= bool(fewer < members.deviation)
        axes.errorbar(
            members.mean,
            flip.mean,
            xerr=[[fewer], [members.deviation]],
            yerr=flip.deviation,
            fmt=own.marker,
            color=own.color,
            markersize=7.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            alpha=0.85,
            elinewidth=1,
            capsize=2.5,
            label=protocol,
        )
    most = max(axes.get_xlim()[1], 1.0)
    # Room for a marker at 0.
    axes.set_xlim(-0.03 * most, most)
    axes.set_xlabel(f"agents of the tier '{tier}' in a panel of {size:,}")
    axes.set_ylabel("flip of its share (percentage points)")
    percent_axis(axes, "y", sign=True)
    tidy(axes)
    legend_beside(figure, axes, title="protocol")
    describe(
        figure,
        f"Members of the tier '{tier}' and the flip of its share: {subject.words}",
        [
            *subject.notes,
            averaged("Points", "whiskers", seeds(panels)),
            f"Flip: the panel's share less the population's; the tier has {counted(agents)}",
            *(["Whiskers end at 0 agents"] if cut else []),
            *undefined_note(flips),
        ],
    )
    return figure
