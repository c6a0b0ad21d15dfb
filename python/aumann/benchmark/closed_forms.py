"""Path integrals of the built-in value functions against closed forms: the paper's table 11."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import aumann
from aumann._numbers import check_integer
from aumann._torch import import_torch
from aumann.benchmark.quadrature import ANY_ERROR, largest_error
from aumann.estimators import PathIntegral

__all__ = ["Agreement", "Summary", "agreement", "features", "summarise"]

FUNCTIONS: dict[str, aumann.ValueFunction] = {
    "mean": aumann.Mean(),
    "heat": aumann.Heat(),
    "variance": aumann.Variance(),
    "gini": aumann.GiniMeanDifference(),
}
# In 1, of features.
UNITS = 2**20


@dataclass(frozen=True)
class Agreement:
    """How a path integral of a built-in value function compares with its closed form.

    Parameters
    ----------
    value_function, rule : str
        What was integrated, and how.
    agents, seed : int
        The population, from `features`.
    nodes : int
        Gradients evaluated.
    mae : float
        Mean of |phi - exact| over agents.
    error : float
        Largest difference from the closed form, relative to the largest value in it.
    spearman : float
        Rank correlation of the two; NaN where all agents are tied.
    residual : float
        Sum of the values minus the total, relative to the sum of their magnitudes, with its sign.
    """

    value_function: str
    rule: str
    agents: int
    seed: int
    nodes: int
    mae: float
    error: float
    spearman: float
    residual: float


@dataclass(frozen=True)
class Summary:
    """What the populations of one size have in common: means and extremes over seeds.

    Parameters
    ----------
    value_function, rule : str
        What was integrated, and how.
    agents, seeds : int
        N, and the number of populations.
    nodes : int
        The most that were needed.
    mae : float
        Mean over seeds.
    error : float
        Largest over seeds.
    spearman : float
        Smallest over seeds.
    violation : float
        Largest magnitude of the residual over seeds.
    """

    value_function: str
    rule: str
    agents: int
    seeds: int
    nodes: int
    mae: float
    error: float
    spearman: float
    violation: float


def agreement(
    agents: Sequence[int] = (1_000, 10_000, 100_000),
    *,
    nodes: int = 50,
    seeds: int = 5,
    progress: Callable[[str], None] | None = None,
) -> list[Agreement]:
    """Compare path integrals of the four built-in value functions with their closed forms.

    Parameters
    ----------
    agents : sequence of int
        Numbers of agents, each at least 2.
    nodes : int
        Of the trapezoid, which the paper uses. The adaptive rule is run beside it.
    seeds : int
        Populations of each size, with the seeds 0 to seeds - 1.
    progress : callable, optional
        Called with words before each population.

    Returns
    -------
    list of Agreement
        By value function, rule, number of agents and seed.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer or out of range.
    ImportError
        If torch or SciPy is missing; it says which extra to install.

    Notes
    -----
    What is integrated is the torch twin of the value function, by autograd (`aumann.as_torch`); the
    closed form runs in Rust. They share no code.

    Examples
    --------
    >>> trapezoid, *_, adaptive = agreement([100], nodes=4, seeds=1)[2:4]
    >>> trapezoid.value_function, trapezoid.rule, trapezoid.nodes
    ('heat', 'trapezoid', 4)
    >>> adaptive.error < 1e-6 < trapezoid.error
    True
    """
    import_torch("a quadrature benchmark")
    correlation = _spearman()
    for size in agents:
        check_integer("agents", size, 2)
    check_integer("seeds", seeds, 1)
    estimators = (PathIntegral(rule="trapezoid", nodes=nodes, tolerance=ANY_ERROR), PathIntegral())
    found: dict[tuple[str, str], list[Agreement]] = {
        (name, estimator.rule): [] for name in FUNCTIONS for estimator in estimators
    }
    for size in agents:
        for seed in range(seeds):
            if progress is not None:
                progress(f"{size:,} agents, seed {seed}")
            x = features(size, seed)
            for name, function in FUNCTIONS.items():
                exact = aumann.attribute(x, function).values
                for estimator in estimators:
                    method = aumann.AumannShapley(estimator)
                    result = aumann.attribute(x, function, method=method)
                    found[name, estimator.rule].append(
                        Agreement(
                            name,
                            estimator.rule,
                            size,
                            seed,
                            result.evaluations,
                            float(np.abs(result.values - exact).mean()),
                            largest_error(result.values, exact),
                            correlation(exact, result.values),
                            float(result.relative_residual),
                        )
                    )
    return [each for cell in found.values() for each in cell]


def summarise(agreements: Sequence[Agreement]) -> list[Summary]:
    """Return means and extremes over seeds, in the order of the agreements.

    Parameters
    ----------
    agreements : sequence of Agreement
        From `agreement`.

    Examples
    --------
    >>> each = [Agreement("mean", "trapezoid", 9, k, 50, k, 0.0, 1.0, -0.1 * k) for k in (1, 3)]
    >>> summary = summarise(each)[0]
    >>> summary.mae, round(summary.violation, 3)
    (2.0, 0.3)
    """
    groups: dict[tuple[str, str, int], list[Agreement]] = {}
    for each in agreements:
        groups.setdefault((each.value_function, each.rule, each.agents), []).append(each)
    return [
        Summary(
            *key,
            len(members),
            max(each.nodes for each in members),
            float(np.mean([each.mae for each in members])),
            max(each.error for each in members),
            float(np.min([each.spearman for each in members])),
            max(abs(each.residual) for each in members),
        )
        for key, members in groups.items()
    ]


def features(agents: int, seed: int) -> NDArray[np.float64]:
    """Return the synthetic features that closed forms are checked on.

    Parameters
    ----------
    agents : int
        N.
    seed : int
        Of Philox.

    Returns
    -------
    ndarray of float64, shape (N, 3)
        log(1 + count) of reach, floor of a Pareto variable of index 1 from 3 on, and of activity
        and resonance, 1 plus Poisson variables of mean 2 and 1. Many agents are tied, none is at
        zero.

    Notes
    -----
    Logarithms are rounded to multiples of 2^-20, so that sums of features are exact. Composites
    that are equal on paper and differ by rounding (log 2 + log 3 + log 4 in another order) would
    trade ranks along the path, and the integral of the Gini mean difference with them.

    Examples
    --------
    >>> features(1_000, seed=0).shape, len(np.unique(features(1_000, seed=0)[:, 2])) < 10
    ((1000, 3), True)
    """
    generator = np.random.Generator(np.random.Philox(seed))
    reach = np.floor(3 / (1 - generator.random(agents)))
    activity, resonance = (1 + generator.poisson(mean, agents) for mean in (2, 1))
    logarithms = np.log1p(np.stack((reach, activity, resonance), axis=1))
    return np.asarray(np.round(logarithms * UNITS) / UNITS)


def _spearman() -> Callable[[NDArray[np.float64], NDArray[np.float64]], float]:
    try:
        from scipy.stats import rankdata
    except ImportError as error:
        raise ImportError("rank correlations need SciPy: pip install 'aumann[study]'") from error

    def correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
        ranks = [rankdata(each) - (len(each) + 1) / 2 for each in (first, second)]
        lengths = float(np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1]))
        return min(1.0, float(ranks[0] @ ranks[1]) / lengths) if lengths > 0 else float("nan")

    return correlation
