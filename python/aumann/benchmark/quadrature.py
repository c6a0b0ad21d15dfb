"""Error and time of path integrals of heat by number of nodes: the paper's table 5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import aumann
from aumann._numbers import check_integer
from aumann._torch import import_torch
from aumann.benchmark.workload import sparse
from aumann.estimators import PathIntegral
from aumann.path_integral.rules import fixed_rule

__all__ = [
    "ANY_ERROR",
    "NODES",
    "RULES",
    "Convergence",
    "convergence",
    "heat",
    "largest_error",
    "plain_loop",
    "state",
]

Floats: TypeAlias = NDArray[np.float64]
Tensor: TypeAlias = Any

NODES = (4, 6, 10, 20, 50, 100, 200)
RULES = ("midpoint", "trapezoid", "gauss-legendre")
# A fixed rule is measured as it is, however far off.
ANY_ERROR = 1.0


@dataclass(frozen=True)
class Convergence:
    """Error and time of a path integral of heat by one rule with one number of nodes.

    Parameters
    ----------
    rule : str
        Of `aumann.PathIntegral`.
    nodes : int
        Gradients evaluated; the adaptive rule finds out how many.
    agents : int
        N.
    error : float
        Largest difference from the closed form, relative to the largest value in it.
    residual : float
        Sum of the values minus the total, relative to the sum of their magnitudes, with its sign.
    estimate : float, optional
        The largest error of a value as the adaptive rule estimates it, relative to the largest
        value; None for the others.
    seconds : float
        Median time of `aumann.attribute`.
    loop_seconds : float
        Median time of `plain_loop` at the same nodes; for the adaptive rule, with as many.
    """

    rule: str
    nodes: int
    agents: int
    error: float
    residual: float
    estimate: float | None
    seconds: float
    loop_seconds: float

    @property
    def ratio(self) -> float:
        """Time as a multiple of the plain loop's."""
        return self.seconds / self.loop_seconds


def heat(x: Tensor) -> Tensor:
    """Return log(1 + product of the feature means) of a tensor (N, d), as one writes it.

    Examples
    --------
    >>> import torch
    >>> round(heat(torch.ones(4, 3, dtype=torch.float64)).item(), 6)
    0.693147
    """
    return x.mean(0).prod().log1p()


def state(x: Floats) -> float:
    """Return P, the product of the feature means: what the error of a rule on heat depends on.

    Parameters
    ----------
    x : ndarray of float64, shape (N, d)
        Features.

    Examples
    --------
    >>> state(np.array([[1.0, 2.0], [3.0, 4.0]]))
    6.0
    """
    return float(x.mean(axis=0).prod())


def plain_loop(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    nodes: Sequence[float],
    weights: Sequence[float],
) -> Tensor:
    """Return Aumann-Shapley values by a forward and a backward pass per node, and no more.

    What one writes without a library, from a baseline of zero: no checks, no error, no residual.

    Parameters
    ----------
    function : callable
        Takes a tensor (N, d) and returns one number.
    x : Tensor, shape (N, d)
        Features.
    nodes, weights : sequence of float, length K
        Of a rule on [0, 1].

    Returns
    -------
    Tensor, shape (N,)

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> plain_loop(lambda x: x.mean() ** 2, x, [0.5], [1.0])
    tensor([1., 3.])
    """
    torch = import_torch("the plain loop")
    sums = torch.zeros_like(x)
    for a, weight in zip(nodes, weights, strict=True):
        point = (a * x).requires_grad_()
        (gradient,) = torch.autograd.grad(function(point), point)
        sums += weight * gradient
    return (sums * x).sum(-1)


