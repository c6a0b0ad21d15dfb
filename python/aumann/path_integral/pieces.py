"""Pieces of a path, and how their nodes are laid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Piece"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of the path, for the steps that need it.

    Parameters
    ----------
    start, stop : float
        Where it lies on the path.
    steps : ndarray of int, shape (k,)
        Which of the steps are integrated over it.
    before, after : ndarray, shape (k,)
        F at its ends.
    order : int
        Nodes v on [0, 1] lie at a = start + width v^order (or the mirror image): with an order
        above 1 what grows like a power of the distance from that end is smooth in v.
    at_stop : bool
        Whether it is the far end that the order is about.
    """

    start: float
    stop: float
    steps: NDArray[np.intp]
    before: Floats
    after: Floats
    order: int = 1
    at_stop: bool = False

    @property
    def width(self) -> float:
        """Its length as a part of the path."""
        return self.stop - self.start

    def places(self, nodes: Floats) -> Floats:
        """Return where nodes v of [0, 1] lie on the path."""
        if self.at_stop:
            return self.stop - self.width * (1 - nodes) ** self.order
        return self.start + self.width * nodes**self.order

    def speeds(self, nodes: Floats) -> Floats:
        """Return the derivative of the places by v."""
        away = 1 - nodes if self.at_stop else nodes
        return self.width * self.order * away ** (self.order - 1)

    def nodes(self, places: Floats) -> Floats:
        """Return the v that lie at places."""
        if self.at_stop:
            return 1 - ((self.stop - places) / self.width) ** (1 / self.order)
        return ((places - self.start) / self.width) ** (1 / self.order)

    def of(self, which: NDArray[Any]) -> Piece:
        """Return the piece for some of its steps, given as a mask or as positions."""
        return replace(
            self, steps=self.steps[which], before=self.before[which], after=self.after[which]
        )

    def parts(self, node: float, middle: Floats) -> list[Piece]:
        """Return both parts about a node v, given F there; the order stays with its end."""
        at = float(self.places(np.array(node)))
        first = replace(self, stop=at, after=middle)
        second = replace(self, start=at, before=middle)
        plain: dict[str, Any] = {"order": 1, "at_stop": False}
        if self.at_stop:
            return [replace(first, **plain), second]
        return [first, replace(second, **plain)]
