"""The paper's tables of a study: what is undefined, missing or too wide, and the command."""

import io
import re

import numpy as np
import pytest
from rich.console import Console
from study_rows import figures, records
from typer.testing import CliRunner

import aumann
from aumann.cli import app
from aumann.cli.study_tables import print_paper_tables
from aumann.study.paper_table import Column, PaperTable
from aumann.study.paper_tables import paper_tables

PROTOCOLS = {
    "random": aumann.UniformRandom(),
    "visibility": aumann.VisibilityBiased(),
    "topic top": aumann.TopicTop(),
}


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
    assert note in " ".join(repr(table).split())


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
    results = study.run(tmp_path / "1")
    tables = results.paper_tables()
    held = {name for name, table in tables.items() if not table.missing}
    assert {"Table 3", "Table 12", "Table 13"} <= held
    assert "the mean; ask for heat, variance or gini" in tables["Table 2"].missing
    with pytest.raises(ValueError, match="Table 2: its only value function is the mean"):
        tables["Table 2"].to_pandas()
    assert "not in this study" in repr(tables["Table 2"])
    study = aumann.Study(sparse(), [aumann.Heat()], PROTOCOLS, sizes=[20], seeds=[0], stepwise=[])
    missing = study.run(tmp_path / "2").paper_tables()["Table 16"].missing
    assert missing == "it has no table 'panel_steps'; name a protocol in stepwise"
    without = {name: table for name, table in results.tables.items() if name != "steps"}
    manifest = study.manifest()
    assert (
        "no table 'steps'; a study that is run anew"
        in paper_tables(without, manifest)["Table 15"].missing
    )


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
    # As many shares and undefined figures as there are: none is lost or printed twice.
    shown = re.compile(r"\d+\.\d%|undefined(?!:| shares)")
    cells = [cell for table in tables.values() for row in table.rows for cell in row]
    assert len(shown.findall(text)) == sum(map(bool, map(shown.search, cells))) > 900


def test_a_wide_table_goes_on_below_with_the_names_of_its_rows():
    labels = [Column("tier", "text", ["top", "tail"])]
    shares = [Column(f"topic {k}", "share", [0.01 * k, 1 - 0.01 * k]) for k in range(23)]
    lines = printed({"": PaperTable("Table 0", "Wide", labels + shares)})
    heads = [line for line in lines if line.startswith("tier")]
    assert [len(re.findall("topic", line)) for line in heads] == [10, 9, 4]
    assert [line[:4] for line in lines].count("tail") == 3


def test_names_of_sections_count_in_the_width():
    labels = [Column("value function", "text", ["x" * 24]), Column("topic", "text", ["all"])]
    # 24 and 5 x (2 + 13) are 99.
    shares = [Column(f"tier number {k}", "share", [0.1]) for k in range(6)]
    lines = printed({"": PaperTable("Table 0", "Wide", labels + shares, 2)})
    heads = [line for line in lines if line.startswith("topic")]
    assert [len(re.findall("tier", line)) for line in heads] == [5, 1]
    assert len(heads[0]) == 99


def test_shares_have_signs_where_one_is_below_nothing_or_above_all():
    tier = Column("tier", "text", ["top", "tail"])
    for shares, text in (([-0.25, 1.25], "-25.0% +125.0%"), ([0.25, 0.75], "25.0% 75.0%")):
        table = PaperTable("Table 0", "Signs", [tier, Column("all", "share", shares)])
        assert " ".join(row[1] for row in table.rows) == text
        assert ("signed shares" in repr(table)) == ("+" in text)
        assert ("signed shares" in table._repr_html_()) == ("+" in text)


def test_the_command_prints_the_tables_and_nothing_else(tmp_path):
    population = aumann.synthesize(agents=2_500, steps=2, topics=2, seed=5)
    population.write_parquet(tmp_path / "population.parquet")
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


@pytest.mark.parametrize(
    ("kind", "cell", "deviation", "text"),
    [
        ("points", 0.1234, None, "+12.3"),
        ("points", -0.1234, 0.05, "-12.3 ±5.0"),
        ("figure", 0.71251, 0.0125, "0.713 ±0.013"),
        ("figure", 1.2e-16, 3e-18, "1e-16 ±3e-18"),
        ("figure", 0.0, None, "0.000"),
        ("members", 1234.56, 2.0, "1,234.6 ±2.0"),
        ("members", 1234, None, "1,234"),
        ("deviation", 0.0456, None, "4.6"),
        ("share", None, None, "undefined"),
    ],
)
def test_how_cells_are_written(kind, cell, deviation, text):
    assert Column("name", kind, [cell], [deviation]).texts(signed=False) == [text]
