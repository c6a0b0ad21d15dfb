"""captum: integrated gradients, feature ablation and Shapley value sampling.

All agents are one example, since F is of all of them together. Integrated gradients go over the
features (1, n, d) and are summed by agent; the perturbing methods take a row of ones (1, n), one
per agent, so that a perturbation costs O(n) and not a copy of all features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .job import Solver
from .population import Population
from .torch_forms import torch_form

__all__ = ["METHODS"]

Forward: TypeAlias = Callable[[Any], Any]

# Above so many agents all steps of the path at once take much memory and no less time.
ONE_STEP_AT_A_TIME = 10_000
# Agents in a batch of perturbations: more of them in one call measured slower.
BATCH = 8_192


def integrated_gradients(
    population: Population, budget: Mapping[str, int], seed: int
) -> NDArray[np.float64]:
    """Return sums by agent of captum's integrated gradients, Gauss-Legendre, float64."""
    import torch
    from captum.attr import IntegratedGradients

    attributions = IntegratedGradients(torch_form(population)).attribute(
        torch.from_numpy(population.x)[None],
        n_steps=budget["steps"],
        internal_batch_size=1 if population.agents >= ONE_STEP_AT_A_TIME else None,
    )
    values: NDArray[np.float64] = attributions[0].sum(1).numpy()
    return values


def feature_ablation(
    population: Population, budget: Mapping[str, int], seed: int
) -> NDArray[np.float64]:
    """Return captum's feature ablation, every agent a feature."""
    import torch
    from captum.attr import FeatureAblation

    attributions = FeatureAblation(_of_coalitions(population)).attribute(
        torch.ones(1, population.agents, dtype=torch.float64),
        perturbations_per_eval=_perturbations(population),
    )
    values: NDArray[np.float64] = attributions[0].numpy()
    return values


def shapley_value_sampling(
    population: Population, budget: Mapping[str, int], seed: int
) -> NDArray[np.float64]:
    """Return captum's Shapley value sampling, every agent a feature; it accumulates in float32."""
    import torch
    from captum.attr import ShapleyValueSampling

    torch.manual_seed(seed)
    attributions = ShapleyValueSampling(_of_coalitions(population)).attribute(
        torch.ones(1, population.agents, dtype=torch.float64),
        n_samples=budget["permutations"],
        perturbations_per_eval=_perturbations(population),
    )
    values: NDArray[np.float64] = attributions[0].double().numpy()
    return values


def _perturbations(population: Population) -> int:
    return max(1, BATCH // population.agents)


def _of_coalitions(population: Population) -> Forward:
    """Return F of rows (m, n) that are 1 where an agent is in, by the evaluation all peers use."""
    import torch

    def forward(coalitions: Any) -> Any:
        return torch.from_numpy(population.values(coalitions.numpy()))

    return forward


METHODS: dict[str, Solver] = {
    "IntegratedGradients": integrated_gradients,
    "FeatureAblation": feature_ablation,
    "ShapleyValueSampling": shapley_value_sampling,
}
