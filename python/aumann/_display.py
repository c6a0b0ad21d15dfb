"""How an attribution shows its answer, as text and in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aumann._printable import printable
from aumann._ranking import largest
from aumann._shares import share_divisors
from aumann.export import html_table, text_table

if TYPE_CHECKING:
    from aumann.attribution import Attribution

__all__ = ["html", "text"]

_TOP = 5


def text(result: Attribution) -> str:
    """Return the answer as text: what was attributed, the numbers, the top agents.

    Parameters
    ----------
    result : Attribution
        The result to show.

    Returns
    -------
    str

    Examples
    --------
    >>> import aumann
    >>> print(text(aumann.attribute([[1.0], [3.0]], aumann.Mean())).splitlines()[0])
    Attribution of Mean() to 2 agents
    """
    told = _facts(result)
    width = max(9, *(len(name) for name, _ in told))
    facts = [f"  {name:<{width}} {printable(what)}" for name, what in told]
    table = text_table(_top_header(result), _top(result)).replace("\n", "\n  ")
    return "\n".join([_title(result), *facts, f"  {table}"])


def html(result: Attribution) -> str:
    """Return the same as HTML tables, escaped.

    Parameters
    ----------
    result : Attribution
        The result to show.

    Returns
    -------
    str

    Examples
    --------
    >>> import aumann
    >>> html(aumann.attribute([[1.0], [3.0]], aumann.Mean()))[:7]
    '<table>'
    """
    facts = html_table([_title(result), ""], _facts(result))
    return facts + html_table(_top_header(result), _top(result))


def _top_header(result: Attribution) -> list[str]:
    ids = [] if result.agent_ids is None else ["id"]
    return ["top agent", *ids, "value", "share"]


def _title(result: Attribution) -> str:
    steps = f" over {result.steps:,} step{'s' * (result.steps != 1)}" * (result.values.ndim == 2)
    agents = f"{result.agents:,} agent{'s' * (result.agents != 1)}"
    return f"Attribution of {result.value_function!r} to {agents}{steps}"


def _facts(result: Attribution) -> list[tuple[str, str]]:
    relative = float(np.max(np.abs(result.relative_residual)))
    residual = float(np.max(np.abs(result.residual)))
    facts = [
        ("method", f"{result.method!r}, {result.estimator}"),
        ("value", _range(result, result.value)),
        ("baseline", f"{_range(result, result.baseline_value)} ({result.baseline})"),
        ("total", _range(result, result.total)),
        ("residual", f"{residual:.1e} ({relative:.1e} of the sum of magnitudes)"),
        ("elapsed", _duration(result.elapsed)),
    ]
    if result.standard_error is not None:
        facts.insert(5, ("standard error", _largest_error(result, result.standard_error)))
    elif np.max(result.error_estimate) > 0:
        facts.insert(5, ("error", f"estimated at about {np.max(result.error_estimate):.1e}"))
    unmet = result.steps - int(np.sum(result.converged))
    if unmet:
        where = f" at {unmet:,} of {result.steps:,} steps" if result.values.ndim == 2 else ""
        facts.insert(5, ("warning", f"not converged{where}: the tolerance was not met"))
    if result.values.ndim == 2:
        facts[4] = ("residual", f"at most {facts[4][1]}")
        labels = result.by_step()["step"]
        peak = result.peak_step
        facts.insert(4, ("peak", "none" if peak is None else f"step {labels[peak]}"))
    return facts


def _largest_error(result: Attribution, errors: NDArray[np.float64]) -> str:
    known = np.isfinite(errors)
    present = errors.size if result.presence is None else int(result.presence.sum())
    unknown = present - int(known.sum())
    if unknown == present:
        one = result.samples is not None and result.samples[0].count == 1
        return "unknown, of one sample" if one else "unknown, as all samples are equal"
    some = f", unknown for {unknown:,} values" if unknown else ""
    return f"at most {errors[known].max():.2g}{some}"


def _range(result: Attribution, numbers: float | NDArray[np.float64]) -> str:
    low, high = float(np.min(numbers)), float(np.max(numbers))
    return f"{low:.6g}" if result.values.ndim == 1 or low == high else f"{low:.6g} to {high:.6g}"


def _top(result: Attribution) -> list[list[str]]:
    """Return rows of agent, its identifier if kept, value and share, summed over the steps."""
    if result.values.ndim == 1:
        agents, values = result.top(_TOP)
    else:
        sums = result.by_agent()
        agents = largest(sums, np.arange(result.agents), _TOP)
        values = sums[agents]
    sum_, magnitude = result.statistics[:, 2:].sum(axis=0, keepdims=True).T
    divisor = float(share_divisors(sum_, magnitude, result.values.dtype)[0])
    rows = [
        [f"{agent:,}", f"{value:.6g}", _percent(value / divisor)]
        for agent, value in zip(agents, values, strict=True)
    ]
    if result.agent_ids is not None:
        for row, name in zip(rows, result.agent_ids[agents], strict=True):
            row.insert(1, str(name))
    return rows


def _percent(share: float) -> str:
    return "undefined" if np.isnan(share) else f"{share:.4%}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
