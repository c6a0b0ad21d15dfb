"""Made-up tables of a study, so that a figure can be compared with numbers that are known."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import aumann

FUNCTIONS = ("Mean()", "Heat()", "Variance()")


def made(
    *,
    tiers: tuple[str, ...] = ("top", "middle", "tail"),
    topics: tuple[str | None, ...] = ("cats", "dogs"),
    protocols: tuple[str, ...] = ("visibility", "random"),
    sizes: tuple[int, ...] = (100, 1000),
    seeds: tuple[int, ...] = (3, 4, 5),
    steps: tuple[str, ...] = ("2026-04-08", "2026-04-09", "2026-04-10", "2026-04-11"),
    bins: int = 100,
    agents: int = 5_000,
) -> aumann.StudyResults:
    """Return results with random numbers: variance has negative ones, heat one undefined panel."""
    rng = np.random.default_rng(7)
    rows: dict[str, list[dict[str, Any]]] = {}

    def add(table: str, **columns: Any) -> None:
        rows.setdefault(table, []).append(columns)

    counts = dict(zip(tiers, rng.multinomial(agents, [1 / len(tiers)] * len(tiers)), strict=True))
    for topic, function in itertools.product(topics, FUNCTIONS):
        signed = function == "Variance()"
        what = {"topic": topic, "value_function": function}

        def part(low: float = 0.05, signed: bool = signed) -> float:
            return float(rng.uniform(-0.4 if signed else low, 1.2 if signed else 0.9))

        whole = {tier: part() for tier in tiers}
        for tier, share in whole.items():
            add("whole", **what, tier=tier, agents=int(counts[tier]), share=share, value=2.0)
        for number, step in enumerate(steps):
            at = {**what, "step": step, "number": number, "value": float(rng.uniform(1, 2))}
            for tier in tiers:
                add("steps", **at, tier=tier, sum=part(), share=part())
            for bin_ in range(1, bins + 1):
                add("bins", **at, bin=bin_, sum=part())
        for protocol, size, seed in itertools.product(protocols, sizes, seeds):
            panel = {**what, "protocol": protocol, "size": size, "seed": seed}
            undefined = function == "Heat()" and protocol == protocols[-1] and seed == seeds[-1]
            residual = (
                0.0 if function == "Mean()" and seed == seeds[0] else float(rng.uniform(0, 1))
            )
            residual *= 1e-15 if function == "Mean()" else 1.0
            spearman = float(rng.uniform(0.5, 1))
            if undefined:
                residual = spearman = None
            add("cells", **panel, value=1.0, factor=2.0, residual=residual, spearman=spearman)
            for tier in tiers:
                share = None if undefined else part()
                flip = None if share is None else share - whole[tier]
                members = int(rng.integers(0, 40))
                add("shares", **panel, tier=tier, agents=members, share=share, flip=flip)
                if protocol == protocols[-1]:
                    add("repairs", **panel, tier=tier, **_repair(whole[tier], rng, undefined))
            if protocol == protocols[0]:
                for number, step in enumerate(steps):
                    at = {**panel, "step": step, "number": number}
                    value = float(rng.uniform(1, 2))
                    for tier in tiers:
                        add("panel_steps", **at, value=value, tier=tier, share=part())
                    if seed == seeds[0]:
                        for bin_ in range(1, bins + 1):
                            mass = part() if bin_ > bins // 2 else 0.0
                            add("panel_bins", **at, bin=bin_, sum=mass)
    manifest = {
        "agents": agents,
        "topics": [topic for topic in topics if topic is not None],
        "value_functions": list(FUNCTIONS),
        "protocols": {name: f"{name}()" for name in protocols},
        "sizes": list(sizes),
        "seeds": list(seeds),
        "tiers": {tier: int(count) for tier, count in counts.items()},
    }
    tables = {name: pa.Table.from_pylist(records) for name, records in rows.items()}
    return aumann.StudyResults(Path("made-up"), tables, manifest)


def _repair(truth: float, rng: np.random.Generator, undefined: bool) -> dict[str, float | None]:
    if undefined:
        return {"share": None, "standard_error": None, "low": None, "high": None} | {
            "whole_share": truth
        }
    error = float(rng.uniform(0.01, 0.05))
    share = truth + float(rng.normal(0, error))
    return {
        "share": share,
        "standard_error": error,
        "low": share - 1.96 * error,
        "high": share + 1.96 * error,
        "whole_share": truth,
    }


def rows_of(results: aumann.StudyResults, table: str, **where: Any) -> list[dict[str, Any]]:
    """Return the rows of a table in which columns have given values."""
    return [
        row
        for row in results.tables[table].to_pylist()
        if all(row[name] == value for name, value in where.items())
    ]
