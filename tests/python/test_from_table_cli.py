"""Tables of agent, step and values on the command line, and what can be asked of them."""

import gzip
import json
import warnings

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from study_files import describe, refused
from study_files import run as run_study
from typer.testing import CliRunner

import aumann
from aumann import _features
from aumann.cli import app

RNG = np.random.default_rng(3)
AGENTS, STEPS = 120, 3
WEALTH = RNG.lognormal(size=(STEPS, AGENTS)).round(3)
MOOD = RNG.normal(size=(STEPS, AGENTS)).round(3)
TRADES = RNG.poisson(1.0, (STEPS, AGENTS))
FRAME = pl.DataFrame(
    {
        "AgentID": np.tile(np.arange(AGENTS), STEPS),
        "Step": np.repeat(np.arange(STEPS), AGENTS),
        "wealth": WEALTH.ravel(),
        "mood": MOOD.ravel(),
        "trades": TRADES.ravel(),
        "party": np.tile(np.where(np.arange(AGENTS) % 3, "red", "blue"), STEPS),
    }
)
ASKED = ["--agent", "AgentID", "--step", "Step", "--labels", "party", "--simulated"]


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run(*arguments):
    done = invoke(*arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def told_of(*arguments):
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    return done.stderr


def write(folder, name):
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(FRAME.write_csv().encode()))
    elif path.suffix in (".csv", ".tsv"):
        FRAME.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
    elif path.suffix == ".jsonl":
        FRAME.write_ndjson(path)
    elif path.suffix == ".parquet":
        FRAME.write_parquet(path)
    else:
        FRAME.write_ipc(path)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    table = write(folder, "run.csv")
    kinds = ["--measurements", "wealth,mood", "--counts", "trades"]
    run("population", "from-table", table, *ASKED, *kinds, "-o", folder / "p.parquet")
    return folder / "p.parquet"


@pytest.mark.parametrize(
    "name", ["t.csv", "t.tsv", "t.csv.gz", "t.jsonl", "t.parquet", "t.arrow", "log[12].parquet"]
)
def test_every_form_gives_the_same_population(tmp_path, name):
    table = write(tmp_path, name)
    kinds = ["--measurements", "others", "--counts", "trades"]
    told = run("population", "from-table", table, *ASKED, *kinds, "-o", tmp_path / "p.parquet")
    assert "tier by wealth" in told
    population = aumann.Population.read_parquet(tmp_path / "p.parquet")
    assert [(each.name, each.kind) for each in population.feature_list] == [
        ("wealth", "measurement"),
        ("mood", "measurement"),
        ("trades", "count"),
    ]
    for name_, values in (("wealth", WEALTH), ("mood", MOOD), ("trades", TRADES)):
        (series,) = population.series(name_)
        np.testing.assert_array_equal(
            series if isinstance(series, np.ndarray) else series.to_dense(), values
        )
    assert population.step_labels == ("0", "1", "2")
    assert population.labels("party").names == ("blue", "red")
    assert not population.people
    assert "id" not in population.agent_table


def test_names_of_agents_stay_as_they_are_written(tmp_path):
    (tmp_path / "t.csv").write_text("who,day,n\n07,2024-01-02,1\n7,2024-01-10,2\n")
    asked = ["--agent", "who", "--step", "day", "--counts", "n", "--keep-ids"]
    file = tmp_path / "p.parquet"
    run("population", "from-table", tmp_path / "t.csv", *asked, "-o", file)
    population = aumann.Population.read_parquet(file)
    assert population.agent_table["id"].tolist() == ["07", "7"]
    assert population.step_labels == ("2024-01-02", "2024-01-10")
    # What a missing value made of an integer is the same person.
    (tmp_path / "t.csv").write_text("who,day,n\n101,1,1\n101.0,2,2\n")
    run("population", "from-table", tmp_path / "t.csv", *asked, "-o", file)
    assert aumann.Population.read_parquet(file).agent_table["id"].tolist() == [101]


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        ("agent,n\n1,2\n", [], "--counts and --measurements name no column"),
        ("agent,n\n1,2\n", ["--counts", "m"], "--counts names 'm'; the columns are agent, n"),
        ("agent,n\n1,2\n", ["--counts", "agent"], "--counts names 'agent', which is taken"),
        ("agent,n\n1,2\n", ["--counts", "n", "--measurements", "n"], "which is taken already"),
        ("agent,n\n1,2\n", ["--counts", "n", "--static", "m"], "--static names 'm'"),
        ("agent,n\n1,-2\n", ["--counts", "n"], "count 'n' is -2 in row 0"),
        ("agent,n\n1,NA\n", ["--counts", "n"], "numbers are wanted"),
        ("agent,n\n1,\n2,1\n", ["--counts", "n"], "missing value in row 0"),
        (
            "agent,n\n1,2\n1,3\n",
            ["--counts", "n"],
            "rows 0 and 1 have the same agent; without a column of steps (step, --step) there is",
        ),
        ("agent,n,n\n1,2,3\n", ["--counts", "n"], "two columns 'n'"),
        ("agent,n\n1,2,3\n", ["--counts", "n"], "cannot be read"),
        ("", ["--counts", "n"], "cannot be read"),
    ],
)
def test_tables_that_cannot_be_read_as_asked(tmp_path, text, asked, said):
    table = tmp_path / "t.csv"
    table.write_text(text)
    done = invoke("population", "from-table", table, *asked, "-o", tmp_path / "p.parquet")
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [table]


