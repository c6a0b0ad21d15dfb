"""shapiq: permutation sampling and the exact computer on the game of the agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .job import Solver
from .population import Population

__all__ = ["METHODS"]

# A batch holds (n - 1) rows of n for each of its permutations, by default five; from here on one
# permutation at a time is as quick or quicker.
ONE_AT_A_TIME = 1_000
DEFAULT_BATCH = 5


def permutation(
    population: Population, budget: Mapping[str, int], seed: int
) -> NDArray[np.float64]:
    """Return shapiq's permutation sampling of the Shapley values."""
    from shapiq.approximator import PermutationSamplingSV

    n = population.agents
    sampler = PermutationSamplingSV(n=n, random_state=seed)
    # The empty and the full coalition once, n - 1 more for every order.
    evaluations = 2 + budget["permutations"] * (n - 1)
    batch = 1 if n >= ONE_AT_A_TIME else DEFAULT_BATCH
    return _first_order(sampler.approximate(evaluations, _game(population), batch_size=batch))


def exact(population: Population, budget: Mapping[str, int], seed: int) -> NDArray[np.float64]:
    """Return shapiq's exact Shapley values by all 2**n coalitions."""
    from shapiq import ExactComputer

    return _first_order(ExactComputer(_game(population), population.agents)("SV"))


def _game(population: Population) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
    # The empty and the full coalition come as a single row.
    return lambda coalitions: population.values(np.atleast_2d(coalitions))


def _first_order(values: Any) -> NDArray[np.float64]:
    single: NDArray[np.float64] = values.get_n_order_values(1)
    return single


METHODS: dict[str, Solver] = {"PermutationSamplingSV": permutation, "ExactComputer": exact}
