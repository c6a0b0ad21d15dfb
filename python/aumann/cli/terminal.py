"""What the commands share on a terminal: consoles, the sign of life, the one-line error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType, RenderHook
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment

from aumann._printable import printable

__all__ = ["PLAIN", "output", "print_error", "print_warning", "working"]

# Tables without frames: narrow on a terminal, without trailing rules in a file.
PLAIN: Any = {
    "box": SIMPLE_HEAD,
    "show_edge": False,
    "pad_edge": False,
    "collapse_padding": True,
}


class _Printable:
    """What a console shows, with names from data that cannot steer the terminal."""

    def __init__(self, shown: RenderableType) -> None:
        self.shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for text, style, control in console.render(self.shown, options):
            yield Segment(text if control else printable(text, keep="\n"), style, control)


class _Escaping(RenderHook):
    def process_renderables(self, renderables: list[Any]) -> list[Any]:
        return [_Printable(each) for each in renderables]


def output() -> Console:
    """Return a console on the present standard output.

    Off a terminal the width is left wide, so that a table in a pipe or a file is never folded.
    Control characters in what is printed are shown, not sent.
    """
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 200
    console.push_render_hook(_Escaping())
    return console


def print_error(message: str) -> None:
    """Print an error as exactly one line on standard error."""
    _print_line("error", message)


def print_warning(message: str) -> None:
    """Print a warning as exactly one line on standard error."""
    _print_line("warning", message)


def _print_line(kind: str, message: str) -> None:
    line = printable(" ".join(message.split()))
    print(f"aumann: {kind}: {line}", file=sys.stderr)


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal, while the block runs, what is being done and for how long.

    Yields
    ------
    callable
        Takes the name of the next stage and shows it instead.
    """
    console = Console(stderr=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task(printable(what), total=None)
        yield lambda stage: progress.update(task, description=printable(stage))
