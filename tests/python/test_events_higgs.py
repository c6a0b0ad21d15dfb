"""The real event log: every number against an independent computation in polars."""

import gzip

import numpy as np
import polars as pl
import pytest

import aumann
from aumann._sparse import SparseSteps


@pytest.fixture(scope="module")
def log(higgs_path):
    with gzip.open(higgs_path) as file:
        return pl.read_csv(
            file.read(),
            separator=" ",
            has_header=False,
            new_columns=["actor", "target", "time", "kind"],
        ).with_columns(day=pl.col("time") // 86_400)


@pytest.fixture(scope="module")
def population(higgs_path):
    return aumann.read_events(higgs_path, separator=" ", step="1d", keep_ids=True, strict=True)


def test_agents_steps_and_origin(population, log):
    ids = np.unique(log.select("actor", "target").to_numpy())
    np.testing.assert_array_equal(population.agent_table["id"], ids)
    assert population.step_labels == tuple(f"2012-07-0{day}" for day in range(1, 8))
    assert population.presence is None
    assert population.people
    metadata = population.metadata
    assert metadata["events"] == log.height == 563_069
    assert metadata["malformed_lines"] == 0
    assert metadata["first_event"] == "2012-07-01T00:02:52+00:00"
    assert "distinct incoming actors" in metadata["reach"]


def test_reach_counts_distinct_actors(population, log):
    reach = log.group_by("target").agg(pl.col("actor").n_unique()).sort("target")
    expected = np.zeros(population.agents, dtype=np.int64)
    ids = population.agent_table["id"]
    expected[np.searchsorted(ids, reach["target"].to_numpy())] = reach["actor"].to_numpy()
    np.testing.assert_array_equal(population.agent_table["reach"], expected)


@pytest.mark.parametrize(
    ("feature", "kind", "agent"), [("activity", "RT", "actor"), ("resonance", "RE", "target")]
)
def test_counts_per_agent_and_day(population, log, feature, kind, agent):
    counts = log.filter(kind=kind).group_by("day", agent).len()
    expected = np.zeros((7, population.agents), dtype=np.int64)
    ids = population.agent_table["id"]
    places = np.searchsorted(ids, counts[agent].to_numpy())
    days = counts["day"].to_numpy() - log["day"].min()
    expected[days, places] = counts["len"].to_numpy()
    series = population.series(feature)[0]
    assert isinstance(series, SparseSteps)
    np.testing.assert_array_equal(series.to_dense(), expected)
