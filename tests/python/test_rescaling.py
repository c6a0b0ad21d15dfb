"""Whether one factor maps a panel's shares onto the population's: figures against plain NumPy."""

from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from rankings import top

import aumann

FUNCTIONS = [aumann.Mean(), aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference()]
WEIGHTED = aumann.Mean([1, 2, 0.5]) - 3 * aumann.Mean([0, 1, 0])

every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=repr)


def population(agents: int, seed: int = 0, steps: int | None = None) -> np.ndarray:
    """Sparse log counts, with ties."""
    rng = np.random.default_rng(seed)
    shape = (agents, 3) if steps is None else (steps, agents, 3)
    return np.log1p(rng.integers(0, 40, size=shape) * (rng.random(shape) < 0.6))


def compared(
    x: np.ndarray, members: Any, function: Any, k: Any = (3, 10), **how: Any
) -> aumann.Rescaling:
    panel = aumann.attribute(x[..., members, :], function, **how)
    return aumann.rescaling(panel, aumann.attribute(x, function, **how), members, k=k)


def fit(p: np.ndarray, q: np.ndarray) -> tuple[float, float]:
    """The best factor and what it leaves, by least squares."""
    (factor,), _, _, _ = np.linalg.lstsq(q[:, None], p, rcond=None)
    return factor, np.sqrt(((p - factor * q) ** 2).sum() / (p**2).sum())


def jaccard(own: np.ndarray, every: np.ndarray, members: np.ndarray, k: int) -> float:
    """Of members in ascending order."""
    ours, theirs = {int(members[row]) for row in top(own, k)}, top(every, k)
    return len(ours & theirs) / len(ours | theirs)


@every_function
@pytest.mark.parametrize("size", [2, 9, 40])
def test_figures_are_those_of_their_definitions(function: Any, size: int) -> None:
    x = population(60, seed=size)
    members = np.sort(np.random.default_rng(size).permutation(60)[:size])
    own, every = (aumann.attribute(y, function).values for y in (x[members], x))
    p, q = own / own.sum(), (every / every.sum())[members]
    found = compared(x, members, function)
    assert (found.factor, found.residual) == pytest.approx(fit(p, q), abs=1e-12)
    assert found.spearman == pytest.approx(scipy.stats.spearmanr(p, q).statistic, abs=1e-12)
    assert found.jaccard == {k: jaccard(own, every, members, k) for k in (3, 10)}
    assert found.undefined == ""
    assert (found.members, found.agents, found.sampled) == (size, 60, False)


def test_figures_worked_out_by_hand() -> None:
    # Variance of 1, 2, 6: s (s - 3) / 3 = (-2, -2, 18) / 3; of 1, 6: s (s - 3.5) / 2 = (-2.5, 15)
    # / 2. So p = (-1, 6) / 5, q = (-1, 9) / 7, factor (55 / 35) / (82 / 49) = 77 / 82, and what is
    # left, with p = (-1, 6): c = 55 / 82, ((1 - c)^2 + (6 - 9 c)^2) / 37 = 9 / (82 * 37).
    found = compared(np.array([[1.0], [2.0], [6.0]]), [0, 2], aumann.Variance(), k=[1, 2])
    assert found.factor == pytest.approx(77 / 82)
    assert found.residual == pytest.approx(np.sqrt(9 / (82 * 37)))
    assert found.spearman == pytest.approx(1)
    # Agents 0 and 1 tie for the second place; the lower index has it.
    assert found.jaccard == {1: 1, 2: 1}
    assert found.predicted_factor is None


@pytest.mark.parametrize("function", [aumann.Mean(), WEIGHTED], ids=repr)
def test_the_factor_of_a_mean_is_the_predicted_one(function: Any) -> None:
    x = population(500) + 1
    members = np.random.default_rng(2).permutation(500)[:40]
    weights = np.array([1, 1, 1] if function == aumann.Mean() else [1, -1, 0.5])
    found = compared(x, members, function, baseline=0.25)
    sums = ((x - 0.25) @ weights).sum(), ((x[members] - 0.25) @ weights).sum()
    assert found.predicted_factor == pytest.approx(sums[0] / sums[1], rel=1e-12)
    assert found.factor == pytest.approx(found.predicted_factor, rel=1e-12)
    assert found.residual < 1e-13


