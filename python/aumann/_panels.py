"""What reweighting reads: features of one step, groups of its agents, known sizes of groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aumann._arrays import cure
from aumann._labelled import Axis, default_index, labels_of, read_labelled, read_matched
from aumann.coercion import read_features
from aumann.groups import Groups
from aumann.population import Population
from aumann.value_functions import BuiltIn

__all__ = [
    "FEW_CONTRIBUTORS",
    "read_columns",
    "read_function",
    "read_groups",
    "read_numbers",
    "read_totals",
    "refuse_where",
]

# With fewer members behind a share, nominal 95 % intervals cover in clearly fewer of the
# simulated draws.
FEW_CONTRIBUTORS = 10

Numbers = NDArray[np.float64]


def read_function(value_function: Any) -> BuiltIn:
    """Return a built-in value function, or say that only these can be reweighted.

    Examples
    --------
    >>> from aumann import Heat
    >>> read_function(Heat())
    Heat()
    """
    if isinstance(value_function, BuiltIn):
        return value_function
    raise TypeError(
        f"value_function: {value_function!r}, Mean(), Heat(), Variance() or GiniMeanDifference() "
        "is wanted"
    )


def read_columns(x: Any, function: BuiltIn, topic: str | None = None) -> tuple[Numbers, Axis]:
    """Return the features of agents at one step, checked as `attribute` checks them.

    Parameters
    ----------
    x : array-like, table, list of columns, or Population; shape (N, d)
        Of a Population, the features over the whole window are taken.
    function : ValueFunction
        What they are for.
    topic : str, optional
        Of a Population, the topic.

    Returns
    -------
    columns : ndarray of float64, shape (d, N)
    agents : Axis
        How many agents there are, and what x calls them.

    Raises
    ------
    TypeError, ValueError
        If they cannot be read, are of several steps, not finite or outside the domain, or an
        agent is absent.

    Examples
    --------
    >>> from aumann import Mean
    >>> read_columns([[1, 2], [3, 4]], Mean())[0]
    array([[1., 3.],
           [2., 4.]])
    """
    labels = None
    if isinstance(x, Population):
        labels = x.agent_table.get("id")
        present = x.window_presence("whole", topic)
        if present is not None and not present.all():
            raise ValueError(
                f"x: {int((~present).sum()):,} of {x.agents:,} agents are never present, agents "
                "that are present are wanted"
            )
        x = x.features(topic, window="whole")
    features = read_features(x)
    if features.stepped:
        raise ValueError(
            f"x: {features.shape[0]} steps, shape {features.shape}, one step, (N, d), is wanted"
        )
    # Computed for its checks: finite features, fitting weights, the domain of heat.
    function.value(x)
    block = next(features.blocks())
    columns = block.x if isinstance(block.x, list) else np.moveaxis(block.x, 2, 0)
    agents = features.axes["agent"] if labels is None else Axis(features.shape[1], labels)
    return np.stack([np.asarray(column[0], dtype=np.float64) for column in columns]), agents


def read_groups(groups: Any, agents: Axis) -> Groups:
    """Return a group for each of the agents, in their order.

    Examples
    --------
    >>> read_groups(["b", "a"], Axis(2)).names
    ('a', 'b')
    """
    return Groups.from_labels(groups).matched(agents, "groups")


def read_numbers(argument: str, values: Any, agents: Axis | None = None) -> Numbers:
    """Return a row of real numbers as float64, in the order of the agents if these are given.

    Examples
    --------
    >>> read_numbers("inclusion", [1, 0.5], Axis(2))
    array([1. , 0.5])
    """
    known = {} if agents is None else {"agent": agents}
    row = read_matched(values, argument, [("agent",)], known)
    length = None if agents is None else agents.size
    if row.dtype.kind not in "iuf":
        raise TypeError(f"{argument}: dtype {row.dtype}, real numbers are wanted{cure(row)}")
    if row.ndim != 1 or row.size == 0 or (length is not None and row.size != length):
        wanted = "(N,)" if length is None else f"({length},)"
        raise ValueError(f"{argument}: shape {row.shape}, {wanted} is wanted")
    return row.astype(np.float64)


def refuse_where(bad: NDArray[np.bool_], argument: str, row: Numbers, wanted: str) -> None:
    """Refuse the first number of a row that is bad, naming its agent.

    Examples
    --------
    >>> refuse_where(np.array([False]), "inclusion", np.array([0.5]), "a number")
    """
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(f"{argument}: {row[first]:.17g} at agent {first}, {wanted} is wanted")


def read_totals(totals: Mapping[Any, float] | ArrayLike, groups: Groups) -> Numbers:
    """Return how many agents of the population each group has, shape (G,).

    Parameters
    ----------
    totals : mapping or array-like
        By name (or label) of the group, as the index of a Series says too, or in the order of
        the groups.
    groups : Groups
        The groups of the panel's members.

    Returns
    -------
    ndarray of float64, shape (G,)

    Raises
    ------
    TypeError, ValueError
        If a total is missing, not finite, or below the number of members; if a group of the
        population has no member.

    Examples
    --------
    >>> read_totals({"a": 5, "b": 9}, Groups.from_labels(["b", "a"]))
    array([5., 9.])
    """
    if labels_of(totals) is not None and not default_index(labels_of(totals)):
        row = read_labelled(totals, "totals", [("group",)]).array
        totals = dict(zip(labels_of(totals).tolist(), row.tolist(), strict=True))
    if isinstance(totals, Mapping):
        named = {str(name): total for name, total in totals.items()}
        if len(named) < len(totals):
            raise ValueError(
                "totals: two of its groups have one name, names that differ are wanted"
            )
        missing = [repr(name) for name in groups.names if name not in named]
        if missing:
            raise ValueError(f"totals: none for {', '.join(missing)}, one per group is wanted")
        names = (*groups.names, *(name for name in named if name not in groups.names))
        sizes = read_numbers("totals", [named[name] for name in names])
    else:
        names = groups.names
        sizes = read_numbers("totals", totals, Axis(len(names)))
    counts = np.zeros(len(names), dtype=np.intp)
    counts[: len(groups.names)] = groups.counts
    for name, size, count in zip(names, sizes.tolist(), counts.tolist(), strict=True):
        if not count <= size < np.inf:
            raise ValueError(
                f"totals: {size:.17g} for group {name!r}, a finite number that is at least its "
                f"{count:,} members is wanted"
            )
    empty = [
        repr(name) for name, size, n in zip(names, sizes, counts, strict=True) if size > n == 0
    ]
    if empty:
        raise ValueError(
            f"totals: groups without members in the panel: {', '.join(empty)}; members of every "
            "group are wanted, for no weights can speak for a group that is not seen"
        )
    return sizes[: len(groups.names)]
