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
from aumann.path_integral.integrand import Integrand
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
class Piece:
    """A piece of the path, with F at both ends, shape (m,)."""

    start: float
    stop: float
    before: Floats
    after: Floats

    @property
    def width(self) -> float:
        """Its length as a part of the path."""
        return self.stop - self.start

    def halves(self, middle: Floats) -> list[Piece]:
        """Return both halves, given F between them."""
        at = 0.5 * (self.start + self.stop)
        return [
            Piece(self.start, at, self.before, middle),
            Piece(at, self.stop, middle, self.after),
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
        self.least: Floats | None = None

    def fixed(self) -> Integral:
        """Return the integral by a fixed rule, which knows of its errors but the residual."""
        nodes, weights = fixed_rule(self.estimator.rule, self.estimator.nodes or FIXED_NODES)
        sums = self._zeros(1)
        self._add(sums, nodes, weights[np.newaxis])
        values = sums[0]
        residual = np.abs(_host(values.sum(dim=1)) - self.total)
        evaluations = self.evaluations
        if not (residual <= self._bounds_of(values)[1]).all():
            self._allow_rounding()
        converged = residual <= self._bounds_of(values)[1]
        return Integral(values, self.ends, np.full_like(residual, np.nan), converged, evaluations)

    def adaptive(self) -> Integral:
        """Return the integral by nested rules, on the whole path or on pieces of it."""
        self._sums, self._apart = self._zeros(len(LEVELS)), self._zeros(1)[0]
        self._bounds: tuple[Floats, Floats] | None = None
        whole = Piece(0.0, 1.0, self.ends[1], self.ends[0])
        values, middle, agreed = self._piece(whole)
        if not agreed:
            return self._halved(values, whole.halves(middle))
        # A copy, lest all of the sums be kept.
        error, converged = _host(self._apart.amax(dim=1)), np.ones(len(self.total), dtype=np.bool_)
        return Integral(values.clone(), self.ends, error, converged, self.evaluations)

    def _halved(self, values: Tensor, halves: list[Piece]) -> Integral:
        """Return the integral where one rule for the whole path, which found values, will not do.

        All pieces of one length are integrated before any shorter one, so that the whole path is
        covered whenever the evaluations end.
        """
        settled, settled_errors, unsettled, unsettled_errors = self._zeros(4)
        unsettled.add_(values)
        unsettled_errors.add_(self._apart)
        if self.estimator.max_evaluations > self.evaluations:
            self._allow_rounding()
        while True:
            values = torch.add(settled, unsettled, out=self._sums[0])
            self._bounds = bounds = self._bounds_of(values)
            residual = np.abs(_host(values.sum(dim=1)) - self.total)
            # By agent, as an agent's own kink is in one of the pieces.
            error = _host(unsettled_errors.add_(settled_errors).amax(dim=1))
            converged = (error <= bounds[0]) & (residual <= bounds[1])
            most = self.estimator.max_evaluations - LEVELS[-1] * len(halves)
            if converged.all() or not halves or self.evaluations > most:
                capped = bool(halves) and not converged.all()
                values = values.clone()
                return Integral(values, self.ends, error, converged, self.evaluations, capped)
            unsettled.zero_()
            unsettled_errors.zero_()
            pieces, halves = halves, []
            for piece in pieces:
                values, middle, agreed = self._piece(piece)
                if agreed:
                    settled.add_(values)
                    settled_errors.add_(self._apart)
                else:
                    unsettled.add_(values)
                    unsettled_errors.add_(self._apart)
                    halves += piece.halves(middle)

    def _piece(self, piece: Piece) -> tuple[Tensor, Floats, bool]:
        """Return attributions, F halfway, and whether the last two rules agree.

        How far they are apart is left in `_apart`. The first node is halfway.
        """
        rule = nested_rule()
        nodes = piece.start + piece.width * rule.nodes
        weights = piece.width * rule.weights
        self._sums.zero_()
        change = piece.after - piece.before
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
            # Half of what is allowed, so that the pieces together stay below the whole.
            allowed = [0.5 * piece.width * bound for bound in bounds]
            enough = (difference <= allowed[0]) & (residual <= allowed[1] + self.rounding)
            if enough.all():
                return found, middle, True
        return self._sums[last], middle, False

    def _bounds_of(self, values: Tensor) -> tuple[Floats, Floats]:
        """Return what the error of a value and the residual may be."""
        largest, whole = (torch.linalg.vector_norm(values, order, dim=1) for order in (inf, 1))
        error = self.tolerance * _host(largest)
        if self.least is not None:
            error = np.maximum(error, self.least)
        return error, self.tolerance * _host(whole) + self.rounding

    def _allow_rounding(self) -> None:
        """Find out what rounding may make of F and of its gradient, where its terms cancel.

        The variance of equal agents and its gradient are rounding and nothing else, and no
        tolerance relative to it can be met. Off the path, with every other agent half way, terms
        do not cancel, and show their size.
        """
        self.least = np.zeros(self.integrand.steps)
        try:
            values, contributions = self.integrand.torn().at([1.0])
        except ValueError:
            # Outside the domain of F.
            return
        self.evaluations += 1
        sizes = contributions[0].double().abs()
        unit = ROUNDING * self.integrand.spacing
        self.least = unit * _host(sizes.amax(dim=1))
        terms = np.abs(values[0]) + _host(sizes.sum(dim=1))
        self.rounding = np.maximum(self.rounding, unit * terms)

    def _add(self, sums: Tensor, nodes: Floats, weights: Floats) -> Floats:
        """Add the contributions at nodes to sums (k, m, n), with weights (k, q).

        Returns F at the first node, shape (m,).
        """
        first: Floats | None = None
        for start in range(0, len(nodes), self.integrand.batch):
            some = slice(start, start + self.integrand.batch)
            here: Sequence[float] = nodes[some].tolist()
            values, contributions = self.integrand.at(here)
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
