"""Fields of a file, batch by batch, as queries of a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aumann.sources._layout import Layout, Wanted, json_layout, text_layout
from aumann.sources._lines import BROKEN, LONG, LONGEST, QUOTING, line_batches
from aumann.sources._log_files import LogFile, opened
from aumann.sources._table_columns import opened_table

__all__ = ["read_fields"]

UNREADABLE = f"""
            WHEN fault = {LONG} THEN 'longer than {LONGEST >> 20} MB'
            WHEN text IS NULL THEN 'invalid encoding'"""
BLANKS = " \t\r\n\u00a0\ufeff"
NOT_BLANK = f"(text IS NULL OR NOT regexp_full_match(text, '[{BLANKS}]*'))"


def read_fields(
    connection: Any, file: LogFile, wanted: Wanted
) -> Iterator[tuple[Layout, str, str]]:
    """Register one batch of a file after the other as `batch`.

    Given with each are the layout, what the column time is (see `time_queries`), and the query of
    the columns line, fault (null if there is none) and one for each role: texts without the spaces
    around them, empty where missing, and times that have a type of their own.
    """
    with opened(file) as (stream, head):
        form = file.form(head, wanted.separator)
        if form != "parquet":
            if form == "json":
                layout = json_layout(file, head, wanted)
                query = _json_fields(layout)
            else:
                layout = text_layout(file, head, wanted)
                query = _text_fields(layout)
            for batch in line_batches(stream, head, layout.separator):
                connection.register("batch", batch)
                yield layout, "text", query
            return
    with opened_table(file, wanted) as (layout, clock, batches):
        query = f"SELECT line, NULL AS fault, {', '.join(layout.where)} FROM batch"
        for batch in batches:
            connection.register("batch", batch)
            yield layout, clock, query


def _text_fields(layout: Layout) -> str:
    """Return the query of the fields of a text file."""
    separator = _literal(layout.separator)
    split = f"string_split(text, {separator})"
    if layout.separator in QUOTING:
        # Fields are taken with the separator before them: an empty match would end the search.
        # What the pattern skips is missing when the fields are put together again.
        pattern = _literal(f'{layout.separator}("(?:[^"]|"")*"|[^{layout.separator}"]*)')
        record = "rtrim(text, E'\\r\\n')"
        found = f"regexp_extract_all({separator} || {record}, {pattern}, 1)"
        split = f"""
          CASE WHEN NOT contains(text, '"') THEN {split}
          WHEN array_to_string({found}, {separator}) = {record}
          THEN [CASE WHEN starts_with(field, '"') THEN replace(field[2:-2], '""', '"')
                ELSE field END FOR field IN {found}] END"""
    return f"""
        SELECT line, CASE {UNREADABLE}
            WHEN fault = {BROKEN} OR len(fields) IS DISTINCT FROM {layout.width}
            THEN 'another number of fields than {layout.width}' END AS fault,
          {_cleaned({role: f"fields[{int(k) + 1}]" for role, k in layout.where.items()})}
        FROM (
          SELECT line, fault, text, {split} AS fields FROM batch
          WHERE line > {layout.header} AND {NOT_BLANK})"""


def _json_fields(layout: Layout) -> str:
    """Return the query of the fields of a file with one JSON object a line."""
    paths = "[" + ", ".join(_literal(str(path)) for path in layout.where.values()) + "]"
    roles = list(layout.where)
    composite = " ".join(
        f"WHEN kinds[{k}] IN ('OBJECT', 'ARRAY') THEN '{role} is no text or number'"
        for k, role in enumerate(roles, 1)
    )
    return f"""
        SELECT line, CASE {UNREADABLE}
            WHEN kinds IS NULL THEN 'no JSON object' {composite} END AS fault,
          {_cleaned({role: _person(role, f"fields[{k}]") for k, role in enumerate(roles, 1)})}
        FROM (
          SELECT line, fault, text,
            CASE WHEN object THEN json_extract_string(text, {paths}) END AS fields,
            CASE WHEN object THEN json_type(text, {paths}) END AS kinds
          FROM (
            SELECT line, fault, text,
              CASE WHEN json_valid(text) THEN json_type(text) = 'OBJECT' END AS object
            FROM batch)
          WHERE {NOT_BLANK})"""


def _person(role: str, field: str) -> str:
    """Return an identifier: of the address of a record (at://PERSON/...) its person."""
    if role not in ("actor", "target"):
        return field
    return f"regexp_replace({field}, '^at://([^/]+)/.*$', '\\1')"


def _cleaned(fields: Mapping[str, str]) -> str:
    return ", ".join(f"{_clean(field)} AS {role}" for role, field in fields.items())


def _clean(name: str) -> str:
    """Return a text without the spaces around it; a missing one is empty."""
    # Few have any, and to look for them takes a tenth of the time.
    blank = f"regexp_matches({name}, '^[{BLANKS}]|[{BLANKS}]$')"
    return f"CASE WHEN {blank} THEN trim({name}, '{BLANKS}') ELSE coalesce({name}, '') END"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