def test_damaged_and_unknown_files(tmp_path):
    whole = gzip.compress(FRAME.write_csv().encode())
    (tmp_path / "t.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    for name, said in (
        ("t.csv.gz", "cannot be read"),
        ("t.parquet", "cannot be read"),
        ("t.xlsx", "no table by its name"),
        ("none.csv", "is not there"),
    ):
        done = invoke(
            "population", "from-table", tmp_path / name, *ASKED, "--counts", "trades",
            "-o", tmp_path / "p.parquet",
        )  # fmt: skip
        assert done.exit_code == 2
        assert said in done.stderr
    assert not (tmp_path / "p.parquet").exists()


def tiers_of(values):
    order = np.lexsort((np.arange(AGENTS), -values))
    ends = [int(np.floor(part * AGENTS + 0.5)) for part in (0.01, 0.1)]
    return np.split(order, ends)


def test_attributed_without_reach(file):
    """Tiers by the first feature, or any other column, against the formula of the variance."""
    x = np.column_stack([WEALTH.mean(0), MOOD.mean(0), np.log1p(TRADES.sum(0))])
    s = x.sum(axis=1)
    phi = s * (s - s.mean()) / AGENTS
    asked = ["attribute", file, "--value-function", "variance", "--window", "whole"]
    for by, values in ((None, WEALTH.mean(0)), ("trades", TRADES.sum(0)), ("mood", MOOD.mean(0))):
        option = [] if by is None else ["--tier-by", by]
        document = json.loads(run(*asked, *option, "--json"))
        assert document["tier_by"] == (by or "wealth")
        sums = [phi[agents].sum() for agents in tiers_of(values)]
        found = [group["sum"] for group in document["steps"][0]["groups"]]
        assert found == pytest.approx(sums, rel=1e-9)
        assert f", tiers by {by or 'wealth'}" in run(*asked, *option)
    document = json.loads(run(*asked, "--group-by", "bin", "--bins", 4, "--json"))
    order = np.lexsort((-np.arange(AGENTS), WEALTH.mean(0)))
    quarters = [phi[part].sum() for part in np.split(order, 4)]
    found = [group["sum"] for group in document["steps"][0]["groups"]]
    assert found == pytest.approx(quarters, rel=1e-9)
    assert "tiers by" not in run(*asked, "--group-by", "party")


def test_tiers_need_one_number_per_agent(tmp_path):
    population = aumann.Population.from_arrays(
        {"mood": RNG.normal(size=(2, 1, 50))}, kinds="measurement", topics=["war", "peace"]
    )
    population.write_parquet(tmp_path / "p.parquet")
    asked = ["attribute", tmp_path / "p.parquet", "--value-function", "mean", "--topic", "war"]
    assert "measured topic by topic" in invoke(*asked).stderr
    assert run(*asked, "--group-by", "none")
    refused(describe(tmp_path, tmp_path / "p.parquet", "sizes = [10]"), "measured topic by topic")


