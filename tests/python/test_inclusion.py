"""Inclusion probabilities: against many draws, against enumeration, and their laws."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aumann
from aumann import _core
from aumann.protocols.drawing import PANEL_STEP, panel_word

NAMES = ("reach", "activity", "resonance")
PROTOCOLS = [
    aumann.UniformRandom(),
    aumann.VisibilityBiased(0.3),
    aumann.VisibilityBiased(0.3, 0.0),
    aumann.TopicTop(),
    aumann.TopicByFollowers(),
    aumann.VisibilityWeighted(),
    aumann.VisibilityWeighted(0.3, 0.0),
    aumann.VisibilityWeighted(2.5),
]


def populations(agents, highest=6, seed=0):
    draw = np.random.default_rng(seed)
    return aumann.Population.from_arrays(
        {name: draw.integers(0, highest, agents) for name in NAMES}, kinds="count"
    )


def standard(values):
    return (values - values.mean()) / (values.std() or 1)


def visibility(population, weight):
    reach = standard(np.log1p(population.raw("reach")))
    engaged = np.log1p(population.raw("activity") + population.raw("resonance"))
    return standard(reach + weight * standard(engaged))


def capped(weights, size):
    """Solve sum(min(1, c w)) = size for c by bisection."""
    low, high = 0.0, size / weights.min()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if np.minimum(1, middle * weights).sum() < size else (low, middle)
        )
    return np.minimum(1, high * weights)


@pytest.mark.parametrize("size", [1, 4, 11, 19, 20])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_agents_are_drawn_as_often_as_stated(protocol, size):
    population = aumann.synthesize(agents=20, steps=2, seed=4)
    draws = 2000
    counts = np.zeros(20)
    for seed in range(draws):
        counts[protocol.draw(population, size, seed)] += 1
    chances = protocol.inclusion(population, size)
    assert chances.shape == (20,)
    assert chances.dtype == np.float64
    assert chances.sum() == pytest.approx(size, rel=1e-13)
    assert (counts[chances == 0] == 0).all()
    assert (counts[chances == 1] == draws).all()
    error = np.sqrt(draws * chances * (1 - chances))
    assert (np.abs(counts - draws * chances) <= 4.5 * error + 1e-9).all()
    # Of 20 squared deviations, each 1 on average, the sum is below 50 but once in 4,000 times.
    open_ones = error > 0
    deviations = (counts - draws * chances)[open_ones] / error[open_ones]
    assert (deviations**2).sum() < 50


@pytest.mark.parametrize(
    ("protocol", "pool"), [(aumann.UniformRandom(), 5), (aumann.VisibilityBiased(0.6), 3)]
)
def test_every_panel_of_a_pool_is_equally_likely(protocol, pool):
    population = populations(5, 50)
    draws = 4000
    for size in range(1, 6):
        panels = [tuple(protocol.draw(population, size, seed).tolist()) for seed in range(draws)]
        inside = np.flatnonzero(protocol.inclusion(population, 1)).tolist()
        outside = sorted(set(range(5)) - set(inside))
        possible = {
            tuple(sorted((*first, *more)))
            for first in itertools.combinations(inside, min(size, pool))
            for more in itertools.combinations(outside, max(size - pool, 0))
        }
        assert set(panels) == possible
        chance = 1 / len(possible)
        error = math.sqrt(draws * chance * (1 - chance))
        for panel in possible:
            assert abs(panels.count(panel) - draws * chance) <= 4.5 * error
        stated = protocol.inclusion(population, size)
        for agent in range(5):
            enumerated = np.mean([agent in panel for panel in possible])
            assert stated[agent] == pytest.approx(enumerated, abs=1e-15)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_weighted_probabilities_are_proportional_up_to_certainty(data):
    agents = data.draw(st.integers(1, 50))
    size = data.draw(st.integers(1, agents))
    weight = data.draw(st.sampled_from([0.0, 0.5, 1.0, -1.0]))
    rate = data.draw(st.floats(0.05, 3))
    population = populations(
        agents, data.draw(st.sampled_from([1, 3, 1000])), data.draw(st.integers(0, 2**32))
    )
    visible = visibility(population, weight)
    chances = aumann.VisibilityWeighted(rate, weight).inclusion(population, size)
    np.testing.assert_allclose(chances, capped(np.exp(rate * visible), size), rtol=1e-6)
    assert chances.sum() == pytest.approx(size, rel=1e-13)
    assert chances.min() > 0
    assert chances.max() <= 1
    assert (np.diff(chances[np.argsort(visible)]) >= -1e-12).all()
    if size == agents:
        assert (chances == 1).all()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_weighted_panels_are_where_the_marks_fall(data):
    agents = data.draw(st.integers(2, 60))
    size = data.draw(st.integers(1, agents))
    seed = data.draw(st.integers(0, 2**64 - 1))
    population = populations(agents, 100, data.draw(st.integers(0, 2**32)))
    protocol = aumann.VisibilityWeighted(data.draw(st.floats(0.05, 3)))
    chances = protocol.inclusion(population, size)
    order = _core.random_order(seed, PANEL_STEP, 0, agents)
    mark, end = panel_word(seed) / 2**64, 0.0
    drawn = np.flatnonzero(chances == 1).tolist()
    for agent in order:
        if chances[agent] < 1:
            end += chances[agent]
            if end > mark:
                drawn.append(int(agent))
                mark += 1
    assert protocol.draw(population, size, seed).tolist() == sorted(drawn)


def test_the_visible_are_likelier():
    population = aumann.synthesize(agents=2000, steps=2)
    for weight in (0.0, 1.0):
        chances = aumann.VisibilityWeighted(weight=weight).inclusion(population, 30)
        order = np.argsort(visibility(population, weight))
        assert (np.diff(chances[order]) >= -1e-15).all()
        assert chances.max() > 20 * chances.min()
    # One standard deviation is worth a factor of exp(rate).
    chances = aumann.VisibilityWeighted(weight=0).inclusion(population, 10)
    assert chances.max() < 1
    ratio = np.log(chances / chances[0]) / 0.7
    visible = visibility(population, 0.0)
    np.testing.assert_allclose(ratio, visible - visible[0], atol=1e-9)


def test_agents_all_alike_are_equally_likely():
    population = aumann.Population.from_arrays(
        {name: np.full(7, 3) for name in NAMES}, kinds="count"
    )
    for size in range(1, 8):
        chances = aumann.VisibilityWeighted().inclusion(population, size)
        np.testing.assert_allclose(chances, size / 7, rtol=1e-14)
        assert aumann.VisibilityWeighted().draw(population, size, 1).size == size


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_rates_that_exclude_agents_are_refused(size):
    population = aumann.synthesize(agents=1000, steps=2)
    for rate in (20.0, 500.0, 1e9):
        with pytest.raises(ValueError, match=f"rate: .* panel of {size}; a lower rate is wanted"):
            aumann.VisibilityWeighted(rate).inclusion(population, size)
        with pytest.raises(ValueError, match="a lower rate is wanted"):
            aumann.VisibilityWeighted(rate).draw(population, size, 0)
    assert (aumann.VisibilityWeighted(20.0).inclusion(population, 1000) == 1).all()


def test_large_panels_of_many_agents():
    population = aumann.synthesize(agents=200_000, steps=2)
    protocol = aumann.VisibilityWeighted()
    for size in (1, 1000, 150_000, 199_999):
        panel = protocol.draw(population, size, 2)
        assert panel.size == size
        assert (np.diff(panel) > 0).all()
        chances = protocol.inclusion(population, size)
        assert chances.sum() == pytest.approx(size, rel=1e-12)
        # The Horvitz-Thompson estimate of N: standard error from further draws.
        counts = [(1 / chances[protocol.draw(population, size, seed)]).sum() for seed in range(20)]
        spread = np.std(counts, ddof=1)
        assert abs(np.mean(counts) - 200_000) <= 4.5 * spread / math.sqrt(20) + 1e-6
