"""Values of games whose coalitions are evaluated in Python: exact, and as a source of samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import comb

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._answer import Answer
from aumann._core import Moments
from aumann._exact import check_enumerable
from aumann._progress import Progress
from aumann._samples import Plan
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
        n = game.agents
        if not isinstance(self.method, LeaveOneOut):
            check_enumerable(self.method, n, repr(game))
        ends = _ends(game)
        if isinstance(self.method, LeaveOneOut):
            values = ends[0] - _without_each(game)
            answer.write(step, present, values, ends, "leave-one-out")
            answer.evaluations += n + 1
            return
        values = _enumerated(game, isinstance(self.method, Shapley), ends[1])
        answer.write(step, present, values, ends, "enumeration")
        answer.evaluations += 2**n


def _ends(game: Game) -> tuple[float, float]:
    all_, none = game.values(np.array([[True] * game.agents, [False] * game.agents]))
    return float(all_), float(none)


def _without_each(game: Game) -> NDArray[np.float64]:
    """Return the values of all but one agent, for each of them."""
    n = game.agents
    values = np.empty(n)
    batch = max(1, game.max_bytes // n)
    with closing(Progress(n, "leaving one out")) as progress:
        for start in range(0, n, batch):
            agents = np.arange(start, min(start + batch, n))
            coalitions = np.ones((agents.size, n), dtype=np.bool_)
            coalitions[np.arange(agents.size), agents] = False
            values[agents] = game.values(coalitions)
            progress.show(int(agents[-1]) + 1)
    return values


def _enumerated(game: Game, shapley: bool, none: float) -> NDArray[np.float64]:
    """Return Shapley or Banzhaf values from the values of all coalitions."""
    n = game.agents
    sizes = np.arange(n + 1)
    if shapley:
        # The chance that an agent joins a given coalition of others of that size.
        chance = np.array([1.0 / (n * comb(n - 1, size)) for size in range(n)])
    else:
        chance = np.full(n, 0.5 ** (n - 1))
    joined = np.where(sizes > 0, chance[np.maximum(sizes - 1, 0)], 0.0)
    apart = np.where(sizes < n, chance[np.minimum(sizes, n - 1)], 0.0)
    values = np.zeros(n)
    bits = np.arange(n, dtype=np.int64)
    with closing(Progress(2**n, "enumerating coalitions")) as progress:
        for start in range(0, 2**n, ENUMERATED_ROWS):
            codes = np.arange(start, min(start + ENUMERATED_ROWS, 2**n), dtype=np.int64)
            coalitions = ((codes[:, np.newaxis] >> bits) & 1).astype(np.bool_)
            worth = game.values(coalitions) - none
            size = coalitions.sum(axis=1)
            values += (joined[size] * worth) @ coalitions - (apart[size] * worth) @ ~coalitions
            progress.show(int(codes[-1]) + 1)
    return values


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
    moments : Moments, optional
        Samples to go on from.
    """

    def __init__(
        self, game: Game, plan: Plan, seed: int, step: int, moments: Moments | None = None
    ) -> None:
        """Evaluate both ends and, where no bound is given, the first sample."""
        self.game = game
        self.kind, self.flag, _ = plan
        self.seed, self.step = seed, step
        self.ends = _ends(game)
        self.reuse = self.kind == "coalitions" and self.flag
        trial = _core.random_coalitions(TRIAL_SEED, 0, 0, TRIALS, game.agents)
        self._trial = game.values(trial)
        self._fingerprint = hash((game.agents, *self.ends, *self._trial.tolist()))
        self.moments = (
            Moments(game.agents, self._bound(), self.reuse) if moments is None else moments.copy()
        )

    @property
    def fingerprint(self) -> int:
        """A number that differs between games, as their values in a few coalitions tell."""
        return self._fingerprint

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return self.moments.samples

    def run(self, start: int, stop: int) -> None:
        """Draw the samples with these numbers and add them to the moments."""
        if self.reuse:
            batch = max(1, self.game.max_bytes // self.game.agents)
            for first in range(start, stop, batch):
                coalitions = self._coalitions(first, min(first + batch, stop))
                worth = self.game.values(coalitions) - self.ends[1]
                with _explaining_overflow():
                    self.moments.add_coalitions(coalitions, worth)
            return
        for sample in range(start, stop):
            row = self._sample(sample)
            with _explaining_overflow():
                self.moments.add(row)

    def _bound(self) -> float:
        total = abs(self.ends[0] - self.ends[1])
        if self.game.bound is not None:
            # Of reused coalitions whole values are added up.
            return self.game.bound * (self.game.agents if self.reuse else 1)
        if self.reuse:
            pilot = self._trial - self.ends[1]
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
        row[order] = np.diff(self.game.along(order))
        return row

    def _toggled(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the marginal contribution of every agent to the others of a coalition."""
        n = self.game.agents
        here = self.game.values(members[np.newaxis])[0]
        row = np.empty(n)
        batch = max(1, self.game.max_bytes // n)
        for start in range(0, n, batch):
            agents = np.arange(start, min(start + batch, n))
            coalitions = np.repeat(members[np.newaxis], agents.size, axis=0)
            coalitions[np.arange(agents.size), agents] ^= True
            toggled = self.game.values(coalitions)
            row[agents] = np.where(members[agents], here - toggled, toggled - here)
        return row
