"""`aumann attribute --baseline previous`: who turned it, on the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import aumann
from aumann.cli import app
from aumann.value_functions import from_name


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("change") / "population.parquet"
    aumann.synthesize(agents=3_000, steps=4, seed=3).write_parquet(file)
    return file


def run_json(*arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.mark.parametrize("name", ["mean", "heat", "variance", "gini"])
def test_changes_by_step_are_those_of_the_indicator(population: Path, name: str) -> None:
    document = run_json(
        "attribute", population, "--value-function", name, "--baseline", "previous", "--by-step"
    )
    levels = from_name(name).value(aumann.read_parquet(population).features())
    assert document["baseline"] == "previous"
    assert [step["step"] for step in document["steps"]] == [f"day {k}" for k in (1, 2, 3, 4)]
    totals = [step["total"] for step in document["steps"]]
    np.testing.assert_allclose(totals, [0, *np.diff(levels)], atol=1e-12)


def test_a_named_step_and_the_file(population: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups.parquet"
    document = run_json(
        *("attribute", population, "--value-function", "variance", "--baseline", "step:day 2"),
        *("--by-step", "-o", out),
    )
    levels = aumann.Variance().value(aumann.read_parquet(population).features())
    totals = [step["total"] for step in document["steps"]]
    np.testing.assert_allclose(totals, levels - levels[1], atol=1e-12)
    assert document["baseline"] == "step:day 2"
    table = pl.read_parquet(out)
    assert set(table["baseline"]) == {"step:day 2"}
    sums = table.group_by("step", maintain_order=True).agg(pl.col("sum").sum())["sum"]
    np.testing.assert_allclose(sums, levels - levels[1], atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--baseline", "step:day 9"), "a step from day 1 to day 4 is wanted"),
        (("--baseline", "previous", "--window", "whole"), "--window whole has none"),
        (("--baseline", "before"), "mean, previous or step:LABEL is wanted"),
    ],
)
def test_bad_steps_end_with_one_line(
    population: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = CliRunner().invoke(
        app, ["attribute", str(population), "--value-function", "mean", *arguments]
    )
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_screen_says_what_it_is_compared_with(population: Path) -> None:
    result = CliRunner().invoke(
        app,
        ["attribute", str(population), "--value-function", "gini", "--baseline", "previous"],
    )
    assert result.exit_code == 0, result.stderr
    assert "baseline previous" in result.stdout
