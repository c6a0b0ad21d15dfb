"""The answer of `aumann attribute` as entries of a document and as columns of a file."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._ranking import largest
from aumann.cli.cells import Cells
from aumann.groups import Groups

__all__ = ["agent_columns", "cell_columns", "cell_entries"]


def cell_entries(cells: Cells, peak: int | None) -> list[dict[str, Any]]:
    """Return one entry per row for JSON; what is suppressed or undefined is null."""
    return [
        {
            "step": step,
            "peak": row == peak,
            "value": _number(cells.value[row]),
            "total": _number(cells.total[row]),
            "residual": float(cells.residual[row]),
            "relative_residual": float(cells.relative_residual[row]),
            "shares_undefined": (
                "the attributions sum to 0, or to rounding error beside their magnitudes"
                if cells.undefined[row]
                else None
            ),
            "groups": [
                {
                    "group": group,
                    "agents": None if hidden else int(agents),
                    "sum": _number(total),
                    "share": _number(share),
                    "suppressed": bool(hidden),
                }
                for group, agents, total, share, hidden in zip(
                    cells.groups,
                    cells.agents[row],
                    cells.sums[row],
                    cells.shares[row],
                    cells.hidden[row],
                    strict=True,
                )
            ],
        }
        for row, step in enumerate(cells.rows)
    ]


def cell_columns(cells: Cells) -> dict[str, Any]:
    """Return one row per step and group for a file; what is suppressed or undefined is null."""
    width = len(cells.groups)
    hidden = cells.hidden.ravel().tolist()
    agents = cells.agents.ravel().tolist()
    return {
        "step": np.repeat(np.array(cells.rows), width),
        "group": np.tile(np.array(cells.groups), len(cells.rows)),
        "agents": [None if gone else count for count, gone in zip(agents, hidden, strict=True)],
        "sum": _nullable(cells.sums.ravel()),
        "share": _nullable(cells.shares.ravel()),
        "suppressed": hidden,
        "value": _nullable(np.repeat(cells.value, width)),
        "total": _nullable(np.repeat(cells.total, width)),
        "residual": np.repeat(cells.residual, width),
    }


def agent_columns(
    rows: tuple[str, ...],
    values: NDArray[np.float64],
    present: NDArray[np.bool_] | None,
    groups: Groups,
    top: int | None,
    ids: NDArray[Any] | None,
) -> dict[str, NDArray[Any]]:
    """Return one row per step and present agent, or per step and agent at its top.

    Parameters
    ----------
    rows : tuple of str, length R
        Names of the steps.
    values : ndarray of float64, shape (R, N)
        Attributions.
    present : ndarray of bool, shape (R, N), or None
        Which agents are there; None means all.
    groups : Groups
        The group of each agent.
    top : int or None
        How many agents per step, the largest attribution first; None means all, by index.
    ids : ndarray, shape (N,), or None
        Identifiers, where the population has kept them.

    Returns
    -------
    dict of str to ndarray
        step, agent, id (where kept), group and attribution.
    """
    chosen = []
    for row, each in enumerate(values):
        agents = np.arange(each.size) if present is None else np.flatnonzero(present[row])
        chosen.append(agents if top is None else largest(each, agents, top, False))
    row_of = np.repeat(np.arange(len(rows)), [agents.size for agents in chosen])
    agent = np.concatenate(chosen)
    return {
        "step": np.array(rows)[row_of],
        "agent": agent,
        **({} if ids is None else {"id": ids[agent]}),
        "group": np.array(groups.names)[groups.codes[agent]],
        "attribution": values[row_of, agent],
    }


def _number(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def _nullable(numbers: NDArray[np.float64]) -> list[float | None]:
    return [_number(number) for number in numbers.tolist()]
