"""`aumann bench`: methods compared, by accuracy, by axioms, by time."""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aumann.cli import values
from aumann.cli.application import command_group
from aumann.cli.bench_tables import print_accuracy, print_axioms, print_timing
from aumann.cli.files import check_writable, write_table
from aumann.cli.terminal import output as standard_output
from aumann.cli.terminal import print_error, working

__all__ = ["AsJson", "Output", "columns", "group", "print_json", "print_written"]

group = command_group("Compare methods and other libraries: accuracy, axioms, time, memory.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write every measurement (.parquet or .csv)."
    ),
]


@group.command()
def accuracy(
    agents: Annotated[str, typer.Option(metavar="N1,N2,...", help="Numbers of agents.")] = "10,100",
    steps: Annotated[
        int, typer.Option(min=1, metavar="T", help="Steps; metrics are means over them.")
    ] = 3,
    features: Annotated[int, typer.Option(min=1, metavar="D", help="Features of an agent.")] = 3,
    seeds: Annotated[int, typer.Option(min=1, metavar="S", help="Problems per game and N.")] = 5,
    permutations: Annotated[
        int, typer.Option(min=2, metavar="M", help="Permutations of sampled Shapley, even.")
    ] = 1_000,
    coalitions: Annotated[
        int, typer.Option(min=1, metavar="M", help="Coalitions of sampled Banzhaf.")
    ] = 1_000,
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Scores of further methods (.parquet or .csv) with columns method, game, seed, "
            "step, agent, score; for a single N.",
        ),
    ] = None,
    as_json: AsJson = False,
    output: Output = None,
) -> None:
    """Compare methods with known truths: additive, quadratic and softplus games.

    The truth is the Aumann-Shapley attribution. Shapley, Banzhaf and leave-one-out are
    other values; what is shown is how far they are from it, sampling error included.

    [bold]Example[/bold]

      aumann bench accuracy --agents 10,100 --seeds 3
    """
    from aumann.benchmark import accuracy as benchmark
    from aumann.benchmark.scores import read_scores

    sizes = values.integers("--agents", agents)
    if output is not None:
        check_writable(output, ".parquet", ".csv", inputs=[] if scores is None else [scores])
    scorers = None
    if scores is not None:
        if len(sizes) > 1:
            raise ValueError(f"--scores is of one number of agents, --agents names {len(sizes)}")
        scorers = read_scores(scores, agents=sizes[0], steps=steps, seeds=range(seeds))
    with working("drawing problems") as show:
        measurements = benchmark.run(
            sizes,
            steps=steps,
            features=features,
            seeds=seeds,
            permutations=permutations,
            coalitions=coalitions,
            scorers=scorers,
            progress=show,
        )
    if output is not None:
        write_table(columns([asdict(each) for each in measurements]), output)
    summaries = benchmark.summarise(measurements)
    what = {
        "steps": steps,
        "features": features,
        "seeds": seeds,
        "permutations": permutations,
        "coalitions": coalitions,
    }
    if as_json:
        print_json(what | {"summaries": [asdict(each) for each in summaries]})
        return
    console = standard_output()
    print_accuracy(console, summaries, what)
    print_written(console, output)


@group.command()
def axioms(
    agents: Annotated[
        int, typer.Option(min=4, max=20, metavar="N", help="Agents of each population.")
    ] = 12,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="S", help="Populations per value function.")
    ] = 5,
    as_json: AsJson = False,
    output: Output = None,
) -> None:
    """Measure which axioms each method keeps, and for how many agents it is exact.

    On random populations, for mean, heat, variance and gini: the largest relative violation.

    [bold]Example[/bold]

      aumann bench axioms --agents 8 --seeds 2
    """
    from aumann.benchmark import axioms as benchmark

    if output is not None:
        check_writable(output, ".parquet", ".csv")
    with working("drawing populations") as show:
        findings = benchmark.run(agents, seeds=seeds, progress=show)
        show("finding the largest number of agents")
        largest = benchmark.largest_exact()
    rows = [asdict(each) for each in findings]
    if output is not None:
        write_table(columns(rows), output)
    if as_json:
        exact = [
            {"method": method, "value_function": function, "agents": most}
            for (method, function), most in largest.items()
        ]
        print_json({"agents": agents, "seeds": seeds, "findings": rows, "largest_exact": exact})
        return
    console = standard_output()
    print_axioms(console, findings, largest, agents, seeds)
    print_written(console, output)


