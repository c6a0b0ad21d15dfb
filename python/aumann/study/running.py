"""The run of a study: its parts, in order, each measured once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aumann._locks import exclusive
from aumann._progress import Progress
from aumann._rescaling import Drawn
from aumann.comparison import scipy_statistics
from aumann.groups import Groups
from aumann.population import Population
from aumann.protocols import Protocol
from aumann.runtime import get_threads
from aumann.study.baselines import baseline_rows
from aumann.study.cells import Whole
from aumann.study.dynamics import BINS, StepFeatures
from aumann.study.eligibility import topic_rows
from aumann.study.elites import Elites
from aumann.study.repairs import LARGEST_REPAIRED, repair_rows
from aumann.study.results import StudyResults
from aumann.study.store import MANIFEST, Rows, Store

if TYPE_CHECKING:
    from aumann.study.study import Study

__all__ = ["run_study"]


def run_study(study: Study, folder: Path) -> StudyResults:
    """Measure the parts of a study that its folder does not hold, and return all tables."""
    scipy_statistics()
    population = study.population
    rows = topic_rows(study)
    eligible = [row["topic"] for row in rows if row["eligible"]]
    ranked = eligible if study.elites_in_topic else [None]
    elites = {topic: Elites.of(population, topic) for topic in ranked}
    # Which topic the elites are of is said where there are several.
    overlaps = [
        {"topic": topic, **row} if study.elites_in_topic else row
        for topic, each in elites.items()
        for row in each.overlaps()
    ]
    assert study.bins_by is not None
    bins = population.percentile_bins(min(BINS, population.agents), study.bins_by)
    with ThreadPoolExecutor(get_threads()) as pool:
        if not (folder / MANIFEST).exists():
            _try_protocols(study, eligible, pool)
        with exclusive(folder):
            store = Store(folder, study.manifest())
            if not store.has("study"):
                store.write("study", {"topics": rows, "overlaps": overlaps})
            work = [
                _Topic(study, store, t, topic, elites.get(topic) or elites[None], bins)
                for t, topic in enumerate(eligible)
            ]
            units = sum(topic.units for topic in work)
            done = 0
            with closing(Progress(units, "drawing panels")) as progress:
                for topic in work:
                    for _ in topic.measured(pool):
                        done += 1
                        progress.show(done)
            names = ["study", *(name for topic in work for name in topic.names)]
            return StudyResults(folder, store.write_tables(names), store.manifest)


def _try_protocols(study: Study, topics: list[str | None], pool: ThreadPoolExecutor) -> None:
    """Draw a panel by every rule: what a rule lacks is better said before the work than after."""
    population, size, seed = study.population, min(study.sizes or (1,)), study.seeds[0]

    def draw(asked: tuple[str, str | None]) -> None:
        name, topic = asked
        _drawn(study.protocols[name], name, population, size, seed, topic)

    list(pool.map(draw, [(name, topic) for topic in topics for name in study.protocols]))


class _Topic:
    """The parts of a topic."""

    def __init__(
        self,
        study: Study,
        store: Store,
        number: int,
        topic: str | None,
        elites: Elites,
        bins: Groups,
    ) -> None:
        assert study.tiers is not None
        self.study, self.store, self.topic = study, store, topic
        self.tiers, self.elites, self.bins = study.tiers, elites, bins
        self.functions = {repr(function): function for function in study.value_functions}
        population = study.population
        self.first = f"{number}-whole"
        self.steps = {f"{number}-step-{step}": step for step in range(population.steps)}
        self.merged = {f"{number}-merged-{count}": count for count in study.merge_steps}
        self.panels = {
            f"{number}-{p}-{seed}": (name, seed)
            for p, name in enumerate(study.protocols)
            for seed in study.seeds
        }
        self.baselines = {f"{number}-baselines-{f}": name for f, name in enumerate(self.functions)}
        self.names = [self.first, *self.baselines, *self.steps, *self.merged, *self.panels]
        self.units = len(self.names)
        # By protocol and size: for whom a panel can speak, and how likely each agent is in it
        # where that is everybody.
        self.inclusion: dict[tuple[str, int], NDArray[np.float64]] = {}

    def measured(self, pool: ThreadPoolExecutor) -> Iterator[None]:
        """Measure every part that is missing, and yield as each is there."""
        missing = [name for name in self.names if not self.store.has(name)]
        for _ in range(len(self.names) - len(missing)):
            yield
        if not missing:
            return
        # First, as what has no value over the whole window is better said before the work.
        whole = Whole.of(self.study.population, self.topic, self.tiers, self.elites, self.functions)
        yield from self._measured_steps(pool, [name for name in missing if name in self.steps])
        for name in missing:
            if name in self.merged:
                self.store.write(name, self._merged_rows(self.merged[name]))
                yield
        side_by_side = [name for name in missing if name in self.baselines or name in self.panels]
        if not side_by_side and self.first not in missing:
            return
        scaled = whole.scaled() if self.study.standardised else None
        reachable = self._reachable(pool)
        if self.first in missing:
            rows = {**whole.rows(), "protocols": reachable}
            if scaled is not None:
                rows["scaled"] = scaled.scaled_rows()
            self.store.write(self.first, rows)
            yield
        pre_event = next(self.study.population.iter_features(self.topic))

        def measure(part: str) -> None:
            if part in self.panels:
                rows = self._panel_rows(whole, scaled, *self.panels[part])
            else:
                rows = {"baselines": baseline_rows(whole, self.baselines[part], pre_event)}
            self.store.write(part, rows)

        yield from _each(pool, measure, side_by_side)
        # Eight bytes per agent each: nothing to keep for the topics to come.
        self.inclusion.clear()

    def _measured_steps(self, pool: ThreadPoolExecutor, missing: list[str]) -> Iterator[None]:
        """Measure steps, their panels side by side, while the features of the next are made."""
        if not missing:
            return
        panels = [
            (protocol, size, seed)
            for protocol in self.study.stepwise or ()
            for size in self.study.sizes or ()
            for seed in self.study.seeds
        ]
        drawn = list(pool.map(lambda panel: self._draw(*panel), panels))
        steps = _one_ahead(pool, self._step_features(self.study.population))
        for name, step in zip(self.steps, steps, strict=True):
            if name not in missing:
                continue

            def measure(k: int, step: StepFeatures = step) -> Rows:
                protocol, size, seed = panels[k]
                what = {"protocol": protocol, "size": size, "seed": seed}
                return step.panel_rows(drawn[k], what, binned=seed == self.study.seeds[0])

            rows = _joined([step.rows(), *pool.map(measure, range(len(panels)))])
            self.store.write(name, rows)
            yield

    def _merged_rows(self, count: int) -> Rows:
        """Return the population's steps with `count` of them taken together."""
        merged = self.study.population.merge_steps(count)
        steps = (step.rows()["steps"] for step in self._step_features(merged))
        return {"merged_steps": [{**row, "merged": count} for rows in steps for row in rows]}

    def _step_features(self, population: Population) -> Iterator[StepFeatures]:
        """Yield one step after the other."""
        presence = population.window_presence("step", self.topic)
        for number, x in enumerate(population.iter_features(self.topic)):
            yield StepFeatures(
                self.topic,
                number,
                str(population.step_labels[number]),
                x,
                None if presence is None else presence[number],
                self.tiers,
                self.bins,
                self.functions,
            )

    def _reachable(self, pool: ThreadPoolExecutor) -> list[dict[str, Any]]:
        """Return how many agents can be, and must be, in a panel; keep who is drawn how likely."""
        rows = []
        agents = self.study.population.agents
        asked = [(name, size) for name in self.study.protocols for size in self.study.sizes or ()]
        for (name, size), chances in zip(
            asked, pool.map(lambda each: self._chances(*each), asked), strict=True
        ):
            reachable = None if chances is None else int(np.count_nonzero(chances))
            certain = None if chances is None else int(np.count_nonzero(chances == 1))
            if chances is not None and reachable == agents and size <= LARGEST_REPAIRED:
                self.inclusion[name, size] = chances
            cell = {"topic": self.topic, "protocol": name, "size": size}
            rows.append({**cell, "reachable": reachable, "certain": certain, "agents": agents})
        return rows

    def _chances(self, name: str, size: int) -> NDArray[np.float64] | None:
        """Return inclusion probabilities; None where nobody can calculate them, an answer too."""
        try:
            given = self.study.protocols[name].inclusion(
                self.study.population, size, topic=self.topic
            )
        except (RuntimeError, ValueError):
            return None
        chances = np.asarray(given, dtype=np.float64)
        wanted = (self.study.population.agents,)
        if (
            chances.shape != wanted
            or not ((chances >= 0) & (chances <= 1)).all()
            or abs(chances.sum() - size) > 1e-6 * size
        ):
            raise ValueError(
                f"protocols: inclusion of {name!r} gives shape {chances.shape} and sum "
                f"{chances.sum():.6g}; {wanted} numbers from 0 to 1 that sum to {size} are wanted"
            )
        return chances

    def _panel_rows(self, whole: Whole, scaled: Whole | None, protocol: str, seed: int) -> Rows:
        found: list[Rows] = []
        for size in self.study.sizes or ():
            members = self._draw(protocol, size, seed)
            what = {"protocol": protocol, "size": size, "seed": seed}
            rows = whole.panel_rows(members, what)
            chances = self.inclusion.get((protocol, size))
            if chances is not None:
                rows["repairs"] = repair_rows(whole, members, chances[members], what)
            if scaled is not None:
                rows["scaled"] = scaled.panel_shares(members, what)
            found.append(rows)
        return _joined(found)

    def _draw(self, protocol: str, size: int, seed: int) -> NDArray[np.intp]:
        rule = self.study.protocols[protocol]
        return _drawn(rule, protocol, self.study.population, size, seed, self.topic)


