"""Groups: tiers, percentile bins and labels."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aumann
from aumann import Groups, Population


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60), st.integers(1, 60))
def test_tiers_and_bins_are_ordered_partitions_of_the_sizes_promised(values, bins):
    array = np.array(values)
    size = len(values)
    tiers = Groups.tiers(array, (0.1, 0.2, 0.7), ("a", "b", "c"))
    ends = [int(np.floor(round(part * size, 6) + 0.5)) for part in (0.1, 0.3, 1.0)]
    assert tiers.counts.tolist() == [ends[0], ends[1] - ends[0], size - ends[1]]
    order = sorted(range(size), key=lambda agent: (-values[agent], agent))
    expected = sorted(tiers.codes.tolist())
    assert tiers.codes[order].tolist() == expected
    np.testing.assert_array_equal(
        Groups.tiers(array * 0.5, (0.1, 0.2, 0.7), "abc").codes, tiers.codes
    )

    bins = min(bins, size)
    binned = Groups.percentile_bins(array, bins)
    assert binned.counts.max() - binned.counts.min() <= 1
    assert binned.counts.sum() == size
    assert binned.codes[order].tolist() == sorted(binned.codes.tolist(), reverse=True)
    assert binned.names == tuple(str(k + 1) for k in range(bins))


def test_tier_edges_are_rounded_half_up_in_decimals():
    # 0.01 + 0.09 is a little less than 0.1 in binary; a tenth of 15 is still 1.5, so 2.
    assert Groups.tiers(np.arange(15), (0.01, 0.09, 0.90)).counts.tolist() == [0, 2, 13]


def test_tiers_rank_by_any_number():
    population = Population.from_arrays(
        {
            "reach": [100, 0, 7, 3],
            "posts": [[1, 0, 0, 0], [4, 0, 2, 0], [0, 0, 0, 0]],
            "mood": [[0.5, -1.0, 2.0, 0.0], [1.5, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 9.0]],
        },
        kinds={"reach": "count", "posts": "count", "mood": "measurement"},
        labels={"country": ["de", "fr", "de", "es"]},
    )
    halves = {"fractions": (0.5, 0.5), "names": ("high", "low")}
    assert population.tiers("posts", **halves).codes.tolist() == [0, 1, 0, 1]
    # Means over the steps 0.67, 0.67, 0.67 and 3: of the three equal ones the first is high.
    assert population.tiers("mood", **halves).codes.tolist() == [0, 1, 1, 0]
    assert population.labels("country").codes.tolist() == [0, 2, 0, 1]
    assert population.percentile_bins(2, by="posts").names == ("1", "2")
    big = np.array([np.iinfo(np.int64).min, 0, np.iinfo(np.int64).max])
    assert Groups.tiers(big, (0.34, 0.66), ("a", "b")).codes.tolist() == [1, 1, 0]
    with pytest.raises(ValueError, match=r"by is 'country'; one of \['reach', 'posts', 'mood'\]"):
        population.tiers("country")
    with pytest.raises(ValueError, match="column is 'size'"):
        population.labels("size")
    with pytest.raises(ValueError, match=r"sums to 0\.9"):
        population.tiers(fractions=(0.5, 0.4), names=("a", "b"))
    with pytest.raises(ValueError, match="3 names for 2"):
        population.tiers(fractions=(0.5, 0.5))
    with pytest.raises(ValueError, match="between 1 and the 4 agents"):
        population.percentile_bins(100)


def test_groups_from_labels_of_every_make():
    expected = [1, 0, 1]
    for labels in (
        ["b", "a", "b"],
        np.array(["b", "a", "b"], dtype=object),
        pd.Series(["b", "a", "b"]),
        pd.Series(["b", "a", "b"], dtype="category"),
        pl.Series(["b", "a", "b"]),
        pa.array(["b", "a", "b"]),
        [10, 9, 10],
        [True, False, True],
    ):
        assert Groups.from_labels(labels).codes.tolist() == expected
    assert Groups.from_labels([10, 9, 10]).names == ("9", "10")
    groups = Groups.from_labels(["x"])
    assert Groups.from_labels(groups) is groups
    with pytest.raises(ValueError, match=r"labels\[1\] is missing"):
        Groups.from_labels(np.array(["a", None], dtype=object))
    with pytest.raises(TypeError, match="dtype float64"):
        Groups.from_labels([0.5])
    with pytest.raises(TypeError, match=r"labels\[1\] is 1, but labels\[0\] is 'a'"):
        Groups.from_labels(np.array(["a", 1], dtype=object))
    with pytest.raises(ValueError, match="empty"):
        Groups.from_labels([])


def test_groups_refuse_what_is_no_partition():
    for codes, names, error, message in (
        ([0, -1], ("a",), ValueError, r"codes\[1\] is -1"),
        ([0, 1], ("a",), ValueError, r"codes\[1\] is 1"),
        ([0.0], ("a",), TypeError, "float64"),
        ([0], ("a", "a"), ValueError, "repeats"),
        ([[0]], ("a",), ValueError, "shape"),
    ):
        with pytest.raises(error, match=message):
            Groups(np.array(codes), names)


def test_a_group_without_agents_has_no_share():
    groups = aumann.Groups(np.array([0, 2, 2]), ("top", "middle", "tail"))
    grouped = aumann.attribute([[1.0], [2.0], [5.0]], aumann.Mean()).group(groups)
    assert grouped.counts.tolist() == [1, 0, 2]
    assert grouped.sums[1] == 0.0
    assert np.isnan(grouped.shares).tolist() == [False, True, False]
    assert grouped.shares[[0, 2]].tolist() == pytest.approx([1 / 8, 7 / 8])
    assert np.isnan(grouped.to_table()["share"]).tolist() == [False, True, False]
    # Somebody who got nothing has a share of 0.
    nothing = aumann.attribute([[0.0], [2.0], [5.0]], aumann.Mean()).group(groups)
    assert nothing.shares[0] == 0.0
    # Step by step a group is empty where none of its agents is present.
    presence = np.array([[True, True, True], [False, True, True]])
    x = np.array([[[1.0], [2.0], [5.0]]] * 2)
    by_step = aumann.attribute(x, aumann.Mean(), presence=presence).group(groups)
    assert np.isnan(by_step.shares).tolist() == [[False, True, False], [True, True, False]]
