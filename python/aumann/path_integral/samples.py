"""Contributions at the nodes of a piece, and what a level of the nested rule makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.path_integral.rounding import host
from aumann.path_integral.rules import Level

__all__ = ["Samples", "Seen"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]

# Numbers of a block of agents: what is made of them stays in the cache.
BLOCK = 2**15
# Coefficients that fall by less than this from one window to the next may be those of a jump.
FALLING = 0.5
# The error of the total is known, and so by how much coefficients exaggerate it; errors of agents
# are taken to be exaggerated alike, less this factor, and by no more than that much.
SAFETY, SHARPEST = 10.0, 0.03
# What is this many times the rounding of F may be that of its intermediate results.
ROUNDED = 8.0
# The total tells of its agents where its last coefficients are at least this part of theirs. Of
# those that fall so many times less it does not tell how sharp they are: kinks of many agents are
# none of the total. Where it does not tell at all, their fall is trusted less far.
TELLING, ALIKE, CAUTION = 0.3, 3.0, 0.3
# Coefficients that fall by this much from one window to the next are no kink's.
STEEP = 0.1
# Coefficients above this part of the largest integral may be anything's, a kink's for one.
COARSE = 0.01
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False)
class Seen:
    """What a level makes of a piece: integrals and their errors (k, n), of k steps.

    `last` and `before` are the largest of the last Legendre coefficients and of those before them,
    shape (k,).
    """

    values: Tensor
    errors: Tensor
    last: Floats
    before: Floats


class Samples:
    """Contributions of the agents at the nodes of a piece.

    Parameters
    ----------
    steps : int
        How many steps there are.
    """

    def __init__(self, steps: int) -> None:
        """Start without nodes."""
        self.blocks: list[Tensor] = []
        self.speeds = np.zeros(0)
        # F, and the sum of the contributions by the place in the piece, shape (q, k).
        self.values, self.slopes = np.zeros((0, steps)), np.zeros((0, steps))

    def add(self, values: Floats, contributions: Tensor, speeds: Floats) -> None:
        """Add F (q, k) and contributions (q, k, n) at nodes, whose places move at some speeds."""
        self.blocks.append(contributions)
        self.speeds = np.concatenate([self.speeds, speeds])
        sums = host(contributions.sum(dim=2, dtype=torch.float64)) * speeds[:, None]
        self.values = np.concatenate([self.values, values])
        self.slopes = np.concatenate([self.slopes, sums])

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Keep some of the steps."""
        mask = torch.from_numpy(which).to(self.blocks[0].device)
        self.blocks = [block[:, mask] for block in self.blocks]
        self.values, self.slopes = self.values[:, which], self.slopes[:, which]

    def size_at(self, node: int) -> Floats:
        """Return the sum of the magnitudes of the contributions at a node, shape (k,)."""
        return host(self._at(node).abs().sum(dim=1, dtype=torch.float64))

    def growing_at(self, nodes: Sequence[int]) -> Floats:
        """Return which part of the magnitudes at the first of three nodes, shape (k,), has grown.

        It is that of the agents whose contributions grow from the last node to the first all along.
        """
        near, middle, far = (self._at(node).abs() for node in nodes)
        grown = (near > middle) & (middle > far) & (far > 0)
        part = host((near * grown).sum(dim=1, dtype=torch.float64))
        whole = host(near.sum(dim=1, dtype=torch.float64))
        return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

    def _at(self, node: int) -> Tensor:
        for block in self.blocks:
            if node < len(block):
                return block[node]
            node -= len(block)
        raise IndexError(node)

    def rows(self, agents: slice) -> Tensor:
        """Return the contributions of some agents by the place in the piece, shape (q, k, ...)."""
        nodes = torch.cat([block[:, :, agents].double() for block in self.blocks])
        return nodes * torch.from_numpy(self.speeds).to(nodes.device)[:, None, None]

    def seen_in_total(self, level: Level) -> tuple[Floats, Floats, Floats]:
        """Return the integral of the total, and the largest of its last coefficients and before."""
        high, low = (np.abs(rows @ self.slopes).max(axis=0) for rows in (level.high, level.low))
        return level.weights @ self.slopes, high, low

    def seen(self, level: Level, residual: Floats, noise: Floats) -> Seen:
        """Return integrals and their errors.

        Parameters
        ----------
        level : Level
            Of as many nodes as there are.
        residual : ndarray, shape (k,)
            By how much the level misses what F changes by.
        noise : ndarray, shape (k,)
            What of that may be rounding.

        Notes
        -----
        The polynomial through the nodes has Legendre coefficients. Those of a smooth integrand fall
        by a factor from each to the next, and the error of the rule is about what they fall to at
        the first degree that it does not integrate. Those of one with a kink hardly fall, and then
        the last of them is taken for the error. Whether the fall can be believed is seen in the
        total, of which the error is known: it must be within what its own coefficients say.
        """
        values, high, low = self._combined(level)
        falls = _fall(high, low, level.power, level.jump)
        _, last, before = self.seen_in_total(level)
        raw = host(high.amax(dim=1))
        fall = _fall(torch.from_numpy(last), torch.from_numpy(before), level.power, level.jump)
        telling = last >= TELLING * raw
        believed = residual <= last * fall.numpy() + ROUNDED * noise
        known = SAFETY * (residual + noise) / np.maximum(last, residual + noise + TINY)
        sharp = torch.maximum(falls * SHARPEST, torch.minimum(falls, _column(known, falls)))
        careful = _fall(high, low, CAUTION * level.power, level.jump)
        alike = falls <= ALIKE * fall.to(falls.device)[:, None]
        alike |= high < STEEP * low
        sharp = torch.where(alike, sharp, falls)
        told, trusted = _column(telling, falls), _column(believed, falls)
        coarse = high > COARSE * values.abs().amax(dim=1, keepdim=True)
        sharp = torch.where(coarse, careful, sharp)
        factor = torch.where(told, torch.where(trusted, sharp, torch.ones_like(falls)), careful)
        return Seen(values, high * factor, raw, host(low.amax(dim=1)))

    def _combined(self, level: Level) -> tuple[Tensor, Tensor, Tensor]:
        """Return integrals, and per agent the largest of the last coefficients and before."""
        device = self.blocks[0].device
        table = np.concatenate([level.weights[None], level.high, level.low]) * self.speeds
        rows = torch.from_numpy(table).to(device)
        _, steps, agents = self.blocks[0].shape
        found = torch.empty((3, steps, agents), dtype=torch.float64, device=device)
        width = max(1, BLOCK // steps)
        for start in range(0, agents, width):
            some = slice(start, start + width)
            nodes = torch.cat([block[:, :, some].double() for block in self.blocks])
            made = (rows @ nodes.flatten(1)).reshape(len(rows), steps, -1)
            found[0, :, some] = made[0]
            last = 1 + len(level.high)
            found[1, :, some] = made[1:last].abs().amax(dim=0)
            found[2, :, some] = made[last:].abs().amax(dim=0)
        return found[0], found[1], found[2]


def _fall(high: Tensor, low: Tensor, power: float, jump: float) -> Tensor:
    """Return what part of the last coefficients the error is, which fell from low to high."""
    ratio = high / low.clamp(min=TINY)
    return torch.where(ratio < FALLING, ratio**power, jump)


def _column(numbers: NDArray[Any], like: Tensor) -> Tensor:
    return torch.from_numpy(numbers).to(like.device)[:, None]
