"""Gini mean difference from one baseline per agent, in any order, against all pairs in NumPy."""

from typing import Any

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import aumann

GINI = aumann.GiniMeanDifference()
# Few values make ties in x, in the baseline, in both. All are dyadic, so that composites are exact.
NUMBERS = st.one_of(
    st.integers(-3, 3).map(float), st.integers(-320, 320).map(lambda k: k / 64), st.just(-0.0)
)


@st.composite
def paths(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 3)))
    size = shape[0] * shape[1]
    rows = st.lists(NUMBERS, min_size=size, max_size=size)
    x, baseline = (np.array(draw(rows)).reshape(shape) for _ in range(2))
    twins = draw(st.lists(st.integers(0, shape[0] - 1), max_size=5))
    return np.concatenate([x, x[twins]]), np.concatenate([baseline, baseline[twins]])


def all_pairs(x: Any, baseline: Any, weights: Any = None) -> NDArray[np.longdouble]:
    """phi_i = (2 / n^2) (s_i - b_i) sum_j (p + q) / (|p| + |q|), 0/0 = 0."""
    # Composites in float64, as the core forms them: equal bits are ties.
    one = np.ones(np.shape(x)[1]) if weights is None else np.asarray(weights)
    s, b = (
        sum(w * column for w, column in zip(one, np.float64(a).T, strict=True))
        for a in (x, baseline)
    )
    s, b = reference.wide(s), reference.wide(b)
    p, q = b[:, None] - b[None, :], s[:, None] - s[None, :]
    size = np.abs(p) + np.abs(q)
    parts = np.divide(p + q, size, out=np.zeros_like(size), where=size > 0)
    return np.asarray(2 * (s - b) * parts.sum(axis=1) / len(s) ** 2)


def assert_agrees(x: Any, baseline: Any, **arguments: Any) -> None:
    weights = arguments.pop("weights", None)
    function = aumann.GiniMeanDifference(weights)
    result = aumann.attribute(x, function, baseline=baseline, **arguments)
    twin = all_pairs(x, baseline, weights)
    moves = reference.composite(np.abs(np.asarray(x) - baseline), weights and np.abs(weights))
    largest = 2 * float(moves.max()) / len(moves) + 1e-300
    tolerance = 1e-6 if result.values.dtype == np.float32 else 1e-13
    assert np.abs(result.values - twin).max() <= tolerance * largest
    scale = len(moves) * largest + result.value + result.baseline_value
    assert abs(result.residual) <= tolerance * scale
    rows = np.concatenate([np.asarray(x), np.asarray(baseline)], axis=1) + 0.0
    for values in {tuple(row) for row in rows}:
        assert len(set(result.values[(rows == values).all(axis=1)])) == 1


@settings(max_examples=150, deadline=None)
@given(paths())
def test_twin_of_any_baseline(path: tuple[NDArray[Any], NDArray[Any]]) -> None:
    x, baseline = path
    assert_agrees(x, baseline)
    assert_agrees(baseline, x, weights=[1.0, -0.5, 2.0][: x.shape[1]])
    assert_agrees(x.astype(np.float32), baseline.astype(np.float32))


@pytest.mark.parametrize("kind", ["reversed", "shuffled", "counts", "a few change", "far", "wide"])
def test_twin_on_two_thousand_agents(kind: str) -> None:
    generator = np.random.default_rng(5)
    x = generator.lognormal(size=(2_000, 2))
    counts = np.floor(generator.pareto(1.2, (2, 2_000, 2)))
    baseline = {
        "reversed": -x,
        "shuffled": generator.permutation(x),
        "counts": np.log1p(counts[0]),
        "a few change": np.where(np.arange(2_000)[:, None] % 9 == 0, generator.permutation(x), x),
        "far": 1e6 + 1e-3 * generator.random(x.shape),
        "wide": np.exp(60 * generator.random(x.shape) - 30),
    }[kind]
    assert_agrees(np.log1p(counts[1]) if kind == "counts" else x, baseline)


def test_the_attribution_is_the_integral_of_the_gradient() -> None:
    generator = np.random.default_rng(6)
    s, b = generator.random((2, 30))
    phi = aumann.attribute(s[:, None], GINI, baseline=b[:, None]).values
    path = b + (np.arange(20_000)[:, None] + 0.5) / 20_000 * (s - b)
    ranks = path.argsort(axis=1).argsort(axis=1) + 1
    expected = (s - b) * (2 * (2 * ranks - 31) / 30**2).mean(axis=0)
    np.testing.assert_allclose(phi, expected, atol=2e-5)


def test_absent_agents_and_steps() -> None:
    generator = np.random.default_rng(7)
    x, baseline = generator.integers(0, 6, (2, 3, 200, 2)).astype(float)
    presence = generator.random((3, 200)) < 0.7
    whole = aumann.attribute(
        np.where(presence[..., None], x, np.nan), GINI, baseline=baseline, presence=presence
    )
    for t, here in enumerate(presence):
        alone = aumann.attribute(x[t, here], GINI, baseline=baseline[t, here])
        np.testing.assert_array_equal(whole.values[t, here], alone.values)
        assert not whole.values[t, ~here].any()
        assert whole.total[t] == alone.total


def test_the_change_between_steps_and_back_are_opposite() -> None:
    generator = np.random.default_rng(8)
    before, after = np.floor(generator.pareto(1.0, (2, 5_000, 1)))
    there = aumann.attribute(after, GINI, baseline=before)
    back = aumann.attribute(before, GINI, baseline=after)
    np.testing.assert_allclose(there.values, -back.values, rtol=1e-12, atol=1e-15)
    assert there.total == pytest.approx(GINI.value(after) - GINI.value(before), rel=1e-12)


def test_baselines_that_cannot_be_subtracted_are_refused() -> None:
    x, baseline = np.array([[1.7e308], [-1.7e308], [0.0]]), np.array([[-1.7e308], [1.7e308], [0.0]])
    with pytest.raises(ValueError, match="exceed the range of float64"):
        aumann.attribute(x, GINI, baseline=baseline)
