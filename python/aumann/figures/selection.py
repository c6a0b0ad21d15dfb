"""Rows of the tables of a study, as arrays, and what of them a figure is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aumann.figures.names import known
from aumann.figures.plotting import PlottedStudy
from aumann.study.grid import Grid
from aumann.value_functions import from_name

__all__ = [
    "Columns",
    "Subject",
    "Summary",
    "averaged",
    "chosen_size",
    "over_seeds",
    "seeds",
    "select",
    "settle",
    "told",
    "undefined_note",
    "unique",
    "where",
]

# Numbers as float64, null being NaN; text as objects.
Columns: TypeAlias = dict[str, NDArray[Any]]

_STEPWISE = "Study(..., stepwise=[...]) makes it, of the protocols it names"
_WANTED = {
    "panel_steps": _STEPWISE,
    "panel_bins": _STEPWISE,
    "repairs": "a study with a protocol in which every agent can be drawn, such as "
    "VisibilityWeighted or UniformRandom, makes it",
}
_PLAIN = {
    "Mean()": "mean",
    "Heat()": "heat",
    "Variance()": "variance",
    "GiniMeanDifference()": "Gini mean difference",
}


def select(results: PlottedStudy, table: str, **values: Any) -> Columns:
    """Return the rows of a table in which columns have given values.

    Parameters
    ----------
    results : StudyResults
        The study.
    table : str
        The name of the table.
    **values
        The value of some columns; None is null.

    Returns
    -------
    dict of str to ndarray
        The other columns, numbers as float64 with NaN for null.

    Raises
    ------
    ValueError
        If the study has no such table; it says what makes it.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> results = aumann.Study(population, seeds=[0]).run(tempfile.mkdtemp())
    >>> select(results, "whole", topic=None, value_function="Heat()")["tier"].tolist()
    ['top', 'middle', 'tail']
    """
    import pyarrow as pa
    from pyarrow import compute

    found = _table(results, table)
    for name, value in values.items():
        column = found[name]
        mask = compute.is_null(column) if value is None else compute.equal(column, pa.scalar(value))
        found = found.filter(mask)
    columns: Columns = {}
    for name in found.column_names:
        if name not in values:
            column = found[name]
            if not pa.types.is_string(column.type):
                column = column.cast(pa.float64())
            columns[name] = column.to_numpy()
    return columns


def _table(results: PlottedStudy, name: str) -> Any:
    found = results.tables.get(name)
    if found is None:
        how = _WANTED.get(name, "the same study, run again, makes it")
        raise ValueError(f"tables: {results.folder} has no table {name!r}; {how}")
    return found


def unique(column: Sequence[Any] | NDArray[Any]) -> list[Any]:
    """Return the different entries in the order of their first appearance.

    Examples
    --------
    >>> unique(["b", "a", "b"])
    ['b', 'a']
    """
    return list(dict.fromkeys(column.tolist() if isinstance(column, np.ndarray) else column))


@dataclass(frozen=True)
class Subject:
    """The topic and value function that a figure is about.

    Parameters
    ----------
    topic : str or None
        None for a population without topics.
    value_function : str
        As the tables name it.
    notes : sequence of str
        Why it is not the one that is usually shown, if so.

    Examples
    --------
    >>> Subject("sports", "Heat()").words
    'heat, sports'
    """

    topic: str | None
    value_function: str
    notes: Sequence[str] = ()

    @property
    def where(self) -> dict[str, Any]:
        """The columns that select its rows."""
        return {"topic": self.topic, "value_function": self.value_function}

    @property
    def words(self) -> str:
        """What a title says."""
        what = told(self.value_function)
        return what if self.topic is None else f"{what}, {self.topic}"


def settle(results: PlottedStudy, topic: str | None, value_function: Any = None) -> Subject:
    """Return the subject that was asked for, or the first topic and heat, or what stands in for it.

    Raises
    ------
    ValueError
        If a name is unknown; the nearest is named.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> results = aumann.Study(population, seeds=[0]).run(tempfile.mkdtemp())
    >>> settle(results, None, aumann.Variance()).words
    'variance'
    """
    topics = _table(results, "whole")["topic"].unique().to_pylist()
    functions = results.manifest["value_functions"]
    if topic is not None and topics == [None]:
        raise ValueError(f"topic: {topic!r}, the population of this study has no topics")
    chosen = topics[0] if topic is None else known("topic", topic, topics)
    if value_function is None:
        grid = Grid(results.tables, results.manifest)
        return Subject(chosen, grid.function("Heat", chosen), grid.instead("Heat", chosen))
    return Subject(chosen, known("value_function", _named(value_function, functions), functions))


def _named(value_function: Any, functions: Sequence[str]) -> str:
    """Return a value function as the tables name it: also by its name on the command line."""
    if not isinstance(value_function, str):
        return repr(value_function)
    try:
        plain = repr(from_name(value_function))
    except ValueError:
        return value_function
    # With weights or without, if only one is there.
    found = [each for each in functions if each.startswith(plain.removesuffix(")"))]
    return found[0] if len(found) == 1 else plain


def told(value_function: str) -> str:
    """Return the name of a value function as a reader knows it.

    Examples
    --------
    >>> told("GiniMeanDifference()"), told("2 * Mean() + Heat()")
    ('Gini mean difference', '2 * Mean() + Heat()')
    """
    return _PLAIN.get(value_function, value_function)


class Summary(NamedTuple):
    """What panels of several seeds come to.

    Parameters
    ----------
    mean, deviation : float
        Of the defined figures; NaN where there are none, or for the deviation one.
    panels, undefined : int
        How many there are, and how many of them have no figure.
    """

    mean: float
    deviation: float
    panels: int
    undefined: int


def where(rows: Columns, **values: Any) -> Columns:
    """Return the rows in which columns have given values.

    Examples
    --------
    >>> where({"tier": np.array(["top", "tail"]), "share": np.array([0.2, 0.8])}, tier="tail")
    {'tier': array(['tail'], dtype='<U4'), 'share': array([0.8])}
    """
    mask = np.ones(len(next(iter(rows.values()))), np.bool_)
    for name, value in values.items():
        mask &= rows[name] == value
    return {name: column[mask] for name, column in rows.items()}


def over_seeds(rows: Columns, column: str, **values: Any) -> Summary:
    """Summarise a column over the rows in which others have given values.

    Examples
    --------
    >>> rows = {"size": np.array([1.0, 1.0, 2.0]), "share": np.array([0.2, 0.4, np.nan])}
    >>> over_seeds(rows, "share", size=1).mean.__round__(6), over_seeds(rows, "share", size=2).mean
    (0.3, nan)
    """
    figures = where(rows, **values)[column]
    there = figures[np.isfinite(figures)]
    mean = float(there.mean()) if there.size else np.nan
    deviation = float(there.std(ddof=1)) if there.size > 1 else np.nan
    return Summary(mean, deviation, figures.size, figures.size - there.size)


def chosen_size(rows: Columns, size: int | None) -> int:
    """Return the size that was asked for, or the smallest in the rows.

    Raises
    ------
    ValueError
        If no panel has this size; the nearest is named.

    Examples
    --------
    >>> chosen_size({"size": np.array([1000.0, 100.0])}, None)
    100
    """
    sizes = sorted(int(each) for each in unique(rows["size"]))
    return sizes[0] if size is None else known("size", size, sizes)


def undefined_note(summaries: Mapping[str, Sequence[Summary]]) -> list[str]:
    """Say how many figures are left out because they are undefined; nothing if none is.

    Parameters
    ----------
    summaries : mapping of str to sequence of Summary
        By what they are of, such as the protocol.

    Examples
    --------
    >>> panels = Summary(0.1, 0.0, 10, 2), Summary(0.5, 0.0, 10, 0)
    >>> undefined_note({"random": panels, "visibility": panels[1:]})
    ['Undefined shares are left out: random 2 of 20']
    """
    parts = []
    for name, found in summaries.items():
        undefined = sum(summary.undefined for summary in found)
        if undefined:
            parts.append(f"{name} {undefined} of {sum(summary.panels for summary in found)}")
    return [f"Undefined shares are left out: {'; '.join(parts)}"] if parts else []


def averaged(marks: str, spread: str, panels: int) -> str:
    """Say over how many panels the means are, and what is drawn of their deviation.

    Examples
    --------
    >>> averaged("Bars", "whiskers", 10), averaged("Bars", "whiskers", 1)
    ('Bars: mean over 10 panels; whiskers: one standard deviation', 'Bars: one panel')
    """
    if panels == 1:
        return f"{marks}: one panel"
    return f"{marks}: mean over {panels} panels; {spread}: one standard deviation"


def seeds(rows: Columns) -> int:
    """Return how many seeds there are.

    Examples
    --------
    >>> seeds({"seed": np.array([3.0, 4.0, 3.0])})
    2
    """
    return len(unique(rows["seed"]))
