"""Adjacent steps of a population taken together: hours to days, days to weeks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aumann._features import mean_over_steps
from aumann._numbers import check_integer
from aumann._raw_values import RawValues
from aumann._sparse import Series, SparseSteps

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StepMerging"]


# The label of a step that holds fewer than the others.
SHORTER = re.compile(r"(?P<label>.*) \((?P<left>\d+) of (?P<of>\d+) steps\)")


class StepMerging(RawValues):
    """Raw values whose steps can be taken together."""

    def merge_steps(self, count: int) -> Self:
        """Take every `count` adjacent steps together: hourly to daily, daily to weekly.

        Counts are summed, and measurements averaged over those of the steps in which the agent is
        present. An agent is present in a merged step if it is so in any of its parts. What is
        static stays as it is.

        Parameters
        ----------
        count : int
            Steps in a merged step, at least 1. The last one holds those that are left, which may be
            fewer; all of them where `count` is above T.

        Returns
        -------
        Population
            Of ceil(T / count) steps. Each is labelled by the first of its parts, as steps of event
            logs are by their beginning; a shorter last one says so: "2012-07-07 (1 of 2 steps)".
            The metadata say `merged_steps`, how many of the original steps one holds. The
            population itself where `count` is 1.

        Raises
        ------
        TypeError
            If `count` is no integer.
        ValueError
            If it is below 1.

        Notes
        -----
        Counts of the whole window stay as they are. The mean of a measurement over the whole window
        does not where merged steps hold different numbers of steps with the agent in them: each
        merged step weighs the same. Sparse counts stay sparse up to a quarter of non-zeros. Cost:
        O(N T / count + non-zero counts), one feature and topic at a time.

        Examples
        --------
        >>> from aumann import Population
        >>> population = Population.from_arrays({"posts": [[1, 0], [2, 0], [4, 5]]}, kinds="count")
        >>> merged = population.merge_steps(2)
        >>> merged.series("posts")[0], merged.step_labels
        (array([[3, 0],
               [4, 5]]), ('1', '3 (1 of 2 steps)'))
        """
        check_integer("count", count, 1)
        if count == 1:
            return self
        starts = np.arange(0, self.steps, min(count, self.steps))
        earlier = self.metadata.get("merged_steps")
        unit = earlier if isinstance(earlier, int) else 1
        merged = int(count) * unit
        shorter = SHORTER.fullmatch(self.step_labels[-1])
        last, *labels = (self.step_labels[k] for k in (-1, *starts))
        left = (self.steps - int(starts[-1])) * unit
        if shorter and int(shorter["of"]) == unit:
            # The last step is short of a merged one already.
            left -= unit - int(shorter["left"])
            labels[-1] = shorter["label"] if labels[-1] == last else labels[-1]
        if left < merged:
            labels[-1] += f" ({left} of {merged} steps)"
        presence = self.presence
        if presence is not None:
            presence = np.logical_or.reduceat(presence, starts, axis=0)
        series: dict[str, list[Series]] = {
            feature.name: [
                mean_over_steps(part, self.presence, starts)
                if feature.kind == "measurement" and not isinstance(part, SparseSteps)
                else _sums(part, starts)
                for part in self.series(feature.name)
            ]
            for feature in self.feature_list
            if not feature.static
        }
        return type(self)(
            self.feature_list,
            self.agent_table,
            series,
            agents=self.agents,
            step_labels=labels,
            topics=self.topics,
            presence=presence,
            metadata={**self.metadata, "merged_steps": merged},
            people=self.people,
        )


def _sums(series: Series, starts: NDArray[np.intp]) -> Any:
    """Add up the steps from each start to the next, in the form that the series has."""
    if not isinstance(series, SparseSteps):
        return np.add.reduceat(series, starts, axis=0)
    indptr, indices, values = [0], [], []
    for start, end in zip(starts, [*starts[1:], series.steps], strict=True):
        sums = np.zeros(series.agents, dtype=series.values.dtype)
        for step in range(start, end):
            agents, counts = series.step(step)
            sums[agents] += counts
        indices.append(np.flatnonzero(sums))
        values.append(sums[indices[-1]])
        indptr.append(indptr[-1] + indices[-1].size)
    return SparseSteps(
        np.array(indptr, dtype=np.int64),
        np.concatenate(indices),
        np.concatenate(values),
        series.agents,
    )
