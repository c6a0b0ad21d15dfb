"""The verb on random input, against twins that share no code with it.

    python tests/python/fuzz_verb.py --cases 100000 --seed 0

Every case is told by the seed and its number; a failure prints both and what was called.
"""

import argparse
import faulthandler
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import fuzz_cases
import fuzz_twins
from fuzz_cases import Case

import aumann

# Seconds of the processor for a call; then it is interrupted. What waits for ever, or does not heed
# the interruption, ends the program.
PATIENCE = 5.0
HANGS = 120.0

# Of the largest attribution, and of the largest step from a single agent's.
ACCURACY = {"float64": 1e-12, "float32": 2e-6}


class TooLong(Exception):
    """A call that does not end."""


def fail_late(signum: int, frame: Any) -> None:
    raise TooLong(f"no answer within {PATIENCE} s")


# Every so many cases of Shapley and Banzhaf are sampled too.
SAMPLED = 8
# Where no single agent or coalition is most of the answer, so that errors have a normal tail; as
# products of many features have not.
MODERATE = ("integers", "halves", "uniform", "normal", "offset 1e3", "log counts")


def called(case: Case, method: Any = None) -> aumann.Attribution:
    """The verb's answer, by another method if one is given."""
    function: Any = (
        sum(
            factor * getattr(aumann, name)(*([] if weights is None else [weights]))
            for factor, name, weights in case.terms
        )
        if len(case.terms) > 1
        else None
    )
    if function is None:
        [(_, name, weights)] = case.terms
        function = getattr(aumann, name)(*([] if weights is None else [weights]))
    return aumann.attribute(
        case.given,
        function,
        method=method or getattr(aumann, case.method)(),
        baseline=case.baseline,
        presence=case.presence,
    )


def twin(case: Case, step: int, here: Any) -> tuple[Any, Any, Any, Any]:
    """Attributions, F at both ends, and the error that rounding alone explains, by agent."""
    x, rows = (a[step, here].astype(np.longdouble) for a in (case.x, case.rows))
    phi, ends, allowed = 0.0, np.zeros(2, np.longdouble), 0.0
    for factor, name, weights in case.terms:
        one = np.ones(x.shape[1]) if weights is None else np.asarray(weights)
        values, value, baseline_value = fuzz_twins.TWINS[name](case.method, x, rows, one)
        phi = phi + factor * values
        ends = ends + factor * np.array([value, baseline_value])
        largest = np.abs(values).max()
        slack = fuzz_twins.ROUNDING[name](case.method, x, rows, one, case.x.dtype)
        allowed = allowed + abs(factor) * (ACCURACY[case.x.dtype.name] * largest + slack)
    return phi, ends[0], ends[1], allowed


def magnitude(case: Case, step: int, here: Any) -> float:
    """What sums of intermediate results may reach, with room to spare."""
    with np.errstate(over="ignore", under="ignore"):
        ends = np.abs(np.concatenate([case.x[step, here], case.rows[step, here]]))
        largest = np.longdouble(ends.max()) * 1e4 * ends.shape[1] * len(ends)
        powers = {"Mean": 1, "GiniMeanDifference": 1, "Variance": 2, "Heat": 2 * ends.shape[1]}
        return max(np.maximum(largest, 1) ** powers[name] for _, name, _ in case.terms)


def check(case: Case) -> str:
    """What came of it: "answered", "refused" or "not compared".

    Raises
    ------
    AssertionError
        Where the answer is wrong.
    """
    before = np.concatenate(case.given) if isinstance(case.given, list) else case.given.copy()
    steps = range(len(case.x))
    presence = np.ones(case.x.shape[:2], bool) if case.presence is None else case.presence
    presence = np.broadcast_to(presence, case.x.shape[:2])
    wanted, compared = [], True
    for step in steps:
        try:
            wanted.append(twin(case, step, presence[step]))
        except fuzz_twins.Refused:
            wanted.append(None)
        except ArithmeticError:
            compared = False
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        result = called(case)
    except (ValueError, MemoryError) as error:
        range_of = float(np.finfo(case.x.dtype).max)
        large = any(magnitude(case, step, presence[step]) > range_of for step in steps)
        if compared and not large and None not in wanted:
            raise AssertionError(f"refused: {error}") from error
        return "refused"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    after = np.concatenate(case.given) if isinstance(case.given, list) else case.given
    np.testing.assert_array_equal(before, after)
    if not compared:
        return "not compared"
    assert None not in wanted, "answered out of the domain"
    assert result.values.dtype == case.x.dtype
    shape = case.x.shape[:2] if np.ndim(result.value) else case.x.shape[1:2]
    assert result.values.shape == shape
    values = result.values.reshape(case.x.shape[:2])
    ends = [np.reshape(end, -1) for end in (result.value, result.baseline_value, result.residual)]
    for step in steps:
        here = presence[step]
        assert not values[step, ~here].any(), "absent agents have attributions"
        compare(case, step, here, values[step, here], [end[step] for end in ends], wanted[step])
    if case.method in ("Shapley", "Banzhaf") and case.number % SAMPLED == 0:
        check_sampled(case, values)
        return "answered, and sampled"
    return "answered"


