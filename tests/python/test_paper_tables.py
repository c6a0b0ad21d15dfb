"""The paper's tables of a study: every cell against the raw tables, and what is not there."""

import io
import itertools
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from rich.console import Console
from typer.testing import CliRunner

import aumann
from aumann.cli import app
from aumann.cli.study_tables import print_paper_tables
from aumann.study.paper_tables import paper_tables

POPULATION = aumann.synthesize(agents=2_500, steps=3, topics=2, seed=5)
PROTOCOLS = {
    "random": aumann.UniformRandom(),
    "visibility": aumann.VisibilityBiased(),
    "topic top": aumann.TopicTop(),
}
SIZES, SEEDS = [200, 1_000], [3, 8, 9]
NONLINEAR = ["Heat()", "Variance()", "GiniMeanDifference()"]
TIERS = ["top", "middle", "tail"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    study = aumann.Study(POPULATION, protocols=PROTOCOLS, sizes=SIZES, seeds=SEEDS)
    return study.run(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def tables(results):
    return results.paper_tables()


def figures(results, name, figure, **where):
    """Return a figure of the rows that are asked for, in their order."""
    columns = {key: results.tables[name][key].to_pylist() for key in (*where, figure)}
    mine = [
        all(columns[key][row] == value for key, value in where.items())
        for row in range(results.tables[name].num_rows)
    ]
    found = [value for value, wanted in zip(columns[figure], mine, strict=True) if wanted]
    return np.array([np.nan if value is None else value for value in found], float)


def records(table):
    """Return the rows of a paper table as dicts."""
    columns = table.to_table().columns
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_shares_of_the_whole_and_of_small_panels(results, tables):
    rows = records(tables["Table 2"])
    lines = [(row["value function"], row["panel"], row["tier"]) for row in rows]
    assert lines == list(itertools.product(NONLINEAR, ["FULL", *PROTOCOLS], TIERS))
    for row, (function, panel, tier) in zip(rows, lines, strict=True):
        for topic in POPULATION.topics:
            where = {"topic": topic, "value_function": function, "tier": tier}
            if panel == "FULL":
                (wanted,) = figures(results, "whole", "share", **where)
            else:
                shares = figures(results, "shares", "share", protocol=panel, size=200, **where)
                assert len(shares) == 3
                wanted = shares.mean()
            assert row[topic] == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize(("name", "figure"), [("Table 3", "residual"), ("Appendix G", "spearman")])
def test_figures_by_topic_and_value_function(results, tables, name, figure):
    rows = records(tables[name])
    assert [row["topic"] for row in rows] == list(POPULATION.topics)
    for row, function in itertools.product(rows, ["Mean()", *NONLINEAR]):
        where = {"topic": row["topic"], "value_function": function}
        # Not the first protocol, which draws uniformly.
        found = figures(results, "cells", figure, protocol="visibility", size=1_000, **where)
        assert row[function] == pytest.approx(found.mean(), rel=1e-14)
        assert row[f"{function} deviation"] == pytest.approx(found.std(ddof=1), rel=1e-6)
    assert "panels of 1,000 by visibility" in tables[name].title


def test_overlaps_of_the_largest(results, tables):
    rows = records(tables["Table 12"])
    assert len(rows) == 8
    for row, k in itertools.product(rows, (10, 100)):
        where = {"topic": row["topic"], "value_function": row["value function"]}
        found = figures(results, "cells", f"jaccard_{k}", protocol="visibility", size=200, **where)
        assert row[f"top {k}"] == pytest.approx(found.mean(), rel=1e-14)
        assert row[f"top {k} deviation"] == pytest.approx(found.std(ddof=1), rel=1e-12)


def test_shares_by_topic_and_value_function(results, tables):
    rows = records(tables["Table 13"])
    assert [(row["value function"], row["topic"]) for row in rows] == list(
        itertools.product(["Mean()", *NONLINEAR], POPULATION.topics)
    )
    for row, tier in itertools.product(rows, TIERS):
        where = {"topic": row["topic"], "value_function": row["value function"], "tier": tier}
        panels = figures(results, "shares", "share", protocol="visibility", size=200, **where)
        assert row[f"200 {tier}"] == pytest.approx(panels.mean(), rel=1e-14)
        assert row[f"FULL {tier}"] == figures(results, "whole", "share", **where)[0]


def test_peaks(results, tables):
    tiers = POPULATION.tiers()
    for row in records(tables["Table 15"]):
        values, shares = [], []
        for x in POPULATION.features(row["topic"]):
            result = aumann.attribute(x, aumann.Heat())
            values.append(result.value)
            shares.append(result.group(tiers).shares)
        peak = int(np.argmax(values))
        assert row["peak"] == str(POPULATION.step_labels[peak])
        assert_allclose([row[tier] for tier in TIERS], shares[peak], rtol=1e-12)
        assert row["most"] == TIERS[int(np.argmax(shares[peak]))]
    assert "Heat()" in tables["Table 15"].title


def test_members_against_the_flip(results, tables):
    codes = POPULATION.tiers().codes
    topic = POPULATION.topics[0]
    rows = records(tables["Table 17"])
    assert [row["protocol"] for row in rows] == list(PROTOCOLS)
    for row in rows:
        drawn = [
            PROTOCOLS[row["protocol"]].draw(POPULATION, 200, seed, topic=topic) for seed in SEEDS
        ]
        counts = [np.count_nonzero(codes[members] == 0) for members in drawn]
        assert row["members"] == pytest.approx(np.mean(counts), rel=1e-14)
        assert row["members deviation"] == pytest.approx(np.std(counts, ddof=1), rel=1e-12)
        where = {"topic": topic, "value_function": "Variance()", "tier": "top"}
        shares = figures(results, "shares", "share", protocol=row["protocol"], size=200, **where)
        flip = shares - figures(results, "whole", "share", **where)
        assert row["flip, points"] == pytest.approx(flip.mean(), rel=1e-10)
        assert row["flip, points deviation"] == pytest.approx(flip.std(ddof=1), rel=1e-10)


def test_shares_against_size(results, tables):
    rows = records(tables["Table 18"])
    assert [row["size"] for row in rows] == ["200", "1,000", "FULL"]
    for row, protocol, tier in itertools.product(rows, ("visibility", "random"), TIERS):
        where = {"topic": POPULATION.topics[0], "value_function": "Heat()", "tier": tier}
        if row["size"] == "FULL":
            wanted = figures(results, "whole", "share", **where)[0]
        else:
            size = int(row["size"].replace(",", ""))
            wanted = figures(
                results, "shares", "share", protocol=protocol, size=size, **where
            ).mean()
        assert row[f"{protocol} {tier}"] == pytest.approx(wanted, rel=1e-14)


def sparse(agents=400):
    """Return a population without topics in which few agents are replied to."""
    draw = np.random.default_rng(2)
    shape = (2, agents)
    return aumann.Population.from_arrays(
        {
            "reach": np.tile(draw.pareto(1.2, agents) * 50, (2, 1)),
            "activity": draw.poisson(2.0, shape),
            "resonance": (draw.random(shape) < 0.01).astype(int),
        },
        kinds="count",
    )


def test_undefined_shares_are_shown_and_counted(tmp_path):
    study = aumann.Study(
        sparse(),
        protocols={"visibility": aumann.VisibilityBiased(), "random": aumann.UniformRandom()},
        sizes=[20],
        seeds=range(4),
    )
    results = study.run(tmp_path)
    tables = results.paper_tables()
    table = tables["Table 2"]
    assert [column.name for column in table.columns] == ["value function", "panel", "tier", "all"]
    counted = []
    for protocol in ("visibility", "random"):
        where = {"value_function": "Heat()", "protocol": protocol, "tier": "top"}
        shares = figures(results, "shares", "share", **where)
        undefined = np.count_nonzero(np.isnan(shares))
        if undefined:
            counted.append(f"{undefined} of 4 panels of Heat() and {protocol}")
        (row,) = (
            row for row in records(table) if list(row.values())[:3] == ["Heat()", protocol, "top"]
        )
        (text,) = (line[3] for line in table.rows if line[:3] == ["Heat()", protocol, "top"])
        if undefined == 4:
            assert np.isnan(row["all"])
            assert text == "undefined"
        else:
            assert row["all"] == pytest.approx(np.nanmean(shares), rel=1e-14)
    assert counted
    note = f"undefined shares, left out of the means: {'; '.join(counted)}"
    assert note in table.notes
    assert note in repr(table)


def test_one_seed_has_no_deviation_and_one_protocol_no_control(tmp_path):
    protocols = {"visibility": aumann.VisibilityBiased()}
    functions = [aumann.Heat()]
    results = aumann.Study(sparse(), functions, protocols, sizes=[200], seeds=[4]).run(tmp_path)
    tables = results.paper_tables()
    assert "one panel, seed 4" in tables["Table 3"].title
    assert np.isnan(records(tables["Table 3"])[0]["Heat() deviation"])
    assert "±" not in repr(tables["Table 3"])
    assert list(records(tables["Table 18"])[0]) == [
        "size",
        "visibility top",
        "visibility middle",
        "visibility tail",
    ]
    assert "no two protocols" in tables["Table 18"].notes[-1]
    # The dose-response takes what there is where there is no variance.
    assert "Heat()" in tables["Table 17"].title


def test_what_a_study_does_not_hold_is_named(tmp_path):
    study = aumann.Study(sparse(), [aumann.Mean()], PROTOCOLS, sizes=[20], seeds=[0])
    results = study.run(tmp_path)
    tables = results.paper_tables()
    held = {name for name, table in tables.items() if not table.missing}
    assert {"Table 3", "Table 12", "Table 13"} <= held
    assert "the mean; ask for heat, variance or gini" in tables["Table 2"].missing
    with pytest.raises(ValueError, match="Table 2: its only value function is the mean"):
        tables["Table 2"].to_pandas()
    assert "not in this study" in repr(tables["Table 2"])
    without = {name: table for name, table in results.tables.items() if name != "steps"}
    manifest = study.manifest()
    assert "no table 'steps'" in paper_tables(without, manifest)["Table 15"].missing


def named_topics(topics):
    """Return a population with topics of these names."""
    counts = np.random.default_rng(0).poisson(3.0, (len(topics), 1, 300))
    return aumann.Population.from_arrays(
        {"reach": counts[0, 0], "activity": counts, "resonance": counts},
        kinds="count",
        topics=topics,
    )


def test_a_topic_may_be_called_like_a_column(tmp_path):
    study = aumann.Study(named_topics(["other", "tier"]), [aumann.Heat()], sizes=[100], seeds=[0])
    results = study.run(tmp_path)
    row = records(results.paper_tables()["Table 2"])[0]
    where = {"topic": "tier", "tier": "top"}
    assert row["tier"] == "top"
    assert row["tier (4)"] == figures(results, "whole", "share", **where)[0]


def printed(tables):
    console = Console(file=io.StringIO(), width=200, markup=False, highlight=False, emoji=False)
    print_paper_tables(console, tables.values())
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_every_cell_is_printed_once_however_many_topics_and_tiers(tmp_path):
    topics = [f"a matter of public debate, part {k}" for k in range(11)] + ["x" * 70]
    population = named_topics(topics)
    study = aumann.Study(
        population,
        [aumann.Heat(), aumann.Variance()],
        PROTOCOLS,
        sizes=[100],
        seeds=[0],
        tiers=population.tiers("reach", (0.01, 0.04, 0.05, 0.1, 0.3, 0.5), tuple("abcdef")),
    )
    tables = study.run(tmp_path).paper_tables()
    lines = printed(tables)
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    for table in tables.values():
        if not table.missing:
            for row in table.rows:
                for cell in row[table.labels :]:
                    assert cell in text
    # As many shares as there are cells: none is lost or printed twice.
    cells = sum(
        len(column.cells)
        for table in tables.values()
        for column in table.columns
        if column.kind == "share"
    )
    assert len(re.findall(r"\d+\.\d%|undefined(?! shares)", text)) == cells


def test_the_command_prints_the_tables_and_nothing_else(tmp_path):
    POPULATION.write_parquet(tmp_path / "population.parquet")
    (tmp_path / "study.toml").write_text(
        'population = "population.parquet"\noutput = "out"\nsizes = [100]\nseeds = [0, 1]\n'
    )
    asked = ["study", str(tmp_path / "study.toml"), "--tables", "paper"]
    answer = CliRunner().invoke(app, asked)
    assert (answer.exit_code, answer.stderr) == (0, "")
    lines = answer.stdout.splitlines()
    assert lines[0].startswith("Table 2. Tier shares of all 2,500 agents (FULL) and of panels of")
    assert max(len(line.rstrip()) for line in lines) <= 100
    again = CliRunner().invoke(app, asked)
    assert again.stdout == answer.stdout
    wrong = CliRunner().invoke(app, [*asked[:-1], "papers"])
    assert wrong.exit_code == 2
