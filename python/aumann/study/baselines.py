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


def baseline_rows(whole: Whole, pre_event: NDArray[np.floating[Any]]) -> list[dict[str, Any]]:
    """Compare the rankings by the baselines zero, mean and pre-event, by pairs.

    Parameters
    ----------
    whole : Whole
        The population over the whole window; zero is its own baseline.
    pre_event : ndarray, shape (N, d)
        The features of the first step.

    Returns
    -------
    list of dict
        One row per value function and pair.

    Notes
    -----
    Kendall's correlation takes most of the time: 0.4 s per pair at 1.67 million agents.

    Source: arXiv 2605.11404, appendix E.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=500, steps=2, seed=0)
    >>> functions = {"heat": aumann.Heat()}
    >>> whole = Whole.of(population, None, population.tiers(), {}, functions)
    >>> rows = baseline_rows(whole, next(population.iter_features()))
    >>> [(row["baseline"], row["other"]) for row in rows]
    [('zero', 'mean'), ('zero', 'pre-event'), ('mean', 'pre-event')]
    """
    rows = []
    others: Mapping[str, Any] = {"mean": "mean", "pre-event": pre_event}
    for name, zero in whole.results.items():
        results = {"zero": zero}
        for baseline, start in others.items():
            results[baseline] = attribute(
                whole.x, zero.value_function, baseline=start, presence=whole.present
            )
        compared = Comparison.of(results)
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
                jaccard = None
                if row["kendall"] is not None:
                    one, two = (results[key].top(k).agents for key in (baseline, other))
                    shared = np.intersect1d(one, two).size
                    jaccard = shared / (2 * len(one) - shared)
                row[f"jaccard_{k}"] = jaccard
            rows.append(row)
    return rows
