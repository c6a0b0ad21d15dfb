"""How the population's attribution moves from step to step: by tier, and by percentile bin."""

from __future__ import annotations

from typing import Any

from aumann._attribute import attribute
from aumann.groups import Groups
from aumann.population import Population
from aumann.study.store import Rows
from aumann.study.tiers import tier_shares
from aumann.value_functions import ValueFunction

__all__ = ["BINS", "step_rows"]

BINS = 100


def step_rows(
    population: Population,
    topic: str | None,
    value_functions: dict[str, ValueFunction],
    tiers: Groups,
) -> Rows:
    """Return sums and shares of every step, one step in memory at a time.

    Parameters
    ----------
    population : Population
        Features step by step.
    topic : str or None
        None for all topics together.
    value_functions : dict of str to ValueFunction
        By name.
    tiers : Groups
        The tier of every agent.

    Returns
    -------
    dict of str to list of dict
        `steps`: one row per step, value function and tier. `bins`: one row per step, value function
        and bin of reach, "1" the lowest; as many bins as agents where there are fewer than 100.

    Examples
    --------
    >>> import aumann
    >>> population = aumann.synthesize(agents=300, steps=2, seed=0)
    >>> rows = step_rows(population, None, {"heat": aumann.Heat()}, population.tiers())
    >>> len(rows["steps"]), len(rows["bins"])
    (6, 200)
    """
    bins = population.percentile_bins(min(BINS, population.agents))
    by_tier: list[dict[str, Any]] = []
    by_bin: list[dict[str, Any]] = []
    for step, x in enumerate(population.iter_features(topic)):
        present = None if population.presence is None else population.presence[step]
        for name, function in value_functions.items():
            result = attribute(x, function, presence=present)
            cell = {
                "topic": topic,
                "value_function": name,
                "step": str(population.step_labels[step]),
                "number": step,
                "value": result.value,
            }
            for part in tier_shares(result, tiers):
                by_tier.append({**cell, "tier": part.tier, "sum": part.sum, "share": part.share})
            for bin_, mass in zip(bins.names, result.group(bins).sums, strict=True):
                by_bin.append({**cell, "bin": int(bin_), "sum": float(mass)})
    return {"steps": by_tier, "bins": by_bin}