@group.command()
def timing(
    agents: Annotated[
        str | None,
        typer.Option(metavar="N1,N2,...", help="Numbers of agents; by default 100 to 1,671,587."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="A;B;...", help="Some of the methods, separated by semicolons; by default all."
        ),
    ] = None,
    value_functions: Annotated[
        str, typer.Option(metavar="F1,F2,...", help="Of mean, heat, variance, gini.")
    ] = "mean,heat,variance,gini",
    repeats: Annotated[int, typer.Option(min=1, metavar="R", help="Timed calls per cell.")] = 5,
    limit: Annotated[
        float, typer.Option(metavar="SECONDS", help="What the calls of a cell may take.")
    ] = 60.0,
    budget: Annotated[
        float, typer.Option(metavar="MINUTES", help="What everything may take.")
    ] = 20.0,
    as_json: AsJson = False,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder of results.parquet, results.md and the figure. Cells found there are "
            "not run again.",
        ),
    ] = Path("bench-timing"),
) -> None:
    """Time all methods from 100 agents to 1,671,587, each in a fresh process.

    What there is no time for is extrapolated and marked so. After Ctrl-C the same
    command goes on where it stopped.

    [bold]Example[/bold]

      aumann bench timing --agents 100,1000,10000 --value-functions heat --budget 1
    """
    from aumann.benchmark.timing import BUILT_IN, SIZES, run

    sizes = SIZES if agents is None else values.integers("--agents", agents)
    chosen = list(BUILT_IN) if methods is None else [name.strip() for name in methods.split(";")]
    for name in chosen:
        if name not in BUILT_IN:
            raise ValueError(f"--methods names {name!r}; some of {'; '.join(BUILT_IN)} are wanted")
    functions = values.names("--value-functions", value_functions)
    try:
        with warnings.catch_warnings(record=True) as warned, _cells() as show:
            warnings.simplefilter("always", RuntimeWarning)
            cells = run(
                {name: BUILT_IN[name] for name in chosen},
                sizes,
                functions,
                repeats=repeats,
                limit=limit,
                budget=60 * budget,
                output=output,
                progress=show,
            )
    except KeyboardInterrupt:
        print_error(f"stopped; finished cells are in {output}, the same command goes on with them")
        raise
    if as_json:
        print_json({"cells": [asdict(cell) for cell in cells]})
        return
    console = standard_output()
    print_timing(console, cells)
    for warning in warned:
        console.print(str(warning.message))
    console.print(f"written to {output}")


@contextmanager
def _cells() -> Iterator[Callable[[int, int, str], None]]:
    """Show on a terminal how many cells are done, and which one is running."""
    console = Console(stderr=True)
    parts = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(
        *parts, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total, what: progress.update(
            task, completed=done, total=total, description=what
        )


def columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as columns, None for numbers that are not defined."""
    return {name: [_defined(row[name]) for row in rows] for name in rows[0]}


def _defined(value: Any) -> Any:
    """Return None for a number that is not defined, in any nesting."""
    if isinstance(value, dict):
        return {key: _defined(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_defined(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def print_json(document: dict[str, Any]) -> None:
    """Print a document as JSON, null for numbers that are not defined."""
    print(json.dumps(_defined(document), indent=2, allow_nan=False))


def print_written(console: Console, output: Path | None) -> None:
    """Say where measurements were written, if they were."""
    if output is not None:
        console.print(f"written to {output}")
