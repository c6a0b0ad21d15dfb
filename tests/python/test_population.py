"""Populations from arrays and tables, their features, panels and groups."""

import datetime
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aumann import Feature, Groups, Population
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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60), st.integers(1, 60))
def test_tiers_and_bins_are_ordered_partitions_of_the_sizes_promised(values, bins):
    array = np.array(values)
    size = len(values)
    tiers = Groups.tiers(array, (0.1, 0.2, 0.7), ("a", "b", "c"))
    ends = [int(np.floor(round(part * size, 6) + 0.5)) for part in (0.1, 0.3, 1.0)]
    assert tiers.counts.tolist() == [ends[0], ends[1] - ends[0], size - ends[1]]
    order = sorted(range(size), key=lambda agent: (-values[agent], agent))
    expected = sorted(tiers.codes.tolist())
    assert tiers.codes[order].tolist() == expected
    np.testing.assert_array_equal(
        Groups.tiers(array * 0.5, (0.1, 0.2, 0.7), "abc").codes, tiers.codes
    )

    bins = min(bins, size)
    binned = Groups.percentile_bins(array, bins)
    assert binned.counts.max() - binned.counts.min() <= 1
    assert binned.counts.sum() == size
    assert binned.codes[order].tolist() == sorted(binned.codes.tolist(), reverse=True)
    assert binned.names == tuple(str(k + 1) for k in range(bins))


def test_tier_edges_are_rounded_half_up_in_decimals():
    # 0.01 + 0.09 is a little less than 0.1 in binary; a tenth of 15 is still 1.5, so 2.
    assert Groups.tiers(np.arange(15), (0.01, 0.09, 0.90)).counts.tolist() == [0, 2, 13]


def test_tiers_rank_by_any_number():
    population = example(labels={"country": ["de", "fr", "de", "es"]})
    halves = {"fractions": (0.5, 0.5), "names": ("high", "low")}
    assert population.tiers("posts", **halves).codes.tolist() == [0, 1, 0, 1]
    # Means over the steps 0.67, 0.67, 0.67 and 3: of the three equal ones the first is high.
    assert population.tiers("mood", **halves).codes.tolist() == [0, 1, 1, 0]
    assert population.labels("country").codes.tolist() == [0, 2, 0, 1]
    assert population.percentile_bins(2, by="posts").names == ("1", "2")
    big = np.array([np.iinfo(np.int64).min, 0, np.iinfo(np.int64).max])
    assert Groups.tiers(big, (0.34, 0.66), ("a", "b")).codes.tolist() == [1, 1, 0]
    with pytest.raises(ValueError, match=r"by is 'country'; one of \['reach', 'posts', 'mood'\]"):
        population.tiers("country")
    with pytest.raises(ValueError, match="column is 'size'"):
        population.labels("size")
    with pytest.raises(ValueError, match=r"sums to 0\.9"):
        population.tiers(fractions=(0.5, 0.4), names=("a", "b"))
    with pytest.raises(ValueError, match="3 names for 2"):
        population.tiers(fractions=(0.5, 0.5))
    with pytest.raises(ValueError, match="between 1 and the 4 agents"):
        population.percentile_bins(100)


def test_groups_from_labels_of_every_make():
    expected = [1, 0, 1]
    for labels in (
        ["b", "a", "b"],
        np.array(["b", "a", "b"], dtype=object),
        pd.Series(["b", "a", "b"]),
        pd.Series(["b", "a", "b"], dtype="category"),
        pl.Series(["b", "a", "b"]),
        pa.array(["b", "a", "b"]),
        [10, 9, 10],
        [True, False, True],
    ):
        assert Groups.from_labels(labels).codes.tolist() == expected
    assert Groups.from_labels([10, 9, 10]).names == ("9", "10")
    groups = Groups.from_labels(["x"])
    assert Groups.from_labels(groups) is groups
    with pytest.raises(ValueError, match=r"labels\[1\] is missing"):
        Groups.from_labels(np.array(["a", None], dtype=object))
    with pytest.raises(TypeError, match="dtype float64"):
        Groups.from_labels([0.5])
    with pytest.raises(TypeError, match=r"labels\[1\] is 1, but labels\[0\] is 'a'"):
        Groups.from_labels(np.array(["a", 1], dtype=object))
    with pytest.raises(ValueError, match="empty"):
        Groups.from_labels([])


def test_groups_refuse_what_is_no_partition():
    for codes, names, error, message in (
        ([0, -1], ("a",), ValueError, r"codes\[1\] is -1"),
        ([0, 1], ("a",), ValueError, r"codes\[1\] is 1"),
        ([0.0], ("a",), TypeError, "float64"),
        ([0], ("a", "a"), ValueError, "repeats"),
        ([[0]], ("a",), ValueError, "shape"),
    ):
        with pytest.raises(error, match=message):
            Groups(np.array(codes), names)


