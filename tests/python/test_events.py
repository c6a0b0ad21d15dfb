"""Event logs in every form, and the steps, topics and agents they become."""

import numpy as np
import polars as pl
import pytest
from event_logs import DAY, EVENTS, START, check, dense, text, write

import aumann


@pytest.mark.parametrize(
    ("name", "separator", "given"),
    [
        ("log.txt", " ", " "),
        ("log.csv", ",", None),
        ("log.tsv", "\t", None),
        ("log.txt.gz", " ", " "),
        ("log.csv.gz", ",", None),
        ("log.tsv.zst", "\t", None),
        ("log.csv", ";", ";"),
        ("log.dat", "|", "|"),
    ],
)
@pytest.mark.parametrize("header", [False, True])
def test_text_files(tmp_path, name, separator, given, header):
    line = separator.join(("actor", "target", "time", "kind")) if header else None
    path = write(tmp_path / name, text(separator=separator, header=line))
    check(aumann.read_events(path, separator=given, strict=True))
    check(aumann.read_events(path, separator=given, strict=True, header=header))


def test_line_ends_blank_lines_byte_order_mark_and_spaces(tmp_path):
    plain = text(separator=",")
    for changed in (
        plain.replace("\n", "\r\n"),
        plain.rstrip("\n"),
        plain.replace("\n", "\n\n"),
        "\ufeff" + plain,
        plain.replace(",", " , "),
        "\ufeffactor,target,time,kind\r\n" + plain.replace("\n", "\r\n"),
    ):
        check(aumann.read_events(write(tmp_path / "log.csv", changed), strict=True))


def test_columns_are_found_by_name_or_by_place(tmp_path):
    swapped = [(time, kind, "x", actor, target) for actor, target, time, kind in EVENTS]
    order = ("time", "kind", "note", "actor", "target")
    named = write(tmp_path / "a.csv", text(swapped, ",", ",".join(order)))
    check(aumann.read_events(named, strict=True))
    placed_file = write(tmp_path / "b.csv", text(swapped, ","))
    check(aumann.read_events(placed_file, columns=order, strict=True))
    foreign = write(tmp_path / "c.csv", text(swapped, ",", "when,what,note,who,whom"))
    check(aumann.read_events(foreign, columns=order, header=True, strict=True))
    with pytest.raises(ValueError, match="--actor who --target whom --time when --kind what"):
        aumann.read_events(foreign, columns=order, strict=True)
    with pytest.raises(ValueError, match="line 1: no time"):
        aumann.read_events(foreign, columns=order, header=False, strict=True)
    check(
        aumann.read_events(
            foreign, actor="who", target="whom", time="when", kind="what", strict=True
        )
    )
    with pytest.raises(
        ValueError, match=r"has the columns \['when', 'what', 'note', 'who', 'whom'\]"
    ):
        aumann.read_events(foreign, header=True)
    with pytest.raises(ValueError, match=r"lacks \['time'\]"):
        aumann.read_events(placed_file, columns=("actor", "target", "when"))
    with pytest.raises(ValueError, match="names a column twice"):
        aumann.read_events(named, columns=("actor", "target", "time", "kind", "kind"))
    with pytest.raises(TypeError, match="columns is the text"):
        aumann.read_events(named, columns="actor,target,time,kind")
    missing = write(tmp_path / "d.csv", "actor,time,kind\n1,2,RT\n")
    with pytest.raises(ValueError, match="holds no event; line 1: another number of fields"):
        aumann.read_events(missing, columns=order, header=False)
    with pytest.raises(ValueError, match=r"has the columns \['actor', 'time', 'kind'\]"):
        aumann.read_events(missing, header=True)


def test_a_header_with_some_of_the_names_is_not_taken_for_an_event(tmp_path):
    # By position the two would be turned around; by name they are what the header says.
    lines = "target,actor,time,sort\nhub,fan,1341100001,RT\nhub,friend,1341100002,RT\n"
    log = write(tmp_path / "e.csv", lines)
    with pytest.raises(ValueError, match=r"looks like a header, but lacks \['kind'\]"):
        aumann.read_events(log)
    placed = aumann.read_events(
        log,
        columns=("target", "actor", "time", "kind"),
        header=True,
        activity=("RT",),
        resonance=("RT",),
        keep_ids=True,
    )
    reach = dict(zip(placed.agent_table["id"], placed.raw("reach"), strict=True))
    assert reach == {"hub": 2, "fan": 0, "friend": 0}


