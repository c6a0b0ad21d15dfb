"""`aumann report`: a study as one page."""

from pathlib import Path
from typing import Annotated

import typer

from aumann.cli.files import check_writable
from aumann.cli.terminal import output as standard_output
from aumann.cli.terminal import working

__all__ = ["report"]


def report(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS", help="The output folder of a finished study.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.html",
            help="Where to write the page; report.html in the folder of the study if not given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a study as one page that needs nothing else: no network, no other file.

    The story first: who drove each indicator and when, whether a small panel would have agreed,
    whether one factor could reconcile them, what would repair it. Then tables that sort, figures
    that enlarge, methods, and what the study was.

    [bold]Example[/bold]

      aumann study study.toml
      aumann report study -o report.html
    """
    from aumann.report import write_report
    from aumann.study import StudyResults

    if not results.is_dir():
        raise NotADirectoryError(f"{results} is no folder; the output folder of a study is wanted")
    path = results / "report.html" if output is None else output
    check_writable(path, ".html", ".htm")
    with working("drawing the report"):
        write_report(StudyResults.read(results), path)
    standard_output().print(f"written to {path}")
