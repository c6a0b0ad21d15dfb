"""A synthetic population with the shape of a large social network.

Numbers come from `numpy.random.Philox` as raw 64-bit words and are worked on with integer
operations and with + - * / and square roots only. Those are exact by IEEE 754, so the same seed
gives the same integers on every machine; logarithms and powers would not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aumann._numbers import check_integer
from aumann._sparse import Series, SparseSteps
from aumann.feature import Feature
from aumann.population import Population

__all__ = ["synthesize"]

# Streams of random words: the second word of the Philox key is purpose, topic and step.
REACH, PEAKS, SENDERS, SENT, LISTENERS, RECEIVED = range(1, 7)
# With these, a step has about 9,500 distinct sums of log counts at the default size, and one agent
# in ten has both activity and resonance.
SCALE = 4.0  # followers of the median agent
SENDER_TRIALS = 1.08  # agents tried per step as a part of N
LISTENER_TRIALS = 0.10  # the same, to receive resonance without being active
DAMPING = 4.0  # divides the resonance that reach would draw


def synthesize(
    agents: int = 1_671_587,
    steps: int = 14,
    topics: int = 1,
    seed: int = 0,
    *,
    progress: Callable[[str], None] | None = None,
) -> Population:
    """Draw a synthetic population: Pareto followers, sparse and bursty activity and resonance.

    Reach (static) has a Pareto tail of exponent 8/7. Activity and resonance are counts per step:
    about nine agents in ten have none of one or the other in a step, agents of more reach are
    active more often and draw more resonance, and a few peak days, different from topic to topic,
    carry several times the usual load.

    Parameters
    ----------
    agents, steps : int
        N and T, at least 1; N at most 2**31.
    topics : int
        Number of topics, at least 1; with more than one they are called "topic 1", "topic 2" and
        so on, each smaller than the one before.
    seed : int
        Between 0 and 2**64 - 1. The reach of agent i depends on the seed and on i only.
    progress : callable, optional
        Called with the name of each stage.

    Returns
    -------
    Population
        With features reach, activity and resonance; ``people`` is False.

    Raises
    ------
    TypeError, ValueError
        If a size or the seed is not an integer or out of range.

    Notes
    -----
    The same integers for the same arguments on any machine and NumPy version. O(N T topics), about
    a second at the default size.

    Examples
    --------
    >>> population = synthesize(agents=1000, steps=3)
    >>> int(population.raw("reach").sum())
    11695
    """
    check_integer("agents", agents, 1, 2**31)
    check_integer("steps", steps, 1, 2**16)
    check_integer("topics", topics, 1, 2**16)
    check_integer("seed", seed, 0, 2**64 - 1)
    if progress is not None:
        progress("drawing reach")
    words = _words(seed, agents, REACH)
    reach = _followers(words)
    appetite = _appetite(reach, words)
    activity: list[Series] = []
    resonance: list[Series] = []
    weights = [1 / (1 + k) for k in range(topics)]
    for topic in range(topics):
        load = weights[topic] / sum(weights)
        days = []
        for step, level in enumerate(_levels(seed, topic, steps)):
            if progress is not None:
                progress(f"drawing topic {topic + 1}, step {step + 1}")
            days.append(_day(seed, topic, step, load * level, reach, appetite))
        activity.append(_stacked([day[0] for day in days], agents))
        resonance.append(_stacked([day[1] for day in days], agents))
    return Population(
        [
            Feature("reach", "count", static=True),
            Feature("activity", "count"),
            Feature("resonance", "count"),
        ],
        {"reach": reach},
        {"activity": activity, "resonance": resonance},
        agents=agents,
        step_labels=[f"day {k + 1}" for k in range(steps)],
        topics=[f"topic {k + 1}" for k in range(topics)] if topics > 1 else (),
        metadata={"source": "synthetic", "seed": seed, "reach": "drawn from a Pareto law"},
        people=False,
    )


def _words(seed: int, size: int, purpose: int, topic: int = 0, step: int = 0) -> NDArray[np.uint64]:
    """Return the first random words of a stream."""
    stream = purpose << 32 | topic << 16 | step
    key = np.array([seed, stream], dtype=np.uint64)
    return np.random.Philox(key=key).random_raw(size)


def _unit(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return numbers in (0, 1] from the upper 53 bits."""
    unit: NDArray[np.float64] = ((words >> np.uint64(11)) + np.uint64(1)).astype(np.float64)
    return unit * 2.0**-53


