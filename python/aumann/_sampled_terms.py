"""What samples are drawn from: the games of a value function's terms, or a game in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann import _core
from aumann._baseline import Ends, dense
from aumann._games import GameSource
from aumann._sampled import Term
from aumann._samples import Plan, StepSamples, plan_of
from aumann.estimators import CoalitionSampling, PermutationSampling
from aumann.games import Game
from aumann.value_functions import BuiltIn, ValueFunction

__all__ = ["Opener", "check_terms", "of_features", "of_game"]

Opener = Callable[["StepSamples | None"], "list[Term]"]

# Terms of a value function draw from streams of their own, beyond those of the steps.
TERM_STREAMS = 2**24
MOST_TERMS = 2**32 // TERM_STREAMS


def check_terms(function: Any) -> None:
    """Refuse a sum of more terms than there are streams of random numbers.

    Examples
    --------
    >>> from aumann import Mean
    >>> check_terms(Mean())
    """
    if isinstance(function, ValueFunction) and len(function.terms) > MOST_TERMS:
        raise ValueError(
            f"value_function: a sum of {len(function.terms):,} terms, of which each is sampled by "
            f"itself; at most {MOST_TERMS} can be: attribute parts of the sum, with seeds of their "
            "own, and add up the values"
        )


def of_features(
    function: ValueFunction,
    estimator: PermutationSampling | CoalitionSampling,
    ends: Ends,
    step: int,
) -> Opener:
    """Return what opens the games of a step, going on from samples where there are some."""

    def opened(previous: StepSamples | None) -> list[Term]:
        plan = plan_of(estimator)
        null = None if all(_is_exact(term, plan) for _, term in function.terms) else _null(ends)
        terms: list[Term] = []
        for k, (coefficient, term) in enumerate(function.terms):
            source = _core.Sampler(
                term.name,
                term.weights_for(ends.block.features.shape[2]),
                ends.x,
                ends.rows,
                ends.presence,
                plan,
                estimator.seed,
                step + k * TERM_STREAMS,
                None if previous is None else (previous.moments[k], list(previous.runs)),
            )
            # Where agents interact in pairs only, what an agent adds is a sum over the others,
            # which has no rare values. Values of coalitions are taken from the middle of theirs.
            bound = source.moments.bound * (2 if plan[:2] == ("coalitions", True) else 1)
            reach = 0.0 if term.interacting else bound
            terms.append(Term(coefficient, source, _is_exact(term, plan), reach, null))
        return terms

    return opened


def of_game(
    game: Game, estimator: PermutationSampling | CoalitionSampling, step: int, ends: Ends | None
) -> Opener:
    """Return what opens a game evaluated in Python; `ends` are those of its features, if any."""

    def opened(previous: StepSamples | None) -> list[Term]:
        source = GameSource(game, plan_of(estimator), estimator.seed, step, previous)
        return [Term(1.0, source, null=None if ends is None else _null(ends))]

    return opened


def _is_exact(term: BuiltIn, plan: Plan) -> bool:
    """Tell whether every sample of a term is its value: no interaction, or pairs in both orders."""
    kind, flag, _ = plan
    if kind == "coalitions":
        return term.interacting == 1 and not flag
    return term.interacting == 1 or (term.interacting == 2 and flag)


def _null(ends: Ends) -> NDArray[np.bool_] | None:
    """Return which of the present agents of a step stand at their baseline."""
    columns = ends.x if isinstance(ends.x, list) else np.moveaxis(ends.x[0], -1, 0)
    rows: Any = None if ends.rows is None else dense(ends.rows)
    null: NDArray[np.bool_] | None = None
    for k, column in enumerate(columns):
        start = 0.0 if rows is None else rows[..., k]
        same = np.asarray(column == start).reshape(-1)
        null = same if null is None else null & same
    if null is None or not null.any():
        return None
    return null if ends.presence is None else null[ends.presence[0]]
