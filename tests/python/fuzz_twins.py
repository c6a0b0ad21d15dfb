"""What the verb has to answer, in extended precision or more: all pairs, all coalitions.

One step, all agents present: x and the baseline have shape (n, d). Features are taken from the
first agent's where differences alone count, so that an offset of all agents costs no digits.
"""

import math
from typing import Any

import mpmath
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
    if not product > -1:
        raise Refused("heat below -1")
    with mpmath.workprec(400):
        return mpmath.log1p(product)


def heat(method: str, x: Any, baseline: Any, weights: Any) -> tuple[Wide, Any, Any]:
    # Sums of numbers of any size are exact; what is made of them has 400 bits.
    with mpmath.workprec(2_200):
        x, baseline = (
            [[mpmath.mpf(float(a)) for a in row] for row in rows] for rows in (x, baseline)
        )
        n = len(x)
        ends = [
            [mpmath.fsum(column) for column in zip(*rows, strict=True)] for rows in (x, baseline)
        ]
        values = [heat_of(product(sums, n)) for sums in ends]
        if method == "AumannShapley":
            gradient = heat_gradient(*ends, n)
            phi = [
                mpmath.fsum((a - b) * g for a, b, g in zip(*rows, gradient, strict=True)) / n
                for rows in zip(x, baseline, strict=True)
            ]
        elif method == "LeaveOneOut":
            phi = [
                values[0] - heat_of(product(moved(ends[0], *rows), n))
                for rows in zip(baseline, x, strict=True)
            ]
        else:
            phi = heat_marginals(method, ends[1], x, baseline)
    return wide(phi), *wide(values)


def wide(numbers: Any) -> Wide:
    """From many digits to those of extended precision."""
    high = [float(number) for number in numbers]
    low = [float(number - first) for number, first in zip(numbers, high, strict=True)]
    return np.array(high, np.longdouble) + np.array(low, np.longdouble)


def product(sums: Any, n: int) -> Any:
    with mpmath.workprec(400):
        return mpmath.fprod(each / n for each in sums)


def moved(sums: Any, to: Any, away: Any) -> Any:
    return [each + new - old for each, new, old in zip(sums, to, away, strict=True)]


def heat_marginals(method: str, start: Any, x: Any, baseline: Any) -> Any:
    """Over all coalitions: bit i of a coalition's number tells whether agent i belongs to it."""
    n = len(x)
    sums = [start]
    for rows in zip(x, baseline, strict=True):
        sums += [moved(each, *rows) for each in sums]
    values = [heat_of(product(each, n)) for each in sums]
    phi = []
    for i in range(n):
        terms = []
        for coalition in range(2**n):
            if coalition >> i & 1:
                continue
            size = bin(coalition).count("1")
            shapley = n * math.comb(n - 1, size)
            marginal = values[coalition | 1 << i] - values[coalition]
            terms.append(marginal / (shapley if method == "Shapley" else 2 ** (n - 1)))
        phi.append(mpmath.fsum(terms))
    return phi


def heat_gradient(end: Any, start: Any, n: int) -> Any:
    """Integrals of dF/dmean_k along the path: panels that shrink towards both of its ends.

    Both halves are read from their own ends, so that nothing cancels near the other.
    """
    change = wide([(a - b) / n for a, b in zip(end, start, strict=True)])
    ends = wide([each / n for each in start]), wide([each / n for each in end])
    sizes = np.abs(np.concatenate([*ends, [1.0]]))
    depth = 64 + np.log2(np.abs(change).max() + 1) - np.log2(sizes[sizes > 0].min())
    cuts = np.append(0, np.longdouble(2.0) ** np.arange(-min(int(depth), 1_300), 0))
    [total] = wide([heat_of(product(end, n)) - heat_of(product(start, n))])
    for parts in (1, 8):
        within = np.arange(parts) / np.longdouble(parts)
        finer = np.append((cuts[:-1, None] + np.diff(cuts)[:, None] * within).ravel(), cuts[-1])
        gradient = sum(
            half_gradient(first, sign * change, finer)
            for first, sign in zip(ends, (1, -1), strict=True)
        )
        if abs((change * gradient).sum() - total) <= 1e-14 * np.abs(change * gradient).sum():
            return [mpmath.mpf(float(g)) + mpmath.mpf(float(g - float(g))) for g in gradient]
    raise ArithmeticError("not resolved by this quadrature")


