"""`aumann bench peers` on small local peers: its table, its files, its refusals."""

import json
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest
import typer
from small_peers import WORKER, tiny
from typer.testing import CliRunner

from aumann.benchmark.peers import Method, Peer, Row, compare
from aumann.cli import bench_peers
from aumann.cli.application import OneLineErrors


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Peer, Peer]:
    """Two small peers, one of which is called aumann and is the truth."""
    worker = tmp_path_factory.mktemp("peers") / "worker.py"
    worker.write_text(WORKER)
    thrice = Method("mean", "Aumann-Shapley", {"factor": 3}, "thrice")
    raising = Method("raising", "Aumann-Shapley")
    return tiny(worker, name="aumann"), tiny(worker, thrice, raising, name="other")


@pytest.fixture(scope="module")
def rows(peers: tuple[Peer, Peer]) -> list[Row]:
    return compare(peers, ["mean"], [12])


@pytest.fixture
def application(peers: tuple[Peer, Peer], monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setattr(bench_peers, "PEERS", peers)
    app = typer.Typer(cls=OneLineErrors, add_completion=False)
    # With a callback, an application of a single command stays a group.
    app.callback()(lambda: None)
    app.command()(bench_peers.peers)
    return app


ARGUMENTS = ["peers", "--peers", "other", "--agents", "12", "--value-functions", "mean"]


def test_the_table(application: typer.Typer) -> None:
    result = CliRunner().invoke(application, ARGUMENTS)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "mean"
    assert lines[1] == "agents value peer method time memory error largest residual"
    assert lines[3].startswith("12 Aumann-Shapley aumann mean ")
    assert " the truth " in lines[3]
    assert lines[4].startswith("12 Aumann-Shapley other mean ")
    assert lines[4].endswith(" 2.0e+00 2.0e+00 +6.7e-01")
    assert lines[5] == "12 Aumann-Shapley other raising failed"
    assert "mean: 3 factor; thrice" in lines
    assert "failed: other raising: RuntimeError: first line last line" in lines


def test_json(application: typer.Typer, rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def measured(*arguments: Any, **options: Any) -> list[Row]:
        asked.update(options, arguments=arguments)
        return rows

    monkeypatch.setattr(bench_peers, "compare", measured)
    options = ["--time-limit", "5", "--memory-limit", "0.5", "--total-time", "70"]
    options += ["--environments", "there", "--seed", "4", "--json"]
    result = CliRunner().invoke(application, [*ARGUMENTS, *options])
    printed = json.loads(result.stdout)
    assert [(row["peer"], row["status"]) for row in printed] == [
        ("aumann", "measured"),
        ("other", "measured"),
        ("other", "failed"),
    ]
    assert printed[1]["relative_error"] == pytest.approx(2)
    assert printed[2]["seconds"] is None
    asked.pop("progress")
    assert asked == {
        "arguments": (list(bench_peers.PEERS), ["mean"], [12]),
        "time_limit": 5.0,
        "memory_limit": 2**29,
        "total_time": 70.0,
        "environments": Path("there"),
        "seed": 4,
    }


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".md"])
def test_files(
    application: typer.Typer,
    rows: list[Row],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    monkeypatch.setattr(bench_peers, "compare", lambda *arguments, **options: rows)
    file = tmp_path / f"peers{suffix}"
    result = CliRunner().invoke(application, [*ARGUMENTS, "-o", str(file)])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.endswith(f"written to {file}\n")
    if suffix == ".md":
        lines = file.read_text().splitlines()
        assert lines[0].startswith("| value function | agents | value | peer | method |")
        assert lines[1] == "|" + "---|" * 10
        assert lines[4] == "| mean | 12 | Aumann-Shapley | other | raising | failed |  |  |  |  |"
        return
    read = pyarrow.parquet.read_table if suffix == ".parquet" else pyarrow.csv.read_csv
    table = read(file)
    assert table["status"].to_pylist() == ["measured", "measured", "failed"]
    assert table["relative_error"].to_pylist()[1] == pytest.approx(2)
    assert table["relative_error"].null_count == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--peers", "lime"], "--peers holds 'lime'; of aumann, other is wanted"),
        (["--agents", "10,2.5"], "--agents is '10,2.5'; whole numbers, 2 or more, are wanted"),
        (["--agents", "inf"], "--agents is 'inf'; whole numbers, 2 or more, are wanted"),
        (["--time-limit", "0"], "time_limit is 0; a positive number is wanted"),
        (["--output", "peers.txt"], "'.txt'; .parquet or .csv or .md is wanted"),
    ],
)
def test_bad_options(application: typer.Typer, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(application, [*ARGUMENTS, *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