@pytest.mark.parametrize("typed", ["int", "naive", "zoned", "text"])
def test_parquet(tmp_path, typed):
    frame = pl.DataFrame(EVENTS, schema=["actor", "target", "time", "kind"], orient="row")
    frame = frame.with_columns(pl.col("actor").cast(int))
    if typed == "text":
        frame = frame.with_columns(pl.col("time").cast(str))
    elif typed != "int":
        frame = frame.with_columns(pl.from_epoch("time", time_unit="s"))
        if typed == "zoned":
            frame = frame.with_columns(pl.col("time").dt.replace_time_zone("UTC"))
    frame.select("kind", "time", "target", "actor").write_parquet(tmp_path / "log.parquet")
    check(aumann.read_events(tmp_path / "log.parquet", strict=True))
    foreign = frame.rename({"actor": "who", "kind": "sign"})
    foreign.write_parquet(tmp_path / "foreign.parquet")
    check(aumann.read_events(tmp_path / "foreign.parquet", actor="who", kind="sign"))
    with pytest.raises(ValueError, match=r"has the columns \['who', 'target', 'time', 'sign'\]"):
        aumann.read_events(tmp_path / "foreign.parquet")
    frame.drop("time").write_parquet(tmp_path / "missing.parquet")
    with pytest.raises(ValueError, match=r"has the columns \['actor', 'target', 'kind'\]"):
        aumann.read_events(tmp_path / "missing.parquet")


def test_quoted_fields(tmp_path):
    lines = [
        '"a, b","say ""x""",1,RT',
        'c,"a, b",2,"RE"',
        '"open,c,3,RT',
        '"a"b,c,3,RT',
        "c,,4,RE",
    ]
    path = write(tmp_path / "log.csv", "\n".join(lines))
    population = aumann.read_events(path, keep_ids=True)
    assert population.agent_table["id"].tolist() == ["a, b", "c", 'say "x"']
    assert population.metadata["malformed_examples"] == [
        "line 3: another number of fields than 4",
        "line 4: another number of fields than 4",
    ]
    # Where fields are not quoted, a quote is a character like another.
    path = write(tmp_path / "log.txt", 'a "b 1 RT\nb a 2 RE\n')
    assert aumann.read_events(path, separator=" ", keep_ids=True).agent_table["id"].tolist() == [
        '"b',
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("unit", "times"),
    [
        ("s", ["1341100860", "1341100920.75", "1341187200.000000"]),
        ("ms", ["1341100860000", "1341100920750", "1341187200000"]),
        ("us", ["1341100860000000", "1341100920750000", "1341187200000000"]),
        ("iso", ["2012-07-01T00:01:00Z", "2012-07-01 02:02:00.75+02:00", "2012-07-02"]),
    ],
)
def test_units_of_time(tmp_path, unit, times):
    events = [("1", "2", time, "RT") for time in times]
    path = write(tmp_path / "log.csv", text(events, ","))
    population = aumann.read_events(path, resonance=["RT"], time_unit=unit, strict=True)
    assert population.step_labels == ("2012-07-01", "2012-07-02")
    assert dense(population, "activity") == [[2, 0], [1, 0]]
    assert population.metadata["last_event"] == "2012-07-02T00:00:00+00:00"
    with pytest.raises(ValueError, match="time_unit is 'minutes'"):
        aumann.read_events(path, time_unit="minutes")


def local(path, zone, step, **options):
    return aumann.read_events(path, resonance=["RT"], time_zone=zone, step=step, **options)


