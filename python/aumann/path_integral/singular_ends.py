"""Ends of the path at which contributions grow without bound, or all but so."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aumann.path_integral.pieces import Piece
from aumann.path_integral.rules import nested_rule
from aumann.path_integral.samples import Samples

__all__ = ["LONGEST_LEVEL", "singular_order"]

Floats: TypeAlias = NDArray[np.float64]

# Nodes laid towards an end go no further than those of this level do.
LONGEST_LEVEL = 31
# Contributions grow towards the end at least as this power of the distance, and all along as one.
LEAST_POWER, SAME_POWER = 0.04, 0.03
# Of a logarithm the power falls no faster than so from one gap to the next one nearer to the end.
GOING_ON = 0.4
# This part of the contributions next to an end must be of agents who grow from node to node: of
# many who jump, each at a place of its own, the sum grows as well.
OF_THOSE_WHO_GROW = 0.3
# So far from whole numbers a power is no polynomial.
BROKEN_POWER = 0.1
# As a part of the path.
SHORT = 1 / 8
# Serves square roots, fourth roots and logarithms.
USUAL_ORDER = 4
LARGEST_ORDER = 24
# Powers that are so near a fraction are taken for it, of denominators up to 4 or up to 12.
NEARLY, EXACTLY, MOST_EXACT = 0.01, 1e-4, 12


def singular_order(
    piece: Piece, samples: Samples, count: int, nearest: tuple[float, float], hopeless: bool
) -> tuple[NDArray[np.intp], bool]:
    """Return the order in which each step's nodes had better approach an end of the path.

    Parameters
    ----------
    piece : Piece
        Whose nodes are evenly laid.
    samples : Samples
        Contributions at its nodes.
    count : int
        How many nodes.
    nearest : pair of float
        How near the path's start and stop nodes may come, lest rounding merge them with it.
    hopeless : bool
        Whether evenly laid nodes will not do. If they may, contributions must follow a power of
        the distance throughout, as of a root.

    Returns
    -------
    orders : ndarray of int, shape (k,)
        1 where evenly laid nodes are as good.
    at_stop : bool
        Whether it is about the far end.
    """
    plain = np.ones(len(piece.steps), dtype=np.intp)
    if piece.order > 1:
        return plain, False
    nodes = nested_rule().nodes[:count]
    for at_stop in (False, True):
        if (piece.stop != 1) if at_stop else (piece.start != 0):
            continue
        distances = 1 - nodes if at_stop else nodes
        closest = np.argsort(distances)[:3]
        gaps = np.diff(np.log(distances[closest]))
        with np.errstate(divide="ignore", invalid="ignore"):
            sizes = np.log([samples.size_at(int(node)) for node in closest])
            near, far = np.diff(sizes, axis=0) / gaps[:, None]
            same = np.abs(near - far) < SAME_POWER
            powered = same & (
                (near < -LEAST_POWER) | (np.abs(near - np.round(near)) > BROKEN_POWER)
            )
            growing = hopeless & (near < -LEAST_POWER) & (near < GOING_ON * far)
            growing &= samples.growing_at(closest.tolist()) > OF_THOSE_WHO_GROW
            growing |= powered
        if hopeless and piece.width <= SHORT:
            # It is the end that is to blame for what is left, if most happens there.
            growing |= _turns_at(distances, samples.slopes)
        most = _largest_order(nearest[at_stop] / piece.width)
        if most > 1 and growing.any():
            orders = [_order(1 + float(power)) for power in np.where(growing, near, 0.0)]
            return np.where(growing, np.minimum(orders, most), 1), at_stop
    return plain, False


def _turns_at(distances: Floats, slopes: Floats) -> NDArray[np.bool_]:
    """Tell whether slopes (q, k) change most next to an end."""
    order = np.argsort(distances)
    return np.asarray(np.abs(np.diff(slopes[order], axis=0)).argmax(axis=0) == 0)


def _order(power: float) -> int:
    """Return the order that makes a power of the distance a smooth integral."""
    if not 0 < power < USUAL_ORDER:
        return USUAL_ORDER
    few = max(USUAL_ORDER, math.ceil(1 / power))
    for order in range(2, max(few, MOST_EXACT) + 1):
        whole = round(order * power)
        # Higher orders cost nodes, and serve nothing but the very power.
        slack = NEARLY if order <= few else EXACTLY
        if whole >= 1 and abs(power - whole / order) < slack:
            return order
    return max(USUAL_ORDER, math.ceil(2 / power))


def _largest_order(nearest: float) -> int:
    """Return the largest order whose nodes stay further than that from the end of a piece."""
    closest = float(nested_rule().nodes[:LONGEST_LEVEL].min())
    return min(LARGEST_ORDER, int(math.log(min(nearest, 1.0)) / math.log(closest)))
