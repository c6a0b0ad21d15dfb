"""Whether one factor maps the shares of a panel onto those of its population."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aumann import _core
from aumann._arrays import refuse_masked
from aumann._labelled import default_index
from aumann._numbers import check_integer
from aumann._ranking import jaccard, largest
from aumann._shares import share_divisors
from aumann.attribution import Attribution
from aumann.scaling_bias import PerStep, Rescaling
from aumann.value_functions import Mean, ValueFunction

__all__ = ["Drawn", "Ranked", "related", "rescaling"]


def rescaling(
    panel: Attribution, whole: Attribution, members: ArrayLike, *, k: Sequence[int] = (10, 100)
) -> Rescaling:
    """Say whether one factor maps the shares of a panel onto those of its population.

    Parameters
    ----------
    panel : Attribution
        The M members attributed on their own, at one step or at T steps.
    whole : Attribution
        The N agents of the population attributed by the same value function and method, at the
        same steps.
    members : array-like of int, shape (M,)
        The agent of the population in each row of the panel, as a protocol draws them: in any
        order, all different.
    k : sequence of int
        Sizes of the tops that are compared, each at least 1.

    Returns
    -------
    Rescaling
        Where shares are undefined, factor and residual are NaN with a reason and without a warning.
        Ranks are those of the attributions, which exist without shares; they are NaN where all
        have the same number, which ranks nobody. Agents absent at a step are left out of it.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind; if steps, value functions (callables: the very object)
        or methods differ; if `members` is no list of M different agents of the population; if a
        member is present at a step in one of the two only.

    Notes
    -----
    Whether the features and the baseline of the panel are those of the members cannot be seen from
    the results. For `Mean` a residual above rounding shows that they are not.

    Cost: O(T N + T M log M); for a million members of 1.67 million agents about 30 ms, half of it
    for Spearman's correlation, and 50 bytes per member.

    Source: section 4.2, appendices A (Eq. 8) and G of "Attributing Emergence in Million-Agent
    Systems", arXiv 2605.11404.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=20_000, steps=1, seed=1)
    >>> x = population.features(window="whole")
    >>> members = aumann.VisibilityBiased().draw(population, 500, seed=0)
    >>> whole = aumann.attribute(x, aumann.Variance())
    >>> aumann.rescaling(aumann.attribute(x[members], aumann.Variance()), whole, members)
    Rescaling of Variance(): panel of 500 agents, population of 20,000
      no single factor maps the panel's shares onto the population's
      best factor 11.25: misses by 70.11% (rho 0.701)
      ranks: Spearman 1 among the members; Jaccard 0.429 of the top 10, 0.333 of the top 100
    """
    for name, result in (("panel", panel), ("whole", whole)):
        if not isinstance(result, Attribution):
            raise TypeError(f"{name}: {type(result).__name__}, an Attribution is wanted")
    _check_alike(panel, whole)
    drawn = Drawn.of(members, panel.agents, whole.agents)
    tops = _checked_tops(k)
    _check_labels(panel, whole, drawn)
    _check_presence(panel, whole, drawn)
    return related(panel, drawn, Ranked.of(whole, tops))


def related(panel: Attribution, drawn: Drawn, ranked: Ranked) -> Rescaling:
    """Do as `rescaling`, for a panel known to fit the population, which many panels share."""
    whole = ranked.whole
    found = [_compared(panel, drawn, ranked, step) for step in range(panel.steps)]
    factor, residual, spearman, jaccards, undefined = zip(*found, strict=True)
    stepped = panel.values.ndim == 2

    def per_step(figures: Iterable[float]) -> PerStep:
        array = np.array(list(figures), dtype=np.float64)
        return array if stepped else float(array[0])

    predicted = _predicted(panel, whole)
    return Rescaling(
        per_step(factor),
        per_step(residual),
        per_step(spearman),
        {top: per_step(step[j] for step in jaccards) for j, top in enumerate(ranked.tops)},
        None if predicted is None else per_step(predicted),
        np.array(undefined) if stepped else undefined[0],
        panel.value_function,
        panel.samples is not None or whole.samples is not None,
        panel.agents,
        whole.agents,
        whole.by_step()["step"] if stepped else None,
    )


class Drawn(NamedTuple):
    """Members of a panel, checked: their rows in the panel, in the order of their agents."""

    rows: NDArray[np.intp] | slice
    agents: NDArray[np.intp]

    @classmethod
    def of(cls, members: ArrayLike, size: int, agents: int) -> Drawn:
        """Check that `members` are `size` different ones of so many agents."""
        refuse_masked(members, "members")
        array = np.asarray(members)
        if array.dtype.kind not in "iu":
            told = "; numpy.flatnonzero makes them of a mask" if array.dtype.kind == "b" else ""
            raise TypeError(f"members: dtype {array.dtype}, indices of agents are wanted{told}")
        if array.shape != (size,):
            raise ValueError(f"members: shape {array.shape}, one agent for each row, ({size},)")
        outside = (array < 0) | (array >= agents)
        if outside.any():
            row = int(np.argmax(outside))
            raise ValueError(
                f"members[{row}]: {array[row]}, an agent from 0 to {agents - 1} is wanted"
            )
        array = array.astype(np.intp, copy=False)
        if (array[1:] > array[:-1]).all():
            return cls(slice(None), array)
        rows = np.argsort(array, kind="stable")
        ascending = array[rows]
        repeated = np.flatnonzero(ascending[1:] == ascending[:-1])
        if repeated.size:
            raise ValueError(f"members: agent {ascending[repeated[0]]} twice, once is wanted")
        return cls(rows, ascending)


def _check_labels(panel: Attribution, whole: Attribution, drawn: Drawn) -> None:
    """Refuse members who are called differently in the panel and in the population."""
    if panel.agent_labels is None or whole.agent_labels is None:
        return
    if default_index(panel.agent_labels):
        return
    own = np.asarray(panel.agent_labels)[drawn.rows]
    given = np.asarray(whole.agent_labels)[drawn.agents]
    differing = np.flatnonzero(own != given)
    if differing.size:
        row = differing[0]
        raise ValueError(
            f"members: agent {drawn.agents[row]} of the population is called {given[row]!r}, but "
            f"{own[row]!r} in the panel; the rows of the panel in the population are wanted"
        )


class Ranked(NamedTuple):
    """A population's attribution, and its agents with the largest values of every step."""

    whole: Attribution
    tops: tuple[int, ...]
    largest: list[NDArray[np.intp] | None]

    @classmethod
    def of(cls, whole: Attribution, tops: tuple[int, ...]) -> Ranked:
        """Find the largest; None where all agents have the same value, which ranks nobody."""
        found: list[NDArray[np.intp] | None] = []
        for step, values in enumerate(np.atleast_2d(whole.values)):
            candidates = np.flatnonzero(_present(whole, step) & ~np.isnan(values))
            ranks = _rank(values[candidates])
            top = max(tops, default=1)
            found.append(largest(values, candidates, top) if ranks else None)
        return cls(whole, tops, found)


