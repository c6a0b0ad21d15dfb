"""Quadrature of an integrand: fixed rules, and the adaptive one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.estimators import PathIntegral
from aumann.path_integral.integrand import Integrand, check_contributions
from aumann.path_integral.rules import LEVELS, fixed_rule, nested_rule

__all__ = ["Integral", "integrate"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]

FIXED_NODES = 32
# Rounding of F and of its gradient, in spacings of the numbers that it computes with.
ROUNDING = 64.0


@dataclass(frozen=True, eq=False)
class Integral:
    """Attributions (m, n) of m steps, on the integrand's device, and how good they are."""

    values: Tensor
    ends: tuple[Floats, Floats]
    error: Floats
    converged: NDArray[np.bool_]
    evaluations: int
    capped: bool = False

    def times(self, coefficient: float) -> Integral:
        """Return the integral of a multiple."""
        at_x, at_start = self.ends
        return replace(
            self,
            values=coefficient * self.values,
            ends=(coefficient * at_x, coefficient * at_start),
            error=abs(coefficient) * self.error,
        )

    def plus(self, other: Integral) -> Integral:
        """Return the integral of a sum."""
        return Integral(
            self.values + other.values,
            (self.ends[0] + other.ends[0], self.ends[1] + other.ends[1]),
            self.error + other.error,
            self.converged & other.converged,
            self.evaluations + other.evaluations,
            self.capped or other.capped,
        )


@dataclass(frozen=True, eq=False)
class Panel:
    """A piece of the path, with F at both ends, shape (m,)."""

    start: float
    stop: float
    before: Floats
    after: Floats

    @property
    def width(self) -> float:
        """Its length as a part of the path."""
        return self.stop - self.start

    def halves(self, middle: Floats) -> list[Panel]:
        """Return both halves, given F between them."""
        at = 0.5 * (self.start + self.stop)
        return [
            Panel(self.start, at, self.before, middle),
            Panel(at, self.stop, middle, self.after),
        ]


