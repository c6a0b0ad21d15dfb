"""`aumann study`: a grid of panels, described in a file."""

import difflib
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from aumann.cli.files import read_population
from aumann.cli.study_tables import print_paper_tables
from aumann.cli.terminal import PLAIN
from aumann.cli.terminal import output as standard_output

__all__ = ["study"]

KEYS = ("population", "output", "topics", "value_functions", "protocols", "sizes", "seeds")


def study(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY.toml",
            help="Keys population and output, both paths, and optionally topics, "
            "value_functions, protocols, sizes and seeds, all lists.",
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
      protocols = \\["visibility", "random"]
      sizes = \\[100, 1000]
    """
    from aumann.study import Study

    asked = _read(file)
    population = read_population(file.parent / asked.pop("population"))
    folder = file.parent / asked.pop("output")
    tiers = population.tiers()
    results = Study(population, tiers=tiers, **_arguments(asked)).run(folder)
    console = standard_output()
    if tables == "paper":
        print_paper_tables(console, results.paper_tables().values())
        return
    _print_peaks(console, results.peaks().to_pylist(), tiers.names)
    console.print()
    _print_flips(console, results.summary().to_pylist(), tiers.names[0], population.agents)
    console.print(f"\nwritten to {folder}")


def _read(file: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        # The same library, by its name before it became part of Python.
        import tomli as tomllib

    try:
        asked: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is no TOML: {error}") from error
    for key in asked:
        _known(key, KEYS, f"{file}: key")
    for key in ("population", "output"):
        if not isinstance(asked.get(key), str):
            raise ValueError(f"{file}: {key} = {asked.get(key)!r}; a path is wanted")
    return asked


def _arguments(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a `Study`, names replaced by what they name."""
    from aumann.study.study import paper_protocols
    from aumann.value_functions import from_name

    found = dict(asked)
    for key, value in asked.items():
        if not isinstance(value, list):
            raise ValueError(f"{key} = {value!r}; a list is wanted")
    if "value_functions" in asked:
        names = ("mean", "heat", "variance", "gini")
        found["value_functions"] = [
            from_name(_known(name, names, "value_functions:")) for name in asked["value_functions"]
        ]
    if "protocols" in asked:
        protocols = paper_protocols()
        found["protocols"] = {
            name: protocols[_known(name, tuple(protocols), "protocols:")]
            for name in asked["protocols"]
        }
    return found


def _known(name: Any, names: tuple[str, ...], what: str) -> str:
    """Return a name that is known, or say which one may be meant."""
    if name in names:
        return str(name)
    near = difflib.get_close_matches(str(name), names, 1)
    hint = f"; {near[0]!r} is the nearest" if near else ""
    raise ValueError(f"{what} {name!r} is not known{hint}; {', '.join(names)} are")


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
        title=f"Share of the top tier in panels less its share of all {agents:,} "
        "agents, percentage points, mean of the seeds; in brackets the part of the shares\n"
        "that no single factor maps",
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
        cells.setdefault(key, {})[row["size"]] = (
            f"{_points(row['flip'])} ({_part(row['residual'])})"
        )
    for key, by_size in cells.items():
        table.add_row(*key, *(by_size.get(size, "") for size in sizes))
    console.print(table)


def _percent(share: float | None) -> str:
    return "undefined" if share is None else f"{share:.1%}"


def _points(flip: float | None) -> str:
    return "undefined" if flip is None else f"{100 * flip:+.1f}"


def _part(residual: float | None) -> str:
    return "-" if residual is None else f"{residual:.2g}"
