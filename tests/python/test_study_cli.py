"""A study described in a file, on the command line: what it asks for, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_files import FEW, describe, refused, run

import aumann
from aumann.study import read_study
from aumann.study.keys import PROTOCOLS, READERS, read_keys

POPULATION = aumann.synthesize(agents=2_500, steps=2, topics=2, seed=5)


@pytest.fixture(scope="module")
def week(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("population") / "week.parquet"
    POPULATION.write_parquet(path)
    return path


def test_the_command_prints_the_flips_and_writes_the_tables(tmp_path, week):
    answer = run(describe(tmp_path, week, FEW))
    assert answer.code == 0, answer.error
    assert "Share of the top tier in panels less its share of all 2,500 agents" in answer.out
    assert "When each indicator peaked" in answer.out
    assert answer.out.count("Variance()") == 2 + 2
    names = {path.stem for path in (tmp_path / "out").glob("*.parquet")}
    assert names == TABLES


TABLES = {
    *("topics", "whole", "steps", "bins", "cells", "shares", "panel_steps", "panel_bins"),
    *("elites", "elite_shares", "overlaps", "baselines", "repairs", "protocols"),
}


def test_tables_that_are_there_if_asked_for(tmp_path, week):
    text = FEW + 'merge_steps = [2]\nstandardised = true\nstepwise = []\nprotocols = ["random"]'
    answer = run(describe(tmp_path, week, text))
    assert answer.code == 0, answer.error
    names = {path.stem for path in (tmp_path / "out").glob("*.parquet")}
    assert names == TABLES - {"panel_steps", "panel_bins"} | {"merged_steps", "scaled"}
    rows = pq.read_table(tmp_path / "out/merged_steps.parquet").to_pylist()
    tail = [row for row in rows if row["tier"] == "tail" and row["topic"] == "topic 2"]
    assert [(row["merged"], row["step"], row["number"]) for row in tail] == [(2, "day 1", 0)]
    whole = pq.read_table(tmp_path / "out/whole.parquet").to_pylist()
    same = next(row for row in whole if row["tier"] == "tail" and row["topic"] == "topic 2")
    # Two steps taken together are the whole window of two steps.
    assert tail[0]["share"] == pytest.approx(same["share"], rel=1e-12)


FULL = """
topics = ["topic 2"]
value_functions = ["heat", { name = "gini", weights = [1, 1, 0.5] }]
sizes = [100, 1_000]
seeds = [3, 8]
stepwise = ["mine", "visibility"]
least_participants = 20
least_steps = 2
merge_steps = [2, 7]
standardised = true

[protocols.visibility]
pool = 0.1
weight = 0.0

[protocols.mine]
kind = "visibility weighted"
rate = 0.7

[protocols."followers only"]

