"""What sampled results have besides values: their seed, merging, intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from aumann._merging import merged
from aumann._samples import StepSamples
from aumann._student import half_width

if TYPE_CHECKING:
    from aumann.attribution import Attribution

__all__ = ["SampledAttribution"]


class SampledAttribution:
    """Mixed into `Attribution`.

    Examples
    --------
    >>> import aumann
    >>> issubclass(aumann.Attribution, SampledAttribution)
    True
    """

    __slots__ = ()

    values: NDArray[Any]
    standard_error: NDArray[Any] | None
    degrees_of_freedom: NDArray[np.float64] | None
    samples: tuple[StepSamples, ...] | None

    @property
    def seed(self) -> int | None:
        """The seed of sampled values; None for exact ones, and for merged ones of several."""
        seeds = {run[0] for step in self.samples or () for run in step.runs}
        return seeds.pop() if len(seeds) == 1 else None

    def merge(self, other: Attribution) -> Attribution:
        """Return the result of the samples of both: the same bits as one run of them all.

        Results may come from other processes and from files: they pickle.

        Parameters
        ----------
        other : Attribution
            A sampled result of the same inputs and method, of another seed or `first`.

        Returns
        -------
        Attribution

        Raises
        ------
        TypeError, ValueError
            If one is not sampled, they are of different games, or share a sample.

        Examples
        --------
        `first` counts samples, here pairs of orders: the runs take pairs 0 to 19 and 20 to 39.

        >>> import aumann, pickle
        >>> def sampled(first):
        ...     method = aumann.Shapley(aumann.PermutationSampling(40, seed=1, first=first))
        ...     return aumann.attribute([[1.0], [3.0]], aumann.Heat(), method=method)
        >>> other = pickle.loads(pickle.dumps(sampled(20)))
        >>> sampled(0).merge(other).estimator
        '80 antithetic permutations'
        """
        return merged(cast("Attribution", self), other)

    def interval(self, level: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return between which numbers the exact values are, by the samples.

        Values plus and minus standard errors times Student's quantile of so many samples. Each
        agent's interval holds its value with about this chance where samples are many or their
        distribution is not very skewed; what happens in fewer than 3/k of the cases may be missed
        by k samples.

        Parameters
        ----------
        level : float
            The chance, between 0 and 1.

        Returns
        -------
        tuple of ndarray of float64, of the shape of `values`
            Lower and upper ends; NaN where the standard error is.

        Raises
        ------
        TypeError
            If the values are exact and have no standard errors.
        ValueError
            If the level is not between 0 and 1.

        Examples
        --------
        >>> import aumann
        >>> x = [[1.0, 2.0], [3.0, 1.0], [2.0, 2.0]]
        >>> method = aumann.Shapley(aumann.PermutationSampling(20, seed=1))
        >>> low, high = aumann.attribute(x, aumann.Heat(), method=method).interval()
        >>> exact = aumann.attribute(x, aumann.Heat(), method=aumann.Shapley()).values
        >>> bool(((low < exact) & (exact < high)).all())
        True
        """
        if self.standard_error is None or self.degrees_of_freedom is None:
            raise TypeError("interval: the values are exact and have no standard errors")
        if isinstance(level, bool) or not isinstance(level, int | float | np.number):
            raise TypeError(f"level: {level!r}, a number is wanted")
        if not 0 < level < 1:
            raise ValueError(f"level: {level}, a number between 0 and 1 is wanted")
        quantiles = np.array([half_width(float(level), k) for k in self.degrees_of_freedom])
        quantiles = quantiles[0] if self.values.ndim == 1 else quantiles[:, np.newaxis]
        widths = quantiles * self.standard_error.astype(np.float64)
        return self.values - widths, self.values + widths
