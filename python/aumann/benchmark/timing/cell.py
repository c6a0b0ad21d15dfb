"""One cell of the comparison, a method at a value function and a number of agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

__all__ = ["FOREVER", "LIMIT", "Cell", "with_estimate", "with_events"]

# Seconds after which a method is infeasible: thirty days.
FOREVER = 30 * 86_400.0
# How a process ended that took too long.
LIMIT = "stopped at the limit"


@dataclass(frozen=True)
class Cell:
    """What is known of the time and the memory of a method in one place.

    Parameters
    ----------
    method, target : str
        Name of the method, and the function behind it.
    value_function : str
        mean, heat, variance or gini.
    agents : int
        N.
    samples : int, optional
        The samples of a whole estimate; None for a method that draws none.
    repeats : int
        Timed calls that were asked for.
    limit : float
        Seconds that the user gave a cell at most.
    machine, version : str
        Where it was run, and with which version.
    status : str
        - measured: `seconds` is the median of `calls` whole calls.
        - extrapolated: `seconds` is an estimate, from fewer samples or from smaller numbers of
          agents.
        - infeasible: `seconds` is an estimate beyond thirty days, or the method refused.
        - unfinished: stopped at the limit, or no time was left, and too little known to say more.
        - failed: `note` says how.
    basis : str, optional
        What an estimate is made from: fewer samples, or a power law.
    seconds, lower_quartile, upper_quartile : float, optional
        Time of one whole estimate.
    calls : int
        Timed calls behind the quartiles.
    samples_timed : int, optional
        The most samples timed in one call.
    exponent : float, optional
        Of N in the power law.
    peak_bytes : int, optional
        Highest resident memory above that before the first call.
    note : str, optional
        Why there is no time.
    ran : bool
        Whether a process was started for this cell.

    Examples
    --------
    >>> Cell("mine", "my:method", "heat", 100).status
    'unfinished'
    """

    method: str
    target: str
    value_function: str
    agents: int
    samples: int | None = None
    repeats: int = 5
    limit: float = 60.0
    machine: str = ""
    version: str = ""
    status: Literal["measured", "extrapolated", "infeasible", "unfinished", "failed"] = "unfinished"
    basis: Literal["fewer samples", "power law"] | None = None
    seconds: float | None = None
    lower_quartile: float | None = None
    upper_quartile: float | None = None
    calls: int = 0
    samples_timed: int | None = None
    exponent: float | None = None
    peak_bytes: int | None = None
    note: str | None = None
    ran: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What two cells have in common of which one need not be run."""
        return (
            *(self.method, self.target, self.value_function, self.agents),
            *(self.samples, self.repeats, self.machine, self.version),
        )

    @property
    def refused(self) -> bool:
        """Whether the method itself said that it cannot do this."""
        return self.status == "infeasible" and self.seconds is None

    @property
    def series(self) -> tuple[str, str]:
        """What the cells of a curve have in common."""
        return self.method, self.value_function


def with_events(cell: Cell, events: Sequence[Mapping[str, Any]], ended: str | None) -> Cell:
    """Return a cell with what its process told.

    Parameters
    ----------
    cell : Cell
        What was to be run.
    events : sequence of dict
        The lines of the process.
    ended : str, optional
        How the process was stopped if it did not end by itself.

    Examples
    --------
    >>> cell = Cell("mine", "my:method", "heat", 100, samples=1_000)
    >>> told = [{"seconds": 1.0, "samples": 2}, {"seconds": 4.0, "samples": 8}]
    >>> with_events(cell, told, None).seconds
    500.0
    """
    cell = replace(cell, ran=True)
    for event in events:
        if "refused" in event:
            return replace(cell, status="infeasible", note=event["refused"])
        if "error" in event:
            return replace(cell, status="failed", note=event["error"])
    if ended not in (None, LIMIT):
        return replace(cell, status="failed", note=ended)
    timed = [event for event in events if "seconds" in event]
    peak = max((event["peak_bytes"] for event in timed if "peak_bytes" in event), default=None)
    cell = replace(cell, peak_bytes=peak)
    warm = [event for event in timed if not event.get("cold")]
    whole = [event["seconds"] for event in warm or timed if event.get("samples") == cell.samples]
    if whole:
        quartiles = np.percentile(whole, (25, 50, 75)).tolist()
        lower, median, upper = quartiles
        return replace(
            cell,
            status="measured",
            seconds=median,
            lower_quartile=lower,
            upper_quartile=upper,
            calls=len(whole),
            samples_timed=cell.samples,
        )
    if timed and cell.samples is not None:
        return _from_fewer_samples(cell, timed)
    return replace(cell, note=ended)


def _from_fewer_samples(cell: Cell, timed: Sequence[Mapping[str, Any]]) -> Cell:
    """Extend the line through the last two numbers of samples that were timed."""
    assert cell.samples is not None
    last = timed[-1]
    gradient = last["seconds"] / last["samples"]
    if len(timed) > 1:
        before = timed[-2]
        rise = (last["seconds"] - before["seconds"]) / (last["samples"] - before["samples"])
        gradient = rise if rise > 0 else gradient
    seconds = last["seconds"] + gradient * (cell.samples - last["samples"])
    return replace(with_estimate(cell, seconds, "fewer samples"), samples_timed=last["samples"])


def with_estimate(cell: Cell, seconds: float, basis: Literal["fewer samples", "power law"]) -> Cell:
    """Return a cell with an estimate of its time, infeasible beyond thirty days.

    Examples
    --------
    >>> with_estimate(Cell("mine", "my:method", "heat", 100), 1e9, "power law").status
    'infeasible'
    """
    status: Literal["infeasible", "extrapolated"]
    status = "infeasible" if seconds > FOREVER else "extrapolated"
    return replace(cell, status=status, basis=basis, seconds=seconds)
