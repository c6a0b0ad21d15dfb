"""Samples in other processes and files; too few of them; too many terms; numbers in messages."""

import copy
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import aumann
from aumann._core import Moments, random_coalitions

X = np.random.default_rng(4).exponential(size=(2, 30, 2))


def cubic(members: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray((members @ np.arange(1.0, members.shape[1] + 1)) ** 3)


METHODS: dict[str, Any] = {
    "pairs": lambda count, first=0: aumann.Shapley(
        aumann.PermutationSampling(2 * count, seed=3, first=first)
    ),
    "marginal": lambda count, first=0: aumann.Banzhaf(
        aumann.CoalitionSampling(count, reuse=False, seed=3, first=first)
    ),
    "reused": lambda count, first=0: aumann.Banzhaf(
        aumann.CoalitionSampling(count, seed=3, first=first)
    ),
}


def sampled(plan: str, game: bool, count: int, first: int = 0) -> aumann.Attribution:
    method = METHODS[plan](count, first)
    if game:
        return aumann.attribute(aumann.Game(cubic, 25), method=method)
    return aumann.attribute(X, aumann.Heat() + 2 * aumann.Variance(), method=method)


@pytest.mark.parametrize("plan", METHODS)
@pytest.mark.parametrize("game", [False, True])
def test_pickles_and_copies_merge_to_the_bits_of_one_run(plan: str, game: bool) -> None:
    whole = sampled(plan, game, 70)
    one, other = sampled(plan, game, 40), sampled(plan, game, 30, first=40)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(other, protocol))
        assert again.values.tobytes() == other.values.tobytes()
    for each in (again, copy.deepcopy(other), copy.copy(other)):
        for merged in (one.merge(each), each.merge(one)):
            assert merged.values.tobytes() == whole.values.tobytes()
            assert merged.standard_error.tobytes() == whole.standard_error.tobytes()
            assert merged.samples[0].runs == ((3, 0, 70),)
    # A copy is one: what is drawn on top of it leaves the other alone.
    moments = copy.deepcopy(other.samples[0].moments[0])
    assert moments is not other.samples[0].moments[0]
    assert moments.samples == 30


