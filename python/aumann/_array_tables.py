"""Arrays of raw values, labelled or not, to populations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aumann._codes import Codes
from aumann._labelled import (
    Axis,
    Labelled,
    common_labels,
    default_index,
    labels_of,
    order_of,
    read_labelled,
)
from aumann._tables import texts
from aumann._validation import is_real, number_array
from aumann.feature import Kind, feature_list
from aumann.groups import read_labels

if TYPE_CHECKING:
    from aumann.population import Population

__all__ = ["from_named_arrays"]


def from_named_arrays(
    features: Mapping[str, Any],
    *,
    kinds: Kind | Mapping[str, Kind],
    labels: Mapping[str, Any],
    step_labels: Sequence[str] | None,
    topics: Sequence[str],
    presence: Any,
    metadata: Mapping[str, Any] | None,
    people: bool,
) -> Population:
    """Return the population of arrays, as documented at `Population.from_arrays`."""
    from aumann.population import Population

    if not features:
        raise ValueError("features is empty; at least one feature is wanted")
    overlap = sorted(set(features) & set(labels))
    if overlap:
        raise ValueError(f"features and labels both hold {overlap}")
    deep = ("topic", "step", "agent") if topics else ("step", "agent")
    read: dict[str, Labelled] = {}
    for name, values in features.items():
        read[name] = read_labelled(values, name, [("agent",), deep])
        shape = read[name].array.shape
        if len(shape) not in (1, len(deep)):
            wanted = f"({', '.join(f'{axis}s' for axis in deep)})"
            raise ValueError(f"{name} has shape {shape}; (agents,) or {wanted} is wanted")
    columns = {name: _column(name, values) for name, values in labels.items()}
    there = None if presence is None else read_labelled(presence, "presence", [("step", "agent")])
    known = _known({**read, **columns, **({} if there is None else {"presence": there})})
    if topics:
        known["topic"] = Axis(len(topics), tuple(topics))

    arrays = {name: number_array(name, _placed(name, each, known)) for name, each in read.items()}
    static = {name: array for name, array in arrays.items() if array.ndim == 1}
    if step_labels is None:
        steps = known.get("step", Axis(1))
        if steps.labels is None or default_index(steps.labels):
            step_labels = [str(k + 1) for k in range(steps.size)]
        else:
            step_labels = texts(np.asarray(steps.labels))
    return Population(
        feature_list(list(arrays), kinds, list(static)),
        {**static, **{name: _placed(name, each, known) for name, each in columns.items()}},
        {
            name: list(array) if topics else [array]
            for name, array in arrays.items()
            if array.ndim > 1
        },
        agents=next(iter(arrays.values())).shape[-1],
        step_labels=step_labels,
        topics=topics,
        presence=None if there is None else _placed("presence", there, known),
        metadata=metadata,
        people=people,
    )


def _column(name: str, values: Any) -> Labelled:
    """Return a column of labels, or of floats."""
    if is_real(values):
        return read_labelled(values, name, [("agent",)])
    return Labelled(read_labels(name, values), ("agent",), {"agent": labels_of(values)})


def _known(items: Mapping[str, Labelled]) -> dict[str, Axis]:
    """Return the axes with the labels that set their order."""
    known: dict[str, Axis] = {}
    for axis in ("step", "agent"):
        there = {name: each for name, each in items.items() if axis in each.axes}
        for array, axes, _ in there.values():
            shape = array.codes.shape if isinstance(array, Codes) else array.shape
            known.setdefault(axis, Axis(shape[axes.index(axis)]))
        labels = common_labels({name: each.labels.get(axis) for name, each in there.items()})
        if axis in known:
            known[axis] = Axis(known[axis].size, labels)
    return known


def _placed(name: str, item: Labelled, known: Mapping[str, Axis]) -> Any:
    """Return an array, or codes, in the order of the known labels."""
    array = item.array
    for place, axis in enumerate(item.axes):
        order = order_of(item.labels.get(axis), known[axis], name, axis)
        if order is None:
            continue
        if isinstance(array, Codes):
            array = replace(array, codes=array.codes[order])
        else:
            array = np.take(array, order, axis=place)
    return array
