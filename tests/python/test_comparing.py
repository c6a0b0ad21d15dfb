"""How far baselines and paths decide who ranks where."""

import importlib
from collections.abc import Callable
from itertools import combinations
from typing import Any

import coalitions
import numpy as np
import pytest
import reference
import torch
from rankings import figures, found

import aumann
from aumann.value_functions import from_name


@pytest.mark.parametrize("name", reference.NAMES)
def test_baselines_are_those_of_the_verb(name: str) -> None:
    x = np.random.default_rng(5).exponential(size=(15, 2))
    rows = np.stack([np.floor(x.sum(axis=1)), np.zeros(15)], axis=1)
    given_baselines = {"zero": 0.0, "row": [0.25, 0.5], "mean": "mean", "rows": rows}
    comparison = aumann.compare_baselines(x, from_name(name), given_baselines, k=4)
    assert comparison.pairs == tuple(combinations(given_baselines, 2))
    values = {}
    for key, baseline in given_baselines.items():
        alone = aumann.attribute(x, from_name(name), baseline=baseline)
        np.testing.assert_array_equal(comparison.results[key].values, alone.values)
        values[key] = alone.values
    for k, (first, second) in enumerate(comparison.pairs):
        expected = figures(values[first], values[second], 4)
        assert found(comparison)[:, k] == pytest.approx(expected, abs=1e-12)


def test_zero_and_mean_rank_by_the_same_linear_function() -> None:
    x = np.random.default_rng(6).exponential(size=(50, 3))
    comparison = aumann.compare_baselines(x, aumann.Mean())
    assert list(comparison.results) == ["zero", "mean"]
    np.testing.assert_allclose(found(comparison), 1.0)


METHODS = [
    aumann.AumannShapley(),
    aumann.AumannShapley(aumann.PathIntegral(tolerance=0.01)),
    aumann.Shapley(),
    aumann.Shapley(aumann.PermutationSampling(20)),
    aumann.Banzhaf(aumann.CoalitionSampling(200)),
    aumann.LeaveOneOut(),
]


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("value_function", [aumann.Heat(), aumann.Variance()], ids=repr)
def test_the_first_step_is_no_baseline_of_itself(
    method: aumann.Shapley, value_function: aumann.ValueFunction
) -> None:
    x = np.random.default_rng(7).exponential(size=(4, 8, 3))
    comparison = aumann.compare_baselines(x, value_function, method=method, k=3)
    assert list(comparison.results) == ["zero", "mean", "first step"]
    assert np.isnan(found(comparison)[:, 1:, 0]).all()
    assert np.isfinite(found(comparison)[:, :, 1:]).all()
    assert np.isfinite(found(comparison)[:, 0, 0]).all()
    table = comparison.to_table()
    np.testing.assert_array_equal(table["steps"], [4, 3, 3])
    for name in ("kendall", "spearman", "overlap", "jaccard"):
        figure = getattr(comparison, name)
        np.testing.assert_allclose(table[f"{name}_mean"], np.nanmean(figure, axis=1))
        np.testing.assert_array_equal(table[f"{name}_min"], np.nanmin(figure, axis=1))


def test_steps_that_rank_nobody_leave_no_mean() -> None:
    x = np.tile([[1.0], [1.0], [1.0]], (2, 1, 1))
    table = aumann.compare_baselines(x, aumann.Mean()).to_table()
    assert table["steps"].tolist() == [0, 0, 0]
    assert np.isnan(table["kendall_mean"]).all()
    assert np.isnan(table["jaccard_min"]).all()


def test_a_single_step_is_not_its_own_baseline() -> None:
    x = np.random.default_rng(8).exponential(size=(1, 8, 3))
    assert list(aumann.compare_baselines(x, aumann.Heat()).results) == ["zero", "mean"]


def test_a_population_brings_presence_and_labels() -> None:
    population = aumann.synthesize(300, steps=3, seed=2)
    comparison = aumann.compare_baselines(population, aumann.Heat(), k=7)
    assert comparison.kendall.shape == (3, 3)
    rows = comparison.by_step()
    assert len(rows) == 9
    np.testing.assert_array_equal(rows["step"], list(population.step_labels) * 3)
    zero, first = (comparison.results[name] for name in ("zero", "first step"))
    both = np.ones(300, dtype=bool)
    for result in (zero, first):
        if result.presence is not None:
            both &= result.presence[2]
    expected = figures(zero.values[2][both], first.values[2][both], 7)
    assert found(comparison)[:, 1, 2] == pytest.approx(expected, abs=1e-9)


