"""Heat of any number of features of any size, against fractions; the limits of its expansion."""

import itertools
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest

import aumann

HEAT = aumann.Heat()
Rows = list[list[Fraction]]


def log1p(r: Fraction) -> float:
    """Return log(1 + r) of a fraction of any size."""
    if r < Fraction(-1, 2):
        return math.log(1 + r)
    return math.log1p(r) if r < 2**1000 else math.log(r.numerator) - math.log(r.denominator)


def fractions(x: np.ndarray, n: int) -> Rows:
    return [[Fraction(float(v)) for v in row] for row in np.broadcast_to(x, (n, x.shape[-1]))]


def product(rows: Rows) -> Fraction:
    """The product of the means."""
    return math.prod(
        (Fraction(sum(column)) / len(rows) for column in zip(*rows, strict=True)), start=Fraction(1)
    )


def gain(before: Fraction, after: Fraction) -> float:
    return log1p((after - before) / (1 + before))


def expected(method: str, x: np.ndarray, baseline: np.ndarray) -> list[float]:
    """What the method gives every agent, by its definition."""
    n = len(x)
    of_x, of_base = fractions(x, n), fractions(baseline, n)
    whole = product(of_x)
    if method == "leave_one_out":
        others = (product([*of_x[:i], of_base[i], *of_x[i + 1 :]]) for i in range(n))
        return [gain(without, whole) for without in others]
    games = {
        c: product([of_x[i] if c >> i & 1 else of_base[i] for i in range(n)]) for c in range(2**n)
    }
    values = []
    for i in range(n):
        gains = [(c, gain(games[c], games[c | 1 << i])) for c in games if not c >> i & 1]
        if method == "banzhaf":
            values.append(math.fsum(g for _, g in gains) / 2 ** (n - 1))
        else:
            weights = ((n * math.comb(n - 1, c.bit_count()), g) for c, g in gains)
            values.append(math.fsum(g / w for w, g in weights))
    return values


METHODS = {
    "leave_one_out": aumann.LeaveOneOut(),
    "shapley": aumann.Shapley(),
    "banzhaf": aumann.Banzhaf(),
}

RNG = np.random.default_rng(3)
FEW = RNG.exponential(size=(4, 3))
GIANT, MIXED = FEW.copy(), RNG.exponential(size=(3, 16))
GIANT[0] = 1e12
COLOSSUS = FEW.copy()
COLOSSUS[2] = [1e300, 1e280, 1e150]
MIXED[1, ::2] *= 1e12

