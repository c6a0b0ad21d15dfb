"""Smooth stand-ins: closed forms in NumPy, stated error bounds, two derivatives, extreme input."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aumann import smooth

ALONG = (smooth.maximum, smooth.rank, smooth.sort)
EVERY = (*ALONG, smooth.absolute, smooth.indicator, smooth.positive_part)
# Whole and quarter numbers make ties.
ENTRIES = st.one_of(
    st.integers(-4, 4).map(float),
    st.integers(-40, 40).map(lambda k: k / 4),
    st.floats(-1e3, 1e3, allow_subnormal=False),
)
LISTS = st.lists(ENTRIES, min_size=1, max_size=30)
TEMPERATURES = st.one_of(st.floats(1e-3, 1e3), st.sampled_from([1e-9, 1e9]))


def tensor(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def sorted_by_hand(x: Any, t: float) -> Any:
    n = len(x)
    difference = x[:, None] - x[None, :]
    distances = (np.sqrt(difference**2 + (t / n) ** 2) - t / n).sum(axis=1)
    logits = ((2 * np.arange(1, n + 1) - n - 1)[:, None] * x - distances) / t
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (weights * x).sum(axis=1) / weights.sum(axis=1)


BY_HAND: dict[Callable[..., torch.Tensor], Callable[[Any, float], Any]] = {
    smooth.maximum: lambda x, t: t * np.log(np.exp(x / t).sum()),
    smooth.positive_part: lambda x, t: t * np.log1p(np.exp(x / t)),
    smooth.indicator: lambda x, t: 1 / (1 + np.exp(-x / t)),
    smooth.absolute: lambda x, t: np.sqrt(x**2 + t**2) - t,
    smooth.rank: lambda x, t: 0.5 + (1 / (1 + np.exp((x - x[:, None]) / t))).sum(axis=1),
    smooth.sort: sorted_by_hand,
}


@pytest.mark.parametrize("function", EVERY)
@pytest.mark.parametrize("t", [0.2, 1, Fraction(5, 2), np.float32(4.0)])
def test_formulas(function: Any, t: Any) -> None:
    x = np.random.default_rng(1).normal(size=9)
    expected = BY_HAND[function](x, float(t))
    np.testing.assert_allclose(function(tensor(x), temperature=t), expected, rtol=1e-12)
    single = function(tensor(x).float(), temperature=t)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("function", EVERY)
def test_two_derivatives(function: Any) -> None:
    # Ties and zeros are where what it stands in for has a kink.
    for values in ([0.5, -1.0, 0.5, 0.0, 2.0], [0.0, 0.0, 0.0], [[1.0, 2.0], [2.0, -0.3]]):
        x = tensor(values).requires_grad_()

        def at(x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = function(x, temperature=0.7)
            return result

        assert torch.autograd.gradcheck(at, (x,))
        assert torch.autograd.gradgradcheck(at, (x,))


@pytest.mark.parametrize(
    ("function", "first", "second"),
    [(smooth.absolute, 0, 4), (smooth.positive_part, 0.5, 1), (smooth.indicator, 1, 0)],
)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_derivatives_at_zero(function: Any, first: float, second: float, zero: float) -> None:
    x = tensor(zero).requires_grad_()
    (gradient,) = torch.autograd.grad(function(x, temperature=0.25), x, create_graph=True)
    (curvature,) = torch.autograd.grad(gradient, x)
    assert (gradient.item(), curvature.item()) == (first, second)


@settings(max_examples=150, deadline=None)
@given(LISTS, TEMPERATURES)
def test_error_bounds(values: list[float], t: float) -> None:
    x, n = tensor(values), len(values)
    rounding = 1e-15 * (t + x.abs().max().item())

    above = smooth.maximum(x, temperature=t) - x.max()
    assert 0 <= above <= t * math.log(n) + rounding
    above = smooth.positive_part(x, temperature=t) - x.clamp(min=0)
    assert (above >= -rounding).all()
    assert (above <= t * math.log(2) + rounding).all()
    off = (smooth.indicator(x, temperature=t) - (x > 0).double()).abs()
    assert (off <= torch.exp(-x.abs() / t) + 1e-15).all()
    below = x.abs() - smooth.absolute(x, temperature=t)
    assert (below >= -rounding).all()
    assert (below <= t + rounding).all()
    places = smooth.sort(x, temperature=t)
    off = (places - x.sort().values).abs()
    assert (off <= t * math.log(n) + 10 * n * rounding).all()


@settings(max_examples=100, deadline=None)
@given(LISTS, TEMPERATURES)
def test_ranks(values: list[float], t: float) -> None:
    x, n = tensor(values), len(values)
    ranks = smooth.rank(x, temperature=t)
    assert ranks.sum().item() == pytest.approx(n * (n + 1) / 2, rel=1e-14)
    array = x.numpy()
    below = (array[:, None] > array).sum(axis=1)
    equal = (array[:, None] == array).sum(axis=1)
    apart = np.exp(-np.abs(array[:, None] - array) / t).sum(axis=1) - equal
    middle = below + (equal + 1) / 2
    assert (np.abs(ranks.numpy() - middle) <= apart + 1e-13 * n).all()
    for value in set(values):
        np.testing.assert_allclose(ranks[x == value], ranks[x == value][0], rtol=1e-14)


def test_sort_at_its_worst_keeps_the_bound() -> None:
    # One entry below n - 1 tied ones: the weights that maximise the error are of this kind.
    for n in (2, 3, 30):
        gap = torch.linspace(0.01, 12, 300, dtype=torch.float64).unsqueeze(-1)
        x = gap * (torch.arange(n) > 0)
        error = (smooth.sort(x, temperature=1.0) - x).abs().max().item()
        assert 0.25 * math.log(n) < error <= math.log(n)


@pytest.mark.parametrize("function", EVERY)
def test_leading_dimensions_are_apart(function: Any) -> None:
    x = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    whole = function(x, temperature=0.5)
    rows = [[function(row, temperature=0.5) for row in step] for step in x]
    torch.testing.assert_close(whole, torch.stack([torch.stack(step) for step in rows]))
    if function in ALONG:
        turned = function(x.movedim(2, 0), temperature=0.5, dim=0)
        torch.testing.assert_close(turned if turned.ndim == 2 else turned.movedim(0, 2), whole)
        with pytest.raises(IndexError):
            function(x, temperature=0.5, dim=3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("t", [1e-30, 1e-3, 1.0, 1e30])
@pytest.mark.parametrize("function", EVERY)
def test_extreme_input_stays_finite(function: Any, t: float, dtype: torch.dtype) -> None:
    x = torch.tensor([-1e30, -1e4, 0.0, 1e-36, 2.0, 3.0, 1e30], dtype=dtype, requires_grad=True)
    value = function(x, temperature=t)
    assert torch.isfinite(value).all()
    if t < 1e-3:
        return  # Derivatives are of the order of 1 / t^2, beyond float32.
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    (curvature,) = torch.autograd.grad(gradient.sum(), x)
    assert torch.isfinite(gradient).all()
    assert torch.isfinite(curvature).all()


def test_large_numbers_keep_their_size() -> None:
    largest = torch.finfo(torch.float32).max
    x = torch.tensor([-largest, 1e30, largest])
    assert torch.equal(smooth.absolute(x, temperature=1.0), x.abs())
    root = smooth.absolute(x[2], temperature=largest).item() / largest
    assert root == pytest.approx(math.sqrt(2) - 1, rel=1e-6)
    assert torch.equal(smooth.positive_part(x, temperature=1.0), x.clamp(min=0))
    assert smooth.maximum(x, temperature=1.0) == largest
    small = smooth.absolute(torch.tensor(1e-6), temperature=1.0).item()
    assert small == pytest.approx(5e-13, rel=1e-6)


def test_weights_of_places_do_not_depend_on_the_origin() -> None:
    gradients = []
    for origin in (0.0, 2.0**20):
        x = (origin + torch.tensor([0.0, 0.75, 0.5, 1.0])).requires_grad_()
        value = smooth.sort(x, temperature=0.1)
        gradients += torch.autograd.grad(value @ torch.arange(4.0), x)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("function", EVERY)
def test_bad_input(function: Any) -> None:
    for x, text in (
        (np.ones(3), "ndarray"),
        ([1.0], "list"),
        (torch.arange(3), "dtype torch.int64"),
        (torch.ones(3, dtype=torch.bool), "dtype torch.bool"),
        (torch.ones(3, dtype=torch.complex64), "dtype torch.complex64"),
    ):
        with pytest.raises(TypeError, match=f"^x: {text}, "):
            function(x, temperature=1.0)
    x = torch.ones(3)
    for wrong in (None, "1", True, 1j, torch.tensor(1.0)):
        with pytest.raises(TypeError, match=r"^temperature: .*, a number above 0 is wanted"):
            function(x, temperature=wrong)
    for t in (0, -1.0, math.nan, math.inf, 10**400):
        with pytest.raises(ValueError, match=r"^temperature: \S+, a number above 0 is wanted"):
            function(x, temperature=t)
    for t in (1e-40, 1e39):
        with pytest.raises(ValueError, match=r"^temperature: 1e\S+, a number from 1.18e-38 to"):
            function(x, temperature=t)
    with pytest.raises(TypeError, match="temperature"):
        function(x)
