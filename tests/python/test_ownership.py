"""What is the caller's stays the caller's: inputs are not written to, results own their data."""

import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
import torch
import xarray as xr

import aumann


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(5)


def clamping(axes: tuple[int, ...]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that writes to its features behind autograd's back."""

    def function(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            x.clamp_(-0.5, 0.5)
        return x.square().sum(axes)

    return function


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(4, 3), (3, 4, 3)])
@pytest.mark.parametrize(
    "method",
    [
        aumann.AumannShapley(aumann.PathIntegral(max_evaluations=20)),
        aumann.AumannShapley(aumann.PathIntegral(path="agent-order")),
        aumann.Shapley(),
        aumann.Shapley(aumann.PermutationSampling(4)),
        aumann.Banzhaf(aumann.CoalitionSampling(16)),
        aumann.LeaveOneOut(),
    ],
)
@pytest.mark.parametrize("axes", [(-1, -2), (0, 1)])
@pytest.mark.filterwarnings("ignore")
def test_torch_functions_that_work_in_place_leave_x_alone(
    draw: np.random.Generator, dtype: type, shape: tuple[int, ...], method: object, axes: tuple
) -> None:
    x, baseline = draw.normal(size=shape).astype(dtype), draw.normal(size=shape).astype(dtype)
    tensor = torch.from_numpy(x.copy())
    before, start = x.copy(), baseline.copy()
    for given in (x, tensor):
        if len(shape) == 3 and axes == (0, 1) and not isinstance(given, torch.Tensor):
            continue
        # A function of one step that is given several is refused by some methods.
        with suppress(ValueError):
            aumann.attribute(given, clamping(axes), method=method, baseline=baseline)
        np.testing.assert_array_equal(np.asarray(given), before)
        np.testing.assert_array_equal(baseline, start)


def test_values_are_those_of_the_features_as_given(draw: np.random.Generator) -> None:
    # sum of clamp(x)^2 of single agents: every method gives an agent its own part.
    x = draw.normal(size=(3, 4, 2))
    expected = np.square(np.clip(x, -0.5, 0.5)).sum(axis=2)
    found = aumann.attribute(torch.from_numpy(x), clamping((0, 1)), method=aumann.Shapley())
    np.testing.assert_allclose(found.values, expected, atol=1e-15)


