"""Rankings of the same agents side by side: how far the baseline, or the path, decides them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from aumann._attribute import attribute
from aumann._baseline import Step, read_baseline
from aumann._numbers import check_integer
from aumann.attribution import Attribution
from aumann.coercion import read_features
from aumann.comparison import Comparison, check_kinds, check_names, scipy_statistics
from aumann.estimators import PathIntegral
from aumann.games import Game
from aumann.methods import AumannShapley, Method
from aumann.value_functions import ValueFunction

__all__ = ["compare_baselines", "compare_paths"]

_AUMANN_SHAPLEY = AumannShapley()
_ORDERS = 5


def compare_baselines(
    x: Any,
    value_function: ValueFunction | Callable[..., Any],
    baselines: Mapping[str, Any] | None = None,
    *,
    method: Method = _AUMANN_SHAPLEY,
    presence: Any = None,
    k: int = 10,
) -> Comparison:
    """Attribute with several baselines, and compare how they rank the agents.

    Parameters
    ----------
    x : array-like, table, list of columns, or Population; shape (N, d) or (T, N, d)
        Features, as in `attribute`.
    value_function : ValueFunction, PooledValueFunction or callable
        As in `attribute`.
    baselines : mapping of str to baseline, optional
        At least two, by name, each as in `attribute`. Zero and the mean if not given; where `x`
        has several steps also the first of them (the paper's pre-event baseline), which is then
        left out as a step, being its own baseline.
    method : AumannShapley, Shapley, Banzhaf or LeaveOneOut
        Which value of the agents, as in `attribute`.
    presence : array-like of bool, shape (N,) or (T, N), optional
        Which agents are there.
    k : int
        How many agents are the top, at least 1.

    Returns
    -------
    Comparison
        Of every pair. An agent who is present at a baseline's step only has a value from that
        baseline and none from the others: it is left out of their comparison.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range; before anything is attributed where
        it can be seen so early.
    ImportError
        If scipy is not installed.

    Notes
    -----
    Cost: an attribution for every baseline, and for every pair that of `Comparison.of`.

    Source: arXiv 2605.11404, appendix E.

    Examples
    --------
    >>> import aumann
    >>> x = aumann.synthesize(2000, steps=3, seed=1)
    >>> comparison = aumann.compare_baselines(x, aumann.Heat())
    >>> comparison.pairs
    (('zero', 'mean'), ('zero', 'first step'), ('mean', 'first step'))
    >>> comparison.kendall.shape
    (3, 3)
    >>> bool((comparison.kendall[0] > 0.9).all())
    True
    """
    _refuse_game(x)
    check_integer("k", k, 1)
    features = read_features(x, presence)
    if baselines is None:
        baselines = {"zero": 0.0, "mean": "mean"}
        if features.stepped and features.shape[0] > 1:
            baselines["first step"] = Step(0)
    check_names("baselines", baselines)
    for name, baseline in baselines.items():
        try:
            read_baseline(baseline, features)
        except (TypeError, ValueError) as error:
            raise type(error)(f"baselines[{name!r}]: {error}") from error
    scipy_statistics()
    results = {
        name: attribute(x, value_function, method=method, baseline=baseline, presence=presence)
        for name, baseline in baselines.items()
    }
    return Comparison.of(results, k)


def compare_paths(
    x: Any,
    value_function: ValueFunction | Callable[..., Any],
    paths: Mapping[str, PathIntegral] | None = None,
    *,
    baseline: Any = 0.0,
    presence: Any = None,
    k: int = 10,
) -> Comparison:
    """Integrate along several paths from the baseline to x, and compare how they rank the agents.

    Parameters
    ----------
    x : array-like, table, list of columns, or Population; shape (N, d) or (T, N, d)
        Features, as in `attribute`.
    value_function : ValueFunction, PooledValueFunction or callable
        What `AumannShapley` takes: a built-in value function, as its torch twin, or a torch
        function.
    paths : mapping of str to PathIntegral, optional
        At least two, by name. The straight path if not given, five random orders of the agents
        (``PathIntegral(path="agent-order")`` with seeds 0 to 4), and the mean of these five, which
        over more and more orders would tend to the Shapley value.
    baseline : float, "mean", "previous", Step or array-like
        Where the paths start, as in `attribute`.
    presence : array-like of bool, shape (N,) or (T, N), optional
        Which agents are there.
    k : int
        How many agents are the top, at least 1.

    Returns
    -------
    Comparison
        Of every pair.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    ImportError
        If scipy or torch is not installed.

    Notes
    -----
    Cost: of every step n + 1 values of F of n agents for an order, so O(n^2) at the least: a few
    seconds at 10,000 agents, out of reach at a million. What `PathIntegral` says for the others,
    and for every pair what `Comparison.of` says. For the built-in value functions
    ``Shapley(PermutationSampling(...))`` takes the mean over random orders at O(n) or O(n log n)
    each, and needs no torch: compare it by `Comparison.of`.

    Source: arXiv 2605.11404, appendix Q.

    Examples
    --------
    >>> import aumann
    >>> x = [[5.0, 1.0], [3.0, 1.0], [1.0, 2.0], [0.0, 4.0]]
    >>> paths = {
    ...     "straight": aumann.PathIntegral(),
    ...     "order": aumann.PathIntegral(path="agent-order", seed=3),
    ... }
    >>> aumann.compare_paths(x, aumann.Heat(), paths, k=2).pairs
    (('straight', 'order'),)
    >>> list(aumann.compare_paths(x, aumann.Heat()).results)[-2:]
    ['order 4', 'mean of 5 orders']
    """
    _refuse_game(x)
    check_integer("k", k, 1)
    given = paths
    if paths is None:
        paths = {"straight": PathIntegral()}
        for seed in range(_ORDERS):
            paths[f"order {seed}"] = PathIntegral(path="agent-order", seed=seed)
    check_names("paths", paths)
    check_kinds("paths", paths, PathIntegral, "PathIntegral(...)")
    scipy_statistics()
    results = {
        name: attribute(
            x, value_function, method=AumannShapley(path), baseline=baseline, presence=presence
        )
        for name, path in paths.items()
    }
    if given is None:
        results[f"mean of {_ORDERS} orders"] = _mean_of_orders(list(results.values())[1:])
    return Comparison.of(results, k)


def _mean_of_orders(results: Sequence[Attribution]) -> Attribution:
    """Return the mean over the agent-order paths of all seeds from 0."""
    first = results[0]
    mean = np.mean([result.values for result in results], axis=0, dtype=np.float64)
    values = mean.astype(first.values.dtype)
    written = np.atleast_2d(values).astype(np.float64)
    statistics = first.statistics.copy()
    statistics[:, 2] = written.sum(axis=1)
    statistics[:, 3] = np.abs(written).sum(axis=1)
    return replace(
        first,
        values=values,
        statistics=statistics,
        method=AumannShapley(PathIntegral(path="agent-order")),
        estimator=f"mean of agent-order paths, seeds 0 to {len(results) - 1}",
        evaluations=sum(result.evaluations for result in results),
        elapsed=sum(result.elapsed for result in results),
    )


def _refuse_game(x: Any) -> None:
    if isinstance(x, Game):
        raise TypeError(f"x: {x!r} has neither baseline nor path, features of agents are wanted")
