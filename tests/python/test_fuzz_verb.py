"""A bounded part of the fuzzing of the verb; all of it is `make fuzz`."""

import signal

import fuzz_verb
import numpy as np
import pytest

pytestmark = [
    pytest.mark.lengthy,
    pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no extended precision here"),
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.mark.parametrize(
    ("function", "cases"),
    [("Mean", 250), ("Variance", 400), ("GiniMeanDifference", 250), ("Heat", 100)],
)
def test_random_calls_agree_with_their_twins(function: str, cases: int) -> None:
    outcomes, failures = fuzz_verb.run(20, range(cases), functions=[function])
    assert not failures, "\n".join(failures[:5])
    assert outcomes["answered"] + outcomes["answered, and sampled"] > 0.8 * cases
    assert outcomes["not compared"] <= 0.02 * cases
