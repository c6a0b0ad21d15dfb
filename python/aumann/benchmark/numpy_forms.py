"""The four closed forms in NumPy: as one would write them, and as fast as NumPy gets.

Both take features of shape (N, d) with the zero baseline and write the attributions to `out`. They
are yardsticks for speed; what is right is tested against other twins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CAREFUL", "PLAIN"]

_Form: TypeAlias = Callable[[NDArray[np.float64], NDArray[np.float64]], None]


def _plain_mean(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    out[:] = x.sum(axis=1) / len(x)


def _plain_heat(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    means = x.mean(axis=0)
    total = np.log1p(means.prod())
    out[:] = total / x.size * (x / means).sum(axis=1)


def _plain_variance(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    s = x.sum(axis=1)
    out[:] = s * (s - s.mean()) / len(x)


def _plain_gini(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    _gini(x.sum(axis=1), out)


def _careful_mean(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    np.matmul(x, np.full(x.shape[1], 1 / len(x)), out=out)


def _careful_heat(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    n, d = x.shape
    means = np.full(n, 1 / n) @ x
    np.matmul(x, np.log1p(means.prod()) / (d * n) / means, out=out)


def _careful_variance(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    s = x @ np.ones(x.shape[1])
    np.subtract(s, s.mean(), out=out)
    out *= s
    out *= 1 / len(x)


def _careful_gini(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    _gini(x @ np.ones(x.shape[1]), out)


def _gini(s: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    n = len(s)
    order = np.argsort(s)
    ordered = s[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(starts, append=n)
    out[order] = np.repeat(2 * starts + counts - n, counts)  # 2 r - n - 1 at the mid-ranks
    out *= s
    out *= 2 / n**2


PLAIN: Mapping[str, _Form] = {
    "mean": _plain_mean,
    "heat": _plain_heat,
    "variance": _plain_variance,
    "gini": _plain_gini,
}
CAREFUL: Mapping[str, _Form] = {
    "mean": _careful_mean,
    "heat": _careful_heat,
    "variance": _careful_variance,
    "gini": _careful_gini,
}
