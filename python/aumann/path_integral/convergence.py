"""Steps whose path integral did not converge, and the warning that tells of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

__all__ = ["Unconverged", "warn_unconverged"]

TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Unconverged:
    """A step whose error estimate or residual is too large, beside what they are judged by.

    `step` is its label, None where the features have no steps.
    """

    step: object
    error: float
    residual: float
    largest: float
    whole: float

    @property
    def badness(self) -> float:
        """The larger of both, relative to what it is judged by."""
        return max(self.error / max(self.largest, TINY), self.residual / max(self.whole, TINY))


def warn_unconverged(found: list[Unconverged], tolerance: float) -> None:
    """Warn of the worst of some steps, on behalf of whoever called the caller's caller."""
    worst = max(found, key=lambda each: each.badness)
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    where = "" if worst.step is None else f" at step {worst.step}{others}"
    warnings.warn(
        f"the path integral did not converge{where}: the error estimate is {worst.error:.2g} where "
        f"the largest value is {worst.largest:.2g}, the residual {worst.residual:.2g} where "
        f"magnitudes sum to {worst.whole:.2g}; a tolerance of {tolerance:.2g} was asked for. More "
        "nodes (max_evaluations=, nodes=) or a larger tolerance= is wanted; a residual that stays "
        "means that F jumps on the path, or that part of its gradient is cut off",
        RuntimeWarning,
        stacklevel=4,
    )
