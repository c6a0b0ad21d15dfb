"""Values of a game's coalitions while it is attributed: counted, kept, and checked at the end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aumann._warning import warn_user
from aumann.games import Game

__all__ = ["Evaluator"]

# Most agents whose coalitions are kept with their values: 8 MB.
MOST_KEPT = 20

# What the same call may give in another run, relative to the largest value, by the order in which
# threads add up; and what a coalition may give among others, in single precision. Each is no less
# than some roundings of the numbers that the game returns.
SAME_CALL = 1e-12
OTHER_CALL = 1e-5
ROUNDINGS = 64


class Evaluator:
    """Evaluates the coalitions of a game.

    Parameters
    ----------
    game : Game
        Its values are kept where there are few enough, so that no coalition is evaluated twice.

    Attributes
    ----------
    count : int
        Evaluations so far.
    low, high : float
        The smallest and the largest value that was asked for.
    ends : tuple of (float, float)
        The values of all agents and of none, evaluated at once.

    Examples
    --------
    >>> evaluator = Evaluator(Game(lambda c: c.sum(axis=1), 2))
    >>> evaluator.values(np.array([[True, False], [True, True]])), evaluator.count
    (array([1., 2.]), 3)
    """

    def __init__(self, game: Game) -> None:
        """Evaluate both ends, the empty coalition first: a game that is not reset shows."""
        self.game = game
        self.count = 0
        self.low, self.high = np.inf, -np.inf
        self._ends = np.array([[False] * game.agents, [True] * game.agents])
        self._kept: NDArray[np.float64] | None = None
        self._bits = np.left_shift(1, np.arange(min(game.agents, MOST_KEPT)))
        if game.agents <= MOST_KEPT and game.repeats == 1:
            self._kept = np.full(2**game.agents, np.nan)
        none, all_ = self.values(self._ends)
        self.ends = (float(all_), float(none))
        # What orders found there that was farthest from it.
        self._passed = list(self.ends)

    def values(self, coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the values of coalitions, one per row."""
        if self._kept is None:
            return self._seen(self.fresh(coalitions)[0])
        codes = coalitions @ self._bits
        _, first = np.unique(codes, return_index=True)
        new = np.sort(first[np.isnan(self._kept[codes[first]])])
        if new.size:
            self._kept[codes[new]] = self.fresh(coalitions[new])[0]
        return self._seen(self._kept[codes])

    def fresh(
        self, coalitions: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return values and standard errors as `Game.measured`, whatever is kept."""
        found = self.game.measured(coalitions)
        self.count += len(coalitions) * self.game.repeats
        return found

    def along(self, order: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the values as agents join in an order, the empty coalition first."""
        if self._kept is None:
            values = self.game.along(order)
            self.count += values.size * self.game.repeats
            # Every order passes both ends, so it may tell that one of them changes.
            for side, place in enumerate((-1, 0)):
                before, after = self.ends[side], float(values[place])
                if abs(after - before) > abs(self._passed[side] - before):
                    self._passed[side] = after
            return self._seen(values)
        codes = np.concatenate([[0], np.cumsum(self._bits[order])])
        wanted = np.isnan(self._kept[codes])
        if wanted.any():
            found = self.game.along(order, wanted)
            self._kept[codes[wanted]] = found[wanted]
            self.count += int(wanted.sum())
        return self._seen(self._kept[codes])

    def check(self, coalitions: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Warn if a game without repeats gives other values than it gave before.

        Parameters
        ----------
        coalitions : ndarray of bool, shape (m, n)
            Some that were evaluated, besides the empty and the full one.
        values : ndarray of float64, shape (m,)
            What they were worth.
        """
        if self.game.repeats > 1 or self.game.in_training:
            return
        # Among other coalitions, so that one whose state is left to the next one shows.
        again = self.fresh(coalitions[::-1])[0][::-1] if len(coalitions) else values
        ends = self.fresh(self._ends)[0]
        first = np.array(self.ends[::-1])
        scale = max(np.abs(values).max(initial=0.0), np.abs(first).max(), np.abs(ends).max())
        rounding = ROUNDINGS * self.game.rounding
        same, other = (max(part * scale, rounding) for part in (SAME_CALL, OTHER_CALL))
        before = np.concatenate([first, first, values])
        after = np.concatenate([ends, self._passed[::-1], again])
        allowed = np.where(np.arange(before.size) < 2, same, other)
        excess = np.abs(after - before) - allowed
        worst = int(np.argmax(excess))
        if excess[worst] <= 0:
            return
        members = int(np.concatenate([self._ends, self._ends, coalitions])[worst].sum())
        warn_user(
            f"value: {self.game!r} contradicts itself: a coalition of {members} of "
            f"{self.game.agents} agents was worth {before[worst]:.10g}, and {after[worst]:.10g} "
            "when it was evaluated again, so the attributions are not to be trusted. A value must "
            "depend on the coalition alone: return to the same state before each one, or declare "
            "noise by Game(..., repeats=), which averages evaluations and gives standard errors"
        )

    def _seen(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        self.low = min(self.low, float(values.min(initial=np.inf)))
        self.high = max(self.high, float(values.max(initial=-np.inf)))
        return values
