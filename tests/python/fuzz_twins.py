"""What the verb has to answer, in extended precision and by definition: all pairs, all coalitions.

One step, all agents present: x and the baseline have shape (n, d). Features are taken from the
first agent's where differences alone count, so that an offset of all agents costs no digits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.longdouble]

NODES, WEIGHTS = (np.asarray(a, np.longdouble) for a in np.polynomial.legendre.leggauss(20))

# Of float64, in which all sums are formed.
EPS = float(np.finfo(float).eps)


class Refused(Exception):
    """There is no answer."""


def composites(rows: Any, weights: Any) -> Wide:
    return np.asarray(np.asarray(rows, np.longdouble) @ np.asarray(weights, np.longdouble))


def ends(x: Any, baseline: Any, weights: Any) -> tuple[Wide, Wide, Wide, np.longdouble]:
    """Composites of x and of the baseline less the first agent's, differences, the gap of both."""
    x, baseline = np.asarray(x, np.longdouble), np.asarray(baseline, np.longdouble)
    s, b = composites(x - x[0], weights), composites(baseline - baseline[0], weights)
    return s, b, composites(x - baseline, weights), composites(x[:1] - baseline[:1], weights)[0]


def mean(method: str, x: Any, baseline: Any, weights: Any) -> tuple[Wide, Any, Any]:
    differences = composites(np.asarray(x, np.longdouble) - baseline, weights)
    return differences / len(x), composites(x, weights).mean(), composites(baseline, weights).mean()


def variance(method: str, x: Any, baseline: Any, weights: Any) -> tuple[Wide, Any, Any]:
    n = len(x)
    s, b, difference, _ = ends(x, baseline, weights)
    s, from_b = s - s.mean(), b - b.mean()
    if method == "LeaveOneOut":
        # From the mean of x: where agent i stands once it is at its baseline.
        moved = s - difference
        phi = difference * ((s + moved) / n + difference / n**2)
    else:
        phi = difference * (s + from_b) / n
    return phi, (s**2).mean(), (from_b**2).mean()


def pairs(rows: Any, others: Any, weights: Any) -> Wide:
    """Composites of all rows less those of all others, feature by feature."""
    rows, others = np.asarray(rows, np.longdouble), np.asarray(others, np.longdouble)
    apart = np.zeros((len(rows), len(others)), np.longdouble)
    for k, weight in enumerate(weights):
        apart += np.longdouble(weight) * (rows[:, k, None] - others[:, k])
    return apart


def gini(method: str, x: Any, baseline: Any, weights: Any) -> tuple[Wide, Any, Any]:
    n = len(x)
    p, q = pairs(baseline, baseline, weights), pairs(x, x, weights)
    if method == "AumannShapley":
        size = np.abs(p) + np.abs(q)
        parts = np.divide(p + q, size, out=np.zeros_like(size), where=size > 0)
        difference = composites(np.asarray(x, np.longdouble) - baseline, weights)
        phi = 2 * difference * parts.sum(axis=1) / n**2
    else:
        # Every agent at one end beside every agent at the other.
        across = pairs(x, baseline, weights)
        there, back = np.abs(q) - np.abs(across.T), np.abs(across) - np.abs(p)
        others = 1 - np.eye(n)
        weighed = there if method == "LeaveOneOut" else (there + back) / 2
        phi = 2 * (weighed * others).sum(axis=1) / n**2
    return phi, np.abs(q).mean(), np.abs(p).mean()


def heat_of(product: Any) -> Any:
    if not np.all(product > -1):
        raise Refused("heat below -1")
    return np.log1p(product)


