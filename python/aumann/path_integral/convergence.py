"""What makes a path integral doubtful, and the warnings that tell of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aumann._warning import warn_user
from aumann.path_integral.evaluation import Tensor, same_number, shown, training_parts

__all__ = [
    "Coarse",
    "Unconverged",
    "warn_coarse",
    "warn_training",
    "warn_unconverged",
    "warn_unrepeatable",
]

TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Unconverged:
    """A step whose error estimate or residual is too large, beside what they are judged by.

    `step` is its label, None where the features have no steps; `error` NaN where nobody knows.
    """

    step: object
    error: float
    residual: float
    largest: float
    whole: float

    @property
    def badness(self) -> float:
        """The larger of both, relative to what it is judged by."""
        residual = self.residual / max(self.whole, TINY)
        if math.isnan(self.error):
            return residual
        return max(self.error / max(self.largest, TINY), residual)


# Numbers that lie further apart than this part of what F changes by leave its residual open.
NOTICED = 0.01


@dataclass(frozen=True)
class Coarse:
    """A step where numbers of the size of F lie so far apart that its change is barely known."""

    step: object
    largest: float
    spacing: float
    change: float

    @property
    def matters(self) -> bool:
        """Whether F is known to less than a hundredth of its change."""
        return self.change > 0 and self.spacing > NOTICED * self.change


def warn_coarse(found: list[Coarse]) -> None:
    """Warn of the worst of some steps."""
    worst = max(found, key=lambda each: each.spacing / each.change)
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    where = "" if worst.step is None else f" at step {worst.step}{others}"
    warn_user(
        f"the value function is near {worst.largest:.3g}{where}, where the numbers that it "
        f"computes with lie {worst.spacing:.2g} apart, and changes by {worst.change:.2g} along the "
        "path: its total and residual are known to that and no better; float64 features (or a "
        "module in float64), or a value function without the offset, are wanted"
    )


def warn_unconverged(found: list[Unconverged], tolerance: float) -> None:
    """Warn of the worst of some steps."""
    worst = max(found, key=lambda each: each.badness)
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    where = "" if worst.step is None else f" at step {worst.step}{others}"
    error = "the residual is"
    if not math.isnan(worst.error):
        error = (
            f"the error estimate is {worst.error:.2g} where the largest value is "
            f"{worst.largest:.2g}, the residual"
        )
    warn_user(
        f"the path integral did not converge{where}: {error} {worst.residual:.2g} where magnitudes "
        f"sum to {worst.whole:.2g}; a tolerance of {tolerance:.2g} was asked for. More nodes "
        "(max_evaluations=, nodes=) or a larger tolerance= is wanted; a residual that stays means "
        "that F jumps on the path, or that part of its gradient is cut off"
    )


def warn_training(function: object) -> None:
    """Warn of a module whose parts in training mode mix agents or change with every evaluation."""
    parts = sorted(set(training_parts(function)))
    if parts:
        warn_user(
            f"value_function: {shown(function)} is in training mode, in which {', '.join(parts)} "
            "mixes agents or changes with every evaluation; module.eval() is wanted"
        )


def warn_unrepeatable(function: object, once: Tensor, again: Tensor, spacing: float) -> bool:
    """Tell whether two evaluations at one point agree; warn if they do not, or may not later."""
    same = same_number(once, again, spacing)
    if not same:
        warn_user(
            f"value_function: {shown(function)} gives {float(once[0]):.9g} and "
            f"{float(again[0]):.9g} for the same features: dropout in training mode "
            "(module.eval() ends it), random numbers, or a state that it changes"
        )
    else:
        warn_training(function)
    return same
