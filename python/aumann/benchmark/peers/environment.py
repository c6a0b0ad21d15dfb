"""Virtual environments for the peers, made on demand and used again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from aumann._locks import scratch
from aumann.benchmark.peers.process import end, last_line
from aumann.benchmark.peers.registry import Peer

__all__ = ["NotInstalled", "default_folder", "interpreter"]

# What an environment was made from, kept in it; written when all else is there.
RECORD = "made-from.txt"
INSTALL_LIMIT = 1800.0  # seconds
PROBE_LIMIT = 20.0


class NotInstalled(Exception):
    """An environment could not be made; the message is the last line of what went wrong."""


def default_folder() -> Path:
    """Return where environments are kept: aumann/peers in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "aumann" / "peers"


def interpreter(peer: Peer, folder: Path, progress: Callable[[str], None]) -> Path:
    """Return the Python that runs a peer's worker; its environment is made if need be.

    Parameters
    ----------
    peer : Peer
    folder : path
        Where environments are kept, one folder per peer. Made if it is not there.
    progress : callable
        Told when something is installed.

    Returns
    -------
    path
        The present interpreter for a peer without requirements.

    Raises
    ------
    NotInstalled
        If there is no fitting Python, or the requirements cannot be installed.

    Notes
    -----
    An environment made from the same requirements is used again, whatever has been published
    since; removing its folder has it made anew. A new one is made beside its place and renamed, so
    that an interrupted installation leaves none.

    Examples
    --------
    >>> mine = Peer("mine", (), Path("mine.py"))
    >>> interpreter(mine, Path("unused"), print) == Path(sys.executable)
    True
    """
    if not peer.requirements:
        return Path(sys.executable)
    target = folder / peer.name
    python = Path("Scripts/python.exe" if os.name == "nt" else "bin/python")
    record = _record(peer)
    if _recorded(target) == record and (target / python).exists():
        return target / python
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with scratch(peer.name, folder) as begun:
            # In a folder of its own, as the installer may remove the folder and make it again.
            made = begun / "environment"
            progress(f"installing {', '.join(peer.requirements)} for {peer.name}")
            for command in _commands(peer, made, made / python):
                _run(command)
            (made / RECORD).write_text(record)
            if _recorded(target) != record:
                shutil.rmtree(target, ignore_errors=True)
            try:
                made.rename(target)
            except OSError:
                # Another command may have made the same meanwhile.
                if _recorded(target) != record:
                    raise
    except OSError as error:
        raise NotInstalled(f"{error.filename or folder}: {error.strerror}") from error
    return target / python


def _record(peer: Peer) -> str:
    return "".join(f"{requirement}\n" for requirement in peer.requirements)


def _recorded(target: Path) -> str | None:
    try:
        return (target / RECORD).read_text()
    except OSError:
        return None


def _commands(peer: Peer, made: Path, python: Path) -> list[list[str]]:
    """Return what makes the environment: with uv where there is one, else with venv and pip."""
    uv = _uv()
    low, high = peer.python
    if low <= sys.version_info[:2] < high:
        base: str | None = sys.executable
    else:
        base = _another_python(low, high)
    if uv is not None:
        wanted = base or f">={low[0]}.{low[1]},<{high[0]}.{high[1]}"
        return [
            [*uv, "venv", "--quiet", "--clear", "--python", wanted, str(made)],
            [*uv, "pip", "install", "--quiet", "--python", str(python), *peer.requirements],
        ]
    if base is None:
        raise NotInstalled(
            f"it needs a Python from {low[0]}.{low[1]} and below {high[0]}.{high[1]}; none is on "
            "PATH, and uv, which can fetch one, is not installed"
        )
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    return [
        [base, "-m", "venv", "--clear", str(made)],
        [*pip, "install", *peer.requirements],
    ]


def _uv() -> list[str] | None:
    if (found := shutil.which("uv")) is not None:
        return [found]
    return [sys.executable, "-m", "uv"] if find_spec("uv") is not None else None


def _another_python(low: tuple[int, int], high: tuple[int, int]) -> str | None:
    """Return the latest fitting pythonX.Y on PATH that starts; a shim may be there and fail."""
    found: dict[tuple[int, int], str] = {}
    for entry in os.get_exec_path():
        for path in Path(entry).glob("python3.*"):
            if (match := re.fullmatch(r"python3\.(\d+)(\.exe)?", path.name)) is not None:
                found.setdefault((3, int(match[1])), str(path))
    for version in sorted(found, reverse=True):
        if low <= version < high:
            command = [found[version], "-c", "import ensurepip, venv"]
            try:
                done = subprocess.run(
                    command, capture_output=True, timeout=PROBE_LIMIT, check=False
                )
            except (OSError, subprocess.TimeoutExpired):
                continue
            if done.returncode == 0:
                return found[version]
    return None


def _run(command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=INSTALL_LIMIT)
        except subprocess.TimeoutExpired:
            raise NotInstalled(f"not done after {INSTALL_LIMIT:g} s") from None
        finally:
            end(process)
    if process.returncode != 0:
        raise NotInstalled(last_line(said) or f"{command[0]} ended with {process.returncode}")
