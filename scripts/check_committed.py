#!/usr/bin/env python3
"""Check the files under version control for what does not belong there.

Prints one line per problem and exits with 1 if there is any. Run from anywhere inside the
repository; only the standard library is needed.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

MAX_BYTES = 500_000
MAX_LINES = 400
SOURCE_SUFFIXES = {".py", ".pyi", ".rs"}
# Formats that are text in part or may hold no zero byte, so that content alone does not tell.
BINARY_SUFFIX = re.compile(
    r"\.(?:a|dll|dylib|exe|gz|lib|npy|npz|o|parquet|pdf|pkl|pyc|pyd|rlib|so|tar|whl|zip|zst)$"
)
LOCK_NAMES = {
    "package-lock.json",
    "Pipfile.lock",
    "poetry.lock",
    "pdm.lock",
    "uv.lock",
    "pylock.toml",
    "yarn.lock",
}
CRATES_INDEX = "registry+https://github.com/rust-lang/crates.io-index"

# Written in pieces, so that this file passes its own checks.
MERGE_MARKER = re.compile(r"^(?:<{7} |={7}$|>{7} |\|{7} )")
STUB_MARKER = re.compile(r"\b(?:to" r"do|unimpl" r"emented)!|\bNotImpl" r"ementedError\b")
MACHINE_PATH = re.compile(r"(?<![\w.~:/-])/(?:ro" r"ot|wo" r"rk|home/\w+|Users/\w+)(?:/|\b)")
URL = re.compile(r"[a-z+]+://[^\s\"')\]}>,]+")


def line_problems(path: str, text: str) -> Iterator[str]:
    """Yield the problems that can be blamed on one line of a text file."""
    is_source = PurePosixPath(path).suffix in SOURCE_SUFFIXES
    for number, line in enumerate(text.split("\n"), start=1):
        where = f"{path}:{number}"
        if line.endswith("\r"):
            yield f"{where}: line ends with a carriage return"
        elif line != line.rstrip():
            yield f"{where}: trailing whitespace"
        if MERGE_MARKER.match(line):
            yield f"{where}: merge marker"
        if found := MACHINE_PATH.search(line):
            yield f"{where}: path of one machine: {found.group()}"
        if is_source and (stub := STUB_MARKER.search(line)):
            yield f"{where}: stub marker: {stub.group()}"


def lock_problems(path: str, text: str) -> Iterator[str]:
    """Yield the package-host addresses in a lock file; the crates.io index is fine."""
    name = PurePosixPath(path).name
    if name not in LOCK_NAMES and not name.endswith(".lock"):
        return
    for number, line in enumerate(text.split("\n"), start=1):
        for url in URL.findall(line):
            if name != "Cargo.lock" or url != CRATES_INDEX:
                yield f"{path}:{number}: address of a package host in a lock file: {url}"


def file_problems(path: str, content: bytes) -> list[str]:
    """Return every problem of one file, given its path in the repository and its content."""
    problems = []
    if len(content) > MAX_BYTES:
        problems.append(f"{path}: {len(content):,} bytes, at most {MAX_BYTES:,} are allowed")
    suffix = PurePosixPath(path).suffix
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if BINARY_SUFFIX.search(path) or text is None or "\0" in text:
        problems.append(f"{path}: binary file")
        return problems
    if text and not text.endswith("\n"):
        problems.append(f"{path}: last line does not end with a newline")
    if text.endswith("\n\n"):
        problems.append(f"{path}: empty line at the end")
    lines = text.count("\n")
    if suffix in SOURCE_SUFFIXES and lines > MAX_LINES:
        problems.append(f"{path}: {lines} lines, at most {MAX_LINES} are allowed")
    problems += line_problems(path, text)
    problems += lock_problems(path, text)
    return problems


def committed_files(root: Path) -> list[str]:
    """Return the paths under version control that exist in the working tree, sorted."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    )
    paths = (path for path in listing.stdout.split("\0") if path)
    # A path deleted but not yet committed as such has nothing left to check.
    return sorted(path for path in paths if (root / path).is_file())


def check(root: Path, paths: Iterable[str]) -> list[str]:
    """Return the problems of the named files below `root`, in order."""
    return [
        problem for path in paths for problem in file_problems(path, (root / path).read_bytes())
    ]


def main() -> int:
    """Check all committed files and return the exit code."""
    top = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"], check=True, capture_output=True, text=True
    )
    root = Path(top.stdout.strip())
    problems = check(root, committed_files(root))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
