"""Labels that data bring - an index, columns, coordinates - are honoured or refused."""

import re
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import aumann
from aumann import Groups, Mean, Population

# Agent 6 is not there at step 1. Rows are in no order.
ROWS = pd.DataFrame(
    {
        "Step": [1, 0, 0, 1, 0],
        "AgentID": [7, 7, 5, 5, 6],
        "wealth": [5.0, 1.0, 2.0, 4.0, 3.0],
        "age": [3.0, 1.0, 1.0, 2.0, 2.0],
    }
)
# By hand: wealth plus age over the agents present, of agents 5, 6 and 7.
BY_STEP = [[3 / 3, 5 / 3, 2 / 3], [6 / 2, 0, 8 / 2]]

LONG: dict[str, Any] = {
    "Mesa": lambda rows: rows.set_index(["Step", "AgentID"]),
    "levels swapped": lambda rows: rows.set_index(["AgentID", "Step"]),
    "columns": lambda rows: rows,
    "step as index": lambda rows: rows.set_index("Step"),
    "agent as index": lambda rows: rows.set_index("AgentID"),
    "polars": pl.from_pandas,
    "pyarrow": pa.table,
    "duckdb": lambda rows: duckdb.from_arrow(pa.table(rows)),
    "pandas Arrow": lambda rows: rows.convert_dtypes(dtype_backend="pyarrow"),
}


NAMES = [
    ("step", "agent"),
    ("TIME", "unique_id"),
    ("t", "id"),
    ("Tick", "Agent ID"),
    ("[step]", "who"),
    ("timestamp", "user_id"),
    ("round", "agent_id"),
]


@pytest.mark.parametrize(
    ("make", "names"),
    [*((make, ("Step", "AgentID")) for make in LONG), *(("polars", names) for names in NAMES)],
)
def test_rows_of_step_and_agent_are_steps_by_any_name(make: str, names: tuple[str, str]) -> None:
    table = LONG[make](ROWS.rename(columns=dict(zip(("Step", "AgentID"), names, strict=True))))
    result = aumann.attribute(table, Mean())
    np.testing.assert_allclose(result.values, BY_STEP, rtol=1e-15)
    np.testing.assert_array_equal(result.presence, [[True] * 3, [True, False, True]])
    assert list(result.step_labels) == [0, 1]
    # Groups by the agents' own numbers.
    groups = result.group(pd.Series(["a", "b", "b"], index=[7, 6, 5]))
    np.testing.assert_allclose(groups.sums, [[2 / 3, 8 / 3], [4, 3]], rtol=1e-15)
    np.testing.assert_allclose(aumann.Mean().value(table), result.value, rtol=1e-15)


def test_steps_are_sorted_as_what_they_are() -> None:
    def read(steps: Any) -> aumann.Attribution:
        table = pd.DataFrame({"id": ["b", "a"] * 3, "time": steps, "x": np.arange(6.0)})
        return aumann.attribute(table, Mean())

    days = pd.to_datetime(
        ["2026-04-10", "2026-04-10", "2026-04-09", "2026-04-09"] + ["2026-05-01"] * 2
    )
    assert [str(t)[:10] for t in read(days).step_labels] == [
        "2026-04-09",
        "2026-04-10",
        "2026-05-01",
    ]
    np.testing.assert_array_equal(read(days).values * 2, [[3, 2], [1, 0], [5, 4]])
    np.testing.assert_array_equal(read([10, 10, 9, 9, 100, 100]).step_labels, [9, 10, 100])
    np.testing.assert_array_equal(read([0.1, 0.1, 0.0, 0.0, 0.2, 0.2]).step_labels, [0, 0.1, 0.2])
    order = pd.Categorical(
        ["mid"] * 2 + ["low"] * 2 + ["top"] * 2, ["low", "mid", "top"], ordered=True
    )
    assert read(order).step_labels.tolist() == ["low", "mid", "top"]
    assert read(list("BBAACC")).step_labels.tolist() == ["A", "B", "C"]