def test_studied_without_reach_activity_or_resonance(file, tmp_path):
    text = 'sizes = [20]\nseeds = 2\nvalue_functions = ["variance"]\n'
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        answer = run_study(describe(tmp_path, file, text))
    assert answer.code == 0, answer.error
    lines = answer.error.splitlines()
    assert all(line.startswith("aumann: warning: protocols: ") for line in lines)
    assert (
        "'visibility' is left out, as the population has no reach, activity, resonance" in lines[0]
    )
    assert [line.split("'")[1] for line in lines] == [
        "visibility",
        "topic by followers",
        "topic top",
    ]
    results = aumann.StudyResults.read(tmp_path / "out")
    assert results.manifest["bins_by"] == "wealth"
    assert set(results.tables["cells"]["protocol"].to_pylist()) == {"random"}
    # Bins by wealth, each of the population's sums a formula.
    first = [row for row in results.tables["bins"].to_pylist() if row["number"] == 0]
    s = WEALTH[0] + MOOD[0] + np.log1p(TRADES[0])
    phi = s * (s - s.mean()) / AGENTS
    order = np.lexsort((-np.arange(AGENTS), WEALTH.mean(0)))
    bin_of = np.empty(AGENTS, dtype=int)
    bin_of[order] = np.arange(AGENTS) * 100 // AGENTS
    sums = np.bincount(bin_of, weights=phi)
    assert [row["sum"] for row in first] == pytest.approx(sums.tolist(), rel=1e-9, abs=1e-12)
    figure = results.plot("bins")
    assert figure.axes[0].get_ylabel() == "bin of wealth (100 = highest)"
    for table in results.paper_tables().values():
        assert repr(table)


def test_tiers_and_bins_of_a_study_by_other_columns(file, tmp_path):
    text = 'sizes = [20]\nseeds = 1\nvalue_functions = ["variance"]\nprotocols = ["random"]\n'
    asked = describe(tmp_path, file, text + 'bins_by = "mood"\n[tiers]\nby = "trades"\n')
    assert run_study(asked).code == 0
    results = aumann.StudyResults.read(tmp_path / "out")
    assert results.manifest["bins_by"] == "mood"
    s = WEALTH.mean(0) + MOOD.mean(0) + np.log1p(TRADES.sum(0))
    phi = s * (s - s.mean()) / AGENTS
    shares = [phi[agents].sum() / phi.sum() for agents in tiers_of(TRADES.sum(0))]
    whole = [row["share"] for row in results.tables["whole"].to_pylist()]
    assert whole == pytest.approx(shares, rel=1e-9)
    wrong = describe(tmp_path, file, text + 'bins_by = "money"\noutput = "other"\n')
    refused(wrong, "bins_by: 'money' is not known")


def test_more_steps_than_memory_are_refused_with_what_takes_less(file, monkeypatch):
    monkeypatch.setattr(_features, "memory", lambda: 8 * 3 * STEPS * AGENTS - 1.0)
    population = aumann.Population.read_parquet(file)
    with pytest.raises(MemoryError, match=r"features of 3 steps and 120 agents take .* GiB"):
        population.features()
    assert population.features(dtype=np.float32).shape == (STEPS, AGENTS, 3)
    assert population.features(window="whole").shape == (AGENTS, 3)
    done = invoke("attribute", file, "--value-function", "mean")
    assert done.exit_code == 2
    assert "longer steps (--step in aumann population build" in done.stderr


def test_tiers_without_agents_have_no_share(tmp_path):
    population = aumann.Population.from_arrays(
        {"reach": [4, 3, 2, 1], "posts": [[1, 2, 3, 4]]}, kinds="count", people=False
    )
    population.write_parquet(tmp_path / "p.parquet")
    asked = ["attribute", tmp_path / "p.parquet", "--value-function", "mean"]
    top, middle, tail = json.loads(run(*asked, "--json"))["steps"][0]["groups"]
    assert [each["agents"] for each in (top, middle, tail)] == [0, 0, 4]
    assert (top["share"], middle["share"]) == (None, None)
    assert tail["share"] == pytest.approx(1.0)
    assert run(*asked).count("no agents") == 2
    assert run(*asked, "--by-step").count("no agents") == 2
    run(*asked, "-o", tmp_path / "a.csv")
    assert pl.read_csv(tmp_path / "a.csv")["share"].to_list()[:2] == [None, None]


