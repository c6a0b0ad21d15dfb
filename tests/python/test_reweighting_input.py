"""What reweighting takes and refuses, and where it warns."""

import numpy as np
import pandas as pd
import pytest

import aumann
from aumann.inclusion import proportional_inclusion

X = np.arange(48.0).reshape(24, 2) % 7
LABELS = ["a", "b"] * 12
PI = np.linspace(0.1, 1.0, 24)


def reweighted(x=X, function=None, groups=LABELS, **options):
    options = options or {"inclusion": PI}
    return aumann.reweight(x, function or aumann.Variance(), groups, **options)


def test_anything_that_attribute_takes():
    expected = reweighted()
    frame = pd.DataFrame(X, columns=["reach", "activity"])
    columns = [X[:, 0].copy(), X[:, 1].copy()]
    population = aumann.Population.from_arrays(
        {"reach": X[None, :, 0], "activity": X[None, :, 1]}, kinds="measurement"
    )
    for x in (X.tolist(), frame, columns, np.asfortranarray(X), X.astype(np.float32), population):
        assert np.array_equal(reweighted(x).shares, expected.shares)
    for groups in (np.array(LABELS), aumann.Groups.from_labels(LABELS), pd.Series(LABELS)):
        assert np.array_equal(reweighted(groups=groups).shares, expected.shares)


def test_a_population_counts_over_its_whole_window():
    counts = np.arange(120).reshape(3, 40) % 5
    population = aumann.Population.from_arrays({"posts": counts}, kinds="count")
    groups = np.arange(40) % 2
    of_window = np.log1p(counts.sum(axis=0))[:, None]
    options = {"function": aumann.Mean(), "groups": groups, "inclusion": np.full(40, 0.5)}
    assert np.array_equal(
        reweighted(population, **options).shares, reweighted(of_window, **options).shares
    )


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({}, TypeError, "inclusion, totals: neither given"),
        ({"inclusion": PI, "totals": [30, 30]}, TypeError, "inclusion, totals: both given"),
        ({"inclusion": PI[:-1]}, ValueError, r"inclusion: shape \(23,\), \(24,\) is wanted"),
        ({"inclusion": PI[:, None]}, ValueError, r"inclusion: shape \(24, 1\)"),
        ({"inclusion": PI - 0.1}, ValueError, "inclusion: 0 at agent 0, a probability above 0"),
        ({"inclusion": PI * 1.5}, ValueError, "inclusion: .* at agent 15, .* at most 1"),
        ({"inclusion": np.where(PI > 0.9, np.nan, PI)}, ValueError, "inclusion: nan at agent 21"),
        ({"inclusion": np.ma.array(PI)}, TypeError, "inclusion: a masked array"),
        ({"inclusion": ["1"] * 24}, TypeError, "inclusion: dtype <U1, real numbers are wanted"),
        ({"totals": [30]}, ValueError, r"totals: shape \(1,\), \(2,\) is wanted"),
        ({"totals": {"a": 30}}, ValueError, "totals: none for 'b', one per group is wanted"),
        ({"totals": [30, 11]}, ValueError, "totals: 11 for group 'b', .* at least its 12 members"),
        ({"totals": [30, np.inf]}, ValueError, "totals: inf for group 'b'"),
        ({"totals": [np.nan, 30]}, ValueError, "totals: nan for group 'a'"),
        ({"totals": {"a": 30, "b": 30, "c": 5}}, ValueError, "without members .*: 'c';"),
        ({"inclusion": PI, "design": "poisson"}, ValueError, "design: 'poisson', 'fixed' or"),
    ],
)
def test_bad_weights(change, kind, message):
    with pytest.raises(kind, match=message):
        aumann.reweight(X, aumann.Mean(), LABELS, **change)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"groups": LABELS[:-1]}, ValueError, "groups: 23 labels, one for each of the 24 agents"),
        ({"function": aumann.Mean() + aumann.Variance()}, TypeError, "value_function: Mean"),
        ({"function": np.mean}, TypeError, "value_function: .* is wanted"),
        ({"function": aumann.Mean([1.0])}, ValueError, "weights: 1 numbers for the 2 features"),
        ({"x": np.stack([X, X])}, ValueError, r"x: 2 steps, .* one step, \(N, d\), is wanted"),
        ({"x": np.where(X == 3, np.nan, X)}, ValueError, "x: .*NaN.* agent"),
    ],
)
def test_bad_panels(change, kind, message):
    with pytest.raises(kind, match=message):
        reweighted(**change)