def _drawn(
    rule: Protocol, name: str, population: Population, size: int, seed: int, topic: str | None
) -> NDArray[np.intp]:
    """Draw a panel, whatever the rule, and refuse what is none."""
    try:
        members = np.asarray(rule.draw(population, size, seed, topic=topic))
        Drawn.of(members, size, population.agents)
    except (TypeError, ValueError) as error:
        raise type(error)(f"protocols: {name!r}: {error}") from error
    return members.astype(np.intp, copy=False)


def _one_ahead(pool: ThreadPoolExecutor, steps: Iterator[StepFeatures]) -> Iterator[StepFeatures]:
    """Yield steps, each while the next is made: two are in memory."""
    ahead = pool.submit(next, steps, None)
    while (step := ahead.result()) is not None:
        ahead = pool.submit(next, steps, None)
        yield step


def _joined(parts: Iterable[Rows]) -> Rows:
    """Return the rows of all parts, table by table."""
    joined: Rows = {}
    for part in parts:
        for table, rows in part.items():
            joined.setdefault(table, []).extend(rows)
    return joined


def _each(
    pool: ThreadPoolExecutor, work: Callable[[str], None], parts: Iterable[str]
) -> Iterator[None]:
    """Do work on parts side by side, in any order: none depends on another."""
    futures = [pool.submit(work, part) for part in parts]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
