"""Steps taken together, against NumPy on dense arrays padded to whole groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from aumann import Population
from aumann._sparse import SparseSteps


def padded(array, count):
    """Return a (T, N) array as (T', count, N), zeros after its end."""
    extra = -len(array) % count
    full = np.concatenate([array, np.zeros((extra, *array.shape[1:]), array.dtype)])
    return full.reshape(-1, count, *array.shape[1:])


def dense(series):
    return series.to_dense() if isinstance(series, SparseSteps) else series


@st.composite
def populations(draw):
    """Counts rare or many, a measurement, presence or none, in one topic or two."""
    steps, agents = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    topics = draw(st.integers(1, 2))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.05, 0.9]))
    shape = (topics, steps, agents)
    posts = random.integers(1, 9, shape) * (random.random(shape) < density)
    mood = random.normal(size=shape)
    presence = random.random((steps, agents)) < 0.6 if draw(st.booleans()) else None
    if presence is not None:
        posts, mood = posts * presence, np.where(presence, mood, 0.0)
    named = {"topics": ["a", "b"]} if topics == 2 else {}
    population = Population.from_arrays(
        {
            "reach": np.arange(agents),
            "posts": posts if named else posts[0],
            "mood": mood if named else mood[0],
        },
        kinds={"reach": "count", "posts": "count", "mood": "measurement"},
        presence=presence,
        **named,
    )
    there = np.ones((steps, agents), bool) if presence is None else presence
    return population, posts, mood, there


@settings(max_examples=80, deadline=None)
@given(populations(), st.integers(1, 11))
def test_merged_steps_are_what_numpy_finds(given_population, count):
    population, posts, mood, there = given_population
    merged = population.merge_steps(count)
    present = padded(there, count)
    if merged.presence is None:
        assert present.any(axis=1).all()
    else:
        assert_array_equal(merged.presence, present.any(axis=1))
    for k in range(len(posts)):
        assert_array_equal(dense(merged.series("posts")[k]), padded(posts[k], count).sum(axis=1))
        means = padded(mood[k], count).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
        assert_allclose(merged.series("mood")[k], means, rtol=1e-12, atol=1e-15)
    assert_array_equal(merged.agent_table["reach"], population.agent_table["reach"])
    assert (merged.topics, merged.feature_list) == (population.topics, population.feature_list)
    assert merged.steps == -(-population.steps // count)


@settings(max_examples=40, deadline=None)
@given(populations(), st.integers(2, 11))
def test_the_whole_window_has_the_same_counts(given_population, count):
    population = given_population[0]
    merged = population.merge_steps(count)
    topics = population.topics or (None,)
    for topic in topics:
        before = population.features(topic, window="whole")
        after = merged.features(topic, window="whole")
        assert_array_equal(after[:, :2], before[:, :2])
    assert_array_equal(
        merged.window_presence("whole") if merged.presence is not None else True,
        population.window_presence("whole") if population.presence is not None else True,
    )


@settings(max_examples=40, deadline=None)
@given(populations())
def test_merging_twice_is_merging_once(given_population):
    population = given_population[0]
    twice, once = population.merge_steps(2).merge_steps(3), population.merge_steps(6)
    for of_twice, of_once in zip(twice.series("posts"), once.series("posts"), strict=True):
        assert_array_equal(dense(of_twice), dense(of_once))
    assert (twice.presence is None) == (once.presence is None)
    if once.presence is not None:
        assert_array_equal(twice.presence, once.presence)
    assert twice.metadata["merged_steps"] == once.metadata["merged_steps"] == 6
    assert population.merge_steps(1) is population


def test_the_mean_of_a_measurement_is_over_the_steps_with_the_agent():
    mood = np.array([[4.0, 1.0, 0.0], [0.0, 3.0, 0.0], [5.0, 2.0, 0.0]])
    presence = np.array([[True, True, False], [False, True, False], [True, True, True]])
    population = Population.from_arrays({"mood": mood}, kinds="measurement", presence=presence)
    merged = population.merge_steps(2)
    assert_array_equal(merged.series("mood")[0], [[4.0, 2.0, 0.0], [5.0, 2.0, 0.0]])
    assert_array_equal(merged.presence, [[True, True, False], [True, True, True]])


def test_rare_counts_are_never_made_dense(monkeypatch):
    posts = np.zeros((25, 4_000), dtype=np.int64)
    posts[np.arange(25), np.arange(25) * 7] = 1
    posts[:, 9] = 2
    population = Population.from_arrays({"posts": posts}, kinds="count")
    monkeypatch.setattr(SparseSteps, "to_dense", None)
    merged = population.merge_steps(24).series("posts")[0]
    assert isinstance(merged, SparseSteps)
    assert merged.step(1)[0].tolist() == [9, 168]
    assert merged.step(1)[1].tolist() == [2, 1]
    assert merged.values.sum() == posts.sum()


def test_labels_are_the_first_of_the_parts():
    days = [f"2012-07-0{day}" for day in range(1, 8)]
    posts = np.ones((7, 2), dtype=np.int64)
    population = Population.from_arrays({"posts": posts}, kinds="count", step_labels=days)
    assert population.merge_steps(7).step_labels == ("2012-07-01",)
    assert population.merge_steps(3).step_labels == (
        "2012-07-01",
        "2012-07-04",
        "2012-07-07 (1 of 3 steps)",
    )
    assert population.merge_steps(9).step_labels == ("2012-07-01 (7 of 9 steps)",)
    assert population.merge_steps(10**30).series("posts")[0].tolist() == [[7, 7]]
    assert population.metadata == {}
    assert population.merge_steps(np.int64(3)).metadata == {"merged_steps": 3}


@pytest.mark.parametrize(
    ("count", "error", "message"),
    [
        (0, ValueError, "count: 0, at least 1 is wanted"),
        (-2, ValueError, "count: -2, at least 1 is wanted"),
        (2.0, TypeError, "count: 2.0, an integer is wanted"),
        (True, TypeError, "count: True, an integer is wanted"),
        ("day", TypeError, "count: 'day', an integer is wanted"),
    ],
)
def test_counts_of_steps_that_cannot_be(count, error, message):
    population = Population.from_arrays({"posts": [[1]]}, kinds="count")
    with pytest.raises(error, match=message):
        population.merge_steps(count)


@pytest.mark.parametrize("steps", range(1, 14))
def test_labels_after_merging_twice_are_those_of_merging_at_once(steps):
    population = Population.from_arrays({"posts": np.ones((steps, 2), int)}, kinds="count")
    twice = population.merge_steps(2).merge_steps(3)
    assert twice.step_labels == population.merge_steps(6).step_labels
