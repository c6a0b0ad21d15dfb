"""Shapley, Banzhaf and leave-one-out, exact: against full enumeration."""

import coalitions
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

import aumann
from aumann.value_functions import from_name

METHODS = {
    "shapley": aumann.Shapley(),
    "banzhaf": aumann.Banzhaf(),
    "leave_one_out": aumann.LeaveOneOut(),
}


def random_inputs(seed: int, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and a baseline per agent with many ties."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, (n, d)) / 2.0, rng.integers(0, 3, (n, d)) / 4.0


@pytest.mark.parametrize("name", reference.NAMES)
@pytest.mark.parametrize("value", METHODS)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    n=st.integers(1, 7),
    d=st.integers(1, 4),
    kind=st.sampled_from(["zero", "row", "agent"]),
)
def test_exact_values_are_those_of_enumeration(
    name: str, value: str, seed: int, n: int, d: int, kind: str
) -> None:
    x, rows = random_inputs(seed, n, d)
    baseline = {"zero": 0.0, "row": rows[0], "agent": rows}[kind]
    game = coalitions.population_game(name, x, baseline)
    expected = coalitions.VALUES[value](game, n)
    result = aumann.attribute(x, from_name(name), method=METHODS[value], baseline=baseline)
    scale = max(1e-3, float(np.abs(expected).max()))
    np.testing.assert_allclose(result.values, expected, atol=1e-13 * max(scale, 1.0))
    assert result.value == pytest.approx(reference.value(name, x), rel=1e-12, abs=1e-14)
    if value == "shapley":
        assert abs(result.residual) <= 1e-12 * max(1.0, np.abs(result.values).sum())


@pytest.mark.parametrize("method", [aumann.Shapley(), aumann.Banzhaf()])
def test_enumeration_gives_equal_agents_equal_bits_and_dummies_nothing(
    method: aumann.Shapley,
) -> None:
    x, rows = np.random.default_rng(4).random((2, 14, 3))
    x[[3, 9, 13]], rows[[3, 9, 13]] = x[0], rows[0]
    x[[5, 6]] = rows[[5, 6]]
    values = aumann.attribute(x, aumann.Heat(), method=method, baseline=rows).values
    assert (values[[3, 9, 13]] == values[0]).all()
    assert (values[[5, 6]] == 0).all()
    assert len(set(values)) == 10


def test_enumeration_is_the_definition_by_orders() -> None:
    x, rows = random_inputs(3, 6, 2)
    game = coalitions.population_game("heat", x, rows)
    result = aumann.attribute(x, aumann.Heat(), method=aumann.Shapley(), baseline=rows)
    np.testing.assert_allclose(result.values, coalitions.shapley_by_orders(game, 6), atol=1e-14)
    assert result.estimator == "enumeration"


@pytest.mark.parametrize("name", reference.NAMES)
@pytest.mark.parametrize("value", METHODS)
def test_float32_and_presence(name: str, value: str) -> None:
    x, rows = random_inputs(11, 9, 3)
    present = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1], dtype=bool)
    game = coalitions.population_game(name, x[present], rows[present])
    expected = coalitions.VALUES[value](game, 7)
    for dtype, tolerance in ((np.float64, 1e-13), (np.float32, 1e-6)):
        result = aumann.attribute(
            x.astype(dtype),
            from_name(name),
            method=METHODS[value],
            baseline=rows.astype(dtype),
            presence=present,
        )
        assert result.values.dtype == dtype
        assert (result.values[~present] == 0).all()
        np.testing.assert_allclose(result.values[present], expected, atol=tolerance)


def test_a_combination_is_attributed_term_by_term() -> None:
    x, rows = random_inputs(5, 8, 3)
    both = aumann.attribute(
        x, 2 * aumann.Heat() - aumann.Variance(), method=aumann.Shapley(), baseline=rows
    )
    heat, variance = (
        coalitions.shapley(coalitions.population_game(name, x, rows), 8)
        for name in ("heat", "variance")
    )
    np.testing.assert_allclose(both.values, 2 * heat - variance, atol=1e-13)
    assert set(both.estimator.split(", ")) == {"enumeration", "closed form"}


def test_shapley_of_gini_is_not_aumann_shapley() -> None:
    s = 10 + np.random.default_rng(0).random((1_000, 1))
    function = aumann.GiniMeanDifference()
    ours = aumann.attribute(s, function)
    shapley = aumann.attribute(s, function, method=aumann.Shapley())
    assert np.abs(ours.values - shapley.values).max() > 0.9 * np.abs(ours.values).max()
    assert abs(shapley.residual) < 1e-13 * np.abs(shapley.values).sum()


@pytest.mark.parametrize("method", [aumann.Shapley(), aumann.Banzhaf()])
def test_beyond_enumeration_the_estimators_are_named(method: aumann.Shapley) -> None:
    with pytest.raises(ValueError, match=r"ends at 24 agents; there are 25: use .*MeanField.*\("):
        aumann.attribute(np.ones((25, 2)), aumann.Heat(), method=method)


