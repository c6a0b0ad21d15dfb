"""The result of an attribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from aumann import _display
from aumann._agent_tables import ids_of, labelled, long_table
from aumann._labelled import Axis
from aumann._peak import peak_step
from aumann._ranking import Top, largest_by_step
from aumann._sampled_attribution import SampledAttribution
from aumann._samples import StepSamples
from aumann._shares import share_divisors, warn_undefined
from aumann.export import Table, Tabular
from aumann.figures import PlottedAttribution
from aumann.grouped import GroupedAttribution, group_sums
from aumann.groups import Groups
from aumann.methods import Method

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Attribution", "Top"]


@dataclass(frozen=True, eq=False, repr=False)
class Attribution(Tabular, PlottedAttribution, SampledAttribution):
    """What every agent contributes to F(x) - F(baseline): the result of `attribute`.

    Per-step quantities (`value`, `total`, `residual`, ...) are floats if the features had no step
    axis, and float64 arrays of shape (T,) if they had one.

    Parameters
    ----------
    values : ndarray of float64 or float32, shape (N,) or (T, N)
        The attributions. An absent agent has 0.
    statistics : ndarray of float64, shape (T, 4)
        Per step F(x), F(baseline), the sum of the values and the sum of their magnitudes.
    value_function : ValueFunction, callable or Game
        What was attributed.
    method : AumannShapley, Shapley, Banzhaf or LeaveOneOut
        Which value of the agents.
    baseline : str
        The baseline in words.
    elapsed : float
        How long it took, in seconds.
    presence : ndarray of bool, of the shape of `values`, optional
        Which agents were there; None if all.
    step_labels : ndarray, shape (T,), optional
        Names or times of the steps.
    agent_ids : ndarray, shape (N,), optional
        Identifiers of the agents, where a population has kept them (`keep_ids`): shown wherever
        single agents are.
    estimator : str
        How the values were found.
    evaluations : int
        Values of coalitions, or gradients, needed; 0 for a closed form. Of games and callables
        every evaluation, those that are tried first and checked last among them.
    error_estimates : ndarray of float64, shape (T,), optional
        As `error_estimate`.
    convergence : ndarray of bool, shape (T,), optional
        As `converged`.
    standard_error : ndarray of the shape of `values`, optional
        Of sampled values, and of games with `repeats`; None for exact ones. NaN for absent agents,
        for a single sample, and where all samples are equal, which tells no error.
    degrees_of_freedom : ndarray of float64, shape (T,), optional
        Of the standard errors, as `interval` needs them.
    samples : tuple of StepSamples, optional
        Of sampled values: what `merge` and ``attribute(..., resume=)`` go on from.
    agent_labels : sequence of length N, optional
        What x called its agents. Labels of groups are matched with these; they are never shown.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0], [2.0], [6.0]], aumann.Mean())
    >>> result.values, result.total
    (array([0.33333333, 0.66666667, 2.        ]), 3.0)
    >>> abs(result.residual) <= 1e-12
    True
    """

    values: NDArray[Any]
    statistics: NDArray[np.float64]
    value_function: Any
    method: Method
    baseline: str
    elapsed: float
    presence: NDArray[np.bool_] | None = None
    step_labels: NDArray[Any] | None = None
    estimator: str = "closed form"
    evaluations: int = 0
    error_estimates: NDArray[np.float64] | None = None
    convergence: NDArray[np.bool_] | None = None
    standard_error: NDArray[Any] | None = None
    degrees_of_freedom: NDArray[np.float64] | None = None
    samples: tuple[StepSamples, ...] | None = None
    agent_ids: NDArray[Any] | None = None
    agent_labels: Any = None

    @property
    def agents(self) -> int:
        """Number of agents N, absent ones included."""
        return int(self.values.shape[-1])

    @property
    def steps(self) -> int:
        """Number of steps T; 1 if the features had no step axis."""
        return len(self.statistics)

    @property
    def value(self) -> float | NDArray[np.float64]:
        """F(x)."""
        return self._per_step(self.statistics[:, 0])

    @property
    def baseline_value(self) -> float | NDArray[np.float64]:
        """F(baseline)."""
        return self._per_step(self.statistics[:, 1])

    @property
    def total(self) -> float | NDArray[np.float64]:
        """F(x) - F(baseline), what the attributions sum to."""
        return self._per_step(self._totals())

    @property
    def residual(self) -> float | NDArray[np.float64]:
        """Sum of the attributions minus `total`: 0 up to rounding."""
        return self._per_step(self.statistics[:, 2] - self._totals())

    @property
    def relative_residual(self) -> float | NDArray[np.float64]:
        """`residual` as a part of the sum of the magnitudes of the attributions.

        0 where both are 0, and infinite where only the sum is.
        """
        residual, magnitude = self.statistics[:, 2] - self._totals(), self.statistics[:, 3]
        relative = np.where(residual == 0, 0.0, np.copysign(np.inf, residual))
        np.divide(residual, magnitude, out=relative, where=magnitude > 0)
        return self._per_step(relative)

    @property
    def error_estimate(self) -> float | NDArray[np.float64]:
        """About how far off the worst value may be by the way it was found.

        For coalition values of a game or callable the rounding of its differences: the spacing of
        its numbers times its largest value. NaN for fixed nodes, of which only `residual` tells.
        """
        errors = self.error_estimates
        return self._per_step(np.zeros(self.steps) if errors is None else errors)

    @property
    def converged(self) -> bool | NDArray[np.bool_]:
        """Whether path integrals or expansions met their tolerance, or differences exceed rounding.

        Per step.
        """
        met = np.ones(self.steps, np.bool_) if self.convergence is None else self.convergence
        return met.copy() if self.values.ndim == 2 else bool(met[0])

    @property
    def peak_step(self) -> int | None:
        """Index of the step with the largest `value`, the first of equal ones; None if all are."""
        return peak_step(dict(enumerate(self.statistics[:, 0].tolist())))

    @property
    def shares(self) -> NDArray[Any]:
        """Each attribution as a part of their sum at its step, of the shape and dtype of `values`.

        Shares are NaN, with a RuntimeWarning, at steps where the sum is 0 or rounding error: at
        most 1e-12 (float64) or 1e-6 (float32) of the sum of magnitudes. This is the case for the
        mean and the heat with baseline "mean". Each use computes them anew, in one pass.
        """
        sums = self._share_divisors()
        warn_undefined(sums, self._labels() if self.values.ndim == 2 else None)
        shares = np.empty_like(self.values)
        divisors = sums[:, np.newaxis] if self.values.ndim == 2 else sums
        np.divide(self.values, divisors, out=shares, casting="same_kind")
        return shares

    def group(self, labels: Any) -> GroupedAttribution:
        """Return sums and shares per group of agents.

        Parameters
        ----------
        labels : Groups, or array-like of int, bool or str, shape (N,)
            The group of every agent. The index of a Series has to hold the labels of x, in any
            order.

        Returns
        -------
        GroupedAttribution
            Groups in the order of `Groups.names`; sorted by label for plain labels.

        Raises
        ------
        TypeError, ValueError
            If there is not one label per agent.

        Notes
        -----
        O(T N), and O(N log N) for plain labels. Sums are float64.

        Examples
        --------
        >>> import aumann
        >>> result = aumann.attribute([[1.0], [2.0], [6.0]], aumann.Mean())
        >>> result.group(["low", "low", "high"]).sums
        array([2., 1.])
        """
        agents = Axis(self.agents, self.agent_labels)
        groups = Groups.from_labels(labels).matched(agents, "labels")
        present = None if self.presence is None else np.atleast_2d(self.presence)
        counts, sums = group_sums(np.atleast_2d(self.values), present, groups)
        stepped = self.values.ndim == 2
        return GroupedAttribution(
            groups.names,
            counts if stepped else counts[0],
            sums if stepped else sums[0],
            self._share_divisors(),
            self._labels().copy() if stepped else None,
        )

    def top(self, k: int = 10, by: Literal["value", "magnitude"] = "value") -> Top:
        """Return the agents with the largest attributions, per step.

        Parameters
        ----------
        k : int
            How many, at least 1.
        by : "value" or "magnitude"
            Whether the largest values are meant or the values farthest from 0.

        Returns
        -------
        Top
            `agents` and `values`, of shape (k,) or (T, k), the largest first, ties by the lower
            agent index; `ids` of that shape where identifiers were kept, else None. k is reduced
            to the largest number of agents present at a step; a step with fewer agents is filled
            up with agent -1 and value NaN. Cost: O(T N).

        Raises
        ------
        TypeError, ValueError
            If `k` is no positive integer or `by` is unknown.

        Examples
        --------
        >>> import aumann
        >>> result = aumann.attribute([[1.0], [2.0], [6.0]], aumann.Variance())
        >>> result.top(2).agents
        array([2, 0])
        """
        present = None if self.presence is None else np.atleast_2d(self.presence)
        agents, values = largest_by_step(np.atleast_2d(self.values), present, k, by)
        top = Top(agents, values) if self.values.ndim == 2 else Top(agents[0], values[0])
        if self.agent_ids is not None:
            top.ids = ids_of(self.agent_ids, top.agents)
        return top

    def by_step(self) -> Table:
        """Return one row per step: value, baseline value, total, residual and sum.

        Returns
        -------
        Table

        Examples
        --------
        >>> import aumann
        >>> aumann.attribute([[[1.0], [3.0]], [[2.0], [4.0]]], aumann.Mean()).by_step()
        step  value  baseline_value  total  residual  sum
        0         2               0      2         0    2
        1         3               0      3         0    3
        """
        value, baseline_value, total, _ = self.statistics.T.copy()
        return Table(
            {
                "step": self._labels().copy(),
                "value": value,
                "baseline_value": baseline_value,
                "total": self._totals(),
                "residual": total - self._totals(),
                "sum": total,
            }
        )

    def by_agent(self) -> NDArray[np.float64]:
        """Return each agent's attributions summed over the steps.

        Returns
        -------
        ndarray of float64, shape (N,)

        Examples
        --------
        >>> import aumann
        >>> aumann.attribute([[[1.0], [3.0]], [[2.0], [4.0]]], aumann.Mean()).by_agent()
        array([1.5, 3.5])
        """
        return np.asarray(np.atleast_2d(self.values).sum(axis=0, dtype=np.float64))

    def to_table(self) -> Table:
        """Return one row per step and present agent: (step,) agent, (id,) value (, standard_error).

        Returns
        -------
        Table
            Absent agents are left out. Identifiers are there where a population has kept them.

        Examples
        --------
        >>> import aumann
        >>> aumann.attribute([[1.0], [3.0]], aumann.Mean()).to_table()
        agent  value
        0        0.5
        1        1.5
        """
        return long_table(self, self._labels())

    def to_xarray(self) -> xr.DataArray:
        """Return the values as an xarray.DataArray with dims (step,) agent.

        Returns
        -------
        xarray.DataArray
            An absent agent is NaN. Kept identifiers are the coordinate "id". ImportError says
            where xarray is missing.

        Examples
        --------
        >>> import aumann
        >>> aumann.attribute([[1.0], [3.0]], aumann.Mean()).to_xarray().dims
        ('agent',)
        """
        return labelled(self, self._labels())

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return `values`, so that NumPy functions take the result."""
        return np.array(self.values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        """Return the answer in a few lines."""
        return _display.text(self)

    def _repr_html_(self) -> str:
        return _display.html(self)

    def _per_step(self, numbers: NDArray[np.float64]) -> float | NDArray[np.float64]:
        return numbers.copy() if self.values.ndim == 2 else float(numbers[0])

    def _totals(self) -> NDArray[np.float64]:
        return self.statistics[:, 0] - self.statistics[:, 1]

    def _labels(self) -> NDArray[Any]:
        return np.arange(self.steps) if self.step_labels is None else self.step_labels

    def _share_divisors(self) -> NDArray[np.float64]:
        return share_divisors(self.statistics[:, 2], self.statistics[:, 3], self.values.dtype)
