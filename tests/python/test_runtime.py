"""The same bits on every SIMD level and thread count; forks; Python threads; the build."""

import hashlib
import json
import os
import select
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import aumann

pytestmark = pytest.mark.lengthy

FUNCTIONS = (aumann.Mean(), aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference())

DIGEST = textwrap.dedent(
    """
    import hashlib, json
    import numpy as np
    import aumann

    rng = np.random.Generator(np.random.Philox(7))
    counts = np.floor(1 / rng.random((100_003, 3)))
    inputs = {
        "tied": np.log1p(counts * (rng.random(counts.shape) < 0.3)),
        "continuous": rng.random((100_003, 3)),
        "single": rng.random((100_003, 3), dtype=np.float32),
        "columns": np.asfortranarray(rng.random((100_003, 5))),
        "steps": rng.random((40, 900, 2)),
    }
    functions = aumann.Mean(), aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference()
    digests = {}
    for name, x in inputs.items():
        presence = rng.random(x.shape[:-1]) < 0.8
        for function in functions:
            for baseline in (0.0, 0.25, np.flip(x, axis=-2)):
                for mask in (None, presence):
                    r = aumann.attribute(x, function, baseline=baseline, presence=mask)
                    numbers = np.array([r.value, r.baseline_value, r.residual])
                    text = r.values.tobytes() + numbers.tobytes()
                    key = f"{name} {function!r} {np.max(baseline)} {mask is None}"
                    digests[key] = hashlib.sha256(text).hexdigest()
    print(json.dumps({"info": aumann.build_info(), "digests": digests}))
    """
)


def run_digest(**environment: str) -> dict:
    ran = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def reference() -> dict:
    return run_digest(AUMANN_SIMD="portable", RAYON_NUM_THREADS="1")


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_thread_counts_agree_on_every_bit(reference: dict, threads: int) -> None:
    found = run_digest(AUMANN_SIMD="portable", RAYON_NUM_THREADS=str(threads))
    assert found["info"]["threads"] == threads
    assert found["digests"] == reference["digests"]
    assert len(set(found["digests"].values())) == len(found["digests"])


@pytest.mark.parametrize("level", aumann.build_info()["simd_available"])
def test_simd_levels_agree_on_every_bit(reference: dict, level: str) -> None:
    found = run_digest(AUMANN_SIMD=level, RAYON_NUM_THREADS="2")
    assert found["info"]["simd"] == level
    assert found["digests"] == reference["digests"]


def test_an_unknown_simd_level_is_refused_at_import() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import aumann"],
        env={**os.environ, "AUMANN_SIMD": "mmx"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode != 0
    assert "AUMANN_SIMD=mmx: one of portable" in ran.stderr


def digest(function: aumann.ValueFunction, x: np.ndarray) -> str:
    return hashlib.sha256(aumann.attribute(x, function).values.tobytes()).hexdigest()


@pytest.fixture(scope="module")
def population() -> np.ndarray:
    return np.random.Generator(np.random.Philox(3)).random((70_000, 3))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*agents are in all or none:RuntimeWarning")
def test_a_forked_child_attributes_and_does_not_hang(population: np.ndarray) -> None:
    # Of several chunks, of one chunk with several buckets, and of one bucket.
    inputs = population, population[:12_000], population[:500]

    # Sixteen agents are 65,536 coalitions; a game and a pair of values per agent fill two chunks.
    orders = aumann.Shapley(aumann.PermutationSampling(2, antithetic=False))
    coalitions = aumann.Banzhaf(aumann.CoalitionSampling(4))
    game = aumann.Game(lambda members: members.sum(axis=1) ** 0.5, 20_000)
    gini, x = aumann.GiniMeanDifference(), population[:12_000]

    def digests() -> list[str]:
        others = [
            aumann.attribute(population[:16], aumann.Heat(), method=aumann.Shapley()),
            aumann.attribute(x, gini, method=orders, baseline=x[::-1]),
            aumann.attribute(game, method=coalitions),
        ]
        told = [hashlib.sha256(other.values.tobytes()).hexdigest() for other in others]
        return told + [digest(function, x) for x in inputs for function in FUNCTIONS]

    expected = digests()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.write(writer, json.dumps(digests()).encode())
        os._exit(0)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], 60)
    if not ready:
        os.kill(child, 9)
    os.waitpid(child, 0)
    assert ready, "the forked child gave no answer within 60 seconds"
    with os.fdopen(reader) as answer:
        assert json.loads(answer.read()) == expected


def test_small_inputs_start_no_threads() -> None:
    # One chunk is worked on the calling thread; rayon's own pool would hang in a forked child.
    code = (
        "import numpy as np, aumann, os\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "x = np.random.default_rng(0).random((16_384, 2))\n"
        "spread = np.where(np.arange(16_384) % 9 == 0, 0, 1e3 + x[:, 0])[:, None]\n"
        "for f in (aumann.Mean(), aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference()):\n"
        "    for given in (x, spread):\n"
        "        aumann.attribute(given, f); f.value(given)\n"
        "        aumann.attribute(given, f, baseline=0.5 * given)\n"
        "print(len(os.listdir('/proc/self/task')) - before)\n"
    )
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("this system does not list the threads of a process")
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.strip() == "0"


def test_python_threads_do_not_disturb_each_other(population: np.ndarray) -> None:
    work = [function for function in FUNCTIONS for _ in range(5)]
    expected = [digest(function, population) for function in work]
    with ThreadPoolExecutor(8) as executor:
        found = list(executor.map(lambda function: digest(function, population), work))
    assert found == expected


def test_the_number_of_threads_can_be_set() -> None:
    before = aumann.get_threads()
    try:
        aumann.set_threads(3)
        assert aumann.get_threads() == aumann.build_info()["threads"] == 3
    finally:
        aumann.set_threads(before)
    for threads, error in (
        (0, ValueError),
        (-1, ValueError),
        (10**6, ValueError),
        ("2", TypeError),
    ):
        with pytest.raises(error, match="threads"):
            aumann.set_threads(threads)  # type: ignore[arg-type]


def test_build_info_is_complete() -> None:
    info = aumann.build_info()
    assert info["version"] == aumann.__version__
    assert info["profile"] == "release"
    assert info["simd"] in info["simd_available"]


def test_importing_is_light() -> None:
    heavy = ("pandas", "polars", "pyarrow", "duckdb", "torch", "matplotlib", "xarray", "typer")
    # numpy.ma takes longer to import than most attributions take.
    heavy += ("numpy.ma",)
    call = "aumann.attribute(np.ones((5, 2)), aumann.Mean())"
    code = (
        f"import sys, numpy as np, aumann; {call}; print([m for m in {heavy} if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_a_debug_build_warns_on_import() -> None:
    # The core is loaded before the package, so that it can be told to be a debug build.
    code = (
        "import importlib.machinery, importlib.util, sys\n"
        "package = importlib.util.find_spec('aumann').submodule_search_locations[0]\n"
        "finder = importlib.machinery.PathFinder.find_spec('aumann._core', [package])\n"
        "core = importlib.util.module_from_spec(finder)\n"
        "finder.loader.exec_module(core)\n"
        "core.PROFILE = 'debug'\n"
        "sys.modules['aumann._core'] = core\n"
        "import aumann\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "debug build" in ran.stderr
