"""How far methods are from a known truth: the synthetic benchmark of the paper's appendix D."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import aumann
from aumann.benchmark.known import GAMES, Problem, make_problem, path_integral
from aumann.benchmark.scores import Scorer, ScoreTable, checked_scores

__all__ = [
    "BUILT_IN",
    "METRICS",
    "Measurement",
    "Summary",
    "cosine",
    "efficiency_error",
    "mean_absolute_error",
    "run",
    "summarise",
    "top_k_tau",
]

# Enumeration takes 2^n coalitions per step.
ENUMERATED = 12
TOP = 10
BUILT_IN = (
    "Aumann-Shapley (path)",
    "leave-one-out",
    "Shapley, sampled",
    "Shapley, antithetic",
    "Banzhaf, sampled",
    "Shapley, exact",
)
METRICS = ("mae", "cosine", "efficiency_error", "top_k_tau")


@dataclass(frozen=True)
class Measurement:
    """The metrics of a method on one problem, means over its steps.

    Parameters
    ----------
    game, method : str
        What was attributed, and how.
    agents, seed : int
        The problem.
    mae, cosine, efficiency_error, top_k_tau : float
        The metrics; NaN where undefined.
    seconds : float
        Time per step; NaN for scores read from a table.
    """

    game: str
    agents: int
    method: str
    seed: int
    mae: float
    cosine: float
    efficiency_error: float
    top_k_tau: float
    seconds: float


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation over seeds of each metric, by name.

    Parameters
    ----------
    game, method : str
        What was attributed, and how.
    agents, seeds : int
        N, and the number of seeds.
    mean, deviation : dict of str to float
        By name of the metric, `seconds` included. The deviation is NaN for a single seed.
    """

    game: str
    agents: int
    method: str
    seeds: int
    mean: Mapping[str, float]
    deviation: Mapping[str, float]


def run(
    agents: Sequence[int] = (10, 100),
    *,
    steps: int = 3,
    features: int = 3,
    seeds: int = 5,
    permutations: int = 1_000,
    coalitions: int = 1_000,
    scorers: Mapping[str, Scorer] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Measurement]:
    """Compare methods with the exact Aumann-Shapley attribution of three games.

    Parameters
    ----------
    agents : sequence of int
        Numbers of agents.
    steps, features, seeds : int
        T, d, and how many problems are drawn for each game and number of agents.
    permutations, coalitions : int
        Samples of Shapley and of Banzhaf values; `permutations` is even.
    scorers : dict of str to callable, optional
        Further methods: ``scorer(problem)`` returns scores of shape (N,) or (T, N), or None to
        leave a game out. See `aumann.benchmark.known.Problem`.
    progress : callable, optional
        Called with words before each problem.

    Returns
    -------
    list of Measurement
        One per game, number of agents, method and seed.

    Raises
    ------
    ValueError, TypeError
        If a number is not positive, or a scorer is named like a built-in method or gives anything
        but finite scores of that shape.

    Notes
    -----
    Leave-one-out, Shapley and Banzhaf are other values than Aumann-Shapley, so what is shown is
    not sampling error alone: all coincide in the additive game, the last two with Aumann-Shapley
    in the quadratic one, none in the softplus game.

    The quadratic game needs 8 N^2 bytes, and leave-one-out O(N^3) time there.

    Examples
    --------
    >>> sizes = {"steps": 1, "seeds": 1, "permutations": 2, "coalitions": 10}
    >>> first = run([5], **sizes)[0]
    >>> first.method, first.game, first.mae < 1e-12
    ('Aumann-Shapley (path)', 'additive', True)
    """
    numbers = {"steps": steps, "features": features, "seeds": seeds}
    numbers |= {"permutations": permutations, "coalitions": coalitions}
    for name, number in [*numbers.items(), *(("agents", size) for size in agents)]:
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f"{name}: {number!r}, a positive integer is wanted")
    if permutations % 2:
        raise ValueError(f"permutations: {permutations}, an even number is wanted")
    scorers = {} if scorers is None else scorers
    for name, scorer in scorers.items():
        if name in BUILT_IN:
            raise ValueError(f"scorers: {name!r} is the name of a built-in method, choose another")
        if not callable(scorer):
            raise TypeError(f"scorers: {name!r} is {scorer!r}, a callable is wanted")
    measurements = []
    for game in GAMES:
        for size in agents:
            for seed in range(seeds):
                if progress is not None:
                    progress(f"{game}, {size:,} agents, seed {seed}")
                problem = make_problem(game, size, seed, steps=steps, features=features)
                methods = _methods(problem, permutations, coalitions)
                found = [*_attributed(problem, methods), *_scored(problem, scorers)]
                measurements += [_measured(problem, *each) for each in found]
    return measurements


def summarise(measurements: Sequence[Measurement]) -> list[Summary]:
    """Return means and standard deviations over seeds, in the order of the measurements.

    Parameters
    ----------
    measurements : sequence of Measurement
        From `run`.

    Examples
    --------
    >>> each = [Measurement("additive", 5, "m", k, k, 1.0, 0.0, 1.0, 0.1) for k in (1, 3)]
    >>> summary = summarise(each)[0]
    >>> summary.mean["mae"], round(summary.deviation["mae"], 4)
    (2.0, 1.4142)
    """
    groups: dict[tuple[str, int, str], list[Measurement]] = {}
    for each in measurements:
        groups.setdefault((each.game, each.agents, each.method), []).append(each)
    summaries = []
    for (game, agents, method), members in groups.items():
        means, deviations = {}, {}
        for name in (*METRICS, "seconds"):
            values = np.array([getattr(member, name) for member in members])
            means[name] = float(values.mean())
            deviations[name] = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
        summaries.append(Summary(game, agents, method, len(members), means, deviations))
    return summaries


