"""A grid of panels over topics, value functions, protocols, sizes and seeds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, field, fields, is_dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from aumann import _core
from aumann._numbers import check_integer
from aumann._progress import Progress
from aumann.groups import Groups
from aumann.population import Population
from aumann.protocols import Protocol, TopicByFollowers, TopicTop, UniformRandom, VisibilityBiased
from aumann.runtime import get_threads
from aumann.study.cells import Whole
from aumann.study.dynamics import step_rows
from aumann.study.paper_table import PaperTable
from aumann.study.paper_tables import paper_tables
from aumann.study.store import Rows, Store
from aumann.value_functions import GiniMeanDifference, Heat, Mean, ValueFunction, Variance

__all__ = ["Study", "StudyResults", "paper_protocols"]

# The k of the overlaps of the k largest attributions.
TOP = (10, 100)


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
            object.__setattr__(self, name, value)
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
            If the folder holds another study.
        ImportError
            If pyarrow is not installed.
        """
        store = Store(Path(output), self.manifest())
        topics: tuple[str | None, ...] = tuple(self.topics or ()) or (None,)
        parts: list[str] = []
        with closing(Progress(len(topics) * self._panels, "drawing panels")) as progress:
            for t, topic in enumerate(topics):
                parts += self._run_topic(store, t, topic, progress)
        return StudyResults(Path(output), store.write_tables(parts))

    def manifest(self) -> dict[str, Any]:
        """Return what the study is: its parameters, and a checksum of the population."""
        assert self.tiers is not None
        return {
            "format": 1,
            "population": _checksum(self.population),
            "agents": self.population.agents,
            "topics": list(self.topics or ()),
            "value_functions": [repr(function) for function in self.value_functions],
            "protocols": {name: repr(protocol) for name, protocol in self.protocols.items()},
            "sizes": list(self.sizes or ()),
            "seeds": list(self.seeds),
            "tiers": dict(zip(self.tiers.names, map(int, self.tiers.counts), strict=True)),
            "tier_checksum": hashlib.blake2b(self.tiers.codes.tobytes()).hexdigest()[:32],
            "top": list(TOP),
            "versions": {"aumann": _core.VERSION, "numpy": np.__version__},
        }

    @property
    def _panels(self) -> int:
        return len(self.protocols) * len(self.seeds)

    def _run_topic(self, store: Store, t: int, topic: str | None, progress: Progress) -> list[str]:
        """Measure what is missing of a topic and return the names of its parts, in order."""
        assert self.tiers is not None
        named = {repr(function): function for function in self.value_functions}
        first, steps = f"{t}-whole", f"{t}-steps"
        if not store.has(steps):
            store.write(steps, step_rows(self.population, topic, named, self.tiers))
        tasks = {
            f"{t}-{p}-{seed}": (name, seed)
            for p, name in enumerate(self.protocols)
            for seed in self.seeds
        }
        missing = [part for part in tasks if not store.has(part)]
        if missing or not store.has(first):
            whole = Whole.of(self.population, topic, self.tiers, named)
            store.write(first, whole.rows())
            done = t * len(tasks) + len(tasks) - len(missing)
            for finished, _ in enumerate(self._measured(store, whole, missing, tasks), done + 1):
                progress.show(finished)
        return [first, steps, *tasks]

    def _measured(
        self, store: Store, whole: Whole, parts: list[str], tasks: dict[str, tuple[str, int]]
    ) -> Iterator[None]:
        """Measure parts side by side, in any order: none depends on another."""

        def measure(part: str) -> None:
            name, seed = tasks[part]
            rows: Rows = {"cells": [], "shares": []}
            for size in self.sizes or ():
                members = self.protocols[name].draw(self.population, size, seed, topic=whole.topic)
                what = {"protocol": name, "size": size, "seed": seed}
                for table, found in whole.panel_rows(members, what, TOP).items():
                    rows[table] += found
            store.write(part, rows)

        pool = ThreadPoolExecutor(get_threads())
        try:
            for future in as_completed([pool.submit(measure, part) for part in parts]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, eq=False, repr=False)
class StudyResults:
    """The tables of a study.

    Parameters
    ----------
    folder : Path
        Where they are.
    tables : dict of str to pyarrow.Table
        `whole`: the population's tier shares. `steps`, `bins`: the same step by step, by tier and
        by percentile bin of reach. `cells`: one row per panel and value function, with the factor
        that maps its shares onto the population's best, what is left (`residual`), and agreement
        of rankings. `shares`: one row per panel, value function and tier. Undefined figures are
        null.
    """

    folder: Path
    tables: dict[str, Any]

    def summary(self) -> Any:
        """Return means and standard deviations over seeds, as a pyarrow.Table.

        One row per topic, value function, protocol, size and tier: the population's share, the
        panels' mean share and its deviation, the flip (panel less population), how many panels had
        no shares, the mean rescaling residual.
        """
        import duckdb

        whole, cells, shares = (self.tables[name] for name in ("whole", "cells", "shares"))
        connection = duckdb.connect()
        for name, table in (("whole", whole), ("cells", cells), ("shares", shares)):
            connection.register(name, table)
        return connection.sql(
            """
            select s.topic, s.value_function, s.protocol, s.size, s.tier,
                any_value(w.share) as whole_share, avg(s.share) as panel_share,
                stddev_samp(s.share) as deviation, avg(s.flip) as flip,
                avg(s.agents) as agents, count(*) - count(s.share) as undefined,
                avg(c.residual) as residual
            from shares s
            join whole w on s.topic is not distinct from w.topic
                and s.value_function = w.value_function and s.tier = w.tier
            join cells c on s.topic is not distinct from c.topic
                and s.value_function = c.value_function and s.protocol = c.protocol
                and s.size = c.size and s.seed = c.seed
            group by s.topic, s.value_function, s.protocol, s.size, s.tier
            order by s.topic, s.value_function, s.protocol, s.size, s.tier
            """
        ).to_arrow_table()

    def paper_tables(self) -> dict[str, PaperTable]:
        """Return every table of the paper's study by its name there, from this study's figures.

        Each has `title`, `notes`, `to_pandas`, `to_polars` and `to_arrow`, and prints itself. One
        that the study does not hold says in `missing` what to ask for.
        """
        return paper_tables(self.tables, json.loads((self.folder / "manifest.json").read_text()))

    def peaks(self) -> Any:
        """Return the step with the largest value per topic and value function, by tier.

        A pyarrow.Table with columns topic, value_function, step, value, tier and share.
        """
        import duckdb

        connection = duckdb.connect()
        connection.register("steps", self.tables["steps"])
        return connection.sql(
            """
            select topic, value_function, step, value, tier, share from steps
            qualify value = max(value) over (partition by topic, value_function)
                and number = min(number) over (partition by topic, value_function, value)
            order by topic, value_function, share desc nulls last, tier
            """
        ).to_arrow_table()


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
