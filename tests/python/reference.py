"""Plain NumPy twins of the core, in extended precision: slow, short, and independent of it.

Every function takes one step: features `x` of shape (n, d), all agents present.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.longdouble]
NAMES = ("mean", "heat", "variance", "gini")


def wide(x: Any) -> Wide:
    return np.asarray(x).astype(np.longdouble)


def composite(x: Any, weights: Sequence[float] | None = None) -> Wide:
    x = wide(x)
    return x.sum(axis=1) if weights is None else (x * wide(weights)).sum(axis=1)


def value(name: str, x: Any, weights: Sequence[float] | None = None) -> float:
    if name == "heat":
        return float(np.log1p(np.prod(wide(x).mean(axis=0))))
    s = composite(x, weights)
    if name == "mean":
        return float(s.mean())
    if name == "variance":
        return float(((s - s.mean()) ** 2).mean())
    # Gini: every ordered pair, constant 1 / n^2.
    return float(np.abs(s[:, None] - s[None, :]).mean())


def aumann_shapley(
    name: str, x: Any, baseline: Any = 0.0, weights: Sequence[float] | None = None
) -> Wide:
    """Attributions (n,); `baseline` is a number, a row (d,) or one row per agent (n, d)."""
    x = wide(x)
    n = len(x)
    b = np.broadcast_to(wide(baseline), x.shape)
    if name == "heat":
        return (x - b) @ heat_gradient(x.mean(axis=0), b.mean(axis=0)) / n
    s, t = composite(x, weights), composite(b, weights)
    if name == "mean":
        return (s - t) / n
    middle = (s + t) / 2
    if name == "variance":
        # The gradient (2/n)(s_i - sbar) is affine along the path: its mean is at the middle.
        return (s - t) * 2 * (middle - middle.mean()) / n
    # Gini: where the baseline is ordered as the composites, the sign of a pair is that of the
    # difference of middles all along the path.
    signs = np.sign(middle[:, None] - middle[None, :]).sum(axis=1)
    return (s - t) * 2 * signs / n**2


def largest_term(name: str, x: Any, baseline: Any, weights: Sequence[float] | None = None) -> float:
    """The size of the largest attribution, before the terms of different features cancel in it."""
    if name != "heat":
        return float(np.abs(aumann_shapley(name, x, baseline, weights)).max())
    x = wide(x)
    b = np.broadcast_to(wide(baseline), x.shape)
    gradient = heat_gradient(x.mean(axis=0), b.mean(axis=0))
    return float((np.abs(x - b) @ np.abs(gradient)).max() / len(x))


def heat_gradient(end: Wide, start: Wide) -> Wide:
    """The mean over the line of means from `start` to `end` of d log(1 + prod m) / d m_k."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    # Panels that shrink towards both ends resolve poles close to either of them.
    inner = 2.0 ** np.arange(-30, -1)
    edges = wide(np.concatenate([[0.0], inner, [0.5], 1 - inner[::-1], [1.0]]))
    widths = np.diff(edges)[:, None]
    path = (edges[:-1, None] + widths * (1 + wide(nodes)) / 2).reshape(-1, 1)
    means = start + path * (end - start)
    others = np.stack([np.delete(means, k, axis=1).prod(axis=1) for k in range(len(end))], axis=1)
    gradients = others / (1 + means.prod(axis=1, keepdims=True))
    return np.asarray((widths * wide(weights) / 2).ravel() @ gradients)


def comonotone_baseline(x: Any, weights: Sequence[float] | None = None) -> NDArray[Any]:
    """A baseline per agent, (n, d), ordered as the composites, with ties where they have none.

    Its composite is a step function of x's: exact on the dyadic numbers that the tests use.
    """
    s = composite(x, weights)
    w = 1.0 if weights is None else weights[0]
    rows = np.zeros(np.shape(x))
    rows[:, 0] = np.floor(s / 4).astype(np.float64) / w
    return rows
