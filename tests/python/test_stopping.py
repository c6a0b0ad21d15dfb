"""When sampling may stop, and what its errors say: nothing that the samples cannot tell."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import aumann
from aumann._student import half_width


def six_together(members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Worth 1 to six agents together, and a little to each of 34 others."""
    return members[:, :6].all(axis=1) + 1e-3 * members[:, 6:] @ np.linspace(0.5, 1, 34)


def eight_together(members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Eight instead: a third of all runs of 32 samples does not show it."""
    return members[:, :8].all(axis=1) + 1e-3 * members[:, 8:] @ np.linspace(0.5, 1, 32)


def wavering(members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The same, where the others interact: no agent's samples are equal."""
    return members[:, :6].all(axis=1) + 1e-3 * np.sqrt(members[:, 6:] @ np.linspace(0.5, 1, 34))


def against_each_other(members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Six agents win what six others lose: the values of all and of none are the same."""
    return (
        members[:, :6].all(axis=1).astype(float)
        - members[:, 6:12].all(axis=1)
        + 1e-2 * members[:, 12:].sum(axis=1)
    )


@pytest.mark.parametrize(
    ("value", "together"),
    [(six_together, 6), (eight_together, 8), (wavering, 6), (against_each_other, 6)],
)
def test_an_event_that_no_sample_shows_is_no_reason_to_stop(value: Any, together: int) -> None:
    """Each of six agents adds 1 where the five others are in: 2^-5, in a coalition of 32."""
    for seed in range(10):
        sampling = aumann.CoalitionSampling(1200, reuse=False, tolerance=0.25, seed=seed)
        result = aumann.attribute(aumann.Game(value, 40), method=aumann.Banzhaf(sampling))
        errors = result.standard_error[:together]
        exact = 0.5 ** (together - 1)
        assert (np.abs(result.values[:together] - exact) < 5 * errors).all(), seed
        assert (errors > 0).all()


def test_heat_of_features_that_single_agents_hold() -> None:
    """Six agents hold one feature each, so heat is log 2 where all six are in: 2^-5 log 2."""
    x = np.zeros((40, 6))
    x[range(6), range(6)] = 40
    for seed in range(20):
        sampling = aumann.CoalitionSampling(3000, reuse=False, tolerance=0.2, seed=seed)
        result = aumann.attribute(x, aumann.Heat(), method=aumann.Banzhaf(sampling))
        errors = result.standard_error
        assert (np.abs(result.values[:6] - np.log(2) / 32) < 5 * errors[:6]).all(), seed
        assert np.ptp(result.values) > 0
        # The others stand at their baseline: they are known to add nothing.
        assert (result.values[6:] == 0).all()
        assert (errors[6:] == 0).all()


def test_orders_that_hardly_ever_matter() -> None:
    """Three agents are worth 1 until one of three others comes: by symmetry 1/20/3 each."""

    def value(members: NDArray[np.bool_]) -> NDArray[np.float64]:
        early = members[:, :3].all(axis=1) & ~members[:, 3:6].any(axis=1)
        return early + 0.02 * members[:, 6:].sum(axis=1)

    for seed in range(10):
        sampling = aumann.PermutationSampling(1500, antithetic=False, tolerance=0.2, seed=seed)
        result = aumann.attribute(aumann.Game(value, 24), method=aumann.Shapley(sampling))
        assert (np.abs(result.values[:3] - 1 / 60) < 5 * result.standard_error[:3]).all(), seed


def test_a_stated_bound_lets_a_run_stop_sooner() -> None:
    def additive(members: NDArray[np.bool_]) -> NDArray[np.float64]:
        return members @ np.linspace(0.0, 1.0, 30)

    drawn = []
    for bound in (None, 1.0):
        sampling = aumann.PermutationSampling(4000, antithetic=False, tolerance=0.05)
        game = aumann.Game(additive, 30, bound=bound)
        drawn.append(aumann.attribute(game, method=aumann.Shapley(sampling)).samples[0].count)
    # 3 R/k within 1.96 times the tolerance: R is 15, the range of the values, or 1.
    assert drawn[0] >= 3 * 15 / (1.96 * 0.05) > 4 * drawn[1]
    assert 3 / (1.96 * 0.05) <= drawn[1] <= 1.3 * 3 / (1.96 * 0.05) + 8


def test_what_is_exact_stops_at_once_and_has_no_error() -> None:
    x = np.random.default_rng(0).exponential(size=(50, 2))
    for function in (aumann.Mean(), aumann.Variance(), aumann.GiniMeanDifference()):
        sampling = aumann.PermutationSampling(4000, tolerance=1e-6)
        result = aumann.attribute(x, function, method=aumann.Shapley(sampling))
        assert result.samples[0].count == 2
        exact = aumann.attribute(x, function, method=aumann.Shapley())
        np.testing.assert_allclose(result.values, exact.values, atol=1e-11)
        assert (result.standard_error < 1e-11).all()
    # One order is exact for the mean only.
    plain = aumann.PermutationSampling(400, antithetic=False, tolerance=0.2)
    result = aumann.attribute(x, aumann.Variance(), method=aumann.Shapley(plain))
    assert result.samples[0].count >= 32


def test_no_stop_before_32_samples() -> None:
    x = np.random.default_rng(1).exponential(size=(50, 2))
    for method in (
        aumann.Shapley(aumann.PermutationSampling(2000, tolerance=1.0)),
        aumann.Banzhaf(aumann.CoalitionSampling(2000, reuse=False, tolerance=1.0)),
    ):
        assert aumann.attribute(x, aumann.Heat(), method=method).samples[0].count >= 32


def test_a_stop_is_where_a_resumed_run_stops() -> None:
    def run(count: int, **k: Any) -> aumann.Attribution:
        sampling = aumann.CoalitionSampling(count, reuse=False, tolerance=0.2, seed=3)
        return aumann.attribute(aumann.Game(wavering, 40), method=aumann.Banzhaf(sampling), **k)

    whole = run(2000)
    resumed = run(2000, resume=run(50))
    assert whole.samples[0].runs == resumed.samples[0].runs
    assert whole.values.tobytes() == resumed.values.tobytes()


QUOTA = np.array([3.0] * 12 + [40.0, 35.0, 30.0])


def voting(members: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return members @ QUOTA > QUOTA.sum() / 2


def test_equal_samples_tell_no_error() -> None:
    """A voter who is never pivotal in 20 orders has not been shown to have no power."""
    unknown = 0
    for seed in range(10):
        sampling = aumann.PermutationSampling(20, antithetic=False, seed=seed)
        result = aumann.attribute(aumann.Game(voting, 15), method=aumann.Shapley(sampling))
        never = result.values == 0
        assert (np.isnan(result.standard_error) == never).all()
        unknown += never.sum()
        if never.any():
            assert f"unknown for {never.sum()} values" in repr(result)
    assert unknown > 0
    merged = result.merge(
        aumann.attribute(
            aumann.Game(voting, 15),
            method=aumann.Shapley(aumann.PermutationSampling(4000, antithetic=False, seed=99)),
        )
    )
    assert (merged.standard_error > 0).all()


@pytest.mark.parametrize("scale", [1e-250, 1.0, 1e250])
def test_errors_of_values_whose_squares_are_out_of_range(scale: float) -> None:
    for method in (
        aumann.Shapley(aumann.PermutationSampling(40, antithetic=False)),
        aumann.Banzhaf(aumann.CoalitionSampling(40)),
    ):
        unit, result = (
            aumann.attribute(aumann.Game(lambda c, s=s: s * voting(c), 15), method=method)
            for s in (1.0, scale)
        )
        np.testing.assert_allclose(result.standard_error / scale, unit.standard_error, rtol=1e-9)


class TestIntervals:
    @pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
    def test_quantiles_are_those_of_student(self, level: float) -> None:
        for degrees in (1, 2, 3, 9, 30, 31, 399, 400, 5000):
            wanted = stats.t.ppf(0.5 + level / 2, degrees)
            assert half_width(level, degrees) == pytest.approx(wanted, rel=2e-9)
        assert half_width(level, math.inf) == pytest.approx(stats.norm.ppf(0.5 + level / 2))
        assert math.isnan(half_width(level, 0))

    @pytest.mark.parametrize("count", [5, 10, 40])
    @pytest.mark.parametrize("plan", ["orders", "pairs", "marginal", "reused"])
    def test_they_hold_the_exact_value_as_often_as_they_say(self, plan: str, count: int) -> None:
        x = np.random.default_rng(5).exponential(size=(8, 2))
        method: Any = {
            "orders": lambda seed: aumann.Shapley(
                aumann.PermutationSampling(count, antithetic=False, seed=seed)
            ),
            "pairs": lambda seed: aumann.Shapley(aumann.PermutationSampling(2 * count, seed=seed)),
            "marginal": lambda seed: aumann.Banzhaf(
                aumann.CoalitionSampling(count, reuse=False, seed=seed)
            ),
            "reused": lambda seed: aumann.Banzhaf(aumann.CoalitionSampling(4 * count, seed=seed)),
        }[plan]
        exact = aumann.attribute(x, aumann.Heat(), method=type(method(0))()).values
        held = []
        for seed in range(300):
            result = aumann.attribute(x, aumann.Heat(), method=method(seed))
            low, high = result.interval(0.95)
            held.append((low <= exact) & (exact <= high))
        # Normal quantiles hold 88 % at five samples and 92 % at ten.
        assert 0.935 < np.mean(held) < 0.975

    def test_per_step_and_what_they_refuse(self) -> None:
        x = np.random.default_rng(2).exponential(size=(2, 6, 2))
        present = np.ones((2, 6), dtype=bool)
        present[1, 0] = False
        method = aumann.Shapley(aumann.PermutationSampling(12))
        result = aumann.attribute(x, aumann.Heat(), method=method, presence=present)
        low, high = result.interval(0.9)
        assert low.shape == (2, 6)
        width = stats.t.ppf(0.95, 5) * result.standard_error
        np.testing.assert_allclose(high - result.values, width, rtol=1e-8)
        assert np.isnan(low[1, 0])
        assert np.isfinite(low).sum() == 11
        with pytest.raises(ValueError, match="level: 1, a number between 0 and 1"):
            result.interval(1)
        with pytest.raises(TypeError, match="level: '95'"):
            result.interval("95")
        with pytest.raises(TypeError, match="exact and have no standard errors"):
            aumann.attribute(x, aumann.Heat()).interval()
