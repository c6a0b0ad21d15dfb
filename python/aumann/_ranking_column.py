"""What agents are ranked by, where nothing else is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aumann._raw_values import RawValues

__all__ = ["numeric_columns", "ranking_column"]


def numeric_columns(population: RawValues) -> list[str]:
    """Return what agents can be ranked by: one number each over the whole window and all topics.

    Measurements that differ by topic cannot be added up.

    Examples
    --------
    >>> import aumann
    >>> numeric_columns(aumann.synthesize(agents=100, steps=2))
    ['reach', 'activity', 'resonance']
    """
    features = {feature.name: feature for feature in population.feature_list}
    ranked = [
        name
        for name, feature in features.items()
        if feature.static or feature.kind == "count" or len(population.topics) < 2
    ]
    labels = [
        name
        for name, column in population.agent_table.items()
        if name not in features and name != "id" and column.dtype.kind in "iufb"
    ]
    return [*ranked, *labels]


def ranking_column(population: RawValues) -> str | None:
    """Return reach where there is one, or else the first column that agents can be ranked by.

    Examples
    --------
    >>> import aumann
    >>> ranking_column(aumann.Population.from_arrays({"wealth": [3, 1]}, kinds="measurement"))
    'wealth'
    """
    known = numeric_columns(population)
    return "reach" if "reach" in known else next(iter(known), None)
