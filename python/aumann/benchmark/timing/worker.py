"""The process that times one cell: `python -m aumann.benchmark.timing.worker SPECIFICATION`.

The specification is JSON; what happens is told in lines of JSON on standard output, each as soon
as it is known, so that a process that is stopped has told what it did until then. Past the limit
the operating system ends the process, native code and all.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from math import ceil
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any, TextIO

from aumann.benchmark.workload import sparse

# Seconds of calls until threads have settled on their cores.
WARM_UP = 0.05
# A repeat is at least this many seconds long, in several calls if need be.
SHORTEST = 0.002
# No more repeats are begun after this part of the limit.
REPEATING = 0.2
# How many times as many samples are tried next, and the part of the time left they may take.
GROWTH, PART = 8, 0.7


def main() -> None:
    """Time the cell that the command line specifies."""
    cell = json.loads(sys.argv[1])
    Thread(target=_end_with_parent, daemon=True).start()
    # What the method prints must not be taken for an event.
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        _time(cell, told)
    except ValueError as error:
        _tell(told, refused=str(error))
    except Exception as error:
        _tell(told, error=f"{type(error).__name__}: {error}")


def _time(cell: dict[str, Any], told: TextIO) -> None:
    module, _, name = cell["target"].partition(":")
    function = getattr(import_module(module), name)
    x = sparse(cell["agents"])
    x.flags.writeable = False
    memory = _Memory()
    begun = perf_counter()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, cell["limit"])

    def call(*samples: int) -> float:
        start = perf_counter()
        function(x, cell["value_function"], *samples)
        return perf_counter() - start

    def tell(seconds: float, **facts: Any) -> None:
        _tell(told, seconds=seconds, peak_bytes=memory.above(), **facts)

    def left() -> float:
        return float(cell["limit"]) - (perf_counter() - begun)

    samples, repeats = cell["samples"], cell["repeats"]
    if samples is None:
        cold = call()
        tell(cold, cold=True)
        _repeat(call, cold, repeats, tell, left)
    else:
        seconds = _grow(call, samples, tell, left)
        if seconds is not None:
            tell_whole = partial(tell, samples=samples)
            _repeat(partial(call, samples), seconds, repeats - 1, tell_whole, left)
    signal.setitimer(signal.ITIMER_REAL, 0)
    _tell(told, done=True)


def _repeat(
    call: Callable[[], float],
    seconds: float,
    repeats: int,
    tell: Callable[[float], None],
    left: Callable[[], float],
) -> None:
    """Tell the time of calls in a steady state, as many as wanted or as there is time for.

    `seconds` is what a call took before.
    """
    enough = (1 - REPEATING) * left()
    settled = perf_counter() + WARM_UP
    while seconds < WARM_UP and perf_counter() < settled:
        seconds = call()
    calls = ceil(SHORTEST / seconds)
    for _ in range(repeats):
        if left() < max(enough, 1.1 * calls * seconds):
            return
        seconds = sum(call() for _ in range(calls)) / calls
        tell(seconds)


def _grow(
    call: Callable[[int], float], whole: int, tell: Callable[..., None], left: Callable[[], float]
) -> float | None:
    """Time more and more samples; return the seconds of all of them if there was time for that."""
    call(2)
    samples, seconds = 2, call(2)
    each = seconds / samples
    tell(seconds, samples=samples)
    while samples < whole:
        following = whole
        if each * whole > PART * left():
            following = min(whole, GROWTH * samples, int(PART * left() / each) // 2 * 2)
        if following <= samples:
            return None
        before, samples = (samples, seconds), following
        seconds = call(samples)
        tell(seconds, samples=samples)
        gradient = (seconds - before[1]) / (samples - before[0])
        each = gradient if gradient > 0 else seconds / samples
    return seconds


class _Memory:
    """Highest resident memory since the start, above what was resident then, in bytes."""

    def __init__(self) -> None:
        self.status = Path("/proc/self/status")
        try:
            Path("/proc/self/clear_refs").write_text("5")
            self.before = self._of("VmRSS")
        except OSError:
            # Where the highest mark cannot be reset, only what exceeds it is seen.
            self.before = self._peak()

    def above(self) -> int:
        return max(0, self._peak() - self.before)

    def _peak(self) -> int:
        # The mark of getrusage is inherited from the parent process on Linux.
        if self.status.exists():
            return self._of("VmHWM")
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

    def _of(self, name: str) -> int:
        lines = self.status.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _end_with_parent() -> None:
    """Wait for the parent to close the standard input, be it by its end."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def _tell(told: TextIO, **event: Any) -> None:
    print(json.dumps(event), file=told, flush=True)


if __name__ == "__main__":
    main()
