"""`aumann bench quadrature`: errors against a NumPy twin and by hand, the command."""

import json
import sys

import numpy as np
import polars as pl
import pytest
import torch
from reference import aumann_shapley
from scipy.stats import spearmanr
from typer.testing import CliRunner

import aumann
from aumann.benchmark import closed_forms, quadrature
from aumann.benchmark.workload import sparse
from aumann.cli import app

pytestmark = pytest.mark.lengthy

AGENTS = 2_000
COUNTS = (4, 50, 100)


@pytest.fixture(scope="module")
def measured():
    found = quadrature.convergence(AGENTS, nodes=COUNTS, repeats=1)
    return {(each.rule, each.nodes): each for each in found}


def rule(name, count):
    """Nodes and weights, written out once more."""
    if name == "midpoint":
        return (np.arange(count) + 0.5) / count, np.full(count, 1 / count)
    if name == "trapezoid":
        weights = np.ones(count)
        weights[0] = weights[-1] = 0.5
        return np.linspace(0, 1, count), weights / weights.sum()
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def heat_along(x, name, count):
    """Heat's values by a rule, from the gradient written out for the zero baseline."""
    means = x.mean(axis=0)
    product, features = means.prod(), len(means)
    slope = sum(
        w * a ** (features - 1) * product / (1 + a**features * product)
        for a, w in zip(*rule(name, count), strict=True)
    )
    return slope * (x / means).sum(axis=1) / len(x)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", quadrature.RULES)
def test_errors_are_those_of_a_numpy_quadrature(measured, name, count):
    x = sparse(AGENTS)
    exact, found = aumann_shapley("heat", x), heat_along(x, name, count)
    total = np.log1p(x.mean(axis=0).prod())
    error = np.abs(found - exact).max() / np.abs(exact).max()
    residual = (found.sum() - total) / found.sum()
    each = measured[name, count]
    assert each.error == pytest.approx(error, rel=1e-6, abs=1e-14)
    assert each.residual == pytest.approx(residual, rel=1e-6, abs=1e-14)
    assert each.agents == AGENTS
    assert each.estimate is None


def test_orders_and_signs_of_the_errors(measured):
    for name, sign in (("midpoint", -1), ("trapezoid", 1)):
        few, many = measured[name, 50], measured[name, 100]
        # Intervals, of which the trapezoid has one less than nodes.
        steps = [count - (name == "trapezoid") for count in (50, 100)]
        assert few.error / many.error == pytest.approx((steps[1] / steps[0]) ** 2, rel=1e-3)
        assert np.sign(few.residual) == np.sign(many.residual) == sign
        # All values are off by the same factor, so the sum is.
        assert few.error == pytest.approx(abs(few.residual), rel=1e-3)
    twice = measured["trapezoid", 100].error / measured["midpoint", 100].error
    assert twice == pytest.approx(2 * (100 / 99) ** 2, rel=1e-3)


def test_what_heat_needs_on_this_workload(measured):
    assert measured["gauss-legendre", 4].error < 1e-6
    (adaptive,) = [each for (name, _), each in measured.items() if name == "gauss-kronrod"]
    assert adaptive.nodes <= 15
    assert adaptive.estimate is not None
    assert adaptive.error < adaptive.estimate + 1e-14 < 1e-6


def test_times_are_positive_and_their_ratio_is_of_medians(measured):
    for each in measured.values():
        assert each.seconds > 0
        assert each.ratio == each.seconds / each.loop_seconds > 0


def test_the_plain_loop_gives_what_the_path_integral_gives():
    x = torch.from_numpy(sparse(300))
    nodes, weights = rule("gauss-legendre", 5)
    loop = quadrature.plain_loop(quadrature.heat, x, nodes.tolist(), weights.tolist())
    method = aumann.AumannShapley(aumann.PathIntegral(rule="gauss-legendre", nodes=5))
    ours = aumann.attribute(x, quadrature.heat, method=method).values
    np.testing.assert_allclose(loop.numpy(), ours, rtol=1e-12)


def test_both_are_timed_as_often_and_each_goes_first_in_turn(monkeypatch):
    calls = []
    whole, loop = aumann.attribute, quadrature.plain_loop
    monkeypatch.setattr(aumann, "attribute", lambda *a, **k: calls.append("ours") or whole(*a, **k))
    monkeypatch.setattr(quadrature, "plain_loop", lambda *a: calls.append("loop") or loop(*a))
    quadrature.convergence(300, nodes=[], repeats=3)
    # The closed form, one call of each to warm up, and three turns.
    assert calls == [
        "ours",
        "ours",
        "loop",
        *("ours", "loop"),
        *("loop", "ours"),
        *("ours", "loop"),
    ]


@pytest.fixture(scope="module")
def agreements():
    return closed_forms.agreement([40, 600], nodes=20, seeds=2)


def test_closed_forms_are_met(agreements):
    assert len(agreements) == 4 * 2 * 2 * 2
    for each in agreements:
        exact = each.rule == "gauss-kronrod" or each.value_function in ("mean", "variance")
        if exact:
            # Heat stops once it is within the tolerance of 1e-6.
            most = 1e-6 if each.value_function == "heat" else 1e-14
            assert max(each.error, abs(each.residual)) < most
            assert each.mae < most / each.agents
        assert each.spearman > 1 - 1e-3
        assert each.nodes == 20 if each.rule == "trapezoid" else each.nodes >= 3