def test_paths_and_numpy_functions_that_work_in_place_leave_x_alone(
    draw: np.random.Generator,
) -> None:
    x, baseline = draw.random((5, 2)), draw.random((5, 2))
    before, start = x.copy(), baseline.copy()

    def path(a: torch.Tensor, b: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        point = b + a * (x - b)
        x.zero_()
        b.zero_()
        return point

    integral = aumann.PathIntegral(path=path)
    found = aumann.attribute(
        x, lambda x: x.prod(0).sum(), method=aumann.AumannShapley(integral), baseline=baseline
    )
    straight = aumann.attribute(x, lambda x: x.prod(0).sum(), baseline=baseline)
    np.testing.assert_allclose(found.values, straight.values, rtol=1e-9)

    def doubling(x: np.ndarray) -> float:
        x *= 2
        return float(x.sum())

    found = aumann.attribute(x, doubling, method=aumann.Shapley(), baseline=baseline)
    np.testing.assert_allclose(found.values, 2 * (x - baseline).sum(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(baseline, start)


@pytest.mark.filterwarnings("ignore:.*not writable:UserWarning")
def test_a_game_cannot_change_the_coalitions_it_is_asked_for() -> None:
    def game(members: np.ndarray) -> np.ndarray:
        worth = members.sum(axis=1).astype(float)
        # torch does not see that an array is read-only.
        torch.from_numpy(members).zero_()
        return worth

    for method in (
        aumann.Shapley(),
        aumann.Shapley(aumann.PermutationSampling(4)),
        aumann.Banzhaf(aumann.CoalitionSampling(64, reuse=False)),
        aumann.LeaveOneOut(),
    ):
        found = aumann.attribute(aumann.Game(game, 5), method=method)
        np.testing.assert_allclose(found.values, 1.0)
    reused = aumann.Banzhaf(aumann.CoalitionSampling(4000, seed=1))
    found = aumann.attribute(aumann.Game(game, 5), method=reused)
    assert (abs(found.values - 1.0) < 6 * found.standard_error).all()


@pytest.mark.parametrize("stepped", [False, True])
def test_results_own_their_presence_and_labels(draw: np.random.Generator, stepped: bool) -> None:
    x = draw.random((2, 4, 3) if stepped else (4, 3))
    presence = np.ones((2, 4) if stepped else 4, dtype=bool)
    presence[..., 1] = False
    result = aumann.attribute(x, aumann.Mean(), presence=presence)
    groups = ["a", "a", "b", "b"]
    counts, top = result.group(groups).counts.copy(), result.top(4).agents.copy()
    presence[:] = False
    np.testing.assert_array_equal(result.group(groups).counts, counts)
    np.testing.assert_array_equal(result.top(4).agents, top)
    assert 1 not in result.to_table()["agent"]


def test_results_own_the_presence_of_a_population() -> None:
    presence = np.array([[True, True, False], [True, False, True]])
    counts = np.array([[3, 1, 0], [2, 0, 5]])
    population = aumann.Population.from_arrays(
        {"posts": counts}, kinds="count", presence=presence, people=False
    )
    result = aumann.attribute(population, aumann.Mean())
    assert result.presence is not None
    assert not np.shares_memory(result.presence, presence)
    assert not np.shares_memory(result.presence, population.presence)


def test_results_own_their_step_labels(draw: np.random.Generator) -> None:
    labels = np.array(["mon", "tue"])
    x = xr.DataArray(
        draw.random((2, 3, 1)), dims=("step", "agent", "feature"), coords={"step": labels}
    )
    result = aumann.attribute(x, aumann.Mean())
    x.coords["step"].values[:] = "sun"
    assert list(result.by_step()["step"]) == ["mon", "tue"]


def test_groups_own_their_codes() -> None:
    codes = np.array([0, 1, 1])
    groups = aumann.Groups(codes, ("top", "tail"))
    codes[:] = 0
    assert groups.counts.tolist() == [1, 2]
    assert groups.codes.tolist() == [0, 1, 1]


def test_tables_of_a_result_are_copies(draw: np.random.Generator) -> None:
    out = np.empty((2, 4))
    x = draw.random((2, 4, 3))
    result = aumann.attribute(x, aumann.Variance(), out=out)
    table, by_step, grouped = result.to_table(), result.by_step(), result.group([0, 0, 1, 1])
    array = result.to_xarray()
    kept = [table["value"].copy(), by_step["value"].copy(), grouped.sums.copy()]
    aumann.attribute(x + 1, aumann.Variance(), out=out)
    by_step["value"][:] = grouped.to_table()["sum"][:] = 7
    array.values[:] = 9
    np.testing.assert_array_equal(table["value"], kept[0])
    assert not np.shares_memory(array.values, result.values)
    np.testing.assert_array_equal(result.value, kept[1])
    np.testing.assert_array_equal(grouped.sums, kept[2])
    assert list(result.by_step()["step"]) == [0, 1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_while_a_thread_writes_to_out_may_write_to_it(
    draw: np.random.Generator,
) -> None:
    x, out = draw.random((40, 20_000, 3)), np.empty((40, 20_000))
    expected = aumann.attribute(x, aumann.GiniMeanDifference()).values
    started = threading.Event()

    def write() -> None:
        started.set()
        aumann.attribute(x, aumann.GiniMeanDifference(), out=out)

    for _ in range(3):
        started.clear()
        writer = threading.Thread(target=write)
        writer.start()
        started.wait()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                found = aumann.attribute(x, aumann.GiniMeanDifference(), out=out)
                same = found.values is not None and np.shares_memory(found.values, out)
                os.write(writing, b"1" if same and np.array_equal(out, expected) else b"0")
            finally:
                os._exit(0)
        os.close(writing)
        ready, _, _ = select.select([reading], [], [], 60)
        if not ready:
            os.kill(child, 9)
        os.waitpid(child, 0)
        writer.join()
        assert ready, "the child gave no answer within 60 seconds"
        with os.fdopen(reading, "rb") as answer:
            assert answer.read() == b"1"
