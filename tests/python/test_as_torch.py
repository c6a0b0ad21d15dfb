"""Torch twins of the value functions, against the core: values, gradients, symmetry, bad input."""

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import aumann
from aumann import GiniMeanDifference, Heat, Mean, Variance, _core, as_torch
from aumann._twins import TorchValueFunction, twin_of
from aumann.value_functions import BuiltIn, ValueFunction, from_name

WEIGHTS = (1.0, -0.5, 2.0)
WEIGHTED = (Mean, Variance, GiniMeanDifference)
BUILT_IN = [from_name(name) for name in _core.value_functions()]
EVERY = [
    *BUILT_IN,
    *(function(WEIGHTS) for function in WEIGHTED),
    2 * Mean() - 0.5 * Heat() + 3 * GiniMeanDifference() - Variance(WEIGHTS),
]


def counts(*shape: int, seed: int = 1) -> NDArray[np.float64]:
    """Log counts, most of them 0: many ties."""
    return np.log1p(np.floor(np.random.default_rng(seed).pareto(1.0, shape)))


def gradient(function: Any, x: Any) -> NDArray[np.float64]:
    point = torch.tensor(x, requires_grad=True)
    (found,) = torch.autograd.grad(function(point).sum(), point)
    return np.asarray(found.numpy())


@pytest.mark.parametrize("function", EVERY, ids=repr)
@pytest.mark.parametrize("shape", [(1, 3), (2, 3), (500, 3), (20_000, 3), (4, 300, 3), (1, 1, 3)])
def test_values(function: ValueFunction, shape: tuple[int, ...]) -> None:
    x = counts(*shape)
    twin, expected = as_torch(function), np.asarray(function.value(x))
    # The terms of a combination cancel.
    scale = sum(np.abs(c * np.asarray(f.value(x))) for c, f in function.terms)
    value = twin(torch.from_numpy(x))
    assert value.shape == expected.shape
    assert value.dtype == torch.float64
    assert (np.abs(value.numpy() - expected) <= 1e-13 * scale).all()
    single = twin(torch.from_numpy(x).float())
    assert single.dtype == torch.float32
    assert (np.abs(single.numpy() - expected) <= 1e-5 * scale).all()
    assert twin(torch.from_numpy(x).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("name", reference.NAMES)
def test_values_at_a_large_offset(name: str) -> None:
    x = 2.0**30 + np.random.default_rng(2).random((600, 1))
    value = as_torch(from_name(name))(torch.from_numpy(x)).item()
    assert value == pytest.approx(reference.value(name, x), rel=1e-11)


@pytest.mark.parametrize("function", BUILT_IN, ids=repr)
def test_twins_of_float32_compute_in_float64(function: BuiltIn) -> None:
    x, twin = counts(5_000, 3).astype(np.float32), twin_of(function)
    value = twin(twin.reduce(torch.from_numpy(x)))
    assert value.dtype == torch.float64
    assert value.item() == pytest.approx(function.value(x), rel=1e-13)


BASELINES: dict[str, Any] = {
    "zero": 0.0,
    "number": 0.25,
    "row": np.array([0.5, 0.0, 1.0]),
    "mean": "mean",
}


@pytest.mark.parametrize("function", [f for f in EVERY if isinstance(f, BuiltIn)], ids=repr)
@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("shape", [(512, 3), (3, 64, 3)])
def test_gradient_along_the_path(function: BuiltIn, name: str, shape: Any) -> None:
    # Dyadic features of 2^k agents: composites, means and middles are exact. Composites that
    # differ in the last bit, as those of log counts do, could meet on the way to a baseline.
    x = np.floor(np.exp(counts(*shape))) / 8
    baseline = BASELINES[name]
    start = x.mean(axis=-2, keepdims=True) if name == "mean" else baseline
    # One node is exact where the gradient is affine along the path, or constant as ranks are.
    nodes, weights = np.polynomial.legendre.leggauss(32 if function.name == "heat" else 1)
    twin = twin_of(function)
    end = twin.reduce(torch.from_numpy(x))
    begin = twin.reduce(torch.from_numpy(np.broadcast_to(start, x.shape).copy()))
    values = torch.zeros(shape[:-1], dtype=torch.float64)
    for node, weight in zip(nodes, weights, strict=True):
        point = begin + (1 + node) / 2 * (end - begin)
        point.requires_grad_()
        (found,) = torch.autograd.grad(twin(point).sum(), point)
        values += weight / 2 * (found * (end - begin)).sum(-1)
    expected = aumann.attribute(x, function, baseline=baseline).values
    np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("function", [*BUILT_IN, Variance([1, 2, 0.5])], ids=repr)
def test_gradient_at_half_of_x(function: BuiltIn) -> None:
    # Dyadic features: halving and adding them up is exact, so ties stay ties.
    x = np.random.default_rng(4).integers(0, 9, (200, 3)) / 4
    if function.name == "heat":
        nodes, weights = np.polynomial.legendre.leggauss(32)
        parts = zip((1 + nodes) / 2, weights / 2, strict=True)
        mean = sum(w * gradient(as_torch(function), node * x) for node, w in parts)
    else:
        mean = gradient(as_torch(function), x / 2)
    expected = aumann.attribute(x, function).values
    np.testing.assert_allclose((mean * x).sum(axis=1), expected, rtol=1e-12, atol=1e-15)


def test_gradient_of_gini_by_hand() -> None:
    x = np.array([[2.0], [5.0], [2.0], [0.0], [5.0]])
    # Mid-ranks 2.5, 4.5, 2.5, 1, 4.5; the gradient is (2 / 25) (2 r - 6).
    expected = np.array([-1, 3, -1, -4, 3]) * 2 / 25
    found = gradient(as_torch(GiniMeanDifference()), x).ravel()
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert found[0] == found[2]
    assert found[1] == found[4]


@pytest.mark.parametrize("function", [Heat(), Variance(WEIGHTS), Heat() + Mean()], ids=repr)
def test_smooth_ones_have_two_derivatives(function: ValueFunction) -> None:
    x = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x[1, :, 0] = 0
    x.requires_grad_()
    assert torch.autograd.gradcheck(as_torch(function), (x,))
    assert torch.autograd.gradgradcheck(as_torch(function), (x,))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from(EVERY))
