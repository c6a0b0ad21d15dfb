"""Checks of the raw values that a population is made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aumann._sparse import Series, SparseSteps, compact
from aumann.groups import label_array

if TYPE_CHECKING:
    from aumann.feature import Feature

__all__ = [
    "agent_column",
    "check_window",
    "checked_presence",
    "checked_series",
    "distinct_names",
    "json_copy",
    "number_array",
    "one_dtype",
]


def number_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """Return numbers as int64 or float64, or say what is wrong with them."""
    array = np.asarray(values)
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} holds {array.max()}; at most 2**63 - 1 is wanted")
    if array.dtype.kind in "iub":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "f":
        return array.astype(np.float64, copy=False)
    raise TypeError(f"{name} has dtype {array.dtype}; integers or floats are wanted")


def agent_column(name: str, values: ArrayLike, kind: str | None, agents: int) -> NDArray[Any]:
    """Return a read-only column of the agent table; `kind` is None for a label."""
    if name in ("", "agent", "step", "topic"):
        raise ValueError(f"agent_table has a column {name!r}, which no column may be called")
    numeric = np.asarray(values).dtype.kind == "f" or kind is not None
    array = number_array(name, values) if numeric else label_array(name, values)
    if array.shape != (agents,):
        raise ValueError(f"{name} has shape {array.shape}; one value per agent, ({agents},)")
    _check_numbers(name, array, kind == "count")
    return _read_only(array)


def checked_series(
    feature: Feature,
    series: Series,
    steps: int,
    agents: int,
    presence: NDArray[np.bool_] | None,
) -> Series:
    """Return the raw values of a feature over steps, read-only and checked."""
    name = feature.name
    if isinstance(series, SparseSteps):
        if feature.kind != "count":
            raise TypeError(f"{name} is a measurement; a dense (T, N) array is wanted")
        values = number_array(name, series.values)
        indptr, indices = series.indptr, series.indices
        if series.steps != steps or series.agents != agents:
            raise ValueError(
                f"{name} has {series.steps} steps and {series.agents} agents; "
                f"{steps} and {agents} are wanted"
            )
        entries = indices.size
        well_formed = (
            values.shape == indices.shape == (entries,)
            and indptr[0] == 0
            and indptr[-1] == entries
            and (np.diff(indptr) >= 0).all()
            and ((indices >= 0) & (indices < agents)).all()
        )
        checked = SparseSteps(indptr, indices, values, agents)
        # Ascending within a step is ascending overall once the step is counted in.
        if not well_formed or (np.diff(checked.entry_steps() * agents + indices) <= 0).any():
            raise ValueError(
                f"{name} is not well formed: agents ascend within each step, once each"
            )
        _check_numbers(name, values, True, indices, checked.entry_steps())
        if presence is not None and (values[~presence[checked.entry_steps(), indices]] != 0).any():
            raise ValueError(f"{name} has a count at an agent that presence says is absent")
        return compact(checked)
    array = number_array(name, series)
    if array.shape != (steps, agents):
        raise ValueError(f"{name} has shape {array.shape}; {(steps, agents)} is wanted")
    _check_numbers(name, array, feature.kind == "count")
    if presence is not None and (array[~presence] != 0).any():
        raise ValueError(
            f"{name} has a value other than 0 at an agent that presence says is absent"
        )
    return compact(_read_only(array)) if feature.kind == "count" else _read_only(array)


def checked_presence(
    presence: NDArray[np.bool_] | None, steps: int, agents: int
) -> NDArray[np.bool_] | None:
    """Return a read-only mask, or None where all agents are present in all steps."""
    if presence is None:
        return None
    array = np.asarray(presence)
    if array.dtype != np.bool_:
        raise TypeError(f"presence has dtype {array.dtype}; booleans are wanted")
    if array.shape != (steps, agents):
        raise ValueError(
            f"presence has shape {array.shape}; (steps, agents) = {(steps, agents)} is wanted"
        )
    return None if array.all() else _read_only(array)


def one_dtype(series: Sequence[Series]) -> tuple[Series, ...]:
    """Return the series of all topics in one dtype: float64 if any is."""
    if len({_values(part).dtype for part in series}) == 1:
        return tuple(series)
    return tuple(
        replace(part, values=part.values.astype(np.float64))
        if isinstance(part, SparseSteps)
        else _read_only(part.astype(np.float64))
        for part in series
    )


def _values(series: Series) -> NDArray[Any]:
    return series.values if isinstance(series, SparseSteps) else series


def _check_numbers(
    name: str,
    array: NDArray[Any],
    count: bool,
    agents: NDArray[np.intp] | None = None,
    steps: NDArray[np.intp] | None = None,
) -> None:
    """Refuse numbers that are not finite, and negative counts, naming the first one's place."""
    if array.size == 0 or array.dtype.kind not in "if":
        return
    if count and array.min() < 0:
        bad, wanted = array < 0, "a count of at least 0"
    elif array.dtype.kind == "f" and not np.isfinite(array).all():
        bad, wanted = ~np.isfinite(array), "a finite number"
    else:
        return
    first = np.unravel_index(int(np.argmax(bad)), array.shape)
    if agents is not None and steps is not None:
        place = f"step {steps[first[0]]}, agent {agents[first[0]]}"
    elif array.ndim == 2:
        place = f"step {first[0]}, agent {first[1]}"
    else:
        place = f"agent {first[0]}"
    raise ValueError(f"{name} is {array[first]} at {place}; {wanted} is wanted")


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view: NDArray[Any] = array.view()
    view.flags.writeable = False
    return view


def json_copy(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the metadata as JSON would give it back."""
    try:
        copy = json.loads(json.dumps(dict(metadata), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise TypeError(f"metadata cannot be written as JSON: {error}") from error
    assert isinstance(copy, dict)
    return copy


def check_window(window: str) -> None:
    """Refuse a window that is neither a step nor the whole."""
    if window not in ("step", "whole"):
        raise ValueError(f"window is {window!r}; 'step' or 'whole' is wanted")


def distinct_names(argument: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return names that are text and all different."""
    if isinstance(names, str):
        raise TypeError(f"{argument} is the text {names!r}; a sequence of names is wanted")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument} holds {name!r}; text is wanted")
    if len(set(names)) != len(names):
        repeated = next(name for k, name in enumerate(names) if name in names[:k])
        raise ValueError(f"{argument} holds {repeated!r} more than once")
    return tuple(names)
