"""Games given by their coalitions."""

from typing import Any

import coalitions
import numpy as np
import pytest
from numpy.typing import NDArray

import aumann

WEIGHTS = np.array([3.0, 1.0, 4.0, 1.0, 5.0])


def cubic(members: NDArray[np.bool_]) -> NDArray[np.float64]:
    return (members @ WEIGHTS) ** 3 / 100 - members[:, 0] * members[:, 2]


class Joining:
    """The same game, agent by agent; counts how it is used."""

    def __init__(self) -> None:
        self.resets = self.joins = 0

    def reset(self) -> None:
        self.members = np.zeros(5, dtype=bool)
        self.resets += 1

    def add(self, agent: int) -> None:
        assert not self.members[agent]
        self.members[agent] = True
        self.joins += 1

    def value(self) -> float:
        return float(cubic(self.members[None])[0])


GAMES = [aumann.Game(cubic, 5), aumann.Game(Joining(), 5), aumann.Game(cubic, 5, max_bytes=1)]


@pytest.mark.parametrize("game", GAMES)
def test_exact_values_are_those_of_enumeration(game: aumann.Game) -> None:
    plain = lambda members: float(cubic(members[None])[0])  # noqa: E731
    for method, value in (
        (aumann.Shapley(), "shapley"),
        (aumann.Banzhaf(), "banzhaf"),
        (aumann.LeaveOneOut(), "leave_one_out"),
    ):
        result = aumann.attribute(game, method=method)
        np.testing.assert_allclose(result.values, coalitions.VALUES[value](plain, 5), atol=1e-13)
        assert result.value == plain(np.ones(5, dtype=bool))
        assert result.standard_error is None
    # All coalitions once, and both ends and four others again.
    assert aumann.attribute(game, method=aumann.Shapley()).evaluations == 32 + 6
    # Both ends and five others, and three of them again.
    assert aumann.attribute(game, method=aumann.LeaveOneOut()).evaluations == 7 + 3


SAMPLED = [
    aumann.Shapley(aumann.PermutationSampling(400, seed=1)),
    aumann.Shapley(aumann.PermutationSampling(400, antithetic=False, seed=2)),
    aumann.Banzhaf(aumann.CoalitionSampling(400, seed=3)),
    aumann.Banzhaf(aumann.CoalitionSampling(400, reuse=False, seed=4)),
]


@pytest.mark.parametrize("method", SAMPLED)
def test_both_kinds_of_game_give_the_same_samples(method: aumann.Shapley) -> None:
    first, *others = (aumann.attribute(game, method=method) for game in GAMES)
    for other in others:
        np.testing.assert_array_equal(first.values, other.values)
        np.testing.assert_array_equal(first.standard_error, other.standard_error)
    exact = aumann.attribute(GAMES[0], method=type(method)())
    assert (np.abs(first.values - exact.values) < 5 * first.standard_error).all()


@pytest.mark.parametrize("name", ["mean", "heat", "variance", "gini"])
@pytest.mark.parametrize("method", SAMPLED)
def test_a_function_of_features_samples_as_the_core_does(name: str, method: aumann.Shapley) -> None:
    """The same orders and coalitions, the marginals in Python beside those of the core."""
    import reference

    from aumann.value_functions import from_name

    rng = np.random.default_rng(6)
    x, rows = rng.exponential(size=(12, 2)), rng.exponential(size=(12, 2)) / 3
    function = from_name(name)
    core = aumann.attribute(x, function, method=without_control(method), baseline=rows)
    python = aumann.attribute(
        x, lambda part: reference.value(name, part), method=without_control(method), baseline=rows
    )
    np.testing.assert_allclose(python.values, core.values, rtol=1e-9, atol=1e-11)
    # In Python nobody knows that agents interact in pairs only: equal samples tell no error.
    known = np.isfinite(python.standard_error)
    assert (core.standard_error[~known] < 1e-12).all()
    np.testing.assert_allclose(
        python.standard_error[known], core.standard_error[known], rtol=1e-6, atol=1e-9
    )


def without_control(method: Any) -> Any:
    estimator = method.estimator
    if isinstance(estimator, aumann.PermutationSampling):
        return aumann.Shapley(
            aumann.PermutationSampling(
                estimator.permutations,
                antithetic=estimator.antithetic,
                control_variate=False,
                seed=estimator.seed,
            )
        )
    return method


def test_an_incremental_game_joins_agents_one_by_one() -> None:
    inner = Joining()
    method = aumann.Shapley(aumann.PermutationSampling(10, seed=0))
    aumann.attribute(aumann.Game(inner, 5, bound=1e3), method=method)
    # Both ends, four coalitions that tell games apart, all of them again, and at most ten orders.
    assert 12 < inner.resets <= 22
    # Far fewer than from scratch, of which a coalition has two or three.
    assert inner.joins <= 50 + 2 * (5 + 20)


def test_a_callable_of_features_has_steps_and_presence() -> None:
    x = np.arange(12.0).reshape(2, 3, 2)
    present = np.array([[1, 1, 0], [1, 1, 1]], dtype=bool)
    result = aumann.attribute(
        x, lambda part: part.sum() ** 2, method=aumann.Shapley(), presence=present
    )
    assert result.values.shape == (2, 3)
    assert result.values[0, 2] == 0
    assert result.total[0] == 36
    np.testing.assert_allclose(result.values[0, :2], [6, 30])


