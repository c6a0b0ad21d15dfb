"""Checks of the raw values that a population is made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aumann._codes import Codes
from aumann._labelled import read_labelled
from aumann._printable import printable
from aumann._sparse import Series, SparseSteps, compact
from aumann.groups import read_labels

if TYPE_CHECKING:
    from aumann.feature import Feature

__all__ = [
    "agent_column",
    "check_window",
    "checked_presence",
    "checked_series",
    "distinct_names",
    "is_real",
    "json_copy",
    "measured_agents",
    "number_array",
    "one_dtype",
]


# The axes of raw values, by their number.
AXES = (("agent",), ("step", "agent"), ("topic", "step", "agent"))
LARGEST = np.iinfo(np.int64).max


def number_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """Return numbers as int64 or float64, or say what is wrong with them."""
    array: NDArray[Any] = read_labelled(values, name, AXES).array
    if array.dtype.kind == "u" and array.size and array.max() > LARGEST:
        raise ValueError(f"{printable(name)} holds {array.max()}; at most 2**63 - 1 is wanted")
    if array.dtype.kind in "iub":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "f":
        return array.astype(np.float64, copy=False)
    raise TypeError(f"{printable(name)} has dtype {array.dtype}; integers or floats are wanted")


def is_real(values: Any) -> bool:
    """Tell whether a column holds floats, rather than labels.

    Examples
    --------
    >>> is_real([0.5, 1]), is_real(["a", "b"])
    (True, False)
    """
    if isinstance(values, list | tuple):
        kinds = set(map(type, values))
        floats = {kind for kind in kinds if issubclass(kind, float | np.floating)}
        return bool(floats) and all(issubclass(kind, int | np.integer) for kind in kinds - floats)
    if hasattr(values, "dictionary_encode"):
        return str(values.type) in ("double", "float", "halffloat")
    kind = getattr(getattr(values, "dtype", None), "kind", None) or np.asarray(values).dtype.kind
    return bool(kind == "f")


def agent_column(
    name: str, values: ArrayLike | Codes, kind: str | None, agents: int
) -> NDArray[Any]:
    """Return a read-only column of the agent table; `kind` is None for a label."""
    if name in ("", "agent", "step", "topic"):
        raise ValueError(f"agent_table has a column {name!r}, which no column may be called")
    if isinstance(values, Codes):
        array = values.rows
    elif kind is not None or is_real(values):
        array = number_array(name, values)
    else:
        array = read_labels(name, values).rows
    if array.dtype.kind in "iu" and not (array.dtype.kind == "u" and (array > LARGEST).any()):
        array = array.astype(np.int64, copy=False)
    if array.shape != (agents,):
        raise ValueError(
            f"{printable(name)} has shape {array.shape}; one value per agent, ({agents},)"
        )
    _check_numbers(name, array, kind == "count")
    return _read_only(array)


def checked_series(
    feature: Feature,
    series: Series,
    steps: int,
    agents: int,
    presence: NDArray[np.bool_] | None,
    topics: bool = False,
) -> Series:
    """Return the raw values of a feature over steps, read-only and checked."""
    name = feature.name
    if isinstance(series, SparseSteps):
        if feature.kind != "count":
            raise TypeError(f"{printable(name)} is a measurement; a dense (T, N) array is wanted")
        values = number_array(name, series.values)
        indptr, indices = series.indptr, series.indices
        if series.steps != steps or series.agents != agents:
            raise ValueError(
                f"{printable(name)} has {series.steps} steps and {series.agents} agents; "
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
                f"{printable(name)} is not well formed: agents ascend within each step, once each"
            )
        _check_numbers(name, values, True, indices, checked.entry_steps())
        if presence is not None and (values[~presence[checked.entry_steps(), indices]] != 0).any():
            raise ValueError(
                f"{printable(name)} has a count at an agent that presence says is absent"
            )
        return compact(checked)
    array = number_array(name, series)
    if array.shape != (steps, agents):
        raise ValueError(f"{printable(name)} has shape {array.shape}; {(steps, agents)} is wanted")
    count = feature.kind == "count"
    known = np.where(np.isnan(array), 0, array) if topics and not count else array
    _check_numbers(name, known, count)
    if presence is not None and (array[~presence] != 0).any():
        raise ValueError(
            f"{printable(name)} has a value other than 0 at an agent that presence says is absent"
        )
    return compact(_read_only(array)) if feature.kind == "count" else _read_only(array)


def measured_agents(
    features: Sequence[Feature], series: Mapping[str, Sequence[Series]]
) -> list[NDArray[np.bool_] | None]:
    """Return for each topic where agents have measurements, shape (T, N), None for everywhere.

    Raises
    ------
    ValueError
        If an agent has one measurement of a topic without another, or a count without them.
    """
    measured: list[NDArray[np.bool_] | None] = []
    measurements = [feature.name for feature in features if feature.kind == "measurement"]
    for topic in range(max(map(len, series.values()), default=1)):
        parts = [np.isnan(_values(series[name][topic])) for name in measurements]
        if not any(part.any() for part in parts):
            measured.append(None)
            continue
        for name, part in zip(measurements[1:], parts[1:], strict=True):
            if (part != parts[0]).any():
                step, agent = np.argwhere(part != parts[0])[0]
                raise ValueError(
                    f"{printable(measurements[0])} and {printable(name)}: one is NaN without the "
                    f"other at step {step}, agent {agent} of topic {topic}; both, or none, are "
                    "wanted"
                )
        for feature in features:
            part = series[feature.name][topic]
            if feature.kind != "count":
                continue
            dense = part.to_dense() if isinstance(part, SparseSteps) else part
            if (dense[parts[0]] != 0).any():
                raise ValueError(
                    f"{printable(feature.name)} counts something of an agent whose "
                    f"{printable(measurements[0])} is NaN in topic {topic}; a measurement is wanted"
                )
        measured.append(~parts[0])
    return measured


def checked_presence(
    presence: NDArray[np.bool_] | None, steps: int, agents: int
) -> NDArray[np.bool_] | None:
    """Return a read-only mask, or None where all agents are present in all steps."""
    if presence is None:
        return None
    array = read_labelled(presence, "presence", AXES[1:2]).array
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
    raise ValueError(f"{printable(name)} is {array[first]} at {place}; {wanted} is wanted")


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
