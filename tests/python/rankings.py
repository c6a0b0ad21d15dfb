"""How far two rankings agree: plain twins over all pairs of agents."""

import numpy as np

import aumann

Numbers = np.ndarray


def tau_b(first: Numbers, second: Numbers) -> float:
    """Kendall's tau-b by its definition, over all pairs of agents."""
    one = np.sign(first[:, None] - first[None, :])
    other = np.sign(second[:, None] - second[None, :])
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


def mid_ranks(values: Numbers) -> Numbers:
    below = (values[None, :] < values[:, None]).sum(axis=1)
    level = (values[None, :] == values[:, None]).sum(axis=1)
    return below + (level + 1) / 2


def rho(first: Numbers, second: Numbers) -> float:
    one, other = (mid_ranks(each) - (len(each) + 1) / 2 for each in (first, second))
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


def top(values: Numbers, k: int) -> set[int]:
    """The k largest, equal ones by index."""
    return set(sorted(range(len(values)), key=lambda i: (-values[i], i))[:k])


def figures(first: Numbers, second: Numbers, k: int) -> list[float]:
    ours, theirs = top(first, k), top(second, k)
    shared = len(ours & theirs)
    return [
        tau_b(first, second),
        rho(first, second),
        shared / len(ours),
        shared / len(ours | theirs),
    ]


def found(comparison: aumann.Comparison) -> Numbers:
    """The four figures, shape (4, P) or (4, P, T)."""
    return np.array(
        [comparison.kendall, comparison.spearman, comparison.overlap, comparison.jaccard]
    )
