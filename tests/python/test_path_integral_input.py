"""Torch functions that cannot be integrated, and what they are told."""

import re
import sys

import numpy as np
import pytest
import torch
from torch_functions import along

import aumann

X = np.random.default_rng(0).random((6, 2)) + 0.5


def tell(function, x=X, **how) -> str:
    with pytest.raises((TypeError, ValueError)) as caught:
        aumann.attribute(x, function, **how)
    return f"{caught.type.__name__}: {caught.value}"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.sum(dim=0), r"ValueError: .*returned shape \(2,\) for features of shape"),
        (lambda x: (x + 0j).sum(), "TypeError: .*complex128, a real number is wanted"),
        (lambda x: torch.as_tensor(np.asarray(x).sum()), "ValueError: .*NumPy arrays take Shapley"),
        (lambda x: float(x.sum()), "TypeError: .*returned float for a tensor.*NumPy arrays take"),
        (lambda x: x.sum().detach(), "ValueError: .*without a gradient by the features"),
        (lambda x: x.new_tensor(3.0), "ValueError: .*without a gradient by the features"),
        (np.var, "ValueError: .*failed for a tensor.*TypeError.*NumPy arrays take Shapley"),
        (lambda x: x[:, 5].sum(), r"ValueError: .*shape \(6, 2\).*IndexError: index 5 is out"),
        (lambda x: (x[0, 0] / X[0, 0] - 0.5).abs().log(), "ValueError: .*is -inf at a = 0.5 of"),
        (lambda x: (x.mean() - 0.1).sqrt(), "ValueError: .*is nan at a = 0 of the path"),
        (torch.nn.Linear, "TypeError: value_function: the class Linear, an instance is wanted"),
        (torch.nn.Linear(3, 1), "ValueError: value_function: Linear failed.*cannot be multiplied"),
    ],
)
def test_functions_that_will_not_do(function, message):
    told = tell(function)
    assert re.search(message, told, re.DOTALL), told


def test_an_infinite_gradient_is_placed():
    told = tell(
        lambda x: x.sqrt().sum(), method=along(rule="trapezoid", nodes=3), x=np.stack([X, X])
    )
    assert "not finite (inf) at a = 0 of the path from the baseline to x, step 0, agent 0" in told
    assert "a rule without nodes at the ends is wanted" in told


@pytest.mark.parametrize("stepped", [False, True])
def test_features_that_are_not_finite_are_placed(stepped):
    x = np.stack([X, X]) if stepped else X.copy()
    x[(..., 3, 1) if not stepped else (1, 3, 1)] = np.nan
    where = "step 1, agent 3, feature 1" if stepped else "agent 3, feature 1"
    assert tell(torch.sum, x) == f"ValueError: x: nan at {where}, finite numbers are wanted"
    baseline = np.zeros(x.shape[-2:])
    baseline[2, 0] = np.inf
    assert "baseline: inf at " in tell(torch.sum, np.ones_like(x), baseline=baseline)


def test_tensors_without_numbers_to_attribute():
    assert "x: torch.int64, floating-point numbers" in tell(torch.sum, torch.ones(3, 2).long())
    assert "x: Tensor cannot be read" in tell(torch.sum, torch.ones(3, 2, device="meta"))
    assert "x: dtype complex64" in tell(torch.sum, torch.ones(3, 2, dtype=torch.complex64))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this is about machines without CUDA")
def test_cuda_without_cuda_is_the_functions_own_error():
    assert "failed for a tensor of shape" in tell(lambda x: x.cuda().sum())


@pytest.mark.parametrize("pooled", [False, True])
def test_no_memory_names_what_limits_it(pooled):
    def greedy(x):
        return torch.empty(2**55).sum() + x

    function = (
        aumann.PooledValueFunction(greedy, torch.sum, chunk=2)
        if pooled
        else lambda x: greedy(x).sum()
    )
    with pytest.raises(MemoryError, match=r"PathIntegral\(max_bytes=.*chunk="):
        aumann.attribute(X, function)


def test_values_that_change_are_warned_of():
    module = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Dropout(0.5)).double()

    def dropping(x):
        return module(x).mean()

    with (
        pytest.warns(RuntimeWarning, match="for the same features: dropout in training mode"),
        pytest.warns(RuntimeWarning, match="did not converge"),
    ):
        aumann.attribute(X, dropping, method=along(max_evaluations=20))
    module.eval()
    assert aumann.attribute(X, dropping).converged


