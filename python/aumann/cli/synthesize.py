"""`aumann synthesize`: a synthetic population."""

from typing import Annotated

import typer

from aumann.cli.files import PopulationOutput, check_writable
from aumann.cli.population import print_summary, public_description
from aumann.cli.terminal import working

__all__ = ["synthesize"]


def synthesize(
    output: PopulationOutput,
    agents: Annotated[int, typer.Option(min=1, metavar="N", help="Number of agents.")] = 1_671_587,
    steps: Annotated[int, typer.Option(min=1, metavar="T", help="Number of steps (days).")] = 14,
    topics: Annotated[int, typer.Option(min=1, metavar="K", help="Number of topics.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, metavar="S", help="The same seed gives the same population.")
    ] = 0,
) -> None:
    """Draw a synthetic population: Pareto reach, sparse and bursty activity and resonance.

    The same numbers on every machine. The default is as large as the paper's.

    [bold]Example[/bold]

      aumann synthesize --agents 100000 --steps 7 --seed 1 -o synthetic.parquet
    """
    import aumann

    check_writable(output, ".parquet")
    with working("drawing the population") as show:
        population = aumann.synthesize(
            agents=agents, steps=steps, topics=topics, seed=seed, progress=show
        )
        show(f"writing {output}")
        population.write_parquet(output)
        description = public_description(population)
    print_summary(description, output)
