"""A user's function of features as numbers: one meaning, whatever kind of array it takes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aumann._numbers import real_numbers, spacing_of
from aumann._torch import is_module, is_tensor
from aumann.pooled import PooledValueFunction
from aumann.value_functions import ValueFunction

__all__ = ["FeatureFunction", "array_form"]

# From features (n, d) to F, and the spacing of the numbers that it was computed in.
Form: TypeAlias = Callable[[NDArray[Any]], tuple[float, float]]


class FeatureFunction:
    """F of features given as a NumPy array (n, d), for a function of arrays or of tensors.

    The function gets what `given` is made of: tensors if that is a tensor or the function is a
    module, and NumPy arrays otherwise. One that fails on these, or returns no number for them,
    gets the other kind, and one that fails on (n, d) gets (1, n, d). The first form that gives a
    number is kept.

    Parameters
    ----------
    function : callable
        Takes (n, d) and returns one number, or takes (m, n, d) and returns m numbers.
    given : object
        The features of an attribution as they were given.

    Attributes
    ----------
    spacing : float
        The distance from 1 to the next number that F computes with, as far as its results tell.
    in_training : bool
        Whether it is a module with parts in training mode, which is warned of.

    Examples
    --------
    >>> import numpy as np
    >>> largest = FeatureFunction(np.max, [[1.0], [2.0]])
    >>> largest(np.array([[1.0], [2.0]])), largest.spacing == 2.0**-52
    (2.0, True)
    """

    def __init__(self, function: Any, given: Any) -> None:
        """Keep the function."""
        self.function = function
        self.spacing = 0.0
        self.in_training = False
        self._tensors_first = is_tensor(given) or _torch_only(function)
        self._given = given
        self._form: Form | None = None

    def __call__(self, x: NDArray[Any]) -> float:
        """Return F of features in memory of their own, which the function may write to.

        Raises
        ------
        Exception
            What the function raises for the kind of array that it is expected to take.
        TypeError, ValueError
            If it returns anything but one real number.
        """
        value, spacing = self._found(x) if self._form is None else self._form(x)
        self.spacing = max(self.spacing, spacing)
        return value

    def _found(self, x: NDArray[Any]) -> tuple[float, float]:
        """Return what the first form gives that gives a number; raise the first one's error."""
        first: Exception | None = None
        for form in self._forms():
            try:
                with warnings.catch_warnings():
                    if first is not None:
                        warnings.simplefilter("ignore")
                    found = form(x.copy())
            except MemoryError:
                raise
            except Exception as error:
                first = first or error
            else:
                self._form = form
                return found
        assert first is not None
        raise first

    def _forms(self) -> Iterator[Form]:
        """Yield how the function may want to be called, the likeliest first."""
        kinds = [True] if _torch_only(self.function) else [True, False]
        for tensors in kinds if self._tensors_first else reversed(kinds):
            # A function of tensors has imported torch.
            if tensors and "torch" not in sys.modules and not _torch_only(self.function):
                continue
            for many in (False, True):
                yield self._tensor_form(many) if tensors else array_form(self.function, many)

    def _tensor_form(self, many: bool) -> Form:
        # Only here, as it imports torch.
        from aumann.path_integral.evaluation import training_parts
        from aumann.path_integral.tensor_form import tensor_form

        self.in_training = bool(training_parts(self.function))
        return tensor_form(self.function, self._given, many)


def array_form(function: Callable[[NDArray[Any]], Any], many: bool = False) -> Form:
    """Return a function of NumPy arrays, (n, d) or (m, n, d), as one of (n, d).

    Examples
    --------
    >>> array_form(np.sum)(np.ones((2, 1), np.float32))
    (2.0, 1.1920928955078125e-07)
    """

    def value(x: NDArray[Any]) -> tuple[float, float]:
        found = function(x[np.newaxis] if many else x)
        numbers, spacing = real_numbers(found, "value_function")
        if numbers.shape != (1,) if many else numbers.size != 1:
            raise ValueError(
                f"value_function must return one number for features of shape {x.shape}; got shape "
                f"{numbers.shape}"
            )
        if type(found) is float:
            # It was computed from the features, in a precision that it does not tell.
            spacing = spacing_of(x.dtype)
        return float(numbers.reshape(())), spacing

    return value


def _torch_only(function: object) -> bool:
    return is_module(function) or isinstance(function, PooledValueFunction | ValueFunction)
