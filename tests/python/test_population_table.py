"""Populations from long tables of every make."""

import datetime
import tracemalloc

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from aumann import Feature, Groups, Mean, Population, attribute
from aumann._sparse import SparseSteps

LONG = {
    "agent": ["bo", "al", "bo", "cy", "al"],
    "step": [2, 1, 1, 2, 2],
    "posts": [4, 1, 0, 2, 3],
    "followers": [7, 5, 7, 0, 5],
    "country": ["de", "fr", "de", "es", "fr"],
}


def dense(series):
    return series.to_dense() if isinstance(series, SparseSteps) else series


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
    nan = np.nan
    np.testing.assert_array_equal(population.features("x")[..., 0], [[nan, nan], [3.0, 0.5]])
    np.testing.assert_array_equal(population.features("y")[..., 0], [[-1.0, 2.0], [nan, nan]])
    np.testing.assert_array_equal(
        population.window_presence(topic="x"), [[False, False], [True, True]]
    )


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


TOPICS = {
    "agent": [1, 2, 3, 1, 3],
    "step": [1, 1, 1, 1, 2],
    "topic": ["war", "war", "peace", "peace", "peace"],
    "mood": [1.0, 1.0, 5.0, 2.0, 3.0],
    "posts": [1, 2, 3, 4, 5],
}


def test_a_measurement_of_one_topic_is_not_invented_for_agents_of_others(tmp_path):
    kinds = {"mood": "measurement", "posts": "count"}
    made = Population.from_table(TOPICS, features=["mood", "posts"], kinds=kinds, topic="topic")
    made.write_parquet(tmp_path / "topics.parquet")
    nan, mean = np.nan, Mean(weights=[1, 0])
    for population in (made, Population.read_parquet(tmp_path / "topics.parquet")):
        war = population.features("war")
        np.testing.assert_array_equal(war[..., 0], [[1, 1, nan], [0, 0, nan]])
        there = population.window_presence(topic="war")
        np.testing.assert_array_equal(there, [[True, True, False], [False] * 3])
        # Two agents of mood 1, not two and a third of mood 0.
        assert mean.value(war[0], there[0]) == 1
        assert attribute(war[0], mean, presence=there[0]).values.tolist() == [0.5, 0.5, 0]
        for presence in (None, population.presence[0]):
            with pytest.raises(ValueError, match="x: NaN at agent 2, feature 0"):
                attribute(war[0], mean, presence=presence)
        # Over the window an agent has the mean of what is known.
        whole = population.features("peace", window="whole")
        np.testing.assert_array_equal(whole[:, 0], [2, nan, 4])
        np.testing.assert_array_equal(
            population.window_presence("whole", "peace"), [True, False, True]
        )
        np.testing.assert_array_equal(
            population.merge_steps(2).features("peace")[0, :, 0], [2, nan, 4]
        )
        np.testing.assert_array_equal(population.take([2, 0]).features("war")[0, :, 0], [nan, 1])
        assert population.describe()["features"][0]["total"] == 12
    # Counts that are not there are 0.
    counted = Population.from_table(TOPICS, features=["posts"], kinds="count", topic="topic")
    assert counted.window_presence(topic="war").tolist() == counted.presence.tolist()
    np.testing.assert_array_equal(np.expm1(counted.features("war")[0, :, 0]).round(), [1, 2, 0])


def test_unknown_measurements_fit_together():
    def make(**features):
        return Population.from_arrays(features, kinds=kinds, topics=("x",))

    kinds = {"mood": "measurement", "trust": "measurement", "posts": "count"}
    mood, trust, posts = [[[1, np.nan]]], [[[2, np.nan]]], [[[3, 0]]]
    assert make(mood=mood, trust=trust, posts=posts).window_presence().tolist() == [[True, False]]
    with pytest.raises(ValueError, match="mood and trust: one is NaN without the other at step 0"):
        make(mood=mood, trust=[[[2, 1]]], posts=posts)
    with pytest.raises(ValueError, match="posts counts something of an agent whose mood is NaN"):
        make(mood=mood, trust=trust, posts=[[[3, 1]]])
    with pytest.raises(ValueError, match="mood is inf at step 0, agent 1"):
        make(mood=[[[1, np.inf]]], trust=[[[1, 1]]], posts=posts)
    with pytest.raises(ValueError, match="mood is nan at step 0, agent 1"):
        Population.from_arrays({"mood": [[1, np.nan]]}, kinds="measurement")


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_numbers_above_63_bits_are_refused_as_counts_and_kept_as_identifiers(make):
    table = {"agent": np.array([2**63 + 5, 7], np.uint64), "step": [1, 1], "posts": [1, 2]}
    population = Population.from_table(
        make(table), features=["posts"], kinds="count", keep_ids=True
    )
    assert population.agent_table["id"].tolist() == [7, 2**63 + 5]
    assert population.labels("id").names == ("7", str(2**63 + 5))
    with pytest.raises(ValueError, match=f"'posts' is {2**63 + 5} in row 0; at most 2"):
        Population.from_table(
            make(table | {"agent": [1, 2], "posts": table["agent"]}),
            features=["posts"],
            kinds="count",
        )


