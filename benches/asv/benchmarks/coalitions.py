"""Coalition values from Python: exact, sampled, and the change between steps."""

import numpy as np

import aumann
from aumann.benchmark.workload import FULL, workload
from aumann.value_functions import from_name

METHODS = {
    "Shapley": lambda name: (
        aumann.Shapley(aumann.MeanFieldExpansion()) if name == "heat" else aumann.Shapley()
    ),
    "Banzhaf": lambda name: (
        aumann.Banzhaf(aumann.MeanFieldExpansion()) if name == "heat" else aumann.Banzhaf()
    ),
    "leave-one-out": lambda name: aumann.LeaveOneOut(),
    "10 permutations": lambda name: aumann.Shapley(aumann.PermutationSampling(10)),
    "64 coalitions": lambda name: aumann.Banzhaf(aumann.CoalitionSampling(64)),
}


class Values:
    """Every method and value function."""

    params = (["mean", "heat", "variance", "gini"], list(METHODS), [10_000, FULL])
    param_names = ("function", "method", "agents")

    def setup(self, function: str, method: str, agents: int) -> None:
        self.function = from_name(function)
        self.method = METHODS[method](function)
        self.x = workload("W", agents)
        self.out = np.zeros(agents)

    def time_attribute(self, function: str, method: str, agents: int) -> None:
        aumann.attribute(self.x, self.function, method=self.method, out=self.out)


class Change:
    """Every step against the one before."""

    params = (["mean", "heat", "variance", "gini"],)
    param_names = ("function",)

    def setup(self, function: str) -> None:
        self.function = from_name(function)
        self.x = workload("W-14", FULL // 10)

    def time_previous(self, function: str) -> None:
        aumann.attribute(self.x, self.function, baseline="previous")


class Games:
    """Games evaluated in Python."""

    def setup(self) -> None:
        self.game = aumann.Game(lambda coalitions: coalitions.sum(axis=1) ** 0.5, 200)
        self.small = aumann.Game(lambda coalitions: coalitions.sum(axis=1) ** 0.5, 14)

    def time_permutations(self) -> None:
        aumann.attribute(self.game, method=aumann.Shapley(aumann.PermutationSampling(20)))

    def time_enumeration(self) -> None:
        aumann.attribute(self.small, method=aumann.Shapley())
