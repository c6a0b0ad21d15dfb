"""Identifiers and times in the types and forms that programs give them."""

import json
import os
import random
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from event_logs import START, counted, counts_of, dense, write
from pyarrow import parquet

import aumann
from aumann.sources._calendar import StepLength, offset_of_quarter

DAY = "2012-07-01"
# One person as programs write a whole number in a column with missing values.
ROWS = [("101", "102", DAY, "RT"), ("102", "101", DAY, "RE"), ("103", "", DAY, "RT")]
ROWS += [("101", "103", DAY, "RE"), ("102", "103", DAY, "RE")]


def log_of(tmp_path, write_actor, write_target):
    lines = [
        f"{write_actor(a)},{write_target(b) if b else ''},{START + 3600 * k},{kind}\n"
        for k, (a, b, _, kind) in enumerate(ROWS)
    ]
    return write(tmp_path / "log.csv", "".join(lines))


@pytest.mark.parametrize(
    ("one", "other"),
    [("{}", "{}.0"), ("{}.00", "{}"), ("{}", "{}."), ("{}.0", "{:.2e}"), ("{:.2e}", "{}E0")],
)
def test_whole_numbers_that_became_decimals_are_one_person(tmp_path, one, other):
    log = log_of(tmp_path, lambda a: one.format(int(a)), lambda b: other.format(int(b)))
    followers = write(tmp_path / "f.csv", "agent,followers\n101.0,5.0\n103,7\n")
    population = aumann.read_events(log, keep_ids=True, strict=True)
    assert population.agent_table["id"].tolist() == [101, 102, 103]
    assert counted(population) == counts_of(ROWS)
    followed = aumann.read_events(log, followers=followers, keep_ids=True)
    assert followed.agent_table["reach"].tolist() == [5, 0, 7]
    twice = write(tmp_path / "f.csv", "agent,followers\n101.0,5\n101,7\n")
    with pytest.raises(ValueError, match="row 2 is a second one of the same agent"):
        aumann.read_events(log, followers=twice)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("1234567890123456789", "1.2345678901234568e+18"), "has lost digits"),
        (("3", "9007199254740992.0"), "has lost digits"),
        (("3", "1.23457e+11"), "has lost digits"),
        (("1.5", "1.50"), r"1\.5 and 1\.50 are one number written in two ways"),
        (("ann", "101", "101.0"), r"101 and 101\.0 are one number .* beside 'ann'"),
        (("007", "7", "7.0"), r"7 and 7\.0 are one number written in two ways"),
    ],
)
def test_identifiers_that_are_one_or_two_people_are_refused(tmp_path, names, message):
    lines = [f"{name},x{k},{START + 3600 * k},RT" for k, name in enumerate(names)]
    if "ann" not in names and "007" not in names:
        lines = [line.replace(",x", ",") for line in lines]
    log = write(tmp_path / "log.csv", "\n".join(lines))
    with pytest.raises(ValueError, match=message):
        aumann.read_events(log, resonance=["RT"])


def test_texts_stay_as_they_are(tmp_path):
    names = ["007", "7", "1e5", "a3f", "v1.0", "1.10", "12345678901234567890"]
    lines = [f"{name},{names[0]},{START + 3600 * k},RT" for k, name in enumerate(names)]
    log = write(tmp_path / "log.csv", "\n".join(lines))
    population = aumann.read_events(log, resonance=["RT"], keep_ids=True, strict=True)
    assert population.agent_table["id"].tolist() == sorted(names)


TYPES = {
    "int and float": (pa.int64(), pa.float64()),
    "small": (pa.int16(), pa.float32()),
    "unsigned and text": (pa.uint64(), pa.string()),
    "decimal and text": (pa.decimal128(12, 2), pa.large_string()),
    "text and bytes": (pa.string(), pa.binary()),
}


@pytest.mark.parametrize("types", TYPES.values(), ids=TYPES.keys())
def test_columns_of_parquet_of_differing_types(tmp_path, types):
    def column(values, kind):
        whole = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        convert = int if whole else Decimal if pa.types.is_decimal(kind) else str
        convert = str.encode if pa.types.is_binary(kind) else convert
        made = pa.array([convert(value) if value else None for value in values], kind)
        return made if whole or pa.types.is_decimal(kind) else made.dictionary_encode()

    actors, targets, _, kinds = zip(*ROWS, strict=True)
    columns = {"actor": column(actors, types[0]), "target": column(targets, types[1])}
    columns |= {"time": [START + 3600 * k for k in range(len(ROWS))], "kind": kinds}
    parquet.write_table(pa.table(columns), tmp_path / "log.parquet")
    population = aumann.read_events(tmp_path / "log.parquet", keep_ids=True, strict=True)
    assert counted(population) == counts_of(ROWS)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([float(2**53), 1.0]), "floats of 64 bits from 9,007,199,254,740,992 on"),
        (pa.array([float(2**24), 1.0], pa.float32()), "floats of 32 bits from 16,777,216 on"),
        (pa.array([[1], [2]]), "target has the type list"),
        (pa.array([date(2024, 1, 1)] * 2), "target has the type date32"),
    ],
)
def test_columns_that_are_no_identifiers_are_refused(tmp_path, column, message):
    columns = {"actor": [1, 2], "target": column, "time": [START, START], "kind": ["RT", "RT"]}
    parquet.write_table(pa.table(columns), tmp_path / "log.parquet")
    with pytest.raises(ValueError, match=message):
        aumann.read_events(tmp_path / "log.parquet", resonance=["RT"])


