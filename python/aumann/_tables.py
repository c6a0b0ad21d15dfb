"""Long tables (one row per agent, step and topic) to populations."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping, Sequence
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
from aumann._long_rows import LongRows, read_key
from aumann._printable import printable
from aumann._sparse import Series, SparseSteps
from aumann._step_order import doubt_order
from aumann._table_sources import column_getter
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
        read = _label_codes(name, column)
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


def _label_codes(name: str, column: Any) -> Codes:
    """Return a column of labels; dates and times as texts, in their order."""
    read = read_codes(column, f"column {name!r}", partial(_row, name))
    if read.values.dtype.kind == "M":
        return Codes(np.array(texts(read.values), dtype=object), read.codes, ordered=True)
    if read.values.dtype.kind not in "iubO":
        raise TypeError(
            f"column {name!r} has dtype {read.values.dtype}; integers, booleans, texts or dates "
            "are wanted as labels"
        )
    return read


def _columns(table: Any, names: Sequence[str], keys: Sequence[str]) -> dict[str, Any]:
    """Return columns of one length as arrays, or as Arrow columns, without missing values."""
    get, available = column_getter(table)
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


def _meant(available: Sequence[Any]) -> str:
    """Say which columns name step and agent, if one each does."""
    found = {
        axis: [name for name in available if axis_of(name) == axis] for axis in ("step", "agent")
    }
    told = [f"{axis}={names[0]!r}" for axis, names in found.items() if len(names) == 1]
    typed = [
        f"--{axis} {printable(str(names[0]))}" for axis, names in found.items() if len(names) == 1
    ]
    return f"; pass {', '.join(told)} ({' '.join(typed)})" if told else ""


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
    else:
        _refuse_other(name, column, kind)
    array = read_column(column, f"column {name!r}")
    if array.dtype.kind not in "iufb" or array.ndim != 1:
        raise TypeError(f"column {name!r} has dtype {kind}; numbers are wanted")
    return array


def _refuse_other(name: str, column: Any, kind: str) -> None:
    """Refuse values that are no numbers, naming the first and what to do with it."""
    if kind.startswith(("extension", "period", "interval")):
        # What they are stored as are numbers, which are not what they mean.
        raise TypeError(f"column {name!r} has dtype {kind}; numbers are wanted")
    if not re.fullmatch(r"objects?|str|(large_)?string(_view)?|dictionary<values=.*string.*", kind):
        return
    items = column.to_pylist() if hasattr(column, "to_pylist") else list(column)
    for row, item in enumerate(items):
        if item is None:
            raise ValueError(f"column {name!r} has a missing value in row {row}")
        if isinstance(item, str) and not _is_number(item):
            point = re.fullmatch(r"-?\d+,\d+", item)
            cure = (
                "decimals have a point"
                if point
                else f"labels=[{name!r}] (--labels {printable(name)})"
            )
            raise TypeError(
                f"column {name!r} has dtype {kind}; numbers are wanted, row {row} is the text "
                f"{reprlib.repr(item)}: {cure}{'' if point else ' takes texts'}"
            )
    kinds = {type(item).__name__ for item in items}
    cure = ": astype(float) makes some" if kinds <= {"str", "int", "float"} else ""
    raise TypeError(f"column {name!r} has dtype {kind}; numbers are wanted{cure}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


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
    if column.dtype.kind == "f" and np.isnan(column).any():
        row = int(np.argmax(np.isnan(column)))
        raise ValueError(f"column {name!r} is nan in row {row}; a number is wanted")
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