LONG = {
    "agent": ["bo", "al", "bo", "cy", "al"],
    "step": [2, 1, 1, 2, 2],
    "posts": [4, 1, 0, 2, 3],
    "followers": [7, 5, 7, 0, 5],
    "country": ["de", "fr", "de", "es", "fr"],
}


@pytest.mark.parametrize(
    "make",
    [dict, pd.DataFrame, pl.DataFrame, pa.table, lambda columns: pl.DataFrame(columns).to_arrow()],
)
def test_long_tables_of_every_make(make):
    population = Population.from_table(
        make(LONG),
        features=["followers", "posts"],
        kinds="count",
        static=["followers"],
        labels=["country"],
    )
    assert (population.agents, population.step_labels) == (3, ("1", "2"))
    np.testing.assert_array_equal(population.agent_table["followers"], [5, 7, 0])
    assert population.agent_table["country"].tolist() == ["fr", "de", "es"]
    assert "id" not in population.agent_table
    np.testing.assert_array_equal(dense(population.series("posts")[0]), [[1, 0, 0], [3, 4, 2]])
    np.testing.assert_array_equal(population.presence, [[True, True, False], [True, True, True]])


def test_long_tables_with_topics_identifiers_dates_and_measurements():
    day = datetime.date
    table = pl.DataFrame(
        {
            "who": [10, 9, 10, 9],
            "when": [day(2026, 4, 9), day(2026, 4, 8), day(2026, 4, 8), day(2026, 4, 9)],
            "about": ["x", "y", "y", "x"],
            "mood": [0.5, -1.0, 2.0, 3.0],
        }
    ).with_columns(pl.col("about").cast(pl.Categorical))
    population = Population.from_table(
        table,
        features=[Feature("mood", "measurement")],
        agent="who",
        step="when",
        topic="about",
        keep_ids=True,
        people=False,
    )
    assert population.step_labels == ("2026-04-08", "2026-04-09")
    assert population.topics == ("x", "y")
    assert population.agent_table["id"].tolist() == [9, 10]
    assert population.presence is None
    np.testing.assert_array_equal(population.features("x")[..., 0], [[0, 0], [3.0, 0.5]])
    np.testing.assert_array_equal(population.features("y")[..., 0], [[-1.0, 2.0], [0, 0]])


def test_long_tables_of_one_step_and_of_times():
    one = Population.from_table(
        {"agent": [1, 2], "posts": [3, 4]}, features=["posts"], kinds="count", step=None
    )
    assert one.steps == 1
    times = pd.to_datetime(["2026-04-08 06:00", "2026-04-08 07:00"]).tz_localize("UTC")
    timed = Population.from_table(
        pd.DataFrame({"agent": [1, 1], "step": times, "posts": [3, 4]}),
        features=["posts"],
        kinds="count",
    )
    assert timed.step_labels == ("2026-04-08T06:00:00", "2026-04-08T07:00:00")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"posts": [4, 1, None, 2, 3]}, "'posts' has a missing value in row 2"),
        ({"posts": [4, 1, 2, -2, 3]}, "'posts' is -2 in row 3"),
        ({"agent": ["bo", "al", "bo", None, "al"]}, "'agent' has a missing value in row 3"),
        ({"step": [2, 1, 2, 2, 2]}, "rows 0 and 2 have the same agent, step"),
        ({"followers": [7, 5, 8, 0, 5]}, "'followers' is static, but rows 0 and 2"),
        ({"country": ["de", "fr", "de", "es", "it"]}, "'country' is static, but rows 1 and 4"),
    ],
)
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_bad_rows_are_named(make, changes, message):
    with pytest.raises(ValueError, match=message):
        Population.from_table(
            make({**LONG, **changes}),
            features=["followers", "posts"],
            kinds="count",
            static=["followers"],
            labels=["country"],
        )


def test_tables_that_do_not_fit_are_refused():
    def read(table, **changes):
        return Population.from_table(table, **{"features": ["posts"], "kinds": "count", **changes})

    with pytest.raises(ValueError, match=r"no column 'likes'; its columns are \['agent'"):
        read(LONG, features=["likes"])
    with pytest.raises(ValueError, match="no rows"):
        read({"agent": [], "step": [], "posts": []})
    with pytest.raises(ValueError, match="used twice"):
        read(LONG, step="agent")
    with pytest.raises(ValueError, match="kinds says nothing of 'posts'"):
        read(LONG, kinds=None)
    with pytest.raises(ValueError, match=r"static names \['likes'\]"):
        read(LONG, static=["likes"])
    with pytest.raises(ValueError, match=r"column 'posts' has shape \(1,\)"):
        read({**LONG, "posts": [1]})
    with pytest.raises(ValueError, match="nan in row 1"):
        read({**LONG, "posts": [1, np.nan, 1, 1, 1]})
    with pytest.raises(TypeError, match="table is a list"):
        read([1, 2])
    with pytest.raises(TypeError, match="'agent' has dtype float64"):
        read({**LONG, "agent": [0.5, 1, 2, 3, 4]})
    with pytest.raises(TypeError, match="'posts' has dtype"):
        read({**LONG, "posts": list("abcde")})
