"""The workloads that everything is timed on, the same numbers in Rust, Python and every run.

`benches/rust/attribution.rs` makes them from the same counter-based numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["FULL", "dense", "sparse", "workload"]

# The agents of the paper's panel.
FULL = 1_671_587


def _uniform(stream: int, agents: int) -> NDArray[np.float64]:
    """SplitMix64 of a counter."""
    with np.errstate(over="ignore"):
        z = np.arange(agents, dtype=np.uint64) | np.uint64(stream << 40)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return np.asarray(((z ^ z >> np.uint64(31)) >> np.uint64(11)) * 2.0**-53)


def sparse(agents: int, step: int = 0) -> NDArray[np.float64]:
    """Return W: Pareto followers; 90 % of agents without activity or without resonance.

    Parameters
    ----------
    agents : int
        N.
    step : int
        Steps draw from different streams.

    Returns
    -------
    ndarray of float64, shape (N, 3)
        log(1 + followers), log(1 + activity), log(1 + resonance).

    Examples
    --------
    >>> sparse(1_000).shape, bool((sparse(1_000)[:, 1] == 0).mean() > 0.7)
    ((1000, 3), True)
    """
    stream = 8 * step
    uniform = [_uniform(stream + k, agents) for k in range(5)]
    followers = np.floor(3 / (1 - uniform[0]))
    active = uniform[1] < 0.2
    heard = active & (uniform[2] < 0.5)
    activity = np.where(active, np.floor(1 / (1 - uniform[3])), 0)
    resonance = np.where(heard, np.floor(1 / (1 - uniform[4])), 0)
    return np.asarray(np.log1p(np.stack((followers, activity, resonance), axis=1)))


def dense(agents: int) -> NDArray[np.float64]:
    """Return W-dense: continuous features of shape (N, 3), no ties.

    Parameters
    ----------
    agents : int
        N.

    Returns
    -------
    ndarray of float64, shape (N, 3)
        1 plus exponentially distributed numbers.

    Examples
    --------
    >>> len(set(dense(1_000).sum(axis=1)))
    1000
    """
    columns = [1 - np.log(1 - _uniform(100 + k, agents)) for k in range(3)]
    return np.stack(columns, axis=1)


def workload(name: str, agents: int) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return the features of a workload by its name.

    Parameters
    ----------
    name : str
        W, W32 (W in float32), W-dense or W-14 (fourteen steps of W).
    agents : int
        N.

    Returns
    -------
    ndarray, shape (N, 3), or (14, N, 3) for W-14
        Features.

    Raises
    ------
    ValueError
        If there is no workload of that name.

    Examples
    --------
    >>> workload("W32", 10).dtype, workload("W-14", 10).shape
    (dtype('float32'), (14, 10, 3))
    """
    match name:
        case "W":
            return sparse(agents)
        case "W32":
            return sparse(agents).astype(np.float32)
        case "W-dense":
            return dense(agents)
        case "W-14":
            return np.stack([sparse(agents, step) for step in range(14)])
    raise ValueError(f"name: {name!r}, one of W, W32, W-dense, W-14 is wanted")
