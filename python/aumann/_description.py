"""What a population holds: as text, in a notebook, as numbers for a table or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aumann._printable import LONGEST_NAME, printable
from aumann._ranking_column import ranking_column
from aumann._sparse import SparseSteps
from aumann.export import html_table

if TYPE_CHECKING:
    from aumann.feature import Feature
    from aumann.population import Population

__all__ = ["described", "html", "text"]


def text(population: Population) -> str:
    """Return a line about agents, steps and topics, and one per feature."""
    kinds = [(printable(name, most=LONGEST_NAME), kind) for name, kind in _kinds(population)]
    width = max(len(name) for name, _ in kinds)
    lines = [f"  {name:<{width}}  {kind}" for name, kind in kinds]
    return "\n".join([printable(_title(population)), *lines])


def html(population: Population) -> str:
    """Return the same as an HTML table, escaped."""
    return html_table([_title(population), ""], _kinds(population))


def _title(population: Population) -> str:
    labels = population.step_labels
    span = (
        f"1 step ({labels[0]})"
        if population.steps == 1
        else f"{population.steps:,} steps ({labels[0]} to {labels[-1]})"
    )
    topics = f"topics {', '.join(population.topics)}" if population.topics else "no topics"
    title = f"Population: {population.agents:,} agents, {span}, {topics}"
    if population.presence is None:
        return title
    return f"{title}, {population.presence.mean():.1%} present"


def _kinds(population: Population) -> list[tuple[str, str]]:
    return [
        (feature.name, f"{'static ' if feature.static else ''}{feature.kind}")
        for feature in population.feature_list
    ]


def described(population: Population) -> dict[str, Any]:
    """Return the dictionary documented at `Population.describe`."""
    presence = population.presence
    return {
        "agents": population.agents,
        "steps": population.steps,
        "first_step": population.step_labels[0],
        "last_step": population.step_labels[-1],
        "topics": list(population.topics),
        "people": population.people,
        "features": [_feature(population, feature) for feature in population.feature_list],
        "presence": (
            None
            if presence is None
            else {"mean_agents_per_step": float(presence.sum(axis=1).mean())}
        ),
        "tiers": _tiers(population),
        "metadata": dict(population.metadata),
    }


def _feature(population: Population, feature: Feature) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": feature.name,
        "kind": feature.kind,
        "static": feature.static,
    }
    if feature.static:
        column = population.agent_table[feature.name]
        entry["total"] = column.sum().item()
        entry["mean_active_agents"] = int(np.count_nonzero(column))
        return entry
    series = population.series(feature.name)
    entry["total"] = sum(
        np.nansum(part.values if isinstance(part, SparseSteps) else part).item() for part in series
    )
    active = 0
    for step in range(population.steps):
        some = np.zeros(population.agents, dtype=np.bool_)
        for part in series:
            if isinstance(part, SparseSteps):
                some[part.step(step)[0]] = True
            else:
                some |= (part[step] != 0) & ~np.isnan(part[step])
        active += int(np.count_nonzero(some))
    entry["mean_active_agents"] = active / population.steps
    return entry


def _tiers(population: Population) -> dict[str, Any] | None:
    """Return the default tiers; none where agents have no number over all topics."""
    by = ranking_column(population)
    if by is None:
        return None
    values = population.raw(by)
    groups = population.tiers(by)
    return {
        "by": by,
        "tiers": [
            {
                "name": name,
                "agents": int(count),
                "lowest": values[groups.codes == code].min().item() if count else None,
            }
            for code, (name, count) in enumerate(zip(groups.names, groups.counts, strict=True))
        ],
    }
