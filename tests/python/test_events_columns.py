"""Which column is the actor: headers in other words, mappings, logs without kinds, JSON lines."""

import json

import pytest
from event_logs import EVENTS, START, check, counted, counts_of, text, write

import aumann

MAPPING = {"actor": "src", "target": "dst", "time": "ts", "kind": "type"}
SWAPPED = [(target, actor, time, kind) for actor, target, time, kind in EVENTS]


@pytest.mark.parametrize("separator", [",", "\t", " "])
@pytest.mark.parametrize(
    "header",
    [
        ("dst", "src", "ts", "type"),
        ("To", "From", "Timestamp", "Event"),
        ("ziel", "quelle", "zeit", "art"),
        ("目标", "来源", "时间", "类型"),
        ("#dst", "src", "ts", "type"),
        ("dst", "src", "ts", "24h"),
    ],
)
def test_a_header_in_other_words_is_never_read_by_place(tmp_path, header, separator):
    log = write(tmp_path / "log.dat", text(SWAPPED, separator, separator.join(header)))
    with pytest.raises(ValueError, match="looks like a header"):
        aumann.read_events(log, separator=separator)
    with pytest.raises(ValueError, match="has the columns"):
        aumann.read_events(log, separator=separator, header=True)
    target, actor, time, kind = (name.lstrip("#") for name in header)
    named = {"actor": actor, "target": target, "time": time, "kind": kind}
    check(aumann.read_events(log, separator=separator, strict=True, **named))


def test_the_message_gives_the_mapping(tmp_path):
    log = write(tmp_path / "log.csv", text(SWAPPED, ",", "dst,src,ts,type"))
    with pytest.raises(ValueError, match="looks like a header") as refused:
        aumann.read_events(log)
    assert "actor='src', target='dst', time='ts', kind='type'" in str(refused.value)
    assert "(--actor src --target dst --time ts --kind type)" in str(refused.value)
    # An order that the names contradict, said or not.
    with pytest.raises(ValueError, match="takes 'dst' for the actor"):
        aumann.read_events(log, header=True, columns=("actor", "target", "time", "kind"))
    check(aumann.read_events(log, header=True, columns=("target", "actor", "time", "kind")))
    with pytest.raises(ValueError, match="actor='from' is none of them"):
        aumann.read_events(log, **{**MAPPING, "actor": "from"})
    with pytest.raises(ValueError, match="one name twice"):
        aumann.read_events(log, **{**MAPPING, "actor": "dst"})
    with pytest.raises(ValueError, match="target is empty"):
        aumann.read_events(log, **{**MAPPING, "target": ""})
    # The kind is there under another name: all events are not counted without a word.
    with pytest.raises(ValueError, match="kind='type'"):
        aumann.read_events(log, actor="src", target="dst", time="ts")


def test_names_in_any_case_and_words_in_the_usual_order(tmp_path):
    for header in ("TARGET,Actor,Time,kind", '"target","actor","time","kind"'):
        log = write(tmp_path / "log.csv", text(SWAPPED, ",", header))
        check(aumann.read_events(log, strict=True))
    log = write(tmp_path / "log.csv", text(EVENTS, ",", "source,target,timestamp,type"))
    check(aumann.read_events(log, strict=True))
    log = write(tmp_path / "log.csv", text(EVENTS, ",", "actor,Actor,time,kind"))
    with pytest.raises(ValueError, match="looks like a header"):
        aumann.read_events(log)


@pytest.mark.parametrize("above", ["sep=,\n", "A log of 2012\n\n", "# made by hand\n\n% sym\n"])
def test_a_header_below_other_lines(tmp_path, above):
    log = write(tmp_path / "log.csv", above + text(SWAPPED, ",", "dst,src,ts,type"))
    with pytest.raises(ValueError, match="looks like a header"):
        aumann.read_events(log)
    check(aumann.read_events(log, strict=True, **MAPPING))


def test_columns_without_a_header_have_names_too(tmp_path):
    log = write(tmp_path / "log.csv", text(SWAPPED, ","))
    check(aumann.read_events(log, columns=("dst", "src", "ts", "type"), strict=True, **MAPPING))
    with pytest.raises(ValueError, match="actor='src' is none of them"):
        aumann.read_events(log, **MAPPING)


