"""How far the baseline decides the ranking of the population's agents."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._ranking import jaccard
from aumann.attribution import Attribution
from aumann.comparison import Comparison
from aumann.study.cells import TOP, Whole
from aumann.study.tiers import attributed, defined

__all__ = ["baseline_rows"]


def baseline_rows(
    whole: Whole, name: str, pre_event: NDArray[np.floating[Any]]
) -> list[dict[str, Any]]:
    """Compare the rankings by the baselines zero, mean and pre-event, by pairs.

    Parameters
    ----------
    whole : Whole
        The population over the whole window; zero is its own baseline.
    name : str
        Of the value function.
    pre_event : ndarray, shape (N, d)
        The features of the first step.

    Returns
    -------
    list of dict
        One row per pair.

    Notes
    -----
    Kendall's correlation takes most of the time: 0.4 s per pair at 1.67 million agents.

    Source: arXiv 2605.11404, appendix E.

    Examples
    --------
    >>> import aumann
    >>> from aumann.study.elites import Elites
    >>> population = aumann.synthesize(agents=500, steps=2, seed=0)
    >>> functions = {"heat": aumann.Heat()}
    >>> elites = Elites.of(population)
    >>> whole = Whole.of(population, None, population.tiers(), elites, functions)
    >>> rows = baseline_rows(whole, "heat", next(population.iter_features()))
    >>> [(row["baseline"], row["other"]) for row in rows]
    [('zero', 'mean'), ('zero', 'pre-event'), ('mean', 'pre-event')]
    """
    zero = whole.results[name]
    results: dict[str, Attribution | None] = {"zero": zero}
    others: Mapping[str, Any] = {"mean": "mean", "pre-event": pre_event}
    for baseline, start in others.items():
        results[baseline] = attributed(whole.x, zero.value_function, whole.present, start)
    return [
        {
            "topic": whole.topic,
            "value_function": name,
            "baseline": one,
            "other": two,
            **_agreement(results[one], results[two]),
        }
        for one, two in combinations(results, 2)
    ]


def _agreement(one: Attribution | None, two: Attribution | None) -> dict[str, float | None]:
    """Return how alike two attributions rank, as far as they do."""
    found: dict[str, float | None] = dict.fromkeys(
        ["kendall", "spearman", *(f"jaccard_{k}" for k in TOP)]
    )
    if one is None or two is None:
        return found
    compared = Comparison.of({"one": one, "two": two})
    found["kendall"] = defined(compared.kendall[0])
    found["spearman"] = defined(compared.spearman[0])
    if found["kendall"] is not None:
        largest = [result.top(max(TOP)).agents for result in (one, two)]
        for k in TOP:
            found[f"jaccard_{k}"] = jaccard(*(agents[:k] for agents in largest))
    return found
