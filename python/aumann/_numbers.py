"""Numbers that options are given as."""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import is_masked
from aumann._columns import read_column

__all__ = ["check_integer", "check_positive", "real_numbers", "spacing_of"]

_COARSE = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


def check_integer(argument: str, value: object, low: int, high: int | None = None) -> None:
    """Refuse what is no integer from `low` to `high`, or from `low` on.

    Examples
    --------
    >>> check_integer("seed", 3, 0, 7)
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{argument}: {value!r}, an integer is wanted")
    if value < low or (high is not None and value > high):
        wanted = f"at least {low}" if high is None else f"a number from {low} to {high}"
        raise ValueError(f"{argument}: {_short(value)}, {wanted} is wanted")


def check_positive(argument: str, value: object, high: float = math.inf) -> None:
    """Refuse what is no finite number above 0 and at most `high`.

    Examples
    --------
    >>> check_positive("tolerance", 0.5, 1.0)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{argument}: {value!r}, a number is wanted")
    if not 0 < value <= min(high, sys.float_info.max):
        below = "" if high == math.inf else f" and at most {high:g}"
        raise ValueError(f"{argument}: {_short(value)}, a number above 0{below} is wanted")


def _short(number: Any) -> str:
    """Return a number as text, and one of many digits by how many there are."""
    if isinstance(number, int) and abs(number) >= 2**70:
        digits = int(math.log10(2) * (abs(number).bit_length() - 1)) + 1
        return f"an integer of about {digits} digits"
    return str(number)


def real_numbers(found: Any, argument: str) -> tuple[NDArray[np.float64], float]:
    """Return what a user's function returned as float64, and the spacing of what it was.

    Parameters
    ----------
    found : number, array-like or tensor
        Real numbers; booleans, fractions and decimals among them.
    argument : str
        What errors call it.

    Returns
    -------
    tuple of ndarray of float64 and float
        Of the same shape; and the distance from 1 to the next number of its dtype.

    Raises
    ------
    TypeError
        If it is anything else, as complex numbers, text, dates, None or a masked array are.

    Examples
    --------
    >>> import numpy as np
    >>> real_numbers(np.float32(0.5), "value")
    (array(0.5), 1.1920928955078125e-07)
    """
    spacing = spacing_of(getattr(found, "dtype", None))
    array = found if is_masked(found) else read_column(found, argument)
    if is_masked(array):
        raise TypeError(f"{argument}: a masked array, real numbers are wanted")
    kind = array.dtype.kind
    if kind == "O":
        odd = [each for each in array.flat if not isinstance(each, Real | Decimal)]
        if odd:
            raise TypeError(f"{argument}: {odd[0]!r}, real numbers are wanted")
    elif kind not in "biuf":
        what = "complex numbers" if kind == "c" else f"dtype {array.dtype}"
        raise TypeError(f"{argument}: {what}, real numbers are wanted")
    return array.astype(np.float64), spacing


def spacing_of(dtype: object) -> float:
    """Return the distance from 1 to the next number of a dtype of NumPy or torch.

    Examples
    --------
    >>> spacing_of("float32"), spacing_of("int64") == spacing_of(None) == 2.0**-52
    (1.1920928955078125e-07, True)
    """
    return _COARSE.get(str(dtype).removeprefix("torch."), 2.0**-52)
