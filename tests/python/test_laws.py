"""Axioms and oracles as laws over all value functions, dtypes, layouts, baselines and presences.

Most numbers are multiples of 1/64 of at most 64 in size, and weights multiples of 1/4: composites
are then exact in float32 as well, in any order of summation, so that twins see the same ties.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import aumann
from aumann.coercion import read_features

MAKERS: dict[str, Any] = {
    "mean": aumann.Mean,
    "heat": aumann.Heat,
    "variance": aumann.Variance,
    "gini": aumann.GiniMeanDifference,
}
WEIGHTED = [name for name in reference.NAMES if name != "heat"]
# Contract: per-agent error as a part of the largest attribution, efficiency as a part of their sum.
AGENT_ERROR = {np.float64: 1e-13, np.float32: 1e-6}
RESIDUAL = 1e-12

each_name = pytest.mark.parametrize("name", reference.NAMES)
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])
few = settings(max_examples=20, deadline=None)


@st.composite
def features(
    draw: st.DrawFn, *, steps: bool = False, low: int = 0, agents: int = 40
) -> NDArray[np.float64]:
    shape = (draw(st.integers(1, agents)), draw(st.integers(1, 5)))
    if steps:
        shape = (draw(st.integers(1, 4)), *shape)
    # Few distinct numbers make ties the rule, as counts do.
    high = draw(st.sampled_from([2, 64, 4096]))
    return draw(hnp.arrays(np.int64, shape, elements=st.integers(max(low, -high), high))) / 64


def weights_of(draw: st.DrawFn, name: str, d: int) -> list[float] | None:
    if name == "heat" or draw(st.booleans()):
        return None
    weights = draw(st.lists(st.integers(-16, 16).filter(bool), min_size=d, max_size=d))
    return [w / 4 for w in weights]


def make(name: str, weights: list[float] | None) -> Any:
    return MAKERS[name]() if weights is None else MAKERS[name](weights)


def assert_close(values: Any, twin: Any, scale: float | None = None) -> None:
    error = np.abs(reference.wide(values) - twin).max()
    largest = np.abs(twin).max() if scale is None else scale
    assert error <= AGENT_ERROR[values.dtype.type] * largest


def assert_efficient(result: aumann.Attribution, largest: float = 0.0) -> None:
    limit = RESIDUAL if result.values.dtype == np.float64 else 1e-6
    magnitudes = np.maximum(np.abs(result.values).sum(axis=-1, dtype=np.longdouble), largest)
    assert np.all(np.abs(result.residual) <= limit * magnitudes)
    sums = result.values.sum(axis=-1, dtype=np.longdouble)
    assert np.all(np.abs(sums - result.total) <= limit * magnitudes)


@each_name
@each_dtype
@few
@given(data=st.data())
def test_twin_with_zero_baseline(name: str, dtype: Any, data: st.DataObject) -> None:
    x = data.draw(features(low=0 if name == "heat" else -4096))
    weights = data.draw(st.composite(weights_of)(name, x.shape[1]))
    result = aumann.attribute(x.astype(dtype), make(name, weights))
    assert_close(result.values, reference.aumann_shapley(name, x, 0.0, weights))
    assert_efficient(result)
    # F is sums of products of at most 5 means: a few roundings of its largest intermediate.
    scale = max(1.0, np.abs(reference.composite(x, weights)).max() ** 2)
    assert abs(result.value - reference.value(name, x, weights)) <= 1e-14 * scale
    assert result.baseline_value == 0


@each_name
@each_dtype
@pytest.mark.parametrize("kind", ["scalar", "row", "agents", "mean"])
@few
@given(data=st.data())
def test_twin_with_other_baselines(name: str, dtype: Any, kind: str, data: st.DataObject) -> None:
    x = data.draw(features())
    weights = data.draw(st.composite(weights_of)(name, x.shape[1]))
    baseline: Any = {
        "scalar": 0.75,
        "row": np.arange(x.shape[1]) / 2 - (0 if name == "heat" else 1),
        "agents": reference.comonotone_baseline(x, weights) if name == "gini" else x[::-1] / 2,
        "mean": x.mean(axis=0),
    }[kind]
    result = aumann.attribute(
        x.astype(dtype), make(name, weights), baseline="mean" if kind == "mean" else baseline
    )
    twin = reference.aumann_shapley(name, x, baseline, weights)
    largest = reference.largest_term(name, x, baseline, weights)
    if kind == "mean":
        # Around the mean all may cancel: their scale is then that of the zero baseline.
        largest = max(largest, reference.largest_term(name, x, 0.0, weights))
    assert_close(result.values, twin, largest)
    assert_efficient(result, largest)


@each_name
def test_twin_on_a_thousand_dense_agents(name: str) -> None:
    x = np.random.default_rng(1).lognormal(size=(1000, 3))
    for baseline in (0.0, 0.3, [0.1, 0.2, 0.3]):
        result = aumann.attribute(x, MAKERS[name](), baseline=baseline)
        assert_close(result.values, reference.aumann_shapley(name, x, baseline))
        assert_efficient(result)


def as_record_fields(x: NDArray[Any]) -> list[NDArray[Any]]:
    """Columns of packed records whose fields are off their alignment, by an odd stride."""
    fields = [(f"f{k}", x.dtype) for k in range(x.shape[-1])]
    records = np.zeros(x.shape[:-1], dtype=np.dtype([("tag", "i1"), *fields]))
    for k, (field, _) in enumerate(fields):
        records[field] = x[..., k]
    return [records[field] for field, _ in fields]


def as_read_only(x: NDArray[Any]) -> NDArray[Any]:
    x = x.copy()
    x.flags.writeable = False
    return x


def as_unaligned(x: NDArray[Any]) -> NDArray[Any]:
    raw = np.zeros(x.nbytes + 1, dtype=np.uint8)
    view = raw[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned
    return view


def as_strided(x: NDArray[Any]) -> NDArray[Any]:
    wide = np.full((*x.shape[:-2], 2 * x.shape[-2], 3 * x.shape[-1]), np.nan, dtype=x.dtype)
    wide[..., ::2, ::3] = x
    return wide[..., ::2, ::3]


def as_negative(x: NDArray[Any]) -> NDArray[Any]:
    return x[..., ::-1, ::-1].copy()[..., ::-1, ::-1]


def as_memory_map(x: NDArray[Any]) -> NDArray[Any]:
    with TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", x)
        # The mapping outlives the name of the file.
        return np.load(Path(folder) / "x.npy", mmap_mode="r")


LAYOUTS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "feature planes": lambda x: np.moveaxis(np.moveaxis(x, -1, 0).copy(), 0, -1),
    "strided": as_strided,
    "negative strides": as_negative,
    "read-only": as_read_only,
    "unaligned": as_unaligned,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "memory-mapped": as_memory_map,
    "columns": lambda x: [column.copy() for column in np.moveaxis(x, -1, 0)],
    "strided columns": lambda x: list(np.moveaxis(as_strided(x), -1, 0)),
    "packed record fields": as_record_fields,
}
# What the core cannot read in place.
COPIED = {"unaligned", "big-endian", "packed record fields"}
# Beyond several blocks of the core, so that the direct loops and the general one all see joins.
LAYOUT_X = np.random.default_rng(2).integers(0, 4096, size=(2, 9001, 3)) / 64


@pytest.mark.parametrize("layout", LAYOUTS)
@each_dtype
@each_name
def test_layouts_give_the_same_bits(name: str, dtype: Any, layout: str) -> None:
    x = LAYOUT_X.astype(dtype)
    presence = np.arange(9001) % 7 != 3
    baseline: Any = (
        np.stack([reference.comonotone_baseline(step) for step in x]) if name == "gini" else x / 2
    ).astype(dtype)
    for laid_x, plain in ((LAYOUTS[layout](x), x), (LAYOUTS[layout](x[0]), x[0])):
        for mask in (None, presence):
            expected = aumann.attribute(plain, MAKERS[name](), presence=mask)
            result = aumann.attribute(laid_x, MAKERS[name](), presence=mask)
            np.testing.assert_array_equal(result.values, expected.values)
            np.testing.assert_array_equal(result.statistics, expected.statistics)
    expected = aumann.attribute(x, MAKERS[name](), baseline=baseline)
    result = aumann.attribute(x, MAKERS[name](), baseline=LAYOUTS[layout](baseline))
    np.testing.assert_array_equal(result.values, expected.values)


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - COPIED))
@each_dtype
def test_layouts_are_read_in_place(dtype: Any, layout: str) -> None:
    for plain in (LAYOUT_X.astype(dtype), LAYOUT_X[0].astype(dtype)):
        x = LAYOUTS[layout](plain)
        source = read_features(x).source
        pairs = zip(source, x, strict=True) if isinstance(x, list) else [(source, x)]
        for read, given_ in pairs:
            assert read.ctypes.data == given_.ctypes.data
            assert np.may_share_memory(read, given_)


@each_name
@each_dtype
@few
@given(data=st.data())
def test_symmetry_and_order_of_the_agents(name: str, dtype: Any, data: st.DataObject) -> None:
    x = data.draw(features()).astype(dtype)
    order = data.draw(st.permutations(range(len(x))))
    values = aumann.attribute(x, MAKERS[name]()).values
    # Sums in another order may round otherwise; agents of one run may not differ at all.
    limit = AGENT_ERROR[dtype] * np.abs(values).max()
    shuffled = aumann.attribute(x[order], MAKERS[name]()).values
    np.testing.assert_allclose(shuffled, values[order], rtol=0, atol=limit)
    twice = aumann.attribute(np.concatenate([x, x]), MAKERS[name]()).values
    np.testing.assert_array_equal(twice[: len(x)], twice[len(x) :])


@each_name
@each_dtype
@few
@given(data=st.data())
def test_dummy(name: str, dtype: Any, data: st.DataObject) -> None:
    x = data.draw(features()).astype(dtype)
    idle = data.draw(hnp.arrays(np.bool_, len(x)))
    x[idle] = 0
    assert not aumann.attribute(x, MAKERS[name]()).values[idle].any()
    if name != "gini":
        baseline = np.where(idle[:, None], x, x / 2)
        assert not aumann.attribute(x, MAKERS[name](), baseline=baseline).values[idle].any()


@each_dtype
@few
@given(data=st.data())
def test_linearity(dtype: Any, data: st.DataObject) -> None:
    x = data.draw(features(steps=True)).astype(dtype)
    coefficients = data.draw(st.lists(st.integers(-8, 8), min_size=4, max_size=4))
    functions = [MAKERS[name]() for name in reference.NAMES]
    combination = sum(c * f for c, f in zip(coefficients, functions, strict=True))
    result = aumann.attribute(x, combination)
    parts = [aumann.attribute(x, function) for function in functions]
    expected = sum(c * p.values.astype(float) for c, p in zip(coefficients, parts, strict=True))
    scale = sum(abs(c) * np.abs(p.values).max() for c, p in zip(coefficients, parts, strict=True))
    assert np.abs(result.values - expected).max() <= AGENT_ERROR[dtype] * scale
    value = sum(c * p.value for c, p in zip(coefficients, parts, strict=True))
    limit = 1e-13 * max(1, scale * x.shape[1])
    np.testing.assert_allclose(result.value, value, rtol=0, atol=limit)
    np.testing.assert_allclose(combination.value(x), value, rtol=0, atol=limit)


@each_name
@each_dtype
@few
@given(data=st.data())
def test_absent_agents_leave_no_trace(name: str, dtype: Any, data: st.DataObject) -> None:
    x = data.draw(features(steps=True)).astype(dtype)
    presence = data.draw(hnp.arrays(np.bool_, x.shape[:2]))
    presence[:, data.draw(st.integers(0, x.shape[1] - 1))] = True
    x[~presence] = np.nan
    for baseline in (0.0, "mean", 0.5):
        result = aumann.attribute(x, MAKERS[name](), presence=presence, baseline=baseline)
        assert not result.values[~presence].any()
        for step, (features_, here) in enumerate(zip(x, presence, strict=True)):
            alone = aumann.attribute(features_[here], MAKERS[name](), baseline=baseline)
            np.testing.assert_array_equal(result.values[step, here], alone.values)
            assert result.total[step] == alone.total
    # One mask for all steps.
    x = np.nan_to_num(x)
    one = aumann.attribute(x, MAKERS[name](), presence=presence[0])
    all_ = aumann.attribute(x, MAKERS[name](), presence=np.tile(presence[0], (len(x), 1)))
    np.testing.assert_array_equal(one.values, all_.values)
    np.testing.assert_allclose(MAKERS[name]().value(x, presence[0]), one.value, rtol=1e-13)


@pytest.mark.parametrize("name", WEIGHTED)
@few
@given(data=st.data())
def test_weights_are_factors_of_the_features(name: str, data: st.DataObject) -> None:
    x = data.draw(features(low=-4096))
    weights = data.draw(st.lists(st.integers(-16, 16), min_size=x.shape[1], max_size=x.shape[1]))
    scaled = aumann.attribute(x * weights, MAKERS[name]())
    weighted = aumann.attribute(x, MAKERS[name](weights))
    np.testing.assert_allclose(weighted.values, scaled.values, rtol=1e-13, atol=1e-13)


@each_name
@pytest.mark.parametrize("agents", [1, 2, 255, 256, 257, 4096, 8193])
def test_equal_agents_share_equally(name: str, agents: int) -> None:
    x = np.tile([0.5, 2.0, 1.25], (agents, 1))
    result = aumann.attribute(x, MAKERS[name]())
    assert len(np.unique(result.values)) == 1
    assert_efficient(result)
    if name in ("variance", "gini"):
        assert result.value == 0
        assert not result.values.any()
    else:
        np.testing.assert_allclose(result.shares, 1 / agents, rtol=1e-12)


@each_name
def test_scalar_row_and_agent_baselines_agree(name: str) -> None:
    x = LAYOUT_X
    n = x.shape[1]
    scalar = aumann.attribute(x, MAKERS[name](), baseline=0.5)
    for baseline in (np.full(3, 0.5), np.full((n, 3), 0.5), np.full(x.shape, 0.5)):
        other = aumann.attribute(x, MAKERS[name](), baseline=baseline)
        limit = 1e-13 * np.abs(scalar.values).max()
        np.testing.assert_allclose(other.values, scalar.values, rtol=0, atol=limit)
        np.testing.assert_allclose(other.total, scalar.total, rtol=1e-12)


@each_name
def test_the_mean_of_single_precision_is_kept_in_double(name: str) -> None:
    """Of features near 1,000 that differ by 1e-3, it would be some percent of a move off."""
    x = np.float32(1_000 + 1e-3 * np.random.default_rng(4).random((50, 3)))
    for given_x in (x, np.asfortranarray(x), list(x.T.copy())):
        result = aumann.attribute(given_x, MAKERS[name](), baseline="mean")
        twin = reference.aumann_shapley(name, x, reference.wide(x).mean(axis=0))
        assert np.abs(result.values - twin).max() <= 1e-6 * np.abs(twin).max()
        if name in ("mean", "heat"):
            assert abs(result.total) <= 1e-12 * np.abs(result.value)
    present = np.arange(50) % 3 > 0
    result = aumann.attribute(x, MAKERS[name](), baseline="mean", presence=present)
    some = x[present]
    twin = reference.aumann_shapley(name, some, reference.wide(some).mean(axis=0))
    assert np.abs(result.values[present] - twin).max() <= 1e-6 * np.abs(twin).max()