class _Step(NamedTuple):
    """The figures of a step, in the order of `Rescaling`."""

    factor: float
    residual: float
    spearman: float
    jaccards: list[float]
    undefined: str


def _compared(panel: Attribution, drawn: Drawn, ranked: Ranked, step: int) -> _Step:
    """Compare a step."""
    whole, (rows, agents) = ranked.whole, drawn
    own = np.atleast_2d(panel.values)[step][rows].astype(np.float64, copy=False)
    given = np.atleast_2d(whole.values)[step][agents].astype(np.float64, copy=False)
    undefined = _undefined(panel, step, "panel") or _undefined(whole, step, "population")
    if not undefined and not given.any():
        undefined = "the population gives nothing to any member"
    factor = residual = np.nan
    if not undefined:
        slope, residual = _core.scale_fit(own, given)
        factor = slope * _divisor(whole, step) / _divisor(panel, step)
    spearman = np.nan
    jaccards = [np.nan] * len(ranked.tops)
    unknown = np.isnan(own) | np.isnan(given)
    if panel.presence is not None or unknown.any():
        compared = np.flatnonzero(_present(panel, step)[rows] & ~unknown)
        own, given, agents = own[compared], given[compared], agents[compared]
    theirs = ranked.largest[step]
    if theirs is not None and _rank(own):
        spearman = _core.rank_correlation(own, given)
        if ranked.tops:
            ours = agents[largest(own, np.arange(len(own)), max(ranked.tops))]
            jaccards = [jaccard(ours[:top], theirs[:top]) for top in ranked.tops]
    return _Step(factor, residual, spearman, jaccards, undefined)


