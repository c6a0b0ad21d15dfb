"""Every reader on files that may hold anything: an answer or one line, in time and memory."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from damages import COUNT
from typer.testing import CliRunner

from aumann.cli import app
from aumann.sources import _compressed

pytestmark = pytest.mark.lengthy

PROGRAM = Path(__file__).with_name("reader_fuzz.py")


def test_a_bounded_fuzz_of_all_readers(tmp_path):
    command = [sys.executable, str(PROGRAM), str(tmp_path), "3", str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout)
    assert sum(codes.values()) == COUNT
    # Some of the files can still be read, and more of them not.
    assert codes["0"] > COUNT // 20
    assert codes["2"] > COUNT // 3


@pytest.mark.parametrize("ending", ["gz", "zst"])
@pytest.mark.parametrize("kind", ["log", "followers", "table"])
def test_a_small_file_that_fills_a_memory_is_refused(tmp_path, monkeypatch, ending, kind):
    monkeypatch.setattr(_compressed, "LEAST", 1 << 16)
    lines = {"log": "1,2,1341100972,RT\n", "followers": "1,2\n", "table": "1,2,3\n"}[kind]
    first = {"log": "", "followers": "agent,followers\n", "table": "agent,step,posts\n"}[kind]
    content = (first + lines * 40_000).encode()
    bomb = tmp_path / f"bomb.csv.{ending}"
    packed = gzip.compress(content) if ending == "gz" else pa.compress(content, "zstd")
    bomb.write_bytes(packed)
    log = tmp_path / "log.csv"
    log.write_text("1,2,1341100972,RT\n1,2,1341100972,RE\n")
    # A factor that both kinds of compression reach with few lines.
    monkeypatch.setattr(_compressed, "MOST", 100)
    build = ["population", "build", "--activity", "RT", "--resonance", "RE", "-o"]
    output = str(tmp_path / "out.parquet")
    words = {
        "log": [*build, output, str(bomb)],
        "followers": [*build, output, str(log), "--followers", str(bomb)],
        "table": ["population", "from-table", str(bomb), "--step", "step", "-o", output],
    }[kind]
    answer = CliRunner().invoke(app, words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1
    assert f"{bomb} holds more than 100 times the bytes of its file" in answer.stderr
    assert not (tmp_path / "out.parquet").exists()
    # As much as logs compress to is read.
    monkeypatch.setattr(_compressed, "MOST", 100_000)
    assert "holds more than" not in CliRunner().invoke(app, words).stderr


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "{b = " * 100_000])
def test_a_study_too_deep_in_brackets_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "study.toml").write_text(text)
    answer = CliRunner().invoke(app, ["study", str(tmp_path / "study.toml")])
    assert (answer.exit_code, answer.stdout, answer.stderr.count("\n")) == (2, "", 1)
    assert f"{tmp_path / 'study.toml'} is no TOML" in answer.stderr
