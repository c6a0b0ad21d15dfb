"""Who is who: shown where single agents are if identifiers were kept, and nowhere else."""

import copy
import json
import pickle

import numpy as np
import polars as pl
import pytest
from event_logs import DAY, START, text, write
from typer.testing import CliRunner

import aumann
from aumann.cli import app

# Twelve people; ayn is addressed most, then bob.
NAMES = ["ayn", "bob", *(f"fan {k:02}" for k in range(10))]
EVENTS = [
    *((f"fan {k:02}", "ayn", START + k * DAY // 5, "RE") for k in range(10)),
    *((f"fan {k:02}", "bob", START + k * DAY // 5, "RE") for k in range(5)),
    *((name, "", START + k * DAY // 7, "RT") for k, name in enumerate(NAMES)),
]


def build(folder, *asked):
    log = write(folder / "log.csv", text(EVENTS, ","))
    kinds = ["--activity", "RT", "--resonance", "RE"]
    told = run("population", "build", log, *kinds, "-o", folder / "p.parquet", *asked)
    return folder / "p.parquet", told


def run(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.fixture
def kept(tmp_path):
    return aumann.Population.read_parquet(build(tmp_path, "--keep-ids")[0])


def test_top_tables_and_exports_show_who_is_who(kept):
    result = aumann.attribute(kept, aumann.Mean())
    np.testing.assert_array_equal(result.agent_ids, NAMES)
    whole = result.by_agent()
    assert [NAMES[k] for k in np.argsort(-whole, kind="stable")[:2]] == ["ayn", "bob"]
    top = result.top(2)
    agents, values = top
    assert values.shape == (2, 2)
    np.testing.assert_array_equal(top.ids, np.array(NAMES)[agents])
    assert repr(top).splitlines()[:2] == [
        "Top 2 of each of 2 steps, agent (attribution)",
        f"  step 0: {top.ids[0, 0]} ({values[0, 0]:.6g}), {top.ids[0, 1]} ({values[0, 1]:.6g})",
    ]
    for frame in (result.to_pandas(), result.to_polars().to_pandas()):
        assert list(frame.columns) == ["step", "agent", "id", "value"]
        assert frame["id"].tolist() == NAMES * 2
    assert result.to_arrow().column_names == ["step", "agent", "id", "value"]
    array = result.to_xarray()
    assert array.coords["id"].values.tolist() == NAMES
    assert array.sel(agent=1).coords["id"].item() == "bob"
    rows = repr(result).splitlines()
    assert [line.split()[:2] for line in rows[-5:-3]] == [["0", "ayn"], ["1", "bob"]]
    assert rows[-6].split() == ["top", "agent", "id", "value", "share"]
    assert "<td>ayn</td>" in result._repr_html_()


def test_names_go_along_with_panels_copies_and_merged_samples(kept):
    panel = aumann.attribute(kept.take([3, 0]), aumann.Variance())
    assert panel.agent_ids.tolist() == ["fan 01", "ayn"]
    assert panel.top(1).ids[0].tolist() == ["ayn"]

    def sampled(seed):
        method = aumann.Shapley(aumann.PermutationSampling(20, seed=seed))
        return aumann.attribute(kept, aumann.Heat(), method=method)

    merged = sampled(0).merge(sampled(1))
    exact = aumann.attribute(kept, aumann.Mean())
    for result in (merged, copy.deepcopy(exact), pickle.loads(pickle.dumps(exact))):
        assert result.agent_ids.tolist() == NAMES
    top = pickle.loads(pickle.dumps(exact.top(3)))
    np.testing.assert_array_equal(top.ids, exact.top(3).ids)


def test_a_step_with_fewer_agents_has_no_name_to_fill_up_with():
    table = {"agent": ["ayn", "bob", "ayn"], "step": [1, 1, 2], "posts": [1, 2, 3]}
    population = aumann.Population.from_table(
        table, features=["posts"], kinds="count", keep_ids=True
    )
    top = aumann.attribute(population, aumann.Mean()).top(2)
    assert top.ids.tolist() == [["bob", "ayn"], ["ayn", None]]
    numbers = aumann.Population.from_arrays(
        {"posts": [[1, 2]]}, kinds="count", labels={"id": [70, 50]}
    )
    assert aumann.attribute(numbers, aumann.Mean()).top(1).ids.tolist() == [[50]]


def test_no_names_where_none_were_kept(tmp_path):
    file, told = build(tmp_path)
    result = aumann.attribute(aumann.Population.read_parquet(file), aumann.Mean())
    assert result.agent_ids is None
    assert result.top(2).ids is None
    assert "id" not in result.to_table().columns
    assert "id" not in result.to_xarray().coords
    shown = [repr(result), repr(result.top(2)), result._repr_html_(), told]
    shown += [run("attribute", file, "--value-function", "mean", "--per-agent")]
    assert not any("ayn" in each or "ids=" in each for each in shown)


def test_per_agent_on_the_command_line(tmp_path):
    file, told = build(tmp_path, "--keep-ids")
    assert "identifiers kept" in told
    asked = ["attribute", file, "--value-function", "mean"]
    phi = aumann.attribute(aumann.Population.read_parquet(file), aumann.Mean()).by_agent()
    order = np.argsort(-phi, kind="stable")[:3]
    document = json.loads(run(*asked, "--per-agent", "--top", 3, "--json"))["by_agent"]
    assert document["id"] == [NAMES[k] for k in order]
    assert document["attribution"] == pytest.approx(phi[order].tolist())
    table = run(*asked, "--per-agent")
    assert "agent  id" in table
    assert "ayn" in table
    run(*asked, "--per-agent", "-o", tmp_path / "a.csv")
    written = pl.read_csv(tmp_path / "a.csv")
    assert written["id"].to_list() == NAMES
    # Groups name nobody, whatever was kept.
    assert "ayn" not in run(*asked)
    assert "ayn" not in run(*asked, "--json")
    run(*asked, "-o", tmp_path / "groups.csv")
    assert "ayn" not in (tmp_path / "groups.csv").read_text()
