"""Elites of one topic, and panels whose members are the same whatever the seed."""

import itertools

import numpy as np
import pytest
from study_rows import records

import aumann
from aumann.report.evidence import Evidence
from aumann.report.further_tables import further_tables
from aumann.study import read_study

POPULATION = aumann.synthesize(agents=2_500, steps=2, topics=2, seed=5)
FEATURES = ("reach", "activity", "resonance")
# The pool of 4 % holds 100 agents.
PROTOCOLS = {"visible": aumann.VisibilityBiased(pool=0.04), "random": aumann.UniformRandom()}


def studied(folder, **asked):
    study = aumann.Study(
        POPULATION,
        [aumann.Heat(), aumann.Variance()],
        PROTOCOLS,
        sizes=[100, 300],
        seeds=range(4),
        **asked,
    )
    return study.run(folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return studied(tmp_path_factory.mktemp("study"), elites_in_topic=True)


def elite(feature, topic):
    """Return the 25 largest of 2,500; of those that tie at the edge the first."""
    return set(np.argsort(-POPULATION.raw(feature, topic), kind="stable")[:25])


def test_elites_are_ranked_in_the_topic(results):
    for topic in POPULATION.topics:
        whole = aumann.attribute(POPULATION.features(topic, window="whole"), aumann.Heat()).values
        rows = [
            row
            for row in results.tables["elites"].to_pylist()
            if (row["topic"], row["value_function"]) == (topic, "Heat()")
        ]
        for row, feature in zip(rows, FEATURES, strict=True):
            share = whole[list(elite(feature, topic))].sum() / whole.sum()
            assert (row["elite"], row["agents"]) == (feature, 25)
            assert row["share"] == pytest.approx(share, rel=1e-12)
        overlaps = [row for row in results.tables["overlaps"].to_pylist() if row["topic"] == topic]
        for row, (one, two) in zip(overlaps, itertools.combinations(FEATURES, 2), strict=True):
            shared = len(elite(one, topic) & elite(two, topic))
            assert (row["elite"], row["other"]) == (one, two)
            assert row["jaccard"] == shared / (50 - shared)
    assert elite("activity", POPULATION.topics[0]) != elite("activity", None)


def test_tables_say_of_which_topics_elites_are(results, tmp_path):
    first = POPULATION.topics[0]
    tables = results.paper_tables()
    for name in ("Table 14", "Table 14, overlaps"):
        assert f"agents are ranked by their counts in {first}" in tables[name].notes
    shared = len(elite("reach", first) & elite("activity", first))
    assert records(tables["Table 14, overlaps"])[0]["Jaccard"] == shared / (50 - shared)
    (page,) = [each for each in further_tables(Evidence.of(results)) if each.key == "elites"]
    assert page.note.endswith("of the topic at hand.")
    others = studied(tmp_path).paper_tables()
    assert any("in all topics" in note for note in others["Table 14"].notes)


def test_panels_of_the_same_agents_are_told(results):
    tables = results.paper_tables()
    said = "hold the same agents whatever the seed, as their pool is of that size"
    for name in ("Table 12", "Table 14", "Table 17"):
        (note,) = [note for note in tables[name].notes if said in note]
        assert note.startswith("panels of 100 by visible hold")
        assert said in repr(tables[name]).replace("\n", " ")
    # Panels of the pool are all alike, so that the deviation is 0 where others have one.
    found = {"visible": set(), "random": set()}
    for row in results.tables["shares"].to_pylist():
        if (row["size"], row["tier"], row["topic"]) == (100, "tail", POPULATION.topics[0]):
            found[row["protocol"]].add((row["value_function"], row["share"]))
    assert {name: len(shares) for name, shares in found.items()} == {"visible": 2, "random": 8}
    # None of these uniform panels holds an agent of the first tier.
    empty = [note for note in tables["Table 17"].notes if "without members of" in note]
    assert empty == ["panels without members of the top tier: 4 of 4 of random"]
    # Of 300 agents, 200 are drawn from everybody else.
    bigger = aumann.study.grid.Grid(results.tables, results.manifest)
    assert bigger.same_agents(bigger.topics, ["visible", "random"], 300) == []


def test_the_key_of_the_file(tmp_path):
    POPULATION.write_parquet(tmp_path / "p.parquet")
    lines = ['population = "p.parquet"', 'output = "out"', "elites_in_topic = true"]
    (tmp_path / "study.toml").write_text("\n".join(lines))
    study = read_study(tmp_path / "study.toml").study
    assert study.elites_in_topic
    assert study.manifest()["elites_in_topic"] is True
    assert "elites_in_topic" not in aumann.Study(POPULATION).manifest()
