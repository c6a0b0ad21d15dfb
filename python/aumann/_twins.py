"""The built-in value functions as functions of torch tensors, which autograd differentiates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aumann._tensors import check_tensor
from aumann._torch import import_torch
from aumann.value_functions import BuiltIn, ValueFunction

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TorchValueFunction", "Twin", "as_torch", "twin_of"]


def as_torch(value_function: ValueFunction) -> TorchValueFunction:
    """Return the torch twin of a value function: the same number, differentiable.

    It cross-checks what is attributed by autograd, and is a part to build other indicators from.

    Parameters
    ----------
    value_function : ValueFunction
        `Mean`, `Heat`, `Variance`, `GiniMeanDifference`, or a combination of them.

    Returns
    -------
    TorchValueFunction
        A function of a tensor of floating-point numbers of shape (N, d) or (T, N, d) on any
        device that has float64. It returns a tensor of shape () or (T,) of the same dtype, computed
        in float64. Its attribute `value_function` is the argument.

    Raises
    ------
    TypeError
        If this is no value function; when called, if x is no such tensor.
    ValueError
        When called, if x has another shape or is empty, or the weights are for another number of
        features.
    ImportError
        If torch is missing; it says which extra to install.

    Notes
    -----
    Cost: that of one pass; O(N log N) for the Gini mean difference. All agents are present.

    Entries of x are not looked at, as that would wait for the device: NaN and infinity go through,
    and so does heat outside its domain, which is NaN.

    The Gini mean difference has kinks where agents are tied. Its gradient there is that of the
    mid-ranks, (2 / n^2) (2 r_i - n - 1), and its second derivatives are 0.

    Examples
    --------
    >>> import torch, aumann
    >>> f = aumann.as_torch(aumann.Variance())
    >>> f
    as_torch(Variance())
    >>> x = torch.tensor([[1.0], [2.0], [6.0]], requires_grad=True)
    >>> value = f(x)
    >>> round(value.item(), 4)
    4.6667
    >>> value.backward()
    >>> x.grad.flatten()
    tensor([-1.3333, -0.6667,  2.0000])
    """
    import_torch("as_torch")
    return TorchValueFunction(value_function)


@dataclass(frozen=True, repr=False)
class TorchValueFunction:
    """A value function of tensors; made by `as_torch`.

    Examples
    --------
    >>> import torch, aumann
    >>> aumann.as_torch(2 * aumann.Mean() + aumann.Heat())(torch.ones(2, 5, 3))
    tensor([6.6931, 6.6931])
    """

    value_function: ValueFunction

    def __post_init__(self) -> None:
        """Refuse what is no value function."""
        function: object = self.value_function
        if isinstance(function, type) and issubclass(function, ValueFunction):
            raise TypeError(f"value_function: the class {function.__name__}, an instance is wanted")
        if not isinstance(function, ValueFunction):
            raise TypeError(f"value_function: {function!r}, a value function of aumann is wanted")
        for _, term in function.terms:
            twin_of(term)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the value, shape () of x (N, d) or (T,) of x (T, N, d); see `as_torch`."""
        terms = [(coefficient, twin_of(term)) for coefficient, term in self.value_function.terms]
        value: Tensor = sum(coefficient * twin(twin.reduce(x)) for coefficient, twin in terms)
        return value.to(x.dtype)

    def __repr__(self) -> str:
        """Return the function as it would be written."""
        return f"as_torch({self.value_function!r})"


