"""Rows of one agent at one step each: where each belongs among T steps and N agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._codes import Codes, read_codes

__all__ = ["LongRows", "read_key"]

_KINDS = {"agent": ("iuO", "integers or text"), "step": ("iufOM", "numbers, text, dates or times")}


def read_key(column: Any, name: object, axis: str) -> Codes:
    """Return the steps, agents or topics that a column names.

    Raises
    ------
    TypeError, ValueError
        If they are of another kind, or one is missing.

    Examples
    --------
    >>> read_key([2, 1, 2], "Step", "step").values
    array([1, 2])
    """
    told = f"column {name!r}"
    codes = read_codes(column, told, lambda row: f"{told}, row {row},")
    kinds, wanted = _KINDS.get(axis, _KINDS["agent"])
    if codes.values.dtype.kind not in kinds:
        raise TypeError(f"{told} has dtype {codes.values.dtype}; {wanted} are wanted")
    return codes


@dataclass(frozen=True, eq=False)
class LongRows:
    """Rows by step and agent, both in order; no two of the same."""

    steps: Codes
    agents: Codes

    @classmethod
    def read(cls, keys: Sequence[tuple[str, Any]], argument: str) -> LongRows:
        """Read the columns of the step and of the agent.

        Raises
        ------
        TypeError, ValueError
            If they are of the wrong kind, two rows are of the same agent and step, or each agent
            has one row, at differing steps.

        Examples
        --------
        >>> rows = LongRows.read([("Step", [0, 0, 1]), ("AgentID", [7, 5, 5])], "x")
        >>> rows.presence
        array([[ True,  True],
               [ True, False]])
        """
        (step, steps), (agent, agents) = keys
        rows = cls(read_key(steps, step, "step"), read_key(agents, agent, "agent"))
        cells = rows.cells
        order = np.argsort(cells, kind="stable")
        repeated = np.flatnonzero(np.diff(cells[order]) == 0)
        if repeated.size:
            first, second = order[repeated[0]], order[repeated[0] + 1]
            raise ValueError(
                f"{argument}: rows {first} and {second} have the same {step!r} and {agent!r}, one "
                "row for each agent and step is wanted"
            )
        if len(rows.steps.values) > 1 and len(cells) == len(rows.agents.values) > 1:
            raise ValueError(
                f"{argument}: every {agent!r} has one row, and {step!r} differs between them, so "
                f"no agent is there twice; drop {step!r} if these are agents at one step, or "
                f"rename it if it is a feature"
            )
        return rows

    @property
    def shape(self) -> tuple[int, int]:
        """T and N."""
        return len(self.steps.values), len(self.agents.values)

    @property
    def cells(self) -> NDArray[np.intp]:
        """The number of each row's cell in a (T, N) array."""
        return self.steps.codes * len(self.agents.values) + self.agents.codes

    @property
    def presence(self) -> NDArray[np.bool_] | None:
        """Which cells have a row, shape (T, N); None if all have one."""
        steps, agents = self.shape
        if len(self.steps.codes) == steps * agents:
            return None
        there = np.zeros(steps * agents, dtype=np.bool_)
        there[self.cells] = True
        return there.reshape(steps, agents)

    def spread(self, column: NDArray[Any]) -> NDArray[Any]:
        """Return a column as a (T, N) array, 0 where there is no row.

        Examples
        --------
        >>> LongRows.read([("t", [1, 0]), ("id", [7, 7])], "x").spread(np.array([2.0, 3.0]))
        array([[3.],
               [2.]])
        """
        spread: NDArray[Any] = np.zeros(self.shape, dtype=column.dtype)
        spread.reshape(-1)[self.cells] = column
        return spread
