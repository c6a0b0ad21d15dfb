"""Games that contradict themselves, fail, or are costly: what is said, kept and counted."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import aumann

WEIGHTS = np.array([3.0, 1.0, 4.0, 1.0, 5.0])

METHODS = [
    aumann.Shapley(),
    aumann.Banzhaf(),
    aumann.LeaveOneOut(),
    aumann.Shapley(aumann.PermutationSampling(40, seed=1)),
    aumann.Shapley(aumann.PermutationSampling(40, antithetic=False, seed=1)),
    aumann.Banzhaf(aumann.CoalitionSampling(40, seed=1)),
    aumann.Banzhaf(aumann.CoalitionSampling(40, reuse=False, seed=1)),
]
each_method = pytest.mark.parametrize("method", METHODS, ids=repr)


def power(members: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray((members @ WEIGHTS) ** 2)


class Counting:
    """A game of coalitions that counts what it is asked."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
        self.rows += len(members)
        return (members @ np.arange(1.0, members.shape[1] + 1)) ** 2


class Joining:
    """A game that agents join; counts the values it is asked for."""

    def __init__(self, resets: bool = True) -> None:
        self.resets, self.asked, self.total = resets, 0, 0.0

    def reset(self) -> None:
        if self.resets:
            self.total = 0.0

    def add(self, agent: int) -> None:
        self.total += WEIGHTS[agent]

    def value(self) -> float:
        self.asked += 1
        return self.total**2


