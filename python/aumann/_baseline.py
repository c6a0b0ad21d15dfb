"""The baseline of an attribution: where its path starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._arrays import RealArray
from aumann._columns import is_xarray
from aumann._feature_arrays import Arrays, read_arrays
from aumann._labelled import labels_of, order_of, read_matched
from aumann.coercion import Block, Features

__all__ = ["Baseline", "Ends", "Rows", "Step", "dense", "of_steps", "read_baseline"]


@dataclass(frozen=True)
class Step:
    """A step of the features as the baseline of all steps.

    Parameters
    ----------
    at : int or str
        Index of the step, negative ones from the end, or its label.

    Examples
    --------
    >>> import aumann
    >>> x = [[[1.0], [2.0]], [[1.0], [4.0]], [[2.0], [6.0]]]
    >>> aumann.attribute(x, aumann.Mean(), baseline=aumann.Step(0)).values
    array([[0. , 0. ],
           [0. , 1. ],
           [0.5, 2. ]])
    """

    at: int | str

    def index(self, features: Features) -> int:
        """Return the index of the step among those of features."""
        steps = features.shape[0]
        if isinstance(self.at, str):
            labels = [] if features.step_labels is None else [str(t) for t in features.step_labels]
            if self.at not in labels:
                known = f"one of {labels[0]!r} to {labels[-1]!r}" if labels else "an index"
                raise ValueError(f"baseline: step {self.at!r}, {known} is wanted")
            return labels.index(self.at)
        if isinstance(self.at, bool) or not isinstance(self.at, int | np.integer):
            raise TypeError(f"baseline: step {self.at!r}, an index or a label is wanted")
        if not -steps <= self.at < steps:
            raise ValueError(f"baseline: step {self.at}, {-steps} to {steps - 1} is wanted")
        return int(self.at) % steps


Rows: TypeAlias = RealArray | list[RealArray]


@dataclass(frozen=True, eq=False)
class Ends:
    """Both ends of the paths of some steps, as the core takes them."""

    block: Block
    x: Rows
    rows: Rows | None
    presence: NDArray[np.bool_] | None


@dataclass(frozen=True, eq=False)
class Baseline:
    """What each agent's features start from.

    `row` is one row shared by all agents, shape (1, d). `columns` holds a row per agent: one array
    of shape (1 or T, N, d), or d columns of shape (1 or T, N). `step` is the step that all others
    are compared with. All are None for zero, for the mean and for the step before.
    """

    text: str
    row: NDArray[np.float64] | None = None
    columns: RealArray | list[RealArray] | None = None
    mean: bool = False
    previous: bool = False
    step: int | None = None

    def ends(self, features: Features) -> Iterator[Ends]:
        """Yield steps with their baselines, in order."""
        if self.previous or self.step is not None:
            yield from _compared(features, self.step)
            return
        for block in features.blocks():
            yield Ends(block, block.x, self._of_block(block), block.presence)

    def single_ends(self, features: Features) -> Iterator[Ends]:
        """Yield single steps with their baselines, in order."""
        for ends in self.ends(features):
            first = ends.block.steps.start
            for block in ends.block.single_steps():
                here = block.steps.start - first
                steps = slice(here, here + 1)
                presence = None if ends.presence is None else ends.presence[steps]
                rows = None if ends.rows is None else of_steps(ends.rows, steps)
                yield Ends(block, of_steps(ends.x, steps), rows, presence)

    def presence(self, features: Features) -> NDArray[np.bool_] | None:
        """Return who is there at either end, shape (T, N), or None for everybody."""
        here = features.presence
        if here is None or not (self.previous or self.step is not None):
            return here
        there = np.concatenate([here[:1], here[:-1]]) if self.step is None else here[self.step]
        return np.asarray(here | there)

    def arrays(self) -> list[RealArray]:
        """Return the memory that an output must not overlap."""
        if self.columns is None:
            return []
        return self.columns if isinstance(self.columns, list) else [self.columns]

    def _of_block(self, block: Block) -> Rows | None:
        if self.mean:
            return _core.feature_means(block.x, block.presence)
        if self.columns is not None:
            return of_steps(self.columns, block.steps)
        dtype = (block.x[0] if isinstance(block.x, list) else block.x).dtype
        if self.row is None or self.row.dtype == dtype:
            return self.row
        # A number stands for that of the type of x, 0.1 for the float32 next to it.
        with np.errstate(over="ignore"):
            row = self.row.astype(dtype).astype(self.row.dtype)
        beyond = self.row[np.isinf(row) & np.isfinite(self.row)]
        if beyond.size:
            raise ValueError(f"baseline: {beyond[0]} is beyond the range of {dtype}, the type of x")
        return row


def _compared(features: Features, reference: int | None) -> Iterator[Ends]:
    """Yield every step with another: the one before, or the reference.

    An agent who is absent at one of them stands at zero there, and is there in both.
    """
    there = None
    if reference is not None:
        there = next(block for block in features.single_steps() if block.steps.start == reference)
    for here in features.single_steps():
        other = here if there is None else there
        here = replace(here, compared_with=other.steps.start)
        if here.presence is None or other.presence is None:
            yield Ends(here, here.x, other.x, None)
        else:
            union = here.presence | other.presence
            yield Ends(here, _filled(here, union), _filled(other, union), union)
        if reference is None:
            there = here


def _filled(block: Block, union: NDArray[np.bool_]) -> RealArray | list[RealArray]:
    """Return the features of a step, zero for the absent agents of the union."""
    present = block.presence
    if present is None or (present == union).all():
        return block.x
    if isinstance(block.x, list):
        return [np.where(present, column, column.dtype.type(0)) for column in block.x]
    return np.where(present[..., np.newaxis], block.x, block.x.dtype.type(0))


def of_steps(rows: Rows, steps: slice) -> Rows:
    """Return some steps of an array, or of a list of columns; a single step serves all.

    Examples
    --------
    >>> of_steps(np.zeros((3, 2, 1)), slice(0, 2)).shape
    (2, 2, 1)
    """
    if isinstance(rows, list):
        return [column if len(column) == 1 else column[steps] for column in rows]
    return rows if len(rows) == 1 else rows[steps]


def dense(rows: Rows) -> RealArray:
    """Return an array, with the columns of a list along a last axis.

    Examples
    --------
    >>> dense([np.zeros((1, 2)), np.ones((1, 2))]).shape
    (1, 2, 2)
    """
    return cast(RealArray, np.stack(rows, axis=-1)) if isinstance(rows, list) else rows


def read_baseline(baseline: Any, features: Features) -> Baseline:
    """Return the baseline for features, checked.

    Parameters
    ----------
    baseline : float, "mean", "previous", Step, array-like, table, or list of columns
        As in `attribute`.
    features : Features
        The features to be attributed.

    Returns
    -------
    Baseline

    Raises
    ------
    TypeError, ValueError
        If the baseline cannot be read, is not finite, or does not fit the features.

    Examples
    --------
    >>> from aumann.coercion import read_features
    >>> read_baseline([0.5, 1], read_features([[1.0, 2.0]])).row
    array([[0.5, 1. ]])
    """
    if isinstance(baseline, str):
        if baseline == "mean":
            return Baseline("mean", mean=True)
        if baseline == "previous":
            _check_stepped(baseline, features)
            return Baseline("the step before", previous=True)
        raise ValueError(f"baseline: {baseline!r}, 'mean', 'previous' or numbers are wanted")
    if isinstance(baseline, Step):
        _check_stepped(baseline, features)
        return Baseline(f"step {baseline.at}", step=baseline.index(features))
    if isinstance(baseline, bool | np.bool_):
        raise TypeError(f"baseline: {baseline!r}, 'mean', 'previous' or numbers are wanted")
    if labels_of(baseline) is not None or (is_xarray(baseline) and baseline.ndim == 1):
        baseline = read_matched(baseline, "baseline", [("feature",)], features.axes)
    arrays = _in_order(read_arrays(baseline, "baseline"), features)
    steps, agents, width = features.shape
    shape = arrays.shape
    if shape in ((), (width,)):
        row = np.atleast_1d(np.asarray(arrays.data, dtype=np.float64))
        bad = np.flatnonzero(~np.isfinite(row))
        if bad.size:
            where = f" at feature {bad[0]}" if shape else ""
            raise ValueError(f"baseline: {row[bad[0]]}{where}, finite numbers are wanted")
        text = f"one row for all agents, shape {shape}" if shape else f"{row[0]:.6g}"
        if not row.any():
            return Baseline(text)
        return Baseline(text, row=np.ascontiguousarray(np.broadcast_to(row, (1, width))))
    if shape not in ((agents, width), (steps, agents, width)):
        raise ValueError(
            f"baseline: shape {shape}, a number, ({width},), ({agents}, {width}) or "
            f"({steps}, {agents}, {width}) is wanted"
        )
    text, stepped = f"one row per agent, shape {shape}", len(shape) == 3
    if isinstance(arrays.data, list):
        columns = [_cast(column, features.dtype, stepped) for column in arrays.data]
        return Baseline(text, columns=columns)
    return Baseline(text, columns=_cast(arrays.data, features.dtype, stepped))


def _in_order(arrays: Arrays, features: Features) -> Arrays:
    """Return rows of baselines with their features, agents and steps in the order of x."""
    names, data, depth = arrays.names, arrays.data, len(arrays.shape)
    if arrays.presence is not None:
        raise ValueError("baseline: some agents have no row at some step, one each is wanted")
    if names is not None and features.names not in (None, names):
        wanted = features.names or ()
        if sorted(names) != sorted(wanted) or len(set(names)) < len(names):
            raise ValueError(f"baseline: features {names}, {wanted} are wanted")
        places = [names.index(name) for name in wanted]
        data = [data[k] for k in places] if isinstance(data, list) else data[..., places]
    for place, axis, labels in (
        (depth - 3, "step", arrays.step_labels),
        (depth - 2, "agent", arrays.agent_labels),
    ):
        order = None if place < 0 else order_of(labels, features.axes[axis], "baseline", axis)
        if order is not None:
            index: tuple[Any, ...] = (*(slice(None),) * place, order)
            data = [column[index] for column in data] if isinstance(data, list) else data[index]
    return replace(arrays, data=data)


def _check_stepped(baseline: object, features: Features) -> None:
    if not features.stepped:
        raise ValueError(f"baseline: {baseline!r}, but x has no steps; shape (T, N, d) is wanted")


def _cast(array: RealArray, dtype: np.dtype[Any], stepped: bool) -> RealArray:
    """Return an array of the features' dtype, with a step axis, copied only where it differs."""
    with np.errstate(over="ignore"):
        cast: RealArray = array.astype(dtype, copy=False)
    return cast if stepped else cast[np.newaxis]
