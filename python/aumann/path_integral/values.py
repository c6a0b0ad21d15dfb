"""Aumann-Shapley values by path integrals, step by step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import closing
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann import _core
from aumann._answer import Answer
from aumann._baseline import Ends, Rows
from aumann._progress import Progress
from aumann._torch import is_tensor
from aumann._twins import as_torch, twin_of
from aumann.coercion import Features
from aumann.estimators import PathIntegral
from aumann.games import Game
from aumann.path_integral.evaluation import Precision, TorchFunction, shown
from aumann.path_integral.integrand import FunctionIntegrand, Integrand
from aumann.path_integral.paths import CustomPath, Path, StraightPath
from aumann.path_integral.pooled_integrand import PooledIntegrand
from aumann.path_integral.quadrature import Integral, integrate
from aumann.path_integral.rules import LEVELS
from aumann.pooled import PooledValueFunction
from aumann.value_functions import ValueFunction

__all__ = ["PathValues", "numpy_form"]

Tensor: TypeAlias = Any

# Numbers in features up to which evaluating several steps or nodes at once is faster than one by
# one: beyond, arithmetic takes longer than starting it.
BATCHED_NUMBERS = 2**16
TINY = np.finfo(np.float64).tiny


class PathValues:
    """Integrates a value function along paths, for one block of steps after another.

    Parameters
    ----------
    function : callable, PooledValueFunction or ValueFunction
        What to integrate; a built-in value function as its torch twin.
    estimator : PathIntegral
        How.
    x : object
        The features as they were given: a tensor says on which device and in which dtype the
        function is evaluated.
    features : Features
        The same, as they were read.
    """

    def __init__(self, function: Any, estimator: PathIntegral, x: Any, features: Features) -> None:
        """Start with nothing known of the function."""
        if is_tensor(x) and not x.is_floating_point():
            raise TypeError(f"x: {x.dtype}, floating-point numbers are wanted, as of x.double()")
        self.function, self.estimator = function, estimator
        self.stepped = features.stepped
        self._converged = np.ones(features.shape[0], dtype=np.bool_)
        self._given = x
        self._form: TorchFunction | None = None
        self._repeated = False
        self._open: list[tuple[float, float, int]] = []

    def fill(self, answer: Answer, ends: Ends) -> None:
        """Write the values of a block of steps."""
        answer.converged = self._converged
        with torch.inference_mode(False):
            self._fill(answer, ends)

    def _fill(self, answer: Answer, ends: Ends) -> None:
        first, count = ends.block.steps.start, ends.block.steps.stop - ends.block.steps.start
        if self.estimator.path == "agent-order":
            for k in range(count):
                self._fill_in_order(answer, ends, k, first + k)
            return
        together = self._steps_together(ends, count)
        with closing(Progress(None, "integrating")) as progress:
            for start in range(0, count, together):
                steps = slice(start, min(start + together, count))
                found = self._integral(*self._tensors(ends, steps), first + start, progress)
                self._write(answer, found, _presence(ends, start), first + start)

    def warn(self) -> None:
        """Warn of the steps that did not converge."""
        if not self._open:
            return
        error, residual, step = max(self._open)
        where = f" at {len(self._open)} steps, worst at step {step}" if self.stepped else ""
        warnings.warn(
            f"the path integral did not converge{where}: the error estimate is {error:.2g} of the "
            f"largest value and the residual {residual:.2g} of the sum of magnitudes, "
            f"{self.estimator.tolerance:.2g} was asked for; more nodes (max_evaluations=, nodes=) "
            "or a larger tolerance= is wanted; a residual that stays means that F jumps on the "
            "path, or that part of its gradient is cut off",
            RuntimeWarning,
            stacklevel=3,
        )

    def _fill_in_order(self, answer: Answer, ends: Ends, k: int, step: int) -> None:
        """Write what F changes by as the agents are faded in one after another."""
        x, rows = _rows(ends.x, k), None if ends.rows is None else _rows(ends.rows, k)
        present = _presence(ends, k)
        function = numpy_form(self.function, self._given)
        game = Game.between(function, x, rows, None if present is None else present[np.newaxis])
        order = _core.random_order(self.estimator.seed, step, 0, game.agents)
        worth = game.along(order)
        values = np.empty(game.agents)
        values[order] = np.diff(worth)
        told = f"agent-order path, seed {self.estimator.seed}"
        answer.write(step, present, values, (float(worth[-1]), float(worth[0])), told)
        answer.evaluations += len(worth)

    def _integral(
        self, x: Tensor, start: Tensor | None, first: int, progress: Progress
    ) -> Integral:
        """Return the integral of the value function for some steps."""
        first_step = first if self.stepped else None
        if not isinstance(self.function, ValueFunction):
            integrand = self._integrand(self._path(x, start), first_step)
            self._check_repeatable(integrand)
            return integrate(integrand, self.estimator, progress.show)
        terms = []
        for coefficient, term in self.function.terms:
            twin: Any = as_torch(term)
            path = self._path(x, start)
            if isinstance(path, StraightPath):
                # Composites are formed once: formed anew at every node, ties would be split.
                twin = twin_of(term)
                path = StraightPath(twin.reduce(x), None if start is None else twin.reduce(start))
            form = TorchFunction(twin, Precision(path.x.device, path.x.dtype), many=True)
            batch = self._nodes_together(path.x)
            integral = integrate(
                FunctionIntegrand(form, path, batch, first_step), self.estimator, progress.show
            )
            terms.append(integral.times(coefficient))
        return reduce(Integral.plus, terms)

    def _integrand(self, path: Path, first_step: int | None) -> Integrand:
        if self._in_chunks(path.x):
            return PooledIntegrand(self.function, self._precision(path.x), path, first_step)
        form = self._formed(path)
        batch = self._nodes_together(path.x) if form.many else 1
        return FunctionIntegrand(form, path, batch, first_step)

    def _path(self, x: Tensor, start: Tensor | None) -> Path:
        if callable(self.estimator.path):
            return CustomPath(self.estimator.path, x, start)
        return StraightPath(x, start)

    def _in_chunks(self, x: Tensor) -> bool:
        return isinstance(self.function, PooledValueFunction) and x.shape[1] > self.function.chunk

    def _formed(self, path: Path) -> TorchFunction:
        """Return how the function wants to be called, as its first features show."""
        if self._form is None:
            precision = self._precision(path.x)
            one, many = (TorchFunction(self.function, precision, many) for many in (False, True))
            if self.stepped and many.takes_many(path.x[:2]):
                self._form = many
            else:
                ends = torch.stack([path.point(1.0)[0], path.point(0.0)[0]])
                batched = ends.numel() <= BATCHED_NUMBERS and one.takes_many(ends)
                self._form = many if batched else one
        return self._form

    def _precision(self, x: Tensor) -> Precision:
        return Precision.of(self.function, self._given if is_tensor(self._given) else x)

    def _steps_together(self, ends: Ends, count: int) -> int:
        """Return how many steps to integrate at once."""
        if count == 1 or ends.presence is not None or callable(self.estimator.path):
            return 1
        x, start = self._tensors(ends, slice(0, 2))
        if not isinstance(self.function, ValueFunction) and (
            self._in_chunks(x) or not self._formed(self._path(x, start)).many
        ):
            return 1
        return self._together(x[0])

    def _nodes_together(self, x: Tensor) -> int:
        return min(LEVELS[-1] // 2 + 1, self._together(x))

    def _together(self, x: Tensor) -> int:
        """Return how many times these features are evaluated together."""
        most = min(BATCHED_NUMBERS, self.estimator.max_bytes // x.element_size())
        return int(max(1, most // x.numel()))

    def _tensors(self, ends: Ends, steps: slice) -> tuple[Tensor, Tensor | None]:
        """Return x and the baseline of some steps, of the present agents of a single one."""
        present = _presence(ends, steps.start)
        x = _tensor(ends.x, steps, present)
        start = None if ends.rows is None else _tensor(ends.rows, steps, present).to(x.dtype)
        # Of a single step errors name none; the block adds which one it is.
        block = ends.block
        first = (
            block.steps.start + steps.start if block.steps.stop - block.steps.start > 1 else None
        )
        with block.locating_errors():
            _check_given(x, "x", first)
            if start is not None:
                _check_given(start, "baseline", first)
        device = self._precision(x).device
        return x.to(device), None if start is None else start.to(device)

    def _check_repeatable(self, integrand: Integrand) -> None:
        """Warn, once, of a function whose value differs from one time to the next."""
        if self._repeated:
            return
        self._repeated = True
        once, again = integrand.value(1.0), integrand.value(1.0)
        if (np.abs(once - again) > 1e3 * integrand.spacing * np.abs(once)).any():
            warnings.warn(
                f"value_function: {shown(self.function)} gives {once[0]:.9g} and {again[0]:.9g} "
                "for the same features: dropout in training mode (module.eval() ends it), random "
                "numbers, or a state that it changes",
                RuntimeWarning,
                stacklevel=5,
            )

    def _write(
        self,
        answer: Answer,
        integral: Integral,
        present: NDArray[np.bool_] | None,
        first: int,
    ) -> None:
        told = f"{self.estimator.rule} quadrature, {integral.evaluations} nodes"
        if integral.capped:
            told += f", stopped by max_evaluations={self.estimator.max_evaluations}"
        at_x, at_start = integral.ends
        for k, row in enumerate(integral.values.cpu().numpy()):
            answer.write(first + k, present, row, (at_x[k], at_start[k]), told)
            answer.error_estimates[first + k] = integral.error[k]
            answer.evaluations += integral.evaluations
            if not integral.converged[k]:
                sizes = np.abs(row)
                # Of values that are all 0, nothing is a part.
                largest, whole = max(sizes.max(), TINY), max(sizes.sum(), TINY)
                residual = abs(row.sum() - (at_x[k] - at_start[k]))
                self._open.append((integral.error[k] / largest, residual / whole, first + k))
        self._converged[first : first + len(at_x)] = integral.converged


def numpy_form(function: Any, given: Any) -> Callable[[NDArray[Any]], float]:
    """Return a torch function as one of a NumPy array (n, d).

    Parameters
    ----------
    function : callable, PooledValueFunction or ValueFunction
        Evaluated where and in what its parameters are, or `given` is.
    given : object
        The features of an attribution, as they were given.
    """
    called = as_torch(function) if isinstance(function, ValueFunction) else function

    def value(x: NDArray[Any]) -> float:
        points = torch.from_numpy(np.ascontiguousarray(x))
        precision = Precision.of(called, given if is_tensor(given) else points)
        return float(TorchFunction(called, precision, many=False).values(points[None])[0])

    value.__name__ = shown(function)
    return value


def _rows(rows: Rows, k: int) -> Rows:
    """Return one step of rows, a single step serving all."""
    if isinstance(rows, list):
        return [column if len(column) == 1 else column[k : k + 1] for column in rows]
    return rows if len(rows) == 1 else rows[k : k + 1]


def _presence(ends: Ends, k: int) -> NDArray[np.bool_] | None:
    return None if ends.presence is None else ends.presence[k]


def _tensor(rows: Rows, steps: slice, present: NDArray[np.bool_] | None) -> Tensor:
    """Return some steps of rows as a tensor, in place where torch can read them so."""
    if isinstance(rows, list):
        array = np.stack([each if len(each) == 1 else each[steps] for each in rows], axis=-1)
    else:
        array = rows if len(rows) == 1 else rows[steps]
    if array.ndim == 2:
        # One row for all agents of a step.
        array = array[:, np.newaxis]
    if present is not None and array.shape[1] > 1:
        array = array[:, present]
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


def _check_given(tensor: Tensor, argument: str, first_step: int | None) -> None:
    """Refuse features that are not finite, naming the first."""
    # The sum tells at a fraction of the cost, unless it exceeds the range of float64.
    if bool(tensor.sum(dtype=torch.float64).isfinite()) or bool(tensor.isfinite().all()):
        return
    step, agent, feature = torch.nonzero(~tensor.isfinite())[0].tolist()
    where = f"agent {agent}, feature {feature}"
    if first_step is not None:
        where = f"step {first_step + step}, {where}"
    raise ValueError(
        f"{argument}: {float(tensor[step, agent, feature])} at {where}, finite numbers are wanted"
    )