def test_agents_can_be_reordered(agents: int, seed: int, function: ValueFunction) -> None:
    generator = np.random.default_rng(seed)
    x, order = generator.integers(0, 5, (agents, 3)) / 4, generator.permutation(agents)
    twin = as_torch(function)
    value, turned = twin(torch.from_numpy(x)), twin(torch.from_numpy(x[order]))
    torch.testing.assert_close(value, turned, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(
        gradient(twin, x)[order], gradient(twin, x[order]), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("weights", [None, (0.1, 0.7, -0.3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_composites_have_the_bits_of_the_core(weights: Any, dtype: torch.dtype) -> None:
    x = torch.from_numpy(np.random.default_rng(3).random((237, 3))).to(dtype)
    composites = twin_of(GiniMeanDifference(weights)).reduce(x)
    assert composites.dtype == torch.float64
    alone = [Mean(weights).value(row[None]) for row in x]
    assert composites.tolist() == [[value] for value in alone]
    steps = twin_of(Variance(weights)).reduce(torch.stack([x, x]))
    assert torch.equal(steps, torch.stack([composites, composites]))
    assert twin_of(Heat()).reduce(x) is x


def test_layouts_do_not_matter() -> None:
    x = torch.from_numpy(counts(60, 2, 3)).transpose(0, 1)
    for function in EVERY:
        twin = as_torch(function)
        torch.testing.assert_close(twin(x), twin(x.contiguous()), rtol=1e-13, atol=0)
        torch.testing.assert_close(twin(x)[1], twin(x[1]), rtol=1e-13, atol=0)


def test_what_cannot_be_computed_is_nan() -> None:
    x = torch.ones(4, 2)
    x[2, 1] = torch.nan
    assert all(torch.isnan(as_torch(function)(x)) for function in BUILT_IN)
    assert torch.isnan(as_torch(Heat())(torch.tensor([[-2.0, 1.0]])))


def test_the_object() -> None:
    function = 2 * Mean() + Heat()
    twin = as_torch(function)
    assert isinstance(twin, TorchValueFunction)
    assert twin.value_function is function
    assert repr(twin) == f"as_torch({function!r})"
    assert repr(as_torch(Mean(WEIGHTS))) == "as_torch(Mean(weights=(1.0, -0.5, 2.0)))"
    assert twin == as_torch(Heat() + 2 * Mean()) != as_torch(Heat())
    assert pickle.loads(pickle.dumps(twin)) == twin == copy.deepcopy(twin)
    with pytest.raises(AttributeError):
        twin.value_function = Heat()  # type: ignore[misc]


class Unknown(BuiltIn):
    name = "unknown"

    def __init__(self) -> None:
        object.__setattr__(self, "weights", None)


def test_what_is_no_value_function() -> None:
    for wrong in (3, "mean", None, lambda x: x.sum()):
        with pytest.raises(TypeError, match=r"^value_function: .*, a value function of aumann is"):
            as_torch(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^value_function: the class Mean, an instance is wanted"):
        as_torch(Mean)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no value function by itself"):
        as_torch(ValueFunction())
    with pytest.raises(TypeError, match=r"^value_function: Unknown\(\) has no torch twin"):
        as_torch(Unknown())


@pytest.mark.parametrize("function", EVERY, ids=repr)
def test_bad_tensors(function: ValueFunction) -> None:
    twin = as_torch(function)
    for x, text in (
        (np.ones((4, 3)), "ndarray, a torch tensor"),
        ([[1.0, 2.0, 3.0]], "list, a torch tensor"),
        (torch.ones(4, 3, dtype=torch.int64), "dtype torch.int64, floating-point numbers"),
    ):
        with pytest.raises(TypeError, match=f"^x: {text}"):
            twin(x)  # type: ignore[arg-type]
    for shape, text in (
        ((), r"\(\), \(N, d\) or \(T, N, d\) is wanted"),
        ((3,), r"\(3,\), \(N, d\) or \(T, N, d\) is wanted"),
        ((1, 1, 4, 3), r"\(1, 1, 4, 3\), \(N, d\) or \(T, N, d\) is wanted"),
        ((0, 3), r"\(0, 3\), at least one agent is wanted"),
        ((4, 0), r"\(4, 0\), at least one feature is wanted"),
        ((0, 4, 3), r"\(0, 4, 3\), at least one step is wanted"),
    ):
        with pytest.raises(ValueError, match=f"^x: shape {text}"):
            twin(torch.ones(shape))


def test_weights_for_other_features() -> None:
    with pytest.raises(ValueError, match=r"^weights: 3 numbers for the 2 features of x"):
        as_torch(Variance(WEIGHTS))(torch.ones(4, 2))


def test_without_torch_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import aumann\n"
        "try: aumann.smooth.rank([1.0], temperature=1.0)\n"
        "except TypeError as error: print(error)\n"
        "try: aumann.as_torch(aumann.Mean())\n"
        "except ImportError as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.splitlines() == [
        "x: list, a torch tensor of floating-point numbers is wanted",
        "as_torch needs torch: pip install 'aumann[torch]'",
    ]
