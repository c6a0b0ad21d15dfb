"""Print one table of ratios: criterion's results for the core, timings of Python beside NumPy.

Run by `make bench`, which runs criterion first. `--smoke` runs everything once, small.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

import numpy as np
from rich.console import Console
from rich.table import Table

import aumann
from aumann.benchmark.numpy_forms import CAREFUL, PLAIN
from aumann.benchmark.workload import FULL, workload
from aumann.value_functions import from_name

ROOT = Path(__file__).resolve().parents[1]

FUNCTIONS = ("mean", "variance", "heat", "gini")
GOALS = {
    ("W", "mean"): 1.15,
    ("W", "variance"): 1.4,
    ("W", "heat"): 1.8,
    ("W32", "mean"): 1.3,
    ("W32", "variance"): 1.7,
    ("W32", "heat"): 1.9,
    ("W", "gini"): 1.0,
    ("W-dense", "gini"): 0.7,
}

Row = tuple[str, str, str, str, str, str, str]


def criterion_rows() -> list[Row]:
    """Rows of the core against the streaming floor and the sort of the keys."""

    def milliseconds(group: str, bench: str, agents: int) -> float:
        path = ROOT / "target/criterion" / group / bench / str(agents) / "new/estimates.json"
        return json.loads(path.read_text())["median"]["point_estimate"] / 1e6

    rows = []
    sizes = [("W", 10_000), ("W", 100_000)]
    for group, agents in [*sizes, *((g, FULL) for g in ("W", "W32", "W-dense", "W-14"))]:
        for name in FUNCTIONS:
            other = "key_sort" if name == "gini" else "floor"
            ours, theirs = (milliseconds(group, bench, agents) for bench in (name, other))
            if (group, name) == ("W-14", "gini"):
                theirs *= 14
            goal = GOALS.get((group, name)) if agents == FULL else None
            rows.append(row(f"{group} {agents:,}", f"core {name}", ours, other, theirs, goal=goal))
    return rows


def row(
    where: str, what: str, ours: float, other: str, theirs: float, *, goal: float | None = None
) -> Row:
    """Times in milliseconds; the ratio is ours over theirs."""
    wanted = "" if goal is None else f"at most {goal}"
    return (where, what, f"{ours:.2f}", other, f"{theirs:.2f}", f"{ours / theirs:.2f}", wanted)


def interleaved(work: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median milliseconds of each, in a steady state, as in a loop over steps.

    Turns alternate, so that a slow moment of the machine slows all of them. A turn waits for
    NumPy's BLAS threads, which spin for a while after a product, then calls for 50 ms, until
    threads have settled on their cores, then counts five calls.
    """
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, call in work.items():
            sleep(0.1)
            start = perf_counter()
            while perf_counter() - start < 0.05:
                call()
            for _ in range(5):
                start = perf_counter()
                call()
                times[name].append(1e3 * (perf_counter() - start))
    return {name: median(each) for name, each in times.items()}


def python_rows(agents: int, repeats: int) -> list[Row]:
    """Rows of the Python package against NumPy."""
    rows = []
    for where in ("W", "W-dense"):
        x = workload(where, agents)
        place = f"{where} {agents:,}"
        for name in FUNCTIONS:
            times = beside_numpy(x, name, repeats)
            ours, fresh = times["out"], times["fresh"]
            plain_goal, careful_goal = (1 / 20, 1 / 4)
            if name == "gini":
                plain_goal, careful_goal = (1 / (10 if where == "W-dense" else 20), None)
            rows += [
                row(place, f"{name}, out=", ours, "NumPy", times["plain"], goal=plain_goal),
                row(
                    place, f"{name}, out=", ours, "tuned NumPy", times["careful"], goal=careful_goal
                ),
                row(place, f"{name}, no out", fresh, "with out=", ours),
            ]
    return rows


def beside_numpy(x: np.ndarray, name: str, repeats: int) -> dict[str, float]:
    """Time one value function with and without an output, and its NumPy forms."""
    function, out = from_name(name), np.zeros(len(x))
    work = {
        "out": lambda: aumann.attribute(x, function, out=out),
        "fresh": lambda: aumann.attribute(x, function),
        "plain": lambda: PLAIN[name](x, out),
        "careful": lambda: CAREFUL[name](x, out),
    }
    return interleaved(work, repeats)


def scaling_rows(agents: int, repeats: int) -> list[Row]:
    """Rows of two threads against one, beside a loop that needs nothing but arithmetic."""
    x = workload("W-dense", agents)
    out = np.zeros(agents)

    def arithmetic(_: int = 0) -> None:
        hashlib.pbkdf2_hmac("sha256", b"aumann", b"salt", 40_000)

    with ThreadPoolExecutor(2) as two:
        arithmetic_times = interleaved(
            {"one": arithmetic, "two": lambda: list(two.map(arithmetic, range(2)))}, repeats
        )
    factor = 2 * arithmetic_times["one"] / arithmetic_times["two"]
    rows = []
    for name in FUNCTIONS:

        def run(threads: int, name: str = name) -> float:
            aumann.set_threads(threads)
            call = {"": lambda: aumann.attribute(x, from_name(name), out=out)}
            return interleaved(call, 1)[""]

        pairs = [(run(1), run(2)) for _ in range(max(1, repeats // 2))]
        one, both = (median(side) for side in zip(*pairs, strict=True))
        rows.append(
            (
                f"W-dense {agents:,}",
                f"{name}, 2 threads",
                f"{both:.2f}",
                "1 thread",
                f"{one:.2f}",
                f"{one / both / factor:.2f}",
                f"of arithmetic's {factor:.2f}x",
            )
        )
    aumann.set_threads(None)
    return rows


def peak_memory() -> int:
    """Highest resident memory so far, in bytes, since the last reset."""
    status = Path("/proc/self/status").read_text()
    return next(int(s.split()[1]) * 1024 for s in status.splitlines() if s.startswith("VmHWM"))


def scratch_rows(agents: int) -> list[Row]:
    """Rows of the memory a call needs beyond its input and output."""
    if not Path("/proc/self/clear_refs").exists():
        return []
    rows = []
    for where in ("W", "W-dense"):
        x = workload(where, agents)
        out = np.ones(agents)
        for name in FUNCTIONS:
            aumann.attribute(x[:1000], from_name(name), out=out[:1000])
            Path("/proc/self/clear_refs").write_text("5")
            before = peak_memory()
            aumann.attribute(x, from_name(name), out=out)
            scratch = max(0, peak_memory() - before) / agents
            limit = "at most 16" if name == "gini" else "constant"
            rows.append(
                (
                    f"{where} {agents:,}",
                    f"{name}, scratch",
                    f"{scratch:.1f} B",
                    "agent",
                    "",
                    "",
                    limit,
                )
            )
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="run everything once, small")
    smoke = parser.parse_args().smoke
    agents, repeats = (20_000, 1) if smoke else (FULL, 7)
    info = aumann.build_info()
    rows = [] if smoke else criterion_rows()
    rows += scratch_rows(agents)
    rows += python_rows(agents, repeats)
    rows += scaling_rows(agents, repeats)
    table = Table(
        title=f"{info['simd']}, {info['threads']} threads; times in ms, ratio = ours/other"
    )
    for heading in ("workload", "what", "ours", "against", "other", "ratio", "goal"):
        table.add_column(heading, justify="left" if heading in ("workload", "what") else "right")
    for cells in rows:
        table.add_row(*cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
