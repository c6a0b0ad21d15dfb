"""Value functions that read the population through a pooled state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from aumann._numbers import check_integer
from aumann._torch import is_module, is_tensor

__all__ = ["PooledValueFunction", "check_encoded"]


@dataclass(frozen=True, eq=False, repr=False)
class PooledValueFunction:
    """F = readout(mean or sum over agents of encode(x_i)): DeepSets, many smooth indicators.

    What an agent does to F goes through the pooled state, so that F and its gradient are found in
    chunks of agents: memory is set by the chunk and not by the number of agents, which may be
    millions. The same chunk gives the same bits.

    Parameters
    ----------
    encode : callable
        Takes a tensor (m, d), any m agents, and returns (m, k), row by row: a torch module or
        function. Where several steps or nodes go together it may get (q, m, d) as well, to return
        (q, m, k); if it cannot, it gets them one by one.
    readout : callable
        Takes the pooled state, a tensor (k,), and returns one number.
    pool : "mean" or "sum"
        Over the present agents.
    chunk : int
        Agents encoded together.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.

    Notes
    -----
    Cost per node: a forward and a backward pass of `encode`, and a second forward pass for the
    agents whose graphs exceed 256 MiB together. The state is summed in float64.

    Source: M. Zaheer et al., "Deep sets" (2017).

    Examples
    --------
    >>> import aumann, torch
    >>> def encode(x):
    ...     return torch.stack([x.sum(dim=1), x.sum(dim=1).square()], dim=1)
    >>> def readout(state):
    ...     return state[1] - state[0].square()
    >>> variance = aumann.PooledValueFunction(encode, readout, chunk=2)
    >>> aumann.attribute([[1.0], [2.0], [6.0]], variance).values.round(4)
    array([-0.6667, -0.6667,  6.    ])
    """

    encode: Callable[[Any], Any]
    readout: Callable[[Any], Any]
    pool: Literal["mean", "sum"] = "mean"
    chunk: int = 2**14

    def __post_init__(self) -> None:
        """Check every argument."""
        for name in ("encode", "readout"):
            if not callable(getattr(self, name)):
                raise TypeError(f"{name}: {getattr(self, name)!r}, a callable is wanted")
        if self.pool not in ("mean", "sum"):
            raise ValueError(f"pool: {self.pool!r}, 'mean' or 'sum' is wanted")
        check_integer("chunk", self.chunk, 1)

    def __call__(self, x: Any) -> Any:
        """Return F of a tensor (n, d), all agents at once.

        Examples
        --------
        >>> import aumann, torch
        >>> total = aumann.PooledValueFunction(torch.exp, torch.sum, pool="sum")
        >>> total(torch.zeros(3, 2))
        tensor(6.)
        """
        encoded = self.encode(x)
        check_encoded(encoded, x, _name(self.encode))
        return self.readout(encoded.mean(dim=-2) if self.pool == "mean" else encoded.sum(dim=-2))

    def __repr__(self) -> str:
        """Return the value function as it would be written, with short names."""
        parts = [_name(self.encode), _name(self.readout)]
        if self.pool != "mean":
            parts.append(f"pool={self.pool!r}")
        return f"PooledValueFunction({', '.join(parts)})"


def check_encoded(encoded: Any, x: Any, name: str) -> None:
    """Refuse an encoding that has not one row per agent.

    Examples
    --------
    >>> import torch
    >>> check_encoded(torch.zeros(5, 2), torch.zeros(5, 3), "encode")
    """
    if not is_tensor(encoded):
        got: object = type(encoded).__name__
    elif encoded.ndim == x.ndim and encoded.shape[:-1] == x.shape[:-1]:
        return
    else:
        got = tuple(encoded.shape)
    rows = ", ".join(map(str, x.shape[:-1]))
    raise ValueError(
        f"encode: {name} returned {got} for features of shape {tuple(x.shape)}, a tensor "
        f"({rows}, k) is wanted"
    )


def _name(function: object) -> str:
    if is_module(function):
        return type(function).__name__
    return str(getattr(function, "__name__", type(function).__name__))
