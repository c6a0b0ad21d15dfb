"""Aumann-Shapley values by path integrals, step by step."""

from __future__ import annotations

import warnings
from contextlib import closing
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann import _core
from aumann._answer import Answer
from aumann._baseline import Ends, of_steps
from aumann._evaluator import Evaluator
from aumann._feature_function import FeatureFunction, array_form
from aumann._progress import Progress
from aumann._torch import is_tensor
from aumann._twins import TorchValueFunction, as_torch, twin_of
from aumann._warning import warn_user
from aumann.coercion import Features
from aumann.estimators import PathIntegral
from aumann.games import Game
from aumann.path_integral.convergence import (
    Coarse,
    Unconverged,
    warn_coarse,
    warn_unconverged,
    warn_unrepeatable,
)
from aumann.path_integral.evaluation import (
    Precision,
    TorchFunction,
    modules_of,
    same_number,
    shown,
)
from aumann.path_integral.inputs import ends_as_tensors, presence_at
from aumann.path_integral.integrand import FunctionIntegrand, Integrand, Place
from aumann.path_integral.paths import CustomPath, Path, StraightPath
from aumann.path_integral.pooled_integrand import PooledIntegrand
from aumann.path_integral.quadrature import FEWEST_NODES, Integral, integrate
from aumann.path_integral.tied_agents import share_among_tied
from aumann.pooled import PooledValueFunction
from aumann.value_functions import ValueFunction

__all__ = ["PathValues"]

Tensor: TypeAlias = Any

