"""Populations from arrays, their features and panels."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aumann import Feature, Population
from aumann._sparse import SparseSteps

REACH = np.array([100, 0, 7, 3])
POSTS = np.array([[1, 0, 0, 0], [4, 0, 2, 0], [0, 0, 0, 0]])
MOOD = np.array([[0.5, -1.0, 2.0, 0.0], [1.5, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 9.0]])


def example(**changes):
    return Population.from_arrays(
        {"reach": REACH, "posts": POSTS, "mood": MOOD},
        kinds={"reach": "count", "posts": "count", "mood": "measurement"},
        **changes,
    )


def dense(series):
    return series.to_dense() if isinstance(series, SparseSteps) else series


def test_features_are_log_counts_and_measurements_with_contiguous_columns():
    population = example()
    x = population.features()
    expected = np.stack([np.log1p(np.tile(REACH, (3, 1))), np.log1p(POSTS), MOOD], axis=-1)
    np.testing.assert_array_equal(x, expected)
    assert all(x[t, :, k].flags.c_contiguous for t in range(3) for k in range(3))
    assert isinstance(population.series("posts")[0], SparseSteps)
    for step, features in enumerate(population.iter_features()):
        np.testing.assert_array_equal(features, expected[step])
        assert features.flags.f_contiguous
    narrow = population.features(dtype=np.float32)
    assert narrow.dtype == np.float32
    np.testing.assert_array_equal(narrow, expected.astype(np.float32))


def test_whole_window_sums_counts_before_the_logarithm_and_averages_measurements():
    whole = example().features(window="whole")
    expected = np.stack([np.log1p(REACH), np.log1p([5, 0, 2, 0]), MOOD.sum(axis=0) / 3], axis=-1)
    np.testing.assert_allclose(whole, expected, rtol=1e-15)
    assert whole.flags.f_contiguous


def test_measurements_are_averaged_over_the_steps_where_the_agent_is_present():
    presence = MOOD != 0
    population = Population.from_arrays(
        {"mood": MOOD}, kinds="measurement", presence=presence, people=False
    )
    np.testing.assert_allclose(
        population.features(window="whole")[:, 0], [1.0, 1.0, 2.0, 9.0], rtol=1e-15
    )
    np.testing.assert_array_equal(population.window_presence(), presence)
    assert population.window_presence("whole").all()
    never = presence.copy()
    never[:, 3] = False
    mood = np.where(never, MOOD, 0)
    population = Population.from_arrays({"mood": mood}, kinds="measurement", presence=never)
    assert population.window_presence("whole").tolist() == [True, True, True, False]
    assert population.features(window="whole")[3, 0] == 0


def topical():
    posts = np.zeros((2, 3, 40), dtype=np.int64)
    posts[0, 1, 5] = 3
    posts[1, 1, 5] = 4
    posts[1, :, :30] += 1
    return posts, Population.from_arrays({"posts": posts}, kinds="count", topics=("a", "b"))


def test_topics_are_summed_or_told_apart():
    posts, population = topical()
    assert isinstance(population.series("posts")[0], SparseSteps)
    assert isinstance(population.series("posts")[1], np.ndarray)
    np.testing.assert_array_equal(population.features()[..., 0], np.log1p(posts.sum(axis=0)))
    for k, topic in enumerate("ab"):
        np.testing.assert_array_equal(population.features(topic)[..., 0], np.log1p(posts[k]))
        np.testing.assert_array_equal(
            np.stack(list(population.iter_features(topic)))[..., 0], np.log1p(posts[k])
        )
        np.testing.assert_array_equal(population.raw("posts", topic), posts[k].sum(axis=0))
    np.testing.assert_array_equal(
        population.features(window="whole")[:, 0], np.log1p(posts.sum(axis=(0, 1)))
    )
    with pytest.raises(ValueError, match=r"topic is 'c'; one of \['a', 'b'\]"):
        population.features("c")
    with pytest.raises(ValueError, match="no topics"):
        example().features("a")


def test_measurements_are_not_summed_over_topics():
    population = Population.from_arrays(
        {"mood": np.ones((2, 1, 3))}, kinds="measurement", topics=("a", "b")
    )
    assert population.features("b").sum() == 3
    for ask in (population.features, lambda: list(population.iter_features())):
        with pytest.raises(ValueError, match=r"'mood' cannot be summed.*\['a', 'b'\]"):
            ask()
    assert population.describe()["tiers"] is None


def test_topics_of_mixed_types_become_one():
    population = Population(
        [Feature("posts", "count")],
        {},
        {"posts": [np.array([[1, 2]]), np.array([[0.5, 1.0]])]},
        agents=2,
        step_labels=["1"],
        topics=["a", "b"],
    )
    assert {part.dtype for part in population.series("posts")} == {np.dtype(np.float64)}
    np.testing.assert_allclose(population.raw("posts"), [1.5, 3.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": {}, "kinds": "count"}, "features is empty"),
        ({"features": {"a": [1, -2]}, "kinds": "count"}, "a is -2 at agent 1"),
        ({"features": {"a": [[1, 2], [3, -4]]}, "kinds": "count"}, "a is -4 at step 1, agent 1"),
        ({"features": {"a": [[0.0, np.nan]]}, "kinds": "measurement"}, "nan at step 0, agent 1"),
        ({"features": {"a": [[1.0, np.inf]]}, "kinds": "count"}, "inf at step 0, agent 1"),
        ({"features": {"a": [1], "b": [1, 2]}, "kinds": "count"}, r"b has shape \(2,\)"),
        ({"features": {"a": [[1]], "b": [[1], [2]]}, "kinds": "count"}, r"b has shape \(2, 1\)"),
        ({"features": {"a": np.zeros((2, 2, 2))}, "kinds": "count"}, r"a has shape \(2, 2, 2\)"),
        ({"features": {"a": np.zeros((0,))}, "kinds": "count"}, "is empty"),
        ({"features": {"a": [1]}, "kinds": "number"}, "kind is 'number'"),
        ({"features": {"a": [1]}, "kinds": {"b": "count"}}, "kinds says nothing of 'a'"),
        ({"features": {"a": [1]}, "kinds": {"a": "count", "b": "count"}}, r"kinds names \['b'\]"),
        ({"features": {"agent": [1]}, "kinds": "count"}, "name is 'agent'"),
        ({"features": {"a": [[1]]}, "kinds": "count", "topics": ("x",)}, r"a has shape \(1, 1\)"),
        ({"features": {"a": [[1]]}, "kinds": "count", "step_labels": ["x", "x"]}, "more than once"),
        ({"features": {"a": [[1]]}, "kinds": "count", "step_labels": ["x", "y"]}, "a has shape"),
        (
            {"features": {"a": [[1, 1]]}, "kinds": "count", "presence": np.array([[True, False]])},
            "absent",
        ),
        (
            {"features": {"a": [[1, 1]]}, "kinds": "count", "presence": np.array([True, False])},
            r"presence has shape \(2,\)",
        ),
        ({"features": {"a": [1]}, "kinds": "count", "labels": {"a": ["x"]}}, "both hold"),
        ({"features": {"a": [[1]]}, "kinds": "count", "labels": {"a": ["x"]}}, "both hold"),
        ({"features": {"a": [1]}, "kinds": "count", "labels": {"b": ["x", "y"]}}, r"shape \(2,\)"),
        ({"features": {"a": [1]}, "kinds": "count", "labels": {"b": [None]}}, "labels|b"),
        (
            {"features": {"a": np.array([2**63], dtype=np.uint64)}, "kinds": "count"},
            "at most 2\\*\\*63 - 1",
        ),
    ],
)
def test_values_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Population.from_arrays(arguments.pop("features"), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": {"a": ["x"]}, "kinds": "count"}, "a has dtype"),
        (
            {"features": {"a": [[1]]}, "kinds": "count", "presence": np.array([[1]])},
            "presence has dtype",
        ),
        ({"features": {"a": [1]}, "kinds": "count", "metadata": {"x": object()}}, "metadata"),
        ({"features": {"a": [1]}, "kinds": "count", "metadata": {"x": np.nan}}, "metadata"),
        ({"features": {"a": [1]}, "kinds": "count", "step_labels": "x"}, "step_labels is the text"),
    ],
)
def test_types_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(TypeError, match=message):
        Population.from_arrays(arguments.pop("features"), **arguments)


@pytest.mark.parametrize(
    ("indptr", "indices", "message"),
    [
        ([0, 1, 2], [0, 3], "not well formed"),
        ([0, 2, 2], [1, 1], "not well formed"),
        ([0, 2, 2], [1, 0], "not well formed"),
        ([0, 1, 1], [0, 1], "not well formed"),
        ([0, 2], [0, 1], "has 1 steps"),
    ],
)
def test_sparse_counts_that_are_not_well_formed_are_refused(indptr, indices, message):
    sparse = SparseSteps(np.array(indptr), np.array(indices), np.array([1, 1]), 3)
    with pytest.raises(ValueError, match=message):
        Population([Feature("a", "count")], {}, {"a": [sparse]}, agents=3, step_labels=["1", "2"])


def test_arrays_are_borrowed_and_not_frozen():
    posts = np.arange(1, 7).reshape(2, 3)
    population = Population.from_arrays({"posts": posts}, kinds="count")
    assert np.shares_memory(population.series("posts")[0], posts)
    assert posts.flags.writeable
    assert not population.series("posts")[0].flags.writeable


def test_repr_and_description_say_what_is_there():
    population = example(metadata={"reach": "by hand"}, step_labels=["mon", "tue", "wed"])
    assert repr(population).splitlines() == [
        "Population: 4 agents, 3 steps (mon to wed), no topics",
        "  reach  static count",
        "  posts  count",
        "  mood   measurement",
    ]
    page = example(step_labels=["<mon>", "tue", "wed"])._repr_html_()
    assert page == (
        "<table><thead><tr><th>Population: 4 agents, 3 steps (&lt;mon&gt; to wed), no topics</th>"
        "<th></th></tr></thead><tbody><tr><td>reach</td><td>static count</td></tr>"
        "<tr><td>posts</td><td>count</td></tr><tr><td>mood</td><td>measurement</td></tr>"
        "</tbody></table>"
    )
    description = population.describe()
    assert json.loads(json.dumps(description)) == description
    posts = description["features"][1]
    assert posts["total"] == 7
    assert posts["mean_active_agents"] == 1.0
    assert description["tiers"] == {
        "by": "reach",
        "tiers": [
            {"name": "top", "agents": 0, "lowest": None},
            {"name": "middle", "agents": 0, "lowest": None},
            {"name": "tail", "agents": 4, "lowest": 0},
        ],
    }
    assert description["metadata"]["reach"] == "by hand"


def test_take_draws_a_panel_in_the_order_asked_for():
    presence = np.array([[True] * 4, [True] * 4, [True, True, True, False]])
    mood = np.where(presence, MOOD, 0)
    population = Population.from_arrays(
        {"reach": REACH, "posts": POSTS, "mood": mood},
        kinds={"reach": "count", "posts": "count", "mood": "measurement"},
        presence=presence,
        labels={"country": ["de", "fr", "de", "es"]},
    )
    panel = population.take([3, 0])
    np.testing.assert_array_equal(panel.features(), population.features()[:, [3, 0]])
    np.testing.assert_array_equal(panel.presence, presence[:, [3, 0]])
    assert panel.agent_table["country"].tolist() == ["es", "de"]
    assert panel.metadata["panel_of"] == 4
    for bad, message in (
        ([0, 4], r"indices\[1\] is 4"),
        ([-1], r"indices\[0\] is -1"),
        ([1, 2, 1], "agent 1 more than once"),
        ([], "n >= 1"),
        ([[0]], r"shape \(1, 1\)"),
    ):
        with pytest.raises(ValueError, match=message):
            population.take(bad)
    with pytest.raises(TypeError, match="bool"):
        population.take(np.array([True, False, True, False]))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_take_equals_indexing_of_the_dense_counts(data):
    steps, agents = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 30))
    seed = data.draw(st.integers(0, 2**32))
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, 5, (steps, agents)) * (draw.random((steps, agents)) < 0.3)
    population = Population.from_arrays({"posts": counts}, kinds="count")
    np.testing.assert_array_equal(dense(population.series("posts")[0]), counts)
    chosen = draw.permutation(agents)[: data.draw(st.integers(1, agents))]
    panel = population.take(chosen)
    np.testing.assert_array_equal(dense(panel.series("posts")[0]), counts[:, chosen])
    np.testing.assert_array_equal(panel.raw("posts"), counts[:, chosen].sum(axis=0))
