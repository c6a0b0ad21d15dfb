"""Sampled values: drawing, stopping, going on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from aumann._answer import Answer
from aumann._core import Moments
from aumann._progress import Progress
from aumann._samples import Plan, StepSamples, checks, estimated, plan_of, told
from aumann.estimators import CoalitionSampling, PermutationSampling
from aumann.value_functions import ValueFunction

if TYPE_CHECKING:
    from aumann.attribution import Attribution

__all__ = ["Interrupted", "SampledValues", "Source", "previous_samples"]

# Between two looks at the clock and for Ctrl-C.
TURN_SECONDS = 0.1


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during sampling. What was drawn until then is in `result`.

    Attributes
    ----------
    result : Attribution
        Of the samples drawn; `attribute(..., resume=result)` goes on from there. Steps that were
        not begun hold NaN.
    """

    def __init__(self, result: Attribution) -> None:
        """Keep the partial result."""
        super().__init__("sampling was interrupted; the exception's result holds what was drawn")
        self.result = result


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


# Opens the source of every term, going on from moments where there are some.
Open = Callable[["StepSamples | None"], list[tuple[float, Source]]]


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
    ) -> bool:
        """Sample one step; tell whether Ctrl-C ended it before its time.

        What Ctrl-C keeps from being drawn is NaN.
        """
        previous = self.previous[step] if step < len(self.previous) else None
        try:
            terms = opened(previous)
        except KeyboardInterrupt:
            if not answer.samples:
                raise
            answer.values[step:] = np.nan
            return True
        coefficients = [coefficient for coefficient, _ in terms]
        sources = [source for _, source in terms]
        fingerprint = hash(tuple(source.fingerprint for source in sources))
        start = self._first(previous, fingerprint)
        interrupted = self._draw(sources, coefficients, start, step)
        drawn = sources[0].samples - (0 if previous is None else previous.count)
        if interrupted:
            answer.values[step:] = np.nan
        if drawn == 0 and previous is None:
            return interrupted
        all_, none = (sum(c * source.ends[side] for c, source in terms) for side in range(2))
        first = start if previous is None else previous.runs[0][1]
        samples = StepSamples(
            self.plan,
            ((self.estimator.seed, first, start + drawn),),
            tuple(source.moments for source in sources),
            fingerprint,
            (all_, none),
        )
        answer.samples.append(samples)
        values, errors = estimated(coefficients, samples.moments)
        answer.write(step, present, values, samples.ends, told(self.plan, samples.count))
        answer.write_errors(step, present, errors)
        answer.evaluations += samples.count * self._evaluations(len(values)) * len(terms)
        return interrupted

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
        self, sources: Sequence[Source], coefficients: Sequence[float], start: int, step: int
    ) -> bool:
        """Draw until something says stop; tell whether that was Ctrl-C."""
        offset = start - sources[0].samples
        most = self.estimator.samples
        deadline = self.deadline
        if deadline is not None:
            now = perf_counter()
            deadline = now + max(0.0, deadline - now) / (self.steps - step)
        there = sources[0].samples
        stops = [most] if self.estimator.tolerance is None else checks(most)
        # What was drawn before and has not settled is not looked at again between checks.
        stops = [stop for stop in stops if stop >= there]
        try:
            turn = 1
            for stop in stops:
                while (done := sources[0].samples) < stop:
                    began = perf_counter()
                    last = min(stop, done + turn)
                    for source in sources:
                        source.run(offset + source.samples, offset + last)
                    seconds = perf_counter() - began
                    self.progress.show(step * most + last)
                    if deadline is not None and perf_counter() >= deadline:
                        return False
                    turn = max(1, min(2 * turn, int(turn * TURN_SECONDS / max(seconds, 1e-9))))
                if self.estimator.tolerance is not None and self._settled(sources, coefficients):
                    return False
        except KeyboardInterrupt:
            # Terms are drawn in turn: the later ones catch up.
            for source in sources[1:]:
                source.run(offset + source.samples, offset + sources[0].samples)
            return True
        return False

    def _settled(self, sources: Sequence[Source], coefficients: Sequence[float]) -> bool:
        values, errors = estimated(coefficients, [source.moments for source in sources])
        tolerance = self.estimator.tolerance or 0.0
        # A NaN error settles nothing.
        return bool((errors <= tolerance * np.ptp(values)).all())

    def _evaluations(self, agents: int) -> int:
        """Return the coalitions that are evaluated per sample."""
        kind, flag, _ = self.plan
        if kind == "coalitions":
            return 1 if flag else agents + 1
        return 2 * agents if flag else agents + 1
