"""The order of ordered categories, which plain labels do not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aumann._codes import Codes, read_codes
from aumann.groups import Groups

__all__ = ["in_order", "label_orders"]


def label_orders(agent_table: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the labels of each column of ordered categories, in their order, as text.

    Examples
    --------
    >>> import pandas as pd
    >>> label_orders({"size": pd.Categorical(["s", "l"], ["s", "m", "l"], ordered=True)})
    {'size': ['s', 'l']}
    """
    orders = {}
    for name, column in agent_table.items():
        kind = type(getattr(column, "dtype", None)).__name__
        categories = kind in ("CategoricalDtype", "Enum", "ArrowDtype")
        if categories or hasattr(column, "dictionary_encode") or isinstance(column, Codes):
            read = column if isinstance(column, Codes) else read_codes(column, name)
            if read.ordered:
                orders[name] = list(map(str, read.values.tolist()))
    return orders


def in_order(groups: Groups, order: Sequence[str]) -> Groups:
    """Return groups with their names in an order, if it has them all.

    Examples
    --------
    >>> in_order(Groups.from_labels(["l", "s"]), ["s", "m", "l"]).names
    ('s', 'l')
    """
    names = tuple(name for name in order if name in groups.names)
    if len(names) < len(groups.names):
        return groups
    places = np.array([names.index(name) for name in groups.names], dtype=np.intp)
    return Groups(places[groups.codes], names)
