"""`aumann demo`: the paper's point on one screen, from synthetic data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from aumann.cli.terminal import PLAIN, output, working

if TYPE_CHECKING:
    import aumann

__all__ = ["demo"]

TOPICS = 5
PANEL = 100
PANELS = 10
REPEATS = 5
WARM_UP = 0.05  # seconds


def demo(
    agents: Annotated[
        int, typer.Option(min=1_000, metavar="N", help="Number of agents.")
    ] = 1_671_587,
    folder: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Where study and report are written."
        ),
    ] = Path("aumann-demo"),
) -> None:
    """Attribute a synthetic population whole and day by day, and study panels of it.

    [bold]Example[/bold]

      aumann demo --agents 100000
    """
    import aumann
    from aumann.cli.demo_study import print_study
    from aumann.comparison import scipy_statistics

    # Of the extra that the study needs at the end.
    scipy_statistics()

    functions = (aumann.Mean(), aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference())
    console = output()
    console.print(
        f"{agents:,} synthetic agents over 14 days, on {TOPICS} topics: followers (reach), posts\n"
        "(activity), replies received (resonance). Who drives each indicator, and when?\n"
    )
    with working("drawing the population") as show:
        population = aumann.synthesize(agents=agents, topics=TOPICS)
        tiers = population.tiers()
        x = population.features(window="whole").astype(np.float64, copy=False)
        show("attributing, timed beside NumPy")
        timings = _timings(x, functions)
        show(f"drawing {PANELS} panels of {PANEL} by each protocol")
        shares = _shares(population, x, tiers, functions)
        show("attributing day by day")
        heat = aumann.attribute(population, aumann.Heat())
    console.print(timings)
    console.print()
    console.print(
        f"Tier shares of the two weeks: the whole population, and the mean of {PANELS} panels of "
        f"{PANEL} drawn\nfrom its most visible 5 %, as small studies do, and uniformly. Tiers are "
        "the top 1 %, the next 9 %\nand the other 90 % by followers.\n"
    )
    console.print(shares)
    console.print()
    console.print(
        "A share below 0 or above 100 % is no error: agents near the mean lower the variance, and "
        "agents\nbelow the median lower the Gini mean difference.\n"
    )
    console.print(_days(heat, tiers, population.step_labels))
    console.print()
    print_study(console, population, folder)


def _timings(
    x: NDArray[np.float64], functions: tuple[aumann.value_functions.BuiltIn, ...]
) -> Table:
    import aumann
    from aumann.benchmark.numpy_forms import CAREFUL
    from aumann.benchmark.numpy_forms import PLAIN as PLAIN_FORMS

    rows = np.ascontiguousarray(x)
    out = np.empty(len(rows))
    table = Table(
        "value function",
        title="Exact attribution of every agent, ms",
        title_justify="left",
        **PLAIN,
    )
    for heading in ("aumann", "NumPy", "times", "NumPy tuned", "times", "residual"):
        table.add_column(heading, justify="right")
    for function in functions:
        ours = _milliseconds(partial(aumann.attribute, rows, function, out=out))
        plain = _milliseconds(partial(PLAIN_FORMS[function.name], rows, out))
        tuned = _milliseconds(partial(CAREFUL[function.name], rows, out))
        residual = aumann.attribute(rows, function, out=out).relative_residual
        table.add_row(
            repr(function),
            f"{ours:.1f}",
            f"{plain:.1f}",
            f"{plain / ours:.0f}x",
            f"{tuned:.1f}",
            f"{tuned / ours:.0f}x",
            f"{residual:.0e}",
        )
    return table


def _milliseconds(work: Callable[[], object]) -> float:
    """Time calls in a steady state, when threads have settled on their cores."""
    sleep(0.1)  # NumPy's BLAS threads spin for a while after a product
    start = perf_counter()
    while perf_counter() - start < WARM_UP:
        work()
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        work()
        times.append(1e3 * (perf_counter() - start))
    return median(times)


def _shares(
    population: aumann.Population,
    x: NDArray[np.float64],
    tiers: aumann.Groups,
    functions: tuple[aumann.value_functions.BuiltIn, ...],
) -> Table:
    import aumann

    table = Table("value function", "drawn from", **PLAIN)
    for tier in tiers.names:
        table.add_column(tier, justify="right")
    visible, uniform = aumann.VisibilityBiased(), aumann.UniformRandom()
    seeds = range(PANELS)
    drawn = {
        f"{PANEL} visible": [visible.draw(population, PANEL, seed) for seed in seeds],
        f"{PANEL} uniform": [uniform.draw(population, PANEL, seed) for seed in seeds],
    }
    for function in functions:
        whole = aumann.attribute(x, function).group(tiers).shares
        table.add_row(repr(function), "everyone", *map(_percent, whole))
        for name, indices in drawn.items():
            each = [
                aumann.attribute(x[panel], function).group(tiers.take(panel)) for panel in indices
            ]
            # A tier without members adds 0 to the mean of the panels.
            mean = np.mean([panel.sums / panel.divisors for panel in each], axis=0)
            table.add_row("", name, *map(_percent, mean))
    return table


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _days(heat: aumann.Attribution, tiers: aumann.Groups, days: tuple[str, ...]) -> Table:
    grouped = heat.group(tiers)
    peak = heat.peak_step
    title = "Heat by day, and the tiers' shares of it"
    table = Table("day", title=title, title_justify="left", **PLAIN)
    for heading in ("heat", *tiers.names):
        table.add_column(heading, justify="right")
    table.add_column("")
    values = np.atleast_1d(heat.value)
    rows = zip(days, values, grouped.shares, strict=True)
    for step, (label, value, shares) in enumerate(rows):
        bar = "#" * round(40 * value / values.max())
        mark = "peak " if step == peak else ""
        table.add_row(label, f"{value:.4f}", *map(_percent, shares), mark + bar)
    return table
