"""The command line: one file per group of commands.

`app` is the whole command line. Bad input ends it with exit code 2 and one line on standard
error, Ctrl-C with 130.
"""

from typing import Annotated

import typer

from aumann.cli.application import HELP_NAMES, OneLineErrors
from aumann.cli.attribute import attribute
from aumann.cli.bench import group as bench
from aumann.cli.bench_peers import peers
from aumann.cli.bench_quadrature import quadrature
from aumann.cli.demo import demo
from aumann.cli.from_table import from_table
from aumann.cli.population import group as population
from aumann.cli.study import study
from aumann.cli.study_report import report
from aumann.cli.synthesize import synthesize

__all__ = ["app"]

app = typer.Typer(
    cls=OneLineErrors,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings=HELP_NAMES,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        import aumann

        print(f"aumann {aumann.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    r"""Exact, axiomatic credit for every agent of a million-agent system.

    From an event log to the answer, who drove an indicator and when:

      aumann population build events.csv.gz --columns actor,target,time,kind \
        --activity post,repost --resonance reply --step 1d -o week.parquet
      aumann attribute week.parquet --value-function heat --by-step
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


population.command("from-table")(from_table)
app.add_typer(population, name="population")
bench.command()(peers)
bench.command()(quadrature)
app.add_typer(bench, name="bench")
app.command()(attribute)
app.command()(demo)
app.command()(report)
app.command()(study)
app.command()(synthesize)
