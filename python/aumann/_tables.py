"""Long tables (one row per agent, step and topic) to populations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aumann._sparse import Series, SparseSteps

if TYPE_CHECKING:
    from aumann.feature import Feature
    from aumann.population import Population

__all__ = ["from_long_table"]


def from_long_table(
    table: Any,
    features: Sequence[Feature],
    *,
    agent: str,
    step: str | None,
    topic: str | None,
    labels: Sequence[str],
    metadata: Mapping[str, Any] | None,
    keep_ids: bool,
    people: bool,
) -> Population:
    """Return the population of a long table, as documented at `Population.from_table`."""
    from aumann.population import Population

    keys = [name for name in (agent, step, topic) if name is not None]
    named = [*keys, *(feature.name for feature in features), *labels]
    columns = _columns(table, named)
    rows = columns[agent].size
    if rows == 0:
        raise ValueError("table has no rows; at least one is wanted")
    agents, agent_codes = _sorted_codes(agent, columns[agent], allow_times=False)
    one = np.zeros(rows, dtype=np.intp)
    step_values, step_codes = (
        (np.array(["1"]), one) if step is None else _sorted_codes(step, columns[step])
    )
    topics, topic_codes = (
        (np.array([], dtype=str), one)
        if topic is None
        else _sorted_codes(topic, columns[topic], allow_times=False)
    )
    size, steps = agents.size, step_values.size
    cell = (topic_codes * steps + step_codes) * size + agent_codes
    order = np.argsort(cell, kind="stable")
    repeated = np.flatnonzero(np.diff(cell[order]) == 0)
    if repeated.size:
        first, second = order[repeated[0]], order[repeated[0] + 1]
        raise ValueError(f"rows {first} and {second} have the same {', '.join(keys)}")
    presence = np.zeros((steps, size), dtype=np.bool_)
    presence[step_codes, agent_codes] = True

    agent_table: dict[str, NDArray[Any]] = {}
    series: dict[str, list[Series]] = {}
    starts = np.searchsorted(cell[order], np.arange(max(1, topics.size) + 1) * steps * size)
    for feature in features:
        column = _numbers(feature, columns[feature.name])
        if feature.static:
            agent_table[feature.name] = _per_agent(feature.name, column, agent_codes, size)
            continue
        series[feature.name] = [
            _scattered(feature, column, step_codes, agent_codes, order[start:stop], steps, size)
            for start, stop in pairwise(starts)
        ]
    for name in labels:
        agent_table[name] = _per_agent(name, columns[name], agent_codes, size)
    if keep_ids:
        agent_table["id"] = agents
    return Population(
        features,
        agent_table,
        series,
        agents=size,
        step_labels=_texts(step_values),
        topics=_texts(topics),
        presence=presence,
        metadata={"source": "table", **(metadata or {})},
        people=people,
    )


def _columns(table: Any, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return columns as arrays of one length without missing values."""
    if isinstance(table, Mapping):
        available = list(table)
        get = table.__getitem__
    elif hasattr(table, "__arrow_c_stream__"):
        try:
            import pyarrow
        except ImportError as error:
            raise ImportError(
                "reading a data frame needs pyarrow: pip install 'aumann[cli]'"
            ) from error
        arrow = pyarrow.table(table)
        available = arrow.column_names

        def get(name: str) -> NDArray[Any]:
            return _arrow_array(name, arrow.column(name))
    else:
        raise TypeError(
            f"table is a {type(table).__name__}; a data frame, an Arrow table "
            "(anything with __arrow_c_stream__) or a mapping of arrays is wanted"
        )
    for name in names:
        if name not in available:
            raise ValueError(f"table has no column {name!r}; its columns are {available}")
    if len(set(names)) != len(names):
        raise ValueError(f"a column is used twice: {list(names)}")
    columns = {name: np.asarray(get(name)) for name in names}
    for name, column in columns.items():
        if column.ndim != 1 or column.size != columns[names[0]].size:
            raise ValueError(
                f"column {name!r} has shape {column.shape}; "
                f"({columns[names[0]].size},) as in {names[0]!r} is wanted"
            )
        if column.dtype.kind == "O":
            columns[name] = _text_array(name, column)
        elif column.dtype.kind in "mM" and np.isnat(column).any():
            raise _missing(name, int(np.argmax(np.isnat(column))))
    return columns


