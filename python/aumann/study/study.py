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
from aumann._labelled import Axis
from aumann._numbers import check_integer
from aumann._ranking_column import numeric_columns, ranking_column
from aumann._warning import warn_user
from aumann.groups import Groups
from aumann.population import Population
from aumann.protocols import Protocol, TopicByFollowers, TopicTop, UniformRandom, VisibilityBiased
from aumann.study.cells import TOP
from aumann.study.results import StudyResults
from aumann.study.running import run_study
from aumann.value_functions import GiniMeanDifference, Heat, Mean, ValueFunction, Variance

__all__ = ["Study", "paper_protocols"]

# Far more steps than anybody has, and few enough for a column of integers.
MOST_MERGED = 10**9


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


# What a population has to have for the protocols of the paper.
NEEDS = {
    "visibility": ("reach", "activity", "resonance"),
    "topic by followers": ("reach", "activity", "resonance"),
    "topic top": ("activity", "resonance"),
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
        By name; the paper's four if not given, without those that need reach, activity or
        resonance where the population has none, which is warned of. One of your
        own needs a repr that tells its parameters, as a dataclass has, by which a study that goes
        on knows it again.
    topics : sequence of str, optional
        Those of the population if not given; all events together where it has none.
    sizes : sequence of int, optional
        Of the panels, below N: powers of ten from 100 if not given.
    seeds : sequence of int
        One panel each.
    tiers : Groups, optional
        The top 1 %, the next 9 % and the others by `bins_by` if not given.
    bins_by : str, optional
        A feature or numeric label by which percentile bins are cut: reach if not given, or the
        first feature where there is no reach.
    elites_in_topic : bool
        Whether the other elites, the top 1 % by each feature, are ranked in the topic at hand;
        over all topics if not.
    stepwise : sequence of str, optional
        Protocols whose panels are also attributed step by step; the first if not given.
    least_participants, least_steps : int
        A topic is left out unless it has so many agents who do anything in it, on so many steps.
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
    least_steps: int = 1
    merge_steps: Sequence[int] = ()
    standardised: bool = False
    bins_by: str | None = None
    elites_in_topic: bool = False

    def __post_init__(self) -> None:
        """Fill in what was not given, and check the rest."""
        population = self.population
        object.__setattr__(self, "protocols", _possible(self.protocols, population))
        given: dict[str, Any] = {
            "value_functions": self.value_functions,
            "topics": population.topics if self.topics is None else self.topics,
            "sizes": _powers_of_ten(population.agents) if self.sizes is None else self.sizes,
            "seeds": self.seeds,
            "stepwise": tuple(self.protocols)[:1] if self.stepwise is None else self.stepwise,
            "merge_steps": self.merge_steps,
        }
        for name, values in given.items():
            if isinstance(values, str):
                raise TypeError(f"{name}: {values!r}, a sequence is wanted")
            object.__setattr__(self, name, tuple(values))
            _check_different(name, getattr(self, name))
        for name in ("value_functions", "protocols", "sizes", "seeds"):
            if not getattr(self, name):
                raise ValueError(f"{name}: none, at least one is wanted")
        for function in self.value_functions:
            if not isinstance(function, ValueFunction):
                raise TypeError(f"value_functions: {function!r}, value functions are wanted")
        for name, protocol in self.protocols.items():
            _check_protocol(name, protocol)
        for size in self.sizes or ():
            check_integer("sizes", size, 1, population.agents - 1)
        for seed in self.seeds:
            check_integer("seeds", seed, 0, 2**64 - 1)
        check_integer("least_participants", self.least_participants, 0)
        check_integer("least_steps", self.least_steps, 0, population.steps)
        for count in self.merge_steps:
            check_integer("merge_steps", count, 2, MOST_MERGED)
        for name, chosen, known in (
            ("stepwise", self.stepwise, self.protocols),
            ("topics", self.topics, population.topics),
        ):
            for entry in chosen or ():
                if entry not in known:
                    told = ", ".join(known) or "none, as there are no topics,"
                    raise ValueError(f"{name}: {entry!r}, some of {told} are wanted")
        numeric = numeric_columns(population)
        by = ranking_column(population) if self.bins_by is None else self.bins_by
        if by is None or by not in numeric:
            wanted = ", ".join(numeric) or "a count, a static feature or a numeric label"
            raise ValueError(
                f"bins_by: {by!r}, by which agents cannot be ranked over all topics; "
                f"{wanted} is wanted"
            )
        object.__setattr__(self, "bins_by", by)
        if self.tiers is None:
            object.__setattr__(self, "tiers", population.tiers(by))
        elif not isinstance(self.tiers, Groups):
            raise TypeError(f"tiers: {type(self.tiers).__name__}, Groups are wanted")
        elif len(self.tiers) != population.agents:
            raise ValueError(
                f"tiers: {len(self.tiers)} agents, the {population.agents} of the population "
                "are wanted"
            )
        else:
            agents = Axis(population.agents, population.agent_table.get("id"))
            object.__setattr__(self, "tiers", self.tiers.matched(agents, "tiers"))

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
        BlockingIOError
            If another process is writing a study to the folder.
        OSError
            If nothing can be written there; what is finished is kept.

        Notes
        -----
        Parts, tables and manifest carry digests: a part that was damaged since is measured again.
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
            # Of studies without these keys, reach and all topics.
            **({} if self.bins_by == "reach" else {"bins_by": self.bins_by}),
            **({"elites_in_topic": True} if self.elites_in_topic else {}),
            "stepwise": list(self.stepwise or ()),
            "least_participants": int(self.least_participants),
            "least_steps": int(self.least_steps),
            "merge_steps": list(self.merge_steps),
            "standardised": bool(self.standardised),
            "top": list(TOP),
            "versions": {"aumann": _core.VERSION, "numpy": np.__version__},
        }


