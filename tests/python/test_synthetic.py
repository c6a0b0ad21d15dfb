"""The synthetic population: the same integers everywhere, in the shape promised."""

import hashlib

import numpy as np
import pytest

import aumann
from aumann._sparse import SparseSteps


def dense(series):
    return series.to_dense() if isinstance(series, SparseSteps) else series


def test_the_same_integers_everywhere():
    population = aumann.synthesize(agents=5000, steps=5, topics=2, seed=7)
    digest = hashlib.sha256(population.agent_table["reach"].astype("<i8").tobytes())
    for name in ("activity", "resonance"):
        for part in population.series(name):
            digest.update(dense(part).astype("<i8").tobytes())
    assert digest.hexdigest() == "1c87229d358265442c9b2a7f0246ed06f38b71b36b3e3cfb231673d4b0b3d84f"
    assert [int(population.raw(name).sum()) for name in ("reach", "activity", "resonance")] == [
        135008,
        6282,
        11274,
    ]


def test_reach_depends_on_the_seed_and_the_agent_only():
    reach = aumann.synthesize(agents=1000, steps=1, seed=5).agent_table["reach"]
    longer = aumann.synthesize(agents=1500, steps=3, topics=2, seed=5).agent_table["reach"]
    np.testing.assert_array_equal(reach, longer[:1000])
    assert (reach != aumann.synthesize(agents=1000, steps=1, seed=6).agent_table["reach"]).any()


def test_shape_of_the_population():
    population = aumann.synthesize(agents=200_000, steps=14, seed=0)
    reach = population.agent_table["reach"]
    tail = np.sort(reach)[::-1]
    # A Pareto tail of exponent 8/7: a tenth of the rank has 10 ** (7/8) times the reach.
    assert tail[200] / tail[2000] == pytest.approx(10 ** (7 / 8), rel=0.15)
    activity, resonance = (dense(population.series(name)[0]) for name in ("activity", "resonance"))
    both = ((activity > 0) & (resonance > 0)).mean()
    assert 0.07 < both < 0.13
    assert np.corrcoef(np.log1p(reach), np.log1p(activity.sum(axis=0)))[0, 1] > 0.15
    assert np.corrcoef(np.log1p(reach), np.log1p(resonance.sum(axis=0)))[0, 1] > 0.3
    load = activity.sum(axis=1)
    assert load.max() > 2 * np.median(load)
    assert not population.people


def test_topics_differ_and_shrink():
    population = aumann.synthesize(agents=20_000, steps=6, topics=3, seed=2)
    assert population.topics == ("topic 1", "topic 2", "topic 3")
    totals = [population.raw("activity", topic).sum() for topic in population.topics]
    assert totals[0] > totals[1] > totals[2] > 0
    first, second = (dense(part) for part in population.series("activity")[:2])
    assert (first[0] != second[0]).any()


def test_small_populations_and_bad_arguments():
    assert aumann.synthesize(agents=1, steps=1).features().shape == (1, 1, 3)
    stages = []
    aumann.synthesize(agents=10, steps=2, progress=stages.append)
    assert stages == ["drawing reach", "drawing topic 1, step 1", "drawing topic 1, step 2"]
    for changes, error in (
        ({"agents": 0}, ValueError),
        ({"steps": 0}, ValueError),
        ({"topics": 0}, ValueError),
        ({"seed": -1}, ValueError),
        ({"seed": 2**64}, ValueError),
        ({"agents": 10.0}, TypeError),
        ({"steps": True}, TypeError),
    ):
        with pytest.raises(error, match=next(iter(changes))):
            aumann.synthesize(**{"agents": 10, "steps": 1, **changes})
