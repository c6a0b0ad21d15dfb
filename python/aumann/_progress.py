"""Progress of long work, on a terminal only."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

__all__ = ["Progress"]

# Work that ends before this shows nothing.
PATIENCE_SECONDS = 1.0


class Progress:
    """A bar with the time left, once work takes longer than a second and rich is installed.

    Parameters
    ----------
    total : int or None
        Units of work; None where nobody knows.
    what : str
        What is being done.

    Examples
    --------
    >>> from contextlib import closing
    >>> with closing(Progress(10)) as progress:
    ...     progress.show(5)
    """

    def __init__(self, total: int | None, what: str = "sampling") -> None:
        """Start the clock."""
        self.total, self.what = total, what
        self._began = perf_counter()
        self._bar: Any = None
        self._task: Any = None
        self._silent = not sys.stderr.isatty()

    def show(self, done: int) -> None:
        """Say how many units are done."""
        if self._silent or perf_counter() - self._began < PATIENCE_SECONDS:
            return
        if self._bar is None:
            try:
                from rich.console import Console
                from rich.progress import (
                    BarColumn,
                    MofNCompleteColumn,
                    Progress,
                    TextColumn,
                    TimeRemainingColumn,
                )
            except ImportError:
                self._silent = True
                return
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(self.what, total=self.total)
            self._bar.start()
        self._bar.update(self._task, completed=done)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
