"""What is measured of a value function before it is attributed, figure by figure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from aumann._differentiable import Differentiable
from aumann._ties import spread_by_class, tie_classes

__all__ = [
    "Features",
    "Interaction",
    "Smoothness",
    "features",
    "interaction",
    "permuted",
    "repeated",
    "smoothness",
    "strength",
    "tied",
    "unequal_ties",
]

# Largest steps first, as parts of a feature's spread; smaller ones drown in float32's rounding.
_STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_STEPS_FLOAT32 = (1e-1, 1e-2, 1e-3)
# A smooth function disagrees by the square of the step. Where a disagreement this large is this
# many times smaller at the next step, a tenth as long, the longer step has crossed a jump or kink.
# Values round more than gradients, so that theirs cannot shrink as far.
_LARGE = 0.05
_SUDDEN_VALUES = 300.0
_SUDDEN_GRADIENTS = 1e4


class Smoothness(NamedTuple):
    """How values, gradients and second derivatives agree under small steps."""

    value_disagreement: float
    gradient_disagreement: float
    crossed: float
    smooth: bool


class Features(NamedTuple):
    """What each feature does to the value: gradients, and changes under resampling."""

    gradient: tuple[float, ...]
    change: tuple[float, ...]
    unused: tuple[int, ...]
    unseen: tuple[int, ...]


class Interaction(NamedTuple):
    """Changes of the value as sets of agents change, alone (single) and together (mixed)."""

    ratio: float
    single: float
    negligible: bool


def repeated(function: Differentiable, first: float) -> float:
    """Return by how much one more evaluation at x differs from the first.

    Examples
    --------
    >>> repeated(Differentiable(lambda x: x.sum(), [[1.0], [3.0]]), 4.0)
    0.0
    """
    return abs(function.value(function.x, "at x, evaluated again") - first)


def permuted(
    function: Differentiable, value: float, count: int, draw: np.random.Generator
) -> float:
    """Return the largest change of the value over random orders of the agents.

    Examples
    --------
    >>> import numpy as np
    >>> first = Differentiable(lambda x: x[0, 0], [[1.0], [3.0]])
    >>> permuted(first, 1.0, 8, np.random.default_rng(0))
    2.0
    """
    x = function.x
    largest = 0.0
    for _ in range(count):
        order = function.torch.as_tensor(draw.permutation(len(x)), device=x.device)
        change = function.value(x[order], "at permuted agents") - value
        largest = max(largest, abs(change))
    return largest


def tied(function: Differentiable) -> float:
    """Return the share of agents who have a feature's value in common with another, at most.

    Examples
    --------
    >>> tied(Differentiable(lambda x: x.sum(), [[0.0], [0.0], [1.0], [2.0]]))
    0.5
    """
    most = 0
    for column in function.x.T:
        counts = function.torch.unique(column, return_counts=True)[1]
        most = max(most, int(counts[counts > 1].sum()))
    return most / len(function.x)


def unequal_ties(function: Differentiable) -> float:
    """Return the largest difference of gradients between agents tied in all features with any.

    Relative to the largest gradient. It is not 0 where autograd picks one of those who are tied.

    Examples
    --------
    >>> unequal_ties(Differentiable(lambda x: x[:, 0].max(dim=0).values, [[2.0], [2.0], [1.0]]))
    1.0
    """
    gradient = function.gradient().double().cpu().numpy()
    used = np.flatnonzero(np.any(gradient != 0, axis=0))
    if used.size == 0:
        return 0.0
    x = function.x.cpu().numpy()
    classes = tie_classes([x[:, k] for k in used])
    spread = max(float(spread_by_class(gradient[:, k], classes).max()) for k in used)
    return spread / float(np.abs(gradient).max())


def smoothness(function: Differentiable, count: int, draw: np.random.Generator) -> Smoothness:
    """Compare differences with derivatives, along random directions and steps of several lengths.

    A direction v moves every feature up or down by its spread, at random for each agent; every
    second one moves a feature of all agents the same way, by random amounts. Along it, central
    differences of F are compared with g.v: a part cut off from the gradient disagrees at every
    step, a jump at those that cross it. Central differences of the gradient g are compared with
    H v: a kink, where g jumps, disagrees; the differences shrink in proportion to the step for
    a crowd of kinks as well, as in ranks of many agents, but not towards H v. A smooth function
    disagrees by the square of the step.

    Examples
    --------
    >>> import numpy as np
    >>> cubes = Differentiable(lambda x: (x**3).mean(), [[1.0], [3.0], [4.0]])
    >>> smoothness(cubes, 2, np.random.default_rng(0)).smooth
    True
    """
    torch, x = function.torch, function.x
    spread = _spread(function)
    gradient = function.gradient()
    value = function.value(x, "at x")
    typical = _norm(gradient * spread)
    vectors = [_direction(function, draw, row % 2 == 1) * spread for row in range(count)]
    steps = _STEPS if x.dtype == torch.float64 else _STEPS_FLOAT32
    of_values, roundings, of_gradients = np.empty((3, count, len(steps)))
    # All products first: the graph they need is gone before gradients are taken elsewhere.
    products = list(function.products(vectors))
    for row, (v, product) in enumerate(zip(vectors, products, strict=True)):
        slope = float((gradient * v).sum(dtype=torch.float64))
        curvature = max(_norm(product * spread), typical)
        for column, h in enumerate(steps):
            up, down = x + h * v, x - h * v
            values = [function.value(point, None) for point in (up, down)]
            quotient = (values[0] - values[1]) / (2 * h)
            one_sided = max(abs(each - value) for each in values) / h
            rounding = function.epsilon * max(map(abs, (value, *values))) / h
            against = max(abs(slope), typical, one_sided)
            of_values[row, column] = _ratio(abs(quotient - slope), against)
            roundings[row, column] = _ratio(rounding, against)
            bend = (function.gradient(up) - function.gradient(down)) / (2 * h) - product
            of_gradients[row, column] = _ratio(_norm(bend * spread), curvature)
    # What is not finite lies outside the domain of F, which says nothing of F inside.
    of_values, of_gradients = (
        np.where(np.isfinite(figures), figures, math.nan) for figures in (of_values, of_gradients)
    )
    crossed = max(
        _crossed(of_values, np.maximum(of_values, roundings), _SUDDEN_VALUES, steps),
        _crossed(of_gradients, of_gradients, _SUDDEN_GRADIENTS, steps),
    )
    value_disagreement = _worst(np.maximum(of_values - roundings, 0))
    gradient_disagreement = _worst(of_gradients)
    smooth = (
        crossed == 0
        and value_disagreement <= function.epsilon ** (1 / 3)
        and gradient_disagreement <= function.epsilon ** (1 / 5)
    )
    return Smoothness(value_disagreement, gradient_disagreement, crossed, smooth)


def _worst(figures: Any) -> float:
    """Return the largest over directions of the smallest over steps."""
    return float(np.where(np.isnan(figures), math.inf, figures).min(axis=1).max())


def _crossed(figures: Any, floored: Any, sudden: float, steps: tuple[float, ...]) -> float:
    """Return the shortest step whose disagreement all but vanishes at the next one, or 0."""
    longer, shorter = figures[:, :-1], floored[:, 1:]
    found = ((longer > _LARGE) & (longer > sudden * shorter)).any(axis=0)
    return float(min(np.array(steps[:-1])[found], default=0.0))


def features(
    function: Differentiable, value: float, scale: float, count: int, draw: np.random.Generator
) -> Features:
    """Return what each feature does to the value.

    The gradient is the root mean square over agents of dF/dx_k; the change is that of F over
    draws of the feature's column from its own values, with replacement, which shows a dependence
    by jumps too.

    Examples
    --------
    >>> import numpy as np
    >>> second = Differentiable(lambda x: x[:, 1].mean(), [[1.0, 2.0], [3.0, 5.0]])
    >>> features(second, 3.5, 1.0, 4, np.random.default_rng(0)).unused
    (0,)
    """
    x = function.x
    slopes = function.gradient().double().square().mean(0).sqrt().cpu().numpy()
    changes = np.zeros(x.shape[1])
    for k in range(x.shape[1]):
        for _ in range(count):
            rows = function.torch.as_tensor(draw.integers(len(x), size=len(x)), device=x.device)
            moved = x.clone()
            moved[:, k] = x[rows, k]
            found = function.value(moved, f"with feature {k} resampled among agents")
            changes[k] += (found - value) ** 2 / count
    changes = np.sqrt(changes)
    scaled = slopes * _spread(function).double().cpu().numpy()
    sloped = scaled > tolerance(function) * scaled.max(initial=0.0)
    moved_value = changes > tolerance(function) * scale
    return Features(
        tuple(slopes.tolist()),
        tuple(changes.tolist()),
        tuple(np.flatnonzero(~sloped & ~moved_value).tolist()),
        tuple(np.flatnonzero(~sloped & moved_value).tolist()),
    )


def strength(
    function: Differentiable, count: int, draw: np.random.Generator
) -> tuple[float, float, bool]:
    """Return the strength of cross-agent second derivatives, its error, and if they vanish.

    v is random signs on a random half S of the agents, every agent in it with chance 1/2, and 0
    elsewhere. Outside S the product H v holds cross-agent terms only, and each pair of agents is
    seen with chance 1/4, so 4 times the mean of its squared norm is the sum of their squares
    without bias.

    Examples
    --------
    >>> import numpy as np
    >>> product = Differentiable(lambda x: x.prod(), [[1.0], [1.0]])
    >>> strength(product, 400, np.random.default_rng(0))[0].__round__(1)
    1.0
    """
    x = function.x
    agents, width = x.shape
    if agents == 1:
        return 0.0, 0.0, True
    across, within = np.empty((2, count))
    halves = [draw.integers(2, size=agents, dtype=np.int8) for _ in range(count)]
    for row, product in enumerate(function.products(_on_halves(function, halves, draw))):
        inside = function.torch.as_tensor(halves[row], device=x.device).bool()[:, None]
        across[row] = 4 * _norm(product * ~inside) ** 2
        within[row] = _norm(product * inside) ** 2
    gradient = _norm(function.gradient())
    mean = float(across.mean())
    unit = math.sqrt(agents * (agents - 1)) * width * gradient / math.sqrt(agents * width)
    found = _ratio(math.sqrt(mean), unit)
    error = 0.0 if count > 1 and mean == 0 else math.nan
    if mean > 0 and count > 1:
        # The error of a root is half that of its square, relatively.
        error = found * float(across.std(ddof=1)) / math.sqrt(count) / (2 * mean)
    spread = _spread(function).double()
    own = math.sqrt(within.mean()) + gradient / _norm(spread) * math.sqrt(width)
    # Where second derivatives are not finite they say nothing of agents, and the ratio is NaN.
    return found, error, math.isnan(found) or math.sqrt(mean) <= tolerance(function) * own


def _on_halves(
    function: Differentiable, halves: list[Any], draw: np.random.Generator
) -> Iterator[Any]:
    for half in halves:
        inside = function.torch.as_tensor(half, device=function.x.device)
        yield _signs(function, draw) * inside[:, None]


def interaction(
    function: Differentiable, value: float, count: int, draw: np.random.Generator
) -> Interaction:
    """Return mixed differences of F relative to single ones, root mean squares over draws.

    A draw takes two disjoint sets A and B, each a third of the agents, and gives all members of a
    set the row of one random agent outside it: F(AB) - F(A) - F(B) + F(x) against F(A) - F(x) and
    F(B) - F(x). One row for all makes changes as large as F itself, at any number of agents.

    Examples
    --------
    >>> import numpy as np
    >>> total = Differentiable(lambda x: x.exp().sum(), [[1.0], [3.0], [4.0]])
    >>> interaction(total, total.value(total.x, None), 4, np.random.default_rng(0)).negligible
    True
    """
    torch, x = function.torch, function.x
    agents = len(x)
    if agents == 1:
        return Interaction(0.0, 0.0, True)
    size = max(1, agents // 3)
    mixed, single, largest = 0.0, 0.0, abs(value)
    for _ in range(count):
        order = draw.permutation(agents)
        sets = order[:size], order[size : 2 * size]
        outside = (
            np.concatenate([sets[1], order[2 * size :]]),
            np.delete(order, slice(size, 2 * size)),
        )
        both = x.clone()
        found = []
        for members, others in zip(sets, outside, strict=True):
            row = x[int(others[draw.integers(len(others))])]
            alone = x.clone()
            index = torch.as_tensor(members, device=x.device)
            alone[index] = row
            both[index] = row
            found.append(function.value(alone, "with rows of other agents"))
        together = function.value(both, "with rows of other agents")
        mixed += (together - found[0] - found[1] + value) ** 2 / count
        single += ((found[0] - value) ** 2 + (found[1] - value) ** 2) / (2 * count)
        largest = max(largest, abs(together), *map(abs, found))
    mixed, single = math.sqrt(mixed), math.sqrt(single)
    rounding = 16 * function.epsilon * largest
    negligible = mixed <= tolerance(function) * single + rounding
    ratio = math.nan if mixed == single == 0 else _ratio(mixed, single)
    return Interaction(ratio, single, negligible)


def tolerance(function: Differentiable) -> float:
    """Return up to which part of what matters a figure is rounding.

    Examples
    --------
    >>> tolerance(Differentiable(lambda x: x.sum(), [[1.0]])) < 1e-10
    True
    """
    return float(function.epsilon ** (2 / 3))


def _ratio(part: float, whole: float) -> float:
    if whole == 0:
        return 0.0 if part == 0 else math.inf
    return part / whole


def _norm(x: Any) -> float:
    return float(x.double().square().sum().sqrt())


def _signs(function: Differentiable, draw: np.random.Generator) -> Any:
    return _tensor(function, draw.integers(2, size=tuple(function.x.shape), dtype=np.int8) * 2 - 1)


def _direction(function: Differentiable, draw: np.random.Generator, together: bool) -> Any:
    if not together:
        return _signs(function, draw)
    agents, width = function.x.shape
    return _tensor(function, (draw.integers(2, size=width) * 2 - 1) * draw.random((agents, width)))


def _tensor(function: Differentiable, numbers: Any) -> Any:
    return function.torch.as_tensor(numbers, dtype=function.x.dtype, device=function.x.device)


def _spread(function: Differentiable) -> Any:
    """Return how widely each feature varies over agents: its size where it does not, 1 for 0."""
    x = function.x
    spread = x.std(0, correction=0)
    size = x.abs().mean(0)
    spread = spread.where(spread > function.epsilon * size, size)
    return spread.where(spread > 0, function.torch.ones_like(spread))
