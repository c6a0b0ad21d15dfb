"""torch, where it is needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["import_torch"]


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
