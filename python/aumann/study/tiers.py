"""Shares of tiers, as the tables of a study hold them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from aumann.attribution import Attribution
from aumann.groups import Groups

__all__ = ["TierShare", "defined", "tier_shares"]


class TierShare(NamedTuple):
    """A tier's part of an attribution; `share` is None where shares are undefined."""

    tier: str
    agents: int
    sum: float
    share: float | None


def tier_shares(result: Attribution, tiers: Groups) -> list[TierShare]:
    """Return every tier's part of an attribution of one step.

    Undefined shares are counted in the tables of a study, and not warned of one by one.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0], [3.0]], aumann.Mean())
    >>> tier_shares(result, aumann.Groups.from_labels(["a", "b"]))[1]
    TierShare(tier='b', agents=1, sum=1.5, share=0.75)
    """
    table = result.group(tiers).to_table()
    columns = (table[name] for name in ("group", "agents", "sum", "share"))
    return [
        TierShare(str(tier), int(agents), float(sum_), defined(share))
        for tier, agents, sum_, share in zip(*columns, strict=True)
    ]


def defined(figure: Any) -> float | None:
    """Return a number, or None where it is undefined.

    Examples
    --------
    >>> defined(float("nan")), defined(1)
    (None, 1.0)
    """
    return float(figure) if np.isfinite(figure) else None
