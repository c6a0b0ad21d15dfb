"""Follower tables: how many followers each agent has at the start of the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aumann.sources._fields import read_fields
from aumann.sources._layout import Wanted
from aumann.sources._log_files import LogFile

__all__ = ["check_followers", "load_followers"]

WANTED = Wanted(
    columns=None, separator=None, header=True, names={}, topic=None, roles=("agent", "followers")
)


def load_followers(connection: Any, path: Path) -> None:
    """Fill the table `follower` (id, followers) from a file with columns agent and followers."""
    if not path.exists() or path.is_dir():
        raise FileNotFoundError(f"{path} is not there, or is no file")
    file = LogFile(path, path.name)
    if file.suffix not in (".csv", ".tsv", ".parquet"):
        raise ValueError(f"followers is {path.name}; .csv, .tsv or .parquet is wanted")
    connection.execute(
        "CREATE TABLE follower (line BIGINT, fault VARCHAR, id VARCHAR, followers BIGINT)"
    )
    for _, _, fields in read_fields(connection, file, WANTED):
        # A missing value elsewhere in the column may have made decimals of the counts.
        connection.execute(
            f"""
            INSERT INTO follower
            SELECT line, fault, agent, CASE WHEN regexp_full_match(followers, '[0-9]+([.]0*)?')
              THEN TRY_CAST(regexp_replace(followers, '[.]0*$', '') AS BIGINT) END
            FROM ({fields})
            """
        )
    row, fault = _first(connection, "fault IS NOT NULL OR id = '' OR followers IS NULL")
    if row is not None:
        why = fault or "no agent, or followers that are no count of at least 0"
        raise ValueError(f"{path}: row {row} has {why}")


def check_followers(connection: Any, path: Path) -> None:
    """Refuse a table with two rows of one agent."""
    row, _ = _first(connection, "place = 2")
    if row is not None:
        raise ValueError(f"{path}: row {row} is a second one of the same agent")


def _first(connection: Any, condition: str) -> tuple[int | None, str | None]:
    """Return the number of the first row where a condition holds, and what is wrong with it."""
    found = connection.execute(
        f"""
        SELECT row, fault FROM (
          SELECT *, row_number() OVER (ORDER BY line) AS row,
            row_number() OVER (PARTITION BY id ORDER BY line) AS place FROM follower)
        WHERE {condition} ORDER BY row LIMIT 1
        """
    ).fetchall()
    return found[0] if found else (None, None)
