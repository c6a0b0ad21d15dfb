"""Real numbers in whatever holds them, as one array or one column per feature."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import RealArray, native
from aumann._columns import Columns, is_column, label_axes, read_column, read_table
from aumann._labelled import Axis, Labelled, common_labels, order_of, read_labelled
from aumann._long_rows import LongRows

__all__ = ["Arrays", "read_arrays"]

# A list of more columns than agents and than this is likely a list of agents.
MANY_FEATURES = 16


@dataclass(frozen=True, eq=False)
class Arrays:
    """Real numbers in an aligned, native form: one array, or one column per feature."""

    data: RealArray | list[RealArray]
    names: tuple[str, ...] | None = None
    step_labels: NDArray[Any] | None = None
    agent_labels: Any = None
    # Of tables of agents and steps, where agents are missing at some.
    presence: NDArray[np.bool_] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, with the features on the last axis."""
        if isinstance(self.data, list):
            return (*self.data[0].shape, len(self.data))
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or float32."""
        return self.data[0].dtype if isinstance(self.data, list) else self.data.dtype


def read_arrays(x: Any, argument: str) -> Arrays:
    """Return the numbers in an array, table, tensor, or list of columns, of any shape.

    Parameters
    ----------
    x : array-like, table, or list of columns
        As in `attribute`.
    argument : str
        What errors call it.

    Returns
    -------
    Arrays

    Raises
    ------
    TypeError, ValueError
        If these are not real numbers in equal rows.

    Examples
    --------
    >>> read_arrays([[1, 2], [3, 4]], "x").shape
    (2, 2)
    """
    # First, because labelled arrays export Arrow streams as well, in long form.
    labelled = label_axes(x, argument)
    if labelled is not None:
        array, names, step_labels, agent_labels = labelled
        return Arrays(native(array, argument), names, step_labels, agent_labels)
    table = read_table(x, argument)
    if table is not None:
        return _joined(table, argument)
    if isinstance(x, Mapping):
        raise TypeError(
            f"{argument}: {type(x).__name__}, a data frame or a list of columns is wanted"
        )
    if isinstance(x, list | tuple) and any(is_column(item) for item in x):
        return _joined(_listed(x, argument), argument)
    return Arrays(native(read_column(x, argument), argument))


def _listed(items: Sequence[Any], argument: str) -> Columns:
    """Return columns in the order of the first labelled one."""
    read: list[Labelled] = []
    for k, item in enumerate(items):
        place = f"{argument}[{k}]"
        if not is_column(item):
            raise TypeError(
                f"{argument}: item {k} is {type(item).__name__} among feature columns, "
                "an array of numbers is wanted"
            )
        if hasattr(item, "columns"):
            raise TypeError(
                f"{argument}: item {k} is a table among feature columns; of tables of one step "
                "each pass numpy.stack([table.to_numpy(), ...])"
            )
        read.append(read_labelled(item, place, [("agent",), ("step", "agent")]))
    labels = {f"{argument}[{k}]": each.labels.get("agent") for k, each in enumerate(read)}
    agents = common_labels(labels)
    if agents is None:
        return Columns([each.array for each in read])
    known = Axis(len(agents), agents)
    arrays: list[NDArray[Any]] = []
    for k, each in enumerate(read):
        order = order_of(each.labels.get("agent"), known, f"{argument}[{k}]", "agent")
        arrays.append(each.array if order is None else np.take(each.array, order, axis=-1))
    return Columns(arrays, agent_labels=agents)


def _joined(columns: Columns, argument: str) -> Arrays:
    """Return columns of one shape and dtype: float32 if all are, float64 otherwise."""
    places = columns.places(argument)
    arrays = [native(array, place) for array, place in zip(columns.arrays, places, strict=True)]
    if not arrays:
        raise ValueError(f"{argument}: no columns, at least one feature is wanted")
    for array, place in zip(arrays, places, strict=True):
        if array.ndim not in (1, 2) or array.shape != arrays[0].shape:
            raise ValueError(
                f"{place}: shape {array.shape}, columns of one shape, (N,) or (T, N), are wanted "
                f"(the first has {arrays[0].shape})"
            )
    if any(array.dtype == np.float64 for array in arrays):
        arrays = [array.astype(np.float64, copy=False) for array in arrays]
    if columns.keys is None:
        _warn_of_many(arrays, columns.names, argument)
        return Arrays(arrays, columns.names, agent_labels=columns.agent_labels)
    rows = LongRows.read(columns.keys, argument)
    return Arrays(
        [rows.spread(array) for array in arrays],
        columns.names,
        rows.steps.values,
        rows.agents.values,
        rows.presence,
    )


def _warn_of_many(arrays: list[RealArray], names: tuple[str, ...] | None, argument: str) -> None:
    """Warn of more features than agents: rather agents, as columns."""
    agents = arrays[0].shape[-1]
    if len(arrays) <= max(agents, MANY_FEATURES):
        return
    told = "a list of arrays" if names is None else "a table"
    cure = "arrays are agents, pass numpy.stack(...) of them"
    if names is not None:
        cure = f"columns are agents, pass {argument}.to_numpy()[..., None], shape (T, N, 1)"
    warnings.warn(
        f"{argument}: {told} holds feature columns, here {len(arrays)} features of {agents} "
        f"agents; if its {cure}",
        UserWarning,
        stacklevel=5,
    )
