"""The workloads of benches/rust/attribution.rs, from the same counter-based numbers."""

import numpy as np

FULL = 1_671_587


def _uniform(stream: int, agents: int) -> np.ndarray:
    """SplitMix64 of a counter."""
    with np.errstate(over="ignore"):
        z = np.arange(agents, dtype=np.uint64) | np.uint64(stream << 40)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return ((z ^ z >> np.uint64(31)) >> np.uint64(11)) * 2.0**-53


def sparse(agents: int, step: int = 0) -> np.ndarray:
    """W: Pareto followers; 90 % of agents without activity or without resonance."""
    stream = 8 * step
    uniform = [_uniform(stream + k, agents) for k in range(5)]
    followers = np.floor(3 / (1 - uniform[0]))
    active = uniform[1] < 0.2
    heard = active & (uniform[2] < 0.5)
    activity = np.where(active, np.floor(1 / (1 - uniform[3])), 0)
    resonance = np.where(heard, np.floor(1 / (1 - uniform[4])), 0)
    return np.log1p(np.stack((followers, activity, resonance), axis=1))


def dense(agents: int) -> np.ndarray:
    """W-dense: continuous, no ties."""
    columns = [1 - np.log(1 - _uniform(100 + k, agents)) for k in range(3)]
    return np.stack(columns, axis=1)


def workload(name: str, agents: int) -> np.ndarray:
    """Features of one of W, W32, W-dense and W-14."""
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
