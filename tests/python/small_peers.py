"""A worker with methods that behave and misbehave, and peers that need no installation."""

from pathlib import Path
from typing import Any

from aumann.benchmark.peers import Method, Peer

WORKER = """
import os, subprocess, sys, time
from pathlib import Path
import numpy as np

def mean(population, budget, seed):
    print("a peer may talk")
    population.values(np.ones((3, population.agents), dtype=bool))
    return population.x.sum(axis=1) / population.agents * budget.get("factor", 1)

def sleeper(population, budget, seed):
    if population.agents > 6:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["CHILD"]).write_text(str(child.pid))
        time.sleep(600)
    return mean(population, budget, seed)

def hungry(population, budget, seed):
    if population.agents > 6:
        np.ones(budget["bytes"] // 8).sum()
    return mean(population, budget, seed)

def raising(population, budget, seed):
    raise RuntimeError("first line\\nlast line")

def aborting(population, budget, seed):
    print("last words", file=sys.stderr, flush=True)
    os.abort()

def leaving(population, budget, seed):
    os._exit(3)

def garbled(population, budget, seed):
    Path("answer.json").write_text("{")
    os._exit(0)

def strange(population, budget, seed):
    Path("answer.json").write_text('{"status": "splendid"}')
    os._exit(0)

def short(population, budget, seed):
    return np.zeros(3)

def undefined(population, budget, seed):
    return np.full(population.agents, np.nan)

METHODS = {name: thing for name, thing in globals().items() if callable(thing)}
"""


def tiny(worker: Path, *methods: Method, name: str = "tiny", **options: Any) -> Peer:
    return Peer(name, methods or (Method("mean", "Aumann-Shapley"),), worker, **options)
