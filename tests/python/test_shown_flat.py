"""What a study shows of indicators that never move, and of topics in which one is undefined."""

import re

import numpy as np
import pytest
from study_files import describe, run
from study_rows import records

import aumann

TOPICS = ("unanswered", "busy", "silent")
KINDS = '["mean", "heat", "variance", {name = "variance", weights = [1, 1, 0.5]}]'
FIVE = '[tiers]\nnames = ["a", "b", "c", "d", "e"]\nfractions = [0.01, 0.04, 0.05, 0.4, 0.5]\n'


def people(steps=3):
    """Return a population in which a topic has no replies, and another nothing at all."""
    rng = np.random.default_rng(0)
    activity, resonance = rng.poisson(1.0, (2, 3, steps, 1_000))
    resonance[0] = activity[2] = resonance[2] = 0
    return aumann.Population.from_arrays(
        {"reach": np.arange(1_000), "activity": activity, "resonance": resonance},
        kinds="count",
        topics=TOPICS,
    )


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flat")
    people().write_parquet(folder / "people.parquet")
    text = f"sizes = [100, 200, 900]\nseeds = 2\nvalue_functions = {KINDS}\n{FIVE}"
    return folder, run(describe(folder, folder / "people.parquet", text))


@pytest.fixture(scope="module")
def results(answer):
    return aumann.StudyResults.read(answer[0] / "out")


def test_an_indicator_that_never_moves_has_no_peak(answer, results):
    heat = [row for row in results.tables["steps"].to_pylist() if row["value_function"] == "Heat()"]
    assert {row["value"] for row in heat if row["topic"] == "unanswered"} == {0.0}
    peaks = {(row["topic"], row["value_function"]) for row in results.peaks().to_pylist()}
    assert ("unanswered", "Heat()") not in peaks
    assert len(peaks) == 2 * 4 - 1
    _, busy, unanswered = re.split("busy|unanswered", answer[1].out)[:3]
    assert "no peak" not in busy
    (line,) = (line for line in unanswered.splitlines() if line.startswith("Heat()"))
    assert line.split() == ["Heat()", "no", "peak", *"-----"]
    assert "no peak: undefined, or the same value at every step" in answer[1].out


def test_of_one_step_the_peak_is_that_step(tmp_path):
    study = aumann.Study(people(1), [aumann.Heat()], sizes=[100], seeds=[0], topics=["busy"])
    results = study.run(tmp_path)
    assert [row["step"] for row in results.peaks().to_pylist()] == [people(1).step_labels[0]] * 3
    assert records(results.paper_tables()["Table 15"])[0]["peak"] == people(1).step_labels[0]


def test_without_another_value_function_table_15_has_no_peak(tmp_path):
    population = people()
    study = aumann.Study(population, [aumann.Heat()], sizes=[100], seeds=[0], topics=TOPICS[:2])
    table = study.run(tmp_path).paper_tables()["Table 15"]
    assert table.rows[0] == ["unanswered", "no peak", "-", "-", "-", "-"]
    assert np.isnan(records(table)[0]["top"])
    assert not table.signed
    assert table.rows[1][0] == "busy"
    assert "-" not in table.rows[1]
    assert table.notes == ["no peak: undefined, or the same value at every step"]


def test_tables_show_another_value_function_where_heat_is_undefined(results):
    tables = results.paper_tables()
    note = "Heat() has no shares in unanswered, where it is undefined: Variance() is shown instead"
    for name in ("Table 14", "Table 15", "Table 16", "Table 18"):
        assert "Variance()" in tables[name].title, name
        assert tables[name].notes[0] == note
        assert any("%" in cell for cell in tables[name].rows[0]), name
    row, other = records(tables["Table 15"])
    steps = results.tables["steps"].to_pylist()
    for each, function in ((row, "Variance()"), (other, "Heat()")):
        mine = [
            step
            for step in steps
            if (step["topic"], step["value_function"]) == (each["topic"], function)
        ]
        best = max(mine, key=lambda step: step["value"])
        assert each["peak"] == best["step"]
        assert each["a"] == next(s["share"] for s in mine if s["step"] == best["step"])
    assert tables["Table 17"].notes == ["panels without members of the a tier: 2 of 2 of random"]


def test_what_the_command_prints_fits_and_says_every_cell(answer, results):
    lines = answer[1].out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("written")) <= 100
    flips = {
        f"{100 * row['flip']:+.1f}"
        for row in results.summary().to_pylist()
        if row["tier"] == "a" and row["flip"] is not None
    }
    assert len(flips) > 20
    assert all(f" {flip} (" in answer[1].out for flip in flips)


def test_where_nobody_is_active_that_is_said(answer, results):
    assert "left out: silent, in which nobody is active" in answer[1].out
    table = results.paper_tables()["Appendix H"]
    assert "steps" not in table.title
    assert [row["agents"] > 0 for row in records(table)] == [True, True, False]
    assert [row["eligible"] for row in records(table)] == ["yes", "yes", "no"]
    assert table.header == ["topic", "agents", "eligible"]


def test_steps_are_spoken_of_where_a_least_number_was_asked_for(tmp_path):
    people().write_parquet(tmp_path / "people.parquet")
    text = "sizes = [100]\nseeds = 1\nleast_participants = 700\nleast_steps = 3\n"
    found = run(describe(tmp_path, tmp_path / "people.parquet", text))
    assert found.code == 0, found.error
    assert "left out: silent, in which nobody is active" in found.out
    alive = people().raw("activity", "unanswered") > 0
    said = f"left out: unanswered, with {alive.sum():,} active agents, and 700 or more on 0 steps"
    assert said in found.out
    table = aumann.StudyResults.read(tmp_path / "out").paper_tables()["Appendix H"]
    assert "steps with at least 700 of them" in table.title
    assert [row["steps"] for row in records(table)] == [0, 3, 0]
