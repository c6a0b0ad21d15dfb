"""What the figures of a study draw is what its tables hold."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from numpy.testing import assert_allclose
from study_tables import FUNCTIONS, made, rows_of

import aumann

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.collections import LineCollection  # noqa: E402
from matplotlib.colors import LogNorm, SymLogNorm  # noqa: E402

RESULTS = made()
TIERS = ("top", "middle", "tail")


def panel_shares(protocol, size, tier, column="share", function="Heat()", topic="cats"):
    rows = rows_of(
        RESULTS, "shares", topic=topic, value_function=function, protocol=protocol, size=size,
        tier=tier,
    )  # fmt: skip
    return [row[column] for row in rows if row[column] is not None]


@pytest.mark.parametrize("function", ["Heat()", "Variance()"])
def test_bars_of_tiers_are_means_over_the_seeds(function):
    figure = RESULTS.plot("tiers", topic="dogs", value_function=function, size=1000)
    for axes, tier in zip(figure.axes, TIERS, strict=True):
        whole = rows_of(RESULTS, "whole", topic="dogs", value_function=function, tier=tier)
        wanted = [whole[0]["share"]] + [
            statistics.mean(panel_shares(protocol, 1000, tier, "share", function, "dogs"))
            for protocol in ("visibility", "random")
        ]
        assert_allclose([bar.get_width() for bar in axes.patches], wanted)
        printed = [text.get_text().replace("\u2212", "-") for text in axes.texts]
        assert printed == [f"{100 * share:.1f}" for share in wanted]
        (whiskers,) = [c for c in axes.collections if isinstance(c, LineCollection)]
        lengths = [segment[1, 0] - segment[0, 0] for segment in whiskers.get_segments()]
        spread = [
            statistics.stdev(panel_shares(protocol, 1000, tier, "share", function, "dogs"))
            for protocol in ("visibility", "random")
        ]
        assert_allclose(lengths, 2 * np.array(spread))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["population", "visibility", "random"]
    assert ("random 1 of 3" in figure.get_supxlabel()) == (function == "Heat()")


def test_curves_of_scales_are_means_with_bands():
    figure = RESULTS.plot("scales")
    for axes, protocol in zip(figure.axes, ("visibility", "random"), strict=True):
        assert axes.get_xscale() == "log"
        curves = {line.get_label(): line for line in axes.lines}
        for tier, band in zip(TIERS, axes.collections, strict=True):
            drawn = curves[tier]
            assert_allclose(drawn.get_xdata(), [100, 1000])
            found = [panel_shares(protocol, size, tier) for size in (100, 1000)]
            means = [statistics.mean(shares) for shares in found]
            assert_allclose(drawn.get_ydata(), means)
            edges = band.get_paths()[0].vertices
            for size, shares, mean in zip((100, 1000), found, means, strict=True):
                at = edges[edges[:, 0] == size][:, 1]
                wanted = [mean - statistics.stdev(shares), mean + statistics.stdev(shares)]
                assert_allclose([at.min(), at.max()], wanted)
        dashed = {line.get_ydata()[0] for line in axes.lines if line.get_label() not in TIERS}
        for row in rows_of(RESULTS, "whole", topic="cats", value_function="Heat()"):
            assert row["share"] in dashed


def test_points_of_the_dose_are_means_over_the_seeds():
    figure = RESULTS.plot("dose", size=1000)
    (axes,) = figure.axes
    assert len(axes.containers) == 2
    for drawn, protocol in zip(axes.containers, ("visibility", "random"), strict=True):
        members = panel_shares(protocol, 1000, "top", "agents")
        flips = panel_shares(protocol, 1000, "top", "flip")
        assert drawn.get_label() == protocol
        point = drawn.lines[0].get_xydata()[0]
        assert_allclose(point, [statistics.mean(members), statistics.mean(flips)])
        across, along = (bars.get_segments()[0] for bars in drawn.lines[2])
        assert_allclose(np.ptp(across[:, 0]), 2 * statistics.stdev(members))
        assert_allclose(np.ptp(along[:, 1]), 2 * statistics.stdev(flips))
    assert "random 1 of 3" in figure.get_supxlabel()


def test_residuals_are_panel_by_panel_and_zeros_are_shown_as_such():
    figure = RESULTS.plot("residuals", topic="dogs")
    left, right = figure.axes
    for axes, column in ((left, "residual"), (right, "spearman")):
        small = [line for line in axes.lines if line.get_marker() == "."]
        large = [
            line for line in axes.lines if line.get_marker() in "os" and line.get_alpha() is None
        ]
        cells = [(f, p) for f in FUNCTIONS for p in ("visibility", "random")]
        for points, mean, (function, protocol) in zip(small, large, cells, strict=True):
            rows = rows_of(
                RESULTS, "cells", topic="dogs", value_function=function, protocol=protocol, size=100
            )
            figures = np.array([np.nan if r[column] is None else r[column] for r in rows])
            drawn = np.array(points.get_ydata())
            assert_allclose(drawn[figures != 0], figures[figures != 0])
            if column == "residual" and function == "Mean()":
                zero = dict(zip(left.get_yticks(), left.get_yticklabels(), strict=True))
                assert zero[drawn[figures == 0][0]].get_text() == "exactly 0"
                assert drawn[figures == 0][0] < figures[figures > 0].min()
            assert_allclose(mean.get_ydata()[0], np.nanmean(figures))
    assert left.get_yscale() == "log"
    assert [text.get_text() for text in left.texts] == ["rounding"]
    assert "heat, random 1 of 3" in figure.get_supxlabel().replace("\n", " ")


def test_days_have_the_value_the_peak_and_the_shares():
    figure = RESULTS.plot("days", size=1000)
    value, panel_value, shares, panel_shares_ = figure.axes
    rows = rows_of(RESULTS, "steps", topic="cats", value_function="Heat()")
    values = [row["value"] for row in rows if row["tier"] == "top"]
    assert_allclose(value.lines[0].get_ydata(), values)
    (star,) = [line for line in value.lines if line.get_marker() == "*"]
    assert_allclose(star.get_xydata(), [[int(np.argmax(values)), max(values)]])
    assert value.texts[0].get_text() == f"peak: {rows[3 * int(np.argmax(values))]['step'][5:]}"
    panels = rows_of(
        RESULTS, "panel_steps", topic="cats", value_function="Heat()", protocol="visibility",
        size=1000,
    )  # fmt: skip
    for tier in TIERS:
        (line,) = [line for line in shares.lines if line.get_label() == tier]
        assert_allclose(line.get_ydata(), [row["share"] for row in rows if row["tier"] == tier])
        (line,) = [line for line in panel_shares_.lines if line.get_label() == tier]
        wanted = [
            statistics.mean(r["share"] for r in panels if r["tier"] == tier and r["number"] == step)
            for step in range(4)
        ]
        assert_allclose(line.get_ydata(), wanted)
    wanted = [
        statistics.mean(r["value"] for r in panels if r["tier"] == "top" and r["number"] == step)
        for step in range(4)
    ]
    assert_allclose(panel_value.lines[0].get_ydata(), wanted)
    assert shares.get_ylim() == panel_shares_.get_ylim()


@pytest.mark.parametrize("function", ["Mean()", "Variance()"])
def test_cells_of_bins_are_parts_of_the_sum(function):
    figure = RESULTS.plot("bins", value_function=function, size=1000)
    for axes, table in zip(figure.axes, ("bins", "panel_bins"), strict=False):
        more = {} if table == "bins" else {"protocol": "visibility", "size": 1000}
        rows = rows_of(RESULTS, table, topic="cats", value_function=function, **more)
        masses = np.zeros((100, 4))
        for row in rows:
            masses[row["bin"] - 1, row["number"]] = row["sum"]
        mesh = axes.collections[0]
        drawn = mesh.get_array()
        assert_allclose(drawn.filled(0.0), masses / masses.sum(), rtol=1e-12, atol=1e-18)
        # The highest reach is at the top.
        assert axes.get_ylim()[1] > axes.get_ylim()[0]
        assert (drawn.mask == (masses == 0)).all()
        if function == "Variance()":
            assert isinstance(mesh.norm, SymLogNorm)
            assert mesh.norm.vmin == -mesh.norm.vmax
            hatched = sum(path.get_extents().height for path in axes.collections[1].get_paths())
            assert hatched == np.count_nonzero(masses < 0)
        else:
            assert isinstance(mesh.norm, LogNorm)
    assert figure.axes[0].collections[0].norm == figure.axes[1].collections[0].norm
    assert figure.axes[2].get_ylabel().startswith("part of the sum over all steps (%)")
    assert "White: no attribution, there at all steps in 50 of 100 bins" in figure.get_supxlabel()
    assert "seed 3" in figure.get_supxlabel()


def test_intervals_of_the_repair_are_those_of_the_table():
    figure = RESULTS.plot("repair", topic="dogs", size=1000)
    caption = figure.get_supxlabel().replace("\n", " ")
    for axes, tier in zip(figure.axes, TIERS, strict=True):
        rows = rows_of(
            RESULTS, "repairs", topic="dogs", value_function="Heat()", size=1000, tier=tier
        )
        sure = [row for row in rows if row["low"] is not None]
        (segments,) = [c.get_segments() for c in axes.collections]
        ends = [(s[0, 0], s[1, 0]) for s in segments if len(s)]
        assert_allclose(ends, [(row["low"], row["high"]) for row in sure])
        dashed, crosses, dots = axes.lines[:3]
        assert dashed.get_xdata()[0] == rows[0]["whole_share"]
        drawn = dots.get_xdata()
        assert_allclose(drawn[np.isfinite(drawn)], [row["share"] for row in sure])
        raw = panel_shares("random", 1000, tier, topic="dogs")
        drawn = np.array(crosses.get_xdata())
        assert_allclose(drawn[np.isfinite(drawn)], raw)
        held = sum(row["low"] <= row["whole_share"] <= row["high"] for row in sure)
        assert f"{tier} {held} of {len(sure)} (1 without interval)" in caption


def test_a_study_is_drawn_as_it_was_measured(tmp_path):
    population = aumann.synthesize(agents=2_000, steps=3, seed=1)
    protocols = {"weighted": aumann.VisibilityWeighted(), "random": aumann.UniformRandom()}
    study = aumann.Study(population, protocols=protocols, sizes=[100], seeds=[0, 1])
    results = study.run(tmp_path)
    whole = aumann.attribute(population.features(window="whole"), aumann.Heat())
    shares = whole.group(population.tiers()).shares
    axes = results.plot("tiers").axes
    assert_allclose([each.patches[0].get_width() for each in axes], shares, rtol=1e-12)
    bins = population.percentile_bins(100)
    masses = np.array(
        [aumann.attribute(x, aumann.Heat()).group(bins).sums for x in population.iter_features()]
    ).T
    drawn = results.plot("bins").axes[0].collections[0].get_array()
    assert_allclose(drawn.filled(0.0), masses / masses.sum(), rtol=1e-9, atol=1e-15)
