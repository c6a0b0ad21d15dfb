"""The features of some steps as tensors, checked."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann._baseline import Ends, Rows, dense, of_steps
from aumann.path_integral.integrand import Place

__all__ = ["ends_as_tensors", "presence_at"]

Tensor: TypeAlias = Any


def presence_at(ends: Ends, k: int) -> NDArray[np.bool_] | None:
    """Return who is there at a step of a block, or None for everybody."""
    return None if ends.presence is None else ends.presence[k]


def ends_as_tensors(ends: Ends, steps: slice) -> tuple[Tensor, Tensor | None]:
    """Return x and the baseline of some steps of a block, of the present agents of a single one.

    Shapes (m, n, d), of the baseline (m or 1, n or 1, d); None stands for zero.
    """
    present = presence_at(ends, steps.start)
    x = _tensor(ends.x, steps, present)
    start = None if ends.rows is None else _tensor(ends.rows, steps, present).to(x.dtype)
    # Of a single step errors name none; the block adds which one it is.
    block = ends.block
    several = block.steps.stop - block.steps.start > 1
    place = Place(block.steps.start + steps.start if several else None, present)
    with block.locating_errors():
        _check(x, "x", place)
        if start is not None:
            _check(start, "baseline", place)
    return x, start


def _tensor(rows: Rows, steps: slice, present: NDArray[np.bool_] | None) -> Tensor:
    """Return some steps of rows as a tensor, in place where torch can read them so."""
    array = dense(of_steps(rows, steps))
    if array.ndim == 2:
        # One row for all agents of a step.
        array = array[:, np.newaxis]
    if present is not None and array.shape[1] > 1:
        array = array[:, present]
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


def _check(tensor: Tensor, argument: str, place: Place) -> None:
    """Refuse features that are not finite, naming the first."""
    # The sum tells at a fraction of the cost, unless it exceeds the range of float64.
    if bool(tensor.sum(dtype=torch.float64).isfinite()) or bool(tensor.isfinite().all()):
        return
    step, agent, feature = torch.nonzero(~tensor.isfinite())[0].tolist()
    number = float(tensor[step, agent, feature])
    # A row may be shared by all agents.
    where = f"feature {feature}"
    if tensor.shape[1] > 1 or argument == "x":
        where = f"agent {place.agent(agent)}, {where}"
    if place.first_step is not None:
        where = f"step {place.first_step + step}, {where}"
    raise ValueError(f"{argument}: {number} at {where}, finite numbers are wanted")
