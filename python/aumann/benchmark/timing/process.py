"""A cell is timed in a process of its own, so that none warms or crowds another."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import aumann
from aumann.benchmark.timing.cell import LIMIT, Cell, with_events

__all__ = ["machine", "run_cell", "version"]

# Seconds that starting a process and making its features may take besides the limit.
START = 120.0


def run_cell(cell: Cell, limit: float) -> Cell:
    """Time a cell in a fresh process.

    Parameters
    ----------
    cell : Cell
        What to run.
    limit : float
        Seconds that its calls may take together.

    Returns
    -------
    Cell
        With what was measured. A process that is interrupted or raises leaves no child behind.

    Examples
    --------
    >>> cell = Cell("own", "aumann.benchmark.timing.methods:aumann_shapley", "mean", 100)
    >>> run_cell(cell, limit=10.0).status
    'measured'
    """
    specification = {
        "target": cell.target,
        "value_function": cell.value_function,
        "agents": cell.agents,
        "samples": cell.samples,
        "repeats": cell.repeats,
        "limit": limit,
    }
    # The process ends when this pipe is closed, by whatever becomes of the parent.
    life, held = os.pipe()
    try:
        return with_events(cell, *_communicate(specification, life, limit))
    finally:
        os.close(held)


def _communicate(
    specification: Mapping[str, Any], life: int, limit: float
) -> tuple[list[Mapping[str, Any]], str | None]:
    """Return what a process told, and how it was stopped if it did not end by itself."""
    try:
        child = _start(specification, life)
    finally:
        os.close(life)
    try:
        output, errors = child.communicate(timeout=limit + START)
        return _events(output), _ended(child.returncode, errors)
    except subprocess.TimeoutExpired:
        return _events(_end(child)), LIMIT
    except BaseException:
        _end(child)
        raise


def _start(specification: Mapping[str, Any], life: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "aumann.benchmark.timing.worker", json.dumps(specification)],
        stdin=life,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())},
        # Ctrl-C on the terminal goes to the parent alone, which ends the whole session.
        start_new_session=True,
    )


def machine() -> str:
    """Return what tells machines apart whose times should not be mixed.

    Examples
    --------
    >>> "threads" in machine()
    True
    """
    info = aumann.build_info()
    return (
        f"{_processor()}, {info['threads']} threads, {info['simd']}, "
        f"{platform.system()} {platform.machine()}"
    )


def version() -> str:
    """Return the versions that times depend on.

    Examples
    --------
    >>> version().startswith("aumann ")
    True
    """
    return (
        f"aumann {aumann.__version__}, numpy {np.__version__}, python {platform.python_version()}"
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or "unknown processor")


def _import_path() -> list[str]:
    """Return where this process finds modules, so that the fresh one finds them too."""
    return [os.path.abspath(entry) for entry in sys.path]


def _ended(code: int, errors: str) -> str | None:
    """Say how a process ended if not well."""
    if code == 0:
        return None
    if code == -signal.SIGALRM:
        return LIMIT
    if code < 0:
        name = signal.Signals(-code).name
        memory = ", as where memory runs out" if code == -signal.SIGKILL else ""
        return f"ended by {name}{memory}"
    said = errors.strip().splitlines()
    return f"exit code {code}: {said[-1] if said else 'nothing said'}"


def _end(child: subprocess.Popen[str]) -> str:
    """End a process with all that it started, and return what it wrote."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    return child.communicate()[0]


def _events(output: str) -> list[Mapping[str, Any]]:
    """Read the lines that are whole; the last of a stopped process may not be."""
    lines = output.splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
