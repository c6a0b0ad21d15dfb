"""Standard errors of weighted sums under the designs that draw a panel."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["Design", "check_design", "design_error", "predicted_error", "stratified_error"]

Design = Literal["fixed", "bernoulli"]

Numbers = NDArray[np.float64]


def check_design(design: object) -> None:
    """Refuse the name of a design that is none.

    Examples
    --------
    >>> check_design("fixed")
    """
    if design not in get_args(Design):
        raise ValueError(f"design: {design!r}, 'fixed' or 'bernoulli' is wanted")


def design_error(z: Numbers, inclusion: Numbers, design: Design) -> float:
    """Return the standard error of the sum of z / pi over a drawn panel.

    Parameters
    ----------
    z : ndarray of float64, shape (M,)
        Influence values of the members.
    inclusion : ndarray of float64, shape (M,)
        Their inclusion probabilities pi, above 0 and at most 1.
    design : "fixed" or "bernoulli"
        Whether the size of the panel was fixed, or every agent was drawn on its own.

    Returns
    -------
    float
        NaN for a single member of a panel of fixed size, which shows no spread.

    Notes
    -----
    O(M). Source: J. Hajek, "Asymptotic theory of rejective sampling with varying probabilities
    from a finite population" (1964), which needs no joint inclusion probabilities.

    Examples
    --------
    >>> z, inclusion = np.array([1.0, -1.0]), np.array([0.5, 0.5])
    >>> design_error(z, inclusion, "fixed"), design_error(z, inclusion, "bernoulli")
    (2.8284271247461903, 2.0)
    """
    spared = 1 - inclusion
    if not spared.any():
        return 0.0
    expanded = z / inclusion
    if design == "bernoulli":
        return math.sqrt(spared @ expanded**2)
    if len(z) == 1:
        return math.nan
    centre = spared @ expanded / spared.sum()
    return math.sqrt(len(z) / (len(z) - 1) * (spared @ (expanded - centre) ** 2))


def predicted_error(z: Numbers, inclusion: Numbers, design: Design) -> float:
    """Return the standard error that panels will have, from the whole population.

    Parameters
    ----------
    z : ndarray of float64, shape (N,)
        Influence values of all agents.
    inclusion : ndarray of float64, shape (N,)
        Their inclusion probabilities; where one is 0 no panel speaks for all, and the error is
        infinite.
    design : "fixed" or "bernoulli"
        As in `design_error`.

    Returns
    -------
    float

    Examples
    --------
    >>> predicted_error(np.array([1.0, -1.0]), np.array([0.5, 0.5]), "bernoulli")
    1.4142135623730951
    """
    if not inclusion.all():
        return math.inf
    # Over a panel each term of `design_error` turns up with probability pi.
    spread = inclusion * (1 - inclusion)
    if not spread.any():
        return 0.0
    expanded = z / inclusion
    if design == "bernoulli":
        return math.sqrt(spread @ expanded**2)
    centre = spread @ expanded / spread.sum()
    return math.sqrt(len(z) / (len(z) - 1) * (spread @ (expanded - centre) ** 2))


def stratified_error(z: Numbers, codes: NDArray[np.intp], totals: Numbers) -> float:
    """Return the standard error of the sum of weighted z, uniform within strata of known size.

    Parameters
    ----------
    z : ndarray of float64, shape (M,)
        Influence values of the members.
    codes : ndarray of intp, shape (M,)
        The stratum of each member.
    totals : ndarray of float64, shape (G,)
        Agents of the population in each stratum.

    Returns
    -------
    float
        NaN if a stratum of more agents has one member, which shows no spread.

    Notes
    -----
    SE^2 = sum_g (N_g / n_g)^2 (1 - n_g / N_g) n_g / (n_g - 1) sum_(i in g) (z_i - zbar_g)^2.
    Given how many members each stratum has, the panel is a stratified one; so the mean of z in a
    stratum is no source of error, its size being known.

    Examples
    --------
    >>> stratified_error(np.array([1.0, -1.0]), np.array([0, 0]), np.array([4.0]))
    2.8284271247461903
    """
    counts = np.bincount(codes, minlength=len(totals))
    sums = np.bincount(codes, weights=z, minlength=len(totals))
    occupied = counts > 0
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=occupied)
    squares = np.bincount(codes, weights=(z - means[codes]) ** 2, minlength=len(totals))
    whole = counts == totals
    if (occupied & ~whole & (counts == 1)).any():
        return math.nan
    open_strata = occupied & ~whole
    n, size = counts[open_strata], totals[open_strata]
    return math.sqrt(((size / n) ** 2 * (1 - n / size) * n / (n - 1)) @ squares[open_strata])
