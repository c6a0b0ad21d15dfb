"""`aumann study`: a grid of panels, described in a file."""

from collections.abc import Iterator, Sequence
from math import nan
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any, Literal

import typer

from aumann.cli.study_tables import WIDTH, print_paper_tables, print_table
from aumann.cli.terminal import output as standard_output
from aumann.study import StudyResults
from aumann.study.grid import named
from aumann.study.paper_table import Column, PaperTable

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
    print_table(
        console,
        "When each indicator peaked, and who carried it: shares of the tiers at that step",
        _peaks(results, tiers),
    )
    console.print("\n")
    print_table(
        console,
        f"Share of the {tiers[0]} tier in panels less its share of all "
        f"{study.population.agents:,} agents, percentage points, mean of the seeds; in brackets "
        "the part of the shares that no single factor maps; panels without shares are left out "
        "and counted",
        _flips(results, tiers[0]),
    )
    asked = study.least_participants
    left_out = _left_out(results.tables["topics"], asked)
    for line in [*left_out, *_certain(results.tables["protocols"])]:
        console.print(fill(line, WIDTH, subsequent_indent="  ", replace_whitespace=False))
    console.print(f"\nwritten to {folder}")


def _left_out(topics: Any, least: int) -> Iterator[str]:
    """Say which topics were not studied, and why."""
    for row in topics.to_pylist():
        if row["eligible"]:
            continue
        if not row["active"]:
            why = "in which nobody is active"
        else:
            steps = f"{row['steps_enough']} step{'s' * (row['steps_enough'] != 1)}"
            why = f"with {row['active']:,} active agents, and {least:,} or more on {steps}"
        yield f"\nleft out: {row['topic']}, {why}"


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


def _peaks(results: StudyResults, tiers: Sequence[str]) -> PaperTable:
    """Return what the tiers have at the peak of every indicator, also of those without one."""
    steps: dict[tuple[str, str], str] = {}
    shares: dict[tuple[str, str], dict[str, float | None]] = {}
    for row in results.peaks().to_pylist():
        indicator = (named(row["topic"]), row["value_function"])
        steps[indicator] = row["step"]
        shares.setdefault(indicator, {})[row["tier"]] = row["share"]
    whole = results.tables["whole"].to_pylist()
    indicators = sorted({(named(row["topic"]), row["value_function"]) for row in whole})
    columns = [
        *_labels(("topic", "value function"), indicators),
        Column("peak", "text", [steps.get(each, "no peak") for each in indicators]),
    ]
    for tier in tiers:
        # An indicator without a peak is no undefined figure: there is no step to have a share of.
        cells = [shares[each][tier] if each in steps else nan for each in indicators]
        columns.append(Column(tier, "share", cells))
    notes = ["no peak: undefined, or the same value at every step"]
    return PaperTable("", "", columns, 2, notes if len(steps) < len(indicators) else [])


def _flips(results: StudyResults, top: str) -> PaperTable:
    """Return how far panels are off, sizes side by side."""
    chosen = [row for row in results.summary().to_pylist() if row["tier"] == top]
    cells: dict[tuple[str, str, str], dict[int, str]] = {}
    for row in chosen:
        key = (named(row["topic"]), row["value_function"], row["protocol"])
        cells.setdefault(key, {})[row["size"]] = _flip(row)
    columns = _labels(("topic", "value function", "protocol"), list(cells))
    for size in sorted({row["size"] for row in chosen}):
        texts = [by_size.get(size, "") for by_size in cells.values()]
        columns.append(Column(f"{size:,}", "written", texts))
    return PaperTable("", "", columns, 3)


def _labels(names: Sequence[str], lines: Sequence[Sequence[str]]) -> list[Column]:
    return [Column(name, "text", [line[k] for line in lines]) for k, name in enumerate(names)]


def _flip(row: dict[str, Any]) -> str:
    """Return the mean over the panels that have shares, and how many have none."""
    if row["flip"] is None:
        return "undefined"
    without = f", {row['undefined']} undefined" if row["undefined"] else ""
    return f"{100 * row['flip']:+.1f} ({_part(row['residual'])}){without}"


def _part(residual: float | None) -> str:
    return "-" if residual is None else f"{residual:.2g}"
