"""One cell of the comparison, measured inside the environment of a peer.

The runner starts this in a fresh process, with the job as a line of JSON on standard input and the
features as x.npy in the working folder. It leaves answer.json there and, where all went well,
values.npy. When standard input ends, the runner is gone and so is this process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from importlib import metadata, util
from pathlib import Path
from statistics import median
from threading import Thread
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .population import Population

__all__ = ["NO_MEMORY", "Solver", "main"]

Solver: TypeAlias = Callable[[Population, Mapping[str, int], int], NDArray[np.float64]]

# A quick call is measured again, up to so often and while it all stays under so many seconds.
MOST_REPEATS = 5
ENOUGH = 1.0
# Agents of the call before the measured one: it imports the peer, compiles and fills its caches.
WARM_UP_AGENTS = 6
# How libraries say that memory ran out where they raise no MemoryError. A thread that cannot start
# has no room for its stack.
NO_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc", "hread creation failed")


def main(worker: str) -> None:
    """Measure the cell described on standard input with a method of the file `worker`."""
    job = json.loads(sys.stdin.readline())
    Thread(target=_end_with_runner, daemon=True).start()
    answer: dict[str, Any]
    try:
        answer = _measure(job, _methods(worker)[job["method"]])
    except ImportError as error:
        answer = {"status": "not installed", "detail": " ".join(str(error).split())[:500]}
    except Exception as error:
        out_of_memory = isinstance(error, MemoryError) or any(
            sign in str(error) for sign in NO_MEMORY
        )
        answer = {
            "status": "out of memory" if out_of_memory else "failed",
            "detail": f"{type(error).__name__}: {' '.join(str(error).split())}"[:500],
        }
    answer["version"] = _version(job["peer"])
    # Written aside and renamed: an answer that is there is whole.
    Path("answer.part").write_text(json.dumps(answer))
    Path("answer.part").replace("answer.json")


def _end_with_runner() -> None:
    # Past the lock of `sys.stdin`, which would be held at exit.
    while os.read(0, 1):
        pass
    if os.name == "posix":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _measure(job: dict[str, Any], solve: Solver) -> dict[str, Any]:
    x = np.load("x.npy")
    budget, seed = job["budget"], job["seed"]
    solve(Population(x[:WARM_UP_AGENTS], job["value_function"]), budget, seed)
    _limit_memory(job["memory_limit"])
    before = _status_entry("VmRSS")
    _forget_peak()
    Path("started").touch()
    durations: list[float] = []
    while not durations or (len(durations) < MOST_REPEATS and sum(durations) < ENOUGH):
        population = Population(x, job["value_function"])
        start = perf_counter()
        values = solve(population, budget, seed)
        durations.append(perf_counter() - start)
        if len(durations) == 1:
            peak = _status_entry("VmHWM")
    values = np.asarray(values)
    if values.shape != (len(x),):
        raise ValueError(f"the method returned shape {values.shape}, ({len(x)},) is wanted")
    if not np.isfinite(values).all():
        raise ValueError("the method returned NaN or infinity")
    np.save("values.npy", values)
    return {
        "status": "measured",
        "detail": "",
        "seconds": median(durations),
        "repeats": len(durations),
        "peak_bytes": None if before is None or peak is None else max(0, peak - before),
        "evaluations": population.evaluations or None,
    }


def _methods(worker: str) -> Mapping[str, Solver]:
    """Load a worker as a module of this package, so that it may import what lies beside it."""
    spec = util.spec_from_file_location(f"{__package__}.worker", worker)
    if spec is None or spec.loader is None:
        raise ImportError(f"{worker} is no Python file")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    methods: Mapping[str, Solver] = module.METHODS
    return methods


def _version(peer: str) -> str | None:
    try:
        return metadata.version(peer)
    except metadata.PackageNotFoundError:
        return getattr(sys.modules.get(peer), "__version__", None)


def _limit_memory(limit: int | None) -> None:
    """Let the address space grow by `limit` bytes from here; only where the system can (Linux)."""
    mapped = _status_entry("VmSize")
    if limit is None or mapped is None:
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = mapped + limit
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def _status_entry(entry: str) -> int | None:
    """Return an entry of the process's memory status in bytes; None where there is no /proc."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(f"{entry}:"):
            return int(line.split()[1]) * 1024
    return None


def _forget_peak() -> None:
    """Start the high-water mark of resident memory anew."""
    if os.access("/proc/self/clear_refs", os.W_OK):
        Path("/proc/self/clear_refs").write_text("5")
