"""Entry point of the `aumann` script and of `python -m aumann`."""

import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> None:
    """Run the command line; without its extra, say what to install and exit with 2."""
    missing = [name for name in ("typer", "rich") if find_spec(name) is None]
    if missing:
        print(
            f"aumann: error: the command line needs {' and '.join(missing)}: "
            "pip install 'aumann[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    try:
        from aumann.cli import app

        app(prog_name="aumann")
    except KeyboardInterrupt:
        print("aumann: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
