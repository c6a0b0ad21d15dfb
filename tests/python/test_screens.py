"""What people see on a screen: help, peaks, labels of steps, and the nearest name."""

import unicodedata

import numpy as np
import pytest
import typer

import aumann
from aumann.cli import app
from aumann.figures.names import known
from aumann.figures.selection import settle
from aumann.figures.steps_axis import short_labels


def commands(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    for name, each in getattr(command, "commands", {}).items():
        found += commands(each, (*path, name))
    return found


@pytest.mark.parametrize("path", commands(typer.main.get_command(app)), ids=" ".join)
def test_help_has_no_pictures(capsys: pytest.CaptureFixture[str], path: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        app([*path, "--help"])
    shown = capsys.readouterr().out
    # Frames are drawn with symbols; pictures of words between colons are others.
    pictures = [
        c for c in shown if unicodedata.category(c) == "So" and not 0x2500 <= ord(c) < 0x2600
    ]
    assert pictures == []
    if path == ("attribute",):
        assert "step:LABEL" in shown


def test_an_indicator_that_is_the_same_at_all_steps_has_no_peak(
    capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    assert aumann.attribute(np.zeros((3, 4, 2)), aumann.Mean()).peak_step is None
    assert "peak      none" in repr(aumann.attribute(np.zeros((3, 4, 2)), aumann.Mean()))
    assert aumann.attribute(np.ones((1, 4, 2)), aumann.Mean()).peak_step == 0
    rising = np.arange(3.0)[:, None, None] * np.ones((3, 4, 2))
    assert aumann.attribute(rising, aumann.Mean()).peak_step == 2
    quiet = aumann.Population.from_arrays(
        {"reach": np.arange(1, 41), "activity": np.zeros((3, 40), int)}, kinds="count"
    )
    quiet.write_parquet(tmp_path / "quiet.parquet")
    for options in (["--by-step"], []):
        with pytest.raises(SystemExit):
            app(
                ["attribute", str(tmp_path / "quiet.parquet"), "--value-function", "heat", *options]
            )
        assert "peak" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (
            ["2012-07-04T08:00+00:00", "2012-07-04T09:00+00:00"],
            (["08:00", "09:00"], "2012-07-04"),
        ),
        (
            ["2012-07-04T23:00+02:00", "2012-07-05T00:00+02:00"],
            (["07-04 23:00", "07-05 00:00"], "2012"),
        ),
        # The hour that a clock shows twice.
        (
            ["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00"],
            (["02:00+02:00", "02:00+01:00"], "2024-10-27"),
        ),
        (["2012-07-04T08", "2012-07-04T09"], (["08:00", "09:00"], "2012-07-04")),
        (["2012-07-04T08:30Z", "2012-07-04T09:30Z"], (["08:30", "09:30"], "2012-07-04")),
        (["week 2012-07-02", "week 2012-07-09"], (["02", "09"], "week 2012-07")),
        (["a very long label one", "b very long label one"], None),
        (["one"], (["one"], "")),
        (["the only label, a long one"], (["the only labe…"], "")),
    ],
)
def test_labels_of_steps_stay_different(labels: list[str], expected: object) -> None:
    found = short_labels(labels)
    assert len(set(found[0])) == len(set(labels))
    if expected is not None:
        assert found == expected


def test_the_nearest_name_is_the_one_that_is_meant() -> None:
    functions = ["Mean()", "Heat()", "Variance()", "GiniMeanDifference()"]
    for asked, meant in [
        ("gini", "Gini"),
        ("Gini()", "Gini"),
        ("variance", "Var"),
        ("het", "Heat"),
    ]:
        with pytest.raises(ValueError, match=f"'{meant}[A-Za-z]*\\(\\)' is the nearest"):
            known("value_function", asked, functions)


def test_figures_of_a_study_take_names_of_the_command_line(tmp_path) -> None:
    population = aumann.synthesize(agents=500, steps=2, seed=1)
    functions = [aumann.GiniMeanDifference(), aumann.Variance([1, 2, 3])]
    study = aumann.Study(population, value_functions=functions, sizes=[50], seeds=[0])
    results = study.run(tmp_path)
    assert settle(results, None, "gini").value_function == "GiniMeanDifference()"
    assert settle(results, None, "variance").value_function == repr(functions[1])
    with pytest.raises(ValueError, match="value_function: 'Heat"):
        settle(results, None, "heat")
