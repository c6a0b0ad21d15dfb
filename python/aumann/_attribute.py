"""The one verb: attribute a value to the agents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._answer import Answer
from aumann._arrays import RealArray
from aumann._baseline import read_baseline
from aumann._exact import ExactValues
from aumann._feature_function import FeatureFunction
from aumann._games import GameValues
from aumann._output import handed_over, read_out
from aumann._rounding import Rounding
from aumann._sampled import SampledValues, previous_samples, with_samples
from aumann._sampled_terms import check_terms, of_features, of_game
from aumann._torch import import_torch
from aumann.attribution import Attribution
from aumann.coercion import read_features
from aumann.estimators import (
    CoalitionSampling,
    MeanFieldExpansion,
    PathIntegral,
    PermutationSampling,
)
from aumann.games import Game, GameError
from aumann.methods import AumannShapley, Banzhaf, LeaveOneOut, Method, Shapley
from aumann.population import Population
from aumann.value_functions import ValueFunction

__all__ = ["attribute"]

_AUMANN_SHAPLEY = AumannShapley()


def attribute(
    x: Any,
    value_function: ValueFunction | Callable[[NDArray[Any]], Any] | None = None,
    *,
    method: Method = _AUMANN_SHAPLEY,
    baseline: Any = 0.0,
    presence: Any = None,
    out: RealArray | None = None,
    resume: Attribution | None = None,
) -> Attribution:
    """Attribute the value of a population, or of a game, to its agents.

    Every agent gets a number. Aumann-Shapley and Shapley values sum to F(x) - F(baseline).

    Parameters
    ----------
    x : array-like, table, list of columns, Population, or Game; shape (N, d) or (T, N, d)
        Features of N agents, at one step or at T steps.

        - NumPy arrays of any strides, memory-mapped ones too, and torch tensors (copied to the
          CPU from other devices).
        - Tables (pandas, polars, pyarrow, duckdb, anything with ``__arrow_c_stream__``): agents
          are the rows, every column is a feature. Where a column or index level says step and
          another agent (Step and AgentID, t and id, ... in any case), the rows become T steps of
          N agents, both sorted, and an agent without a row at a step is absent there. Tables of
          one column per agent, or per step, are refused.
        - A list or tuple of arrays or series: one feature column each, (N,) or (T, N).
        - An xarray.DataArray with dims agent and feature, and step or time if there are steps.
        - A `Population`: its features step by step, its presence, its step labels.
        - A `Game`: no features; `value_function`, `baseline`, `presence` and `out` are left out.

        float64 and float32 are read in place. Other real dtypes, other byte orders and unaligned
        data are copied to float64 (float32 if of that size); columns of both sizes to float64;
        columns of decimal numbers to the nearest float64.

        Labels are honoured: an index, columns or coordinates of `baseline`, `presence` and of
        labels in `Attribution.group` are put in the order of those of `x`, or refused where they
        are others. Agents without labels are called 0 to N - 1, and rows of two frames whose index
        counts rows go together by these numbers, as in pandas. Features are compared by name where
        both have names.
    value_function : ValueFunction, PooledValueFunction or callable
        `Mean`, `Heat`, `Variance`, `GiniMeanDifference`, or a sum of multiples of them; or a
        callable that takes features (N, d) and returns one number, or takes (T, N, d) and returns
        T. For `AumannShapley` it is a torch function or module: it gets tensors, and its gradient
        is integrated (see `PathIntegral`). For the other methods it gets tensors if it is a
        module or `x` is a tensor, and NumPy arrays otherwise; one that fails on these gets the
        other kind. One that takes both and gives different values is warned of. Whatever it gets
        is a copy. Modules are evaluated in the dtype and on the device of their parameters,
        functions in those of `x`.
    method : AumannShapley, Shapley, Banzhaf or LeaveOneOut
        Which value of the agents, and by its estimator how. Without an estimator it is exact.
    baseline : float, "mean", "previous", Step, array-like of shape (d,), (N, d) or (T, N, d)
        Where the path to `x` starts, and where agents stand who are outside a coalition. "mean" is
        each step's mean over the present agents. A row per agent is cast to the dtype of `x`; it
        may be a table or a list of columns. "previous" is the step before, which gives the change
        F(t) - F(t-1), and `Step(t)` one step for all others: both ends are then evaluated on the
        agents present at either, an absent one standing at 0. The first step is compared with
        itself.
    presence : array-like of bool, shape (N,) or (T, N), optional
        Which agents are there. An absent agent has value 0 and does not count in n; its features
        are not read. A Population brings its own.
    out : ndarray, shape (N,) or (T, N), optional
        Where to write the values: C-contiguous, of the dtype of the values, apart from the inputs.
        After an error its content is undefined.
    resume : Attribution, optional
        A sampled result of the same inputs and seed to go on from: the answer is that of one run
        of the larger size, to the bit.

    Returns
    -------
    Attribution
        With `values` of shape (N,) or (T, N), float32 for float32 features, else float64.

    Raises
    ------
    TypeError
        If an argument is of a kind or dtype that cannot be read.
    ValueError
        If an argument is empty or of the wrong shape; if a number is NaN or infinite (the first
        position is named); if a step has no agent; where heat leaves the domain of its logarithm,
        or comes so near to its end that the integral along the path does not settle;
        where enumeration would need more than 2^24 coalitions (the estimators to use are named);
        if a torch function fails, or is not finite on the path (the node is named).
    ImportError
        If a torch function is to be integrated and torch is not installed.
    MemoryError
        If memory does not suffice for a torch function, with what would limit it.
    GameError
        If a game or a callable fails, with the coalition it failed for. Like every error that
        ends a run that has drawn samples, it has these in its attribute `result`.
    Interrupted
        On Ctrl-C while sampling, with the partial result.

    Notes
    -----
    Cost: O(T N d), O(T N log N) for the Gini mean difference, per term of a combination, times the
    number of samples where values are sampled, independently for each term; for torch functions
    see `PathIntegral`.
    A baseline per agent that reorders the agents costs more: see `GiniMeanDifference`.
    The interpreter is released meanwhile: do not write to the inputs from another thread.

    Source: "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0], [2.0], [6.0]], aumann.Variance())
    >>> result.values.round(4)
    array([-0.6667, -0.6667,  6.    ])
    >>> result.shares.round(4)
    array([-0.1429, -0.1429,  1.2857])
    >>> change = aumann.attribute([[1.0], [2.0], [6.0]], aumann.Mean(), baseline="mean")
    >>> change.total, change.values.round(4)
    (0.0, array([-0.6667, -0.3333,  1.    ]))
    """
    started = perf_counter()
    _check_method(method)
    if isinstance(x, Game):
        given = {"value_function": value_function, "presence": presence, "out": out}
        given["baseline"] = None if np.ndim(baseline) == 0 and baseline == 0 else baseline
        return _attribute_game(x, method, given, resume, started)
    function = _checked_function(value_function, method)
    integral = _integral(function, method)
    evaluated = function if isinstance(function, ValueFunction) else FeatureFunction(function, x)
    features = read_features(x, presence)
    start = read_baseline(baseline, features)
    masks = [presence] if isinstance(presence, np.ndarray) else []
    answer = Answer(read_out(out, features, [*start.arrays(), *masks]))
    present = start.presence(features)
    sampling = _sampling(method, resume)
    ended: BaseException | None = None
    rounding = Rounding()
    if sampling is not None:
        check_terms(function)
        previous = previous_samples(resume, sampling, function)
        with closing(SampledValues(sampling, features.shape[0], previous)) as sampled:
            try:
                for step, ends in enumerate(start.single_ends(features)):
                    row = _row(present, step)
                    if isinstance(evaluated, ValueFunction):
                        with ends.block.locating_errors():
                            opener = of_features(evaluated, sampling, ends, step)
                            sampled.fill(answer, step, row, opener)
                    else:
                        game = Game.between(evaluated, ends.x, ends.rows, ends.presence)
                        with _failing_at(step if features.stepped else None):
                            sampled.fill(answer, step, row, of_game(game, sampling, step, ends))
                        rounding.note(answer, step, game.rounding)
            except (Exception, KeyboardInterrupt) as error:
                ended = error
    elif integral is not None:
        # Only here is torch imported.
        from aumann.path_integral.values import PathValues

        paths = PathValues(function, integral, x, features)
        for ends in start.ends(features):
            paths.fill(answer, ends)
        paths.finish(answer)
    elif isinstance(function, ValueFunction):
        exact = ExactValues(function, method, features.shape[2])
        exact.check(features.shape[1] if present is None else int(present.sum(axis=1).max()))
        for ends in start.ends(features):
            with ends.block.locating_errors():
                exact.fill(answer, ends)
        exact.finish(answer)
    else:
        assert not isinstance(evaluated, ValueFunction)
        values = GameValues(method)
        for step, ends in enumerate(start.single_ends(features)):
            game = Game.between(evaluated, ends.x, ends.rows, ends.presence)
            with _failing_at(step if features.stepped else None):
                values.fill(answer, game, step, _row(present, step))
            rounding.note(answer, step, game.rounding)
    if ended is None:
        rounding.warn()
    result = Attribution(
        handed_over(answer.values if features.stepped else answer.values[0], out),
        answer.statistics,
        value_function=function,
        method=method,
        baseline=start.text,
        presence=present if features.stepped else _row(present, 0),
        step_labels=features.step_labels,
        agent_ids=x.agent_table.get("id") if isinstance(x, Population) else None,
        agent_labels=features.agent_labels,
        elapsed=perf_counter() - started,
        **answer.told(features.stepped),
    )
    if ended is not None:
        raise with_samples(ended, result)
    return result


def _attribute_game(
    game: Game, method: Method, given: dict[str, Any], resume: Attribution | None, started: float
) -> Attribution:
    for name, argument in given.items():
        if argument is not None:
            raise TypeError(f"{name}: {argument!r}, but x is a Game, which takes no {name}")
    if isinstance(method, AumannShapley):
        raise TypeError(
            f"method: {method!r} needs a gradient, which a Game does not have; "
            "Shapley(), Banzhaf() or LeaveOneOut() is wanted"
        )
    _refuse_expansion(method, game)
    sampling = _sampling(method, resume)
    answer = Answer(np.empty((1, game.agents)))
    ended: BaseException | None = None
    if sampling is None:
        GameValues(method).fill(answer, game, 0, None)
    else:
        previous = previous_samples(resume, sampling, game)
        with closing(SampledValues(sampling, 1, previous)) as sampled:
            try:
                sampled.fill(answer, 0, None, of_game(game, sampling, 0, None))
            except (Exception, KeyboardInterrupt) as error:
                ended = error
    rounding = Rounding()
    rounding.note(answer, 0, game.rounding)
    if ended is None:
        rounding.warn()
    result = Attribution(
        answer.values[0],
        answer.statistics,
        value_function=game,
        method=method,
        baseline="the empty coalition",
        elapsed=perf_counter() - started,
        **answer.told(False),
    )
    if ended is not None:
        raise with_samples(ended, result)
    return result


@contextmanager
def _failing_at(step: int | None) -> Iterator[None]:
    """Say in the errors of games at which step they arose."""
    try:
        yield
    except GameError as error:
        error.step = step
        raise


def _row(present: NDArray[np.bool_] | None, step: int) -> NDArray[np.bool_] | None:
    return None if present is None else present[step]


def _sampling(
    method: Method, resume: Attribution | None
) -> PermutationSampling | CoalitionSampling | None:
    estimator = getattr(method, "estimator", None)
    if isinstance(estimator, PermutationSampling | CoalitionSampling):
        return estimator
    if resume is not None:
        raise TypeError(f"resume: {method!r} draws no samples to go on with, None is wanted")
    return None


def _check_method(method: Any) -> None:
    if not isinstance(method, AumannShapley | Shapley | Banzhaf | LeaveOneOut):
        wanted = "AumannShapley(), Shapley(), Banzhaf() or LeaveOneOut() is wanted"
        raise TypeError(f"method: {method!r}, {wanted}")


def _refuse_expansion(method: Method, what: object) -> None:
    if isinstance(getattr(method, "estimator", None), MeanFieldExpansion):
        raise TypeError(f"method: {method!r} expands functions of feature means, not {what!r}")


def _checked_function(value_function: Any, method: Method) -> Any:
    if isinstance(value_function, ValueFunction):
        return value_function
    wanted = (
        "Mean, Heat, Variance, GiniMeanDifference, a sum of multiples of them or a callable is "
        "wanted"
    )
    if isinstance(value_function, type):
        name = value_function.__name__
        raise TypeError(f"value_function: the class {name}, an instance is wanted: {name}()")
    if not callable(value_function):
        raise TypeError(f"value_function: {value_function!r}, {wanted}")
    _refuse_expansion(method, value_function)
    return value_function


def _integral(function: Any, method: Method) -> PathIntegral | None:
    """Return how a gradient is to be integrated, or None where none is."""
    if not isinstance(method, AumannShapley):
        return None
    if isinstance(function, ValueFunction) and method.estimator is None:
        return None
    import_torch(f"AumannShapley of {function!r}, which follows its gradient,")
    return method.estimator or PathIntegral()
