"""What `check_value_function` takes, refuses and prints."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch

import aumann

ROWS = [[0.5, 0.2, 1.0], [3.0, 1.0, 0.3], [1.0, 2.0, 0.7], [2.0, 0.4, 0.1], [0.1, 0.9, 2.0]]


def product_of_means(x):
    return x.mean(0).prod()


class Pooled(torch.nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.encode = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh())
        self.dropout = torch.nn.Dropout(dropout)
        self.readout = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh())

    def forward(self, x):
        return self.readout(self.dropout(self.encode(x)).mean(0)).sum()


class Attending(torch.nn.Module):
    """Attention whose fused kernel has a first derivative only, on CPUs."""

    def __init__(self):
        super().__init__()
        self.fused = True
        self.encode = torch.nn.Linear(3, 16)
        self.attend = torch.nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x):
        rows = self.encode(x)[None]
        return self.attend(rows, rows, rows, need_weights=not self.fused)[0].mean(1).tanh().sum()


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * 3 * x**2


def test_dropout_in_training_is_not_repeatable():
    torch.manual_seed(0)
    network = Pooled(dropout=0.5)
    check = aumann.check_value_function(network, ROWS)
    assert not check.repeatable
    assert check.repeat_difference > 0
    assert ".eval()" in repr(check)
    check = aumann.check_value_function(network.eval(), ROWS)
    assert check.repeatable
    assert check.repeat_difference == 0
    assert ".eval()" not in repr(check)


def test_a_state_that_drifts_is_seen_though_two_calls_in_a_row_agree():
    calls = []

    def drifting(x):
        calls.append(None)
        return x.sum() + (len(calls) > 5)

    assert not aumann.check_value_function(drifting, ROWS).repeatable


def test_a_module_keeps_the_dtype_of_its_parameters():
    torch.manual_seed(0)
    network = Pooled()
    double = torch.tensor(ROWS, dtype=torch.float64)
    check = aumann.check_value_function(network, double)
    assert check.dtype == "float32"
    assert check.smooth
    assert check.value_function == "Pooled"
    assert aumann.check_value_function(network.double(), double.float()).dtype == "float64"


def test_otherwise_float32_tensors_alone_are_evaluated_in_float32():
    tensor = torch.tensor(ROWS)
    assert aumann.check_value_function(product_of_means, tensor).dtype == "float32"
    for x in (ROWS, np.float32(ROWS), tensor.double(), tensor.half()):
        assert aumann.check_value_function(product_of_means, x).dtype == "float64"


@pytest.mark.parametrize(
    "x",
    [
        np.array(ROWS),
        np.asfortranarray(ROWS),
        list(np.array(ROWS).T.copy()),
        torch.tensor([ROWS], dtype=torch.float64),
        torch.tensor(ROWS, dtype=torch.float64, requires_grad=True),
        pd.DataFrame(ROWS),
    ],
    ids=["array", "Fortran order", "columns", "one step", "requires grad", "table"],
)
def test_every_form_of_the_features_gives_the_same(x):
    plain = aumann.check_value_function(product_of_means, ROWS)
    check = aumann.check_value_function(product_of_means, x)
    assert dataclasses.replace(check, features=plain.features) == plain


def test_x_is_left_as_it_was():
    x = torch.tensor(ROWS, dtype=torch.float64)
    before = x.clone()
    aumann.check_value_function(product_of_means, x)
    assert torch.equal(x, before)
    assert x.grad is None
    assert not x.requires_grad


def test_absent_agents_are_left_out():
    values = np.array(ROWS)
    population = aumann.Population.from_arrays(
        {name: np.append(values[:, k], 0.0)[None] for k, name in enumerate("abc")},
        kinds="measurement",
        presence=np.array([[True] * 5 + [False]]),
    )
    check = aumann.check_value_function(product_of_means, population)
    assert check.agents == 5
    assert check.features == ("a", "b", "c")
    assert check.value == pytest.approx(values.mean(0).prod(), rel=1e-14)


def test_one_number_in_a_vector_will_do():
    check = aumann.check_value_function(lambda x: x.mean(0).prod(0, keepdim=True), ROWS)
    plain = aumann.check_value_function(product_of_means, ROWS)
    assert dataclasses.replace(check, value_function="product_of_means") == plain


def test_the_seed_rules_every_draw():
    first, again, other = (
        aumann.check_value_function(product_of_means, ROWS, seed=seed) for seed in (5, 5, 2**64 - 1)
    )
    assert first == again
    assert first.strength != other.strength
    assert first.interaction != other.interaction
    assert first.feature_change != other.feature_change


def test_one_direction_has_no_error():
    check = aumann.check_value_function(product_of_means, ROWS, directions=1, permutations=1)
    assert math.isnan(check.strength_error)
    assert (check.directions, check.permutations) == (1, 1)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 1e-2)])
def test_second_derivatives_where_torch_has_none(dtype, tolerance):
    torch.manual_seed(0)
    network = Attending().to(dtype).eval()
    x = torch.rand(30, 3, generator=torch.Generator().manual_seed(1))
    check = aumann.check_value_function(network, x)
    network.fused = False
    exact = aumann.check_value_function(network, x)
    assert exact.by_autograd
    assert not check.by_autograd
    assert check.strength == pytest.approx(exact.strength, rel=tolerance)
    assert "differences of gradients" in repr(check)
    assert check.permutation_invariant
    assert check.smooth
    assert not check.linear


def test_wrong_second_derivatives_do_not_pass_for_smooth():
    # torch takes the gradient of such a function for a constant, without a word.
    check = aumann.check_value_function(lambda x: Cube.apply(x).sum(), ROWS)
    assert not check.smooth
    assert check.value_disagreement < 1e-6
    assert check.gradient_disagreement > 0.5


def test_agents_all_alike():
    # The gradient of the variance vanishes there, its second derivatives do not.
    check = aumann.check_value_function(lambda x: x.var(correction=0), [[1.0]] * 6)
    assert check.strength == math.inf
    assert math.isnan(check.interaction)
    assert not check.linear
    assert check.smooth
    assert "no exchange of rows changes F" in repr(check)
    constant = aumann.check_value_function(lambda x: 0 * x.sum() + 3, ROWS)
    assert constant.linear
    assert constant.strength == 0
    assert constant.unused_features == (0, 1, 2)


def test_report():
    table = pd.DataFrame(ROWS, columns=["posts", "replies", "followers"])
    check = aumann.check_value_function(
        lambda x: x[:, 0].mean() * x[:, 2].mean() + torch.floor(x[:, 2]).mean().detach(), table
    )
    title, *lines = repr(check).splitlines()
    assert title == "Check of a function at 5 agents, 3 features, in float64"
    questions = [line[2:24].strip() for line in lines]
    verdicts = [line[25:29].strip() for line in lines]
    assert questions[:5] == [
        "repeatable",
        "permutation invariant",
        "smooth",
        "uses every feature",
        "linear",
    ]
    assert verdicts[:5] == ["yes", "yes", "no", "no", "no"]
    assert "feature replies without effect" in lines[3]
    assert all(line.startswith("  advice: ") for line in lines[5:])
    assert "no single factor" in lines[-1]
    assert str(check) == repr(check)
    with pytest.raises(dataclasses.FrozenInstanceError):
        check.linear = True


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: x.sum(1), ValueError, r"f: returned shape \(5,\)"),
        (lambda x: x.sum(1, keepdim=True), ValueError, r"f: returned shape \(5, 1\)"),
        (lambda x: float(x.sum()), TypeError, "f: returned float"),
        (lambda x: x.detach().numpy().sum(), TypeError, "f: returned float64"),
        (lambda x: x.sum() * math.nan, ValueError, "f: value nan at x"),
        (lambda x: x.sum() / 0, ValueError, "f: value inf at x"),
        (lambda x: x.sum() * 1j, TypeError, "f: returned dtype torch.complex"),
        (lambda x: x.detach().sum(), ValueError, "f: no gradient reaches x"),
        (lambda x: (x > 1).double().mean(), ValueError, "f: no gradient reaches x"),
        (lambda x: torch.ones((), requires_grad=True) * 2, ValueError, "f: no gradient reaches x"),
        (lambda x: (x - 1).abs().sqrt().sum(), ValueError, "f: gradient nan at agent 0, feature 2"),
        (lambda x: (4 - x[0, 0] - x.sum()).sqrt() * 0, ValueError, "f: value nan at x"),
        ("heat", TypeError, "f: 'heat'"),
        (None, TypeError, "f: None"),
    ],
)
def test_functions_that_are_refused(f, error, message):
    with pytest.raises(error, match=message):
        aumann.check_value_function(f, ROWS)


def test_a_value_that_is_not_finite_at_other_agents_says_where():
    x = [[1.0], [2.0], [8.0]]
    with pytest.raises(ValueError, match="f: value nan with rows of other agents"):
        aumann.check_value_function(lambda x: (12 - x.sum()).sqrt(), x)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.tensor([[1, 2], [3, 4]]), TypeError, "x: dtype torch.int64"),
        (torch.ones(2, 2, dtype=torch.bool), TypeError, "x: dtype torch.bool"),
        (torch.ones(2, 2, dtype=torch.complex64), TypeError, "x: dtype torch.complex64"),
        (torch.ones(4), ValueError, r"x: shape \(4,\)"),
        (torch.ones(0, 2), ValueError, r"x: shape \(0, 2\)"),
        (torch.ones(2, 0), ValueError, r"x: shape \(2, 0\)"),
        (torch.ones(2, 3, 1), ValueError, "x: 2 steps"),
        (np.ones((2, 3, 1)), ValueError, "x: 2 steps"),
        (torch.tensor([[1.0, 2.0], [3.0, math.nan]]), ValueError, "x: nan at agent 1, feature 1"),
        (np.array([[1.0, 2.0], [math.inf, 4.0]]), ValueError, "x: inf at agent 1, feature 0"),
        ([["a"]], TypeError, "x"),
    ],
)
def test_features_that_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        aumann.check_value_function(product_of_means, x)


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ({"directions": 0}, ValueError),
        ({"directions": 2.0}, TypeError),
        ({"directions": True}, TypeError),
        ({"permutations": 0}, ValueError),
        ({"seed": -1}, ValueError),
        ({"seed": 2**64}, ValueError),
        ({"seed": None}, TypeError),
    ],
)
def test_numbers_that_are_refused(argument, error):
    (name,) = argument
    with pytest.raises(error, match=name):
        aumann.check_value_function(product_of_means, ROWS, **argument)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_cuda_device():
    x = torch.tensor(ROWS, dtype=torch.float64)
    here = aumann.check_value_function(product_of_means, x)
    there = aumann.check_value_function(product_of_means, x.cuda())
    assert there.strength == pytest.approx(here.strength, rel=1e-12)
    assert there.interaction == pytest.approx(here.interaction, rel=1e-12)
    assert (there.linear, there.smooth) == (here.linear, here.smooth)


def test_features_are_not_written_to_and_pooled_modules_keep_their_dtype():
    x = torch.arange(6.0).reshape(3, 2)
    kept = x.clone()

    def in_place(x):
        x -= x.mean(dim=0)
        return x.square().mean()

    with pytest.raises(RuntimeError, match="leaf Variable"):
        aumann.check_value_function(in_place, x)
    assert torch.equal(x, kept)
    pooled = aumann.PooledValueFunction(torch.nn.Linear(2, 3), torch.sum)
    assert aumann.check_value_function(pooled, x.double().numpy()).linear
