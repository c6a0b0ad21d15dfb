"""What `aumann bench` found, as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from aumann.cli.terminal import PLAIN

if TYPE_CHECKING:
    from aumann.benchmark.accuracy import Summary
    from aumann.benchmark.axioms import Finding
    from aumann.benchmark.timing import Cell

__all__ = ["print_accuracy", "print_axioms", "print_timing"]

METRICS = {
    "mae": "MAE",
    "cosine": "cosine",
    "efficiency_error": "efficiency\nerror",
    "top_k_tau": "top-10\ntau",
    "seconds": "time of\na step",
}


def print_accuracy(console: Console, summaries: Sequence[Summary], what: Mapping[str, int]) -> None:
    """Print one table per game, as the paper's tables 6 to 8."""
    console.print(
        f"Distance from the exact Aumann-Shapley attribution: mean ± standard deviation over "
        f"{what['seeds']} seeds,\n{what['steps']} steps, {what['features']} features, "
        f"{what['permutations']:,} permutations, {what['coalitions']:,} coalitions.\n"
    )
    for game in dict.fromkeys(each.game for each in summaries):
        table = Table("agents", "method", title=f"{game} game", title_justify="left", **PLAIN)
        for heading in METRICS.values():
            table.add_column(heading, justify="right")
        shown = None
        for each in (each for each in summaries if each.game == game):
            if shown not in (None, each.agents):
                table.add_section()
            agents = "" if shown == each.agents else f"{each.agents:,}"
            shown = each.agents
            table.add_row(agents, each.method, *(_metric(each, name) for name in METRICS))
        console.print(table)
        console.print()
    console.print(
        "Efficiency error: |sum - total| / |total|. Top-10 tau: Kendall's tau-b over the ten "
        "agents with the\nlargest truth. Only in the additive game are all methods meant to find "
        "the truth; in the quadratic\nShapley and Banzhaf are, in the softplus game none but "
        "Aumann-Shapley."
    )


def _metric(summary: Summary, name: str) -> str:
    mean, deviation = summary.mean[name], summary.deviation[name]
    if isnan(mean):
        return "undefined" if name != "seconds" else ""
    if name == "seconds":
        return _seconds(mean)
    digits, fewer = (".1e", ".0e") if name in ("mae", "efficiency_error") else (".3f", ".3f")
    spread = "" if isnan(deviation) else f"±{deviation:{fewer}}"
    return f"{mean:{digits}}{spread}"


def print_axioms(
    console: Console,
    findings: Sequence[Finding],
    largest: Mapping[tuple[str, str], int | None],
    agents: int,
    seeds: int,
) -> None:
    """Print one line per method, as the paper's table 1."""
    from aumann.benchmark.axioms import AXIOMS, METHODS, worst

    console.print(
        f"Largest relative violation of each axiom over mean, heat, variance and gini, "
        f"{seeds} populations of {agents} agents each.\n"
    )
    table = Table("method", **PLAIN)
    for axiom in AXIOMS:
        table.add_column(axiom)
    table.add_column("exact up to (agents)")
    found = worst(findings)
    for method in METHODS:
        cells = [_finding(found[method, axiom]) for axiom in AXIOMS]
        table.add_row(method, *cells, _largest(method, largest))
    console.print(table)
    console.print()
    console.print(
        "holds: violated by rounding at most. s.e.: the mean over repeated samples misses the "
        "axiom by at most\nfour standard errors; a single sample misses it by up to the number "
        "shown. NO: violated, most by the\nvalue function named."
    )


def _finding(finding: Finding) -> str:
    size = f"{finding.violation:.0e}"
    if finding.verdict == "exact":
        return f"holds {size}"
    if finding.verdict == "within standard errors":
        return f"s.e.  {size}"
    return f"NO    {size} {finding.value_function}"


def _largest(method: str, largest: Mapping[tuple[str, str], int | None]) -> str:
    """Say for how many agents a method is exact, with the value functions where it is fewer."""
    own = {function: most for (name, function), most in largest.items() if name == method}
    numbers = {most for most in own.values() if most is not None}
    if not numbers:
        return "never"
    most = max(numbers)
    fewer = [f"{function} {count:,}" for function, count in own.items() if count and count < most]
    return f"{most:,}" + (f" ({', '.join(fewer)})" if fewer else "")


def print_timing(console: Console, cells: Sequence[Cell]) -> None:
    """Print one table of times per value function."""
    from aumann.benchmark.timing.report import notes, reference_of, short_cell

    first = cells[0]
    console.print(f"{first.machine}; {first.version}\n")
    for function in dict.fromkeys(cell.value_function for cell in cells):
        own = [cell for cell in cells if cell.value_function == function]
        methods = list(dict.fromkeys(cell.method for cell in own))
        found = {(cell.method, cell.agents): cell for cell in own}
        sizes = sorted({cell.agents for cell in own})
        table = Table("method", title=function, title_justify="left", **PLAIN)
        for size in sizes:
            table.add_column(f"{size:,}", justify="right")
        for method in methods:
            row = [found[method, size] for size in sizes]
            table.add_row(method, *(short_cell(cell, reference_of(cell, own)) for cell in row))
        console.print(table)
        console.print()
    console.print(
        "Median times, and the multiple of Aumann-Shapley. ~ extrapolated: not measured, but "
        "estimated from\nfewer samples or, with its exponent, by a power law through three "
        "measured numbers of agents.\ninfeasible: it would take more than 30 days. "
        "unfinished: stopped before anything could be said."
    )
    for line in notes([cell for cell in cells if cell.status == "failed" or cell.refused]):
        console.print(line)


def _seconds(seconds: float) -> str:
    from aumann.benchmark.timing.report import seconds_in_words

    return seconds_in_words(seconds)
