"""shap: the permutation and the exact explainer on the game of the agents.

What is explained is a row of ones, one per agent, against a background of zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .job import Solver
from .population import Population

__all__ = ["METHODS"]

# The masker for tables holds 2 n + 1 rows of n float64 at once. From here on one mask after the
# other, in batches, is quicker, and takes an eighth of the memory.
ONE_MASK_AT_A_TIME = 2_000
BATCH = 100


def permutation(
    population: Population, budget: Mapping[str, int], seed: int
) -> NDArray[np.float64]:
    """Return shap's permutation estimate; every order is followed by its reverse."""
    import shap

    n = population.agents
    masker: Any = shap.maskers.Independent(np.zeros((1, n)))
    batch: Any = "auto"
    if n >= ONE_MASK_AT_A_TIME:
        masker, batch = _keep, BATCH
    # An order and its reverse are evaluated as 2 n + 1 coalitions.
    pairs = budget["permutations"] // 2
    explainer = shap.PermutationExplainer(population.values, masker, seed=seed)
    explained = explainer(
        np.ones((1, n)), max_evals=pairs * (2 * n + 1), batch_size=batch, silent=True
    )
    values: NDArray[np.float64] = explained.values[0]
    return values


def exact(population: Population, budget: Mapping[str, int], seed: int) -> NDArray[np.float64]:
    """Return shap's exact values by all 2**n coalitions."""
    import shap

    n = population.agents
    explainer = shap.ExactExplainer(population.values, shap.maskers.Independent(np.zeros((1, n))))
    explained = explainer(np.ones((1, n)), max_evals=2**n, silent=True)
    values: NDArray[np.float64] = explained.values[0]
    return values


def _keep(mask: NDArray[np.bool_], row: NDArray[np.float64]) -> NDArray[np.bool_]:
    return mask[None]


METHODS: dict[str, Solver] = {"PermutationExplainer": permutation, "ExactExplainer": exact}
