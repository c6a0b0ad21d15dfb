"""The result: numbers derived from the values, groups, top agents, and how it shows itself."""

import pickle
import warnings
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import aumann
from aumann._ranking import largest
from aumann.methods import AumannShapley

SINGLE = aumann.attribute([[1.0], [2.0], [6.0]], aumann.Variance())
STEPS = aumann.attribute(
    [[[1.0], [3.0], [2.0]], [[2.0], [4.0], [0.0]]],
    aumann.Mean(),
    presence=[[True, True, True], [True, True, False]],
    baseline=0.5,
)


def made(values: Any, presence: Any = None, value: Any = None) -> aumann.Attribution:
    """A result with the given values, as if some value function had had them."""
    values = np.asarray(values)
    steps = np.atleast_2d(values).astype(np.float64)
    statistics = np.zeros((len(steps), 4))
    statistics[:, 0] = steps.sum(axis=1) if value is None else value
    statistics[:, 2], statistics[:, 3] = steps.sum(axis=1), np.abs(steps).sum(axis=1)
    return aumann.Attribution(
        values,
        statistics,
        value_function=aumann.Mean(),
        method=AumannShapley(),
        baseline="0",
        elapsed=0.002,
        presence=None if presence is None else np.asarray(presence),
    )


def test_numbers_of_one_step() -> None:
    assert SINGLE.value == pytest.approx(14 / 3)
    assert (SINGLE.baseline_value, SINGLE.agents, SINGLE.steps) == (0, 3, 1)
    assert isinstance(SINGLE.total, float)
    assert isinstance(SINGLE.residual, float)
    assert isinstance(SINGLE.relative_residual, float)
    np.testing.assert_allclose(SINGLE.shares, [-1 / 7, -1 / 7, 9 / 7])


def test_numbers_of_several_steps() -> None:
    np.testing.assert_array_equal(STEPS.value, [2, 3])
    np.testing.assert_array_equal(STEPS.baseline_value, [0.5, 0.5])
    np.testing.assert_array_equal(STEPS.total, [1.5, 2.5])
    np.testing.assert_allclose(STEPS.values, [[1 / 6, 5 / 6, 0.5], [0.75, 1.75, 0]])
    np.testing.assert_allclose(STEPS.shares, [[1 / 9, 5 / 9, 1 / 3], [0.3, 0.7, 0]])
    np.testing.assert_allclose(STEPS.by_agent(), [11 / 12, 31 / 12, 0.5])
    assert (STEPS.agents, STEPS.steps, STEPS.peak_step) == (3, 2, 1)


def test_exact_results_say_so() -> None:
    assert SINGLE.method == AumannShapley()
    assert (SINGLE.estimator, SINGLE.evaluations) == ("closed form", 0)
    assert SINGLE.standard_error is None
    assert SINGLE.seed is None
    assert SINGLE.baseline == "0"


def test_the_residual_is_the_sum_minus_the_total() -> None:
    result = made([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]], value=[2.0, 0.0, 1.0])
    np.testing.assert_array_equal(result.residual, [1.0, 0.0, -1.0])
    np.testing.assert_allclose(result.relative_residual, [1 / 3, 0, -np.inf])


def test_per_step_numbers_are_copies() -> None:
    STEPS.value[0] = 99
    assert STEPS.value[0] == 2


@pytest.mark.parametrize(("dtype", "edge"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_shares_are_undefined_at_rounding(dtype: Any, edge: float) -> None:
    above, below = made(np.array([[1.0, -1.0]] * 2, dtype=dtype)), None
    statistics = np.array([[0, 0, 2 * edge * 1.1, 2], [0, 0, -2 * edge * 0.9, 2]])
    below = aumann.Attribution(
        above.values,
        statistics,
        value_function=aumann.Mean(),
        method=AumannShapley(),
        baseline="0",
        elapsed=0.0,
    )
    with pytest.warns(RuntimeWarning, match="shares are undefined at step 1: ") as caught:
        shares = below.shares
    assert caught[0].filename == __file__
    assert shares.dtype == dtype
    assert np.isfinite(shares[0]).all()
    assert np.isnan(shares[1]).all()
    grouped = below.group(["a", "b"])
    with pytest.warns(RuntimeWarning, match="shares are undefined at step 1: ") as caught:
        assert np.isnan(grouped.shares).tolist() == [[False, False], [True, True]]
    assert caught[0].filename == __file__


def test_many_undefined_steps_are_counted() -> None:
    with pytest.warns(RuntimeWarning, match="at step 0, 1, 2, 3, 4 and 3 more: "):
        assert np.isnan(made(np.zeros((8, 2))).shares).all()


def test_groups_by_hand() -> None:
    grouped = STEPS.group(["b", "a", "b"])
    assert grouped.names == ("a", "b")
    np.testing.assert_array_equal(grouped.counts, [[1, 2], [1, 1]])
    np.testing.assert_allclose(grouped.sums, [[5 / 6, 2 / 3], [1.75, 0.75]])
    np.testing.assert_allclose(grouped.shares, [[5 / 9, 4 / 9], [0.7, 0.3]])
    single = SINGLE.group(np.array([7, 7, 3]))
    assert single.names == ("3", "7")
    np.testing.assert_array_equal(single.counts, [1, 2])
    np.testing.assert_allclose(single.shares, [9 / 7, -2 / 7])


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_groups_agree_with_polars(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 30)))
    values = data.draw(hnp.arrays(np.int64, shape, elements=st.integers(-99, 99))) / 4 + 0.125
    presence = data.draw(hnp.arrays(np.bool_, shape))
    labels = data.draw(hnp.arrays(np.int64, shape[1], elements=st.integers(0, 5)))
    grouped = made(np.where(presence, values, 0), presence).group(labels)
    for step in range(shape[0]):
        frame = pl.DataFrame({"label": labels, "value": values[step], "here": presence[step]})
        table = frame.filter("here").group_by("label").agg(pl.col("value").sum(), pl.len())
        rows = {str(label): (total, count) for label, total, count in table.iter_rows()}
        for k, name in enumerate(grouped.names):
            total, count = rows.get(name, (0.0, 0))
            assert grouped.sums[step, k] == total
            assert grouped.counts[step, k] == count


