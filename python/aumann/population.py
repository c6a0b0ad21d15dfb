"""Populations: the raw counts and measurements of agents over steps and topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aumann._array_tables import from_named_arrays
from aumann._arrays import refuse_masked
from aumann._description import described, html, text
from aumann._merging_steps import StepMerging
from aumann._sparse import Series, SparseSteps
from aumann._tables import from_long_table
from aumann.feature import Feature, Kind, Window, feature_list

__all__ = ["Feature", "Kind", "Population", "Window"]


class Population(StepMerging):
    """Raw values of N agents over T steps, from which features are made on request.

    Most callers use `Population.from_arrays`, `Population.from_table`,
    `Population.read_parquet`, `aumann.read_events` or `aumann.synthesize`.

    Parameters
    ----------
    feature_list : sequence of Feature
        The features, in the order of the columns of `features`.
    agent_table : mapping of str to array, shape (N,)
        One column per static feature; further columns are labels (integers, booleans or text).
    series : mapping of str to sequence of arrays
        For each feature that is not static, one (T, N) array or `SparseSteps` per topic (one
        altogether where there are no topics).
    agents : int
        N, at least 1.
    step_labels : sequence of str
        One name per step, all different; their number is T, at least 1.
    topics : sequence of str
        Names of the topics; empty where there are none.
    presence : ndarray of bool, shape (T, N), optional
        Which agents are there in which step; None means all in all. Absent agents have count 0.
    metadata : mapping, optional
        Where the population comes from; anything JSON can hold.
    people : bool
        Whether agents are people: exports then suppress cells of few agents.

    Attributes
    ----------
    agents, steps : int
        N and T.
    topics, step_labels : tuple of str
    feature_list : tuple of Feature
    agent_table : dict of str to read-only ndarray, shape (N,)
        Static features and labels; identifiers only where they were asked for.
    presence : read-only ndarray of bool, shape (T, N), or None
    metadata : dict
    people : bool

    Raises
    ------
    TypeError, ValueError
        If shapes or names do not fit together, a count is negative, a value is not finite, or an
        absent agent has a count. Only where there are topics a measurement may be NaN: of an agent
        who has none in a topic and step, and is absent from it (`window_presence`).

    Notes
    -----
    Arrays are borrowed, not copied, where their type is right: do not write to them. Counts are
    kept sparse where at most a quarter of them is non-zero.

    Examples
    --------
    >>> import numpy as np
    >>> population = Population.from_arrays(
    ...     {"reach": np.array([9, 0]), "activity": np.array([[1, 0], [3, 2]])}, kinds="count"
    ... )
    >>> population
    Population: 2 agents, 2 steps (1 to 2), no topics
      reach     static count
      activity  count
    """

    def __repr__(self) -> str:
        """Return what the population holds."""
        return text(self)

    def _repr_html_(self) -> str:
        return html(self)

    def describe(self) -> dict[str, Any]:
        """Return what the population holds, as numbers for a table or JSON.

        Returns
        -------
        dict
            agents, steps, first_step, last_step, topics, people, features (name, kind, static,
            total, and the mean number of agents per step with a value other than 0), presence
            (mean number of agents per step), tiers by reach (or else by the first feature: name,
            agents, lowest raw value), and metadata. Everything JSON can hold.

        Examples
        --------
        >>> population = Population.from_arrays({"posts": [[1, 0], [2, 5]]}, kinds="count")
        >>> population.describe()["features"][0]["total"]
        8
        """
        return described(self)

    def take(self, indices: ArrayLike) -> Population:
        """Draw a panel: the population of the agents at `indices`, in that order.

        Parameters
        ----------
        indices : array-like of int, shape (n,)
            Positions of agents, each at most once.

        Returns
        -------
        Population
            Its metadata say `panel_of`, the number of agents drawn from.

        Raises
        ------
        TypeError
            If the indices are not integers (a mask is turned into indices by `np.flatnonzero`).
        ValueError
            If there are none, one is out of bounds, or one repeats.

        Notes
        -----
        O(N + non-zero counts).

        Examples
        --------
        >>> population = Population.from_arrays({"posts": [[5, 6, 7]]}, kinds="count")
        >>> population.take([2, 0]).series("posts")
        (array([[7, 5]]),)
        """
        refuse_masked(indices, "indices")
        chosen = np.asarray(indices)
        if chosen.ndim != 1 or chosen.size == 0:
            raise ValueError(f"indices has shape {chosen.shape}; (n,) with n >= 1 is wanted")
        if chosen.dtype.kind not in "iu":
            raise TypeError(f"indices has dtype {chosen.dtype}; integers are wanted")
        outside = (chosen < 0) | (chosen >= self.agents)
        if outside.any():
            position = int(np.argmax(outside))
            raise ValueError(
                f"indices[{position}] is {chosen[position]}; "
                f"between 0 and {self.agents - 1} is wanted"
            )
        chosen = chosen.astype(np.intp, copy=False)
        repeated = np.bincount(chosen) > 1
        if repeated.any():
            raise ValueError(
                f"indices holds agent {int(np.argmax(repeated))} more than once; "
                "a panel holds each agent once"
            )
        series: dict[str, list[Series]] = {
            name: [
                part.take(chosen) if isinstance(part, SparseSteps) else part[:, chosen]
                for part in parts
            ]
            for name, parts in self._series.items()
        }
        return Population(
            self.feature_list,
            {name: column[chosen] for name, column in self.agent_table.items()},
            series,
            agents=chosen.size,
            step_labels=self.step_labels,
            topics=self.topics,
            presence=None if self.presence is None else self.presence[:, chosen],
            metadata={**self.metadata, "panel_of": self.agents},
            people=self.people,
        )

    @classmethod
    def from_arrays(
        cls,
        features: Mapping[str, Any],
        *,
        kinds: Kind | Mapping[str, Kind],
        labels: Mapping[str, Any] | None = None,
        step_labels: Sequence[str] | None = None,
        topics: Sequence[str] = (),
        presence: Any = None,
        metadata: Mapping[str, Any] | None = None,
        people: bool = True,
    ) -> Population:
        """Make a population of arrays.

        Parameters
        ----------
        features : mapping of str to array-like
            In the order wanted: (N,) for a static feature, (T, N) for one per step, and
            (K, T, N) where there are K topics. Those that bring labels (a Series, a DataFrame of
            steps by agents, an xarray.DataArray with dims agent, step, topic) are put in the order
            of the first one with labels.
        kinds : "count", "measurement", or mapping of str to these
            Whether the values are counts (log1p is taken) or measurements (used unchanged).
        labels : mapping of str to array-like, shape (N,), optional
            Labels of the agents: integers, booleans or text.
        step_labels : sequence of str, optional
            Names of the steps; if None those of the labelled features, or else "1" to str(T).
        topics, presence, metadata, people
            As in `Population`. Say ``people=False`` for agents of a simulation.

        Returns
        -------
        Population
            With one step if all features are static.

        Raises
        ------
        TypeError, ValueError
            If shapes or labels do not fit together, a kind is missing, or a value is refused (see
            `Population`).

        Examples
        --------
        >>> Population.from_arrays({"wealth": [3.5, 1.0]}, kinds="measurement", people=False)
        Population: 2 agents, 1 step (1), no topics
          wealth  static measurement
        """
        return from_named_arrays(
            features,
            kinds=kinds,
            labels=labels or {},
            step_labels=step_labels,
            topics=topics,
            presence=presence,
            metadata=metadata,
            people=people,
        )

    @classmethod
    def from_table(
        cls,
        table: Any,
        *,
        features: Sequence[str | Feature],
        kinds: Kind | Mapping[str, Kind] | None = None,
        static: Sequence[str] = (),
        agent: str = "agent",
        step: str | None = "step",
        topic: str | None = None,
        labels: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        keep_ids: bool = False,
        people: bool = True,
    ) -> Population:
        """Make a population of a long table: one row per agent and step (and topic).

        An agent without a row in a step is absent there, and one without a row of a topic in a
        step has count 0 and no measurement (NaN) in it. Agents, steps and topics are put in
        sorted order (numbers as numbers, text by code point, dates by time, ordered categories in
        theirs); identifiers are replaced by the index and dropped.

        Parameters
        ----------
        table : data frame, Arrow table or mapping of str to array
            Anything with `__arrow_c_stream__` (pandas, polars, pyarrow, duckdb), which needs
            pyarrow, or a dict of arrays, which does not. Named levels of an index are columns.
        features : sequence of str or Feature
            The columns to make features from, in order. Decimals are read as the nearest float64.
        kinds : "count", "measurement", or mapping of str to these, optional
            Kinds of the features given by name.
        static : sequence of str
            Which of the features given by name have one value per agent, the same in all rows.
        agent, step, topic : str
            Columns of integers or text (dates and times too for `step`). No `step` makes one
            step; no `topic` means there are no topics.
        labels : sequence of str
            Columns that say something about the agent (the same in all rows), kept in
            `agent_table`.
        metadata, people
            As in `Population`. Say ``people=False`` for agents of a simulation.
        keep_ids : bool
            Keep the identifiers as the label "id".

        Returns
        -------
        Population
            With a presence mask if an agent is absent in some step.

        Warns
        -----
        UserWarning
            If steps are texts in another order than their numbers ("day 10" before "day 2").

        Raises
        ------
        ImportError
            If pyarrow is needed and not installed.
        TypeError, ValueError
            If a column is missing or of the wrong type, a value is missing, two rows have the same
            agent, step and topic, a static column changes, or a value is refused (see
            `Population`). Rows are counted from 0.

        Examples
        --------
        >>> table = {"agent": ["b", "a", "b"], "step": [1, 1, 2], "posts": [4, 0, 2]}
        >>> population = Population.from_table(table, features=["posts"], kinds="count")
        >>> population.series("posts")[0], population.presence
        (array([[0, 4],
               [0, 2]]), array([[ True,  True],
               [False,  True]]))
        """
        return from_long_table(
            table,
            feature_list(features, kinds, static),
            agent=agent,
            step=step,
            topic=topic,
            labels=labels,
            metadata=metadata,
            keep_ids=keep_ids,
            people=people,
        )

    def write_parquet(self, path: str | PathLike[str]) -> None:
        """Write the population to a Parquet file, whole or not at all.

        The schema is documented in ``docs/population-format.md``. Needs pyarrow.

        Parameters
        ----------
        path : path
            File to write; an existing one is replaced once the new one is complete.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> population = Population.from_arrays({"posts": [[1, 0], [2, 5]]}, kinds="count")
        >>> with TemporaryDirectory() as folder:
        ...     population.write_parquet(Path(folder) / "population.parquet")
        ...     Population.read_parquet(Path(folder) / "population.parquet").raw("posts")
        array([3, 5])
        """
        from aumann._parquet import write_population

        write_population(self, path)

    @classmethod
    def read_parquet(cls, path: str | PathLike[str]) -> Population:
        """Read a population written by `write_parquet`, value for value the same.

        Needs pyarrow.

        Parameters
        ----------
        path : path
            File to read.

        Returns
        -------
        Population

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        OSError
            If the file cannot be read.
        ValueError
            If it is not a Parquet file, not a population, of a version not known here, or not as it
            was written: every byte is checked by digests.

        Examples
        --------
        See `write_parquet`.
        """
        from aumann._parquet import read_population

        return read_population(path)
