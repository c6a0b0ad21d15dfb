"""Names from data never become anything else, in any output."""

import csv
import io
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hostile_names import ACTIVE, NAMES
from report_studies import renamed, small_study

import aumann
from aumann.cli import app
from aumann.report import render_report


@pytest.fixture(scope="module")
def population() -> aumann.Population:
    draw = np.random.default_rng(0)
    agents = 30 * len(NAMES)
    return aumann.Population.from_arrays(
        {
            "reach": draw.integers(1, 50, agents),
            "activity": draw.integers(0, 5, (2, len(NAMES), agents)),
        },
        kinds="count",
        labels={"team": np.repeat(np.array(NAMES), 30)},
        topics=NAMES[:2],
        step_labels=NAMES,
        people=False,
    )


@pytest.fixture(scope="module")
def file(population: aumann.Population, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "population.parquet"
    population.write_parquet(path)
    return path


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> aumann.StudyResults:
    return small_study(tmp_path_factory.mktemp("study"))


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        app([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def inactive(text: str) -> bool:
    return not any(each in text for each in ACTIVE)


def test_names_are_kept_as_they_are(population: aumann.Population, file: Path) -> None:
    read = aumann.Population.read_parquet(file)
    assert read.step_labels == NAMES
    assert set(read.agent_table["team"].tolist()) == set(NAMES)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--by-step",),
        ("--group-by", "team"),
        ("--group-by", "team", "--by-step"),
        ("--group-by", "team", "--per-agent"),
        ("--topic", NAMES[1]),
        ("--baseline", f"step:{NAMES[3]}"),
    ],
)
def test_a_terminal_is_sent_no_command(capsys, file: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = run(capsys, "attribute", file, "--value-function", "gini", *arguments)
    assert code == 0
    assert inactive(out + err)
    if "--by-step" in arguments:
        assert r"\x1b[31mred" in out
        assert "[bold red]markup[/] :smile:" in out


@pytest.mark.parametrize("name", NAMES[3:6])
def test_errors_and_warnings_are_one_plain_line(capsys, file: Path, name: str) -> None:
    for option in ("--topic", "--group-by", "--tier-by", "--value-function", "-o"):
        function = () if option == "--value-function" else ("--value-function", "mean")
        code, out, err = run(capsys, "attribute", file, *function, option, name.replace("\0", ""))
        assert code == 2
        assert inactive(out + err)
        assert err.count("\n") == 1
    code, _, err = run(capsys, "population", "describe", f"no {name} such".replace("\0", ""))
    assert code == 2
    assert inactive(err)


def test_descriptions_are_plain(capsys, population: aumann.Population, file: Path) -> None:
    code, out, _ = run(capsys, "population", "describe", file)
    assert code == 0
    assert inactive(out)
    result = aumann.attribute(population, aumann.Mean())
    groups = population.labels("team")
    for shown in (population, groups, result, result.group(groups), result.by_step()):
        assert inactive(repr(shown))
        assert "\nred" not in repr(shown)
        if hasattr(shown, "_repr_html_"):
            page = shown._repr_html_()
            assert inactive(page)
            assert "<script" not in page
            assert "<img" not in page


def test_json_gives_names_back(capsys, file: Path) -> None:
    _, out, _ = run(
        capsys, "attribute", file, "--value-function", "mean", "--json", "--group-by", "team"
    )
    assert inactive(out)
    groups = json.loads(out)["steps"][0]["groups"]
    assert {each["group"] for each in groups} == set(NAMES)


def test_a_spreadsheet_runs_nothing(capsys, file: Path, tmp_path: Path) -> None:
    path = tmp_path / "answer.csv"
    code, _, _ = run(
        capsys, "attribute", file, "--value-function", "gini", "--group-by", "team", "-o", path
    )
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
    assert len(rows) == len(NAMES)
    for row in rows:
        for cell in row.values():
            try:
                float(cell)
            except ValueError:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert {row["group"].removeprefix("'") for row in rows} == set(NAMES)
    # Numbers stay numbers.
    assert min(float(row["share"]) for row in rows) < 0


def test_figures_draw_names(population: aumann.Population, tmp_path: Path) -> None:
    result = aumann.attribute(population, aumann.Mean())
    groups = population.labels("team")
    one = aumann.attribute(population.features(window="whole"), aumann.Mean())
    for number, figure in enumerate([result.plot(groups), one.plot(groups)]):
        for kind in ("png", "svg", "pdf"):
            figure.savefig(tmp_path / f"{number}.{kind}")
        svg = (tmp_path / f"{number}.svg").read_text(encoding="utf-8")
        assert inactive(svg)
        assert "<script>" not in svg


def test_a_figure_shows_dollars(study: aumann.StudyResults) -> None:
    figure = renamed(study, {"topic 1": NAMES[6]}).plot("tiers", topic=NAMES[6])
    assert NAMES[6] in " ".join(figure.get_suptitle().split())


def test_a_report_is_made_of_any_names(study: aumann.StudyResults) -> None:
    # A report draws every figure of a study; these hold all that is dangerous to a page or a file.
    plain = ["topic 1", "visibility", "top", "topic 2", "topic top", "tail"]
    page = render_report(renamed(study, dict(zip(plain, NAMES[:6], strict=True))))
    assert inactive(page)
    assert page.count("<script") == 1
    assert "<img" not in page


def test_paper_tables_are_plain(study: aumann.StudyResults) -> None:
    names = dict(zip(["topic 1", "visibility", "top"], NAMES[3:6], strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in renamed(study, names).paper_tables().values():
            assert inactive(repr(table))
            assert inactive(table._repr_html_())


@pytest.mark.parametrize("name", [*NAMES, "a" * 10_000 + "b"])
def test_a_name_in_python_is_plain_and_takes_a_line(name: str) -> None:
    table = {"agent": [name, "b"], "step": [1, 1], "posts": [3, 1], name: [1, 2]}
    kept = aumann.Population.from_table(
        table, features=["posts", name], kinds="count", keep_ids=True
    )
    result = aumann.attribute(kept, aumann.Mean())
    for shown in (kept, result, result.top(2), result.group([name, "b"])):
        told = repr(shown)
        assert inactive(told)
        assert max(map(len, told.splitlines())) < 300
        assert shown is not result or "aaa...aaa" in told or len(name) < 80
    # What an error names can be told by its end, too.
    assert len(name) < 80 or "aaab" in repr(result.top(2))


@pytest.mark.parametrize("name", NAMES)
def test_errors_in_python_are_plain(tmp_path: Path, name: str) -> None:
    refused = [
        lambda: aumann.Population.from_arrays({name: [1, -1]}, kinds="count"),
        lambda: aumann.Population.from_arrays({name: [1.5, np.nan]}, kinds="measurement"),
        lambda: aumann.Population.from_table(
            {"agent": [1, 2], "step": [1, 1], name: ["x", "y"]}, features=[name], kinds="count"
        ),
        lambda: aumann.Population.from_table({name: [1]}, features=[name], kinds="count"),
        lambda: aumann.attribute([[1.0]], name),  # type: ignore[arg-type]
        lambda: aumann.Groups.from_labels([name, 1]),
    ]
    if "\n" not in name:
        log = tmp_path / "log.csv"
        log.write_text(
            ",".join(f'"{each}"' for each in ("from", "to", "when", name.replace('"', "")))
        )
        refused.append(lambda: aumann.read_events(log))
    for call in refused:
        with pytest.raises((TypeError, ValueError)) as told:
            call()
        assert inactive(str(told.value))