@every_function
def test_panel_of_everybody(function: Any) -> None:
    found = compared(population(50), np.arange(50), function)
    assert found.factor == pytest.approx(1, abs=1e-15)
    assert found.residual == 0
    assert found.spearman == pytest.approx(1, abs=1e-15)
    assert found.jaccard == {3: 1, 10: 1}


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(FUNCTIONS), st.integers(0, 99), st.randoms(use_true_random=False))
def test_order_of_members_does_not_matter(function: Any, seed: int, random: Any) -> None:
    # All different: rounding, which follows the order, may part what nearly ties.
    rng = np.random.default_rng(seed)
    x, members = rng.exponential(size=(30, 3)), rng.permutation(30)[:12]
    shuffled = random.sample(members.tolist(), 12)
    one, other = compared(x, members, function), compared(x, shuffled, function)
    for name in ("factor", "residual", "spearman"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9, abs=1e-12)
    assert one.jaccard == other.jaccard


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([aumann.Mean(), aumann.Variance(), aumann.GiniMeanDifference()]),
    st.integers(0, 99),
    st.sampled_from([2.0**-300, 0.5, 4.0, 2.0**300]),
)
def test_scale_of_features_does_not_matter(function: Any, seed: int, scale: float) -> None:
    x = population(30, seed)
    members = np.random.default_rng(seed).permutation(30)[:12]
    one, other = compared(x, members, function), compared(scale * x, members, function)
    assert (one.factor, one.residual) == pytest.approx(
        (other.factor, other.residual), rel=1e-12, abs=1e-14, nan_ok=True
    )
    assert (one.spearman, one.jaccard) == (other.spearman, other.jaccard)


@every_function
def test_steps_are_compared_one_by_one(function: Any) -> None:
    x, members = population(40, steps=3), np.array([31, 4, 15, 9, 26, 5])
    found = compared(x, members, function)
    for step in range(3):
        alone = compared(x[step], members, function)
        assert found.factor[step] == pytest.approx(alone.factor)
        assert found.residual[step] == pytest.approx(alone.residual, abs=1e-13)
        assert found.spearman[step] == pytest.approx(alone.spearman)
        assert {k: each[step] for k, each in found.jaccard.items()} == alone.jaccard
        if function == aumann.Mean():
            assert found.predicted_factor[step] == pytest.approx(alone.predicted_factor)
    assert found.undefined.tolist() == ["", "", ""]
    assert found.step_labels.tolist() == [0, 1, 2]


@every_function
def test_absent_agents_are_left_out(function: Any) -> None:
    x, members = population(40, steps=2), np.arange(0, 40, 3)
    presence = np.random.default_rng(7).random((2, 40)) < 0.7
    whole = aumann.attribute(x, function, presence=presence)
    panel = aumann.attribute(x[:, members], function, presence=presence[:, members])
    found = aumann.rescaling(panel, whole, members, k=[4, 20])
    for step in range(2):
        here = presence[step]
        rows = np.flatnonzero(np.isin(np.flatnonzero(here), members))
        alone = compared(x[step][here], rows, function, k=[4, 20])
        assert found.factor[step] == pytest.approx(alone.factor)
        assert found.residual[step] == pytest.approx(alone.residual, abs=1e-13)
        assert found.spearman[step] == pytest.approx(alone.spearman)
        # Of twenty, some have negative attributions, which an absent agent's 0 would beat.
        assert {k: each[step] for k, each in found.jaccard.items()} == alone.jaccard
        if function == aumann.Mean():
            assert found.predicted_factor[step] == pytest.approx(found.factor[step])


def test_change_from_step_to_step() -> None:
    x, members = population(40, steps=3), np.arange(0, 40, 3)
    presence = np.random.default_rng(7).random((3, 40)) < 0.7
    panel, whole = (
        aumann.attribute(x[:, i], aumann.Mean(), baseline="previous", presence=presence[:, i])
        for i in (members, slice(None))
    )
    found = aumann.rescaling(panel, whole, members)
    # The first step is compared with itself.
    assert np.isnan([found.factor[0], found.residual[0], found.spearman[0]]).all()
    assert found.residual[1:].max() < 1e-13
    assert found.factor[1:] == pytest.approx(found.predicted_factor[1:], rel=1e-12)


def test_float32_and_other_methods() -> None:
    x, members = population(30).astype(np.float32), [3, 8, 9, 20]
    assert compared(x, members, aumann.Mean()).residual < 1e-6
    shapley = aumann.Shapley()
    own, every = (aumann.attribute(y, FUNCTIONS[3], method=shapley).shares for y in (x[members], x))
    found = compared(x, members, FUNCTIONS[3], method=shapley)
    expected = fit(own.astype(float), every[members].astype(float))
    assert (found.factor, found.residual) == pytest.approx(expected, rel=1e-5)


