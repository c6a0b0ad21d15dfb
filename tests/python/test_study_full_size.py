"""A study of 1.67 million agents: what theory says of the panels that it draws."""

import numpy as np
import pytest
from scipy import stats

import aumann

pytestmark = pytest.mark.lengthy

SEEDS = range(60)
SIZES = [1_000, 10_000]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> aumann.StudyResults:
    population = aumann.synthesize(steps=2, topics=1, seed=3)
    assert population.agents == 1_671_587
    study = aumann.Study(
        population,
        protocols={
            "visibility": aumann.VisibilityBiased(),
            "weighted": aumann.VisibilityWeighted(),
            "random": aumann.UniformRandom(),
        },
        sizes=SIZES,
        seeds=SEEDS,
        stepwise=[],
    )
    return study.run(tmp_path_factory.mktemp("study"))


def columns(table, **where):
    rows = [r for r in table.to_pylist() if all(r[key] == value for key, value in where.items())]
    return {name: [row[name] for row in rows] for name in table.column_names}


def test_one_factor_reconciles_the_mean_and_nothing_else(results):
    cells = results.tables["cells"].to_pylist()
    for row in cells:
        if row["value_function"] == "Mean()":
            assert row["residual"] < 1e-13
        else:
            # Far above rounding; large uniform panels come near to the population.
            assert row["residual"] > 1e-8
    assert len(cells) == 3 * 4 * len(SIZES) * len(SEEDS)


def test_uniform_panels_return_the_share_of_a_tier(results):
    shares = results.tables["shares"]
    for function in set(results.tables["cells"]["value_function"].to_pylist()):
        for size in SIZES:
            for tier in ("top", "middle", "tail"):
                where = {"value_function": function, "size": size, "tier": tier}
                assert abs(z_score(columns(shares, protocol="random", **where)["flip"])) < 4
            # The tail is what visible panels have not got.
            assert z_score(columns(shares, protocol="visibility", **where)["flip"]) < -20


def z_score(flips):
    """How many standard errors the mean is from 0."""
    return np.mean(flips) / (np.std(flips, ddof=1) / np.sqrt(len(flips)))


def test_reweighted_shares_cover_the_truth_at_the_nominal_rate(results):
    for protocol in ("random", "weighted"):
        for function in set(results.tables["cells"]["value_function"].to_pylist()):
            # Ten of a thousand uniform members are of the top tier: too few for its interval.
            for tier in ("middle", "tail"):
                found = columns(
                    results.tables["repairs"],
                    protocol=protocol,
                    value_function=function,
                    size=10_000,
                    tier=tier,
                )
                covered = sum(
                    low <= truth <= high
                    for low, high, truth in zip(
                        found["low"], found["high"], found["whole_share"], strict=True
                    )
                )
                assert stats.binomtest(covered, len(SEEDS), 0.95).pvalue > 1e-3
