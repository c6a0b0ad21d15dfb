"""What the precision that F is computed in allows, and how a result is judged beside it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.path_integral.integrand import Integrand

__all__ = ["Judge"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]
Steps: TypeAlias = NDArray[np.intp]

# Rounding of gradients, and of what F and they are where terms cancel, in spacings of the numbers
# that F computes with.
ROUNDING = 16.0
# The precision of half-precision numbers excuses no relative error above this.
LARGEST_EXCUSE = 0.02
# A residual above this part of the total is never rounding.
LARGEST_RESIDUAL = 0.01
# Rounding of one value, and of F, in spacings of the largest.
OF_A_VALUE = 4.0


class Judge:
    """Tells which steps have converged.

    Parameters
    ----------
    integrand : Integrand
        Of m steps.
    tolerance : float
        As asked for.
    ends : pair of ndarray, shape (m,)
        F at x and at the baseline.
    """

    def __init__(self, integrand: Integrand, tolerance: float, ends: tuple[Floats, Floats]) -> None:
        """Allow F the rounding of its largest value."""
        self.integrand, self.ends = integrand, ends
        spacing = integrand.spacing
        self.tolerance = max(tolerance, min(ROUNDING * spacing, LARGEST_EXCUSE))
        self.total = ends[0] - ends[1]
        self.rounding = OF_A_VALUE * spacing * np.maximum(np.abs(ends[0]), np.abs(ends[1]))
        # What a value may be by rounding alone, where terms of the gradient cancel.
        self.least = np.zeros_like(self.total)

    def bounds(self, values: Tensor) -> tuple[Floats, Floats]:
        """Return what the error of a value and the residual may be, but for rounding, (k,)."""
        largest, whole = _sizes(values)
        return self.tolerance * largest, self.tolerance * whole

    def converged(
        self, values: Tensor, error: Floats | None, missed: Floats | float = 0.0
    ) -> NDArray[np.bool_]:
        """Tell which steps are within the tolerance; without errors by their residuals.

        `missed` is by how much F is not what nodes on the path make of it.
        """
        largest, whole = _sizes(values)
        residual = np.maximum(self.residual(values), missed)
        excuse = LARGEST_RESIDUAL * np.maximum(whole, np.abs(self.total))
        # Where all is rounding, of values that cancel to nothing, so is the residual.
        nothing = (largest <= self.least) & (np.abs(self.total) <= self.rounding)
        allowed = np.where(nothing, self.rounding, np.minimum(self.rounding, excuse))
        good = residual <= self.tolerance * whole + allowed
        if error is not None:
            good &= error <= np.maximum(self.tolerance * largest, self.least)
        return good

    def residual(self, values: Tensor) -> Floats:
        """Return by how much the values of each step miss the total."""
        return np.abs(host(values.sum(dim=1)) - self.total)

    def estimate(self, values: Tensor, error: Floats, missed: Floats) -> Floats:
        """Return the error of a value that is owned up to: of the rule, and of what it was given.

        A residual is taken to be spread over the agents as the values are.
        """
        largest, whole = _sizes(values)
        share = np.divide(largest, whole, out=np.ones_like(whole), where=whole > 0)
        spread = np.maximum(self.residual(values), missed) * share
        floor = np.maximum(OF_A_VALUE * self.integrand.spacing * largest, self.least)
        return np.asarray(np.maximum(error, spread) + floor)

    def allow_cancellation(self, steps: Steps) -> None:
        """Find out what rounding may make of F and of its gradient, where its terms cancel.

        The variance of equal agents and its gradient are rounding and nothing else, and no
        tolerance relative to it can be met. Off the path, with every other agent half way, terms
        do not cancel, and show their size.
        """
        whole = len(steps) == self.integrand.steps
        torn = (self.integrand if whole else self.integrand.of_steps(steps)).torn()
        try:
            values, contributions = torn.at([1.0])
        except ValueError:
            # Outside the domain of F.
            return
        sizes = contributions[0].double().abs()
        unit = ROUNDING * self.integrand.spacing
        self.least[steps] = unit * host(sizes.amax(dim=1))
        terms = np.abs(values[0]) + host(sizes.sum(dim=1))
        self.rounding[steps] = np.maximum(self.rounding[steps], unit * terms)


def host(numbers: Tensor) -> Floats:
    """Return a tensor as an array."""
    return np.asarray(numbers.cpu().numpy())


def _sizes(values: Tensor) -> tuple[Floats, Floats]:
    """Return the largest magnitude and the sum of magnitudes of each step."""
    largest, whole = (torch.linalg.vector_norm(values, order, dim=1) for order in (np.inf, 1))
    return host(largest), host(whole)
