"""Which field of a log plays which role: by its name, or by its place where fields have none."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aumann._printable import printable
from aumann.sources._lines import QUOTING
from aumann.sources._log_files import LogFile

__all__ = ["ROLES", "Layout", "Wanted", "json_layout", "named_layout", "text_layout"]

ROLES = ("actor", "target", "time", "kind")
SEPARATORS = {".csv": ",", ".tsv": "\t"}
OTHER_SEPARATORS = ("\t", ";", "|", ",", " ")
# Words that other programs write above a column of the role, without case and marks between words.
SYNONYMS = {
    "actor": "actor src source from sender user author agent did who fromnodeid sourceid srcid "
    "userid authorid actorid senderid fromid fromuser u follower rater",
    "target": "target dst dest destination to receiver recipient whom tonodeid targetid dstid toid "
    "receiverid touser object subject addressee v followee ratee",
    "time": "time ts timestamp when date datetime createdat unixtime timeus timems t unixts epoch",
    "kind": "kind type action event eventtype what verb interaction interactiontype relation sort "
    "category operation edgetype label",
}


@dataclass(frozen=True)
class Wanted:
    """What the caller says of the fields: their names in order, and which name has a role."""

    columns: tuple[str, ...] | None
    separator: str | None
    header: bool | None
    names: Mapping[str, str]
    topic: str | None
    roles: tuple[str, ...] = ROLES

    def __post_init__(self) -> None:
        if self.columns is not None and len(set(self.columns)) != len(self.columns):
            raise ValueError(f"columns is {self.columns}, which names a column twice")
        if self.separator is not None and (
            len(self.separator) != 1 or self.separator in '"\r\n' or not self.separator.isascii()
        ):
            raise ValueError(f"separator is {self.separator!r}; one character is wanted")
        given = [name for name in self.names.values() if name]
        if len(set(given)) != len(given):
            raise ValueError(f"the columns {given} have one name twice; each role has its own")
        empty = [role for role, name in self.names.items() if not name and role != "kind"]
        if empty:
            raise ValueError(f"{empty[0]} is empty; the name of a column is wanted")

    @property
    def needed(self) -> tuple[str, ...]:
        """Roles that a log cannot lack; that of the kind can unless it is named."""
        return tuple(role for role in self.roles if role != "kind" or self.names.get("kind"))

    def name(self, role: str) -> str:
        """Return the name of the column of a role."""
        return self.names.get(role, role)


@dataclass(frozen=True)
class Layout:
    """How the fields of a log are found: by place, or in JSON by path."""

    where: Mapping[str, int | str]
    separator: str = ""
    width: int = 0
    # The line of the header.
    header: int = 0


def text_layout(file: LogFile, head: bytes, wanted: Wanted) -> Layout:
    """Find the fields of a text by the names in its header, else by their place."""
    shown = file.path or file.name
    separator = wanted.separator or SEPARATORS.get(file.suffix)
    if separator is None:
        raise ValueError(
            f"separator (--separator) is not given and cannot be told from the name {file.name}; "
            "a character such as ' ' is wanted"
        )
    if not head.strip():
        raise ValueError(f"{shown} is empty; at least one event is wanted")
    line, first = _header(head, separator, wanted)
    if len(first) < len(wanted.needed):
        _check_separator(shown, head, separator, wanted)
    if wanted.header is not False:
        check = None if wanted.header and wanted.columns else shown
        where, missing = _by_name(check, first, wanted)
        if not missing and (check or "kind" in where or wanted.name("kind") == ""):
            return Layout(where, separator, len(first), line)
        told = _as_placed(first, wanted)
        if told:
            return Layout(told, separator, len(first), line)
        if wanted.header and wanted.columns is None:
            raise ValueError(f"{shown} has the columns {first}; {_cure(first, wanted)}")
        mapped = wanted.columns is None and any(wanted.names.values())
        if wanted.header is None and (mapped or _is_header(first, wanted)):
            raise ValueError(
                f"{shown}: the first line, {first}, looks like a header, but lacks {missing}; "
                f"{_cure(first, wanted, ' with header=True (--header)')}; header=False "
                "(--no-header) takes the line for an event"
            )
    columns = wanted.columns
    if columns is None:
        columns = wanted.roles if len(first) != 3 or wanted.needed[3:] else wanted.roles[:3]
    where, missing = _by_name(None, columns, wanted)
    if missing:
        raise ValueError(f"columns is {columns}, which lacks {[wanted.name(r) for r in missing]}")
    if wanted.header:
        _check_order(shown, first, columns, where)
    return Layout(where, separator, len(columns), line if wanted.header else 0)


def named_layout(file: LogFile, names: Sequence[str], wanted: Wanted) -> Layout:
    """Find the columns of a table that has names."""
    where, missing = _by_name(None if wanted.columns else file.path, names, wanted)
    unnamed = wanted.columns and "kind" in wanted.columns and "kind" not in where
    if (missing or unnamed) and wanted.columns is not None:
        _check_order(file.path or file.name, names, wanted.columns, where)
        where, missing = _by_name(None, wanted.columns, wanted)
    if missing:
        where = _as_placed(names, wanted)
    if not where:
        raise ValueError(f"{file.path} has the columns {list(names)}; {_cure(names, wanted)}")
    return Layout(where, width=len(names))


def json_layout(file: LogFile, head: bytes, wanted: Wanted) -> Layout:
    """Find the fields of a text with one JSON object a line: by paths such as commit.rev."""
    where: dict[str, int | str] = {
        role: _pointer(wanted.name(role)) for role in wanted.roles if wanted.name(role)
    }
    if wanted.topic is not None:
        where["topic"] = _pointer(wanted.name("kind") if wanted.topic == "kind" else wanted.topic)
    try:
        first = json.loads(head.lstrip().split(b"\n", 1)[0])
    except ValueError:
        first = {}
    if isinstance(first, list):
        raise ValueError(
            f"{file.path or file.name} holds a list; one JSON object on each line is wanted"
        )
    if isinstance(first, dict) and "kind" not in first and "kind" not in wanted.names:
        _check_kind(file.path or file.name, list(first), {}, wanted)
    return Layout(where)


def _pointer(path: str) -> str:
    parts = path.split(".")
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _by_name(
    shown: object, fields: Sequence[str], wanted: Wanted
) -> tuple[dict[str, int | str], list[str]]:
    """Return where the roles are among named fields, and the roles that are not."""
    found = {
        role: _place(fields, wanted.name(role)) for role in wanted.roles if wanted.name(role) != ""
    }
    where: dict[str, int | str] = {role: k for role, k in found.items() if k is not None}
    missing = [role for role in wanted.needed if role not in where]
    if len(set(where.values())) < len(where):
        raise ValueError(
            f"{shown} has the columns {list(fields)}; a column for each role is wanted"
        )
    if not missing:
        if shown is not None and "kind" in found and "kind" not in where:
            _check_kind(shown, fields, where, wanted)
        if wanted.topic is not None:
            # A kind of event can be a topic; who, whom and when cannot.
            taken = {k for role, k in where.items() if role != "kind"}
            name = wanted.name("kind") if wanted.topic == "kind" else wanted.topic
            place = _place(fields, name) if name else None
            if place is None or place in taken:
                others = [name for k, name in enumerate(fields) if k not in taken]
                raise ValueError(f"topic_column is {wanted.topic!r}; one of {others} is wanted")
            where["topic"] = place
    return where, missing


def _place(fields: Sequence[str], name: str) -> int | None:
    """Return the place of the one field of a name, written in any case."""
    same = [k for k, field in enumerate(fields) if field == name]
    same = same or [k for k, field in enumerate(fields) if field.casefold() == name.casefold()]
    if len(same) > 1:
        raise ValueError(
            f"the columns {list(fields)} hold {name!r} {len(same)} times; once is wanted"
        )
    return same[0] if same else None


def _check_kind(
    shown: object, fields: Sequence[str], where: Mapping[str, int | str], wanted: Wanted
) -> None:
    """Refuse to count all events where another column seems to hold their kinds."""
    for k, field in enumerate(fields):
        if _role(field) == "kind" and k not in where.values() and field != wanted.topic:
            raise ValueError(
                f"{shown}: {list(fields)} looks like a header, but lacks ['kind']; "
                f"kind={field!r} (--kind {printable(field)}) takes that column, kind='' says that "
                "events have no kinds and all of them count"
            )


def _check_order(
    shown: object,
    fields: Sequence[str],
    columns: Sequence[str],
    where: Mapping[str, int | str],
) -> None:
    """Refuse an order of columns that the names in the header contradict."""
    if len(fields) != len(columns):
        raise ValueError(
            f"{shown} has the columns {list(fields)}; as many as in columns, {list(columns)}, "
            "are wanted"
        )
    for field, column in zip(fields, columns, strict=True):
        role = _role(field)
        if column in ROLES and role not in (None, column):
            raise ValueError(
                f"{shown}: columns takes {field!r} for the {column}, which by its name is the "
                f"{role}; {column}={field!r} (--{column} {printable(field)}) takes it all the same"
            )


def _as_placed(fields: Sequence[str], wanted: Wanted) -> dict[str, int | str]:
    """Return the roles of the usual columns in the usual order, if all their names agree."""
    if wanted.columns or wanted.names or wanted.topic:
        return {}
    told = [_role(field) for field in fields]
    agree = len(told) >= 3 and told == list(ROLES[: len(told)])
    return {role: k for k, role in enumerate(ROLES[: len(told)])} if agree else {}


def _role(field: str) -> str | None:
    word = re.sub(r"[\W_]", "", field).casefold()
    return next((role for role, words in SYNONYMS.items() if word in words.split()), None)


def _check_separator(shown: object, head: bytes, separator: str, wanted: Wanted) -> None:
    """Refuse a text of which another separator makes fields enough."""
    for other in OTHER_SEPARATORS:
        fields = len(_header(head, other, wanted)[1])
        if fields >= len(wanted.needed):
            cure = (
                f"separator={other!r} (--separator {other!r}) reads it"
                if wanted.roles == ROLES
                else "commas in a .csv or tabs in a .tsv are wanted"
            )
            raise ValueError(
                f"{shown}: no line has the {len(wanted.needed)} fields that are wanted with "
                f"{separator!r} between them, and the first has {fields} with {other!r}; {cure}"
            )


def _cure(fields: Sequence[str], wanted: Wanted, how: str = "") -> str:
    """Say how to name the columns, with those whose names tell what they are."""
    if wanted.roles != ROLES:
        return "columns called " + " and ".join(wanted.roles) + " are wanted"
    named = {}
    for role in wanted.roles:
        met = [field for field in fields if wanted.names.get(role) is None and _role(field) == role]
        if met:
            named[role] = met[0]
        elif role in wanted.needed:
            named[role] = "..."
    python = ", ".join(f"{role}={name!r}" for role, name in named.items())
    line = " ".join(f"--{role} {printable(name)}" for role, name in named.items())
    absent = [
        f"{role}={name!r} is none of them"
        for role, name in wanted.names.items()
        if name and _place(fields, name) is None
    ]
    return "; ".join(
        [
            *absent,
            f"name the columns: {python} ({line})",
            f"columns (--columns){how} says what all of them are in this order",
        ]
    )


def _is_header(fields: Sequence[str], wanted: Wanted) -> bool:
    """Say whether a first line reads as names: known words, or neither a number nor a time."""
    known = sum(_role(field) is not None for field in fields)
    data = any(re.match(r"[+-]?[.]?[0-9]", field) for field in fields)
    named = any(name and name in fields for name in wanted.names.values())
    return named or known >= 3 or (not data and (known >= 2 or len(fields) >= 3))


def _header(head: bytes, separator: str, wanted: Wanted) -> tuple[int, list[str]]:
    """Return the number and the fields of the first line, or of a comment above with names."""
    text = re.sub("\r{1,2}\n", "\n", head.decode("utf-8", errors="replace"))
    if separator in QUOTING or "\n" not in text:
        text = text.replace("\r", "\n")
    rest = io.StringIO(text, newline="\n")
    line, first = 0, (1, [""])
    while True:
        passed, fields = _record(rest, separator)
        line += passed
        comment = fields[0].startswith(("#", "%"))
        if comment:
            bare = [fields[0].lstrip("#% "), *fields[1:]]
            bare = bare if bare[0] else bare[1:]
            if sum(_role(field) is not None for field in bare) >= 2:
                return line, bare
        first = (line, fields) if first[1] == [""] else first
        if not passed:
            return first
        # Above a header there may be comments, a title, or sep=; for a spreadsheet.
        if not comment and len(fields) >= len(wanted.needed):
            return line, fields


def _record(text: io.StringIO, separator: str) -> tuple[int, list[str]]:
    """Return how many lines the next record takes, 0 at the end, and its fields."""
    start = text.tell()
    line = text.readline()
    fields = line.strip("\n").split(separator)
    passed = int(bool(line))
    if separator in QUOTING and '"' in line:
        text.seek(start)
        reader = csv.reader(text, delimiter=separator, strict=True)
        try:
            fields, passed = next(reader), reader.line_num
        except csv.Error:
            text.seek(start + len(line))
        else:
            # The reader may have looked ahead.
            text.seek(start)
            for _ in range(passed):
                text.readline()
    return passed, [field.strip() for field in fields]