def check_sampled(case: Case, exact: Any) -> None:
    """Estimates lie within their errors, and the same samples give the same bits."""
    if case.method == "Shapley":
        method: Any = aumann.Shapley(aumann.PermutationSampling(64, seed=case.number))
    else:
        method = aumann.Banzhaf(aumann.CoalitionSampling(256, seed=case.number))
    moves = np.abs(case.x.astype(float) - case.rows)
    try:
        result, again = called(case, method), called(case, method)
    except ValueError as error:
        # An exact form may not leave the domain or the range where single coalitions do, and may
        # resolve moves that samples do not.
        heat = any(name == "Heat" for _, name, _ in case.terms)
        least = np.nanmin(moves, initial=np.inf, where=moves != 0)
        small = case.kind in ("tiny", "subnormal") or least < 1e-280
        if not (heat or small or case.kind in ("huge", "decades", "outlier")):
            raise AssertionError("sampling refused") from error
        return
    values, errors = (a.reshape(exact.shape) for a in (result.values, result.standard_error))
    assert (result.values == again.values).all(), "the same samples, other bits"
    assert np.isfinite(values).all()
    accuracy, of_type = ACCURACY[case.x.dtype.name], np.finfo(case.x.dtype)
    scale = np.abs(exact).sum(axis=1, keepdims=True).astype(float)
    # Marginal contributions, of which the samples' digits are parts, may cancel.
    largest = 2 * np.nanmax(moves.sum(axis=2))
    if case.method == "Shapley":
        ends = [np.reshape(end, -1) for end in (result.value, result.baseline_value)]
        apart = np.abs(values.sum(axis=1, dtype=float) - (ends[0] - ends[1]))
        most = 1e-9 * (np.abs(ends).sum(axis=0) + scale[:, 0] + largest)
        most += 8 * accuracy * scale[:, 0] + exact.shape[1] * float(of_type.smallest_subnormal)
        assert (apart <= most).all(), f"samples sum to {apart} beside the total"
    heavy = case.x.shape[2] > 8 and any(name == "Heat" for _, name, _ in case.terms)
    if heavy or case.kind not in MODERATE:
        return
    # Values of the coalitions are rounded, also where hardly anybody moves.
    size = np.nanmax((np.abs(case.x.astype(float)) + np.abs(case.rows)).sum(axis=2))
    allowed = 10 * errors + (1e-9 + accuracy) * scale + 16 * fuzz_twins.EPS * size + 1e-12 * largest
    told = np.isfinite(errors)
    off = (np.abs(values - exact) - allowed)[told]
    assert (off <= 0).all(), f"{off.max()} beyond ten standard errors"


def compare(case: Case, step: int, here: Any, values: Any, ends: Any, wanted: Any) -> None:
    phi, value, baseline_value, allowed = wanted
    x, rows = (a[step, here].astype(np.longdouble) for a in (case.x, case.rows))
    of_type = np.finfo(case.x.dtype)
    assert np.isfinite(values).all(), f"step {step}: {values}"
    allowed = allowed + float(of_type.tiny)
    errors = np.abs(values - phi)
    worst = int((errors - allowed).argmax())
    told = f"agent {worst} of step {step}: {values[worst]}, not {phi[worst]}"
    assert (errors <= allowed).all(), told
    accuracy, slack = 1e-12, np.sum(np.broadcast_to(allowed, phi.shape))
    for factor, name, weights in case.terms:
        if name == "Mean":
            # Its F is the sum of what it wrote.
            accuracy = ACCURACY[case.x.dtype.name]
            size = np.ones(x.shape[1]) if weights is None else np.abs(weights)
            slack += abs(factor) * 1e-14 * ((np.abs(x) + np.abs(rows)) @ size).max()
    for found, end in zip(ends, (value, baseline_value), strict=False):
        close = abs(found - end) <= accuracy * abs(end) + slack + 1e-300
        assert close, f"step {step}: F is {found}, not {end}"
    if case.method in ("AumannShapley", "Shapley"):
        most = slack + ACCURACY[case.x.dtype.name] * (abs(value) + abs(baseline_value))
        assert abs(ends[2]) <= most, f"step {step}: residual {ends[2]}"
    rows = np.concatenate([case.x[step, here], case.rows[step, here]], axis=1) + 0.0
    _, kinds = np.unique(rows, axis=0, return_inverse=True)
    for kind in np.flatnonzero(np.bincount(kinds.ravel()) > 1):
        equal = values[kinds.ravel() == kind]
        assert (equal == equal[0]).all(), f"step {step}: equal agents get {set(equal)}"


def run(
    seed: int,
    numbers: Any,
    functions: Any = tuple(fuzz_cases.FUNCTIONS),
) -> tuple[Counter[str], list[str]]:
    """What came of the cases, and the failures."""
    outcomes: Counter[str] = Counter()
    failures = []
    previous = signal.signal(signal.SIGPROF, fail_late)
    try:
        for number in numbers:
            case = fuzz_cases.draw(seed, number, functions)
            faulthandler.dump_traceback_later(HANGS, exit=True)
            try:
                with np.errstate(all="ignore"):
                    outcomes[check(case)] += 1
            except Exception as error:
                outcomes["failed"] += 1
                failures.append(f"seed {seed}, {case}\n    {type(error).__name__}: {error}")
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGPROF, previous)
    return outcomes, failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--functions", nargs="+", default=tuple(fuzz_cases.FUNCTIONS))
    arguments = parser.parse_args()
    start = time.monotonic()
    numbers = range(arguments.first, arguments.first + arguments.cases)
    outcomes: Counter[str] = Counter()
    failures = []
    for first in range(0, len(numbers), 500):
        part = numbers[first : first + 500]
        found, failed = run(arguments.seed, part, functions=arguments.functions)
        outcomes += found
        failures += failed
        print("\n".join(failed), flush=True, end="\n" if failed else "")
    seconds = time.monotonic() - start
    print(
        f"{sum(outcomes.values())} cases of seed {arguments.seed} in {seconds:.0f} s: "
        + ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