def test_heat_outside_its_domain():
    # The panel's own means are 0; those of the population it stands for are 2.45 and -2.45.
    with pytest.raises(ValueError, match=r"x: .* weighted feature means is -6.02\d*, which heat"):
        reweighted([[3.0, -3.0], [-3.0, 3.0]], aumann.Heat(), ["a", "b"], inclusion=[0.1, 1.0])


def test_numbers_beyond_float64():
    with pytest.raises(ValueError, match="x: the composites or attributions exceed the range"):
        reweighted(1e200 * (X + 1))
    with pytest.raises(ValueError, match="x: the weighted attributions exceed the range"):
        reweighted(1e200 * (X + 1), aumann.Mean(), inclusion=1e-200 * PI)
    assert reweighted(1e100 * (X + 1)).shares == pytest.approx(reweighted(X + 1).shares)


def test_absent_agents_are_refused():
    population = aumann.Population.from_arrays(
        {"posts": [[1, 0, 2]]}, kinds="count", presence=np.array([[True, False, True]])
    )
    with pytest.raises(ValueError, match="x: 1 of 3 agents are never present"):
        reweighted(population, groups=[0, 1, 1], inclusion=[1, 1, 1])


def test_few_members_carry_a_group():
    x = X.copy()
    x[np.flatnonzero(np.array(LABELS) == "b")[9:]] = 0.0
    with pytest.warns(RuntimeWarning, match=r"fewer than 10 members .* \('b' by 9\)"):
        result = reweighted(x, aumann.Mean())
    assert result.contributors.tolist() == [12 - (x[::2] == 0).all(axis=1).sum(), 9]
    assert "cannot be relied on yet" in result.verdict()
    assert "'b' by 9" in result.verdict()
    # The caution comes before anything is said to agree.
    first, second, _ = result.verdict().splitlines()
    assert first.startswith("The reweighted shares cannot be relied on yet")
    assert "own shares" in second


def test_a_group_that_nobody_carries_has_no_error():
    groups = aumann.Groups(np.array([0, 1] * 12), ("a", "b", "unseen"))
    x = np.where(np.array(LABELS)[:, None] == "b", 0.0, X + 1)
    with pytest.warns(RuntimeWarning, match="'b' by 0, 'unseen' by 0"):
        result = reweighted(x, aumann.Mean(), groups)
    # A group without members has no share; one whose members carry nothing has one of 0.
    assert result.shares[:2].tolist() == [1.0, 0.0]
    assert np.isnan(result.shares).tolist() == [False, False, True]
    assert np.isnan(result.panel_shares).tolist() == [False, False, True]
    assert np.isnan(result.standard_error).tolist() == [False, True, True]
    with pytest.raises(ValueError, match="without members in the panel: 'unseen'"):
        reweighted(x, aumann.Mean(), groups, totals=[20, 20, 1])


def test_wide_weights_are_warned_of():
    pi = PI.copy()
    pi[0] = 0.9e-4
    with pytest.warns(RuntimeWarning, match=r"weights span a factor of 1.11e\+04"):
        result = reweighted(inclusion=pi)
    assert len(result.cautions) == 1
    pi[0] = 1.1e-4
    assert reweighted(inclusion=pi).cautions == ()


