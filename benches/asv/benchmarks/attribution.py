"""One call of `attribute`, with and without an output array, beside NumPy."""

import numpy as np

import aumann
from aumann.benchmark.numpy_forms import CAREFUL, PLAIN
from aumann.benchmark.workload import FULL, workload
from aumann.value_functions import from_name


class Attribute:
    """Aumann-Shapley of every value function at every workload."""

    params = (["mean", "heat", "variance", "gini"], ["W", "W32", "W-dense"], [10_000, FULL])
    param_names = ("function", "workload", "agents")

    def setup(self, function: str, name: str, agents: int) -> None:
        self.function = from_name(function)
        self.x = workload(name, agents)
        self.out = np.zeros(agents, self.x.dtype)

    def time_out(self, function: str, name: str, agents: int) -> None:
        aumann.attribute(self.x, self.function, out=self.out)

    def time_fresh(self, function: str, name: str, agents: int) -> None:
        aumann.attribute(self.x, self.function)

    def time_numpy(self, function: str, name: str, agents: int) -> None:
        PLAIN[function](self.x, self.out)

    def time_numpy_careful(self, function: str, name: str, agents: int) -> None:
        CAREFUL[function](self.x, self.out)

    def peakmem_out(self, function: str, name: str, agents: int) -> None:
        aumann.attribute(self.x, self.function, out=self.out)


class Steps:
    """Fourteen steps at once."""

    params = (["mean", "heat", "variance", "gini"],)
    param_names = ("function",)

    def setup(self, function: str) -> None:
        self.function = from_name(function)
        self.x = workload("W-14", FULL)
        self.out = np.zeros(self.x.shape[:2])

    def time_out(self, function: str) -> None:
        aumann.attribute(self.x, self.function, out=self.out)


class Population:
    """From counts to the attribution of every step."""

    def setup(self) -> None:
        self.population = aumann.synthesize(agents=FULL // 10)

    def time_synthesize(self) -> None:
        aumann.synthesize(agents=FULL // 10)

    def time_attribute(self) -> None:
        aumann.attribute(self.population, aumann.Heat())

    def time_tiers(self) -> None:
        self.population.tiers()
