"""NumPy arrays that the core can borrow as they are, and copies of those it cannot."""

from __future__ import annotations

import sys
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["RealArray", "cure", "for_arrow", "is_masked", "native", "refuse_masked"]

RealArray: TypeAlias = NDArray[np.float64] | NDArray[np.float32]


def is_masked(array: object) -> bool:
    """Tell whether an array is masked, without importing `numpy.ma`, which takes 50 ms.

    Examples
    --------
    >>> import numpy as np
    >>> is_masked(np.ma.masked_equal([1, 2], 2)), is_masked(np.array([1, 2]))
    (True, False)
    """
    masked = sys.modules.get("numpy.ma")
    return masked is not None and isinstance(array, masked.MaskedArray)


def refuse_masked(values: object, argument: str, cure: str = "") -> None:
    """Refuse a masked array, or a list of some, whose masks NumPy would drop.

    Examples
    --------
    >>> refuse_masked([1, 2], "weights")
    """
    masked = sys.modules.get("numpy.ma")
    if masked is None:
        return
    kinds = set(map(type, values)) if isinstance(values, list | tuple) else {type(values)}
    if any(issubclass(kind, masked.MaskedArray) for kind in kinds):
        raise TypeError(f"{argument}: a masked array, plain numbers are wanted{cure}")


def for_arrow(column: Any) -> Any:
    """Return a column for pyarrow, which would end a text of NumPy at its first NUL.

    Examples
    --------
    >>> for_arrow(np.array(["a"])), for_arrow([None, 1])
    (['a'], [None, 1])
    """
    text = isinstance(column, np.ndarray) and column.dtype.kind == "U"
    return column.tolist() if text else column


def native(array: NDArray[Any], argument: str) -> RealArray:
    """Return an aligned float64 or float32 array in native byte order, itself if it is one.

    Parameters
    ----------
    array : ndarray
        Any array.
    argument : str
        What errors call it.

    Returns
    -------
    ndarray of float64 or float32
        Booleans, integers and floats of other sizes become float64 (integers beyond 2**53 are
        rounded).

    Raises
    ------
    TypeError
        If the dtype is not real, or the array is masked.

    Examples
    --------
    >>> import numpy as np
    >>> native(np.array([1, 2]), "x").dtype
    dtype('float64')
    """
    refuse_masked(array, argument, "; say which agents are absent with presence=")
    if array.dtype.names is not None:
        raise TypeError(
            f"{argument}: dtype {array.dtype}, real numbers are wanted; "
            "pass the fields as a list of columns"
        )
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{argument}: dtype {array.dtype}, real numbers are wanted{cure(array)}")
    single = array.dtype.kind == "f" and array.dtype.itemsize == 4
    wanted = np.dtype(np.float32 if single else np.float64)
    # The core counts strides in items, so a field of a packed record must be copied out.
    whole = all(stride % array.dtype.itemsize == 0 for stride in array.strides)
    if array.dtype == wanted and array.flags.aligned and whole:
        return np.asarray(array)
    with np.errstate(over="ignore"):
        return np.array(array, dtype=wanted)


def cure(array: NDArray[Any]) -> str:
    """Return what to do with objects, which may be numbers of Python's own kinds, or texts.

    Examples
    --------
    >>> cure(np.array({"a": 1})), cure(np.array(["7"]))
    (' (a dict); an array is wanted', "; of texts such as '7' make numbers")
    """
    if array.dtype.kind not in "OU" or not array.size:
        return ""
    if array.ndim == 0:
        return f" (a {type(array.item()).__name__}); an array is wanted"
    for item in array.flat:
        if isinstance(item, str):
            return f"; of texts such as {str(item)[:40]!r} make numbers"
        if item is None:
            return "; None is a missing value"
    first = array.flat[0]
    if isinstance(first, Number):
        return f": of {type(first).__name__} make floats with numpy.asarray(..., dtype=float)"
    return ""
