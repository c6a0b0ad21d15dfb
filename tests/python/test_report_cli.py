"""`aumann report`: where it writes, and what it says to what is no study."""

import errno
from pathlib import Path

import pytest
from report_studies import small_study
from typer.testing import CliRunner

from aumann.cli import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return small_study(tmp_path_factory.mktemp("study")).folder


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Reports without figures, which take most of the time."""
    monkeypatch.setattr("aumann.report.page.drawn", lambda *_: [])


def run(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_the_page_goes_into_the_folder_or_where_it_is_wanted(folder, tmp_path):
    answer = run(folder)
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout == f"written to {folder / 'report.html'}\n"
    answer = run(folder, "-o", tmp_path / "page.html")
    assert answer.exit_code == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def refused(answer, message):
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_folders_without_a_finished_study(folder, tmp_path):
    refused(run(tmp_path / "missing"), "missing is no folder; the output folder of a study is")
    refused(run(folder / "cells.parquet"), "cells.parquet is no folder")
    refused(run(tmp_path), "holds no study")
    (tmp_path / "manifest.json").write_text((folder / "manifest.json").read_text())
    # A manifest alone names tables that are not there.
    refused(run(tmp_path), "is missing; run the study again")
    for table in folder.glob("*.parquet"):
        (tmp_path / table.name).write_bytes(table.read_bytes())
    (tmp_path / "shares.parquet").rename(tmp_path / "shares")
    refused(run(tmp_path), "shares.parquet is missing; run the study again")
    (tmp_path / "shares").rename(tmp_path / "shares.parquet")
    (tmp_path / "whole.parquet").write_text("no table")
    refused(run(tmp_path), "whole.parquet")
    assert not (tmp_path / "report.html").exists()


def test_places_that_cannot_be_written(folder, tmp_path):
    refused(run(folder, "-o", tmp_path / "page.pdf"), "page.pdf has the suffix '.pdf'; .html or")
    refused(run(folder, "-o", tmp_path / "no" / "page.html"), "no is no directory")
    refused(run(folder, "-o", tmp_path), "is a directory; a file to write is wanted")


def test_a_full_disk_leaves_the_old_page(folder, tmp_path, monkeypatch):
    (tmp_path / "page.html").write_text("before")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    refused(run(folder, "-o", tmp_path / "page.html"), "No space left on device")
    assert (tmp_path / "page.html").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
