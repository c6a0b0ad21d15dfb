"""What shares are parts of, and where there are none."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["share_divisors", "warn_undefined"]


def share_divisors(
    sums: NDArray[np.float64], magnitudes: NDArray[np.float64], dtype: np.dtype[Any]
) -> NDArray[np.float64]:
    """Return the sums that shares are parts of, NaN where they are 0 or rounding error.

    Parameters
    ----------
    sums : ndarray of float64
        Sums of attributions.
    magnitudes : ndarray of float64
        Sums of their magnitudes.
    dtype : dtype
        Of the attributions: 1e-12 of the magnitudes counts as rounding for float64, 1e-6 for
        float32.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> share_divisors(np.array([2.0, 1e-15]), np.array([2.0, 3.0]), np.dtype(np.float64))
    array([ 2., nan])
    """
    tolerance = 1e-12 if dtype == np.float64 else 1e-6
    return np.where(np.abs(sums) > tolerance * magnitudes, sums, np.nan)


def warn_undefined(divisors: NDArray[np.float64], step_labels: NDArray[Any] | None) -> None:
    """Warn the caller's caller that shares do not exist at steps whose divisor is NaN.

    Parameters
    ----------
    divisors : ndarray of float64, shape (T,)
        What shares are parts of.
    step_labels : ndarray, shape (T,), or None
        What the message calls the steps; None without a step axis.

    Examples
    --------
    >>> import numpy as np
    >>> warn_undefined(np.array([2.5]), None)
    """
    undefined = np.flatnonzero(np.isnan(divisors))
    if not undefined.size:
        return
    where = ""
    if step_labels is not None:
        few = ", ".join(str(step_labels[step]) for step in undefined[:5])
        where = f" at step {few}" + (
            f" and {undefined.size - 5} more" if undefined.size > 5 else ""
        )
    warnings.warn(
        f"shares are undefined{where}: the attributions sum to 0, or to rounding error beside "
        "their magnitudes",
        RuntimeWarning,
        stacklevel=3,
    )
