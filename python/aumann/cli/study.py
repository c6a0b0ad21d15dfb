"""`aumann study`: a grid of panels, described in a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from aumann.cli.study_tables import print_paper_tables
from aumann.cli.terminal import PLAIN
from aumann.cli.terminal import output as standard_output

__all__ = ["study"]


def study(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY.toml",
            help="Keys population and output, both paths; the others, such as topics, "
            "value_functions, protocols, sizes, seeds and tiers, are optional (docs/study.md).",
            show_default=False,
        ),
    ],
    tables: Annotated[
        Literal["paper"] | None,
        typer.Option(
            help="paper: every table of the paper's study, in its layout, instead.",
            show_default=False,
        ),
    ] = None,
) -> None:
    r"""Draw panels as researchers do, and ask whether they tell the population's story.

    Panels are drawn by every protocol, size and seed, attributed on their own, and compared with
    the population. The tables are written to the output folder; the same command goes on with a
    study that was stopped. Printed: when each indicator peaked and who carried it, by how much
    the panels' share of the top tier is off, and what is left after the best single factor.

    [bold]Example[/bold] of a file

      population = "week.parquet"
      output = "study"
      protocols = \["visibility", "random"]
      sizes = \[100, 1000]
    """
    from aumann.study import read_study

    description = read_study(file)
    study, folder = description.study, description.folder
    assert study.tiers is not None
    tiers = study.tiers.names
    results = study.run(folder)
    console = standard_output()
    if tables == "paper":
        print_paper_tables(console, results.paper_tables().values())
        return
    _print_peaks(console, results.peaks().to_pylist(), tiers)
    console.print()
    _print_flips(console, results.summary().to_pylist(), tiers[0], study.population.agents)
    for line in [*_left_out(results.tables["topics"]), *_certain(results.tables["protocols"])]:
        console.print(line)
    console.print(f"\nwritten to {folder}")


def _left_out(topics: Any) -> Iterator[str]:
    """Say which topics were not studied."""
    for row in topics.to_pylist():
        if not row["eligible"]:
            yield (
                f"\nleft out: {row['topic']}, with {row['active']:,} active agents, "
                f"and enough of them on {row['steps_enough']} steps"
            )


def _certain(protocols: Any) -> Iterator[str]:
    """Say which panels hold the same agents whatever the seed, as their pool is too small."""
    counts: dict[tuple[str, int], list[int]] = {}
    for row in protocols.to_pylist():
        if row["certain"]:
            counts.setdefault((row["protocol"], row["size"]), []).append(row["certain"])
    if counts:
        yield "\nAgents in every panel, whatever the seed; a smaller pool is in the panel whole:"
    for (protocol, size), certain in counts.items():
        low, high = min(certain), max(certain)
        agents = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        yield f"  {protocol}: {agents} of {size:,}"


def _print_peaks(console: Any, rows: list[dict[str, Any]], tiers: tuple[str, ...]) -> None:
    table = Table(
        "topic",
        "value function",
        "peak",
        title="When each indicator peaked, and who carried it: shares of the tiers at that step",
        title_justify="left",
        **PLAIN,
    )
    for tier in tiers:
        table.add_column(tier, justify="right")
    peaks: dict[tuple[str, str, str], dict[str, float | None]] = {}
    for row in rows:
        key = (row["topic"] or "all", row["value_function"], row["step"])
        peaks.setdefault(key, {})[row["tier"]] = row["share"]
    for key, shares in peaks.items():
        table.add_row(*key, *(_percent(shares.get(tier)) for tier in tiers))
    console.print(table)


def _print_flips(console: Any, rows: list[dict[str, Any]], top: str, agents: int) -> None:
    table = Table(
        "topic",
        "value function",
        "protocol",
        title=f"Share of the {top} tier in panels less its share of all {agents:,} "
        "agents, percentage points, mean of the seeds; in brackets the part of the shares\n"
        "that no single factor maps; panels without shares are left out and counted",
        title_justify="left",
        **PLAIN,
    )
    chosen = [row for row in rows if row["tier"] == top]
    sizes = sorted({row["size"] for row in chosen})
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    cells: dict[tuple[str, str, str], dict[int, str]] = {}
    for row in chosen:
        key = (row["topic"] or "all", row["value_function"], row["protocol"])
        cells.setdefault(key, {})[row["size"]] = _flip(row)
    for key, by_size in cells.items():
        table.add_row(*key, *(by_size.get(size, "") for size in sizes))
    console.print(table)


def _percent(share: float | None) -> str:
    return "undefined" if share is None else f"{share:.1%}"


def _flip(row: dict[str, Any]) -> str:
    """Return the mean over the panels that have shares, and how many have none."""
    if row["flip"] is None:
        return "undefined"
    without = f", {row['undefined']} undefined" if row["undefined"] else ""
    return f"{100 * row['flip']:+.1f} ({_part(row['residual'])}){without}"


def _part(residual: float | None) -> str:
    return "-" if residual is None else f"{residual:.2g}"
