"""Agents, topics and counts of the events in a database."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann._sparse import Series, SparseSteps
from aumann.sources._calendar import Edges
from aumann.sources._database import create_table

__all__ = [
    "check_kinds",
    "code_events",
    "counts",
    "identifiers",
    "index_agents",
    "index_topics",
    "reach",
    "single",
]


def single(connection: Any, query: str) -> Any:
    """Return the one value of a query."""
    return connection.execute(query).fetchall()[0][0]


def check_kinds(
    connection: Any, kinds: dict[str, tuple[str, ...]], asked: set[str], malformed: str
) -> None:
    """Refuse kinds that never occur, naming those that do; `asked` are the arguments given.

    What is `malformed` is told too: the kinds may be in lines that were left out.
    """
    rows = connection.execute(
        "SELECT kind, count(*) FROM event GROUP BY kind ORDER BY count(*) DESC, kind"
    ).fetchall()
    known = {kind for kind, _ in rows}
    for argument, wanted in kinds.items():
        absent = [kind for kind in wanted if kind not in known]
        if absent:
            shown = [kind for kind, _ in rows[:10]]
            more = f" and {len(rows) - 10} more" if len(rows) > 10 else ""
            names = "names" if argument in asked else "is not given, and by default names"
            raise ValueError(
                f"{argument} (--{argument}) {names} {absent}, which no event has; "
                f"the kinds are {shown}{more}{malformed}"
            )


def index_agents(connection: Any, followers: bool) -> int:
    """Make the table `agent` (id, code) and return the number of agents."""
    table = "UNION SELECT id FROM follower" if followers else ""
    connection.execute(
        f"""
        CREATE TABLE identifier AS
        SELECT actor AS id FROM event UNION
        SELECT target FROM event WHERE target <> '' {table}
        """
    )
    numeric = single(
        connection, "SELECT bool_and(regexp_full_match(id, '-?[0-9]{1,18}')) FROM identifier"
    )
    order = "CAST(id AS BIGINT), id" if numeric else "id"
    connection.execute(
        f"CREATE TABLE agent AS SELECT id, row_number() OVER (ORDER BY {order}) - 1 AS code "
        "FROM identifier"
    )
    agents: int = single(connection, "SELECT count(*) FROM agent")
    return agents


def index_topics(connection: Any) -> list[str]:
    """Make the table `subject` (topic, code) and return the topics."""
    connection.execute(
        """
        CREATE TABLE subject AS
        SELECT topic, row_number() OVER (ORDER BY topic) - 1 AS code
        FROM (SELECT DISTINCT topic FROM event WHERE topic <> '')
        """
    )
    rows = connection.execute("SELECT topic FROM subject ORDER BY code").fetchall()
    if not rows:
        raise ValueError("topic_column is empty for all events; at least one topic is wanted")
    return [topic for (topic,) in rows]


def code_events(
    connection: Any,
    edges: Edges,
    kinds: dict[str, tuple[str, ...]],
    topics: bool,
    self_engagement: bool,
) -> None:
    """Make the table `coded` (actor, target, step, subject, activity, resonance) of numbers.

    Without `self_engagement` an event of an agent at itself has no target.
    """
    starts = np.array(edges.starts, dtype=np.int64)
    others = "" if self_engagement else "AND event.target <> event.actor"
    create_table(connection, "edge", {"start": starts, "step": np.arange(starts.size)})
    connection.execute(
        f"""
        CREATE TABLE coded AS
        SELECT sender.code AS actor, receiver.code AS target, step,
          {"subject.code" if topics else "0"} AS subject,
          list_contains($activity, kind) AS activity,
          list_contains($resonance, kind) AS resonance
        FROM event
        ASOF JOIN edge ON event.time >= edge.start
        JOIN agent AS sender ON sender.id = event.actor
        LEFT JOIN agent AS receiver
          ON receiver.id = event.target {others}
        {"LEFT JOIN subject ON subject.topic = event.topic" if topics else ""}
        """,
        {name: list(names) for name, names in kinds.items()},
    )


def counts(
    connection: Any, agent: str, kinds: str, topics: int, steps: int, agents: int
) -> list[Series]:
    """Count the events of the kinds per agent, one series per topic."""
    entries = connection.execute(
        f"""
        SELECT subject, step, {agent} AS agent, count(*) AS events FROM coded
        WHERE {kinds} AND {agent} IS NOT NULL AND subject IS NOT NULL
        GROUP BY subject, step, {agent} ORDER BY subject, step, {agent}
        """
    ).fetchnumpy()
    starts = np.searchsorted(entries["subject"], np.arange(topics + 1))
    return [
        SparseSteps.from_entries(
            entries["step"][begin:end],
            entries["agent"][begin:end],
            entries["events"][begin:end],
            steps,
            agents,
        )
        for begin, end in pairwise(starts)
    ]


def reach(connection: Any, agents: int, followers: bool) -> NDArray[np.int64]:
    query = (
        "SELECT code, followers AS reach FROM follower JOIN agent USING (id)"
        if followers
        else """
        SELECT target AS code, count(*) AS reach
        FROM (SELECT DISTINCT actor, target FROM coded WHERE target IS NOT NULL)
        GROUP BY target
        """
    )
    entries = connection.execute(query).fetchnumpy()
    reach = np.zeros(agents, dtype=np.int64)
    reach[entries["code"]] = entries["reach"]
    return reach


def identifiers(connection: Any) -> NDArray[Any]:
    """Return the identifiers in order, as numbers where nothing is lost by it."""
    found = connection.execute("SELECT id FROM agent ORDER BY code").fetchnumpy()["id"]
    texts: NDArray[Any] = found.astype(str)
    numeric = single(
        connection, "SELECT bool_and(regexp_full_match(id, '0|-?[1-9][0-9]{0,17}')) FROM agent"
    )
    return texts.astype(np.int64) if numeric else texts