class TestBadInput:
    def test_what_is_no_game(self) -> None:
        with pytest.raises(TypeError, match="value: 3, a callable"):
            aumann.Game(3, 2)
        with pytest.raises(ValueError, match="agents: 0"):
            aumann.Game(cubic, 0)
        with pytest.raises(ValueError, match="bound: nan"):
            aumann.Game(cubic, 5, bound=np.nan)
        with pytest.raises(ValueError, match="max_bytes: -1"):
            aumann.Game(cubic, 5, max_bytes=-1)

    def test_what_a_game_does_not_take(self) -> None:
        with pytest.raises(TypeError, match="needs a gradient"):
            aumann.attribute(GAMES[0])
        with pytest.raises(TypeError, match="takes no baseline"):
            aumann.attribute(GAMES[0], method=aumann.Shapley(), baseline="mean")
        with pytest.raises(TypeError, match="takes no value_function"):
            aumann.attribute(GAMES[0], aumann.Mean(), method=aumann.Shapley())
        with pytest.raises(TypeError, match="expands functions of feature means"):
            aumann.attribute(GAMES[0], method=aumann.Banzhaf(aumann.MeanFieldExpansion()))
        with pytest.raises(ValueError, match="ends at 24 agents; there are 30"):
            aumann.attribute(aumann.Game(cubic, 30), method=aumann.Banzhaf())

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda c: c.sum(), r"shape \(\) for 2 coalitions"),
            (lambda c: np.full(len(c), "x"), "real numbers are wanted"),
            (lambda c: np.where(c[:, 0], 1.0, np.nan), r"nan.*coalition of 0 of 5"),
            (lambda c: 1 / 0, "ZeroDivisionError"),
        ],
    )
    def test_a_game_that_fails_names_the_coalition(self, wrong: Any, message: str) -> None:
        for method in (aumann.Shapley(), SAMPLED[0], SAMPLED[2], aumann.LeaveOneOut()):
            with pytest.raises(aumann.GameError, match=message) as caught:
                aumann.attribute(aumann.Game(wrong, 5), method=method)
            assert caught.value.coalition.shape == (5,)

    def test_a_failure_in_the_middle_is_no_partial_result(self) -> None:
        def fails_later(members: NDArray[np.bool_]) -> NDArray[np.float64]:
            worth = members.sum(axis=1).astype(float)
            worth[(members[:, 1] & ~members[:, 0])] = np.inf
            return worth

        with pytest.raises(aumann.GameError, match="inf") as caught:
            aumann.attribute(aumann.Game(fails_later, 5), method=SAMPLED[0])
        assert caught.value.coalition[1]
        assert not caught.value.coalition[0]

        class Breaks(Joining):
            def add(self, agent: int) -> None:
                super().add(agent)
                if self.members.sum() == 3:
                    raise RuntimeError("the run crashed")

        with pytest.raises(
            aumann.GameError, match=r"RuntimeError: the run crashed \(coalition of 3"
        ):
            aumann.attribute(aumann.Game(Breaks(), 5), method=SAMPLED[0])

    def test_samples_beyond_the_bound_are_refused(self) -> None:
        with pytest.raises(ValueError, match="bound="):
            aumann.attribute(aumann.Game(cubic, 5, bound=1e-3), method=SAMPLED[0])

    def test_games_that_differ_are_not_mixed(self) -> None:
        def majority(members: NDArray[np.bool_]) -> Any:
            return members.sum(axis=1) >= 2

        def unanimity(members: NDArray[np.bool_]) -> Any:
            return members.all(axis=1)

        def of(value: Any, seed: int) -> aumann.Attribution:
            method = aumann.Shapley(aumann.PermutationSampling(20, seed=seed))
            return aumann.attribute(aumann.Game(value, 3), method=method)

        with pytest.raises(ValueError, match="another game"):
            of(majority, 0).merge(of(unanimity, 1))
        for seed in range(1, 8):
            assert of(cubic_of_three, 0).merge(of(cubic_of_three, seed)).samples[0].count == 20
        x = np.arange(6.0)[:, np.newaxis] ** 2
        method = aumann.Shapley(aumann.PermutationSampling(4))
        result = aumann.attribute(x, np.max, method=method)
        with pytest.raises(ValueError, match="other inputs"):
            aumann.attribute(x[::-1], np.max, method=method, resume=result)

    def test_a_game_may_not_write_into_its_coalitions(self) -> None:
        def writes(members: NDArray[np.bool_]) -> Any:
            members[:, 0] = True
            return members.sum(axis=1)

        with pytest.raises(aumann.GameError, match="read-only"):
            aumann.attribute(aumann.Game(writes, 4), method=aumann.Shapley())

    def test_complex_values_are_refused(self) -> None:
        with pytest.raises(aumann.GameError, match="complex"):
            aumann.attribute(aumann.Game(lambda c: c.sum(axis=1) + 1j, 4), method=aumann.Shapley())


def cubic_of_three(members: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray((members @ np.array([9.0, 0.1, 2.0])) ** 3)
