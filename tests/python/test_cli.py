"""The command line on real events, against polars for the counts and plain NumPy for the maths."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import aumann
from aumann.cli import app

DAYS = [f"2012-07-0{day}" for day in range(1, 8)]
FUNCTIONS = ["mean", "heat", "variance", "gini"]


def run(*arguments: object) -> str:
    """Run the command line in this process and return its standard output."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def run_json(*arguments: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return document


@pytest.fixture(autouse=True)
def own_threads() -> Iterator[None]:
    yield
    aumann.set_threads(None)


@pytest.fixture(scope="module")
def higgs(higgs_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The population file of the main job, built by the installed program."""
    file = tmp_path_factory.mktemp("higgs") / "higgs.parquet"
    command = [
        *(sys.executable, "-m", "aumann", "population", "build", str(higgs_path)),
        *("--columns", "actor,target,time,kind", "--separator", " "),
        *("--activity", "RT", "--resonance", "RE", "--step", "1d", "-o", str(file)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "304,691 people" in done.stdout
    assert "563,069" in done.stdout
    assert re.search(r"malformed lines +0\n", done.stdout)
    assert "distinct incoming actors over the whole window, all kinds, without" in done.stdout
    return file


@pytest.fixture(scope="module")
def counts(higgs_path: Path) -> dict[str, NDArray[np.int64]]:
    """Raw counts by polars: reach (N,), activity and resonance (7, N)."""
    events = pl.read_csv(
        higgs_path,
        has_header=False,
        separator=" ",
        new_columns=["actor", "target", "time", "kind"],
    )
    ids = pl.concat([events["actor"], events["target"]]).unique().sort()
    agents = pl.DataFrame({"id": ids, "agent": np.arange(len(ids))})
    events = events.with_columns(day=(pl.col("time") // 86_400 - 15_522))
    others = events.filter(pl.col("actor") != pl.col("target"))
    heard = others.group_by(id="target").agg(pl.col("actor").n_unique().alias("count"))
    reach = np.zeros(len(ids), dtype=np.int64)
    heard = heard.join(agents, on="id")
    reach[heard["agent"].to_numpy()] = heard["count"].to_numpy()
    per_day = {}
    for name, column, kind, rows in [
        ("activity", "actor", "RT", events),
        ("resonance", "target", "RE", others),
    ]:
        number = rows.filter(kind=kind).group_by("day", id=column).len().join(agents, on="id")
        per_day[name] = np.zeros((7, len(ids)), dtype=np.int64)
        per_day[name][number["day"].to_numpy(), number["agent"].to_numpy()] = number["len"]
    return {"reach": reach, **per_day}


def features_of(counts: dict[str, NDArray[np.int64]], step: int | None) -> NDArray[np.float64]:
    """Features of a step, or of the whole window where there is none."""
    columns = [
        counts["reach"],
        *(
            counts[name].sum(axis=0) if step is None else counts[name][step]
            for name in ("activity", "resonance")
        ),
    ]
    return np.log1p(np.column_stack(columns).astype(np.float64))


def attributed(name: str, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """F(x) and the Aumann-Shapley attribution from zero, by the formulas."""
    n, d = x.shape
    s = x.sum(axis=1)
    if name == "mean":
        return s.mean(), s / n
    if name == "heat":
        means = x.mean(axis=0)
        value = np.log1p(means.prod())
        return value, value / (d * n) * (x / means).sum(axis=1)
    if name == "variance":
        return s.var(), s * (s - s.mean()) / n
    values, inverse, ties = np.unique(s, return_inverse=True, return_counts=True)
    rank = (np.cumsum(ties) - (ties - 1) / 2)[inverse]
    # 1/n^2 sum_ij |s_i - s_j| over distinct values u with multiplicities m.
    below = np.cumsum(ties) - ties
    less = np.cumsum(ties * values) - ties * values
    pairs = 2 * (ties * (values * below - less)).sum()
    return pairs / n**2, 2 / n**2 * (2 * rank - n - 1) * s


def tier_masks(reach: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Agents of the top 1 %, the next 9 % and the rest, ties by index."""
    order = np.lexsort((np.arange(reach.size), -reach))
    edges = [int(np.floor(part * reach.size + 0.5)) for part in (0.01, 0.10)]
    return [np.sort(part) for part in np.split(order, edges)]


def check_entry(
    entry: dict[str, Any], name: str, x: NDArray[np.float64], tiers: list[NDArray[np.intp]]
) -> None:
    value, phi = attributed(name, x)
    magnitude = np.abs(phi).sum()
    assert entry["value"] == pytest.approx(value, rel=1e-11)
    assert entry["total"] == pytest.approx(value, rel=1e-11)
    assert abs(entry["residual"]) <= 1e-12 * magnitude
    assert abs(entry["relative_residual"]) <= 1e-12
    assert [group["group"] for group in entry["groups"]] == ["top", "middle", "tail"]
    for group, agents in zip(entry["groups"], tiers, strict=True):
        assert group["agents"] == agents.size
        assert group["sum"] == pytest.approx(phi[agents].sum(), abs=1e-11 * magnitude)
        assert group["share"] == pytest.approx(phi[agents].sum() / phi.sum(), abs=1e-10)
        assert group["suppressed"] is False


@pytest.mark.parametrize("name", FUNCTIONS)
def test_daily_tier_shares_of_the_main_job(
    higgs: Path, counts: dict[str, NDArray[np.int64]], name: str
) -> None:
    document = run_json(
        "attribute", higgs, "--value-function", name, "--group-by", "tier", "--by-step"
    )
    assert [entry["step"] for entry in document["steps"]] == DAYS
    assert [entry["step"] for entry in document["steps"] if entry["peak"]] == ["2012-07-04"]
    tiers = tier_masks(counts["reach"])
    for step, entry in enumerate(document["steps"]):
        check_entry(entry, name, features_of(counts, step), tiers)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_whole_window_of_the_main_job(
    higgs: Path, counts: dict[str, NDArray[np.int64]], name: str
) -> None:
    document = run_json("attribute", higgs, "--value-function", name, "--window", "whole")
    (entry,) = document["steps"]
    assert entry["step"] == "2012-07-01 to 2012-07-07"
    assert document["peak_step"] is None
    check_entry(entry, name, features_of(counts, None), tier_masks(counts["reach"]))


def test_sum_over_the_steps(higgs: Path) -> None:
    daily = run_json("attribute", higgs, "--value-function", "gini", "--by-step")["steps"]
    document = run_json("attribute", higgs, "--value-function", "gini")
    (window,) = document["steps"]
    assert document["peak_step"] == "2012-07-04"
    assert window["total"] == pytest.approx(sum(entry["total"] for entry in daily), rel=1e-12)
    for position, group in enumerate(window["groups"]):
        parts = [entry["groups"][position]["sum"] for entry in daily]
        assert group["sum"] == pytest.approx(sum(parts), rel=1e-12)
        assert group["share"] == pytest.approx(sum(parts) / window["total"], rel=1e-12)


def test_tables_say_what_a_reader_needs(higgs: Path) -> None:
    daily = run("attribute", higgs, "--value-function", "variance", "--by-step")
    lines = daily.splitlines()
    assert lines[0] == "variance of 304,691 people, 7 steps, baseline 0"
    assert sum("peak" in line for line in lines) == 1
    (peak,) = [line for line in lines if "peak" in line]
    assert peak.split()[:2] == ["2012-07-04", "peak"]
    assert peak.count("%") == 3
    assert any(line.startswith("residual at most ") for line in lines)
    assert lines[-1].startswith("attributed in ")
    assert max(map(len, lines)) <= 80
    window = run("attribute", higgs, "--value-function", "variance")
    assert "peak 2012-07-04" in window
    assert "sum over 7 steps (2012-07-01 to 2012-07-07)" in window


def test_percentile_bins_and_no_groups(higgs: Path, counts: dict[str, NDArray[np.int64]]) -> None:
    options = ("attribute", higgs, "--value-function", "heat", "--window", "whole")
    (entry,) = run_json(*options, "--group-by", "bin", "--bins", 4)["steps"]
    order = np.lexsort((np.arange(counts["reach"].size), -counts["reach"]))[::-1]
    _, phi = attributed("heat", features_of(counts, None))
    # Bin k of 4 holds the agents at ascending ranks r with floor(4 r / N) = k.
    bins = np.arange(order.size) * 4 // order.size
    sums = np.bincount(bins, weights=phi[order])
    assert [group["sum"] for group in entry["groups"]] == pytest.approx(sums.tolist(), rel=1e-10)
    assert [group["group"] for group in entry["groups"]] == ["1", "2", "3", "4"]
    (entry,) = run_json(*options, "--group-by", "none")["steps"]
    assert [group["share"] for group in entry["groups"]] == pytest.approx([1.0])
    wide = run(*options[:4], "--group-by", "bin", "--by-step")
    assert "in bin 100" in wide


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_exports_hold_the_same_as_json(higgs: Path, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"answer{suffix}"
    document = run_json(
        "attribute", higgs, "--value-function", "heat", "--by-step", "--output", file
    )
    table = pl.read_csv(file) if suffix == ".csv" else pl.read_parquet(file)
    about = table.select("value_function", "baseline", "window", "topic").unique().rows()
    assert [tuple(map(str, facts)) for facts in about] == [("Heat()", "0", "step", "None")]
    table = table.drop("value_function", "baseline", "window", "topic")
    assert table.columns == [
        *("step", "group", "agents", "sum", "share", "suppressed", "value", "total", "residual")
    ]
    rows = [
        (entry["step"], group["group"], group["agents"], group["sum"], group["share"], False)
        for entry in document["steps"]
        for group in entry["groups"]
    ]
    assert table.select(table.columns[:6]).rows() == rows
    assert table["value"].to_list() == [
        entry["value"] for entry in document["steps"] for _ in entry["groups"]
    ]
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_sums_over_steps_are_told_from_the_whole_window(higgs: Path) -> None:
    options = ("attribute", higgs, "--value-function", "heat")
    (summed,) = run_json(*options)["steps"]
    (whole,) = run_json(*options, "--window", "whole")["steps"]
    assert summed["step"] == "2012-07-01 to 2012-07-07, sum of 7 steps"
    assert whole["step"] == "2012-07-01 to 2012-07-07"
    assert summed["value"] != pytest.approx(whole["value"], rel=0.1)


def test_agents_are_given_only_when_asked_for(
    higgs: Path, tmp_path: Path, counts: dict[str, NDArray[np.int64]]
) -> None:
    options = ("attribute", higgs, "--value-function", "variance", "--window", "whole")
    assert "by_agent" not in run_json(*options)
    assert "agent  group" not in run(*options)
    _, phi = attributed("variance", features_of(counts, None))
    best = np.argsort(-phi, kind="stable")[:5]
    document = run_json(*options, "--per-agent", "--top", 5)
    assert document["by_agent"]["agent"] == best.tolist()
    assert document["by_agent"]["attribution"] == pytest.approx(phi[best].tolist(), rel=1e-11)
    assert "agent  group" in run(*options, "--per-agent")
    file = tmp_path / "agents.parquet"
    run(*options, "--per-agent", "-o", file)
    table = pl.read_parquet(file)
    assert table.columns == ["step", "agent", "group", "attribution"]
    assert table["agent"].to_list() == list(range(phi.size))
    np.testing.assert_allclose(table["attribution"], phi, rtol=0, atol=1e-13 * np.abs(phi).max())
    tail = tier_masks(counts["reach"])[2]
    assert table.filter(group="tail")["agent"].to_list() == tail.tolist()
    run(*options[:4], "--by-step", "--per-agent", "-o", file)
    assert pl.read_parquet(file).group_by("step").len()["len"].to_list() == [phi.size] * 7


def test_baselines_and_weights(higgs: Path, counts: dict[str, NDArray[np.int64]]) -> None:
    options = ("attribute", higgs, "--window", "whole", "--group-by", "none")
    x = features_of(counts, None)
    (entry,) = run_json(*options, "--value-function", "mean", "--weights", "1,2,0")["steps"]
    assert entry["value"] == pytest.approx((x @ [1, 2, 0]).mean(), rel=1e-11)
    (entry,) = run_json(*options, "--value-function", "mean", "--baseline", "0.1,0,0.5")["steps"]
    assert entry["value"] == pytest.approx(x.sum(axis=1).mean(), rel=1e-11)
    assert entry["total"] == pytest.approx(x.sum(axis=1).mean() - 0.6, rel=1e-11)
    (entry,) = run_json(*options, "--value-function", "heat", "--baseline", "0.25")["steps"]
    value = np.log1p(x.mean(axis=0).prod())
    assert entry["total"] == pytest.approx(value - np.log1p(0.25**3), rel=1e-10)


def test_undefined_shares_are_said(higgs: Path) -> None:
    options = ("attribute", higgs, "--value-function", "heat", "--baseline", "mean")
    table = run(*options, "--by-step")
    assert table.count("undefined") == 7 * 3 + 1
    assert "the attributions sum to 0" in table
    for entry in run_json(*options, "--by-step")["steps"]:
        assert "sum to 0" in entry["shares_undefined"]
        assert {group["share"] for group in entry["groups"]} == {None}
        assert None not in {group["sum"] for group in entry["groups"]}


def test_threads_do_not_change_a_bit(higgs: Path) -> None:
    answers = [
        run_json("attribute", higgs, "--value-function", "gini", "--by-step", "--threads", threads)
        for threads in (1, 3)
    ]
    assert aumann.get_threads() == 3
    for answer in answers:
        del answer["elapsed_seconds"]
    assert answers[0] == answers[1]
