"""The compiled core: how it was built, and how many threads it may use."""

from __future__ import annotations

import sys
from typing import Any

from aumann import _core

__all__ = ["build_info", "get_threads", "set_threads"]


def build_info() -> dict[str, Any]:
    """Return what a bug report needs to know of the compiled core.

    Returns
    -------
    dict
        `version`; `profile`, "release" or "debug"; `target`, the processor's architecture; `simd`,
        the instruction set in use, one of those in `simd_available`; `threads`.

    Notes
    -----
    The environment variable ``AUMANN_SIMD`` (``portable``, ``avx2``, ``avx512``), read at import,
    lowers the instruction set. The results are the same bits on each.

    Examples
    --------
    >>> import aumann
    >>> sorted(aumann.build_info())
    ['profile', 'simd', 'simd_available', 'target', 'threads', 'version']
    """
    return _core.build_info()


def get_threads() -> int:
    """Return the number of threads that kernels run on.

    Examples
    --------
    >>> import aumann
    >>> aumann.get_threads() >= 1
    True
    """
    return _core.get_threads()


def set_threads(threads: int | None) -> None:
    """Set the number of threads that kernels run on; results do not depend on it.

    Parameters
    ----------
    threads : int or None
        A number from 1 to 1,024, or None for the default. A child process made by fork keeps the
        number.

    Raises
    ------
    ValueError
        If `threads` is not from 1 to 1,024, or the system gives no such number.
    TypeError
        If `threads` is no integer.

    Notes
    -----
    The default is the first of the environment variables ``AUMANN_NUM_THREADS``,
    ``RAYON_NUM_THREADS`` and ``OMP_NUM_THREADS`` that holds a positive integer, else one thread per
    core. Of a list, as OpenMP allows ("4,2"), the first number counts; more than 1,024 counts as
    1,024; anything else ("0", "-1", "abc", empty) is passed over as if it were not set. They are
    read when threads are first needed, and by ``set_threads(None)``.

    Examples
    --------
    >>> import aumann
    >>> aumann.set_threads(2)
    >>> aumann.get_threads()
    2
    >>> aumann.set_threads(None)
    """
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int):
            raise TypeError(f"threads: {threads!r}, a positive integer or None is wanted")
        if threads < 1:
            raise ValueError(f"threads: {threads}, a positive integer or None is wanted")
        # What no machine word holds is refused as any number that is too large.
        threads = min(threads, sys.maxsize)
    _core.set_threads(threads)
