"""Studies of populations and with rules that are not as one would like them."""

from dataclasses import dataclass

import numpy as np
import pytest

import aumann

RANDOM = {"random": aumann.UniformRandom()}


def population(agents=300, steps=1, *, resonance=None, presence=None, seed=0, **more):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(1.0, (steps, agents))
    if presence is not None:
        counts = counts * presence
    return aumann.Population.from_arrays(
        {
            "reach": rng.integers(0, 5_000, agents),
            "activity": counts,
            "resonance": counts // 2 if resonance is None else resonance,
        },
        kinds="count",
        presence=presence,
        **more,
    )


def rows_of(results, table, **where):
    rows = results.tables[table].to_pylist()
    return [row for row in rows if all(row[key] == value for key, value in where.items())]


def test_a_feature_that_is_the_same_for_all_is_not_scaled(tmp_path):
    for c in range(1, 10):
        flat = population(1_000, resonance=np.full((1, 1_000), c))
        study = aumann.Study(
            flat, [aumann.Mean()], RANDOM, sizes=[50], seeds=[0], standardised=True
        )
        scaled = rows_of(study.run(tmp_path / str(c)), "scaled", protocol=None)
        x = flat.features(window="whole")
        s = x[:, 0] / x[:, 0].std() + x[:, 1] / x[:, 1].std() + x[:, 2]
        wanted = [s[flat.tiers().codes == k].sum() / s.sum() for k in range(3)]
        assert [row["share"] for row in scaled] == pytest.approx(wanted)


def test_another_population_is_told_by_presence_and_by_steps(tmp_path):
    there = np.ones((2, 300), dtype=bool)
    there[1, 200:] = False
    # Whoever is absent has done nothing in the other population.
    some = population(steps=2, presence=there)
    arrays = {"reach": some.raw("reach")}
    arrays |= {name: some.series(name)[0] for name in ("activity", "resonance")}
    arrays = {
        name: part if isinstance(part, np.ndarray) else dense(part, (2, 300))
        for name, part in arrays.items()
    }
    others = (
        aumann.Population.from_arrays(arrays, kinds="count"),
        aumann.Population.from_arrays(
            arrays, kinds="count", presence=there, step_labels=["x", "y"]
        ),
    )
    small = {"protocols": RANDOM, "sizes": [10], "seeds": [0]}
    aumann.Study(some, **small).run(tmp_path)
    for other in others:
        with pytest.raises(ValueError, match="holds a study with other population"):
            aumann.Study(other, **small).run(tmp_path)


def dense(sparse, shape):
    filled = np.zeros(shape, dtype=np.int64)
    for step in range(shape[0]):
        agents, values = sparse.step(step)
        filled[step, agents] = values
    return filled


def test_a_sum_of_value_functions_is_studied_but_not_reweighted(tmp_path):
    both = aumann.Mean() + aumann.Variance()
    study = aumann.Study(population(), [both, aumann.Heat()], RANDOM, sizes=[50], seeds=[0])
    results = study.run(tmp_path)
    assert {row["value_function"] for row in rows_of(results, "cells")} == {repr(both), "Heat()"}
    assert {row["value_function"] for row in rows_of(results, "repairs")} == {"Heat()"}


def test_steps_and_panels_with_nobody_there(tmp_path):
    there = np.random.default_rng(1).random((3, 300)) < 0.02
    there[1] = False
    study = aumann.Study(
        population(steps=3, presence=there), protocols=RANDOM, sizes=[2, 200], seeds=range(4)
    )
    results = study.run(tmp_path)
    assert all(
        row["value"] is row["sum"] is row["share"] is None
        for row in rows_of(results, "steps", number=1)
    )
    assert all(row["sum"] is None for row in rows_of(results, "bins", number=1))
    assert all(row["value"] is not None for row in rows_of(results, "steps", number=0))
    absent = 0
    for row in rows_of(results, "shares", value_function="Mean()"):
        members = RANDOM["random"].draw(study.population, row["size"], row["seed"])
        tier = study.tiers.names.index(row["tier"])
        mine = there.any(axis=0)[members] & (study.tiers.codes[members] == tier)
        assert row["agents"] == mine.sum()
        if not there.any(axis=0)[members].any():
            absent += 1
            assert row["share"] is row["flip"] is None
    assert absent
    summary = results.summary().to_pylist()
    assert sum(row["undefined"] for row in summary if row["value_function"] == "Mean()") == absent


