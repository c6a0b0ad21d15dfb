"""The timing comparison with its processes: what they do, and what is left of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aumann.benchmark.timing import Cell, TimedMethod, run, runner
from aumann.benchmark.timing.process import run_cell
from aumann.benchmark.timing.store import read_cells
from aumann.cli import app

pytestmark = pytest.mark.lengthy

QUICK = {"repeats": 2, "limit": 0.5, "budget": 30.0}


@pytest.fixture(autouse=True)
def figure(monkeypatch):
    def drawn(cells, folder):
        (folder / "timing.png").write_text(str(len(cells)))

    monkeypatch.setattr(runner, "write_figure", drawn)


def cell(name, agents=50, samples=None):
    return Cell(name, f"timed_methods:{name}", "heat", agents, samples, repeats=2)


def test_calls_are_timed():
    done = run_cell(cell("slow", 2_000), limit=5.0)
    assert (done.status, done.calls, done.ran) == ("measured", 2, True)
    assert 0.02 <= done.lower_quartile <= done.seconds <= done.upper_quartile < 0.5
    assert run_cell(cell("quick"), limit=5.0).status == "measured"


def test_a_call_that_does_not_end_is_stopped_at_the_limit():
    started = time.perf_counter()
    done = run_cell(cell("stuck"), limit=0.3)
    assert time.perf_counter() - started < 10
    assert (done.status, done.note) == ("unfinished", "stopped at the limit")
    assert done.seconds is None


def test_fewer_samples_where_there_is_no_time_for_all():
    # 0.02 s and 0.001 s per sample: a hundred samples take 0.12 s, ten thousand 10 s.
    whole = run_cell(cell("sampled", samples=100), limit=5.0)
    assert whole.status == "measured"
    assert 0.12 <= whole.seconds < 0.3
    part = run_cell(cell("sampled", samples=10_000), limit=0.6)
    assert (part.status, part.basis) == ("extrapolated", "fewer samples")
    assert 8 < part.samples_timed < 10_000
    assert part.seconds == pytest.approx(10, rel=0.3)


@pytest.mark.parametrize(
    ("name", "status", "note"),
    [
        ("broken", "failed", "KeyError: 'no heat here'"),
        ("refusing", "infeasible", "at most 24 agents"),
        ("dying", "failed", "ended by SIGKILL, as where memory runs out"),
        ("leaving", "failed", "exit code 1: gone"),
        ("writing", "infeasible", "assignment destination is read-only"),
        ("absent", "failed", "AttributeError: module 'timed_methods' has no attribute 'absent'"),
    ],
)
def test_what_goes_wrong_is_told(name, status, note):
    done = run_cell(cell(name), limit=5.0)
    assert (done.status, done.note) == (status, note)


def test_memory_is_that_above_the_process():
    done = run_cell(cell("large", 200_000), limit=5.0)
    assert done.peak_bytes == pytest.approx(100 * 2**20, rel=0.1)
    assert run_cell(cell("quick"), limit=5.0).peak_bytes < 10 * 2**20


def test_an_error_leaves_no_process(monkeypatch):
    started = []
    whole = subprocess.Popen.communicate

    def interrupted(self, *given, **more):
        if not started:
            started.append(self)
            raise KeyboardInterrupt
        return whole(self, *given, **more)

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell("stuck"), limit=30.0)
    assert started[0].returncode == -signal.SIGKILL


def test_finished_cells_are_not_run_again(monkeypatch, tmp_path):
    methods = {
        "quick": "timed_methods:quick",
        "stuck": "timed_methods:stuck",
        "broken": "timed_methods:broken",
    }
    first = run(methods, [50, 60], ["heat"], **QUICK, output=tmp_path)
    found = {(c.method, c.agents): c for c in first}
    assert found["quick", 60].status == "measured"
    # What was stopped for few agents is not tried for more.
    assert [found["stuck", n].ran for n in (50, 60)] == [True, False]
    assert read_cells(tmp_path / "results.parquet") == first
    names = {"results.md", "results.parquet", "timing.png"}
    assert {path.name for path in tmp_path.iterdir()} == names

    ran = []

    def counted(cell, limit):
        ran.append((cell.method, cell.agents, limit))
        return cell

    monkeypatch.setattr(runner, "run_cell", counted)
    again = run(methods, [50, 60], ["heat"], **QUICK, output=tmp_path)
    assert {name for name, _, _ in ran} == {"broken"}
    assert [c for c in again if c.method != "broken"] == [c for c in first if c.method != "broken"]
    ran.clear()
    run(methods, [50], ["heat"], **QUICK | {"limit": 0.6}, output=tmp_path)
    assert {name for name, _, _ in ran} == {"broken", "stuck"}
    ran.clear()
    monkeypatch.setattr(runner, "version", lambda: "another")
    run({"quick": methods["quick"]}, [50], ["heat"], **QUICK, output=tmp_path)
    assert [name for name, _, _ in ran] == ["quick"]


def test_later_sizes_are_extrapolated_and_marked():
    methods = {"m": TimedMethod("timed_methods:stuck_if_large")}
    cells = run(methods, [20, 40, 80, 160, 320], ["heat"], **QUICK)
    assert [c.status for c in cells] == ["measured"] * 3 + ["extrapolated"] * 2
    for each in cells[3:]:
        assert each.basis == "power law"
        assert each.exponent == pytest.approx(1, abs=0.3)
        assert each.seconds == pytest.approx(1e-3 * each.agents, rel=0.5)
        assert each.calls == 0


def test_without_time_left_cells_are_unfinished():
    cells = run({"m": "timed_methods:quick"}, [20, 40], ["heat", "mean"], limit=1, budget=1e-9)
    assert {(c.status, c.note, c.ran) for c in cells} == {("unfinished", "no time was left", False)}


def test_without_matplotlib_the_rest_is_written(monkeypatch, tmp_path):
    def missing(cells, folder):
        raise ImportError("the figure needs matplotlib")

    monkeypatch.setattr(runner, "write_figure", missing)
    with pytest.warns(RuntimeWarning, match="needs matplotlib"):
        run({"m": "timed_methods:quick"}, [20], ["heat"], **QUICK, output=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"results.md", "results.parquet"}


def is_alive(process):
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


INTERRUPTED = """
import sys
from aumann.benchmark import timing
methods = {"quick": "timed_methods:quick", "stuck": "timed_methods:stuck"}
timing.run(methods, [50], ["heat"], limit=50.0, budget=60.0, output=sys.argv[1],
           progress=lambda done, total, what: print(done, flush=True))