def heat(method: str, x: Any, baseline: Any, weights: Any) -> tuple[Wide, Any, Any]:
    x, baseline = np.asarray(x, np.longdouble), np.asarray(baseline, np.longdouble)
    n, moves = len(x), x - baseline
    start, change = baseline.mean(axis=0), moves.mean(axis=0)
    end = x.mean(axis=0)
    value, baseline_value = heat_of(end.prod()), heat_of(start.prod())
    if method == "AumannShapley":
        phi = moves @ heat_gradient(start, change) / n
    elif method == "LeaveOneOut":
        without = (end - moves / n).prod(axis=1)
        heat_of(without)
        phi = np.log1p((end.prod() - without) / (1 + without))
    else:
        members = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)
        values = heat_of((start + members @ moves / n).prod(axis=1))
        size = members.sum(axis=1)
        phi = np.empty(n, np.longdouble)
        for i in range(n):
            without = np.flatnonzero(~members[:, i])
            marginal = values[without + 2**i] - values[without]
            share = np.array([1.0] * n, np.longdouble) / 2 ** (n - 1)
            if method == "Shapley":
                choose = np.cumprod(np.append(1, np.arange(n - 1, 0, -1) / np.arange(1.0, n)))
                share = 1 / (n * choose)
            phi[i] = (share[size[without]] * marginal).sum()
    return phi, value, baseline_value


def heat_gradient(start: Wide, change: Wide) -> Wide:
    """Integrals of dF/dmean_k along the path: panels that shrink towards both of its ends."""
    halves = np.longdouble(2.0) ** -np.arange(1, 200)
    cuts = np.concatenate([[0], halves[::-1], 1 - halves[1:60], [1]])
    middle, half = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts) / 2
    at = (middle[:, None] + half[:, None] * NODES).ravel()
    weights = (half[:, None] * WEIGHTS).ravel()
    means = start + at[:, None] * change
    product = means.prod(axis=1)
    heat_of(product)
    if product.min() < -0.99:
        raise ArithmeticError("too near the end of the domain for this quadrature")
    d = len(start)
    others = [np.delete(means, k, axis=1).prod(axis=1) for k in range(d)]
    return np.array([(weights * rest / (1 + product)).sum() for rest in others])


TWINS = {"Mean": mean, "Variance": variance, "GiniMeanDifference": gini, "Heat": heat}


def terms_of(x: Wide, baseline: Wide, weights: Any) -> Any:
    """The largest sum of magnitudes that a difference is added up from."""
    return composites(np.abs(x - baseline), np.abs(weights)).max()


def spread(rows: Wide, weights: Any) -> Any:
    return composites(np.abs(rows - rows[0]), np.abs(weights)).max()


def mean_rounding(method: str, x: Wide, baseline: Wide, weights: Any, dtype: Any) -> Any:
    return 8 * EPS * terms_of(x, baseline, weights) / len(x)


def variance_rounding(method: str, x: Wide, baseline: Wide, weights: Any, dtype: Any) -> Any:
    far = spread(x, weights) + spread(baseline, weights) + terms_of(x, baseline, weights) / len(x)
    return 32 * EPS * terms_of(x, baseline, weights) * far / len(x)


def heat_rounding(method: str, x: Wide, baseline: Wide, weights: Any, dtype: Any) -> Any:
    return 0.0


def gini_rounding(method: str, x: Wide, baseline: Wide, weights: Any, dtype: Any) -> Any:
    n, d = x.shape
    wide = spread(x, weights) + spread(baseline, weights)
    if method == "AumannShapley":
        # What rounding tells apart or crosses may be a tie, and the other way round.
        eps = 2 * np.finfo(dtype).eps + d * EPS
        near = eps * composites(np.maximum(np.abs(x), np.abs(baseline)), np.abs(weights))
        p, q = pairs(baseline, baseline, weights), pairs(x, x, weights)
        size = np.maximum(np.abs(p), np.abs(q))
        close = ((size > 0) & (size <= 2 * near[:, None])).sum(axis=1)
        difference = np.abs(composites(x - baseline, weights))
        slack = 2 * difference * close / n**2
        return slack + 16 * EPS * terms_of(x, baseline, weights) / n
    # Sums of distances between all ends, of which attributions are differences.
    across = pairs(x, baseline, weights)
    farthest = np.abs(across).max()
    if method != "LeaveOneOut" and np.abs(across).min() >= 2 * wide:
        # Each end counts alone; the distances are this module's, in its own precision.
        return (16 * EPS * wide + 16 * np.finfo(np.longdouble).eps * farthest) / n
    return 16 * EPS * (wide + farthest + terms_of(x, baseline, weights)) / n


ROUNDING = {
    "Mean": mean_rounding,
    "Variance": variance_rounding,
    "GiniMeanDifference": gini_rounding,
    "Heat": heat_rounding,
}