WIDE = ROWS.pivot(index="Step", columns="AgentID", values="wealth").fillna(0.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (WIDE, "columns, called 'AgentID', are agents"),
        (WIDE.T, "columns, called 'Step', are steps"),
        (ROWS.set_index(["Step", "AgentID"]).unstack(), "columns of 2 levels"),
        (WIDE.rename_axis(columns=None), "rows, by their index 'Step', are steps"),
        (WIDE.rename_axis(columns=None).reset_index(), "'Step' is no feature: it names steps"),
        (pl.from_pandas(ROWS).pivot(on="AgentID", index="Step", values="age"), "it names steps"),
        (
            pd.DataFrame(np.eye(2), index=pd.date_range("2026", periods=2)),
            "whose index holds times",
        ),
        (pd.DataFrame(np.eye(2), columns=pd.date_range("2026", periods=2)), "which are times"),
        (pl.DataFrame(np.eye(2), schema=["agent_0", "agent_1"]), "'agent_0', 'agent_1' are agents"),
        (pa.table({"Step 1": [1.0], "Step 2": [2.0]}), "'Step 1', 'Step 2' are steps"),
        (ROWS.drop(columns="Step"), "'AgentID' is no feature.*agent='AgentID'"),
        (
            ROWS.drop(columns="AgentID"),
            "'Step' is no feature.*from_table.x, step='Step', agent=...",
        ),
        (ROWS.assign(time=0), "'Step', .*'AgentID', .*'time' are no features"),
        (ROWS.set_index(["Step", "AgentID"]).rename_axis(["a", "b"]), "index of levels"),
        (pd.concat([ROWS, ROWS]), "rows 2 and 7 have the same 'Step' and 'AgentID'"),
        (ROWS.drop_duplicates("AgentID"), "every 'AgentID' has one row, and 'Step' differs"),
        (ROWS.assign(Step=[0, 1, None, 1, 0]), "column 'Step', row 2, is missing"),
        (ROWS.assign(kind="wolf"), "column 'kind': dtype object, real numbers"),
        (xr.Dataset({"a": ("agent", [1.0])}), "use x.to_dataarray"),
        (
            xr.DataArray(np.eye(2), dims=["agent", "feature"], coords={"feature": ["id", "a"]}),
            "'id'",
        ),
    ],
)
def test_tables_of_another_form_are_refused_with_the_cure(table: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        aumann.attribute(table, Mean())


@pytest.mark.parametrize(
    "table",
    [
        WIDE,
        WIDE.T,
        WIDE.rename_axis(columns=None),
        WIDE.set_axis(pd.date_range("2026", periods=2)).rename_axis(columns=None),
        WIDE.T.set_axis(pd.date_range("2026", periods=2), axis=1),
    ],
)
def test_the_cure_of_a_wide_table_reads_it(table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"shape \(T, N, 1\)") as caught:
        aumann.attribute(table, Mean())
    cure = re.search(r"x\.to_numpy\(\).*\]", str(caught.value))
    assert cure is not None
    read = eval(cure[0], {"x": table})
    np.testing.assert_array_equal(read[..., 0], [[2, 3, 1], [4, 0, 5]])


def test_a_table_of_more_columns_than_rows_is_warned_about() -> None:
    with pytest.warns(UserWarning, match=r"30 features of 2 agents; if its columns are agents"):
        aumann.attribute(pd.DataFrame(np.ones((2, 30))), Mean())


X = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 0.0, 1.0]}, index=["al", "bo", "cy"])
ORDER = ["cy", "al", "bo"]


def array(frame: pd.DataFrame, *dims: str) -> xr.DataArray:
    return xr.DataArray(
        frame.to_numpy(),
        dims=["agent", "feature"],
        coords={"agent": list(frame.index), "feature": list(frame.columns)},
    ).transpose(*dims)


@pytest.mark.parametrize(
    "x", [X, array(X, "agent", "feature"), [X["a"], X["b"]]], ids=["pandas", "xarray", "columns"]
)
def test_arguments_of_another_order_are_put_in_the_order_of_x(x: Any) -> None:
    other = X.loc[ORDER]
    for baseline in (other, array(other, "feature", "agent"), [other["a"], other["b"]]):
        np.testing.assert_array_equal(aumann.attribute(x, Mean(), baseline=baseline).values, 0)
    present = pd.Series([True, False, True], index=ORDER)
    for mask in (present, xr.DataArray(present.to_numpy(), dims="id", coords={"id": ORDER})):
        # "al" is absent: (2 + 0) / 2 and (4 + 1) / 2.
        np.testing.assert_array_equal(
            aumann.attribute(x, Mean(), presence=mask).values, [0, 1, 2.5]
        )
    result = aumann.attribute(x, Mean())
    labels = pd.Series(["c", "a", "b"], index=ORDER)
    for groups in (
        labels,
        Groups.from_labels(labels),
        labels.astype("category"),
        xr.DataArray(labels.to_numpy(), dims="agent", coords={"agent": ORDER}),
    ):
        np.testing.assert_array_equal(result.group(groups).sums * 3, [4, 2, 5])
    ranked = Groups.tiers(pd.Series([1, 2, 3], index=ORDER), (1 / 3, 2 / 3), ("first", "rest"))
    np.testing.assert_array_equal(result.group(ranked).sums * 3, [2, 9])