def test_steps_in_the_order_of_their_texts_are_doubted():
    table = {"agent": [1, 1, 1], "day": ["day 1", "day 2", "day 10"], "n": [1, 2, 3]}
    asked = {"step": "day", "features": ["n"], "kinds": "count"}
    with pytest.warns(UserWarning, match="'day 10' comes before 'day 2'"):
        population = aumann.Population.from_table(table, **asked)
    assert population.step_labels == ("day 1", "day 10", "day 2")
    for days in (["day 01", "day 02", "day 10"], ["2024-01-01", "2024-01-02", "2024-02-01"]):
        aumann.Population.from_table({**table, "day": days}, **asked)
    for days in ([1, 2, 10], ["0.25", "0.5", "1"], ["first 2", "later 1", "second 1"]):
        aumann.Population.from_table({**table, "day": days}, **asked)


def test_one_step_is_named_once(tmp_path):
    (tmp_path / "t.csv").write_text("agent,step,n\n1,4,3\n2,4,5\n")
    file = tmp_path / "p.parquet"
    asked = ["--step", "step", "--counts", "n", "-o", file]
    assert "steps             1, 4\n" in run("population", "from-table", tmp_path / "t.csv", *asked)
    told = run("attribute", file, "--value-function", "mean")
    assert told.splitlines()[0].endswith("of 2 people, 1 step (4), baseline 0, tiers by n")


def test_a_column_that_names_steps_is_neither_passed_over_nor_a_feature(tmp_path):
    table, out = tmp_path / "run.csv", tmp_path / "run.parquet"
    table.write_text("AgentID,Step,mood\na,1,0.5\nb,2,0.25\n")
    asked = ["population", "from-table", table, "--agent", "AgentID", "-o", out]
    for measured in ("mood", "others"):
        told = told_of(*asked, "--measurements", measured)
        assert "'Step', which by its name says which step: --step Step takes it" in told
        run(*asked, "--measurements", measured, "--step", "Step")
        read = aumann.Population.read_parquet(out)
        assert (read.steps, [each.name for each in read.feature_list]) == (2, ["mood"])
    run(*asked, "--measurements", "mood", "--step", "")
    assert aumann.Population.read_parquet(out).steps == 1
    run(*asked, "--measurements", "mood", "--labels", "Step")
    assert aumann.Population.read_parquet(out).labels("Step").names == ("1", "2")


@pytest.mark.parametrize("end", [".jsonl", ".parquet", ".arrow"])
def test_tables_without_columns_are_refused(tmp_path, end):
    table = tmp_path / f"run{end}"
    if end == ".jsonl":
        table.write_text("{}\n{}\n")
    elif end == ".parquet":
        pq.write_table(pa.table({}), table)
    else:
        with pa.OSFile(str(table), "wb") as file, pa.ipc.new_file(file, pa.schema([])):
            pass
    asked = ["population", "from-table", table, "--step", "", "-o", tmp_path / "out.parquet"]
    assert "no column" in told_of(*asked)


@pytest.mark.parametrize("separator", [";", "|", "\t"])
def test_other_separators_are_read_or_named(tmp_path, separator):
    table, out = tmp_path / "run.csv", tmp_path / "run.parquet"
    rows = ["agent step mood", "a 1 0.5", "b 1 0.25"]
    table.write_text("\n".join(rows).replace(" ", separator))
    asked = ["population", "from-table", table, "--measurements", "mood", "--step", "step"]
    assert f"(--separator {separator!r}) reads several" in told_of(*asked, "-o", out)
    run(*asked, "-o", out, "--separator", repr(separator)[1:-1])
    assert aumann.Population.read_parquet(out).series("mood")[0].tolist() == [[0.5, 0.25]]
    assert "one character" in told_of(*asked, "-o", out, "--separator", ";;")


def test_groups_by_a_name_that_is_none(tmp_path):
    out = tmp_path / "run.parquet"
    aumann.Population.from_arrays({"mood": [1.0, 2.0]}, kinds="measurement").write_parquet(out)
    asked = ["attribute", out, "--value-function", "mean"]
    assert "--tier-by is 'nope'; one of mood is wanted" in told_of(*asked, "--tier-by", "nope")
    told = told_of(*asked, "--group-by", "bin", "--tier-by", "nope")
    assert "--tier-by is 'nope'" in told
    assert "--group-by is 'nope'; tier, bin, none or a label" in told_of(
        *asked, "--group-by", "nope"
    )
