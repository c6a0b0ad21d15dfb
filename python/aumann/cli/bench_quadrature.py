"""`aumann bench quadrature`: path integrals against closed forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from aumann.cli import values
from aumann.cli.bench import AsJson, Output, columns, print_json, print_written
from aumann.cli.files import check_writable, write_table
from aumann.cli.terminal import PLAIN, working
from aumann.cli.terminal import output as standard_output

if TYPE_CHECKING:
    from aumann.benchmark.closed_forms import Summary
    from aumann.benchmark.integrands import Cost
    from aumann.benchmark.quadrature import Convergence

__all__ = ["quadrature"]


def quadrature(
    agents: Annotated[
        int, typer.Option(min=1, metavar="N", help="Agents of the workload W, for heat.")
    ] = 100_000,
    nodes: Annotated[
        str, typer.Option(metavar="K1,K2,...", help="Numbers of nodes of the fixed rules.")
    ] = "4,6,10,20,50,100,200",
    repeats: Annotated[int, typer.Option(min=1, metavar="R", help="Timed calls per cell.")] = 5,
    sizes: Annotated[
        str,
        typer.Option(metavar="N1,N2,...", help="Agents of the populations for all four functions."),
    ] = "1000,10000,100000",
    seeds: Annotated[int, typer.Option(min=1, metavar="S", help="Populations per size.")] = 5,
    as_json: AsJson = False,
    output: Output = None,
) -> None:
    r"""Compare path integrals with closed forms: error and time by rule and number of nodes.

    First heat by midpoint, trapezoid, Gauss-Legendre and the adaptive rule, timed in turns with a
    plain loop of forward and backward passes. Then functions with known integrals, smooth, steep,
    kinked, singular and flat: nodes of the adaptive rule beside the fewest that do, errors beside
    their estimates. Then mean, heat, variance and gini by the trapezoid with 50 nodes and the
    adaptive rule. Needs torch and SciPy: pip install 'aumann\[torch,study]'.

    [bold]Example[/bold]

      aumann bench quadrature --nodes 4,10,50 --sizes 1000 --seeds 2
    """
    from aumann.benchmark import closed_forms, integrands
    from aumann.benchmark import quadrature as benchmark
    from aumann.benchmark.workload import sparse

    counts, populations = values.integers("--nodes", nodes), values.integers("--sizes", sizes)
    if output is not None:
        check_writable(output, ".parquet", ".csv")
    with working("integrating known functions") as show:
        costs = integrands.costs(progress=show)
        errors = benchmark.convergence(agents, nodes=counts, repeats=repeats, progress=show)
        agreements = closed_forms.agreement(populations, seeds=seeds, progress=show)
    if output is not None:
        write_table(columns(_rows(costs, errors, agreements)), output)
    summaries = closed_forms.summarise(agreements)
    about = {"state": benchmark.state(sparse(agents)), "repeats": repeats, **_about()}
    if as_json:
        print_json(
            about
            | {
                "known": [asdict(each) for each in costs],
                "convergence": [asdict(each) | {"ratio": each.ratio} for each in errors],
                "agreement": [asdict(each) for each in agreements],
                "summaries": [asdict(each) for each in summaries],
            }
        )
        return
    console = standard_output()
    _print_convergence(console, errors, about)
    _print_costs(console, costs)
    _print_agreement(console, summaries)
    print_written(console, output)


def _about() -> dict[str, Any]:
    """Return what the figures depend on: versions, threads and the machine."""
    import numpy
    import scipy
    import torch

    import aumann
    from aumann.benchmark.timing.process import machine

    libraries = {"aumann": aumann, "numpy": numpy, "scipy": scipy, "torch": torch}
    return {
        "versions": {name: str(library.__version__) for name, library in libraries.items()},
        "machine": machine(),
        "torch_threads": torch.get_num_threads(),
    }


def _rows(*tables: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the rows of several tables as rows of one, with all their columns."""
    rows = [
        {"experiment": type(each).__name__.lower(), **asdict(each)}
        for table in tables
        for each in table
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


def _print_costs(console: Console, costs: Sequence[Cost]) -> None:
    table = Table(
        title="known integrals by the adaptive rule, tolerance 1e-6", title_justify="left", **PLAIN
    )
    for heading in ("kind", "function"):
        table.add_column(heading)
    for heading in ("nodes", "fewest", "error", "estimate"):
        table.add_column(heading, justify="right")
    table.add_column("converged")
    for position, each in enumerate(costs):
        following = costs[position + 1] if position + 1 < len(costs) else None
        table.add_row(
            each.kind,
            each.name,
            str(each.nodes),
            "" if each.fewest is None else str(each.fewest),
            f"{each.error:.1e}",
            f"{each.estimate:.1e}",
            "yes" if each.converged else "no",
            end_section=following is None or following.kind != each.kind,
        )
    console.print(table)
    console.print()
    console.print(
        "Fewest: nodes of the shortest Gauss-Legendre rule within the tolerance, if one of up to "
        "40 does.\nError and estimate: of the value furthest off, as a part of the largest. s: "
        "sum of an\nagent's features, S: sum of all, m: their mean.\n"
    )


def _print_convergence(
    console: Console, errors: Sequence[Convergence], about: dict[str, Any]
) -> None:
    from aumann.benchmark.timing.report import seconds_in_words

    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    console.print(f"{about['machine']}, {about['torch_threads']} of torch; {versions}\n")
    table = Table(
        title=f"heat of {errors[0].agents:,} agents of W, P = {about['state']:.4g}",
        title_justify="left",
        **PLAIN,
    )
    table.add_column("rule")
    for heading in ("nodes", "error", "residual", "estimate", "time", "plain loop", "ratio"):
        table.add_column(heading, justify="right")
    for position, each in enumerate(errors):
        following = errors[position + 1] if position + 1 < len(errors) else None
        table.add_row(
            each.rule,
            str(each.nodes),
            f"{each.error:.1e}",
            f"{each.residual:+.1e}",
            "" if each.estimate is None else f"{each.estimate:.1e}",
            seconds_in_words(each.seconds),
            seconds_in_words(each.loop_seconds),
            f"{each.ratio:.2f}",
            end_section=following is None or following.rule != each.rule,
        )
    console.print(table)
    console.print()
    console.print(
        "Error: largest |phi - closed form| / largest |closed form|. Residual: sum of phi minus "
        "the total, as a\npart of the sum of magnitudes. P: product of the feature means. Times "
        f"are medians of {about['repeats']}, taken in turns\nwith a plain loop of forward and "
        "backward passes at the same nodes (gauss-kronrod: at as many).\n"
    )


def _print_agreement(console: Console, summaries: Sequence[Summary]) -> None:
    table = Table(
        title=f"path integral against closed form, {summaries[0].seeds} seeds",
        title_justify="left",
        **PLAIN,
    )
    for heading in ("value function", "rule"):
        table.add_column(heading)
    for heading in ("agents", "nodes", "MAE", "error", "1 - Spearman", "violation"):
        table.add_column(heading, justify="right")
    for position, each in enumerate(summaries):
        following = summaries[position + 1] if position + 1 < len(summaries) else None
        table.add_row(
            each.value_function,
            each.rule,
            f"{each.agents:,}",
            str(each.nodes),
            f"{each.mae:.1e}",
            f"{each.error:.1e}",
            f"{1 - each.spearman:.0e}",
            f"{each.violation:.1e}",
            end_section=following is None or following.value_function != each.value_function,
        )
    console.print(table)
    console.print()
    console.print(
        "MAE: mean |phi - closed form| per agent, mean over seeds. Error as above, 1 - Spearman "
        "and violation\n(magnitude of the residual): largest over seeds. Spearman falls short of 1 "
        "where the last bits of tied\nagents differ."
    )
