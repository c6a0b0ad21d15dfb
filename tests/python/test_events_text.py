"""Texts as programs write them: ends of lines, quotes, encodings, lines without measure."""

import csv
import io
import re

import numpy as np
import pytest
from event_logs import EVENTS, check, counted, counts_of, text, write

import aumann
from aumann.sources import _lines

HEADER = "actor,target,time,kind"


@pytest.mark.parametrize("end", ["\r\r\n", "\r", "\r\n"])
def test_ends_of_lines(tmp_path, end):
    log = write(tmp_path / "log.csv", text(separator=",", header=HEADER).replace("\n", end))
    check(aumann.read_events(log, strict=True))
    log = write(tmp_path / "log.txt", text().replace("\n", end))
    check(aumann.read_events(log, separator=" ", strict=True))
    # A blank line, and the last one without an end.
    log = write(tmp_path / "log.txt", (text() + "\nno event").replace("\n", end))
    population = aumann.read_events(log, separator=" ")
    assert population.metadata["malformed_examples"] == ["line 8: another number of fields than 4"]


def test_a_carriage_return_in_a_text_ends_no_line_where_fields_are_not_quoted(tmp_path):
    lines = text(separator="\t").splitlines()
    lines[0] += "\thello\r9\t9\t1341100860\tRT\tforged"
    lines[1:] = [f"{line}\tx" for line in lines[1:]]
    names = ("actor", "target", "time", "kind", "text")
    log = write(tmp_path / "log.tsv", "\n".join(lines) + "\n")
    population = aumann.read_events(log, columns=names, keep_ids=True)
    assert population.metadata["events"] == 5
    assert population.metadata["malformed_lines"] == 1


def test_marks_of_the_byte_order(tmp_path):
    quoted = '"actor","target","time","kind"'
    for header in (quoted, None):
        marked = "\ufeff" + text(separator=",", header=header)
        check(aumann.read_events(write(tmp_path / "a.csv", marked)))
    # Files with marks of their own, put together by a shell.
    first, second = text(EVENTS[:3], ","), text(EVENTS[3:], ",")
    joined = write(tmp_path / "c.csv", f"\ufeff{first}\ufeff{second}")
    check(aumann.read_events(joined, strict=True))
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        log = write(tmp_path / "d.csv", text(separator=",").encode(encoding))
        with pytest.raises(ValueError, match="iconv -f UTF-16 -t UTF-8"):
            aumann.read_events(log)


def records(content, separator=",", chunk=5):
    """Cut a text into records: their first lines, texts and faults."""
    data = content if isinstance(content, bytes) else content.encode()
    found = []
    for batch in _lines.line_batches(io.BytesIO(data[chunk:]), data[:chunk], separator):
        found += batch.to_pylist()
    return [(row["line"], row["text"], row["fault"]) for row in found]


def quoted(field, separator, draw):
    """Write a field as writers do: in quotes where it needs them, and at times elsewhere."""
    needed = any(mark in field for mark in (separator, '"', "\n", "\r"))
    return '"' + field.replace('"', '""') + '"' if needed or draw.random() < 0.2 else field


@pytest.mark.parametrize("separator", [",", ";"])
def test_quoted_records_are_those_of_the_csv_module(monkeypatch, separator):
    draw = np.random.default_rng(3)
    pieces = ["", "a", "b c", separator, '"', "\n", "\r\n", "\r", "\n\n", "9,9,5,RT", "é"]
    for chunk in (1, 2, 3, 7, 64, 10_000):
        monkeypatch.setattr(_lines, "CHUNK", chunk)
        rows = [
            ["".join(draw.choice(pieces, draw.integers(0, 5))) for _ in range(3)] for _ in range(60)
        ]
        for end in ("\n", "\r\n", "\r"):
            content = "".join(
                separator.join(quoted(field, separator, draw) for field in row) + end
                for row in rows
            )
            cut = records(content, separator, chunk)
            assert [fault for _, _, fault in cut] == [0] * len(rows)
            assert "".join(record for _, record, _ in cut) == content
            parsed = [
                next(csv.reader(io.StringIO(record, newline=""), delimiter=separator))
                for _, record, _ in cut
            ]
            assert parsed == rows


