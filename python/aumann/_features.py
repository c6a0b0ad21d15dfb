"""Features of a population: columns of log counts and measurements from its raw values."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from aumann._sparse import Series, SparseSteps

if TYPE_CHECKING:
    from aumann._raw_values import RawValues
    from aumann.feature import Feature

__all__ = ["mean_over_steps", "step_features", "steps_features", "totals", "whole_features"]


def steps_features(
    population: RawValues, topic: str | None, dtype: DTypeLike
) -> NDArray[np.floating[Any]]:
    """Return (T, N, d) features whose (T, N) planes are contiguous."""
    shape = (len(population.feature_list), population.steps, population.agents)
    _check_memory(shape, dtype)
    planes: NDArray[np.floating[Any]] = np.zeros(shape, dtype)
    for plane, feature in zip(planes, population.feature_list, strict=True):
        if feature.static:
            plane[:] = _transformed(population.agent_table[feature.name], feature)
            continue
        parts = _parts(population, feature, topic)
        for step, column in enumerate(plane):
            _fill(column, parts, step, feature)
    features: NDArray[np.floating[Any]] = planes.transpose(1, 2, 0)
    return features


def _check_memory(shape: tuple[int, int, int], dtype: DTypeLike) -> None:
    """Refuse what cannot fit, as a system that promises memory it lacks ends the process later."""
    wanted, there = prod(shape) * np.dtype(dtype).itemsize, memory()
    if wanted > there:
        raise MemoryError(
            f"features of {shape[1]:,} steps and {shape[2]:,} agents take {wanted / 2**30:,.1f} "
            f"GiB, and this machine has {there / 2**30:,.1f} GiB; longer steps (--step in aumann "
            "population build, Population.merge_steps), the whole window (--window whole, "
            "window='whole') and iter_features take less"
        )


def memory() -> float:
    """Return the bytes of memory of this machine, infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return inf


def step_features(population: RawValues, topic: str | None) -> Iterator[NDArray[np.float64]]:
    """Yield the (N, d) features of one step after the other, columns contiguous."""
    static = {
        feature.name: _transformed(population.agent_table[feature.name], feature)
        for feature in population.feature_list
        if feature.static
    }
    parts = {
        feature.name: _parts(population, feature, topic)
        for feature in population.feature_list
        if not feature.static
    }
    for step in range(population.steps):
        columns = np.zeros((len(population.feature_list), population.agents))
        for column, feature in zip(columns, population.feature_list, strict=True):
            if feature.static:
                column[:] = static[feature.name]
            else:
                _fill(column, parts[feature.name], step, feature)
        yield columns.T


def whole_features(
    population: RawValues, topic: str | None, dtype: DTypeLike
) -> NDArray[np.floating[Any]]:
    """Return the (N, d) features of the whole window, columns contiguous."""
    columns: NDArray[np.floating[Any]] = np.zeros(
        (len(population.feature_list), population.agents), dtype
    )
    for column, feature in zip(columns, population.feature_list, strict=True):
        column[:] = _transformed(totals(population, feature, topic), feature)
    features: NDArray[np.floating[Any]] = columns.T
    return features


def totals(population: RawValues, feature: Feature, topic: str | None = None) -> NDArray[Any]:
    """Return one raw value per agent: counts summed over the steps, measurements averaged.

    The mean of a measurement is taken over the steps where the agent is present and it is known;
    it is 0 for an agent that never is, and NaN for one whose measurements in a topic are unknown.
    """
    if feature.static:
        return population.agent_table[feature.name]
    if feature.kind == "measurement":
        (part,) = _parts(population, feature, topic)
        assert not isinstance(part, SparseSteps)
        (means,) = mean_over_steps(part, population.presence, [0])
        return np.asarray(means)
    sums: NDArray[Any] | None = None
    for part in _parts(population, feature, topic):
        total = part.total() if isinstance(part, SparseSteps) else part.sum(axis=0)
        sums = total if sums is None else sums + total
    assert sums is not None
    return sums


def mean_over_steps(
    measured: NDArray[Any],
    presence: NDArray[np.bool_] | None,
    starts: Sequence[int] | NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return means of measurements over the steps from each start to the next.

    Over the steps where the agent is present and measured; 0 where absent in all of them, NaN
    where present, but measured in none.

    Examples
    --------
    >>> mean_over_steps(np.array([[1.0, np.nan], [2.0, 4.0]]), None, [0])
    array([[1.5, 4. ]])
    """
    lengths = np.diff([*starts, len(measured)])[:, np.newaxis]
    unknown = np.isnan(measured)
    some = bool(unknown.any())
    sums = np.add.reduceat(np.where(unknown, 0, measured) if some else measured, starts, axis=0)
    there: Any = lengths
    if presence is not None:
        there = np.maximum(np.add.reduceat(presence, starts, axis=0, dtype=np.int64), 1)
    if not some:
        means: NDArray[np.float64] = sums / there
        return means
    missing = np.add.reduceat(unknown, starts, axis=0, dtype=np.int64)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / (there - missing))


def _parts(population: RawValues, feature: Feature, topic: str | None) -> Sequence[Series]:
    """Return the series to be added up: that of one topic, or those of all topics."""
    series = population.series(feature.name)
    if topic is not None:
        return (series[population.topics.index(topic)],)
    if feature.kind == "measurement" and len(series) > 1:
        raise ValueError(
            f"topic is None, but the measurement {feature.name!r} cannot be summed over topics; "
            f"one of {list(population.topics)} is wanted"
        )
    return series


def _fill(
    column: NDArray[np.floating[Any]], parts: Sequence[Series], step: int, feature: Feature
) -> None:
    """Write the feature of one step over a column of zeros."""
    if len(parts) == 1:
        part = parts[0]
        if isinstance(part, SparseSteps):
            agents, values = part.step(step)
            column[agents] = _transformed(values, feature)
        else:
            column[:] = _transformed(part[step], feature)
        return
    first = parts[0].values if isinstance(parts[0], SparseSteps) else parts[0]
    sums = np.zeros(column.size, dtype=first.dtype)
    for part in parts:
        if isinstance(part, SparseSteps):
            agents, values = part.step(step)
            sums[agents] += values
        else:
            sums += part[step]
    column[:] = _transformed(sums, feature)


def _transformed(values: NDArray[Any], feature: Feature) -> NDArray[np.float64]:
    """Return log1p of counts and measurements as they are, in float64."""
    real = values.astype(np.float64, copy=False)
    return np.log1p(real) if feature.kind == "count" else real
