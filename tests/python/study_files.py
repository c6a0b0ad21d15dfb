"""Files that describe a study, and the command that runs them."""

import json
from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner

from aumann.cli import app

# Settings of a study that takes no time.
FEW = 'sizes = [100]\nseeds = 2\nvalue_functions = ["variance"]\n'


class Answer(NamedTuple):
    code: int
    out: str
    error: str


def describe(folder: Path, population: Path, text: str) -> Path:
    """Write a file that describes a study; keys of tables come last in TOML."""
    file = folder / "study.toml"
    paths = "" if "population =" in text else f"population = {json.dumps(str(population))}\n"
    paths += "" if "output =" in text else 'output = "out"\n'
    file.write_text(paths + text)
    return file


def run(file: Path) -> Answer:
    answer = CliRunner().invoke(app, ["study", str(file)])
    return Answer(answer.exit_code, answer.stdout, answer.stderr)


def refused(file: Path, message: str) -> None:
    """Check that the command says so in one line, and writes nothing."""
    before = sorted(file.parent.rglob("*"))
    answer = run(file)
    assert answer.code == 2
    assert answer.error.count("\n") == 1
    assert message in answer.error
    assert answer.out == ""
    assert sorted(file.parent.rglob("*")) == before