def _arrow_array(name: str, column: Any) -> NDArray[Any]:
    """Return an Arrow column as an array, text by way of its few distinct values."""
    import pyarrow

    kinds = pyarrow.types
    if column.null_count:
        raise _missing(name, int(np.argmax(column.is_null().to_numpy())))
    if kinds.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pyarrow.timestamp(column.type.unit))
    encoded = kinds.is_dictionary(column.type)
    values = column.type.value_type if encoded else column.type
    text = kinds.is_string(values) or kinds.is_large_string(values) or kinds.is_string_view(values)
    if not (encoded or text) or column.num_chunks == 0:
        plain: NDArray[Any] = column.to_numpy()
        return plain
    parts = []
    for chunk in column.chunks:
        coded = chunk if encoded else chunk.cast(pyarrow.large_string()).dictionary_encode()
        if coded.dictionary.null_count:
            raise ValueError(f"column {name!r} has a missing value among its categories")
        distinct = coded.dictionary.to_pylist()
        words = np.array(distinct, dtype=str) if text else np.array(distinct)
        parts.append(words[coded.indices.to_numpy(zero_copy_only=False)])
    return np.concatenate(parts)


def _text_array(name: str, column: NDArray[Any]) -> NDArray[Any]:
    """Return an object array of text as a text array."""
    for row, value in enumerate(column):
        if value is None or value != value:
            raise _missing(name, row)
        if not isinstance(value, str):
            raise TypeError(f"column {name!r} holds {value!r} in row {row}; text is wanted")
    return column.astype(str)


def _missing(name: str, row: int) -> ValueError:
    return ValueError(f"column {name!r} has a missing value in row {row}")


def _sorted_codes(
    name: str, column: NDArray[Any], *, allow_times: bool = True
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct values in order and the position of each row's value among them."""
    if column.dtype.kind not in ("iuUM" if allow_times else "iuU"):
        wanted = "integers, text, dates or times" if allow_times else "integers or text"
        raise TypeError(f"column {name!r} has dtype {column.dtype}; {wanted} are wanted")
    values, codes = np.unique(column, return_inverse=True)
    return values, codes.reshape(-1)


def _texts(values: NDArray[Any]) -> list[str]:
    """Return one text per value; times are cut to days or seconds where nothing is lost."""
    if values.dtype.kind != "M":
        return [str(value) for value in values.tolist()]
    for unit in ("D", "s"):
        coarse = values.astype(f"datetime64[{unit}]")
        if (coarse == values).all():
            return [str(text) for text in np.datetime_as_string(coarse)]
    return [str(text) for text in np.datetime_as_string(values)]


def _numbers(feature: Feature, column: NDArray[Any]) -> NDArray[Any]:
    """Check the values of a feature, naming the row of the first bad one."""
    name = feature.name
    if column.dtype.kind not in "iufb":
        raise TypeError(f"column {name!r} has dtype {column.dtype}; numbers are wanted")
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        row = int(np.argmax(~np.isfinite(column)))
        raise ValueError(f"column {name!r} is {column[row]} in row {row}; a number is wanted")
    if feature.kind == "count" and (column < 0).any():
        row = int(np.argmax(column < 0))
        raise ValueError(f"count {name!r} is {column[row]} in row {row}; at least 0 is wanted")
    wide = np.float64 if column.dtype.kind == "f" else np.int64
    return column.astype(wide, copy=False)


def _per_agent(
    name: str, column: NDArray[Any], agent_codes: NDArray[np.intp], agents: int
) -> NDArray[Any]:
    """Return the one value of each agent."""
    values = np.empty(agents, dtype=column.dtype)
    values[agent_codes] = column
    changed = column != values[agent_codes]
    if changed.any():
        row = int(np.argmax(changed))
        other = int(np.flatnonzero(agent_codes == agent_codes[row])[-1])
        raise ValueError(
            f"column {name!r} is static, but rows {row} and {other} of the same agent "
            f"hold {column[row]} and {column[other]}"
        )
    return values


def _scattered(
    feature: Feature,
    column: NDArray[Any],
    step_codes: NDArray[np.intp],
    agent_codes: NDArray[np.intp],
    rows: NDArray[np.intp],
    steps: int,
    agents: int,
) -> Series:
    """Return the values of one topic from its rows, sorted by step and agent."""
    if feature.kind == "measurement":
        dense = np.zeros((steps, agents), dtype=column.dtype)
        dense[step_codes[rows], agent_codes[rows]] = column[rows]
        return dense
    rows = rows[column[rows] != 0]
    return SparseSteps.from_entries(
        step_codes[rows], agent_codes[rows], column[rows], steps, agents
    )
