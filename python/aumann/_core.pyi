from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__: list[str]

VERSION: str
PROFILE: str

_Real = NDArray[np.float64] | NDArray[np.float32]

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
