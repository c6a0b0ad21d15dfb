"""When an indicator peaked."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["peak_step"]


def peak_step(values: Mapping[int, float | None]) -> int | None:
    """Return the step with the largest value, the first of equal ones, if one stands out.

    What is undefined, or the same number wherever it is defined, at several steps has no peak.

    Parameters
    ----------
    values : mapping of int to float or None
        By the number of the step; None where undefined.

    Examples
    --------
    >>> peak_step({0: 1.0, 1: 3.0, 2: 3.0, 3: None})
    1
    >>> peak_step({0: 2.0, 1: 2.0}) is None, peak_step({0: 2.0})
    (True, 0)
    """
    known = {step: value for step, value in values.items() if value is not None}
    if len(values) > 1 and len(set(known.values())) < 2:
        return None
    return min(known, key=lambda step: (-known[step], step), default=None)
