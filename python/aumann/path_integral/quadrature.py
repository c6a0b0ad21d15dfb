"""Quadrature of an integrand: fixed rules, and the adaptive one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.estimators import PathIntegral
from aumann.path_integral.adaptive import Adaptive
from aumann.path_integral.integrand import Integrand
from aumann.path_integral.rounding import Judge
from aumann.path_integral.rules import fixed_rule

__all__ = ["Integral", "integrate"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]

FIXED_NODES = 32
# Of a function of which nothing is known.
FEWEST_NODES = 7


@dataclass(frozen=True, eq=False)
class Integral:
    """Attributions (m, n) of m steps, on the integrand's device, and how good they are.

    `spacing` is the distance from 1 to the next number that F computes with, `evaluations` the
    number of gradients per step, `least` what a value may be by rounding alone where terms cancel.
    """

    values: Tensor
    ends: tuple[Floats, Floats]
    error: Floats
    converged: NDArray[np.bool_]
    evaluations: NDArray[np.intp]
    spacing: float
    least: Floats
    capped: bool = False

    def times(self, coefficient: float) -> Integral:
        """Return the integral of a multiple."""
        at_x, at_start = self.ends
        return replace(
            self,
            values=coefficient * self.values,
            ends=(coefficient * at_x, coefficient * at_start),
            error=abs(coefficient) * self.error,
            least=abs(coefficient) * self.least,
        )

    def plus(self, other: Integral) -> Integral:
        """Return the integral of a sum."""
        return Integral(
            self.values + other.values,
            (self.ends[0] + other.ends[0], self.ends[1] + other.ends[1]),
            self.error + other.error,
            self.converged & other.converged,
            self.evaluations + other.evaluations,
            max(self.spacing, other.spacing),
            self.least + other.least,
            self.capped or other.capped,
        )


def integrate(
    integrand: Integrand,
    estimator: PathIntegral,
    show: Callable[[int], None],
    fewest: int = FEWEST_NODES,
) -> Integral:
    """Return the integral of an integrand over its path.

    Parameters
    ----------
    integrand : Integrand
        What to integrate.
    estimator : PathIntegral
        How.
    show : callable
        Takes the number of nodes so far.
    fewest : int
        Nodes of the adaptive rule that must agree before they are believed.
    """
    ends = integrand.value(1.0), integrand.value(0.0)
    judge = Judge(integrand, estimator.tolerance, ends)
    spacing = integrand.spacing
    if estimator.rule != "gauss-kronrod":
        values, converged = _fixed(integrand, estimator, judge, show)
        nodes = np.full(integrand.steps, estimator.nodes or FIXED_NODES, dtype=np.intp)
        unknown = np.full(integrand.steps, np.nan)
        return Integral(values, ends, unknown, converged, nodes, spacing, judge.least)
    adaptive = Adaptive(integrand, judge, fewest, estimator.max_evaluations, show)
    values, error, converged, capped = adaptive.run()
    used = adaptive.evaluations
    return Integral(values, ends, error, converged, used, spacing, judge.least, bool(capped.any()))


def _fixed(
    integrand: Integrand, estimator: PathIntegral, judge: Judge, show: Callable[[int], None]
) -> tuple[Tensor, NDArray[np.bool_]]:
    """Return values by a fixed rule, which knows of its errors but the residual."""
    nodes, weights = fixed_rule(estimator.rule, estimator.nodes or FIXED_NODES)
    shape = (integrand.steps, integrand.agents)
    values = torch.zeros(shape, dtype=torch.float64, device=integrand.device)
    for start in range(0, len(nodes), integrand.batch):
        some = slice(start, start + integrand.batch)
        _, contributions = integrand.at(nodes[some].tolist())
        for each, weight in zip(contributions, weights[some].tolist(), strict=True):
            values.add_(each, alpha=weight)
        show(min(some.stop, len(nodes)))
    converged = judge.converged(values, None)
    if not converged.all():
        judge.allow_cancellation(np.flatnonzero(~converged))
        converged = judge.converged(values, None)
    return values, converged
