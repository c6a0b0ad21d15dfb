"""What a level of the nested rule says of a piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aumann.path_integral.rules import LEVELS, Level, nested_rule
from aumann.path_integral.samples import Seen

__all__ = ["Verdict", "is_hopeless"]

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

# Coefficients that fall less than this from one window to the next will not get there.
HOPELESS = 0.6
# From so many nodes on the whole path their fall says where they will get to.
TELLING = 15


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a level says of a piece, per step: within the tolerance, or never to be.

    `missed` is by how much F is not what the nodes make of it, at the end or in between, where
    `surprises` are the places of the path (else NaN); `seen` is what was found, if the agents had
    to be looked at.
    """

    accepted: Mask
    hopeless: Mask
    missed: Floats
    surprises: Floats
    seen: Seen | None


def is_hopeless(last: Floats, before: Floats, level: Level, longest: int, allowed: Floats) -> Mask:
    """Tell whether coefficients will not have fallen far enough at the longest level."""
    end = next(each for each in nested_rule().levels if each.count == longest)
    ratio = last / np.maximum(before, np.finfo(np.float64).tiny)
    power = (end.degree + 1 - level.count) / len(level.high) + 1
    with np.errstate(over="ignore"):
        short = last * np.minimum(ratio, 1) ** power > allowed
    # Parts of the path are parted more cheaply than the whole.
    told = level.count >= TELLING or longest < LEVELS[-1]
    return np.asarray((ratio > HOPELESS) | (short & told))
