"""The result of a comparison of rankings."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._numbers import check_integer
from aumann._ranking import largest
from aumann.attribution import Attribution
from aumann.export import Table, Tabular

__all__ = ["Comparison", "check_kinds", "check_names", "scipy_statistics"]


class _Agreement(NamedTuple):
    """How far two rankings agree."""

    kendall: float
    spearman: float
    overlap: float
    jaccard: float


_UNDEFINED = _Agreement(np.nan, np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Tabular):
    """How far several attributions rank the agents alike, for every pair of them.

    Made by `compare_baselines` and `compare_paths`, and of any attributions by `Comparison.of`.
    The figures have shape (P,) for P pairs, or (P, T) if there are steps. They are over the agents
    present in both attributions, and NaN where one of these gives all of them the same number, as
    at a step that is its own baseline: such numbers rank nobody.

    Parameters
    ----------
    results : mapping of str to Attribution
        What is compared, by name.
    pairs : tuple of (str, str), length P
        Every pair of names, in the order of `results`.
    kendall : ndarray of float64, shape (P,) or (P, T)
        Kendall's tau-b, which allows for ties.
    spearman : ndarray of float64, shape (P,) or (P, T)
        Spearman's rank correlation, of mid-ranks.
    overlap : ndarray of float64, shape (P,) or (P, T)
        Which part of the `k` agents with the largest values they share, ties by the lower agent
        index. Of `k` agents or fewer it is 1.
    jaccard : ndarray of float64, shape (P,) or (P, T)
        The agents that they share among these as a part of those that are in either.
    k : int
        How many agents are the top.

    Examples
    --------
    >>> import aumann
    >>> x = [[5.0, 1.0], [3.0, 1.0], [1.0, 2.0], [0.0, 4.0]]
    >>> comparison = aumann.compare_baselines(x, aumann.Variance(), k=2)
    >>> comparison
    rankings of 4 agents, overlap and jaccard of the top 2
    first  second  kendall  spearman  overlap   jaccard
    zero     mean      0.2  0.333333      0.5  0.333333
    >>> comparison.results["mean"].baseline
    'mean'
    """

    results: Mapping[str, Attribution]
    pairs: tuple[tuple[str, str], ...]
    kendall: NDArray[np.float64]
    spearman: NDArray[np.float64]
    overlap: NDArray[np.float64]
    jaccard: NDArray[np.float64]
    k: int

    @classmethod
    def of(cls, results: Mapping[str, Attribution], k: int = 10) -> Comparison:
        """Compare attributions of the same agents.

        Parameters
        ----------
        results : mapping of str to Attribution
            At least two, of one shape. Agents without a value (NaN) in one of a pair are left out
            of it.
        k : int
            How many agents are the top, at least 1.

        Returns
        -------
        Comparison

        Raises
        ------
        TypeError, ValueError
            If `results` is no such mapping or `k` no positive integer.
        ImportError
            If scipy is not installed.

        Notes
        -----
        Cost: O(T P N log N) and O(N) of memory, for Kendall's correlation by ``scipy.stats``: about
        half a second for a pair of rankings of 1.67 million agents.

        Source: M. G. Kendall, "The treatment of ties in ranking problems" (1945).

        Examples
        --------
        >>> import aumann
        >>> x = [[1.0], [2.0], [6.0]]
        >>> methods = {"Aumann-Shapley": aumann.AumannShapley(), "Shapley": aumann.Shapley()}
        >>> gini = aumann.GiniMeanDifference()
        >>> results = {name: aumann.attribute(x, gini, method=m) for name, m in methods.items()}
        >>> aumann.Comparison.of(results, k=1).spearman
        array([1.])
        """
        check_names("results", results)
        check_kinds("results", results, Attribution, "an Attribution")
        check_integer("k", k, 1)
        shapes = {name: result.values.shape for name, result in results.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"results: values of shapes {shapes}, one shape is wanted")
        statistics = scipy_statistics()
        pairs = tuple(combinations(results, 2))
        shape = next(iter(shapes.values()))[:-1]
        found = [
            _agreement(results[first], results[second], step, k, statistics)
            for first, second in pairs
            for step in range(results[first].steps)
        ]
        figures = np.array(found).T.reshape(-1, len(pairs), *shape)
        kendall, spearman, overlap, jaccard = figures
        return cls(dict(results), pairs, kendall, spearman, overlap, jaccard, int(k))

    def to_table(self) -> Table:
        """Return one row per pair of attributions.

        Returns
        -------
        Table
            Columns first, second, and the four figures. With steps, each figure's mean over the
            steps and its minimum, and in how many steps they are defined, the others left out.

        Examples
        --------
        >>> import aumann
        >>> x = [[[1.0], [2.0], [6.0]], [[3.0], [1.0], [4.0]], [[1.0], [0.0], [4.0]]]
        >>> table = aumann.compare_baselines(x, aumann.Variance(), k=1).to_table()
        >>> table["second"], table["steps"]
        (array(['mean', 'first step', 'first step'], dtype='<U10'), array([3, 2, 2]))
        """
        columns = self._pair_columns(1)
        figures = self._figures()
        if self.kendall.ndim == 1:
            return Table({**columns, **figures})
        defined = ~np.isnan(self.kendall)
        counts = defined.sum(axis=1)
        columns["steps"] = counts
        for name, figure in figures.items():
            sums = np.where(defined, figure, 0.0).sum(axis=1)
            mean = np.full(len(counts), np.nan)
            columns[f"{name}_mean"] = np.divide(sums, counts, out=mean, where=counts > 0)
            least = np.where(defined, figure, np.inf).min(axis=1)
            columns[f"{name}_min"] = np.where(counts > 0, least, np.nan)
        return Table(columns)

    def by_step(self) -> Table:
        """Return one row per pair of attributions and step.

        Returns
        -------
        Table
            Columns first, second, step, and the four figures.

        Examples
        --------
        >>> import aumann
        >>> x = [[[1.0], [2.0], [6.0]], [[3.0], [1.0], [4.0]]]
        >>> baselines = {"zero": 0.0, "first step": aumann.Step(0)}
        >>> aumann.compare_baselines(x, aumann.Mean(), baselines, k=1).by_step()
        first      second  step    kendall  spearman  overlap  jaccard
        zero   first step     0        nan       nan      nan      nan
        zero   first step     1  -0.333333      -0.5        0        0
        """
        steps = next(iter(self.results.values())).by_step()["step"]
        columns = self._pair_columns(len(steps))
        columns["step"] = np.tile(steps, len(self.pairs))
        figures = {name: figure.ravel() for name, figure in self._figures().items()}
        return Table({**columns, **figures})

    def __repr__(self) -> str:
        """Return the pairs as a text table."""
        agents = next(iter(self.results.values())).agents
        return (
            f"rankings of {agents:,} agents, overlap and jaccard of the top {self.k}\n"
            f"{self.to_table()!r}"
        )

    def _repr_html_(self) -> str:
        return self.to_table()._repr_html_()

    def _pair_columns(self, rows: int) -> dict[str, NDArray[Any]]:
        first, second = np.array(self.pairs).T
        return {"first": np.repeat(first, rows), "second": np.repeat(second, rows)}

    def _figures(self) -> dict[str, NDArray[np.float64]]:
        return {name: getattr(self, name) for name in _Agreement._fields}


def check_names(argument: str, entries: Any) -> None:
    """Refuse what is no mapping of at least two names.

    Examples
    --------
    >>> check_names("baselines", {"zero": 0.0, "one": 1.0})
    """
    if not isinstance(entries, Mapping):
        raise TypeError(f"{argument}: {type(entries).__name__}, a mapping by name is wanted")
    for name in entries:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: {name!r} as a name, a str is wanted")
    if len(entries) < 2:
        raise ValueError(f"{argument}: {len(entries)} to compare, at least 2 are wanted")


def check_kinds(argument: str, entries: Mapping[str, Any], kind: type, wanted: str) -> None:
    """Refuse entries of another kind, naming the first.

    Examples
    --------
    >>> check_kinds("counts", {"zero": 0, "one": 1}, int, "an integer")
    """
    for name, entry in entries.items():
        if not isinstance(entry, kind):
            raise TypeError(f"{argument}[{name!r}]: {entry!r}, {wanted} is wanted")


def scipy_statistics() -> Any:
    """Return scipy.stats.

    Raises
    ------
    ImportError
        If scipy is missing; it says which extra to install.

    Examples
    --------
    >>> scipy_statistics().__name__
    'scipy.stats'
    """
    try:
        return importlib.import_module("scipy.stats")
    except ImportError as error:
        raise ImportError("comparing rankings needs scipy: pip install 'aumann[study]'") from error


def _agreement(
    first: Attribution, second: Attribution, step: int, k: int, statistics: Any
) -> _Agreement:
    """Return how far two attributions agree at a step."""
    one, other = np.atleast_2d(first.values)[step], np.atleast_2d(second.values)[step]
    compared = ~(np.isnan(one) | np.isnan(other))
    for result in (first, second):
        if result.presence is not None:
            compared &= np.atleast_2d(result.presence)[step]
    one, other = one[compared], other[compared]
    if not len(one) or any((values == values[0]).all() for values in (one, other)):
        return _UNDEFINED
    agents = np.arange(len(one))
    top = min(k, len(one))
    shared = np.intersect1d(largest(one, agents, top), largest(other, agents, top)).size
    # What divides by 0 is the significance of two agents, which nobody asks for.
    with np.errstate(all="ignore"):
        kendall = statistics.kendalltau(one, other).statistic
    spearman = _core.rank_correlation(one.astype(np.float64), other.astype(np.float64))
    return _Agreement(float(kendall), spearman, shared / top, shared / (2 * top - shared))
