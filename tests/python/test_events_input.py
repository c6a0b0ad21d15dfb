"""Event logs that are malformed, damaged or asked for wrongly, and reading that is interrupted."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from event_logs import START, check, text, write

import aumann


def test_rows_of_parquet_with_missing_values_are_malformed(tmp_path):
    frame = pl.DataFrame(
        {
            "actor": ["1", None, "2", "3"],
            "target": [None, "1", "1", None],
            "time": [1, 2, None, 4],
            "kind": "RT",
        }
    )
    frame.write_parquet(tmp_path / "log.parquet")
    with pytest.warns(UserWarning, match="is 0 for every agent: no event") as warned:
        population = aumann.read_events(tmp_path / "log.parquet", resonance=["RT"])
    assert [str(each.message).split(":")[0] for each in warned] == [
        "reach is 0 for every agent",
        "resonance is 0 for every agent",
    ]
    assert population.metadata["malformed_lines"] == 2
    assert population.metadata["malformed_examples"] == [
        "row 2: no actor",
        "row 3: no time in the unit s",
    ]


def test_malformed_lines_are_counted_and_named_or_refused(tmp_path):
    lines = text().splitlines()
    lines[1:1] = ["7 10", "", "7 10 x RT", "7 10 1e3 RT", b"\xff 10 5 RT".decode("latin-1")]
    lines += ["7 10 5 RT more", " 10 5 RT", "7 10 5 ", "7 10 99999999999999999999 RT"]
    data = "\n".join(lines).encode().replace("\xff".encode(), b"\xff")
    path = write(tmp_path / "log.txt", data)
    with pytest.raises(
        ValueError, match=r"8 malformed lines beside 6 events.*line 2: .*line 4: .*5"
    ):
        aumann.read_events(path, separator=" ")
    more = b"\n".join([data, *(f"9  {START + k} MT".encode() for k in range(2))])
    path = write(tmp_path / "log.txt", more)
    population = aumann.read_events(path, separator=" ")
    assert population.metadata["events"] == 8
    assert population.metadata["malformed_lines"] == 8
    assert population.metadata["malformed_examples"] == [
        "line 2: another number of fields than 4",
        "line 4: no time in the unit s",
        "line 5: no time in the unit s",
        "line 6: invalid encoding",
        "line 12: another number of fields than 4",
    ]
    assert population.describe()["metadata"]["malformed_lines"] == 8
    with pytest.raises(ValueError, match=r"8 malformed lines, the first: line 2: another number"):
        aumann.read_events(path, separator=" ", strict=True)


def test_line_numbers_hold_in_files_that_are_read_in_parallel(tmp_path):
    lines = [f"{k % 5000} {k % 77} {START + k} RT" for k in range(600_000)]
    bad = [3, 250_000, 431_007, 599_999]
    for place in bad:
        lines[place] = "no event"
    lines[400_000] = "\xff"
    path = write(tmp_path / "log.txt", "\n".join(lines).encode("latin-1"))
    population = aumann.read_events(path, separator=" ", resonance=["RT"])
    assert population.metadata["malformed_lines"] == 5
    assert [text.split(":")[0] for text in population.metadata["malformed_examples"]] == [
        f"line {place + 1}" for place in sorted([*bad, 400_000])
    ]
    assert population.metadata["events"] == population.raw("activity").sum() == 599_995


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("left", [0.5, 0.97])
def test_files_cut_short_are_refused(tmp_path, suffix, left):
    draw = np.random.default_rng(0)
    events = [(*draw.integers(0, 10**6, 2), START + k, "RT") for k in range(30_000)]
    path = write(tmp_path / f"log.txt{suffix}", text(events))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * left)])
    with pytest.raises(ValueError, match="cut short or damaged"):
        aumann.read_events(path, separator=" ", resonance=["RT"])


def test_damaged_and_empty_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not there"):
        aumann.read_events(tmp_path / "none.csv")
    for name in ("log.csv", "log.csv.gz"):
        with pytest.raises(ValueError, match="is empty"):
            aumann.read_events(write(tmp_path / name, ""))
    with pytest.raises(ValueError, match="holds no event"):
        aumann.read_events(write(tmp_path / "log.csv", "actor,target,time,kind\n"))
    none = pl.DataFrame(schema=dict.fromkeys(("actor", "target", "time", "kind"), pl.Int64))
    none.write_parquet(tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="holds no event"):
        aumann.read_events(tmp_path / "none.parquet", activity=["RT"])
    (tmp_path / "log.csv.gz").write_bytes(b"plain text")
    with pytest.raises(ValueError, match="cut short or damaged"):
        aumann.read_events(tmp_path / "log.csv.gz")
    (tmp_path / "log.parquet").write_bytes(b"plain text")
    with pytest.raises(ValueError, match="cannot be read"):
        aumann.read_events(tmp_path / "log.parquet")
    with pytest.raises(ValueError, match=r"separator \(--separator\) is not given"):
        aumann.read_events(write(tmp_path / "log.txt", text()))
    with pytest.raises(ValueError, match="one character is wanted"):
        aumann.read_events(tmp_path / "log.txt", separator="::")


def test_kinds_that_never_occur_are_refused(tmp_path):
    path = write(tmp_path / "log.csv", text(separator=","))
    with pytest.raises(ValueError, match=r"activity .* names \['post'\].*\['RE', 'RT'\]"):
        aumann.read_events(path, activity=["RT", "post"])
    with pytest.raises(ValueError, match=r"resonance \(--resonance\) names \['rt'\]"):
        aumann.read_events(path, resonance=["rt"])
    other = write(tmp_path / "other.csv", text([("1", "2", START, "RT")], ","))
    by_default = r"resonance \(--resonance\) is not given, and by default names \['RE'\]"
    with pytest.raises(ValueError, match=by_default):
        aumann.read_events(other, activity=["RT"])
    with pytest.raises(TypeError, match="activity is the text 'RT'"):
        aumann.read_events(path, activity="RT")
    with pytest.raises(ValueError, match="resonance is empty"):
        aumann.read_events(path, resonance=[])
    both = aumann.read_events(path, activity=["RT", "RE"])
    assert both.raw("activity").tolist() == [2, 2, 2]


def test_texts_that_are_no_time(tmp_path):
    wrong = ["infinity", "epoch", "now", "2012-07", "2012-13-01", "2012-07-01T25:00", "1341100800"]
    right = ["2012-07-01T01:02", "2012-07-01 01:02Z", "2012-07-01T01:02:03.5+0100"]
    events = [("1", "2", time, "RT") for time in [*wrong, *right, *["2012-07-01T00:30"] * 4]]
    path = write(tmp_path / "log.csv", text(events, ","))
    population = aumann.read_events(path, resonance=["RT"], time_unit="iso")
    assert population.metadata["malformed_lines"] == len(wrong)
    assert population.metadata["first_event"] == "2012-07-01T00:02:03.500000+00:00"
    assert population.metadata["last_event"] == "2012-07-01T01:02:00+00:00"


def test_kinds_in_lines_that_are_left_out_are_told_with_these_lines(tmp_path):
    rows = [("1", "2", START, "RE"), ("2", "1", START, "RE"), ("3", "1", "13.06.2012", "RT")]
    path = write(tmp_path / "log.csv", text(rows, ","))
    with pytest.raises(ValueError, match="which no event has; the kinds are") as told:
        aumann.read_events(path)
    assert "malformed lines left out: 1, the first: line 3: no time in the unit s" in str(
        told.value
    )
    assert "'13.06.2012'" in str(told.value)


@pytest.mark.parametrize("separator", ["\t", ";", "|", " "])
@pytest.mark.parametrize(
    "header", [None, "actor;target;time;kind", "sep=;\nactor;target;time;kind"]
)
def test_fields_apart_by_another_character_than_the_name_says(tmp_path, separator, header):
    header = header and header.replace(";", separator)
    path = write(tmp_path / "log.csv", text(separator=separator, header=header))
    with pytest.raises(ValueError, match="no line has the 3 fields that are wanted") as told:
        aumann.read_events(path)
    assert f"separator={separator!r} (--separator {separator!r}) reads it" in str(told.value)
    if header is None or not header.startswith("sep"):
        check(aumann.read_events(path, separator=separator, strict=True))


def test_edges_without_times_are_told_what_is_missing(tmp_path):
    path = write(tmp_path / "edges.txt", "1 2\n2 3\n3 1\n")
    with pytest.raises(
        ValueError, match=r"number of fields.*; an event has an actor, a target, a time"
    ):
        aumann.read_events(path, separator=" ")


def test_a_mistaken_unit_is_noticed(tmp_path):
    path = write(tmp_path / "log.csv", text([("1", "2", START * 1000, "RT")], ","))
    with pytest.raises(ValueError, match="no event; line 1: no time in the unit s") as told:
        aumann.read_events(path, resonance=["RT"])
    assert f"the first such time is '{START * 1000}'" in str(told.value)
    path = write(tmp_path / "log.csv", text([("1", "2", 0, "RT"), ("1", "2", START, "RT")], ","))
    with pytest.raises(ValueError, match="is time_unit mistaken, or a time, which start and stop"):
        aumann.read_events(path, resonance=["RT"], step="1m")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("agent,reach\n1,2\n", r"has the columns \['agent', 'reach'\]"),
        ("agent;followers\n1;2\n", r"f\.csv: no line has the 2 .* commas in a \.csv or tabs in"),
        ("agent\n1\n", r"f\.csv has the columns \['agent'\]; columns called agent and followers"),
        ("agent,followers\n1,2\n2,-1\n", "row 2 has no agent, or followers"),
        ("agent,followers\n1,2.5\n", "row 1 has no agent, or followers"),
        ("agent,followers\n,5\n", "row 1 has no agent, or followers"),
        ("agent,followers\n1,5\n2,5\n1,5\n", "row 3 is a second one of the same agent"),
        ("agent,followers\n1,5\n2,5,6\n", "row 2 has another number of fields than 2"),
    ],
)
def test_bad_follower_tables_are_refused(tmp_path, content, message):
    log = write(tmp_path / "log.csv", text(separator=","))
    table = write(tmp_path / "f.csv", content)
    with pytest.raises(ValueError, match=message):
        aumann.read_events(log, followers=table)


def test_follower_tables_that_are_no_table(tmp_path):
    log = write(tmp_path / "log.csv", text(separator=","))
    with pytest.raises(FileNotFoundError, match=r"f\.csv is not there"):
        aumann.read_events(log, followers=tmp_path / "f.csv")
    with pytest.raises(ValueError, match=r"\.csv, \.tsv or \.parquet is wanted"):
        aumann.read_events(log, followers=write(tmp_path / "f.txt", "agent followers\n"))


@pytest.mark.parametrize(
    ("raised", "expected"), [("Query interrupted", KeyboardInterrupt), ("broken", RuntimeError)]
)
def test_only_the_interruption_of_a_query_becomes_one_of_the_program(tmp_path, raised, expected):
    def progress(stage):
        raise RuntimeError(raised)

    path = write(tmp_path / "log.csv", text(separator=","))
    with pytest.raises(expected):
        aumann.read_events(path, progress=progress)


INTERRUPTED = """
import os, signal, sys, threading
import aumann

# Where the tests run in the background, SIGINT may be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def progress(stage):
    if stage.startswith("reading"):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

try:
    aumann.read_events(sys.argv[1], progress=progress)
except BaseException as error:
    print(type(error).__name__)
"""


def test_a_query_can_be_interrupted(tmp_path):
    path = write(tmp_path / "log.csv", text(separator=",") * 300_000)
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "KeyboardInterrupt\n", "")
