"""Intervals and periods, as labels of agents and of steps."""

import numpy as np
import pandas as pd
import pytest

import aumann
from aumann import Groups


def test_spans_are_labels_in_their_order() -> None:
    spans = pd.cut(pd.Series([5.0, 30.0, 4.0, 101.0]), [2, 10, 100, 1000])
    names = ("(2, 10]", "(10, 100]", "(100, 1000]")
    for labels in (
        spans,
        spans.astype(object),
        spans.to_numpy(),
        list(spans),
        spans.cat.as_unordered(),
    ):
        groups = Groups.from_labels(labels)
        assert groups.names == names
        assert groups.codes.tolist() == [0, 1, 0, 2]
    assert Groups.from_labels(pd.Series(pd.arrays.IntervalArray(spans))).names == names
    years = pd.Series(pd.PeriodIndex(["2025", "2024", "2025"], freq="Y"))
    assert Groups.from_labels(years).names == ("2024", "2025")
    rows = pd.DataFrame({"Step": years, "AgentID": [7, 7, 5], "wealth": [3.0, 1.0, 5.0]})
    values = aumann.attribute(rows, aumann.Mean()).values
    np.testing.assert_array_equal(values, [[0, 1], [2.5, 1.5]])
    with pytest.raises(ValueError, match=r"labels\[1\] is missing"):
        Groups.from_labels(pd.cut(pd.Series([5.0, 5000.0]), [2, 10]))
    with pytest.raises(ValueError, match=r"labels\[1\] is missing"):
        Groups.from_labels(pd.Series([*years.tolist(), None], index=[0, 1, 2, 3]).iloc[[0, 3]])
