"""Value functions: what is attributed to the agents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aumann import _core
from aumann.coercion import read_features, read_weights

__all__ = [
    "Combination",
    "GiniMeanDifference",
    "Heat",
    "Mean",
    "ValueFunction",
    "Variance",
    "from_name",
]


class ValueFunction:
    """A number F(x) of the features of all agents, whoever they are.

    The built-in ones are `Mean`, `Heat`, `Variance` and `GiniMeanDifference`. Value functions can
    be added, subtracted, and multiplied or divided by numbers; the result is a `Combination`.

    Examples
    --------
    >>> import aumann
    >>> 2 * aumann.Mean() + aumann.Variance()
    2 * Mean() + Variance()
    >>> isinstance(aumann.Mean(), aumann.ValueFunction)
    True
    """

    __slots__ = ()

    # Without this, a NumPy number on the left would multiply an object array into being.
    __array_ufunc__: ClassVar[None] = None

    @property
    def terms(self) -> tuple[tuple[float, BuiltIn], ...]:
        """The pairs of coefficient and built-in value function that sum to this one."""
        raise TypeError(f"{type(self).__name__} is no value function by itself")

    def value(
        self, x: object, presence: NDArray[np.bool_] | None = None
    ) -> float | NDArray[np.float64]:
        """Return the value of features, F(x).

        Parameters
        ----------
        x : array-like, table or Population, shape (N, d) or (T, N, d)
            Features, as in `attribute`.
        presence : ndarray of bool, shape (N,) or (T, N), optional
            Which agents are there. An absent agent does not count in n.

        Returns
        -------
        float or ndarray of float64, shape (T,)
            One number for one step, T numbers for T steps.

        Raises
        ------
        TypeError, ValueError
            If `x` or `presence` is refused, as in `attribute`.

        Notes
        -----
        One pass over x; two for variance; ranks as well for the Gini mean difference.

        Examples
        --------
        >>> import aumann
        >>> aumann.Variance().value([[1.0], [2.0], [6.0]])
        4.666666666666667
        """
        features = read_features(x, presence)
        weights = [function.weights_for(features.shape[2]) for _, function in self.terms]
        values = np.zeros(features.shape[0])
        for block in features.blocks():
            with block.locating_errors():
                for (coefficient, function), each in zip(self.terms, weights, strict=True):
                    values[block.steps] += coefficient * _core.value(
                        function.name, each, block.x, block.presence
                    )
        return values if features.stepped else float(values[0])

    def __add__(self, other: object) -> Combination:
        """Return the sum of two value functions."""
        if not isinstance(other, ValueFunction):
            return NotImplemented
        return Combination((*self.terms, *other.terms))

    def __radd__(self, other: object) -> Combination:
        """Return the sum that `sum` starts with 0."""
        return Combination(self.terms) if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, other: object) -> Combination:
        """Return the difference of two value functions."""
        return self + -other if isinstance(other, ValueFunction) else NotImplemented

    def __neg__(self) -> Combination:
        """Return the value function times -1."""
        return self * -1.0

    def __mul__(self, other: object) -> Combination:
        """Return the value function times a finite number."""
        if not isinstance(other, Real) or isinstance(other, bool):
            return NotImplemented
        return Combination(tuple((float(other) * c, function) for c, function in self.terms))

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Combination:
        """Return the value function divided by a finite number other than 0."""
        if not isinstance(other, Real) or isinstance(other, bool):
            return NotImplemented
        divisor = float(other)
        return Combination(tuple((c / divisor, function) for c, function in self.terms))


@dataclass(frozen=True)
class Combination(ValueFunction):
    """A weighted sum of value functions; written `2 * Mean() + Variance()`.

    Attribution is linear in the value function, so each term is attributed on its own and the
    results are summed.

    Parameters
    ----------
    parts : tuple of (float, ValueFunction)
        Coefficients and value functions. Terms of the same value function are merged, and terms
        are put in a fixed order, so that F + G and G + F are equal and give the same bits.

    Raises
    ------
    TypeError
        If a part is no pair of a number and a value function.
    ValueError
        If there is no part or a coefficient is not finite.

    Examples
    --------
    >>> from aumann import Mean, Variance
    >>> Mean() + Variance() - Mean() / 2
    0.5 * Mean() + Variance()
    >>> (2 * Mean() + Variance()).value([[1.0], [3.0]])
    5.0
    """

    parts: tuple[tuple[float, ValueFunction], ...]

    def __post_init__(self) -> None:
        """Flatten, merge and sort the parts."""
        merged: dict[BuiltIn, float] = {}
        for coefficient, function in self.parts:
            if not isinstance(function, ValueFunction):
                raise TypeError(f"parts: {function!r}, a value function is wanted")
            for inner, builtin in function.terms:
                merged[builtin] = merged.get(builtin, 0.0) + float(coefficient) * inner
        if not merged:
            raise ValueError("parts: none, at least one value function is wanted")
        for builtin, coefficient in merged.items():
            if not math.isfinite(coefficient):
                raise ValueError(
                    f"coefficient of {builtin!r}: {coefficient}, a finite number is wanted"
                )
        ordered = sorted(merged.items(), key=lambda item: (item[0].name, item[0].weights or ()))
        object.__setattr__(self, "parts", tuple((c, function) for function, c in ordered))

    @property
    def terms(self) -> tuple[tuple[float, BuiltIn], ...]:
        """The pairs of coefficient and built-in value function that sum to this one."""
        return tuple((c, function) for c, function in self.parts if isinstance(function, BuiltIn))

    def __repr__(self) -> str:
        """Return the sum as it would be written."""
        text = ""
        for coefficient, function in self.terms:
            size = abs(coefficient)
            term = repr(function) if size == 1 else f"{size:.15g} * {function!r}"
            sign = "-" if coefficient < 0 else "+"
            text += f" {sign} {term}" if text else (f"-{term}" if sign == "-" else term)
        return text


@dataclass(frozen=True, init=False, repr=False)
class BuiltIn(ValueFunction):
    """A value function that the core computes, by the name of the command line."""

    weights: tuple[float, ...] | None
    name: ClassVar[str]
    interacting: ClassVar[int] = 2  # agents at most, and then in closed form; 0 for any number

    @property
    def terms(self) -> tuple[tuple[float, BuiltIn], ...]:
        """The pair of 1 and this value function."""
        return ((1.0, self),)

    def __repr__(self) -> str:
        """Return the value function as it would be written."""
        weights = "" if self.weights is None else f"weights={self.weights!r}"
        return f"{type(self).__name__}({weights})"

    def weights_for(self, features: int) -> NDArray[np.float64] | None:
        """Return the weights of so many features, shape (d,), or None where all are 1."""
        if self.weights is None:
            return None
        if len(self.weights) != features:
            raise ValueError(
                f"weights: {len(self.weights)} numbers for the {features} features of x, "
                "one per feature is wanted"
            )
        return np.array(self.weights)


class _Weighted(BuiltIn):
    """A value function of the composites s_i = sum_k w_k x_ik."""

    def __init__(self, weights: ArrayLike | None = None) -> None:
        """Keep the weights as numbers that cannot change."""
        object.__setattr__(self, "weights", None if weights is None else read_weights(weights))


class Mean(_Weighted):
    """The mean of the composites: F = sbar, with s_i = sum_k w_k x_ik.

    Parameters
    ----------
    weights : array-like of float, shape (d,), optional
        Weights w of the features; 1 if None. Kept as a tuple.

    Raises
    ------
    TypeError, ValueError
        If the weights are not finite real numbers in one row.

    Notes
    -----
    Domain: all finite features. Attribution with baseline b: phi_i = (s_i - b_i) / n, in one pass.
    It is additive over agents: the one value function here for which a panel and the population
    agree up to a common factor.

    Source: F_lin of "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404.

    Examples
    --------
    >>> import aumann
    >>> x = [[1.0, 2.0], [3.0, 0.0], [0.0, 3.0]]
    >>> aumann.Mean().value(x)
    3.0
    >>> aumann.attribute(x, aumann.Mean(weights=[1, 0])).values
    array([0.33333333, 1.        , 0.        ])
    """

    name = "mean"
    interacting = 1


class Heat(BuiltIn):
    """The heat: F = log(1 + P), P the product of the means of the features.

    High only where all features are high on average, if in different agents.

    Notes
    -----
    Domain: P > -1 along the path, or in all coalitions; P of any size (sampled: below 1e300). Zero
    baseline: phi_i = L / (d n) * sum_k x_ik prod_(l != k) xbar_l, L = log(1 + P) / P; others by a
    quadrature in the d means. Two passes; no weights, as they would only scale P.

    Source: F_mult of "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404.

    Examples
    --------
    >>> import aumann
    >>> x = [[1.0, 2.0], [3.0, 0.0], [2.0, 1.0]]
    >>> round(aumann.Heat().value(x), 12)
    1.098612288668
    >>> aumann.attribute(x, aumann.Heat()).values.round(4)
    array([0.4578, 0.2747, 0.3662])
    """

    name = "heat"
    interacting = 0

    def __init__(self) -> None:
        """Make the heat, which has no parameters."""
        object.__setattr__(self, "weights", None)


class Variance(_Weighted):
    """The population variance of the composites: F = mean of (s_i - sbar)^2, s_i = sum_k w_k x_ik.

    Parameters
    ----------
    weights : array-like of float, shape (d,), optional
        Weights w of the features; 1 if None. Kept as a tuple.

    Raises
    ------
    TypeError, ValueError
        If the weights are not finite real numbers in one row.

    Notes
    -----
    Domain: all finite features. Attribution with baseline b:
    phi_i = (s_i - b_i) (2 / n) (m_i - mbar), m = (s + b) / 2, in two passes. With zero baseline an
    agent below the mean (of composites that are not negative) has a negative attribution.

    Source: F_var of "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404.

    Examples
    --------
    >>> import aumann
    >>> x = [[1.0], [2.0], [6.0]]
    >>> round(aumann.Variance().value(x), 12)
    4.666666666667
    >>> aumann.attribute(x, aumann.Variance()).values.round(4)
    array([-0.6667, -0.6667,  6.    ])
    """

    name = "variance"


class GiniMeanDifference(_Weighted):
    """The Gini mean difference of the composites: F = (1 / n^2) sum_ij |s_i - s_j|.

    Here s_i = sum_k w_k x_ik, the sum is over all ordered pairs, and the constant is 1 / n^2:
    Gini's coefficient is F divided by twice the mean. Conventions with 1 / (2 n^2) or
    1 / (n (n - 1)) differ by a factor that shares do not depend on.

    Parameters
    ----------
    weights : array-like of float, shape (d,), optional
        Weights w of the features; 1 if None. Kept as a tuple.

    Raises
    ------
    TypeError, ValueError
        If the weights are not finite real numbers in one row.

    Notes
    -----
    phi_i = (2 / n^2) (s_i - b_i) sum_j (p + q) / (abs(p) + abs(q)), p = b_i - b_j, q = s_i - s_j,
    0/0 = 0. If no agents cross on the way (as with a common baseline) the sum is 2 r_i - n - 1, r
    their mid-ranks: 16 bytes per agent (44 if each has a baseline), a sort's time. If they do:
    exact, or to 4e-15 of the largest possible where many cross; at worst seconds per million.
    With zero baseline, agents below the median (of composites not below 0) have negative values.

    Source: F_gini of "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404.

    Examples
    --------
    >>> import aumann
    >>> x = [[1.0], [2.0], [6.0]]
    >>> round(aumann.GiniMeanDifference().value(x), 12)
    2.222222222222
    >>> aumann.attribute(x, aumann.GiniMeanDifference()).values.round(4)
    array([-0.4444,  0.    ,  2.6667])
    """

    name = "gini"


_BUILT_IN = (Mean, Heat, Variance, GiniMeanDifference)


def from_name(name: str) -> BuiltIn:
    """Return the value function with a command-line name, without weights.

    Parameters
    ----------
    name : str
        mean, heat, variance or gini.

    Returns
    -------
    ValueFunction

    Raises
    ------
    ValueError
        If no value function has this name.

    Examples
    --------
    >>> from_name("heat")
    Heat()
    """
    known = {built_in.name: built_in for built_in in _BUILT_IN}
    if name in known:
        return known[name]()
    raise ValueError(f"value_function: {name!r}, one of {', '.join(known)} is wanted")
