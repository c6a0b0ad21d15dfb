"""How a torch function is evaluated: its values and gradients, and what can go wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from aumann._torch import is_module

__all__ = ["Precision", "TorchFunction", "evaluating", "shown"]

Tensor: TypeAlias = Any

OF_ARRAYS = "functions of NumPy arrays take Shapley(), Banzhaf() or LeaveOneOut()"


@dataclass(frozen=True)
class Precision:
    """Where and in which dtype a function computes."""

    device: Any
    dtype: Any

    @classmethod
    def of(cls, function: object, x: Tensor) -> Precision:
        """Return those of a module's parameters, or else of the features as they were given."""
        if is_module(function):
            for parameter in function.parameters():  # type: ignore[attr-defined]
                if parameter.dtype.is_floating_point:
                    return cls(parameter.device, parameter.dtype)
        return cls(x.device, x.dtype)

    @property
    def spacing(self) -> float:
        """The distance from 1 to the next number."""
        return float(torch.finfo(self.dtype).eps)

    def cast(self, points: Tensor) -> Tensor:
        """Return points as the function takes them."""
        return points.to(device=self.device, dtype=self.dtype)


class TorchFunction:
    """A torch function of the features of one step, or of many steps at once.

    Parameters
    ----------
    function : callable
        Takes a tensor (n, d) and returns one number, or (m, n, d) and returns m numbers.
    precision : Precision
        What it computes in.
    many : bool
        Whether it takes (m, n, d).
    """

    def __init__(self, function: Callable[[Tensor], Tensor], precision: Precision, many: bool):
        """Keep the function."""
        self.function, self.precision, self.many = function, precision, many

    def values(self, points: Tensor) -> Tensor:
        """Return F at points (m, n, d), shape (m,), float64, without gradients."""
        with torch.no_grad():
            return self._called(self.precision.cast(points))

    def gradients(self, points: Tensor, at: str) -> tuple[Tensor, Tensor]:
        """Return F and its gradient at points (m, n, d): shapes (m,) and (m, n, d)."""
        with torch.enable_grad():
            leaf = self.precision.cast(points).detach().requires_grad_()
            values = self._called(leaf, at)
            return values.detach(), gradient(self.function, values.sum(), leaf, at)

    def _called(self, points: Tensor, at: str = "") -> Tensor:
        count = len(points)
        given = points if self.many else points[0]
        with evaluating(self.function, given, at):
            value = self.function(given)
        if not isinstance(value, torch.Tensor):
            raise TypeError(
                f"value_function: {shown(self.function)} returned {type(value).__name__} for a "
                f"tensor, a tensor made from it by torch operations is wanted; {OF_ARRAYS}"
            )
        if tuple(value.shape) != (count,) if self.many else value.numel() != 1:
            wanted = f"one number per step, ({count},)," if self.many else "one number"
            raise ValueError(
                f"value_function: {shown(self.function)} returned shape {tuple(value.shape)} for "
                f"features of shape {tuple(given.shape)}, {wanted} is wanted"
            )
        return value.reshape(count).double()

    def takes_many(self, points: Tensor) -> bool:
        """Tell whether points (m, n, d) give m numbers, each that of its point alone."""
        points = self.precision.cast(points)
        together = TorchFunction(self.function, self.precision, True)
        alone = TorchFunction(self.function, self.precision, self.many)
        try:
            values = together.values(points)
            each = torch.cat([alone.values(point) for point in points.unsqueeze(1)])
        except Exception:
            # Whatever it says of features that it was not made for is of no interest.
            return False
        near = 1e3 * self.precision.spacing * (each.abs() + values.abs())
        return bool(((values - each).abs() <= near).all())


def gradient(function: object, value: Tensor, leaf: Tensor, at: str) -> Tensor:
    """Return the gradient of a value by a tensor that it was made from."""
    found = None
    if value.requires_grad:
        with evaluating(function, leaf, at):
            (found,) = torch.autograd.grad(value, leaf, allow_unused=True)
    if found is None:
        raise ValueError(
            f"value_function: {shown(function)} returned a value without a gradient by the "
            "features; torch operations all the way are wanted, without detach(), item() or "
            "NumPy on it"
        )
    return found


@contextmanager
def evaluating(function: object, given: Tensor, at: str) -> Iterator[None]:
    """Say in errors of a function what it was given, and what would help where memory ends."""
    try:
        yield
    except Exception as error:
        what = f"a tensor of shape {tuple(given.shape)}, {given.dtype} on {given.device}{at}"
        out_of_memory = isinstance(error, torch.OutOfMemoryError) or "can't allocate" in str(error)
        if out_of_memory:
            raise MemoryError(
                f"value_function: {shown(function)} ran out of memory for {what}; "
                "PathIntegral(max_bytes=...) limits how many steps and nodes are evaluated "
                "together, PooledValueFunction(..., chunk=...) how many agents"
            ) from error
        hint = f"; {OF_ARRAYS}" if isinstance(error, TypeError) else ""
        raise ValueError(
            f"value_function: {shown(function)} failed for {what}: "
            f"{type(error).__name__}: {str(error).strip()}{hint}"
        ) from error


def shown(function: object) -> str:
    """Return a function as errors and results show it: modules by their class."""
    if is_module(function):
        return type(function).__name__
    return str(getattr(function, "__qualname__", repr(function)))
