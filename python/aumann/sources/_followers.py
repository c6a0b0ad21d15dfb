"""Follower tables: how many followers each agent has at the start of the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aumann.sources._event_log import check_stream

__all__ = ["load_followers"]


def load_followers(connection: Any, path: Path) -> None:
    """Fill the table `follower` (id, followers) from a file with columns agent and followers."""
    import duckdb

    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there, or is no file")
    check_stream(path)
    suffixes = [suffix for suffix in path.suffixes if suffix not in (".gz", ".zst")]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".parquet":
        source = "read_parquet($path)"
    elif suffix in (".csv", ".tsv"):
        separator = "," if suffix == ".csv" else "\t"
        source = f"read_csv($path, header=true, all_varchar=true, delim='{separator}')"
    else:
        raise ValueError(f"followers is {path.name}; .csv, .tsv or .parquet is wanted")
    argument = {"path": str(path)}
    try:
        names = [
            row[0] for row in connection.execute(f"DESCRIBE FROM {source}", argument).fetchall()
        ]
        if not {"agent", "followers"} <= set(names):
            raise ValueError(f"{path} has the columns {names}; agent and followers are wanted")
        connection.execute(
            f"""
            CREATE TABLE follower AS
            SELECT line, coalesce(trim(CAST(agent AS VARCHAR)), '') AS id,
              CASE WHEN regexp_full_match(text, '[0-9]+') THEN TRY_CAST(text AS BIGINT) END
                AS followers
            FROM (
              SELECT *, row_number() OVER () AS line, trim(CAST(followers AS VARCHAR)) AS text
              FROM {source})
            """,
            argument,
        )
    except duckdb.Error as error:
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    bad = connection.execute(
        "SELECT min(line) FROM follower WHERE id = '' OR followers IS NULL"
    ).fetchall()[0][0]
    if bad is not None:
        raise ValueError(
            f"{path}: row {bad} has no agent, or followers that are no count of at least 0"
        )
    twice = connection.execute(
        "SELECT min(line) FROM (FROM follower SELECT line, "
        "row_number() OVER (PARTITION BY id ORDER BY line) AS place) WHERE place = 2"
    ).fetchall()[0][0]
    if twice is not None:
        raise ValueError(f"{path}: row {twice} is a second one of the same agent")
