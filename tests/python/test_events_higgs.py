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


def test_reach_counts_distinct_other_actors(population, log):
    reach = (
        log.filter(pl.col("actor") != pl.col("target"))
        .group_by("target")
        .agg(pl.col("actor").n_unique())
        .sort("target")
    )
    expected = np.zeros(population.agents, dtype=np.int64)
    ids = population.agent_table["id"]
    expected[np.searchsorted(ids, reach["target"].to_numpy())] = reach["actor"].to_numpy()
    np.testing.assert_array_equal(population.agent_table["reach"], expected)


@pytest.mark.parametrize(
    ("feature", "kind", "agent"), [("activity", "RT", "actor"), ("resonance", "RE", "target")]
)
def test_counts_per_agent_and_day(population, log, feature, kind, agent):
    counts = log.filter(kind=kind)
    if agent == "target":
        counts = counts.filter(pl.col("actor") != pl.col("target"))
    counts = counts.group_by("day", agent).len()
    expected = np.zeros((7, population.agents), dtype=np.int64)
    ids = population.agent_table["id"]
    places = np.searchsorted(ids, counts[agent].to_numpy())
    days = counts["day"].to_numpy() - log["day"].min()
    expected[days, places] = counts["len"].to_numpy()
    series = population.series(feature)[0]
    assert isinstance(series, SparseSteps)
    np.testing.assert_array_equal(series.to_dense(), expected)


def test_events_at_oneself_on_request(population, log, higgs_path):
    """Pairs, and the heat of the first day, both ways."""
    same = aumann.read_events(higgs_path, separator=" ", self_engagement=True)
    assert population.metadata["events_at_oneself"] == 7_588
    assert same.agent_table["reach"].sum() == 466_545
    assert population.agent_table["reach"].sum() == 461_192
    assert log.select("actor", "target").unique().height == 466_545
    assert population.raw("resonance").sum() == log.filter(kind="RE").height - 507
    assert same.raw("resonance").sum() == log.filter(kind="RE").height
    np.testing.assert_array_equal(same.raw("activity"), population.raw("activity"))

    def first_day(counted):
        """Return log(1 + product of the means of log(1 + count)) of the first day, by polars."""
        others = log if counted else log.filter(pl.col("actor") != pl.col("target"))
        reach = others.group_by("target").agg(pl.col("actor").n_unique())["actor"]
        day = pl.col("day") == log["day"].min()
        activity = log.filter(day, kind="RT").group_by("actor").len()["len"]
        resonance = others.filter(day, kind="RE").group_by("target").len()["len"]
        sums = [np.log1p(counts.to_numpy()).sum() for counts in (reach, activity, resonance)]
        return np.log1p(np.prod(np.array(sums) / population.agents))

    for read, counted in ((population, False), (same, True)):
        value = aumann.Heat().value(next(read.iter_features()))
        assert value == pytest.approx(first_day(counted), rel=1e-12)
    assert first_day(False) / first_day(True) == pytest.approx(0.943, abs=5e-4)
