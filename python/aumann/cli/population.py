"""`aumann population`: make a population file from events, and say what one holds."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from aumann.cli.application import command_group
from aumann.cli.cells import MINIMUM_CELL
from aumann.cli.files import KeepIds, PopulationOutput, check_writable, read_population
from aumann.cli.terminal import PLAIN, working
from aumann.cli.terminal import output as standard_output
from aumann.cli.values import names
from aumann.population import Population
from aumann.sources._log_files import log_files

__all__ = ["group", "print_summary", "public_description"]

# What metadata are called where their own name would read as the feature of that name.
ORIGIN = {
    "reach": "reach is",
    "activity": "counted as activity",
    "resonance": "counted as resonance",
    "self_engagement": "self-engagement counts",
}
FORMAT, COUNTING = "Format of the log", "What is counted"

group = command_group("Make a population file from events or a table, and say what one holds.")


@group.command()
def build(
    events: Annotated[
        list[str],
        typer.Argument(
            metavar="EVENTS...",
            help="Event log: one event per line (plain, .gz or .zst), JSON lines, or Parquet; "
            "several files, a folder, or - for standard input.",
        ),
    ],
    output: PopulationOutput,
    activity: Annotated[
        str | None,
        typer.Option(
            metavar="KINDS",
            help="Kinds of events that count as activity of their actor: K1,K2,...; RT if not "
            "given. All events count where they have no kinds.",
        ),
    ] = None,
    resonance: Annotated[
        str | None,
        typer.Option(
            metavar="KINDS",
            help="Kinds of events that count as resonance of their target: K1,K2,...; RE if not "
            "given. All events count where they have no kinds.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Columns in the order of the file, where it has no header; by default "
            "actor,target,time,kind, or the first three.",
            rich_help_panel=FORMAT,
        ),
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Name of the column (JSON: path of the field) of actors, as src; else actor.",
            rich_help_panel=FORMAT,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The same of targets, as dst or commit.record.subject.uri.",
            rich_help_panel=FORMAT,
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The same of times, as ts.", rich_help_panel=FORMAT),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The same of kinds, as type; '' where events have no kinds.",
            rich_help_panel=FORMAT,
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(
            metavar="C",
            help="One character, or \\t for a tab; by default that of the suffix (.csv, .tsv).",
            rich_help_panel=FORMAT,
        ),
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Whether the first line names the columns; found out if not given.",
            rich_help_panel=FORMAT,
        ),
    ] = None,
    time_unit: Annotated[
        Literal["s", "ms", "us", "iso"],
        typer.Option(
            help="Unit of times since 1970-01-01 UTC, or iso for ISO 8601.", rich_help_panel=FORMAT
        ),
    ] = "s",
    keep_ids: KeepIds = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse a log with malformed lines instead of leaving them out.",
            rich_help_panel=FORMAT,
        ),
    ] = False,
    step: Annotated[
        str,
        typer.Option(
            metavar="LENGTH",
            help="Length of a step: a number of minutes, hours, days or weeks, as 30m, 6h, 1d, 1w; "
            "a number alone, as 1, where times count the steps of a simulation.",
            rich_help_panel=COUNTING,
        ),
    ] = "1d",
    time_zone: Annotated[
        str,
        typer.Option(
            metavar="ZONE",
            help="Zone in which days start, as Europe/Paris.",
            rich_help_panel=COUNTING,
        ),
    ] = "UTC",
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="Only events from this time on: 2024-06-01, 2024-06-01T18:00, or a number where "
            "times count steps.",
            rich_help_panel=COUNTING,
        ),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TIME",
            help="Only events before this time: to 2024-07-01 keeps all of June.",
            rich_help_panel=COUNTING,
        ),
    ] = None,
    topic_column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column whose values become topics, counted apart.",
            rich_help_panel=COUNTING,
        ),
    ] = None,
    followers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table with columns agent and followers: the reach at the start. Without it, "
            "reach is the number of distinct other actors with an event at the agent.",
            rich_help_panel=COUNTING,
        ),
    ] = None,
    self_engagement: Annotated[
        bool,
        typer.Option(
            "--self-engagement",
            help="Count events of agents at themselves for reach and resonance too.",
            rich_help_panel=COUNTING,
        ),
    ] = False,
) -> None:
    r"""Count the events of a log per agent and step, and write a population file.

    Identifiers become indices and are not kept unless --keep-ids asks for it.

    [bold]Example[/bold]

      aumann population build log.txt.gz --columns actor,target,time,kind \
        --separator ' ' --activity RT --resonance RE --step 1d -o week.parquet
    """
    import aumann

    # Standard input can be a file, too.
    read = [file.path or Path("/dev/stdin") for file in log_files(events)]
    check_writable(output, ".parquet", inputs=read if followers is None else [*read, followers])
    with working(f"reading {' '.join(events)}") as show:
        population = aumann.read_events(
            events,
            columns=None if columns is None else names("--columns", columns),
            actor=actor,
            target=target,
            time=time,
            kind=kind,
            separator="\t" if separator == "\\t" else separator,
            header=header,
            activity=None if activity is None else names("--activity", activity),
            resonance=None if resonance is None else names("--resonance", resonance),
            step=step,
            time_zone=time_zone,
            time_unit=time_unit,
            start=start,
            stop=stop,
            topic_column=topic_column,
            followers=followers,
            self_engagement=self_engagement,
            strict=strict,
            keep_ids=keep_ids,
            progress=show,
        )
        show(f"writing {output}")
        population.write_parquet(output)
        description = public_description(population)
    print_summary(description, output)


@group.command()
def describe(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Population file (.parquet).")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> None:
    """Say what a population file holds: agents, steps, topics, features, tiers, origin.

    [bold]Example[/bold]

      aumann population describe week.parquet
    """
    with working(f"reading {file}"):
        description = public_description(read_population(file))
    if as_json:
        print(json.dumps({"file": str(file), **description}, indent=2, allow_nan=False))
    else:
        print_summary(description, file)


def public_description(population: Population) -> dict[str, Any]:
    """Return what `Population.describe` returns, without values of tiers of few people."""
    description = population.describe()
    if description["people"] and description["tiers"] is not None:
        for tier in description["tiers"]["tiers"]:
            tier["suppressed"] = 0 < tier["agents"] < MINIMUM_CELL
            if tier["suppressed"]:
                tier["lowest"] = None
    return description


def print_summary(description: dict[str, Any], file: Path) -> None:
    """Print what `public_description` returns as tables."""
    console = standard_output()
    first, last = description["first_step"], description["last_step"]
    facts = {
        "population": str(file),
        "agents": f"{description['agents']:,}{' people' if description['people'] else ''}",
        "steps": f"{description['steps']:,}, {first}" + (f" to {last}" if last != first else ""),
        "topics": ", ".join(description["topics"]) or "none",
    }
    if description["presence"] is not None:
        present = description["presence"]["mean_agents_per_step"]
        facts["present"] = f"{present:,.1f} agents per step on average"
    for name, fact in description["metadata"].items():
        facts[ORIGIN.get(name, name.replace("_", " "))] = _plain(fact)
    width = max(map(len, facts))
    for name, fact in facts.items():
        console.print(f"{name:<{width}}  {fact}")

    features = Table(**PLAIN)
    features.add_column("feature")
    features.add_column("kind")
    features.add_column("total", justify="right")
    features.add_column("agents above 0, per step", justify="right")
    for feature in description["features"]:
        features.add_row(
            feature["name"],
            f"{feature['kind']}, static" if feature["static"] else feature["kind"],
            _number(feature["total"]),
            f"{feature['mean_active_agents']:,.1f}",
        )
    console.print()
    console.print(features)

    if description["tiers"] is not None:
        by = description["tiers"]["by"]
        tiers = Table(**PLAIN)
        tiers.add_column(f"tier by {by}")
        tiers.add_column("agents", justify="right")
        tiers.add_column(f"lowest {by}", justify="right")
        for tier in description["tiers"]["tiers"]:
            lowest = "" if tier["lowest"] is None else _number(tier["lowest"])
            if tier.get("suppressed"):
                lowest = "suppressed"
            tiers.add_row(tier["name"], f"{tier['agents']:,}", lowest)
        console.print()
        console.print(tiers)


def _number(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.6g}"


def _plain(fact: Any) -> str:
    """Return a value of the metadata as text for one line."""
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, int):
        return f"{fact:,}"
    if isinstance(fact, list):
        return ", ".join(_plain(item) for item in fact)
    if isinstance(fact, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in fact.items())
    return "unknown" if fact is None else str(fact)
