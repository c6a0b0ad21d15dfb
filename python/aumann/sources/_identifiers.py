"""One identifier for each agent, also where programs wrote a whole number as a decimal."""

from __future__ import annotations

from typing import Any

__all__ = ["unify_identifiers"]

WHOLE = "(0|-?[1-9][0-9]*)"
# What becomes of whole numbers in a column with missing values: 101.0, or 1.01e+02.
EXPONENT = "[eE][+-]?[0-9]{1,3}"
DECIMAL = f"-?(0|[1-9][0-9]*)([.][0-9]*({EXPONENT})?|{EXPONENT})"
# Six digits or more, and others that are not there.
ROUNDED = f"-?[0-9][.]?[0-9]{{5,}}{EXPONENT}"
# Whole numbers below this are all told apart in a float.
EXACT = 1 << 53


def unify_identifiers(connection: Any, columns: list[tuple[str, str]]) -> None:
    """Write identifiers that are whole numbers in one way, in columns of tables.

    If all identifiers are numbers, 101.0 and 1.01e+02 become 101. Numbers with zeros in front are
    texts, and where there are texts nothing is changed.

    Raises
    ------
    ValueError
        If a decimal has lost digits, or two identifiers are one number and stay apart.
    """
    decimal = " UNION ALL ".join(
        f"SELECT count(*) AS number FROM {table} WHERE regexp_full_match({column}, '{DECIMAL}')"
        for table, column in columns
    )
    if not connection.execute(f"SELECT sum(number) FROM ({decimal})").fetchall()[0][0]:
        return
    every = " UNION ".join(f"SELECT {column} AS id FROM {table}" for table, column in columns)
    connection.execute(
        f"""
        CREATE TABLE written AS
        SELECT id, CASE WHEN number THEN TRY_CAST(id AS DOUBLE) END AS value, decimal
        FROM (
          SELECT id, regexp_full_match(id, '{DECIMAL}') AS decimal,
            regexp_full_match(id, '{WHOLE}') OR decimal AS number
          FROM ({every})
          WHERE id <> '')
        """
    )
    if _first(connection, "value IS NULL") or _first(connection, "value <> floor(value)"):
        _check_apart(connection)
    else:
        lost = _first(connection, f"decimal AND abs(value) >= {EXACT}") or _first(
            connection, f"regexp_full_match(id, '{ROUNDED}') AND {_unknown_digits('id')}"
        )
        if lost:
            raise ValueError(
                f"the identifier {lost} is a whole number written as a decimal, which has lost "
                "digits; identifiers written as whole numbers or texts are wanted"
            )
        for table, column in columns:
            connection.execute(
                f"UPDATE {table} SET {column} = "
                f"CAST(CAST(TRY_CAST({column} AS DOUBLE) AS BIGINT) AS VARCHAR) "
                f"WHERE regexp_full_match({column}, '{DECIMAL}')"
            )
    connection.execute("DROP TABLE written")


def _first(connection: Any, condition: str) -> str | None:
    found = connection.execute(f"SELECT min(id) FROM written WHERE {condition}").fetchall()
    name: str | None = found[0][0]
    return name


def _unknown_digits(name: str) -> str:
    """Return the condition that digits between the last one written and the point are unknown."""
    decimals = f"len(regexp_extract({name}, '[.]([0-9]*)', 1))"
    return f"{decimals} < CAST(regexp_extract({name}, '[eE][+]?(-?[0-9]+)$', 1) AS INTEGER)"


def _check_apart(connection: Any) -> None:
    """Refuse identifiers that are texts, and yet one number."""
    # Among texts an exponent is more likely a part of a name, as in 1e5 beside a3f.
    twins = connection.execute(
        """
        SELECT min(id), max(id) FROM written
        WHERE value IS NOT NULL AND NOT regexp_matches(id, '[eE]')
        GROUP BY value HAVING count(*) > 1 AND bool_or(decimal) ORDER BY 1 LIMIT 1
        """
    ).fetchall()
    if twins:
        one, other = twins[0]
        text = _first(connection, "value IS NULL") or _first(connection, "value <> floor(value)")
        raise ValueError(
            f"the identifiers {one} and {other} are one number written in two ways, beside "
            f"{text!r}, which is no whole number; identifiers written in one way are wanted"
        )
