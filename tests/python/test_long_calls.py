"""What happens to calls that are interrupted or lack memory; who rules the number of threads."""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.lengthy


def run(code: str, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no timers")
def test_one_large_step_is_interrupted_within_a_second() -> None:
    told = run(
        """
        import signal, time
        import numpy as np
        import aumann

        gini, rng = aumann.GiniMeanDifference(), np.random.default_rng(0)
        x, baseline = rng.random((2, 1_500_000, 1))
        small = aumann.attribute(x[:40_000], gini, baseline=baseline[:40_000]).values

        def interrupt(signum, frame):
            raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)
        for delay in (0.05, 0.3):
            signal.setitimer(signal.ITIMER_REAL, delay)
            start = time.monotonic()
            try:
                aumann.attribute(x, gini, baseline=baseline)
            except KeyboardInterrupt:
                print(time.monotonic() - start - delay)
        again = aumann.attribute(x[:40_000], gini, baseline=baseline[:40_000]).values
        print(np.array_equal(small, again))
        """
    )
    *late, same = told.split()
    assert len(late) == 2
    assert max(float(seconds) for seconds in late) < 1
    assert same == "True"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system does not tell its memory")
def test_scratch_that_memory_is_lacking_for_is_a_memory_error() -> None:
    told = run(
        """
        import resource
        import numpy as np
        import aumann

        rng = np.random.default_rng(0)
        x, out = rng.random((12_000_000, 1)), np.empty(12_000_000)
        near = 0.5 * x
        gini = aumann.GiniMeanDifference()
        aumann.attribute(x[:100_000], gini, baseline=near[:100_000])
        with open("/proc/self/statm") as told:
            now = int(told.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + 20_000_000, -1))
        sampled = aumann.PermutationSampling(2, antithetic=False)
        calls = {
            "ranks": lambda: aumann.attribute(x, gini, out=out),
            "pairs": lambda: aumann.attribute(x, gini, baseline=near, out=out),
            "coalitions": lambda: aumann.attribute(
                x, gini, method=aumann.Shapley(), baseline=near, out=out
            ),
            "value": lambda: gini.value(x),
            "orders": lambda: aumann.attribute(x, gini, method=aumann.Shapley(sampled), out=out),
        }
        for name, call in calls.items():
            try:
                call()
            except MemoryError:
                print(name, end=" ")
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
        print(abs(aumann.attribute(x, gini, baseline=near, out=out).residual) < 1e-12)
        """,
        AUMANN_NUM_THREADS="2",
    )
    assert told == "ranks pairs coalitions value orders True"


def test_one_rule_for_the_number_of_threads() -> None:
    told = run(
        """
        import os
        import aumann

        names = "AUMANN_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"

        def threads(*texts):
            for name, text in zip(names, texts):
                os.environ.pop(name, None)
                if text is not None:
                    os.environ[name] = text
            aumann.set_threads(None)
            return aumann.get_threads()

        cores = threads(None, None, None)
        assert cores == len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else True
        assert threads("3", "5", "7") == 3
        assert threads(None, "5", "7") == 5
        assert threads(None, None, "7") == 7
        assert threads("", " 5 ", "7") == 5
        assert threads("abc", "-1", "4,2") == 4
        assert threads("0", "1.5", "+2") == cores
        assert threads("none", None, "0,3") == cores
        assert threads(None, "99999", None) == 1_024
        assert threads("1" * 40, None, None) == 1_024
        os.environ["AUMANN_NUM_THREADS"] = "3"
        aumann.set_threads(2)
        assert aumann.get_threads() == 2
        for refused in (1_025, 10**30):
            try:
                aumann.set_threads(refused)
            except ValueError as error:
                assert "threads" in str(error)
            else:
                raise AssertionError(refused)
        print("done")
        """
    )
    assert told == "done"
