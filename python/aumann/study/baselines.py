"""How far the baseline decides the ranking of the population's agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._attribute import attribute
from aumann.comparison import Comparison
from aumann.study.cells import TOP, Whole
from aumann.study.tiers import defined

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
    results = {"zero": zero}
    others: Mapping[str, Any] = {"mean": "mean", "pre-event": pre_event}
    for baseline, start in others.items():
        results[baseline] = attribute(
            whole.x, zero.value_function, baseline=start, presence=whole.present
        )
    largest = {baseline: result.top(max(TOP)).agents for baseline, result in results.items()}
    compared = Comparison.of(results)
    rows = []
    for p, (baseline, other) in enumerate(compared.pairs):
        row = {
            "topic": whole.topic,
            "value_function": name,
            "baseline": baseline,
            "other": other,
            "kendall": defined(compared.kendall[p]),
            "spearman": defined(compared.spearman[p]),
        }
        for k in TOP:
            one, two = largest[baseline][:k], largest[other][:k]
            shared = np.intersect1d(one, two).size
            jaccard = shared / (len(one) + len(two) - shared)
            row[f"jaccard_{k}"] = None if row["kendall"] is None else jaccard
        rows.append(row)
    return rows
