"""What differences of a rounded value function can tell, and the warning where it is too little."""

from __future__ import annotations

import numpy as np

from aumann._answer import Answer
from aumann._warning import warn_user

__all__ = ["Rounding"]

# A rounding above this part of the largest value is told.
LARGE = 1e-2
# Zeros of F in float64 are zeros to 16 digits; in half precision they say little.
PRECISE = 1e-12


class Rounding:
    """Notes, step by step, by how much rounding of F may move its differences.

    The value of an agent is a mean of differences of F, each of which is off by the spacing of
    the numbers that F computes with times |F|, however small the difference is.
    """

    def __init__(self) -> None:
        """Start with nothing to tell."""
        self._worst: tuple[float, str] | None = None

    def note(self, answer: Answer, step: int, rounding: float) -> None:
        """Write the rounding of a step as its error estimate; too large a one is not converged."""
        answer.error_estimates[step] = rounding
        values = answer.values[step]
        largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
        if rounding <= LARGE * largest:
            return
        value = float(np.abs(answer.statistics[step, :2]).max())
        if largest == 0 and rounding <= PRECISE * value:
            return
        if answer.converged is None:
            answer.converged = np.ones(len(answer.values), dtype=np.bool_)
        answer.converged[step] = False
        badness = rounding / largest if largest else np.inf
        if self._worst is None or badness > self._worst[0]:
            where = f" at step {step}" if len(answer.values) > 1 else ""
            self._worst = (
                badness,
                f"values of single agents reach the rounding of the value function{where}: it is "
                f"computed to about {rounding:.2g} at a size of {value:.2g}, and the largest value "
                f"is {largest:.2g}; use a function of higher precision (float64, as "
                "module.double()) or AumannShapley(), which takes no differences",
            )

    def warn(self) -> None:
        """Warn of the worst step, if there is one to warn of."""
        if self._worst is not None:
            warn_user(self._worst[1])
