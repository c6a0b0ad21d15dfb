"""`aumann population from-table`: a population of a table, without an event log."""

from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from aumann._axes import axis_of
from aumann.cli import values
from aumann.cli.files import KeepIds, PopulationOutput, check_writable
from aumann.cli.population import print_summary, public_description
from aumann.cli.terminal import working

__all__ = ["from_table"]

# Stands for all columns that no option names.
OTHERS = "others"


def from_table(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="One row per agent and step (and topic), columns named in the first line: .csv, "
            ".tsv, .jsonl (also .gz, .zst), .parquet or .arrow.",
            show_default=False,
        ),
    ],
    output: PopulationOutput,
    agent: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column that says which agent.")
    ] = "agent",
    step: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column that says which step: numbers, dates or names; without it there is one. "
            "'' where a column that looks like one is none.",
            show_default=False,
        ),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column whose values are topics.", show_default=False),
    ] = None,
    counts: Annotated[
        str | None,
        typer.Option(
            metavar="C1,C2,...",
            help="Columns that count something: the feature is log(1 + count). others: all "
            "columns that no option names.",
            show_default=False,
        ),
    ] = None,
    measurements: Annotated[
        str | None,
        typer.Option(
            metavar="C1,C2,...",
            help="Columns that measure something, as wealth or opinion: used as they are. others: "
            "all columns that no option names.",
            show_default=False,
        ),
    ] = None,
    static: Annotated[
        str | None,
        typer.Option(
            metavar="C1,C2,...",
            help="Which of these are the same at every step, as followers.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="C1,C2,...",
            help="Columns that say something about an agent, to group by: party, country.",
            show_default=False,
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(
            metavar="CHAR",
            help="Between the fields of a text; by default a comma for .csv and a tab for .tsv.",
            show_default=False,
        ),
    ] = None,
    keep_ids: KeepIds = False,
    simulated: Annotated[
        bool,
        typer.Option(
            "--simulated", help="Agents are no people, so that small groups are never suppressed."
        ),
    ] = False,
) -> None:
    r"""Make a population file of a table: one row per agent and step, any columns.

    An agent without a row at a step is absent there. Where a simulation writes such a table
    no event log is needed.

    [bold]Example[/bold]

      aumann population from-table run.csv --agent AgentID --step Step --measurements wealth,mood \
        --simulated -o run.parquet
      aumann attribute run.parquet --value-function gini --by-step
    """
    import aumann
    from aumann.sources.table_files import read_table_file

    check_writable(output, ".parquet", inputs=[table])
    given = {
        option: [] if text is None else values.names(f"--{option}", text)
        for option, text in (
            ("counts", counts),
            ("measurements", measurements),
            ("static", static),
            ("labels", labels),
        )
    }
    keys = [column for column in (agent, step, topic) if column]
    with working(f"reading {table}") as show:
        names = [agent, *([topic] if topic else []), *given["labels"]]
        rows = read_table_file(table, names, "\t" if separator == "\\t" else separator)
        if step is None:
            _check_one_step(table.name, rows.column_names, [*keys, *chain(*given.values())])
        kinds = _kinds(rows.column_names, keys, given)
        show("indexing agents")
        population = aumann.Population.from_table(
            rows,
            features=[name for name in rows.column_names if name in kinds],
            kinds=kinds,
            static=given["static"],
            agent=agent,
            step=step or None,
            topic=topic,
            labels=given["labels"],
            metadata={"file": table.name, "identifiers_kept": keep_ids},
            keep_ids=keep_ids,
            people=not simulated,
        )
        show(f"writing {output}")
        population.write_parquet(output)
        description = public_description(population)
    print_summary(description, output)


def _check_one_step(table: str, columns: list[str], taken: list[str]) -> None:
    """Refuse to read all rows as one step where a column is there that by its name says which."""
    for name in columns:
        if axis_of(name) == "step" and name not in taken:
            raise ValueError(
                f"{table} has a column {name!r}, which by its name says which step: "
                f"--step {name} takes it, --step '' says that there is one step"
            )


def _kinds(columns: list[str], keys: list[str], given: dict[str, list[str]]) -> dict[str, Any]:
    """Return the kind of every feature, or say which columns there are to choose from."""
    named = {*keys, *given["counts"], *given["measurements"], *given["labels"]}
    others = [name for name in columns if name not in named]
    kinds: dict[str, Any] = {}
    for option, kind in (("counts", "count"), ("measurements", "measurement")):
        for name in given[option]:
            chosen = others if name == OTHERS and name not in columns else [name]
            for column in chosen:
                if column not in columns:
                    raise ValueError(
                        f"--{option} names {column!r}; the columns are {', '.join(columns)}"
                    )
                if column in kinds or column in keys or column in given["labels"]:
                    raise ValueError(f"--{option} names {column!r}, which is taken already")
                kinds[column] = kind
    if not kinds:
        left = ", ".join(others) or "none"
        raise ValueError(
            "--counts and --measurements name no column; say of which features are to be made "
            f"(columns not taken otherwise: {left})"
        )
    for name in given["static"]:
        if name not in kinds:
            raise ValueError(
                f"--static names {name!r}; one of --counts and --measurements is wanted, "
                f"{', '.join(kinds)}"
            )
    return kinds
