"""What is integrated: the gradient of F on a path, times the path's derivative, per agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.path_integral.evaluation import TorchFunction, shown
from aumann.path_integral.paths import Path

__all__ = ["FunctionIntegrand", "Integrand", "check_contributions", "check_finite"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]


class Integrand(Protocol):
    """Values of F and contributions of agents, of m steps and n agents, at nodes of the path.

    `batch` is how many nodes it likes to take at once, `spacing` the distance from 1 to the next
    number that F computes with, `first_step` what errors call the first step: None for the only.
    """

    steps: int
    agents: int
    batch: int
    spacing: float
    device: Any
    first_step: int | None

    def value(self, a: float) -> Floats:
        """Return F at a, shape (m,)."""

    def at(self, nodes: Sequence[float]) -> tuple[Floats, Tensor]:
        """Return F at nodes, (q, m), and the contributions of the agents, (q, m, n)."""


class FunctionIntegrand:
    """The integrand of a torch function that sees all agents at once.

    Parameters
    ----------
    function : TorchFunction
        F.
    path : Path
        The path.
    batch : int
        How many nodes are evaluated together; above 1 for functions of many steps only.
    first_step : int, optional
        What errors call the first step; None for the only one.
    """

    def __init__(
        self, function: TorchFunction, path: Path, batch: int, first_step: int | None
    ) -> None:
        """Keep the parts; a constant derivative of the path is computed once."""
        self.function, self.path, self.batch = function, path, batch
        self.first_step = first_step
        self.steps, self.agents, self.features = path.x.shape
        self.spacing = function.precision.spacing
        self.device = path.x.device
        self._velocity = path.velocity(0.0) if path.constant_velocity else None
        self._point: Tensor | None = None

    def value(self, a: float) -> Floats:
        """Return F at a, shape (m,)."""
        values = self.function.values(self.path.point(a)).cpu().numpy()
        check_finite(self.function.function, values[None], [a], self.first_step)
        return np.asarray(values)

    def at(self, nodes: Sequence[float]) -> tuple[Floats, Tensor]:
        """Return F at nodes, (q, m), and the contributions of the agents, (q, m, n)."""
        shape = (len(nodes), self.steps, self.agents, self.features)
        if len(nodes) == 1:
            if self._point is None:
                self._point = torch.empty_like(self.path.x)
            points = self.path.point(nodes[0], out=self._point)
            where = f" at a = {nodes[0]:.6g} of the path"
        else:
            points = torch.cat([self.path.point(a) for a in nodes])
            where = " at nodes of the path"
        values, gradients = self.function.gradients(points, where)
        contributions = [
            contribution(each, self.path.velocity(a) if self._velocity is None else self._velocity)
            for a, each in zip(nodes, gradients.reshape(shape), strict=True)
        ]
        table = values.reshape(shape[:2]).cpu().numpy()
        check_finite(self.function.function, table, nodes, self.first_step)
        return table, torch.stack(contributions) if len(nodes) > 1 else contributions[0][None]


def contribution(gradients: Tensor, velocity: Tensor) -> Tensor:
    """Return the product of gradients and velocity summed over the features."""
    gradients = gradients.to(device=velocity.device, dtype=velocity.dtype)
    return torch.einsum("mnd,mnd->mn", gradients, velocity)


def check_finite(
    function: object, values: Floats, nodes: Sequence[float], first_step: int | None
) -> None:
    """Refuse values of F, (q, m), that are not finite, naming the node."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        node, step = bad[0]
        raise ValueError(
            f"value_function: {shown(function)} is {values[node, step]} at "
            f"{_place(nodes[node], step, first_step)}, a finite number is wanted"
        )


def check_contributions(
    integrand: Integrand, contributions: Tensor, nodes: Sequence[float]
) -> None:
    """Refuse contributions (q, m, n) that are not finite, naming the node and the agent."""
    if bool(contributions.sum(dim=-1, dtype=torch.float64).isfinite().all()):
        return
    bad = torch.nonzero(~contributions.isfinite())
    if len(bad) == 0:
        raise ValueError("value_function: the sum of its gradients exceeds the range of float64")
    node, step, agent = bad[0].tolist()
    raise ValueError(
        f"value_function: its gradient is not finite ({float(contributions[node, step, agent])}) "
        f"at {_place(nodes[node], step, integrand.first_step)}, agent {agent}; of a function "
        "without a gradient at an end of the path, a rule without nodes there is wanted"
    )


def _place(a: float, step: int, first_step: int | None) -> str:
    where = f"a = {a:.6g} of the path from the baseline to x"
    return where if first_step is None else f"{where}, step {first_step + step}"
