"""Labelled partitions of agents: groups, tiers, percentile bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._printable import printable

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

    def __post_init__(self) -> None:
        """Check the partition and keep a read-only copy of the codes."""
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
            f"{printable(name)}: {count:,}"
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
        chosen = np.asarray(indices)
        if chosen.size and chosen.dtype.kind not in "iu":
            raise TypeError(f"indices has dtype {chosen.dtype}; integers are wanted")
        return Groups(self.codes[chosen.astype(np.intp, copy=False)], self.names)

    @classmethod
    def from_labels(cls, labels: Any) -> Groups:
        """Make one group per distinct label, names sorted.

        Parameters
        ----------
        labels : array-like of int, bool or str, shape (N,), or Groups
            The label of each agent: a list, array, or column of a data frame. Integers sort as
            numbers, text by code point. `Groups` pass through.

        Returns
        -------
        Groups
            Names are the labels as text.

        Raises
        ------
        TypeError
            If the labels are neither integers, booleans nor text.
        ValueError
            If `labels` is not one-dimensional, is empty, or an agent has no label.

        Notes
        -----
        O(N log N).

        Examples
        --------
        >>> Groups.from_labels([10, 9, 10])
        Groups of 3 agents (9: 1, 10: 2)
        """
        if isinstance(labels, Groups):
            return labels
        array = label_array("labels", labels)
        values, codes = np.unique(array, return_inverse=True)
        return cls(codes.reshape(-1), tuple(str(value) for value in values.tolist()))

    @classmethod
    def tiers(
        cls,
        values: NDArray[Any],
        fractions: Sequence[float] = (0.01, 0.09, 0.90),
        names: Sequence[str] = ("top", "middle", "tail"),
    ) -> Groups:
        """Cut agents into tiers by value, the highest first.

        Tier k ends at rank round(N * (fractions[0] + ... + fractions[k])), halves up, so a tier
        of a small population may be empty. Agents of equal value at an edge are told apart by
        their index: the lower index ranks higher.

        Parameters
        ----------
        values : ndarray of int or float, shape (N,)
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
        ValueError
            If the fractions are not positive or do not sum to 1, or there is not one name each.

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
        total = len(values)
        # Decimal fractions are not exact in binary: without the inner rounding a tier that ends
        # at half an agent would be rounded down or up by chance.
        ends = [
            math.floor(round(math.fsum(parts[: k + 1]) * total, 6) + 0.5) for k in range(len(parts))
        ]
        ends[-1] = total
        sizes = np.diff(np.array([0, *ends]))
        codes = np.empty(total, dtype=np.intp)
        codes[_descending(values)] = np.repeat(np.arange(len(parts)), sizes)
        return cls(codes, tuple(names))

    @classmethod
    def percentile_bins(cls, values: NDArray[Any], bins: int = 100) -> Groups:
        """Cut agents into bins of equal size by value, the lowest first.

        Sizes differ by at most one agent. Agents of equal value at an edge are told apart by
        their index as in `tiers`: the lower index ranks higher.

        Parameters
        ----------
        values : ndarray of int or float, shape (N,)
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
        total = len(values)
        if not 1 <= bins <= total:
            raise ValueError(f"bins is {bins}; between 1 and the {total} agents is wanted")
        codes = np.empty(total, dtype=np.intp)
        codes[_descending(values)] = np.arange(total - 1, -1, -1, dtype=np.intp) * bins // total
        return cls(codes, tuple(str(k + 1) for k in range(bins)))


def label_array(name: str, labels: Any) -> NDArray[Any]:
    """Return labels as an int64, bool or text array, or say what is wrong with them."""
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; one label per agent, (N,), is wanted")
    if array.size == 0:
        raise ValueError(f"{name} is empty; at least one agent is wanted")
    if array.dtype.kind == "O":
        for position, label in enumerate(array):
            # The missing value of pandas refuses to be compared.
            if label is None or type(label).__name__ == "NAType" or label != label:
                raise ValueError(f"{name}[{position}] is missing; every agent needs a label")
            if isinstance(label, str) != isinstance(array[0], str):
                raise TypeError(f"{name}[{position}] is {label!r}, but {name}[0] is {array[0]!r}")
        array = np.array(array.tolist())
    if array.dtype.kind in "Ub":
        return array
    if array.dtype.kind in "iu":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "T":
        return array.astype(str)
    raise TypeError(f"{name} has dtype {array.dtype}; integers, booleans or text are wanted")


def _descending(values: NDArray[Any]) -> NDArray[np.intp]:
    """Return the order from the highest value down, equal values by index."""
    array = np.asarray(values)
    if array.dtype.kind in "b":
        array = array.astype(np.int8)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"values has dtype {array.dtype}; numbers are wanted")
    # The complement reverses the order of integers without the overflow of a negation.
    keys = -array if array.dtype.kind == "f" else ~array
    return np.argsort(keys, kind="stable")
