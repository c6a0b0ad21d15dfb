"""How a torch function is evaluated: its values and gradients, and what can go wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from aumann._numbers import spacing_of
from aumann._torch import is_module
from aumann.pooled import PooledValueFunction

__all__ = [
    "Precision",
    "TorchFunction",
    "evaluating",
    "modules_of",
    "same_number",
    "shown",
    "training_parts",
]

Tensor: TypeAlias = Any

OF_ARRAYS = "functions of NumPy arrays take Shapley(), Banzhaf() or LeaveOneOut()"


@dataclass(frozen=True)
class Precision:
    """Where and in which dtype a function computes."""

    device: Any
    dtype: Any

    @classmethod
    def of(cls, function: object, x: Tensor) -> Precision:
        """Return those of a module's parameters, or else of the features."""
        for module in modules_of(function):
            for parameter in module.parameters():
                if parameter.dtype.is_floating_point:
                    return cls(parameter.device, parameter.dtype)
        return cls(x.device, x.dtype if x.is_floating_point() else torch.float64)

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
        # Of modules that of their parameters, of functions that of what they return.
        self.spacing = precision.spacing if modules_of(function) else 0.0

    def values(self, points: Tensor, at: str = "") -> Tensor:
        """Return F at points (m, n, d), shape (m,), float64, without gradients."""
        with torch.no_grad():
            # A function that works in place writes to a copy, not to the caller's features.
            return self._called(self.precision.cast(points).clone(), at)

    def gradients(self, points: Tensor, at: str = "") -> tuple[Tensor, Tensor]:
        """Return F and its gradient at points (m, n, d): shapes (m,) and (m, n, d)."""
        with torch.enable_grad():
            leaf = self.precision.cast(points).detach().requires_grad_()
            values = self._called(leaf, at)
            return values.detach(), gradient(self.function, values.sum(), leaf, at)

    def agrees(self, other: TorchFunction, points: Tensor) -> bool:
        """Tell whether points (m, n, d) together give what each of them gives to the other."""
        try:
            together = self.values(points)
            alone = torch.cat([other.values(point) for point in points.unsqueeze(1)])
        except (TypeError, ValueError, MemoryError):
            # Whatever it says of features that it was not made for is of no interest.
            return False
        return same_number(together, alone, self.precision.spacing)

    def _called(self, points: Tensor, at: str) -> Tensor:
        count = len(points)
        # A view: indexing would make the backward pass copy the whole gradient.
        given = points if self.many else points.squeeze(0)
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
        if value.is_complex():
            raise TypeError(
                f"value_function: {shown(self.function)} returned {value.dtype}, a real number "
                "is wanted"
            )
        self.spacing = max(self.spacing, spacing_of(value.dtype))
        return value.reshape(count).double()


def same_number(one: Tensor, other: Tensor, spacing: float) -> bool:
    """Tell whether values of F differ by no more than rounding, in another order of operations."""
    near = min(64 * spacing, 0.02) * torch.maximum(one.abs(), other.abs())
    return bool(((one - other).abs() <= near).all())


def modules_of(function: object) -> list[Any]:
    """Return the torch modules that a function is, or is made of."""
    parts: list[Any] = [function]
    if isinstance(function, PooledValueFunction):
        parts = [function.encode, function.readout]
    return [part for part in parts if is_module(part)]


def training_parts(function: object) -> list[str]:
    """Return the parts of a module that do something else, or change, while it is trained."""
    kinds = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.dropout._DropoutNd)
    return [
        type(part).__name__
        for module in modules_of(function)
        for part in module.modules()
        if part.training and isinstance(part, kinds)
    ]


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
def evaluating(
    function: object, given: Tensor, at: str, argument: str = "value_function"
) -> Iterator[None]:
    """Say in errors of a function what it was given, and what would help where memory ends."""
    try:
        yield
    except Exception as error:
        what = f"a tensor of shape {tuple(given.shape)}, {given.dtype} on {given.device}{at}"
        message = str(error).strip()
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate" in message:
            raise MemoryError(
                f"{argument}: {shown(function)} ran out of memory for {what}; "
                "PathIntegral(max_bytes=...) limits how many steps and nodes are evaluated "
                "together, PooledValueFunction(..., chunk=...) how many agents"
            ) from error
        hint = ""
        if isinstance(error, TypeError) or "numpy()" in message:
            hint = f"; {OF_ARRAYS}"
        elif "dtype" in message:
            hint = "; functions get the dtype of x, modules that of their parameters"
        raise ValueError(
            f"{argument}: {shown(function)} failed for {what}: "
            f"{type(error).__name__}: {message}{hint}"
        ) from error


def shown(function: object) -> str:
    """Return a function as errors and results show it: modules by their class."""
    if is_module(function):
        return type(function).__name__
    return str(getattr(function, "__name__", repr(function)))