"""


def test_ctrl_c_leaves_what_is_done_and_no_process(tmp_path):
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    parent = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert [parent.stdout.readline() for _ in range(2)] == ["0\n", "1\n"]
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    deadline = time.perf_counter() + 10
    while not (alive := children.read_text().split()) and time.perf_counter() < deadline:
        time.sleep(0.01)
    parent.send_signal(signal.SIGINT)
    _, errors = parent.communicate(timeout=10)
    assert "KeyboardInterrupt" in errors
    assert alive
    deadline = time.perf_counter() + 10
    while any(map(is_alive, alive)) and time.perf_counter() < deadline:
        time.sleep(0.01)
    assert not any(map(is_alive, alive))
    cells = read_cells(tmp_path / "results.parquet")
    assert [(c.method, c.status, c.ran) for c in cells] == [
        ("quick", "measured", True),
        ("stuck", "unfinished", False),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["results.parquet"]


def command(*arguments):
    return CliRunner().invoke(app, ["bench", "timing", *map(str, arguments)])


def test_the_command(tmp_path):
    options = ["--agents", "50,60", "--value-functions", "heat", "--methods", "Aumann-Shapley"]
    done = command(*options, "--repeats", 2, "--output", tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "heat\nmethod" in done.stdout
    assert f"written to {tmp_path}" in done.stdout
    text = (tmp_path / "results.md").read_text()
    assert "| 50 | " in text
    written = (tmp_path / "results.parquet").stat().st_mtime_ns
    again = command(*options, "--repeats", 2, "--output", tmp_path, "--json")
    cells = json.loads(again.stdout)["cells"]
    assert [c["status"] for c in cells] == ["measured"] * 2
    assert (tmp_path / "results.parquet").stat().st_mtime_ns > written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--methods", "Aumann"), "--methods names 'Aumann'; some of Aumann-Shapley; Shapley;"),
        (("--agents", "many"), "--agents is 'many'"),
        (("--budget", "0"), "budget: 0.0, a positive number of seconds"),
    ],
)
def test_bad_options_are_one_line(arguments, message, tmp_path):
    done = command(*arguments, "--output", tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
