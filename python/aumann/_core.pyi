from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

__all__ = [
    "MOST_ENUMERATED",
    "PROFILE",
    "VERSION",
    "Moments",
    "Sampler",
    "attribute",
    "build_info",
    "feature_means",
    "get_threads",
    "group_sums",
    "random_coalitions",
    "random_order",
    "rank_correlation",
    "scale_fit",
    "set_threads",
    "value",
    "value_functions",
]

MOST_ENUMERATED: int
VERSION: str
PROFILE: str

_Real: TypeAlias = NDArray[np.float64] | NDArray[np.float32]

@final
class Moments:
    def __new__(cls, players: int, bound: float, reuse: bool) -> Self: ...
    @property
    def players(self) -> int: ...
    @property
    def samples(self) -> int: ...
    def add(self, sample: NDArray[np.float64]) -> None: ...
    def add_coalitions(
        self, coalitions: NDArray[np.bool_], values: NDArray[np.float64]
    ) -> None: ...
    @property
    def quantum(self) -> float: ...
    @property
    def bound(self) -> float: ...
    def copy(self) -> Moments: ...
    def merged(self, other: Moments) -> Moments: ...
    def estimate(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def __reduce__(self) -> tuple[type[Moments], tuple[int, float, bool], bytes]: ...
    def __setstate__(self, state: bytes) -> None: ...

@final
class Sampler:
    def __new__(
        cls,
        function: str,
        weights: NDArray[np.float64] | None,
        x: _Real | list[_Real],
        baseline: _Real | list[_Real] | None,
        presence: NDArray[np.bool_] | None,
        plan: tuple[str, bool, bool],
        seed: int,
        step: int,
        drawn: tuple[Moments, list[tuple[int, int, int]]] | None,
    ) -> Self: ...
    def run(self, start: int, stop: int) -> None: ...
    @property
    def moments(self) -> Moments: ...
    @property
    def samples(self) -> int: ...
    @property
    def fingerprint(self) -> int: ...
    @property
    def ends(self) -> tuple[float, float]: ...

def random_order(seed: int, step: int, sample: int, players: int) -> NDArray[np.int64]: ...
def random_coalitions(
    seed: int, step: int, start: int, stop: int, players: int
) -> NDArray[np.bool_]: ...
def attribute(
    function: str,
    weights: NDArray[np.float64] | None,
    method: str,
    order: int | None,
    x: _Real | list[_Real],
    baseline: _Real | list[_Real] | None,
    presence: NDArray[np.bool_] | None,
    out: _Real,
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]: ...
def value(
    function: str,
    weights: NDArray[np.float64] | None,
    x: _Real | list[_Real],
    presence: NDArray[np.bool_] | None,
) -> NDArray[np.float64]: ...
def feature_means(
    x: _Real | list[_Real], presence: NDArray[np.bool_] | None
) -> NDArray[np.float64]: ...
def group_sums(values: _Real, codes: NDArray[np.int64], groups: int) -> NDArray[np.float64]: ...
def scale_fit(own: NDArray[np.float64], given: NDArray[np.float64]) -> tuple[float, float]: ...
def rank_correlation(own: NDArray[np.float64], given: NDArray[np.float64]) -> float: ...
def value_functions() -> list[str]: ...
def build_info() -> dict[str, Any]: ...
def get_threads() -> int: ...
def set_threads(threads: int | None) -> None: ...
