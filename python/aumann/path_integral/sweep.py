"""One rule of many equal cells, for agents who have kinks all over the path."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.path_integral.evidence import WIDEST_GAP
from aumann.path_integral.integrand import Integrand
from aumann.path_integral.pieces import Piece

__all__ = ["Forecast", "Swept", "cells_of", "merged", "sweep"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]

# More cells than foreseen are taken, lest errors end just above what is allowed.
MARGIN = 1.1
# How near either end of a piece there is a node more, in cells.
NEAR_END = 1 / 8
# Nodes of a piece beside the midpoints of its cells, and one if these have been rounded up.
MORE = 3


@dataclass(frozen=True)
class Forecast:
    """What the error of some number of cells is, and as which power of their number it falls."""

    nodes: float
    error: float
    rate: float

    def cells(self, allowed: float) -> float:
        """Return how many it takes until the error is allowed."""
        if not allowed > 0:
            return math.inf
        return float(MARGIN * self.nodes * (self.error / allowed) ** (1 / self.rate))

    def after(self, cells: int, error: float) -> Forecast:
        """Return what is to be expected of more cells than those of which this is the error."""
        if not 0 < error < self.error or cells <= self.nodes:
            return Forecast(cells, error, 1.0)
        gain = math.log(self.error / error) / math.log(cells / self.nodes)
        # By jumps it falls as the first power, by bends as the second.
        return Forecast(cells, error, min(max(gain, 1.0), 2.0))


@dataclass(frozen=True, eq=False)
class Swept:
    """Integrals and errors (n,) over some pieces of one step.

    `missed` is by how much F is not what contributions, give or take their errors, make of it.
    """

    values: Tensor
    errors: Tensor
    missed: float

    @property
    def error(self) -> float:
        """The largest error of an agent, to whom all that is missed may belong."""
        return float(self.errors.max()) + self.missed


def merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Return pieces of one step in order, those that meet as one, singular ends excepted."""
    found: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.start):
        last = found[-1] if found else None
        if last and last.stop == piece.start and last.order == piece.order == 1:
            found[-1] = Piece(last.start, piece.stop, piece.steps, last.before, piece.after)
        else:
            found.append(piece)
    return found


def cells_of(pieces: Sequence[Piece], forecast: Forecast, allowed: float, left: int) -> int:
    """Return how many cells to try on pieces, with so many gradients left.

    At least as many as it takes to see F as often as on pieces that are accepted.
    """
    least = sum(piece.width for piece in pieces) / WIDEST_GAP
    wanted = max(forecast.cells(allowed), least)
    return int(min(np.ceil(wanted), left - MORE * len(pieces)))


def sweep(
    integrand: Integrand,
    pieces: Sequence[Piece],
    cells: int,
    noise: float,
    seen: Callable[[int], None],
) -> Swept:
    """Integrate over pieces by the midpoints of cells.

    Parameters
    ----------
    integrand : Integrand
        Of one step.
    pieces : sequence of Piece
        Where.
    cells : int
        How many in all, but for a few where pieces are narrow.
    noise : float
        Rounding of F.
    seen : callable
        Takes how many more gradients have been evaluated.

    Notes
    -----
    A contribution that jumps by J between two midpoints, h apart, makes an error of J h / 2 at
    most, which is taken for its error; of one that only bends, or turns smoothly, its second
    differences are. So every agent's error is known without the help of a total, and falls with the
    number of cells however many kinks there are. A cell costs a few numbers, not one per agent.
    """
    values, errors = torch.zeros(
        (2, integrand.agents), dtype=torch.float64, device=integrand.device
    )
    width = sum(piece.width for piece in pieces)
    missed = 0.0
    for piece in pieces:
        nodes = _nodes(max(1, int(cells * piece.width / width)))
        part = _Sweep(nodes, values, errors)
        places, speeds = piece.places(nodes), piece.speeds(nodes)
        heights = [float(piece.before[0])]
        for start in range(0, len(nodes), integrand.batch):
            some = slice(start, start + integrand.batch)
            found, contributions = integrand.at(places[some].tolist())
            seen(len(found))
            heights += found[:, 0].tolist()
            for row, speed in zip(contributions[:, 0], speeds[some].tolist(), strict=True):
                part.add(row.double() * speed)
        heights.append(float(piece.after[0]))
        apart = np.abs(np.diff(heights) - part.changes)
        missed += float(np.maximum(apart - part.doubts - noise, 0).sum())
    return Swept(values, errors, missed)


def _nodes(cells: int) -> Floats:
    """Return the midpoints of cells of [0, 1], and a place near either end."""
    margin = NEAR_END / cells
    return np.concatenate([[margin], (np.arange(cells) + 0.5) / cells, [1 - margin]])


class _Sweep:
    """The sum over the nodes of a piece, in order.

    Parameters
    ----------
    nodes : ndarray
        On [0, 1], at least 3.
    values, errors : tensor, shape (n,)
        To which integrals and their errors are added.

    Attributes
    ----------
    changes, doubts : list of float
        Between neighbouring nodes and to the ends: what F changes by, and what that may be off by.
    """

    def __init__(self, nodes: Floats, values: Tensor, errors: Tensor) -> None:
        self.values, self.errors = values, errors
        self.changes: list[float] = []
        self.doubts: list[float] = []
        self._gaps = np.diff(nodes).tolist()
        self._margin = float(nodes[0])
        self._done = 0
        self._row: Tensor = None
        self._total = 0.0
        self._slope: Tensor = None
        self._bend: Tensor = None

    def add(self, row: Tensor) -> None:
        """Add the contributions at the next node."""
        k = self._done
        self._done += 1
        before = self._gaps[k - 1] if k else 2 * self._margin
        after = self._gaps[k] if k < len(self._gaps) else 2 * self._margin
        self.values.add_(row, alpha=(before + after) / 2)
        total = float(row.sum())
        if k == 0:
            self.changes.append(total * self._margin)
        else:
            slope = (row - self._row) / before
            self.changes.append((total + self._total) * before / 2)
            if k == 1:
                self._end(slope)
            else:
                bend = (slope - self._slope).abs_()
                self._gap(k - 2, bend if k == 2 else self._bend, bend)
                self._bend = bend
            self._slope = slope
        self._row, self._total = row, total
        if k == len(self._gaps):
            self._gap(k - 1, self._bend, self._bend)
            self.changes.append(total * self._margin)
            self._end(self._slope)

    def _gap(self, gap: int, before: Tensor, after: Tensor) -> None:
        """Add errors in a gap, whose slope differs so much from those before and after it."""
        width = self._gaps[gap]
        off = torch.minimum(self._slope.abs() / 2, (before + after) / 4).mul_(width**2)
        self.errors.add_(off)
        self.doubts.append(float(off.sum()))

    def _end(self, slope: Tensor) -> None:
        """Note what is not seen between an end and the node next to it; of a jump F alone tells."""
        self.doubts.append(float(slope.abs().sum()) * self._margin**2 / 2)
