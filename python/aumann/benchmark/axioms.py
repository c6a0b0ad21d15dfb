"""Which axioms a method keeps, measured: the paper's table 1 with evidence instead of ticks.

On random populations with two equal agents and one at its baseline:

- efficiency: the attributions sum to F(x) - F(0);
- symmetry: equal agents get equal attributions;
- dummy: the agent at its baseline gets 0;
- linearity: the attribution of F + G is that of F plus that of G.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import aumann
from aumann.benchmark.coalitions import coalition_game
from aumann.benchmark.workload import FULL, sparse
from aumann.value_functions import from_name

__all__ = ["AXIOMS", "METHODS", "Finding", "largest_exact", "run", "worst"]

Floats = NDArray[np.float64]
Verdict = Literal["exact", "within standard errors", "violated"]

AXIOMS = ("efficiency", "symmetry", "dummy", "linearity")
METHODS = (
    "Aumann-Shapley",
    "Shapley, exact",
    "Shapley, sampled",
    "Banzhaf, exact",
    "Banzhaf, sampled",
    "leave-one-out",
)
VALUE_FUNCTIONS = ("mean", "heat", "variance", "gini")
# Relative violations up to here are rounding.
ROUNDING = 1e-9
# Estimates of a sampled method per population, from different seeds, and the standard errors of
# their mean by which it may miss an axiom by chance.
RUNS = 20
DEVIATIONS = 4.0
PERMUTATIONS = 100
COALITIONS = 1_000
# Enumeration is looked for from so many agents downwards.
MOST_ENUMERATED = 32
_VERDICTS: tuple[Verdict, ...] = ("exact", "within standard errors", "violated")


@dataclass(frozen=True)
class Finding:
    """How far a method is from an axiom for one value function.

    Parameters
    ----------
    method, axiom, value_function : str
        What was measured.
    violation : float
        The largest over populations and runs, as a part of the sum of magnitudes of the
        attributions (efficiency) or of the largest magnitude (the others).
    deviations : float, optional
        Of a sampled method: the largest mean violation over runs, in standard errors of it.
    verdict : str
        exact: violated by rounding at most (1e-9). within standard errors: of a sampled method
        whose mean violation is at most four of them. violated: anything else.
    """

    method: str
    axiom: str
    value_function: str
    violation: float
    deviations: float | None
    verdict: Verdict


def run(
    agents: int = 12, *, seeds: int = 5, progress: Callable[[str], None] | None = None
) -> list[Finding]:
    """Measure how far every method is from every axiom, for the four value functions.

    Parameters
    ----------
    agents : int
        Of each population, from 4 to 20: the exact Shapley value of heat enumerates coalitions.
    seeds : int
        Populations per value function.
    progress : callable, optional
        Called with words before each method and value function.

    Returns
    -------
    list of Finding
        One per method, axiom and value function.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    The sum of value functions is handed over as a combination (Aumann-Shapley) or as a game whose
    coalitions are evaluated in NumPy (all others), so that linearity is not what it was built
    from.

    Examples
    --------
    >>> {f.verdict for f in run(5, seeds=1) if f.method == "Aumann-Shapley"}
    {'exact'}
    """
    for name, number, most in (("agents", agents, 20), ("seeds", seeds, 1_000_000)):
        least = 4 if name == "agents" else 1
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise ValueError(f"{name}: {number!r}, an integer from {least} to {most} is wanted")
    findings = []
    for method in METHODS:
        for place, name in enumerate(VALUE_FUNCTIONS):
            if progress is not None:
                progress(f"{method}, {name}")
            other = VALUE_FUNCTIONS[(place + 1) % len(VALUE_FUNCTIONS)]
            misses = [
                _misses(method, name, other, _population(agents, seed)) for seed in range(seeds)
            ]
            for axiom in AXIOMS:
                findings.append(_finding(method, axiom, name, [each[axiom] for each in misses]))
    return findings


def worst(findings: Sequence[Finding]) -> dict[tuple[str, str], Finding]:
    """Return the finding that speaks most against each method and axiom.

    Parameters
    ----------
    findings : sequence of Finding
        From `run`.

    Examples
    --------
    >>> mild = Finding("m", "dummy", "mean", 0.1, 1.0, "within standard errors")
    >>> hard = Finding("m", "dummy", "heat", 0.01, 9.0, "violated")
    >>> worst([hard, mild])["m", "dummy"].value_function
    'heat'
    """
    found: dict[tuple[str, str], Finding] = {}
    for each in sorted(findings, key=lambda f: (_VERDICTS.index(f.verdict), f.violation)):
        found[each.method, each.axiom] = each
    return found


def largest_exact(largest: int = FULL) -> dict[tuple[str, str], int | None]:
    """Return the most agents that each method is exact for, found by trying.

    Parameters
    ----------
    largest : int
        Where a method answers for so many it is tried no further.

    Returns
    -------
    dict of (str, str) to int or None
        By method and value function; None for sampled methods, which are never exact. Methods
        refuse what they cannot do exactly. Where `largest` is refused, all sizes from 32 downwards
        are tried.

    Examples
    --------
    >>> largest_exact(1_000)["Aumann-Shapley", "gini"]
    1000
    """
    found: dict[tuple[str, str], int | None] = {}
    for method in METHODS:
        for name in VALUE_FUNCTIONS:
            found[method, name] = None
            if "sampled" in method:
                continue
            for agents in (largest, *range(min(MOST_ENUMERATED, largest - 1), 0, -1)):
                try:
                    _attributed(method, sparse(agents), from_name(name), 0)
                except ValueError:
                    continue
                found[method, name] = agents
                break
    return found


def _population(agents: int, seed: int) -> Floats:
    """Draw features of which a third is 0; agents 0 and 1 are equal, agent 2 is at its baseline."""
    draw = np.random.default_rng([seed, agents])
    x = draw.exponential(size=(agents, 3)) * (draw.random((agents, 3)) < 2 / 3)
    # No feature is absent altogether, which would make heat vanish.
    x[0] = 1 + draw.random(3)
    x[1] = x[0]
    x[2] = 0
    return np.asarray(x)


def _method(name: str, seed: int, of_game: bool = False) -> Any:
    if name == "Shapley, sampled":
        # A game has no control variate.
        variate = {"control_variate": False} if of_game else {}
        return aumann.Shapley(aumann.PermutationSampling(PERMUTATIONS, seed=seed, **variate))
    if name == "Banzhaf, sampled":
        return aumann.Banzhaf(aumann.CoalitionSampling(COALITIONS, seed=seed))
    exact: Mapping[str, Callable[[], Any]] = {
        "Aumann-Shapley": aumann.AumannShapley,
        "Shapley, exact": aumann.Shapley,
        "Banzhaf, exact": aumann.Banzhaf,
        "leave-one-out": aumann.LeaveOneOut,
    }
    return exact[name]()


def _attributed(method: str, x: Floats, function: Any, seed: int) -> Floats:
    return np.asarray(aumann.attribute(x, function, method=_method(method, seed)).values)


def _of_game(method: str, x: Floats, names: Sequence[str], seed: int) -> Floats:
    """Attribute a sum of value functions as a game of coalitions."""
    parts = [coalition_game(name, x) for name in names]
    game = aumann.Game(lambda coalitions: sum(part(coalitions) for part in parts), len(x))
    return np.asarray(aumann.attribute(game, method=_method(method, seed, of_game=True)).values)


def _misses(method: str, name: str, other: str, x: Floats) -> dict[str, Floats]:
    """Return relative violations by axiom, one row per run."""
    sampled = "sampled" in method
    runs = range(RUNS if sampled else 1)
    values = np.stack([_attributed(method, x, from_name(name), seed) for seed in runs])
    everyone = np.ones((1, len(x)), dtype=np.bool_)
    game = coalition_game(name, x)
    total = float((game(everyone) - game(~everyone))[0])
    scale = np.abs(values).max(axis=1)
    both = np.stack([_sum(method, x, (name, other), seed) for seed in runs])
    if sampled:
        apart = [
            _of_game(method, x, [name], seed) + _of_game(method, x, [other], seed) for seed in runs
        ]
    else:
        apart = [values[0] + _attributed(method, x, from_name(other), 0)]
    misses = {
        "efficiency": (values.sum(axis=1) - total) / np.abs(values).sum(axis=1),
        "symmetry": (values[:, 0] - values[:, 1]) / scale,
        "dummy": values[:, 2] / scale,
    }
    columns = {axiom: each[:, np.newaxis] for axiom, each in misses.items()}
    return columns | {"linearity": (both - np.stack(apart)) / np.abs(both).max()}


def _sum(method: str, x: Floats, names: tuple[str, str], seed: int) -> Floats:
    if method == "Aumann-Shapley":
        return _attributed(method, x, from_name(names[0]) + from_name(names[1]), seed)
    return _of_game(method, x, names, seed)


def _finding(method: str, axiom: str, name: str, misses: Sequence[Floats]) -> Finding:
    violation = max(float(np.abs(each).max()) for each in misses)
    if "sampled" not in method:
        verdict: Verdict = "exact" if violation <= ROUNDING else "violated"
        return Finding(method, axiom, name, violation, None, verdict)
    deviations = max(_deviations(each) for each in misses)
    verdict = "within standard errors" if deviations <= DEVIATIONS else "violated"
    return Finding(
        method, axiom, name, violation, deviations, "exact" if violation <= ROUNDING else verdict
    )


def _deviations(misses: Floats) -> float:
    """Return the largest mean over runs in its standard errors; rounding counts as 0."""
    mean = np.abs(misses.mean(axis=0))
    error = misses.std(axis=0, ddof=1) / np.sqrt(len(misses))
    certain = np.where(mean <= ROUNDING, 0.0, np.inf)
    return float(np.divide(mean, error, out=certain, where=error > ROUNDING).max())
