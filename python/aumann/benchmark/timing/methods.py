"""The methods that are timed: named so that a fresh process can import them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import aumann
from aumann.value_functions import from_name

__all__ = ["BUILT_IN", "TimedMethod"]

PERMUTATIONS = 1_000
COALITIONS = 1_000
_HERE = "aumann.benchmark.timing.methods"


@dataclass(frozen=True)
class TimedMethod:
    """A method to be timed.

    Parameters
    ----------
    target : str
        "module:function". The function takes features of shape (N, 3) and the name of a value
        function; with `samples`, the number of samples as well. It refuses what it cannot do with
        a ValueError, which is shown as *infeasible*.
    samples : int, optional
        The samples that a whole estimate takes. Where there is no time for all of them fewer are
        timed, and the time of all is marked as extrapolated.
    per_agent : bool
        Whether `samples` is meant per agent, as evaluations of F are in permutations.

    Raises
    ------
    ValueError
        If `target` has another form, or `samples` is no even positive number: samples may come in
        antithetic pairs.

    Examples
    --------
    >>> TimedMethod("json:dumps").whole(100) is None
    True
    >>> TimedMethod("mine:sampled", samples=1_000, per_agent=True).whole(100)
    100000
    """

    target: str
    samples: int | None = None
    per_agent: bool = False

    def __post_init__(self) -> None:
        """Check the form of the parameters."""
        module, colon, function = self.target.partition(":")
        if not (module and colon and function):
            raise ValueError(f"target: {self.target!r}, 'module:function' is wanted")
        if self.samples is not None and (self.samples < 2 or self.samples % 2):
            raise ValueError(f"samples: {self.samples}, an even positive number is wanted")

    def whole(self, agents: int) -> int | None:
        """Return the samples of a whole estimate for that many agents, None if none are drawn."""
        if self.samples is None:
            return None
        return self.samples * agents if self.per_agent else self.samples


def aumann_shapley(x: NDArray[np.float64], name: str) -> Any:
    """Attribute by the closed form."""
    return aumann.attribute(x, from_name(name))


def shapley(x: NDArray[np.float64], name: str) -> Any:
    """Attribute by the closed form, heat by the mean-field expansion."""
    how = (aumann.MeanFieldExpansion(order=2),) if name == "heat" else ()
    return aumann.attribute(x, from_name(name), method=aumann.Shapley(*how))


def banzhaf(x: NDArray[np.float64], name: str) -> Any:
    """Attribute by the closed form, heat by the mean-field expansion."""
    how = (aumann.MeanFieldExpansion(order=2),) if name == "heat" else ()
    return aumann.attribute(x, from_name(name), method=aumann.Banzhaf(*how))


def leave_one_out(x: NDArray[np.float64], name: str) -> Any:
    """Attribute by the closed form."""
    return aumann.attribute(x, from_name(name), method=aumann.LeaveOneOut())


def shapley_sampled(x: NDArray[np.float64], name: str, permutations: int) -> Any:
    """Sample permutations of the incremental game."""
    how = aumann.PermutationSampling(permutations, seed=0)
    return aumann.attribute(x, from_name(name), method=aumann.Shapley(how))


def banzhaf_sampled(x: NDArray[np.float64], name: str, coalitions: int) -> Any:
    """Sample coalitions of the incremental game."""
    how = aumann.CoalitionSampling(coalitions, seed=0)
    return aumann.attribute(x, from_name(name), method=aumann.Banzhaf(how))


BUILT_IN: Mapping[str, TimedMethod] = {
    "Aumann-Shapley": TimedMethod(f"{_HERE}:aumann_shapley"),
    "Shapley": TimedMethod(f"{_HERE}:shapley"),
    "Banzhaf": TimedMethod(f"{_HERE}:banzhaf"),
    "leave-one-out": TimedMethod(f"{_HERE}:leave_one_out"),
    "Shapley, sampled": TimedMethod(f"{_HERE}:shapley_sampled", PERMUTATIONS),
    "Banzhaf, sampled": TimedMethod(f"{_HERE}:banzhaf_sampled", COALITIONS),
    "Shapley, re-evaluated": TimedMethod(
        "aumann.benchmark.coalitions:sampled_shapley", PERMUTATIONS, per_agent=True
    ),
    "Banzhaf, re-evaluated": TimedMethod("aumann.benchmark.coalitions:sampled_banzhaf", COALITIONS),
}
