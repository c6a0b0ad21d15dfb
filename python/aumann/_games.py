"""Values of games whose coalitions are evaluated in Python: exact, and as a source of samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._answer import Answer
from aumann._core import Moments
from aumann._evaluator import Evaluator
from aumann._exact import check_enumerable
from aumann._progress import Progress
from aumann._samples import Plan, StepSamples, digest
from aumann.games import Game
from aumann.methods import LeaveOneOut, Method, Shapley

__all__ = ["GameSource", "GameValues"]

# By how much a sample may exceed the largest of the first one.
BOUND_FACTOR = 64.0

# Random numbers of what is tried out before sampling: the same for all seeds, so that samples of
# different seeds are in the same unit. The last sample number is not in reach of a run.
TRIAL_SEED = 0
TRIAL_SAMPLE = 2**63 - 1
TRIALS = 4

TINY = float(np.finfo(np.float64).tiny)

# Coalitions enumerated at once: their matrix stays in the cache.
ENUMERATED_ROWS = 2**14


class GameValues:
    """Exact values of a game: by enumeration, or leave-one-out."""

    def __init__(self, method: Method) -> None:
        """Keep the method, which has no estimator."""
        self.method = method

    def fill(
        self, answer: Answer, game: Game, step: int, present: NDArray[np.bool_] | None
    ) -> None:
        """Write the values of a step."""
        leaving = isinstance(self.method, LeaveOneOut)
        if not leaving:
            check_enumerable(self.method, game.agents, repr(game))
        asked = Evaluator(game)
        found = _left_out(asked) if leaving else _enumerated(asked, self.method)
        how = "leave-one-out" if leaving else "enumeration"
        if game.repeats > 1:
            how += f", {game.repeats} evaluations each"
        answer.write(step, present, found.values, found.ends, how)
        if found.errors is not None:
            answer.write_errors(step, present, found.errors, found.degrees)
        answer.evaluations += asked.count


@dataclass(frozen=True, eq=False)
class _Found:
    """Values, and their standard errors where coalitions are evaluated repeatedly."""

    values: NDArray[np.float64]
    ends: tuple[float, float]
    errors: NDArray[np.float64] | None = None
    # Of the standard errors, the fewest of all agents.
    degrees: float = np.inf


def _degrees(variances: NDArray[np.float64], squares: NDArray[np.float64], repeats: int) -> float:
    """Return the fewest degrees of freedom of sums of squared errors (Satterthwaite 1946).

    Each of these has `repeats` - 1; `squares` are the sums of their squares.
    """
    known = squares > 0
    return float((variances[known] ** 2 / squares[known]).min(initial=np.inf) * (repeats - 1))


def _left_out(asked: Evaluator) -> _Found:
    """Return what the value falls by without each agent."""
    game = asked.game
    n, (all_, none) = game.agents, asked.ends
    values = np.empty(n)
    errors: NDArray[np.float64] | None = None
    of_all: NDArray[np.float64] | None = None
    everybody = np.ones((1, n), dtype=np.bool_)
    if game.repeats > 1:
        (all_,), of_all = asked.fresh(everybody)
        errors = np.empty(n)
    batch = max(1, game.max_bytes // n)
    with closing(Progress(n, "leaving one out")) as progress:
        for start in range(0, n, batch):
            agents = np.arange(start, min(start + batch, n))
            coalitions = np.repeat(everybody, agents.size, axis=0)
            coalitions[np.arange(agents.size), agents] = False
            found, of_found = asked.fresh(coalitions)
            values[agents] = all_ - found
            if errors is not None:
                errors[agents] = of_found
            progress.show(int(agents[-1]) + 1)
    if errors is None or of_all is None:
        asked.check(coalitions[-1:], found[-1:])
        return _Found(values, (all_, none))
    both = np.hypot(errors, of_all)
    unit = max(float(both.max()), TINY)
    one, other = (errors / unit) ** 2, (of_all / unit) ** 2
    degrees = _degrees(one + other, one**2 + other**2, game.repeats)
    return _Found(values, (float(all_), none), both, degrees)


def _enumerated(asked: Evaluator, method: Method) -> _Found:
    """Return Shapley or Banzhaf values from the values of all coalitions."""
    game = asked.game
    n, (all_, none) = game.agents, asked.ends
    sizes = np.arange(n + 1)
    if isinstance(method, Shapley):
        # The chance that an agent joins a given coalition of others of that size.
        chance = np.array([1.0 / (n * comb(n - 1, size)) for size in range(n)])
    else:
        chance = np.full(n, 0.5 ** (n - 1))
    joined = np.where(sizes > 0, chance[np.maximum(sizes - 1, 0)], 0.0)
    apart = np.where(sizes < n, chance[np.minimum(sizes, n - 1)], 0.0)
    values, variances, fourth = np.zeros((3, n))
    noisy = game.repeats > 1
    # Squares of what a game is worth may be out of range.
    unit = max(abs(all_), abs(none), TINY)
    trial = _trial(n)
    tried = np.empty(0) if noisy else asked.values(trial)
    bits = np.arange(n, dtype=np.int64)
    with closing(Progress(2**n, "enumerating coalitions")) as progress:
        for start in range(0, 2**n, ENUMERATED_ROWS):
            codes = np.arange(start, min(start + ENUMERATED_ROWS, 2**n), dtype=np.int64)
            coalitions = ((codes[:, np.newaxis] >> bits) & 1).astype(np.bool_)
            size = coalitions.sum(axis=1)
            inside, outside = joined[size], apart[size]
            if noisy:
                found, of_found = asked.fresh(coalitions)
                assert of_found is not None
                squares = (of_found / unit) ** 2
                variances += (inside**2 * squares) @ coalitions
                variances += (outside**2 * squares) @ ~coalitions
                fourth += (inside**2 * squares) ** 2 @ coalitions
                fourth += (outside**2 * squares) ** 2 @ ~coalitions
                # The ends are those that the values are made of.
                none = float(found[0]) if start == 0 else none
                all_ = float(found[-1])
            else:
                found = asked.values(coalitions)
            worth = found - none
            values += (inside * worth) @ coalitions - (outside * worth) @ ~coalitions
            progress.show(int(codes[-1]) + 1)
    if noisy:
        errors = np.sqrt(variances) * unit
        return _Found(values, (all_, none), errors, _degrees(variances, fourth, game.repeats))
    asked.check(trial, tried)
    return _Found(values, (all_, none))


def _trial(agents: int) -> NDArray[np.bool_]:
    """Return the coalitions that tell games apart."""
    return _core.random_coalitions(TRIAL_SEED, 0, 0, TRIALS, agents)


@contextmanager
def _explaining_overflow() -> Iterator[None]:
    try:
        yield
    except OverflowError as error:
        raise ValueError(
            "value: samples differ more than the unit of their sums allows, which the first one "
            "set; Game(..., bound=) wants a number that no difference by one agent exceeds"
        ) from error


class GameSource:
    """Draws samples of a game evaluated in Python.

    Parameters
    ----------
    game : Game
        What is sampled.
    plan : Plan
        What a sample is.
    seed : int
        Of the random numbers.
    step : int
        Part of the random numbers' address.
    previous : StepSamples, optional
        Samples to go on from.
    """

    def __init__(
        self,
        game: Game,
        plan: Plan,
        seed: int,
        step: int,
        previous: StepSamples | None = None,
    ) -> None:
        """Evaluate both ends and, where no bound is given, the first sample."""
        self.game = game
        self.kind, self.flag, _ = plan
        self.seed, self.step = seed, step
        self._asked = Evaluator(game)
        self.ends = self._asked.ends
        self.reuse = self.kind == "coalitions" and self.flag
        self._trial = _trial(game.agents)
        self._tried = self._asked.values(self._trial)
        # The values of noise tell nothing.
        told = [*self.ends, *self._tried] if game.repeats == 1 else []
        self.fingerprint = digest(game.agents, game.repeats, *told)
        if previous is None:
            self._seen = self._asked.low, self._asked.high
            self.moments = Moments(game.agents, self._bound(), self.reuse)
        else:
            self._seen = previous.seen
            self.moments = previous.moments[0].copy()
        # What the first sample was tried for is no part of a run that goes on from others.
        self._asked.low, self._asked.high = self._seen

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return self.moments.samples

    @property
    def seen(self) -> tuple[float, float]:
        """The smallest and the largest value of the coalitions sampled."""
        return self._asked.low, self._asked.high

    @property
    def evaluations(self) -> int:
        """How many times the game was evaluated for these samples."""
        return self._asked.count

    @property
    def reach(self) -> float:
        """The most that a difference of values is taken to be."""
        low, high = self.seen
        bound = np.inf if self.game.bound is None or self.reuse else self.game.bound
        return min(high - low, bound)

    def run(self, start: int, stop: int) -> None:
        """Draw the samples with these numbers and add them to the moments."""
        if self.reuse:
            batch = max(1, self.game.max_bytes // self.game.agents)
            for first in range(start, stop, batch):
                coalitions = self._coalitions(first, min(first + batch, stop))
                worth = self._asked.values(coalitions) - self.ends[1]
                with _explaining_overflow():
                    self.moments.add_coalitions(coalitions, worth)
            return
        for sample in range(start, stop):
            row = self._sample(sample)
            with _explaining_overflow():
                self.moments.add(row)

    def check(self) -> None:
        """Warn if the game contradicts itself."""
        self._asked.check(self._trial, self._tried)

    def _bound(self) -> float:
        total = abs(self.ends[0] - self.ends[1])
        if self.game.bound is not None:
            # Of reused coalitions whole values are added up.
            return self.game.bound * (self.game.agents if self.reuse else 1)
        if self.reuse:
            pilot = self._tried - self.ends[1]
        else:
            order = _core.random_order(TRIAL_SEED, 0, TRIAL_SAMPLE, self.game.agents)
            pilot = self._marginals(order)
        return BOUND_FACTOR * max(total, float(np.abs(pilot).max()))

    def _coalitions(self, start: int, stop: int) -> NDArray[np.bool_]:
        return _core.random_coalitions(self.seed, self.step, start, stop, self.game.agents)

    def _sample(self, sample: int) -> NDArray[np.float64]:
        """Return one marginal contribution of every agent."""
        if self.kind == "coalitions":
            return self._toggled(self._coalitions(sample, sample + 1)[0])
        order = _core.random_order(self.seed, self.step, sample, self.game.agents)
        row = self._marginals(order)
        if self.flag:
            row = 0.5 * (row + self._marginals(order[::-1]))
        return row

    def _marginals(self, order: NDArray[np.int64]) -> NDArray[np.float64]:
        row = np.empty(self.game.agents)
        row[order] = np.diff(self._asked.along(order))
        return row

    def _toggled(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the marginal contribution of every agent to the others of a coalition."""
        n = self.game.agents
        here = self._asked.values(members[np.newaxis])[0]
        row = np.empty(n)
        batch = max(1, self.game.max_bytes // n)
        for start in range(0, n, batch):
            agents = np.arange(start, min(start + batch, n))
            coalitions = np.repeat(members[np.newaxis], agents.size, axis=0)
            coalitions[np.arange(agents.size), agents] ^= True
            toggled = self._asked.values(coalitions)
            row[agents] = np.where(members[agents], here - toggled, toggled - here)
        return row
