"""No damaged file is read as right, whatever it holds and wherever it was hit."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from damages import COUNT, damaged
from test_population_parquet import assert_same

import aumann
from aumann import Population
from aumann.benchmark.timing.cell import Cell
from aumann.benchmark.timing.store import read_cells, write_cells
from aumann.study.store import Store


def measured_population() -> Population:
    draw = np.random.default_rng(5)
    presence = draw.random((3, 40)) < 0.8
    mood = draw.standard_normal((2, 3, 40)) * presence
    return Population.from_arrays(
        {"reach": draw.integers(0, 9, 40), "mood": mood},
        kinds={"reach": "count", "mood": "measurement"},
        labels={"country": draw.choice(["dé", "fr"], 40), "bot": draw.random(40) < 0.5},
        topics=["war", "peace"],
        presence=presence,
        metadata={"source": "test", "nested": {"a": [1, None, "é"]}},
    )


POPULATIONS = {
    "events": lambda: aumann.synthesize(agents=3_000, steps=4, topics=2, seed=3),
    "measurements": measured_population,
    "one agent": lambda: Population.from_arrays({"wealth": [1.5]}, kinds="measurement"),
}


def each_damage(path: Path, seed: int):
    """Damage a file in many ways, one at a time, and mend it in the end."""
    content, draw = path.read_bytes(), np.random.default_rng(seed)
    for _ in range(COUNT):
        changed, how = damaged(content, draw)
        path.write_bytes(changed)
        yield how
    path.write_bytes(content)


@pytest.mark.parametrize("kind", POPULATIONS)
def test_populations(tmp_path, kind):
    path = tmp_path / "population.parquet"
    POPULATIONS[kind]().write_parquet(path)
    for how in each_damage(path, 1):
        with pytest.raises(ValueError, match=r"Parquet file|is damaged") as error:
            raise AssertionError(f"{how}: read as {Population.read_parquet(path)!r}")
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
    assert_same(Population.read_parquet(path), POPULATIONS[kind]())


@pytest.mark.parametrize("kind", POPULATIONS)
def test_populations_cut_short_or_too_long(tmp_path, kind):
    path = tmp_path / "population.parquet"
    POPULATIONS[kind]().write_parquet(path)
    content, draw = path.read_bytes(), np.random.default_rng(2)
    for size in [0, 1, 11, 12, *draw.integers(len(content), size=COUNT // 3)]:
        for changed in (content[:size], content + content[:size] + b"x", content[size + 1 :]):
            path.write_bytes(changed)
            with pytest.raises(ValueError, match=r"Parquet file|is damaged"):
                Population.read_parquet(path)


@pytest.mark.parametrize("kind", POPULATIONS)
def test_populations_written_before_there_were_digests_are_read(tmp_path, kind):
    path, old = tmp_path / "population.parquet", tmp_path / "old.parquet"
    population = POPULATIONS[kind]()
    population.write_parquet(path)
    with pq.ParquetFile(path) as file:
        header = {b"aumann.population": file.metadata.metadata[b"aumann.population"]}
        with pq.ParquetWriter(
            old, file.schema_arrow.with_metadata(header), compression="zstd"
        ) as writer:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                writer.write_table(table.replace_schema_metadata(header), max(1, table.num_rows))
    with pq.ParquetFile(old) as file:
        assert not any(b"seal" in key for key in file.metadata.metadata)
    assert_same(Population.read_parquet(old), population)


def test_a_population_that_lost_a_digest_is_refused(tmp_path):
    """A block that hits all keys at once would make a file look as if it never had any."""
    path = tmp_path / "population.parquet"
    POPULATIONS["events"]().write_parquet(path)
    content = path.read_bytes()
    for key in (b"aumann.seal\x18", b"aumann.sealed"):
        assert content.count(key) == 1
        path.write_bytes(content.replace(key, b"x" * len(key)))
        with pytest.raises(ValueError, match=r"Parquet file|is damaged"):
            Population.read_parquet(path)


def test_a_file_whose_place_another_takes_while_it_is_opened_is_not_mixed_up(tmp_path, monkeypatch):
    path, other = tmp_path / "population.parquet", tmp_path / "other.parquet"
    POPULATIONS["events"]().write_parquet(path)
    POPULATIONS["measurements"]().write_parquet(other)
    parquet_file = pq.ParquetFile

    def replaced(*arguments, **options):
        if other.exists():
            other.replace(path)
        return parquet_file(*arguments, **options)

    monkeypatch.setattr(pq, "ParquetFile", replaced)
    assert_same(Population.read_parquet(path), POPULATIONS["measurements"]())


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("header", [DEEP, f'{{"format": 1, "metadata": {DEEP}}}'])
def test_a_population_whose_header_is_too_deep_in_brackets_is_refused(tmp_path, header):
    path = tmp_path / "population.parquet"
    table = pa.table({"agent": [0]}).replace_schema_metadata({"aumann.population": header})
    pq.write_table(table, path)
    with pytest.raises(ValueError, match=r"is no well-formed population|no population") as error:
        Population.read_parquet(path)
    assert str(path) in str(error.value)


def test_a_manifest_too_deep_in_brackets_is_none(tmp_path, finished):
    for text in (DEEP, f'{{"format": 1, "population": {DEEP}}}'):
        folder = copied(finished, tmp_path / str(len(text)))
        (folder / "manifest.json").write_text(text)
        with pytest.raises(ValueError, match="is not finished; run it again"):
            aumann.StudyResults.read(folder)
        with pytest.raises(ValueError, match="is of no study"):
            measured(folder)


def test_pages_carry_checksums_for_other_readers(tmp_path):
    path = tmp_path / "population.parquet"
    POPULATIONS["events"]().write_parquet(path)
    content = bytearray(path.read_bytes())
    with pq.ParquetFile(path) as file:
        column = file.metadata.row_group(0).column(3)
        end = column.dictionary_page_offset + column.total_compressed_size
    content[end - 1] ^= 4
    path.write_bytes(content)
    with (
        pq.ParquetFile(path, page_checksum_verification=True) as file,
        pytest.raises(OSError, match=r"(?i)crc"),
    ):
        file.read_row_group(0)


def measured(folder: Path) -> aumann.StudyResults:
    population = aumann.synthesize(agents=400, steps=2, seed=5)
    protocols = {"random": aumann.UniformRandom()}
    return aumann.Study(population, [aumann.Mean()], protocols, sizes=[50], seeds=[0]).run(folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    return measured(tmp_path_factory.mktemp("study")).folder


def copied(folder: Path, to: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            (to / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            (to / path.relative_to(folder)).write_bytes(path.read_bytes())
    return to


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_parts_of_studies(tmp_path, finished):
    folder = copied(finished, tmp_path)
    manifest = {
        key: value
        for key, value in json.loads((folder / "manifest.json").read_text()).items()
        if key not in ("seal", "sealed", "tables", "finished")
    }
    store = Store(folder, manifest)
    for number, path in enumerate(sorted((folder / "parts").iterdir())):
        assert store.has(path.stem)
        for how in each_damage(path, number):
            assert not store.has(path.stem), how


def test_a_damaged_part_is_measured_again_to_the_same_bits(tmp_path, finished):
    folder = copied(finished, tmp_path)
    draw = np.random.default_rng(7)
    for path in (folder / "parts").iterdir():
        path.write_bytes(damaged(path.read_bytes(), draw)[0])
    measured(folder)
    assert contents(folder) == contents(finished)


def test_a_part_of_another_name_or_study_is_measured_again(tmp_path, finished):
    folder = copied(finished, tmp_path)
    parts = folder / "parts"
    (parts / "0-step-1.json").write_bytes((parts / "0-step-0.json").read_bytes())
    measured(folder)
    assert contents(folder) == contents(finished)
    for path in (folder / "manifest.json", *folder.glob("*.parquet")):
        path.unlink()
    # Nobody knows of which study the parts are, but for what they carry.
    population = aumann.synthesize(agents=400, steps=2, seed=6)
    protocols = {"random": aumann.UniformRandom()}
    asked = aumann.Study(population, [aumann.Mean()], protocols, sizes=[50], seeds=[0])
    other = asked.run(folder)
    right = asked.run(tmp_path / "anew")
    assert other.tables == right.tables


@pytest.mark.parametrize("name", ["manifest.json", "cells.parquet", "shares.parquet"])
def test_manifests_and_tables_of_studies(tmp_path, finished, name):
    folder = copied(finished, tmp_path)
    for how in each_damage(folder / name, 11):
        with pytest.raises(ValueError, match=r"is damaged|is not finished"):
            raise AssertionError(f"{how}: {aumann.StudyResults.read(folder)!r}")
    assert aumann.StudyResults.read(folder).tables == aumann.StudyResults.read(finished).tables
    (folder / name).unlink()
    with pytest.raises(ValueError, match=r"is missing; run the study again|holds no study"):
        aumann.StudyResults.read(folder)


def test_a_damaged_table_is_written_again_and_others_are_no_tables(tmp_path, finished):
    folder = copied(finished, tmp_path)
    (folder / "cells.parquet").write_bytes(b"PAR1")
    (folder / "mine.parquet").write_bytes(b"not of the study")
    measured(folder)
    (folder / "mine.parquet").unlink()
    assert contents(folder) == contents(finished)


def test_folders_written_before_there_were_digests_are_read_and_gone_on_with(tmp_path, finished):
    folder = copied(finished, tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    for key in ("seal", "sealed", "tables"):
        del manifest[key]
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    for path in (folder / "parts").iterdir():
        part = json.loads(path.read_text())
        del part["seal"]
        path.write_text(json.dumps(part) + "\n")
    before = contents(folder / "parts")
    assert aumann.StudyResults.read(folder).tables == aumann.StudyResults.read(finished).tables
    (folder / "parts" / "0-step-1.json").unlink()
    del before["0-step-1.json"]
    measured(folder)
    # What was there is believed, and not written again.
    assert contents(folder / "parts").items() >= before.items()
    assert contents(folder)["cells.parquet"] == contents(finished)["cells.parquet"]


def test_timings(tmp_path):
    path = tmp_path / "results.parquet"
    cells = [
        Cell("a", "m:f", "mean", agents, status="measured", seconds=agents / 3)
        for agents in (10, 100)
    ]
    write_cells(cells, path)
    for how in each_damage(path, 3):
        with pytest.raises(ValueError, match="name another folder") as error:
            raise AssertionError(f"{how}: {read_cells(path)}")
        assert str(path) in str(error.value)
    assert read_cells(path) == cells
    # As it was written before there were digests.
    table = pq.read_table(path).replace_schema_metadata()
    pq.write_table(table, path)
    assert read_cells(path) == cells
