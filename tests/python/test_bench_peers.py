"""The comparison with other libraries: its runner on small local workers, its tables, its limits.

Making environments from a package index is not tested: no test uses the network.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
import typer
from numpy.typing import NDArray
from reference import NAMES, value
from typer.testing import CliRunner

from aumann.benchmark.peers import Method, Peer, Row, compare, comparison, runner
from aumann.benchmark.peers.runner import Answer, run
from aumann.benchmark.peers.workers.population import Population
from aumann.cli import bench_peers
from aumann.cli.application import OneLineErrors

WORKER = """
import os, subprocess, sys, time
from pathlib import Path
import numpy as np

def mean(population, budget, seed):
    print("a peer may talk")
    population.values(np.ones((3, population.agents), dtype=bool))
    return population.x.sum(axis=1) / population.agents * budget.get("factor", 1)

def sleeper(population, budget, seed):
    if population.agents > 6:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["CHILD"]).write_text(str(child.pid))
        time.sleep(600)
    return mean(population, budget, seed)

def hungry(population, budget, seed):
    if population.agents > 6:
        np.ones(budget["bytes"] // 8).sum()
    return mean(population, budget, seed)

def raising(population, budget, seed):
    raise RuntimeError("first line\\nlast line")

def aborting(population, budget, seed):
    print("last words", file=sys.stderr, flush=True)
    os.abort()

def leaving(population, budget, seed):
    os._exit(3)

def garbled(population, budget, seed):
    Path("answer.json").write_text("{")
    os._exit(0)

def strange(population, budget, seed):
    Path("answer.json").write_text('{"status": "splendid"}')
    os._exit(0)

def short(population, budget, seed):
    return np.zeros(3)

def undefined(population, budget, seed):
    return np.full(population.agents, np.nan)

METHODS = {name: thing for name, thing in globals().items() if callable(thing)}
"""


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    file = tmp_path / "worker.py"
    file.write_text(WORKER)
    return file


def answer(worker: Path, method: str, agents: int = 8, **options: Any) -> Answer:
    x = np.random.default_rng(1).exponential(size=(agents, 2))
    budget = options.pop("budget", {})
    return run(Path(sys.executable), worker, "tiny", method, budget, x, "mean", **options)


def tiny(worker: Path, *methods: Method, name: str = "tiny", **options: Any) -> Peer:
    return Peer(name, methods or (Method("mean", "Aumann-Shapley"),), worker, **options)


@pytest.mark.parametrize("name", NAMES)
def test_peers_evaluate_the_value_functions(name: str) -> None:
    generator = np.random.default_rng(5)
    x = generator.integers(0, 3, size=(7, 3)).astype(np.float64)
    population = Population(x, name)
    coalitions = generator.random((40, 7)) < 0.5
    coalitions[:2] = [[False], [True]]
    expected = [value(name, np.where(inside[:, None], x, 0.0)) for inside in coalitions]
    np.testing.assert_allclose(population.values(coalitions), expected, atol=1e-14)
    np.testing.assert_allclose(population.values(coalitions * 1.0), expected, atol=1e-14)
    single = [population.value(np.flatnonzero(inside)) for inside in coalitions]
    np.testing.assert_allclose(single, expected, atol=1e-14)
    assert population.evaluations == 120


def test_a_cell_is_measured(worker: Path) -> None:
    measured = answer(worker, "mean", budget={"factor": 2})
    x = np.random.default_rng(1).exponential(size=(8, 2))
    assert (measured.status, measured.detail, measured.version) == ("measured", "", None)
    np.testing.assert_allclose(measured.values, x.sum(axis=1) / 4)
    assert measured.seconds is not None
    assert 0 < measured.seconds < 1
    assert (measured.repeats, measured.evaluations) == (5, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_peak_memory_is_that_of_the_call(worker: Path) -> None:
    size = 96 * 2**20
    small, large = (
        answer(worker, "hungry", budget={"bytes": part}).peak_bytes for part in (size // 8, size)
    )
    assert small is not None
    assert large is not None
    assert 0.9 * size < large < 1.3 * size
    assert small < 0.3 * size


def test_time_limit_ends_all_that_was_started(
    worker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHILD", str(tmp_path / "child"))
    late = answer(worker, "sleeper", time_limit=0.5)
    assert (late.status, late.detail) == ("timed out", "not done after 0.5 s")
    assert late.values is None
    assert gone(int((tmp_path / "child").read_text()))


def test_ctrl_c_ends_all_that_was_started(
    worker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    monkeypatch.setenv("CHILD", str(child))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def interrupt(seconds: float) -> None:
        if child.exists() and child.read_text():
            raise KeyboardInterrupt
        time.sleep(seconds)

    monkeypatch.setattr(runner, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        answer(worker, "sleeper")
    assert gone(int(child.read_text()))
    assert not list(tmp_path.glob("aumann-peer-*"))


def gone(process: int) -> bool:
    """Whether a process has ended, or does so within a moment; a zombie has."""
    for _ in range(200):
        try:
            os.kill(process, 0)
            status = Path(f"/proc/{process}/stat")
            if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="the limit exists on Linux only")
def test_memory_limit(worker: Path) -> None:
    budget = {"bytes": 2**27}
    refused = answer(worker, "hungry", budget=budget, memory_limit=2**26)
    assert refused.status == "out of memory"
    assert "MemoryError" in refused.detail
    assert answer(worker, "hungry", budget=budget, memory_limit=2**28).status == "measured"


@pytest.mark.parametrize(
    ("method", "status", "detail"),
    [
        ("raising", "failed", "RuntimeError: first line last line"),
        ("absent", "failed", "KeyError: 'absent'"),
        ("short", "failed", "ValueError: the method returned shape (3,), (8,) is wanted"),
        ("undefined", "failed", "ValueError: the method returned NaN or infinity"),
        ("aborting", "crashed", "ended by SIGABRT: last words"),
        ("leaving", "crashed", "ended with 3 and no answer: "),
        ("garbled", "crashed", "ended with 0 and no answer: "),
        ("strange", "crashed", "ended with 0 and no answer: answer.json has the status 'splendid'"),
    ],
)
def test_what_goes_wrong_is_an_answer(worker: Path, method: str, status: str, detail: str) -> None:
    wrong = answer(worker, method)
    assert wrong.status == status
    assert wrong.detail.startswith(detail)
    assert (wrong.values, wrong.seconds, wrong.peak_bytes) == (None, None, None)


def test_a_worker_that_cannot_be_read(worker: Path) -> None:
    worker.write_text("import a_library_that_is_not_there")
    wrong = answer(worker, "mean")
    assert wrong.status == "failed"
    assert "No module named 'a_library_that_is_not_there'" in wrong.detail


def test_errors_are_against_the_truth(worker: Path) -> None:
    methods = (
        Method("mean", "Aumann-Shapley"),
        Method("double", "Aumann-Shapley", {"factor": 2}, "as it likes"),
    )
    worker.write_text(WORKER + "\nMETHODS['double'] = mean\n")
    rows = compare([tiny(worker, *methods)], ["mean", "heat"], [4, 9], seed=3)
    assert [(row.value_function, row.agents) for row in rows[::2]] == [
        *(("mean", 4), ("mean", 9), ("heat", 4), ("heat", 9)),
    ]
    right, double = rows[2:4]
    assert right.relative_error is not None
    assert right.relative_error < 1e-15
    assert (double.budget, double.setting) == ("2 factor", "as it likes")
    # Twice the truth is off by all of it.
    assert double.relative_error == pytest.approx(1)
    assert double.largest_error == pytest.approx(1)
    x, truth = comparison.features(9, 3), rows[6]
    phi = x.sum(axis=1) / 9
    heat = np.log1p(x.mean(axis=0).prod()) / 27 * (x / x.mean(axis=0)).sum(axis=1)
    assert truth.relative_error == pytest.approx(
        np.linalg.norm(phi - heat) / np.linalg.norm(heat), rel=1e-12
    )
    assert truth.largest_error == pytest.approx(np.abs(phi - heat).max() / heat.max(), rel=1e-12)
    assert truth.truth == "closed form"


def test_what_did_not_finish_is_not_tried_larger(
    worker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHILD", str(tmp_path / "child"))
    methods = (Method("sleeper", "Shapley"), Method("raising", "Banzhaf"))
    rows = compare([tiny(worker, *methods)], ["mean"], [20, 10], time_limit=0.2)
    assert [(row.agents, row.method, row.status, row.detail) for row in rows] == [
        (10, "sleeper", "timed out", "not done after 0.2 s"),
        (10, "raising", "failed", "RuntimeError: first line last line"),
        (20, "sleeper", "not run", "did not finish 10 agents"),
        (20, "raising", "failed", "RuntimeError: first line last line"),
    ]


def test_total_time(worker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHILD", str(tmp_path / "child"))
    methods = (Method("sleeper", "Shapley"), Method("mean", "Banzhaf"))
    rows = compare([tiny(worker, *methods)], ["mean"], [10], total_time=1.0)
    assert [(row.method, row.status) for row in rows] == [
        ("sleeper", "timed out"),
        ("mean", "not run"),
    ]
    assert rows[1].detail == "the total of 1 s was used up"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value_functions": ["theil"]}, "value_functions holds 'theil'"),
        ({"agents": [10, 1]}, "agents holds 1; at least 2"),
        ({"time_limit": 0.0}, "time_limit is 0; a positive number"),
        ({"memory_limit": -1}, "memory_limit is -1; a positive number"),
        ({"total_time": float("nan")}, "total_time is nan; a positive number"),
        ({"seed": -1}, "seed is -1; 0 or more"),
    ],
)
def test_bad_input(worker: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare([tiny(worker)], **options)


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Peer, Peer]:
    """Two small peers, one of which is called aumann and is the truth."""
    worker = tmp_path_factory.mktemp("peers") / "worker.py"
    worker.write_text(WORKER)
    thrice = Method("mean", "Aumann-Shapley", {"factor": 3}, "thrice")
    raising = Method("raising", "Aumann-Shapley")
    return tiny(worker, name="aumann"), tiny(worker, thrice, raising, name="other")


@pytest.fixture(scope="module")
def rows(peers: tuple[Peer, Peer]) -> list[Row]:
    return compare(peers, ["mean"], [12])


@pytest.fixture
def application(peers: tuple[Peer, Peer], monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setattr(bench_peers, "PEERS", peers)
    app = typer.Typer(cls=OneLineErrors, add_completion=False)
    # With a callback, an application of a single command stays a group.
    app.callback()(lambda: None)
    app.command()(bench_peers.peers)
    return app


ARGUMENTS = ["peers", "--peers", "other", "--agents", "12", "--value-functions", "mean"]


def test_the_table(application: typer.Typer) -> None:
    result = CliRunner().invoke(application, ARGUMENTS)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "mean"
    assert lines[1] == "agents value peer method time memory error largest"
    assert lines[3].startswith("12 Aumann-Shapley aumann mean ")
    assert lines[3].endswith("the truth")
    assert lines[4].startswith("12 Aumann-Shapley other mean ")
    assert lines[4].endswith(" 2.0e+00 2.0e+00")
    assert lines[5] == "12 Aumann-Shapley other raising failed"
    assert "mean: 3 factor; thrice" in lines
    assert "failed: other raising: RuntimeError: first line last line" in lines


def test_json(application: typer.Typer, rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def measured(*arguments: Any, **options: Any) -> list[Row]:
        asked.update(options, arguments=arguments)
        return rows

    monkeypatch.setattr(bench_peers, "compare", measured)
    options = ["--time-limit", "5", "--memory-limit", "0.5", "--total-time", "70"]
    options += ["--environments", "there", "--seed", "4", "--json"]
    result = CliRunner().invoke(application, [*ARGUMENTS, *options])
    printed = json.loads(result.stdout)
    assert [(row["peer"], row["status"]) for row in printed] == [
        ("aumann", "measured"),
        ("other", "measured"),
        ("other", "failed"),
    ]
    assert printed[1]["relative_error"] == pytest.approx(2)
    assert printed[2]["seconds"] is None
    asked.pop("progress")
    assert asked == {
        "arguments": (list(bench_peers.PEERS), ["mean"], [12]),
        "time_limit": 5.0,
        "memory_limit": 2**29,
        "total_time": 70.0,
        "environments": Path("there"),
        "seed": 4,
    }


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".md"])
def test_files(
    application: typer.Typer,
    rows: list[Row],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    monkeypatch.setattr(bench_peers, "compare", lambda *arguments, **options: rows)
    file = tmp_path / f"peers{suffix}"
    result = CliRunner().invoke(application, [*ARGUMENTS, "-o", str(file)])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.endswith(f"written to {file}\n")
    if suffix == ".md":
        lines = file.read_text().splitlines()
        assert lines[0].startswith("| value function | agents | value | peer | method |")
        assert lines[1] == "|" + "---|" * 9
        assert lines[4] == "| mean | 12 | Aumann-Shapley | other | raising | failed |  |  |  |"
        return
    read = pyarrow.parquet.read_table if suffix == ".parquet" else pyarrow.csv.read_csv
    table = read(file)
    assert table["status"].to_pylist() == ["measured", "measured", "failed"]
    assert table["relative_error"].to_pylist()[1] == pytest.approx(2)
    assert table["relative_error"].null_count == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--peers", "lime"], "--peers holds 'lime'; of aumann, other is wanted"),
        (["--agents", "10,2.5"], "--agents is '10,2.5'; whole numbers, 2 or more, are wanted"),
        (["--agents", "inf"], "--agents is 'inf'; whole numbers, 2 or more, are wanted"),
        (["--time-limit", "0"], "time_limit is 0; a positive number is wanted"),
        (["--output", "peers.txt"], "'.txt'; .parquet or .csv or .md is wanted"),
    ],
)
def test_bad_options(application: typer.Typer, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(application, [*ARGUMENTS, *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_population_is_free_of_ties() -> None:
    x: NDArray[np.float64] = comparison.features(1_000, 0)
    assert len(np.unique(x.sum(axis=1))) == 1_000
    np.testing.assert_array_equal(x, comparison.features(1_000, 0))
