"""What is known of F along the path, and whether nodes have seen all of it."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from aumann.path_integral.pieces import Piece
from aumann.path_integral.rules import nested_rule

__all__ = ["WIDEST_GAP", "Evidence"]

Floats: TypeAlias = NDArray[np.float64]
Steps: TypeAlias = NDArray[np.intp]

# F is known at least this often along a path that is accepted: what F does in less of the path
# than this may stay unseen.
WIDEST_GAP = 1 / 16
# Numbers of nodes through which, values and slopes, polynomials are well-conditioned.
WELL_PLACED = (7, 13, 29, 55)


class Evidence:
    """F of some steps wherever it has been evaluated on the path.

    Parameters
    ----------
    steps : int
        How many.
    """

    def __init__(self, steps: int) -> None:
        """Start with nothing."""
        self._steps = steps
        self._places: list[float] = []
        self._values: list[Floats] = []

    def add(self, places: Floats, steps: Steps, values: Floats) -> None:
        """Keep F (q, k) of some steps at places (q,)."""
        for place, row in zip(places.tolist(), values, strict=True):
            kept = np.full(self._steps, np.nan)
            kept[steps] = row
            self._places.append(place)
            self._values.append(kept)

    def missing(self, piece: Piece) -> Floats:
        """Return where to look, so that no gap of what is known in a piece is too wide."""
        places, values = self._within(piece)
        known = np.sort(places[~np.isnan(values).any(axis=1)])
        known = np.concatenate([[piece.start], known, [piece.stop]])
        looks = []
        for before, after in pairwise(known):
            parts = int(np.ceil((after - before) / WIDEST_GAP - 1e-9))
            looks.append(before + (after - before) * np.arange(1, parts) / max(parts, 1))
        return np.concatenate(looks)

    def surprise(self, piece: Piece, values: Floats, slopes: Floats) -> tuple[Floats, Floats]:
        """Return how far F lies from what its nodes in a piece make of it, and where, per step.

        Parameters
        ----------
        piece : Piece
            Where, and the steps.
        values, slopes : ndarray, shape (count, k)
            F and its derivative by v at the nodes of a level.
        """
        count = max(each for each in WELL_PLACED if each <= len(values))
        places, known = self._within(piece)
        if not len(places):
            return np.zeros(len(piece.steps)), np.zeros(len(piece.steps))
        data = np.concatenate(
            [piece.before[None], piece.after[None], values[:count], slopes[:count]]
        )
        basis = legendre.legvander(2 * piece.nodes(places) - 1, len(data) - 1)
        # Differences from the start, lest rounding of a large F be enlarged.
        data[: count + 2] -= piece.before
        wanted = basis @ (_through(count) @ data)
        apart = np.abs(known - piece.before - wanted)
        apart[np.isnan(apart)] = 0
        return apart.max(axis=0), places[apart.argmax(axis=0)]

    def _within(self, piece: Piece) -> tuple[Floats, Floats]:
        places = np.array(self._places)
        inside = (places > piece.start) & (places < piece.stop)
        table = np.array(self._values).reshape(len(places), self._steps)
        return places[inside], table[np.ix_(inside, piece.steps)]


@cache
def _through(count: int) -> Floats:
    """Return Legendre coefficients of the polynomial with given values and slopes.

    Values at 0, 1 and the nodes come first, then the slopes by v on [0, 1] at the nodes.
    """
    nodes = 2 * nested_rule().nodes[:count] - 1
    size = 2 * count + 2
    values = legendre.legvander(np.concatenate([[-1.0, 1.0], nodes]), size - 1)
    slopes = 2 * legendre.legval(nodes, legendre.legder(np.eye(size)), tensor=True).T
    return np.linalg.inv(np.concatenate([values, slopes]))
