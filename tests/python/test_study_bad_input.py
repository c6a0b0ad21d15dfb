"""Studies that cannot be, or not now: populations that lack something, folders, full disks."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from study_files import FEW, describe, refused, run

import aumann

pytestmark = pytest.mark.lengthy

POPULATION = aumann.synthesize(agents=2_500, steps=2, topics=2, seed=5)


@pytest.fixture(scope="module")
def week(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("population") / "week.parquet"
    POPULATION.write_parquet(path)
    return path


def made(folder: Path, counts: dict[str, np.ndarray], topics: tuple[str, ...] = ()) -> Path:
    """Write the population of some counts."""
    path = folder / "made.parquet"
    aumann.Population.from_arrays(counts, kinds="count", topics=topics).write_parquet(path)
    return path


def test_a_topic_in_which_nobody_is_active_is_left_out_and_said(tmp_path):
    counts = np.random.default_rng(0).poisson(1.0, (2, 2, 500))
    counts[1] = 0
    arrays = {"reach": np.arange(500), "activity": counts, "resonance": counts}
    population = made(tmp_path, arrays, topics=("busy", "silent"))
    answer = run(describe(tmp_path, population, FEW))
    assert answer.code == 0, answer.error
    assert "left out: silent, in which nobody is active" in answer.out
    assert set(pq.read_table(tmp_path / "out/cells.parquet")["topic"].to_pylist()) == {"busy"}
    refused(
        describe(tmp_path, population, FEW + 'topics = ["silent"]\noutput = "other"'),
        "topics: nobody does anything in silent; an active agent is wanted",
    )
    refused(
        describe(tmp_path, population, FEW + "least_participants = 501\nleast_steps = 1"),
        "least_participants: 501 agents on at least 1 step; no topic has as many",
    )


def test_a_topic_with_nobody_to_draw_is_said_before_the_work(tmp_path):
    counts = np.random.default_rng(0).poisson(1.0, (2, 2, 500))
    arrays = {"reach": np.arange(500), "activity": counts, "resonance": counts, "views": counts + 1}
    for name in ("activity", "resonance"):
        arrays[name] = counts * np.array([1, 0])[:, None, None]
    population = made(tmp_path, arrays, topics=("busy", "watched"))
    refused(
        describe(tmp_path, population, FEW),
        "protocols: topic by followers: topic: no agent has any activity or resonance in 'watched'",
    )


def test_protocols_that_are_asked_for_say_what_they_need(tmp_path):
    counts = np.random.default_rng(0).poisson(1.0, (2, 500))
    population = made(tmp_path, {"reach": np.arange(500), "activity": counts})
    refused(
        describe(tmp_path, population, FEW + 'protocols = ["visibility", "random"]'),
        "protocols: visibility: population: features ['activity', 'reach']; "
        "the protocol needs resonance too",
    )
    asked = describe(tmp_path, population, FEW + 'protocols = ["followers only", "random"]')
    assert run(asked).code == 0


def test_panels_without_shares_are_counted(tmp_path):
    # Two agents in a hundred are active, so that most panels of ten have no heat.
    activity = np.zeros((1, 300), dtype=np.int64)
    activity[0, [10, 20, 30, 40, 50, 60]] = 4
    arrays = {"reach": np.ones(300, dtype=np.int64), "activity": activity, "resonance": activity}
    text = 'sizes = [10, 299]\nseeds = 20\nvalue_functions = ["heat"]\nprotocols = ["random"]\n'
    population = aumann.Population.from_arrays(arrays, kinds="count")
    without = sum(
        not activity[0, aumann.UniformRandom().draw(population, 10, seed)].any()
        for seed in range(20)
    )
    assert 5 < without < 20
    answer = run(describe(tmp_path, made(tmp_path, arrays), text))
    assert answer.code == 0, answer.error
    assert answer.out.count(" undefined") == 1
    assert f", {without} undefined" in answer.out
    assert "panels without shares are left out and counted" in " ".join(answer.out.split())
    undefined = [row for row in pq.read_table(tmp_path / "out/shares.parquet").to_pylist()]
    assert sum(row["share"] is None for row in undefined) == 3 * without
    assert all((row["share"] is None) == (row["flip"] is None) for row in undefined)


def test_a_study_in_which_no_panel_has_shares(tmp_path):
    activity = np.zeros((1, 300), dtype=np.int64)
    activity[0, 10] = 4
    arrays = {"reach": np.arange(300)[::-1], "activity": activity, "resonance": 0 * activity}
    text = 'sizes = [10]\nseeds = 2\nvalue_functions = ["heat"]\nprotocols = ["random"]\n'
    answer = run(describe(tmp_path, made(tmp_path, arrays), text))
    assert answer.code == 0, answer.error
    assert "undefined" in answer.out
    assert "nan" not in answer.out


def test_the_folder_of_another_study_is_refused(tmp_path, week):
    assert run(describe(tmp_path, week, FEW)).code == 0
    refused(
        describe(tmp_path, week, FEW.replace("seeds = 2", "seeds = 3")),
        "out holds a study with other seeds; an empty folder, or that of this study, is wanted",
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("manifest.json", "[1, 2", "manifest.json is of no study; an empty folder"),
        ("manifest.json", "[1, 2]", "manifest.json is of no study; an empty folder"),
        ("manifest.json", '{"name": "app", "version": 2}', "manifest.json is of no study"),
        ("steps.parquet", "PAR1", "out holds steps.parquet and no study; an empty folder"),
    ],
)
def test_folders_with_other_things_are_refused(tmp_path, week, name, content, message):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(content)
    refused(describe(tmp_path, week, FEW), message)
    assert (tmp_path / "out" / name).read_text() == content


def test_what_a_killed_process_left_is_cleared(tmp_path, week, finished):
    folder = tmp_path / "out"
    (folder / "parts").mkdir(parents=True)
    for name in ("parts/.0-whole.json", ".manifest.json", ".cells.parquet"):
        (folder / f"{name}.x1x2_-X4.aumann").write_text("half")
    (folder / ".gitignore").write_text("*")
    assert run(describe(tmp_path, week, FEW)).code == 0
    assert [path.name for path in folder.rglob(".*")] == [".gitignore"]
    (folder / ".gitignore").unlink()
    assert_same(folder, finished)


def test_panels_larger_than_their_pool_hold_it_and_others(tmp_path, week):
    protocol = aumann.VisibilityBiased(pool=0.02)
    pool = np.flatnonzero(protocol.inclusion(POPULATION, 10))
    assert pool.size == 50
    others = set()
    for seed in range(3):
        panel = protocol.draw(POPULATION, 200, seed)
        assert set(pool) <= set(panel)
        others |= set(panel) - set(pool)
    # Three independent draws of 150 of the 2,450 others hardly overlap.
    assert len(others) > 380
    chances = protocol.inclusion(POPULATION, 200)
    assert (chances[pool] == 1).all()
    assert np.delete(chances, pool) == pytest.approx(150 / 2_450)

    text = (
        FEW.replace("[100]", "[40, 200]")
        + "[protocols.random]\n[protocols.visibility]\npool = 0.02\n"
    )
    answer = run(describe(tmp_path, week, text))
    assert answer.code == 0, answer.error
    note = answer.out[answer.out.index("Agents in every panel") :]
    assert "visibility: 50 of 200\n" in note
    assert "random" not in note
    assert "of 40" not in note
    rows = pq.read_table(tmp_path / "out/protocols.parquet").to_pylist()
    found = {(row["protocol"], row["size"]): (row["reachable"], row["certain"]) for row in rows}
    assert found == {
        ("random", 40): (2_500, 0),
        ("random", 200): (2_500, 0),
        ("visibility", 40): (50, 0),
        ("visibility", 200): (2_500, 50),
    }


LIMITED = """
import resource, sys
from aumann.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
main()
"""


def assert_same(folder: Path, finished: Path) -> None:
    """Compare the tables and the manifest of two studies, to the bit."""
    names = {path.name for path in finished.iterdir() if path.is_file()}
    assert {path.name for path in folder.iterdir() if path.is_file()} == names
    for name in names:
        assert (folder / name).read_bytes() == (finished / name).read_bytes()


@pytest.fixture(scope="module")
def finished(tmp_path_factory, week) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    assert run(describe(folder, week, FEW)).code == 0
    return folder / "out"


@pytest.mark.parametrize("limit", [300, 3_000, 12_000])
def test_files_that_cannot_grow_leave_nothing_by_halves(tmp_path, week, finished, limit):
    file = describe(tmp_path, week, FEW)
    stopped = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), "study", str(file)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert stopped.returncode == 2, stopped.stderr
    assert stopped.stderr.count("\n") == 1
    assert f"cannot write {tmp_path / 'out'}" in stopped.stderr
    assert "File too large" in stopped.stderr
    folder = tmp_path / "out"
    assert not list(folder.rglob(".*"))
    for path in folder.rglob("*.json"):
        json.loads(path.read_text())
    assert all(path.stat().st_size <= limit for path in folder.rglob("*") if path.is_file())
    assert run(file).code == 0
    assert_same(folder, finished)


def test_a_disk_that_is_full_when_the_tables_are_written(tmp_path, week, finished, monkeypatch):
    file = describe(tmp_path, week, FEW)

    def full(writer, table):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
        answer = run(file)
    assert answer.code == 2
    assert answer.error.count("\n") == 1
    assert f"cannot write {tmp_path / 'out'}" in answer.error
    assert "No space left on device" in answer.error
    assert not list((tmp_path / "out").glob("*.parquet"))
    assert not list((tmp_path / "out").rglob(".*"))
    assert run(file).code == 0
    assert_same(tmp_path / "out", finished)
