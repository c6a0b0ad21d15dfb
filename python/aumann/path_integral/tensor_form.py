"""A torch function as one of NumPy arrays, for methods that evaluate it on coalitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aumann._torch import is_tensor
from aumann._twins import as_torch
from aumann.path_integral.convergence import warn_training
from aumann.path_integral.evaluation import Precision, TorchFunction
from aumann.value_functions import ValueFunction

__all__ = ["tensor_form"]


def tensor_form(
    function: Any, given: Any, many: bool = False
) -> Callable[[NDArray[Any]], tuple[float, float]]:
    """Return a torch function, of (n, d) or (m, n, d), as one of a NumPy array (n, d).

    It gives F, and the spacing of the numbers that it was computed in.

    Parameters
    ----------
    function : callable, PooledValueFunction or ValueFunction
        Evaluated where and in what its parameters are, or `given` is.
    given : object
        The features of an attribution, as they were given.
    many : bool
        Whether it takes (m, n, d).
    """
    called = as_torch(function) if isinstance(function, ValueFunction) else function
    checked = isinstance(function, ValueFunction)

    def value(x: NDArray[Any]) -> tuple[float, float]:
        nonlocal checked
        points = torch.from_numpy(np.ascontiguousarray(x))[None]
        precision = Precision.of(called, given if is_tensor(given) else points)
        form = TorchFunction(called, precision, many)
        found = form.values(points)
        if not checked:
            checked = True
            warn_training(function)
        return float(found[0]), form.spacing

    return value