[tiers]
by = "activity"
names = ["loud", "quiet"]
fractions = [0.2, 0.8]
"""


def test_a_file_says_all_that_a_study_takes(tmp_path, week):
    description = read_study(describe(tmp_path, week, FULL))
    study = description.study
    assert description.folder == tmp_path / "out"
    assert study.topics == ("topic 2",)
    assert study.value_functions == (
        aumann.Heat(),
        aumann.GiniMeanDifference(weights=[1, 1, 0.5]),
    )
    assert study.protocols == {
        "visibility": aumann.VisibilityBiased(pool=0.1, weight=0.0),
        "mine": aumann.VisibilityWeighted(rate=0.7),
        "followers only": aumann.VisibilityBiased(weight=0),
    }
    assert (study.sizes, study.seeds) == ((100, 1_000), (3, 8))
    assert study.stepwise == ("mine", "visibility")
    assert (study.least_participants, study.least_steps) == (20, 2)
    assert (study.merge_steps, study.standardised) == ((2, 7), True)
    wanted = POPULATION.tiers("activity", (0.2, 0.8), ("loud", "quiet"))
    assert study.tiers.names == ("loud", "quiet")
    np.testing.assert_array_equal(study.tiers.codes, wanted.codes)
    assert not description.folder.exists()


def test_only_two_keys_are_needed(tmp_path, week):
    study = read_study(describe(tmp_path, week, "")).study
    default = aumann.Study(POPULATION)
    assert study.manifest() == default.manifest()


def test_paths_are_relative_to_the_file(tmp_path, week, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "week.parquet").write_bytes(week.read_bytes())
    (tmp_path / "studies").mkdir()
    monkeypatch.chdir(tmp_path)
    text = 'population = "../data/week.parquet"\noutput = "deep/out"\n'
    description = read_study(describe(Path("studies"), week, text + "seeds = 3"))
    assert description.study.seeds == (0, 1, 2)
    assert description.folder == Path("studies/deep/out")


def test_a_file_may_begin_with_the_mark_of_utf_8(tmp_path, week):
    file = describe(tmp_path, week, 'topics = ["topic 1"]')
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert read_study(file).study.topics == ("topic 1",)


def test_the_file_in_the_documents(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "study.md").read_text(encoding="utf-8")
    text = re.search(r"```toml\n(.*?)```", page, re.DOTALL).group(1)
    counts = np.ones((2, 7, 20_000), dtype=np.int64)
    population = aumann.Population.from_arrays(
        {"reach": counts[0, 0], "activity": counts, "resonance": counts},
        kinds="count",
        topics=["politics", "sports"],
    )
    population.write_parquet(tmp_path / "week.parquet")
    (tmp_path / "study.toml").write_text(text)
    study = read_study(tmp_path / "study.toml").study
    assert list(study.protocols) == ["visibility", "random", "mine"]
    assert study.tiers.counts.tolist() == [1_000, 9_000, 10_000]
    for name in (*READERS, *PROTOCOLS):
        assert re.search(rf"^\| (`\w+`, )?`{name}`", page, re.MULTILINE), name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('protocol = ["random"]', "key: 'protocol' is not known; 'protocols' is the nearest of"),
        ("x = 1", "key: 'x' is not known, one of population, output, topics"),
        ('protocols = ["randm"]', "protocols: 'randm' is not known; 'random' is the nearest of"),
        ("protocols = [3]", "protocols: 3 is not known, one of visibility, followers only"),
        ('protocols = "random"', "protocols: 'random', a list of names or a table of tables"),
        ('protocols = ["random", "random"]', "protocols: 'random' more than once"),
        ("protocols = []", "protocols: none, at least one is wanted"),
        ("[protocols]", "protocols: none, at least one is wanted"),
        ("[protocols]\nrandom = 3", "protocols: random: 3, a table is wanted"),
        ("[protocols.mine]", "protocols: mine: kind: 'mine' is not known, one of visibility,"),
        ('[protocols.mine]\nkind = "randm"', "mine: kind: 'randm' is not known; 'random' is"),
        ("[protocols.visibility]\npol = 0.1", "visibility: 'pol' is not known; 'pool' is the near"),
        ("[protocols.visibility]\npool = 2.0", "visibility: pool: 2.0, a number above 0 and at mo"),
        (f"[protocols.visibility]\nweight = 1{'0' * 400}", "visibility: int too large to convert"),
        ('[protocols.visibility]\npool = "x"', "visibility: pool: 'x', a number is wanted"),
        ("[protocols.random]\npool = 0.1", "random: 'pool' is not known, one of kind is wanted"),
        ('value_functions = ["heart"]', "'heart' is not known; 'heat' is the nearest of"),
        ('value_functions = "heat"', "value_functions: 'heat', a list of value functions"),
        ('value_functions = ["heat", "heat"]', "value_functions: Heat() more than once"),
        ("value_functions = []", "value_functions: none, at least one is wanted"),
        ("value_functions = [{weights = [1]}]", "a table with a name is wanted"),
        ('value_functions = [{name = "gini", weigts = [1]}]', "'weights' is the nearest of"),
        ('value_functions = [{name = "heat", weights = [1]}]', "heat: 'weights' is not known"),
        ('value_functions = [{name = "mean", weights = [1]}]', "mean: weights: 1 numbers for the"),
        ('value_functions = [{name = "mean", weights = [true]}]', "weights: True, a number is"),
        ('value_functions = [{name = "mean", weights = [nan, 1, 1]}]', "mean: weights"),
        ("population = 3", "population: 3, a path is wanted"),
        ("output = 3", "output: 3, a path is wanted"),
        ("topics = 3", "topics: 3, a list of names is wanted"),
        ("topics = [3]", "topics: 3, a name is wanted"),
        ('topics = ["topic 3"]', "topics: 'topic 3' is not known; 'topic 2' is the nearest of"),
        ('topics = ["topic 2", "topic 2"]', "topics: 'topic 2' more than once"),
        ("sizes = 100", "sizes: 100, a list of integers is wanted"),
        ("sizes = [1e3]", "sizes: 1000.0, an integer is wanted"),
        ("sizes = [0]", "sizes: 0, at least 1 is wanted"),
        ("sizes = [100_000]", "sizes: 100000, a number from 1 to 2499"),
        ("sizes = [100, 100]", "sizes: 100 more than once"),
        ("sizes = []", "sizes: none, at least one is wanted"),
        ("seeds = 0", "seeds: 0, at least 1 is wanted"),
        ("seeds = 20_261_121", "seeds: 20261121 of them, at most 10000 are wanted; a seed itself"),
        ("seeds = true", "seeds: True, an integer is wanted"),
        ("seeds = [-1]", "seeds: -1, at least 0 is wanted"),
        ("seeds = [0.5]", "seeds: 0.5, an integer is wanted"),
        ("tiers = 3", "tiers: 3, a table is wanted"),
        ('[tiers]\nname = ["a"]', "tiers: 'name' is not known; 'names' is the nearest of by"),
        ('[tiers]\nby = "activty"', "tiers: by: 'activty' is not known; 'activity' is the nearest"),
        ("[tiers]\nby = 3", "tiers: by: 3, a name is wanted"),
        ("[tiers]\nfractions = [0.1, 0.2, 0.6]", "tiers: fractions sums to 0.9; 1 is wanted"),
        ("[tiers]\nfractions = [0.1, 0.9]", "tiers: names has 3 names for 2 fractions"),
        (f"[tiers]\nfractions = [1{'0' * 400}]", "tiers: int too large to convert"),
        ('[tiers]\nfractions = ["a"]', "tiers: fractions: 'a', a number is wanted"),
        ('[tiers]\nnames = ["a", "a", "b"]', "tiers: names: 'a' more than once"),
        ('stepwise = ["randon"]', "stepwise: 'randon' is not known; 'random' is the nearest of"),
        ('protocols = ["random"]\nstepwise = ["visibility"]', "stepwise: 'visibility' is not kn"),
        ("least_participants = -1", "least_participants: -1, at least 0 is wanted"),
        ("least_steps = 1.5", "least_steps: 1.5, an integer is wanted"),
        ("merge_steps = [1]", "merge_steps: 1, at least 2 is wanted"),
        ("merge_steps = 7", "merge_steps: 7, a list of integers is wanted"),
        ("standardised = 1", "standardised: 1, true or false is wanted"),
        ('population = "missing.parquet"', "missing.parquet is not there, a population file"),
        ('population = "study.toml"', "study.toml is not a complete Parquet file"),
        ('population = "."', "is a folder; a population file is wanted"),
        ('output = "study.toml"', "study.toml is a file, a folder is wanted"),
        ('output = "study.toml/out"', "study.toml is a file, a folder is wanted"),
        ("sizes = [100", "study.toml is no TOML: "),
        ("sizes = [1]\nsizes = [2]", "study.toml is no TOML: "),
    ],
)
def test_files_that_describe_no_study(tmp_path, week, text, message):
    refused(describe(tmp_path, week, text), message)


WORDS = [*READERS, *PROTOCOLS, "mean", "gini", "name", "weights", "kind", "pool", "rate", "by"]
VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(WORDS)
    | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*READERS]), VALUES, max_size=3))
def test_whatever_a_key_holds_is_read_or_refused(keys):
    refusal, found = "", {}
    try:
        found = read_keys({"population": "a", "output": "b", **keys})
    except (TypeError, ValueError) as error:
        refusal = str(error)
    assert found.keys() >= keys.keys() or any(f"{key}: " in refusal for key in keys)


@pytest.mark.parametrize("key", ["population", "output"])
def test_keys_that_are_missing(tmp_path, key):
    (tmp_path / "study.toml").write_text(
        "\n".join(f'{each} = "x"' for each in ("population", "output") if each != key)
    )
    refused(tmp_path / "study.toml", f"study.toml: {key}: missing, a path is wanted")


def test_files_that_are_no_text_or_not_there(tmp_path, week):
    file = describe(tmp_path, week, "")
    file.write_bytes(file.read_bytes() + "# Größe".encode("latin-1"))
    refused(file, f"study.toml: byte {file.read_bytes().index(0xF6)} is no UTF-8")
    refused(tmp_path / "other.toml", "other.toml is not there; a file that describes a study")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    refused(folder, "folder.toml is a folder; a file that describes a study")


def test_a_table_of_other_things_is_no_population(tmp_path, week):
    pq.write_table(pq.read_table(week).replace_schema_metadata(None), tmp_path / "table.parquet")
    refused(describe(tmp_path, week, 'population = "table.parquet"'), "table.parquet")