@dataclass(frozen=True)
class Twin:
    """The torch twin of one built-in value function, in two parts: reduction and value.

    A path that is straight in the features is straight in the reduced features as well. Reducing
    both of its ends once and interpolating between them keeps tied agents tied all the way, where
    composites formed anew at every node would differ by rounding.

    Parameters
    ----------
    term : BuiltIn
        The value function.
    formula : callable
        From reduced features to the value.

    Examples
    --------
    >>> import torch, aumann
    >>> twin = twin_of(aumann.Mean(weights=[1, 10]))
    >>> twin
    Twin(term=Mean(weights=(1.0, 10.0)))
    >>> reduced = twin.reduce(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> reduced
    tensor([[21.],
            [43.]], dtype=torch.float64)
    >>> twin(reduced)
    tensor(32., dtype=torch.float64)
    """

    term: BuiltIn
    formula: Callable[[Tensor], Tensor] = field(repr=False)

    def reduce(self, x: Tensor) -> Tensor:
        """Return what the value depends on, linear in the features.

        Parameters
        ----------
        x : Tensor of floating-point numbers, shape (N, d) or (T, N, d)

        Returns
        -------
        Tensor, shape (N, 1) or (T, N, 1) and float64; for heat x itself
            The composites s_i = sum_k w_k x_ik. Agents with the same features have the same bits,
            which are those of the core.

        Raises
        ------
        TypeError, ValueError
            As the result of `as_torch` when called.
        """
        check_tensor(x, "x")
        shape = tuple(x.shape)
        if len(shape) not in (2, 3):
            raise ValueError(f"x: shape {shape}, (N, d) or (T, N, d) is wanted")
        for axis, length in zip(("feature", "agent", "step"), reversed(shape), strict=False):
            if length == 0:
                raise ValueError(f"x: shape {shape}, at least one {axis} is wanted")
        if self.term.name == "heat":
            return x
        weights = self.term.weights_for(shape[-1])
        # One feature after the other, as the core adds them: a matrix product takes another order,
        # and not the same one for all agents.
        columns = [column.double() for column in x.unbind(-1)]
        if weights is not None:
            columns = [float(w) * column for w, column in zip(weights, columns, strict=True)]
        composites = columns[0]
        for column in columns[1:]:
            composites = composites + column
        return composites.unsqueeze(-1)

    def __call__(self, reduced: Tensor) -> Tensor:
        """Return the value of reduced features, float64, shape () or (T,)."""
        return self.formula(reduced)


def twin_of(term: BuiltIn) -> Twin:
    """Return the torch twin of a built-in value function.

    Parameters
    ----------
    term : BuiltIn
        One of the `terms` of a value function.

    Returns
    -------
    Twin

    Raises
    ------
    TypeError
        If this value function has no twin.

    Examples
    --------
    >>> import aumann
    >>> [twin_of(term).term for _, term in (aumann.Mean() - aumann.Heat()).terms]
    [Heat(), Mean()]
    """
    formula = _FORMULAS.get(term.name)
    if formula is None:
        raise TypeError(f"value_function: {term!r} has no torch twin")
    return Twin(term, formula)


def _mean(composites: Tensor) -> Tensor:
    return composites.squeeze(-1).mean(-1)


def _heat(features: Tensor) -> Tensor:
    means = features.mean(-2, dtype=import_torch("heat of a tensor").float64)
    return means.prod(-1).log1p()


def _variance(composites: Tensor) -> Tensor:
    composites = composites.squeeze(-1)
    return (composites - composites.mean(-1, keepdim=True)).square().mean(-1)


def _gini(composites: Tensor) -> Tensor:
    torch = import_torch("the Gini mean difference of a tensor")
    ordered = composites.squeeze(-1).sort(-1).values
    # The weights 2 r - n - 1 of mid-ranks r sum to 0 and are constant but where agents cross, so
    # neither they nor the centre, which is there for accuracy, have a part in the gradient.
    fixed = ordered.detach().contiguous()
    below, up_to = (torch.searchsorted(fixed, fixed, right=right) for right in (False, True))
    n = fixed.shape[-1]
    weights = (below + up_to - n).double() * (2 / n**2)
    return (weights * (ordered - fixed.mean(-1, keepdim=True))).sum(-1)


_FORMULAS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": _mean,
    "heat": _heat,
    "variance": _variance,
    "gini": _gini,
}
