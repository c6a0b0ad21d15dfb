"""The peers: what to install, which methods they have, which value each of them gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

__all__ = ["PEERS", "Method", "Peer", "Value"]

Value: TypeAlias = Literal["Aumann-Shapley", "Shapley", "Banzhaf", "leave-one-out"]

WORKERS = Path(__file__).parent / "workers"
# Orders of every sampler of Shapley values, an antithetic pair counting as two.
ORDERS = {"permutations": 10}
# Coalitions of every sampler of Banzhaf values.
COALITIONS = {"coalitions": 100}
STEPS = {"steps": 50}


@dataclass(frozen=True)
class Method:
    """A method of a peer.

    Parameters
    ----------
    name : str
        The peer's own name of it, a key of the worker's ``METHODS``.
    value : str
        What it computes or estimates: Aumann-Shapley, Shapley, Banzhaf or leave-one-out.
    budget : mapping of str to int
        What the worker's function gets; empty for methods without a budget.
    setting : str
        How the peer is called, where it leaves a choice.

    Examples
    --------
    >>> Method("LOOValuation", "leave-one-out").budget
    {}
    """

    name: str
    value: Value
    budget: Mapping[str, int] = field(default_factory=dict)
    setting: str = ""


@dataclass(frozen=True)
class Peer:
    """A library to be measured.

    Parameters
    ----------
    name : str
        Name of the installed distribution, in lower case.
    methods : tuple of Method
    worker : path
        A Python file with a dictionary ``METHODS``: names, and functions that take a
        `workers.population.Population`, the budget and the seed and return attributions (n,). It
        runs where aumann is not installed, and imports the peer inside its functions.
    requirements : tuple of str
        What to install, as pip reads it. Empty: the worker runs with the present interpreter.
    python : pair of (int, int)
        The first Python version that will do, and the first that will not.

    Examples
    --------
    >>> mine = Peer("mine", (Method("exact", "Shapley"),), Path("mine.py"), ("mine>=1,<2",))
    >>> mine.python
    ((3, 10), (4, 0))
    """

    name: str
    methods: tuple[Method, ...]
    worker: Path
    requirements: tuple[str, ...] = ()
    python: tuple[tuple[int, int], tuple[int, int]] = ((3, 10), (4, 0))


PEERS = (
    Peer(
        "aumann",
        (
            Method("AumannShapley()", "Aumann-Shapley"),
            Method(
                "AumannShapley(PathIntegral)", "Aumann-Shapley", STEPS, "Gauss-Legendre, float64"
            ),
            Method("Shapley()", "Shapley", setting="heat above 20 agents: MeanFieldExpansion()"),
            Method("Shapley(PermutationSampling)", "Shapley", ORDERS),
            Method("Banzhaf()", "Banzhaf", setting="heat above 20 agents: MeanFieldExpansion()"),
            Method("Banzhaf(CoalitionSampling)", "Banzhaf", COALITIONS),
            Method("LeaveOneOut()", "leave-one-out"),
        ),
        WORKERS / "aumann.py",
    ),
    Peer(
        "captum",
        (
            Method(
                "IntegratedGradients",
                "Aumann-Shapley",
                STEPS,
                "Gauss-Legendre, float64; from 10,000 agents internal_batch_size=1",
            ),
            Method("FeatureAblation", "leave-one-out", setting="8,192 agents per batch"),
            Method("ShapleyValueSampling", "Shapley", ORDERS, "8,192 agents per batch"),
        ),
        WORKERS / "captum.py",
        ("captum>=0.8,<0.10", "torch>=2.6,<3"),
    ),
    Peer(
        "shap",
        (
            Method(
                "PermutationExplainer",
                "Shapley",
                ORDERS,
                "antithetic; from 2,000 agents a masker of one mask at a time, batch_size=100",
            ),
            Method("ExactExplainer", "Shapley"),
        ),
        WORKERS / "shap.py",
        ("shap>=0.49,<0.60",),
    ),
    Peer(
        "shapiq",
        (
            Method(
                "PermutationSamplingSV",
                "Shapley",
                ORDERS,
                "batch_size=5, from 1,000 agents 1",
            ),
            Method("ExactComputer", "Shapley"),
        ),
        WORKERS / "shapiq.py",
        ("shapiq>=1.4,<2",),
    ),
    Peer(
        "pydvl",
        (
            Method("AntitheticPermutationSampler", "Shapley", ORDERS, "one process"),
            Method("MSRBanzhafValuation", "Banzhaf", COALITIONS, "one process"),
            Method("LOOValuation", "leave-one-out", setting="one process"),
        ),
        WORKERS / "pydvl.py",
        ("pyDVL>=0.10,<0.11", "numpy<2"),
        # NumPy 1.26, the last before 2, has no builds for later ones.
        ((3, 10), (3, 13)),
    ),
)
