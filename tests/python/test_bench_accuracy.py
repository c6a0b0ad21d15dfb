"""`aumann bench accuracy`: metrics by hand, scorers, the command."""

import json
import re

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from aumann.benchmark import accuracy
from aumann.benchmark.known import make_problem
from aumann.benchmark.scores import COLUMNS, read_scores
from aumann.cli import app

SMALL = {"steps": 2, "seeds": 2, "permutations": 4, "coalitions": 50}


def test_metrics_by_hand():
    truth, scores = np.array([3.0, -1.0, 2.0]), np.array([4.0, 1.0, 0.0])
    assert accuracy.mean_absolute_error(truth, scores) == pytest.approx(5 / 3)
    assert accuracy.cosine(truth, scores) == pytest.approx(11 / np.sqrt(14 * 17))
    assert accuracy.efficiency_error(-4.0, scores) == pytest.approx(9 / 4)
    assert np.isnan(accuracy.cosine(truth, 0 * scores))
    assert np.isnan(accuracy.efficiency_error(0.0, scores))


def test_tau_counts_pairs_of_the_true_top():
    # Top 4 of the truth: agents 0, 1, 2, 4 in this order; of their six pairs of scores one is
    # tied (0 and 2), four agree and one does not (2 and 4): 3 / sqrt(6 * 5).
    truth = np.array([9.0, 8.0, 7.0, 0.0, 6.0])
    scores = np.array([5.0, 8.0, 5.0, 99.0, 6.0])
    signs = [(0, 1, -1), (0, 4, -1), (1, 2, 1), (1, 4, 1), (2, 4, -1)]
    expected = sum(sign for _, _, sign in signs) / np.sqrt(6 * 5)
    assert accuracy.top_k_tau(truth, scores, k=4) == pytest.approx(expected)
    assert accuracy.top_k_tau(truth, truth, k=10) == 1
    assert accuracy.top_k_tau(truth, -truth, k=3) == -1
    assert np.isnan(accuracy.top_k_tau(truth, np.ones(5)))


@pytest.fixture(scope="module")
def measured():
    return accuracy.run([6, 14], **SMALL)


def by(measurements, method, game, agents=6):
    return [
        each
        for each in measurements
        if (each.method, each.game, each.agents) == (method, game, agents)
    ]


def test_who_finds_the_truth_where(measured):
    for game in ("additive", "quadratic", "softplus"):
        for agents in (6, 14):
            (ours, _) = by(measured, "Aumann-Shapley (path)", game, agents)
            assert ours.mae < 1e-13
            assert ours.efficiency_error < 1e-11
            assert ours.cosine == pytest.approx(1)
            assert ours.top_k_tau == 1
    assert all(each.mae < 1e-13 for each in by(measured, "Shapley, exact", "quadratic"))
    # Exact up to the unit of sampled sums: a part in 2^36 of the largest marginal contribution.
    assert all(each.mae < 1e-9 for each in by(measured, "Shapley, antithetic", "quadratic"))
    assert all(each.mae > 1e-3 for each in by(measured, "Shapley, sampled", "quadratic"))
    assert all(1e-6 < each.mae < 0.1 for each in by(measured, "Shapley, exact", "softplus"))
    assert all(each.mae < 1e-12 for each in by(measured, "leave-one-out", "additive"))
    assert by(measured, "Shapley, exact", "additive", 14) == []


def test_leave_one_out_counts_interactions_twice(measured):
    for each in by(measured, "leave-one-out", "quadratic"):
        problem = make_problem("quadratic", 6, each.seed, steps=2)
        pairs = [
            truth - problem.function.projections(x)
            for truth, x in zip(problem.truth, problem.x, strict=True)
        ]
        assert each.mae == pytest.approx(np.abs(pairs).mean(), rel=1e-10)


def test_summaries_are_means_and_deviations_over_seeds(measured):
    own = by(measured, "Banzhaf, sampled", "additive")
    (summary,) = [
        each
        for each in accuracy.summarise(measured)
        if (each.method, each.game, each.agents) == ("Banzhaf, sampled", "additive", 6)
    ]
    assert summary.seeds == 2
    assert summary.mean["mae"] == pytest.approx((own[0].mae + own[1].mae) / 2)
    assert summary.deviation["mae"] == pytest.approx(abs(own[0].mae - own[1].mae) / np.sqrt(2))


def test_scorers_are_measured_like_methods():
    scorers = {
        "the truth": lambda problem: problem.truth,
        "ones": lambda problem: np.ones(problem.agents, dtype=int),
        "additive only": lambda problem: problem.truth if problem.game == "additive" else None,
    }
    measured = accuracy.run([6], scorers=scorers, **SMALL)
    assert {each.mae for each in measured if each.method == "the truth"} == {0}
    ones = by(measured, "ones", "quadratic")[0]
    assert ones.mae == pytest.approx(
        np.abs(make_problem("quadratic", 6, 0, steps=2).truth - 1).mean()
    )
    assert {each.game for each in measured if each.method == "additive only"} == {"additive"}


