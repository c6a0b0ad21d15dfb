"""Locks that end with the process that holds them, and what dead processes left behind."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import gethostname
from tempfile import gettempdir

__all__ = ["begin_file", "exclusive", "scratch"]

LOCK = ".aumann-lock"
# What is written meanwhile: no file of anybody else is called so.
UNFINISHED = re.compile(r"\..+\.[0-9A-Za-z_-]{8}\.aumann")
# Seconds after which what nobody has touched is taken for left behind, where there are no locks.
FORGOTTEN = 86_400.0


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let one process at a time write to a folder, which is made if it is not there.

    The lock ends with the process that holds it, however that ends.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    BlockingIOError
        If another process, or another call in this one, writes to the folder; it is named.
    OSError
        If nothing can be written there.

    Warns
    -----
    RuntimeWarning
        If the file system has no locks: nothing then keeps another process away.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> with exclusive(folder):
    ...     with exclusive(folder):
    ...         pass
    Traceback (most recent call last):
    BlockingIOError: ... is being written to by process ...
    """
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, locked = _open_locked(path)
    except OSError as error:
        reason = error.strerror or error
        raise type(error)(error.errno, f"cannot write to {folder}: {reason}") from error
    try:
        if locked is False:
            holder = os.read(handle, 200).decode(errors="replace") or "another process"
            raise BlockingIOError(
                f"{folder} is being written to by {holder}; wait until it has ended, or name "
                "another folder"
            )
        if locked is None:
            warnings.warn(
                f"{folder} is on a file system without locks: see to it that nothing else is "
                "writing there",
                RuntimeWarning,
                stacklevel=4,
            )
        else:
            # On a full disk a lock without a name is still one.
            with suppress(OSError):
                os.truncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {gethostname()}".encode())
        yield
    finally:
        # Removed while it is held: who opened it before sees that it is gone.
        if locked is not False:
            path.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def scratch(name: str, parent: Path | None = None) -> Iterator[Path]:
    """Give a folder for temporary files that nobody else can read, and remove it at the end.

    What processes that were killed have left of such folders is removed at the beginning.

    Parameters
    ----------
    name : str
        Part of its name.
    parent : Path, optional
        Where it is made; the system's folder for temporary files if not given.

    Yields
    ------
    Path

    Raises
    ------
    OSError
        If it cannot be made.

    Examples
    --------
    >>> with scratch("example") as folder:
    ...     folder.is_dir()
    True
    >>> folder.is_dir()
    False
    """
    parent = Path(gettempdir()) if parent is None else parent
    _remove_left(parent)
    folder = _unfinished(parent, name)
    handle = None
    try:
        folder.mkdir(mode=0o700)
        if os.name == "posix":
            handle = os.open(folder, os.O_RDONLY)
            _lock(handle)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def begin_file(target: Path) -> tuple[Path, int | None]:
    """Make an empty file beside `target`, with the rights of any new file, and lock it.

    What processes that were killed have left beside it is removed.

    Returns
    -------
    temporary : Path
    handle : int or None
        To be closed when the file has its place; None where the file system has no locks.
    """
    _remove_left(target.parent)
    while True:
        temporary = _unfinished(target.parent, target.name)
        # Not tempfile, whose files are private: only the kernel can apply the umask, which is of
        # the whole process, without other threads seeing it changed.
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        if not _lock(handle, wait=True):
            os.close(handle)
            return temporary, None
        if _still_there(temporary, handle):
            return temporary, handle
        # Another process took it for left behind before it was locked.
        os.close(handle)


def _remove_left(folder: Path) -> None:
    """Remove what processes that are no more have begun in a folder."""
    try:
        with os.scandir(folder) as entries:
            left = [Path(entry.path) for entry in entries if UNFINISHED.fullmatch(entry.name)]
    except OSError:
        # What cannot be listed can still be written to.
        return
    for path in left:
        with suppress(OSError):
            _remove_if_left(path)


def _remove_if_left(path: Path) -> None:
    is_folder = path.is_dir()
    flags = os.O_RDONLY if is_folder else os.O_RDWR
    handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))
    try:
        locked = _lock(handle)
        if locked is None:
            locked = time.time() - os.fstat(handle).st_mtime > FORGOTTEN
        if not (locked and _still_there(path, handle)):
            return
        if is_folder:
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    finally:
        os.close(handle)


def _lock(handle: int, *, wait: bool = False) -> bool | None:
    """Lock an open file: whether that succeeded, None where the file system has no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _open_locked(path: Path) -> tuple[int, bool | None]:
    while True:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(path, flags, 0o666)
        locked = _lock(handle)
        if not locked or _still_there(path, handle):
            return handle, locked
        # Its holder removed it between the two calls.
        os.close(handle)


def _still_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def _unfinished(parent: Path, name: str) -> Path:
    # The name is cut so that one of the longest possible still has room for what is added.
    return parent / f".{name[:50]}.{secrets.token_urlsafe(6)}.aumann"
