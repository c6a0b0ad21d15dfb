"""What is integrated: the gradient of F on a path, times the path's derivative, per agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.path_integral.evaluation import TorchFunction, shown
from aumann.path_integral.paths import Path, StraightPath, TornPath

__all__ = ["FunctionIntegrand", "Integrand", "Place", "contribution"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]

AT_BASELINE = (
    "; the path starts at the baseline, where the value function must be defined: pass another "
    "baseline=, such as baseline='mean' or a small positive number"
)


@dataclass(frozen=True, eq=False)
class Place:
    """What errors call steps and agents of a block of steps.

    Parameters
    ----------
    first_step : int, optional
        The first of its steps; None if the features have none.
    present : ndarray of bool, shape (N,), optional
        Which agents there are, if not all.
    steps : ndarray of int, optional
        Which of the block's steps there are, if not all.
    """

    first_step: int | None = None
    present: NDArray[np.bool_] | None = None
    steps: NDArray[np.intp] | None = None

    def of_step(self, k: int) -> Place:
        """Return the place of one of its steps."""
        return Place(None if self.first_step is None else self.first_step + k, self.present)

    def of_steps(self, steps: NDArray[np.intp]) -> Place:
        """Return the place of some of all its steps."""
        return replace(self, steps=steps)

    def agent(self, position: int) -> int:
        """Return the index of an agent, given its position among those present."""
        return position if self.present is None else int(np.flatnonzero(self.present)[position])

    def node(self, a: float, step: int) -> str:
        """Return where a value or gradient is taken."""
        where = f"a = {a:.6g} of the path from the baseline to x"
        if self.first_step is None:
            return where
        offset = step if self.steps is None else int(self.steps[step])
        return f"{where}, step {self.first_step + offset}"

    def check_values(self, function: object, values: Floats, nodes: Sequence[float]) -> None:
        """Refuse values of F, (q, m), that are not finite."""
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            node, step = bad[0]
            raise ValueError(
                f"value_function: {shown(function)} is {values[node, step]} at "
                f"{self.node(nodes[node], step)}, a finite number is wanted"
                + (AT_BASELINE if nodes[node] == 0 else "")
            )

    def check_contributions(self, contributions: Tensor, nodes: Sequence[float]) -> None:
        """Refuse contributions (q, m, n) that are not finite."""
        # The sum tells at a fraction of the cost, unless it exceeds the range of float64.
        if bool(contributions.sum(dim=-1, dtype=torch.float64).isfinite().all()):
            return
        bad = torch.nonzero(~contributions.isfinite())
        if len(bad) == 0:
            raise ValueError("value_function: the sum of its gradients exceeds the range of F")
        node, step, agent = bad[0].tolist()
        raise ValueError(
            f"value_function: its gradient is not finite "
            f"({float(contributions[node, step, agent])}) at {self.node(nodes[node], step)}, agent "
            f"{self.agent(agent)}"
            + ("; a rule without nodes at the ends is wanted" if nodes[node] in (0, 1) else "")
        )


class Integrand(Protocol):
    """Values of F and contributions of agents, of m steps and n agents, at nodes of the path.

    `batch` is how many nodes it likes to take at once, `spacing` the distance from 1 to the next
    number that F computes with, `nearest` how near the baseline and x points of the path can be
    told from them, as parts of the path.
    """

    steps: int
    agents: int
    batch: int
    device: Any

    @property
    def spacing(self) -> float:
        """The distance from 1 to the next number."""

    @property
    def nearest(self) -> tuple[float, float]:
        """Parts of the path."""

    def of_steps(self, steps: NDArray[np.intp]) -> Integrand:
        """Return the integrand of some of the steps."""

    def value(self, a: float) -> Floats:
        """Return F at a, shape (m,)."""

    def values(self, places: Sequence[float]) -> Floats:
        """Return F at places, shape (q, m)."""

    def at(self, nodes: Sequence[float]) -> tuple[Floats, Tensor]:
        """Return F at nodes, (q, m), and the contributions of the agents, (q, m, n)."""

    def torn(self) -> Integrand:
        """Return the same at a point off the path, where terms that cancel on it do not."""


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
    place : Place
        What errors call steps and agents.
    """

    def __init__(self, function: TorchFunction, path: Path, batch: int, place: Place) -> None:
        """Keep the parts; a constant derivative of the path is computed once."""
        self.function, self.path, self.batch, self.place = function, path, batch, place
        self.steps, self.agents, self.features = path.x.shape
        self.device = path.x.device
        self._velocity = path.velocity(0.0) if path.constant_velocity else None
        self._point: Tensor | None = None
        # Which features have a gradient at the first node, shape (m, d).
        self.used: NDArray[np.bool_] | None = None

    @property
    def spacing(self) -> float:
        """The distance from 1 to the next number that F computes with, or returns."""
        function = self.function
        least = float(torch.finfo(self.path.x.dtype).eps)
        return max(function.precision.spacing, function.spacing, least)

    @property
    def nearest(self) -> tuple[float, float]:
        """How near the ends points of the path can be told from them."""
        return nearest(self.path, self.function.precision.dtype)

    def of_steps(self, steps: NDArray[np.intp]) -> FunctionIntegrand:
        """Return the integrand of some of the steps."""
        path, place = self.path.of_steps(steps), self.place.of_steps(steps)
        return FunctionIntegrand(self.function, path, self.batch, place)

    def torn(self) -> FunctionIntegrand:
        """Return the integrand at a point off the path."""
        return FunctionIntegrand(self.function, TornPath(self.path), 1, self.place)

    def value(self, a: float) -> Floats:
        """Return F at a, shape (m,)."""
        where = f" at a = {a:.6g} of the path"
        values = self.function.values(self.path.point(a), where).cpu().numpy()
        self.place.check_values(self.function.function, values[None], [a])
        return np.asarray(values)

    def values(self, places: Sequence[float]) -> Floats:
        """Return F at places, shape (q, m)."""
        rows = []
        for start in range(0, len(places), self.batch):
            some = places[start : start + self.batch]
            points = torch.cat([self.path.point(a) for a in some])
            values = self.function.values(points, " at places of the path")
            rows.append(values.cpu().numpy().reshape(len(some), self.steps))
        table = np.concatenate(rows)
        self.place.check_values(self.function.function, table, places)
        return table

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
        table = values.reshape(shape[:2]).cpu().numpy()
        self.place.check_values(self.function.function, table, nodes)
        if self.used is None:
            self.used = gradients.reshape(shape)[0].ne(0).any(dim=1).cpu().numpy()
        found = [
            contribution(each, self.path.velocity(a) if self._velocity is None else self._velocity)
            for a, each in zip(nodes, gradients.reshape(shape), strict=True)
        ]
        contributions = torch.stack(found) if len(found) > 1 else found[0][None]
        self.place.check_contributions(contributions, nodes)
        return table, contributions


def nearest(path: Path, dtype: Any) -> tuple[float, float]:
    """Return how near the baseline and x points of a path can be told from them."""
    kinds = [torch.finfo(dtype), torch.finfo(path.x.dtype)]
    apart = max(float(kind.eps) for kind in kinds)
    if isinstance(path, StraightPath) and path.start is None:
        # Multiples of x, down to the smallest numbers there are.
        return 1e8 * max(float(kind.tiny) for kind in kinds), apart
    return apart, apart


def contribution(gradients: Tensor, velocity: Tensor) -> Tensor:
    """Return the product of gradients and velocity summed over the features."""
    wider = torch.promote_types(gradients.dtype, velocity.dtype)
    gradients = gradients.to(device=velocity.device, dtype=wider)
    found = torch.einsum("mnd,mnd->mn", gradients, velocity.to(wider))
    if bool(found.sum(dtype=torch.float64).isfinite()):
        return found
    # A feature that does not move contributes nothing, even where the gradient is infinite.
    products = torch.where(velocity == 0, 0.0, gradients * velocity)
    return products.sum(dim=-1)
