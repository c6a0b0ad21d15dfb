"""A small event log in every form, and what it amounts to."""

import gzip
from collections import Counter

import pyarrow as pa

from aumann._sparse import SparseSteps

# Seconds of 2012-07-01 00:00 UTC.
START = 1_341_100_800
DAY = 86_400
EVENTS = [
    ("7", "10", START + 60, "RT"),
    ("7", "10", START + 120, "RT"),
    ("9", "10", START + DAY, "RE"),
    ("10", "9", START + DAY + 1, "RE"),
    ("10", "10", START + 3 * DAY, "RE"),
    ("9", "", START + 3 * DAY, "RT"),
]


def text(events=EVENTS, separator=" ", header=None):
    lines = [separator.join(map(str, event)) for event in events]
    return "\n".join([*([header] if header else []), *lines]) + "\n"


def dense(population, name, topic=0):
    series = population.series(name)[topic]
    return (series.to_dense() if isinstance(series, SparseSteps) else series).tolist()


def check(population):
    """Check what `EVENTS` amount to: agents 7, 9, 10 and four days."""
    assert population.step_labels == ("2012-07-01", "2012-07-02", "2012-07-03", "2012-07-04")
    assert population.agent_table["reach"].tolist() == [0, 1, 2]
    assert dense(population, "activity") == [[2, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert dense(population, "resonance") == [[0, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert population.metadata["events"] == 6


def write(path, content):
    data = content.encode() if isinstance(content, str) else content
    if path.suffix == ".gz":
        data = gzip.compress(data)
    elif path.suffix == ".zst":
        data = pa.Codec("zstd").compress(data, asbytes=True)
    path.write_bytes(data)
    return path


def counted(population):
    """Return reach per agent and the counts above 0 per step and agent, by identifiers."""
    ids = [str(one) for one in population.agent_table["id"]]
    reach = dict(zip(ids, population.agent_table["reach"].tolist(), strict=True))
    return reach, *(
        Counter(
            {
                (label, one): count
                for label, row in zip(population.step_labels, dense(population, name), strict=True)
                for one, count in zip(ids, row, strict=True)
                if count
            }
        )
        for name in ("activity", "resonance")
    )


def counts_of(events):
    """Return what `counted` should: of rows of actor, target, day, kind, in plain Python."""
    people = {one for actor, target, _, _ in events for one in (actor, target) if one}
    met = {(actor, target) for actor, target, _, _ in events if actor != target}
    return (
        {one: sum(target == one for _, target in met) for one in people},
        Counter((day, actor) for actor, _, day, kind in events if kind == "RT"),
        Counter((day, b) for a, b, day, kind in events if kind == "RE" and b not in ("", a)),
    )
