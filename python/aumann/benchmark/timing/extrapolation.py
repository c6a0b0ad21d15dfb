"""Times that were not measured, from those that were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from aumann.benchmark.timing.cell import Cell, with_estimate

__all__ = ["PowerLaw", "complete", "fit"]

# Measured numbers of agents that a power law is fitted to, the largest ones: small ones are
# ruled by the cost of a call.
POINTS = 3


class PowerLaw(NamedTuple):
    """Seconds as factor times N to the exponent."""

    factor: float
    exponent: float

    def seconds(self, agents: int) -> float:
        """Return the seconds for that many agents."""
        return float(self.factor * agents**self.exponent)


def fit(agents: Sequence[int], seconds: Sequence[float]) -> PowerLaw:
    """Fit a power law by least squares in logarithms.

    Parameters
    ----------
    agents, seconds : sequences of positive numbers
        At least two different numbers of agents, and the time for each.

    Returns
    -------
    PowerLaw
        The fit.

    Examples
    --------
    >>> law = fit([10, 100, 1000], [0.2, 20.0, 2000.0])
    >>> round(law.exponent, 6), round(law.seconds(10_000))
    (2.0, 200000)
    """
    x, y = np.log(agents), np.log(seconds)
    across = x - x.mean()
    exponent = float(across @ (y - y.mean()) / (across @ across))
    return PowerLaw(float(np.exp(y.mean() - exponent * x.mean())), exponent)


def complete(cells: Sequence[Cell]) -> list[Cell]:
    """Give estimates to unfinished cells of curves that were measured far enough.

    Parameters
    ----------
    cells : sequence of Cell
        Any methods and value functions.

    Returns
    -------
    list of Cell
        The same, in order. A cell that is unfinished and larger than at least three measured ones
        of its method and value function has the estimate of a power law through the three
        largest of them.

    Examples
    --------
    >>> known = [
    ...     Cell("a", "m:f", "mean", n, status="measured", seconds=n * 1e-3) for n in (1, 10, 100)
    ... ]
    >>> round(complete([*known, Cell("a", "m:f", "mean", 1_000)])[-1].seconds, 9)
    1.0
    """
    completed = []
    for cell in cells:
        measured = sorted(
            (other.agents, other.seconds)
            for other in cells
            if other.series == cell.series
            and other.status == "measured"
            and other.seconds is not None
        )[-POINTS:]
        wanted = cell.status == "unfinished" and len(measured) == POINTS
        if wanted and cell.agents > measured[-1][0]:
            sizes, seconds = zip(*measured, strict=True)
            law = fit(sizes, seconds)
            estimate = with_estimate(cell, law.seconds(cell.agents), "power law")
            completed.append(replace(estimate, exponent=law.exponent))
        else:
            completed.append(cell)
    return completed