def integrate(
    integrand: Integrand, estimator: PathIntegral, show: Callable[[int], None]
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
    """
    quadrature = _Quadrature(integrand, estimator, show)
    return quadrature.adaptive() if estimator.rule == "gauss-kronrod" else quadrature.fixed()


class _Quadrature:
    def __init__(
        self, integrand: Integrand, estimator: PathIntegral, show: Callable[[int], None]
    ) -> None:
        self.integrand, self.estimator, self.show = integrand, estimator, show
        self.evaluations = 0
        self.ends = integrand.value(1.0), integrand.value(0.0)
        self.total = self.ends[0] - self.ends[1]
        self.tolerance = max(estimator.tolerance, ROUNDING * integrand.spacing)
        largest = np.maximum(np.abs(self.ends[0]), np.abs(self.ends[1]))
        self.rounding = ROUNDING * integrand.spacing * largest

    def fixed(self) -> Integral:
        """Return the integral by a fixed rule, whose residual is all that is known of its error."""
        nodes, weights = fixed_rule(self.estimator.rule, self.estimator.nodes or FIXED_NODES)
        sums = self._zeros(1)
        self._add(sums, nodes, weights[np.newaxis])
        values = sums[0]
        error = np.abs(_host(values.sum(dim=1)) - self.total)
        allowed = self.tolerance * _host(values.abs().sum(dim=1)) + self.rounding
        return Integral(values, self.ends, error, error <= allowed, self.evaluations)

    def adaptive(self) -> Integral:
        """Return the integral by nested rules on panels, which are halved until they agree.

        All panels of one length are integrated before any shorter one, so that the whole path is
        covered whenever the evaluations end.
        """
        settled, settled_errors, unsettled, unsettled_errors = self._zeros(4)
        self._sums, self._apart = self._zeros(len(LEVELS)), self._zeros(1)[0]
        self._bounds: tuple[Floats, Floats] | None = None
        panels = [Panel(0.0, 1.0, self.ends[1], self.ends[0])]
        while True:
            unsettled.zero_()
            unsettled_errors.zero_()
            halves: list[Panel] = []
            for panel in panels:
                values, middle, agreed = self._panel(panel)
                if agreed:
                    settled.add_(values)
                    settled_errors.add_(self._apart)
                else:
                    unsettled.add_(values)
                    unsettled_errors.add_(self._apart)
                    halves += panel.halves(middle)
            values = torch.add(settled, unsettled, out=self._sums[0])
            self._bounds = bounds = self._bounds_of(values)
            residual = np.abs(_host(values.sum(dim=1)) - self.total)
            # Panels are not alike: an agent's own kink is in one of them.
            error = _host(unsettled_errors.add_(settled_errors).amax(dim=1))
            converged = (error <= bounds[0]) & (residual <= bounds[1])
            most = self.estimator.max_evaluations - LEVELS[-1] * len(halves)
            if converged.all() or not halves or self.evaluations > most:
                capped = bool(halves) and not converged.all()
                return Integral(values, self.ends, error, converged, self.evaluations, capped)
            panels = halves

    def _panel(self, panel: Panel) -> tuple[Tensor, Floats, bool]:
        """Return attributions, F halfway, and whether the last two rules agree.

        How far they are apart is left in `_apart`. The first node is halfway.
        """
        rule = nested_rule()
        nodes = panel.start + panel.width * rule.nodes
        weights = panel.width * rule.weights
        self._sums.zero_()
        change = panel.after - panel.before
        middle = change
        last = 0
        for level, count in enumerate(LEVELS):
            if count > self.estimator.max_evaluations:
                break
            last = level
            new = slice(LEVELS[level - 1] if level else 0, count)
            values = self._add(self._sums, nodes[new], weights[:, new])
            if level == 0:
                middle = values
                continue
            found = self._sums[level]
            torch.sub(found, self._sums[level - 1], out=self._apart).abs_()
            difference = _host(self._apart.amax(dim=1))
            residual = np.abs(_host(found.sum(dim=1)) - change)
            bounds = self._bounds_of(found) if self._bounds is None else self._bounds
            # Half of what is allowed, so that the panels together stay below the whole.
            allowed = [0.5 * panel.width * bound for bound in bounds]
            enough = (difference <= allowed[0]) & (residual <= allowed[1] + self.rounding)
            if enough.all():
                return found, middle, True
        return self._sums[last], middle, False

    def _bounds_of(self, values: Tensor) -> tuple[Floats, Floats]:
        """Return what the error of a value and the residual may be."""
        largest, whole = (torch.linalg.vector_norm(values, order, dim=1) for order in (inf, 1))
        return self.tolerance * _host(largest), self.tolerance * _host(whole) + self.rounding

    def _add(self, sums: Tensor, nodes: Floats, weights: Floats) -> Floats:
        """Add the contributions at nodes to sums (k, m, n), with weights (k, q).

        Returns F at the first node, shape (m,).
        """
        first: Floats | None = None
        for start in range(0, len(nodes), self.integrand.batch):
            some = slice(start, start + self.integrand.batch)
            here: Sequence[float] = nodes[some].tolist()
            values, contributions = self.integrand.at(here)
            check_contributions(self.integrand, contributions, here)
            first = values[0] if first is None else first
            if len(here) == 1:
                for row, weight in zip(sums, weights[:, start].tolist(), strict=True):
                    if weight:
                        row.add_(contributions[0], alpha=weight)
            else:
                table = torch.from_numpy(np.ascontiguousarray(weights[:, some])).to(sums.device)
                flat = contributions.double().reshape(len(here), -1)
                sums.view(len(sums), -1).addmm_(table, flat)
            self.evaluations += len(here)
            self.show(self.evaluations)
        assert first is not None
        return first

    def _zeros(self, count: int) -> Tensor:
        shape = (count, self.integrand.steps, self.integrand.agents)
        return torch.zeros(shape, dtype=torch.float64, device=self.integrand.device)


def _host(numbers: Tensor) -> Floats:
    return np.asarray(numbers.cpu().numpy())
