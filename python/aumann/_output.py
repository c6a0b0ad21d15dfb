"""The memory that a caller gives for the values of an attribution."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import RealArray, is_masked
from aumann.coercion import Features

__all__ = ["handed_over", "read_out"]


def read_out(out: Any, features: Features, others: Sequence[NDArray[Any]]) -> RealArray:
    """Return the output as the core fills it, shape (T, N): a new array if `out` is None.

    Parameters
    ----------
    out : ndarray or None
        What the caller preallocated.
    features : Features
        The features to be attributed.
    others : sequence of ndarray
        Further inputs that `out` must not overlap.

    Returns
    -------
    ndarray, shape (T, N)

    Raises
    ------
    TypeError
        If `out` is no array, or not of the dtype of the features.
    ValueError
        If it has the wrong shape or layout, is read-only, or overlaps an input.

    Examples
    --------
    >>> from aumann.coercion import read_features
    >>> read_out(None, read_features([[1.0, 2.0]]), []).shape
    (1, 1)
    """
    steps, agents, _ = features.shape
    if out is None:
        return np.empty((steps, agents), dtype=features.dtype)
    if not isinstance(out, np.ndarray) or is_masked(out):
        raise TypeError(f"out: {type(out).__name__}, a NumPy array is wanted")
    if out.dtype != features.dtype:
        raise TypeError(f"out: dtype {out.dtype}, {features.dtype} is wanted")
    shape = (steps, agents) if features.stepped else (agents,)
    if out.shape != shape:
        raise ValueError(f"out: shape {out.shape}, {shape} is wanted")
    if not (out.flags.c_contiguous and out.flags.aligned):
        raise ValueError("out: not aligned and contiguous in C order, which is wanted")
    if not out.flags.writeable:
        raise ValueError("out: read-only, a writeable array is wanted")
    inputs = list(others)
    if isinstance(features.source, list):
        inputs += features.source
    elif isinstance(features.source, np.ndarray):
        inputs.append(features.source)
    if any(np.may_share_memory(out, each) for each in inputs):
        raise ValueError("out: overlaps an input in memory, an array of its own is wanted")
    # In a forked child no thread is left to let go of what was being written to at the fork.
    own = np.empty_like(out) if _forked else np.asarray(out)
    return own.reshape(steps, agents)


def handed_over(values: RealArray, out: RealArray | None) -> RealArray:
    """Return the values in the memory that the caller gave for them, if any.

    Examples
    --------
    >>> out = np.zeros(2)
    >>> handed_over(np.ones(2), out) is out, out
    (True, array([1., 1.]))
    """
    if out is None or np.may_share_memory(values, out):
        return values
    out[...] = values
    return out


def _note_fork() -> None:
    global _forked
    _forked = True


_forked = False
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
