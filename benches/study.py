"""Time the paper's whole grid at full size, and a slice of it beside vectorised NumPy.

Run by `make bench-study`: 1,671,587 agents, 14 days, 5 topics, 4 value functions, 4 protocols,
sizes to 1,000,000 and the population itself, 10 seeds. `--smoke` runs a small one.
"""

import argparse
import resource
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import product
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats

import aumann
from aumann import _core
from aumann.benchmark.numpy_forms import CAREFUL
from aumann.benchmark.workload import FULL
from aumann.study import running

KERNELS = ("attribute", "group_sums", "scale_fit", "rank_correlation", "random_order")
KEYS = ("protocol", "size", "seed", "value_function")


class Stopwatch:
    """Seconds spent in a piece of work, of all threads together."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same work, timed."""

        @wraps(work)
        def timed(*arguments: Any, **named: Any) -> Any:
            start = perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                spent = perf_counter() - start
                with self._lock:
                    self.seconds += spent

        return timed


@contextmanager
def timed_kernels() -> Iterator[Stopwatch]:
    """Time all calls of the core."""
    watch = Stopwatch()
    kept = {name: getattr(_core, name) for name in KERNELS}
    for name, kernel in kept.items():
        setattr(_core, name, watch.around(kernel))
    try:
        yield watch
    finally:
        for name, kernel in kept.items():
            setattr(_core, name, kernel)


def run(study: aumann.Study) -> tuple[float, float, aumann.StudyResults]:
    """Return the seconds of a study, the part of them in kernels, and its results."""
    with tempfile.TemporaryDirectory() as folder, timed_kernels() as watch:
        start = perf_counter()
        results = study.run(folder)
        seconds = perf_counter() - start
    return seconds, watch.seconds / (seconds * aumann.get_threads()), results


def numpy_slice(study: aumann.Study, results: aumann.StudyResults) -> float:
    """Return the seconds of the same cells in vectorised NumPy, and check what it finds."""
    population = study.population
    (topic,) = study.topics
    codes = population.tiers().codes
    rng = np.random.default_rng(0)
    found = {}
    start = perf_counter()
    for x in population.iter_features(topic):
        rows, out = np.ascontiguousarray(x), np.empty(len(x))
        for function in study.value_functions:
            CAREFUL[function.name](rows, out)
            np.bincount(codes, weights=out)
    x = np.ascontiguousarray(population.features(topic, window="whole"))
    whole, best = {}, {}
    for function in study.value_functions:
        values = np.empty(len(x))
        CAREFUL[function.name](x, values)
        whole[function] = values / values.sum()
        best[function] = np.argpartition(-values, 100)[:100]
    spent = perf_counter() - start
    for name, protocol in study.protocols.items():
        for size, seed in product(study.sizes, study.seeds):
            members = protocol.draw(population, size, seed, topic=topic)
            start = perf_counter()
            # What drawing costs in NumPy, from everybody or from a pool of a twentieth.
            pool = len(x) if name == "random" else len(x) // 20
            rng.permutation(pool)
            panel, tiers = x[members], codes[members]
            out = np.empty(size)
            for function in study.value_functions:
                CAREFUL[function.name](panel, out)
                p = out / out.sum()
                q = whole[function][members]
                factor = (p @ q) / (q @ q)
                residual = p - factor * q
                rho = np.linalg.norm(residual) / np.linalg.norm(p)
                shares = np.bincount(tiers, weights=p)
                ranks = stats.rankdata(p), stats.rankdata(q)
                np.corrcoef(*ranks)
                top = members[np.argpartition(-p, min(100, size - 1))[:100]]
                np.intersect1d(top, best[function])
                for inside in (tiers == 0, tiers < 2, tiers > 0):
                    p[inside].sum()
                found[name, size, seed, repr(function)] = (rho, shares[0])
            spent += perf_counter() - start
    check(found, results)
    return spent


def check(found: dict[tuple[str, int, int, str], tuple[float, float]], results: Any) -> None:
    """Refuse to time two different things."""
    cells, shares = (results.tables[name].to_pylist() for name in ("cells", "shares"))
    for row in cells:
        rho, _ = found[tuple(row[key] for key in KEYS)]
        np.testing.assert_allclose(row["residual"], rho, rtol=1e-6, atol=1e-11)
    for row in shares:
        if row["tier"] == "top":
            _, share = found[tuple(row[key] for key in KEYS)]
            np.testing.assert_allclose(row["share"], share, rtol=1e-7, atol=1e-9)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="20,000 agents, 2 seeds")
    smoke = parser.parse_args().smoke
    agents, seeds = (20_000, 2) if smoke else (FULL, 10)
    population = aumann.synthesize(agents=agents, steps=14, topics=5, seed=0)
    # Libraries are read in before the clock starts.
    run(aumann.Study(aumann.synthesize(agents=1_000, steps=2, topics=1), seeds=[0]))
    table = Table("what", "seconds", "in kernels", title=f"The paper's grid, {agents:,} agents")
    # What the paper's grid does not hold.
    with patch.object(running, "baseline_rows", lambda *_: []):
        few = aumann.Study(
            population, topics=population.topics[:1], seeds=range(seeds), stepwise=[]
        )
        seconds, kernels, results = run(few)
        other = numpy_slice(few, results)
        table.add_row("one topic of five", f"{seconds:.2f}", f"{kernels:.0%}")
        table.add_row("the same in NumPy", f"{other:.2f} ({other / seconds:.1f}x)", "")
        seconds, kernels, _ = run(aumann.Study(population, seeds=range(seeds), stepwise=[]))
        table.add_row("the whole grid", f"{seconds:.1f}", f"{kernels:.0%}")
    study = aumann.Study(population, seeds=range(seeds))
    seconds, kernels, _ = run(study)
    table.add_row("with panels by day and baselines", f"{seconds:.1f}", f"{kernels:.0%}")
    Console().print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{study!r}\npeak memory {peak:.2f} GiB, {aumann.get_threads()} threads")


if __name__ == "__main__":
    main()
