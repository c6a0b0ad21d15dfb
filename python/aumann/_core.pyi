from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PROFILE",
    "VERSION",
    "attribute",
    "build_info",
    "feature_means",
    "get_threads",
    "set_threads",
    "value",
    "value_functions",
]

VERSION: str
PROFILE: str

_Real: TypeAlias = NDArray[np.float64] | NDArray[np.float32]

def attribute(
    function: str,
    weights: NDArray[np.float64] | None,
    x: _Real | list[_Real],
    baseline: _Real | list[_Real] | None,
    presence: NDArray[np.bool_] | None,
    out: _Real,
) -> NDArray[np.float64]: ...
def value(
    function: str,
    weights: NDArray[np.float64] | None,
    x: _Real | list[_Real],
    presence: NDArray[np.bool_] | None,
) -> NDArray[np.float64]: ...
def feature_means(
    x: _Real | list[_Real], presence: NDArray[np.bool_] | None
) -> NDArray[np.float64]: ...
def value_functions() -> list[str]: ...
def build_info() -> dict[str, Any]: ...
def get_threads() -> int: ...
def set_threads(threads: int | None) -> None: ...