def _followers(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return counts with the tail of u ** (-7/8)."""
    unit = _unit(words)
    half = np.sqrt(unit)
    quarter = np.sqrt(half)
    return (SCALE * (1.0 / (half * quarter * np.sqrt(quarter)) - 1.0)).astype(np.int64)


def _appetite(reach: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return how readily each agent is active, on a scale of 2**32 for always.

    Rises with the fourth root of reach, and differs from agent to agent by the lowest bits of its
    word, which its reach does not use.
    """
    root = np.sqrt(np.sqrt((reach + 1).astype(np.float64)))
    talkative = (words & np.uint64(2047)).astype(np.float64) / 2048.0
    chance = np.minimum(0.12 * root * (0.3 + talkative), 1.0)
    appetite: NDArray[np.uint32] = (chance * (2.0**32 - 1)).astype(np.uint32)
    return appetite


def _levels(seed: int, topic: int, steps: int) -> list[float]:
    """Return the load of each step, 1 on average: a base and a few decaying bursts."""
    count = max(1, steps // 7)
    peaks = [int(word) % steps for word in _words(seed, count, PEAKS, topic)]
    raw = [
        1.0 + sum(2.0 / (1 + 2 * (step - peak) ** 2) for peak in peaks if step >= peak)
        for step in range(steps)
    ]
    return [level * steps / sum(raw) for level in raw]


def _drawn(
    words: NDArray[np.uint64], appetite: NDArray[np.uint32], agents: int
) -> NDArray[np.intp]:
    """Return the agents drawn and accepted, ascending, once each."""
    # Upper half of the word: which agent (multiply and shift); lower half: whether it is accepted.
    tried = (((words >> np.uint64(32)) * np.uint64(agents)) >> np.uint64(32)).astype(np.intp)
    accepted = tried[words.astype(np.uint32) <= appetite[tried]]
    chosen = np.zeros(agents, dtype=np.bool_)
    chosen[accepted] = True
    return np.flatnonzero(chosen)


def _day(
    seed: int,
    topic: int,
    step: int,
    load: float,
    reach: NDArray[np.int64],
    appetite: NDArray[np.uint32],
) -> tuple[tuple[NDArray[np.intp], NDArray[np.int64]], tuple[NDArray[np.intp], NDArray[np.int64]]]:
    """Return who is active and who receives resonance in a step, and how often."""
    agents = reach.size
    trials = _words(seed, int(agents * SENDER_TRIALS * load) + 1, SENDERS, topic, step)
    senders = _drawn(trials, appetite, agents)
    sent = (1.0 / np.sqrt(_unit(_words(seed, senders.size, SENT, topic, step)))).astype(np.int64)
    sent = np.minimum(sent, 100_000)

    # Resonance goes to those active now, and to some heard through what they did before.
    trials = _words(seed, int(agents * LISTENER_TRIALS * load) + 1, LISTENERS, topic, step)
    posts = np.zeros(agents, dtype=np.int64)
    posts[senders] = sent
    heard = posts > 0
    heard[_drawn(trials, appetite, agents)] = True
    listeners = np.flatnonzero(heard)
    root = np.sqrt((reach[listeners] + 1).astype(np.float64))
    chance = _unit(_words(seed, listeners.size, RECEIVED, topic, step))
    share = root * np.sqrt((posts[listeners] + 1).astype(np.float64)) / (DAMPING * np.sqrt(chance))
    received = np.minimum(share, 1e9).astype(np.int64)
    some = received > 0
    return (senders, sent), (listeners[some], received[some])


def _stacked(days: list[tuple[NDArray[np.intp], NDArray[np.int64]]], agents: int) -> SparseSteps:
    """Put the entries of the steps behind one another."""
    indptr = np.zeros(len(days) + 1, dtype=np.int64)
    np.cumsum([indices.size for indices, _ in days], out=indptr[1:])
    return SparseSteps(
        indptr,
        np.concatenate([indices for indices, _ in days]),
        np.concatenate([values for _, values in days]),
        agents,
    )
