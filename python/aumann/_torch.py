"""torch, where it is needed and not before."""

from __future__ import annotations

import importlib
import sys
from typing import Any

__all__ = ["import_torch", "is_module", "is_tensor"]


def import_torch(what: str) -> Any:
    """Return torch.

    Parameters
    ----------
    what : str
        What needs it, in the words of an error.

    Raises
    ------
    ImportError
        If torch is missing; it says which extra to install.

    Examples
    --------
    >>> import_torch("a doctest").__name__
    'torch'
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(f"{what} needs torch: pip install 'aumann[torch]'") from error


def is_tensor(item: object) -> bool:
    """Tell whether something is a torch tensor, without importing torch.

    Examples
    --------
    >>> is_tensor([1.0])
    False
    """
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(item, torch.Tensor)


def is_module(item: object) -> bool:
    """Tell whether something is a torch module, without importing torch.

    Examples
    --------
    >>> is_module(len)
    False
    """
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(item, torch.nn.Module)
