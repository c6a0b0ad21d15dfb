"""Whether agents have kinks all over the path, so that many equal cells cost less than parting."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.path_integral.pieces import Piece
from aumann.path_integral.rules import nested_rule
from aumann.path_integral.samples import BLOCK, Samples
from aumann.path_integral.sweep import Forecast

__all__ = ["Spread"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

# Nodes that it takes to find a kink and to integrate on both sides of it.
PER_KINK = 26
# Kinks are counted where an agent jumps by this part of all that it does, and of all agents.
ISOLATED, COUNTED = 0.3, 0.1
# Jumps whose errors are this part of what is allowed are not what is in the way.
OF_NO_MATTER = 0.1
# So many nodes tell kinks from what is steep.
ENOUGH = 32
TINY = float(np.finfo(np.float64).tiny)


class Spread:
    """What nodes of the pieces that are not within the tolerance say of kinks, for each step.

    Parameters
    ----------
    steps, agents : int
        How many.
    device : torch device
        Where contributions are.
    """

    def __init__(self, steps: int, agents: int, device: Any) -> None:
        """Start with nothing."""
        self._gaps, self._occupied, self._nodes, self._width = np.zeros((4, steps))
        # By how much contributions jump, as their errors see it: between neighbouring nodes, and
        # between every second.
        self._shape, self._device = (2, steps, agents), device
        self._jumps: Tensor | None = None

    def add(self, piece: Piece, samples: Samples, steps: Mask) -> None:
        """Look at a piece, for some of its steps."""
        if self._jumps is None:
            self._jumps = torch.zeros(self._shape, dtype=torch.float64, device=self._device)
        count, here = len(samples.values), np.flatnonzero(steps)
        order = np.argsort(nested_rule().nodes[:count])
        nodes = nested_rule().nodes[order]
        # The largest jump of each agent, and its gap.
        largest = torch.empty((len(here), self._shape[2]), dtype=torch.float64, device=self._device)
        where = torch.empty_like(largest, dtype=torch.int64)
        width = max(1, BLOCK // len(here))
        for start in range(0, self._shape[2], width):
            some = slice(start, start + width)
            rows = samples.rows(some)[order][:, here]
            jumps = _jumps(rows, nodes)
            own, where[:, some] = jumps.max(dim=0)
            near, far = jumps.sum(dim=0), _jumps(rows[::2], nodes[::2]).sum(dim=0)
            largest[:, some] = torch.where(own > ISOLATED * near, own, 0.0)
            for sums, each in zip(self._jumps, (near, far), strict=True):
                sums[piece.steps[here], some] += each / piece.width
        counted = (largest > 0) & (largest >= COUNTED * largest.amax(dim=1, keepdim=True))
        for k, step in enumerate(piece.steps[here].tolist()):
            self._occupied[step] += len(where[k, counted[k]].unique())
            self._gaps[step] += count - 1
            self._nodes[step] += count
            self._width[step] += piece.width

    def dear(self, step: int, allowed: float, left: int) -> bool:
        """Tell whether parting at kinks takes more nodes than equal cells do, or than are left."""
        forecast = self.forecast(step)
        if forecast.error <= OF_NO_MATTER * allowed:
            # It is not jumps that are in the way.
            return False
        parting, cells = self.parting(step), forecast.cells(allowed)
        if cells <= left:
            return parting > cells
        return parting > left and self._nodes[step] >= ENOUGH

    def parting(self, step: int) -> float:
        """Return about how many nodes it takes to part a step's pieces at all kinks.

        Infinite where every gap between nodes has one.
        """
        gaps, occupied = self._gaps[step], self._occupied[step]
        if occupied >= gaps:
            return np.inf if gaps else 0.0
        return float(-PER_KINK * gaps * np.log1p(-occupied / gaps))

    def forecast(self, step: int) -> Forecast:
        """Return what is to be expected of equal cells, as many as there are nodes."""
        if self._jumps is None or not self._nodes[step]:
            return Forecast(1.0, np.inf, 1.0)
        near, far = (max(float(rows[step].max()), TINY) for rows in self._jumps)
        nodes = self._nodes[step]
        # Jumps stay as they are where nodes are denser, bends become smaller.
        rate = 1 + min(max(np.log2(far / near), 0.0), 1.0)
        return Forecast(nodes, near * self._width[step] / (2 * nodes), rate)


def _jumps(rows: Tensor, nodes: Floats) -> Tensor:
    """Return by how much contributions (q, k, n) jump in each gap between nodes, or seem to."""
    gaps = torch.from_numpy(np.diff(nodes)).to(rows.device)[:, None, None]
    steps = rows.diff(dim=0)
    bends = (steps / gaps).diff(dim=0).abs()
    both = torch.cat([bends[:1], bends]) + torch.cat([bends, bends[-1:]])
    return torch.minimum(steps.abs(), gaps * both / 2)
