"""Runs that are killed, that find no room, or that find another one there."""

import errno
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from damages import COUNT
from study_files import FEW, describe, run

import aumann
from aumann._files import replacing
from aumann._locks import exclusive, scratch
from aumann.benchmark import timing

pytest.importorskip("fcntl", reason="the system has no locks that end with their process")

pytestmark = pytest.mark.lengthy

PROGRAM = Path(__file__).with_name("faulty_runs.py")
ALL = ("build", "table", "csv", "parquet", "synthesize", "report", "accuracy", "timing", "study")
# Imports no more than the locks need.
HOLD = """
import sys, time
from pathlib import Path
from aumann._files import replacing
from aumann._locks import exclusive, scratch
folder = Path(sys.argv[1])
with exclusive(folder), replacing(folder / "file") as one, scratch("some", folder) as other:
    one.write_text("half")
    (other / "x").write_text("half")
    print(one.name, other.name, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Return a process that writes to the folder `held`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "held")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.begun = process.stdout.readline().split()
        yield process
        process.kill()


def test_a_lock_and_what_was_begun_end_with_the_process(tmp_path, holder):
    folder = tmp_path / "held"
    there = sorted([".aumann-lock", *holder.begun])
    message = f"{folder} is being written to by process {holder.pid} on "
    for _ in range(2):
        with pytest.raises(BlockingIOError, match=message), exclusive(folder):
            pass
        # What is being written is nobody's to remove.
        with replacing(folder / "other") as temporary:
            temporary.write_text("new")
        assert sorted(path.name for path in folder.glob(".*")) == there
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with exclusive(folder), replacing(folder / "other") as temporary:
        temporary.write_text("newer")
        assert len(list(folder.glob(".*"))) == 2
    assert [path.name for path in folder.iterdir()] == ["other"]


def test_a_second_study_and_a_second_comparison_are_refused(tmp_path, holder):
    aumann.synthesize(agents=1_000, steps=2, seed=1).write_parquet(tmp_path / "week.parquet")
    answer = run(describe(tmp_path, tmp_path / "week.parquet", f'output = "held"\n{FEW}'))
    assert (answer.code, answer.out) == (2, "")
    assert answer.error.count("\n") == 1
    assert f"held is being written to by process {holder.pid} on " in answer.error
    with pytest.raises(BlockingIOError, match="is being written to by process"):
        timing.run(sizes=[10], output=tmp_path / "held")
    left = {".aumann-lock", *holder.begun}
    assert {path.name for path in (tmp_path / "held").iterdir()} == left


def test_file_systems_without_locks(tmp_path, monkeypatch):
    import fcntl

    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    old, new = (tmp_path / f".file.{'x' * 7}{k}.aumann" for k in range(2))
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (time.time() - 90_000,) * 2)
    warned = pytest.warns(RuntimeWarning, match="is on a file system without locks")
    with warned, exclusive(tmp_path):
        pass
    with replacing(tmp_path / "file") as temporary, scratch("some", tmp_path):
        temporary.write_text("new")
    # Nobody can know whether the younger one is still being written.
    assert sorted(path.name for path in tmp_path.iterdir()) == [new.name, "file"]


def test_files_of_others_are_left_alone(tmp_path):
    for name in (".gitignore", ".file.aumann", ".file.short.aumann", "file.xxxxxxxx.aumann"):
        (tmp_path / name).write_text("mine")
    before = sorted(tmp_path.iterdir())
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("new")
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "file"])


def test_killed_commands_end_in_the_same_bits_and_commands_without_a_disk_say_so(tmp_path):
    names = "build,csv,study" if COUNT < 100 else ",".join(ALL)
    kills = max(1, COUNT // 20) if COUNT >= 100 else 1
    for name in ("inputs", "tmp", "disk"):
        (tmp_path / name).mkdir()
    command = [sys.executable, PROGRAM, tmp_path / "inputs", names, kills, 1]
    words = shlex.join(map(str, command))
    if may_mount():
        # For this process alone, so that it is gone with it.
        disk = shlex.quote(str(tmp_path / "disk"))
        script = f"mount -t tmpfs -o size=40k none {disk} && exec {words} {disk}"
        command = ["unshare", "-m", "sh", "-c", script]
    done = subprocess.run(
        list(map(str, command)),
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    moments = json.loads(done.stdout)
    assert {name: len(each) for name, each in moments.items()} == dict.fromkeys(
        names.split(","), kills
    )


def may_mount() -> bool:
    """Tell whether a file system can be mounted for one process alone."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