def test_errors_of_the_trapezoid(agreements):
    for each in (each for each in agreements if each.rule == "trapezoid"):
        x = closed_forms.features(each.agents, each.seed)
        if each.value_function == "heat":
            found, exact = heat_along(x, "trapezoid", 20), aumann_shapley("heat", x)
            assert each.mae == pytest.approx(np.abs(found - exact).mean(), rel=1e-8)
            assert each.spearman == pytest.approx(spearmanr(found, exact).statistic, abs=1e-12)
        if each.value_function == "gini":
            # At its first node all agents stand at zero and are tied: that part is lost.
            assert each.error == pytest.approx(1 / (2 * 19), rel=1e-10)


def test_features_have_ties_and_none_by_rounding():
    x = closed_forms.features(5_000, seed=3)
    assert (x > 0).all()
    forwards, backwards = x.sum(axis=1), x[:, 2] + x[:, 1] + x[:, 0]
    np.testing.assert_array_equal(forwards, backwards)
    assert len(np.unique(forwards)) < 4_000
    assert not np.array_equal(x, closed_forms.features(5_000, seed=4))


def test_summaries_are_means_and_extremes(agreements):
    (summary,) = [
        each
        for each in closed_forms.summarise(agreements)
        if (each.value_function, each.rule, each.agents) == ("heat", "trapezoid", 40)
    ]
    first, second = [
        each
        for each in agreements
        if (each.value_function, each.rule, each.agents) == ("heat", "trapezoid", 40)
    ]
    assert (summary.seeds, summary.nodes) == (2, 20)
    assert summary.mae == pytest.approx((first.mae + second.mae) / 2)
    assert summary.error == max(first.error, second.error)
    assert summary.spearman == min(first.spearman, second.spearman)
    assert summary.violation == max(abs(first.residual), abs(second.residual))


def test_rank_correlation_of_agents_that_are_all_tied_is_undefined():
    correlation = closed_forms._spearman()
    assert np.isnan(correlation(np.ones(3), np.arange(3.0)))
    assert correlation(np.array([1.0, 1.0, 2.0]), np.array([3.0, 1.0, 5.0])) == pytest.approx(
        spearmanr([1, 1, 2], [3, 1, 5]).statistic
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quadrature.convergence(0), "agents: 0, at least 1"),
        (lambda: quadrature.convergence(100, nodes=[4, 1]), "nodes: 1, a number from 2"),
        (lambda: quadrature.convergence(100, repeats=0), "repeats: 0, at least 1"),
        (lambda: closed_forms.agreement([100, 1]), "agents: 1, at least 2"),
        (lambda: closed_forms.agreement([100], nodes=1), "nodes: 1, a number from 2"),
        (lambda: closed_forms.agreement([100], seeds=0), "seeds: 0, at least 1"),
    ],
)
def test_numbers_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call()


SMALL = ["--agents", "300", "--nodes", "4,6", "--repeats", "1", "--sizes", "20,30", "--seeds", "2"]


def run(*arguments):
    return CliRunner().invoke(app, ["bench", "quadrature", *SMALL, *map(str, arguments)])


def test_the_command_prints_both_tables():
    done = run()
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert f"torch {torch.__version__}" in lines[0]
    product = f"{quadrature.state(sparse(300)):.4g}"
    assert f"heat of 300 agents of W, P = {product}" in lines
    assert sum(line.startswith("midpoint ") for line in lines) == 2
    assert "path integral against closed form, 2 seeds" in lines
    assert sum(line.startswith("gini ") for line in lines) == 4
    assert max(map(len, lines[1:])) <= 105


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_the_command_writes_all_measurements(tmp_path, suffix):
    file = tmp_path / f"quadrature{suffix}"
    done = run("--output", file)
    assert done.stdout.endswith(f"written to {file}\n")
    rows = pl.read_parquet(file) if suffix == ".parquet" else pl.read_csv(file)
    assert rows["experiment"].value_counts().sort("experiment")["count"].to_list() == [32, 7, 30]
    timed = rows.filter(experiment="convergence")
    assert timed["mae"].null_count() == 7
    assert timed["seconds"].min() > 0
    assert rows.filter(experiment="agreement")["seed"].unique().sort().to_list() == [0, 1]


def test_the_command_gives_json():
    done = run("--json")
    document = json.loads(done.stdout)
    assert document["versions"]["torch"] == str(torch.__version__)
    assert document["torch_threads"] == torch.get_num_threads()
    assert document["state"] == pytest.approx(sparse(300).mean(axis=0).prod())
    assert [each["nodes"] for each in document["convergence"]] == [4, 6] * 3 + [7]
    assert document["convergence"][0]["ratio"] > 0
    assert len(document["known"]) == 30
    assert len(document["agreement"]) == 32
    assert len(document["summaries"]) == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--nodes", "4,x"), "--nodes is '4,x'; integers separated by commas are wanted"),
        (("--nodes", "1"), "nodes: 1, a number from 2"),
        (("--sizes", "1"), "agents: 1, at least 2"),
        (("--output", "out.txt"), "suffix '.txt'"),
    ],
)
def test_bad_options_are_one_line(arguments, message):
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


@pytest.mark.parametrize(("missing", "extra"), [("torch", "torch"), ("scipy.stats", "study")])
def test_what_is_missing_is_named(monkeypatch, missing, extra):
    monkeypatch.setitem(sys.modules, missing, None)
    done = run()
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"pip install 'aumann[{extra}]'" in done.stderr
