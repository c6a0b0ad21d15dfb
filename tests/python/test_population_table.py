"""Populations from long tables of every make."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from aumann import Feature, Population
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