def test_presence_reaches_every_attribution() -> None:
    x = np.random.default_rng(9).exponential(size=(3, 10, 2))
    present = np.random.default_rng(10).random((3, 10)) < 0.7
    x[~present] = np.nan
    comparison = aumann.compare_baselines(x, aumann.Variance(), presence=present, k=2)
    for name, baseline in (("zero", 0.0), ("mean", "mean"), ("first step", aumann.Step(0))):
        alone = aumann.attribute(x, aumann.Variance(), baseline=baseline, presence=present)
        np.testing.assert_array_equal(comparison.results[name].values, alone.values)
        np.testing.assert_array_equal(comparison.results[name].presence, alone.presence)


def crowding(x: Any) -> Any:
    return torch.log1p(x.mean(dim=-2).prod(dim=-1))


@pytest.mark.parametrize(
    "function",
    [
        crowding,
        aumann.PooledValueFunction(torch.tanh, lambda state: state.square().sum()),
    ],
    ids=["callable", "pooled"],
)
def test_torch_functions_are_compared(function: Callable[[Any], Any]) -> None:
    x = torch.rand((12, 3), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    comparison = aumann.compare_baselines(x, function, k=4)
    values = [aumann.attribute(x, function, baseline=b).values for b in (0.0, "mean")]
    assert found(comparison)[:, 0] == pytest.approx(figures(*values, 4), abs=1e-12)
    paths = aumann.compare_paths(x, function, k=4)
    np.testing.assert_array_equal(paths.results["straight"].values, values[0])


def test_tables_hold_the_figures() -> None:
    x = np.random.default_rng(11).exponential(size=(9, 2))
    comparison = aumann.compare_paths(x, aumann.Heat(), k=3)
    table = comparison.to_pandas()
    assert list(table.columns) == ["first", "second", "kendall", "spearman", "overlap", "jaccard"]
    assert table["kendall"].tolist() == comparison.kendall.tolist()
    assert list(zip(table["first"], table["second"], strict=True)) == list(comparison.pairs)
    lines = repr(comparison).splitlines()
    assert lines[0] == "rankings of 9 agents, overlap and jaccard of the top 3"
    assert len(lines) == 2 + 21
    assert lines[2].split()[:2] == ["straight", "order"]
    assert comparison._repr_html_().startswith("<table>")


def test_a_path_in_an_order_is_what_the_agents_add() -> None:
    x = np.random.default_rng(12).exponential(size=(6, 2))
    game = coalitions.population_game("heat", x)
    comparison = aumann.compare_paths(x, aumann.Heat())
    for seed in range(5):
        values, members, before = np.empty(6), np.zeros(6, dtype=bool), 0.0
        for agent in aumann._core.random_order(seed, 0, 0, 6):
            members[agent] = True
            after = game(members)
            values[agent], before = after - before, after
        np.testing.assert_allclose(comparison.results[f"order {seed}"].values, values, atol=1e-14)


def test_the_mean_of_the_orders() -> None:
    x = np.random.default_rng(13).exponential(size=(2, 7, 2)).astype(np.float32)
    comparison = aumann.compare_paths(x, aumann.Variance(), baseline="mean")
    *_, name = comparison.results
    mean = comparison.results[name]
    orders = [comparison.results[f"order {seed}"] for seed in range(5)]
    expected = np.mean([order.values.astype(np.float64) for order in orders], axis=0)
    np.testing.assert_allclose(mean.values, expected, rtol=1e-6)
    assert mean.values.dtype == np.float32
    np.testing.assert_allclose(mean.residual, 0, atol=1e-6)
    values = mean.values.astype(np.float64)
    np.testing.assert_array_equal(mean.statistics[:, 2], values.sum(axis=1))
    np.testing.assert_array_equal(mean.statistics[:, 3], np.abs(values).sum(axis=1))
    assert mean.evaluations == 5 * 2 * (8 + 2)
    assert (name, mean.estimator) == ("mean of 5 orders", "mean of agent-order paths, seeds 0 to 4")


@pytest.mark.parametrize("name", ["heat", "gini"])
def test_orders_tend_to_the_shapley_value(name: str) -> None:
    x = np.random.default_rng(14).exponential(size=(5, 2))
    exact = coalitions.shapley(coalitions.population_game(name, x), 5)
    methods = [
        aumann.AumannShapley(aumann.PathIntegral(path="agent-order", seed=seed))
        for seed in range(600)
    ]
    orders = np.array([aumann.attribute(x, from_name(name), method=m).values for m in methods])
    error = orders.std(axis=0, ddof=1) / np.sqrt(len(orders))
    assert (np.abs(orders.mean(axis=0) - exact) < 4 * error).all()
    if name == "gini":
        # Here the straight path leads elsewhere.
        straight = aumann.attribute(x, from_name(name)).values
        assert (np.abs(straight - exact) > 10 * error).any()


@pytest.mark.parametrize("name", ["mean", "variance"])
def test_an_order_and_its_reverse_mean_the_straight_path_of_a_quadratic_game(name: str) -> None:
    x = np.random.default_rng(15).exponential(size=(6, 2))
    comparison = aumann.compare_paths(x, from_name(name))
    game = coalitions.population_game(name, x)
    order = aumann._core.random_order(2, 0, 0, 6)[::-1]
    reverse, members, before = np.empty(6), np.zeros(6, dtype=bool), 0.0
    for agent in order:
        members[agent] = True
        after = game(members)
        reverse[agent], before = after - before, after
    mean = (comparison.results["order 2"].values + reverse) / 2
    np.testing.assert_allclose(comparison.results["straight"].values, mean, atol=1e-12)


def test_user_given_paths() -> None:
    x = np.random.default_rng(16).exponential(size=(10, 2))
    paths = {
        "straight": aumann.PathIntegral(),
        "squared": aumann.PathIntegral(path=lambda a, b, x: b + a**2 * (x - b)),
        "order": aumann.PathIntegral(path="agent-order", seed=9),
    }
    comparison = aumann.compare_paths(x, aumann.Heat(), paths, baseline="mean", k=3)
    assert list(comparison.results) == list(paths)
    # The same line at another pace.
    np.testing.assert_allclose(found(comparison)[:, 0], 1.0)
    for name, path in paths.items():
        method = aumann.AumannShapley(path)
        alone = aumann.attribute(x, aumann.Heat(), method=method, baseline="mean")
        np.testing.assert_array_equal(comparison.results[name].values, alone.values)


X = [[1.0, 2.0], [3.0, 1.0], [2.0, 2.0]]


@pytest.mark.parametrize(
    ("baselines", "error", "message"),
    [
        ([0.0, "mean"], TypeError, r"baselines: list, a mapping by name is wanted"),
        ({}, ValueError, r"baselines: 0 to compare, at least 2 are wanted"),
        ({"zero": 0.0}, ValueError, r"baselines: 1 to compare, at least 2 are wanted"),
        ({"zero": 0.0, 1: 1.0}, TypeError, r"baselines: 1 as a name, a str is wanted"),
        ({"zero": 0.0, "b": "median"}, ValueError, r"baselines\['b'\]: baseline: 'median'"),
        ({"zero": 0.0, "b": [1.0]}, ValueError, r"baselines\['b'\]: baseline: shape \(1,\)"),
        ({"zero": 0.0, "b": aumann.Step(0)}, ValueError, r"baselines\['b'\].*x has no steps"),
        ({"zero": 0.0, "b": True}, TypeError, r"baselines\['b'\]: baseline: True"),
    ],
)
def test_bad_baselines(baselines: Any, error: type[Exception], message: str) -> None:
    def never(x: Any) -> Any:
        raise AssertionError("evaluated before the baselines were looked at")

    with pytest.raises(error, match=message):
        aumann.compare_baselines(X, never, baselines)


@pytest.mark.parametrize(
    ("paths", "error", "message"),
    [
        ([aumann.PathIntegral()], TypeError, r"paths: list, a mapping by name is wanted"),
        ({"a": aumann.PathIntegral()}, ValueError, r"paths: 1 to compare, at least 2"),
        (
            {"a": aumann.PathIntegral(), "b": "agent-order"},
            TypeError,
            r"paths\['b'\]: 'agent-order', PathIntegral\(\.\.\.\) is wanted",
        ),
    ],
)
def test_bad_paths(paths: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        aumann.compare_paths(X, aumann.Heat(), paths)


@pytest.mark.parametrize("compare", [aumann.compare_baselines, aumann.compare_paths])
def test_other_bad_input(compare: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="k: 0, at least 1"):
        compare(X, aumann.Heat(), k=0)
    with pytest.raises(TypeError, match=r"k: 2\.0, an integer is wanted"):
        compare(X, aumann.Heat(), k=2.0)
    game = aumann.Game(lambda c: c.sum(axis=1), 3)
    with pytest.raises(TypeError, match="has neither baseline nor path"):
        compare(game, None)
    with pytest.raises(TypeError, match="value_function: 3"):
        compare(X, 3)


@pytest.mark.parametrize("compare", [aumann.compare_baselines, aumann.compare_paths])
def test_without_scipy(compare: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    imported = importlib.import_module

    def missing(name: str, *args: Any) -> Any:
        if name.startswith("scipy"):
            raise ModuleNotFoundError(name)
        return imported(name, *args)

    def never(x: Any) -> Any:
        raise AssertionError("evaluated before scipy was looked for")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"needs scipy: pip install 'aumann\[study\]'"):
        compare(X, never)
