"""What may be written to: never a file that is read, a pipe, a device; links are followed."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import aumann
from aumann._files import check_output, replacing
from aumann.cli import app
from aumann.report import write_report

LOG = "1,2,1341100972,RT\n2,1,1341100980,RE\n3,1,1341187500,RE\n"


def refused(arguments, message):
    """Check that a command ends with one line that says so."""
    answer = CliRunner().invoke(app, [str(each) for each in arguments])
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert message in answer.stderr
    assert answer.stdout == ""


def linked(path: Path, how: str) -> Path:
    """Return another name of a file."""
    if how == "same":
        return path
    if how == "written differently":
        return path.parent / "." / ".." / path.parent.name / path.name
    other = path.with_name(f"other-{path.name}")
    os.link(path, other) if how == "hard link" else other.symlink_to(path)
    return other


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with one input of every kind."""
    folder = tmp_path_factory.mktemp("inputs")
    population = aumann.synthesize(agents=500, steps=2, seed=1)
    population.write_parquet(folder / "week.parquet")
    aumann.Study(population, [aumann.Mean()], sizes=[50], seeds=[0]).run(folder / "study")
    return folder


NAMES = ["same", "written differently", "symbolic link", "hard link"]


@pytest.mark.parametrize("how", NAMES)
def test_no_command_writes_over_what_it_reads(folder, tmp_path, how):
    def copied(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    week = copied("week.parquet", (folder / "week.parquet").read_bytes())
    scores = copied("scores.csv", b"method,game,seed,step,agent,score\nm,additive,0,0,0,1.5\n")
    followers = copied("followers.parquet", b"not looked at")
    log = copied("log.csv", LOG.encode())
    (tmp_path / "log.parquet").symlink_to(log)
    attribute = ("attribute", week, "--value-function", "mean")
    build = ("population", "build", "--activity", "RT", "--resonance", "RE")
    calls = [
        ((*attribute, "-o", linked(week, how)), week),
        ((*attribute, "--per-agent", "--by-step", "-o", week), week),
        ((*build, tmp_path / "log.parquet", "-o", tmp_path / "log.parquet"), log),
        ((*build, log, "--followers", followers, "-o", linked(followers, how)), followers),
        (("bench", "accuracy", "--scores", scores, "-o", linked(scores, how)), scores),
    ]
    for arguments, read in calls:
        before = read.read_bytes()
        refused(arguments, "is read")
        assert read.read_bytes() == before


def test_no_report_takes_the_place_of_a_table(folder, tmp_path):
    for name in ("manifest.json", "cells.parquet", "parts/study.json"):
        page = tmp_path / f"{Path(name).name}.html"
        os.link(folder / "study" / name, page)
        before = page.read_bytes()
        refused(("report", folder / "study", "-o", page), "is read")
        with pytest.raises(ValueError, match="is read"):
            write_report(aumann.StudyResults.read(folder / "study"), folder / "study" / name)
        assert page.read_bytes() == before


def test_no_study_takes_the_place_of_its_population(folder, tmp_path):
    results = folder / "study"
    description = tmp_path / "study.toml"
    for name in ("cells.parquet", "manifest.json"):
        for population in (results / name, tmp_path / "linked.parquet"):
            if population.parent == tmp_path:
                population.unlink(missing_ok=True)
                os.link(results / name, population)
            text = f"population = {str(population)!r}\noutput = {str(results)!r}\n"
            description.write_text(text)
            before = (results / name).read_bytes()
            refused(("study", description), f"output: {results / name} is read")
            assert (results / name).read_bytes() == before


@pytest.fixture
def special(tmp_path):
    """Return what is there and no file, by kind."""
    os.mkfifo(tmp_path / "pipe.html")
    (tmp_path / "full.html").symlink_to("/dev/full")
    (tmp_path / "loop.html").symlink_to(tmp_path / "loop.html")
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file.html").write_text("old")
    (tmp_path / "below").symlink_to(tmp_path / "file.html")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(os.path.relpath(tmp_path / "socket.html"))
    yield tmp_path
    listening.close()


def test_pipes_devices_folders_and_loops_are_refused(folder, special):
    before = sorted(special.rglob("*"))
    for name, message in {
        "pipe.html": "is a pipe, a device or a socket",
        "full.html": "is a pipe, a device or a socket",
        "socket.html": "is a pipe, a device or a socket",
        "loop.html": "cannot write",
        "folder.html": "a file",
        "below/x.html": "",
        f"{'x' * 300}.html": "",
    }.items():
        refused(("report", folder / "study", "-o", special / name), message)
        with pytest.raises(OSError, match=r"is a folder|cannot write"), replacing(special / name):
            raise AssertionError("nothing is to be written")
    assert sorted(special.rglob("*")) == before
    assert (special / "file.html").read_text() == "old"


def test_what_a_link_points_to_is_written(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    for old in (True, False):
        link, real = tmp_path / "here" / f"{old}.svg", tmp_path / "there" / f"{old}.svg"
        if old:
            real.write_text("old")
        link.symlink_to(Path("..") / "there" / real.name)
        with replacing(link) as temporary:
            assert temporary.parent == real.parent
            temporary.write_text("new")
        assert link.is_symlink()
        assert real.read_text() == "new"


@pytest.mark.parametrize("where", ["label", "topic", "feature", "metadata", "id"])
def test_what_is_no_text_is_refused_and_named(tmp_path, where):
    half, old = "half \ud83d", tmp_path / "week.parquet"
    old.write_text("old")
    if where == "id":
        rows = {"agent": [half, "b"], "step": [1, 1], "wealth": [1.0, 2.0]}
        population = aumann.Population.from_table(
            rows, features=["wealth"], kinds="measurement", keep_ids=True
        )
    else:
        population = aumann.Population.from_arrays(
            {half if where == "feature" else "wealth": np.ones((1, 1, 2))},
            kinds="measurement",
            labels={"party": [half if where == "label" else "a", "b"]},
            topics=[half if where == "topic" else "war"],
            metadata={"source": half if where == "metadata" else "test"},
        )
    message = r"cannot write .*week\.parquet: .*half \\ud83d.* half of a surrogate pair"
    with pytest.raises(ValueError, match=message):
        population.write_parquet(old)
    assert [old] == list(tmp_path.iterdir())
    assert old.read_text() == "old"


def test_names_of_any_length_can_be_written(tmp_path):
    for name in ("x" * 255, "é" * 127, "\U0001f600" * 63):
        with replacing(tmp_path / name) as temporary:
            temporary.write_text("new")
        assert (tmp_path / name).read_text() == "new"


def test_inputs_that_are_not_there_are_no_hindrance(tmp_path):
    check_output(tmp_path / "new", [tmp_path / "new", tmp_path / "other"])
    (tmp_path / "new").write_text("")
    check_output(tmp_path / "new", [tmp_path / "other"])


def test_a_figure_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    figure = aumann.attribute(np.ones((3, 1)), aumann.Mean()).plot()
    figure.savefig(str(tmp_path / "figure"))
    figure.savefig(tmp_path / "figure.pdf")
    figure.savefig(tmp_path / "named", format="svg")
    assert (tmp_path / "figure.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "figure.pdf").read_bytes()[:4] == b"%PDF"
    assert (tmp_path / "named").read_bytes()[:5] == b"<?xml"
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="not supported"):
        figure.savefig(tmp_path / "figure.png", format="nonsense")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("arguments", [["--version"], ["population", "describe", "week.parquet"]])
def test_a_full_standard_output_is_said_in_one_line(folder, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "aumann", *arguments],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == "aumann: error: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="the system has no /dev/stdin")
def test_standard_input_can_be_the_file(tmp_path):
    log = tmp_path / "log.parquet"
    log.write_text(LOG)
    build = ["population", "build", "-", "--separator", ",", "--activity", "RT", "--resonance"]
    with log.open() as file:
        done = subprocess.run(
            [sys.executable, "-m", "aumann", *build, "RE", "-o", str(log)],
            stdin=file,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"aumann: error: {log} is read, as /dev/stdin")
    assert log.read_text() == LOG