@pytest.mark.parametrize(
    "labels",
    [
        ["x", "y", "x"],
        ("x", "y", "x"),
        np.array(["x", "y", "x"]),
        pd.Series(["x", "y", "x"]),
        pl.Series(["x", "y", "x"]),
        aumann.Groups(np.array([0, 1, 0]), ("x", "y")),
    ],
)
def test_labels_of_any_kind(labels: Any) -> None:
    grouped = SINGLE.group(labels)
    assert grouped.names == ("x", "y")
    np.testing.assert_allclose(grouped.sums, [16 / 3, -2 / 3])


@pytest.mark.parametrize("labels", [[1, 2], [1, 2, 3, 4], aumann.Groups(np.array([0]), ("x",))])
def test_labels_of_the_wrong_length(labels: Any) -> None:
    with pytest.raises(ValueError, match=r"labels: \d labels, one for each of the 3 agents"):
        SINGLE.group(labels)


def test_labels_of_the_wrong_kind() -> None:
    with pytest.raises(TypeError, match="labels"):
        SINGLE.group([1.5, 2.5, 3.5])


def test_groups_show_themselves() -> None:
    text = repr(STEPS.group(["b", "a", "<b>"]))
    assert text.splitlines()[0].split() == ["step", "group", "agents", "sum", "share"]
    assert text.splitlines()[1].split() == ["0", "<b>", "1", "0.5", "0.333333"]
    page = STEPS.group(["b", "a", "<b>"])._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_top_agents_by_hand() -> None:
    assert SINGLE.top(2).agents.tolist() == [2, 0]
    np.testing.assert_allclose(SINGLE.top(2).values, [6, -2 / 3])
    assert SINGLE.top().agents.tolist() == [2, 0, 1]
    assert made([1.0, -3.0, 2.0, -2.0]).top(3, by="magnitude").agents.tolist() == [1, 2, 3]
    agents, values = STEPS.top(3)
    assert agents.tolist() == [[1, 2, 0], [1, 0, -1]]
    np.testing.assert_allclose(values, [[5 / 6, 0.5, 1 / 6], [1.75, 0.75, np.nan]])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_top_agents_agree_with_a_stable_sort(data: st.DataObject) -> None:
    agents = data.draw(st.integers(1, 40))
    values = data.draw(hnp.arrays(np.float64, agents, elements=st.integers(-4, 4).map(float)))
    presence = data.draw(hnp.arrays(np.bool_, agents))
    presence[data.draw(st.integers(0, agents - 1))] = True
    by = data.draw(st.sampled_from(["value", "magnitude"]))
    k = data.draw(st.integers(1, 45))
    found = made(np.where(presence, values, 0), presence).top(k, by=by)
    size = [(-abs(v) if by == "magnitude" else -v, i) for i, v in enumerate(values) if presence[i]]
    assert found.agents.tolist() == [i for _, i in sorted(size)[:k]]
    np.testing.assert_array_equal(found.values, values[found.agents])


