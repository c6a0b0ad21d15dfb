"""Long tables (one row per agent, step and topic) to populations."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import refuse_masked
from aumann._axes import axis_of
from aumann._codes import Codes, read_codes
from aumann._columns import read_column
from aumann._labelled import Axis, common_labels, labels_of, order_of
from aumann._long_rows import LongRows, read_key
from aumann._sparse import Series, SparseSteps
from aumann._step_order import doubt_order
from aumann._validation import is_real

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
    columns = _columns(table, [*keys, *(feature.name for feature in features), *labels], keys)
    size = len(columns[agent])
    if size == 0:
        raise ValueError("table has no rows; at least one is wanted")
    one = Codes(np.array(["1"], dtype=object), np.zeros(size, dtype=np.intp))
    rows = LongRows(
        one if step is None else read_key(columns[step], step, "step"),
        read_key(columns[agent], agent, "agent"),
    )
    topics = one if topic is None else read_key(columns[topic], topic, "topic")
    steps, agents = rows.shape
    cell = topics.codes * (steps * agents) + rows.cells
    order = np.argsort(cell, kind="stable")
    repeated = np.flatnonzero(np.diff(cell[order]) == 0)
    if repeated.size:
        first, second = order[repeated[0]], order[repeated[0] + 1]
        cure = "" if step else "; without a column of steps (step, --step) there is one step"
        raise ValueError(f"rows {first} and {second} have the same {', '.join(keys)}{cure}")
    presence = np.zeros((steps, agents), dtype=np.bool_)
    presence[rows.steps.codes, rows.agents.codes] = True

    agent_table: dict[str, Any] = {}
    series: dict[str, list[Series]] = {}
    starts = np.searchsorted(cell[order], np.arange(len(topics.values) + 1) * steps * agents)
    for feature in features:
        column = _numbers(feature, columns[feature.name])
        if feature.static:
            agent_table[feature.name] = _per_agent(feature.name, column, rows.agents)
            continue
        series[feature.name] = [
            _scattered(feature, column, rows, order[start:stop], presence)
            for start, stop in pairwise(starts)
        ]
    for name in labels:
        column = columns[name]
        if is_real(column):
            agent_table[name] = _per_agent(name, _array(name, column), rows.agents)
            continue
        read = read_codes(column, f"column {name!r}", partial(_row, name))
        agent_table[name] = Codes(
            read.values, _per_agent(name, read.codes, rows.agents, read.values), read.ordered
        )
    if keep_ids:
        agent_table["id"] = rows.agents.values
    step_labels = texts(rows.steps.values)
    if step is not None and not rows.steps.ordered and isinstance(rows.steps.values[0], str):
        doubt_order(step, step_labels)
    return Population(
        features,
        agent_table,
        series,
        agents=agents,
        step_labels=step_labels,
        topics=[] if topic is None else texts(topics.values),
        presence=presence,
        metadata={"source": "table", **(metadata or {})},
        people=people,
    )


def _columns(table: Any, names: Sequence[str], keys: Sequence[str]) -> dict[str, Any]:
    """Return columns of one length as arrays, or as Arrow columns, without missing values."""
    get, available = _getter(table)
    for name in names:
        if name not in available:
            raise ValueError(
                f"table has no column {name!r}; its columns are {available}"
                f"{_meant(available) if name in keys else ''}"
            )
    if len(set(names)) != len(names):
        raise ValueError(f"a column is used twice: {list(names)}")
    columns = {name: get(name) for name in names}
    for name, column in columns.items():
        shape = getattr(column, "shape", (len(column),))
        if shape != (len(columns[names[0]]),):
            raise ValueError(
                f"column {name!r} has shape {shape}; "
                f"({len(columns[names[0]])},) as in {names[0]!r} is wanted"
            )
        if hasattr(column, "combine_chunks") and column.null_count:
            absent = column.is_null().to_numpy()
            raise ValueError(f"column {name!r} has a missing value in row {int(np.argmax(absent))}")
    return columns


def _getter(table: Any) -> tuple[Callable[[str], Any], list[Any]]:
    """Return what reads a column by its name, and the names."""
    for method in ("to_dataframe", "collect"):
        if hasattr(table, method):
            raise TypeError(
                f"table is a {type(table).__name__}; a data frame is wanted: use table.{method}()"
            )
    if isinstance(table, Mapping):
        return _of_mapping(table), list(table)
    if not hasattr(table, "__arrow_c_stream__"):
        raise TypeError(
            f"table is a {type(table).__name__}; a data frame, an Arrow table "
            "(anything with __arrow_c_stream__) or a mapping of arrays is wanted"
        )
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(
            "reading a data frame needs pyarrow: pip install 'aumann[cli]'"
        ) from error
    if hasattr(table, "get_columns"):
        return partial(_of_polars, table), list(table.columns)
    if hasattr(table, "iloc") and table.index.nlevels == 1 and table.index.name is not None:
        # Arrow drops an index that counts rows, even where it has a name.
        table = table.reset_index() if table.index.name not in table.columns else table
    try:
        arrow = pyarrow.table(table)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        told = "; ".join(map(str, error.args))
        raise TypeError(f"table: a column of one kind of values is wanted: {told}") from error
    # DuckDB's own categories are ordered, which Arrow is not told.
    kinds = [str(kind) for kind in getattr(table, "types", ())]
    ordered = {arrow.column_names[k] for k, kind in enumerate(kinds) if kind.startswith("ENUM")}

    def get(name: str) -> Any:
        column = arrow.column(name)
        if name not in ordered:
            return column
        chunks = [
            pyarrow.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary, ordered=True)
            for chunk in column.chunks
        ]
        return pyarrow.chunked_array(chunks) if chunks else column

    return get, arrow.column_names


def _of_polars(table: Any, name: str) -> Any:
    """Return a column of polars as an Arrow column, where Arrow has its type."""
    import pyarrow

    column = table.get_column(name)
    if type(column.dtype).__name__ in ("Int128", "UInt128"):
        return column
    return pyarrow.table(table.select(name)).column(0)


def _of_mapping(table: Mapping[Any, Any]) -> Callable[[str], Any]:
    """Return what reads columns of a mapping, put in the order of the first labelled one."""
    index = common_labels({f"column {name!r}": labels_of(each) for name, each in table.items()})

    def get(name: str) -> Any:
        column, labels = table[name], labels_of(table[name])
        if hasattr(column, "columns"):
            raise TypeError(f"column {name!r} is a table; an array is wanted")
        if labels is not None and index is not None:
            order = order_of(labels, Axis(len(index), index), f"column {name!r}", "row")
            if order is not None:
                column = column.iloc[order] if hasattr(column, "iloc") else column[order]
        return column if hasattr(column, "dtype") or hasattr(column, "type") else _listed(column)

    return get


def _listed(column: Any) -> Any:
    """Return a list of numbers as an array, of anything else as it is."""
    items = list(column)
    kept = (str, type(None), Decimal, datetime.date)
    plain = not any(issubclass(kind, kept) for kind in set(map(type, items)))
    return np.asarray(items) if plain else items


def _meant(available: Sequence[Any]) -> str:
    """Say which columns name step and agent, if one each does."""
    found = {
        axis: [name for name in available if axis_of(name) == axis] for axis in ("step", "agent")
    }
    told = [f"{axis}={names[0]!r}" for axis, names in found.items() if len(names) == 1]
    return f"; pass {', '.join(told)}" if told else ""


def _row(name: str, row: int) -> str:
    return f"column {name!r}, row {row},"


def texts(values: NDArray[Any]) -> list[str]:
    """Return one text per value; times are cut to days or seconds where nothing is lost.

    Examples
    --------
    >>> texts(np.array(["2026-04-08", "2026-04-09"], dtype="datetime64[s]"))
    ['2026-04-08', '2026-04-09']
    """
    if values.dtype.kind != "M":
        return [str(value) for value in values.tolist()]
    for unit in ("D", "s"):
        coarse = values.astype(f"datetime64[{unit}]")
        if (coarse == values).all():
            return [str(text) for text in np.datetime_as_string(coarse)]
    return [str(text) for text in np.datetime_as_string(values)]


def _array(name: str, column: Any) -> NDArray[Any]:
    """Return a column as an array of numbers; decimal ones that are whole as integers."""
    refuse_masked(column, f"column {name!r}")
    kind = str(getattr(column, "type", getattr(column, "dtype", "objects")))
    if kind.startswith("decimal") or (isinstance(column, list) and type(column[0]) is Decimal):
        items = column.to_pylist() if hasattr(column, "to_pylist") else list(column)
        small = all(abs(item) < 2**63 and item == item.to_integral_value() for item in items)
        column = np.array(items, dtype=np.int64 if small else np.float64)
    array = read_column(column, f"column {name!r}")
    if array.dtype.kind not in "iufb" or array.ndim != 1:
        raise TypeError(f"column {name!r} has dtype {kind}; numbers are wanted")
    return array


def _numbers(feature: Feature, values: Any) -> NDArray[Any]:
    """Check the values of a feature, naming the row of the first bad one."""
    name = feature.name
    column = _array(name, values)
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        row = int(np.argmax(~np.isfinite(column)))
        raise ValueError(f"column {name!r} is {column[row]} in row {row}; a number is wanted")
    if feature.kind == "count" and (column < 0).any():
        row = int(np.argmax(column < 0))
        raise ValueError(f"count {name!r} is {column[row]} in row {row}; at least 0 is wanted")
    if column.dtype.kind == "u" and (column > np.iinfo(np.int64).max).any():
        row = int(np.argmax(column > np.iinfo(np.int64).max))
        raise ValueError(
            f"column {name!r} is {column[row]} in row {row}; at most 2**63 - 1 is wanted"
        )
    wide = np.float64 if column.dtype.kind == "f" else np.int64
    return column.astype(wide, copy=False)


def _per_agent(
    name: str, column: NDArray[Any], agents: Codes, shown: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return the one value of each agent; `shown` are the labels that the values stand for."""
    values = np.empty(len(agents.values), dtype=column.dtype)
    values[agents.codes] = column
    changed = column != values[agents.codes]
    if changed.any():
        row = int(np.argmax(changed))
        other = int(np.flatnonzero(agents.codes == agents.codes[row])[-1])
        told = [column[k] if shown is None else shown[column[k]] for k in (row, other)]
        raise ValueError(
            f"column {name!r} is static, but rows {row} and {other} of the same agent "
            f"hold {told[0]} and {told[1]}"
        )
    return values


def _scattered(
    feature: Feature,
    column: NDArray[Any],
    rows: LongRows,
    chosen: NDArray[np.intp],
    presence: NDArray[np.bool_],
) -> Series:
    """Return the values of one topic from its rows, sorted by step and agent.

    A measurement of an agent who is there in other topics only is unknown: NaN.
    """
    step, agent = rows.steps.codes[chosen], rows.agents.codes[chosen]
    if feature.kind == "measurement":
        some = len(chosen) < np.count_nonzero(presence)
        dense = np.zeros(rows.shape, dtype=np.float64 if some else column.dtype)
        if some:
            dense[presence] = np.nan
        dense[step, agent] = column[chosen]
        return dense
    counted = column[chosen] != 0
    return SparseSteps.from_entries(
        step[counted], agent[counted], column[chosen][counted], *rows.shape
    )