def test_days_follow_the_clocks_of_the_zone(tmp_path):
    # Clocks in Paris went forward on 2024-03-31 (23 hours) and back on 2024-10-27 (25 hours).
    for first, day, hours in (
        ("2024-03-29T23:00:00Z", ("2024-03-30", "2024-03-31", "2024-04-01"), 23),
        ("2024-10-25T22:00:00Z", ("2024-10-26", "2024-10-27", "2024-10-28"), 25),
    ):
        start = np.datetime64(first[:-1], "s").astype(int)
        times = start + 3600 * np.array([0, 24, 24 + hours - 1, 24 + hours])
        path = write(tmp_path / "log.csv", text([("1", "2", t, "RT") for t in times], ","))
        population = local(path, "Europe/Paris", "1d")
        assert population.step_labels == day
        assert np.array(dense(population, "activity"))[:, 0].tolist() == [1, 2, 1]
    with pytest.raises(ValueError, match="time_zone is 'Mars/Olympus'"):
        local(path, "Mars/Olympus", "1d")


def test_steps_agree_with_an_independent_calendar(tmp_path):
    draw = np.random.default_rng(5)
    times = np.sort(draw.integers(1_711_500_000, 1_730_500_000, 3000))
    path = write(tmp_path / "log.csv", text([("1", "2", t, "RT") for t in times], ","))
    frame = pl.DataFrame({"time": times}).with_columns(
        pl.from_epoch("time", time_unit="s").dt.replace_time_zone("UTC")
    )
    for zone in ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"):
        for step, every in (("1d", "1d"), ("1w", "1w")):
            population = local(path, zone, step)
            counts = (
                frame.with_columns(pl.col("time").dt.convert_time_zone(zone).dt.truncate(every))
                .group_by("time")
                .len()
                .sort("time")
            )
            expected = dict(zip(counts["time"].dt.strftime("%Y-%m-%d"), counts["len"], strict=True))
            found = {
                label: row[0]
                for label, row in zip(
                    population.step_labels, dense(population, "activity"), strict=True
                )
                if row[0]
            }
            assert found == expected


def test_hours_are_elapsed_time_from_midnight(tmp_path):
    times = ["2024-10-27T00:10+02:00", "2024-10-27T02:30+02:00", "2024-10-27T02:30+01:00"]
    path = write(tmp_path / "log.csv", text([("1", "2", t, "RT") for t in times], ","))
    population = local(path, "Europe/Paris", "1h", time_unit="iso", strict=True)
    assert population.step_labels == (
        "2024-10-27T00:00+02:00",
        "2024-10-27T01:00+02:00",
        "2024-10-27T02:00+02:00",
        "2024-10-27T02:00+01:00",
    )
    assert np.array(dense(population, "activity"))[:, 0].tolist() == [1, 0, 1, 1]
    late = write(tmp_path / "late.csv", "1,2,2024-01-01T13:05:00,RT\n1,2,2024-01-01T13:50:00,RT\n")
    assert local(late, "UTC", "6h", time_unit="iso").step_labels == ("2024-01-01T12:00+00:00",)
    assert local(late, "UTC", "30m", time_unit="iso").steps == 2
    for bad in ("", "d", "0d", "1 d", "1mo", "-1d"):
        with pytest.raises(ValueError, match=f"step is '{bad}'"):
            local(late, "UTC", bad)


def test_the_first_step_starts_on_its_boundary(tmp_path):
    times = [START + 0.75, START + DAY + 0.25]
    path = write(tmp_path / "log.csv", text([("1", "2", t, "RT") for t in times], ","))
    assert dense(local(path, "UTC", "1d"), "activity") == [[1, 0], [1, 0]]
    # In Havana the hour after midnight occurred twice; the day starts with the first of them.
    path = write(tmp_path / "late.csv", "1,2,2024-11-03T00:30-05:00,RT\n")
    population = local(path, "America/Havana", "2h", time_unit="iso")
    assert population.step_labels == ("2024-11-03T00:00-04:00",)


def test_times_without_an_offset_belong_to_the_zone(tmp_path):
    events = [("1", "2", "2024-07-01 01:00:00", "RT"), ("1", "2", "2024-01-01T01:00:00", "RT")]
    path = write(tmp_path / "log.csv", text(events, ","))
    with pytest.warns(UserWarning, match="181 of 183 steps hold no event"):
        population = local(path, "Europe/Paris", "1d", time_unit="iso", strict=True)
    assert population.metadata["first_event"] == "2024-01-01T01:00:00+01:00"
    assert population.metadata["last_event"] == "2024-07-01T01:00:00+02:00"


