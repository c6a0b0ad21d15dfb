"""Equal values for equal agents, where a gradient picks one of several who are tied.

The gradient of a quantile, of a sorted or of a largest feature is that of one agent, or two, of
all who have the same value: which ones is an accident of their order. Agents with the same features
and baselines whom F does not tell apart get the mean of what they got together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann._ties import mean_by_class, spread_by_class, tie_classes
from aumann.path_integral.evaluation import TorchFunction, same_number, shown
from aumann.path_integral.integrand import Place, contribution
from aumann.path_integral.paths import StraightPath

__all__ = ["Tied", "share_among_tied"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]

# Differences up to this many spacings of the largest value are rounding.
ROUNDING = 64.0
# Where on the path agents are exchanged, and how far apart they then are on it.
PLACES = tuple((k + 0.5) / 16 for k in range(16))
DISTANCES = (0.2, 0.01)
# An exchange must be expected to change F by this many times its rounding to count.
SEEN = 10.0


@dataclass(frozen=True)
class Tied:
    """Values in which agents who are tied and exchangeable have equal ones.

    `doubt` says which agents are tied and have others; None if none are. `evaluations` counts the
    gradients and values that this took.
    """

    values: Floats
    evaluations: int = 0
    doubt: str | None = None


def share_among_tied(
    values: Floats, form: TorchFunction, used: NDArray[np.bool_], path: StraightPath, place: Place
) -> Tied:
    """Return the values of one step, the same for agents whom F cannot tell apart.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        As the gradient has them.
    form : TorchFunction
        F.
    used : ndarray of bool, shape (d,)
        The features that F uses, as far as a gradient tells; the others tell no agents apart.
    path : StraightPath
        The path of one step.
    place : Place
        What errors call its agents.

    Notes
    -----
    O(n log n) where all who are tied have equal values. Where they have not, 16 gradients, and up
    to four values at each, find out whether F tells them apart: agents of one class are moved to
    different points of the path and exchanged, which changes F to first order where their gradients
    truly differ.
    """
    exchange = _Exchange(form, used, path)
    allowed = ROUNDING * exchange.spacing
    spreads = spread_by_class(values, exchange.classes)
    if spreads.max() <= allowed * np.abs(values).max():
        return Tied(values, exchange.evaluations)
    unequal = spreads > allowed * np.abs(values).max()
    if exchange.indifferent(unequal[exchange.classes]):
        return Tied(mean_by_class(values, exchange.classes), exchange.evaluations)
    members = np.flatnonzero(exchange.classes == int(np.argmax(spreads)))
    pair = members[[int(np.argmax(values[members])), int(np.argmin(values[members]))]]
    only = np.zeros(len(values), dtype=np.bool_)
    only[pair] = True
    if exchange.indifferent(only) is False:
        # F tells them apart: they are not equal agents.
        return Tied(values, exchange.evaluations)
    first, second = (place.agent(int(agent)) for agent in pair)
    return Tied(
        values,
        exchange.evaluations,
        f"value_function: agents {first} and {second} have equal features and baselines and got "
        f"{values[pair[0]]:.6g} and {values[pair[1]]:.6g}: at ties the gradient of "
        f"{shown(form.function)} is that of one of several agents (as of quantile, sort, topk and "
        "max), and which of them F treats alike could not be told; a smooth surrogate "
        "(aumann.smooth) treats equals alike",
    )


class _Exchange:
    """The classes of tied agents of a step, and what their exchange does to F."""

    def __init__(self, form: TorchFunction, used: NDArray[np.bool_], path: StraightPath) -> None:
        """Find the agents who are tied in all features that F uses."""
        self.form, self.path = form, path
        self.spacing = max(form.precision.spacing, torch.finfo(path.x.dtype).eps)
        self.draw = np.random.Generator(np.random.Philox(0))
        self.evaluations = 0
        self.used = used if used.any() else ~used
        columns = [path.x[0, :, k] for k in np.flatnonzero(self.used)]
        if path.start is not None and path.start.shape[1] > 1:
            columns += [path.start[0, :, k] for k in np.flatnonzero(self.used)]
        self.classes = tie_classes([column.cpu().numpy() for column in columns])

    def indifferent(self, moved: NDArray[np.bool_]) -> bool | None:
        """Tell whether F stays as it is when agents of one class among those moved are exchanged.

        None where no place on the path has shown it: their gradients are equal at all of them, or
        differ by less than F can show.
        """
        seen = False
        for a in PLACES:
            found = (
                contribution(self._gradients(a), self.path.velocity(a))[0].double().cpu().numpy()
            )
            gap = float(spread_by_class(found[moved], self._classes_of(moved)).max())
            if gap <= ROUNDING * self.spacing * np.abs(found).max():
                continue
            for distance in DISTANCES:
                one, other = self._exchanged(a, distance, moved)
                shown = ROUNDING * self.spacing * float(one.abs())
                if distance * gap <= SEEN * shown:
                    continue
                seen = True
                if not same_number(one, other, self.spacing):
                    return False
        return True if seen else None

    def _classes_of(self, moved: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.asarray(np.unique(self.classes[moved], return_inverse=True)[1])

    def _exchanged(
        self, a: float, distance: float, moved: NDArray[np.bool_]
    ) -> tuple[Tensor, Tensor]:
        """Return F with the moved agents about a, and with those of each class exchanged."""
        agents = np.flatnonzero(moved)
        classes = self.classes[agents]
        # In a random order of each class everybody goes to where the next one was.
        order = np.lexsort((self.draw.random(len(agents)), classes))
        starts = np.flatnonzero(np.diff(classes[order], prepend=-1))
        following = np.arange(1, len(agents) + 1)
        following[np.append(starts[1:], len(agents)) - 1] = starts
        at = np.full(len(moved), a)
        at[agents] = np.clip(a + distance * (self.draw.random(len(agents)) - 0.5), 0, 1)
        exchanged = at.copy()
        exchanged[agents[order]] = at[agents[order[following]]]
        self.evaluations += 2
        one, other = (self.form.values(self._points(at, each)) for each in (at, exchanged))
        return one, other

    def _points(self, at: Floats, used: Floats) -> Tensor:
        """Return features with every agent at a point of the path, those that F uses at another."""
        x = self.path.x
        where = np.where(self.used, used[:, np.newaxis], at[:, np.newaxis])
        parts = torch.from_numpy(where).to(device=x.device, dtype=x.dtype)[None]
        start = torch.zeros_like(x) if self.path.start is None else self.path.start.expand_as(x)
        return torch.lerp(start, x, parts)

    def _gradients(self, a: float) -> Tensor:
        self.evaluations += 1
        return self.form.gradients(self.path.point(a), f" at a = {a:.6g} of the path")[1]
