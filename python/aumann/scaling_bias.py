"""The verdict on whether one factor maps a panel's shares onto its population's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aumann.export import Table, Tabular

__all__ = ["PerStep", "Rescaling"]

PerStep: TypeAlias = float | NDArray[np.float64]

# The default tolerance of path integrals, and ten times the rounding error of float32.
_RECONCILED = 1e-6

# What shares are told from 0 by, in float64.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class Rescaling(Tabular):
    """How far one factor maps the shares of a panel onto those of its population.

    The result of `rescaling`; printed, a verdict in words. Figures are floats if the attributions
    have no step axis, and arrays of shape (T,) if they have one.

    Parameters
    ----------
    factor : float or ndarray of float64, shape (T,)
        The best factor, <p, q> / <q, q>: p the panel's own shares, q those that the population
        gives the same agents, which sum to less than 1. Divide p by it to come closest to q.
    residual : float or ndarray of float64, shape (T,)
        What the factor leaves, ||p - factor q|| / ||p||: 0 up to rounding if one factor reconciles
        the two, and at most 1.
    spearman : float or ndarray of float64, shape (T,)
        Spearman's correlation of the members' attributions in the panel and in the population, of
        mid-ranks.
    jaccard : dict of int to float or ndarray of float64, shape (T,)
        By k, the agents that the top k of the panel and the top k of the population share, as a
        part of those in either; ties by the lower index in the population. Of k members or fewer,
        all are the top k of the panel.
    predicted_factor : float, ndarray of float64 of shape (T,), or None
        What the factor has to be if the value function is additive: the sum of the features of the
        whole population over that of the panel, weighted and less the baseline. None unless the
        value function is `Mean`, or a combination of nothing else.
    undefined : str, or ndarray of str, shape (T,)
        Why `factor` and `residual` are NaN; empty where they are numbers.
    value_function : ValueFunction or callable
        What was attributed.
    sampled : bool
        Whether one of the attributions is sampled; its error is in the residual then.
    members, agents : int
        Agents in the panel and in the population, absent ones included.
    step_labels : ndarray, shape (T,), or None
        Names or times of the steps; None without a step axis.

    Examples
    --------
    >>> import aumann
    >>> x = [[1.0], [2.0], [3.0], [6.0]]
    >>> whole = aumann.attribute(x, aumann.Mean())
    >>> panel = aumann.attribute(x[1:3], aumann.Mean())
    >>> aumann.rescaling(panel, whole, [1, 2], k=[1])
    Rescaling of Mean(): panel of 2 agents, population of 4
      one factor maps the panel's shares onto the population's
      factor 2.4, predicted 2.4 (rho 0 up to rounding)
      ranks: Spearman 1 among the members; Jaccard 0 of the top 1
    """

    factor: PerStep
    residual: PerStep
    spearman: PerStep
    jaccard: dict[int, PerStep]
    predicted_factor: PerStep | None
    undefined: str | NDArray[np.str_]
    value_function: Any
    sampled: bool
    members: int
    agents: int
    step_labels: NDArray[Any] | None

    def to_table(self) -> Table:
        """Return one row per step, or one in all.

        Returns
        -------
        Table
            Columns step (if there are steps), factor, predicted (where known), residual, spearman,
            jaccard_K for each k, undefined.

        Examples
        --------
        >>> import aumann
        >>> x = [[1.0], [2.0], [6.0]]
        >>> whole = aumann.attribute(x, aumann.Variance())
        >>> panel = aumann.attribute(x[:2], aumann.Variance())
        >>> aumann.rescaling(panel, whole, [0, 1], k=[1]).to_table()
        factor  residual  spearman  jaccard_1  undefined
        -3.5    0.948683       nan          0
        """
        figures = self._figures()
        if self.step_labels is not None:
            figures = {"step": self.step_labels, **figures}
        return Table({**figures, "undefined": np.atleast_1d(self.undefined)})

    def __repr__(self) -> str:
        """Return the verdict in words, and the ranks; with steps, a table of them."""
        name = getattr(self.value_function, "__name__", repr(self.value_function))
        title = (
            f"Rescaling of {name}: panel of {self.members:,} "
            f"agent{'s' * (self.members != 1)}, population of {self.agents:,}"
        )
        if self.step_labels is None:
            return "\n  ".join([title, *self._verdict(), self._ranks()])
        residual = np.asarray(self.residual)
        reconciled = int((residual <= _RECONCILED).sum())
        undefined = int(np.isnan(residual).sum())
        counts = (
            f"  one factor at {reconciled} of {residual.size} steps, "
            f"no single factor at {residual.size - reconciled - undefined}, "
            f"undefined at {undefined}"
        )
        rows = repr(self.to_table()).replace("\n", "\n  ")
        return "\n".join([title, counts, f"  {rows}"])

    def _repr_html_(self) -> str:
        return self.to_table()._repr_html_()

    def _verdict(self) -> list[str]:
        if self.undefined:
            return [f"undefined: {self.undefined}"]
        reconciled = self.residual <= _RECONCILED
        number = "one" if reconciled else "no single"
        verdict = f"{number} factor maps the panel's shares onto the population's"
        figures = f"factor {self.factor:.4g}"
        if self.predicted_factor is not None:
            figures = f"{figures}, predicted {self.predicted_factor:.4g}"
        if not reconciled:
            figures = f"best {figures}: misses by {self.residual:.2%} (rho {self.residual:.3g})"
        elif self.residual > _ROUNDING:
            figures = f"{figures} (rho {self.residual:.1g})"
        else:
            figures = f"{figures} (rho 0 up to rounding)"
        if reconciled:
            return [verdict, figures]
        if self.sampled:
            return [verdict, figures, "some of it is the error of sampled values"]
        if self.predicted_factor is not None:
            return [verdict, figures, "as one must, features, baseline or members are wrong"]
        return [verdict, figures]

    def _ranks(self) -> str:
        def shown(figure: PerStep) -> str:
            return "undefined" if np.isnan(figure) else f"{figure:.3g}"

        text = f"ranks: Spearman {shown(self.spearman)} among the members"
        tops = [f"{shown(jaccard)} of the top {k}" for k, jaccard in self.jaccard.items()]
        return f"{text}; Jaccard {', '.join(tops)}" if tops else text

    def _figures(self) -> dict[str, NDArray[Any]]:
        figures = {"factor": self.factor}
        if self.predicted_factor is not None:
            figures["predicted"] = self.predicted_factor
        figures |= {"residual": self.residual, "spearman": self.spearman}
        figures |= {f"jaccard_{k}": jaccard for k, jaccard in self.jaccard.items()}
        return {name: np.atleast_1d(figure) for name, figure in figures.items()}