TOPICS = [
    ("1", "2", START, "RT", "x"),
    ("1", "2", START, "RE", "x"),
    ("1", "3", START, "RT", "y"),
    ("2", "1", START + DAY, "RE", "y"),
    ("3", "1", START + DAY, "RT", ""),
]


def test_one_topic_per_value(tmp_path):
    path = write(tmp_path / "log.csv", text(TOPICS, ","))
    names = ("actor", "target", "time", "kind", "subject")
    population = aumann.read_events(path, columns=names, topic_column="subject", strict=True)
    assert population.topics == ("x", "y")
    assert dense(population, "activity", 0) == [[1, 0, 0], [0, 0, 0]]
    assert dense(population, "activity", 1) == [[1, 0, 0], [0, 0, 0]]
    assert dense(population, "resonance", 0) == [[0, 1, 0], [0, 0, 0]]
    assert dense(population, "resonance", 1) == [[0, 0, 0], [1, 0, 0]]
    assert population.agent_table["reach"].tolist() == [2, 1, 1]
    assert population.metadata["events_without_topic"] == 1
    with pytest.raises(ValueError, match=r"topic_column is 'topic'; one of \['kind', 'subject'\]"):
        aumann.read_events(path, columns=names, topic_column="topic")
    with pytest.raises(ValueError, match=r"topic_column is 'actor'"):
        aumann.read_events(path, columns=names, topic_column="actor")
    by_kind = aumann.read_events(path, columns=names, topic_column="kind")
    assert by_kind.topics == tuple(sorted({line[3] for line in TOPICS}))
    named = write(tmp_path / "named.csv", text(TOPICS, ",", ",".join(names)))
    assert aumann.read_events(named, topic_column="subject").topics == ("x", "y")


@pytest.mark.parametrize("name", ["f.csv", "f.tsv", "f.csv.gz", "f.parquet"])
def test_follower_tables(tmp_path, name):
    path = write(tmp_path / "log.csv", text(separator=","))
    table = tmp_path / name
    if name == "f.parquet":
        frame = pl.DataFrame({"agent": [10, 11, 7], "followers": [500, 3, 0]})
        frame.write_parquet(table)
    else:
        separator = "\t" if "tsv" in name else ","
        rows = [("followers", "agent"), (500, 10), (3, 11), (0, 7)]
        write(table, "".join(f"{a}{separator}{b}\n" for a, b in rows))
    population = aumann.read_events(path, followers=table, keep_ids=True)
    assert population.agent_table["id"].tolist() == [7, 9, 10, 11]
    assert population.agent_table["reach"].tolist() == [0, 0, 500, 3]
    assert population.metadata["agents_without_followers"] == 1
    assert population.metadata["reach"] == f"followers in {name}"


def test_identifiers_are_dropped_sorted_and_kept_on_demand(tmp_path):
    path = write(tmp_path / "log.csv", "10,9,1,RT\n9,10,1,RE\n")
    assert list(aumann.read_events(path).agent_table) == ["reach"]
    assert aumann.read_events(path, keep_ids=True).agent_table["id"].tolist() == [9, 10]
    path = write(tmp_path / "log.csv", "b10,b9,1,RT\nb9,b10,1,RE\n")
    assert aumann.read_events(path, keep_ids=True).agent_table["id"].tolist() == ["b10", "b9"]
    # Equal as numbers, but not the same identifier.
    path = write(tmp_path / "log.csv", "07,7,1,RT\n7,07,1,RE\n")
    assert aumann.read_events(path, keep_ids=True).agent_table["id"].tolist() == ["07", "7"]
    assert not aumann.read_events(path, people=False).people


def test_stages_are_reported_and_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "log.csv", text(separator=","))
    stages = []
    aumann.read_events(path, progress=stages.append)
    assert stages == ["reading log.csv", "indexing agents", "counting events"]
    assert [file.name for file in tmp_path.iterdir()] == ["log.csv"]
