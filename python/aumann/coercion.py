"""From whatever holds features to the arrays that the core reads, without a copy where possible."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import RealArray, is_masked, native
from aumann._columns import Columns, is_column, label_axes, read_column, read_table
from aumann.population import Population

__all__ = [
    "Block",
    "Features",
    "read_arrays",
    "read_features",
    "read_weights",
]


# A list of more columns than agents and than this is likely a list of agents.
MANY_FEATURES = 16


@dataclass(frozen=True, eq=False)
class Arrays:
    """Real numbers in an aligned, native form: one array, or one column per feature."""

    data: RealArray | list[RealArray]
    names: tuple[str, ...] | None = None
    step_labels: NDArray[Any] | None = None

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


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive steps, as the core takes them."""

    steps: slice
    x: RealArray | list[RealArray]
    presence: NDArray[np.bool_] | None
    features: Features = field(repr=False)
    # The step that is the baseline, where one is.
    compared_with: int | None = None

    def single_steps(self) -> Iterator[Block]:
        """Yield the steps in order, one by one."""
        for step in range(self.steps.start, self.steps.stop):
            here = slice(step - self.steps.start, step - self.steps.start + 1)
            columns = self.x
            x = [column[here] for column in columns] if isinstance(columns, list) else columns[here]
            presence = None if self.presence is None else self.presence[here]
            yield Block(slice(step, step + 1), x, presence, self.features, self.compared_with)

    @contextmanager
    def locating_errors(self) -> Iterator[None]:
        """Say in the core's errors which step of the whole is meant, and the feature's name."""
        try:
            yield
        except ValueError as error:
            message = self._relocated(str(error))
            raise ValueError(message) from error

    def _relocated(self, message: str) -> str:
        # The core names no step where it is given one only.
        if self.features.stepped and self.steps.stop - self.steps.start == 1:
            of_baseline = message.startswith("baseline:") and self.compared_with is not None
            step = f"step {self.compared_with if of_baseline else self.steps.start}"
            if " at agent " in message:
                message = message.replace(" at agent ", f" at {step}, agent ", 1)
            else:
                message = f"{message} ({step})"
        names = self.features.names
        if names is not None:
            message = re.sub(
                r"\bfeature (\d+)", lambda found: f"{found[0]} ({names[int(found[1])]!r})", message
            )
        return message


@dataclass(frozen=True, eq=False)
class Features:
    """The features of all agents at all steps: what `x` and `presence` amount to."""

    source: RealArray | list[RealArray] | Population
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    stepped: bool
    presence: NDArray[np.bool_] | None = None
    names: tuple[str, ...] | None = None
    step_labels: NDArray[Any] | None = None

    def blocks(self) -> Iterator[Block]:
        """Yield the steps in order: all at once, or one by one where they are made on request."""
        source = self.source
        if not isinstance(source, Population):
            yield Block(slice(0, self.shape[0]), source, self.presence, self)
            return
        for step, features in enumerate(source.iter_features()):
            steps = slice(step, step + 1)
            presence = None if self.presence is None else self.presence[steps]
            yield Block(steps, native(features, "x")[np.newaxis], presence, self)

    def single_steps(self) -> Iterator[Block]:
        """Yield the steps in order, one by one."""
        for block in self.blocks():
            yield from block.single_steps()


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
        array, names, step_labels = labelled
        return Arrays(native(array, argument), names, step_labels)
    table = read_table(x, argument)
    if table is not None:
        return _joined(table, argument)
    if isinstance(x, list | tuple) and any(is_column(item) for item in x):
        columns = _joined(_listed(x, argument), argument)
        agents = columns.shape[-2]
        if len(x) > max(agents, MANY_FEATURES):
            warnings.warn(
                f"{argument}: a list of arrays holds feature columns, here {len(x)} features of "
                f"{agents} agents; if its arrays are agents, pass numpy.stack(...) of them",
                UserWarning,
                stacklevel=4,
            )
        return columns
    return Arrays(native(read_column(x, argument), argument))


def _listed(items: Sequence[Any], argument: str) -> Columns:
    for k, item in enumerate(items):
        if not is_column(item):
            raise TypeError(
                f"{argument}: item {k} is {type(item).__name__} among feature columns, "
                "an array of numbers is wanted"
            )
    return Columns([read_column(item, f"{argument}[{k}]") for k, item in enumerate(items)])


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
    return Arrays(arrays, columns.names)


