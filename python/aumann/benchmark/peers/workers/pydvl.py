"""pyDVL: antithetic permutation Shapley, Banzhaf with maximum sample reuse, leave-one-out.

The agents are the data points; the utility gets the indices of a coalition and costs O(members).
One process, since several take longer on a game as cheap as these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .job import Solver
from .population import Population

__all__ = ["METHODS"]


def shapley(population: Population, budget: Mapping[str, int], seed: int) -> NDArray[np.float64]:
    """Return pyDVL's Shapley values over orders and their reverses."""
    from pydvl.valuation import AntitheticPermutationSampler, MaxUpdates, ShapleyValuation

    # Every agent is updated once per order. Counting drawn samples instead would stop before the
    # ones that are drawn ahead have been used.
    valuation = ShapleyValuation(
        _utility(population),
        AntitheticPermutationSampler(seed=seed),
        MaxUpdates(budget["permutations"]),
    )
    return _fitted(valuation, population)


def banzhaf(population: Population, budget: Mapping[str, int], seed: int) -> NDArray[np.float64]:
    """Return pyDVL's Banzhaf values, every coalition used for all agents."""
    from pydvl.valuation import MaxChecks, MSRBanzhafValuation

    # It checks once per coalition.
    done = MaxChecks(budget["coalitions"])
    return _fitted(MSRBanzhafValuation(_utility(population), done, seed=seed), population)


def leave_one_out(
    population: Population, budget: Mapping[str, int], seed: int
) -> NDArray[np.float64]:
    """Return pyDVL's leave-one-out values."""
    from pydvl.valuation import LOOValuation

    return _fitted(LOOValuation(_utility(population)), population)


def _utility(population: Population) -> Any:
    from pydvl.valuation.utility.base import UtilityBase

    class Coalition(UtilityBase):  # type: ignore[misc]
        def __call__(self, sample: Any) -> float:
            # All four value functions are 0 at the zero baseline.
            if sample is None or len(sample.subset) == 0:
                return 0.0
            return population.value(sample.subset)

    return Coalition()


def _fitted(valuation: Any, population: Population) -> NDArray[np.float64]:
    from pydvl.valuation import Dataset

    n = population.agents
    fitted = valuation.fit(Dataset(np.arange(n, dtype=np.float64)[:, None], np.zeros(n)))
    values: NDArray[np.float64] = fitted.result.values
    return values


METHODS: dict[str, Solver] = {
    "AntitheticPermutationSampler": shapley,
    "MSRBanzhafValuation": banzhaf,
    "LOOValuation": leave_one_out,
}
