"""The part of a log that is asked for, times that count steps, and events at oneself."""

import re
from datetime import date, datetime, timezone

import numpy as np
import pytest
from event_logs import DAY, START, dense, text, write
from typer.testing import CliRunner

import aumann
from aumann.cli import app

LOG = [(str(k % 3), str((k + 1) % 3), START + k * DAY // 2, "RT") for k in range(8)]


def read(path, events=LOG, **asked):
    write(path, text(events, ","))
    return aumann.read_events(path, resonance=["RT"], **asked)


@pytest.mark.parametrize(
    ("start", "stop", "kept"),
    [
        ("2012-07-02", None, [2, 3, 4, 5, 6, 7]),
        (None, "2012-07-02", [0, 1]),
        ("2012-07-01T12:00", "2012-07-03T12:00:00", [1, 2, 3, 4]),
        ("2012-07-01T14:00:00+02:00", "2012-07-03T12:00Z", [1, 2, 3, 4]),
        (date(2012, 7, 2), datetime(2012, 7, 3, 0, 0, 1, tzinfo=timezone.utc), [2, 3, 4]),
    ],
)
def test_only_events_from_start_to_before_stop(tmp_path, start, stop, kept):
    population = read(tmp_path / "log.csv", start=start, stop=stop, keep_ids=True)
    events = [LOG[k] for k in kept]
    alone = read(tmp_path / "part.csv", events, keep_ids=True)
    assert population.step_labels == alone.step_labels
    for name in ("activity", "resonance"):
        assert dense(population, name) == dense(alone, name)
    for name in ("reach", "id"):
        np.testing.assert_array_equal(population.agent_table[name], alone.agent_table[name])
    assert population.metadata["events"] == len(kept)
    assert population.metadata["events_outside_time"] == len(LOG) - len(kept)


def test_start_and_stop_belong_to_the_zone(tmp_path):
    population = read(tmp_path / "log.csv", start="2012-07-01T08:00", time_zone="America/New_York")
    assert population.metadata["events"] == 7
    assert population.metadata["from"] == "2012-07-01T08:00"


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        (
            {"start": "2012-07-09"},
            "no event between start and stop .* 2012-07-01T00:00:00.* to 2012",
        ),
        ({"start": "2012-07-02", "stop": "2012-07-02"}, "a later stop is wanted"),
        ({"start": "yesterday"}, "start is 'yesterday'; a date or time such as"),
        ({"stop": "20120702"}, "stop is '20120702'; a date or time such as"),
        ({"stop": "2012-02-30"}, "stop is '2012-02-30'; a date or time such as"),
        ({"stop": "0001-01-01T00:00+23:00"}, "a year from 2 to 9998"),
        ({"step": "1", "start": "2012-07-02"}, "times are numbers of steps"),
        ({"step": "1", "time_unit": "ms"}, "numbers of steps have no unit"),
        ({"step": "0"}, "a number alone where times count steps"),
    ],
)
def test_ranges_and_steps_that_cannot_be_are_refused(tmp_path, asked, match):
    with pytest.raises(ValueError, match=match):
        read(tmp_path / "log.csv", **asked)


def test_a_number_of_seconds_is_no_start(tmp_path):
    with pytest.raises(TypeError, match="start is 5; a date or time"):
        read(tmp_path / "log.csv", start=5)


TICKS = [("a", "b", 3, "RT"), ("b", "a", 5, "RT"), ("b", "c", 12, "RT"), ("c", "c", 12, "RT")]


@pytest.mark.parametrize(
    ("step", "labels", "activity"),
    [
        (
            "1",
            tuple(map(str, range(3, 13))),
            {0: [1, 0, 0], 2: [0, 1, 0], 9: [0, 1, 1]},
        ),
        ("5", ("0", "5", "10"), {0: [1, 0, 0], 1: [0, 1, 0], 2: [0, 1, 1]}),
    ],
)
def test_times_that_count_steps(tmp_path, step, labels, activity):
    population = read(tmp_path / "log.csv", TICKS, step=step, start=3)
    assert population.step_labels == labels
    expected = [activity.get(k, [0, 0, 0]) for k in range(len(labels))]
    assert dense(population, "activity") == expected
    metadata = population.metadata
    assert (metadata["first_event"], metadata["last_event"]) == ("3", "12")
    part = read(tmp_path / "part.csv", TICKS, step=step, start="4", stop=np.int64(12))
    assert part.metadata["events"] == 1


def test_times_that_count_no_steps_are_malformed(tmp_path):
    events = [*TICKS, ("a", "b", "7.5", "RT"), ("a", "b", "8.0", "RT"), ("a", "b", "1e3", "RT")]
    population = read(tmp_path / "log.csv", events, step="1")
    assert population.metadata["events"] == 5
    assert population.metadata["malformed_examples"] == [
        "line 5: no whole number as time",
        "line 7: no whole number as time",
    ]
    with pytest.raises(ValueError, match="step is '1', by which times are whole numbers"):
        read(tmp_path / "times.csv", [("a", "b", "2024-01-01", "RT")], step="1")
    with pytest.raises(ValueError, match=r"into 1,000,000,000,000 steps; at most 100,000"):
        read(tmp_path / "log.csv", [*TICKS, ("a", "b", 10**12 + 2, "RT")], step="1")


def test_typed_times_count_no_steps(tmp_path):
    import polars as pl

    frame = pl.DataFrame(
        {"actor": ["1"], "target": ["2"], "time": [datetime(2024, 1, 1)], "kind": ["RT"]}
    )
    frame.write_parquet(tmp_path / "log.parquet")
    with pytest.raises(ValueError, match="step is a number, but times have the type TIMESTAMP"):
        aumann.read_events(tmp_path / "log.parquet", resonance=["RT"], step="1")


def test_events_at_oneself_count_for_activity_alone(tmp_path):
    events = [("a", "a", START, "RT"), ("b", "a", START, "RT"), ("b", "b", START, "RT")]
    population = read(tmp_path / "log.csv", events)
    assert population.agent_table["reach"].tolist() == [1, 0]
    assert dense(population, "activity") == [[1, 2]]
    assert dense(population, "resonance") == [[1, 0]]
    assert population.metadata["events_at_oneself"] == 2
    assert population.metadata["reach"].endswith("without oneself")
    same = read(tmp_path / "log.csv", events, self_engagement=True)
    assert same.agent_table["reach"].tolist() == [2, 1]
    assert dense(same, "resonance") == [[2, 1]]
    assert same.metadata["reach"].endswith("oneself among them")


def run(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_range_and_switch_on_the_command_line(tmp_path):
    log = write(tmp_path / "log.csv", text([*LOG, ("1", "1", START + DAY, "RT")], ","))
    built = ["population", "build", log, "-o", tmp_path / "p.parquet", "--activity", "RT"]
    asked = ["--resonance", "RT", "--from", "2012-07-02", "--to", "2012-07-04"]
    assert re.search("self-engagement counts +no\n", run(*built, *asked))
    assert aumann.Population.read_parquet(tmp_path / "p.parquet").metadata["events"] == 5
    told = run("population", "describe", tmp_path / "p.parquet")
    assert "without oneself" in told
    origin = [line.split("  ")[0] for line in told.splitlines()]
    at = origin.index("from")
    assert origin[at : at + 3] == ["from", "to", "events outside time"]
    run(*built, *asked, "--self-engagement")
    reach = aumann.Population.read_parquet(tmp_path / "p.parquet").agent_table["reach"]
    assert reach.sum() == 4
