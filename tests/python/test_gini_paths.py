"""Gini mean difference from one baseline per agent, in any order, against all pairs in NumPy."""

from fractions import Fraction
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
    one = np.ones(np.shape(x)[1]) if weights is None else np.asarray(weights)
    s, b = (end_of_paths(np.float64(a), one) for a in (x, baseline))
    moves = reference.wide(np.float64(x)) - np.float64(baseline)
    p, q = b[:, None] - b[None, :], s[:, None] - s[None, :]
    size = np.abs(p) + np.abs(q)
    parts = np.divide(p + q, size, out=np.zeros_like(size), where=size > 0)
    return np.asarray(2 * (moves @ one) * parts.sum(axis=1) / len(s) ** 2)


def end_of_paths(rows: Any, one: Any) -> NDArray[np.longdouble]:
    """Composites in float64, equal bits of which are ties: of differences where they are narrow."""
    composites = sum(w * column for w, column in zip(one, rows.T, strict=True))
    if np.ptp(composites) < 0.25 * (np.abs(one * rows[0])).sum():
        return np.asarray((reference.wide(rows) - rows[0]) @ one)
    return reference.wide(composites)


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


@pytest.mark.parametrize("base", [0.0, 5e8, 3e9])
@pytest.mark.parametrize("method", [aumann.Shapley(), aumann.Banzhaf(), aumann.LeaveOneOut()])
def test_coalitions_of_ends_far_apart(base: float, method: Any) -> None:
    generator = np.random.default_rng(9)
    x = 1e9 + 1e-6 * generator.random((60, 3))
    baseline = base + 1e-6 * generator.random(x.shape)
    result = aumann.attribute(x, GINI, method=method, baseline=baseline)
    s, b = ([sum(map(Fraction, row)) for row in rows.tolist()] for rows in (x, baseline))
    n = len(s)
    pairs = range(n)

    def share(i: int, j: int) -> Fraction:
        there = abs(s[i] - s[j]) - abs(b[i] - s[j])
        if isinstance(method, aumann.LeaveOneOut):
            return there
        return (there + abs(s[i] - b[j]) - abs(b[i] - b[j])) / 2

    phi = [2 * sum(share(i, j) for j in pairs if j != i) / n**2 for i in pairs]
    expected = np.array([float(value) for value in phi])
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    ends = ((s, result.value), (b, result.baseline_value))
    for values, found in ends:
        gini = sum(abs(values[i] - values[j]) for i in pairs for j in pairs) / n**2
        assert found == pytest.approx(float(gini), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_offsets_cost_no_digits_and_rounding_ties_do_not_chain(dtype: type) -> None:
    generator = np.random.default_rng(0)
    if dtype is np.float32:
        x = (1000 + 1e-3 * generator.random((2_000, 3))).astype(dtype)
    else:
        x = 1e9 + 1e-6 * (2 * generator.random((2_000, 3)) - 1)
    # Differences of neighbouring numbers are exact, so that the first agent's may be taken off.
    low = np.float64(x) - np.float64(x[0])
    for baseline in (x[::-1], generator.permutation(x), np.nextafter(x, np.inf).astype(dtype)):
        result = aumann.attribute(x, GINI, baseline=baseline)
        from_row = np.float64(baseline) - np.float64(x[0])
        twin = all_pairs(low, from_row)
        accuracy = 1e-6 if dtype is np.float32 else 1e-13
        assert np.abs(result.values - twin).max() <= accuracy * np.abs(twin).max()
        for rows, found in ((low, result.value), (from_row, result.baseline_value)):
            assert found == pytest.approx(reference.value("gini", rows), rel=1e-12)
        assert abs(result.residual) <= accuracy * np.abs(result.values).sum()
    assert result.value > (5e-4 if dtype is np.float32 else 1e-7)
    ranks = np.sign(low.sum(axis=1)[:, None] - low.sum(axis=1)).sum(axis=1)
    for common in (0.0, float(x[0, 0])):
        result = aumann.attribute(x, GINI, baseline=common)
        assert result.value == pytest.approx(reference.value("gini", low), rel=1e-12)
        twin = reference.composite(np.float64(x) - common) * 2 * ranks / len(x) ** 2
        assert np.abs(result.values - twin).max() <= accuracy * np.abs(twin).max()
    assert GINI.value(x) == pytest.approx(reference.value("gini", low), rel=1e-12)


@pytest.mark.parametrize("method", [aumann.Shapley(), aumann.Banzhaf(), aumann.LeaveOneOut()])
@pytest.mark.parametrize("least", [5e-324, -5e-324, 1e-323, -1e-323])
def test_ends_beside_zero_are_told_apart(least: float, method: Any) -> None:
    x = np.array([-2.0, 0.0, -1.0, 0.0, 3.0, -0.0])
    baseline = np.array([-2.0, -least, -1.0, -0.0, 3.0, least])
    result = aumann.attribute(x[:, None], GINI, method=method, baseline=baseline[:, None])
    wanted = reference.value("gini", x[:, None])
    assert (result.value, result.baseline_value) == pytest.approx((wanted, wanted), rel=1e-14)
    assert np.abs(result.values).max() <= 1e-15


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
