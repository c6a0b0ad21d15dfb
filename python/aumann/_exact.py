"""Exact values of the built-in value functions, and expansions: no sampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._answer import Answer
from aumann._baseline import Ends
from aumann._warning import warn_user
from aumann.estimators import MeanFieldExpansion
from aumann.methods import AumannShapley, Banzhaf, LeaveOneOut, Method, Shapley
from aumann.value_functions import BuiltIn, ValueFunction

__all__ = ["MOST_ENUMERATED", "ExactValues", "check_enumerable"]

MOST_ENUMERATED = _core.MOST_ENUMERATED

# An expansion whose error is a larger part of the largest value has not converged.
EXPANSION_TOLERANCE = 1e-2

_NAMES: dict[type, str] = {
    AumannShapley: "aumann_shapley",
    Shapley: "shapley",
    Banzhaf: "banzhaf",
    LeaveOneOut: "leave_one_out",
}


def check_enumerable(method: Method, agents: int, evaluated: str, alternatives: str = "") -> None:
    """Refuse to enumerate the coalitions of too many agents.

    Parameters
    ----------
    method : Shapley or Banzhaf
        Without an estimator.
    agents : int
        Largest number of agents present at a step.
    evaluated : str
        What has no closed form.
    alternatives : str
        Estimators besides sampling, each with its cost.

    Raises
    ------
    ValueError
        If there are more than the core enumerates; it names the estimators and their cost.

    Examples
    --------
    >>> check_enumerable(Shapley(), 24, "a game")
    """
    if agents <= MOST_ENUMERATED:
        return
    sampling = (
        "Shapley(PermutationSampling(permutations)), n + 1 evaluations per order"
        if isinstance(method, Shapley)
        else "Banzhaf(CoalitionSampling(coalitions)), one evaluation per coalition"
    )
    raise ValueError(
        f"method: {method!r} of {evaluated} has no closed form, and enumeration, 2^n coalitions, "
        f"ends at {MOST_ENUMERATED} agents; there are {agents:,}: use {alternatives}{sampling}"
    )


class ExactValues:
    """Attributes blocks of steps by the core's exact ways."""

    def __init__(self, function: ValueFunction, method: Method, features: int) -> None:
        """Settle the weights; they must fit the number of features."""
        self.function = function
        self.terms: Sequence[tuple[float, BuiltIn]] = function.terms
        self.weights = [term.weights_for(features) for _, term in self.terms]
        self.method = method
        estimator = getattr(method, "estimator", None)
        self.order = estimator.order if isinstance(estimator, MeanFieldExpansion) else None
        # Step, error and largest value of the first expansion that has not converged.
        self._unconverged: tuple[int, float, float] | None = None

    def check(self, agents: int) -> None:
        """Refuse what cannot be exact for so many agents, before any work."""
        if isinstance(self.method, Shapley | Banzhaf) and self.order is None:
            open_terms = [term for _, term in self.terms if not term.interacting]
            if open_terms:
                name = type(self.method).__name__
                check_enumerable(
                    self.method,
                    agents,
                    repr(open_terms[0]),
                    f"{name}(MeanFieldExpansion()), two passes, or ",
                )

    def fill(self, answer: Answer, ends: Ends) -> None:
        """Write the values and statistics of a block of steps."""
        steps = ends.block.steps
        out = answer.values[steps]
        (first, function), *others = self.terms
        statistics, errors, estimators = self._call(function, self.weights[0], ends, out)
        answer.evaluations += _enumerated(estimators, ends, out.shape[1])
        answer.error_estimates[steps] = errors
        answer.estimators[steps] = estimators
        if first != 1 or others:
            scratch = np.empty_like(out)
            statistics *= first
            answer.error_estimates[steps] *= abs(first)
            # What exceeds the range of the dtype is refused below, by its sum.
            with np.errstate(over="ignore", invalid="ignore"):
                out *= first
                for (coefficient, function), each in zip(others, self.weights[1:], strict=True):
                    term, errors, estimators = self._call(function, each, ends, scratch)
                    statistics += coefficient * term
                    answer.evaluations += _enumerated(estimators, ends, out.shape[1])
                    answer.error_estimates[steps] += abs(coefficient) * errors
                    for step, estimator in enumerate(estimators, steps.start):
                        if estimator not in answer.estimators[step]:
                            answer.estimators[step] += f", {estimator}"
                    scratch *= coefficient
                    out += scratch
                statistics[:, 2] = out.sum(axis=1, dtype=np.float64)
                statistics[:, 3] = np.abs(out, out=scratch).sum(axis=1, dtype=np.float64)
            bad = np.flatnonzero(~np.isfinite(statistics).all(axis=1))
            if bad.size:
                where = f" at step {bad[0]}" if len(out) > 1 else ""
                raise ValueError(f"value_function: the sum exceeds the range of {out.dtype}{where}")
        answer.statistics[steps] = statistics
        if self.order is not None:
            self._judge(answer, steps)

    def _judge(self, answer: Answer, steps: slice) -> None:
        """Tell which steps' expansions have converged."""
        if answer.converged is None:
            answer.converged = np.ones(len(answer.values), dtype=np.bool_)
        out = answer.values[steps]
        largest = np.maximum(out.max(axis=1), -out.min(axis=1)).astype(np.float64)
        errors = answer.error_estimates[steps]
        answer.converged[steps] = errors <= EXPANSION_TOLERANCE * largest
        worst = np.flatnonzero(~answer.converged[steps])
        if worst.size and self._unconverged is None:
            self._unconverged = (steps.start + worst[0], errors[worst[0]], largest[worst[0]])

    def finish(self, answer: Answer) -> None:
        """Warn where an expansion has not converged."""
        if self._unconverged is None:
            return
        step, error, largest = self._unconverged
        where = f" at step {step}" if len(answer.values) > 1 else ""
        sampling = (
            "Shapley(PermutationSampling(permutations))"
            if isinstance(self.method, Shapley)
            else "Banzhaf(CoalitionSampling(coalitions))"
        )
        warn_user(
            f"method: {self.method!r} has not converged{where}: its error is about {error:.2g}, "
            f"and the largest value {largest:.2g}; agents are few for so many features, or a few "
            f"of them make up much of a feature's mean: use {sampling}"
        )

    def _call(
        self, function: BuiltIn, weights: NDArray[np.float64] | None, ends: Ends, out: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
        method = _NAMES[type(self.method)]
        # In a sum, a term with a closed form needs no expansion.
        closed = bool(function.interacting) and len(self.terms) > 1
        order = None if closed else self.order
        return _core.attribute(
            function.name, weights, method, order, ends.x, ends.rows, ends.presence, out
        )


def _enumerated(estimators: Sequence[str], ends: Ends, agents: int) -> int:
    """Return of how many coalitions the core has formed the values."""
    present = [agents] * len(estimators) if ends.presence is None else ends.presence.sum(axis=1)
    return sum(
        2 ** int(n) for n, how in zip(present, estimators, strict=True) if how == "enumeration"
    )
