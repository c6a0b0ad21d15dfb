"""The Parquet form of a population, as documented in ``docs/population-format.md``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import for_arrow
from aumann._files import storable
from aumann._seals import SealedParquet, sealed_writer
from aumann._sparse import Series, SparseSteps
from aumann.feature import Feature
from aumann.population import Population

__all__ = ["read_population", "write_population"]

KEY = b"aumann.population"
VERSION = 1
HEADER = {
    "version",
    "agents",
    "steps",
    "topics",
    "features",
    "labels",
    "rows",
    "people",
    "metadata",
}
# Rows of the agent table per row group: large enough to compress well, small enough to be read
# without much memory.
AGENT_ROWS = 1 << 20


def write_population(population: Population, path: str | PathLike[str]) -> None:
    """Write a population, whole or not at all."""
    with storable(path):
        _write(_pyarrow(), population, path)


def _write(pa: Any, population: Population, path: str | PathLike[str]) -> None:
    header = {
        "version": VERSION,
        "agents": population.agents,
        "steps": list(population.step_labels),
        "topics": list(population.topics),
        "features": [
            {"name": feature.name, "kind": feature.kind, "static": feature.static}
            for feature in population.feature_list
        ],
        "labels": _labels(population),
        "rows": "non-zero" if _nonzero_rows(population) else "present",
        "people": population.people,
        "metadata": population.metadata,
    }
    schema = pa.schema(
        [
            pa.field("topic", pa.int32()),
            pa.field("step", pa.int32()),
            pa.field("agent", pa.int64(), nullable=False),
            *(
                pa.field(name, pa.from_numpy_dtype(_dtype(population, name)))
                for name in _columns(population)
            ),
        ],
        metadata={KEY: json.dumps(header, ensure_ascii=False, allow_nan=False)},
    )
    groups = -(-population.agents // AGENT_ROWS) + _step_groups(population.topics, population.steps)
    with sealed_writer(path, schema, groups, compression="zstd") as writer:
        for start in range(0, population.agents, AGENT_ROWS):
            rows = np.arange(start, min(start + AGENT_ROWS, population.agents))
            columns = {name: column[rows] for name, column in population.agent_table.items()}
            writer.write_table(_row_group(pa, schema, rows, None, None, columns), AGENT_ROWS)
        per_step = [feature.name for feature in population.feature_list if not feature.static]
        for topic in range(max(1, len(population.topics))):
            label = topic if population.topics else None
            for step in range(population.steps):
                parts = {name: population.series(name)[topic] for name in per_step}
                rows, columns = _step_rows(population, parts, step)
                group = _row_group(pa, schema, rows, label, step, columns)
                writer.write_table(group, max(1, rows.size))


def read_population(path: str | PathLike[str]) -> Population:
    """Read a population, or say why the file is none."""
    _pyarrow()
    name = fspath(path)
    if Path(path).is_dir():
        raise IsADirectoryError(f"{name} is a folder; a population file is wanted")
    with SealedParquet(path) as file:
        try:
            return _population(file, _header(file, name), name)
        except (
            *(ArithmeticError, AttributeError, LookupError),
            *(RecursionError, TypeError, ValueError),
        ) as error:
            if isinstance(error, ValueError) and name in str(error):
                raise
            raise ValueError(f"{name} is no well-formed population: {error}") from error


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("population files need pyarrow: pip install 'aumann[cli]'") from error
    return pyarrow


def _step_groups(topics: Sequence[str], steps: int) -> int:
    """Return how many row groups hold steps."""
    return max(1, len(topics)) * steps


def _labels(population: Population) -> list[str]:
    static = {feature.name for feature in population.feature_list if feature.static}
    return [name for name in population.agent_table if name not in static]


def _columns(population: Population) -> list[str]:
    """Return the columns after topic, step and agent: features in order, then labels."""
    return [*(feature.name for feature in population.feature_list), *_labels(population)]


def _dtype(population: Population, name: str) -> Any:
    if name in population.agent_table:
        dtype = population.agent_table[name].dtype
        return np.dtype(str) if dtype.kind in "UO" else dtype
    part = population.series(name)[0]
    return (part.values if isinstance(part, SparseSteps) else part).dtype


def _nonzero_rows(population: Population) -> bool:
    """Tell whether rows of agents without any count can be left out."""
    measured = any(
        feature.kind == "measurement" and not feature.static for feature in population.feature_list
    )
    return population.presence is None and not measured


def _step_rows(
    population: Population, parts: dict[str, Series], step: int
) -> tuple[NDArray[np.intp], dict[str, NDArray[Any]]]:
    """Return the agents that have a row in a step, and their values."""
    dense = {}
    for name, part in parts.items():
        if isinstance(part, SparseSteps):
            agents, values = part.step(step)
            dense[name] = np.zeros(population.agents, dtype=values.dtype)
            dense[name][agents] = values
        else:
            dense[name] = part[step]
    if population.presence is not None:
        rows = np.flatnonzero(population.presence[step])
    elif _nonzero_rows(population):
        some = np.zeros(population.agents, dtype=np.bool_)
        for values in dense.values():
            some |= values != 0
        rows = np.flatnonzero(some)
    else:
        rows = np.arange(population.agents)
    return rows, {name: values[rows] for name, values in dense.items()}


def _row_group(
    pa: Any,
    schema: Any,
    agents: NDArray[np.intp],
    topic: int | None,
    step: int | None,
    columns: dict[str, NDArray[Any]],
) -> Any:
    """Return the rows of one row group; columns not given are null."""
    size = agents.size
    keys = {"topic": topic, "step": step}
    arrays = []
    for field in schema:
        if field.name == "agent":
            arrays.append(pa.array(agents, type=field.type))
        elif field.name in columns:
            arrays.append(pa.array(for_arrow(columns[field.name]), type=field.type))
        elif keys.get(field.name) is not None:
            arrays.append(pa.array(np.full(size, keys[field.name], dtype=np.int32)))
        else:
            arrays.append(pa.nulls(size, type=field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _header(file: SealedParquet, name: str) -> dict[str, Any]:
    """Return the description of the population in the file's metadata."""
    text = file.metadata.get(KEY)
    if text is None:
        raise ValueError(f"{name} is a Parquet file, but not a population written by aumann")
    header: dict[str, Any] = json.loads(text)
    if not isinstance(header, dict):
        raise TypeError("its header is no object")
    if header.get("version") != VERSION:
        raise ValueError(
            f"{name} is a population of format version {header.get('version')}; "
            f"this aumann reads version {VERSION}"
        )
    if not header.keys() >= HEADER:
        raise ValueError(f"{name}: its header lacks {sorted(HEADER - header.keys())}")
    if header["rows"] not in ("non-zero", "present") or not isinstance(header["people"], bool):
        raise ValueError(f"its header has rows {header['rows']!r} and people {header['people']!r}")
    return header


