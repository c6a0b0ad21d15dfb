"""Random calls of the verb, each told by a seed and a number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import aumann

# Numbers whose composites are exact, so that ties are ties in any arithmetic.
TIED = ("integers", "halves", "sparse", "equal", "zeros")
# Few digits differ beside the magnitude of all.
OFFSET = ("offset 1e3", "offset 1e6", "offset 1e9")
ANY = ("uniform", "normal", "log counts", "decades", "outlier", "huge", "tiny", "subnormal")


@dataclass
class Case:
    """One call, and dense float copies of what it is given."""

    number: int
    kind: str
    terms: list[tuple[float, str, list[float] | None]]
    method: str
    x: NDArray[Any]  # (T, N, d), in the verb's type
    baseline: Any  # as given
    rows: NDArray[Any]  # the baseline as (T, N, d)
    presence: NDArray[np.bool_] | None
    layout: str
    given: Any = field(repr=False, default=None)

    def __str__(self) -> str:
        shape, dtype = self.x.shape, self.x.dtype
        there = "" if self.presence is None else ", presence"
        named = self.baseline if isinstance(self.baseline, str | aumann.Step) else ""
        return (
            f"case {self.number}: {self.terms} {self.method} of {self.kind} {dtype}{shape} in "
            f"{self.layout} layout, baseline {named or np.shape(self.baseline)}{there}"
        )


def numbers(rng: np.random.Generator, kind: str, shape: tuple[int, ...], single: bool) -> Any:
    largest = 37 if single else 300
    unit = rng.random(shape)
    signs = rng.choice([-1.0, 1.0], shape)
    made = {
        "integers": lambda: rng.integers(-3, 5, shape) + 0.0,
        "halves": lambda: rng.integers(-40, 80, shape) / 8,
        "sparse": lambda: rng.integers(0, 9, shape) * (unit < 0.2) * signs,
        "equal": lambda: np.broadcast_to(rng.integers(-3, 5, shape[-1]) + 0.0, shape),
        "zeros": lambda: unit * 0.0 * signs,
        "offset 1e3": lambda: 1e3 + 1e-3 * unit,
        "offset 1e6": lambda: rng.integers(1, 9, shape[-1]) * 1e6 + unit,
        "offset 1e9": lambda: 1e9 + 1e-6 * (2 * unit - 1),
        "uniform": lambda: unit,
        "normal": lambda: rng.normal(size=shape),
        "log counts": lambda: np.log1p(np.floor(rng.pareto(1.0, shape))),
        "decades": lambda: 10.0 ** rng.uniform(-12, 12, shape),
        "outlier": lambda: np.where(unit == unit.max(), 1e12, unit),
        "huge": lambda: 10.0 ** rng.uniform(largest - 3, largest) * unit,
        "tiny": lambda: 10.0 ** -rng.uniform(largest - 3, largest) * unit,
        "subnormal": lambda: rng.integers(-50, 99, shape) * (1e-44 if single else 5e-324),
    }
    return np.asarray(made[kind](), np.float32 if single else np.float64).copy()


def laid_out(rng: np.random.Generator, layout: str, x: NDArray[Any]) -> Any:
    """The same numbers, otherwise in memory."""
    if layout == "F":
        return np.asfortranarray(x)
    if layout == "strided":
        wider = np.full((*x.shape[:-1], 2 * x.shape[-1] + 1), np.nan, x.dtype)
        wider[..., 1::2] = x
        return wider[..., 1::2]
    if layout == "reversed":
        return np.ascontiguousarray(x[..., ::-1, :])[..., ::-1, :]
    if layout == "swapped":
        return x.astype(x.dtype.newbyteorder())
    if layout == "columns" and x.ndim == 2:
        return [x[:, k].copy() for k in range(x.shape[1])]
    if layout == "read-only":
        x = x.copy()
        x.setflags(write=False)
    return x


# How often each value function is drawn.
FUNCTIONS = {"Mean": 1, "Variance": 2, "GiniMeanDifference": 5, "Heat": 2}


def draw(seed: int, number: int, functions: Sequence[str] = tuple(FUNCTIONS)) -> Case:
    rng = np.random.Generator(np.random.Philox(key=[seed, number]))
    single = rng.random() < 0.35
    kind = str(rng.choice(TIED + OFFSET + ANY))
    often = np.array([FUNCTIONS[name] for name in functions])
    name = str(rng.choice(functions, p=often / often.sum()))
    method = str(rng.choice(["AumannShapley", "Shapley", "Banzhaf", "LeaveOneOut"]))
    n = int(rng.choice([1, 2, 3, rng.integers(4, 9), rng.integers(9, 60), rng.integers(60, 300)]))
    if name == "Heat":
        n = min(n, 7 if method in ("Shapley", "Banzhaf") else 60)
    d = int(rng.choice([1, 2, 3, 4, rng.integers(5, 9), rng.integers(9, 51)]))
    steps = int(rng.choice([0, 0, 1, 2, 3]))
    shape = (max(steps, 1), n, d)
    x = numbers(rng, kind, shape, single)
    if rng.random() < 0.2 and n > 2:
        # Equal agents among the others.
        twins = rng.integers(0, n, (2, n // 2))
        x[:, twins[0]] = x[:, twins[1]]
    presence = None
    if rng.random() < 0.3:
        presence = rng.random((shape[0], n)) < 0.7
        presence[np.arange(shape[0]), rng.integers(0, n, shape[0])] = True
    baseline, rows = draw_baseline(rng, kind, x, single, presence)
    terms = draw_terms(rng, kind, name, d)
    layout = str(
        rng.choice(["C", "C", "F", "strided", "reversed", "columns", "swapped", "read-only"])
    )
    if presence is None and rng.random() < 0.15:
        baseline, rows = draw_named_baseline(rng, kind, x, steps, baseline, rows)
    if presence is not None:
        x = np.where(presence[..., None], x, np.nan)
    given = laid_out(rng, layout, x if steps else x[0])
    case = Case(number, kind, terms, method, x, baseline, rows, presence, layout, given)
    if not steps:
        if np.ndim(baseline) == 3:
            case.baseline = baseline[0]
        if presence is not None:
            case.presence = presence[0]
    return case


def draw_baseline(
    rng: np.random.Generator,
    kind: str,
    x: NDArray[Any],
    single: bool,
    presence: NDArray[np.bool_] | None,
) -> tuple[Any, NDArray[Any]]:
    way = str(rng.choice(["zero", "scalar", "row", "other", "reversed", "scaled", "near", "same"]))
    if way == "zero":
        return 0.0, np.zeros_like(x)
    if way == "scalar":
        number = float(x.ravel()[0]) if rng.random() < 0.5 else float(rng.integers(-2, 3))
        return number, np.full_like(x, number)
    if way == "row":
        row = np.asarray(x[0, rng.integers(x.shape[1])], np.float64)
        return row, np.broadcast_to(row, x.shape).astype(x.dtype)
    if way == "other":
        rows = numbers(rng, kind, x.shape, single)
    elif way == "reversed":
        rows = x[:, ::-1].copy()
    elif way == "scaled":
        rows = x * x.dtype.type(0.5)
    elif way == "near":
        rows = np.nextafter(x, rng.choice([-1, 1], x.shape).astype(x.dtype) * np.inf)
        rows = np.asarray(rows, x.dtype)
    else:
        rows = x.copy()
    given = rows
    if presence is not None:
        given = np.where(presence[..., None], rows, np.nan)
    return given, rows


def draw_named_baseline(
    rng: np.random.Generator,
    kind: str,
    x: NDArray[Any],
    steps: int,
    baseline: Any,
    rows: NDArray[Any],
) -> tuple[Any, NDArray[Any]]:
    """A baseline that is made of x, where there is one."""
    if steps > 1 and rng.random() < 0.5:
        return "previous", np.concatenate([x[:1], x[:-1]])
    if steps > 1:
        number = int(rng.integers(steps))
        return aumann.Step(number), np.broadcast_to(x[number], x.shape).copy()
    if kind in (*TIED, "uniform", "normal"):
        # Of numbers that differ little beside their size the rounding of a mean is no small part.
        mean = x.astype(np.longdouble).mean(axis=1, keepdims=True).astype(np.float64)
        return "mean", np.broadcast_to(mean, x.shape)
    return baseline, rows


def draw_terms(
    rng: np.random.Generator, kind: str, name: str, d: int
) -> list[tuple[float, str, list[float] | None]]:
    def weights(name: str) -> list[float] | None:
        if name == "Heat" or rng.random() < 0.6:
            return None
        if kind in TIED:
            return [float(w) for w in rng.choice([-1.0, 0.0, 0.5, 1.0, 2.0], d)]
        return [float(w) for w in rng.uniform(0.2, 2, d)]

    terms = [(1.0, name, weights(name))]
    if rng.random() < 0.1:
        other = "Mean" if name != "Mean" else "Variance"
        terms.append((float(rng.choice([0.5, -1.0, 3.0])), other, weights(other)))
    return terms
