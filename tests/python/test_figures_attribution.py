"""Figures of one attribution draw its numbers."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

import aumann

matplotlib = pytest.importorskip("matplotlib")

RNG = np.random.default_rng(11)
X = RNG.exponential(size=(5, 300, 3))
LABELS = np.repeat(["a", "b", "c"], 100)


def bars(axes):
    return [bar for bar in axes.patches if isinstance(bar, matplotlib.patches.Rectangle)]


@pytest.mark.parametrize("function", [aumann.Mean(), aumann.Variance()])
def test_the_curve_is_the_cumulative_share_of_the_largest(function):
    result = aumann.attribute(X[0], function)
    figure = result.plot()
    (axes,) = figure.axes
    parts, shares = axes.lines[0].get_data()
    wanted = np.cumsum(np.sort(result.values)[::-1]) / result.values.sum()
    assert_allclose(shares, wanted[np.round(np.array(parts) * 300).astype(int) - 1], rtol=1e-12)
    assert parts[0] == 1 / 300
    assert parts[-1] == 1
    assert [text.get_text() for text in axes.texts] == [
        f"largest 1 %: {100 * wanted[2]:.1f} %",
        f"largest 10 %: {100 * wanted[29]:.1f} %",
    ]
    negative = np.count_nonzero(result.values < 0)
    assert (f"{negative} agents have a negative" in figure.get_supxlabel()) == (negative > 0)
    assert (negative > 0) == isinstance(function, aumann.Variance)


def test_a_large_population_is_drawn_with_few_points():
    values = RNG.exponential(size=(50_000, 1))
    figure = aumann.attribute(values, aumann.Mean()).plot()
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    assert len(buffer.getvalue()) < 50_000


def test_absent_agents_are_not_counted():
    present = np.arange(300) < 200
    result = aumann.attribute(X[0], aumann.Mean(), presence=present)
    parts, shares = result.plot().axes[0].lines[0].get_data()
    assert len(parts) <= 200
    assert parts[0] == 1 / 200
    assert_allclose(shares[0], result.values.max() / result.values.sum())


def test_groups_of_one_step_are_bars_beside_their_part_of_the_agents():
    labels = ["a"] * 30 + ["b"] * 270
    result = aumann.attribute(X[0], aumann.Variance())
    (axes,) = result.plot(labels).axes
    wanted = [result.values[:30].sum(), result.values[30:].sum()] / result.values.sum()
    assert_allclose([bar.get_height() for bar in bars(axes)], wanted)
    (lines,) = [line for line in axes.lines if line.get_marker() == "_"]
    assert_allclose(lines.get_ydata(), [0.1, 0.9])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]


@pytest.mark.parametrize("labels", [LABELS, None])
def test_steps_are_stacked_by_sign_and_add_up_to_the_total(labels):
    result = aumann.attribute(X, aumann.Variance())
    (axes,) = result.plot(labels).axes
    if labels is None:
        wanted = np.array([np.maximum(result.values, 0), np.minimum(result.values, 0)]).sum(axis=2)
    else:
        wanted = result.group(labels).sums.T
    drawn = np.reshape([bar.get_height() for bar in bars(axes)], wanted.shape)
    assert_allclose(drawn, wanted)
    bottoms = np.reshape([bar.get_y() for bar in bars(axes)], wanted.shape)
    for step in range(5):
        for group in range(len(wanted)):
            below = [h for h in wanted[:group, step] if (h >= 0) == (wanted[group, step] >= 0)]
            assert_allclose(bottoms[group, step], sum(below), atol=1e-15)
    (total,) = [line for line in axes.lines if line.get_label() == "total"]
    assert_allclose(total.get_ydata(), result.total)


def test_of_many_groups_the_smaller_ones_are_drawn_as_one():
    labels = np.arange(300) % 20
    result = aumann.attribute(X, aumann.Mean())
    (axes,) = result.plot(labels).axes
    sums = result.group(labels).sums
    drawn = np.reshape([bar.get_height() for bar in bars(axes)], (8, 5))
    order = np.argsort(-sums.sum(axis=0))
    assert_allclose(drawn[:7], sums[:, np.sort(order[:7])].T)
    assert_allclose(drawn[7], sums[:, order[7:]].sum(axis=1))
    assert axes.get_legend_handles_labels()[1][-1] == "13 others"


@pytest.mark.parametrize("groups", [None, LABELS])
def test_where_shares_are_undefined_attributions_are_drawn(groups):
    result = aumann.attribute(X[0], aumann.Mean(), baseline="mean")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = result.plot(groups)
    (axes,) = figure.axes
    assert axes.get_ylabel() == "attribution"
    assert "Shares are undefined: the attributions sum to 0" in figure.get_supxlabel().replace(
        "\n", " "
    )
    if groups is None:
        assert_allclose(axes.lines[0].get_ydata()[0], result.values.max())
    else:
        assert_allclose([bar.get_height() for bar in bars(axes)], result.group(groups).sums)


@pytest.mark.parametrize("x", [[[1.0]], [[[1.0]]], [[0.0]], [[[0.0], [0.0]]]])
@pytest.mark.parametrize("grouped", [False, True])
def test_the_smallest_attributions_can_be_drawn(x, grouped):
    result = aumann.attribute(x, aumann.Heat())
    figure = result.plot(["only"] * result.agents if grouped else None)
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_labels_are_checked():
    result = aumann.attribute(X[0], aumann.Mean())
    with pytest.raises(ValueError, match="labels: 2 labels, one for each of the 300 agents"):
        result.plot(["a", "b"])
