"""All cells of a comparison: what is measured, against which truth, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aumann.benchmark.peers.environment import NotInstalled, default_folder, interpreter
from aumann.benchmark.peers.registry import PEERS, Method, Peer
from aumann.benchmark.peers.runner import Answer, Status, run
from aumann.benchmark.peers.workers.aumann import exact_method, value_function

__all__ = ["VALUE_FUNCTIONS", "Row", "compare", "features"]

VALUE_FUNCTIONS = ("mean", "heat", "variance", "gini")
FEATURES = 3
# Values that sum to F(x) - F(0).
EFFICIENT = ("Aumann-Shapley", "Shapley")
# After one of these at some number of agents, larger populations are not tried.
NOT_LARGER: tuple[Status, ...] = ("timed out", "out of memory")


@dataclass(frozen=True)
class Row:
    """One line of the comparison.

    Parameters
    ----------
    peer, method, value : str
        Who, by which method, and which value that gives: Aumann-Shapley, Shapley, Banzhaf or
        leave-one-out.
    value_function : str
    agents : int
    status : str
        "measured", or why there are no numbers: "timed out", "out of memory", "failed" (an
        exception), "crashed", "not installed" (or what the method needs is not), "not run".
    detail : str
        The limit, or the last line of the message.
    version : str, optional
        Installed version of the peer.
    seconds : float, optional
        Median time of a call in seconds, without imports and first-call costs.
    repeats : int, optional
        Number of calls timed.
    peak_bytes : int, optional
        Growth of resident memory during a call.
    evaluations : int, optional
        Coalitions the peer had evaluated.
    relative_error : float, optional
        Euclidean norm of the difference to the truth, as a part of the norm of the truth. None
        for aumann's exact methods, which are the truth.
    largest_error : float, optional
        Largest difference to the truth, as a part of the largest magnitude in it.
    residual : float, optional
        Sum of the values minus F(x) - F(0), as a part of the sum of their magnitudes. None for
        Banzhaf and leave-one-out, which are not meant to sum to that.
    truth : str
        How aumann found the truth.
    truth_error : float, optional
        How far off the truth may be, in terms of `largest_error`; 0 but for expansions.
    budget, setting : str
        What the method was given, and how it was called where it leaves a choice.
    """

    peer: str
    method: str
    value: str
    value_function: str
    agents: int
    status: Status
    detail: str
    version: str | None
    seconds: float | None
    repeats: int | None
    peak_bytes: int | None
    evaluations: int | None
    relative_error: float | None
    largest_error: float | None
    residual: float | None
    truth: str
    truth_error: float | None
    budget: str
    setting: str


def features(agents: int, seed: int) -> NDArray[np.float64]:
    """Return the features of the compared population: three log-normal numbers per agent.

    They are continuous, so that agents tie nowhere: at ties the Gini mean difference has no
    gradient for a path integral to follow.

    Examples
    --------
    >>> features(2, seed=0).shape
    (2, 3)
    """
    generator = np.random.Generator(np.random.Philox(seed))
    return np.exp(0.5 * generator.standard_normal((agents, FEATURES)))


def compare(
    peers: Sequence[Peer] = PEERS,
    value_functions: Sequence[str] = VALUE_FUNCTIONS,
    agents: Sequence[int] = (10, 100, 1_000),
    *,
    environments: Path | None = None,
    time_limit: float = 60.0,
    memory_limit: int | None = 4 * 2**30,
    total_time: float = 1200.0,
    seed: int = 0,
    progress: Callable[[str], None] = lambda stage: None,
) -> list[Row]:
    """Measure the methods of peers on the same populations and value functions.

    Parameters
    ----------
    peers : sequence of Peer
    value_functions : sequence of str
        Of mean, heat, variance, gini.
    agents : sequence of int
        Sizes of the populations, each at least 2.
    environments : path, optional
        Where the peers' environments are kept; by default in the user's cache. Making one needs a
        package index and up to 6 GB (captum).
    time_limit : float
        Seconds for a cell, from its first measured call on.
    memory_limit : int, optional
        Bytes by which a cell's address space may grow (Linux only); None for no limit.
    total_time : float
        Seconds for all cells. Making environments does not count. What is left then is
        "not run".
    seed : int
        Of the populations and of every sampler.
    progress : callable
        Called with what is being done.

    Returns
    -------
    list of Row
        By value function, agents, value, peer and method. A peer that cannot be installed, crashes
        or does not finish is a row like any other.

    Raises
    ------
    ValueError
        If a value function is unknown, a population too small, or a limit not positive.

    Notes
    -----
    Every cell runs in a process of its own: the peer is imported, called once on six agents and
    then measured. The zero baseline is used throughout, and every agent is a player. Truth is
    aumann's value of the same kind: closed forms; for heat the enumeration of all coalitions up to
    20 agents and above that the expansion around the means, whose error estimate falls with the
    cube of the agents.

    Examples
    --------
    >>> own = PEERS[0]
    >>> row = compare([Peer("aumann", own.methods[:1], own.worker)], ["mean"], [10])[0]
    >>> row.method, row.status
    ('AumannShapley()', 'measured')
    """
    _check(value_functions, agents, time_limit, memory_limit, total_time, seed)
    folder = default_folder() if environments is None else environments
    pythons: dict[str, Path | NotInstalled] = {}
    for peer in peers:
        try:
            pythons[peer.name] = interpreter(peer, folder, progress)
        except NotInstalled as error:
            pythons[peer.name] = error
    truths = _Truths(seed)
    unfinished: dict[tuple[str, str, str], int] = {}
    rows = []
    deadline = monotonic() + total_time
    cells = list(_cells(peers, value_functions, agents))
    progress("finding the truths")
    # Before anything is measured: an error here should not come after minutes of measuring.
    for size, name, _, method in cells:
        truths(method.value, name, size)
    for number, (size, name, peer, method) in enumerate(cells, start=1):
        progress(f"{number} of {len(cells)}: {peer.name} {method.name}, {name} of {size:,} agents")
        cell = (peer.name, method.name, name)
        python = pythons[peer.name]
        left = deadline - monotonic()
        if isinstance(python, NotInstalled):
            answer = Answer("not installed", str(python))
        elif cell in unfinished:
            answer = Answer("not run", f"did not finish {unfinished[cell]:,} agents")
        elif left <= 0:
            answer = Answer("not run", f"the total of {total_time:g} s was used up")
        else:
            answer = run(
                python,
                peer.worker,
                peer.name,
                method.name,
                method.budget,
                features(size, seed),
                name,
                seed=seed,
                time_limit=min(time_limit, left),
                memory_limit=memory_limit,
            )
        if answer.status in NOT_LARGER:
            unfinished[cell] = size
        rows.append(_row(peer, method, name, size, answer, truths))
    return sorted(rows, key=_place)


def _check(
    value_functions: Sequence[str],
    agents: Sequence[int],
    time_limit: float,
    memory_limit: int | None,
    total_time: float,
    seed: int,
) -> None:
    for name in value_functions:
        if name not in VALUE_FUNCTIONS:
            raise ValueError(
                f"value_functions holds {name!r}; of {', '.join(VALUE_FUNCTIONS)} is wanted"
            )
    for size in agents:
        if size < 2:
            raise ValueError(f"agents holds {size}; at least 2 are wanted")
    if seed < 0:
        raise ValueError(f"seed is {seed}; 0 or more is wanted")
    limits = {"time_limit": time_limit, "memory_limit": memory_limit, "total_time": total_time}
    for name, limit in limits.items():
        if limit is not None and not limit > 0:
            raise ValueError(f"{name} is {limit:g}; a positive number is wanted")


def _cells(
    peers: Sequence[Peer], value_functions: Sequence[str], agents: Sequence[int]
) -> Iterator[tuple[int, str, Peer, Method]]:
    """Yield cells, small populations first: what does not finish there is not tried further on."""
    for size in sorted(set(agents)):
        for name in dict.fromkeys(value_functions):
            for peer in peers:
                for method in peer.methods:
                    yield size, name, peer, method


class _Truths:
    """aumann's values of the compared populations, each found once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._found: dict[tuple[str, str, int], Any] = {}

    def __call__(self, value: str, name: str, agents: int) -> Any:
        import aumann

        key = (value, name, agents)
        if key not in self._found:
            self._found[key] = aumann.attribute(
                features(agents, self._seed),
                value_function(name),
                method=exact_method(value, name, agents),
            )
        return self._found[key]


