"""Files that are written whole or not at all, and never over what is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from aumann._locks import begin_file

__all__ = ["check_output", "replacing", "storable"]

AnyPath: TypeAlias = str | os.PathLike[str]


@contextmanager
def replacing(path: AnyPath, *, inputs: Iterable[AnyPath] = ()) -> Iterator[Path]:
    """Give a temporary file in the folder of `path` that takes its place on success.

    On an exception the temporary file is removed and `path` is as it was. The new file has the
    rights of any new file. Of a symbolic link, what it points to is written. What a process that
    was killed has left in the folder is removed.

    Parameters
    ----------
    path : path
        The file to be written.
    inputs : iterable of path
        Files that are not to be overwritten; see `check_output`.

    Yields
    ------
    Path
        Where to write meanwhile.

    Raises
    ------
    OSError, ValueError
        If nothing can be written there, or that is no file to write to.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "answer.txt") as temporary:
    ...     _ = temporary.write_text("42")
    >>> [file.name for file in folder.iterdir()]
    ['answer.txt']
    """
    check_output(path, inputs)
    target = Path(os.path.realpath(path))
    try:
        temporary, handle = begin_file(target)
    except OSError as error:
        raise type(error)(error.errno, f"cannot write {path}: {error.strerror}") from error
    try:
        yield temporary
        _to_disk(temporary)
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        # A full disk is reported without a name, or with one that nobody has heard of. What has a
        # cause is of another file that is being written at the same time, and names it.
        name = str(temporary)
        if (
            isinstance(error, OSError)
            and error.__cause__ is None
            and str(error.filename or name) == name
        ):
            reason = error.strerror or error
            raise OSError(error.errno, f"cannot write {path}: {reason}") from error
        raise
    finally:
        if handle is not None:
            os.close(handle)


def check_output(path: AnyPath, inputs: Iterable[AnyPath] = ()) -> None:
    """Refuse to write to what is no file, and to a file that is read.

    Parameters
    ----------
    path : path
        What is to be written, there or not.
    inputs : iterable of path
        What is read. Other names of the same file, by symbolic or hard links, are refused too.

    Raises
    ------
    IsADirectoryError
        If `path` is a folder.
    OSError
        If it is a pipe, a device or a socket, or cannot be looked at.
    ValueError
        If it is one of the inputs.

    Examples
    --------
    >>> import tempfile
    >>> log = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = log.write_text("1,2,3,RT")
    >>> check_output(log.parent / "population.parquet", [log])
    >>> check_output(log, [log])
    Traceback (most recent call last):
    ValueError: ...log.csv is read, and would be overwritten; another name is wanted
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise type(error)(error.errno, f"cannot write {path}: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{path} is a folder; the name of a file is wanted")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"cannot write {path}: it is a pipe, a device or a socket, and no file")
    for each in inputs:
        if os.path.exists(each) and os.path.samestat(found, os.stat(each)):
            same = "" if os.fspath(each) == os.fspath(path) else f", as {each}"
            raise ValueError(
                f"{path} is read{same}, and would be overwritten; another name is wanted"
            )


@contextmanager
def storable(path: AnyPath) -> Iterator[None]:
    r"""Say which text no file can hold, where one is among what is written.

    Raises
    ------
    ValueError
        If a text has a lone surrogate, as half of an emoji has.

    Examples
    --------
    >>> with storable("names.csv"):
    ...     "half \ud83d".encode()
    Traceback (most recent call last):
    ValueError: cannot write names.csv: 'half \ud83d' has half of a surrogate pair, ...
    """
    try:
        yield
    except UnicodeEncodeError as error:
        around = error.object[max(0, error.start - 20) : error.end + 20]
        raise ValueError(
            f"cannot write {path}: {around!a} has half of a surrogate pair, which is no text"
        ) from error


def _to_disk(file: Path) -> None:
    """Wait until a file is on the disk.

    A file that takes the place of another before its content is there can be empty after a power
    cut. It takes some milliseconds, and what is written here has taken longer to find.
    """
    handle = os.open(file, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
