"""One cell in a fresh process: started, watched, ended, its answer read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from aumann._locks import scratch
from aumann.benchmark.peers.process import end, last_line
from aumann.benchmark.peers.workers.job import NO_MEMORY

__all__ = ["Answer", "Status", "run"]

Status: TypeAlias = Literal[
    "measured", "timed out", "out of memory", "failed", "crashed", "not installed", "not run"
]

HERE = Path(__file__).parent
# The folder goes to the end of the path, so that nothing in it can stand in for a module of the
# peer's; the worker is not part of an installed package there.
START = "import sys; sys.path.append(sys.argv[1]); from workers.job import main; main(sys.argv[2])"
# Seconds for importing the peer and one call on a handful of agents.
STARTUP_LIMIT = 300.0
POLL = 0.01


@dataclass(frozen=True)
class Answer:
    """What became of a cell; numbers are None unless it was measured.

    Parameters
    ----------
    status : str
    detail : str
        Why there are no numbers: the limit, or the last line of the message.
    version : str, optional
        Installed version of the peer.
    seconds : float, optional
        Median time of the call, in seconds.
    repeats : int, optional
        Number of calls.
    peak_bytes : int, optional
        Growth of resident memory during the first call; None where the system does not tell.
    evaluations : int, optional
        Coalitions that the peer had evaluated; None if it works without.
    values : ndarray of float64, shape (n,), optional
        Attributions.
    """

    status: Status
    detail: str = ""
    version: str | None = None
    seconds: float | None = None
    repeats: int | None = None
    peak_bytes: int | None = None
    evaluations: int | None = None
    values: NDArray[np.float64] | None = None


def run(
    python: Path,
    worker: Path,
    peer: str,
    method: str,
    budget: Mapping[str, int],
    x: NDArray[np.float64],
    value_function: str,
    *,
    seed: int = 0,
    time_limit: float = 60.0,
    memory_limit: int | None = None,
) -> Answer:
    """Measure one method on one population in a process of its own.

    Parameters
    ----------
    python : path
        Interpreter with the peer in it.
    worker : path
        File with the peer's methods.
    peer, method : str
        Names of the distribution and of the method.
    budget : mapping of str to int
    x : ndarray of float64, shape (n, d)
    value_function : str
    seed : int
    time_limit : float
        Seconds for all calls of the method; importing the peer does not count.
    memory_limit : int, optional
        Bytes by which the address space may grow (Linux; elsewhere there is no limit).

    Returns
    -------
    Answer
        Errors of the peer are answers, never exceptions. On Ctrl-C the process is ended with all
        its children.

    Examples
    --------
    >>> import tempfile
    >>> worker = Path(tempfile.mkdtemp()) / "mine.py"
    >>> _ = worker.write_text("METHODS = {'mean': lambda p, budget, seed: p.x[:, 0] / p.agents}")
    >>> x = np.array([[1.0], [3.0]])
    >>> run(Path(sys.executable), worker, "mine", "mean", {}, x, "mean").values
    array([0.5, 1.5])
    """
    with scratch("aumann-peer") as folder:
        np.save(folder / "x.npy", x)
        job = {
            "peer": peer,
            "method": method,
            "budget": dict(budget),
            "value_function": value_function,
            "seed": seed,
            "memory_limit": memory_limit,
        }
        with (
            open(folder / "said.txt", "wb") as said,
            subprocess.Popen(
                [str(python), "-c", START, str(HERE), str(worker.resolve())],
                cwd=folder,
                env=_environment(python),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            try:
                _tell(process, job)
                in_time = _wait(process, folder / "started", time_limit)
            finally:
                end(process)
        if not in_time:
            started = (folder / "started").exists()
            limit = f"{time_limit:g} s" if started else f"{STARTUP_LIMIT:g} s of starting"
            return Answer("timed out", f"not done after {limit}")
        return _read(folder, process.returncode, len(x))


def _environment(python: Path) -> dict[str, str]:
    environment = dict(os.environ)
    if python != Path(sys.executable):
        # What is added to the present interpreter's path is made for that one.
        for name in ("PYTHONPATH", "PYTHONHOME"):
            environment.pop(name, None)
    return environment


def _tell(process: subprocess.Popen[bytes], job: dict[str, Any]) -> None:
    """Send the job and leave the pipe open: its end tells the process that the runner is gone."""
    assert process.stdin is not None
    # A process that ended before it could listen has left its last words.
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()


def _wait(process: subprocess.Popen[bytes], started: Path, time_limit: float) -> bool:
    """Return whether the process ended by itself within the limits."""
    deadline, counting = monotonic() + STARTUP_LIMIT, False
    while process.poll() is None:
        if not counting and started.exists():
            deadline, counting = monotonic() + time_limit, True
        if monotonic() > deadline:
            return False
        sleep(POLL)
    return True


def _read(folder: Path, code: int, agents: int) -> Answer:
    words = last_line((folder / "said.txt").read_text(errors="replace"))
    crashed: Status = "out of memory" if any(sign in words for sign in NO_MEMORY) else "crashed"
    if code < 0:
        killed = f"ended by {signal.Signals(-code).name}"
        return Answer(crashed, f"{killed}: {words}" if words else killed)
    try:
        answer = Answer(**json.loads((folder / "answer.json").read_text()))
        if answer.status not in get_args(Status):
            raise ValueError(f"answer.json has the status {answer.status!r}")
        if answer.status != "measured":
            return answer
        values = np.load(folder / "values.npy")
        if values.shape != (agents,):
            raise ValueError(f"values.npy has shape {values.shape}")
    except (OSError, ValueError, TypeError) as error:
        why = words if isinstance(error, FileNotFoundError) and words else str(error)
        return Answer(crashed, f"ended with {code} and no answer: {why}")
    return Answer(**{**vars(answer), "values": values})
