"""`aumann attribute`: who drove a value, and when."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from numpy.typing import NDArray

from aumann._baseline import Step
from aumann._ranking_column import numeric_columns, ranking_column
from aumann.attribution import Attribution
from aumann.cli import values
from aumann.cli.cells import MINIMUM_CELL, step_cells, window_cells
from aumann.cli.files import check_writable, read_population, write_table
from aumann.cli.report import agent_columns, cell_columns, cell_entries
from aumann.cli.report_tables import print_agents, print_cells, print_notes
from aumann.cli.terminal import output as standard_output
from aumann.cli.terminal import working
from aumann.groups import Groups
from aumann.population import Population
from aumann.value_functions import BuiltIn, from_name

__all__ = ["attribute"]

WHAT, GROUPING, ANSWER = "What is attributed", "Groups of agents", "Answer"
# Agents listed on a terminal where no number is asked for.
FEW = 10


def attribute(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Population file (.parquet).")],
    value_function: Annotated[
        str,
        typer.Option(metavar="NAME", help="mean, heat, variance or gini.", rich_help_panel=WHAT),
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="W1,W2,...",
            help="Weights of the features in the composite of mean, variance, gini; by default 1.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="B",
            help="Where the path starts, in units of the features: one number, one number per "
            "feature (b1,b2,...), or mean. previous: the step before, which gives the change. "
            "step:LABEL for the step of that label.",
            rich_help_panel=WHAT,
        ),
    ] = "0",
    topic: Annotated[
        str | None,
        typer.Option(
            metavar="TOPIC",
            help="One topic; by default the counts of all, summed.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    window: Annotated[
        Literal["step", "whole"],
        typer.Option(
            help="step: one attribution per step. whole: one of the counts of the whole window, "
            "which is another number than the sum over the steps.",
            rich_help_panel=WHAT,
        ),
    ] = "step",
    by_step: Annotated[
        bool,
        typer.Option(
            "--by-step",
            help="One line per step; otherwise the sum over the steps.",
            rich_help_panel=ANSWER,
        ),
    ] = False,
    group_by: Annotated[
        str,
        typer.Option(
            metavar="tier|bin|none|LABEL",
            help="tier, bin (equal numbers of agents, 1 the lowest), none, or a label of the file. "
            "Agents tied at an edge are told apart by their index, so bins within a tie mean "
            "nothing.",
            rich_help_panel=GROUPING,
        ),
    ] = "tier",
    tier_by: Annotated[
        str | None,
        typer.Option(
            "--tier-by",
            "--tiers-by",
            metavar="COLUMN",
            help="Feature or label whose number over the whole window ranks agents for tiers and "
            "bins; by default reach, or the first feature where there is no reach.",
            rich_help_panel=GROUPING,
        ),
    ] = None,
    fractions: Annotated[
        str,
        typer.Option(
            metavar="F1,F2,...",
            help="Sizes of the tiers from the top, as parts of all agents; their sum is 1.",
            rich_help_panel=GROUPING,
        ),
    ] = "0.01,0.09,0.90",
    bins: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of bins.", rich_help_panel=GROUPING)
    ] = 100,
    per_agent: Annotated[
        bool,
        typer.Option(
            "--per-agent",
            help="Give single agents besides the groups: by index, and by name where the "
            "population was built with --keep-ids.",
            rich_help_panel=ANSWER,
        ),
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            help="With --per-agent: only the K largest attributions.",
            rich_help_panel=ANSWER,
        ),
    ] = None,
    minimum_cell: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Groups of fewer people are suppressed; of simulated agents never.",
            rich_help_panel=ANSWER,
        ),
    ] = MINIMUM_CELL,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print one JSON document and nothing else.", rich_help_panel=ANSWER
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the answer (.parquet or .csv): one row per step and group, or per agent.",
            rich_help_panel=ANSWER,
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Threads; by default one per core."),
    ] = None,
) -> None:
    """Attribute a value to the agents of a population, exactly: who drove it, and when.

    The features of an agent are log(1 + count), and measurements as they are. In
    every step the attributions sum to F(features) - F(baseline); a share is a part
    of that sum. Answers are by group unless --per-agent asks for single agents.

    [bold]Examples[/bold]

      aumann attribute week.parquet --value-function heat --by-step

      aumann attribute week.parquet --value-function gini --group-by bin -o bins.csv
    """
    import aumann

    if output is not None:
        check_writable(output, ".parquet", ".csv", inputs=[file])
    if top is not None and not per_agent:
        raise ValueError("--top lists single agents; --per-agent is wanted with it")
    if by_step and window == "whole":
        raise ValueError("--by-step has no steps to show with --window whole; leave one out")
    function = _value_function(value_function, weights)
    start = values.baseline(baseline)
    if threads is not None:
        aumann.set_threads(threads)

    with working(f"reading {file}") as show:
        population = read_population(file)
        ranked_by = tier_by or ranking_column(population)
        groups = _groups(population, group_by, ranked_by, fractions, bins)
        show("making features")
        start = _located(start, population.step_labels, window)
        features = population.features(topic, window)
        show("attributing")
        result = aumann.attribute(
            features, function, baseline=start, presence=population.window_presence(window, topic)
        )
        del features
        show("summing up")
        minimum = minimum_cell if population.people else None
        peak = result.peak_step if window == "step" else None
        rows = population.step_labels
        span = rows[0] if len(rows) == 1 else f"{rows[0]} to {rows[-1]}"
        if by_step:
            cells = step_cells(result, groups, rows, minimum)
        else:
            summed = f"{span}, sum of {len(rows)} steps"
            rows = (span if window == "whole" or len(rows) == 1 else summed,)
            present = population.window_presence("whole", topic)
            cells = window_cells(result, groups, rows[0], present, minimum)
        agents = _agents(result, population, rows, groups, top, topic) if per_agent else None
        told_baseline = baseline if isinstance(start, Step) else start
        if output is not None:
            about = _described(cell_columns(cells), function, told_baseline, window, topic)
            write_table(about if agents is None else agents, output)

    what: dict[str, Any] = {
        "file": str(file),
        "agents": population.agents,
        "people": population.people,
        "value_function": value_function,
        "weights": None if function.weights is None else list(function.weights),
        "method": "Aumann-Shapley",
        "estimator": result.estimator,
        "baseline": told_baseline,
        "window": window,
        "topic": topic,
        "group_by": group_by,
        "tier_by": ranked_by if group_by in ("tier", "bin") else None,
        "minimum_cell": minimum,
        "elapsed_seconds": result.elapsed,
        "peak_step": None if peak is None else population.step_labels[peak],
    }
    if as_json:
        document = what | {"steps": cell_entries(cells, peak if by_step else None)}
        if agents is not None:
            document["by_agent"] = {name: column.tolist() for name, column in agents.items()}
        print(json.dumps(document, indent=2, allow_nan=False))
        return
    console = standard_output()
    console.print(_headline(what, population.steps, span, by_step))
    print_cells(console, cells, peak, by_step, "bin " if group_by == "bin" else "")
    if agents is not None:
        few = agents if top else _agents(result, population, rows, groups, FEW, topic)
        print_agents(console, few, by_step)
    print_notes(console, cells, minimum, result.elapsed)
    if output is not None:
        console.print(f"written to {output}")


def _value_function(name: str, weights: str | None) -> BuiltIn:
    function = from_name(name)
    if weights is None:
        return function
    if name == "heat":
        raise ValueError("--weights is given, but heat has no composite and takes no weights")
    return type(function)(values.numbers("--weights", weights))  # type: ignore[call-arg]


def _located(
    start: values.Baseline, labels: tuple[str, ...], window: Literal["step", "whole"]
) -> values.Baseline:
    """Return a baseline that is a step by its index."""
    if window == "whole" and (start == "previous" or isinstance(start, Step)):
        raise ValueError("--baseline names a step, but --window whole has none; leave one out")
    if not isinstance(start, Step):
        return start
    if start.at not in labels:
        raise ValueError(
            f"--baseline is step:{start.at}; a step from {labels[0]} to {labels[-1]} is wanted"
        )
    return Step(labels.index(str(start.at)))


def _groups(
    population: Population, group_by: str, tier_by: str | None, fractions: str, bins: int
) -> Groups:
    if group_by in ("tier", "bin") and tier_by is None:
        raise ValueError(
            "tiers and bins need one number per agent, and every feature is measured topic by "
            "topic; --group-by none, or a label, is wanted"
        )
    numeric = numeric_columns(population)
    if group_by in ("tier", "bin") and tier_by not in numeric:
        raise ValueError(f"--tier-by is {tier_by!r}; one of {', '.join(numeric)} is wanted")
    if group_by == "tier" and tier_by is not None:
        sizes = values.numbers("--fractions", fractions)
        return population.tiers(tier_by, sizes, values.tier_names(len(sizes)))
    if group_by == "bin" and tier_by is not None:
        return population.percentile_bins(bins, tier_by)
    if group_by == "none":
        return Groups(np.zeros(population.agents, dtype=np.intp), ("all",))
    if group_by not in population.agent_table:
        there = ", ".join(population.agent_table) or "of which it has none"
        raise ValueError(
            f"--group-by is {group_by!r}; tier, bin, none or a label of the file is wanted "
            f"({there})"
        )
    return population.labels(group_by)


def _agents(
    result: Attribution,
    population: Population,
    rows: tuple[str, ...],
    groups: Groups,
    top: int | None,
    topic: str | None,
) -> dict[str, NDArray[Any]]:
    single = len(rows) == 1
    attributions = result.by_agent()[np.newaxis] if single else result.values
    present = population.window_presence("whole" if single else "step", topic)
    return agent_columns(
        rows,
        attributions,
        None if present is None else np.atleast_2d(present),
        groups,
        top,
        population.agent_table.get("id"),
    )


def _described(
    columns: dict[str, Any],
    function: BuiltIn,
    start: str | float | list[float],
    window: str,
    topic: str | None,
) -> dict[str, Any]:
    """Return the columns of a file after others that say what was attributed."""
    facts = {
        "value_function": repr(function),
        "baseline": _plain(start),
        "window": window,
        "topic": topic,
    }
    rows = len(columns["step"])
    return {name: [fact] * rows for name, fact in facts.items()} | columns


def _plain(start: str | float | list[float]) -> str:
    if isinstance(start, str):
        return start
    return ", ".join(f"{number:g}" for number in np.atleast_1d(start))


def _headline(what: dict[str, Any], steps: int, span: str, by_step: bool) -> str:
    topic = "" if what["topic"] is None else f", topic {what['topic']}"
    kind = "people" if what["people"] else "agents"
    if what["window"] == "whole":
        time = f"counts of the whole window ({span})"
    elif by_step:
        time = "1 step" if steps == 1 else f"{steps} steps"
    elif steps == 1:
        time = f"1 step ({span})"
    else:
        time = f"sum over {steps} steps ({span})"
    peak = (
        "" if what["peak_step"] is None or by_step or steps == 1 else f", peak {what['peak_step']}"
    )
    by = what["tier_by"]
    ranked = "" if by in (None, "reach") else f", {what['group_by']}s by {by}"
    return (
        f"{what['value_function']} of {what['agents']:,} {kind}{topic}, {time}{peak}, "
        f"baseline {_plain(what['baseline'])}{ranked}"
    )
