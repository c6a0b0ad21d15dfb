"""Where to part a piece on which one polynomial will not do."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

__all__ = ["parting"]

Floats: TypeAlias = NDArray[np.float64]

# A slope changes at a kink by so much more than next to it, and by this part of all its changes.
ISOLATED, OF_ALL = 2.0, 0.3
# Lines and cubics that meet this near one another, as a part of the gap, mean the same kink.
SAME_KINK = 0.25
# No parting is nearer an end of a piece, as a part of it.
MARGIN = 1e-9


def parting(nodes: Floats, values: Floats, slopes: Floats, ends: tuple[float, float]) -> float:
    """Return where on [0, 1] to part a piece: at a kink of F, if its values and slopes show one.

    Parameters
    ----------
    nodes : ndarray, shape (count,)
        In any order.
    values, slopes : ndarray, shape (count,)
        F and its derivative there.
    ends : pair of float
        F at 0 and at 1.

    Notes
    -----
    F is continued from both sides of the gap in which its slope jumps, and parted where the two
    meet, which is exact where it is a polynomial of degree 3 on either side. A kink between an end
    and the node next to it is cut off with its gap. Without a kink the middle is as good as any.

    Examples
    --------
    >>> nodes = np.array([0.5, 0.1, 0.9, 0.3, 0.7])
    >>> round(parting(nodes, np.maximum(nodes - 0.6, 0), 1.0 * (nodes > 0.6), (0.0, 0.4)), 12)
    0.6
    """
    order = np.argsort(nodes)
    v, f, g = nodes[order], values[order], slopes[order]
    jumps = np.abs(np.diff(g))
    beside = np.maximum(np.append(jumps[1:], 0), np.insert(jumps[:-1], 0, 0))
    gap = int(np.argmax(jumps - beside))
    if jumps[gap] > max(ISOLATED * beside[gap], OF_ALL * jumps.sum()):
        meeting = _meeting(v, f, g, gap)
        if meeting is not None and MARGIN < meeting < 1 - MARGIN:
            return meeting
    # What the polynomial through the slopes makes of the gaps at both ends.
    integral = legendre.legint(np.linalg.solve(legendre.legvander(2 * v - 1, len(v) - 1), g)) / 2
    at, known = np.concatenate([[0], v, [1]]), np.concatenate([[ends[0]], f, [ends[1]]])
    apart = np.abs(np.diff(known) - np.diff(legendre.legval(2 * at - 1, integral)))
    if max(apart[0], apart[-1]) > apart[1:-1].sum():
        return float(v[0] if apart[0] > apart[-1] else v[-1])
    return 0.5


def _meeting(v: Floats, f: Floats, g: Floats, gap: int) -> float | None:
    """Return where F, continued from both sides of a gap, meets itself."""
    left, right = v[gap], v[gap + 1]
    bend = g[gap] - g[gap + 1]
    line = (f[gap + 1] - f[gap] + g[gap] * left - g[gap + 1] * right) / bend
    if not left < line < right:
        return None
    if gap == 0 or gap + 2 == len(v):
        return float(line)
    sides = (slice(gap - 1, gap + 1), slice(gap + 1, gap + 3))
    first, second = (_cubic(v[side] - line, f[side], g[side]) for side in sides)
    roots = np.roots((first - second)[::-1])
    real = roots[np.abs(roots.imag) < 1e-9].real + line
    near = real[(real > left) & (real < right)]
    near = near[np.abs(near - line) < SAME_KINK * (right - left)]
    return float(near[np.argmin(np.abs(near - line))]) if len(near) else float(line)


def _cubic(v: Floats, f: Floats, g: Floats) -> Floats:
    """Return the coefficients of the cubic with two values and two slopes."""
    powers = np.vander(v, 4, increasing=True)
    slopes = np.stack([np.zeros(2), np.ones(2), 2 * v, 3 * v**2], axis=1)
    return np.asarray(np.linalg.solve(np.concatenate([powers, slopes]), np.concatenate([f, g])))
