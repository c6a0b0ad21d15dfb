"""Commands that are killed, or have no disk to write to: a program with which tests do both.

Started as a process of its own, so that it has one thread and its children can be killed.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from typer.testing import CliRunner

import aumann
import aumann.report
import aumann.study
from aumann.benchmark.timing.store import read_cells
from aumann.cli import app

# What commands import, once and not in every child.
MODULES = {
    "build": ("duckdb",),
    "table": ("pyarrow.csv", "pyarrow.feather", "pyarrow.json"),
    "report": ("jinja2", "matplotlib.backends.backend_agg", "scipy.stats"),
    "accuracy": ("scipy.stats",),
}
BUILD = ("--activity", "RT", "--resonance", "RE", "--step", "1h")
TABLE = ("--step", "step", "--counts", "posts", "--measurements", "mood", "--labels", "country")
ACCURACY = ("--agents", "20", "--seeds", "1", "--steps", "1", "--permutations", "2")
TIMING = ("--agents", "50", "--value-functions", "mean", "--methods", "Aumann-Shapley;Shapley")


def inputs(folder: Path, names: list[str]) -> None:
    """Write what the commands of these names read: logs, populations, a finished study."""
    lines = (
        f"{k},{k * 7 % 500},{1341100972 + k},RT\n{k * 3 % 500},{k},{1341100972 + k},RE\n"
        for k in range(2_000)
    )
    (folder / "log.csv").write_text("".join(lines))
    rows = (f"{k % 500},{k // 500},{k},{k / 7},{'de' if k % 2 else 'fr'}\n" for k in range(20_000))
    (folder / "rows.csv").write_text("agent,step,posts,mood,country\n" + "".join(rows))
    aumann.synthesize(agents=10_000, steps=2, seed=1).write_parquet(folder / "week.parquet")
    few = aumann.synthesize(agents=1_000, steps=2, seed=1)
    few.write_parquet(folder / "few.parquet")
    if "report" in names:
        aumann.Study(few, [aumann.Mean()], sizes=[50], seeds=[0]).run(folder / "study")


def commands(folder: Path, output: Path) -> dict[str, tuple[list[str], Path]]:
    """Return commands by name, and what each writes."""
    description = folder / "study.toml"
    description.write_text(
        f'population = "few.parquet"\noutput = {json.dumps(str(output / "out"))}\n'
        'value_functions = ["mean", "heat"]\nsizes = [50]\nseeds = 2\n'
    )
    attribute = ["attribute", folder / "week.parquet", "--value-function", "mean", "--per-agent"]
    return {
        name: ([str(word) for word in words], output / written)
        for name, words, written in (
            ("build", ["population", "build", folder / "log.csv", *BUILD, "-o"], "built.parquet"),
            (
                "table",
                ["population", "from-table", folder / "rows.csv", *TABLE, "-o"],
                "rows.parquet",
            ),
            ("csv", [*attribute, "-o"], "agents.csv"),
            ("parquet", [*attribute, "-o"], "agents.parquet"),
            ("synthesize", ["synthesize", "--agents", 20_000, "-o"], "synthetic.parquet"),
            ("report", ["report", folder / "study", "-o"], "report.html"),
            ("accuracy", ["bench", "accuracy", *ACCURACY, "-o"], "accuracy.csv"),
            ("timing", ["bench", "timing", *TIMING, "--budget", 0.2, "-o"], "timing"),
            ("study", ["study", description], "out"),
        )
    }


def call(words: list[str], written: Path) -> tuple[int, str]:
    """Run a command in this process."""
    arguments = words if words[0] == "study" else [*words, str(written)]
    answer = CliRunner().invoke(app, arguments)
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stderr


def killed(words: list[str], written: Path, after: float | None) -> int:
    """Run a command in a child, killed after some seconds, and return how it ended."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = call(words, written)[0]
        finally:
            os._exit(code)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def unfinished(*folders: Path) -> list[str]:
    """Return what is there under a temporary name."""
    return sorted(str(path) for each in folders for path in each.rglob(".*"))


def kill(folder: Path, names: list[str], count: int, seed: int) -> dict[str, list[float]]:
    """Kill commands at random moments, and check what is left; return when each was killed."""
    draw, moments = random.Random(seed), {}
    temporary = Path(os.environ["TMPDIR"])
    for name in names:
        right, output = folder / "right", folder / "killed"
        right.mkdir(exist_ok=True)
        output.mkdir(exist_ok=True)
        words, written = commands(folder, right)[name]
        started = time.monotonic()
        assert killed(words, written, None) == 0, name
        lasts = time.monotonic() - started
        right_results = results(name, written)
        words, again = commands(folder, output)[name]
        most = 0
        for _ in range(count):
            after = draw.uniform(0.02, lasts)
            moments.setdefault(name, []).append(round(after, 3))
            killed(words, again, after)
            left = unfinished(output, temporary)
            # As many as one run has open at a time, however often it was killed.
            most = max(most, len(left))
            assert most <= 16, left
            # What has its name is whole; a manifest says meanwhile that the study goes on.
            found = results(name, again)
            found.pop("manifest.json", None)
            assert found.items() <= right_results.items(), name
        assert killed(words, again, None) == 0, name
        assert unfinished(output, temporary) == [], name
        assert results(name, again) == right_results, name
    return moments


def results(name: str, path: Path) -> dict[str, object]:
    """Return what was found so far, without the seconds that it took."""
    if name == "timing":
        file = path / "results.parquet"
        return {str(cell.key): cell.status for cell in read_cells(file)} if file.exists() else {}
    found = {key: each for key, each in contents(path).items() if Path(key).name[:1] != "."}
    if name == "accuracy":
        # The last column is seconds.
        return {key: [row.rpartition(b",")[0] for row in found[key].split()] for key in found}
    return found


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


def without_room(folder: Path, output: Path, names: list[str], reason: str) -> None:
    """Run commands where nothing can be written; what was there stays as it was."""
    for name, (words, written) in commands(folder, output).items():
        if name not in names:
            continue
        before = contents(output)
        code, error = call(words, written)
        assert (code, error.count("\n")) == (2, 1), (name, code, error)
        assert reason in error, (name, error)
        assert str(output) in error, (name, error)
        after = contents(output)
        assert {path: after[path] for path in before} == before, name
        assert not unfinished(output), name


def without_disk(folder: Path, disk: Path, names: list[str]) -> None:
    """Run commands on a small file system that is full, then on one that is read-only."""
    for _, written in commands(folder, disk).values():
        if written.suffix:
            written.write_text("old")
    with suppress(OSError), open(disk / "filled", "wb", buffering=0) as filled:
        while filled.write(bytes(4096)):
            pass
    without_room(folder, disk, names, "No space left on device")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    without_room(folder, disk, names, "")


def main() -> None:
    """Write inputs, kill commands, and run them without a disk if one is named."""
    folder, names, count, seed = Path(sys.argv[1]), sys.argv[2].split(","), *sys.argv[3:5]
    for name in names:
        for module in MODULES.get(name, ()):
            import_module(module)
    inputs(folder, names)
    moments = kill(folder, names, int(count), int(seed))
    if len(sys.argv) > 5:
        without_disk(folder, Path(sys.argv[5]), names)
    print(json.dumps(moments))


if __name__ == "__main__":
    main()