def read_features(x: Any, presence: Any = None) -> Features:
    """Return features in the form that the core reads.

    Parameters
    ----------
    x : array-like, table, list of columns, or Population; shape (N, d) or (T, N, d)
        As in `attribute`.
    presence : array-like of bool, shape (N,) or (T, N), optional
        Which agents are there.

    Returns
    -------
    Features

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be read, is empty, or has the wrong shape.

    Examples
    --------
    >>> read_features([[1, 2], [3, 4]]).shape
    (1, 2, 2)
    """
    if isinstance(x, Population):
        if presence is not None:
            raise TypeError("presence: a Population brings its own, None is wanted")
        names = tuple(feature.name for feature in x.feature_list)
        shape = (x.steps, x.agents, len(names))
        _check_size(shape)
        return Features(
            x,
            shape,
            np.dtype(np.float64),
            True,
            _checked_presence(x.presence, shape),
            names,
            np.array(x.step_labels),
        )
    arrays = read_arrays(x, "x")
    if len(arrays.shape) not in (2, 3):
        hint = "; use x[:, None] for one feature" if len(arrays.shape) == 1 else ""
        raise ValueError(f"x: shape {arrays.shape}, (N, d) or (T, N, d) is wanted{hint}")
    _check_size(arrays.shape)
    stepped = len(arrays.shape) == 3
    data = arrays.data
    if not stepped:
        data = [column[np.newaxis] for column in data] if isinstance(data, list) else data[None]
    steps, agents, features = arrays.shape if stepped else (1, *arrays.shape)
    shape = (steps, agents, features)
    return Features(
        data,
        shape,
        arrays.dtype,
        stepped,
        None if presence is None else _checked_presence(presence, shape),
        arrays.names,
        arrays.step_labels,
    )


def _check_size(shape: tuple[int, ...]) -> None:
    axes = ("step", "agent", "feature")[-len(shape) :]
    for axis, length in zip(axes, shape, strict=True):
        if length == 0:
            raise ValueError(f"x: shape {shape}, at least one {axis} is wanted")


def _checked_presence(presence: Any, shape: tuple[int, int, int]) -> NDArray[np.bool_] | None:
    if presence is None:
        return None
    if is_masked(presence):
        raise TypeError("presence: a masked array, plain booleans are wanted")
    mask = np.asarray(presence)
    if mask.dtype != np.bool_:
        raise TypeError(f"presence: dtype {mask.dtype}, bool is wanted")
    steps, agents, _ = shape
    if mask.shape not in ((agents,), (steps, agents)):
        raise ValueError(
            f"presence: shape {mask.shape}, ({agents},) or ({steps}, {agents}) is wanted"
        )
    empty = np.flatnonzero(~np.atleast_2d(mask.any(axis=-1)).ravel())
    if empty.size:
        where = f" at step {empty[0]}" if mask.ndim == 2 else ""
        raise ValueError(f"presence: no agent is present{where}, at least one is wanted")
    # A copy, for the result keeps it.
    return np.array(np.broadcast_to(np.atleast_2d(mask), (steps, agents)), order="C")


def read_weights(weights: Any) -> tuple[float, ...]:
    """Return weights of features as a tuple of finite numbers.

    Parameters
    ----------
    weights : array-like of float, shape (d,)
        One weight per feature.

    Returns
    -------
    tuple of float

    Raises
    ------
    TypeError, ValueError
        If these are not finite real numbers in one row.

    Examples
    --------
    >>> read_weights([1, 0.5])
    (1.0, 0.5)
    """
    row = np.asarray(weights)
    if row.dtype.kind not in "iuf":
        raise TypeError(f"weights: dtype {row.dtype}, real numbers are wanted")
    if row.ndim != 1 or row.size == 0:
        raise ValueError(f"weights: shape {row.shape}, one number per feature, (d,), is wanted")
    bad = np.flatnonzero(~np.isfinite(row))
    if bad.size:
        raise ValueError(f"weights: {row[bad[0]]} at feature {bad[0]}, finite numbers are wanted")
    return tuple(float(weight) for weight in row)
