"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary file in the folder of `path` that takes its place on success.

    On an exception the temporary file is removed and `path` is as it was. The new file has the
    rights of any new file.

    Parameters
    ----------
    path : path
        The file to be written.

    Yields
    ------
    Path
        Where to write meanwhile.

    Raises
    ------
    OSError
        If nothing can be written there.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "answer.txt") as temporary:
    ...     _ = temporary.write_text("42")
    >>> [file.name for file in folder.iterdir()]
    ['answer.txt']
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; the name of a file is wanted")
    # Not tempfile, whose files are private: only the kernel can apply the umask, which is of the
    # whole process, without other threads seeing it changed.
    temporary = target.with_name(f".{target.name}.{secrets.token_urlsafe(6)}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise type(error)(error.errno, f"cannot write {target}: {error.strerror}") from error
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
            raise OSError(error.errno, f"cannot write {target}: {reason}") from error
        raise


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
