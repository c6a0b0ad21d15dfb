"""The indicator and the tier shares step by step, of the population and of panels."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aumann._peak import peak_step
from aumann.figures.names import known
from aumann.figures.plotting import PlottedStudy
from aumann.figures.selection import (
    Columns,
    Subject,
    averaged,
    chosen_size,
    over_seeds,
    select,
    settle,
    unique,
    where,
)
from aumann.figures.steps_axis import short_labels, step_axis
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
from aumann.study.tiers import defined

__all__ = ["days"]

_PEAK = "#D55E00"


class _Course(NamedTuple):
    """Figures of every step: of the population, or means and deviations over panels."""

    title: str
    value: NDArray[np.float64]
    value_spread: NDArray[np.float64]
    shares: dict[str, NDArray[np.float64]]
    share_spread: dict[str, NDArray[np.float64]]
    undefined: int
    panels: int

    @property
    def peak(self) -> int | None:
        """The first of the steps with the largest value, if one of several stands out."""
        return peak_step(dict(enumerate(map(defined, self.value))))


def days(
    results: PlottedStudy,
    *,
    topic: str | None = None,
    value_function: object = None,
    protocol: str | None = None,
    size: int | None = None,
) -> Figure:
    """Draw the value and the tier shares of every step, the population beside panels.

    Parameters and errors are those of `StudyResults.plot`. The peak is the first step with the
    largest value; a value that is the same at each of several steps has none. A study without
    panels step by step shows the population alone, unless a protocol or size was asked for.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=3, seed=1)
    >>> results = aumann.Study(population, seeds=[0]).run(tempfile.mkdtemp())
    >>> days(results).axes[0].get_title("left")
    'population, 1,000 agents'
    """
    subject = settle(results, topic, value_function)
    tiers = list(results.manifest["tiers"])
    rows = select(results, "steps", **subject.where)
    order = np.argsort(rows["number"], kind="stable")
    labels = [str(label) for label in unique(rows["step"][order])]
    title = f"population, {counted(results.manifest['agents'])}"
    courses = [_course(title, rows, tiers, len(labels))]
    if "panel_steps" in results.tables or protocol is not None or size is not None:
        courses.append(_panels(results, subject, protocol, size, len(labels)))
    figure = Picture(WIDTH, 4.4)
    every = figure.subplots(2, len(courses), sharex=True, squeeze=False, height_ratios=[1, 1.5])
    # Shares compare; the value of a panel is another number than the population's.
    for axes in every[1, 1:]:
        axes.sharey(every[1, 0])
        axes.tick_params(labelleft=False)
    for column, course in enumerate(courses):
        _value(every[0, column], course, short_labels(labels)[0])
        _shares(every[1, column], course)
        every[0, column].set_title(textwrap.fill(course.title, 38), loc="left")
        step_axis(every[1, column], labels, 5.2 / len(courses))
    every[0, 0].set_ylabel("value")
    every[1, 0].set_ylabel("tier share (%)")
    legend_beside(figure, every[1, 0], title="tier")
    describe(
        figure, f"Step by step: {subject.words}", [*subject.notes, *_notes(courses, len(labels))]
    )
    return figure


def _panels(
    results: PlottedStudy, subject: Subject, protocol: str | None, size: int | None, steps: int
) -> _Course:
    rows = select(results, "panel_steps", **subject.where)
    protocols = unique(rows["protocol"])
    name = protocols[0] if protocol is None else known("protocol", protocol, protocols)
    members = chosen_size(rows, size)
    title = f"{name}, {counted(members)}"
    rows = where(rows, protocol=name, size=members)
    return _course(title, rows, list(results.manifest["tiers"]), steps)


def _course(title: str, rows: Columns, tiers: list[str], steps: int) -> _Course:
    def over(column: str, tier: str) -> NDArray[np.float64]:
        own = where(rows, tier=tier)
        own = {name: own[name] for name in ("number", column)}
        return np.array([over_seeds(own, column, number=step) for step in range(steps)])

    value = over("value", tiers[0])
    shares = {tier: over("share", tier) for tier in tiers}
    first = shares[tiers[0]]
    return _Course(
        title,
        value[:, 0],
        np.nan_to_num(value[:, 1]),
        {tier: found[:, 0] for tier, found in shares.items()},
        {tier: np.nan_to_num(found[:, 1]) for tier, found in shares.items()},
        int(first[:, 3].sum()),
        int(first[:, 2].max()),
    )


def _value(axes: Axes, course: _Course, labels: list[str]) -> None:
    steps = np.arange(len(labels))
    low, high = course.value - course.value_spread, course.value + course.value_spread
    axes.fill_between(steps, low, high, color="#999999", alpha=0.3, linewidth=0)
    axes.plot(steps, course.value, color=INK, marker=".")
    peak = course.peak
    if peak is not None:
        axes.plot(peak, course.value[peak], "*", color=_PEAK, markersize=11, zorder=3)
        late = peak > 0.6 * (len(labels) - 1) and len(labels) > 1
        axes.annotate(
            f"peak: {labels[peak]}",
            (peak, course.value[peak]),
            (6 if late else -6, 6),
            textcoords="offset points",
            fontsize=8,
            horizontalalignment="right" if late else "left",
            verticalalignment="bottom",
        )
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.margins(y=0.28)
    axes.axhline(0, color=INK, linewidth=0.7)
    tidy(axes)


def _shares(axes: Axes, course: _Course) -> None:
    for position, (tier, share) in enumerate(course.shares.items()):
        own, steps = look(position), np.arange(len(share))
        spread = course.share_spread[tier]
        axes.fill_between(
            steps, share - spread, share + spread, color=own.color, alpha=0.2, linewidth=0
        )
        axes.plot(steps, share, color=own.color, marker=own.marker, linestyle=own.line, label=tier)
    if course.peak is not None:
        axes.axvline(course.peak, color=_PEAK, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0.5)
    axes.axhline(0, color=INK, linewidth=0.7)
    percent_axis(axes, "y")
    tidy(axes)


def _notes(courses: list[_Course], steps: int) -> list[str]:
    notes = []
    if len(courses) > 1:
        notes.append(averaged("Right", "bands", courses[1].panels))
    gaps = [
        f"{course.title.split(',')[0]} {course.undefined} of {steps * course.panels}"
        for course in courses
        if course.undefined
    ]
    if gaps:
        notes.append(f"Steps with undefined shares are left out: {'; '.join(gaps)}")
    flat = [course.title.split(",")[0] for course in courses if course.peak is None]
    if flat:
        notes.append(f"No peak, the same or no value at every step: {'; '.join(flat)}")
    return notes