def test_paths_that_lead_elsewhere():
    def told(path):
        return tell(torch.sum, baseline=0.25, method=along(path=path))

    assert "at a = 0 it misses the baseline by up to 0.1" in told(
        lambda a, b, x: b + 0.1 + a * (x - b - 0.1)
    )
    assert "at a = 1 it misses x by up to" in told(lambda a, b, x: b + a * (x - b) / 2)
    assert "returned int, a tensor of shape (6, 2)" in told(lambda a, b, x: 3)
    assert "returned (6,), a tensor of shape (6, 2)" in told(lambda a, b, x: x[:, 0])
    assert "path: has no derivative by a" in told(lambda a, b, x: b + a.item() * (x - b))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rule": "simpson"}, ValueError, "rule: 'simpson', one of gauss-kronrod"),
        ({"nodes": 5}, ValueError, "nodes: 5, but the adaptive rule finds its own"),
        ({"rule": "midpoint", "nodes": 0}, ValueError, "nodes: 0, a number from 1"),
        ({"rule": "trapezoid", "nodes": 1}, ValueError, "nodes: 1, a number from 2"),
        ({"rule": "midpoint", "nodes": 2.0}, TypeError, "nodes: 2.0, an integer"),
        ({"tolerance": 0}, ValueError, "tolerance: 0, a number above 0"),
        ({"tolerance": "1"}, TypeError, "tolerance: '1', a number"),
        ({"path": "curved"}, ValueError, "path: 'curved', 'straight', 'agent-order' or"),
        ({"seed": -1}, ValueError, "seed: -1"),
        ({"max_evaluations": 2}, ValueError, "max_evaluations: 2, at least 3"),
        ({"max_bytes": 0}, ValueError, "max_bytes: 0"),
    ],
)
def test_estimators_that_cannot_be(arguments, error, message):
    with pytest.raises(error, match=message):
        aumann.PathIntegral(**arguments)


def test_an_estimator_of_another_method_is_refused():
    with pytest.raises(TypeError, match="PathIntegral is wanted for AumannShapley"):
        aumann.AumannShapley(aumann.PermutationSampling(2))
    with pytest.raises(TypeError, match="wanted for Shapley"):
        aumann.Shapley(aumann.PathIntegral())


def test_without_torch_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"follows its gradient, needs torch: .*aumann\[torch\]"):
        aumann.attribute(X, lambda x: x.sum())
    with pytest.raises(ImportError, match=r"aumann\[torch\]"):
        aumann.attribute(X, aumann.Mean(), method=along())


def test_nothing_is_left_in_the_parameters_of_a_module():
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Flatten(0)).double()
    before = {name: value.clone() for name, value in module.state_dict().items()}

    def mean(x):
        return module(x).mean()

    with torch.no_grad(), torch.inference_mode():
        aumann.attribute(X, mean)
    assert all(parameter.grad is None for parameter in module.parameters())
    assert all(torch.equal(before[name], now) for name, now in module.state_dict().items())


@pytest.mark.parametrize("method", [aumann.LeaveOneOut(), along(path="agent-order")], ids=repr)
def test_values_that_change_are_warned_of_without_a_gradient_too(method):
    module = torch.nn.Sequential(torch.nn.Flatten(0), torch.nn.Dropout(0.5), torch.nn.Linear(12, 1))
    with pytest.warns(RuntimeWarning, match="training mode"):
        aumann.attribute(X, module, method=method)


def test_a_module_in_training_is_warned_of_even_if_its_value_stays():
    module = torch.nn.Sequential(
        torch.nn.BatchNorm1d(2), torch.nn.Flatten(0), torch.nn.Linear(12, 1)
    )
    with pytest.warns(RuntimeWarning, match=r"training mode, in which BatchNorm1d mixes agents"):
        aumann.attribute(X, module, method=along(tolerance=0.1))
    aumann.attribute(X, module.eval(), method=along(tolerance=0.1))


def test_encodings_that_look_at_other_agents_are_refused():
    x = np.random.default_rng(1).normal(size=(200, 2))
    function = aumann.PooledValueFunction(
        lambda x: (x - x.mean(dim=0)).square(), torch.sum, chunk=50
    )
    assert "gives agents other rows among others than alone" in tell(function, x)
    cubes = aumann.PooledValueFunction(lambda x: x[..., None] * x[..., None, :], torch.sum)
    assert "encode: <lambda> returned (200, 2, 2)" in tell(cubes, x)


def test_the_dtype_of_a_closure_is_explained():
    module = torch.nn.Linear(2, 1)
    told = tell(lambda x: module(x).mean())
    assert "functions get the dtype of x, modules that of their parameters" in told
