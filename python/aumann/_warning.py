"""Warnings that point to the user's own line, however deep they arise."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn_user"]


def warn_user(message: str, category: type[Warning] = RuntimeWarning) -> None:
    """Warn, naming the first line outside aumann that led here.

    Parameters
    ----------
    message : str
        What to say.
    category : type of Warning
        A kind of warning.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_user("beware")
    >>> str(caught[0].message)
    'beware'
    """
    level = 1
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == "aumann":
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
