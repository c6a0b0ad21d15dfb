"""Topic protocols: pools counted out by hand and in plain Python, and topics nobody is in."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import aumann

NAMES = ("reach", "activity", "resonance")


def tiny():
    """Six agents, two steps, topics a and b; nobody is engaged in c."""
    reach = np.array([5, 0, 100, 7, 0, 3])
    activity, resonance = np.zeros((2, 3, 2, 6), dtype=np.int64)  # topic, step, agent
    activity[0, 0, 1] = 9
    activity[0, 1, 3] = 2
    resonance[0, 0, 5] = 1
    activity[1, 0, 0] = resonance[1, 1, 0] = 4
    return aumann.Population.from_arrays(
        {"reach": reach, "activity": activity, "resonance": resonance},
        kinds="count",
        topics=("a", "b", "c"),
    )


def pool(protocol, population, topic):
    return np.flatnonzero(protocol.inclusion(population, 1, topic=topic)).tolist()


def test_pools_by_hand():
    population = tiny()
    top, known = aumann.TopicTop(), aumann.TopicByFollowers()
    assert pool(top, population, "a") == [1, 3, 5]
    # Products 14 and 3 for agents 3 and 5; others score 0: the lowest index is third.
    assert pool(known, population, "a") == [0, 3, 5]
    assert pool(top, population, "b") == pool(known, population, "b") == [0]
    assert pool(top, population, None) == [0, 1, 3, 5]
    assert pool(known, population, None) == [0, 1, 3, 5]


@pytest.mark.parametrize("topic", [None, "topic 1", "topic 2"])
@pytest.mark.parametrize("seed", range(4))
def test_pools_are_the_largest_by_score(topic, seed):
    population = aumann.synthesize(agents=300, steps=2, topics=2, seed=seed)
    engaged = (population.raw("activity", topic) + population.raw("resonance", topic)).tolist()
    reach = population.raw("reach").tolist()
    count = sum(score > 0 for score in engaged)
    assert 0 < count < 300
    for protocol, scores in (
        (aumann.TopicTop(), engaged),
        (aumann.TopicByFollowers(), [a * b for a, b in zip(engaged, reach, strict=True)]),
    ):
        best = sorted(range(300), key=lambda agent: (-scores[agent], agent))[:count]
        assert pool(protocol, population, topic) == sorted(best)
        assert protocol.draw(population, count, seed, topic=topic).tolist() == sorted(best)


def test_visibility_looks_at_the_topic():
    population = tiny()
    one = aumann.VisibilityBiased(pool=0.1, weight=3.0)
    assert one.draw(population, 1, 0, topic="a").tolist() == [1]
    assert one.draw(population, 1, 0, topic="b").tolist() == [0]
    followers = aumann.VisibilityBiased(pool=0.1, weight=0)
    for topic in (None, "a", "b", "c"):
        assert followers.draw(population, 1, 0, topic=topic).tolist() == [2]
    weighted = aumann.VisibilityWeighted(rate=0.5, weight=3.0)
    assert np.argmax(weighted.inclusion(population, 1, topic="a")) == 1
    assert np.argmax(weighted.inclusion(population, 1, topic="b")) == 0


@pytest.mark.parametrize("protocol", [aumann.TopicTop(), aumann.TopicByFollowers()])
def test_a_topic_without_agents_is_named(protocol):
    for call in (
        lambda population, topic: protocol.draw(population, 2, 0, topic=topic),
        lambda population, topic: protocol.inclusion(population, 2, topic=topic),
    ):
        with pytest.raises(ValueError, match=r"topic: no agent has any .* in 'c'"):
            call(tiny(), "c")
        nobody = aumann.Population.from_arrays(
            {name: np.full(3, 2 * (name == "reach")) for name in NAMES}, kinds="count"
        )
        with pytest.raises(ValueError, match=r"topic: no agent has any .* in any topic"):
            call(nobody, None)


@pytest.mark.parametrize(
    "protocol",
    [
        aumann.UniformRandom(),
        aumann.VisibilityBiased(),
        aumann.TopicTop(),
        aumann.TopicByFollowers(),
        aumann.VisibilityWeighted(),
        aumann.Snowball(np.array([[0, 1]])),
    ],
)
def test_unknown_topics_are_refused(protocol):
    for population, wanted in (
        (tiny(), r"one of \['a', 'b', 'c'\]"),
        (aumann.synthesize(agents=10, steps=1), "None, as there are no topics, is wanted"),
    ):
        with pytest.raises(ValueError, match=f"topic: 'd', {wanted}"):
            protocol.draw(population, 2, 0, topic="d")
        with pytest.raises(ValueError, match=f"topic: 'd', {wanted}"):
            protocol.inclusion(population, 2, topic="d")


def test_populations_and_topics_are_not_mixed_up():
    # Pools are kept between draws; more of them are asked for than are kept.
    populations = [aumann.synthesize(agents=60, steps=2, topics=3, seed=seed) for seed in range(2)]
    protocols = [aumann.VisibilityBiased(size / 60) for size in range(2, 12)]
    protocols += [aumann.TopicTop(), aumann.TopicByFollowers(), aumann.VisibilityWeighted()]
    keys = [
        (protocol, which, topic)
        for protocol in protocols
        for which in range(2)
        for topic in (None, *populations[0].topics)
    ]
    chances = [
        protocol.inclusion(populations[which], 2, topic=topic) for protocol, which, topic in keys
    ]
    assert len({values.tobytes() for values in chances}) > 0.9 * len(keys)
    for (protocol, which, topic), values in reversed(list(zip(keys, chances, strict=True))):
        fresh = aumann.synthesize(agents=60, steps=2, topics=3, seed=which)
        np.testing.assert_array_equal(protocol.inclusion(fresh, 2, topic=topic), values)
        again = protocol.inclusion(populations[which], 2, topic=topic)
        np.testing.assert_array_equal(again, values)


def test_populations_are_let_go_of():
    population = aumann.synthesize(agents=60, steps=2)
    protocols = [aumann.VisibilityBiased(), aumann.VisibilityWeighted(), aumann.TopicTop()]
    for protocol in protocols:
        protocol.draw(population, 3, 0)
    gone = weakref.ref(population)
    del population
    gc.collect()
    assert gone() is None


def test_threads_draw_the_same():
    def panels(population):
        return [
            protocol.draw(population, 20, seed, topic=topic).tolist()
            for topic in population.topics
            for seed in range(5)
            for protocol in (aumann.VisibilityBiased(), aumann.VisibilityWeighted())
        ]

    shared, own = (aumann.synthesize(agents=500, steps=2, topics=20) for _ in range(2))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(panels, [shared] * 8))
    assert found == [panels(own)] * 8


def test_answers_may_be_written_to():
    population = tiny()
    for protocol in (aumann.UniformRandom(), aumann.TopicTop(), aumann.VisibilityWeighted()):
        for size in (1, 3, 5, 6):
            panel = protocol.draw(population, size, 3).copy()
            chances = protocol.inclusion(population, size).copy()
            protocol.draw(population, size, 3)[:] = 0
            protocol.inclusion(population, size)[:] = 0
            np.testing.assert_array_equal(protocol.draw(population, size, 3), panel)
            np.testing.assert_array_equal(protocol.inclusion(population, size), chances)
