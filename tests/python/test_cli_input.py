"""The command line on small populations, bad input, interruptions and privacy."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from typer.testing import CliRunner

import aumann
from aumann.__main__ import main
from aumann.cli import app
from aumann.cli.cells import suppress


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def fail(*arguments: object) -> str:
    """Run what must be refused, and return the one line that says why."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("aumann: error: ")
    return line


def small(people: bool = True, agents: int = 40) -> aumann.Population:
    return aumann.Population.from_arrays(
        {
            "reach": np.arange(agents),
            "posts": np.stack([np.arange(agents) % 3, np.arange(agents) % 5]),
        },
        kinds="count",
        labels={"party": np.where(np.arange(agents) < 3, "small", "large")},
        people=people,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.parquet"
    small().write_parquet(path)
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.txt"
    lines = ["1 2 1341100972 RT", "3 2 1341100979 RE", "no event", "4 1 1341200972 RT"]
    path.write_text("\n".join(lines) + "\n")
    return path


BUILD = ("--separator", " ", "--activity", "RT", "--resonance", "RE")


def test_version_and_help() -> None:
    assert run("--version") == f"aumann {aumann.__version__}\n"
    assert "population" in run()
    assert "describe" in run("population")
    for command in (["attribute"], ["synthesize"], ["population", "build"]):
        text = run(*command, "--help")
        assert "Example" in text
        assert "[bold]" not in text


def test_malformed_lines_are_counted_or_refused(log: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    assert re.search("malformed lines +1\n", run("population", "build", log, *BUILD, "-o", output))
    described = json.loads(run("population", "describe", output, "--json"))
    assert described["agents"] == 4
    assert described["metadata"]["malformed_lines"] == 1
    output.unlink()
    assert "malformed" in fail("population", "build", log, *BUILD, "--strict", "-o", output)
    assert not output.exists()


def test_topics(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "actor,target,time,kind,about\n1,2,0,RT,a\n1,3,0,RT,b\n2,1,0,RT,b\n3,1,86400,RE,b\n"
    )
    output = tmp_path / "topics.parquet"
    columns = "actor,target,time,kind,about"
    run(
        *("population", "build", log, "--columns", columns, "--topic-column", "about"),
        *("--activity", "RT", "--resonance", "RE", "-o", output),
    )
    options = ("attribute", output, "--value-function", "mean", "--weights", "0,1,0", "--json")
    options += ("--minimum-cell", "1", "--window", "whole", "--group-by", "none")
    # Mean over 3 agents of log(1 + RT sent): topic a one agent once, b two agents once each.
    for topic, total in (("a", np.log(2) / 3), ("b", 2 * np.log(2) / 3)):
        (entry,) = json.loads(run(*options, "--topic", topic))["steps"]
        assert entry["total"] == pytest.approx(total)
    (entry,) = json.loads(run(*options))["steps"]
    assert entry["total"] == pytest.approx((np.log(3) + np.log(2)) / 3)
    assert "'a', 'b'" in fail(*options, "--topic", "c")


def test_small_cells_of_people_are_suppressed(file: Path, tmp_path: Path) -> None:
    options = ("attribute", file, "--value-function", "variance", "--by-step", "--group-by")
    export = tmp_path / "cells.csv"
    table = run(*options, "party", "--output", export)
    assert "suppressed: 4 of 4 cells" in table
    assert table.count("suppressed") == 5
    exported = pl.read_csv(export)
    assert exported["suppressed"].to_list() == [True] * 4
    assert exported["agents"].null_count() == exported["sum"].null_count() == 4
    entry = json.loads(run(*options, "party", "--json"))["steps"][0]
    hidden = {"agents": None, "sum": None, "share": None, "suppressed": True}
    assert [{**group, "group": None} for group in entry["groups"]] == [{"group": None} | hidden] * 2
    assert entry["total"] is not None
    assert "suppressed" not in run(*options, "party", "--minimum-cell", "3")
    small(people=False).write_parquet(file)
    assert "suppressed" not in run(*options, "party")
    small(agents=9).write_parquet(file)
    entry = json.loads(run(*options, "none", "--json"))["steps"][0]
    assert entry["value"] is entry["total"] is entry["groups"][0]["sum"] is None


def test_describe_hides_the_value_of_few_people(tmp_path: Path) -> None:
    file = tmp_path / "tiers.parquet"
    for people in (True, False):
        small(people).write_parquet(file)
        described = json.loads(run("population", "describe", file, "--json"))
        lowest = [tier["lowest"] for tier in described["tiers"]["tiers"]]
        # 40 agents of reach 0 to 39: tiers of 0, 4 and 36 agents.
        assert lowest == [None, None if people else 36, 0]
        assert ("suppressed" in run("population", "describe", file)) is people


@given(
    arrays.arrays(
        np.intp,
        st.tuples(st.integers(1, 3), st.integers(1, 6)),
        elements={
            "min_value": 0,
            "max_value": 30,
        },
    ),
    st.integers(1, 20),
)
def test_no_small_cell_can_be_had_by_subtraction(agents: Any, minimum: int) -> None:
    hidden = suppress(agents, minimum)
    assert hidden[(agents > 0) & (agents < minimum)].all()
    assert not hidden[agents == 0].any()
    for row, gone in zip(agents, hidden, strict=True):
        together = row[gone].sum()
        assert together == 0 or together >= minimum or together == row.sum()
        if not ((row > 0) & (row < minimum)).any():
            assert not gone.any()


def test_shares_show_their_sign(file: Path) -> None:
    small(people=False).write_parquet(file)
    options = ("attribute", file, "--value-function", "gini", "--window", "whole")
    table = run(*options, "--fractions", "0.5,0.5")
    (entry,) = json.loads(run(*options, "--fractions", "0.5,0.5", "--json"))["steps"]
    assert [group["group"] for group in entry["groups"]] == ["tier 1", "tier 2"]
    high, low = (100 * group["share"] for group in entry["groups"])
    assert high > 100
    assert low < 0
    assert f"{high:+.2f} %" in table
    assert f"{low:+.2f} %" in table
    assert "signed shares" in table
    assert "+" not in run("attribute", file, "--value-function", "mean").split("residual")[0]


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    population = aumann.Population.from_arrays(
        {"posts": np.arange(60)},
        kinds="count",
        labels={"team": np.repeat(["[red]", ":tada:"], 30)},
        people=False,
    )
    file = tmp_path / "a[bold]b.parquet"
    population.write_parquet(file)
    table = run("attribute", file, "--value-function", "mean", "--group-by", "team")
    assert "[red]" in table
    assert ":tada:" in table
    assert "a[bold]b.parquet" in run("population", "describe", file)


def test_synthesize_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    sums = []
    for seed in (1, 1, 2):
        file = tmp_path / f"{seed}.parquet"
        text = run("synthesize", "--agents", 500, "--steps", 3, "--seed", seed, "-o", file)
        assert "agents      500\n" in text
        sums.append(aumann.read_parquet(file).raw("activity").tolist())
    assert sums[0] == sums[1] != sums[2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--value-function", "heat", "--typo"], "--typo"),
        ([], "--value-function"),
        (["--value-function", "het"], "mean, heat, variance, gini"),
        (["--value-function", "mean", "--topic", "x"], "topic is 'x'"),
        (["--value-function", "mean", "--group-by", "x"], "(reach, party)"),
        (["--value-function", "mean", "--tier-by", "x"], "reach, posts"),
        (["--value-function", "mean", "--fractions", "0.5,0.6"], "1.1"),
        (["--value-function", "mean", "--fractions", "a"], "--fractions is 'a'"),
        (["--value-function", "mean", "--group-by", "bin"], "100"),
        (["--value-function", "mean", "--bins", "0"], "--bins"),
        (["--value-function", "heat", "--weights", "1,1"], "heat has no composite"),
        (["--value-function", "mean", "--weights", "1"], "2 features"),
        (["--value-function", "mean", "--baseline", "x"], "--baseline is 'x'"),
        (["--value-function", "mean", "--baseline", "1,2,3"], "(2,)"),
        (["--value-function", "mean", "--baseline", "nan"], "nan"),
        (["--value-function", "mean", "--window", "week"], "'week'"),
        (["--value-function", "mean", "--window", "whole", "--by-step"], "--by-step"),
        (["--value-function", "mean", "--top", "3"], "--per-agent"),
        (["--value-function", "mean", "--threads", "0"], "--threads"),
        (["--value-function", "mean", "-o", "answer.txt"], "'.txt'"),
        (["--value-function", "mean", "-o", "nowhere/answer.csv"], "nowhere"),
        (["--value-function", "mean", "-o", "."], "directory"),
    ],
)
def test_bad_options_of_attribute(
    file: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(file.parent)
    assert words in fail("attribute", file, *options)
    assert list(file.parent.iterdir()) == [file]


def test_bad_files(tmp_path: Path) -> None:
    options = ("--value-function", "mean")
    assert "not there" in fail("attribute", tmp_path / "none.parquet", *options)
    assert "folder" in fail("attribute", tmp_path, *options)
    text = tmp_path / "text.parquet"
    text.write_text("no parquet\n")
    assert "Parquet" in fail("population", "describe", text)
    other = tmp_path / "other.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(other)
    assert "population" in fail("attribute", other, *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--columns", "actor,target,time"], "another number of fields than 3"),
        (["--columns", "actor,,time"], "--columns"),
        (["--resonance", "LIKE"], "LIKE"),
        (["--step", "1y"], "1y"),
        (["--time-zone", "Mars"], "Mars"),
        (["--time-unit", "h"], "h"),
        (["--topic-column", "x"], "x"),
        (["--followers", "none.csv"], "none.csv"),
        (["-o", "out.csv"], "'.csv'"),
    ],
)
def test_bad_options_of_build(
    log: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(log.parent)
    assert words in fail("population", "build", log, *BUILD, "-o", "out.parquet", *options)
    assert list(log.parent.iterdir()) == [log]


def test_a_failed_write_leaves_the_old_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "answer.parquet"
    old.write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    line = fail("attribute", file, "--value-function", "mean", "-o", old)
    assert "No space left on device" in line
    assert old.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer.parquet", "small.parquet"]


def test_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(aumann, "synthesize", interrupted)
    monkeypatch.setattr(sys, "argv", ["aumann", "synthesize", "-o", str(tmp_path / "x.parquet")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "aumann: interrupted\n")


def test_a_bug_is_not_taken_for_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(aumann, "synthesize", broken)
    result = CliRunner().invoke(app, ["synthesize", "-o", str(tmp_path / "x.parquet")])
    assert isinstance(result.exception, RuntimeError)


def test_without_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in ("typer", "rich") else real(name, package)

    monkeypatch.setattr("aumann.__main__.find_spec", find)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert "pip install 'aumann[cli]'" in shown.err


def test_the_program_itself(file: Path) -> None:
    command = [sys.executable, "-m", "aumann"]
    bad = subprocess.run(
        [*command, "attribute", str(file)], capture_output=True, text=True, check=False
    )
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == (
        "aumann: error: Missing option '--value-function'. (aumann attribute --help says more)\n"
    )
    good = subprocess.run(
        [*command, "attribute", str(file), "--value-function", "mean", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["value_function"] == "mean"


@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_leaves_early(buffered: bool) -> None:
    # The text fits a buffer, so it fails when written or when flushed at the end.
    command = [sys.executable, *([] if buffered else ["-u"]), "-m", "aumann", "--version"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        assert program.stderr.read() == ""
