"""Functions of NumPy arrays and of tensors: one meaning over all methods, and what they return."""

import itertools
import math
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import aumann

X = np.array([[1.0, 2.0], [3.0, 0.5], [2.0, 4.0]])
METHODS = [
    aumann.Shapley(),
    aumann.Banzhaf(),
    aumann.LeaveOneOut(),
    aumann.Shapley(aumann.PermutationSampling(6, seed=1)),
    aumann.Banzhaf(aumann.CoalitionSampling(50, seed=1)),
    aumann.AumannShapley(aumann.PathIntegral(path="agent-order")),
]


def torch_only(x: torch.Tensor) -> torch.Tensor:
    return torch.relu(x[:, 0]).sum() * torch.sigmoid(x[:, 1]).mean()


def numpy_only(x: np.ndarray) -> float:
    return float(np.maximum(x[:, 0], 0).sum() * np.divide(1, 1 + np.exp(-x[:, 1])).mean())


def shapley(function: Any, x: np.ndarray) -> np.ndarray:
    """Shapley values over all orders, agents outside at 0."""
    values = np.zeros(len(x))
    orders = list(itertools.permutations(range(len(x))))
    for order in orders:
        here = np.zeros_like(x)
        before = function(here)
        for agent in order:
            here[agent] = x[agent]
            values[agent] += function(here) - before
            before = function(here)
    return values / len(orders)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("given", [X, torch.from_numpy(X)])
def test_either_kind_of_function_takes_either_kind_of_features(method: Any, given: Any) -> None:
    one, other = (aumann.attribute(given, f, method=method) for f in (torch_only, numpy_only))
    np.testing.assert_allclose(one.values, other.values, rtol=1e-12)
    assert one.total == pytest.approx(numpy_only(X) - numpy_only(0 * X), rel=1e-12)


def test_the_values_are_right() -> None:
    found = aumann.attribute(X, torch_only, method=aumann.Shapley())
    np.testing.assert_allclose(found.values, shapley(numpy_only, X), rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_functions_of_many_steps_take_every_method(method: Any) -> None:
    def many(x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x[:, :, 0]).sum(dim=1) * torch.sigmoid(x[:, :, 1]).mean(dim=1)

    x = np.stack([X, 2 * X])
    one, other = (aumann.attribute(x, f, method=method) for f in (torch_only, many))
    np.testing.assert_allclose(one.values, other.values, rtol=1e-12)


def test_a_function_that_means_two_things_is_told() -> None:
    # torch divides by n - 1, NumPy by n.
    with pytest.warns(UserWarning, match=r"7 for a torch tensor .*torch.as_tensor\(x\)"):
        aumann.attribute(np.array([[1.0], [2.0], [6.0]]), lambda x: x.var())
    of_arrays = aumann.attribute([[1.0], [2.0], [6.0]], lambda x: x.var(), method=aumann.Shapley())
    tensor = torch.tensor([[1.0], [2.0], [6.0]], dtype=torch.float64)
    of_tensors = aumann.attribute(tensor, lambda x: x.var(), method=aumann.Shapley())
    straight = aumann.attribute(tensor, lambda x: x.var())
    assert of_arrays.total == pytest.approx(14 / 3)
    assert of_tensors.total == straight.total == pytest.approx(7)


def test_a_function_that_fails_for_both_says_its_own_words() -> None:
    def wrong(x: Any) -> Any:
        raise KeyError("no feature called reach")

    with pytest.raises(aumann.GameError, match="KeyError: 'no feature called reach'"):
        aumann.attribute(X, wrong, method=aumann.Shapley())


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (1j, "complex"),
        (np.complex64(2), "complex"),
        ("3.5", "dtype <U3"),
        (np.array("3.5"), "dtype <U3"),
        (None, "None"),
        (np.datetime64("2024-01-01"), "datetime64"),
        (np.timedelta64(3, "s"), "timedelta64"),
        ([1.0, 2.0], "one number"),
        (np.ma.masked_array([1.0], [True]), "masked"),
        (np.array(["a", 1], dtype=object)[0], "dtype <U1"),
        ([Fraction(1, 2), "x"], "'x'|dtype"),
    ],
)
@pytest.mark.parametrize("method", METHODS[:4])
def test_what_is_no_real_number_is_refused_and_named(
    returned: Any, message: str, method: Any
) -> None:
    with pytest.raises(aumann.GameError, match=message) as caught:
        aumann.attribute(X, lambda x: returned, method=method)
    assert str(caught.value).count("value_function") == 1
    with pytest.raises(aumann.GameError, match=r"wanted|must"):
        aumann.attribute(aumann.Game(lambda members: [returned] * len(members), 3), method=method)


