"""The database in which an event log is counted, and tables put into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from aumann._locks import scratch

__all__ = ["create_table", "database"]


@contextmanager
def database(log: str) -> Iterator[Any]:
    """Give an empty database in memory that puts what does not fit into a temporary folder."""
    try:
        import duckdb
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "reading events needs duckdb and pyarrow: pip install 'aumann[cli]'"
        ) from error
    with (
        scratch("aumann-events") as folder,
        duckdb.connect(":memory:", config={"temp_directory": str(folder)}) as connection,
    ):
        connection.execute("SET enable_progress_bar = false")
        try:
            yield connection
        except RuntimeError as error:
            # What the engine makes of Ctrl-C while a query runs.
            if str(error) != "Query interrupted":
                raise
            raise KeyboardInterrupt from error
        except duckdb.Error as error:
            raise ValueError(f"{log} cannot be read: {str(error).splitlines()[0]}") from error


def create_table(connection: Any, name: str, columns: dict[str, NDArray[Any]]) -> None:
    """Make a table of a few columns."""
    import pyarrow

    connection.register("given", pyarrow.table(columns))
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
    connection.unregister("given")
