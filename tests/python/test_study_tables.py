"""What a study says beside its cells: steps of panels, elites, baselines, repairs, topics."""

import random
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose
from scipy import stats

import aumann

POPULATION = aumann.synthesize(agents=1_200, steps=3, topics=2, seed=9)
TOPICS = POPULATION.topics
PROTOCOLS = {
    "visibility": aumann.VisibilityBiased(),
    "weighted": aumann.VisibilityWeighted(),
    "random": aumann.UniformRandom(),
}
# The visible pool holds 60 agents.
SIZES, SEEDS = [40, 400], [3, 8]
NAMES = {
    "Mean()": "mean",
    "Heat()": "heat",
    "Variance()": "variance",
    "GiniMeanDifference()": "gini",
}
FUNCTIONS = {repr(function): function for function in aumann.Study(POPULATION).value_functions}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> aumann.StudyResults:
    study = aumann.Study(
        POPULATION,
        protocols=PROTOCOLS,
        sizes=SIZES,
        seeds=SEEDS,
        stepwise=["visibility", "random"],
        standardised=True,
    )
    return study.run(tmp_path_factory.mktemp("study"))


def rows_of(results, name, count, seed=1):
    rows = results.tables[name].to_pylist()
    return random.Random(seed).sample(rows, min(count, len(rows)))


def attributed(function, x, baseline=0.0):
    """Attributions by the reference; equal composites have equal bits."""
    name = NAMES[function]
    if name != "heat":
        x = ((x[:, 0] + x[:, 1]) + x[:, 2])[:, None]
        if np.ndim(baseline):
            baseline = ((baseline[:, 0] + baseline[:, 1]) + baseline[:, 2])[:, None]
    return reference.aumann_shapley(name, x, baseline).astype(float)


def drawn(row):
    return PROTOCOLS[row["protocol"]].draw(POPULATION, row["size"], row["seed"], topic=row["topic"])


def test_panels_step_by_step_are_what_numpy_finds(results):
    tiers, bins = POPULATION.tiers(), POPULATION.percentile_bins(100)
    assert results.tables["panel_steps"].num_rows == 2 * 2 * 2 * 2 * 4 * 3 * 3
    assert results.tables["panel_bins"].num_rows == 2 * 2 * 2 * 4 * 3 * 100
    assert set(results.tables["panel_bins"]["seed"].to_pylist()) == {3}
    for row in rows_of(results, "panel_steps", 25):
        members = drawn(row)
        x = POPULATION.features(row["topic"])[row["number"]]
        values = attributed(row["value_function"], x[members])
        mine = tiers.codes[members] == tiers.names.index(row["tier"])
        assert row["value"] == pytest.approx(values.sum(), rel=1e-9)
        assert row["share"] == pytest.approx(values[mine].sum() / values.sum(), abs=1e-9)
        assert row["step"] == POPULATION.step_labels[row["number"]]
    for row in rows_of(results, "panel_bins", 25):
        members = drawn(row)
        x = POPULATION.features(row["topic"])[row["number"]]
        values = attributed(row["value_function"], x[members])
        mass = values[bins.codes[members] == row["bin"] - 1].sum()
        assert row["sum"] == pytest.approx(mass, rel=1e-9, abs=1e-12)


def test_elites_are_the_top_by_any_feature(results):
    elites = {name: POPULATION.tiers(name).codes == 0 for name in NAMES_OF_FEATURES}
    for row in results.tables["elites"].to_pylist():
        x = POPULATION.features(row["topic"], window="whole")
        values = attributed(row["value_function"], x)
        inside = elites[row["elite"]]
        assert row["agents"] == inside.sum() == 12
        assert row["share"] == pytest.approx(values[inside].sum() / values.sum(), abs=1e-9)
    for row in rows_of(results, "elite_shares", 25):
        members, inside = drawn(row), elites[row["elite"]]
        x = POPULATION.features(row["topic"], window="whole")
        whole, panel = (attributed(row["value_function"], part) for part in (x, x[members]))
        share = panel[inside[members]].sum() / panel.sum()
        assert row["agents"] == inside[members].sum()
        assert row["share"] == pytest.approx(share, abs=1e-9)
        assert row["flip"] == pytest.approx(share - whole[inside].sum() / whole.sum(), abs=1e-9)
    overlaps = {(r["elite"], r["other"]): r["jaccard"] for r in rows_of(results, "overlaps", 9)}
    assert len(overlaps) == 3
    for (one, other), jaccard in overlaps.items():
        a, b = set(np.flatnonzero(elites[one])), set(np.flatnonzero(elites[other]))
        assert jaccard == len(a & b) / len(a | b)


NAMES_OF_FEATURES = ("reach", "activity", "resonance")