def _population(file: SealedParquet, header: dict[str, Any], name: str) -> Population:
    features = [
        Feature(entry["name"], entry["kind"], entry["static"]) for entry in header["features"]
    ]
    agents, steps = header["agents"], len(header["steps"])
    static = [feature.name for feature in features if feature.static] + header["labels"]
    per_step = [feature for feature in features if not feature.static]
    topics = max(1, len(header["topics"]))
    groups = len(file.group_rows)
    agent_groups = -(-agents // AGENT_ROWS)
    if groups != agent_groups + _step_groups(header["topics"], steps):
        raise ValueError(f"{name} has {groups} row groups, which is not what its header says")
    # Before memory is asked for that the file only claims to need.
    if sum(file.group_rows[:agent_groups]) != agents or max(file.group_rows) > agents:
        raise ValueError(f"{name}: its row groups are not of the size that its header says")

    table = file.read_row_groups(range(agent_groups), ["agent", *static])
    if not np.array_equal(_array(table["agent"]), np.arange(agents)):
        raise ValueError(f"{name}: its agent rows are not those of {agents} agents in order")
    agent_table = {column: _array(table[column]) for column in static}

    presence = None
    if header["rows"] == "present":
        presence = np.zeros((steps, agents), dtype=np.bool_)
    series: dict[str, list[Series]] = {feature.name: [] for feature in per_step}
    for topic in range(topics):
        rows: list[NDArray[np.intp]] = []
        columns: dict[str, list[NDArray[Any]]] = {feature.name: [] for feature in per_step}
        for step in range(steps):
            group = file.read_row_groups([agent_groups + topic * steps + step])
            rows.append(_checked_rows(group, header, topic, step, name))
            for column, values in columns.items():
                values.append(_array(group[column]))
            if presence is not None:
                presence[step, rows[-1]] = True
        for feature in per_step:
            series[feature.name].append(_series(feature, rows, columns[feature.name], agents))
    return Population(
        features,
        agent_table,
        series,
        agents=agents,
        step_labels=header["steps"],
        topics=header["topics"],
        presence=presence,
        metadata=header["metadata"],
        people=header["people"],
    )


def _checked_rows(
    group: Any, header: dict[str, Any], topic: int, step: int, name: str
) -> NDArray[np.intp]:
    """Return the agents of a row group once it is sure to be the one looked for."""
    rows: NDArray[np.intp] = _array(group["agent"]).astype(np.intp, copy=False)
    keys = {"step": step, **({"topic": topic} if header["topics"] else {})}
    right = all((_array(group[key]) == value).all() for key, value in keys.items())
    if (
        not right
        or (np.diff(rows) <= 0).any()
        or (rows.size and (rows[0] < 0 or rows[-1] >= header["agents"]))
    ):
        raise ValueError(f"{name}: the row group of topic {topic}, step {step} is not well formed")
    return rows


def _series(
    feature: Feature, rows: list[NDArray[np.intp]], values: list[NDArray[Any]], agents: int
) -> Series:
    if feature.kind == "measurement":
        dense = np.zeros((len(rows), agents), dtype=np.result_type(*values))
        for line, present, column in zip(dense, rows, values, strict=True):
            line[present] = column
        return dense
    step = np.repeat(np.arange(len(rows)), [present.size for present in rows])
    counts = np.concatenate(values)
    some = counts != 0
    return SparseSteps.from_entries(
        step[some], np.concatenate(rows)[some], counts[some], len(rows), agents
    )


def _array(column: Any) -> NDArray[Any]:
    """Return a column without nulls as an array, text as objects."""
    if column.null_count:
        raise ValueError("a population file has missing values where there can be none")
    import pyarrow

    numeric = pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type)
    if numeric and column.num_chunks:
        # `to_numpy` would import pandas where it is installed, which takes a second.
        return np.concatenate([np.from_dlpack(chunk) for chunk in column.chunks])
    array: NDArray[Any] = column.to_numpy()
    return array