WITHOUT = [(a, b, START + 3600 * k) for k, (a, b, _, _) in enumerate(EVENTS)]
# All events count: as activity of the actor, and as resonance of the target.
RIGHT = counts_of([(a, b, "2012-07-01", kind) for a, b, _ in WITHOUT for kind in ("RT", "RE")])


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (text(WITHOUT, " "), {"separator": " "}),
        (text(WITHOUT, " "), {"separator": " ", "columns": ("actor", "target", "time")}),
        (text(WITHOUT, " ", "actor target time"), {"separator": " "}),
        (
            text([(*row, 5) for row in WITHOUT], "\t", "# FromNodeId\tToNodeId\ttime\tweight"),
            {"separator": "\t", "actor": "FromNodeId", "target": "ToNodeId"},
        ),
        (text([(*row, "x") for row in WITHOUT], " "), {"separator": " ", "kind": ""}),
    ],
    ids=["by place", "columns", "header", "comment", "kind is empty"],
)
def test_logs_without_kinds(tmp_path, content, options):
    log = write(tmp_path / "log.txt", content)
    population = aumann.read_events(log, keep_ids=True, strict=True, **options)
    assert counted(population) == RIGHT
    assert population.metadata["activity"] == "all events"
    with pytest.raises(ValueError, match=r"activity is \['RT'\], but events have no kinds"):
        aumann.read_events(log, activity=["RT"], **options)


def posts(events=EVENTS):
    for k, (actor, target, time, kind) in enumerate(events):
        subject = {"uri": f"at://{target}/app.bsky.feed.post/{k}"} if target else None
        record = {"subject": subject, "text": 'a "b"\n{"did": "forged"}'}
        commit = {"collection": kind, "record": record, "$type": kind}
        yield {"did": actor if k % 2 else int(actor), "time_us": time * 1_000_000, "commit": commit}


PATHS = {
    "actor": "did",
    "target": "commit.record.subject.uri",
    "time": "time_us",
    "kind": "commit.collection",
    "time_unit": "us",
}


@pytest.mark.parametrize("name", ["log.jsonl", "log.ndjson.gz", "log.json.zst", "log.txt"])
def test_json_lines(tmp_path, name):
    lines = [json.dumps(post) for post in posts()]
    log = write(tmp_path / name, "\ufeff" + "\r\n".join(lines))
    check(aumann.read_events(log, strict=True, **PATHS))
    check(aumann.read_events(log, strict=True, **{**PATHS, "kind": "commit.$type"}))


def test_json_lines_that_hold_no_event(tmp_path):
    bad = ["{", "[1]", "3", '{"did": {"a": 1}, "time_us": 1, "commit": {"collection": "RT"}}', "{}"]
    lines = [*bad[:3], *(json.dumps(post) for post in posts()), *bad[3:]]
    log = write(tmp_path / "log.jsonl", "\n".join(lines))
    population = aumann.read_events(log, **PATHS)
    check(population)
    assert population.metadata["malformed_examples"] == [
        "line 1: no JSON object",
        "line 2: no JSON object",
        "line 3: no JSON object",
        "line 10: actor is no text or number",
        "line 11: no actor",
    ]
    with pytest.raises(ValueError, match=r"no object has 'commit\.record\.subject\.url'"):
        aumann.read_events(log, **{**PATHS, "target": "commit.record.subject.url"})
    with pytest.raises(ValueError, match="target is no text or number"):
        aumann.read_events(log, **{**PATHS, "target": "commit.record.subject"})
    whole = write(tmp_path / "whole.json", json.dumps(list(posts())))
    with pytest.raises(ValueError, match="one JSON object on each line"):
        aumann.read_events(whole, **PATHS)
    flat = [json.dumps({"actor": a, "target": b, "time": t, "type": k}) for a, b, t, k in EVENTS]
    log = write(tmp_path / "flat.jsonl", "\n".join(flat))
    with pytest.raises(ValueError, match="kind='type'"):
        aumann.read_events(log)
    check(aumann.read_events(log, kind="type", strict=True))
    plain = [json.dumps({"actor": a, "target": b, "time": t}) for a, b, t in WITHOUT]
    log = write(tmp_path / "plain.jsonl", "\n".join(plain))
    assert counted(aumann.read_events(log, keep_ids=True)) == RIGHT


@pytest.mark.filterwarnings("ignore:all .* events fall into one step")
def test_a_real_stream_of_json_lines(shared_data):
    log = shared_data / "jetstream" / "expected_v1.jsonl"
    like, repost = "app.bsky.feed.like", "app.bsky.feed.repost"
    kinds = {"activity": [repost], "resonance": [like]}
    population = aumann.read_events(log, keep_ids=True, step="1m", **PATHS, **kinds)
    rows = []
    for line in log.read_text().splitlines():
        post = json.loads(line)
        if "commit" in post:
            subject = (post["commit"].get("record") or {}).get("subject")
            target = subject["uri"].split("/")[2] if isinstance(subject, dict) else ""
            kind = {like: "RE", repost: "RT"}.get(post["commit"]["collection"], "")
            rows.append((post["did"], target, "2026-07-04T14:38+00:00", kind))
    assert counted(population) == counts_of(rows)
    assert population.metadata["events"] == len(rows) == 150
    assert population.metadata["malformed_lines"] == 2
