"""How far attributions rank the agents alike."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rankings import figures, found

import aumann


def credited(values: Any, presence: Any = None) -> aumann.Attribution:
    """An attribution of given values: the mean of one feature is n times it."""
    values = np.asarray(values, dtype=np.float64)
    x = values[..., np.newaxis] * values.shape[-1]
    return aumann.attribute(np.where(np.isnan(x), 0, x), aumann.Mean(), presence=presence)


small = st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=12)


@settings(deadline=None)
@given(small, st.randoms(use_true_random=False), st.integers(1, 15))
def test_figures_are_those_of_their_definitions_with_ties(
    values: list[float], random: Any, k: int
) -> None:
    first = np.array(values)
    second = np.array([random.choice([-1.0, 0.0, 2.0]) + value / 2 for value in values])
    comparison = aumann.Comparison.of({"a": credited(first), "b": credited(second)}, k)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert np.isnan(found(comparison)).all()
    else:
        assert found(comparison)[:, 0] == pytest.approx(figures(first, second, k), abs=1e-12)


def test_figures_worked_out_by_hand() -> None:
    # One of three pairs is turned round: (2 - 1) / 3; 1 - 6 (1 + 1) / (3 * 8); of the top two,
    # {2, 1} and {2, 0}, one is shared and three are in either.
    results = {"a": credited([1.0, 2.0, 3.0]), "b": credited([2.0, 1.0, 3.0])}
    comparison = aumann.Comparison.of(results, k=2)
    assert found(comparison)[:, 0] == pytest.approx([1 / 3, 0.5, 0.5, 1 / 3])
    assert comparison.pairs == (("a", "b"),)


@pytest.mark.parametrize("values", [[2.0, 2.0, 2.0], [0.0, 0.0, 0.0]])
def test_equal_numbers_rank_nobody(values: list[float]) -> None:
    ranked = credited([1.0, 2.0, 3.0])
    for pair in ((ranked, credited(values)), (credited(values), ranked)):
        comparison = aumann.Comparison.of(dict(zip("ab", pair, strict=True)), k=1)
        assert np.isnan(found(comparison)).all()


@pytest.mark.parametrize("agents", [1, 2])
def test_few_agents(agents: int) -> None:
    values = np.arange(agents, dtype=float)
    comparison = aumann.Comparison.of({"a": credited(values), "b": credited(values)})
    expected = np.full(4, np.nan) if agents == 1 else np.ones(4)
    np.testing.assert_allclose(found(comparison)[:, 0], expected)


def test_equal_values_are_ranked_by_the_lower_index() -> None:
    results = {"a": credited([1.0, 1.0, 0.0, 1.0]), "b": credited([1.0, 0.0, 0.0, 1.0])}
    comparison = aumann.Comparison.of(results, k=2)
    for name, expected in (("a", [0, 1]), ("b", [0, 3])):
        assert results[name].top(2).agents.tolist() == expected
    assert comparison.overlap[0] == 0.5
    assert comparison.jaccard[0] == pytest.approx(1 / 3)


def test_more_than_everybody_is_shared() -> None:
    results = {"a": credited([1.0, 2.0, 3.0]), "b": credited([3.0, 2.0, 1.0])}
    comparison = aumann.Comparison.of(results, k=5)
    assert (comparison.overlap[0], comparison.jaccard[0], comparison.k) == (1, 1, 5)


def test_only_agents_present_in_both_are_ranked() -> None:
    rng = np.random.default_rng(3)
    values, other = rng.normal(size=(2, 3, 20))
    here, there = rng.random((2, 3, 20)) < 0.7
    results = {"a": credited(values, here), "b": credited(other, there)}
    comparison = aumann.Comparison.of(results, k=4)
    for t in range(3):
        both = here[t] & there[t]
        expected = figures(results["a"].values[t][both], results["b"].values[t][both], 4)
        assert found(comparison)[:, 0, t] == pytest.approx(expected, abs=1e-12)


def test_agents_without_a_value_are_left_out() -> None:
    x = np.random.default_rng(1).exponential(size=(12, 2))
    # The only coalition leaves each agent in or out, so that no agent has both means.
    sampled = aumann.Banzhaf(aumann.CoalitionSampling(3, seed=2))
    with pytest.warns(RuntimeWarning, match="agents are in all or none"):
        few = aumann.attribute(x, aumann.Heat(), method=sampled)
    results = {
        "sampled": few,
        "exact": aumann.attribute(x, aumann.Heat(), method=aumann.Banzhaf()),
    }
    known = ~np.isnan(results["sampled"].values)
    assert 2 <= known.sum() < 12
    expected = figures(results["sampled"].values[known], results["exact"].values[known], 3)
    comparison = aumann.Comparison.of(results, k=3)
    assert found(comparison)[:, 0] == pytest.approx(expected, abs=1e-12)


def test_bad_results() -> None:
    one, other = credited([1.0, 2.0]), credited([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"results: values of shapes .*\(2,\).*one shape"):
        aumann.Comparison.of({"a": one, "b": other})
    with pytest.raises(TypeError, match=r"results\['b'\]: 1.0, an Attribution is wanted"):
        aumann.Comparison.of({"a": one, "b": 1.0})
    with pytest.raises(ValueError, match="results: 1 to compare"):
        aumann.Comparison.of({"a": one})
