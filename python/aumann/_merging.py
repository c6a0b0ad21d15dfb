"""Merging of sampled results."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from aumann._answer import Answer
from aumann.value_functions import ValueFunction

if TYPE_CHECKING:
    from aumann.attribution import Attribution

__all__ = ["merged"]


def merged(one: Attribution, other: Attribution) -> Attribution:
    """Return the result of the samples of both, as `Attribution.merge` describes it."""
    if one.samples is None or getattr(other, "samples", None) is None:
        raise TypeError(f"other: {type(other).__name__}, and both sampled results are wanted")
    these, those = one.samples, other.samples or ()
    same = one.value_function == other.value_function
    if isinstance(one.value_function, ValueFunction) and not same:
        raise ValueError(
            f"other: a result of {other.value_function!r}, {one.value_function!r} is wanted"
        )
    if one.values.shape != other.values.shape or len(these) != len(those):
        raise ValueError(
            f"other: values of shape {other.values.shape} at {len(those)} steps, "
            f"{one.values.shape} at {len(these)} are wanted"
        )
    coefficients = (
        [coefficient for coefficient, _ in one.value_function.terms]
        if isinstance(one.value_function, ValueFunction)
        else [1.0]
    )
    answer = Answer(np.full_like(np.atleast_2d(one.values), np.nan))
    present = None if one.presence is None else np.atleast_2d(one.presence)
    for step, (a, b) in enumerate(zip(these, those, strict=True)):
        row = None if present is None else present[step]
        answer.write_samples(step, row, a.merge(b), coefficients)
    stepped = one.values.ndim == 2
    return replace(
        one,
        values=answer.values if stepped else answer.values[0],
        statistics=answer.statistics,
        elapsed=one.elapsed + other.elapsed,
        **answer.told(stepped),
    )
