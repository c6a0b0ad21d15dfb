"""Games: a value for every coalition of agents, wherever it comes from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aumann._baseline import dense, read_baseline
from aumann._feature_function import FeatureFunction
from aumann._game_error import GameError
from aumann._labelled import in_order
from aumann._numbers import check_integer, check_positive, real_numbers
from aumann.coercion import read_features

__all__ = ["Game", "GameError", "IncrementalGame"]

Coalitions: TypeAlias = NDArray[np.bool_]

MAX_BYTES = 2**28


@runtime_checkable
class IncrementalGame(Protocol):
    """A game that agents join one by one, as a simulation that is run again with one agent more."""

    def reset(self) -> None:
        """Return to the empty coalition."""

    def add(self, agent: int) -> None:
        """Let one agent join, by its index."""

    def value(self) -> float:
        """Return the value of the agents who have joined."""


class Game:
    """A game given by the values of its coalitions.

    `aumann.attribute(game, method=...)` takes `Shapley`, `Banzhaf` and `LeaveOneOut`, exact or
    sampled. `AumannShapley` needs a gradient, which a game does not have.

    Parameters
    ----------
    value : callable or IncrementalGame
        Either a callable that takes a boolean matrix of shape (m, n), one coalition per row, and
        returns m numbers; or an object with `reset()`, `add(agent)` and `value()`, which serves
        where building a coalition agent by agent is cheaper than starting anew.
    agents : int
        Number of agents n.
    max_bytes : int
        How large a matrix of coalitions may be; the callable is called in batches of that size.
    bound : float, optional
        A number that no difference of values by one agent exceeds in magnitude. It sets the unit
        of sampled sums. Without it, 64 times the largest such difference in one trial sample,
        which is evaluated before sampling begins. A run that is to stop by a tolerance stops
        sooner by it.
    repeats : int
        How many times to evaluate every coalition, for games whose values are random: the mean
        counts. From 2 on exact methods have standard errors as well, by the spread of the repeats;
        those of samples have the noise in them.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or out of range.

    Notes
    -----
    A value must depend on the coalition alone. A few coalitions, the empty and the full one among
    them, are evaluated again at the end; where a game without `repeats` then gives another value,
    a RuntimeWarning says so. Up to 20 agents the values of coalitions are kept during a call of
    `attribute`, so that none is evaluated twice for the samples (8 MB; not with `repeats`). Samples
    of different games with `repeats` cannot be told apart when they are merged.

    Examples
    --------
    >>> import numpy as np, aumann
    >>> def gloves(coalitions):  # agent 0 holds a left glove, 1 and 2 right ones
    ...     return np.minimum(coalitions[:, 0], coalitions[:, 1:].sum(axis=1))
    >>> game = aumann.Game(gloves, 3)
    >>> aumann.attribute(game, method=aumann.Shapley()).values.round(4)
    array([0.6667, 0.1667, 0.1667])

    A game with noise, declared:

    >>> rng = np.random.default_rng(0)
    >>> noisy = aumann.Game(lambda c: gloves(c) + rng.normal(0, 0.1, len(c)), 3, repeats=20)
    >>> result = aumann.attribute(noisy, method=aumann.Shapley())
    >>> bool((abs(result.values - [2 / 3, 1 / 6, 1 / 6]) < 5 * result.standard_error).all())
    True
    """

    def __init__(
        self,
        value: Callable[[Coalitions], Any] | IncrementalGame,
        agents: int,
        max_bytes: int = MAX_BYTES,
        bound: float | None = None,
        repeats: int = 1,
    ) -> None:
        """Check what can be checked without an evaluation."""
        incremental = all(callable(getattr(value, k, None)) for k in ("reset", "add", "value"))
        if isinstance(value, type) or not (incremental or callable(value)):
            raise TypeError(
                f"value: {value!r}, a callable on a boolean matrix of coalitions or an object "
                "with reset, add and value is wanted"
            )
        check_integer("agents", agents, 1, 2**40)
        check_integer("max_bytes", max_bytes, 1)
        check_integer("repeats", repeats, 1, 2**20)
        if bound is not None:
            check_positive("bound", bound)
        self.agents = int(agents)
        self.max_bytes = int(max_bytes)
        self.bound = bound
        self.repeats = int(repeats)
        self._value: Any = value
        self._function: FeatureFunction | None = None
        self.incremental = incremental
        # By how much a value may be off for being rounded: of the largest one evaluated so far.
        self.rounding = 0.0

    def __repr__(self) -> str:
        """Return the game as it would be written, if its value has a name."""
        name = getattr(self._value, "__name__", type(self._value).__name__)
        return f"Game({name}, {self.agents})"

    @classmethod
    def from_function(
        cls,
        function: Callable[[NDArray[Any]], Any],
        x: Any,
        baseline: Any = 0.0,
        presence: Any = None,
        repeats: int = 1,
    ) -> Game:
        """Return the game of a function of features: agents outside stand at their baseline.

        Parameters
        ----------
        function : callable
            Takes features of shape (N, d) and returns a number.
        x : array-like, table, or list of columns, shape (N, d)
            The features of all agents, as in `attribute`.
        baseline : float, "mean", or array-like of shape (d,) or (N, d)
            Where agents stand who are outside a coalition, as in `attribute`.
        presence : array-like of bool, shape (N,), optional
            Which agents are there. The others are neither players nor shown to the function.
        repeats : int
            As in `Game`, for functions whose values are random.

        Returns
        -------
        Game
            Of the agents present.

        Raises
        ------
        TypeError, ValueError
            If an argument cannot be read, or if `x` has steps.

        Examples
        --------
        >>> import numpy as np, aumann
        >>> game = aumann.Game.from_function(lambda x: x.max(), [[1.0], [2.0], [6.0]])
        >>> aumann.attribute(game, method=aumann.Shapley()).values.round(4)
        array([0.3333, 0.8333, 4.8333])
        """
        features = read_features(x, presence)
        if features.stepped:
            raise ValueError(f"x: shape {features.shape}, the features of one step, (N, d)")
        start = read_baseline(baseline, features)
        (ends,) = start.ends(features)
        evaluated = FeatureFunction(function, x)
        return cls.between(evaluated, ends.x, ends.rows, ends.presence, repeats)

    @classmethod
    def between(
        cls, function: FeatureFunction, x: Any, rows: Any, presence: Any, repeats: int = 1
    ) -> Game:
        """Return the game between both ends of the paths of one step, as the core takes them.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.array([[[1.0], [2.0]]])
        >>> total = FeatureFunction(np.sum, x)
        >>> Game.between(total, x, None, None).values(np.array([[True, False]]))
        array([1.])
        """
        x = dense(x)[0]
        if rows is None:
            rows = 0.0
        else:
            rows = dense(rows)
            rows = rows[0] if rows.ndim == 3 else rows
        rows = np.broadcast_to(np.asarray(rows, dtype=x.dtype), x.shape)
        if presence is not None:
            x, rows = x[presence[0]], rows[presence[0]]

        def value(coalitions: Coalitions) -> NDArray[np.float64]:
            return np.array([worth(members) for members in coalitions])

        def worth(members: Coalitions) -> float:
            try:
                found = function(np.where(members[:, np.newaxis], x, rows))
            except Exception as error:
                raise GameError.raised("value_function", error, members.copy()) from error
            if np.isfinite(found):
                return found
            outside = (
                "; agents outside a coalition stand at the baseline, where the value function must "
                "be defined: pass another baseline=, such as baseline='mean'"
            )
            hint = "" if members.all() else outside
            raise GameError(f"value_function must be finite; got {found}{hint}", members.copy())

        value.__name__ = getattr(function.function, "__name__", type(function.function).__name__)
        game = cls(value, len(x), repeats=repeats)
        game._function = function
        return game

    @property
    def in_training(self) -> bool:
        """Whether it is of a module that may give other values every time, and is warned of."""
        return self._function is not None and self._function.in_training

    def values(self, coalitions: Coalitions) -> NDArray[np.float64]:
        """Return the values of coalitions.

        Parameters
        ----------
        coalitions : ndarray of bool, shape (m, n)
            One coalition per row.

        Returns
        -------
        ndarray of float64, shape (m,)

        Raises
        ------
        GameError
            If the game raises, or returns something else than one finite number per coalition.

        Examples
        --------
        >>> import numpy as np
        >>> Game(lambda c: c.sum(axis=1), 2).values(np.eye(2, dtype=bool))
        array([1., 1.])
        """
        return self.measured(coalitions)[0]

    def measured(
        self, coalitions: Coalitions
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return the values of coalitions, as `values`, and their standard errors.

        Returns
        -------
        tuple of ndarray of float64, shape (m,)
            The second is None where every coalition is evaluated once.

        Examples
        --------
        >>> import numpy as np
        >>> game = Game(lambda c: c.sum(axis=1), 2, repeats=3)
        >>> game.measured(np.eye(2, dtype=bool))
        (array([1., 1.]), array([0., 0.]))
        """
        if self.repeats == 1:
            return self._once(coalitions), None
        found = np.stack([self._once(coalitions) for _ in range(self.repeats)])
        # Their squares, and their sum, may be out of range.
        unit = max(float(np.abs(found).max(initial=0.0)), np.finfo(np.float64).tiny)
        parts = found / unit
        errors = parts.std(axis=0, ddof=1) / math.sqrt(self.repeats)
        return parts.mean(axis=0) * unit, errors * unit

    def along(
        self, order: NDArray[np.intp], wanted: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """Return `values` as agents join in an order, the empty coalition first.

        Parameters
        ----------
        order : ndarray of int, shape (n,)
            All agents, the first to join first.
        wanted : ndarray of bool, shape (n + 1,), optional
            Which of them to evaluate; the others are NaN.

        Returns
        -------
        ndarray of float64, shape (n + 1,)

        Examples
        --------
        >>> import numpy as np
        >>> Game(lambda c: c.sum(axis=1) ** 2, 3).along(np.array([2, 0, 1]))
        array([0., 1., 4., 9.])
        """
        places = np.arange(self.agents + 1) if wanted is None else np.flatnonzero(wanted)
        values = np.full(self.agents + 1, np.nan)
        values[places] = np.mean([self._along(order, places) for _ in range(self.repeats)], axis=0)
        return values

    def _along(self, order: NDArray[np.intp], places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the values of the coalitions of the first so many of an order, ascending."""
        if self.incremental:
            return self._joining(order, places)
        place_of = np.empty(self.agents, dtype=np.intp)
        place_of[order] = np.arange(self.agents)
        batch = max(1, self.max_bytes // self.agents)
        parts = [
            self._evaluated(place_of[np.newaxis, :] < places[start : start + batch, np.newaxis])
            for start in range(0, places.size, batch)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def _once(self, coalitions: Coalitions) -> NDArray[np.float64]:
        if self.incremental:
            return np.array([self._joined(members) for members in coalitions])
        batch = max(1, self.max_bytes // self.agents)
        parts = [
            self._evaluated(coalitions[start : start + batch])
            for start in range(0, len(coalitions), batch)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def _evaluated(self, coalitions: Coalitions) -> NDArray[np.float64]:
        # A game that wrote into its coalitions would change what they are counted for: torch writes
        # to read-only arrays too, hence the copy.
        given = coalitions.copy()
        given.flags.writeable = False
        try:
            found = self._value(given)
        except GameError:
            raise
        except Exception as error:
            raise GameError.raised("value", error, coalitions[0]) from error
        try:
            found = in_order(found, "value", "coalition", len(coalitions))
            values, spacing = real_numbers(found, "value")
        except (TypeError, ValueError) as error:
            raise GameError(str(error), coalitions[0]) from error
        if values.shape != (len(coalitions),):
            raise GameError(
                f"value: shape {values.shape} for {len(coalitions)} coalitions, "
                f"({len(coalitions)},) is wanted",
                coalitions[0],
            )
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise GameError(
                f"value: {values[bad[0]]}, finite numbers are wanted", coalitions[bad[0]]
            )
        if self._function is not None:
            spacing = self._function.spacing
        self.rounding = max(self.rounding, spacing * float(np.abs(values).max(initial=0.0)))
        return values

    def _joined(self, members: NDArray[np.bool_]) -> float:
        agents = np.flatnonzero(members)
        return float(self._joining(agents, np.array([agents.size]))[0])

    def _joining(self, order: NDArray[np.intp], places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the values of an incremental game after so many agents of an order."""
        joined = np.zeros(self.agents, dtype=np.bool_)
        values = np.empty(places.size)
        done = 0
        try:
            self._value.reset()
            for k, place in enumerate(places):
                for agent in order[done:place]:
                    joined[agent] = True
                    self._value.add(int(agent))
                done = place
                values[k] = self._number(self._value.value(), joined)
        except GameError:
            raise
        except Exception as error:
            raise GameError.raised("value", error, joined) from error
        return values

    def _number(self, found: Any, members: NDArray[np.bool_]) -> float:
        """Return what an incremental game gave for a coalition as a finite number."""
        try:
            values, spacing = real_numbers(found, "value")
        except (TypeError, ValueError) as error:
            raise GameError(str(error), members.copy()) from error
        if values.size != 1 or not np.isfinite(values).all():
            got = f"shape {values.shape}" if values.size != 1 else f"{values.reshape(())}"
            raise GameError(f"value: {got}, a finite number is wanted", members.copy())
        value = float(values.reshape(()))
        self.rounding = max(self.rounding, spacing * abs(value))
        return value
