"""Who turned it: steps compared with the one before, or with one of them."""

import coalitions
import numpy as np
import pytest
import reference

import aumann
from aumann.value_functions import from_name

METHODS = [aumann.AumannShapley(), aumann.Shapley(), aumann.Banzhaf(), aumann.LeaveOneOut()]


def series(seed: int = 0, steps: int = 4, agents: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Sparse features and who is there; NaN where nobody may look."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, (steps, agents, 2)) / 2.0
    present = rng.random((steps, agents)) < 0.7
    present[:, 0] = True
    x[~present] = np.nan
    return x, present


def filled(x: np.ndarray, present: np.ndarray, union: np.ndarray) -> np.ndarray:
    return np.where(present[:, None], x, 0.0)[union]


@pytest.mark.parametrize("name", reference.NAMES)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_the_change_is_attributed_on_the_union_of_both_steps(
    name: str, method: aumann.Shapley
) -> None:
    x, present = series()
    function = from_name(name)
    result = aumann.attribute(x, function, method=method, baseline="previous", presence=present)
    assert (result.values[0] == 0).all()
    assert result.total[0] == 0
    for t in range(1, len(x)):
        union = present[t] | present[t - 1]
        here, before = filled(x[t], present[t], union), filled(x[t - 1], present[t - 1], union)
        alone = aumann.attribute(here, function, method=method, baseline=before)
        np.testing.assert_array_equal(result.values[t][union], alone.values)
        assert (result.values[t][~union] == 0).all()
        change = reference.value(name, here) - reference.value(name, before)
        assert result.total[t] == pytest.approx(change, abs=1e-14)
        if isinstance(method, aumann.Shapley):
            game = coalitions.population_game(name, here, before)
            expected = coalitions.shapley(game, len(here))
            np.testing.assert_allclose(alone.values, expected, atol=1e-13)


@pytest.mark.parametrize("name", reference.NAMES)
def test_changes_telescope_where_everybody_stays(name: str) -> None:
    x = np.random.default_rng(1).exponential(size=(5, 40, 3))
    result = aumann.attribute(x, from_name(name), baseline="previous")
    total = reference.value(name, x[-1]) - reference.value(name, x[0])
    assert result.values.sum() == pytest.approx(total, rel=1e-12)
    assert result.baseline == "the step before"


def test_an_unchanged_agent_turned_nothing() -> None:
    x = np.random.default_rng(2).exponential(size=(2, 30, 3))
    x[1, 7] = x[0, 7]
    for name in reference.NAMES:
        for method in METHODS[:1] if name == "heat" else METHODS:
            result = aumann.attribute(x, from_name(name), method=method, baseline="previous")
            assert result.values[1, 7] == 0


@pytest.mark.parametrize("as_columns", [False, True])
def test_a_step_serves_all_others(as_columns: bool) -> None:
    x, present = series(3)
    given = [x[..., 0], x[..., 1]] if as_columns else x
    for at in (1, -3):
        result = aumann.attribute(
            given, aumann.Variance(), baseline=aumann.Step(at), presence=present
        )
        assert (result.values[1] == 0).all()
        for t in (0, 2, 3):
            union = present[t] | present[1]
            here, there = filled(x[t], present[t], union), filled(x[1], present[1], union)
            expected = reference.aumann_shapley("variance", here, there)
            np.testing.assert_allclose(result.values[t][union], expected.astype(float), atol=1e-14)
            np.testing.assert_array_equal(result.presence[t], union)


def test_a_population_is_compared_step_by_step() -> None:
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 3, (3, 20))
    present = rng.random((3, 20)) < 0.8
    counts[~present] = 0
    population = aumann.Population.from_arrays(
        {"posts": counts}, kinds="count", presence=present, step_labels=["mon", "tue", "wed"]
    )
    by_population = aumann.attribute(population, aumann.GiniMeanDifference(), baseline="previous")
    by_array = aumann.attribute(
        population.features(), aumann.GiniMeanDifference(), baseline="previous", presence=present
    )
    np.testing.assert_array_equal(by_population.values, by_array.values)
    by_label = aumann.attribute(population, aumann.Mean(), baseline=aumann.Step("tue"))
    by_index = aumann.attribute(population, aumann.Mean(), baseline=aumann.Step(1))
    np.testing.assert_array_equal(by_label.values, by_index.values)
    with pytest.raises(ValueError, match="baseline: step 'sun', one of 'mon' to 'wed' is wanted"):
        aumann.attribute(population, aumann.Mean(), baseline=aumann.Step("sun"))


def test_bad_steps_are_refused() -> None:
    x = np.ones((3, 4, 2))
    for baseline in ("previous", aumann.Step(0)):
        with pytest.raises(ValueError, match="x has no steps"):
            aumann.attribute(x[0], aumann.Mean(), baseline=baseline)
    with pytest.raises(ValueError, match="step 3, -3 to 2 is wanted"):
        aumann.attribute(x, aumann.Mean(), baseline=aumann.Step(3))
    with pytest.raises(ValueError, match="step 'mon', an index is wanted"):
        aumann.attribute(x, aumann.Mean(), baseline=aumann.Step("mon"))
    with pytest.raises(TypeError, match=r"step 1\.5"):
        aumann.attribute(x, aumann.Mean(), baseline=aumann.Step(1.5))
    with pytest.raises(ValueError, match="'before', 'mean', 'previous' or numbers"):
        aumann.attribute(x, aumann.Mean(), baseline="before")
    x[2, 2, 1] = np.inf
    with pytest.raises(ValueError, match="x: inf at step 2, agent 2, feature 1"):
        aumann.attribute(x, aumann.Mean(), baseline="previous")
    with pytest.raises(ValueError, match="baseline: inf at step 2, agent 2, feature 1"):
        aumann.attribute(x, aumann.Mean(), baseline=aumann.Step(2))