def _row(
    peer: Peer, method: Method, name: str, agents: int, answer: Answer, truths: _Truths
) -> Row:
    truth = relative = largest = truth_error = residual = None
    is_truth = peer.name == "aumann" and not method.budget
    if answer.values is not None and not is_truth:
        truth = truths(method.value, name, agents)
        off, size = answer.values - truth.values, np.abs(truth.values).max()
        relative = float(np.linalg.norm(off) / np.linalg.norm(truth.values))
        largest = float(np.abs(off).max() / size)
        truth_error = float(truth.error_estimate / size)
    if answer.values is not None and method.value in EFFICIENT:
        total = truths(method.value, name, agents).total
        residual = float((answer.values.sum() - total) / np.abs(answer.values).sum())
    return Row(
        peer=peer.name,
        method=method.name,
        value=method.value,
        value_function=name,
        agents=agents,
        status=answer.status,
        detail=answer.detail,
        version=answer.version,
        seconds=answer.seconds,
        repeats=answer.repeats,
        peak_bytes=answer.peak_bytes,
        evaluations=answer.evaluations,
        relative_error=relative,
        largest_error=largest,
        residual=residual,
        truth="" if truth is None else truth.estimator,
        truth_error=truth_error,
        budget=", ".join(f"{number} {what}" for what, number in method.budget.items()),
        setting=method.setting,
    )


def _place(row: Row) -> tuple[int, int, int]:
    values = ("Aumann-Shapley", "Shapley", "Banzhaf", "leave-one-out")
    return VALUE_FUNCTIONS.index(row.value_function), row.agents, values.index(row.value)
