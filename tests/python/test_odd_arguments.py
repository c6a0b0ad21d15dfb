"""Arguments of a kind that is no array, or that names agents otherwise: refused with the cure."""

import numpy as np
import pandas as pd
import pytest

import aumann

RNG = np.random.default_rng(4)
X = RNG.exponential(size=(12, 2))
MEMBERS = [1, 3, 5, 7]
WHOLE = aumann.attribute(X, aumann.Variance())
PANEL = aumann.attribute(X[MEMBERS], aumann.Variance())
MASK = np.isin(np.arange(12), MEMBERS)


def test_members_in_any_order_and_type_are_the_same_panel():
    right = aumann.rescaling(PANEL, WHOLE, MEMBERS).factor
    order = [2, 0, 3, 1]
    turned = aumann.attribute(X[np.array(MEMBERS)[order]], aumann.Variance())
    for members in (np.array(MEMBERS, np.uint64), pd.Series(MEMBERS, index=[9, 8, 7, 6])):
        assert aumann.rescaling(PANEL, WHOLE, members).factor == right
        assert aumann.rescaling(turned, WHOLE, np.asarray(members)[order]).factor == pytest.approx(
            right, rel=1e-12
        )


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (MASK, "dtype bool, indices of agents are wanted; numpy.flatnonzero makes them of a mask"),
        (MASK.tolist(), "numpy.flatnonzero"),
        ([1.0, 3.0, 5.0, 7.0], "dtype float64, indices"),
        (["1", "3", "5", "7"], "dtype <U1, indices"),
        ({1, 3, 5, 7}, "dtype object, indices"),
        (np.ma.masked_array(MEMBERS, [0, 1, 0, 0]), "a masked array"),
        ([1, 3, 3, 7], "agent 3 twice"),
        ([1, 3, 5, 12], r"members\[3\]: 12, an agent from 0 to 11"),
        ([-1, 3, 5, 7], r"members\[0\]: -1"),
        (np.array([2**64 - 1, 3, 5, 7], np.uint64), "18446744073709551615, an agent from 0"),
        ([1, 3, 5], r"shape \(3,\), one agent for each row, \(4,\)"),
    ],
)
def test_members_that_are_none_are_refused(members, message):
    with pytest.raises((TypeError, ValueError), match=message):
        aumann.rescaling(PANEL, WHOLE, members)


GIVEN = {
    "labels": lambda odd: WHOLE.group(odd),
    "inclusion": lambda odd: aumann.reweight(X, aumann.Mean(), ["a"] * 12, inclusion=odd),
    "weights": lambda odd: aumann.Variance(weights=odd),
    "presence": lambda odd: aumann.attribute(X, aumann.Mean(), presence=odd),
    "x": lambda odd: aumann.attribute(odd, aumann.Mean()),
}


@pytest.mark.parametrize("argument", GIVEN)
@pytest.mark.parametrize("odd", [{"a": 1}, {1, 2}, "ab", iter([1, 2])])
def test_what_is_no_array_is_called_what_it_is(argument, odd):
    with pytest.raises(TypeError, match=rf"^{argument}\b.*\b{type(odd).__name__}\b.* wanted"):
        GIVEN[argument](odd)


def test_texts_among_numbers_are_named():
    for x in (pd.DataFrame({"a": [1, "n/a"]}), np.array([[1], ["n/a"]], object), [["n/a"], ["1"]]):
        with pytest.raises(TypeError, match="of texts such as 'n/a' make numbers"):
            aumann.attribute(x, aumann.Mean())


@pytest.mark.parametrize("indexed", [True, False])
def test_a_level_of_words_beside_agents_is_offered_as_a_label(indexed):
    x = pd.DataFrame(
        {"country": ["de", "de", "fr"], "user": ["a", "b", "c"], "posts": [1.0, 2.0, 4.0]}
    )
    x = x.set_index(["country", "user"]) if indexed else x
    with pytest.raises(ValueError, match="'user' is no feature: it names agents") as told:
        aumann.attribute(x, aumann.Mean())
    call = str(told.value).partition("or use ")[2]
    population = eval(call, {"Population": aumann.Population, "x": x})
    assert [each.name for each in population.feature_list] == ["posts"]
    assert population.labels("country").names == ("de", "fr")
    # By hand: the mean of three agents.
    np.testing.assert_allclose(
        aumann.attribute(population, aumann.Mean()).by_agent(), [1 / 3, 2 / 3, 4 / 3]
    )
