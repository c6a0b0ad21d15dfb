"""Three value functions whose Aumann-Shapley attribution is known (paper, appendix D).

Their weights belong to agents, so none is permutation invariant. All baselines are 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "GAMES",
    "Additive",
    "KnownFunction",
    "Problem",
    "Quadratic",
    "Softplus",
    "make_problem",
    "path_integral",
]

Floats: TypeAlias = NDArray[np.float64]
GAMES = ("additive", "quadratic", "softplus")
# Added to the sum in the softplus: the steepest part of the curve is within reach.
SHIFT = -1.0


@dataclass(frozen=True, eq=False)
class KnownFunction(ABC):
    """A value function of u_i = w_i . x_i, with its gradient and its attribution.

    Parameters
    ----------
    weights : ndarray of float64, shape (N, d)
        w.
    """

    weights: Floats

    def projections(self, x: Floats) -> Floats:
        """Return u, shape (N,)."""
        return np.asarray(np.einsum("nd,nd->n", self.weights, x))

    def value(self, x: Floats) -> float:
        """Return F(x)."""
        everyone = np.ones((1, len(x)), dtype=np.bool_)
        return float(self.coalition_game(x)(everyone)[0])

    def gradient(self, x: Floats) -> Floats:
        """Return dF/dx, shape (N, d)."""
        return self.weights * self.slopes(self.projections(x))[:, np.newaxis]

    @abstractmethod
    def slopes(self, u: Floats) -> Floats:
        """Return dF/du, shape (N,)."""

    @abstractmethod
    def attribution(self, x: Floats) -> Floats:
        """Return the Aumann-Shapley attribution in closed form, shape (N,)."""

    @abstractmethod
    def coalition_game(self, x: Floats) -> Callable[[NDArray[np.bool_]], Floats]:
        """Return the values of coalitions, the rows of a boolean matrix of shape (m, N)."""

    @abstractmethod
    def incremental_game(self, x: Floats) -> IncrementalGame:
        """Return the game to which agents are added one by one."""


class IncrementalGame(ABC):
    """A coalition that grows: `add` an agent, `reset` to nobody, `value`."""

    def __init__(self, u: Floats) -> None:
        """Start with nobody."""
        self.u: list[float] = u.tolist()
        self.sum = 0.0

    def reset(self) -> None:
        """Empty the coalition."""
        self.sum = 0.0

    def add(self, agent: int) -> None:
        """Let an agent join."""
        self.sum += self.u[agent]

    @abstractmethod
    def value(self) -> float:
        """Return the value of the coalition."""


class Additive(KnownFunction):
    """F = sum of u; the attribution is u.

    Examples
    --------
    >>> f = Additive(np.array([[1.0], [2.0]]))
    >>> f.attribution(np.array([[3.0], [4.0]]))
    array([3., 8.])
    """

    def slopes(self, u: Floats) -> Floats:
        """Return ones."""
        return np.ones_like(u)

    def attribution(self, x: Floats) -> Floats:
        """Return u."""
        return self.projections(x)

    def coalition_game(self, x: Floats) -> Callable[[NDArray[np.bool_]], Floats]:
        """Return sums of u over coalitions."""
        u = self.projections(x)
        return lambda coalitions: coalitions @ u

    def incremental_game(self, x: Floats) -> IncrementalGame:
        """Return a running sum."""
        return _RunningSum(self.projections(x))


class _RunningSum(IncrementalGame):
    def value(self) -> float:
        return self.sum


@dataclass(frozen=True, eq=False)
class Quadratic(KnownFunction):
    """F = sum of u + u' M u, M symmetric with a zero diagonal; the attribution is u + u (M u).

    Parameters
    ----------
    weights : ndarray of float64, shape (N, d)
        w.
    interactions : ndarray of float64, shape (N, N)
        M.

    Examples
    --------
    >>> f = Quadratic(np.array([[1.0], [1.0]]), np.array([[0.0, 0.5], [0.5, 0.0]]))
    >>> f.attribution(np.array([[3.0], [4.0]])), f.value(np.array([[3.0], [4.0]]))
    (array([ 9., 10.]), 19.0)
    """

    interactions: Floats

    def slopes(self, u: Floats) -> Floats:
        """Return 1 + 2 M u."""
        return 1 + 2 * (self.interactions @ u)

    def attribution(self, x: Floats) -> Floats:
        """Return u + u (M u)."""
        u = self.projections(x)
        return u + u * (self.interactions @ u)

    def coalition_game(self, x: Floats) -> Callable[[NDArray[np.bool_]], Floats]:
        """Return sums of u over coalitions and over pairs in them; O(N^2) each."""
        u = self.projections(x)

        def values(coalitions: NDArray[np.bool_]) -> Floats:
            present = coalitions * u
            pairs = np.einsum("mn,mn->m", present @ self.interactions, present)
            return np.asarray(present.sum(axis=1) + pairs)

        return values

    def incremental_game(self, x: Floats) -> IncrementalGame:
        """Return running sums; O(N) to add an agent."""
        return _RunningPairs(self.projections(x), self.interactions)


class _RunningPairs(IncrementalGame):
    def __init__(self, u: Floats, interactions: Floats) -> None:
        super().__init__(u)
        self.rows = interactions * u[:, np.newaxis]
        self.pulls = np.zeros(len(u))

    def reset(self) -> None:
        super().reset()
        self.pulls[:] = 0

    def add(self, agent: int) -> None:
        self.sum += self.u[agent] * (1 + 2 * float(self.pulls[agent]))
        self.pulls += self.rows[agent]

    def value(self) -> float:
        return self.sum


class Softplus(KnownFunction):
    """F = softplus(Z + c), Z the sum of u; the attribution is u (F - F(0)) / Z.

    Examples
    --------
    >>> f = Softplus(np.array([[1.0], [1.0]]))
    >>> x = np.array([[3.0], [4.0]])
    >>> total = f.value(x) - f.value(np.zeros_like(x))
    >>> bool(np.isclose(f.attribution(x).sum(), total))
    True
    """

    def slopes(self, u: Floats) -> Floats:
        """Return the logistic function of Z + c, for every agent."""
        return np.full(len(u), _logistic(u.sum() + SHIFT))

    def attribution(self, x: Floats) -> Floats:
        """Return u times the mean slope along the path."""
        u = self.projections(x)
        total = float(u.sum())
        if total == 0:
            return u * _logistic(SHIFT)
        # softplus(Z + c) - softplus(c), in the form whose exponential cannot overflow.
        if total > 0:
            rise = total + float(np.log1p(_logistic(-SHIFT) * np.expm1(-total)))
        else:
            rise = float(np.log1p(_logistic(SHIFT) * np.expm1(total)))
        return u * (rise / total)

    def coalition_game(self, x: Floats) -> Callable[[NDArray[np.bool_]], Floats]:
        """Return the softplus of sums of u over coalitions."""
        u = self.projections(x)
        return lambda coalitions: np.logaddexp(0, coalitions @ u + SHIFT)

    def incremental_game(self, x: Floats) -> IncrementalGame:
        """Return the softplus of a running sum."""
        return _RunningSoftplus(self.projections(x))


class _RunningSoftplus(IncrementalGame):
    def value(self) -> float:
        return float(np.logaddexp(0, self.sum + SHIFT))


def _logistic(z: float) -> float:
    return float(0.5 * (1 + np.tanh(z / 2)))


@dataclass(frozen=True, eq=False)
class Problem:
    """A value function and features at T steps, to be attributed and compared with the truth.

    Parameters
    ----------
    game : str
        additive, quadratic or softplus.
    seed : int
        What it was drawn from.
    function : KnownFunction
        The value function.
    x : ndarray of float64, shape (T, N, d)
        Features; the baseline is 0.
    """

    game: str
    seed: int
    function: KnownFunction
    x: Floats

    @property
    def agents(self) -> int:
        """N."""
        return int(self.x.shape[1])

    @property
    def steps(self) -> int:
        """T."""
        return len(self.x)

    @property
    def truth(self) -> Floats:
        """The Aumann-Shapley attribution, shape (T, N)."""
        return np.stack([self.function.attribution(x) for x in self.x])

    @property
    def totals(self) -> Floats:
        """F(x) - F(0), shape (T,)."""
        nobody = self.function.value(np.zeros_like(self.x[0]))
        return np.array([self.function.value(x) - nobody for x in self.x])


def make_problem(
    game: str, agents: int, seed: int, *, steps: int = 1, features: int = 3
) -> Problem:
    """Draw a problem: the same arguments give the same one.

    Parameters
    ----------
    game : str
        additive, quadratic or softplus.
    agents, seed, steps, features : int
        N, the seed, T and d.

    Returns
    -------
    Problem
        Features and weights are standard normal, the entries of M those of a symmetrised
        standard normal matrix. In the softplus game weights are divided by sqrt(N d), so that the
        sum is of the size of 1 whatever N is.

    Raises
    ------
    ValueError
        If there is no game of that name.

    Examples
    --------
    >>> make_problem("softplus", agents=10, seed=0, steps=2).truth.shape
    (2, 10)
    """
    if game not in GAMES:
        raise ValueError(f"game: {game!r}, one of {', '.join(GAMES)} is wanted")
    draw = np.random.default_rng([seed, agents, steps, features, GAMES.index(game)])
    x = draw.standard_normal((steps, agents, features))
    weights = draw.standard_normal((agents, features))
    if game == "quadratic":
        normal = draw.standard_normal((agents, agents))
        interactions = (normal + normal.T) / 2
        np.fill_diagonal(interactions, 0)
        return Problem(game, seed, Quadratic(weights, interactions), x)
    if game == "softplus":
        return Problem(game, seed, Softplus(weights / np.sqrt(agents * features)), x)
    return Problem(game, seed, Additive(weights), x)


def path_integral(function: KnownFunction, x: Floats, nodes: int = 32) -> Floats:
    """Attribute by integrating the gradient along the straight path from 0.

    Parameters
    ----------
    function : KnownFunction
        Anything with a gradient.
    x : ndarray of float64, shape (N, d)
        Where the path ends.
    nodes : int
        Gauss-Legendre nodes.

    Returns
    -------
    ndarray of float64, shape (N,)
        The Aumann-Shapley attribution, to rounding if the gradient along the path is a polynomial
        of degree below twice `nodes`.

    Examples
    --------
    >>> problem = make_problem("softplus", agents=10, seed=0)
    >>> found = path_integral(problem.function, problem.x[0])
    >>> bool(np.allclose(found, problem.truth[0], rtol=1e-12, atol=0))
    True
    """
    places, weights = np.polynomial.legendre.leggauss(nodes)
    mean = np.zeros_like(x)
    for place, weight in zip((1 + places) / 2, weights / 2, strict=True):
        mean += weight * function.gradient(place * x)
    return np.asarray(np.einsum("nd,nd->n", x, mean))
