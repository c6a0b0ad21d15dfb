"""Sampled values: drawing, stopping, going on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from aumann._answer import Answer
from aumann._core import Moments
from aumann._games import GameSource
from aumann._progress import Progress
from aumann._samples import Plan, StepSamples, checks, digest, estimated, plan_of
from aumann._student import half_width
from aumann.estimators import CoalitionSampling, PermutationSampling
from aumann.value_functions import ValueFunction

if TYPE_CHECKING:
    from aumann.attribution import Attribution

__all__ = ["Interrupted", "SampledValues", "Source", "Term", "previous_samples", "with_samples"]

# Between two looks at the clock and for Ctrl-C.
TURN_SECONDS = 0.1

# What happens in more than 3/k of all cases is seen in k of them with a chance of 95 %.
RULE_OF_THREE = 3.0
LEVEL = 0.95


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during sampling. What was drawn until then is in `result`.

    Attributes
    ----------
    result : Attribution
        Of the samples drawn, if any; `attribute(..., resume=result)` goes on from there. Steps that
        were not begun hold NaN.
    """

    def __init__(self, result: Attribution) -> None:
        """Keep the partial result."""
        super().__init__("sampling was interrupted; the exception's result holds what was drawn")
        self.result = result

    def __reduce__(self) -> tuple[type[Interrupted], tuple[Attribution]]:
        """Return what another process makes the same exception from."""
        return type(self), (self.result,)


def with_samples(ended: BaseException, result: Attribution) -> BaseException:
    """Return what ended a run, with the samples drawn until then as its `result`, if any.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0]], aumann.Mean())
    >>> with_samples(ValueError("no samples"), result)
    ValueError('no samples')
    """
    if isinstance(ended, KeyboardInterrupt):
        return Interrupted(result)
    if result.samples is not None:
        ended.result = result  # type: ignore[attr-defined]
    return ended


class Source(Protocol):
    """A game that samples are drawn from."""

    def run(self, start: int, stop: int) -> None:
        """Draw the samples with these numbers and add them to the moments."""

    @property
    def samples(self) -> int:
        """How many samples there are."""

    @property
    def moments(self) -> Moments:
        """The samples so far, as they are now."""

    @property
    def fingerprint(self) -> int:
        """A number that differs between games."""

    @property
    def ends(self) -> tuple[float, float]:
        """The values of all agents and of none."""


@dataclass(frozen=True, eq=False)
class Term:
    """A term of a value function, as it is sampled.

    Parameters
    ----------
    coefficient : float
        What it is multiplied by.
    source : Source
        Its game.
    exact : bool
        Whether each sample is the value itself.
    reach : float, optional
        What an event that samples miss may add to one of them, of the built-in value functions.
    null : ndarray of bool, optional
        The agents who stand at their baseline.
    """

    coefficient: float
    source: Source
    exact: bool = False
    reach: float = 0.0
    null: NDArray[np.bool_] | None = None

    @property
    def missed(self) -> float:
        """What an event that samples miss may add to a sample."""
        reach = self.source.reach if isinstance(self.source, GameSource) else self.reach
        return abs(self.coefficient) * reach


# Opens the source of every term, going on from samples where there are some.
Open = Callable[["StepSamples | None"], list[Term]]


def previous_samples(
    resume: Attribution | None,
    estimator: PermutationSampling | CoalitionSampling,
    function: object,
) -> Sequence[StepSamples]:
    """Return the samples of a result to go on from.

    Parameters
    ----------
    resume : Attribution or None
        The result.
    estimator : PermutationSampling or CoalitionSampling
        What is to be drawn now.
    function : object
        What is attributed now.

    Raises
    ------
    TypeError, ValueError
        If the result has no samples, or samples of another kind.

    Examples
    --------
    >>> previous_samples(None, PermutationSampling(2), None)
    ()
    """
    if resume is None:
        return ()
    samples = getattr(resume, "samples", None)
    if not isinstance(samples, tuple):
        raise TypeError(
            f"resume: {type(resume).__name__} without samples, a sampled result is wanted"
        )
    if any(step.plan != plan_of(estimator) for step in samples):
        raise ValueError(f"resume: a result of {resume.method!r}, one of the same method is wanted")
    if isinstance(function, ValueFunction) and resume.value_function != function:
        raise ValueError(f"resume: a result of {resume.value_function!r}, {function!r} is wanted")
    return samples