@pytest.mark.parametrize("make", [dict, pd.DataFrame, lambda t: pa.table(pd.DataFrame(t))])
def test_ordered_categories_keep_their_order(make, tmp_path):
    sizes = pd.Categorical(["hi", "lo", "mid"], ["lo", "mid", "hi", "never"], ordered=True)
    table = make({"agent": [1, 2, 3], "step": [1, 1, 1], "posts": [1, 2, 3], "size": sizes})
    population = Population.from_table(table, features=["posts"], kinds="count", labels=["size"])
    population.write_parquet(tmp_path / "sizes.parquet")
    for read in (population, Population.read_parquet(tmp_path / "sizes.parquet")):
        assert read.labels("size").names == ("lo", "mid", "hi")
        assert read.labels("size").codes.tolist() == [2, 0, 1]
        assert read.take([2, 0]).labels("size").names == ("mid", "hi")
    steps = Population.from_table(
        make({"agent": [1, 1, 1], "step": sizes, "posts": [1, 2, 3]}),
        features=["posts"],
        kinds="count",
    )
    assert steps.step_labels == ("lo", "mid", "hi")
    arrays = Population.from_arrays({"a": [1, 2, 3]}, kinds="count", labels={"size": sizes})
    assert arrays.labels("size").names == ("lo", "mid", "hi")


def test_categories_of_duckdb_and_polars_keep_their_order():
    relation = duckdb.sql(
        "SELECT i AS agent, 1 AS step, i AS posts, ['hi', 'lo', 'mid'][i]::ENUM('lo', 'mid', 'hi') "
        "AS size FROM range(1, 4) t(i)"
    )
    frame = pl.DataFrame({"agent": [1, 2, 3], "step": [1, 1, 1], "posts": [1, 2, 3]})
    sizes = pl.Series("size", ["hi", "lo", "mid"], dtype=pl.Enum(["lo", "mid", "hi"]))
    for table in (relation, frame.with_columns(sizes)):
        made = Population.from_table(table, features=["posts"], kinds="count", labels=["size"])
        assert made.labels("size").names == ("lo", "mid", "hi")


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_one_long_text_does_not_set_the_size_of_all(make):
    rows = 5_000
    texts = [f"agent {k}" for k in range(rows)]
    texts[7] = "x" * 50_000
    table = make({"agent": texts, "step": [1] * rows, "posts": [1] * rows, "name": texts})
    steps = make({"agent": [1] * rows, "step": texts, "posts": [1] * rows})
    tracemalloc.start()
    try:
        population = Population.from_table(
            table, features=["posts"], kinds="count", labels=["name"], keep_ids=True
        )
        assert sorted(population.labels("name").names) == sorted(texts)
        assert set(Groups.from_labels(texts).names) == set(texts)
        with pytest.warns(UserWarning, match="steps are in the order of their texts"):
            made = Population.from_table(steps, features=["posts"], kinds="count")
        assert attribute(made, Mean()).by_step()["step"][7] == made.step_labels[7]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A fixed width would take 1 GB.
    assert peak < 50e6


def test_what_databases_call_numbers_are_numbers():
    relation = duckdb.sql(
        "SELECT i AS agent, 1 AS step, 0.3 AS tenth, 1152921504606846976::HUGEINT + i AS huge, "
        "[i] AS list, {'a': i} AS record, 'x' AS word FROM range(2) t(i)"
    )

    def read(name, kind):
        return Population.from_table(relation, features=[name], kinds=kind).raw(name)

    assert read("tenth", "measurement").tolist() == [0.3, 0.3]
    assert read("huge", "count").tolist() == [2**60, 2**60 + 1]
    for name, told in (("list", "list<"), ("record", "struct<"), ("word", "string")):
        with pytest.raises(TypeError, match=f"column '{name}'.* dtype {told}"):
            read(name, "measurement")


