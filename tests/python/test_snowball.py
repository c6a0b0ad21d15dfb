"""Snowball panels: waves redone in plain Python, components, and networks that are none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aumann
from aumann import _core
from aumann.protocols.drawing import PANEL_STEP


def population(agents):
    return aumann.Population.from_arrays({"posts": np.arange(agents)}, kinds="count")


def snowball(edges, starts, agents, size, seed):
    """Waves over sets, one agent at a time."""
    order = _core.random_order(seed, PANEL_STEP, 0, agents).tolist()
    contacts = {agent: set() for agent in range(agents)}
    for one, other in edges:
        contacts[one].add(other)
        contacts[other].add(one)
    panel, wave, waves = set(), set(), 0
    while len(panel) < size:
        reached = sorted(set().union(*(contacts[agent] for agent in wave)) - panel)
        if not reached:
            chunk, order = order[:starts], order[starts:]
            reached = [agent for agent in chunk if agent not in panel]
            wave = reached[: size - len(panel)]
        elif len(reached) > size - len(panel):
            drawn = _core.random_order(seed, PANEL_STEP, waves + 1, len(reached))
            wave = [reached[place] for place in drawn[: size - len(panel)]]
        else:
            wave = reached
        panel |= set(wave)
        waves += 1
    return sorted(panel)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_waves(data):
    agents = data.draw(st.integers(1, 40))
    agent = st.integers(0, agents - 1)
    edges = data.draw(st.lists(st.tuples(agent, agent), max_size=60))
    size = data.draw(st.integers(1, agents))
    starts = data.draw(st.integers(1, 6))
    seed = data.draw(st.integers(0, 2**64 - 1))
    network = np.array(edges, dtype=np.int64).reshape(-1, 2)
    panel = aumann.Snowball(network, starts).draw(population(agents), size, seed)
    assert panel.dtype == np.intp
    assert panel.tolist() == snowball(edges, starts, agents, size, seed)


def test_one_start_stays_in_its_component():
    # Components 0-9, 10-19, ..., each a path; agents of a panel of 10 are all of one of them.
    edges = [(agent, agent + 1) for agent in range(100) if agent % 10 != 9]
    protocol = aumann.Snowball(edges, starts=1)
    found = {tuple(protocol.draw(population(100), 10, seed).tolist()) for seed in range(200)}
    assert found == {tuple(range(first, first + 10)) for first in range(0, 100, 10)}


def test_starts_are_uniform():
    network = np.array([[0, 1], [0, 2], [0, 3]])
    draws = 4000
    counts = np.zeros(8)
    for seed in range(draws):
        counts[aumann.Snowball(network).draw(population(8), 1, seed)] += 1
    assert np.abs(counts - draws / 8).max() < 4.5 * np.sqrt(draws / 8 * 7 / 8)


def test_the_well_connected_are_met_more_often():
    edges = np.array([[0, other] for other in range(1, 200)])
    met = [0 in aumann.Snowball(edges, 2).draw(population(200), 5, seed) for seed in range(20)]
    assert all(met)


def test_forms_of_a_network():
    edges = np.array([[0, 1], [1, 2], [4, 5], [2, 4]])
    expected = aumann.Snowball(edges, 1).draw(population(9), 4, 3)
    for same in (
        edges.tolist(),
        (edges[:, 0], edges[:, 1]),
        edges[:, ::-1],
        edges.astype(np.uint32),
        np.concatenate((edges, edges, [[7, 7]])),
    ):
        protocol = aumann.Snowball(same, 1)
        np.testing.assert_array_equal(protocol.draw(population(9), 4, 3), expected)
    assert aumann.Snowball(edges).edges == 4
    assert repr(aumann.Snowball(edges)) == "Snowball(4 edges, starts=10)"


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (np.zeros((3, 3), dtype=int), ValueError, r"shape \(3, 3\), \(E, 2\)"),
        (np.zeros(4, dtype=int), ValueError, r"shape \(4,\)"),
        ((np.zeros(3, dtype=int), np.zeros(2, dtype=int)), ValueError, r"\(3,\) and \(2,\)"),
        ([[0, 1], [2]], ValueError, ""),
        (np.zeros((3, 2)), TypeError, "dtype float64, integers"),
        (np.zeros((3, 2), dtype=bool), TypeError, "dtype bool, integers"),
        (np.array([[0, 1], [2, -3]]), ValueError, "agent -3 in edge 1"),
    ],
)
def test_what_is_no_network_is_refused(network, error, message):
    with pytest.raises(error, match=f"network: .*{message}"):
        aumann.Snowball(network)


def test_starts_are_a_number():
    for starts in (0, -1):
        with pytest.raises(ValueError, match=f"starts: {starts}, at least 1"):
            aumann.Snowball(np.array([[0, 1]]), starts)
    with pytest.raises(TypeError, match=r"starts: 1.5, an integer"):
        aumann.Snowball(np.array([[0, 1]]), 1.5)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_agents_outside_the_population_are_named(dtype):
    highest = np.iinfo(dtype).max
    for agent in (5, highest):
        protocol = aumann.Snowball(np.array([[0, 1], [2, agent]], dtype=dtype))
        with pytest.raises(ValueError, match=f"network: agent {agent} in edge 1; .* 5 agents"):
            protocol.draw(population(5), 2, 0)
        with pytest.raises(ValueError, match=f"network: agent {agent} in edge 1; .* 5 agents"):
            protocol.inclusion(population(5), 2)
    assert protocol.edges == 2


def test_probabilities_are_not_made_up():
    with pytest.raises(ValueError, match="no closed form; reweight its panels to known group"):
        aumann.Snowball(np.array([[0, 1]])).inclusion(population(5), 2)
