"""A torch function of a population as numbers: value, gradient, second derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from aumann._baseline import dense
from aumann._tensors import check_tensor
from aumann._torch import import_torch, is_tensor
from aumann._twins import as_torch
from aumann.coercion import read_features
from aumann.value_functions import ValueFunction

__all__ = ["Differentiable"]


class Differentiable:
    """A torch callable f and the features x of one step, checked, in the dtype of the evaluation.

    Parameters
    ----------
    f : callable or ValueFunction
        Takes a tensor (N, d) and returns a tensor with one number.
    x : tensor, array-like, table or Population, shape (N, d)
        The features.

    Attributes
    ----------
    x : tensor, shape (N, d)
        float64; the dtype of its parameters if f is a module with parameters; else float32 if x is
        such a tensor.
    names : tuple of str or None
        Names of the features, where x has them.
    by_autograd : bool
        Whether second derivatives come from autograd. Some kernels of torch have a first
        derivative only; differences of gradients stand in for them.

    Raises
    ------
    TypeError, ValueError
        If f is no callable or x cannot be read.

    Examples
    --------
    >>> Differentiable(lambda x: x.square().sum(), [[1.0], [3.0]]).gradient().tolist()
    [[2.0], [6.0]]
    """

    def __init__(self, f: Any, x: Any) -> None:
        """Read both arguments."""
        self.torch = import_torch("check_value_function")
        if not callable(f) and not isinstance(f, ValueFunction):
            raise TypeError(f"f: {f!r}, a torch callable or a value function is wanted")
        self.name = _name(f)
        self._f: Callable[[Any], Any] = as_torch(f) if isinstance(f, ValueFunction) else f
        self.x, self.names = self._read(x)
        self.epsilon = float(self.torch.finfo(self.x.dtype).eps)
        self.by_autograd = True

    def _read(self, x: Any) -> tuple[Any, tuple[str, ...] | None]:
        # Only here, as it imports torch.
        from aumann.path_integral.evaluation import Precision

        if is_tensor(x):
            check_tensor(x, "x")
        features = read_features(x)
        steps = features.shape[0]
        if steps != 1:
            raise ValueError(f"x: {steps} steps, the features of one step, (N, d), are wanted")
        (block,) = features.blocks()
        rows = dense(block.x)[0]
        rows = rows if block.presence is None else rows[block.presence[0]]
        # Arrays say little of what a function computes in; tensors do.
        tensor = self.torch.as_tensor(np.array(rows, dtype=None if is_tensor(x) else np.float64))
        bad = (~tensor.isfinite()).nonzero()
        if len(bad):
            i, k = bad[0].tolist()
            raise ValueError(
                f"x: {tensor[i, k].item()} at agent {i}, feature {k}, finite numbers are wanted"
            )
        if is_tensor(x):
            tensor = tensor.to(x.device)
        return Precision.of(self._f, tensor).cast(tensor), features.names

    def value(self, x: Any, where: str | None) -> float:
        """Return F(x); `where` names x in the error for a value that is not finite, if one is due.

        Examples
        --------
        >>> squares = Differentiable(lambda x: x.square().sum(), [[1.0], [3.0]])
        >>> squares.value(2 * squares.x, "at twice x")
        40.0
        """
        with self.torch.no_grad():
            # A function that works in place must not write to the caller's features.
            return self._number(self._f(x.clone()), where)

    def gradient(self, x: Any = None) -> Any:
        """Return dF/dx, of the shape of x; by default at the features, where it must be finite.

        Examples
        --------
        >>> Differentiable(lambda x: x.square().sum(), [[1.0], [3.0]]).gradient().tolist()
        [[2.0], [6.0]]
        """
        gradient = self._gradient(self.x if x is None else x, graph=False)[1]
        bad = (~gradient.isfinite()).nonzero()
        if x is None and len(bad):
            i, k = bad[0].tolist()
            raise ValueError(
                f"f: gradient {gradient[i, k].item()} at agent {i}, feature {k}, "
                "a finite gradient is wanted at x"
            )
        return gradient

    def products(self, vectors: Iterable[Any]) -> Iterator[Any]:
        """Yield the second derivatives at x times each vector, H v, all of the shape of x.

        One graph of the gradient is held in memory for all vectors.

        Examples
        --------
        >>> product = Differentiable(lambda x: x.sum() ** 2, [[1.0], [3.0]])
        >>> [found.tolist() for found in product.products([product.x])]
        [[[8.0], [8.0]]]
        """
        torch = self.torch
        leaf = gradient = None
        if self.by_autograd:
            leaf, gradient = self._gradient(self.x, graph=True)
        for vector in vectors:
            if gradient is not None and not gradient.requires_grad:
                yield torch.zeros_like(self.x)
                continue
            if self.by_autograd:
                try:
                    (found,) = torch.autograd.grad(
                        gradient, leaf, vector, retain_graph=True, allow_unused=True
                    )
                    yield torch.zeros_like(self.x) if found is None else found
                    continue
                except RuntimeError as error:
                    if not any(word in str(error) for word in ("derivative", "differentiate")):
                        raise
                    self.by_autograd, gradient = False, None
            yield self._difference(vector)

    def _difference(self, vector: Any) -> Any:
        """Return the central difference of gradients, divided by its step."""
        step = self.epsilon ** (1 / 3) * float(self.x.std(correction=0)) or self.epsilon ** (1 / 3)
        ends = [self.gradient(self.x + sign * step * vector) for sign in (1, -1)]
        return (ends[0] - ends[1]) / (2 * step)

    def _gradient(self, x: Any, graph: bool) -> tuple[Any, Any]:
        torch = self.torch
        leaf = x.clone().requires_grad_()
        with torch.enable_grad():
            value = self._f(leaf)
            self._number(value, None)
            found = None
            if value.requires_grad:
                (found,) = torch.autograd.grad(
                    value.reshape(()), leaf, create_graph=graph, allow_unused=True
                )
        if found is None:
            raise ValueError(
                "f: no gradient reaches x, a value that depends on x by differentiable torch "
                "operations is wanted (detach, item, numpy, comparisons and rounding cut it off)"
            )
        return leaf, found

    def _number(self, value: Any, where: str | None) -> float:
        if not isinstance(value, self.torch.Tensor):
            raise TypeError(f"f: returned {type(value).__name__}, a torch tensor is wanted")
        if value.numel() != 1:
            raise ValueError(f"f: returned shape {tuple(value.shape)}, one number, (), is wanted")
        if value.is_complex():
            raise TypeError(f"f: returned dtype {value.dtype}, a real number is wanted")
        number = float(value.detach())
        if where is not None and not math.isfinite(number):
            raise ValueError(f"f: value {number} {where}, a finite number is wanted")
        return number


def _name(f: Any) -> str:
    if isinstance(f, ValueFunction):
        return repr(f)
    name: str = getattr(f, "__name__", type(f).__name__)
    return "a function" if name == "<lambda>" else name
