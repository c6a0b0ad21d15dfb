"""The one verb: attribute a value to the agents."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._arrays import RealArray
from aumann._baseline import Baseline, read_baseline
from aumann.attribution import Attribution
from aumann.coercion import Block, read_features, read_out
from aumann.methods import AumannShapley
from aumann.value_functions import BuiltIn, ValueFunction

__all__ = ["attribute"]

_AUMANN_SHAPLEY = AumannShapley()


def attribute(
    x: Any,
    value_function: ValueFunction,
    *,
    method: AumannShapley = _AUMANN_SHAPLEY,
    baseline: Any = 0.0,
    presence: Any = None,
    out: RealArray | None = None,
) -> Attribution:
    """Attribute the value of a population to its agents, exactly.

    Every agent gets a number; together they sum to F(x) - F(baseline).

    Parameters
    ----------
    x : array-like, table, list of columns, or Population; shape (N, d) or (T, N, d)
        Features of N agents, at one step or at T steps.

        - NumPy arrays of any strides, memory-mapped ones too, and torch tensors on the CPU.
        - Tables (pandas, polars, pyarrow, anything with ``__arrow_c_stream__``): agents are the
          rows, every column is a feature.
        - A list or tuple of arrays or series: one feature column each, (N,) or (T, N).
        - An xarray.DataArray with dims agent and feature, and step or time if there are steps.
        - A `Population`: its features step by step, its presence, its step labels.

        float64 and float32 are read in place. Other real dtypes, other byte orders and unaligned
        data are copied to float64 (float32 if of that size); columns of both sizes to float64.
    value_function : ValueFunction
        `Mean`, `Heat`, `Variance`, `GiniMeanDifference`, or a sum of multiples of them.
    method : AumannShapley
        Which value of the agents.
    baseline : float, "mean", array-like of shape (d,), (N, d) or (T, N, d)
        Where the path to `x` starts. "mean" is each step's mean over the present agents. A row
        per agent is cast to the dtype of `x`; it may be a table or a list of columns.
    presence : array-like of bool, shape (N,) or (T, N), optional
        Which agents are there. An absent agent has value 0 and does not count in n; its features
        are not read. A Population brings its own.
    out : ndarray, shape (N,) or (T, N), optional
        Where to write the values: C-contiguous, of the dtype of the values, apart from the inputs.
        After an error its content is undefined.

    Returns
    -------
    Attribution
        With `values` of shape (N,) or (T, N), float32 for float32 features, else float64.

    Raises
    ------
    TypeError
        If an argument is of a kind or dtype that cannot be read.
    ValueError
        If an argument is empty or of the wrong shape; if a number is NaN or infinite (the first
        position is named); if a step has no agent; where heat leaves the domain of its logarithm.

    Notes
    -----
    Cost: O(T N d), O(T N log N) for the Gini mean difference, per term of a combination; with a
    baseline per agent that reorders the agents, see `GiniMeanDifference`. The
    interpreter is released meanwhile: do not write to the inputs from another thread.

    Source: "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0], [2.0], [6.0]], aumann.Variance())
    >>> result.values.round(4)
    array([-0.6667, -0.6667,  6.    ])
    >>> result.shares.round(4)
    array([-0.1429, -0.1429,  1.2857])
    >>> change = aumann.attribute([[1.0], [2.0], [6.0]], aumann.Mean(), baseline="mean")
    >>> change.total, change.values.round(4)
    (0.0, array([-0.6667, -0.3333,  1.    ]))
    """
    started = perf_counter()
    _check_value_function(value_function)
    if not isinstance(method, AumannShapley):
        raise TypeError(f"method: {method!r}, AumannShapley() is wanted")
    features = read_features(x, presence)
    start = read_baseline(baseline, features)
    weights = [function.weights_for(features.shape[2]) for _, function in value_function.terms]
    values = read_out(out, features, start.arrays())
    statistics = np.empty((features.shape[0], 4))
    for block in features.blocks():
        with block.locating_errors():
            statistics[block.steps] = _attribute_block(
                value_function.terms, weights, block, start, values[block.steps]
            )
    return Attribution(
        values if features.stepped else values[0],
        statistics,
        value_function=value_function,
        method=method,
        baseline=start.text,
        presence=features.presence
        if features.stepped or features.presence is None
        else features.presence[0],
        step_labels=features.step_labels,
        elapsed=perf_counter() - started,
    )


def _attribute_block(
    terms: Sequence[tuple[float, BuiltIn]],
    weights: Sequence[NDArray[np.float64] | None],
    block: Block,
    baseline: Baseline,
    out: RealArray,
) -> NDArray[np.float64]:
    """Fill `out`, shape (t, N), and return the statistics of each step, shape (t, 4)."""
    rows = baseline.of_block(block)
    (first, function), *others = terms
    statistics = _core.attribute(function.name, weights[0], block.x, rows, block.presence, out)
    if first == 1 and not others:
        return statistics
    statistics *= first
    scratch = np.empty_like(out)
    # What exceeds the range of the dtype is refused below, by its sum.
    with np.errstate(over="ignore", invalid="ignore"):
        out *= first
        for (coefficient, function), each in zip(others, weights[1:], strict=True):
            term = _core.attribute(function.name, each, block.x, rows, block.presence, scratch)
            statistics += coefficient * term
            scratch *= coefficient
            out += scratch
        statistics[:, 2] = out.sum(axis=1, dtype=np.float64)
        statistics[:, 3] = np.abs(out, out=scratch).sum(axis=1, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(statistics).all(axis=1))
    if bad.size:
        where = f" at step {bad[0]}" if len(out) > 1 else ""
        raise ValueError(f"value_function: the sum exceeds the range of {out.dtype}{where}")
    return statistics


def _check_value_function(value_function: Any) -> None:
    if isinstance(value_function, ValueFunction):
        return
    wanted = "Mean, Heat, Variance, GiniMeanDifference or a sum of multiples of them is wanted"
    if isinstance(value_function, type) and issubclass(value_function, ValueFunction):
        name = value_function.__name__
        raise TypeError(f"value_function: the class {name}, an instance is wanted: {name}()")
    if callable(value_function):
        raise TypeError(
            f"value_function: {value_function!r} is a plain callable, which has no gradient for "
            f"AumannShapley to follow; {wanted}"
        )
    raise TypeError(f"value_function: {value_function!r}, {wanted}")