class TestMeanFieldExpansion:
    def types(self, agents: int) -> np.ndarray:
        rows = np.random.default_rng(8).random((4, 3)) + 0.1
        return np.tile(rows, (agents // 4, 1))

    # The error of order 0 is 2 % of 16 agents' values.
    @pytest.mark.filterwarnings("ignore:.*has not converged:RuntimeWarning")
    def test_error_falls_with_the_order(self) -> None:
        x = self.types(16)
        for method, value in ((aumann.Shapley, "shapley"), (aumann.Banzhaf, "banzhaf")):
            exact = aumann.attribute(x, aumann.Heat(), method=method())
            assert exact.estimator == "enumeration", value
            errors = []
            for order in (0, 1, 2):
                expansion = aumann.MeanFieldExpansion(order)
                found = aumann.attribute(x, aumann.Heat(), method=method(expansion))
                errors.append(np.abs(found.values - exact.values).max())
            assert errors[1] < errors[0] / 8
            assert errors[2] < errors[1] / 8

    def test_the_estimate_of_the_error_is_honest_and_small_at_scale(self) -> None:
        x = self.types(16)
        exact = aumann.attribute(x, aumann.Heat(), method=aumann.Shapley())
        found = aumann.attribute(
            x, aumann.Heat(), method=aumann.Shapley(aumann.MeanFieldExpansion())
        )
        assert np.abs(found.values - exact.values).max() < found.error_estimate
        large = aumann.attribute(
            self.types(1_000_000), aumann.Heat(), method=aumann.Shapley(aumann.MeanFieldExpansion())
        )
        assert large.error_estimate < 1e-12 * large.values.max()
        assert abs(large.relative_residual) < 1e-12

    def test_within_the_errors_of_sampling(self) -> None:
        x = np.random.default_rng(2).exponential(size=(1_000, 3))
        x[np.random.default_rng(3).random((1_000, 3)) < 0.7] = 0
        expansion = aumann.attribute(
            x, aumann.Heat(), method=aumann.Shapley(aumann.MeanFieldExpansion())
        )
        sampled = aumann.attribute(
            x, aumann.Heat(), method=aumann.Shapley(aumann.PermutationSampling(2_000, seed=4))
        )
        # Agents at their baseline have nothing, in either.
        moving = x.any(axis=1)
        assert not sampled.values[~moving].any()
        deviations = (sampled.values - expansion.values)[moving]
        z = deviations / sampled.standard_error[moving]
        # 1,000 correlated agents: the mean square is near 1, the largest seldom above 5.
        assert 0.7 < np.mean(z**2) < 1.4
        assert np.abs(z).max() < 5.5

    def test_other_functions_are_refused(self) -> None:
        method = aumann.Shapley(aumann.MeanFieldExpansion())
        with pytest.raises(ValueError, match="gini"):
            aumann.attribute([[1.0], [2.0]], aumann.GiniMeanDifference(), method=method)
        with pytest.raises(TypeError, match="expands functions of feature means"):
            aumann.attribute([[1.0], [2.0]], np.sum, method=method)
        with pytest.raises(ValueError, match="order: 3"):
            aumann.MeanFieldExpansion(3)


@pytest.mark.parametrize(("size", "places"), [(1e2, 1e-12), (1e4, 1e-12)])
def test_heat_that_falls_from_a_large_product(size: float, places: float) -> None:
    x = np.array([[0.0, 1.0, 2.0], [0.0, 0.5, 1.0]])
    rows = np.full((2, 3), size)
    game = coalitions.population_game("heat", x, rows)
    for value, method in METHODS.items():
        expected = coalitions.VALUES[value](game, 2)
        result = aumann.attribute(x, aumann.Heat(), method=method, baseline=rows)
        np.testing.assert_allclose(result.values, expected, rtol=places)
    sampled = aumann.attribute(
        x, aumann.Heat(), method=aumann.Shapley(aumann.PermutationSampling(2)), baseline=rows
    )
    expected = coalitions.shapley(game, 2)
    np.testing.assert_allclose(sampled.values, expected, rtol=1e-9)


@pytest.mark.parametrize("reuse", [True, False])
def test_heat_of_small_products_is_sampled_from_step_to_step(reuse: bool) -> None:
    x = np.random.default_rng(0).poisson(1.0, (3, 50, 3))
    method = aumann.Banzhaf(aumann.CoalitionSampling(200, reuse=reuse))
    for scale in (1.0, 0.1, 0.01):
        for baseline in ("previous", "mean", 0.05):
            result = aumann.attribute(x * scale, aumann.Heat(), method=method, baseline=baseline)
            assert np.isfinite(result.values).all()


def test_a_sum_under_an_expansion_takes_closed_forms_where_they_are() -> None:
    x = np.random.default_rng(1).random((100, 3))
    method = aumann.Shapley(aumann.MeanFieldExpansion())
    both = aumann.attribute(x, aumann.Heat() + aumann.Variance(), method=method)
    heat = aumann.attribute(x, aumann.Heat(), method=method)
    variance = aumann.attribute(x, aumann.Variance(), method=aumann.Shapley())
    np.testing.assert_allclose(both.values, heat.values + variance.values, rtol=1e-14)
