"""The value functions as torch functions, which every method that follows gradients gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .population import Population

__all__ = ["torch_form"]


def torch_form(population: Population) -> Callable[[Any], Any]:
    """Return F of features (n, d), one number, or (m, n, d), m numbers; differentiable.

    Examples
    --------
    >>> import numpy, torch
    >>> population = Population(numpy.array([[1.0], [3.0]]), "gini")
    >>> torch_form(population)(torch.tensor([[[1.0], [3.0]], [[2.0], [6.0]]], dtype=torch.float64))
    tensor([1., 2.], dtype=torch.float64)
    """
    import torch

    n, name = population.agents, population.value_function
    weights = torch.arange(1 - n, n, 2, dtype=torch.float64) * (2 / n**2)

    def forward(x: Any) -> Any:
        if name == "heat":
            return torch.log1p(x.mean(-2).prod(-1))
        composite = x.sum(-1)
        if name == "mean":
            return composite.mean(-1)
        if name == "variance":
            return composite.var(-1, correction=0)
        return composite.sort(-1).values @ weights

    return forward
