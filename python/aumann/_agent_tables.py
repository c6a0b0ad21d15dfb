"""Attributions as tables and arrays of single agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aumann.export import Table, labelled_array

if TYPE_CHECKING:
    import xarray as xr

    from aumann.attribution import Attribution

__all__ = ["ids_of", "labelled", "long_table"]


def ids_of(ids: NDArray[Any], agents: NDArray[np.intp]) -> NDArray[Any]:
    """Return the identifiers of agents, None for those that only fill a row up (-1).

    Examples
    --------
    >>> ids_of(np.array(["ann", "bob"]), np.array([[1, 0], [0, -1]]))
    array([['bob', 'ann'],
           ['ann', None]], dtype=object)
    """
    if (agents >= 0).all():
        return ids[agents]
    found = ids[agents].astype(np.object_)
    found[agents < 0] = None
    return found


def long_table(result: Attribution, steps: NDArray[Any]) -> Table:
    """Return one row per step and present agent, as `Attribution.to_table` describes them."""
    values = np.atleast_2d(result.values)
    agents = np.tile(np.arange(result.agents), len(values))
    columns: dict[str, NDArray[Any]] = {}
    if result.values.ndim == 2:
        columns["step"] = np.repeat(steps, result.agents)
    columns["agent"] = agents
    if result.agent_ids is not None:
        columns["id"] = result.agent_ids[agents]
    # Copies: `values` may be the caller's `out`, used again for the next attribution.
    columns["value"] = values.flatten()
    if result.standard_error is not None:
        columns["standard_error"] = result.standard_error.flatten()
    if result.presence is not None:
        present = result.presence.ravel()
        columns = {name: column[present] for name, column in columns.items()}
    return Table(columns)


def labelled(result: Attribution, steps: NDArray[Any]) -> xr.DataArray:
    """Return the values with dims (step,) agent, as `Attribution.to_xarray` describes them."""
    coords = {"agent": np.arange(result.agents)}
    if result.values.ndim == 2:
        coords = {"step": steps.copy(), **coords}
    values = result.values.copy()
    if result.presence is not None:
        values[~result.presence] = np.nan
    attrs = {
        "value_function": repr(result.value_function),
        "method": repr(result.method),
        "baseline": result.baseline,
    }
    array = labelled_array(values, coords, "attribution", attrs)
    return (
        array if result.agent_ids is None else array.assign_coords(id=("agent", result.agent_ids))
    )
