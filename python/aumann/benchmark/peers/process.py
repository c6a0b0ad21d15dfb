"""Processes that are ended with all their children, and the last words they leave."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import Any

__all__ = ["end", "last_line"]


def end(process: subprocess.Popen[Any]) -> None:
    """End a process started in a session of its own, with whatever it has started."""
    if os.name == "posix":
        # The leader may be gone while children of it are left in its group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    if process.stdin is not None:
        # What it has not read is of no use any more.
        with suppress(BrokenPipeError):
            process.stdin.close()


def last_line(text: str) -> str:
    r"""Return the last line that is not empty, cut to a length that fits a table.

    Examples
    --------
    >>> last_line("Traceback\n  ...\nValueError: too many agents\n\n")
    'ValueError: too many agents'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
