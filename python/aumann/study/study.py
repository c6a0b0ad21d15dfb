"""A grid of panels over topics, value functions, protocols, sizes and seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from aumann import _core
from aumann._numbers import check_integer
from aumann.groups import Groups
from aumann.population import Population
from aumann.protocols import Protocol, TopicByFollowers, TopicTop, UniformRandom, VisibilityBiased
from aumann.study.cells import TOP
from aumann.study.results import StudyResults
from aumann.study.running import run_study
from aumann.value_functions import GiniMeanDifference, Heat, Mean, ValueFunction, Variance

__all__ = ["Study", "paper_protocols"]


def paper_protocols() -> dict[str, Protocol]:
    """Return the four protocols of the paper by name, with their defaults.

    Examples
    --------
    >>> list(paper_protocols())
    ['visibility', 'topic by followers', 'topic top', 'random']
    """
    return {
        "visibility": VisibilityBiased(),
        "topic by followers": TopicByFollowers(),
        "topic top": TopicTop(),
        "random": UniformRandom(),
    }


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """Whether panels tell the same story as the population that they are drawn from.

    The population is attributed in every topic by every value function. Then panels are drawn by
    every protocol, size and seed, attributed on their own, and compared with it: tier shares, the
    one factor that might map the panel's shares onto the population's, and rankings.

    Parameters
    ----------
    population : Population
        Panels and the population are compared over the whole window; the population's own
        attribution is given step by step as well.
    value_functions : sequence of ValueFunction
        Mean, heat, variance and Gini mean difference if not given.
    protocols : mapping of str to Protocol
        By name; the paper's four if not given.
    topics : sequence of str, optional
        Those of the population if not given; all events together where it has none.
    sizes : sequence of int, optional
        Of the panels, below N: powers of ten from 100 if not given.
    seeds : sequence of int
        One panel each.
    tiers : Groups, optional
        The top 1 %, the next 9 % and the others by reach if not given.
    stepwise : sequence of str, optional
        Protocols whose panels are also attributed step by step; the first if not given.
    least_participants, least_steps : int
        Topics are left out that have fewer agents with any activity on so many of the steps.
    merge_steps : sequence of int
        Numbers of steps, each above 1: the population is attributed again with as many adjacent
        steps taken together, so that hours become days and weeks.
    standardised : bool
        Whether to measure the tier shares again with features divided by their standard deviation.

    Raises
    ------
    TypeError, ValueError
        If an argument is empty, of the wrong kind or out of range.

    Notes
    -----
    Source: "Attributing Emergence in Million-Agent Systems", arXiv 2605.11404, sections 3 and 4.2.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=3_000, steps=2, seed=1)
    >>> study = aumann.Study(population, value_functions=[aumann.Heat()], seeds=[0, 1])
    >>> results = study.run(tempfile.mkdtemp())
    >>> results.tables["cells"].num_rows        # 4 protocols, 2 sizes, 2 seeds
    16
    """

    population: Population
    value_functions: Sequence[ValueFunction] = (Mean(), Heat(), Variance(), GiniMeanDifference())
    protocols: Mapping[str, Protocol] = field(default_factory=paper_protocols)
    topics: Sequence[str] | None = None
    sizes: Sequence[int] | None = None
    seeds: Sequence[int] = range(10)
    tiers: Groups | None = None
    stepwise: Sequence[str] | None = None
    least_participants: int = 0
    least_steps: int = 0
    merge_steps: Sequence[int] = ()
    standardised: bool = False

    def __post_init__(self) -> None:
        """Fill in what was not given, and check the rest."""
        agents = self.population.agents
        for function in self.value_functions:
            if not isinstance(function, ValueFunction):
                raise TypeError(f"value_functions: {function!r}, value functions are wanted")
        for name, protocol in self.protocols.items():
            if not isinstance(protocol, Protocol):
                raise TypeError(f"protocols: {name!r} is {protocol!r}, which has no draw")
        sizes = self.sizes
        if sizes is None:
            sizes = [10**k for k in range(2, len(str(agents))) if 10**k < agents]
        for size in sizes:
            check_integer("sizes", size, 1, agents - 1)
        for seed in self.seeds:
            check_integer("seeds", seed, 0, 2**64 - 1)
        for name in self.stepwise or ():
            if name not in self.protocols:
                raise ValueError(
                    f"stepwise: {name!r}, some of {', '.join(self.protocols)} are wanted"
                )
        check_integer("least_participants", self.least_participants, 0)
        check_integer("least_steps", self.least_steps, 0, self.population.steps)
        for count in self.merge_steps:
            check_integer("merge_steps", count, 2)
        known = self.population.topics
        for topic in self.topics or ():
            if topic not in known:
                raise ValueError(f"topics: {topic!r}, some of {', '.join(known)} are wanted")
        settled = {
            "value_functions": tuple(self.value_functions),
            "protocols": dict(self.protocols),
            "topics": tuple(known if self.topics is None else self.topics),
            "sizes": tuple(int(size) for size in sizes),
            "seeds": tuple(int(seed) for seed in self.seeds),
        }
        for name, value in settled.items():
            if not value and name != "topics":
                raise ValueError(f"{name}: none, at least one is wanted")
        first = tuple(self.protocols)[:1]
        settled["stepwise"] = first if self.stepwise is None else tuple(self.stepwise)
        settled["merge_steps"] = tuple(int(count) for count in self.merge_steps)
        for name, value in settled.items():
            if isinstance(value, tuple):
                _check_different(name, value)
            object.__setattr__(self, name, value)
        try:
            self.population.raw("reach")
        except ValueError as error:
            raise ValueError(
                "population: no feature 'reach', by which percentile bins are cut, "
                "a population with follower counts or the like is wanted"
            ) from error
        if self.tiers is None:
            object.__setattr__(self, "tiers", self.population.tiers())

    def __repr__(self) -> str:
        """Return the size of the grid."""
        topics = len(self.topics or ()) or 1
        return (
            f"Study of {self.population.agents:,} agents: {topics} topics, "
            f"{len(self.value_functions)} value functions, {len(self.protocols)} protocols, "
            f"{len(self.sizes or ())} sizes, {len(self.seeds)} seeds"
        )

    def run(self, output: str | PathLike[str]) -> StudyResults:
        """Measure every cell of the grid that the folder does not hold yet.

        Parameters
        ----------
        output : path
            A folder for `manifest.json`, the finished parts, and the tables of `StudyResults` as
            Parquet. A study that was stopped goes on where it was, to the same bits.

        Returns
        -------
        StudyResults

        Raises
        ------
        ValueError
            If the folder holds another study or something else, or no topic is eligible.
        ImportError
            If pyarrow or SciPy is not installed.
        OSError
            If nothing can be written there; what is finished is kept.
        """
        return run_study(self, Path(output))

    def manifest(self) -> dict[str, Any]:
        """Return what the study is: its parameters, and a checksum of the population."""
        assert self.tiers is not None
        return {
            "format": 2,
            "population": _checksum(self.population),
            "agents": self.population.agents,
            "topics": list(self.topics or ()),
            "value_functions": [repr(function) for function in self.value_functions],
            "protocols": {name: repr(protocol) for name, protocol in self.protocols.items()},
            "sizes": list(self.sizes or ()),
            "seeds": list(self.seeds),
            "tiers": dict(zip(self.tiers.names, map(int, self.tiers.counts), strict=True)),
            "tier_checksum": hashlib.blake2b(self.tiers.codes.tobytes()).hexdigest()[:32],
            "stepwise": list(self.stepwise or ()),
            "least_participants": int(self.least_participants),
            "least_steps": int(self.least_steps),
            "merge_steps": list(self.merge_steps),
            "standardised": bool(self.standardised),
            "top": list(TOP),
            "versions": {"aumann": _core.VERSION, "numpy": np.__version__},
        }


def _check_different(name: str, values: tuple[Any, ...]) -> None:
    """Refuse what is there twice, naming the first."""
    seen = set()
    for value in values:
        if repr(value) in seen:
            raise ValueError(f"{name}: {value!r} twice, once is wanted")
        seen.add(repr(value))


def _checksum(population: Population) -> str:
    """Return a checksum of all that the features and tiers of a population are made from."""
    digest = hashlib.blake2b(digest_size=16)
    for feature in population.feature_list:
        digest.update(repr(feature).encode())
        columns: Sequence[Any]
        if feature.static:
            columns = [population.agent_table[feature.name]]
        else:
            columns = population.series(feature.name)
        for column in columns:
            arrays = (
                [getattr(column, part.name) for part in fields(column)]
                if is_dataclass(column)
                else [column]
            )
            for array in arrays:
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
