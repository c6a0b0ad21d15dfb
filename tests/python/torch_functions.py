"""Torch functions of populations whose attribution is known, and how to integrate them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

import aumann
from aumann.benchmark import known


def along(**how) -> aumann.AumannShapley:
    """Aumann-Shapley by a path integral."""
    return aumann.AumannShapley(aumann.PathIntegral(**how))


def heat(x: torch.Tensor) -> torch.Tensor:
    return torch.log1p(x.mean(dim=0).prod())


@dataclass(frozen=True, eq=False)
class Truth:
    """A problem of the paper's appendix D, its value function as a torch function."""

    x: np.ndarray
    function: Callable[[torch.Tensor], torch.Tensor]
    attribution: np.ndarray


def truth(game: str, agents: int, seed: int) -> Truth:
    problem = known.make_problem(game, agents=agents, steps=1, features=3, seed=seed)
    weights = torch.from_numpy(problem.function.weights)
    x = problem.x[0]

    def additive(x):
        return (weights * x).sum()

    def quadratic(x):
        u = (weights * x).sum(dim=1)
        return u.sum() + u @ (torch.from_numpy(problem.function.interactions) @ u)

    def softplus(x):
        return torch.nn.functional.softplus((weights * x).sum() + known.SHIFT)

    function = {"additive": additive, "quadratic": quadratic, "softplus": softplus}[game]
    return Truth(x, function, problem.function.attribution(x))


class DeepSets(torch.nn.Module):
    """A small pooled network with random weights, smooth or with kinks."""

    def __init__(self, seed: int, features: int = 3, width: int = 8, kinks: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            act = torch.nn.ReLU if kinks else torch.nn.SiLU
            self.encode = torch.nn.Sequential(
                torch.nn.Linear(features, width), act(), torch.nn.Linear(width, width), act()
            )
            self.readout = torch.nn.Sequential(torch.nn.Linear(width, 1), torch.nn.Tanh())
        self.double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(self.encode(x).mean(dim=-2)).squeeze(-1)