def test_baselines_rank_as_scipy_says(results):
    rows = results.tables["baselines"].to_pylist()
    assert len(rows) == 2 * 4 * 3
    for row in rows:
        x = POPULATION.features(row["topic"], window="whole")
        before = POPULATION.features(row["topic"])[0]
        starts = {"zero": 0.0, "mean": "mean", "pre-event": before}
        # Which agents tie is a matter of last bits, so the values are those of the verb.
        one, two = (
            aumann.attribute(x, FUNCTIONS[row["value_function"]], baseline=starts[row[key]]).values
            for key in ("baseline", "other")
        )
        assert row["kendall"] == pytest.approx(stats.kendalltau(one, two).statistic, abs=1e-12)
        assert row["spearman"] == pytest.approx(stats.spearmanr(one, two).statistic, abs=1e-12)
        for k in (10, 100):
            best = [set(np.lexsort((np.arange(len(v)), -v))[:k]) for v in (one, two)]
            assert row[f"jaccard_{k}"] == len(best[0] & best[1]) / len(best[0] | best[1])


def test_repairs_are_those_of_reweighting(results):
    tiers = POPULATION.tiers()
    rows = results.tables["repairs"].to_pylist()
    # A panel that is larger than its pool may hold anybody.
    repairable = [
        ("visibility", 400),
        *((name, n) for name in ("weighted", "random") for n in SIZES),
    ]
    assert {(row["protocol"], row["size"]) for row in rows} == set(repairable)
    assert len(rows) == 2 * 5 * 2 * 4 * 3
    whole = {
        (row["topic"], row["value_function"], row["tier"]): row["share"]
        for row in results.tables["whole"].to_pylist()
    }
    for row in random.Random(2).sample(rows, 12):
        members = drawn(row)
        chances = PROTOCOLS[row["protocol"]].inclusion(POPULATION, row["size"], topic=row["topic"])
        # By hand for the mean; the others by the function, which has its own tests.
        x = POPULATION.features(row["topic"], window="whole")[members]
        k = tiers.names.index(row["tier"])
        if row["value_function"] == "Mean()":
            weighed = x.sum(axis=1) / chances[members]
            share = weighed[tiers.codes[members] == k].sum() / weighed.sum()
            assert row["share"] == pytest.approx(share, rel=1e-9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            wanted = aumann.reweight(
                x,
                FUNCTIONS[row["value_function"]],
                tiers.take(members),
                inclusion=chances[members],
            )
        assert row["share"] == wanted.shares[k]
        if np.isfinite(wanted.standard_error[k]):
            assert row["standard_error"] == wanted.standard_error[k]
            assert [row["low"], row["high"]] == wanted.intervals[k].tolist()
        else:
            assert row["standard_error"] is row["low"] is row["high"] is None
        assert row["whole_share"] == whole[row["topic"], row["value_function"], row["tier"]]


def test_whom_a_protocol_can_speak_for(results):
    for row in results.tables["protocols"].to_pylist():
        chances = PROTOCOLS[row["protocol"]].inclusion(POPULATION, row["size"], topic=row["topic"])
        assert row["reachable"] == (chances > 0).sum()
        assert row["agents"] == 1_200
        if row["protocol"] == "visibility":
            assert row["reachable"] == (
                60 if row["size"] == 40 else 60 if row["size"] <= 60 else 1200
            )


def test_features_of_one_spread(results):
    tiers = POPULATION.tiers()
    rows = results.tables["scaled"].to_pylist()
    assert len(rows) == 2 * 4 * 3 * (1 + 3 * 2 * 2)
    for row in random.Random(3).sample(rows, 25):
        x = POPULATION.features(row["topic"], window="whole")
        x = x / x.std(axis=0)
        whole = attributed(row["value_function"], x)
        k = tiers.names.index(row["tier"])
        truth = whole[tiers.codes == k].sum() / whole.sum()
        if row["protocol"] is None:
            assert row["share"] == pytest.approx(truth, abs=1e-8)
            assert row["flip"] is row["size"] is row["seed"] is None
            continue
        members = drawn(row)
        panel = attributed(row["value_function"], x[members])
        share = panel[tiers.codes[members] == k].sum() / panel.sum()
        assert row["share"] == pytest.approx(share, abs=1e-8)
        assert row["flip"] == pytest.approx(share - truth, abs=1e-8)


def test_topics_that_are_too_quiet_are_left_out(tmp_path):
    counts = np.zeros((2, 4, 60), dtype=int)
    counts[0, :, :30] = 2
    counts[1, 1, :40] = 5
    reach = np.arange(60)
    population = aumann.Population.from_arrays(
        {"reach": reach, "activity": counts, "resonance": counts},
        kinds="count",
        topics=["steady", "burst"],
    )
    small = {"protocols": {"random": aumann.UniformRandom()}, "sizes": [20], "seeds": [0]}
    study = aumann.Study(population, **small, least_participants=30, least_steps=3)
    results = study.run(tmp_path / "some")
    assert results.tables["topics"].to_pylist() == [
        {"topic": "steady", "active": 30, "steps_enough": 4, "eligible": True},
        {"topic": "burst", "active": 40, "steps_enough": 1, "eligible": False},
    ]
    assert set(results.tables["cells"]["topic"].to_pylist()) == {"steady"}
    with pytest.raises(ValueError, match="least_participants: 31 agents on at least 3 steps"):
        aumann.Study(population, **small, least_participants=31, least_steps=3).run(
            tmp_path / "none"
        )


def test_what_a_population_is_binned_by(tmp_path):
    random = {"random": aumann.UniformRandom()}
    groups = aumann.Groups.from_labels(["a", "b", "c"] * 3)
    asked = {"protocols": random, "sizes": [3], "tiers": groups}
    wealth = aumann.Population.from_arrays({"wealth": np.arange(9.0)}, kinds="measurement")
    assert aumann.Study(wealth, **asked).bins_by == "wealth"
    with pytest.raises(ValueError, match="bins_by: 'money', by which agents cannot be ranked"):
        aumann.Study(wealth, bins_by="money", **asked)
    moods = aumann.Population.from_arrays(
        {"mood": np.ones((2, 1, 9))}, kinds="measurement", topics=["war", "peace"]
    )
    with pytest.raises(ValueError, match=r"bins_by: None, .*; a count, a static feature or a"):
        aumann.Study(moods, **asked)


@dataclass(frozen=True)
class OddlyOrdered:
    """Members in no order, of whom nobody knows how likely they were."""

    def draw(self, population, size, seed, *, topic=None):
        return np.random.default_rng(seed).permutation(population.agents)[:size]

    def inclusion(self, population, size, *, topic=None):
        raise ValueError("nobody knows")


def test_a_rule_of_the_users_own(tmp_path):
    study = aumann.Study(
        POPULATION, topics=TOPICS[:1], protocols={"odd": OddlyOrdered()}, sizes=[300], seeds=[5]
    )
    results = study.run(tmp_path)
    assert "repairs" not in results.tables
    assert results.tables["protocols"].to_pylist()[0]["reachable"] is None
    members = OddlyOrdered().draw(POPULATION, 300, 5)
    x = POPULATION.features(TOPICS[0], window="whole")
    for cell in results.tables["cells"].to_pylist():
        whole, panel = (attributed(cell["value_function"], part) for part in (x, x[members]))
        p, q = panel / panel.sum(), whole[members] / whole.sum()
        factor = (p @ q) / (q @ q)
        assert cell["factor"] == pytest.approx(factor, rel=1e-8)
        best = [set(np.argsort(-v, kind="stable")[:10]) for v in (whole, panel)]
        shared = len(best[0] & set(members[list(best[1])]))
        assert cell["jaccard_10"] == pytest.approx(shared / (20 - shared))


class Repeating(OddlyOrdered):
    """No panel: one agent twice."""

    def draw(self, population, size, seed, *, topic=None):
        return np.zeros(size, dtype=np.intp)


def test_a_rule_that_draws_an_agent_twice_is_refused(tmp_path):
    study = aumann.Study(POPULATION, protocols={"odd": Repeating()}, sizes=[5], seeds=[0])
    with pytest.raises(ValueError, match="members: agent 0 twice"):
        study.run(tmp_path)


def test_a_population_without_topics_and_with_absent_agents(tmp_path):
    rng = np.random.default_rng(4)
    there = rng.random((3, 400)) < 0.8
    counts = rng.poisson(2.0, (3, 400)) * there
    population = aumann.Population.from_arrays(
        {"reach": rng.integers(0, 900, 400), "activity": counts, "resonance": counts // 2},
        kinds="count",
        presence=there,
    )
    results = aumann.Study(population, sizes=[50], seeds=[0]).run(tmp_path)
    assert set(results.tables["cells"]["topic"].to_pylist()) == {None}
    members = aumann.VisibilityBiased().draw(population, 50, 0)
    tiers = population.tiers()
    for row in results.tables["panel_steps"].to_pylist():
        present = there[row["number"], members]
        x = population.features()[row["number"]][members][present]
        values = attributed(row["value_function"], x)
        mine = tiers.codes[members][present] == tiers.names.index(row["tier"])
        assert_allclose(row["share"], values[mine].sum() / values.sum(), atol=1e-9)


def test_results_are_read_again(results):
    again = aumann.StudyResults.read(results.folder)
    assert again.manifest == results.manifest
    assert {name: table.num_rows for name, table in again.tables.items()} == {
        name: table.num_rows for name, table in results.tables.items()
    }
    assert all(again.tables[name].equals(table) for name, table in results.tables.items())
    assert "cells: 96 rows" in repr(again)


def test_folders_without_a_finished_study(tmp_path, results):
    with pytest.raises(ValueError, match="holds no study"):
        aumann.StudyResults.read(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match="is not finished"):
        aumann.StudyResults.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stepwise": ["visible"]}, "stepwise: 'visible', some of visibility"),
        ({"least_participants": -1}, "least_participants: -1"),
        ({"least_steps": 4}, "least_steps: 4, a number from 0 to 3"),
        ({"merge_steps": [1]}, "merge_steps: 1"),
        ({"seeds": [4, 5, 4]}, "seeds: 4 twice, once is wanted"),
        ({"topics": [TOPICS[0], TOPICS[0]]}, "topics: .* twice"),
        ({"value_functions": [aumann.Mean(), aumann.Mean()]}, r"value_functions: Mean\(\) twice"),
    ],
)
def test_studies_that_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        aumann.Study(POPULATION, **change)