def test_a_lone_member_shows_no_spread():
    with pytest.warns(RuntimeWarning) as caught:
        result = reweighted([[1.0]], aumann.Mean(), ["a"], inclusion=[0.5])
    assert [str(w.message)[:15] for w in caught] == ["fewer than 10 m", "a single member"]
    assert all(w.filename == __file__ for w in caught)
    assert np.isnan(result.standard_error).all()
    labels = ["a"] * 23 + ["b"]
    with pytest.warns(RuntimeWarning) as caught:
        result = reweighted(X + 1, groups=labels, totals=[50, 5])
    assert [str(w.message)[:15] for w in caught] == ["fewer than 10 m", "a single member"]
    assert np.isnan(result.standard_error).all()
    with pytest.warns(RuntimeWarning, match="by 1"):
        drawn_on_its_own = reweighted(X + 1, groups=labels, inclusion=PI / 2, design="bernoulli")
    assert (drawn_on_its_own.standard_error > 0).all()


def test_the_verdict_names_what_is_off():
    x = np.where(np.array(LABELS)[:, None] == "a", 9.0 + X, 1.0 + X)
    pi = np.where(np.array(LABELS) == "a", 0.5, 0.02)
    result = reweighted(x, aumann.Mean(), inclusion=pi)
    text = result.verdict()
    assert text.startswith("Do not trust the panel's own shares of Mean(): 'a' is 75.3 % by its")
    assert f"and {100 * result.shares[0]:.1f} +- {196 * result.standard_error[0]:.1f} %" in text
    assert text.count("\n") == 2
    assert "uniform draw" in reweighted(x, totals=[24, 600]).verdict()
    assert "<p>Reweighted Mean() of 24 members, fixed size" in result._repr_html_()
    assert repr(result).splitlines()[1].split()[:2] == ["group", "members"]


def test_many_groups_are_told_in_short():
    pi = np.where(np.arange(240) < 120, 0.9, 0.1)
    pi[:40] = 0.99
    result = reweighted(np.ones((240, 1)), aumann.Mean(), np.arange(240) // 40, inclusion=pi)
    first = result.verdict().splitlines()[0]
    # The groups that are farthest off come first.
    assert [first.index(f"'{group}' is 16.7 % by") for group in "034"] == sorted(
        first.index(f"'{group}' is") for group in "034"
    )
    assert first.count("reweighted") == 3
    assert first.endswith(" % reweighted and 3 groups more.")
    with pytest.warns(RuntimeWarning, match=r"'0' by 1, '1' by 1, '10' by 1 and 21 groups more\)"):
        reweighted(X + 1, groups=[str(k) for k in range(24)], inclusion=np.full(24, 0.5))


def test_for_whom_a_panel_can_speak():
    aumann.check_inclusion(np.full(4, 0.2), LABELS[:4])
    with pytest.raises(ValueError, match=r"0 for 2 of 4 agents \(50.0 %\)") as caught:
        aumann.check_inclusion([0.5, 0.0, 0.5, 0.0], LABELS[:4])
    assert "out of reach: 'b'; such a panel speaks for the other 2 agents" in str(caught.value)
    with pytest.raises(ValueError, match=r"in part: 'a' \(1 of 2 agents\)") as caught:
        aumann.check_inclusion([0.5, 0.5, 0.0, 0.5], LABELS[:4])
    assert "out of reach" not in str(caught.value)
    with pytest.raises(ValueError, match="groups: 3 labels"):
        aumann.check_inclusion([0.5, 0.5, 0.0, 0.5], LABELS[:3])
    with pytest.raises(ValueError, match="inclusion: -1 at agent 1"):
        aumann.check_inclusion([0.5, -1, 0.0])


@pytest.mark.parametrize("panel", [1, 3, 10, 39, 40])
def test_proportional_inclusion(panel):
    sizes = np.random.default_rng(panel).pareto(0.7, 40) + 0.1
    pi = proportional_inclusion(sizes, panel)
    assert pi.sum() == pytest.approx(panel)
    assert ((pi > 0) & (pi <= 1)).all()
    rates = (pi / sizes)[pi < 1]
    assert rates == pytest.approx(np.full(len(rates), rates.max(initial=0.0)))
    # Nobody is certain whom the common rate would not make so.
    assert (sizes[pi == 1] * rates.max(initial=np.inf) >= 1 - 1e-9).all()