TEXTS = {
    "2024-06-01": "2024-06-01T00:00",
    "2024-06-01T01:30": "2024-06-01T01:30",
    "2024-06-01 01:30:15.25": "2024-06-01T01:30:15.25",
    "2024-06-01T01:30:15,5": "2024-06-01T01:30:15.5",
    "2024-06-01 01:30 UTC": "2024-06-01T01:30+00:00",
    "2024-06-01 01:30Z": "2024-06-01T01:30+00:00",
    "2024-06-01 01:30 +0200": "2024-06-01T01:30+02:00",
    "2024-06-01T01:30:15-05": "2024-06-01T01:30:15-05:00",
    "2024-06-01T01:30:15.123456789+05:45": "2024-06-01T01:30:15.123456+05:45",
    "2024-06-01T24:00": "2024-06-02T00:00",
    "2024-06-01 01:30 PM": "2024-06-01T13:30",
    "2024-06-01 1:31:05pm": "2024-06-01T13:31:05",
    "2024-06-01 12:05 a.m.": "2024-06-01T00:05",
    "2024-06-01 12:06:07.5 PM -0500": "2024-06-01T12:06:07.5-05:00",
}
NO_TIMES = """2024-06-01 13:30 PM|2024-06-01 00:30 AM|2024-06-01 1:30:15|2024-06-01 25:00
2024-06-01 24:01|2024-06-01 01:30 P.|2024-06-01 01:30 ?
2024-06-01 01:60|2024-06-01 01:30:60|2024-02-30|2024-06-01Z|2024-06|20240601T013000|24-06-01
2024-06-01T01:30+25:00|2024-06-01T01:30+0260|2024-06-01 01:30 +|01/06/2024|2024-06-01 1:30
0001-01-01T00:00:00Z|9999-12-31T23:59:59Z|2024-02-30T10:00:00Z|2024-06-01T25:00:00 UTC
2024-06-01T9:30:00Z"""


@pytest.mark.filterwarnings("ignore:.* steps hold no event")
def test_a_text_is_a_time_as_a_whole_or_none(tmp_path):
    zone = ZoneInfo("America/New_York")
    bad = NO_TIMES.replace("\n", "|").split("|")
    # Numbered by the actor, so that each is found again; the rest outweighs what is malformed.
    times = [*TEXTS, *bad, *["2024-06-03"] * len(bad)]
    lines = [f'{k},x,"{time}",RT' for k, time in enumerate(times)]
    log = write(tmp_path / "log.csv", "\n".join(lines))
    options = {"resonance": ["RT"], "time_unit": "iso", "time_zone": "America/New_York"}
    population = aumann.read_events(log, step="1m", keep_ids=True, **options)
    assert population.metadata["malformed_lines"] == len(bad)
    # No message of other lines drags the texts of times into the file.
    assert not any("2024" in each for each in population.metadata["malformed_examples"])
    activity = dense(population, "activity")
    ids = population.agent_table["id"].tolist()
    for k, iso in enumerate(TEXTS.values()):
        right = datetime.fromisoformat(iso)
        right = right if right.tzinfo else right.replace(tzinfo=zone)
        label = right.astimezone(zone).isoformat(timespec="minutes")
        step = [row[ids.index(str(k))] for row in activity].index(1)
        assert population.step_labels[step] == label
    assert not {str(len(TEXTS) + k) for k in range(len(bad))} & set(ids)


@pytest.mark.parametrize(
    "named",
    [
        *("01:30 EST", "01:30 PM PDT", "01:30 Europe/Paris", "01:30+02:00[Europe/Paris]"),
        *("01:30 UTC+2", "01:30:05.25 (CEST)", "01:30 America/Argentina/Buenos_Aires"),
    ],
)
@pytest.mark.parametrize("end", [".csv", ".parquet", ".jsonl"])
def test_zones_with_names_are_refused_and_not_left_out(tmp_path, named, end):
    times = ["2024-06-01 01:30", "2024-06-01 02:30", "2024-06-01 03:30", f"2024-06-01 {named}"]
    rows = [{"actor": "a", "target": "b", "time": time, "kind": "RT"} for time in times]
    path = tmp_path / f"log{end}"
    if end == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif end == ".jsonl":
        write(path, "\n".join(map(json.dumps, rows)))
    else:
        write(path, "actor,target,time,kind\n" + "\n".join(",".join(e.values()) for e in rows))
    line = {".csv": "line 5", ".jsonl": "line 4", ".parquet": "row 4"}[end]
    with pytest.raises(ValueError, match=f"{line}: the time .* ends in the name of a zone") as told:
        aumann.read_events(path, resonance=["RT"], time_unit="iso")
    assert repr(times[-1]) in str(told.value)
    assert "an offset from UTC" in str(told.value)


