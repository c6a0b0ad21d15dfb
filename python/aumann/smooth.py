"""Twice continuously differentiable stand-ins for functions of torch tensors that are not.

The path integral of Aumann-Shapley asks for a smooth value function. These functions are what to
write one with in place of a maximum, a threshold or a sort. All take a `temperature` in the units
of x: as it falls to 0 they tend to what they stand in for, their second derivatives grow as
1 / temperature, and the path integral needs more nodes. Bounds hold up to rounding.

Tensors may have any leading dimensions; the result has the dtype and the device of x.
"""

from __future__ import annotations

import math
import sys
from numbers import Real
from typing import TYPE_CHECKING

from aumann._tensors import check_tensor

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["absolute", "indicator", "maximum", "positive_part", "rank", "sort"]


def maximum(x: Tensor, *, temperature: float, dim: int = -1) -> Tensor:
    """Return the smooth maximum along a dimension: t log sum_j exp(x_j / t).

    Error: max(x) <= value <= max(x) + t log n, for n entries and temperature t.

    Parameters
    ----------
    x : Tensor of floating-point numbers, shape (..., n, ...)
        The entries.
    temperature : float
        The temperature t, above 0, in units of x.
    dim : int, default -1
        The dimension that the maximum is of.

    Returns
    -------
    Tensor, shape of x without the dimension

    Raises
    ------
    TypeError
        If x is no tensor of floating-point numbers, or the temperature no number.
    ValueError
        If the temperature is not above 0, or beyond the range of x's dtype.
    IndexError
        If x has no such dimension, or no entry along it.

    Notes
    -----
    Cost: O(n). The gradient is a softmax.

    Source: S. Boyd and L. Vandenberghe, "Convex Optimization" (2004), section 3.1.5.

    Examples
    --------
    >>> import torch
    >>> from aumann import smooth
    >>> x = torch.tensor([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]])
    >>> smooth.maximum(x, temperature=0.5)
    tensor([6.0002, 3.5493])
    """
    t = _checked(x, temperature)
    largest = x.detach().amax(dim, keepdim=True)
    return largest.squeeze(dim) + t * ((x - largest) / t).logsumexp(dim)


def positive_part(x: Tensor, *, temperature: float) -> Tensor:
    """Return the smooth positive part: t log(1 + exp(x / t)), the softplus.

    Error: 0 <= value - max(x, 0) <= t log 2, largest at x = 0.

    Parameters
    ----------
    x : Tensor of floating-point numbers
        Any shape.
    temperature : float
        The temperature t, above 0, in units of x.

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    TypeError, ValueError
        As `maximum`.

    Notes
    -----
    Cost: one pass.

    Source: C. Dugas et al., "Incorporating second-order functional knowledge for better option
    pricing" (2001).

    Examples
    --------
    >>> import torch
    >>> from aumann import smooth
    >>> smooth.positive_part(torch.tensor([-1.0, 0.0, 1.0]), temperature=0.5)
    tensor([0.0635, 0.3466, 1.0635])
    """
    t = _checked(x, temperature)
    # Either branch is the function itself, so that its derivatives are right at 0 as well, and
    # neither takes the exponential of a number above 0.
    below = x.detach() < 0
    return x.where(~below, 0) + t * (x.where(below, -x) / t).exp().log1p()


def indicator(x: Tensor, *, temperature: float) -> Tensor:
    """Return the smooth indicator of x > 0: 1 / (1 + exp(-x / t)), the logistic function.

    Error: at most exp(-abs(x) / t); the value at x = 0 is 1/2. The derivative of
    `positive_part`.

    Parameters
    ----------
    x : Tensor of floating-point numbers
        Any shape.
    temperature : float
        The temperature t, above 0, in units of x.

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    TypeError, ValueError
        As `maximum`.

    Notes
    -----
    Cost: one pass.

    Examples
    --------
    >>> import torch
    >>> from aumann import smooth
    >>> smooth.indicator(torch.tensor([-1.0, 0.0, 1.0]), temperature=0.5)
    tensor([0.1192, 0.5000, 0.8808])
    """
    return (x / _checked(x, temperature)).sigmoid()


def absolute(x: Tensor, *, temperature: float) -> Tensor:
    """Return the smooth absolute value: sqrt(x^2 + t^2) - t.

    Error: 0 <= abs(x) - value <= t; none at x = 0. For small x it is x^2 / (2 t).

    Parameters
    ----------
    x : Tensor of floating-point numbers
        Any shape.
    temperature : float
        The temperature t, above 0, in units of x.

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    TypeError, ValueError
        As `maximum`.

    Notes
    -----
    Cost: one pass. Computed as x^2 / (sqrt(x^2 + t^2) + t), without cancellation or overflow.

    Source: P. Charbonnier et al., "Deterministic edge-preserving regularization in computed
    imaging" (1997).

    Examples
    --------
    >>> import torch
    >>> from aumann import smooth
    >>> smooth.absolute(torch.tensor([-2.0, 0.0, 2.0]), temperature=0.5)
    tensor([1.5616, 0.0000, 1.5616])
    """
    t = _checked(x, temperature)
    # A quarter of both, as the sum of two large numbers would overflow. The first term is the
    # value, free of cancellation; the second is 0 and carries the derivatives of the root.
    quarter = x / 4
    root = quarter.hypot(x.new_full((), t / 4))
    fixed = root.detach()
    return x.detach() * (quarter.detach() / (fixed + t / 4)) + 4 * (root - fixed)