def mean_absolute_error(truth: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Return the mean of |score - truth| over agents.

    Examples
    --------
    >>> mean_absolute_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    1.0
    """
    return float(np.abs(scores - truth).mean())


def cosine(truth: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Return the cosine of the angle between scores and truth; NaN if one of them is 0.

    Examples
    --------
    >>> round(cosine(np.array([1.0, 0.0]), np.array([1.0, 1.0])), 4)
    0.7071
    """
    lengths = float(np.linalg.norm(truth) * np.linalg.norm(scores))
    return float(truth @ scores) / lengths if lengths > 0 else float("nan")


def efficiency_error(total: float, scores: NDArray[np.float64]) -> float:
    """Return |sum of scores - total| / |total|; NaN if the total is 0.

    Examples
    --------
    >>> efficiency_error(4.0, np.array([1.0, 2.0]))
    0.25
    """
    return abs(float(scores.sum()) - total) / abs(total) if total else float("nan")


def top_k_tau(truth: NDArray[np.float64], scores: NDArray[np.float64], k: int = TOP) -> float:
    """Return Kendall's tau-b of scores and truth over the k agents with the largest truth.

    Parameters
    ----------
    truth, scores : ndarray of float64, shape (N,)
        What the agents should have, and have. Ties of the truth at the edge are broken by index.
    k : int
        How many agents; all if there are fewer.

    Returns
    -------
    float
        (concordant - discordant pairs) / sqrt(pairs not tied in truth x pairs not tied in
        scores); NaN if all agents are tied in one of them. O(k^2).

    Examples
    --------
    >>> top_k_tau(np.array([4.0, 3.0, 2.0, 1.0]), np.array([9.0, 7.0, 8.0, 99.0]), k=3)
    0.3333333333333333
    """
    best = np.argsort(-truth, kind="stable")[:k]
    pairs = np.triu_indices(len(best), 1)
    signs = [np.sign(values[best, np.newaxis] - values[best])[pairs] for values in (truth, scores)]
    untied = float(np.prod([np.count_nonzero(each) for each in signs]))
    return float((signs[0] * signs[1]).sum() / np.sqrt(untied)) if untied else float("nan")


_Named = Iterator[tuple[str, NDArray[np.float64], float]]


def _methods(
    problem: Problem, permutations: int, coalitions: int
) -> dict[str, Callable[[int], Any]]:
    """Return, by name, what attributes a step of a problem."""
    function, steps = problem.function, problem.steps

    def batch(step: int) -> Any:
        return aumann.Game(function.coalition_game(problem.x[step]), problem.agents)

    def grown(step: int) -> Any:
        return aumann.Game(function.incremental_game(problem.x[step]), problem.agents)

    def shapley(step: int, antithetic: bool) -> Any:
        how = aumann.PermutationSampling(
            permutations,
            antithetic=antithetic,
            control_variate=False,
            seed=problem.seed * steps + step,
        )
        return aumann.attribute(grown(step), method=aumann.Shapley(how)).values

    def banzhaf(step: int) -> Any:
        how = aumann.CoalitionSampling(coalitions, seed=problem.seed * steps + step)
        return aumann.attribute(batch(step), method=aumann.Banzhaf(how)).values

    def exactly(step: int, method: Any) -> Any:
        return aumann.attribute(batch(step), method=method).values

    methods: tuple[Callable[[int], Any], ...] = (
        lambda step: path_integral(function, problem.x[step]),
        lambda step: exactly(step, aumann.LeaveOneOut()),
        partial(shapley, antithetic=False),
        partial(shapley, antithetic=True),
        banzhaf,
        lambda step: exactly(step, aumann.Shapley()),
    )
    named = dict(zip(BUILT_IN, methods, strict=True))
    if problem.agents > ENUMERATED:
        del named[BUILT_IN[-1]]
    return named


def _attributed(problem: Problem, methods: Mapping[str, Callable[[int], Any]]) -> _Named:
    for name, method in methods.items():
        started = perf_counter()
        scores = np.stack([method(step) for step in range(problem.steps)])
        yield name, scores, (perf_counter() - started) / problem.steps


def _scored(problem: Problem, scorers: Mapping[str, Scorer]) -> _Named:
    for name, scorer in scorers.items():
        started = perf_counter()
        scores = checked_scores(name, scorer(problem), problem)
        seconds = (perf_counter() - started) / problem.steps
        if scores is not None:
            yield name, scores, float("nan") if isinstance(scorer, ScoreTable) else seconds


def _measured(
    problem: Problem, method: str, scores: NDArray[np.float64], seconds: float
) -> Measurement:
    steps = list(zip(problem.truth, problem.totals.tolist(), scores, strict=True))
    return Measurement(
        problem.game,
        problem.agents,
        method,
        problem.seed,
        float(np.mean([mean_absolute_error(truth, each) for truth, _, each in steps])),
        float(np.mean([cosine(truth, each) for truth, _, each in steps])),
        float(np.mean([efficiency_error(total, each) for _, total, each in steps])),
        float(np.mean([top_k_tau(truth, each) for truth, _, each in steps])),
        seconds,
    )