def half_gradient(first: Wide, change: Wide, cuts: Wide) -> Wide:
    """The integral from an end of the path to its middle, by panels between the cuts."""
    middle, half = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts) / 2
    at = (middle[:, None] + half[:, None] * NODES).ravel()
    weights = (half[:, None] * WEIGHTS).ravel()
    # Products exceed even this range: mantissas and exponents apart.
    mantissas, exponents = np.frexp(first + at[:, None] * change)
    whole, power = np.frexp(mantissas.prod(axis=1))
    power = power + exponents.sum(axis=1)
    small = np.ldexp(whole, np.clip(power, -9_000, 9_000))
    if not (small > -0.99).all():
        raise ArithmeticError("too near the end of the domain for this quadrature")
    others = np.ones_like(mantissas)
    others[:, 1:] = mantissas[:, :-1].cumprod(axis=1)
    others[:, :-1] *= mantissas[:, :0:-1].cumprod(axis=1)[:, ::-1]
    # Of large products the 1 beside them says nothing.
    large = power > 9_000
    rest = others / np.where(large, whole, 1 + small)[:, None]
    power = exponents.sum(axis=1) - np.where(large, power, 0)
    power = np.clip(power[:, None] - exponents, -16_000, 16_000)
    return np.asarray((weights[:, None] * np.ldexp(rest, power)).sum(axis=0))


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
    """Of sums over the features, whose terms may cancel: by gradients on the path or at its end."""
    means = x.mean(axis=0)
    if method not in ("AumannShapley", "LeaveOneOut"):
        # Marginal contributions are rounded, and may cancel.
        n = len(x)
        members = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)
        means = np.where(members[..., None], x, baseline).mean(axis=1)
        values = np.log1p(means.prod(axis=1))
        finite = values[np.isfinite(values)]
        spread = np.ptp(finite) if finite.size else 0.0
        return 4 * EPS * spread + 64 * EPS**2
    if method == "AumannShapley":
        means = (means + baseline.mean(axis=0)) / 2
    others = np.array([np.delete(means, k).prod() for k in range(len(means))])
    gradient = np.abs(others / (1 + means.prod()))
    terms = (np.abs(x - baseline) @ gradient).max() / len(x)
    return 16 * EPS * terms if np.isfinite(terms) else 0.0


def inexact(x: Wide, baseline: Wide, weights: Any) -> bool:
    """Whether sums in float64 are rounded, so that they need not tie where the numbers do."""
    for rows in (x, baseline):
        columns = zip(weights, np.float64(rows).T, strict=True)
        if (sum(w * column for w, column in columns) != composites(rows, weights)).any():
            return True
        sizes = np.abs(rows[rows != 0])
        if sizes.size and sizes.max() > 2.0**40 * sizes.min():
            # Nor are sums of differences, of whichever precision.
            return True
    return False


def gini_rounding(method: str, x: Wide, baseline: Wide, weights: Any, dtype: Any) -> Any:
    n, d = x.shape
    wide = spread(x, weights) + spread(baseline, weights)
    if method == "AumannShapley":
        # What rounding ties, tells apart or turns round: a part of -1 may be 1.
        eps = 2 * np.finfo(dtype).eps + d * EPS
        near = eps * composites(np.maximum(np.abs(x), np.abs(baseline)), np.abs(weights))
        near = near + 2 * d * np.longdouble(np.finfo(float).smallest_subnormal)
        p, q = pairs(baseline, baseline, weights), pairs(x, x, weights)
        size = np.maximum(np.abs(p), np.abs(q))
        close = (size <= 2 * near[:, None]) & ((size > 0) | inexact(x, baseline, weights))
        close = close.sum(axis=1)
        difference = np.abs(composites(x - baseline, weights))
        slack = 4 * difference * close / n**2
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