@pytest.mark.parametrize(
    ("k", "by", "error", "message"),
    [
        (0, "value", ValueError, "k: 0, at least 1"),
        (2.0, "value", TypeError, "k: 2.0, an integer"),
        (True, "value", TypeError, "k: True, an integer"),
        (2, "share", ValueError, "by: 'share', 'value' or 'magnitude'"),
    ],
)
def test_top_refuses(k: Any, by: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SINGLE.top(k, by=by)


def test_by_step() -> None:
    table = STEPS.by_step()
    assert len(table) == 2
    assert list(table.columns) == ["step", "value", "baseline_value", "total", "residual", "sum"]
    np.testing.assert_array_equal(table["step"], [0, 1])
    np.testing.assert_array_equal(table["total"], STEPS.total)
    np.testing.assert_array_equal(table["residual"], STEPS.residual)
    np.testing.assert_allclose(table["sum"], STEPS.values.sum(axis=1))
    assert len(SINGLE.by_step()) == 1


def test_numpy_takes_the_result() -> None:
    assert np.asarray(SINGLE) is not None
    np.testing.assert_array_equal(np.asarray(SINGLE), SINGLE.values)
    assert np.asarray(SINGLE, dtype=np.float32).dtype == np.float32
    assert not np.shares_memory(np.array(SINGLE), SINGLE.values)
    assert np.shares_memory(np.asarray(SINGLE), SINGLE.values)


def test_results_are_frozen_and_can_be_pickled() -> None:
    with pytest.raises(AttributeError):
        SINGLE.elapsed = 1.0  # type: ignore[misc]
    restored = pickle.loads(pickle.dumps(STEPS))
    np.testing.assert_array_equal(restored.values, STEPS.values)
    assert restored.value_function == STEPS.value_function


def test_repr_of_one_step() -> None:
    result = made([1.0, -3.0, 4.0], value=2.0)
    assert repr(result).splitlines() == [
        "Attribution of Mean() to 3 agents",
        "  method    AumannShapley(), closed form",
        "  value     2",
        "  baseline  0 (0)",
        "  total     2",
        "  residual  0.0e+00 (0.0e+00 of the sum of magnitudes)",
        "  elapsed   2 ms",
        "  top agent  value       share",
        "  2              4   200.0000%",
        "  0              1    50.0000%",
        "  1             -3  -150.0000%",
    ]


def test_repr_of_several_steps() -> None:
    lines = repr(STEPS).splitlines()
    assert lines[0] == "Attribution of Mean() to 3 agents over 2 steps"
    assert "  value     2 to 3" in lines
    assert "  baseline  0.5 (0.5)" in lines
    assert "  peak      step 1" in lines
    # Summed over the steps: agent 1 has 31/12 of 4.
    assert lines[-3].split() == ["1", "2.58333", "64.5833%"]


def test_repr_of_many_agents_stays_short() -> None:
    result = aumann.attribute(np.ones((100_000, 2)), aumann.Mean())
    assert len(repr(result).splitlines()) == 13
    assert "100,000 agents" in repr(result)


def test_showing_never_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = made([1.0, -1.0])
        assert "undefined" in repr(result)
        assert "undefined" in result._repr_html_()
        assert "nan" in repr(result.group([0, 1]))


class Cells(HTMLParser):
    """Collects the text of the cells, and checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.stack.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        assert self.stack[-1] in ("td", "th")
        self.cells[-1] += data


def test_notebook_table_is_well_formed_and_complete() -> None:
    page = Cells()
    page.feed(STEPS._repr_html_())
    assert page.stack == []
    for line in repr(STEPS).splitlines():
        for word in line.split("  "):
            assert word.strip() in (*page.cells, "")


def test_a_sampled_result_shows_its_errors() -> None:
    x = np.arange(12.0).reshape(6, 2)
    sampled = aumann.attribute(
        x, aumann.Heat(), method=aumann.Shapley(aumann.PermutationSampling(20, seed=1))
    )
    assert "Shapley(PermutationSampling(20, seed=1)), 20 antithetic permutations" in repr(sampled)
    assert f"standard error at most {sampled.standard_error.max():.2g}" in repr(sampled)
    table = sampled.to_table()
    np.testing.assert_array_equal(table["standard_error"], sampled.standard_error)
    alone = aumann.attribute(x, aumann.Heat(), method=aumann.Shapley(aumann.PermutationSampling(2)))
    assert "standard error unknown, of one sample" in repr(alone)
    many = np.tile(x, (20, 1))
    expanded = aumann.attribute(
        many, aumann.Heat(), method=aumann.Shapley(aumann.MeanFieldExpansion())
    )
    assert f"error     estimated at about {expanded.error_estimate:.1e}" in repr(expanded)
    assert "standard_error" not in expanded.to_table().columns


@pytest.mark.parametrize("seed", range(60))
def test_the_largest_of_many_are_those_of_a_full_sort(seed):
    draw = np.random.default_rng(seed)
    agents = int(draw.integers(1, 5_000))
    # Every other time with ties, among which the lower index comes first.
    values = draw.normal(size=agents) if seed % 2 else draw.integers(-30, 30, agents) / 4
    present = draw.random(agents) < 0.8
    present[draw.integers(agents)] = True
    candidates = np.flatnonzero(present)
    k = int(draw.integers(1, agents + 5))
    for by_magnitude in (False, True):
        keys = -np.abs(values[candidates]) if by_magnitude else -values[candidates]
        wanted = candidates[np.lexsort((candidates, keys))[:k]]
        assert (largest(values, candidates, k, by_magnitude) == wanted).all()
