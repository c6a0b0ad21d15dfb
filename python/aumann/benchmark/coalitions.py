"""The four value functions as coalition games in NumPy, every coalition evaluated anew.

What one writes without incremental games: the agents outside a coalition are set to the zero
baseline, F is computed. The composites are formed once, which favours this side of a comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["coalition_game", "sampled_banzhaf", "sampled_shapley"]

CoalitionGame: TypeAlias = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
# float64 numbers in one batch of coalitions: 4 MiB, about a second-level cache.
BATCH = 2**19


def coalition_game(value_function: str, x: NDArray[np.float64]) -> CoalitionGame:
    """Return the game of a value function with the zero baseline.

    Parameters
    ----------
    value_function : str
        mean, heat, variance or gini.
    x : ndarray of float64, shape (n, d)
        Features.

    Returns
    -------
    callable
        Takes a boolean matrix of shape (m, n), one coalition per row, and returns the m values.
        O(m n d), O(m n log n) for gini.

    Raises
    ------
    ValueError
        If there is no value function of that name.

    Examples
    --------
    >>> game = coalition_game("variance", np.array([[1.0], [3.0]]))
    >>> game(np.array([[False, False], [True, False], [True, True]]))
    array([0.  , 0.25, 1.  ])
    """
    if value_function not in _GAMES:
        raise ValueError(
            f"value_function: {value_function!r}, one of {', '.join(_GAMES)} is wanted"
        )
    return _GAMES[value_function](x)


def sampled_shapley(
    x: NDArray[np.float64], value_function: str, evaluations: int
) -> NDArray[np.float64]:
    """Sample Shapley values by evaluating every coalition of random orders from scratch.

    Parameters
    ----------
    x : ndarray of float64, shape (n, d)
        Features; the baseline is 0.
    value_function : str
        mean, heat, variance or gini.
    evaluations : int
        Evaluations of F; n of them make an order. Of an order that is not whole, coalitions of
        all sizes are evaluated, for their time: it adds nothing to the values.

    Returns
    -------
    ndarray of float64, shape (n,)
        Means of the marginals over the whole orders, NaN without one.

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [6.0]])
    >>> sampled_shapley(x, "mean", 30).round(4)
    array([0.3333, 0.6667, 2.    ])
    """
    agents = len(x)
    game = coalition_game(value_function, x)
    generator = np.random.default_rng(0)
    whole, rest = divmod(evaluations, agents)
    sums = np.zeros(agents)
    for _ in range(whole):
        order = generator.permutation(agents)
        values = _grown(game, order, np.arange(1, agents + 1))
        sums[order] += np.diff(values, prepend=0.0)
    if rest:
        sizes = np.linspace(1, agents, rest).astype(np.intp)
        _grown(game, generator.permutation(agents), sizes)
    return sums / whole if whole else np.full(agents, np.nan)


def sampled_banzhaf(
    x: NDArray[np.float64], value_function: str, coalitions: int
) -> NDArray[np.float64]:
    """Sample Banzhaf values from coalitions evaluated from scratch, every one used for all agents.

    Parameters
    ----------
    x : ndarray of float64, shape (n, d)
        Features; the baseline is 0.
    value_function : str
        mean, heat, variance or gini.
    coalitions : int
        Uniform coalitions to draw.

    Returns
    -------
    ndarray of float64, shape (n,)
        Mean value of the coalitions with the agent minus that of those without; NaN where one of
        them was not drawn.

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [6.0]])
    >>> sampled_banzhaf(x, "mean", 1_000).shape
    (3,)
    """
    agents = len(x)
    game = coalition_game(value_function, x)
    generator = np.random.default_rng(0)
    members, inside, total = np.zeros(agents), np.zeros(agents), 0.0
    batch = max(1, BATCH // agents)
    for first in range(0, coalitions, batch):
        rows = min(batch, coalitions - first)
        drawn = generator.integers(0, 2, (rows, agents), dtype=np.bool_)
        values = game(drawn)
        members += drawn.sum(axis=0)
        inside += values @ drawn
        total += values.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(inside / members - (total - inside) / (coalitions - members))


def _grown(
    game: CoalitionGame, order: NDArray[np.intp], sizes: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the values of the first agents of an order, for each number of them."""
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    batch = max(1, BATCH // len(order))
    parts = [
        game(place < sizes[first : first + batch, np.newaxis])
        for first in range(0, len(sizes), batch)
    ]
    return np.concatenate(parts)


def _mean(x: NDArray[np.float64]) -> CoalitionGame:
    parts = x.sum(axis=1) / len(x)
    return lambda coalitions: coalitions @ parts


def _heat(x: NDArray[np.float64]) -> CoalitionGame:
    parts = x / len(x)
    return lambda coalitions: np.log1p((coalitions @ parts).prod(axis=1))


def _variance(x: NDArray[np.float64]) -> CoalitionGame:
    s = x.sum(axis=1)
    return lambda coalitions: (coalitions * s).var(axis=1)


def _gini(x: NDArray[np.float64]) -> CoalitionGame:
    s = x.sum(axis=1)
    n = len(s)
    # In the sum of |s_i - s_j| over pairs the value at rank r counts 2 r - n - 1 times.
    weights = (2.0 * np.arange(1, n + 1) - n - 1) * 2 / n**2
    return lambda coalitions: np.sort(coalitions * s, axis=1) @ weights


_GAMES: Mapping[str, Callable[[NDArray[np.float64]], CoalitionGame]] = {
    "mean": _mean,
    "heat": _heat,
    "variance": _variance,
    "gini": _gini,
}