def _powers_of_ten(agents: int) -> list[int]:
    """Return the sizes of panels of so many agents, unless told otherwise."""
    sizes = [10**k for k in range(2, len(str(agents))) if 10**k < agents]
    if not sizes:
        raise ValueError(
            f"sizes: not given, and {agents} agents are too few for panels of 100; "
            f"numbers from 1 to {agents - 1} are wanted"
        )
    return sizes


def _possible(protocols: Mapping[str, Protocol], population: Population) -> dict[str, Protocol]:
    """Return what can be drawn of the paper's protocols; others are taken as they are."""
    chosen = dict(protocols)
    if chosen != paper_protocols():
        return chosen
    known = {feature.name for feature in population.feature_list}
    for name, needed in NEEDS.items():
        missing = [feature for feature in needed if feature not in known]
        if missing:
            del chosen[name]
            warn_user(
                f"protocols: {name!r} is left out, as the population has no {', '.join(missing)}",
                UserWarning,
            )
    return chosen


def _check_different(name: str, values: tuple[Any, ...]) -> None:
    """Refuse what is there twice, naming the first."""
    seen = set()
    for value in values:
        if repr(value) in seen:
            raise ValueError(f"{name}: {value!r} twice, once is wanted")
        seen.add(repr(value))


def _check_protocol(name: str, protocol: Any) -> None:
    """Refuse what draws no panels, or would not be known again when a study goes on."""
    if isinstance(protocol, type) or not isinstance(protocol, Protocol):
        raise TypeError(
            f"protocols: {name!r} is {protocol!r}; an object with draw and inclusion is wanted"
        )
    if type(protocol).__repr__ is object.__repr__:
        raise TypeError(
            f"protocols: {name!r} is a {type(protocol).__name__} without a __repr__; one that "
            "tells its parameters is wanted (a dataclass has it), by which a study that goes on "
            "knows it again"
        )


def _checksum(population: Population) -> str:
    """Return a checksum of all that the features and tiers of a population are made from."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr(population.step_labels).encode())
    if population.presence is not None:
        digest.update(np.packbits(population.presence).tobytes())
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