def test_shares_that_do_not_exist() -> None:
    x, members = population(30, steps=2), [3, 8, 9, 20]
    x[1, members, 2] = 0
    found = compared(x, members, aumann.Heat(), k=[2])
    assert np.isfinite([found.factor[0], found.residual[0], found.jaccard[2][0]]).all()
    assert np.isnan([found.factor[1], found.residual[1], found.jaccard[2][1]]).all()
    assert found.undefined[1].startswith("the panel's attributions sum to 0")
    # Ranks are there without shares.
    found = compared(x[0], members, aumann.Mean(), baseline="mean")
    assert np.isnan([found.factor, found.residual, found.predicted_factor]).all()
    assert found.spearman == compared(x[0], members, aumann.Mean()).spearman == pytest.approx(1)
    assert repr(found).splitlines()[1].startswith("  undefined: the panel's attributions sum to 0")


def test_population_without_shares_and_members_with_nothing() -> None:
    x = np.array([[2.0], [1.0], [-1.0], [-2.0], [0.0]])
    found = compared(x, [0, 1], aumann.Mean())
    assert found.undefined.startswith("the population's attributions sum to 0")
    # Both are at the population's mean, and so is neither in a panel of the two and another.
    x = np.array([[3.0], [0.0], [6.0], [3.0]])
    assert aumann.attribute(x, aumann.Variance()).values[[0, 3]].tolist() == [0, 0]
    found = compared(x, [0, 1, 3], aumann.Variance())
    assert found.undefined == "the population gives nothing to any member"
    assert np.isnan([found.factor, found.residual]).all()


def test_values_that_are_unknown() -> None:
    x, members = population(12), np.arange(5)
    banzhaf = aumann.Banzhaf(aumann.CoalitionSampling(1, seed=2))
    with pytest.warns(RuntimeWarning, match="agents are in all or none"):
        panel = aumann.attribute(x[:5], aumann.Heat(), method=banzhaf)
    whole = aumann.attribute(x, aumann.Heat(), method=aumann.Banzhaf())
    assert np.isnan(panel.values).any()
    found = aumann.rescaling(panel, whole, members)
    assert found.undefined == "the panel has agents whose attribution is unknown"
    assert found.sampled
    assert "sampled" in repr(compared(x, members, aumann.Heat(), method=aumann.Shapley(SAMPLED)))


SAMPLED = aumann.PermutationSampling(4, seed=1)


@pytest.mark.parametrize("agents", [1, 2])
def test_few_members(agents: int) -> None:
    found = compared(population(20), np.arange(agents), aumann.Mean(), k=[1])
    assert found.residual < 1e-15
    assert np.isnan(found.spearman) == (agents == 1)


def test_no_tops() -> None:
    found = compared(population(20), [1, 2, 3], aumann.Mean(), k=[])
    assert found.jaccard == {}
    assert "Jaccard" not in repr(found)


def test_verdicts() -> None:
    x, members = population(100), np.arange(0, 100, 7)
    mean, gini = (compared(x, members, function) for function in (FUNCTIONS[0], FUNCTIONS[3]))
    verdict, figures = repr(mean).splitlines()[1:3]
    assert verdict == "  one factor maps the panel's shares onto the population's"
    number = f"{mean.factor:.4g}"
    assert figures == f"  factor {number}, predicted {number} (rho 0 up to rounding)"
    verdict, figures = repr(gini).splitlines()[1:3]
    assert verdict == "  no single factor maps the panel's shares onto the population's"
    assert f"factor {gini.factor:.4g}: misses by {gini.residual:.2%} (rho 0." in figures
    wrong = aumann.rescaling(
        aumann.attribute(x[members], aumann.Mean()), aumann.attribute(x, aumann.Mean()), members + 1
    )
    assert "as one must, features, baseline or members are wrong" in repr(wrong)
    stepped = compared(np.stack([x, np.zeros_like(x)]), members, FUNCTIONS[0])
    assert "one factor at 1 of 2 steps, no single factor at 0, undefined at 1" in repr(stepped)


def test_tables() -> None:
    x, members = population(30, steps=2), [3, 8, 9, 20]
    found = compared(x, members, aumann.Mean()).to_table()
    figures = ["factor", "predicted", "residual", "spearman", "jaccard_3", "jaccard_10"]
    assert list(found.columns) == ["step", *figures, "undefined"]
    assert len(found) == 2
    assert found.to_pandas().shape == (2, 8)
    alone = compared(x[0], members, aumann.Heat(), k=[5])
    names = ["factor", "residual", "spearman", "jaccard_5", "undefined"]
    assert list(alone.to_table().columns) == names
    assert "<td>" in alone._repr_html_()