def test_keys_of_other_names_are_told():
    table = pd.DataFrame({"Step": [1, 2], "AgentID": [7, 7], "wealth": [1.0, 2.0]})
    told = r"no column 'agent'; its columns are .*; pass step='Step', agent='AgentID'"
    with pytest.raises(ValueError, match=told):
        Population.from_table(table, features=["wealth"], kinds="measurement")
    for given in (table, table.set_index(["Step", "AgentID"]), table.set_index("AgentID")):
        made = Population.from_table(
            given, features=["wealth"], kinds="measurement", step="Step", agent="AgentID"
        )
        np.testing.assert_array_equal(made.series("wealth")[0], [[1], [2]])
    counted = pd.DataFrame({"wealth": [1.0, 2.0]}, index=pd.RangeIndex(2, name="id"))
    made = Population.from_table(
        counted, features=["wealth"], kinds="measurement", step=None, agent="id"
    )
    assert made.agents == 2


def test_columns_of_a_mapping_are_joined_by_their_labels():
    table = {
        "agent": pd.Series([1, 2], index=["u", "v"]),
        "step": pd.Series([1, 1], index=["v", "u"]),
        "posts": pd.Series([20, 10], index=["v", "u"]),
    }
    made = Population.from_table(table, features=["posts"], kinds="count")
    np.testing.assert_array_equal(dense(made.series("posts")[0]), [[10, 20]])
    with pytest.raises(ValueError, match="column 'posts': labels 'v', 'w' of its rows"):
        Population.from_table(
            table | {"posts": pd.Series([20, 10], index=["v", "w"])},
            features=["posts"],
            kinds="count",
        )


DATES = pd.to_datetime(["2024-05-02", "2024-05-01", "2024-05-02"])
LABELS = {
    "period": (pd.PeriodIndex(["2025", "2024", "2025"], freq="Y"), ("2024", "2025")),
    "interval": (pd.cut([3.0, 1.0, 3.0], [0, 2, 4]), ("(0, 2]", "(2, 4]")),
    "times": (DATES, ("2024-05-01", "2024-05-02")),
    "dates": (DATES.date, ("2024-05-01", "2024-05-02")),
    "sparse": (pd.arrays.SparseArray([1, 0, 1]), ("0", "1")),
    "swapped": (np.array([1, 0, 1], ">i4"), ("0", "1")),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("make", [dict, pd.DataFrame])
def test_labels_and_steps_of_any_type_are_called_what_they_are(kind, make):
    column, names = LABELS[kind]
    table = make({"agent": ["a", "b", "c"], "step": [1, 1, 1], "posts": [4, 5, 6], "x": column})
    asked = {"features": ["posts"], "kinds": "count"}
    labels = Population.from_table(table, labels=["x"], **asked).labels("x")
    assert (labels.names, labels.codes.tolist()) == (names, [1, 0, 1])
    steps = Population.from_table(table, step="x", **asked)
    assert steps.step_labels == names
    assert steps.presence.tolist() == [[False, True, False], [True, False, True]]


@pytest.mark.parametrize("make", [dict, pd.DataFrame])
def test_columns_that_are_no_numbers_are_refused_by_name(make):
    def read(column):
        table = {"agent": ["a", "b", "c"], "step": [1, 1, 1], "posts": column}
        if make is pd.DataFrame:
            # What else is in the table plays no part.
            table["odd"] = np.array([1j, 2, 3])
        asked = {"features": ["posts"], "kinds": "measurement"}
        return Population.from_table(make(table), **asked).series("posts")[0].tolist()

    for kind in (np.float16, np.longdouble, ">i2", ">f8"):
        assert read(np.array([1, 2, 3], kind)) == [[1, 2, 3]]
    assert read(pd.arrays.SparseArray([0, 0, 3])) == [[0, 0, 3]]
    spans = {key: LABELS[key][0] for key in ("period", "interval", "times")}
    words = ["1", "0,5", "2"]
    cut = [10**400, 1, 2]
    for column in (*spans.values(), np.array([1j, 2, 3]), words, [b"1"] * 3, ["1", "2", "3"], cut):
        with pytest.raises(TypeError, match="column 'posts'"):
            read(column)
    with pytest.raises(TypeError, match="row 1 is the text '0,5': decimals have a point"):
        read(words)
    with pytest.raises(TypeError, match=r"row 2 is the text 'n/a': labels=\['posts'\] \(--labels"):
        read(["1", "2", "n/a"])
    with pytest.raises(ValueError, match=r"column 'posts'.* missing value in row 1"):
        read([1.0, None, 2.0])
    with pytest.raises(ValueError, match=r"column 'posts'.* in row 1"):
        read([1.0, np.nan, 2.0])