@pytest.mark.parametrize(
    ("scorers", "message"),
    [
        ({"leave-one-out": np.ones}, "'leave-one-out' is the name of a built-in method"),
        ({"mine": 3}, "'mine' is 3, a callable"),
        ({"mine": lambda p: np.ones(5)}, r"'mine' on additive, seed 0 gave shape \(5,\), \(6,\)"),
        ({"mine": lambda p: np.full(6, np.nan)}, r"gave nan at \(0,\), finite"),
        ({"mine": lambda p: "high"}, "gave str, numbers"),
    ],
)
def test_scorers_are_checked(scorers, message):
    with pytest.raises((ValueError, TypeError), match=message):
        accuracy.run([6], scorers=scorers, **SMALL)


@pytest.mark.parametrize(
    "numbers", [{"steps": 0}, {"seeds": -1}, {"features": 1.5}, {"permutations": 3}]
)
def test_numbers_are_checked(numbers):
    (name,) = numbers
    with pytest.raises(ValueError, match=f"{name}: "):
        accuracy.run([6], **SMALL | numbers)


@pytest.fixture
def table():
    rows = [
        ("judge", game, seed, step, agent, agent / 7 + seed)
        for game in ("additive", "softplus")
        for seed in range(2)
        for step in range(2)
        for agent in range(3)
    ]
    return pl.DataFrame(rows, schema=list(COLUMNS), orient="row")


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_scores_are_read_in_any_order_of_rows(table, suffix, tmp_path):
    file = tmp_path / f"scores{suffix}"
    shuffled = table.sample(fraction=1, shuffle=True, seed=0)
    shuffled.write_csv(file) if suffix == ".csv" else shuffled.write_parquet(file)
    scorer = read_scores(file, agents=3, steps=2, seeds=range(2))["judge"]
    expected = np.tile(np.arange(3) / 7, (2, 1)) + 1
    assert (scorer(make_problem("softplus", 3, 1, steps=2)) == expected).all()
    assert scorer(make_problem("quadratic", 3, 1, steps=2)) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("step"), "has no column 'step'"),
        (lambda t: t.head(0), "has no rows"),
        (lambda t: t.with_columns(game=pl.lit("cubic")), "row 1 has game cubic"),
        (lambda t: t.with_columns(seed=pl.col("seed") + 1), "row 7 has seed 2"),
        (lambda t: t.with_columns(agent=pl.col("agent") - 1), "row 1 has agent -1, 0 to 2"),
        (lambda t: t.with_columns(step=pl.col("step") * 2), "row 4 has step 2, 0 to 1"),
        (lambda t: t.with_columns(score=pl.lit(np.inf)), "row 1 has score inf"),
        (lambda t: t.with_columns(score=pl.lit("high")), "column 'score' is of "),
        (lambda t: t.with_columns(agent=pl.col("agent") * 1.0), "column 'agent' is of double"),
        (lambda t: t.with_columns(score=pl.lit(None, pl.Float64)), "'score' has an empty cell"),
        (lambda t: t[:-1], "'judge' on softplus has no score for seed 1, step 1, agent 2"),
        (lambda t: pl.concat([t, t[:1]]), "'judge' on additive has 13 rows, one for each of 12"),
    ],
)
def test_scores_are_checked(table, change, message, tmp_path):
    file = tmp_path / "scores.parquet"
    change(table).write_parquet(file)
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        read_scores(file, agents=3, steps=2, seeds=range(2))


def run(*arguments):
    options = ["--steps", "2", "--seeds", "2", "--permutations", "4", "--coalitions", "50"]
    return CliRunner().invoke(app, ["bench", "accuracy", *options, *map(str, arguments)])


def test_the_command_prints_a_table_per_game_and_writes_all(table, tmp_path):
    scores, output = tmp_path / "scores.csv", tmp_path / "out.parquet"
    table.write_csv(scores)
    done = run("--agents", 3, "--scores", scores, "--output", output)
    assert (done.exit_code, done.stderr) == (0, "")
    for game in ("additive", "quadratic", "softplus"):
        assert done.stdout.splitlines().count(f"{game} game") == 1
    assert sum("judge" in line for line in done.stdout.splitlines()) == 2
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 100
    rows = pl.read_parquet(output)
    assert rows["seed"].unique().sort().to_list() == [0, 1]
    assert rows.filter(method="judge")["seconds"].to_list() == [None] * 4
    assert rows.filter(method="Aumann-Shapley (path)")["mae"].max() < 1e-13


def test_the_command_gives_json():
    done = run("--agents", "3,4", "--json")
    document = json.loads(done.stdout)
    assert {each["agents"] for each in document["summaries"]} == {3, 4}
    assert document["permutations"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--agents", "3,x"), "--agents is '3,x'; integers separated by commas are wanted"),
        (("--agents", "0"), "agents: 0, a positive integer is wanted"),
        (("--agents", "3,4", "--scores", "x.csv"), "--agents names 2"),
        (("--agents", "3", "--scores", "nowhere.csv"), "nowhere.csv is not there"),
        (("--output", "out.txt"), "suffix '.txt'"),
    ],
)
def test_bad_options_are_one_line(arguments, message):
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
