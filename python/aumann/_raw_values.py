"""Raw values of agents over steps and topics, and the features made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from aumann import _features
from aumann._ordered_labels import in_order, label_orders
from aumann._sparse import Series
from aumann._validation import (
    agent_column,
    check_window,
    checked_presence,
    checked_series,
    distinct_names,
    json_copy,
    measured_agents,
    one_dtype,
)
from aumann.feature import Feature, Window
from aumann.groups import Groups

__all__ = ["RawValues"]


class RawValues:
    """The checked content of a population, and the questions it answers.

    `Population` adds how a population is made, drawn from and written, and documents the
    parameters.
    """

    def __init__(
        self,
        feature_list: Sequence[Feature],
        agent_table: Mapping[str, ArrayLike],
        series: Mapping[str, Sequence[Series]],
        *,
        agents: int,
        step_labels: Sequence[str],
        topics: Sequence[str] = (),
        presence: NDArray[np.bool_] | None = None,
        metadata: Mapping[str, Any] | None = None,
        people: bool = True,
    ) -> None:
        self.feature_list = tuple(feature_list)
        self.agents = int(agents)
        self.topics = distinct_names("topics", topics)
        self.step_labels = distinct_names("step_labels", step_labels)
        self.steps = len(self.step_labels)
        self.people = bool(people)
        self.metadata: dict[str, Any] = json_copy(metadata or {})
        if self.agents < 1 or self.steps < 1:
            raise ValueError(
                f"a population of {self.agents} agents and {self.steps} steps is empty; "
                "at least one of each is wanted"
            )
        self.presence = checked_presence(presence, self.steps, self.agents)
        orders = label_orders(agent_table)
        if orders:
            self.metadata["label_order"] = {**self.metadata.get("label_order", {}), **orders}
        names = distinct_names("feature_list", [feature.name for feature in self.feature_list])
        if not names:
            raise ValueError("feature_list is empty; at least one feature is wanted")
        kinds = {feature.name: feature.kind for feature in self.feature_list if feature.static}
        missing = [name for name in kinds if name not in agent_table]
        if missing:
            raise ValueError(f"agent_table lacks the static features {missing}")
        self.agent_table: dict[str, NDArray[Any]] = {
            name: agent_column(name, column, kinds.get(name), self.agents)
            for name, column in agent_table.items()
        }
        per_step = [feature for feature in self.feature_list if not feature.static]
        if set(series) != {feature.name for feature in per_step}:
            raise ValueError(
                f"series has {sorted(series)}; "
                f"the features per step are {sorted(feature.name for feature in per_step)}"
            )
        overlap = set(series) & set(agent_table)
        if overlap:
            raise ValueError(f"agent_table and series both hold {sorted(overlap)}")
        self._series: dict[str, tuple[Series, ...]] = {}
        for feature in per_step:
            parts = tuple(series[feature.name])
            if len(parts) != max(1, len(self.topics)):
                raise ValueError(
                    f"{feature.name} has {len(parts)} series; "
                    f"{max(1, len(self.topics))} are wanted, one per topic"
                )
            checked = [
                checked_series(
                    feature, part, self.steps, self.agents, self.presence, bool(self.topics)
                )
                for part in parts
            ]
            self._series[feature.name] = one_dtype(checked)
        self._measured = measured_agents(per_step, self._series)

    def __len__(self) -> int:
        """Return the number of agents."""
        return self.agents

    def series(self, name: str) -> tuple[Series, ...]:
        """Return the raw values of a feature that is not static.

        Parameters
        ----------
        name : str
            Name of the feature.

        Returns
        -------
        tuple of ndarray or SparseSteps
            One (T, N) series per topic, or one altogether where there are no topics.

        Raises
        ------
        ValueError
            If there is no such feature.

        Examples
        --------
        >>> from aumann import Population
        >>> Population.from_arrays({"posts": [[1, 2]]}, kinds="count").series("posts")
        (array([[1, 2]]),)
        """
        if name not in self._series:
            raise ValueError(f"name is {name!r}; one of {list(self._series)} is wanted")
        return self._series[name]

    def features(
        self, topic: str | None = None, window: Window = "step", dtype: DTypeLike = np.float64
    ) -> NDArray[np.floating[Any]]:
        """Return the features: log1p of counts, measurements unchanged.

        Parameters
        ----------
        topic : str, optional
            Name of a topic. None sums the counts over the topics.
        window : {"step", "whole"}
            "step" gives every step; "whole" sums the counts over the steps (before the logarithm)
            and averages measurements over the steps where the agent is present.
        dtype : {float64, float32}
            Type of the result; float32 is rounded from float64.

        Returns
        -------
        ndarray, shape (T, N, d) or (N, d)
            One column per feature, in the order of `feature_list`; each column of a step is
            contiguous in memory. Which rows are present is said by `window_presence`. A
            measurement of an agent who is present, but has none in the topic, is NaN.

        Raises
        ------
        ValueError
            If `topic` or `window` is unknown, or a measurement would be summed over topics.
        TypeError
            If `dtype` is not float64 or float32.
        MemoryError
            If the features of all steps do not fit into the memory of this machine.

        Notes
        -----
        Allocates the result and one column; logarithms are taken of non-zero counts only where
        counts are sparse.

        Examples
        --------
        >>> from aumann import Population
        >>> population = Population.from_arrays({"posts": [[1, 0], [2, 0]]}, kinds="count")
        >>> population.features().shape
        (2, 2, 1)
        >>> population.features(window="whole")[0, 0] == np.log1p(3)
        np.True_
        """
        self._check_topic(topic)
        if np.dtype(dtype) not in (np.dtype(np.float64), np.dtype(np.float32)):
            raise TypeError(f"dtype is {np.dtype(dtype)}; float64 or float32 is wanted")
        if window == "step":
            return _features.steps_features(self, topic, dtype)
        check_window(window)
        return _features.whole_features(self, topic, dtype)

    def iter_features(self, topic: str | None = None) -> Iterator[NDArray[np.float64]]:
        """Yield the features of one step after the other.

        Parameters
        ----------
        topic : str, optional
            Name of a topic. None sums the counts over the topics.

        Yields
        ------
        ndarray of float64, shape (N, d)
            The features of a step, as in `features`, columns contiguous.

        Raises
        ------
        ValueError
            If `topic` is unknown, or a measurement would be summed over topics.

        Notes
        -----
        Holds one step at a time.

        Examples
        --------
        >>> from aumann import Population
        >>> population = Population.from_arrays({"posts": [[1, 0], [2, 0]]}, kinds="count")
        >>> [float(step.sum()) for step in population.iter_features()]
        [0.6931471805599453, 1.0986122886681098]
        """
        self._check_topic(topic)
        return _features.step_features(self, topic)

    def window_presence(
        self, window: Window = "step", topic: str | None = None
    ) -> NDArray[np.bool_] | None:
        """Return which agents are present.

        Parameters
        ----------
        window : {"step", "whole"}
            "whole" counts an agent as present if it is so in any step.
        topic : str, optional
            Name of a topic. An agent without a measurement in it is absent from it.

        Returns
        -------
        ndarray of bool, shape (T, N) or (N,), or None
            None where all agents are present in all steps.

        Raises
        ------
        ValueError
            If `window` is another word, or `topic` is unknown.

        Examples
        --------
        >>> from aumann import Population
        >>> Population.from_arrays({"posts": [[1, 0]]}, kinds="count").window_presence() is None
        True
        """
        check_window(window)
        self._check_topic(topic)
        presence = self.presence
        if topic is not None or len(self.topics) == 1:
            measured = self._measured[0 if topic is None else self.topics.index(topic)]
            if measured is not None:
                presence = measured if presence is None else presence & measured
        if presence is None or window == "step":
            return presence
        anywhere: NDArray[np.bool_] = np.logical_or.reduce(presence, axis=0)
        return anywhere

    def raw(self, name: str, topic: str | None = None) -> NDArray[Any]:
        """Return one raw number per agent for the whole window.

        Parameters
        ----------
        name : str
            A numeric column of `agent_table`, or a feature per step.
        topic : str, optional
            Name of a topic; None sums the counts over the topics.

        Returns
        -------
        ndarray of int64 or float64, shape (N,)
            Counts are summed over the steps; measurements are averaged over the steps where the
            agent is present.

        Raises
        ------
        ValueError
            If `name` or `topic` is unknown, or the column is text.

        Examples
        --------
        >>> from aumann import Population
        >>> Population.from_arrays({"posts": [[1, 0], [2, 5]]}, kinds="count").raw("posts")
        array([3, 5])
        """
        self._check_topic(topic)
        for feature in self.feature_list:
            if feature.name == name:
                return _features.totals(self, feature, topic)
        column = self.agent_table.get(name)
        if column is None or column.dtype.kind not in "iufb":
            numeric = [key for key, each in self.agent_table.items() if each.dtype.kind in "iufb"]
            known = [*numeric, *(key for key in self._series if key not in numeric)]
            raise ValueError(f"by is {name!r}; one of {known} is wanted")
        return column

    def tiers(
        self,
        by: str = "reach",
        fractions: Sequence[float] = (0.01, 0.09, 0.90),
        names: Sequence[str] = ("top", "middle", "tail"),
    ) -> Groups:
        """Cut the agents into tiers by a raw value, the highest first.

        Parameters
        ----------
        by : str
            A numeric column of `agent_table`, or a feature per step, ranked by its value over the
            whole window and all topics (the sum of counts, the mean of measurements).
        fractions, names : sequences
            Size, as a part of N, and name of each tier; see `Groups.tiers` for rounding and ties.

        Returns
        -------
        Groups
            One group per tier, the highest first.

        Raises
        ------
        ValueError
            If `by` is unknown or not numeric, or the fractions do not sum to 1.

        Examples
        --------
        >>> from aumann import Population
        >>> population = Population.from_arrays({"reach": np.arange(200)}, kinds="count")
        >>> population.tiers()
        Groups of 200 agents (top: 2, middle: 18, tail: 180)
        """
        return Groups.tiers(self.raw(by), fractions, names)

    def percentile_bins(self, bins: int = 100, by: str = "reach") -> Groups:
        """Cut the agents into bins of equal size by a raw value, the lowest first.

        Parameters
        ----------
        bins : int
            Number of bins, at most N.
        by : str
            As in `tiers`.

        Returns
        -------
        Groups
            Names "1" (lowest) to str(bins); sizes differ by at most one agent, ties at the edges
            as in `tiers`.

        Raises
        ------
        ValueError
            If `by` is unknown or not numeric, or `bins` is not between 1 and N.

        Examples
        --------
        >>> from aumann import Population
        >>> population = Population.from_arrays({"reach": np.arange(200)}, kinds="count")
        >>> population.percentile_bins(4).counts
        array([50, 50, 50, 50])
        """
        return Groups.percentile_bins(self.raw(by), bins)

    def labels(self, column: str) -> Groups:
        """Group the agents by a label.

        Parameters
        ----------
        column : str
            A column of `agent_table` of integers, booleans or text.

        Returns
        -------
        Groups
            One group per distinct label, sorted; ordered categories in their order.

        Raises
        ------
        ValueError
            If there is no such column.

        Examples
        --------
        >>> from aumann import Population
        >>> population = Population.from_arrays(
        ...     {"posts": [[1, 2]]}, kinds="count", labels={"country": ["fr", "de"]}
        ... )
        >>> population.labels("country").names
        ('de', 'fr')
        """
        if column not in self.agent_table:
            raise ValueError(f"column is {column!r}; one of {list(self.agent_table)} is wanted")
        groups = Groups.from_labels(self.agent_table[column])
        return in_order(groups, self.metadata.get("label_order", {}).get(column, ()))

    def _check_topic(self, topic: str | None) -> None:
        if topic is not None and topic not in self.topics:
            known = (
                f"one of {list(self.topics)}" if self.topics else "None, as there are no topics,"
            )
            raise ValueError(f"topic is {topic!r}; {known} is wanted")
