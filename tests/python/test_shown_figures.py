"""Figures of a study at the edges: flat and undefined values, long whiskers, other scripts, dpi."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from study_tables import made

import aumann

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.collections import LineCollection  # noqa: E402
from matplotlib.font_manager import fontManager  # noqa: E402

from aumann.figures import FIGURES, style  # noqa: E402

RESULTS = made()


def altered(change, results=RESULTS):
    """Return a study in which `change` was made to every row of every table."""
    tables = {}
    for name, table in results.tables.items():
        rows = [change(name, dict(row)) for row in table.to_pylist()]
        tables[name] = pa.Table.from_pylist(rows, schema=table.schema)
    return replace(results, tables=tables)


def stars(figure):
    return [line for axes in figure.axes for line in axes.lines if line.get_marker() == "*"]


@pytest.mark.parametrize("flat", [0.0, 3.5, None])
def test_a_value_that_never_moves_has_no_star(flat):
    def change(name, row):
        return row | {"value": flat} if name in ("steps", "panel_steps") else row

    figure = altered(change).plot("days")
    assert not stars(figure)
    assert not [text for axes in figure.axes for text in axes.texts]
    said = "No peak, the same or no value at every step: population; visibility"
    assert said in " ".join(figure.get_supxlabel().split())
    assert len(stars(RESULTS.plot("days"))) == 2
    assert len(stars(altered(change, made(steps=("only",))).plot("days"))) == 2 * (flat is not None)


def without_heat(topic="cats", also=()):
    """Return a study in which the population has no shares of heat in a topic."""

    def change(name, row):
        undefined = row.get("value_function") in ("Heat()", *also) and row["topic"] == topic
        return row | {"share": None} if name == "whole" and undefined else row

    return altered(change)


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "residuals"])
def test_another_value_function_is_drawn_where_heat_is_undefined(name):
    results = without_heat()
    caption = " ".join(results.plot(name).get_supxlabel().split())
    assert "variance, cats" in " ".join(results.plot(name).get_suptitle().split())
    said = "Heat() has no shares in cats, where it is undefined: Variance() is shown instead."
    assert caption.startswith(said)
    other = results.plot(name, topic="dogs")
    assert "heat, dogs" in " ".join(other.get_suptitle().split())
    assert "instead" not in other.get_supxlabel()
    assert "heat, cats" in results.plot(name, value_function="Heat()").get_suptitle()


def test_the_mean_is_the_last_that_stands_in():
    figure = without_heat(also=["Variance()"]).plot("tiers")
    assert figure.get_suptitle().endswith("mean, cats")
    figure = without_heat(also=["Variance()", "Mean()"]).plot("tiers")
    assert figure.get_suptitle().endswith("heat, cats")
    assert "instead" not in figure.get_supxlabel()


@pytest.mark.parametrize("far", [9.0, 0.2])
def test_the_bars_and_not_the_whiskers_decide_how_far_the_axis_goes(far):
    def change(name, row):
        if name == "shares":
            row["share"] = 0.5 + (far if row["tier"] == "top" else 0.2) * (row["seed"] - 4)
        elif name == "whole":
            row["share"] = -0.5
        return row

    figure = altered(change).plot("tiers", value_function="Mean()")
    # The bars take -0.5 to 0.5, so that no whisker goes beyond -1 or 1.
    for axes, tier in zip(figure.axes, ("top", "middle", "tail"), strict=True):
        assert max(map(abs, axes.get_xlim())) < 2.3
        cut = tier == "top" and far > 1
        (whiskers,) = [c for c in axes.collections if isinstance(c, LineCollection)]
        for segment in whiskers.get_segments():
            np.testing.assert_allclose(segment[:, 0], [-1.0, 1.0] if cut else [0.3, 0.7])
        arrows = {line.get_marker(): line for line in axes.lines if line.get_marker() in ("<", ">")}
        assert all(len(arrows[mark].get_xdata()) == 2 * cut for mark in "<>")
    said = "Arrows: whiskers that are longer than drawn"
    assert (said in figure.get_supxlabel()) == (far > 1)


def test_no_whisker_goes_below_0_agents():
    def change(name, row):
        return row | {"agents": 5 * (row["seed"] == 3)} if name == "shares" else row

    figure = altered(change).plot("dose")
    (axes,) = figure.axes
    for drawn in axes.containers:
        across, _ = (bars.get_segments()[0] for bars in drawn.lines[2])
        np.testing.assert_allclose(across[:, 0], [0, 5 / 3 + np.std([5, 0, 0], ddof=1)], atol=1e-12)
    assert axes.get_xlim()[0] > -1
    assert "Whiskers end at 0 agents" in figure.get_supxlabel().replace("\n", " ")


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_letters_that_no_font_has_are_drawn_without_a_warning(kind):
    results = made(topics=("転載 \U0010fffd",), protocols=("可視性", "random"), tiers=("頂", "b"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in FIGURES:
            figure = results.plot(name)
            figure.savefig(io.BytesIO(), format=kind)
            figure.canvas.draw()
        labels = ["転", "載"]
        result = aumann.attribute([[1.0], [2.0]], aumann.Mean())
        result.plot(labels).savefig(io.BytesIO(), format=kind)


def test_other_warnings_of_a_figure_are_not_hidden():
    with pytest.warns(UserWarning, match="something else"), style._boxes_allowed():
        warnings.warn("something else", UserWarning, stacklevel=1)


def test_fonts_that_are_installed_stand_in(monkeypatch):
    assert "STIXGeneral" in {font.name for font in fontManager.ttflist}
    monkeypatch.setattr(style, "_FALLBACKS", ("STIXGeneral", "No Such Font"))
    style._installed.cache_clear()
    try:
        with style.style():
            assert matplotlib.rcParams["font.family"] == ["sans-serif", "STIXGeneral"]
        RESULTS.plot("tiers").savefig(io.BytesIO(), format="png")
    finally:
        style._installed.cache_clear()


@pytest.mark.parametrize("name", FIGURES)
def test_the_layout_is_the_same_at_every_resolution(name):
    results = made(protocols=("visibility", "topic by followers", "visibility weighted"))
    figure = results.plot(name)
    dots = figure.dpi
    ends = []
    with style.style():
        for dpi in (dots, 50, 72, 100, 150, 200, 300):
            figure.set_dpi(dpi)
            boxes = [axes.get_tightbbox() for axes in figure.axes]
            ends.append([min(box.x0 for box in boxes) / dpi, max(box.x1 for box in boxes) / dpi])
    # A hundredth of an inch: letters are not cut.
    np.testing.assert_allclose(ends, [ends[0]] * len(ends), atol=0.012)
