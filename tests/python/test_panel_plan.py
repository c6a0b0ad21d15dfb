"""How large a panel has to be: the smallest that will do, for any protocol."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

import aumann

POPULATION = aumann.synthesize(agents=2000, steps=3, topics=2, seed=1)
TIERS = POPULATION.tiers(by="reach")
GINI = aumann.GiniMeanDifference()


@dataclass(frozen=True)
class FromPool:
    """Uniform from the first agents, and from the others once these are exhausted."""

    pool: int
    topic: str | None = None

    def inclusion(self, population, size, *, topic=None):
        assert topic == self.topic
        agents = population.agents
        pi = np.full(agents, max(0, size - self.pool) / max(1, agents - self.pool))
        pi[: self.pool] = min(1.0, size / self.pool)
        return pi


def uniform_error(s, codes, group, size):
    """Standard error of a group's part of a mean under simple random sampling, by the textbook."""
    share = s[codes == group].sum() / s.sum()
    z = s * ((codes == group) - share) / s.sum() * len(s)
    return math.sqrt((1 - size / len(s)) * np.var(z, ddof=1) / size)


def test_simple_random_sampling_by_the_textbook():
    x = np.random.default_rng(1).gamma(2.0, 1.0, (500, 1))
    codes = np.arange(500) % 2
    plan = aumann.plan_panel(x, aumann.Mean(), codes, 1, 0.05, inclusion=np.ones(500))
    errors = [uniform_error(x[:, 0], codes, 1, size) for size in range(2, 500)]
    smallest = 2 + next(k for k, error in enumerate(errors) if error <= 0.05)
    assert plan.size == smallest
    assert plan.error == pytest.approx(errors[smallest - 2])
    assert plan.wanted == 0.05
    assert (plan.group, plan.design) == ("1", "fixed")
    assert plan.share == pytest.approx(x[codes == 1].sum() / x.sum())
    assert plan.contributors == pytest.approx(250 * smallest / 500)


@pytest.mark.parametrize("design", ["fixed", "bernoulli"])
def test_smaller_errors_take_larger_panels(design):
    sizes = np.sqrt(1 + POPULATION.raw("reach"))
    plans = [
        aumann.plan_panel(POPULATION, GINI, TIERS, "top", error, inclusion=sizes, design=design)
        for error in (0.02, 0.01, 1e-9)
    ]
    assert plans[0].size < plans[1].size < plans[2].size == 2000
    assert plans[2].error == 0
    assert all(plan.error <= plan.wanted for plan in plans)
    # Only the ratios of sizes count.
    scaled = aumann.plan_panel(
        POPULATION, GINI, TIERS, "top", 0.02, inclusion=1e6 * sizes, design=design
    )
    assert scaled.size == plans[0].size


def test_a_pool_has_to_be_exhausted():
    plan = aumann.plan_panel(POPULATION, GINI, TIERS, "tail", 0.5, protocol=FromPool(100))
    assert plan.size > 100
    assert plan.error <= 0.5
    everybody = FromPool(2000)
    protocol = aumann.plan_panel(POPULATION, GINI, TIERS, "tail", 0.05, protocol=everybody)
    proportional = aumann.plan_panel(POPULATION, GINI, TIERS, "tail", 0.05, inclusion=np.ones(2000))
    assert protocol.size == proportional.size
    assert protocol.error == pytest.approx(proportional.error)


def test_of_a_topic():
    topic = POPULATION.topics[1]
    plan = aumann.plan_panel(
        POPULATION, GINI, TIERS, "tail", 0.05, protocol=FromPool(2000, topic), topic=topic
    )
    x = POPULATION.features(topic, window="whole")
    again = aumann.plan_panel(x, GINI, TIERS, "tail", 0.05, inclusion=np.ones(2000))
    assert plan.size == again.size
    share = aumann.attribute(x, GINI).group(TIERS).shares[2]
    assert plan.share == pytest.approx(share, rel=1e-12)


def test_few_members_are_warned_of():
    with pytest.warns(RuntimeWarning, match=r"have \d\.\d members on average that carry 'top'"):
        plan = aumann.plan_panel(POPULATION, GINI, TIERS, "top", 0.05, inclusion=np.ones(2000))
    assert plan.contributors < 10


class Broken:
    def inclusion(self, population, size, *, topic=None):
        return np.full(2000, 1.5)


class Half:
    def inclusion(self, population, size, *, topic=None):
        return np.full(2000, 0.5)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({}, TypeError, "protocol, inclusion: neither given"),
        ({"inclusion": np.ones(2000), "protocol": Half()}, TypeError, "both given"),
        ({"protocol": "uniform"}, TypeError, "protocol: 'uniform', an object with a method"),
        ({"protocol": Broken()}, ValueError, "protocol.inclusion: 1.5 at agent 0"),
        ({"protocol": Half()}, ValueError, "protocol: a panel of all 2,000 agents has a standard"),
        ({"inclusion": np.zeros(2000)}, ValueError, "inclusion: 0 at agent 0, a finite number"),
        ({"inclusion": np.ones(3)}, ValueError, r"inclusion: shape \(3,\), \(2000,\) is wanted"),
        ({"group": "elite"}, ValueError, "group: 'elite', one of the groups .*'top', 'middle'"),
        ({"error": 0}, ValueError, "error: 0, a number above 0 is wanted"),
        ({"design": "srs"}, ValueError, "design: 'srs'"),
        ({"groups": [1, 2]}, ValueError, "groups: 2 labels"),
        ({"population": np.ones((2000, 1))}, ValueError, "population: shares of .* undefined"),
    ],
)
def test_bad_input(change, kind, message):
    given = {"population": POPULATION, "groups": TIERS, "group": "top", "error": 0.01, **change}
    if "protocol" not in given and "inclusion" not in given and change:
        given["inclusion"] = np.ones(2000)
    positional = [given.pop("population"), GINI]
    positional += [given.pop(name) for name in ("groups", "group", "error")]
    with pytest.raises(kind, match=message):
        aumann.plan_panel(*positional, **given)


def test_a_group_without_agents():
    groups = aumann.Groups(np.zeros(3, dtype=int), ("all", "none"))
    with pytest.raises(ValueError, match="group: 'none' has no agent"):
        aumann.plan_panel([[1.0], [2.0], [3.0]], GINI, groups, "none", 0.1, inclusion=[1, 1, 1])
