"""From whatever holds features to the arrays that the core reads, without a copy where possible."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import RealArray, cure, native, refuse_masked
from aumann._axes import shown
from aumann._feature_arrays import read_arrays
from aumann._labelled import Axis, default_index, labels_of, read_labelled, read_matched
from aumann.population import Population

__all__ = [
    "Block",
    "Features",
    "read_features",
    "read_weights",
]


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
    agent_labels: Any = None

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes that labels of other arguments are matched with."""
        steps, agents, features = self.shape
        return {
            "step": Axis(steps, self.step_labels),
            "agent": Axis(agents, self.agent_labels),
            "feature": Axis(features, self.names),
        }

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
        present = x.window_presence()
        if present is not None:
            _check_somebody(present)
            present = present.copy()
        return Features(
            x,
            shape,
            np.dtype(np.float64),
            True,
            present,
            names,
            np.array(x.step_labels, dtype=object),
            x.agent_table.get("id"),
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
    read = Features(
        data,
        (steps, agents, features),
        arrays.dtype,
        stepped,
        arrays.presence,
        arrays.names,
        arrays.step_labels,
        arrays.agent_labels,
    )
    if presence is None:
        return read
    if arrays.presence is not None:
        raise TypeError("presence: the rows of x say who is there at which step, None is wanted")
    return replace(read, presence=_checked_presence(presence, read))


def _check_size(shape: tuple[int, ...]) -> None:
    axes = ("step", "agent", "feature")[-len(shape) :]
    for axis, length in zip(axes, shape, strict=True):
        if length == 0:
            raise ValueError(f"x: shape {shape}, at least one {axis} is wanted")


def _checked_presence(presence: Any, features: Features) -> NDArray[np.bool_]:
    allowed = [("agent",), ("step", "agent")]
    mask = read_matched(presence, "presence", allowed, features.axes)
    if mask.dtype != np.bool_:
        raise TypeError(
            f"presence: dtype {mask.dtype}, bool is wanted{cure(mask) * (mask.ndim == 0)}"
        )
    steps, agents, _ = features.shape
    if mask.shape not in ((agents,), (steps, agents)):
        raise ValueError(
            f"presence: shape {mask.shape}, ({agents},) or ({steps}, {agents}) is wanted"
        )
    _check_somebody(mask)
    # A copy, for the result keeps it.
    return np.array(np.broadcast_to(np.atleast_2d(mask), (steps, agents)), order="C")


def _check_somebody(mask: NDArray[np.bool_]) -> None:
    empty = np.flatnonzero(~np.atleast_2d(mask.any(axis=-1)).ravel())
    if empty.size:
        where = f" at step {empty[0]}" if mask.ndim == 2 else ""
        raise ValueError(f"presence: no agent is present{where}, at least one is wanted")


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
    refuse_masked(weights, "weights")
    labels = labels_of(weights)
    if labels is not None and not default_index(labels):
        raise ValueError(
            f"weights: labels {shown(labels)}, but a value function does not know the names of "
            "features; plain numbers in the order of the features are wanted"
        )
    row = read_labelled(weights, "weights", [("feature",)]).array
    if row.dtype.kind not in "iuf":
        raise TypeError(f"weights: dtype {row.dtype}, real numbers are wanted{cure(row)}")
    if row.ndim != 1 or row.size == 0:
        raise ValueError(f"weights: shape {row.shape}, one number per feature, (d,), is wanted")
    bad = np.flatnonzero(~np.isfinite(row))
    if bad.size:
        raise ValueError(f"weights: {row[bad[0]]} at feature {bad[0]}, finite numbers are wanted")
    return tuple(float(weight) for weight in row)
