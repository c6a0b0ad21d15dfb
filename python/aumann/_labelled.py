"""Labels that data bring - an index, coordinates, dims - and their match with those of x.

Every argument of one number per agent, step or feature is read here: labels that are there put it
in the order of x, or are refused.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import refuse_masked
from aumann._axes import axis_of, shown
from aumann._columns import is_xarray, read_column

__all__ = [
    "Axis",
    "check_index",
    "common_labels",
    "default_index",
    "in_order",
    "labels_of",
    "order_of",
    "read_labelled",
    "read_matched",
]


class Axis(NamedTuple):
    """An axis of x: its length, and its labels where it has some."""

    size: int
    labels: Any = None


class Labelled(NamedTuple):
    """A plain array, its axes, and the labels that came with them."""

    array: Any
    axes: tuple[str, ...]
    labels: dict[str, Any]


def read_matched(
    values: Any,
    argument: str,
    allowed: Sequence[tuple[str, ...]],
    known: Mapping[str, Axis],
) -> NDArray[Any]:
    """Return an array in the order of x.

    Parameters
    ----------
    values : array-like
        Anything; the labels of a pandas Series, Index or DataFrame and the dims and coordinates
        of an xarray.DataArray are those of its axes.
    argument : str
        What errors call it.
    allowed : sequence of tuple of str
        The axes that it may have: ``("agent",)``, ``("step", "agent")``, ...
    known : mapping of str to Axis
        The axes of x.

    Returns
    -------
    ndarray
        Without labels as it is; its shape and dtype are for the caller to check.

    Raises
    ------
    TypeError, ValueError
        If it cannot be read, is masked, or its labels are not those of x.

    Examples
    --------
    >>> import pandas as pd
    >>> weights = pd.Series([3.0, 1.0], index=["bo", "al"])
    >>> read_matched(weights, "weights", [("agent",)], {"agent": Axis(2, ["al", "bo"])})
    array([1., 3.])
    """
    read = read_labelled(values, argument, allowed)
    axes, labels = read.axes, read.labels
    array: NDArray[Any] = read.array
    for place, axis in enumerate(axes):
        if axis in labels and axis in known:
            order = order_of(labels[axis], known[axis], argument, axis)
            if order is not None:
                array = np.take(array, order, axis=place)
    return array


def read_labelled(values: Any, argument: str, allowed: Sequence[tuple[str, ...]]) -> Labelled:
    """Return an array with its axes in one of the orders allowed, and its labels.

    Examples
    --------
    >>> import pandas as pd
    >>> read_labelled(pd.Series([1.0], index=["al"]), "weights", [("agent",)]).axes
    ('agent',)
    """
    refuse_masked(values, argument)
    if is_xarray(values):
        return _of_dims(values, argument, allowed)
    if hasattr(values, "iloc") and hasattr(values, "index"):
        if hasattr(values, "columns"):
            return _of_frame(values, argument, allowed)
        (axis,) = next(each for each in allowed if len(each) == 1)
        check_index(values.index, axis, argument)
        return Labelled(read_column(values, argument), (axis,), {axis: values.index})
    if any(hasattr(values, kind) for kind in ("get_columns", "column_names", "__dataframe__")):
        raise TypeError(
            f"{argument}: {type(values).__name__}, an array is wanted: use {argument}.to_numpy()"
        )
    array = read_column(values, argument)
    if array.ndim > 1 and hasattr(values, "null_count"):
        raise TypeError(f"{argument}: a column of arrays, one number per row is wanted")
    axes = next((each for each in allowed if len(each) == array.ndim), ())
    return Labelled(array, axes, {})


def labels_of(values: Any) -> Any:
    """Return the labels of a Series or of a DataArray of one dim; None of anything else.

    Examples
    --------
    >>> labels_of([1, 2]) is None
    True
    """
    if is_xarray(values):
        return values.indexes.get(values.dims[0]) if values.ndim == 1 else None
    if hasattr(values, "iloc") and not hasattr(values, "columns"):
        return values.index
    return None


def in_order(values: Any, argument: str, axis: str, size: int) -> Any:
    """Return values with labels as an array in the order 0 to n - 1, anything else as it is.

    Examples
    --------
    >>> import pandas as pd
    >>> in_order(pd.Series([3.0, 1.0], index=[1, 0]), "value", "coalition", 2)
    array([1., 3.])
    """
    if labels_of(values) is None and not is_xarray(values):
        return values
    return read_matched(values, argument, [(axis,)], {axis: Axis(size)})


def default_index(labels: Any) -> bool:
    """Tell whether labels are what pandas calls rows that were given none: 0 to N - 1.

    Examples
    --------
    >>> import pandas as pd
    >>> default_index(pd.RangeIndex(3)), default_index(pd.Index([2, 0, 1]))
    (True, False)
    """
    return type(labels).__name__ == "RangeIndex" and labels.start == 0 and labels.step == 1


def order_of(labels: Any, known: Axis, argument: str, axis: str) -> NDArray[np.intp] | None:
    """Return where each of the known labels is; None where they are in order.

    Coalitions are called 0 to n - 1. So are agents, steps and features without labels, but not in
    another order: the rows of a sorted table have such labels, and its plain numbers are in theirs.
    Numbers of rows that pandas gave are no labels where the known ones are of another kind.

    Raises
    ------
    ValueError
        If they are not the same labels, each once.

    Examples
    --------
    >>> order_of(["b", "a"], Axis(2, ["a", "b"]), "weights", "agent")
    array([1, 0])
    """
    size, wanted = known
    if labels is None or len(labels) != size:
        # The shape is refused where it is checked.
        return None
    if wanted is None and default_index(labels):
        return None
    pandas: Any = sys.modules.get("pandas")
    if pandas is None:
        import pandas
    found = pandas.Index(labels)
    own = pandas.RangeIndex(size) if wanted is None else pandas.Index(wanted)
    if found.equals(own):
        return None
    if default_index(labels) and own.dtype.kind not in "iu":
        return None
    if not found.is_unique:
        raise ValueError(
            f"{argument}: label {found[found.duplicated()][0]!r} of its {axis}s is there twice, "
            "labels that differ are wanted"
        )
    order: NDArray[np.intp] = found.get_indexer(own) if own.is_unique else np.array([-1])
    if (order >= 0).all():
        if wanted is None and axis != "coalition":
            raise ValueError(
                f"{argument}: labels {shown(found)} of its {axis}s, but x has none, and may be in "
                f"this order or in that of 0, 1, 2, ...; pass {argument}.to_numpy() if it is in "
                f"the order of x, {argument}.sort_index().to_numpy() if the labels count its rows"
            )
        return order
    if wanted is None:
        raise ValueError(
            f"{argument}: labels {shown(found)} of its {axis}s, but x has none; pass x with the "
            f"same labels, or {argument}.to_numpy() if it is in the order of x"
        )
    raise ValueError(
        f"{argument}: labels {shown(found)} of its {axis}s, {shown(own)} are wanted, in any order; "
        f"pass {argument}.to_numpy() if it is in that order"
    )


def common_labels(found: Mapping[str, Any]) -> Any:
    """Return the labels that set the order of several columns: the first ones given.

    Numbers of rows that pandas gave count where there are no others.

    Parameters
    ----------
    found : mapping of str to labels or None
        What errors call each column, and its labels.

    Raises
    ------
    ValueError
        If columns without labels stand beside one whose labels are numbers of rows in another
        order: whether they are in that order cannot be told.

    Examples
    --------
    >>> common_labels({"a": None, "b": ["al", "bo"]})
    ['al', 'bo']
    """
    there = {name: labels for name, labels in found.items() if labels is not None}
    own = [name for name, labels in there.items() if not default_index(labels)]
    if not own:
        return next(iter(there.values()), None)
    labels = there[own[0]]
    plain = next((name for name, each in found.items() if each is None), None)
    if plain is not None:
        rows = np.asarray(labels)
        count = np.arange(len(rows))
        if rows.dtype.kind in "iu" and (rows != count).any() and (np.sort(rows) == count).all():
            raise ValueError(
                f"{own[0]}: labels {shown(labels)}, but {plain} has none, and may be in the order "
                "of 0, 1, 2, ...; labels on both or on neither are wanted"
            )
    return labels


def _of_dims(values: Any, argument: str, allowed: Sequence[tuple[str, ...]]) -> Labelled:
    refuse_masked(values.values, argument)
    dims = list(values.dims)
    if dims == [f"dim_{k}" for k in range(len(dims))]:
        # xarray's names of dims that were given none.
        axes = next((each for each in allowed if len(each) == len(dims)), ())
        return Labelled(np.asarray(values.values), axes, {})
    found = {axis_of(dim): dim for dim in dims}
    for axes in allowed:
        if len(found) == len(dims) and set(found) == set(axes):
            turned = values.transpose(*(found[axis] for axis in axes))
            indexes = values.indexes
            labels = {axis: indexes[found[axis]] for axis in axes if found[axis] in indexes}
            return Labelled(np.asarray(turned.values), axes, labels)
    raise ValueError(f"{argument}: dims {tuple(map(str, dims))}, {_told(allowed)} is wanted")


def _of_frame(values: Any, argument: str, allowed: Sequence[tuple[str, ...]]) -> Labelled:
    axes = next((each for each in allowed if len(each) == 2), None)
    if axes is None:
        raise ValueError(f"{argument}: a table of shape {values.shape}, {_told(allowed)} is wanted")
    named = (axis_of(values.index.name), axis_of(values.columns.name))
    if axes[0] == named[1] or axes[1] == named[0]:
        values = values.T
    check_index(values.index, axes[0], argument)
    check_index(values.columns, axes[1], argument)
    labels = {axes[0]: values.index, axes[1]: values.columns}
    return Labelled(np.asarray(values.to_numpy()), axes, labels)


def check_index(index: Any, axis: str, argument: str) -> None:
    """Refuse a pandas index that names steps where agents are wanted, or the other way round.

    Examples
    --------
    >>> import pandas as pd
    >>> check_index(pd.Index(["al"], name="AgentID"), "agent", "labels")
    """
    if index.nlevels > 1:
        raise ValueError(
            f"{argument}: an index of {index.nlevels} levels, one label per {axis} is wanted"
        )
    named = axis_of(index.name)
    if named in ("step", "agent") and named != axis:
        raise ValueError(f"{argument}: labels called {index.name!r}, those of {axis}s are wanted")


def _told(allowed: Sequence[tuple[str, ...]]) -> str:
    return " or ".join(f"({', '.join(axes)})" if axes[1:] else f"({axes[0]},)" for axes in allowed)
