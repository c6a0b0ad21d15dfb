"""The comparison with other libraries: its runner on small local workers, its rows, its limits.

Making environments from a package index is not tested: no test uses the network.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from reference import NAMES, value
from small_peers import WORKER, tiny

from aumann.benchmark.peers import PEERS, Method, compare, comparison, runner
from aumann.benchmark.peers.runner import Answer, run
from aumann.benchmark.peers.workers.population import Population

pytestmark = pytest.mark.lengthy


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    file = tmp_path / "worker.py"
    file.write_text(WORKER)
    return file


def answer(worker: Path, method: str, agents: int = 8, **options: Any) -> Answer:
    x = np.random.default_rng(1).exponential(size=(agents, 2))
    budget = options.pop("budget", {})
    return run(Path(sys.executable), worker, "tiny", method, budget, x, "mean", **options)


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


# Runs a worker as `run` does, in a process that can be killed.
OUTER = """
import sys
from pathlib import Path
import numpy as np
from aumann.benchmark.peers.runner import run
run(Path(sys.executable), Path(sys.argv[1]), "tiny", "sleeper", {}, np.ones((8, 1)), "mean")
"""


@pytest.mark.skipif(os.name != "posix", reason="process groups are of POSIX")
def test_a_runner_that_is_killed_leaves_nothing_running(
    worker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    monkeypatch.setenv("CHILD", str(child))
    with subprocess.Popen([sys.executable, "-c", OUTER, str(worker)]) as outer:
        while not (child.exists() and child.read_text()):
            assert outer.poll() is None
            time.sleep(0.01)
        outer.kill()
    assert gone(int(child.read_text()))


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
    assert wrong.status == "not installed"
    assert "No module named 'a_library_that_is_not_there'" in wrong.detail


def test_a_method_without_what_it_needs_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('none here')")
    found = os.environ.get("PYTHONPATH")
    paths = [str(tmp_path), *([found] if found else [])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    ours = next(peer for peer in PEERS if peer.name == "aumann")
    method = "AumannShapley(PathIntegral)"
    missing = answer(ours.worker, method, budget={"steps": 3})
    assert missing.status == "not installed"
    assert missing.detail == f"{method} needs torch: pip install 'aumann[torch]'"
    assert answer(ours.worker, "AumannShapley()").status == "measured"


def test_errors_are_against_the_truth(worker: Path) -> None:
    methods = (
        Method("mean", "Aumann-Shapley"),
        Method("double", "Aumann-Shapley", {"factor": 2}, "as it likes"),
        Method("again", "leave-one-out"),
    )
    worker.write_text(WORKER + "\nMETHODS['double'] = METHODS['again'] = mean\n")
    rows = compare([tiny(worker, *methods)], ["mean", "heat"], [4, 9], seed=3)
    assert [(row.value_function, row.agents) for row in rows[::3]] == [
        *(("mean", 4), ("mean", 9), ("heat", 4), ("heat", 9)),
    ]
    right, double, again = rows[3:6]
    assert right.relative_error is not None
    assert right.relative_error < 1e-15
    assert (double.budget, double.setting) == ("2 factor", "as it likes")
    # Twice the truth is off by all of it.
    assert double.relative_error == pytest.approx(1)
    assert double.largest_error == pytest.approx(1)
    # What exceeds the total is half of what there is.
    assert double.residual == pytest.approx(0.5)
    assert right.residual == pytest.approx(0, abs=1e-15)
    assert again.residual is None
    x, truth = comparison.features(9, 3), rows[9]
    phi = x.sum(axis=1) / 9
    heat = np.log1p(x.mean(axis=0).prod()) / 27 * (x / x.mean(axis=0)).sum(axis=1)
    assert truth.relative_error == pytest.approx(
        np.linalg.norm(phi - heat) / np.linalg.norm(heat), rel=1e-12
    )
    assert truth.largest_error == pytest.approx(np.abs(phi - heat).max() / heat.max(), rel=1e-12)
    assert (truth.truth, truth.truth_error) == ("closed form", 0)


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


def test_the_population_is_free_of_ties() -> None:
    x: NDArray[np.float64] = comparison.features(1_000, 0)
    assert len(np.unique(x.sum(axis=1))) == 1_000
    np.testing.assert_array_equal(x, comparison.features(1_000, 0))
