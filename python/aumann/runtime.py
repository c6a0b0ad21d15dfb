"""The compiled core: how it was built, and how many threads it may use."""

from __future__ import annotations

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
        A positive number, or None for the default: ``RAYON_NUM_THREADS`` if it is set, else one
        per core. A child process made by fork keeps the number.

    Raises
    ------
    ValueError
        If `threads` is not positive, or the system gives no such number.
    TypeError
        If `threads` is no integer.

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
    _core.set_threads(threads)
