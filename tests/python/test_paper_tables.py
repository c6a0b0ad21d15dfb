"""The paper's tables of a study: every cell against the raw tables, and what is not there."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from study_rows import figures, records

import aumann

POPULATION = aumann.synthesize(agents=2_500, steps=3, topics=2, seed=5)
PROTOCOLS = {
    "random": aumann.UniformRandom(),
    "visibility": aumann.VisibilityBiased(),
    "topic top": aumann.TopicTop(),
}
SIZES, SEEDS = [200, 1_000], [3, 8, 9]
FUNCTIONS = {
    repr(function): function
    for function in (
        aumann.Mean(),
        aumann.Heat(),
        aumann.Variance(),
        aumann.GiniMeanDifference(),
    )
}
NONLINEAR = list(FUNCTIONS)[1:]
TIERS = ["top", "middle", "tail"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    study = aumann.Study(
        POPULATION,
        protocols=PROTOCOLS,
        sizes=SIZES,
        seeds=SEEDS,
        stepwise=["random", "visibility"],
        least_participants=600,
        least_steps=0,
    )
    return study.run(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def tables(results):
    return results.paper_tables()


def test_shares_of_the_whole_and_of_small_panels(results, tables):
    rows = records(tables["Table 2"])
    lines = [(row["value function"], row["panel"], row["tier"]) for row in rows]
    assert lines == list(itertools.product(NONLINEAR, ["FULL", *PROTOCOLS], TIERS))
    for row, (function, panel, tier) in zip(rows, lines, strict=True):
        for topic in POPULATION.topics:
            where = {"topic": topic, "value_function": function, "tier": tier}
            if panel == "FULL":
                (wanted,) = figures(results, "whole", "share", **where)
            else:
                shares = figures(results, "shares", "share", protocol=panel, size=200, **where)
                assert len(shares) == 3
                wanted = shares.mean()
            assert row[topic] == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize(("name", "figure"), [("Table 3", "residual"), ("Appendix G", "spearman")])
def test_figures_by_topic_and_value_function(results, tables, name, figure):
    rows = records(tables[name])
    assert [row["topic"] for row in rows] == list(POPULATION.topics)
    for row, function in itertools.product(rows, ["Mean()", *NONLINEAR]):
        where = {"topic": row["topic"], "value_function": function}
        # Not the first protocol, which draws uniformly.
        found = figures(results, "cells", figure, protocol="visibility", size=1_000, **where)
        assert row[function] == pytest.approx(found.mean(), rel=1e-14)
        assert row[f"{function} deviation"] == pytest.approx(found.std(ddof=1), rel=1e-6)
    assert "panels of 1,000 by visibility" in tables[name].title


def test_overlaps_of_the_largest(results, tables):
    rows = records(tables["Table 12"])
    assert len(rows) == 8
    for row, k in itertools.product(rows, (10, 100)):
        where = {"topic": row["topic"], "value_function": row["value function"]}
        found = figures(results, "cells", f"jaccard_{k}", protocol="visibility", size=200, **where)
        assert row[f"top {k}"] == pytest.approx(found.mean(), rel=1e-14)
        assert row[f"top {k} deviation"] == pytest.approx(found.std(ddof=1), rel=1e-12)


def test_shares_by_topic_and_value_function(results, tables):
    rows = records(tables["Table 13"])
    assert [(row["value function"], row["topic"]) for row in rows] == list(
        itertools.product(["Mean()", *NONLINEAR], POPULATION.topics)
    )
    for row, tier in itertools.product(rows, TIERS):
        where = {"topic": row["topic"], "value_function": row["value function"], "tier": tier}
        panels = figures(results, "shares", "share", protocol="visibility", size=200, **where)
        assert row[f"200 {tier}"] == pytest.approx(panels.mean(), rel=1e-14)
        assert row[f"FULL {tier}"] == figures(results, "whole", "share", **where)[0]


def test_peaks(results, tables):
    tiers = POPULATION.tiers()
    for row in records(tables["Table 15"]):
        values, shares = [], []
        for x in POPULATION.features(row["topic"]):
            result = aumann.attribute(x, aumann.Heat())
            values.append(result.value)
            shares.append(result.group(tiers).shares)
        peak = int(np.argmax(values))
        assert row["peak"] == str(POPULATION.step_labels[peak])
        assert_allclose([row[tier] for tier in TIERS], shares[peak], rtol=1e-12)
        assert row["most"] == TIERS[int(np.argmax(shares[peak]))]
    assert "Heat()" in tables["Table 15"].title


def test_members_against_the_flip(results, tables):
    codes = POPULATION.tiers().codes
    topic = POPULATION.topics[0]
    rows = records(tables["Table 17"])
    assert [row["protocol"] for row in rows] == list(PROTOCOLS)
    for row in rows:
        drawn = [
            PROTOCOLS[row["protocol"]].draw(POPULATION, 200, seed, topic=topic) for seed in SEEDS
        ]
        counts = [np.count_nonzero(codes[members] == 0) for members in drawn]
        assert row["members"] == pytest.approx(np.mean(counts), rel=1e-14)
        assert row["members deviation"] == pytest.approx(np.std(counts, ddof=1), rel=1e-12)
        where = {"topic": topic, "value_function": "Variance()", "tier": "top"}
        shares = figures(results, "shares", "share", protocol=row["protocol"], size=200, **where)
        flip = shares - figures(results, "whole", "share", **where)
        assert row["flip, points"] == pytest.approx(flip.mean(), rel=1e-10)
        assert row["flip, points deviation"] == pytest.approx(flip.std(ddof=1), rel=1e-10)


def test_shares_against_size(results, tables):
    rows = records(tables["Table 18"])
    assert [row["size"] for row in rows] == ["200", "1,000", "FULL"]
    for row, protocol, tier in itertools.product(rows, ("visibility", "random"), TIERS):
        where = {"topic": POPULATION.topics[0], "value_function": "Heat()", "tier": tier}
        if row["size"] == "FULL":
            wanted = figures(results, "whole", "share", **where)[0]
        else:
            size = int(row["size"].replace(",", ""))
            wanted = figures(
                results, "shares", "share", protocol=protocol, size=size, **where
            ).mean()
        assert row[f"{protocol} {tier}"] == pytest.approx(wanted, rel=1e-14)


def test_agreement_of_baselines(results, tables):
    topic = POPULATION.topics[0]
    rows = records(tables["Table 10"])
    pairs = [("zero", "mean"), ("zero", "pre-event"), ("mean", "pre-event")]
    lines = list(itertools.product(["Mean()", *NONLINEAR], pairs))
    assert len(rows) == len(lines)
    x, before = POPULATION.features(topic, window="whole"), POPULATION.features(topic)[0]
    starts = {"zero": 0.0, "mean": "mean", "pre-event": before}
    for row, (function, (one, two)) in zip(rows, lines, strict=True):
        assert row["value function"] == function
        assert row["baselines"] == f"{one} vs. {two}"
        first, second = (
            aumann.attribute(x, FUNCTIONS[function], baseline=starts[each]).values
            for each in (one, two)
        )
        assert row["Kendall"] == pytest.approx(stats.kendalltau(first, second).statistic, rel=1e-9)
        assert row["Spearman"] == pytest.approx(stats.spearmanr(first, second).statistic, rel=1e-9)
        for k in (10, 100):
            best, other = (set(np.argsort(-v, kind="stable")[:k]) for v in (first, second))
            assert row[f"top {k}"] == len(best & other) / len(best | other)


def test_elites_and_their_overlaps(tables):
    topic = POPULATION.topics[0]
    features = ["reach", "activity", "resonance"]
    # The 25 largest; of those that tie at the edge the first.
    elites = {name: np.argsort(-POPULATION.raw(name), kind="stable")[:25] for name in features}
    x = POPULATION.features(topic, window="whole")
    whole = aumann.attribute(x, aumann.Heat()).values
    rows = records(tables["Table 14"])
    assert [row["anchor"] for row in rows] == [f"top 1 % by {name}" for name in features]
    for row, elite in zip(rows, elites.values(), strict=True):
        full = whole[elite].sum() / whole.sum()
        assert row["FULL"] == pytest.approx(full, rel=1e-12)
        shares = []
        for seed in SEEDS:
            members = PROTOCOLS["visibility"].draw(POPULATION, 200, seed, topic=topic)
            panel = aumann.attribute(x[members], aumann.Heat()).values
            shares.append(panel[np.isin(members, elite)].sum() / panel.sum())
        assert row["200"] == pytest.approx(np.mean(shares), rel=1e-12)
        assert row["gap, points"] == pytest.approx(np.mean(shares) - full, rel=1e-9)
        assert row["gap, points deviation"] == pytest.approx(np.std(shares, ddof=1), rel=1e-9)
    overlaps = records(tables["Table 14, overlaps"])
    assert len(overlaps) == 3
    for row, (one, two) in zip(overlaps, itertools.combinations(features, 2), strict=True):
        assert (row["anchor"], row["other"]) == (f"top 1 % by {one}", f"top 1 % by {two}")
        shared = len(set(elites[one]) & set(elites[two]))
        assert row["Jaccard"] == shared / (50 - shared)


def test_shares_across_the_steps(tables):
    topic = POPULATION.topics[0]
    codes = POPULATION.tiers().codes
    steps = POPULATION.features(topic)
    rows = records(tables["Table 16"])
    assert [row["size"] for row in rows] == ["200", "1,000", "FULL"]
    assert "panels by visibility" in tables["Table 16"].title
    for row, size in zip(rows, [200, 1_000, None], strict=True):
        shares = []
        for x in steps:
            drawn = (
                [np.arange(len(x))]
                if size is None
                else [
                    PROTOCOLS["visibility"].draw(POPULATION, size, seed, topic=topic)
                    for seed in SEEDS
                ]
            )
            of_step = []
            for members in drawn:
                values = aumann.attribute(x[members], aumann.Heat()).values
                of_step.append(values[codes[members] == 0].sum() / values.sum())
            shares.append(np.mean(of_step))
        assert row["mean across steps"] == pytest.approx(np.mean(shares), rel=1e-12)
        deviation = row["deviation across steps, points"]
        assert deviation == pytest.approx(np.std(shares, ddof=1), rel=1e-9)


def test_topics(tables):
    rows = records(tables["Appendix H"])
    for row, topic in zip(rows, POPULATION.topics, strict=True):
        assert row["topic"] == topic
        activity = POPULATION.features(topic)[:, :, 1:]
        there = np.array([(x > 0).any(axis=1) for x in activity])
        assert row["agents"] == there.any(axis=0).sum()
        assert row["steps"] == np.count_nonzero(there.sum(axis=1) >= 600)
        assert row["eligible"] == "yes"
