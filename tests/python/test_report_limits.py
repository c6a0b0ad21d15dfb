"""The report where a study has little to say, or more than most: what is claimed, and what not."""

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