@pytest.mark.parametrize(
    "number", [Fraction(1, 2), Decimal("0.5"), np.float16(0.5), np.array([0.5]), torch.tensor(0.5)]
)
def test_real_numbers_of_all_kinds_are_read(number: Any) -> None:
    found = aumann.attribute(X, lambda x: number * (x[0, 0] > 0), method=aumann.LeaveOneOut())
    assert found.values.tolist() == [0.5, 0, 0]
    flag = aumann.attribute(X, lambda x: bool(x.sum() > 5), method=aumann.Shapley())
    assert flag.total == 1.0


def test_tensors_of_a_game_are_read() -> None:
    weights = torch.tensor([1.0, 2.0, 4.0], dtype=torch.bfloat16, requires_grad=True)
    game = aumann.Game(lambda c: torch.as_tensor(c.copy()).to(torch.bfloat16) @ weights, 3)
    with pytest.warns(RuntimeWarning, match="reach the rounding"):
        found = aumann.attribute(game, method=aumann.Shapley())
    np.testing.assert_allclose(found.values, [1, 2, 4])
    assert found.error_estimate == 7 * 2.0**-7


def share_of_first(x: Any) -> Any:
    return x[0].sum() / x.sum()


def entropy(x: Any) -> Any:
    p = x[:, 0] / x[:, 0].sum()
    return -(p * p.log()).sum() if isinstance(x, torch.Tensor) else -(p * np.log(p)).sum()


def correlation(x: Any) -> Any:
    return (torch if isinstance(x, torch.Tensor) else np).corrcoef(x.T)[0, 1]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("function", [share_of_first, entropy, correlation])
@pytest.mark.parametrize("method", [aumann.AumannShapley(), *METHODS])
def test_what_is_undefined_at_the_baseline_names_it(function: Any, method: Any) -> None:
    with pytest.raises(ValueError, match="baseline="):
        aumann.attribute(X, function, method=method)


def test_a_numpy_function_needs_no_torch() -> None:
    code = (
        "import sys, aumann\n"
        "r = aumann.attribute([[1.0], [2.0]], lambda x: x.max(), method=aumann.Shapley())\n"
        "assert r.values.tolist() == [0.5, 1.5]\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Network(torch.nn.Module):
    """A mean of encodings in a coarse precision."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encode = torch.nn.Linear(3, 16).to(dtype)
        self.readout = torch.nn.Linear(16, 1).to(dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 50 + self.readout(torch.tanh(self.encode(x)).mean(0))


@pytest.mark.parametrize(
    ("dtype", "spacing"), [(torch.bfloat16, 2.0**-7), (torch.float16, 2.0**-10)]
)
@pytest.mark.parametrize(
    "method",
    [
        aumann.LeaveOneOut(),
        aumann.Shapley(aumann.PermutationSampling(2, seed=0)),
        aumann.Banzhaf(aumann.CoalitionSampling(4, seed=0, reuse=False)),
    ],
)
def test_half_precision_says_what_its_differences_are_worth(
    dtype: torch.dtype, spacing: float, method: Any
) -> None:
    x = np.random.default_rng(0).exponential(size=(40, 3)).astype(np.float32)
    coarse, fine = Network(dtype), Network(torch.float64)
    fine.load_state_dict({k: v.double() for k, v in coarse.state_dict().items()})
    with pytest.warns(RuntimeWarning, match="reach the rounding of the value function"):
        found = aumann.attribute(x, coarse, method=method)
    exact = aumann.attribute(x.astype(np.float64), fine, method=method)
    assert not found.converged
    assert found.error_estimate == pytest.approx(spacing * abs(found.value), rel=0.02)
    assert np.abs(found.values - exact.values).max() <= 2 * found.error_estimate
    assert exact.converged
    assert exact.error_estimate < 1e-13


def test_float32_results_far_from_rounding_are_silent() -> None:
    x = np.random.default_rng(0).random((30, 2), dtype=np.float32)
    found = aumann.attribute(x, lambda x: x.mean(), method=aumann.LeaveOneOut())
    assert found.converged
    assert found.error_estimate == pytest.approx(2.0**-23 * found.value, rel=1e-6)


def test_large_offsets_are_told_in_any_precision() -> None:
    offset = 1e15
    with pytest.warns(RuntimeWarning, match="reach the rounding"):
        found = aumann.attribute(
            np.full((4, 1), 0.3), lambda x: offset + float(x.sum()), method=aumann.Shapley()
        )
    assert found.error_estimate == pytest.approx(offset * 2.0**-52)
    assert math.isclose(found.total, 1.25)
