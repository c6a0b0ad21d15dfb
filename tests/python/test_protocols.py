"""Protocols: panels that are reproducible, without repetition, and biased only where they say."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aumann

POPULATION = aumann.synthesize(agents=400, steps=3, seed=1)
RING = np.column_stack((np.arange(400), np.roll(np.arange(400), 1)))
NESTED = [
    aumann.UniformRandom(),
    aumann.VisibilityBiased(),
    aumann.VisibilityBiased(0.3, 0.5),
    aumann.TopicByFollowers(),
    aumann.TopicTop(),
    aumann.Snowball(RING, starts=3),
]
PROTOCOLS = [*NESTED, aumann.VisibilityWeighted(), aumann.VisibilityWeighted(2.0, 0.0)]


def ranked(population, weight=1.0):
    """Agents from the most to the least visible, ties by index, in plain Python."""

    def standard(counts):
        logs = [math.log1p(count) for count in counts]
        mean, spread = statistics.fmean(logs), statistics.pstdev(logs)
        return [(log - mean) / spread if spread else 0.0 for log in logs]

    reach = population.raw("reach").tolist()
    engagement = (population.raw("activity") + population.raw("resonance")).tolist()
    scores = [
        followers + weight * engaged
        for followers, engaged in zip(standard(reach), standard(engagement), strict=True)
    ]
    return sorted(range(len(scores)), key=lambda agent: (-scores[agent], agent))


def test_the_same_agents_everywhere():
    population = aumann.synthesize(agents=1000, steps=2)
    assert aumann.UniformRandom().draw(population, 5, 7).tolist() == [20, 115, 154, 169, 476]
    assert aumann.VisibilityBiased().draw(population, 5, 7).tolist() == [175, 273, 322, 344, 935]
    whole, more = (set(aumann.VisibilityBiased().draw(population, size, 7)) for size in (50, 53))
    assert sorted(more - whole) == [87, 468, 604]
    assert aumann.VisibilityWeighted().draw(population, 5, 7).tolist() == [122, 597, 658, 753, 918]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_seed_decides(protocol):
    panels = [tuple(protocol.draw(POPULATION, 10, seed)) for seed in (0, 1, 2, 2**64 - 1)]
    assert panels == [tuple(protocol.draw(POPULATION, 10, seed)) for seed in (0, 1, 2, 2**64 - 1)]
    assert len(set(panels)) == 4


@pytest.mark.parametrize("protocol", NESTED)
def test_a_larger_panel_holds_the_smaller_one(protocol):
    panels = [set(protocol.draw(POPULATION, size, 5)) for size in (1, 2, 10, 60, 250, 399, 400)]
    assert [len(panel) for panel in panels] == [1, 2, 10, 60, 250, 399, 400]
    assert all(small < large for small, large in itertools.pairwise(panels))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_numbers_may_be_of_numpy(protocol):
    for size in (3, 250):
        panel = protocol.draw(POPULATION, np.int32(size), np.uint64(2**64 - 1))
        np.testing.assert_array_equal(panel, protocol.draw(POPULATION, size, 2**64 - 1))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_rule_is_a_protocol(protocol):
    assert isinstance(protocol, aumann.Protocol)


def test_user_written_rules_are_protocols():
    class First:
        def draw(self, population, size, seed, *, topic=None):
            return np.arange(size)

        def inclusion(self, population, size, *, topic=None):
            return (np.arange(population.agents) < size).astype(float)

    class Half:
        def draw(self, population, size, seed, *, topic=None):
            return np.arange(size)

    assert isinstance(First(), aumann.Protocol)
    assert not isinstance(Half(), aumann.Protocol)
    assert not isinstance("all", aumann.Protocol)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_panels_are_sorted_without_repetition_and_take_the_pool_first(data):
    agents = data.draw(st.integers(1, 60))
    size = data.draw(st.integers(1, agents))
    seed = data.draw(st.integers(0, 2**64 - 1))
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    names = ("reach", "activity", "resonance")
    population = aumann.Population.from_arrays(
        {name: draw.integers(0, 4, agents) for name in names}, kinds="count"
    )
    pool = data.draw(st.floats(0.01, 1.0))
    first = set(ranked(population)[: max(1, math.floor(pool * agents + 0.5))])
    for protocol in (aumann.UniformRandom(), aumann.VisibilityBiased(pool)):
        panel = protocol.draw(population, size, seed)
        assert panel.dtype == np.intp
        assert panel.tolist() == sorted(set(panel.tolist()))
        assert panel.size == size
        assert panel[0] >= 0
        assert panel[-1] < agents
    assert len(first & set(panel.tolist())) == min(size, len(first))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_panel_of_all_is_everyone(protocol):
    np.testing.assert_array_equal(protocol.draw(POPULATION, 400, 3), np.arange(400))


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5, -1.0])
@pytest.mark.parametrize("pool", [0.05, 0.2])
def test_the_pool_holds_the_most_visible(pool, weight):
    protocol = aumann.VisibilityBiased(pool, weight)
    size = round(400 * pool)
    order = ranked(POPULATION, weight)
    for seed in range(3):
        assert set(protocol.draw(POPULATION, size, seed)) == set(order[:size])
        assert set(protocol.draw(POPULATION, size // 2, seed)) < set(order[:size])
        assert set(protocol.draw(POPULATION, size + 30, seed)) > set(order[:size])


@pytest.mark.parametrize(
    ("protocol", "size", "certain", "possible"),
    [
        # (agents always drawn, agents drawn at times), most visible first
        (aumann.UniformRandom(), 4, 0, 20),
        (aumann.VisibilityBiased(0.5), 4, 0, 10),
        (aumann.VisibilityBiased(0.25), 9, 5, 20),
    ],
)
def test_agents_of_a_pool_are_equally_likely(protocol, size, certain, possible):
    population = aumann.synthesize(agents=20, steps=2, seed=4)
    draws = 2000
    counts = np.zeros(20)
    for seed in range(draws):
        counts[protocol.draw(population, size, seed)] += 1
    counts = counts[ranked(population)]
    assert (counts[:certain] == draws).all()
    assert (counts[possible:] == 0).all()
    chance = (size - certain) / (possible - certain)
    error = math.sqrt(draws * chance * (1 - chance))
    assert np.abs(counts[certain:possible] - draws * chance).max() < 5 * error


def test_agents_of_equal_visibility_rank_by_index():
    population = aumann.Population.from_arrays(
        {name: np.full(40, 3) for name in ("reach", "activity", "resonance")}, kinds="count"
    )
    assert aumann.VisibilityBiased(0.1).draw(population, 4, 0).tolist() == [0, 1, 2, 3]


def test_engagement_is_of_the_whole_window_and_all_topics():
    names = ("reach", "activity", "resonance")
    counts = {name: np.zeros((2, 2, 50), dtype=np.int64) for name in names[1:]}
    counts["activity"][0, 0, 7] = counts["activity"][1, 1, 7] = 4
    counts["resonance"][1, 0, 9] = 7
    counts["resonance"][:, :, 11] = 1
    population = aumann.Population.from_arrays(
        {"reach": np.ones(50, dtype=np.int64), **counts}, kinds="count", topics=("a", "b")
    )
    for size, expected in ((1, [7]), (2, [7, 9]), (3, [7, 9, 11])):
        pool = aumann.VisibilityBiased(size / 50)
        assert pool.draw(population, size, 0).tolist() == expected


def test_the_bias_shows_in_the_tiers():
    population = aumann.synthesize(agents=20_000, steps=4)
    tiers = population.tiers()
    visible, uniform = (
        np.mean([tiers.take(p.draw(population, 100, seed)).counts for seed in range(10)], axis=0)
        for p in (aumann.VisibilityBiased(), aumann.UniformRandom())
    )
    # Of 100 agents, about 1, 9 and 90 are of the tiers.
    assert np.abs(uniform - [1, 9, 90]).max() < 4
    assert visible[0] > 10
    assert visible[:2].sum() > 70


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sizes_that_cannot_be_drawn_are_refused(protocol):
    for size in (0, -1, 401):
        with pytest.raises(ValueError, match=rf"size: {size}, a number from 1 to 400 is"):
            protocol.draw(POPULATION, size, 0)
        with pytest.raises(ValueError, match=rf"size: {size}, a number from 1 to 400 is"):
            protocol.inclusion(POPULATION, size)


def test_parameters_without_a_meaning_are_refused():
    for pool in (0, -0.1, 1.01, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"pool: {pool}, a number above 0"):
            aumann.VisibilityBiased(pool=pool)
    for weight in (math.nan, math.inf, -math.inf):
        for protocol in (aumann.VisibilityBiased, aumann.VisibilityWeighted):
            with pytest.raises(ValueError, match=f"weight: {weight}, a finite"):
                protocol(weight=weight)
    for rate in (0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"rate: {rate}, a number above 0"):
            aumann.VisibilityWeighted(rate)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sizes_and_seeds_are_integers_in_range(protocol):
    for size in (True, 2.5, "3", None):
        with pytest.raises(TypeError, match=f"size: {size!r}, an integer"):
            protocol.draw(POPULATION, size, 0)
        with pytest.raises(TypeError, match=f"size: {size!r}, an integer"):
            protocol.inclusion(POPULATION, size)
    for seed in (None, 1.5, True, "a"):
        with pytest.raises(TypeError, match=f"seed: {seed!r}, an integer"):
            protocol.draw(POPULATION, 3, seed)
    for seed in (-1, 2**64):
        with pytest.raises(ValueError, match=f"seed: {seed}"):
            protocol.draw(POPULATION, 3, seed)


def test_parameters_are_numbers():
    for value in ("0.1", None, True):
        with pytest.raises(TypeError, match=r"pool: .* a number is wanted"):
            aumann.VisibilityBiased(pool=value)
        with pytest.raises(TypeError, match=r"weight: .* a number is wanted"):
            aumann.VisibilityBiased(weight=value)


def test_visibility_needs_its_features():
    population = aumann.Population.from_arrays({"reach": [1, 2], "likes": [3, 4]}, kinds="count")
    with pytest.raises(ValueError, match="needs activity, resonance too"):
        aumann.VisibilityBiased().draw(population, 1, 0)
    with pytest.raises(ValueError, match="needs activity, resonance too"):
        aumann.VisibilityWeighted().inclusion(population, 1)
    assert aumann.UniformRandom().draw(population, 2, 0).tolist() == [0, 1]
    assert aumann.VisibilityBiased(0.5, weight=0).draw(population, 1, 0).tolist() == [1]
    likes = aumann.Population.from_arrays({"likes": [3, 4]}, kinds="count")
    with pytest.raises(ValueError, match="needs reach too"):
        aumann.VisibilityBiased(weight=0).draw(likes, 1, 0)


@pytest.mark.parametrize("name", ["reach", "activity", "resonance"])
def test_visibility_needs_what_has_a_logarithm(name):
    values = {other: np.ones(4) for other in ("reach", "activity", "resonance")}
    values[name] = np.array([1.0, 0.0, -0.5, 2.0])
    population = aumann.Population.from_arrays(values, kinds="measurement")
    for protocol in (
        aumann.VisibilityBiased(),
        aumann.VisibilityWeighted(),
        aumann.TopicByFollowers(),
    ):
        with pytest.raises(ValueError, match=f"{name} of agent 2 is -0.5"):
            protocol.draw(population, 1, 0)