X = population(6)
WHOLE = aumann.attribute(X, aumann.Mean())
PANEL = aumann.attribute(X[1:4], aumann.Mean())


@pytest.mark.parametrize(
    ("members", "error", "match"),
    [
        ([1, 2], ValueError, r"members: shape \(2,\), one agent for each row, \(3,\)"),
        ([[1, 2, 3]], ValueError, r"members: shape \(1, 3\)"),
        ([1, 2, 6], ValueError, r"members\[2\]: 6, an agent from 0 to 5 is wanted"),
        ([1, -1, 3], ValueError, r"members\[1\]: -1, an agent from 0 to 5 is wanted"),
        ([3, 2, 3], ValueError, "members: agent 3 twice, once is wanted"),
        ([1.0, 2.0, 3.0], TypeError, "members: dtype float64, indices of agents are wanted"),
        ([True, False, True], TypeError, "members: dtype bool"),
    ],
)
def test_bad_members(members: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        aumann.rescaling(PANEL, WHOLE, members)


@pytest.mark.parametrize(
    ("panel", "whole", "match"),
    [
        (PANEL, aumann.attribute(X, aumann.Mean([1, 1, 2])), r"panel: of Mean\(\), of Mean\(wei"),
        (PANEL, aumann.attribute(X[None], aumann.Mean()), "panel: no step axis, 1 steps as whole"),
        (
            PANEL,
            aumann.attribute(X, aumann.Mean(), method=aumann.Shapley()),
            r"panel: by AumannShapley\(\), by Shapley\(\) as whole is wanted",
        ),
    ],
)
def test_results_of_different_questions(panel: Any, whole: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        aumann.rescaling(panel, whole, [1, 2, 3])


def test_other_bad_input() -> None:
    with pytest.raises(TypeError, match="panel: list, an Attribution is wanted"):
        aumann.rescaling([1, 2, 3], WHOLE, [1, 2, 3])
    with pytest.raises(TypeError, match="whole: NoneType, an Attribution is wanted"):
        aumann.rescaling(PANEL, None, [1, 2, 3])
    with pytest.raises(TypeError, match="k: 10, a sequence of integers is wanted"):
        aumann.rescaling(PANEL, WHOLE, [1, 2, 3], k=10)
    with pytest.raises(ValueError, match="k: 0, at least 1 is wanted"):
        aumann.rescaling(PANEL, WHOLE, [1, 2, 3], k=[10, 0])


def test_steps_that_do_not_match() -> None:
    days = aumann.synthesize(agents=20, steps=3)
    whole = aumann.attribute(days, aumann.Mean())
    panel = aumann.attribute(days.take(np.arange(4)), aumann.Mean())
    assert len(aumann.rescaling(panel, whole, np.arange(4)).factor) == 3
    relabelled = aumann.Attribution(
        panel.values,
        panel.statistics,
        panel.value_function,
        panel.method,
        panel.baseline,
        panel.elapsed,
        step_labels=np.array(["day 1", "day 3", "day 2"]),
    )
    with pytest.raises(ValueError, match="panel: step 1 is day 3, day 2 as in whole is wanted"):
        aumann.rescaling(relabelled, whole, np.arange(4))
    two = aumann.attribute(population(4, steps=2), aumann.Mean())
    with pytest.raises(ValueError, match="panel: 2 steps, 3 steps as whole is wanted"):
        aumann.rescaling(two, whole, np.arange(4))


@pytest.mark.parametrize("there", ["panel", "whole"])
def test_members_present_in_one_only(there: str) -> None:
    x = population(6, steps=2)
    presence = np.ones((2, 6), dtype=bool)
    presence[1, 3] = False
    full, some = {"presence": None}, {"presence": presence}
    whole = aumann.attribute(x, aumann.Mean(), **(full if there == "whole" else some))
    own = None if there == "panel" else presence[:, [4, 3]]
    panel = aumann.attribute(x[:, [4, 3]], aumann.Mean(), presence=own)
    here, missing = ("present", "absent") if there == "panel" else ("absent", "present")
    match = f"members: agent 3 is {here} in panel and {missing} in whole at step 1"
    with pytest.raises(ValueError, match=match):
        aumann.rescaling(panel, whole, [4, 3])
