"""Equal agents get equal values where autograd picks one of those who are tied."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import aumann

Function = Callable[[torch.Tensor], torch.Tensor]


def ranks(x: torch.Tensor) -> torch.Tensor:
    weights = torch.arange(len(x), dtype=x.dtype, device=x.device)
    return (torch.sort(x[:, 0]).values * weights).sum() / len(x) ** 2


# Name, F, and the ascending places of the agents whom it sees, with their weights.
PICKING: dict[str, tuple[Function, Callable[[int], np.ndarray]]] = {
    "quantile": (
        lambda x: torch.quantile(x[:, 0], 0.9),
        lambda n: np.interp(
            np.arange(n), [0.9 * (n - 1) - 1, 0.9 * (n - 1), 0.9 * (n - 1) + 1], [0, 1, 0]
        ),
    ),
    "kthvalue": (
        lambda x: torch.kthvalue(x[:, 0], 900).values,
        lambda n: (np.arange(n) == 899).astype(float),
    ),
    "topk": (
        lambda x: torch.topk(x[:, 0], 37).values.sum(),
        lambda n: (np.arange(n) >= n - 37).astype(float),
    ),
    "max": (
        lambda x: x[:, 0].max(dim=0).values,
        lambda n: (np.arange(n) == n - 1).astype(float),
    ),
    "sort": (ranks, lambda n: np.arange(n) / n**2),
}


def expected(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """x_i times the mean weight of the places that agents with the value of i take."""
    column = x[:, 0]
    ordered = np.sort(column)
    first = np.searchsorted(ordered, column, side="left")
    last = np.searchsorted(ordered, column, side="right")
    sums = np.concatenate([[0], np.cumsum(weights)])
    return column * (sums[last] - sums[first]) / (last - first)


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    return np.random.default_rng(0).poisson(5, (1000, 2)).astype(np.float64)


@pytest.mark.parametrize("name", PICKING)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tied_agents_share(counts: np.ndarray, name: str, dtype: type) -> None:
    function, weights = PICKING[name]
    x = counts.astype(dtype)
    truth = expected(counts, weights(len(x)))
    found = aumann.attribute(x, function)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(found.values, truth, atol=tolerance * np.abs(truth).max())
    order = np.random.default_rng(1).permutation(len(x))
    moved = aumann.attribute(x[order], function)
    np.testing.assert_allclose(
        moved.values, found.values[order], atol=tolerance * np.abs(truth).max()
    )
    alike = found.values[x[:, 0] == np.median(x[:, 0])]
    assert (alike == alike[0]).all()


def test_rows_per_agent_and_steps(counts: np.ndarray) -> None:
    # With baselines per agent only those are equal who start alike too.
    x = np.stack([counts[:60], counts[60:120]])
    baseline = np.zeros_like(x)
    baseline[:, ::2] = 0.25
    found = aumann.attribute(
        x,
        lambda x: torch.topk(x[:, 0], 9).values.sum(),
        method=aumann.AumannShapley(aumann.PathIntegral(tolerance=1e-3)),
        baseline=baseline,
    )
    for step in range(2):
        for start in (0.0, 0.25):
            of_start = baseline[step, :, 0] == start
            for value in np.unique(x[step, :, 0]):
                alike = found.values[step][of_start & (x[step, :, 0] == value)]
                assert np.ptp(alike) == 0 if alike.size else True
    np.testing.assert_allclose(found.residual, 0, atol=1e-3 * np.abs(found.values).sum())


def test_agents_whom_the_function_tells_apart_keep_their_own() -> None:
    weights = torch.arange(6, dtype=torch.float64)
    found = aumann.attribute(np.ones((6, 1)), lambda x: (x[:, 0] * weights).square().sum())
    np.testing.assert_allclose(found.values, np.arange(6) ** 2, rtol=1e-12)
    # Only near 0.7 on the path is one of the two told from the other.
    bump = aumann.PathIntegral("gauss-legendre", nodes=1000, tolerance=1e-2)

    def tent(x: torch.Tensor) -> torch.Tensor:
        return torch.relu(1 - (x[0, 0] - 0.7).abs() / 0.15) * x[1, 0]

    found = aumann.attribute([[1.0], [1.0]], tent, method=aumann.AumannShapley(bump))
    np.testing.assert_allclose(found.values, [-0.15, 0.15], atol=1e-2)


def test_an_offset_does_not_hide_who_is_who() -> None:
    found = aumann.attribute(np.ones((4, 1)), lambda x: 1e6 + (x[:, 0] * torch.arange(4)).sum())
    np.testing.assert_allclose(found.values, [0, 1, 2, 3], atol=1e-6)


def test_ties_that_cannot_be_shared_are_told(counts: np.ndarray) -> None:
    # Two groups of agents: within each the quantile treats all alike, but F does not.
    def by_group(x: torch.Tensor) -> torch.Tensor:
        return 2 * torch.quantile(x[:500, 0], 0.9) + torch.quantile(x[500:, 0], 0.9)

    with pytest.warns(RuntimeWarning, match="have equal features and baselines and got"):
        aumann.attribute(counts, by_group)


def test_a_check_notices_ties(counts: np.ndarray) -> None:
    for function, _ in PICKING.values():
        check = aumann.check_value_function(function, counts, directions=2)
        assert check.tie_disagreement > 1e-3
        assert "picks one of several tied agents" in repr(check)
    untied = counts[:200] + np.random.default_rng(2).random((200, 2))
    for f, x in ((lambda x: x.square().mean(), counts[:200]), (PICKING["quantile"][0], untied)):
        check = aumann.check_value_function(f, x)
        assert check.tie_disagreement < 1e-12
        assert "picks one" not in repr(check)


@pytest.mark.parametrize("value_function", [aumann.GiniMeanDifference(), aumann.Variance()])
def test_built_in_functions_need_no_sharing(counts: np.ndarray, value_function: Any) -> None:
    method = aumann.AumannShapley(aumann.PathIntegral())
    found = aumann.attribute(counts[:200], value_function, method=method)
    closed = aumann.attribute(counts[:200], value_function)
    np.testing.assert_allclose(found.values, closed.values, atol=1e-12)
