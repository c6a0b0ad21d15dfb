"""Quantiles of Student's t distribution."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

__all__ = ["half_width"]

# From here on the expansion about the normal quantile is right to ten digits.
MANY = 400


@lru_cache(maxsize=1024)
def half_width(level: float, degrees: float) -> float:
    """Return how many standard errors hold a level on both sides of an estimate.

    Parameters
    ----------
    level : float
        Between 0 and 1.
    degrees : float
        Degrees of freedom; NaN below one. Those between whole numbers count as the lower one.

    Returns
    -------
    float
        The (1 + level)/2 quantile.

    Examples
    --------
    >>> round(half_width(0.95, 9), 4), round(half_width(0.95, math.inf), 4)
    (2.2622, 1.96)
    """
    if not degrees >= 1:
        return math.nan
    z = NormalDist().inv_cdf(0.5 + level / 2)
    if degrees >= MANY:
        # Abramowitz and Stegun 26.7.5.
        first = (z**3 + z) / (4 * degrees)
        second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        return z + first + second + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    whole = int(degrees)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (angle, high) if _between(angle, whole) < level else (low, angle)
    return math.sqrt(whole) * math.tan(low)


def _between(angle: float, degrees: int) -> float:
    """Return the chance of t between +- sqrt(degrees) tan(angle) (26.7.3 and 26.7.4)."""
    cosine, odd = math.cos(angle), degrees % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(odd, degrees - 1, 2):
        total += term
        term *= cosine**2 * (k + 1) / (k + 2)
    series = math.sin(angle) * total
    return 2 / math.pi * (angle + series) if odd else series
