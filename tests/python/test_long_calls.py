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


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no timers")
def test_one_sort_and_one_sample_are_interrupted_and_samples_kept() -> None:
    told = run(
        """
        import signal, time
        import numpy as np
        import aumann
        from aumann import _core

        rng = np.random.default_rng(0)
        x = rng.random((5_000_000, 1))
        gini = aumann.GiniMeanDifference()

        def interrupt(signum, frame):
            raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)

        def late(call):
            # From the moment at which it was to stop.
            signal.setitimer(signal.ITIMER_REAL, 0.15)
            start = time.monotonic()
            try:
                call()
            except KeyboardInterrupt:
                return time.monotonic() - start - 0.15
            raise AssertionError("it took too short")

        def sampler(name, plan):
            return _core.Sampler(name, None, x[None], None, None, plan, 3, 0, None)

        print("sort", late(lambda: gini.value(x)))
        orders = ("orders", False, False)
        coalitions = ("coalitions", False, False)
        for name, plan, count in (
            ("gini", orders, 1),
            ("heat", orders, 4),
            ("gini", coalitions, 64),
            ("heat", coalitions, 64),
        ):
            drawn = sampler(name, plan)
            print(name, plan[0], late(lambda: drawn.run(0, count)))
        print("order", late(lambda: [_core.random_order(1, 0, k, 5_000_000) for k in range(9)]))

        x = x[:200_000]
        stopped, whole = sampler("gini", orders), sampler("gini", orders)
        late(lambda: stopped.run(0, 400))
        count = stopped.samples
        whole.run(0, count)
        same = np.array_equal(stopped.moments.estimate()[0], whole.moments.estimate()[0])
        stopped.run(count, count + 2)
        whole.run(count, count + 2)
        again = np.array_equal(stopped.moments.estimate()[1], whole.moments.estimate()[1])
        print("same", int(0 < count < 400 and same and again) - 1)
        """
    )
    for line in told.splitlines():
        *what, seconds = line.split()
        assert 0 <= float(seconds) < 0.8, (what, seconds)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system does not tell its memory")
def test_scratch_that_memory_is_lacking_for_is_a_memory_error() -> None:
    told = run(
        """
        import resource
        import numpy as np
        import aumann

        from aumann import _core

        rng = np.random.default_rng(0)
        x, out = rng.random((12_000_000, 1)), np.zeros(12_000_000)
        near = 0.5 * x
        gini = aumann.GiniMeanDifference()
        aumann.attribute(x[:100_000], gini, baseline=near[:100_000])
        moments, codes = _core.Moments(1_000_000, 1.0, True), np.zeros(len(x), np.int64)
        with open("/proc/self/statm") as told:
            now = int(told.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + 20_000_000, -1))
        sampled = aumann.PermutationSampling(2, antithetic=False)

        def game(name, plan, baseline=None):
            return lambda: _core.Sampler(name, None, x[None], baseline, None, plan, 3, 0, None)

        calls = {
            "ranks": lambda: aumann.attribute(x, gini, out=out),
            "pairs": lambda: aumann.attribute(x, gini, baseline=near, out=out),
            "coalitions": lambda: aumann.attribute(
                x, gini, method=aumann.Shapley(), baseline=near, out=out
            ),
            "value": lambda: gini.value(x),
            "orders": lambda: aumann.attribute(x, gini, method=aumann.Shapley(sampled), out=out),
            "heat": game("heat", ("orders", True, True)),
            "variance": game("variance", ("coalitions", False, False), near[None]),
            "coalition": lambda: _core.random_coalitions(0, 0, 0, 9, len(x)),
            "absurd": lambda: _core.random_coalitions(0, 0, 0, 2**40, 2**40),
            "order": lambda: _core.random_order(0, 0, 0, len(x)),
            "copy": moments.copy,
            "bytes": moments.__reduce__,
            "groups": lambda: _core.group_sums(out, codes, len(x)),
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
    *names, right = told.split()
    assert names == [
        *("ranks", "pairs", "coalitions", "value", "orders", "heat", "variance", "coalition"),
        *("absurd", "order", "copy", "bytes", "groups"),
    ]
    assert right == "True"


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
