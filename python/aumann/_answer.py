"""What the ways of attributing fill in, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import RealArray
from aumann._samples import StepSamples, told, warn_unsampled

__all__ = ["Answer"]


@dataclass(eq=False)
class Answer:
    """Values and statistics of T steps and N agents, before they become an `Attribution`.

    Parameters
    ----------
    values : ndarray, shape (T, N)
        Filled in place.
    """

    values: RealArray
    statistics: NDArray[np.float64] = field(init=False)
    error_estimates: NDArray[np.float64] = field(init=False)
    estimators: list[str] = field(init=False)
    standard_errors: RealArray | None = None
    degrees: NDArray[np.float64] | None = None
    samples: list[StepSamples] = field(default_factory=list)
    evaluations: int = 0
    _unsampled: dict[int, tuple[StepSamples, int]] = field(default_factory=dict)
    converged: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        """Begin with nothing known of any step."""
        steps = len(self.values)
        self.statistics = np.full((steps, 4), np.nan)
        self.error_estimates = np.zeros(steps)
        self.estimators = [""] * steps

    def write(
        self,
        step: int,
        present: NDArray[np.bool_] | None,
        values: NDArray[Any],
        ends: tuple[float, float],
        estimator: str,
    ) -> None:
        """Fill in the values of the present agents of a step, and F at both ends of the path."""
        row = self.values[step]
        with np.errstate(over="ignore"):
            _spread(row, present, values, 0.0)
        written = row.astype(np.float64, copy=False)
        self.statistics[step] = (*ends, written.sum(), np.abs(written).sum())
        # NaN is an agent whom no sample says anything of.
        if np.isinf(self.statistics[step]).any():
            raise ValueError(f"x: the attributions at step {step} exceed the range of {row.dtype}")
        self.estimators[step] = estimator

    def write_errors(
        self,
        step: int,
        present: NDArray[np.bool_] | None,
        errors: NDArray[Any],
        degrees: float,
    ) -> None:
        """Fill in the standard errors of a step's present agents, with their degrees of freedom."""
        if self.standard_errors is None or self.degrees is None:
            self.standard_errors = np.full_like(self.values, np.nan)
            self.degrees = np.full(len(self.values), np.nan)
        _spread(self.standard_errors[step], present, errors, np.nan)
        self.degrees[step] = degrees

    def write_samples(
        self,
        step: int,
        present: NDArray[np.bool_] | None,
        samples: StepSamples,
        coefficients: Sequence[float],
    ) -> None:
        """Fill in what the samples of a step say."""
        values, errors = samples.estimate(coefficients)
        self.write(step, present, values, samples.ends, told(samples.plan, samples.count))
        self.write_errors(step, present, errors, samples.degrees)
        self.samples.append(samples)
        self.evaluations += samples.evaluations
        unknown = int(np.isnan(values).sum())
        if unknown:
            self._unsampled[step] = (samples, unknown)

    def told(self, stepped: bool) -> dict[str, Any]:
        """Return what an `Attribution` says of how it was found, as keyword arguments."""
        errors = self.standard_errors
        for step, (samples, unknown) in list(self._unsampled.items())[:1]:
            more = len(self._unsampled) - 1
            others = f" (and some at {more:,} other steps)" if more else ""
            warn_unsampled(samples, unknown, f" at step {step}{others}" if stepped else "")
        return {
            "estimator": ", ".join(dict.fromkeys(filter(None, self.estimators))),
            "evaluations": self.evaluations,
            "error_estimates": self.error_estimates,
            "convergence": self.converged,
            "standard_error": errors if errors is None or stepped else errors[0],
            "degrees_of_freedom": self.degrees,
            "samples": tuple(self.samples) or None,
        }


def _spread(
    row: RealArray, present: NDArray[np.bool_] | None, values: NDArray[Any], absent: float
) -> None:
    """Write one number per present agent to a row, and another for the absent ones."""
    if present is None:
        row[:] = values
    else:
        row[:] = absent
        row[present] = values