class Drifting:
    """A game with a memory: every call adds a little."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
        self.calls += 1
        return power(members) + 1e-3 * self.calls


class LeftOver:
    """A game whose value depends on the coalition evaluated before, at 1 % of the total."""

    def __init__(self) -> None:
        self.before = 0.0

    def __call__(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
        values = []
        for value in power(members):
            values.append(value + 0.01 * self.before)
            self.before = value
        return np.array(values)


@each_method
class TestContradictions:
    def test_a_game_with_a_memory(self, method: Any) -> None:
        for game in (Drifting(), LeftOver()):
            with pytest.warns(
                RuntimeWarning, match="contradicts itself: a coalition of .*repeats="
            ):
                aumann.attribute(aumann.Game(game, 5), method=method)

    def test_a_simulation_that_is_not_reset(self, method: Any) -> None:
        with pytest.warns(RuntimeWarning, match="coalition of 5 of 5 agents was worth 196, and "):
            aumann.attribute(aumann.Game(Joining(resets=False), 5), method=method)

    def test_noise_of_games_and_of_functions_of_features(self, method: Any) -> None:
        rng = np.random.default_rng(0)
        x = WEIGHTS[:, np.newaxis]
        with pytest.warns(RuntimeWarning, match="contradicts itself"):
            aumann.attribute(x, lambda part: part.sum() + rng.normal(0, 1e-6), method=method)

    def test_none_is_seen_in_games_that_have_none(self, method: Any) -> None:
        def single(members: NDArray[np.bool_]) -> NDArray[np.float32]:
            """In single precision, whose products of matrices depend on how many rows there are."""
            return np.exp(members.astype(np.float32) @ WEIGHTS.astype(np.float32))

        for value in (power, Joining(), single, lambda members: 0 * power(members)):
            for bytes_ in (1, 2**20):
                aumann.attribute(aumann.Game(value, 5, max_bytes=bytes_), method=method)


def test_a_game_that_changes_for_a_while() -> None:
    """Of 22 agents, in the middle of the run: the orders that it evaluates then tell."""

    class Wavers:
        asked = 0

        def __call__(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
            self.asked += len(members)
            return members.sum(axis=1) * (1.01 if 400 < self.asked < 500 else 1.0)

    method = aumann.Shapley(aumann.PermutationSampling(40))
    with pytest.warns(
        RuntimeWarning, match=r"coalition of 22 of 22 agents was worth 22, and 22\.22"
    ):
        aumann.attribute(aumann.Game(Wavers(), 22), method=method)


class TestRepeats:
    def test_exact_values_have_the_errors_of_their_noise(self) -> None:
        """Over 200 runs: unbiased, the spread that the errors say, and intervals that hold."""
        for method in METHODS[:3]:
            exact = aumann.attribute(aumann.Game(power, 5), method=method)
            found, errors, held = [], [], []
            for seed in range(200):
                rng = np.random.default_rng(seed)
                game = aumann.Game(
                    lambda members, rng=rng: power(members) + rng.normal(0, 2, len(members)),
                    5,
                    repeats=3,
                )
                result = aumann.attribute(game, method=method)
                found.append(result.values - exact.values)
                errors.append(result.standard_error)
                low, high = result.interval()
                held.append((low <= exact.values) & (exact.values <= high))
                if isinstance(method, aumann.Shapley):
                    assert abs(result.relative_residual) < 1e-12
            spread = np.std(found)
            assert abs(np.mean(found)) < 4 * spread / np.sqrt(200)
            # Five agents share evaluations, so these are about 400 independent squares.
            assert np.mean(np.square(errors)) / spread**2 == pytest.approx(1, abs=0.25)
            assert 0.92 < np.mean(held) < 0.99
            assert "3 evaluations each" in result.estimator

    @pytest.mark.parametrize("scale", [1e-200, 1e200])
    def test_of_any_size(self, scale: float) -> None:
        for method in METHODS[:3]:
            results = []
            for size in (1.0, scale):
                rng = np.random.default_rng(3)
                game = aumann.Game(
                    lambda members, rng=rng, size=size: size * (1 + rng.random(len(members))),
                    4,
                    repeats=3,
                )
                results.append(aumann.attribute(game, method=method))
            unit, result = results
            np.testing.assert_allclose(result.values / scale, unit.values, rtol=1e-9)
            np.testing.assert_allclose(
                result.standard_error / scale, unit.standard_error, rtol=1e-9
            )
            assert result.degrees_of_freedom[0] == pytest.approx(unit.degrees_of_freedom[0])

    def test_leave_one_out_by_hand(self) -> None:
        """Noise of +-1 in turn: a mean of 0 and a squared error of 1/2 over two evaluations."""
        sign = [1.0]

        def alternating(members: NDArray[np.bool_]) -> NDArray[np.float64]:
            sign[0] = -sign[0]
            return members.sum(axis=1) + sign[0] * members.any(axis=1)

        game = aumann.Game(alternating, 4, repeats=2)
        result = aumann.attribute(game, method=aumann.LeaveOneOut())
        np.testing.assert_array_equal(result.values, 1)
        # Two numbers 2 apart have a variance of 2, their mean one of 1, and there are two of them.
        np.testing.assert_allclose(result.standard_error, np.sqrt(2))
        assert result.degrees_of_freedom[0] == 2

    def test_sampled_values_have_it_in_their_errors(self) -> None:
        for method in METHODS[3:]:
            exact = aumann.attribute(aumann.Game(power, 5), method=type(method)()).values
            scores = []
            for seed in range(40):
                rng = np.random.default_rng(seed)
                game = aumann.Game(
                    lambda members, rng=rng: power(members) + rng.normal(0, 3, len(members)),
                    5,
                    repeats=2,
                    bound=1e4,
                )
                result = aumann.attribute(game, method=method)
                scores.append((result.values - exact) / result.standard_error)
            assert 0.6 < np.mean(np.square(scores)) < 1.7

    def test_resumed_and_refused(self) -> None:
        rng = np.random.default_rng(0)
        game = aumann.Game(lambda c: power(c) + rng.normal(size=len(c)), 5, repeats=2, bound=1e3)
        method = lambda count: aumann.Shapley(aumann.PermutationSampling(count))  # noqa: E731
        few = aumann.attribute(game, method=method(20))
        assert aumann.attribute(game, method=method(40), resume=few).samples[0].count == 20
        with pytest.raises(ValueError, match="repeats: 0"):
            aumann.Game(power, 5, repeats=0)
        x = WEIGHTS[:, np.newaxis]
        noisy = aumann.Game.from_function(lambda part: part.sum() + rng.normal(), x, repeats=4)
        assert aumann.attribute(noisy, method=aumann.Shapley()).standard_error.shape == (5,)


class TestCounts:
    @each_method
    def test_evaluations_are_those_that_were_made(self, method: Any) -> None:
        for agents, repeats in ((5, 1), (5, 3), (21, 1)):
            if agents == 21 and getattr(method, "estimator", 0) is None:
                continue
            value = Counting()
            game = aumann.Game(value, agents, repeats=repeats)
            assert aumann.attribute(game, method=method).evaluations == value.rows
        joining = Joining()
        result = aumann.attribute(aumann.Game(joining, 5), method=method)
        assert result.evaluations == joining.asked
        calls = []
        x = WEIGHTS[:, np.newaxis]
        result = aumann.attribute(x, lambda part: calls.append(0) or part.sum(), method=method)
        assert result.evaluations == len(calls)

    def test_no_coalition_is_evaluated_twice_for_the_samples(self) -> None:
        for method in (
            aumann.Shapley(aumann.PermutationSampling(20_000)),
            aumann.Banzhaf(aumann.CoalitionSampling(20_000)),
            aumann.Banzhaf(aumann.CoalitionSampling(2_000, reuse=False)),
        ):
            for value in (Counting(), Joining()):
                result = aumann.attribute(aumann.Game(value, 5), method=method)
                assert result.evaluations == 32 + 6

    def test_resumed_and_merged_runs_count_what_both_made(self) -> None:
        for n in (5, 30):
            value = Counting()
            game = aumann.Game(value, n)
            run = lambda count, game=game, **k: aumann.attribute(  # noqa: E731
                game,
                method=aumann.Shapley(aumann.PermutationSampling(count, first=k.pop("first", 0))),
                **k,
            )
            few = run(20)
            assert run(40, resume=few).evaluations == value.rows
            value.rows = 0
            assert run(20).merge(run(20, first=10)).evaluations == value.rows

    def test_enumeration_in_the_core(self) -> None:
        x = np.random.default_rng(0).random((2, 5, 2))
        present = np.ones((2, 5), dtype=bool)
        present[1, 0] = False
        run = lambda function: aumann.attribute(  # noqa: E731
            x, function, method=aumann.Shapley(), presence=present
        )
        assert run(aumann.Heat()).evaluations == 32 + 16
        assert run(aumann.Heat() + aumann.Variance()).evaluations == 32 + 16
        assert run(aumann.Variance()).evaluations == 0


class Fails:
    """A game that fails from the hundredth evaluation on, by an error of its own."""

    def __init__(self, error: Exception) -> None:
        self.asked, self.error = 0, error

    def __call__(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
        self.asked += len(members)
        if self.asked > 400:
            raise self.error
        return np.asarray(members.sum(axis=1) ** 2.0)


class TestFailures:
    @each_method
    def test_type_and_coalition_are_kept(self, method: Any) -> None:
        """Of games and of functions of features, at one step and at several, named or not."""
        import pandas as pd

        def fails(part: NDArray[np.float64]) -> float:
            if part[1, 0] == 0 and part[0, 0] > 0:
                raise ValueError("model has no feature 7 at agent 3")
            return float(part.sum())

        x = 1 + np.arange(10.0).reshape(5, 2)
        for given in (x, x[np.newaxis], pd.DataFrame(x, columns=["a", "b"])):
            with pytest.raises(
                aumann.GameError, match="model has no feature 7 at agent 3"
            ) as caught:
                aumann.attribute(given, fails, method=method)
            assert caught.value.coalition[0]
            assert not caught.value.coalition[1]
            assert caught.value.step == (0 if given is not x and np.ndim(given) == 3 else None)
            assert str(caught.value).endswith(" at step 0") == (caught.value.step == 0)
            assert isinstance(caught.value.__cause__, ValueError)
            assert str(caught.value.__cause__) == "model has no feature 7 at agent 3"

    def test_they_pickle(self) -> None:
        with pytest.raises(aumann.GameError) as caught:
            aumann.attribute(aumann.Game(Fails(KeyError("x")), 22), method=METHODS[3])
        for again in (pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)):
            assert type(again) is aumann.GameError
            assert str(again) == str(caught.value)
            np.testing.assert_array_equal(again.coalition, caught.value.coalition)
            np.testing.assert_array_equal(again.result.values, caught.value.result.values)
        interrupted = aumann.Interrupted(caught.value.result)
        again = pickle.loads(pickle.dumps(interrupted))
        assert (type(again), str(again)) == (aumann.Interrupted, str(interrupted))
        assert again.result.samples[0].count == caught.value.result.samples[0].count

    @pytest.mark.parametrize("method", METHODS[3:], ids=repr)
    def test_a_late_one_hands_over_the_samples_drawn(self, method: Any) -> None:
        value = Fails(RuntimeError("the licence server is down"))
        more = type(method)(
            type(method.estimator)(
                2000, **{k: getattr(method.estimator, k) for k in ("seed",)}, **flags(method)
            )
        )
        game = aumann.Game(value, 22, max_bytes=22 * 8)
        with pytest.raises(aumann.GameError, match="the licence server is down") as caught:
            aumann.attribute(game, method=more)
        partial = caught.value.result
        assert 0 < partial.samples[0].count < 2000
        assert np.isfinite(partial.values).all()
        # Mended, it goes on to where an undisturbed run ends.
        value.asked = -(10**9)
        resumed = aumann.attribute(game, method=more, resume=partial)
        whole = aumann.attribute(game, method=more)
        assert resumed.values.tobytes() == whole.values.tobytes()
        assert resumed.standard_error.tobytes() == whole.standard_error.tobytes()

    def test_of_steps_those_before_are_kept(self) -> None:
        x = np.ones((3, 22, 1))
        x[1] = 2.0

        def value(part: NDArray[np.float64]) -> float:
            if 2.0 in part and (part == 0).sum() == 7:
                raise RuntimeError("no")
            return float(part.sum() ** 2)

        with pytest.raises(aumann.GameError) as caught:
            aumann.attribute(x, value, method=METHODS[3])
        partial = caught.value.result
        assert np.isfinite(partial.values[0]).all()
        assert np.isnan(partial.values[1:]).all()
        assert len(partial.samples) == 1

    def test_an_error_of_the_core_hands_them_over_too(self) -> None:
        """One of two terms leaves its domain in few coalitions: both keep the same samples."""
        x = np.full((30, 2), 0.01)
        x[0], x[1] = (95.0, 0.0), (0.0, -14.0)
        x[2:14, 1] = 1.1
        both = aumann.Variance() + aumann.Heat()
        plain = {"antithetic": False, "control_variate": False}
        method = aumann.Shapley(aumann.PermutationSampling(20_000, seed=2, **plain))
        with pytest.raises(ValueError, match="the product is -") as caught:
            aumann.attribute(x, both, method=method)
        partial = caught.value.result  # type: ignore[attr-defined]
        drawn = partial.samples[0].count
        assert {each.samples for each in partial.samples[0].moments} == {drawn}
        few = aumann.Shapley(aumann.PermutationSampling(drawn, seed=2, **plain))
        again = aumann.attribute(x, both, method=few)
        assert again.values.tobytes() == partial.values.tobytes()


def flags(method: Any) -> dict[str, bool]:
    names = ("antithetic", "reuse")
    return {k: getattr(method.estimator, k) for k in names if hasattr(method.estimator, k)}
