"""The report where a study has little to say, or more than most: what is claimed, and what not."""

import dataclasses
import random

import numpy as np
import pytest
from report_studies import PROTOCOLS, Page, altered, renamed, small_study

import aumann
from aumann.report import render_report
from aumann.study.eligibility import participants

ESSENTIAL = ("whole", "steps", "bins", "cells", "shares")
# What names a row; the rest are its figures.
KEYS = ("topic", "value_function", "protocol", "size", "seed", "tier", "step", "number", "agents")
KEYS += ("elite", "other", "baseline", "active", "steps_enough", "eligible", "reachable")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> aumann.StudyResults:
    return small_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Reports without figures, which take most of the time."""
    monkeypatch.setattr("aumann.report.page.drawn", lambda *_: [])


def undefined(table, row):
    for name in ("share", "flip", "residual", "spearman", "factor", "standard_error"):
        if name in row:
            row[name] = None
    return {name: None if name in ("low", "high", "whole_share") else row[name] for name in row}


def test_nothing_is_claimed_where_nothing_is_defined(results):
    page = Page(render_report(altered(results, undefined)))
    assert "Nothing can be said of small panels: they have no shares" in page.text
    assert page.text.count("Undefined") >= 4
    assert "another story" not in page.text
    assert "nan" not in page.text.split()


def test_a_study_of_one_step_uniform_panels_and_no_topics(tmp_path):
    population = aumann.synthesize(agents=2_000, steps=1, seed=2)
    protocols = {"random": aumann.UniformRandom()}
    study = aumann.Study(population, protocols=protocols, sizes=[1_000], seeds=[0])
    page = Page(render_report(study.run(tmp_path)))
    assert "With a single step nothing can be said of when." in page.text
    assert "Uniform panels need no weights" in page.text
    assert "in uniform panels" not in page.text
    assert (
        "With 1 panel per protocol and size, bias and chance are hard to tell apart." in page.text
    )
    assert "None" not in page.text.split()
    assert "topic" not in {row[0][0] for row in page.rows("panels")}
    assert len(page.rows("panels")[0]) == len(page.rows("panels")[-1]) == 14


def test_a_panel_that_is_the_population_agrees(results):
    whole = {
        (row["topic"], row["value_function"], row["tier"]): row["share"]
        for row in results.tables["whole"].to_pylist()
    }

    def change(table, row):
        if table == "shares":
            row["share"] = whole[row["topic"], row["value_function"], row["tier"]]
            row["flip"] = 0.0
        return row

    page = Page(render_report(altered(results, change)))
    assert "A small panel tells the same story as all 3,000 agents" in page.text
    assert "Yes, in these panels" in page.text
    # Of so few panels the caution comes first.
    few = altered(results, change)
    few = dataclasses.replace(few, manifest={**few.manifest, "seeds": [0, 1]})
    page = Page(render_report(few))
    assert "With 2 panels of a kind, too few to tell bias from chance, a small panel" in page.text
    assert "Perhaps, but the panels are few" in page.text
    assert "Yes, in these panels" not in page.text


def test_intervals_that_miss_are_not_praised(results):
    def change(table, row):
        if table == "repairs":
            row |= {"low": row["whole_share"] + 0.1, "high": row["whole_share"] + 0.2}
        return row

    page = Page(render_report(altered(results, change)))
    assert "in 0 of 18 cases, 0.0 %; that is too few, so take them as too narrow" in page.text
    assert "Weights, in part" in page.text
    (row,) = (row for row in page.rows("verdicts") if row[0][0] == "visibility weighted")
    assert row[4][0] == "with care from 1,000 on: 0 of 18 intervals hold the truth"


def test_the_tables_of_every_study_are_enough(results):
    page = Page(render_report(altered(results, lambda t, row: row if t in ESSENTIAL else None)))
    assert "Not measured" in page.text
    assert "repairs" not in page.tables
    with pytest.raises(ValueError, match="results: the tables cells are not in"):
        render_report(altered(results, lambda t, row: None if t == "cells" else row))


def test_what_only_some_studies_measure_is_in_tables(tmp_path):
    population = aumann.synthesize(agents=2_000, steps=4, topics=2, seed=3)
    busiest = [max(participants(population, topic)[1]) for topic in population.topics]
    study = aumann.Study(
        population,
        value_functions=[aumann.Heat()],
        protocols=PROTOCOLS,
        sizes=[100],
        seeds=[0, 1],
        least_participants=int(max(busiest)),
        least_steps=1,
        merge_steps=[2],
        standardised=True,
    )
    results = study.run(tmp_path)
    tables = {name: table.to_pylist() for name, table in results.tables.items()}
    page = Page(render_report(results))
    (lost,) = (row["topic"] for row in tables["topics"] if not row["eligible"])
    assert f"Left out, as too few agents take part: {lost}." in page.text
    assert [row[3][0] for row in page.rows("topics")].count("no") == 1
    (kept,) = {row["topic"] for row in tables["whole"]}
    assert f"; topic {kept}" in page.text
    (merged,) = page.rows("merged")
    values = {row["number"]: row["value"] for row in tables["merged_steps"]}
    assert (merged[2][0], int(merged[3][1])) == ("2", max(values, key=values.get))
    scaled = page.rows("scaled")
    assert [row[2][0] for row in scaled] == ["all agents", *PROTOCOLS]
    for row in scaled:
        protocol = None if row[2][0] == "all agents" else row[2][0]
        mine = [
            r["share"] for r in tables["scaled"] if (r["protocol"], r["tier"]) == (protocol, "top")
        ]
        assert float(row[4][1]) == pytest.approx(np.mean(mine))
    for row in page.rows("elite-flips"):
        for place, elite in enumerate(("reach", "activity", "resonance"), 4):
            mine = [
                r["flip"]
                for r in tables["elite_shares"]
                if (r["protocol"], r["elite"]) == (row[2][0], elite)
            ]
            assert float(row[place][1]) == pytest.approx(np.mean(mine), abs=1e-12)
    for row in page.rows("elites"):
        (share,) = (r["share"] for r in tables["elites"] if r["elite"] == row[2][0])
        assert float(row[4][1]) == share
    assert [float(row[2][1]) for row in page.rows("overlaps")] == [
        row["jaccard"] for row in tables["overlaps"]
    ]
    for row, wanted in zip(page.rows("baselines"), tables["baselines"], strict=True):
        assert [row[2][0], row[3][0]] == [wanted["baseline"], wanted["other"]]
        assert float(row[4][1]) == wanted["kendall"]


@pytest.mark.parametrize("seed", range(6))
def test_any_figure_may_be_undefined(results, seed):
    draw = random.Random(seed)
    part = (0.02, 0.2, 0.7)[seed % 3]

    def change(_, row):
        return {k: v if k in KEYS or draw.random() > part else None for k, v in row.items()}

    page = Page(render_report(altered(results, change)))
    assert not {"nan", "None", "inf"} & set(page.text.split())
    assert "undefined" in page.text


def test_without_uniform_panels_there_is_no_control(results):
    def change(_, row):
        return None if row.get("protocol") == "random" else row

    protocols = {k: v for k, v in results.manifest["protocols"].items() if k != "random"}
    page = Page(render_report(altered(results, change, protocols=protocols)))
    assert "for 6 of 6 indicators." in page.text
    assert "uniform panels" not in page.text.split("What would repair it?")[0].split("control.")[1]
    assert [row[0][0] for row in page.rows("verdicts")] == list(protocols)


def test_uniform_panels_alone_are_not_called_biased(results):
    def change(_, row):
        return row if row.get("protocol", "random") == "random" else None

    page = Page(render_report(altered(results, change, protocols={"random": "UniformRandom()"})))
    assert "A small panel tells the story only roughly: single panels are far off" in page.text
    assert "misjudge" not in page.text.split("Which panels to trust")[0]
    (row,) = page.rows("verdicts")
    assert row[4][0] == "not needed"


def test_tiers_have_the_names_they_were_given(results):
    names = {"top": "verified", "middle": "press", "tail": "others"}
    page = Page(render_report(renamed(results, names)))
    assert "The verified tier, 1.0 % of the agents, has " in page.text
    assert "The others tier, 90.0 % of the agents, has the largest share of " in page.text
    assert "the top tier" not in page.text.split("Methods")[0]


def test_a_large_study_still_fits_a_page(results, monkeypatch):
    monkeypatch.setattr("aumann.report.tables.LONGEST", 40)
    monkeypatch.setattr("aumann.report.page.DRAWN_TOPICS", 1)
    page = Page(render_report(results))
    assert "These are 48 rows, too many for a page" in page.text
    assert page.tables["panels"] == []
    assert len(page.rows("population")) == 6
    assert "Drawn are the first 1 topics;" in page.text


def without_heat_of(topic):
    """A change that takes the heat of a topic away: 0 at all steps, in panels as in the whole."""

    def change(table, row):
        if row.get("topic") == topic and row.get("value_function") == "Heat()":
            row = undefined(table, row)
            row.update({name: 0.0 for name in ("value", "sum") if name in row})
        return row

    return change


def test_an_indicator_without_shares_is_no_mistake_and_has_no_peak(results):
    lost, kept = results.manifest["topics"]
    page = Page(render_report(altered(results, without_heat_of(lost))))
    whole = Page(render_report(results))
    verdicts, before = ({row[0][0]: row for row in each.rows("verdicts")} for each in (page, whole))
    # Uniform panels of 1,000 are right about all that is defined, as they were about everything.
    assert before["random"][3][0] == verdicts["random"][3][0] == "from 1,000 on"
    assert verdicts["random"][2][0] == "0 of 5"
    assert len(page.rows("peaks")) == len(whole.rows("peaks")) - 1 == 5
    assert "1 indicator has no peak, being the same at all steps." in page.text
    assert "no peak" not in whole.text
    cases = sum(
        len(
            {
                row["value"]
                for row in results.tables["panel_steps"].to_pylist()
                if (row["topic"], row["value_function"], row["seed"], row["size"])
                == (topic, function, seed, 100)
            }
        )
        > 1
        for topic in (lost, kept)
        for function in ("Mean()", "Heat()", "Variance()")
        for seed in (0, 1, 2)
        if (topic, function) != (lost, "Heat()")
    )
    assert f" of {cases:,} cases." in page.text
    assert "the largest shares of 5 indicators" in page.text
    assert "The shares of 1 indicator are undefined." in page.text


def test_nothing_moves(results):
    def change(table, row):
        if table in ("steps", "panel_steps"):
            row["value"] = 2.0
        return row

    page = Page(render_report(altered(results, change)))
    assert "No peak" in page.text
    assert "nothing moves" in page.text


def test_shares_stay_off_only_where_panels_are_biased(results, tmp_path):
    assert "the shares of its tiers stay off" in Page(render_report(results)).text
    population = aumann.synthesize(agents=20_000, steps=2, seed=2)
    study = aumann.Study(
        population, [aumann.Mean()], {"random": aumann.UniformRandom()}, sizes=[5_000], seeds=[0, 1]
    )
    page = Page(render_report(study.run(tmp_path)))
    assert "does not bring back the agents who are not in the panel." in page.text
    assert "stay off" not in page.text
    assert "other protocols" not in page.text


def test_few_intervals_that_hold_are_taken_with_care(results):
    rows = [
        row
        for row in results.tables["repairs"].to_pylist()
        if (row["protocol"], row["tier"], row["size"]) == ("visibility weighted", "top", 1_000)
    ]
    assert len(rows) == 18
    count = iter(range(10**6))

    def change(table, row):
        mine = table == "repairs" and row["protocol"] == "visibility weighted"
        if mine and row["tier"] == "top" and row["size"] == 1_000:
            hit = next(count) >= 3
            row["low"], row["high"] = (0.0, 1.0) if hit else (2.0, 3.0)
        return row

    page = Page(render_report(altered(results, change)))
    verdict = {row[0][0]: row[4][0] for row in page.rows("verdicts")}["visibility weighted"]
    assert verdict == "with care from 1,000 on: 15 of 18 intervals hold the truth"
    assert "with so few seeds that may be chance" in page.text


def test_panels_without_an_interval_are_counted(results):
    def change(table, row):
        if table == "repairs" and row["seed"] == 2:
            row["standard_error"] = row["low"] = row["high"] = None
        return row

    page = Page(render_report(altered(results, change)))
    verdict = {row[0][0]: row[4][0] for row in page.rows("verdicts")}["visibility weighted"]
    assert verdict.endswith(", 6 panels without one")
    for row in page.rows("repairs"):
        assert row[7][0] == row[8][0] == "undefined"
        assert row[11][0] == "1"


def test_rules_that_cannot_say_whom_they_reach(results):
    def change(table, row):
        if table == "protocols" and row["protocol"] == "topic top":
            row["reachable"] = row["certain"] = None
        return None if table == "repairs" and row["protocol"] == "topic top" else row

    page = Page(render_report(altered(results, change)))
    verdict = {row[0][0]: row[4][0] for row in page.rows("verdicts")}
    assert verdict["topic top"] == "not measured"