def test_results_of_other_processes_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of processes that have other seeds of hashes."""
    (tmp_path / "elsewhere.py").write_text(
        "import pickle, sys, numpy as np, aumann\n"
        "def cubic(members):\n"
        "    return (members @ np.arange(1.0, members.shape[1] + 1)) ** 3\n"
        "x = np.random.default_rng(4).exponential(size=(2, 30, 2))\n"
        "game = aumann.Game(cubic, 25)\n"
        "function = aumann.Heat() + 2 * aumann.Variance()\n"
        "def draw(first, count):\n"
        "    sampling = aumann.PermutationSampling(2 * count, seed=3, first=first)\n"
        "    method = aumann.Shapley(sampling)\n"
        "    of_game = aumann.attribute(game, method=method)\n"
        "    return of_game, aumann.attribute(x, function, method=method)\n"
        "def write(first, count, path):\n"
        "    pickle.dump(draw(int(first), int(count)), open(path, 'wb'))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import elsewhere  # type: ignore[import-not-found]

    parts = []
    for first, count in ((40, 20), (0, 25), (25, 15)):
        path = tmp_path / f"{first}.pickle"
        call = f"import elsewhere; elsewhere.write({first}, {count}, {str(path)!r})"
        subprocess.run([sys.executable, "-c", call], check=True, cwd=tmp_path)
        parts.append(pickle.loads(path.read_bytes()))
    for kind, whole in enumerate(elsewhere.draw(0, 60)):
        last, first, second = (part[kind] for part in parts)
        merged = last.merge(first).merge(second)
        assert merged.values.tobytes() == whole.values.tobytes()
        assert merged.samples[0].runs == ((3, 0, 60),)
        given = () if kind == 0 else (elsewhere.function,)
        x = elsewhere.game if kind == 0 else elsewhere.x
        method = METHODS["pairs"](60)
        resumed = aumann.attribute(x, *given, method=method, resume=first)
        assert resumed.values.tobytes() == whole.values.tobytes()


def test_games_that_differ_in_little_are_not_merged() -> None:
    """Values of -1 and -2 have the same hash."""

    def of(least: float, first: int) -> aumann.Attribution:
        value = lambda members: np.where(members.any(axis=1), 1.0, least)  # noqa: E731
        method = aumann.Shapley(aumann.PermutationSampling(20, first=first))
        return aumann.attribute(aumann.Game(value, 4), method=method)

    assert of(-1.0, 0).merge(of(-1.0, 10)).samples[0].count == 20
    with pytest.raises(ValueError, match="another game"):
        of(-1.0, 0).merge(of(-2.0, 10))


class TestBytes:
    def moments(self, reuse: bool) -> Moments:
        moments = Moments(6, 4.0, reuse)
        rng = np.random.default_rng(0)
        if reuse:
            moments.add_coalitions(random_coalitions(1, 0, 0, 9, 6), rng.normal(size=9))
        else:
            moments.add(rng.normal(size=6))
            moments.add(rng.normal(size=6))
        return moments

    @pytest.mark.parametrize("reuse", [False, True])
    def test_damaged_and_foreign_ones_are_refused(self, reuse: bool) -> None:
        moments = self.moments(reuse)
        _, _, state = moments.__reduce__()
        rng = np.random.default_rng(1)
        for _ in range(400):
            damaged = bytearray(state)
            start = rng.integers(len(state))
            for place in range(start, min(start + rng.integers(1, 9), len(state))):
                damaged[place] ^= rng.integers(1, 256)
            with pytest.raises(ValueError, match="moments: bytes"):
                Moments(0, 0.0, False).__setstate__(bytes(damaged))
        version = bytearray(state)
        version[6] += 1
        for foreign, what in (
            (b"", "not those"),
            (b"\x80\x04N.", "not those"),
            (state[:-1], "damaged"),
            (state + b"\0", "damaged"),
            (bytes(version), "of another version"),
        ):
            with pytest.raises(ValueError, match=f"moments: bytes {what}"):
                Moments(0, 0.0, False).__setstate__(foreign)

    def test_every_call_is_guarded(self) -> None:
        """What cannot be allocated is a defect of the caller, not the end of the program."""
        with pytest.raises(MemoryError, match="could not be allocated"):
            Moments(2**62, 1.0, False)
        with pytest.raises(MemoryError, match="could not be allocated"):
            random_coalitions(0, 0, 0, 2**62, 2**62)
        with pytest.raises(ValueError, match="a quantum of"):
            self.moments(False).merged(Moments(6, 1e9, False))


class TestFewCoalitions:
    def run(self, agents: int, count: int) -> tuple[aumann.Attribution, list[str]]:
        x = np.random.default_rng(0).exponential(size=(agents, 1))
        method = aumann.Banzhaf(aumann.CoalitionSampling(count, seed=5))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = aumann.attribute(x, aumann.Variance(), method=method)
        return result, [str(each.message) for each in caught]

    def test_unknown_agents_are_warned_of_with_a_number_that_is_enough(self) -> None:
        result, (message,) = self.run(100_000, 10)
        unknown = int(np.isnan(result.values).sum())
        # 100,000 / 2^9 of them, in expectation.
        assert abs(unknown - 195.3) < 5 * np.sqrt(195.3)
        assert message.startswith(f"{unknown} of 100,000 agents are in all or none of the 10 coal")
        assert "want at least 30 of them" in message
        for count, quiet in ((1, False), (9, False), (30, True)):
            result, messages = self.run(100_000, count)
            assert (messages == []) is quiet
            assert np.isfinite(result.values).all() == quiet
            assert np.isfinite(result.standard_error).all() == quiet

    def test_the_number_is_the_smallest_sensible_one(self) -> None:
        for agents, enough in ((3, None), (1000, 23)):
            _, messages = self.run(agents, 1)
            (message,) = messages
            wanted = next(k for k in range(1, 60) if 2 * agents * (1 + k) * 0.5**k <= 0.01)
            assert enough in (None, wanted)
            assert f"want at least {wanted} of them" in message

    def test_steps_and_merged_results_say_it_too(self) -> None:
        x = np.random.default_rng(0).exponential(size=(2, 1000, 1))
        run = lambda first: aumann.attribute(  # noqa: E731
            x,
            aumann.Mean(),
            method=aumann.Banzhaf(aumann.CoalitionSampling(3, first=first)),
        )
        with pytest.warns(RuntimeWarning, match=r"step 0 \(and some at 1 other steps\) are in all"):
            one = run(0)
        with pytest.warns(RuntimeWarning, match="1,000 agents want at least 23"):
            other = run(3)
        with pytest.warns(RuntimeWarning, match="are in all or none of the 6"):
            one.merge(other)


def test_more_terms_than_streams_of_random_numbers() -> None:
    def of(count: int) -> aumann.ValueFunction:
        weights = range(1, count + 1)
        return sum((aumann.Mean(weights=(float(w),)) for w in weights), 0)

    method = aumann.Shapley(aumann.PermutationSampling(2))
    x = np.array([[1.0], [3.0]])
    with pytest.raises(ValueError, match=r"a sum of 257 terms, .* at most 256 can be"):
        aumann.attribute(x, of(257), method=method)
    np.testing.assert_allclose(
        aumann.attribute(x, of(256), method=method).values, x[:, 0] / 2 * 256 * 257 / 2
    )


def test_no_message_holds_a_number_of_hundreds_of_digits() -> None:
    for wrong in (
        lambda: aumann.PermutationSampling(10**300),
        lambda: aumann.PermutationSampling(-(10**5000)),
        lambda: aumann.CoalitionSampling(2, seed=10**400),
        lambda: aumann.CoalitionSampling(2, tolerance=10**300),
        lambda: aumann.CoalitionSampling(2, max_seconds=-(10**5000)),
        lambda: aumann.Game(cubic, 10**300),
        lambda: aumann.attribute(
            np.full((4, 2), [1e150, -1e150]), aumann.Heat(), method=METHODS["pairs"](2)
        ),
        lambda: aumann.attribute(
            aumann.Game(lambda c: 1e300 * c.all(axis=1), 5, bound=1e-300),
            method=METHODS["pairs"](2),
        ),
    ):
        with pytest.raises((ValueError, TypeError)) as caught:
            wrong()
        assert len(str(caught.value)) < 300, str(caught.value)


def test_values_below_what_samples_resolve_are_refused() -> None:
    x = np.arange(1.0, 31.0).reshape(10, 3)
    for small, function in ((1e-301, aumann.GiniMeanDifference()), (1e-150, aumann.Variance())):
        for name in ("pairs", "marginal", "reused"):
            with pytest.raises(ValueError, match=r"a finite number from 1\.1e-286 on"):
                aumann.attribute(small * x, function, method=METHODS[name](64))


def test_moves_of_an_ulp_are_within_the_bound_of_their_game() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        x = rng.normal(size=(5, 4))
        baseline = np.nextafter(x, rng.choice([-np.inf, np.inf], x.shape))
        method = METHODS["pairs"](8)
        result = aumann.attribute(x, aumann.GiniMeanDifference(), method=method, baseline=baseline)
        assert np.abs(result.values).max() < 1e-15


def test_first_counts_samples() -> None:
    """Pairs where orders are taken with their reverse: the next run begins at `samples`."""
    game = aumann.Game(cubic, 25)
    for antithetic in (False, True):
        whole = aumann.PermutationSampling(80, antithetic=antithetic)
        half = aumann.PermutationSampling(40, antithetic=antithetic)
        rest = aumann.PermutationSampling(40, antithetic=antithetic, first=half.samples)
        one, other, both = (
            aumann.attribute(game, method=aumann.Shapley(each)) for each in (half, rest, whole)
        )
        assert one.merge(other).values.tobytes() == both.values.tobytes()
        overlapping = aumann.PermutationSampling(40, antithetic=antithetic, first=half.samples - 1)
        with pytest.raises(ValueError, match=r"are in both, .* \(first=, in samples\)"):
            one.merge(aumann.attribute(game, method=aumann.Shapley(overlapping)))
