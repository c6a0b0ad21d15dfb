"""Sampled Shapley and Banzhaf values: unbiased, honest, the same bits however they are drawn."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import coalitions
import numpy as np
import pytest
import reference
from numpy.typing import NDArray
from scipy import stats

import aumann
from aumann.value_functions import from_name

Plan = Callable[..., Any]
PLANS: dict[str, Plan] = {
    "orders": lambda count, **k: aumann.Shapley(
        aumann.PermutationSampling(count, antithetic=False, control_variate=False, **k)
    ),
    "antithetic": lambda count, **k: aumann.Shapley(
        aumann.PermutationSampling(count, control_variate=False, **k)
    ),
    "control": lambda count, **k: aumann.Shapley(
        aumann.PermutationSampling(count, antithetic=False, **k)
    ),
    "default": lambda count, **k: aumann.Shapley(aumann.PermutationSampling(count, **k)),
    "reused": lambda count, **k: aumann.Banzhaf(aumann.CoalitionSampling(count, **k)),
    "marginal": lambda count, **k: aumann.Banzhaf(
        aumann.CoalitionSampling(count, reuse=False, **k)
    ),
}


def inputs(n: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 5, (n, 3)) / 2.0 + rng.random((n, 1)), rng.random((n, 3)) / 4


@pytest.mark.parametrize("name", reference.NAMES)
@pytest.mark.parametrize("plan", PLANS)
def test_unbiased_within_their_own_errors(name: str, plan: str) -> None:
    """Over 150 seeds z is centred at 0 and its mean square is near 1."""
    x, rows = inputs(7)
    function, seeds, count = from_name(name), 150, 60
    game = coalitions.population_game(name, x, rows)
    exact = (
        coalitions.shapley if "shapley" in repr(PLANS[plan](2)).lower() else coalitions.banzhaf
    )(game, 7)
    found = [
        aumann.attribute(x, function, method=PLANS[plan](count, seed=seed), baseline=rows)
        for seed in range(seeds)
    ]
    errors = np.array([result.standard_error for result in found])
    deviations = np.array([result.values for result in found]) - exact
    scale = np.abs(exact).max()
    if (errors < 1e-10 * scale).all():
        # Exact by symmetry of pairs; only the unit of the sums is left.
        assert np.abs(deviations).max() < 1e-10 * scale
        return
    z = deviations / errors
    # Means of 150 draws of about unit variance, over 7 agents.
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(seeds)
    assert 0.75 < (z**2).mean() < 1.35


@pytest.mark.parametrize("name", ["mean", "variance", "gini"])
def test_one_antithetic_pair_is_exact_where_agents_interact_in_pairs(name: str) -> None:
    x, rows = inputs(500)
    function = from_name(name)
    exact = aumann.attribute(x, function, method=aumann.Shapley(), baseline=rows).values
    pair = aumann.attribute(x, function, method=PLANS["antithetic"](2), baseline=rows)
    np.testing.assert_allclose(pair.values, exact, atol=1e-11 * np.abs(exact).max())
    assert np.isnan(pair.standard_error).all()
    assert abs(pair.relative_residual) < 1e-11


@pytest.mark.parametrize("name", reference.NAMES)
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("n", [40, 40_000])
@pytest.mark.filterwarnings("ignore:.* agents are in all or none of the")
def test_the_same_bits_at_any_number_of_threads_and_in_any_pieces(
    name: str, plan: str, n: int
) -> None:
    x, rows = inputs(n)
    function = from_name(name)
    draw = lambda count, **k: aumann.attribute(  # noqa: E731
        x, function, method=PLANS[plan](count, seed=9), baseline=rows, **k
    )
    count = 6 if n > 1_000 else 100
    try:
        aumann.set_threads(1)
        whole = draw(count)
        for threads in (2, 3, 8):
            aumann.set_threads(threads)
            again = draw(count)
            assert again.values.tobytes() == whole.values.tobytes()
            assert again.standard_error.tobytes() == whole.standard_error.tobytes()
    finally:
        aumann.set_threads(None)
    resumed = draw(count, resume=draw(2))
    assert resumed.values.tobytes() == whole.values.tobytes()
    assert resumed.standard_error.tobytes() == whole.standard_error.tobytes()
    assert resumed.evaluations == whole.evaluations
    samples = PLANS[plan](2).estimator.samples
    rest = PLANS[plan](count - 2, seed=9, first=samples)
    late = aumann.attribute(x, function, method=rest, baseline=rows)
    for merged in (draw(2).merge(late), late.merge(draw(2))):
        assert merged.values.tobytes() == whole.values.tobytes()
        assert merged.standard_error.tobytes() == whole.standard_error.tobytes()
        assert merged.evaluations == whole.evaluations
        assert merged.seed == 9


def test_steps_draw_from_their_own_streams_and_resume() -> None:
    x = np.stack([inputs(20)[0]] * 3)
    present = np.ones((3, 20), dtype=bool)
    present[1, :5] = False
    run = lambda count, **k: aumann.attribute(  # noqa: E731
        x, aumann.Heat(), method=PLANS["orders"](count, seed=1), presence=present, **k
    )
    whole = run(40)
    assert whole.standard_error.shape == (3, 20)
    assert (whole.values[0] != whole.values[2]).all()
    assert (whole.values[1, :5] == 0).all()
    np.testing.assert_array_equal(run(40, resume=run(10)).values, whole.values)
    assert whole.evaluations == 40 * (21 + 16 + 21)
    single = aumann.attribute(x[0], aumann.Heat(), method=PLANS["orders"](40, seed=1))
    np.testing.assert_array_equal(single.values, whole.values[0])


def test_a_combination_adds_independent_terms() -> None:
    x, rows = inputs(8)
    both = aumann.Heat() + 0.5 * aumann.GiniMeanDifference()
    exact = aumann.attribute(x, both, method=aumann.Shapley(), baseline=rows)
    sampled = aumann.attribute(x, both, method=PLANS["orders"](600), baseline=rows)
    assert (np.abs(sampled.values - exact.values) < 5 * sampled.standard_error).all()
    half = aumann.attribute(x, both, method=PLANS["orders"](600, seed=1), baseline=rows)
    assert half.merge(sampled).seed is None


class TestStopping:
    def test_by_tolerance(self) -> None:
        x, _ = inputs(30)
        for tolerance in (0.2, 0.05):
            result = aumann.attribute(
                x, aumann.Heat(), method=PLANS["orders"](100_000, tolerance=tolerance)
            )
            spread = np.ptp(result.values)
            assert result.standard_error.max() <= tolerance * spread
            drawn = result.samples[0].count
            assert 32 <= drawn < 100_000
            # A run of the check before had not settled: 3 R/k and the width of its intervals.
            before = aumann.attribute(
                x, aumann.Heat(), method=PLANS["orders"](max(32, -(-drawn * 4 // 5) - 8))
            )
            reach = before.samples[0].moments[0].bound
            width = stats.t.ppf(0.975, before.samples[0].degrees) * before.standard_error.max()
            missed = 3 * reach / before.samples[0].count
            assert width + missed > 0.9 * 1.96 * tolerance * np.ptp(before.values)

    def test_by_time(self) -> None:
        x, _ = inputs(2_000)
        began = time.perf_counter()
        result = aumann.attribute(
            np.stack([x, x]), aumann.Heat(), method=PLANS["orders"](1_000_000, max_seconds=0.5)
        )
        assert time.perf_counter() - began < 3
        assert all(0 < step.count < 1_000_000 for step in result.samples)

    @pytest.fixture
    def heeded(self) -> Iterator[None]:
        """Let SIGINT interrupt, which may be ignored where the tests run in the background."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def test_ctrl_c_carries_what_was_drawn(self, heeded: None) -> None:
        x, _ = inputs(2_000)
        timer = threading.Timer(
            0.5, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)
        )
        timer.start()
        began = time.perf_counter()
        with pytest.raises(aumann.Interrupted) as caught:
            aumann.attribute(
                np.stack([x, x]),
                aumann.Heat() + aumann.Variance(),
                method=PLANS["orders"](1_000_000, seed=2),
            )
        assert time.perf_counter() - began < 2
        partial = caught.value.result
        drawn = partial.samples[0].count
        assert 0 < drawn < 1_000_000
        assert np.isfinite(partial.values[0]).all()
        assert np.isnan(partial.values[1]).all()
        again = aumann.attribute(
            x, aumann.Heat() + aumann.Variance(), method=PLANS["orders"](drawn, seed=2)
        )
        np.testing.assert_array_equal(partial.values[0], again.values)


