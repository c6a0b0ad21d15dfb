"""What the names of columns, index levels and dims say: which of them are steps, which agents."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Sequence
from typing import Any

__all__ = ["axis_of", "key_columns", "refuse_wide", "shown"]

# As letters and digits, in lower case.
_WORDS = {
    "step": (
        "step steps stepnumber time times timestep timestamp datetime date t tick ticks round "
        "rounds period day hour week month year generation iteration epoch"
    ),
    "agent": (
        "agent agents agentid agentname agentno agentnumber uniqueid id ids uid user userid "
        "username account accountid author authorid actor actorid node nodeid person personid "
        "individual who turtle"
    ),
    "feature": "feature features variable variables",
    "topic": "topic topics",
    "group": "group groups",
    "coalition": "coalition coalitions",
}
_AXES = {word: axis for axis, words in _WORDS.items() for word in words.split()}


def axis_of(name: Hashable) -> str | None:
    """Return which axis a name stands for, in any case and with any separators.

    Examples
    --------
    >>> axis_of("AgentID"), axis_of("Time Step"), axis_of("[step]"), axis_of("wealth")
    ('agent', 'step', 'step', None)
    """
    if not isinstance(name, str):
        return None
    return _AXES.get(re.sub(r"[\W_]", "", name).lower())


def key_columns(
    names: Sequence[Hashable], argument: str, words: Collection[Hashable] = ()
) -> tuple[int, int] | None:
    """Return which names say step and agent; None where no name says either.

    Parameters
    ----------
    names : sequence
        Names of the index levels and columns of a table.
    argument : str
        What errors call the table.
    words : collection, optional
        Those of the names that stand for words rather than numbers.

    Returns
    -------
    tuple of int, or None
        Positions of the step and of the agent.

    Raises
    ------
    ValueError
        If one is there without the other, or several names say the same.

    Examples
    --------
    >>> key_columns(["Step", "AgentID", "wealth"], "x"), key_columns(["a", "b"], "x")
    ((0, 1), None)
    """
    found = {axis: [k for k, n in enumerate(names) if axis_of(n) == axis] for axis in _WORDS}
    steps, agents = found["step"], found["agent"]
    if not steps and not agents:
        return None
    if len(steps) == len(agents) == 1:
        return steps[0], agents[0]
    keys = [names[k] for k in sorted([*steps, *agents])]
    others = [name for name in names if name is not None and name not in keys]
    features = [str(name) for name in others if name not in words]
    labels = [str(name) for name in others if name in words]
    told = ", ".join(f"column {name!r}" for name in keys)
    one = len(keys) == 1
    what = f"is no feature: it names {'steps' if steps else 'agents'}" if one else "are no features"
    step = repr(names[steps[0]]) if steps else "None"
    agent = repr(names[agents[0]]) if agents else "..."
    raise ValueError(
        f"{argument}: {told} {what}; drop or rename {'it' if one else 'them'}, or use "
        f"Population.from_table({argument}, step={step}, agent={agent}, features={features}, "
        f"kinds='measurement'{f', labels={labels}' if labels else ''})"
    )


def refuse_wide(names: Sequence[Hashable], argument: str) -> None:
    """Refuse columns that are agents, or steps, by their names.

    Examples
    --------
    >>> refuse_wide(["reach", "activity"], "x")
    """
    found = {_numbered(name) for name in names}
    if len(names) < 2 or len(found) > 1 or None in found:
        return
    raise ValueError(wide(argument, f"columns {shown(names)}", str(found.pop())))


def wide(argument: str, what: str, axis: str, *, rows: bool = False) -> str:
    """Return why a table of one column (or row) per agent, or step, is not read, and what is.

    Examples
    --------
    >>> wide("x", "columns 'a1', 'a2'", "agent").partition(";")[0]
    "x: columns 'a1', 'a2' are agents, columns that are features are wanted"
    """
    turned = "x.to_numpy()" if (axis == "step") is rows else "x.to_numpy().T"
    return (
        f"{argument}: {what} are {axis}s, columns that are features are wanted; pass rows of step, "
        f"agent and value, or {turned.replace('x', argument, 1)}[..., None], shape (T, N, 1), "
        "if the table holds one feature"
    )


def _numbered(name: Any) -> str | None:
    """Return which axis a name like agent_7 counts along."""
    counted = re.fullmatch(r"(\D{2,}?)[\W_]*\d+", name) if isinstance(name, str) else None
    axis = axis_of(counted[1]) if counted else None
    return axis if axis in ("agent", "step") else None


def shown(labels: Any) -> str:
    """Return the first few labels, as text.

    Examples
    --------
    >>> shown(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c', ..."
    """
    first = [label.item() if hasattr(label, "item") else label for label in list(labels[:4])]
    texts = [text if len(text := repr(label)) <= 40 else f"{text[:36]}..." for label in first]
    return ", ".join([*texts[:3], "..."] if len(texts) > 3 else texts)
