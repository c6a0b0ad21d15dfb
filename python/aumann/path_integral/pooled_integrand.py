"""The integrand of a pooled value function, in chunks of agents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.path_integral.evaluation import Precision, TorchFunction, evaluating, gradient, shown
from aumann.path_integral.integrand import Place, contribution, nearest
from aumann.path_integral.paths import Path, TornPath
from aumann.pooled import PooledValueFunction, check_encoded

__all__ = ["PooledIntegrand"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]

# What the graphs of one node may hold; the agents beyond are encoded twice.
KEPT_BYTES = 2**28


class PooledIntegrand:
    """Values and contributions at one node at a time, of one step.

    Parameters
    ----------
    function : PooledValueFunction
        F.
    precision : Precision
        What it computes in.
    path : Path
        The path.
    place : Place
        What errors call steps and agents.
    """

    steps = 1
    batch = 1

    def __init__(
        self, function: PooledValueFunction, precision: Precision, path: Path, place: Place
    ) -> None:
        """Keep the parts."""
        self.function, self.precision = function, precision
        self.path, self.place = path, place
        _, self.agents, _ = path.x.shape
        self.device = path.x.device
        state = torch.empty(0, dtype=precision.dtype, device=precision.device)
        readout = Precision.of(function.readout, state)
        self._readout = TorchFunction(function.readout, readout, many=False)
        self._checked = False

    @property
    def spacing(self) -> float:
        """The distance from 1 to the next number that F computes with."""
        least = float(torch.finfo(self.path.x.dtype).eps)
        return max(self.precision.spacing, self._readout.spacing, least)

    @property
    def nearest(self) -> tuple[float, float]:
        """How near the ends points of the path can be told from them."""
        return nearest(self.path, self.precision.dtype)

    def of_steps(self, steps: NDArray[np.intp]) -> PooledIntegrand:
        """Return itself, the integrand of its only step."""
        return self

    def torn(self) -> PooledIntegrand:
        """Return the integrand at a point off the path."""
        return PooledIntegrand(self.function, self.precision, TornPath(self.path), self.place)

    def value(self, a: float) -> Floats:
        """Return F at a, shape (1,)."""
        values = self._readout.values(self._state(a)[None], f" at a = {a:.6g} of the path")
        table = np.asarray(values.cpu().numpy())
        self.place.check_values(self.function, table[None], [a])
        return table

    def values(self, places: Sequence[float]) -> Floats:
        """Return F at places, shape (q, 1)."""
        return np.stack([self.value(a) for a in places])

    def at(self, nodes: Sequence[float]) -> tuple[Floats, Tensor]:
        """Return F at a node, (1, 1), and the contributions of the agents, (1, 1, n)."""
        (a,) = nodes
        where = f" at a = {a:.6g} of the path"
        graphs = _Graphs()
        values, slopes = self._readout.gradients(self._state(a, graphs)[None], where)
        table = np.asarray(values.cpu().numpy())[None]
        self.place.check_values(self.function, table, nodes)
        contributions = torch.empty_like(self.path.x[..., 0], dtype=torch.float64)
        for agents in self._chunks():
            with torch.enable_grad():
                leaf, encoded = graphs.taken(agents) or self._leaf_encoded(a, agents, where)
                product = (encoded * slopes[0].to(leaf.device)).sum()
                gradients = gradient(self.function, product, leaf, where)
            velocity = self.path.velocity(a, agents)
            contributions[:, agents] = contribution(gradients[None], velocity)
        contributions /= self._divisor
        self.place.check_contributions(contributions[None], nodes)
        return table, contributions[None]

    @property
    def _divisor(self) -> int:
        return self.agents if self.function.pool == "mean" else 1

    def _state(self, a: float, graphs: _Graphs | None = None) -> Tensor:
        """Return the pooled state at a, summed chunk by chunk in float64, and keep graphs."""
        sums: Tensor = 0.0
        where = f" at a = {a:.6g} of the path"
        for agents in self._chunks():
            if graphs is not None and graphs.room:
                with torch.enable_grad(), graphs.counting():
                    leaf, encoded = self._leaf_encoded(a, agents, where)
                graphs.keep(agents, leaf, encoded)
            else:
                with torch.no_grad():
                    points = self.precision.cast(self.path.point(a, agents)[0])
                    encoded = self._encoded(points, where)
            with torch.no_grad():
                sums = sums + encoded.sum(dim=0, dtype=torch.float64)
        return sums / self._divisor

    def _leaf_encoded(self, a: float, agents: slice, where: str) -> tuple[Tensor, Tensor]:
        """Return the features of some agents at a, and their encoding with its graph."""
        leaf = self.precision.cast(self.path.point(a, agents)[0]).detach().requires_grad_()
        return leaf, self._encoded(leaf, where)

    def _encoded(self, points: Tensor, where: str) -> Tensor:
        with evaluating(self.function.encode, points, where):
            encoded = self.function.encode(points)
        check_encoded(encoded, points, shown(self.function.encode))
        if not self._checked:
            self._checked = True
            # The first agents alone must get what they get among others.
            few = points[: max(1, len(points) // 2)]
            with evaluating(self.function.encode, few, where):
                alone = self.function.encode(few)
            size = float(encoded.detach().abs().max())
            if float((alone - encoded[: len(few)]).detach().abs().max()) > 1e-2 * size:
                raise ValueError(
                    f"encode: {shown(self.function.encode)} gives agents other rows among others "
                    "than alone; a function of each agent's own features is wanted"
                )
        return encoded

    def _chunks(self) -> Iterator[slice]:
        for start in range(0, self.agents, self.function.chunk):
            yield slice(start, min(start + self.function.chunk, self.agents))


class _Graphs:
    """Graphs of the first chunks of a node, kept so that these are encoded once and not twice."""

    def __init__(self) -> None:
        """Keep none."""
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}
        self._bytes = 0

    @property
    def room(self) -> bool:
        """Whether another chunk, of the size of those kept, stays below the limit."""
        return self._bytes + self._bytes // max(1, len(self._kept)) <= KEPT_BYTES

    def counting(self) -> AbstractContextManager[None]:
        """Return a context in which what graphs hold is counted."""
        hooks: AbstractContextManager[None] = torch.autograd.graph.saved_tensors_hooks(
            self._counted, lambda held: held
        )
        return hooks

    def keep(self, agents: slice, leaf: Tensor, encoded: Tensor) -> None:
        """Keep what was made of some agents."""
        self._kept[agents.start] = leaf, encoded

    def taken(self, agents: slice) -> tuple[Tensor, Tensor] | None:
        """Return what was kept of some agents, and let it go."""
        return self._kept.pop(agents.start, None)

    def _counted(self, held: Tensor) -> Tensor:
        self._bytes += held.numel() * held.element_size()
        # Detached, lest what an operation returns hold the graph that holds it.
        return held.detach()