def convergence(
    agents: int = 100_000,
    *,
    nodes: Sequence[int] = NODES,
    repeats: int = 5,
    progress: Callable[[str], None] | None = None,
) -> list[Convergence]:
    """Measure error and time of path integrals of heat by rule and number of nodes.

    Parameters
    ----------
    agents : int
        N of the workload W (`aumann.benchmark.workload.sparse`), float64.
    nodes : sequence of int
        Of midpoint, trapezoid and Gauss-Legendre, each at least 2. The adaptive rule, with its
        default tolerance, comes last.
    repeats : int
        Timed calls of ours and of the plain loop, in turns.
    progress : callable, optional
        Called with words before each measurement.

    Returns
    -------
    list of Convergence

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer or out of range.
    ImportError
        If torch is missing; it says which extra to install.

    Notes
    -----
    Along the straight path from zero the gradients of heat at two nodes differ by a factor that is
    the same for all agents. Every value has therefore the relative error of the sum: `error` and
    the magnitude of `residual` are one number, as far as both are small.

    Examples
    --------
    >>> found = convergence(1_000, nodes=[4], repeats=1)
    >>> [(each.rule, each.nodes) for each in found]
    [('midpoint', 4), ('trapezoid', 4), ('gauss-legendre', 4), ('gauss-kronrod', 7)]
    >>> found[2].error < 1e-6 < found[0].error < found[1].error
    True
    """
    torch = import_torch("a quadrature benchmark")
    check_integer("agents", agents, 1)
    check_integer("repeats", repeats, 1)
    estimators = [
        PathIntegral(rule=rule, nodes=count, tolerance=ANY_ERROR)  # type: ignore[arg-type]
        for rule in RULES
        for count in _counts(nodes)
    ]
    x = sparse(agents)
    exact = aumann.attribute(x, aumann.Heat()).values
    tensor = torch.from_numpy(x)
    measured = []
    for estimator in [*estimators, PathIntegral()]:
        if progress is not None:
            progress(f"{estimator.rule}, {estimator.nodes or 'its own number of'} nodes")
        measured.append(_measured(tensor, exact, estimator, repeats))
    return measured


def largest_error(values: Floats, exact: Floats) -> float:
    """Return the largest difference of two attributions, as a part of the second's largest value.

    Examples
    --------
    >>> largest_error(np.array([1.0, 3.0]), np.array([1.0, -4.0]))
    1.75
    """
    return float(np.abs(values - exact).max() / np.abs(exact).max())


def _counts(nodes: Sequence[int]) -> list[int]:
    for count in nodes:
        check_integer("nodes", count, 2, 2**16)
    return list(dict.fromkeys(nodes))


def _measured(x: Tensor, exact: Floats, estimator: PathIntegral, repeats: int) -> Convergence:
    adaptive = estimator.nodes is None
    method = aumann.AumannShapley(estimator)
    result = aumann.attribute(x, heat, method=method)
    rule = "gauss-legendre" if adaptive else estimator.rule
    nodes, weights = (part.tolist() for part in fixed_rule(rule, result.evaluations))
    seconds, loop_seconds = _in_turns(
        lambda: aumann.attribute(x, heat, method=method),
        lambda: plain_loop(heat, x, nodes, weights),
        repeats,
    )
    largest = float(np.abs(result.values).max())
    return Convergence(
        estimator.rule,
        result.evaluations,
        len(x),
        largest_error(result.values, exact),
        float(result.relative_residual),
        float(result.error_estimate) / largest if adaptive else None,
        seconds,
        loop_seconds,
    )


def _in_turns(
    ours: Callable[[], object], loop: Callable[[], object], repeats: int
) -> tuple[float, float]:
    """Return median times of two calls that take turns, so that both meet the same machine."""
    both = (ours, loop)
    loop()
    times: tuple[list[float], list[float]] = ([], [])
    for repeat in range(repeats):
        # Each goes first half of the time: what one leaves in the caches, the other finds.
        for which in (0, 1) if repeat % 2 == 0 else (1, 0):
            started = perf_counter()
            both[which]()
            times[which].append(perf_counter() - started)
    return median(times[0]), median(times[1])