STAMPS = [datetime(2024, 3, 10, 1, 30), datetime(2024, 3, 10, 4, 30), datetime(2024, 3, 11)]
TYPED = """
import sys, aumann
for path in sys.argv[1:]:
    population = aumann.read_events(path, time_zone="America/New_York", resonance=["RT"])
    print(population.metadata["first_event"], population.metadata["last_event"])
"""


def test_typed_times_do_not_depend_on_the_zone_of_the_machine(tmp_path):
    paths, right = [], []
    for unit in ("s", "ms", "us", "ns"):
        for zone in (None, "America/New_York", *(["+05:30"] if unit == "ns" else [])):
            path = tmp_path / f"{unit}{len(paths)}.parquet"
            times = pa.array(STAMPS, pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
            columns = {"actor": [1, 2, 3], "target": [2, 3, 1], "time": times, "kind": ["RT"] * 3}
            parquet.write_table(pa.table(columns), path)
            paths.append(str(path))
            here = ZoneInfo("America/New_York")
            ends = [
                time.replace(tzinfo=timezone.utc if zone else here).astimezone(here).isoformat()
                for time in (STAMPS[0], STAMPS[-1])
            ]
            right.append(" ".join(ends))
    done = subprocess.run(
        [sys.executable, "-c", TYPED, *paths],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout.splitlines() == right


@pytest.mark.filterwarnings("ignore:all .* events")
@pytest.mark.parametrize(
    ("times", "first"),
    [
        (pa.array([date(2024, 3, 10), date(2024, 3, 12)]), "2024-03-10T00:00:00-05:00"),
        (pa.array([date(2024, 3, 10)] * 2, pa.date64()), "2024-03-10T00:00:00-05:00"),
        (pa.array([1_341_100_860.25, 1_341_200_000.0]), "2012-06-30T20:01:00.250000-04:00"),
        (pa.array([-1, None], pa.timestamp("ns", "UTC")), "1969-12-31T18:59:59.999999-05:00"),
    ],
)
def test_dates_and_floats_of_parquet(tmp_path, times, first):
    columns = {"actor": [1, 2], "target": [2, 1], "time": times, "kind": ["RT", "RT"]}
    parquet.write_table(pa.table(columns), tmp_path / "log.parquet")
    options = {"resonance": ["RT"], "time_zone": "America/New_York"}
    population = aumann.read_events(tmp_path / "log.parquet", **options)
    assert population.metadata["first_event"] == first


def test_a_day_that_a_zone_skipped_is_no_step(tmp_path):
    # Samoa went from 2011-12-29 to 2011-12-31.
    times = ["2011-12-29T23:30", "2011-12-31T00:30", "2011-12-31T23:30", "2012-01-01T00:30"]
    lines = "".join(f"{k % 2},{1 - k % 2},{time},RT\n" for k, time in enumerate(times))
    log = write(tmp_path / "log.csv", lines)
    options = {"resonance": ["RT"], "time_zone": "Pacific/Apia", "time_unit": "iso"}
    population = aumann.read_events(log, **options)
    assert population.step_labels == ("2011-12-29", "2011-12-31", "2012-01-01")
    assert dense(population, "activity") == [[1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize(
    "name",
    ["Pacific/Apia", "America/New_York", "Africa/Cairo", "America/Havana", "Pacific/Kwajalein"],
)
def test_days_and_wall_clocks_are_those_of_the_zone(name):
    zone, draw = ZoneInfo(name), random.Random(name)
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    microsecond = timedelta(microseconds=1)
    for _ in range(40):
        first = epoch + timedelta(seconds=draw.randrange(1_900_000_000))
        last = first + timedelta(days=draw.randrange(1, 40))
        edges = StepLength("1d").edges(
            (first - epoch) // microsecond, (last - epoch) // microsecond, zone
        )
        # The days that the zone shows, counted quarter by quarter.
        quarters = range(int((last - first) / timedelta(minutes=15)) + 1)
        shown = [(first + k * timedelta(minutes=15)).astimezone(zone).date() for k in quarters]
        shown.append(last.astimezone(zone).date())
        assert edges.labels == sorted({str(day) for day in shown})
        wall = datetime(1970, 1, 1) + timedelta(minutes=15 * draw.randrange(2_000_000))
        right = wall.replace(tzinfo=zone).astimezone(timezone.utc)
        shift = offset_of_quarter((wall - datetime(1970, 1, 1)) // timedelta(minutes=15), zone)
        assert wall - shift * microsecond == right.replace(tzinfo=None)
