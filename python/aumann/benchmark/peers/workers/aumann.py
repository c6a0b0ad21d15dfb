"""aumann itself, measured the way the peers are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .job import Solver
from .population import Population
from .torch_forms import torch_form

if TYPE_CHECKING:
    import aumann

__all__ = ["METHODS", "exact_method", "value_function"]

# Heat has no closed Shapley or Banzhaf form. All coalitions are enumerated up to so many agents,
# above that comes the expansion around the means, with an error estimate.
MOST_ENUMERATED = 20


def value_function(name: str) -> aumann.ValueFunction:
    """Return a value function by its command-line name."""
    import aumann

    classes: dict[str, Callable[[], aumann.ValueFunction]] = {
        "mean": aumann.Mean,
        "heat": aumann.Heat,
        "variance": aumann.Variance,
        "gini": aumann.GiniMeanDifference,
    }
    return classes[name]()


def exact_method(value: str, name: str, agents: int) -> Any:
    """Return the method that gives a value at any size; heat is expanded where n is large."""
    import aumann

    if value == "Aumann-Shapley":
        return aumann.AumannShapley()
    if value == "leave-one-out":
        return aumann.LeaveOneOut()
    method = {"Shapley": aumann.Shapley, "Banzhaf": aumann.Banzhaf}[value]
    if name == "heat" and agents > MOST_ENUMERATED:
        return method(aumann.MeanFieldExpansion())
    return method()


def _exact(value: str) -> Solver:
    def solve(population: Population, budget: Mapping[str, int], seed: int) -> NDArray[np.float64]:
        method = exact_method(value, population.value_function, population.agents)
        return _attribute(population, method)

    return solve


def path_integral(
    population: Population, budget: Mapping[str, int], seed: int
) -> NDArray[np.float64]:
    """Return aumann's integral of the function that captum gets, Gauss-Legendre, float64."""
    import aumann
    from aumann._torch import import_torch

    torch = import_torch("AumannShapley(PathIntegral)")
    estimator = aumann.PathIntegral(rule="gauss-legendre", nodes=budget["steps"])
    return aumann.attribute(
        torch.from_numpy(population.x),
        torch_form(population),
        method=aumann.AumannShapley(estimator),
    ).values


def permutation(
    population: Population, budget: Mapping[str, int], seed: int
) -> NDArray[np.float64]:
    """Return aumann's sampled Shapley values."""
    import aumann

    estimator = aumann.PermutationSampling(budget["permutations"], seed=seed)
    return _attribute(population, aumann.Shapley(estimator))


def coalition(population: Population, budget: Mapping[str, int], seed: int) -> NDArray[np.float64]:
    """Return aumann's sampled Banzhaf values."""
    import aumann

    estimator = aumann.CoalitionSampling(budget["coalitions"], seed=seed)
    return _attribute(population, aumann.Banzhaf(estimator))


def _attribute(population: Population, method: Any) -> NDArray[np.float64]:
    import aumann

    result = aumann.attribute(
        population.x, value_function(population.value_function), method=method
    )
    population.evaluations = result.evaluations
    return result.values


METHODS: dict[str, Solver] = {
    "AumannShapley()": _exact("Aumann-Shapley"),
    "AumannShapley(PathIntegral)": path_integral,
    "Shapley()": _exact("Shapley"),
    "Shapley(PermutationSampling)": permutation,
    "Banzhaf()": _exact("Banzhaf"),
    "Banzhaf(CoalitionSampling)": coalition,
    "LeaveOneOut()": _exact("leave-one-out"),
}
