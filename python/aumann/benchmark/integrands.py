"""Functions whose path integrals are known, of five kinds, and what integrating them costs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import aumann
from aumann._torch import import_torch
from aumann.estimators import PathIntegral

__all__ = ["KINDS", "Cost", "Known", "cost", "costs", "known_integrals"]

Floats: TypeAlias = NDArray[np.float64]

KINDS = ("smooth", "steep", "kinked", "singular", "flat")
# Gauss-Legendre rules up to this many nodes are tried.
MOST_NODES = 40


@dataclass(frozen=True, eq=False)
class Known:
    """A torch function, features, and its values along the straight path from zero.

    Parameters
    ----------
    kind : str
        One of `KINDS`: analytic; analytic, but nearly a step; with kinks, of the total or of every
        agent; with a derivative that is infinite at an end of the path; or with the same F on both
        sides of what it does between.
    name : str
        The function in words.
    function : callable
        Takes a tensor (n, d).
    x : ndarray, shape (n, d)
        Features.
    exact : ndarray, shape (n,)
        Values, in closed form.
    """

    kind: str
    name: str
    function: Callable[[Any], Any]
    x: Floats
    exact: Floats


@dataclass(frozen=True)
class Cost:
    """What the adaptive rule took for a function, beside the least that does.

    Parameters
    ----------
    kind, name : str
        Of the function.
    nodes : int
        Gradients that the adaptive rule evaluated.
    fewest : int, optional
        Nodes of the shortest Gauss-Legendre rule on the whole path whose largest error is within
        the tolerance; None if none of up to 40 is.
    error, estimate : float
        Largest error of a value, and what it was said to be, relative to the largest value.
    converged : bool
        Whether the tolerance was met, as the result says.
    """

    kind: str
    name: str
    nodes: int
    fewest: int | None
    error: float
    estimate: float
    converged: bool


def known_integrals() -> list[Known]:
    """Return the functions of the benchmark.

    Examples
    --------
    >>> known = known_integrals()
    >>> sorted({each.kind for each in known}) == sorted(KINDS)
    True
    """
    torch = import_torch("known path integrals")
    x = np.random.default_rng(0).random((12, 2)) + 0.2
    sums = x.sum(axis=1)
    total = float(sums.sum())
    share = sums / total
    found = []

    def add(
        kind: str, name: str, function: Callable[[Any], Any], exact: Any, at: Floats = x
    ) -> None:
        found.append(Known(kind, name, function, at, np.asarray(exact, dtype=np.float64)))

    # A function f of the sum of all features gives each its share of f(S) - f(0); a sum of
    # functions of single agents gives each its own.
    add("smooth", "log(1 + S)", lambda x: x.sum().log1p(), share * math.log1p(total))
    add("smooth", "tanh(3 m)", lambda x: (3 * x.mean()).tanh(), share * math.tanh(total / 8))
    add("smooth", "sin(S / 2)", lambda x: (x.sum() / 2).sin(), share * math.sin(total / 2))
    add("smooth", "exp(3 m)", lambda x: (3 * x.mean()).exp(), share * math.expm1(total / 8))
    add("smooth", "S^5", lambda x: x.sum() ** 5, share * total**5)
    add("smooth", "sum of tanh(2 s)", lambda x: (2 * x.sum(1)).tanh().sum(), np.tanh(2 * sums))
    add("smooth", "sum of 1 - exp(-s)", lambda x: -(-x.sum(1)).expm1().sum(), -np.expm1(-sums))
    add("smooth", "sum of log(1 + s)", lambda x: x.sum(1).log1p().sum(), np.log1p(sums))
    add("smooth", "sum of sin(3 s)", lambda x: (3 * x.sum(1)).sin().sum(), np.sin(3 * sums))
    heat = aumann.attribute(x, aumann.Heat()).values
    add("smooth", "heat", lambda x: x.mean(0).prod().log1p(), heat)
    sharp = 20 * (sums - 0.3 * sums.max()) / sums.max()
    add(
        "steep",
        "sum of sigmoid(20 (s / max - 0.3))",
        lambda x: torch.sigmoid(20 * (x.sum(1) / sums.max() - 0.3)).sum(),
        1 / (1 + np.exp(-sharp)) - 1 / (1 + math.exp(6)),
    )
    kink = 0.4 * total
    add("kinked", "relu(S - c)", lambda x: torch.relu(x.sum() - kink), share * (total - kink))
    add("kinked", "|S - c|", lambda x: (x.sum() - kink).abs(), share * (total - 2 * kink))
    add("kinked", "min(S, c)", lambda x: x.sum().clamp(max=kink), share * kink)
    few = x[:3]
    relu = np.maximum(few.sum(axis=1) - 0.7, 0)
    add("kinked", "3 of relu(s - 0.7)", lambda x: torch.relu(x.sum(1) - 0.7).sum(), relu, few)
    add("kinked", "12 of relu(s - 0.7)", lambda x: torch.relu(x.sum(1) - 0.7).sum(), relu_of(x))
    square = np.maximum(sums - 0.7, 0) ** 2
    add(
        "kinked",
        "12 of relu(s - 0.7)^2",
        lambda x: torch.relu(x.sum(1) - 0.7).square().sum(),
        square,
    )
    add("singular", "sum of s^(1/2)", lambda x: x.sum(1).sqrt().sum(), np.sqrt(sums))
    add("singular", "sum of s^(1/10)", lambda x: (x.sum(1) ** 0.1).sum(), sums**0.1)
    add("singular", "sum of s^0.3", lambda x: (x.sum(1) ** 0.3).sum(), sums**0.3)
    add("singular", "sum of s^(3/2)", lambda x: (x.sum(1) ** 1.5).sum(), sums**1.5)
    add("singular", "S^(1/2) + S", lambda x: x.sum().sqrt() + x.sum(), share * (total**0.5 + total))
    entropy = -sums * np.log(sums)
    add("singular", "entropy", lambda x: torch.special.entr(x.sum(1)).sum(), entropy)
    ones = np.ones((2, 1))
    add("singular", "(1 - x)^(1/2)", lambda x: (1 - x).abs().sqrt().sum(), [-1, -1], ones)
    add(
        "singular",
        "(x (1 - x))^(1/2) + x",
        lambda x: (x * (1 - x)).sqrt().sum() + x.sum(),
        [1, 1],
        ones,
    )
    for centre, half in ((0.7, 0.15), (0.6, 0.08), (0.31, 0.05)):
        add("flat", f"tent at {centre}, {half}", _tent(torch, centre, half), [-half, half], ones)
    # The integral of tanh(40 (a - c)) is log cosh(40 (a - c)) / 40.
    log_cosh = [[math.log(math.cosh(40 * (a - c))) / 40 for a in (0, 1)] for c in (0.35, 0.5)]
    bump = (log_cosh[0][1] - log_cosh[0][0]) - (log_cosh[1][1] - log_cosh[1][0])
    end = math.tanh(40 * 0.65) - math.tanh(40 * 0.5)
    add(
        "flat",
        "tanh up and down",
        lambda x: ((40 * (x[0, 0] - 0.35)).tanh() - (40 * (x[0, 0] - 0.5)).tanh()) * x[1, 0],
        [end - bump, bump],
        ones,
    )
    add(
        "flat",
        "clamp, then constant",
        lambda x: x[0, 0].clamp(0.45, 0.55) * x[1, 0],
        [0.05, 0.5],
        ones,
    )
    return found


def relu_of(x: Floats) -> Floats:
    """Return the part above 0.7 of the sum of each agent's features.

    Examples
    --------
    >>> relu_of(np.array([[1.0, 0.7], [0.1, 0.2]]))
    array([1., 0.])
    """
    return np.asarray(np.maximum(x.sum(axis=1) - 0.7, 0))


def cost(known: Known, tolerance: float = 1e-6) -> Cost:
    """Integrate a function adaptively, and by Gauss-Legendre rules until one does.

    A result that has not converged warns.

    Examples
    --------
    >>> found = cost(known_integrals()[0])
    >>> found.converged, found.error <= found.estimate
    (True, True)
    """
    largest = float(np.abs(known.exact).max())
    result = _integral(known, PathIntegral(tolerance=tolerance))
    return Cost(
        known.kind,
        known.name,
        result.evaluations,
        _fewest(known, tolerance * largest),
        float(np.abs(result.values - known.exact).max()) / largest,
        float(result.error_estimate) / largest,
        bool(result.converged),
    )


def _fewest(known: Known, allowed: float) -> int | None:
    """Return the nodes of the shortest Gauss-Legendre rule whose errors are small enough."""

    def does(nodes: int) -> bool:
        rule = PathIntegral(rule="gauss-legendre", nodes=nodes, tolerance=1.0)
        return bool(np.abs(_integral(known, rule).values - known.exact).max() <= allowed)

    if not does(MOST_NODES):
        return None
    return next(nodes for nodes in range(1, MOST_NODES + 1) if does(nodes))


def costs(progress: Callable[[str], None] | None = None) -> list[Cost]:
    """Return the costs of all known integrals at the default tolerance, in order.

    Parameters
    ----------
    progress : callable, optional
        Called with words before each function.

    Examples
    --------
    >>> len(costs()) == len(known_integrals())
    True
    """
    found = []
    for known in known_integrals():
        if progress is not None:
            progress(known.name)
        with warnings.catch_warnings():
            # Whether it converged is in the table.
            warnings.simplefilter("ignore", RuntimeWarning)
            found.append(cost(known))
    return found


def _integral(known: Known, estimator: PathIntegral) -> Any:
    return aumann.attribute(known.x, known.function, method=aumann.AumannShapley(estimator))


def _tent(torch: Any, centre: float, half: float) -> Callable[[Any], Any]:
    return lambda x: torch.relu(1 - (x[0, 0] - centre).abs() / half) * x[1, 0]
