"""Labelled partitions of agents: groups, tiers, percentile bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import refuse_masked
from aumann._codes import Codes, read_codes
from aumann._columns import is_xarray
from aumann._labelled import Axis, check_index, default_index, labels_of, order_of, read_labelled
from aumann._printable import LONGEST_NAME, printable

__all__ = ["Groups"]


@dataclass(frozen=True, eq=False)
class Groups:
    """A partition of N agents into named groups.

    Parameters
    ----------
    codes : ndarray of intp, shape (N,)
        The group of each agent, an index into `names`.
    names : tuple of str
        The names of the groups, all different. A group may be empty.
    agent_labels : sequence of length N, optional
        What the agents are called, as the index of a Series says: `Attribution.group` and the
        like put them in the order of their own agents.

    Raises
    ------
    TypeError
        If `codes` are not integers or a name is not text.
    ValueError
        If a code is not an index into `names`, or names repeat.

    Examples
    --------
    >>> import numpy as np
    >>> groups = Groups(np.array([0, 1, 1]), ("top", "tail"))
    >>> groups.counts
    array([1, 2])
    """

    codes: NDArray[np.intp]
    names: tuple[str, ...]
    agent_labels: Any = None

    def __post_init__(self) -> None:
        """Check the partition and keep a read-only copy of the codes."""
        refuse_masked(self.codes, "codes")
        codes = np.asarray(self.codes)
        names = tuple(self.names)
        if codes.ndim != 1:
            raise ValueError(f"codes has shape {codes.shape}; one code per agent, (N,), is wanted")
        if codes.dtype.kind not in "iu":
            raise TypeError(f"codes has dtype {codes.dtype}; integers are wanted")
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"names holds {name!r}; text is wanted")
        if len(set(names)) != len(names):
            raise ValueError(f"names repeats a name: {names}")
        outside = (codes < 0) | (codes >= len(names))
        if outside.any():
            agent = int(np.argmax(outside))
            raise ValueError(
                f"codes[{agent}] is {codes[agent]}; an index into the {len(names)} names is wanted"
            )
        codes = codes.astype(np.intp)
        codes.flags.writeable = False
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "names", names)

    def __len__(self) -> int:
        """Return the number of agents."""
        return int(self.codes.size)

    def __repr__(self) -> str:
        """Return the groups with their numbers of agents."""
        sizes = [
            f"{printable(name, most=LONGEST_NAME)}: {count:,}"
            for name, count in zip(self.names, self.counts, strict=True)
        ]
        shown = sizes if len(sizes) <= 8 else [*sizes[:4], "...", *sizes[-3:]]
        return f"Groups of {len(self):,} agents ({', '.join(shown)})"

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """Agents in each group, in the order of `names`; read-only."""
        counts = np.bincount(self.codes, minlength=len(self.names)).astype(np.intp, copy=False)
        counts.flags.writeable = False
        return counts

    def take(self, indices: NDArray[np.intp]) -> Groups:
        """Return the groups of the agents at `indices`, with all the names kept.

        Parameters
        ----------
        indices : ndarray of int, shape (n,)
            Positions of agents.

        Returns
        -------
        Groups
            One code per index.

        Raises
        ------
        TypeError
            If the indices are not integers (a mask is turned into indices by `np.flatnonzero`).

        Examples
        --------
        >>> Groups.from_labels(["b", "a", "b"]).take([0, 2]).counts
        array([0, 2])
        """
        refuse_masked(indices, "indices")
        chosen = np.asarray(indices)
        if chosen.size and chosen.dtype.kind not in "iu":
            raise TypeError(f"indices has dtype {chosen.dtype}; integers are wanted")
        chosen = chosen.astype(np.intp, copy=False)
        labels = self.agent_labels
        kept = None if labels is None or default_index(labels) else labels[chosen]
        return Groups(self.codes[chosen], self.names, kept)

    def matched(self, agents: Axis, argument: str) -> Groups:
        """Return the groups of so many agents, in their order.

        Parameters
        ----------
        agents : Axis
            How many there are, and what they are called.
        argument : str
            What errors call the groups.

        Returns
        -------
        Groups
            Without labels.

        Raises
        ------
        ValueError
            If there is not one group per agent, or the labels are those of others.

        Examples
        --------
        >>> import pandas as pd
        >>> from aumann._labelled import Axis
        >>> tiers = Groups.from_labels(pd.Series(["top", "tail"], index=["bo", "al"]))
        >>> tiers.matched(Axis(2, ["al", "bo"]), "labels").codes
        array([0, 1])
        """
        if len(self) != agents.size:
            raise ValueError(
                f"{argument}: {len(self)} labels, one for each of the {agents.size} agents is "
                "wanted"
            )
        order = order_of(self.agent_labels, agents, argument, "agent")
        if order is None:
            return self if self.agent_labels is None else Groups(self.codes, self.names)
        return Groups(self.codes[order], self.names)

    @classmethod
    def from_labels(cls, labels: Any) -> Groups:
        """Make one group per distinct label, names sorted.

        Parameters
        ----------
        labels : array-like of int, bool or str, shape (N,), or Groups
            The label of each agent: a list, array, or column of a data frame. Integers sort as
            numbers, text by code point, ordered categories in their order. The index of a Series
            is kept as `agent_labels`. `Groups` pass through.

        Returns
        -------
        Groups
            Names are the labels as text.

        Raises
        ------
        TypeError
            If the labels are neither integers, booleans nor text, are of several kinds (1 and "1"
            are two labels with one name), or masked.
        ValueError
            If `labels` is not one-dimensional, is empty, or an agent has no label.

        Notes
        -----
        O(N log N); O(N) for text.

        Examples
        --------
        >>> Groups.from_labels([10, 9, 10])
        Groups of 3 agents (9: 1, 10: 2)
        """
        if isinstance(labels, Groups):
            return labels
        read = read_labels("labels", labels)
        return cls(read.codes, tuple(map(str, read.values.tolist())), labels_of(labels))

    @classmethod
    def tiers(
        cls,
        values: Any,
        fractions: Sequence[float] = (0.01, 0.09, 0.90),
        names: Sequence[str] = ("top", "middle", "tail"),
    ) -> Groups:
        """Cut agents into tiers by value, the highest first.

        Tier k ends at rank round(N * (fractions[0] + ... + fractions[k])), halves up, so a tier
        of a small population may be empty. Agents of equal value at an edge are told apart by
        their index: the lower index ranks higher.

        Parameters
        ----------
        values : array-like of int or float, shape (N,)
            What agents are ranked by.
        fractions : sequence of float
            Size of each tier as a part of N; they sum to 1.
        names : sequence of str
            Name of each tier.

        Returns
        -------
        Groups
            Groups in the order of `names`.

        Raises
        ------
        TypeError, ValueError
            If the values are not one number per agent; if the fractions are not positive or do
            not sum to 1, or there is not one name each.

        Notes
        -----
        O(N log N).

        Examples
        --------
        >>> import numpy as np
        >>> Groups.tiers(np.array([5, 9, 5, 1]), (0.5, 0.5), ("high", "low")).codes
        array([0, 0, 1, 1])
        """
        parts = [float(fraction) for fraction in fractions]
        if not parts or not all(0 < part <= 1 for part in parts):
            raise ValueError(f"fractions is {tuple(fractions)}; parts in (0, 1] are wanted")
        if abs(math.fsum(parts) - 1) > 1e-9:
            raise ValueError(f"fractions sums to {math.fsum(parts):.12g}; 1 is wanted")
        if len(names) != len(parts):
            raise ValueError(f"names has {len(names)} names for {len(parts)} fractions")
        order = _descending(values)
        total = order.size
        # Decimal fractions are not exact in binary: without the inner rounding a tier that ends
        # at half an agent would be rounded down or up by chance.
        ends = [
            math.floor(round(math.fsum(parts[: k + 1]) * total, 6) + 0.5) for k in range(len(parts))
        ]
        ends[-1] = total
        sizes = np.diff(np.array([0, *ends]))
        codes = np.empty(total, dtype=np.intp)
        codes[order] = np.repeat(np.arange(len(parts)), sizes)
        return cls(codes, tuple(names), labels_of(values))

    @classmethod
    def percentile_bins(cls, values: Any, bins: int = 100) -> Groups:
        """Cut agents into bins of equal size by value, the lowest first.

        Sizes differ by at most one agent. Agents of equal value at an edge are told apart by
        their index as in `tiers`: the lower index ranks higher.

        Parameters
        ----------
        values : array-like of int or float, shape (N,)
            What agents are ranked by.
        bins : int
            Number of bins, at most N.

        Returns
        -------
        Groups
            Names "1" (lowest values) to str(bins).

        Raises
        ------
        ValueError
            If `bins` is not between 1 and N.

        Notes
        -----
        O(N log N).

        Examples
        --------
        >>> import numpy as np
        >>> Groups.percentile_bins(np.array([30, 10, 20, 40]), 2).codes
        array([1, 0, 0, 1])
        """
        order = _descending(values)
        total = order.size
        if not 1 <= bins <= total:
            raise ValueError(f"bins is {bins}; between 1 and the {total} agents is wanted")
        codes = np.empty(total, dtype=np.intp)
        codes[order] = np.arange(total - 1, -1, -1, dtype=np.intp) * bins // total
        return cls(codes, tuple(str(k + 1) for k in range(bins)), labels_of(values))


def read_labels(name: str, labels: Any) -> Codes:
    """Return labels of agents, or say what is wrong with them.

    Examples
    --------
    >>> read_labels("labels", [3, 1]).values
    array([1, 3])
    """
    if is_xarray(labels):
        labels = read_labelled(labels, name, [("agent",)]).array
    elif hasattr(labels, "columns") or hasattr(labels, "column_names"):
        raise TypeError(f"{name}: a table, one of its columns is wanted")
    elif hasattr(labels, "iloc"):
        check_index(labels.index, "agent", name)
    codes = read_codes(labels, name)
    if codes.codes.size == 0:
        raise ValueError(f"{name} is empty; at least one agent is wanted")
    if codes.values.dtype.kind not in "iubO":
        raise TypeError(
            f"{name} has dtype {codes.values.dtype}; integers, booleans or text are wanted"
        )
    return codes


def _descending(values: Any) -> NDArray[np.intp]:
    """Return the order from the highest value down, equal values by index."""
    array = read_labelled(values, "values", [("agent",)]).array
    if array.dtype.kind == "b":
        array = array.astype(np.int8)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"values has dtype {array.dtype}; numbers are wanted")
    if array.ndim != 1:
        raise ValueError(f"values has shape {array.shape}; one number per agent, (N,), is wanted")
    if array.dtype.kind == "f" and np.isnan(array).any():
        agent = int(np.argmax(np.isnan(array)))
        raise ValueError(f"values is nan at agent {agent}; a number to be ranked by is wanted")
    # The complement reverses the order of integers without the overflow of a negation.
    keys = -array if array.dtype.kind == "f" else ~array
    return np.argsort(keys, kind="stable")