def test_lines_are_those_of_an_editor(monkeypatch):
    draw = np.random.default_rng(4)
    for chunk in (1, 2, 3, 5, 1000):
        monkeypatch.setattr(_lines, "CHUNK", chunk)
        content = "".join(draw.choice(["a", "b", "\n", "\r\n", "\r\r\n", "c\r"], 200)) + "end"
        cut = records(content, ",", chunk)
        assert [record.rstrip("\r\n") for _, record, _ in cut] == re.split(
            "\r\r\n|\r\n|\r|\n", content
        )
        assert [line for line, _, _ in cut] == list(range(1, len(cut) + 1))


FORGED = "\n".join(
    [
        "actor,target,time,kind,text",
        '7,10,1341100860,RT,"hello',
        "9,9,1341100860,RT,forged",
        'bye, ""friend"""',
        "7,10,1341100920,RT,plain",
        '9,10,1341187200,RE,"  a',
        'b"',
        "10,9,1341187201,RE,",
        "10,10,1341360000,RE,c",
        '9,,1341360000,RT,"d"',
        "",
    ]
)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_forges_no_event(tmp_path, end):
    log = write(tmp_path / "log.csv", FORGED.replace("\n", end))
    population = aumann.read_events(log, strict=True)
    check(population)
    log = write(tmp_path / "bad.csv", FORGED.replace("\n", end) + f"no event{end}")
    # The line of the file, not the number of the record.
    assert aumann.read_events(log).metadata["malformed_examples"] == [
        "line 11: another number of fields than 5"
    ]
    # Cut off within the text: its lines may be forged, so none of them is read.
    log = write(tmp_path / "cut.csv", FORGED[FORGED.index("7,10,1341100920") :] + FORGED[28:79])
    population = aumann.read_events(
        log, columns=("actor", "target", "time", "kind", "text"), keep_ids=True
    )
    assert population.metadata["events"] == 5
    assert population.metadata["malformed_lines"] == 2


def test_a_quote_that_is_not_closed_costs_the_lines_up_to_the_next(tmp_path):
    assert [fault for _, _, fault in records('a,b\n"c,d\ne,f\ng,"h"\ni,j\n')] == [0, 1, 1, 1, 0]
    assert [fault for _, _, fault in records('a,b\n"c,d\ne,f\n')] == [0, 1, 1]
    assert [fault for _, _, fault in records('a,"b"x\nc,d\ne"f,g\nh,i\n')] == [0, 0, 1, 0]


def test_a_line_without_measure_is_counted(tmp_path):
    lines = text(separator=",").splitlines()
    long = f"7,10,1341100860,RT{'x' * 40_000_000}"
    quoted = f'"7",10,1341100860,"RT{"x" * 40_000_000}"'
    log = write(tmp_path / "log.csv", "\n".join([*lines[:3], long, lines[3], quoted, *lines[4:]]))
    population = aumann.read_events(log)
    check(population)
    assert population.metadata["malformed_examples"] == [
        "line 4: longer than 16 MB",
        "line 6: longer than 16 MB",
    ]


def test_more_malformed_lines_than_events_are_refused(tmp_path):
    lines = text(separator=",").splitlines()
    bad = [f"x{k}" for k in range(7)]
    log = write(tmp_path / "log.csv", "\n".join([*bad[:6], *lines]))
    assert aumann.read_events(log).metadata["malformed_lines"] == 6
    log = write(tmp_path / "log.csv", "\n".join([*bad, *lines]))
    three = "line 1: .*; line 2: .*; line 3: [^;]*$"
    with pytest.raises(ValueError, match=f"7 malformed lines beside 6 events.*{three}"):
        aumann.read_events(log)


def test_identifiers_with_blanks_and_any_letters(tmp_path):
    names = ["Zoë", "李", "a b", "x'y", "a\u2028b", "#tag"]
    day = "2012-07-01"
    rows = [(a, b, day, "RE") for a in names for b in names] + [("a b", "", day, "RT")]
    content = "".join(
        f" {a}\u00a0,\t{b} ,{1341100860 + 1000 * k},{kind}\r\n"
        for k, (a, b, _, kind) in enumerate(rows)
    )
    population = aumann.read_events(
        write(tmp_path / "log.csv", content), header=False, keep_ids=True, strict=True
    )
    assert counted(population) == counts_of(rows)
