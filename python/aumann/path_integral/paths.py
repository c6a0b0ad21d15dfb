"""Paths from the baseline to the features of some steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.path_integral.evaluation import evaluating

__all__ = ["CustomPath", "Path", "StraightPath", "TornPath"]

Tensor: TypeAlias = Any
Rows: TypeAlias = NDArray[np.intp]

EVERYBODY = slice(None)
# By how much the ends of a path may miss the baseline and x, relative to the largest feature.
END_TOLERANCE = 1e-6


class Path(Protocol):
    """Features (steps, agents, features) as a function of a in [0, 1]."""

    @property
    def x(self) -> Tensor:
        """Where it ends, shape (m, n, d)."""

    @property
    def constant_velocity(self) -> bool:
        """Whether the derivative is the same all along."""

    def of_step(self, k: int) -> Path:
        """Return the path of one of its steps."""

    def of_steps(self, steps: Rows) -> Path:
        """Return the path of some of its steps."""

    def point(self, a: float, agents: slice = EVERYBODY, out: Tensor | None = None) -> Tensor:
        """Return the features of some agents at a, in `out` where the path can write to it."""

    def velocity(self, a: float, agents: slice = EVERYBODY) -> Tensor:
        """Return their derivative by a."""


@dataclass(frozen=True, eq=False)
class StraightPath:
    """B + a (X - B).

    Parameters
    ----------
    x : tensor, shape (m, n, d)
        X.
    start : tensor, shape (m or 1, n or 1, d), optional
        B; 0 if None.
    """

    x: Tensor
    start: Tensor | None = None
    constant_velocity: bool = True

    def of_step(self, k: int) -> StraightPath:
        """Return the path of one of its steps."""
        return self._at(slice(k, k + 1))

    def of_steps(self, steps: Rows) -> StraightPath:
        """Return the path of some of its steps."""
        return self._at(torch.from_numpy(steps).to(self.x.device))

    def _at(self, steps: Any) -> StraightPath:
        start = self.start
        if start is not None and len(start) > 1:
            start = start[steps]
        return StraightPath(self.x[steps], start)

    def point(self, a: float, agents: slice = EVERYBODY, out: Tensor | None = None) -> Tensor:
        """Return B + a (X - B), the ends to the bit, in memory of its own."""
        x, start = self.x[:, agents], self._start(agents)
        if a == 1:
            return x.clone() if out is None else out.copy_(x)
        if start is None:
            return torch.mul(x, a, out=out)
        start = start.expand_as(x)
        if a == 0:
            return start.clone() if out is None else out.copy_(start)
        return torch.lerp(start, x, a, out=out)

    def velocity(self, a: float, agents: slice = EVERYBODY) -> Tensor:
        """Return X - B."""
        start = self._start(agents)
        return self.x[:, agents] if start is None else self.x[:, agents] - start

    def _start(self, agents: slice) -> Tensor | None:
        if self.start is None or self.start.shape[1] == 1:
            return self.start
        return self.start[:, agents]


@dataclass(frozen=True, eq=False)
class TornPath:
    """A single point off a path: every other agent at its end, the others half way."""

    path: Path
    constant_velocity: bool = False

    @property
    def x(self) -> Tensor:
        """Where the path ends."""
        return self.path.x

    def of_step(self, k: int) -> TornPath:
        """Return the point of one of its steps."""
        return TornPath(self.path.of_step(k))

    def of_steps(self, steps: Rows) -> TornPath:
        """Return the point of some of its steps."""
        return TornPath(self.path.of_steps(steps))

    def point(self, a: float, agents: slice = EVERYBODY, out: Tensor | None = None) -> Tensor:
        """Return the features of some agents, whatever a is."""
        point = self.path.point(1.0, agents, out)
        first = (agents.start or 0) % 2
        half = self.path.point(0.5, agents)
        point[:, first::2] = half[:, first::2]
        return point

    def velocity(self, a: float, agents: slice = EVERYBODY) -> Tensor:
        """Return the derivative of the path half way."""
        return self.path.velocity(0.5, agents)


class CustomPath:
    """A path that the user wrote, of one step.

    Parameters
    ----------
    function : callable
        Takes a (a tensor without axes, float64), the baseline and x (tensors (n, d)), and returns
        the features at a.
    x : tensor, shape (1, n, d)
        Where it ends.
    start : tensor, shape (1, n or 1, d), optional
        Where it starts; 0 if None.

    Raises
    ------
    ValueError
        If it starts or ends elsewhere.
    """

    constant_velocity = False
    x: Tensor

    def __init__(
        self,
        function: Callable[[Tensor, Tensor, Tensor], Tensor],
        x: Tensor,
        start: Tensor | None,
    ) -> None:
        """Look at both ends."""
        self.function, self.x = function, x
        self.start = torch.zeros_like(x) if start is None else start.expand_as(x)
        largest = float(torch.maximum(x.abs().max(), self.start.abs().max()))
        for a, end, name in ((0.0, self.start, "the baseline"), (1.0, x, "x")):
            point = self.point(a)
            miss = float((point - end).abs().max())
            if not miss <= END_TOLERANCE * largest:
                raise ValueError(
                    f"path: at a = {a:g} it misses {name} by up to {miss:.3g}, a path from the "
                    "baseline to x is wanted"
                )
        moves = any(bool(self.velocity(a).any()) for a in (0.3, 0.7))
        if not moves and bool((self.x != self.start).any()):
            raise ValueError(
                "path: has no derivative by a, which float() and NumPy cut off; torch operations "
                "on a all the way are wanted"
            )

    def of_step(self, k: int) -> CustomPath:
        """Return itself, the path of its only step."""
        return self

    def of_steps(self, steps: Rows) -> CustomPath:
        """Return itself, the path of its only step."""
        return self

    def point(self, a: float, agents: slice = EVERYBODY, out: Tensor | None = None) -> Tensor:
        """Return the features at a, in memory of its own."""
        return self._checked(self._at(self._number(a)))[:, agents].clone()

    def velocity(self, a: float, agents: slice = EVERYBODY) -> Tensor:
        """Return the derivative by a."""
        number = self._number(a)
        # Of the functions that do this, the one that needs no forward rules of the operations.
        _, velocity = torch.autograd.functional.jvp(self._at, number, torch.ones_like(number))
        return self._checked(velocity)[:, agents]

    def _number(self, a: float) -> Tensor:
        return torch.tensor(a, dtype=torch.float64, device=self.x.device)

    def _at(self, a: Tensor) -> Tensor:
        with evaluating(self.function, self.x[0], f" at a = {a.item():.6g}", "path"):
            # Copies, since a path that works in place must not move its own ends.
            return self.function(a, self.start[0].clone(), self.x[0].clone())

    def _checked(self, point: Any) -> Tensor:
        shape = tuple(self.x.shape[1:])
        if not isinstance(point, torch.Tensor) or tuple(point.shape) != shape:
            got = tuple(point.shape) if isinstance(point, torch.Tensor) else type(point).__name__
            raise ValueError(f"path: returned {got}, a tensor of shape {shape} is wanted")
        return point.to(self.x.dtype)[None]
