"""What is asked of a tensor before it is computed with."""

from __future__ import annotations

import sys

__all__ = ["check_tensor"]


def check_tensor(x: object, argument: str) -> None:
    """Refuse what is no torch tensor of floating-point numbers, without importing torch.

    Parameters
    ----------
    x : object
        Anything.
    argument : str
        What errors call it.

    Raises
    ------
    TypeError
        If it is no tensor, or one of integers, booleans or complex numbers.

    Examples
    --------
    >>> import torch
    >>> check_tensor(torch.zeros(2), "x")
    >>> check_tensor([0.0], "x")
    Traceback (most recent call last):
    TypeError: x: list, a torch tensor of floating-point numbers is wanted
    """
    # Where nobody has imported torch there are no tensors.
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(x, torch.Tensor):
        raise TypeError(
            f"{argument}: {type(x).__name__}, a torch tensor of floating-point numbers is wanted"
        )
    if not x.is_floating_point():
        raise TypeError(f"{argument}: dtype {x.dtype}, floating-point numbers are wanted")