def test_features_of_another_order_are_put_in_the_order_of_x() -> None:
    for baseline in (X[["b", "a"]], array(X[["b", "a"]], "agent", "feature")):
        np.testing.assert_array_equal(aumann.attribute(X, Mean(), baseline=baseline).values, 0)
    one = pd.Series({"b": 3.0, "a": 1.0})
    for row in (one, xr.DataArray([3.0, 1.0], dims="feature", coords={"feature": ["b", "a"]})):
        values = aumann.attribute(X, aumann.Mean(weights=[1, 10]), baseline=row).values
        np.testing.assert_allclose(values * 3, [0, 1 - 30, 3 - 20], rtol=1e-15)


def test_steps_of_another_order_are_put_in_the_order_of_x() -> None:
    x = xr.DataArray(np.arange(8.0).reshape(2, 2, 2), dims=["time", "agent", "feature"])
    x = x.assign_coords(time=[2001, 2002], agent=["al", "bo"])
    turned = x.sel(time=[2002, 2001], agent=["bo", "al"]).transpose("agent", "feature", "time")
    np.testing.assert_array_equal(aumann.attribute(x, Mean(), baseline=turned).values, 0)
    there = pd.DataFrame([[True, False], [True, True]], index=[2002, 2001], columns=["bo", "al"])
    expected = [[True, True], [False, True]]
    for mask in (there, there.rename_axis(index="Step", columns="AgentID").T):
        result = aumann.attribute(x, Mean(), presence=mask)
        np.testing.assert_array_equal(result.presence, expected)


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (
            X,
            pd.Series([1, 2, 3], index=["al", "bo", "dy"]),
            "labels 'al', 'bo', 'dy' of its agents",
        ),
        (X, pd.Series([1, 2, 3], index=["al", "bo", "bo"]), "'bo' of its agents is there twice"),
        (X.to_numpy(), pd.Series([1, 2, 3], index=ORDER), "but x has none"),
        (X.to_numpy(), pd.Series([1, 2, 3], index=[4, 5, 6]), "but x has none"),
        (
            X.reset_index(drop=True).iloc[[0, 2]],
            pd.Series([1, 2]),
            "labels 0, 1 of its agents, 0, 2",
        ),
        (X, xr.DataArray([1, 2, 3], dims="time"), r"dims \('time',\), \(agent,\)"),
        (X, pd.Series([1, 2, 3], index=pd.Index(range(3), name="Step")), "called 'Step'"),
    ],
)
def test_labels_of_others_are_refused(x: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        aumann.attribute(x, Mean()).group(labels)
    with pytest.raises(ValueError, match=message):
        aumann.attribute(x, Mean(), presence=labels > 0)


def test_numbers_of_rows_are_labels_among_themselves() -> None:
    rows = X.reset_index(drop=True)
    result = aumann.attribute(rows, Mean())
    labels = pd.Series(["c", "a", "b"], index=[2, 0, 1])
    np.testing.assert_array_equal(result.group(labels).sums * 3, [4, 2, 5])
    turned = aumann.attribute(rows.iloc[::-1], Mean())
    np.testing.assert_array_equal(turned.group(labels).sums * 3, [4, 2, 5])
    # And none beside labels of another kind.
    named = aumann.attribute(X, Mean())
    np.testing.assert_array_equal(named.group(pd.Series(["a", "b", "c"])).sums * 3, [4, 2, 5])


def test_rows_of_a_sorted_table_are_not_put_back_beside_plain_numbers() -> None:
    table = X.assign(tier=["tail", "top", "tail"]).reset_index(drop=True).sort_values("b")
    plain = table[["a", "b"]].to_numpy()
    for x in (plain, pl.DataFrame(plain, ["a", "b"]), [plain[:, 0], plain[:, 1]]):
        result = aumann.attribute(x, Mean())
        with pytest.raises(ValueError, match=r"labels 1, 2, 0 of its agents.*labels\.sort_index"):
            result.group(table["tier"])
        with pytest.raises(ValueError, match="labels 1, 2, 0 of its agents"):
            aumann.attribute(x, Mean(), baseline=table[["a", "b"]])
        with pytest.raises(ValueError, match="labels 1, 2, 0 of its agents"):
            aumann.attribute(x, Mean(), presence=table["b"] > 0)
        # By hand: (1 + 3 + 4 + 1) / 3 and 2 / 3.
        sums = result.group(table["tier"].to_numpy()).sums
        np.testing.assert_allclose(sums, [3, 2 / 3], rtol=1e-15)


def test_columns_of_different_orders_are_joined_by_their_labels() -> None:
    joined = aumann.attribute([X["a"], X["b"].loc[ORDER]], Mean())
    np.testing.assert_array_equal(joined.values, aumann.attribute(X, Mean()).values)
    with pytest.raises(ValueError, match="labels on both or on neither"):
        aumann.attribute([pd.Series([1.0, 2.0], index=[1, 0]), np.ones(2)], Mean())
    with pytest.raises(TypeError, match="item 0 is a table among feature columns"):
        aumann.attribute([X, X], Mean())
    with pytest.raises(TypeError, match=r"x\[0\]: a column of arrays"):
        aumann.attribute([pl.Series([[1.0, 2.0]], dtype=pl.Array(pl.Float64, 2))], Mean())
    turned = xr.DataArray(np.arange(6.0).reshape(3, 2), dims=["agent", "time"])
    found = aumann.attribute([turned], Mean()).values
    np.testing.assert_allclose(found * 3, np.arange(6.0).reshape(3, 2).T, rtol=1e-15)


def test_reweighting_takes_labels() -> None:
    rows = [f"m{k}" for k in range(40)]
    x = pd.DataFrame({"s": np.arange(40.0)}, index=rows)
    groups = pd.Series(["tail"] * 20 + ["top"] * 20, index=rows)
    chances = pd.Series([0.05] * 20 + [0.5] * 20, index=rows)
    # 20 of 400 tail members have a mean of 9.5, 20 of 40 top ones of 29.5.
    shares = np.array([400 * 9.5, 40 * 29.5]) / (400 * 9.5 + 40 * 29.5)
    shuffled = rows[::-3] + [row for row in rows if row not in rows[::-3]]
    found = aumann.reweight(x, Mean(), groups[shuffled], inclusion=chances[rows[::-1]])
    np.testing.assert_allclose(found.shares, shares, rtol=1e-13)
    # As value_counts gives it: the larger group first.
    totals = pd.Series({"top": 40, "tail": 400}).sort_values(ascending=True)
    for sizes in (
        totals,
        xr.DataArray(totals.to_numpy(), dims="group", coords={"group": list(totals.index)}),
    ):
        found = aumann.reweight(x, Mean(), groups, totals=sizes)
        np.testing.assert_allclose(found.shares, shares, rtol=1e-13)
    plan = aumann.plan_panel(x, Mean(), groups[shuffled], "top", 0.05, inclusion=chances[shuffled])
    assert plan == aumann.plan_panel(x, Mean(), groups, "top", 0.05, inclusion=chances)
    with pytest.raises(ValueError, match="out of reach: 'tail'; such"):
        aumann.check_inclusion(chances.where(chances > 0.1, 0.0), groups[shuffled])
    with pytest.raises(ValueError, match="two of its groups have one name"):
        aumann.reweight(x, Mean(), groups, totals={"top": 40, "tail": 400, 1: 5, "1": 6})


def test_members_who_are_called_differently_are_refused() -> None:
    whole = aumann.attribute(X, Mean())
    panel = aumann.attribute(X.iloc[[2, 0]], Mean())
    assert aumann.rescaling(panel, whole, [2, 0]).factor > 0
    with pytest.raises(ValueError, match="agent 0 of the population is called 'al', but 'cy'"):
        aumann.rescaling(panel, whole, [0, 2])


def test_populations_of_arrays_take_labels_and_dims() -> None:
    posts = xr.DataArray([[1, 2, 3], [4, 5, 6]], dims=["agent", "time"])
    posts = posts.assign_coords(agent=["al", "bo"], time=[2001, 2002, 2003])
    frame = posts.to_pandas().T
    reach = pd.Series([9, 7], index=["bo", "al"])
    for given in (posts, frame, frame.T.rename_axis(index="agent", columns="time"), posts.T):
        population = Population.from_arrays(
            {"posts": given, "reach": reach},
            kinds="count",
            labels={"name": pd.Series(["Bo", "Al"], index=["bo", "al"])},
            presence=pd.DataFrame(True, index=[2003, 2001, 2002], columns=["bo", "al"]),
        )
        np.testing.assert_array_equal(population.series("posts")[0], [[1, 4], [2, 5], [3, 6]])
        assert population.step_labels == ("2001", "2002", "2003")
        assert population.agent_table["reach"].tolist() == [7, 9]
        assert population.agent_table["name"].tolist() == ["Al", "Bo"]
    by_topic = xr.DataArray(np.arange(4).reshape(1, 2, 2), dims=["agent", "step", "topic"])
    by_topic = by_topic.assign_coords(topic=["b", "a"])
    population = Population.from_arrays({"posts": by_topic}, kinds="count", topics=["a", "b"])
    np.testing.assert_array_equal(population.series("posts")[0], [[1], [3]])
    with pytest.raises(ValueError, match="reach: labels 'bo', 'cy' of its agents"):
        Population.from_arrays(
            {"posts": posts, "reach": reach.set_axis(["bo", "cy"])}, kinds="count"
        )
    with pytest.raises(
        TypeError, match=r"posts: DataFrame, an array is wanted: use posts.to_numpy"
    ):
        Population.from_arrays({"posts": pl.DataFrame({"al": [1]})}, kinds="count")


def test_identifiers_that_are_kept_are_labels() -> None:
    population = Population.from_table(
        ROWS, features=["wealth"], kinds="measurement", step="Step", agent="AgentID", keep_ids=True
    )
    result = aumann.attribute(population, Mean())
    groups = result.group(pd.Series(["a", "b", "b"], index=[7, 6, 5]))
    np.testing.assert_allclose(groups.sums, [[1 / 3, 5 / 3], [5 / 2, 4 / 2]], rtol=1e-15)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, "1"], r"labels\[1\] is '1', but labels\[0\] is 1; labels of one kind"),
        ([True, 1], r"labels\[1\] is 1, but labels\[0\] is True"),
        (["a", float("nan")], r"labels\[1\] is missing"),
        (["a", None], r"labels\[1\] is missing"),
        (pd.Series(["a", None]), r"labels\[1\] is missing"),
        (pl.Series(["a", None]), r"labels\[1\] is missing"),
        (pa.array(["a", None]), r"labels\[1\] is missing"),
        (pd.Categorical(["a", None]), r"labels\[1\] is missing"),
        ([1, 2**70], r"labels\[0\] is 1; an integer, a boolean or text|is 1180591620717411303424"),
        (X, "labels: a table, one of its columns is wanted"),
        (ROWS.set_index(["Step", "AgentID"])["age"].astype(int), "index of 2 levels"),
    ],
)
def test_labels_that_are_no_labels_are_refused(labels: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Groups.from_labels(labels)


def test_ordered_categories_keep_their_order_and_large_numbers_their_value() -> None:
    sizes = pd.Categorical(["hi", "lo", "mid"], ["lo", "mid", "hi", "never"], ordered=True)
    enum = pl.Series(["hi", "lo", "mid"], dtype=pl.Enum(["lo", "mid", "hi"]))
    for labels in (sizes, pd.Series(sizes), enum, enum.to_arrow(), pa.array(pd.Series(sizes))):
        groups = Groups.from_labels(labels)
        assert groups.names == ("lo", "mid", "hi")
        assert groups.codes.tolist() == [2, 0, 1]
    assert Groups.from_labels(pd.Categorical(["b", "a"], ["b", "a"])).names == ("a", "b")
    for large in (np.array([2**63 + 5, 7], dtype=np.uint64), [2**63 + 5, 7]):
        assert Groups.from_labels(large).names == ("7", str(2**63 + 5))


def test_a_game_that_returns_a_sorted_series_is_put_in_order() -> None:
    def value(coalitions: np.ndarray) -> pd.Series:
        return pd.Series(coalitions @ np.array([3.0, 1.0, 2.0])).sort_values()

    result = aumann.attribute(aumann.Game(value, 3), method=aumann.Shapley())
    np.testing.assert_allclose(result.values, [3, 1, 2], rtol=1e-15)