CASES = {
    "one agent of 1e12 among four": (GIANT, np.zeros(3)),
    "the same from a baseline": (GIANT, np.ones(3)),
    "one agent of 1e300": (COLOSSUS, np.zeros(3)),
    "a baseline of 1e9": (0.5 + FEW / 100, np.full(3, 1e9)),
    "small changes of large features": (1e9 + FEW, 1e9 + FEW[::-1]),
    "a giant in every second of 16 features": (MIXED, np.zeros(16)),
    "a product of 1e-600": (np.array([[1e-300, 2e-300], [3e-300, 1e-300]]), np.zeros(2)),
    "a product of 1e600": (1e200 * FEW, np.zeros(3)),
    "products that leave the range on the way": (
        FEW[:, :2].repeat(2, axis=1) * [1e-200, 1e-200, 1e200, 1e200],
        np.zeros(4),
    ),
    "a product near -1": (np.array([[2.0**-30 - 1.0, 2.0**-30 + 1.0]]), np.array([0.5, 0.5])),
    # On the way from 1e-20 to 0 the product is 1e-2.
    "features that rise while others fall to zero": (
        np.array([[0.0, 1.0, 0.0, 1.0, 1.0]]),
        np.array([1e6, 1e-13, 1e2, 1e-9, 1e-6]),
    ),
    "subnormal features": (np.array([[5e-324, 1.0], [1e-310, 2.0]]), np.zeros(2)),
    "fifty features": (RNG.exponential(size=(3, 50)), RNG.exponential(size=(3, 50))),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_no_digits_are_lost_to_the_size_of_others(case: str, method: str) -> None:
    x, baseline = CASES[case]
    wanted = np.array(expected(method, x, baseline))
    found = aumann.attribute(x, HEAT, method=METHODS[method], baseline=baseline)
    # A product of 1e-600 is zero in float64, and subnormal values have few digits.
    atol = max(1e-13 * np.abs(wanted).max(), 4 * 5e-324)
    np.testing.assert_allclose(found.values, wanted, rtol=0, atol=atol)


@pytest.mark.parametrize("n", [1, 40])
@pytest.mark.parametrize("d", [1, 2, 3, 15, 16, 50, 100, 3_000])
@pytest.mark.parametrize("size", [0.5, 1.0, 3.0])
def test_any_number_of_features(n: int, d: int, size: float) -> None:
    x = size * np.random.default_rng(d).exponential(size=(n, d))
    means = x.mean(axis=0)
    log = np.log(means).sum()
    # log(1 + P) and log(1 + P) / P times P, where P is beyond float64 too.
    total = math.log1p(math.exp(log)) if log < 30 else log
    result = aumann.attribute(x, HEAT)
    shares = (x / means).sum(axis=1) / (d * n)
    np.testing.assert_allclose(result.values, total * shares, rtol=1e-12 * max(d, 100) / 100)
    left_out = aumann.attribute(x, HEAT, method=aumann.LeaveOneOut())
    without = np.log(np.abs(1 - x / means / n)).sum(axis=1) if n > 1 else np.full(1, -np.inf)
    expected_loss = [
        total - (math.log1p(math.exp(log + w)) if log + w < 30 else log + w) for w in without
    ]
    np.testing.assert_allclose(left_out.values, expected_loss, rtol=1e-9, atol=1e-300)
    single = aumann.attribute(x.astype(np.float32), HEAT)
    np.testing.assert_allclose(single.values, result.values, rtol=2e-7 * max(10, d), atol=1e-40)
    if log > 690:
        with pytest.raises(ValueError, match=r"10\^\d+ in a coalition.*LeaveOneOut take any"):
            aumann.attribute(x, HEAT, method=aumann.Shapley(aumann.PermutationSampling(2)))
    else:
        sampled = aumann.attribute(x, HEAT, method=aumann.Shapley(aumann.PermutationSampling(4)))
        assert abs(sampled.residual) <= 1e-9 * max(total, 1e-300)


def by_gauss(x: np.ndarray, baseline: np.ndarray, nodes: int = 400) -> np.ndarray:
    """Aumann-Shapley by plain Gauss-Legendre on eight pieces."""
    values = np.zeros(len(x))
    at, weights = np.polynomial.legendre.leggauss(nodes)
    for k in range(8):
        for t, weight in zip((at + 1) / 16 + k / 8, weights / 16, strict=True):
            means = baseline + t * (x.mean(axis=0) - baseline)
            others = [np.prod(np.delete(means, k)) for k in range(x.shape[1])]
            values += weight * (x - baseline) @ others / (1 + means.prod()) / len(x)
    return values


@pytest.mark.parametrize("zeros", [1, 13, 14, 15, 20])
def test_baselines_with_zeros_come_to_an_end(zeros: int) -> None:
    d = zeros + 1
    x = np.random.default_rng(zeros).exponential(size=(30, d)) + 0.2
    baseline = np.zeros(d)
    baseline[0] = 0.5
    found = aumann.attribute(x, HEAT, baseline=baseline)
    np.testing.assert_allclose(found.values, by_gauss(x, baseline), rtol=1e-11)


def test_layers_at_the_ends_of_a_path_are_resolved() -> None:
    far = aumann.attribute([[0.0, 0.0]], HEAT, baseline=1e95)
    np.testing.assert_allclose(far.values, [-190 * math.log(10)], rtol=1e-14)
    # By symmetry the agents cancel: a mean falls from 1e160 while the other rises.
    crossing = aumann.attribute([[2e160, 0.0], [0.0, 0.0]], HEAT, baseline=[0.0, 1e160])
    assert abs(crossing.values.sum()) < 1e-12 * np.abs(crossing.values).max()
    near_the_end = aumann.attribute([[1e-10 - 1.0, 1.0]], HEAT, baseline=[3.0, 0.5])
    x = fractions(np.array([[1e-10 - 1.0, 1.0]]), 1)
    total = gain(Fraction(3, 2), product(x))
    np.testing.assert_allclose(near_the_end.values, [total], rtol=1e-13)


@pytest.mark.parametrize("case", [case for case in CASES if len(CASES[case][0]) == 1])
def test_one_agent_changes_the_heat(case: str) -> None:
    x, baseline = CASES[case]
    found = aumann.attribute(x, HEAT, baseline=baseline)
    np.testing.assert_allclose(found.values, expected("leave_one_out", x, baseline), rtol=1e-13)


def test_a_path_that_touches_the_end_of_the_domain_is_an_error() -> None:
    # The product is -4 t (1 - t).
    with pytest.raises(ValueError, match=r"not settled|more than -1 is wanted"):
        aumann.attribute([[0.0, 4.0]], HEAT, baseline=[-1.0, 0.0])


@pytest.mark.parametrize("d", [5, 16, 17, 64, 65, 80, 3_000])
def test_the_expansion_states_how_many_features_it_takes(d: int) -> None:
    x = np.random.default_rng(d).exponential(size=(200, d))
    for order, most in enumerate((64, 64, 16)):
        for of in (aumann.Shapley, aumann.Banzhaf):
            method = of(aumann.MeanFieldExpansion(order))
            if d > most:
                message = f"order {order} takes at most {most} features, x has {d}.*Sampling"
                with pytest.raises(ValueError, match=message):
                    aumann.attribute(x, HEAT, method=method)
            elif d <= 16 or order == 0:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", RuntimeWarning)
                    assert np.isfinite(aumann.attribute(x, HEAT, method=method).values).all()


@pytest.mark.parametrize("of", [aumann.Shapley, aumann.Banzhaf])
def test_an_agent_who_is_most_of_a_mean_is_not_expanded_silently(of: type) -> None:
    x = 100 * np.random.default_rng(0).exponential(size=(1_000, 3))
    x[1:, 0] = 0
    with pytest.warns(RuntimeWarning, match=r"has not converged.*use \w+\(\w+Sampling"):
        result = aumann.attribute(x, HEAT, method=of(aumann.MeanFieldExpansion()))
    assert not result.converged
    assert result.error_estimate > 0.01 * np.abs(result.values).max()
    # With the agent there, its feature is: it takes half of a sum over 999 others at most.
    steps = np.stack([np.random.default_rng(1).exponential(size=x.shape), x])
    with pytest.warns(RuntimeWarning, match="has not converged at step 1"):
        result = aumann.attribute(steps, HEAT, method=of(aumann.MeanFieldExpansion()))
    assert result.converged.tolist() == [True, False]


def test_a_coalition_outside_the_domain_is_refused() -> None:
    # Together the agents' product is 0; the first hundred alone have -9.
    x = np.array([[6.0, -6.0]] * 100 + [[-6.0, 6.0]] * 100)
    for of in (aumann.Shapley, aumann.Banzhaf):
        for order in (0, 2):
            with pytest.raises(ValueError, match=r"product is -9\.\d* in a coalition of 100|-9 in"):
                aumann.attribute(x, HEAT, method=of(aumann.MeanFieldExpansion(order)))
    # A tenth of that stays inside.
    inside = aumann.attribute(x / 10, HEAT, method=aumann.Shapley(aumann.MeanFieldExpansion()))
    assert inside.converged


def populations() -> list[np.ndarray]:
    rng = np.random.default_rng(12)
    found = []
    for n, d, kind in itertools.product((6, 9, 12), (1, 2, 3, 5), range(5)):
        x = rng.exponential(size=(n, d)) * 10.0 ** rng.uniform(-1, 1)
        if kind == 1:
            x[0] *= 10
        elif kind == 2:
            x[:2] *= 30
        elif kind == 3:
            x[rng.random((n, d)) < 0.5] = 0
        elif kind == 4:
            x = rng.pareto(1.2, size=(n, d))
        found.append(x)
    return found


@pytest.mark.parametrize("of", [aumann.Shapley, aumann.Banzhaf])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_error_of_an_expansion_is_told(of: type, order: int) -> None:
    ratios = []
    for x in populations():
        exact = aumann.attribute(x, HEAT, method=of())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            found = aumann.attribute(x, HEAT, method=of(aumann.MeanFieldExpansion(order)))
        largest = np.abs(exact.values).max()
        error = np.abs(found.values - exact.values).max()
        ratios.append(found.error_estimate / max(error, 1e-14 * largest))
        if found.converged:
            assert error < 2e-2 * largest
    assert np.quantile(ratios, 0.05) > 0.8
    assert min(ratios) > 0.2