class SampledValues:
    """Draws samples for one step after another.

    Parameters
    ----------
    estimator : PermutationSampling or CoalitionSampling
        What to draw, and when to stop.
    steps : int
        Number of steps.
    previous : sequence of StepSamples, optional
        Samples to go on from, one entry per step; fewer if later steps were not begun.
    """

    def __init__(
        self,
        estimator: PermutationSampling | CoalitionSampling,
        steps: int,
        previous: Sequence[StepSamples] = (),
    ) -> None:
        """Start the clock."""
        self.estimator = estimator
        self.plan: Plan = plan_of(estimator)
        self.steps = steps
        self.previous = previous
        self.progress = Progress(steps * estimator.samples)
        self.deadline = (
            None if estimator.max_seconds is None else perf_counter() + estimator.max_seconds
        )

    def fill(
        self, answer: Answer, step: int, present: NDArray[np.bool_] | None, opened: Open
    ) -> None:
        """Sample one step.

        What ends it before its time is raised once the samples drawn until then have been written;
        what was not begun is then NaN.
        """
        previous = self.previous[step] if step < len(self.previous) else None
        try:
            terms = opened(previous)
            fingerprint = digest(*(term.source.fingerprint for term in terms))
            start = self._first(previous, fingerprint)
        except BaseException:
            answer.values[step:] = np.nan
            raise
        there = terms[0].source.samples
        moments, ended = self._draw(terms, start, step)
        if ended is None:
            ended = _checked(terms)
        if ended is not None:
            answer.values[step:] = np.nan
        drawn = moments[0].samples - there
        if drawn > 0 or previous is not None:
            samples = self._samples(previous, terms, moments, (start, start + drawn), fingerprint)
            answer.write_samples(step, present, samples, [term.coefficient for term in terms])
        if ended is not None:
            raise ended

    def close(self) -> None:
        """Remove the progress bar."""
        self.progress.close()

    def _first(self, previous: StepSamples | None, fingerprint: int) -> int:
        """Return the number of the first sample to draw."""
        if previous is None:
            return self.estimator.first
        if previous.fingerprint != fingerprint:
            raise ValueError("resume: a result of other inputs, the same inputs are wanted")
        if previous.count > self.estimator.samples:
            raise ValueError(
                f"resume: {previous.count} samples are there, more than the "
                f"{self.estimator.samples} asked for"
            )
        ((seed, first, stop),) = previous.runs if len(previous.runs) == 1 else ((None, 0, 0),)
        if seed != self.estimator.seed or first != self.estimator.first:
            raise ValueError(
                f"resume: samples (seed, first, last + 1) {previous.runs}, one run from "
                f"{self.estimator.first} of seed {self.estimator.seed} is wanted"
            )
        return stop

    def _draw(
        self, terms: Sequence[Term], start: int, step: int
    ) -> tuple[list[Moments], BaseException | None]:
        """Draw until something says stop; return the samples, and what went wrong, if anything."""
        sources = [term.source for term in terms]
        there = sources[0].samples
        offset = start - there
        most = self.estimator.samples
        deadline = self.deadline
        if deadline is not None:
            now = perf_counter()
            deadline = now + max(0.0, deadline - now) / (self.steps - step)
        exact = all(term.exact for term in terms)
        stops = [most] if self.estimator.tolerance is None else checks(most, exact)
        # What was drawn before and has not settled is not looked at again between checks.
        stops = [stop for stop in stops if stop >= there]
        before: list[Moments] = []
        try:
            turn = 1
            for stop in stops:
                while (done := sources[0].samples) < stop:
                    began = perf_counter()
                    last = min(stop, done + turn)
                    if len(sources) > 1:
                        before = [source.moments for source in sources]
                    for source in sources:
                        source.run(offset + source.samples, offset + last)
                    seconds = perf_counter() - began
                    self.progress.show(step * most + last)
                    if deadline is not None and perf_counter() >= deadline:
                        return [source.moments for source in sources], None
                    turn = max(1, min(2 * turn, int(turn * TURN_SECONDS / max(seconds, 1e-9))))
                if self.estimator.tolerance is not None and self._settled(terms):
                    break
        except BaseException as error:
            moments = [source.moments for source in sources]
            # Terms are drawn in turn: where they differ, the turn does not count.
            return (before if len({each.samples for each in moments}) > 1 else moments), error
        return [source.moments for source in sources], None

    def _settled(self, terms: Sequence[Term]) -> bool:
        """Tell whether all values are known to the tolerance."""
        moments = [term.source.moments for term in terms]
        values, errors = estimated(
            [term.coefficient for term in terms], [each.estimate() for each in moments]
        )
        count, reused = moments[0].samples, self.plan[:2] == ("coalitions", True)
        missed = sum(term.missed for term in terms if not term.exact)
        # Each agent is in half of the coalitions, whose values are compared with the others'.
        missed *= (2 if reused else 1) * RULE_OF_THREE / count
        normal = half_width(LEVEL, math.inf)
        student = half_width(LEVEL, count - (2 if reused else 1))
        tolerance = (self.estimator.tolerance or 0.0) * np.ptp(values)
        # A NaN error settles nothing.
        return bool((student / normal * errors + missed / normal <= tolerance).all())

    def _samples(
        self,
        previous: StepSamples | None,
        terms: Sequence[Term],
        moments: Sequence[Moments],
        drawn: tuple[int, int],
        fingerprint: int,
    ) -> StepSamples:
        """Return the samples of a step, those gone on from included."""
        start, stop = drawn
        games = [term.source for term in terms if isinstance(term.source, GameSource)]
        evaluations = sum(game.evaluations for game in games) or (
            (stop - start) * self._evaluations(moments[0].players) * len(terms)
        )
        all_, none = (
            sum(term.coefficient * term.source.ends[side] for term in terms) for side in range(2)
        )
        return StepSamples(
            self.plan,
            ((self.estimator.seed, start if previous is None else previous.runs[0][1], stop),),
            tuple(moments),
            fingerprint,
            (all_, none),
            tuple(term.exact for term in terms),
            terms[0].null,
            games[0].seen if games else (np.inf, -np.inf),
            evaluations + (0 if previous is None else previous.evaluations),
        )

    def _evaluations(self, agents: int) -> int:
        """Return the coalitions that are evaluated per sample of a built-in value function."""
        kind, flag, _ = self.plan
        if kind == "coalitions":
            return 1 if flag else agents + 1
        return 2 * agents if flag else agents + 1


def _checked(terms: Sequence[Term]) -> BaseException | None:
    """Warn of games that contradict themselves; return what went wrong meanwhile, if anything."""
    try:
        for term in terms:
            if isinstance(term.source, GameSource):
                term.source.check()
    except BaseException as error:
        return error
    return None
