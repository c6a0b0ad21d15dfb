"""Time and memory of methods over numbers of agents, like for like.

`run` times the built-in methods and any of your own; each cell, a method at a value function and
a number of agents, has a process of its own, a limit, warm-up and repeats. What was not measured
is marked as such.
"""

from aumann.benchmark.timing.cell import Cell
from aumann.benchmark.timing.methods import BUILT_IN, TimedMethod
from aumann.benchmark.timing.runner import SIZES, VALUE_FUNCTIONS, run

__all__ = ["BUILT_IN", "SIZES", "VALUE_FUNCTIONS", "Cell", "TimedMethod", "run"]