def _divisor(result: Attribution, step: int) -> float:
    sums, magnitudes = result.statistics[step, 2:]
    return float(share_divisors(sums, magnitudes, result.values.dtype))


def _undefined(result: Attribution, step: int, name: str) -> str:
    """Return why the attributions of a step have no shares, or nothing if they have."""
    if not np.isnan(_divisor(result, step)):
        return ""
    if np.isnan(np.atleast_2d(result.values)[step]).any():
        return f"the {name} has agents whose attribution is unknown"
    return f"the {name}'s attributions sum to 0, or to rounding error, and have no shares"


def _rank(values: NDArray[Any]) -> bool:
    """Whether the numbers rank anybody: there are two different ones."""
    return bool(values.size) and bool((values != values[0]).any())


def _predicted(panel: Attribution, whole: Attribution) -> NDArray[np.float64] | None:
    """Return the ratio of the totals of the summed features, if F is their mean."""
    function = panel.value_function
    if not isinstance(function, ValueFunction) or not all(
        isinstance(term, Mean) for _, term in function.terms
    ):
        return None
    ratio = []
    for step in range(panel.steps):
        sums = []
        for result in (whole, panel):
            value, baseline_value, _, magnitude = result.statistics[step]
            total = share_divisors(value - baseline_value, magnitude, result.values.dtype)
            sums.append(float(total) * int(_present(result, step).sum()))
        ratio.append(sums[0] / sums[1])
    return np.array(ratio)


def _present(result: Attribution, step: int) -> NDArray[np.bool_]:
    if result.presence is None:
        return np.ones(result.agents, dtype=np.bool_)
    return np.asarray(np.atleast_2d(result.presence)[step])


def _check_alike(panel: Attribution, whole: Attribution) -> None:
    """Refuse results of different questions."""
    if panel.value_function != whole.value_function:
        raise ValueError(
            f"panel: of {panel.value_function!r}, of {whole.value_function!r} as whole is wanted"
        )
    if type(panel.method) is not type(whole.method):
        raise ValueError(f"panel: by {panel.method!r}, by {whole.method!r} as whole is wanted")
    told = [
        f"{result.steps} steps" if result.values.ndim == 2 else "no step axis"
        for result in (panel, whole)
    ]
    if told[0] != told[1]:
        raise ValueError(f"panel: {told[0]}, {told[1]} as whole is wanted")
    if panel.step_labels is None or whole.step_labels is None:
        return
    different = panel.step_labels != whole.step_labels
    if different.any():
        step = int(np.argmax(different))
        raise ValueError(
            f"panel: step {step} is {panel.step_labels[step]}, "
            f"{whole.step_labels[step]} as in whole is wanted"
        )


def _checked_tops(k: Sequence[int]) -> tuple[int, ...]:
    if isinstance(k, str) or not isinstance(k, Iterable):
        raise TypeError(f"k: {k!r}, a sequence of integers is wanted")
    for top in k:
        check_integer("k", top, 1)
    return tuple(int(top) for top in k)


def _check_presence(panel: Attribution, whole: Attribution, drawn: Drawn) -> None:
    """Refuse members present in one of the two only, naming the first."""
    rows, agents = drawn
    for step in range(panel.steps):
        own, given = _present(panel, step)[rows], _present(whole, step)[agents]
        if (own != given).any():
            first = int(np.argmax(own != given))
            here, there = ("present", "absent") if own[first] else ("absent", "present")
            place = f" at step {step}" if panel.values.ndim == 2 else ""
            raise ValueError(
                f"members: agent {agents[first]} is {here} in panel and {there} in whole{place}; "
                "the same is wanted of both"
            )
