"""Path integrals of torch functions: beside a plain loop over the same nodes, and in chunks."""

import numpy as np

import aumann
from aumann.benchmark.workload import FULL, workload
from aumann.path_integral.rules import fixed_rule

NODES = 6


class Heat:
    """Heat as a torch function, by six Gauss-Legendre nodes."""

    params = ([10_000, FULL],)
    param_names = ("agents",)

    def setup(self, agents: int) -> None:
        import torch

        self.torch = torch
        self.x = torch.from_numpy(np.array(workload("W", agents)))
        estimator = aumann.PathIntegral(rule="gauss-legendre", nodes=NODES)
        self.method = aumann.AumannShapley(estimator)

    def heat(self, x):  # type: ignore[no-untyped-def]
        return self.torch.log1p(x.mean(dim=0).prod())

    def time_attribute(self, agents: int) -> None:
        aumann.attribute(self.x, self.heat, method=self.method)

    def time_adaptive(self, agents: int) -> None:
        aumann.attribute(self.x, self.heat)

    def time_plain_loop(self, agents: int) -> None:
        sums = self.torch.zeros_like(self.x)
        for node, weight in zip(*fixed_rule("gauss-legendre", NODES), strict=True):
            point = (node * self.x).requires_grad_()
            sums += weight * self.torch.autograd.grad(self.heat(point), point)[0]
        (sums * self.x).sum(dim=-1)


class DeepSets:
    """A network 3-64-64-1 of the whole population, in chunks."""

    def setup(self) -> None:
        import torch

        torch.manual_seed(0)
        encode = torch.nn.Sequential(
            torch.nn.Linear(3, 64), torch.nn.SiLU(), torch.nn.Linear(64, 64), torch.nn.SiLU()
        )
        self.function = aumann.PooledValueFunction(encode, torch.nn.Linear(64, 1))
        self.x = workload("W32", FULL)
        estimator = aumann.PathIntegral(rule="gauss-legendre", nodes=2, tolerance=0.1)
        self.method = aumann.AumannShapley(estimator)

    def time_two_nodes(self) -> None:
        aumann.attribute(self.x, self.function, method=self.method)

    def peakmem_two_nodes(self) -> None:
        aumann.attribute(self.x, self.function, method=self.method)