def test_panels_beyond_the_domain_of_the_heat(tmp_path):
    rng = np.random.default_rng(2)
    people = aumann.Population.from_arrays(
        {
            "reach": np.full(300, 20),
            "activity": np.full((2, 300), 20),
            "mood": rng.normal(0.3, 3.0, (2, 300)),
        },
        kinds={"reach": "count", "activity": "count", "mood": "measurement"},
    )
    functions = [aumann.Mean(), aumann.Heat()]
    results = aumann.Study(people, functions, RANDOM, sizes=[10], seeds=range(20)).run(tmp_path)
    x = people.features(window="whole")
    undefined = 0
    for row in rows_of(results, "cells", value_function="Heat()"):
        members = RANDOM["random"].draw(people, 10, row["seed"])
        product = x[members].mean(axis=0).prod()
        assert (row["value"] is None) == (product <= -1)
        undefined += product <= -1
    assert 0 < undefined < 20
    assert all(
        row["value"] is not None for row in rows_of(results, "cells", value_function="Mean()")
    )
    (heat,) = {row["share"] is None for row in rows_of(results, "whole", value_function="Heat()")}
    assert not heat


class Nameless:
    """Without a repr."""

    def draw(self, population, size, seed, *, topic=None):
        return np.arange(size)

    def inclusion(self, population, size, *, topic=None):
        return np.arange(population.agents) < size


@dataclass(frozen=True)
class TooLikely(Nameless):
    """Inclusion probabilities of larger panels."""

    def inclusion(self, population, size, *, topic=None):
        return np.full(population.agents, 3 * size / population.agents)


@dataclass(frozen=True)
class Mask(Nameless):
    """Who is in, and who is not."""

    def draw(self, population, size, seed, *, topic=None):
        return np.arange(population.agents) < size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocols": {"mine": Nameless()}}, "'mine' is a Nameless without a __repr__"),
        ({"protocols": {"mine": aumann.UniformRandom}}, "an object with draw and inclusion"),
        ({"tiers": ["a"] * 300}, "tiers: list, Groups are wanted"),
        ({"tiers": aumann.Groups.from_labels(["a"] * 9)}, "tiers: 9 agents, the 300 of"),
        ({"topics": "politics"}, "topics: 'politics', a sequence"),
        ({"topics": ["politics"]}, "some of none, as there are no topics,"),
        (
            {"merge_steps": [10**30]},
            r"merge_steps: an integer of about 30 digits, a number from 2 to 10{9} is",
        ),
    ],
)
def test_what_is_refused_when_a_study_is_described(change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        aumann.Study(population(), **change)


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        (Mask(), "protocols: 'mine': members: dtype bool"),
        (TooLikely(), "inclusion of 'mine' gives shape .* and sum 60; .* that sum to 20"),
        (aumann.TopicTop(), "protocols: 'mine': .* needs activity"),
    ],
)
def test_rules_that_do_not_serve_are_refused(tmp_path, protocol, message):
    people = population()
    if isinstance(protocol, aumann.TopicTop):
        people = aumann.Population.from_arrays({"reach": np.arange(300)}, kinds="count")
    study = aumann.Study(people, [aumann.Mean()], {"mine": protocol}, sizes=[20], seeds=[0])
    with pytest.raises((TypeError, ValueError), match=message):
        study.run(tmp_path / "out")
    if not isinstance(protocol, TooLikely):
        assert not (tmp_path / "out").exists()


def test_many_features_make_many_elites(tmp_path):
    rng = np.random.default_rng(3)
    features = {"reach": rng.integers(0, 99, 400)}
    features |= {f"f{k}": rng.integers(0, 99, 400) for k in range(40)}
    crowd = aumann.Population.from_arrays(features, kinds="count")
    results = aumann.Study(crowd, [aumann.Mean()], RANDOM, sizes=[50], seeds=[0]).run(tmp_path)
    rows = rows_of(results, "elites")
    assert len(rows) == 41
    s = crowd.features(window="whole").sum(axis=1)
    for row in rows:
        inside = crowd.tiers(row["elite"]).codes == 0
        assert row["share"] == pytest.approx(s[inside].sum() / s.sum())
        assert row["agents"] == inside.sum()


def test_participants_alone_are_enough_to_leave_a_topic_out(tmp_path):
    study = aumann.Study(population(), least_participants=299, protocols=RANDOM, sizes=[20])
    with pytest.raises(ValueError, match="least_participants: 299 agents on at least 1 step"):
        study.run(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_handful_of_agents(tmp_path):
    few = population(5)
    with pytest.raises(ValueError, match="sizes: not given, and 5 agents are too few"):
        aumann.Study(few)
    functions = iter([aumann.Mean()])
    results = aumann.Study(few, functions, RANDOM, sizes=[1, 4], seeds=[0]).run(tmp_path)
    assert len(rows_of(results, "cells")) == 2


def test_masks_are_no_members():
    groups = aumann.Groups.from_labels(["a", "b", "c"])
    for wrong in (np.array([True, False, True]), [0.0, 1.0]):
        with pytest.raises(TypeError, match="indices has dtype"):
            groups.take(wrong)
    assert len(groups.take([])) == 0
