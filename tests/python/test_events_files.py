"""Files as they are named: no patterns, no columns from folders; several, folders, streams."""

import gzip
import io
import sys
import tempfile

import polars as pl
import pytest
from event_logs import EVENTS, check, text, write
from typer.testing import CliRunner

import aumann
from aumann.cli import app

NAMES = [
    "log[12]",
    "log*",
    "lo?1",
    "{log1,log2}",
    'it\'s "quoted" $x ;--',
    "Zoë 李",
    "time=2024-03-10/part",
    "kind=XX/actor=9/target=9/part",
    "s3:bucket/part",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_a_path(tmp_path, name):
    for other in ("log1", "log2"):
        write(tmp_path / f"{other}.csv", "5,6,1341100860,RT\n")
        write(tmp_path / f"{other}.parquet", "no Parquet")
    log = tmp_path / f"{name}.csv"
    log.parent.mkdir(parents=True, exist_ok=True)
    write(log, text(separator=","))
    check(aumann.read_events(log, strict=True))
    table = tmp_path / f"{name}.parquet"
    columns = ["actor", "target", "time", "kind"]
    frame = pl.DataFrame(EVENTS, schema=columns, orient="row")
    with table.open("wb") as file:
        frame.write_parquet(file)
    check(aumann.read_events(table, strict=True))


@pytest.mark.parametrize("name", ["log[12]", 'it\'s "quoted" $x ;--', "time=2024-03-10/part"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_path_of_followers_is_a_path(tmp_path, name, suffix):
    for other in ("log1", "log2"):
        write(tmp_path / f"{other}.{suffix}", "agent,followers\n7,5\n")
    log = write(tmp_path / "log.csv", text(separator=","))
    followers = tmp_path / f"{name}.{suffix}"
    followers.parent.mkdir(exist_ok=True)
    if suffix == "csv":
        write(followers, "agent,followers\n7,3\n")
    else:
        with followers.open("wb") as file:
            pl.DataFrame({"agent": [7], "followers": [3]}).write_parquet(file)
    assert aumann.read_events(log, followers=followers).agent_table["reach"].tolist() == [3, 0, 0]


def test_patterns_are_no_files(tmp_path):
    write(tmp_path / "log1.csv", text(separator=","))
    for pattern in ("log*.csv", "log[1].csv", "log?.csv", "{log1}.csv"):
        with pytest.raises(FileNotFoundError, match="is not there"):
            aumann.read_events(tmp_path / pattern)


def test_folders_for_temporary_files_with_quotes_in_their_names(tmp_path, monkeypatch):
    folder = tmp_path / 'it\'s "here"'
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    check(aumann.read_events(write(tmp_path / "log.csv", text(separator=","))))


def parts(folder):
    """Write the events in three forms below a folder, with marks that are no events."""
    (folder / "time=2012").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    write(folder / ".hidden" / "x.csv", "5,6,1341100860,RT\n")
    write(folder / "_SUCCESS", "")
    write(folder / "time=2012" / "a.csv.gz", text(EVENTS[:2], ","))
    write(folder / "b.tsv", text(EVENTS[2:4], "\t"))
    columns = ["actor", "target", "time", "kind"]
    frame = pl.DataFrame(EVENTS[4:], schema=columns, orient="row")
    frame.write_parquet(folder / "c.parquet")


def test_several_files_and_folders(tmp_path):
    folder = tmp_path / "log"
    parts(folder)
    population = aumann.read_events(folder, strict=True)
    check(population)
    assert population.metadata["file"] == "b.tsv and 2 more"
    check(aumann.read_events([folder / "c.parquet", folder / "time=2012", folder / "b.tsv"]))
    with pytest.raises(ValueError, match="twice; its events would count twice"):
        aumann.read_events([folder, folder / "b.tsv"])
    with pytest.raises(ValueError, match="at least one file is wanted"):
        aumann.read_events([])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no file"):
        aumann.read_events(tmp_path / "empty")
    write(folder / "d.csv", "no event\n")
    examples = aumann.read_events(folder).metadata["malformed_examples"]
    assert examples == ["d.csv, line 1: another number of fields than 4"]


def test_files_that_are_not_read_alike_are_refused(tmp_path):
    first = write(tmp_path / "a.csv", text(EVENTS[:3], ",", "target,actor,time,kind"))
    rest = write(tmp_path / "b.csv", text(EVENTS[3:], ","))
    # Of a log cut into parts only the first has the header that tells actor from target.
    with pytest.raises(ValueError, match=r"a\.csv has a header and b\.csv has none"):
        aumann.read_events([first, rest])
    bare = [event[:3] for event in EVENTS[3:]]
    rest = write(tmp_path / "b.csv", text(bare, ",", "actor,target,time"))
    with pytest.raises(ValueError, match=r"a\.csv has a column of kinds and b\.csv has none"):
        aumann.read_events([first, rest])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(monkeypatch, pack):
    stream = io.BufferedReader(io.BytesIO(pack(text().encode())))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
    population = aumann.read_events("-", separator=" ", strict=True)
    check(population)
    assert population.metadata["file"] == "standard input"


def test_the_command_line_reads_files_by_name_and_columns_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    swapped = [(target, actor, time, kind) for actor, target, time, kind in EVENTS]
    for k in (0, 1):
        part = text(swapped[3 * k : 3 * k + 3], ",", "dst,src,ts,type")
        write(tmp_path / f"log[{k}].csv", part)
    command = ["population", "build", "log[0].csv", "log[1].csv", "--strict", "-o", "out.parquet"]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2
    assert "--actor src --target dst --time ts --kind type" in refused.stderr
    names = ["--actor", "src", "--target", "dst", "--time", "ts", "--kind", "type"]
    done = CliRunner().invoke(app, [*command, *names])
    assert done.exit_code == 0, done.stderr
    check(aumann.read_parquet("out.parquet"))
