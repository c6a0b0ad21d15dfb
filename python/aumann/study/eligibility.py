"""Which topics are alive enough to be studied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aumann._sparse import SparseSteps
from aumann.population import Population

if TYPE_CHECKING:
    from aumann.study.study import Study

__all__ = ["participants", "topic_rows"]


def topic_rows(study: Study) -> list[dict[str, Any]]:
    """Return for every topic of a study how alive it is, and whether that is enough.

    Raises
    ------
    ValueError
        If nobody is active, or no topic is alive enough.

    Examples
    --------
    >>> import aumann
    >>> study = aumann.Study(aumann.synthesize(agents=1_000, steps=2, seed=0))
    >>> topic_rows(study)
    [{'topic': None, 'active': 272, 'steps_enough': 2, 'eligible': True}]
    """
    rows: list[dict[str, Any]] = []
    for topic in study.topics or (None,):
        active, by_step = participants(study.population, topic)
        enough = int(np.count_nonzero(by_step >= study.least_participants))
        eligible = enough >= study.least_steps and active > 0
        row = {"topic": topic, "active": active, "steps_enough": enough, "eligible": eligible}
        rows.append(row)
    if not any(row["active"] for row in rows):
        named = ", ".join(study.topics or ()) or "the population"
        raise ValueError(f"topics: nobody does anything in {named}; an active agent is wanted")
    if not any(row["eligible"] for row in rows):
        plural = "" if study.least_steps == 1 else "s"
        raise ValueError(
            f"least_participants: {study.least_participants:,} agents on at least "
            f"{study.least_steps} step{plural}; no topic has as many, a lower number is wanted"
        )
    return rows


def participants(population: Population, topic: str | None) -> tuple[int, NDArray[np.intp]]:
    """Return how many agents do anything in a topic: in any step, and in each.

    An agent takes part where a feature that is not static is other than 0. Where all features are
    static everybody does who is present.

    Returns
    -------
    active : int
    by_step : ndarray of int, shape (T,)

    Examples
    --------
    >>> population = Population.from_arrays({"posts": [[1, 0, 0], [0, 4, 0]]}, kinds="count")
    >>> participants(population, None)
    (2, array([1, 1]))
    """
    of_topic = slice(None) if topic is None else slice(k := population.topics.index(topic), k + 1)
    parts = [
        part
        for feature in population.feature_list
        if not feature.static
        for part in population.series(feature.name)[of_topic]
    ]
    ever = np.zeros(population.agents, dtype=np.bool_)
    by_step = np.empty(population.steps, dtype=np.intp)
    for step in range(population.steps):
        if parts:
            now = np.zeros(population.agents, dtype=np.bool_)
            for part in parts:
                if isinstance(part, SparseSteps):
                    agents, values = part.step(step)
                    now[agents[values != 0]] = True
                else:
                    now |= (part[step] != 0) & ~np.isnan(part[step])
        elif population.presence is not None:
            now = population.presence[step]
        else:
            now = np.ones(population.agents, dtype=np.bool_)
        ever |= now
        by_step[step] = np.count_nonzero(now)
    return int(np.count_nonzero(ever)), by_step