# Numbers in features up to which evaluating several steps or nodes at once is faster than one by
# one: beyond, arithmetic takes longer than starting it.
BATCHED_NUMBERS = 2**16
NODES_TOGETHER = 8
# On a straight path the gradients of the built-in functions are constant, linear or smooth, but for
# pairs of agents who change places, once each: nothing hides between nodes.
FEWEST_OF_BUILT_IN = 3


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
        if isinstance(function, TorchValueFunction):
            # Its composites are better formed once than at every node.
            function = function.value_function
        self.function, self.estimator = function, estimator
        self.stepped, self._labels = features.stepped, features.step_labels
        self._converged = np.ones(features.shape[0], dtype=np.bool_)
        self._given = x
        self._form: TorchFunction | None = None
        # The function for one step, where it is given many.
        self._single: TorchFunction | None = None
        self._repeatable: bool | None = None
        self._compared = False
        self._tie_evaluations = 0
        self._doubt: str | None = None
        self._coarse: list[Coarse] = []
        self._open: list[Unconverged] = []
        self._nodes: set[int] = set()
        self._capped = False

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
                x, rows = self._tensors(ends, steps)
                present = presence_at(ends, start)
                place = Place(first + start if self.stepped else None, present)
                done = first + start
                for integral in self._integrals(self._path(x, rows), place, progress):
                    self._write(answer, integral, present, done)
                    done += len(integral.values)

    def finish(self, answer: Answer) -> None:
        """Say how the values were found, and warn of the steps that did not converge."""
        if self._nodes:
            least, most = min(self._nodes), max(self._nodes)
            nodes = f"{most}" if least == most else f"{least} to {most}"
            told = f"{self.estimator.rule} quadrature, {nodes} nodes"
            if self._capped:
                told += f", stopped by max_evaluations={self.estimator.max_evaluations}"
            answer.estimators = [told] * len(answer.estimators)
        answer.evaluations += self._tie_evaluations
        if self._doubt is not None:
            warn_user(self._doubt)
        if self._coarse:
            warn_coarse(self._coarse)
        if not self._open:
            return
        warn_unconverged(self._open, self.estimator.tolerance)

    def _label(self, step: int) -> object:
        labels = np.arange(len(self._converged)) if self._labels is None else self._labels
        return labels[step] if self.stepped else None

    def _fill_in_order(self, answer: Answer, ends: Ends, k: int, step: int) -> None:
        """Write what F changes by as the agents are faded in one after another."""
        here = slice(k, k + 1)
        x, rows = of_steps(ends.x, here), None if ends.rows is None else of_steps(ends.rows, here)
        present = presence_at(ends, k)
        function = FeatureFunction(self.function, self._given)
        game = Game.between(function, x, rows, None if present is None else present[np.newaxis])
        order = _core.random_order(self.estimator.seed, step, 0, game.agents)
        asked = Evaluator(game)
        worth = asked.along(order)
        values = np.empty(game.agents)
        values[order] = np.diff(worth)
        told = f"agent-order path, seed {self.estimator.seed}"
        answer.write(step, present, values, (float(worth[-1]), float(worth[0])), told)
        asked.check(np.empty((0, game.agents), dtype=np.bool_), np.empty(0))
        answer.evaluations += asked.count

    def _integrals(self, path: Path, place: Place, progress: Progress) -> list[Integral]:
        """Return the integrals of all steps of a path, in order."""
        if isinstance(self.function, ValueFunction):
            return [self._of_terms(self.function, path, place, progress)]
        steps = len(path.x)
        if steps > 1 and not self._formed(path).many:
            alone = [(path.of_step(k), place.of_step(k)) for k in range(steps)]
            return [each for ends in alone for each in self._integrals(*ends, progress)]
        integrand = self._integrand(path, place)
        integral = integrate(integrand, self.estimator, progress.show)
        self._compare_with_arrays(path, float(integral.ends[0][0]))
        if not self._is_repeatable(integrand, integral.ends[0]):
            integral.converged[:] = False
        elif self._form is not self._single is not None and not self._stands(path, integral):
            self._form = self._single
            return self._integrals(path, place, progress)
        if isinstance(integrand, FunctionIntegrand) and isinstance(path, StraightPath):
            self._share_among_tied(integral, integrand, path, place)
        return [integral]

    def _share_among_tied(
        self, integral: Integral, integrand: FunctionIntegrand, path: StraightPath, place: Place
    ) -> None:
        """Give equal values to agents of each step who are equal in all that F sees."""
        assert integrand.used is not None
        form = integrand.function
        for k, (row, used) in enumerate(zip(integral.values, integrand.used, strict=True)):
            values = row.cpu().numpy()
            tied = share_among_tied(values, form, used, path.of_step(k), place.of_step(k))
            if tied.values is not values:
                row.copy_(torch.from_numpy(tied.values))
            self._tie_evaluations += tied.evaluations
            self._doubt = self._doubt or tied.doubt

    def _of_terms(
        self, function: ValueFunction, path: Path, place: Place, progress: Progress
    ) -> Integral:
        """Return the integral of a built-in value function, or of a combination."""
        terms = []
        for coefficient, term in function.terms:
            twin: Any = as_torch(term)
            of_term = path
            if isinstance(path, StraightPath):
                # Composites are formed once: formed anew at every node, ties would be split.
                twin = twin_of(term)
                start = None if path.start is None else twin.reduce(path.start)
                of_term = StraightPath(twin.reduce(path.x), start)
            form = TorchFunction(twin, Precision(path.x.device, of_term.x.dtype), many=True)
            integrand = FunctionIntegrand(form, of_term, self._nodes_together(of_term.x), place)
            fewest = FEWEST_OF_BUILT_IN if isinstance(path, StraightPath) else FEWEST_NODES
            integral = integrate(integrand, self.estimator, progress.show, fewest)
            terms.append(integral.times(coefficient))
        return reduce(Integral.plus, terms)

    def _integrand(self, path: Path, place: Place) -> Integrand:
        if self._in_chunks(path.x):
            return PooledIntegrand(self.function, self._precision(path.x), path, place)
        form = self._formed(path)
        batch = self._nodes_together(path.x) if form.many else 1
        return FunctionIntegrand(form, path, batch, place)

    def _path(self, x: Tensor, start: Tensor | None) -> Path:
        if callable(self.estimator.path):
            return CustomPath(self.estimator.path, x, start)
        return StraightPath(x, start)

    def _in_chunks(self, x: Tensor) -> bool:
        return isinstance(self.function, PooledValueFunction) and x.shape[1] > self.function.chunk

    def _formed(self, path: Path) -> TorchFunction:
        """Return how the function wants to be called.

        What is made for (n, d) may take (m, n, d) as well and mean something else by it, so two
        points, inside the features' range, must give together what each of them gives alone.
        """
        if self._form is not None:
            return self._form
        precision = self._precision(path.x)
        one, many = (TorchFunction(self.function, precision, many) for many in (False, True))
        if not self.stepped and 2 * path.x[0].numel() > BATCHED_NUMBERS:
            self._form = one
            return one
        middle = path.point(0.5)[:1]
        uneven = torch.linspace(0.99, 1, middle.shape[1], dtype=middle.dtype, device=middle.device)
        mixed = 0.5 * (middle + middle.flip(1)) * uneven[:, None]
        points = torch.cat([path.point(1.0)[:1], mixed])
        if torch.equal(points[0], points[1]):
            # Nothing is learned from zeros: the next step may tell.
            return one if one.agrees(one, points[:1]) else many
        if many.agrees(one, points):
            self._form, self._single = many, one
        else:
            self._form = many if self.stepped and many.agrees(many, points) else one
        return self._form

    def _stands(self, path: Path, integral: Integral) -> bool:
        """Tell whether each step of several alone has the value that it has among them.

        Two points have shown that a function for one step takes many, but not that it means the
        same everywhere: where it does not, its gradients do not add up to its values either.
        """
        assert self._single is not None
        ends = torch.from_numpy(integral.ends[0])
        alone = torch.cat([self._single.values(x[None]).cpu() for x in path.x])
        return bool(integral.converged.all()) and same_number(
            ends, alone, self._single.precision.spacing
        )

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
        return min(NODES_TOGETHER, self._together(x))

    def _together(self, x: Tensor) -> int:
        """Return how many times these features are evaluated together."""
        most = min(BATCHED_NUMBERS, self.estimator.max_bytes // x.element_size())
        return int(max(1, most // x.numel()))

    def _tensors(self, ends: Ends, steps: slice) -> tuple[Tensor, Tensor | None]:
        """Return x and the baseline of some steps, on the device of the function."""
        x, start = ends_as_tensors(ends, steps)
        device = self._precision(x).device
        return x.to(device), None if start is None else start.to(device)

    def _is_repeatable(self, integrand: Integrand, once: NDArray[np.float64]) -> bool:
        """Tell whether a function gives the same value twice, and warn, once, if it does not."""
        if self._repeatable is None:
            again = integrand.value(1.0)
            self._repeatable = warn_unrepeatable(
                self.function, torch.from_numpy(once), torch.from_numpy(again), integrand.spacing
            )
        return self._repeatable

    def _compare_with_arrays(self, path: Path, value: float) -> None:
        """Warn, once, of a function that takes NumPy arrays as well and gives another value.

        The other methods give it the arrays that x is made of.
        """
        if self._compared or is_tensor(self._given) or isinstance(self.function, ValueFunction):
            return
        self._compared = True
        if modules_of(self.function) or isinstance(self.function, PooledValueFunction):
            return
        features = path.x[0].cpu().numpy().copy()
        many = self._form is not None and self._form.many
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found, spacing = array_form(self.function, many)(features)
        except Exception:
            # It takes tensors only.
            return
        if not abs(found - value) <= spacing**0.5 * max(abs(found), abs(value)):
            warn_user(
                f"value_function: {shown(self.function)} gives {value:.9g} for a torch tensor and "
                f"{found:.9g} for a NumPy array of the same features (var and std divide by n - 1 "
                "in torch and by n in NumPy, for one). AumannShapley gives it tensors, the other "
                "methods what x is made of: pass x as a tensor, torch.as_tensor(x), to all of them",
                UserWarning,
            )

    def _write(
        self,
        answer: Answer,
        integral: Integral,
        present: NDArray[np.bool_] | None,
        first: int,
    ) -> None:
        self._nodes.update(integral.evaluations.tolist())
        self._capped |= integral.capped
        at_x, at_start = integral.ends
        for k, row in enumerate(integral.values.cpu().numpy()):
            answer.write(first + k, present, row, (at_x[k], at_start[k]), "")
            answer.error_estimates[first + k] = integral.error[k]
            answer.evaluations += int(integral.evaluations[k])
            largest = float(max(abs(at_x[k]), abs(at_start[k])))
            change = max(float(np.abs(row).sum()), abs(float(at_x[k] - at_start[k])))
            label = self._label(first + k)
            coarse = Coarse(label, largest, integral.spacing * largest, change)
            if coarse.matters and np.abs(row).max() > integral.least[k]:
                self._coarse.append(coarse)
            if not integral.converged[k]:
                sizes = np.abs(row)
                total = at_x[k] - at_start[k]
                error, residual = float(integral.error[k]), float(abs(row.sum() - total))
                self._open.append(Unconverged(label, error, residual, sizes.max(), sizes.sum()))
        self._converged[first : first + len(at_x)] = integral.converged
