"""The Parquet form of populations: exact, readable by others, refused when it is not whole."""

import json

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aumann
from aumann import Population
from aumann._sparse import SparseSteps


def assert_same(one, other):
    assert type(one) is type(other)
    for name in ("agents", "steps", "topics", "feature_list", "step_labels", "metadata", "people"):
        assert getattr(one, name) == getattr(other, name)
    assert list(one.agent_table) == list(other.agent_table)
    for name, column in one.agent_table.items():
        assert column.dtype == other.agent_table[name].dtype
        np.testing.assert_array_equal(column, other.agent_table[name])
    assert (one.presence is None) == (other.presence is None)
    if one.presence is not None:
        np.testing.assert_array_equal(one.presence, other.presence)
    for feature in one.feature_list:
        if feature.static:
            continue
        pairs = zip(one.series(feature.name), other.series(feature.name), strict=True)
        for left, right in pairs:
            assert type(left) is type(right)
            if isinstance(left, SparseSteps):
                assert left.values.dtype == right.values.dtype
                np.testing.assert_array_equal(left.indptr, right.indptr)
                np.testing.assert_array_equal(left.indices, right.indices)
                np.testing.assert_array_equal(left.values, right.values)
            else:
                assert left.dtype == right.dtype
                np.testing.assert_array_equal(left, right)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    agents=st.integers(1, 20),
    steps=st.integers(1, 4),
    topics=st.integers(0, 3),
    presence=st.booleans(),
    measured=st.booleans(),
    whole=st.booleans(),
)
def test_round_trip_is_exact(
    tmp_path_factory, seed, agents, steps, topics, presence, measured, whole
):
    draw = np.random.default_rng(seed)
    shape = (topics, steps, agents) if topics else (steps, agents)
    mask = draw.random((steps, agents)) < 0.7 if presence else np.ones((steps, agents), bool)
    posts = draw.integers(0, 2**62, shape) * (draw.random(shape) < draw.random()) * mask
    features = {"reach": draw.integers(0, 9, agents), "posts": posts if whole else posts / 3}
    kinds = {"reach": "count", "posts": "count"}
    if measured:
        features["mood"] = draw.standard_normal(shape) * mask
        kinds["mood"] = "measurement"
    population = Population.from_arrays(
        features,
        kinds=kinds,
        labels={"country": draw.choice(["dé", "fr"], agents), "bot": draw.random(agents) < 0.5},
        topics=[f"topic {k}" for k in range(topics)],
        presence=mask,
        metadata={"source": "test", "nested": {"a": [1, None, "é"]}},
        people=whole,
    )
    path = tmp_path_factory.mktemp("round") / "population.parquet"
    population.write_parquet(path)
    assert_same(population, Population.read_parquet(path))


def test_static_features_alone_with_presence(tmp_path):
    population = Population.from_arrays(
        {"wealth": [1.5, -2.0]}, kinds="measurement", presence=np.array([[True, False]])
    )
    population.write_parquet(tmp_path / "p.parquet")
    assert_same(population, Population.read_parquet(tmp_path / "p.parquet"))


def test_sparse_counts_stay_sparse_and_one_step_can_be_read_alone(tmp_path):
    population = aumann.synthesize(agents=3000, steps=4, topics=2, seed=3)
    path = tmp_path / "population.parquet"
    population.write_parquet(path)
    assert_same(population, Population.read_parquet(path))
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 1 + 2 * 4
    group = file.read_row_group(1 + 1 * 4 + 2).to_pandas()
    assert set(group["topic"]) == {1}
    assert set(group["step"]) == {2}
    assert ((group["activity"] > 0) | (group["resonance"] > 0)).all()
    activity = population.series("activity")[1]
    assert group["activity"].sum() == activity.step(2)[1].sum()
    total = duckdb.sql(
        f"SELECT sum(activity) FROM '{path}' WHERE topic = 1 AND step = 2"
    ).fetchall()[0][0]
    assert total == activity.step(2)[1].sum()
    reach = duckdb.sql(f"SELECT reach FROM '{path}' WHERE step IS NULL ORDER BY agent").fetchnumpy()
    np.testing.assert_array_equal(reach["reach"], population.agent_table["reach"])


def test_files_of_many_agent_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("aumann._parquet.AGENT_ROWS", 7)
    population = aumann.synthesize(agents=30, steps=2, seed=3)
    population.write_parquet(tmp_path / "p.parquet")
    assert_same(population, Population.read_parquet(tmp_path / "p.parquet"))


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "population.parquet"
    aumann.synthesize(agents=50, steps=2, seed=1).write_parquet(path)
    return path


def rewritten(path, change):
    """Write the file again with another header."""
    file = pq.ParquetFile(path)
    header = json.loads(file.metadata.metadata[b"aumann.population"])
    groups = [file.read_row_group(k) for k in range(file.num_row_groups)]
    change(header, groups)
    schema = groups[0].schema.with_metadata({b"aumann.population": json.dumps(header)})
    with pq.ParquetWriter(path, schema) as writer:
        for group in groups:
            writer.write_table(group)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header, groups: header.update(version=2), "format version 2"),
        (lambda header, groups: header.pop("topics"), r"lacks \['topics'\]"),
        (lambda header, groups: groups.pop(), "2 row groups"),
        (lambda header, groups: groups.reverse(), "not of the size"),
        (lambda header, groups: header.update(agents=10**18), "row groups"),
        (lambda header, groups: header.update(agents=49), "not of the size"),
        (lambda header, groups: header.update(agents=50.5), "no well-formed population"),
        (lambda header, groups: header.update(agents="50"), "no well-formed population"),
        (lambda header, groups: header.update(steps=None), "no well-formed population"),
        (lambda header, groups: header.update(features=[{}]), "no well-formed population"),
        (lambda header, groups: header.update(labels=["none"]), "no well-formed population"),
        (lambda header, groups: header.update(rows="some"), "no well-formed population"),
        (lambda header, groups: header.update(people="no"), "no well-formed population"),
        (lambda header, groups: header.update(metadata=[1]), "no well-formed population"),
        (lambda header, groups: groups.insert(1, groups.pop(2)), "step 0 is not well formed"),
    ],
)
def test_files_that_are_no_population_are_refused(written, change, message):
    rewritten(written, change)
    with pytest.raises(ValueError, match=message):
        Population.read_parquet(written)


def test_other_files_are_refused(tmp_path, written):
    with pytest.raises(FileNotFoundError):
        Population.read_parquet(tmp_path / "none.parquet")
    with pytest.raises(IsADirectoryError):
        Population.read_parquet(tmp_path)
    text = tmp_path / "text.parquet"
    text.write_text("agent,step\n")
    with pytest.raises(ValueError, match="not a complete Parquet file"):
        Population.read_parquet(text)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(written.read_bytes()[:-20])
    with pytest.raises(ValueError, match="not a complete Parquet file"):
        Population.read_parquet(cut)
    plain = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"a": [1]}), plain)
    with pytest.raises(ValueError, match="not a population"):
        Population.read_parquet(plain)


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path, written, monkeypatch):
    population = Population.read_parquet(written)
    with pytest.raises(OSError, match="cannot write"):
        population.write_parquet(tmp_path / "none" / "p.parquet")
    with pytest.raises(IsADirectoryError):
        population.write_parquet(tmp_path)
    before = written.read_bytes()

    def fail(*_):
        raise RuntimeError("stopped half-way")

    monkeypatch.setattr("aumann._parquet._step_rows", fail)
    with pytest.raises(RuntimeError, match="half-way"):
        population.write_parquet(written)
    assert written.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [written.name]