class TestBadInput:
    def test_numbers_out_of_range(self) -> None:
        for wrong, message in (
            (lambda: aumann.PermutationSampling(0), "permutations: 0"),
            (lambda: aumann.PermutationSampling(-2), "permutations: -2"),
            (lambda: aumann.PermutationSampling(3), "permutations: 3, an even number"),
            (lambda: aumann.PermutationSampling(2**40), "permutations: 1099511627776"),
            (lambda: aumann.CoalitionSampling(0), "coalitions: 0"),
            (lambda: aumann.PermutationSampling(2, tolerance=0), "tolerance: 0"),
            (lambda: aumann.PermutationSampling(2, tolerance=1.5), "tolerance: 1.5"),
            (lambda: aumann.CoalitionSampling(2, max_seconds=-1), "max_seconds: -1"),
            (lambda: aumann.CoalitionSampling(2, max_seconds=np.inf), "max_seconds: inf"),
            (lambda: aumann.PermutationSampling(2, seed=-1), "seed: -1"),
            (lambda: aumann.PermutationSampling(2, seed=2**64), "seed: 18446744073709551616"),
        ):
            with pytest.raises(ValueError, match=message):
                wrong()
        for wrong, message in (
            (lambda: aumann.PermutationSampling(2.0), "permutations: 2.0, an integer"),
            (lambda: aumann.PermutationSampling(2, seed="a"), "seed: 'a'"),
            (lambda: aumann.CoalitionSampling(2, reuse=1), "reuse: 1, True or False"),
            (lambda: aumann.Shapley(aumann.CoalitionSampling(2)), "PermutationSampling or Mean"),
            (lambda: aumann.Banzhaf(aumann.PermutationSampling), "CoalitionSampling or MeanField"),
        ):
            with pytest.raises(TypeError, match=message):
                wrong()

    def test_what_cannot_be_resumed(self) -> None:
        x, rows = inputs(10)
        method = PLANS["orders"](20, seed=1)
        result = aumann.attribute(x, aumann.Heat(), method=method)
        more = PLANS["orders"](40, seed=1)
        for changed, message in (
            ({"baseline": rows}, "other inputs"),
            ({"x": x + 1e-9}, "other inputs"),
            ({"x": x[::-1]}, "other inputs"),
            ({"value_function": aumann.Variance()}, r"Heat\(\), Variance\(\) is wanted"),
            ({"method": PLANS["orders"](40, seed=2)}, "of seed 2 is wanted"),
            ({"method": PLANS["antithetic"](40, seed=1)}, "the same method"),
            ({"method": PLANS["orders"](10, seed=1)}, "20 samples are there, more than the 10"),
        ):
            given = {"x": x, "value_function": aumann.Heat(), "method": more} | changed
            with pytest.raises(ValueError, match=message):
                aumann.attribute(**given, resume=result)
        exact = aumann.attribute(x, aumann.Heat())
        with pytest.raises(TypeError, match="a sampled result is wanted"):
            aumann.attribute(x, aumann.Heat(), method=more, resume=exact)
        with pytest.raises(TypeError, match="draws no samples"):
            aumann.attribute(x, aumann.Heat(), resume=result)

    def test_what_cannot_be_merged(self) -> None:
        x, _ = inputs(10)
        run = lambda x, **k: aumann.attribute(  # noqa: E731
            x, aumann.Heat(), method=PLANS["orders"](20, **k)
        )
        first = run(x)
        for other, message in (
            (run(x), "samples 0 to 19 of seed 0 are in both"),
            (run(x, first=15), "samples 15 to 19 of seed 0 are in both"),
            (run(x + 1, seed=1), "another game"),
            (run(x[:9], seed=1), r"shape \(9,\)"),
        ):
            with pytest.raises(ValueError, match=message):
                first.merge(other)
        with pytest.raises(TypeError, match="both sampled"):
            first.merge(aumann.attribute(x, aumann.Heat()))
        assert first.merge(run(x, seed=1)).samples[0].count == 40

    def test_heat_that_leaves_its_domain_in_a_coalition(self) -> None:
        x = [[6.0, -2.0], [-2.0, 6.0], [0.1, 0.1]]
        with pytest.raises(ValueError, match="product"):
            aumann.attribute(x, aumann.Heat(), method=PLANS["orders"](20))
