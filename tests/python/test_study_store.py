"""The folder of a study: versions, damaged parts, tables by halves, memory."""

import errno
import os
import stat
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from study_files import FEW, describe, refused

import aumann
from aumann._files import replacing
from aumann.study.store import Store

POPULATION = aumann.synthesize(agents=1_000, steps=2, topics=1, seed=5)
MANIFEST = {"format": 2, "population": "0123", "versions": {"aumann": "0.1.0", "numpy": "2.0"}}


def measured(folder: Path) -> aumann.StudyResults:
    study = aumann.Study(
        POPULATION,
        [aumann.Mean(), aumann.Variance()],
        {"random": aumann.UniformRandom()},
        sizes=[50],
        seeds=[0, 1, 2],
    )
    return study.run(folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> aumann.StudyResults:
    return measured(tmp_path_factory.mktemp("study"))


def assert_same(results: aumann.StudyResults, others: aumann.StudyResults) -> None:
    assert results.tables.keys() == others.tables.keys()
    for name, table in results.tables.items():
        assert table.equals(others.tables[name])


def read_versions(folder: Path) -> dict[str, str]:
    return aumann.StudyResults.read(folder).manifest["versions"]


def test_all_versions_that_measured_parts_are_named(tmp_path, results, monkeypatch):
    monkeypatch.setattr("aumann._core.VERSION", "0.9.1")
    first = measured(tmp_path).manifest["versions"]
    assert first == read_versions(tmp_path) == {"aumann": "0.9.1", "numpy": np.__version__}
    (tmp_path / "parts" / "0-step-1.json").unlink()
    (tmp_path / "parts" / "study.json").unlink()
    monkeypatch.setattr("aumann._core.VERSION", "0.10.0")
    second = measured(tmp_path).manifest["versions"]
    assert second == read_versions(tmp_path) == {**first, "aumann": "0.9.1, 0.10.0"}
    # This one finds all parts there, and measures none.
    monkeypatch.setattr("aumann._core.VERSION", "0.11.0")
    assert measured(tmp_path).manifest["versions"] == second
    for path in (tmp_path / "parts").iterdir():
        path.unlink()
    last = measured(tmp_path)
    assert last.manifest["versions"] == read_versions(tmp_path) == {**first, "aumann": "0.11.0"}
    assert_same(last, results)


@pytest.mark.parametrize(
    "damaged",
    [lambda part: b"", lambda part: part[: len(part) // 2], lambda part: bytes(len(part))],
    ids=["empty", "cut short", "zeros"],
)
def test_parts_that_lost_their_end_are_measured_again(tmp_path, results, damaged):
    measured(tmp_path)
    for name in ("study", "0-whole", "0-step-0", "0-0-1"):
        path = tmp_path / "parts" / f"{name}.json"
        path.write_bytes(damaged(path.read_bytes()))
    assert_same(measured(tmp_path), results)
    for path in (tmp_path / "parts").iterdir():
        assert path.read_bytes() == (results.folder / "parts" / path.name).read_bytes()


@pytest.mark.parametrize("damaged", [b'{"versions": \0\0\0}\n', b'{"versions": 3}\n'])
def test_a_part_without_a_digest_that_cannot_be_read_is_named(tmp_path, results, damaged):
    measured(tmp_path)
    path = tmp_path / "parts" / "0-step-1.json"
    path.write_bytes(damaged)
    message = rf"output: {path} is damaged; delete it, and run the study again"
    with pytest.raises(ValueError, match=message):
        measured(tmp_path)
    # The tables are those of before.
    assert_same(aumann.StudyResults.read(tmp_path), results)
    path.unlink()
    assert_same(measured(tmp_path), results)


@pytest.mark.parametrize("text", ["", "[1, 2]", "{}", '{"format": 2, "population": "0123"}'])
def test_manifests_of_no_finished_study(tmp_path, results, text):
    for path in results.folder.glob("*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=f"folder: the study in {tmp_path} is not finished"):
        aumann.StudyResults.read(tmp_path)


class Killed(BaseException):
    """What no code looks out for."""


def test_half_of_the_tables_is_no_finished_study(tmp_path, results, monkeypatch):
    rename = Path.replace
    renamed: list[Path] = []

    def killed_at_the_last(path, target):
        if target.suffix == ".parquet":
            renamed.append(target)
            if len(renamed) == len(results.tables):
                raise Killed
        return rename(path, target)

    # The second time all tables are there, of the run before.
    for _ in range(2):
        renamed.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", killed_at_the_last)
            with pytest.raises(Killed):
                measured(tmp_path)
        assert (tmp_path / "cells.parquet").is_file()
        with pytest.raises(ValueError, match="is not finished; run it again"):
            aumann.StudyResults.read(tmp_path)
        assert_same(measured(tmp_path), results)
        assert_same(aumann.StudyResults.read(tmp_path), results)


def test_a_disk_that_is_full_at_the_last_table_keeps_the_tables_of_before(
    tmp_path, results, monkeypatch
):
    write = pq.ParquetWriter.write_table
    asked = []

    def full(self, table, *rest):
        asked.append(table)
        if len(asked) == len(results.tables):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, table, *rest)

    for there in ([], sorted(f"{name}.parquet" for name in results.tables)):
        asked.clear()
        with monkeypatch.context() as patch:
            patch.setattr(pq.ParquetWriter, "write_table", full)
            with pytest.raises(OSError, match="No space left") as error:
                measured(tmp_path)
        # One file is named, though all of them were being written.
        assert str(error.value).count("cannot write") == 1
        assert sorted(path.name for path in tmp_path.glob("*.parquet")) == there
        assert not list(tmp_path.rglob(".*"))
        if there:
            assert_same(aumann.StudyResults.read(tmp_path), results)
        else:
            with pytest.raises(ValueError, match="is not finished"):
                aumann.StudyResults.read(tmp_path)
            measured(tmp_path)


def rows(part: int, count: int) -> list[dict[str, object]]:
    """Made-up rows of a part, with values that only they have."""
    return [
        {"topic": f"topic {part}", "size": k, "share": None if k % 7 == 0 else part + k / 3}
        for k in range(count)
    ]


def test_tables_are_those_of_all_rows_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("aumann.study.store.GATHERED", 100)
    store = Store(tmp_path, MANIFEST)
    # The first part has no row of a table, the second lacks it, others have some or many.
    counts = {"early": [0, 30, 99, 1, 250, 3], "late": [0, 0, 0, 7, 0, 120], "never": [0] * 6}
    names = [f"part-{k}" for k in range(6)]
    for k, name in enumerate(names):
        kept = {table: rows(k, n[k]) for table, n in counts.items() if k != 1 or n[k]}
        store.write(name, kept)
    tables = store.write_tables(names)
    assert sorted(tables) == ["early", "late"]
    types = [("topic", pa.string()), ("size", pa.int64()), ("share", pa.float64())]
    for table, found in tables.items():
        wanted = [row for k, n in enumerate(counts[table]) for row in rows(k, n)]
        assert found.equals(pa.Table.from_pylist(wanted, pa.schema(types)))
        assert pq.read_table(tmp_path / f"{table}.parquet").equals(found)
    assert pq.ParquetFile(tmp_path / "early.parquet").num_row_groups == 3


def test_memory_does_not_grow_with_the_parts(tmp_path):
    peaks = []
    for parts in (5, 50):
        store = Store(tmp_path / str(parts), MANIFEST)
        names = [f"part-{k}" for k in range(parts)]
        for k, name in enumerate(names):
            store.write(name, {"shares": rows(k, 1_000)})
        store.write_tables(names[:1])
        tracemalloc.start()
        store.write_tables(names)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize("count", [10**23, 2**63, 2**64])
def test_more_steps_taken_together_than_can_be_counted(tmp_path, count):
    POPULATION.write_parquet(tmp_path / "week.parquet")
    text = f"{FEW}merge_steps = [2, {count}]"
    shown = "an integer of about 23 digits" if count == 10**23 else count
    refused(
        describe(tmp_path, tmp_path / "week.parquet", text),
        f"merge_steps: {shown}, a number from 2 to ",
    )


def test_a_file_has_the_rights_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "file") as temporary:
            temporary.write_text("new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_the_umask_of_other_threads_is_left_alone(tmp_path, monkeypatch):
    changed = []
    umask = os.umask

    def noted(mask):
        changed.append(mask)
        return umask(mask)

    monkeypatch.setattr(os, "umask", noted)

    def write(number: int) -> None:
        for _ in range(20):
            with replacing(tmp_path / f"{number % 2}") as temporary:
                temporary.write_text(str(number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]
    assert changed == []


def test_a_file_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    sync, order = os.fsync, []

    def noted(handle):
        order.append((os.fstat(handle).st_size, (tmp_path / "file").exists()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("new")
    assert order == [(3, False)]
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "file") as temporary:
        temporary.write_text(str(1 / 0))
    assert (tmp_path / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
