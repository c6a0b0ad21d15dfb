"""Exact, axiomatic credit for every agent of a million-agent system, in milliseconds.

`attribute` says how much of a macro indicator each agent accounts for. Everything else serves it:
value functions say which indicator, methods which value, `Population` holds the agents' features
over time, and `Attribution` is the answer.

Inputs are borrowed, not copied, and the interpreter is released while a kernel runs: do not write
to an array while it is being attributed. Results are the same bits at any number of threads.

Examples
--------
>>> import aumann
>>> x = [[5.0, 0.0, 0.0], [3.0, 1.0, 0.0], [1.0, 2.0, 4.0]]
>>> result = aumann.attribute(x, aumann.Heat())
>>> result.shares.round(3)
array([0.185, 0.222, 0.593])
"""

import warnings

from aumann import _core, smooth
from aumann._attribute import attribute
from aumann._baseline import Step
from aumann._rescaling import rescaling
from aumann._sampled import Interrupted
from aumann._twins import as_torch
from aumann.attribution import Attribution
from aumann.checking import ValueFunctionCheck, check_value_function
from aumann.comparing import compare_baselines, compare_paths
from aumann.comparison import Comparison
from aumann.estimators import (
    CoalitionSampling,
    MeanFieldExpansion,
    PathIntegral,
    PermutationSampling,
)
from aumann.games import Game, GameError
from aumann.groups import Groups
from aumann.inclusion import check_inclusion
from aumann.methods import AumannShapley, Banzhaf, LeaveOneOut, Shapley
from aumann.planning import PanelPlan, plan_panel
from aumann.pooled import PooledValueFunction
from aumann.population import Feature, Population
from aumann.protocols import (
    Protocol,
    Snowball,
    TopicByFollowers,
    TopicTop,
    UniformRandom,
    VisibilityBiased,
    VisibilityWeighted,
)
from aumann.reweighted import Reweighted
from aumann.reweighting import reweight
from aumann.runtime import build_info, get_threads, set_threads
from aumann.scaling_bias import Rescaling
from aumann.sources.events import read_events
from aumann.sources.synthetic import synthesize
from aumann.study import Study, StudyResults
from aumann.value_functions import (
    Combination,
    GiniMeanDifference,
    Heat,
    Mean,
    ValueFunction,
    Variance,
)

__all__ = [
    "Attribution",
    "AumannShapley",
    "Banzhaf",
    "CoalitionSampling",
    "Combination",
    "Comparison",
    "Feature",
    "Game",
    "GameError",
    "GiniMeanDifference",
    "Groups",
    "Heat",
    "Interrupted",
    "LeaveOneOut",
    "Mean",
    "MeanFieldExpansion",
    "PanelPlan",
    "PathIntegral",
    "PermutationSampling",
    "PooledValueFunction",
    "Population",
    "Protocol",
    "Rescaling",
    "Reweighted",
    "Shapley",
    "Snowball",
    "Step",
    "Study",
    "StudyResults",
    "TopicByFollowers",
    "TopicTop",
    "UniformRandom",
    "ValueFunction",
    "ValueFunctionCheck",
    "Variance",
    "VisibilityBiased",
    "VisibilityWeighted",
    "__version__",
    "as_torch",
    "attribute",
    "build_info",
    "check_inclusion",
    "check_value_function",
    "compare_baselines",
    "compare_paths",
    "get_threads",
    "plan_panel",
    "read_events",
    "read_parquet",
    "rescaling",
    "reweight",
    "set_threads",
    "smooth",
    "synthesize",
]

read_parquet = Population.read_parquet

__version__ = _core.VERSION

if _core.PROFILE == "debug":
    warnings.warn(
        "aumann's core is a debug build, many times slower than a release build; "
        "build with `maturin build --release`",
        RuntimeWarning,
        stacklevel=2,
    )
