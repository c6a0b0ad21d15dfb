"""Full enumeration: plain twins of the coalition values, for a few agents."""

from collections.abc import Callable
from itertools import permutations
from math import comb
from typing import Any

import numpy as np
import reference
from numpy.typing import NDArray

Game = Callable[[NDArray[np.bool_]], float]


def population_game(name: str, x: Any, baseline: Any = 0.0, weights: Any = None) -> Game:
    """F with the agents outside the coalition at their baseline row, n fixed."""
    x = np.asarray(x, dtype=np.float64)
    rows = np.broadcast_to(np.asarray(baseline, dtype=np.float64), x.shape)
    return lambda members: reference.value(name, np.where(members[:, None], x, rows), weights)


def all_values(game: Game, n: int) -> NDArray[np.float64]:
    """The value of every coalition, by the bits of its number."""
    codes = np.arange(2**n)
    return np.array([game((code >> np.arange(n)) & 1 == 1) for code in codes])


def shapley(game: Game, n: int) -> NDArray[np.float64]:
    values = all_values(game, n)
    phi = np.zeros(n)
    for i in range(n):
        for code in range(2**n):
            if not code >> i & 1:
                size = code.bit_count()
                phi[i] += (values[code | 1 << i] - values[code]) / (n * comb(n - 1, size))
    return phi


def shapley_by_orders(game: Game, n: int) -> NDArray[np.float64]:
    """By the definition: the mean over all n! orders."""
    values = all_values(game, n)
    phi, count = np.zeros(n), 0
    for order in permutations(range(n)):
        code = 0
        for i in order:
            phi[i] += values[code | 1 << i] - values[code]
            code |= 1 << i
        count += 1
    return phi / count


def banzhaf(game: Game, n: int) -> NDArray[np.float64]:
    values = all_values(game, n)
    phi = np.zeros(n)
    for i in range(n):
        for code in range(2**n):
            if not code >> i & 1:
                phi[i] += values[code | 1 << i] - values[code]
    return phi / 2 ** (n - 1)


def leave_one_out(game: Game, n: int) -> NDArray[np.float64]:
    everybody = np.ones(n, dtype=bool)
    total = game(everybody)
    phi = np.empty(n)
    for i in range(n):
        others = everybody.copy()
        others[i] = False
        phi[i] = total - game(others)
    return phi


VALUES = {"shapley": shapley, "banzhaf": banzhaf, "leave_one_out": leave_one_out}
