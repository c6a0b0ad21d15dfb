"""Logs that can be read as asked but were hardly meant so: one warning each, with the cure."""

import re
import warnings

import numpy as np
import pytest
from event_logs import DAY, START, text, write
from typer.testing import CliRunner

import aumann
from aumann.cli import app

# 70 events over a week among ten agents, every one of them actor and target.
WEEK = [
    (str(k % 10), str((3 * k + 1) % 10), START + k * DAY // 10, "RT" if k % 2 else "RE")
    for k in range(70)
]


def read(path, events=WEEK, **asked):
    write(path, text(events, ","))
    return aumann.read_events(path, **asked)


def doubted(path, events=WEEK, **asked):
    """Return what is warned of, which the metadata say again."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        population = read(path, events, **asked)
    found = [str(each.message) for each in caught]
    assert all(each.category is UserWarning for each in caught)
    assert all(each.filename == __file__ for each in caught)
    assert population.metadata.get("warnings", []) == found
    return found


def moved(by=1, to=0):
    return [(actor, target, int(time * by) + to, kind) for actor, target, time, kind in WEEK]


@pytest.mark.parametrize(
    "asked", [{}, {"step": "1h"}, {"step": "1w"}, {"time_zone": "Asia/Tokyo"}, {"step": "1m"}]
)
def test_a_week_gives_no_warning_whatever_the_step(tmp_path, asked):
    if asked.get("step") in ("1h", "1m"):
        # An event every few minutes, so that hours and minutes are there.
        events = [(a, t, START + k * 30, kind) for k, (a, t, _, kind) in enumerate(20 * WEEK)]
    else:
        events = WEEK
    assert doubted(tmp_path / "log.csv", events, **asked) == []


def test_the_real_log_gives_no_warning(higgs_path):
    # Day by day it is read by other tests, in which warnings are errors as well.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asked = {"separator": " ", "step": "1h", "topic_column": "kind"}
        assert "warnings" not in aumann.read_events(higgs_path, **asked).metadata


@pytest.mark.parametrize(
    ("by", "unit", "right"),
    [(1, "ms", "s"), (1, "us", "s"), (1_000, "us", "ms")],
)
def test_times_in_another_unit(tmp_path, by, unit, right):
    (found,) = doubted(tmp_path / "log.csv", moved(by), time_unit=unit, step="1d")
    assert "1970-01-" in found
    assert f"(--time-unit {right}) it is 2012-07-01 to 2012-07-07" in found


def test_numbers_and_dates_that_are_no_times(tmp_path):
    (steps,) = doubted(tmp_path / "log.csv", [(a, t, k, x) for k, (a, t, _, x) in enumerate(WEEK)])[
        :1
    ]
    assert "(--step 1)" in steps
    days = [(a, t, 20_120_701 + k % 7, x) for k, (a, t, _, x) in enumerate(WEEK)]
    (dates,) = doubted(tmp_path / "log.csv", days)
    assert "dates such as 20120701 are read as 'iso' when written 2012-07-01" in dates
    late = moved(1, 3_000_000_000)
    (found,) = doubted(tmp_path / "log.csv", late)
    assert "2107-07-26 to 2107-08-02" in found
    (found,) = doubted(tmp_path / "log.csv", WEEK, step="100000")
    assert "as times since 1970 do" in found
    # Numbers of steps are what they are.
    numbers = [(a, t, k, x) for k, (a, t, _, x) in enumerate(WEEK)]
    assert doubted(tmp_path / "log.csv", numbers, step="1") == []
    assert doubted(tmp_path / "log.csv", numbers, step="10") == []


@pytest.mark.parametrize(
    ("stray", "cure"),
    [
        ("1977-09-08", "start='2012-07-01' (--from 2012-07-01)"),
        ("2038-01-19", "stop='2012-07-08' (--to 2012-07-08)"),
    ],
)
def test_one_stray_date_and_the_cure_that_is_named(tmp_path, stray, cure):
    events = [(a, t, f"2012-07-0{1 + k % 7}", x) for k, (a, t, _, x) in enumerate(WEEK)]
    asked = {"time_unit": "iso"}
    (found,) = doubted(tmp_path / "log.csv", [*events, ("1", "2", stray, "RT")], **asked)
    days = abs(int((np.datetime64(stray) - np.datetime64("2012-07-01")).astype(int)))
    steps = days + 7 if stray < "2012" else days + 1
    assert found.startswith(f"{steps - 8:,} of {steps:,} steps hold no event: none between")
    assert cure in found
    end, label = re.search(r"(start|stop)='(\S+)'", found).groups()
    cured = read(tmp_path / "log.csv", [*events, ("1", "2", stray, "RT")], **asked, **{end: label})
    assert (cured.steps, cured.metadata["events"]) == (7, 70)
    assert "warnings" not in cured.metadata


def test_a_step_too_short_for_the_times_and_one_too_long(tmp_path):
    # Dates only, so that 23 of 24 hours are empty.
    days = [(a, t, time - (time - START) % DAY, x) for a, t, time, x in WEEK]
    (found,) = doubted(tmp_path / "log.csv", days, step="1h")
    assert found.startswith("138 of 145 steps hold no event; a longer step (--step)")
    hour = [(a, t, START + k * 50, x) for k, (a, t, _, x) in enumerate(WEEK)]
    (found,) = doubted(tmp_path / "log.csv", hour)
    assert (
        "all 70 events fall into one step of 1d, of which they span 57.5 minutes; a shorter"
        in found
    )
    (found,) = doubted(tmp_path / "log.csv", [(a, t, START, x) for a, t, _, x in WEEK], step="1m")
    assert "span 0 seconds; no step (--step) is as short (1m is the shortest)" in found


def test_targets_that_are_never_actors(tmp_path):
    events = [(a, f"item {t}", time, x) for a, t, time, x in WEEK]
    (found,) = doubted(tmp_path / "log.csv", events)
    assert found.startswith("none of the 10 targets is ever an actor")
    assert "(columns, --columns)" in found


def test_agents_that_are_nobody(tmp_path):
    events = [(a, "NULL" if t == "4" else t, time, x) for a, t, time, x in WEEK]
    (found,) = doubted(tmp_path / "log.csv", events)
    assert found.startswith("'NULL' is taken for an agent, the target of 7 of 70 events")


def test_kinds_in_other_letters(tmp_path):
    events = [(*event[:3], "rt") if k % 10 == 1 else event for k, event in enumerate(WEEK)]
    (found,) = doubted(tmp_path / "log.csv", events)
    assert found == "7 events of the kind 'rt' are not counted as activity, which is of ['RT']"
    assert doubted(tmp_path / "log.csv", events, activity=["RT", "rt"]) == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("@{}", "knows 0 of the 10 agents of the log"),
        ("{}", None),
    ],
)
def test_followers_that_join_nobody(tmp_path, table, said):
    rows = "".join(f"{table.format(k)},{5 * k}\n" for k in range(10))
    followers = write(tmp_path / "followers.csv", "agent,followers\n" + rows)
    found = doubted(tmp_path / "log.csv", followers=followers)
    if said is None:
        assert found == []
    else:
        assert said in found[0]
        assert "'0' and '@0'" in found[0]


def test_followers_of_nobody(tmp_path):
    rows = "".join(f"{k},0\n" for k in range(10))
    followers = write(tmp_path / "followers.csv", "agent,followers\n" + rows)
    (found,) = doubted(tmp_path / "log.csv", followers=followers)
    assert found.startswith("reach is 0 for every agent: the table of followers")


def test_features_that_are_0_for_everybody(tmp_path):
    events = [(a, "" if x == "RE" else t, time, x) for a, t, time, x in WEEK]
    (found,) = doubted(tmp_path / "log.csv", events)
    assert found == "resonance is 0 for every agent: no event of ['RE'] has a target"
    events = [(a, a if x == "RE" else t, time, x) for a, t, time, x in WEEK]
    (found,) = doubted(tmp_path / "log.csv", events)
    assert "all 35 events with a target are at their own actor" in found
    assert doubted(tmp_path / "log.csv", events, self_engagement=True) == []
    reach, resonance = doubted(tmp_path / "log.csv", [(a, "", t, x) for a, _, t, x in WEEK])
    assert reach == "reach is 0 for every agent: no event has a target"
    assert resonance == "resonance is 0 for every agent: no event of ['RE'] has a target"
    with pytest.raises(
        ValueError, match=r"no time in the unit s.*; time_unit .--time-unit. is 's'"
    ):
        read(tmp_path / "log.csv", moved(1_000))


def test_topics_of_one_event_each(tmp_path):
    columns = ("actor", "target", "time", "kind", "tag")
    events = [(*event, f"tag {k}") for k, event in enumerate([*WEEK, *WEEK])]
    asked = {"columns": columns, "topic_column": "tag"}
    (found,) = doubted(tmp_path / "log.csv", events, **asked)
    assert found.startswith("140 topics for 140 events: topic_column (--topic-column)")


@pytest.mark.filterwarnings("always")
def test_one_line_each_on_the_command_line(tmp_path):
    log = write(tmp_path / "log.csv", text(WEEK, ","))
    command = ["population", "build", str(log), "--time-unit", "ms", "--activity", "RT"]
    asked = ["--resonance", "RE", "-o", str(tmp_path / "p.parquet")]
    done = CliRunner().invoke(app, [*command, *asked])
    assert done.exit_code == 0
    (line, *others) = done.stderr.splitlines()
    assert line.startswith("aumann: warning: all events fall into 1970-01-16 to 1970-01-16")
    assert "(--time-unit s) it is 2012-07-01 to 2012-07-07" in line
    assert all(other.startswith("aumann: warning: ") for other in others)
    assert "1970-01-16 to" in done.stdout
