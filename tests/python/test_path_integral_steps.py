"""Path integrals over steps, with absent agents, along other paths, and in chunks of agents."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch_functions import DeepSets, along, heat

import aumann

STEPS, AGENTS = 5, 40


def of_one(x: torch.Tensor) -> torch.Tensor:
    return torch.log1p(x.mean(dim=0).prod())


def of_many(x: torch.Tensor) -> torch.Tensor:
    return torch.log1p(x.mean(dim=1).prod(dim=1))


def of_either(x: torch.Tensor) -> torch.Tensor:
    return torch.log1p(x.mean(dim=-2).prod(dim=-1))


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(3).random((STEPS, AGENTS, 3)) + 0.1


@pytest.mark.parametrize("function", [of_one, of_many, of_either])
@pytest.mark.parametrize("steps", [1, STEPS])
@pytest.mark.parametrize("baseline", [0.0, "mean", "previous", aumann.Step(0), 0.25], ids=str)
def test_functions_of_one_step_or_of_many(x, function, steps, baseline):
    x = x[:steps]
    exact = aumann.attribute(x, aumann.Heat(), baseline=baseline)
    found = aumann.attribute(x, function, baseline=baseline, method=along(tolerance=1e-11))
    assert found.values.shape == exact.values.shape
    size = np.abs(exact.values).max() + 1e-12
    assert_allclose(found.values, exact.values, rtol=0, atol=1e-11 * size)
    assert_allclose(found.total, exact.total, rtol=0, atol=1e-12)
    assert found.converged.all()


@pytest.mark.parametrize("function", [of_one, of_many, of_either])
def test_baselines_per_agent_and_step(x, function):
    start = np.random.default_rng(4).random(x.shape) / 4
    exact = aumann.attribute(x, aumann.Heat(), baseline=start)
    columns = [np.ascontiguousarray(x[..., k]) for k in range(3)]
    for features, baseline in ((x, start), (columns, [*np.moveaxis(start, -1, 0)])):
        found = aumann.attribute(features, function, baseline=baseline)
        assert_allclose(found.values, exact.values, rtol=1e-6)


@pytest.mark.parametrize("function", [of_one, of_many, of_either])
@pytest.mark.parametrize("baseline", [0.0, "previous"])
def test_absent_agents_are_not_seen(x, function, baseline):
    present = np.random.default_rng(5).random(x.shape[:2]) < 0.7
    hidden = np.where(present[..., None], x, np.nan)
    exact = aumann.attribute(hidden, aumann.Heat(), baseline=baseline, presence=present)
    found = aumann.attribute(hidden, function, baseline=baseline, presence=present)
    assert_allclose(found.values, exact.values, rtol=0, atol=1e-6 * np.abs(exact.values).max())
    assert (found.presence == exact.presence).all()


def test_a_population_goes_step_by_step():
    population = aumann.synthesize(agents=500, steps=3, seed=1)
    exact = aumann.attribute(population, aumann.Heat())
    found = aumann.attribute(population, of_one)
    assert_allclose(found.values, exact.values, rtol=0, atol=1e-6 * exact.values.max())
    assert (found.step_labels == exact.step_labels).all()


def test_steps_that_do_not_converge_are_counted_and_flagged(x):
    x = x / x.mean(axis=(1, 2), keepdims=True)
    x[2] *= 4

    def kinked(x):
        # Beyond 2 the third step has a kink, the others do not get there.
        return x.mean() + torch.relu(x - 3.5).mean()

    x[[0, 1, 3, 4]] = np.minimum(x[[0, 1, 3, 4]], 3.4)
    with pytest.warns(RuntimeWarning, match="did not converge at step 2: the error estim"):
        result = aumann.attribute(x, kinked, method=along(tolerance=1e-9, max_evaluations=60))
    assert result.converged.tolist() == [True, True, False, True, True]
    with pytest.warns(RuntimeWarning, match="did not converge at step 2 and 1 more"):
        aumann.attribute(x[:, ::-1][[0, 0, 2, 2]], kinked, method=along(max_evaluations=60))


def test_the_order_of_agents_is_a_path_and_its_mean_over_orders_is_shapley(x):
    x = x[0, :5]
    exact = aumann.attribute(x, aumann.Heat(), method=aumann.Shapley())
    orders = [
        aumann.attribute(x, heat, method=along(path="agent-order", seed=seed))
        for seed in range(400)
    ]
    one = orders[7]
    assert one.estimator == "agent-order path, seed 7"
    # Both ends are evaluated again.
    assert one.evaluations == 6 + 2
    assert abs(one.residual) < 1e-15
    values = np.stack([each.values for each in orders])
    error = values.std(axis=0, ddof=1) / np.sqrt(len(orders))
    assert (np.abs(values.mean(axis=0) - exact.values) < 4 * error).all()
    # One order is one permutation of the sampler.
    sampler = aumann.PermutationSampling(1, antithetic=False, control_variate=False, seed=7)
    sampled = aumann.attribute(x, aumann.Heat(), method=aumann.Shapley(sampler))
    assert_allclose(one.values, sampled.values, rtol=1e-9)
    # Built-in functions and absent agents take it as well.
    built_in = aumann.attribute(x, aumann.Heat(), method=along(path="agent-order", seed=7))
    assert_allclose(one.values, built_in.values, rtol=1e-12)
    present = np.array([True, True, False, True, True])
    fewer = aumann.attribute(x, heat, presence=present, method=along(path="agent-order"))
    assert fewer.values[2] == 0
    assert fewer.evaluations == 5 + 2


def test_a_path_of_the_users_own(x):
    x, start = x[0], x[1]

    def features_in_turn(a, b, x):
        """The first feature moves in the first half of the path, the others in the second."""
        first = torch.clamp(2 * a, max=1.0)
        second = torch.clamp(2 * a - 1, min=0.0)
        return b + torch.stack([first, second, second]) * (x - b)

    found = aumann.attribute(
        x, heat, baseline=start, method=along(path=features_in_turn, tolerance=1e-9)
    )
    # Two straight legs, one after the other.
    corner = start.copy()
    corner[:, 0] = x[:, 0]
    legs = [
        aumann.attribute(corner, aumann.Heat(), baseline=start),
        aumann.attribute(x, aumann.Heat(), baseline=corner),
    ]
    size = np.abs(legs[0].values).max()
    assert_allclose(found.values, legs[0].values + legs[1].values, rtol=0, atol=1e-9 * size)
    # How fast a path is followed is of no consequence.
    slow = aumann.attribute(x, heat, method=along(path=lambda a, b, x: b + a**3 * (x - b)))
    straight = aumann.attribute(x, aumann.Heat())
    assert_allclose(slow.values, straight.values, rtol=0, atol=1e-6 * straight.values.max())


@pytest.mark.parametrize("pool", ["mean", "sum"])
@pytest.mark.parametrize("start", [0.0, "per agent"])
def test_chunks_of_agents_give_what_all_together_give(x, pool, start):
    net = DeepSets(6)
    x = x[0]
    how = {"baseline": x[::-1] / 2 if start == "per agent" else 0.0, "method": along()}
    whole = aumann.attribute(x, aumann.PooledValueFunction(net.encode, net.readout, pool), **how)
    for chunk in (1, 7, 39, 40):
        function = aumann.PooledValueFunction(net.encode, net.readout, pool, chunk)
        found = aumann.attribute(x, function, **how)
        assert_allclose(found.values, whole.values, rtol=1e-11, atol=1e-15)
        assert found.value == pytest.approx(whole.value, rel=1e-13)
        again = aumann.attribute(x, function, **how)
        assert (found.values == again.values).all()


def test_chunks_never_hold_more_agents_than_they_may(x):
    largest = []

    def encode(x):
        largest.append(len(x))
        return torch.tanh(x)

    function = aumann.PooledValueFunction(encode, lambda state: state.prod(), chunk=7)
    aumann.attribute(x, function, method=along(path=lambda a, b, x: b + a**2 * (x - b)))
    assert max(largest) == 7


def test_pooled_functions_take_the_other_methods_too(x):
    function = aumann.PooledValueFunction(lambda x: x, lambda s: torch.log1p(s.prod()))
    for method in (aumann.Shapley(), aumann.Banzhaf(), aumann.LeaveOneOut()):
        found = aumann.attribute(x[0, :8], function, method=method)
        exact = aumann.attribute(x[0, :8], aumann.Heat(), method=method)
        assert_allclose(found.values, exact.values, rtol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"encode": 3}, TypeError, "encode: 3, a callable"),
        ({"readout": None}, TypeError, "readout: None, a callable"),
        ({"pool": "max"}, ValueError, "pool: 'max', 'mean' or 'sum'"),
        ({"chunk": 0}, ValueError, "chunk: 0, at least 1"),
        ({"chunk": 2.5}, TypeError, "chunk: 2.5, an integer"),
    ],
)
def test_pooled_functions_that_cannot_be(arguments, error, message):
    with pytest.raises(error, match=message):
        aumann.PooledValueFunction(**{"encode": torch.exp, "readout": torch.sum, **arguments})


@pytest.mark.parametrize(
    ("encode", "readout", "message"),
    [
        (torch.sum, torch.sum, r"encode: .*returned \(\) for features"),
        (lambda x: x[:1], torch.sum, r"encode: .*returned \(1, 3\) for features of shape \(7, 3\)"),
        (torch.exp, torch.exp, r"returned shape \(3,\)"),
        (torch.exp, lambda s: (s - s).log().sum(), "is -inf at a = 1"),
    ],
)
def test_pooled_functions_that_return_the_wrong_thing(x, encode, readout, message):
    with pytest.raises(ValueError, match=message):
        aumann.attribute(x[0], aumann.PooledValueFunction(encode, readout, chunk=7))


def centred(x: torch.Tensor) -> torch.Tensor:
    """A function of (n, d) that takes (m, n, d) without complaint, and means other agents by it."""
    return (x - x.mean(dim=0)).square().mean(dim=(-1, -2))


# Between steps that are nearly alike F changes by less than a hundred spacings of bfloat16.
@pytest.mark.filterwarnings("ignore:the value function is near:RuntimeWarning")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    "how",
    [{}, {"presence": np.ones(AGENTS, bool)}, {"baseline": "previous"}, {"baseline": 0.25}],
    ids=str,
)
@pytest.mark.parametrize("steps", [1, 2, STEPS])
def test_what_is_made_for_one_step_is_not_given_several(x, how, steps, dtype):
    tensor = torch.from_numpy(x[:steps]).to(dtype)
    found = aumann.attribute(tensor, centred, **how)
    variances = [
        aumann.attribute(tensor, aumann.Variance(weights=np.eye(3)[k]), **how) for k in range(3)
    ]
    exact = sum(each.values for each in variances) / 3
    tolerance = 1e-6 if dtype == torch.float64 else 0.1
    assert_allclose(found.values, exact, rtol=0, atol=tolerance * np.abs(exact).max())
    # A first step of zeros, or of equal agents, tells nothing of the function.
    for first in (0.0, 0.5):
        flat = tensor.clone()
        flat[0] = first
        later = aumann.attribute(flat, centred, method=along(tolerance=0.01), **how)
        if steps > 2:
            assert_allclose(
                later.values[2:], found.values[2:], rtol=0, atol=0.1 * np.abs(exact).max()
            )


@pytest.mark.parametrize("steps", [1, 2])
def test_a_module_that_ends_in_one_number_may_keep_its_axis(x, steps):
    module = torch.nn.Sequential(
        torch.nn.Flatten(start_dim=-2), torch.nn.Linear(3 * AGENTS, 1)
    ).double()
    found = aumann.attribute(x[0], module)
    assert_allclose(
        found.values, (module[1].weight.detach().numpy() * x[0].ravel()).reshape(-1, 3).sum(1)
    )
    stepped = aumann.attribute(x[:steps], lambda x: module(x[None]).squeeze(-1)[0])
    assert_allclose(stepped.values[0], found.values, rtol=1e-9)


def test_the_users_features_are_never_written_to(x):
    kept = x.copy()

    def in_place(x):
        return x.mul_(2).sum()

    with pytest.raises(ValueError, match="leaf Variable"):
        aumann.attribute(x[0], in_place)
    pooled = aumann.PooledValueFunction(lambda x: x.exp_(), torch.sum, chunk=7)
    with pytest.raises(ValueError, match="leaf Variable"):
        aumann.attribute(x[0], pooled)
    assert (x == kept).all()


def test_agents_are_named_by_their_index_where_others_are_absent(x):
    present = np.ones(AGENTS, bool)
    present[2] = False
    broken = x[0].copy()
    broken[5, 1] = np.nan
    with pytest.raises(ValueError, match="x: nan at agent 5, feature 1, finite"):
        aumann.attribute(broken, heat, presence=present)

    def rooted(x):
        return x[4, 0].sqrt() + x.sum()

    with pytest.raises(ValueError, match=r"a = 0 of the path from the baseline to x, agent 5;"):
        aumann.attribute(x[0], rooted, presence=present, method=along(rule="trapezoid", nodes=2))


def test_pooled_modules_compute_in_their_own_dtype(x):
    net = DeepSets(6)
    exact = aumann.attribute(x[0], aumann.PooledValueFunction(net.encode, net.readout, chunk=7))
    net = net.float()
    for readout in (net.readout, torch.sum):
        function = aumann.PooledValueFunction(net.encode, readout, chunk=7)
        found = aumann.attribute(x[0], function)
        assert found.values.dtype == np.float64
    function = aumann.PooledValueFunction(net.encode, net.readout, chunk=7)
    found = aumann.attribute(x[0], function)
    assert_allclose(found.values, exact.values, rtol=0, atol=1e-5 * np.abs(exact.values).max())


def test_a_function_that_takes_many_here_and_means_something_else_there():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(30, 20, 3))
    x *= 0.6 / np.sqrt((x**2).sum(axis=(1, 2), keepdims=True))

    def scaled(x):
        return (x / x.norm().clamp(min=1)).exp().mean(dim=(-1, -2))

    alone = [aumann.attribute(each, scaled) for each in x]
    # All steps together, and some of them at a time.
    for bytes_ in (2**26, 5 * x[0].nbytes):
        found = aumann.attribute(x, scaled, method=along(max_bytes=bytes_))
        assert_allclose(found.value, [each.value for each in alone], rtol=1e-12)
        assert_allclose(found.values, [each.values for each in alone], rtol=1e-5, atol=1e-9)
        assert found.converged.all()
        assert found.evaluations == sum(each.evaluations for each in alone)

    def clamped(x):
        return x.square().sum().clamp(min=1) * x.square().mean(dim=(-1, -2))

    small = draw.normal(size=(20, 3)) * 0.1
    result = aumann.attribute(small, clamped)
    assert result.converged
    assert_allclose(result.values, (small**2).sum(axis=1) / small.size, rtol=1e-5)


def test_an_offset_does_not_hide_what_a_function_means_by_many(x):
    def offset(x):
        return 100 + (x - x.mean()).square().mean(dim=(-1, -2))

    single = x.astype(np.float32)
    found = aumann.attribute(single, offset, method=along(tolerance=1e-3))
    exact = [float(((each - each.mean()) ** 2).mean()) for each in x]
    assert_allclose(found.total, exact, rtol=1e-3)