def rank(x: Tensor, *, temperature: float, dim: int = -1) -> Tensor:
    """Return smooth ranks, ascending from 1: 1/2 + sum_j 1 / (1 + exp(-(x_i - x_j) / t)).

    Error: at most sum over j != i of exp(-abs(x_i - x_j) / t) where the entries are distinct.
    Equal entries share their rank, as mid-ranks do, and the ranks of n entries sum to
    n (n + 1) / 2.

    Parameters
    ----------
    x : Tensor of floating-point numbers, shape (..., n, ...)
        The entries.
    temperature : float
        The temperature t, above 0, in units of x.
    dim : int, default -1
        The dimension along which entries are ranked.

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    TypeError, ValueError
        As `maximum`.
    IndexError
        If x has no such dimension.

    Notes
    -----
    Cost: O(n^2) in time and memory.

    Source: T. Qin, T.-Y. Liu and H. Li, "A general approximation framework for direct optimization
    of information retrieval measures" (2010).

    Examples
    --------
    >>> import torch
    >>> from aumann import smooth
    >>> smooth.rank(torch.tensor([2.0, 9.0, 2.0, 1.0]), temperature=0.1)
    tensor([2.5000, 4.0000, 2.5000, 1.0001])
    """
    t = _checked(x, temperature)
    rows = x.movedim(dim, -1)
    above = ((rows.unsqueeze(-1) - rows.unsqueeze(-2)) / t).sigmoid()
    return (above.sum(-1) + 0.5).movedim(-1, dim)


def sort(x: Tensor, *, temperature: float, dim: int = -1) -> Tensor:
    """Return smoothly sorted entries, ascending: averages of x with weights of each place.

    The value at place k of n is sum_j p_kj x_j. Its weights p_k are the softmax over j of

        ((2 k - n - 1) x_j - sum_l a(x_j - x_l)) / t,

    a being `absolute` with temperature t / n. Error: abs(value_k - x_(k)) <= t log n.

    Parameters
    ----------
    x : Tensor of floating-point numbers, shape (..., n, ...)
        The entries.
    temperature : float
        The temperature t, above 0, in units of x.
    dim : int, default -1
        The dimension along which entries are sorted.

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    TypeError, ValueError
        As `maximum`; also if t / n is beyond the range of x's dtype.
    IndexError
        If x has no such dimension, or no entry along it.

    Notes
    -----
    Cost: O(n^2) in time and memory. Rounding adds about n times that of the spread of x.

    Why the bound: with abs(.) for a, what is divided by t falls off from x_(k) with slope 1 or
    more, and a differs from abs(.) by t (n - 1) / n at most, summed over l. So the weight of an
    entry at distance D is at most c exp(-D / t) times that of x_(k), with c = exp((n - 1) / n).
    Of all such weights, the ones that maximise sum_j p_j D_j give t W(c (n - 1) / e), W being
    Lambert's function; it is at most t W(n - 1) <= t log n.

    Source: A. Grover, E. Wang, A. Zweig and S. Ermon, "Stochastic optimization of sorting networks
    via continuous relaxations" (2019), which has abs(.) for a and so one derivative only.

    Examples
    --------
    >>> import torch
    >>> from aumann import smooth
    >>> smooth.sort(torch.tensor([2.0, 9.0, 2.5, 1.0]), temperature=0.1)
    tensor([1.0000, 2.0033, 2.4967, 9.0000])
    """
    t = _checked(x, temperature)
    rows = x.movedim(dim, -1)
    n = rows.shape[-1]
    # The logits of a place do not depend on the origin; their rounding does.
    fixed = rows.detach()
    middle = fixed.amin(-1, keepdim=True) / 2 + fixed.amax(-1, keepdim=True) / 2
    rows = rows - middle
    differences = rows.unsqueeze(-1) - rows.unsqueeze(-2)
    distances = absolute(differences, temperature=t / n).sum(-1)
    slopes = 2 * rows.new_ones(n).cumsum(0) - (n + 1)
    heights = slopes.unsqueeze(-1) * rows.unsqueeze(-2) - distances.unsqueeze(-2)
    heights = heights - heights.detach().amax(-1, keepdim=True)
    weights = (heights / t).softmax(-1)
    return ((weights * rows.unsqueeze(-2)).sum(-1) + middle).movedim(-1, dim)


def _checked(x: Tensor, temperature: object) -> float:
    """Return the temperature as a number that x's dtype can hold and divide by."""
    check_tensor(x, "x")
    if isinstance(temperature, bool) or not isinstance(temperature, Real):
        raise TypeError(f"temperature: {temperature!r}, a number above 0 is wanted")
    try:
        t = float(temperature)
    except OverflowError:
        t = math.inf
    if not 0 < t < math.inf:
        raise ValueError(f"temperature: {t}, a number above 0 is wanted")
    limits = sys.modules["torch"].finfo(x.dtype)
    if not limits.tiny <= t <= limits.max:
        raise ValueError(
            f"temperature: {t}, a number from {limits.tiny:.3g} to {limits.max:.3g} is wanted "
            f"for {x.dtype}"
        )
    return t
