"""What the columns of a population's features are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Feature", "Kind", "Window", "feature_list"]

Kind: TypeAlias = Literal["count", "measurement"]
Window: TypeAlias = Literal["step", "whole"]


@dataclass(frozen=True)
class Feature:
    """What one column of a population's features is made from.

    Parameters
    ----------
    name : str
        Name of the raw values.
    kind : {"count", "measurement"}
        A count is non-negative and becomes log1p(count); a measurement is used unchanged.
    static : bool
        True for one value per agent, False for one per agent and step (and topic).

    Raises
    ------
    ValueError
        If `kind` is another word, or `name` is empty or one of the words agent, step, topic.

    Examples
    --------
    >>> Feature("reach", "count", static=True)
    Feature(name='reach', kind='count', static=True)
    """

    name: str
    kind: Kind
    static: bool = False

    def __post_init__(self) -> None:
        """Check the words."""
        if not isinstance(self.name, str):
            raise TypeError(f"name is {self.name!r}; text is wanted")
        if self.name in ("", "agent", "step", "topic"):
            raise ValueError(f"name is {self.name!r}, which no feature may be called")
        if self.kind not in ("count", "measurement"):
            raise ValueError(f"kind is {self.kind!r}; 'count' or 'measurement' is wanted")


def feature_list(
    features: Sequence[str | Feature],
    kinds: Kind | Mapping[str, Kind] | None,
    static: Sequence[str],
) -> list[Feature]:
    """Return the features named, each with its kind."""
    found = []
    for feature in features:
        if isinstance(feature, Feature):
            found.append(feature)
            continue
        kind = kinds.get(feature) if isinstance(kinds, Mapping) else kinds
        if kind is None:
            raise ValueError(
                f"kinds says nothing of {feature!r}; 'count' or 'measurement' is wanted"
            )
        found.append(Feature(feature, kind, feature in static))
    known = {feature.name for feature in found}
    for argument, names in (
        ("kinds", kinds if isinstance(kinds, Mapping) else ()),
        ("static", static),
    ):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"{argument} names {unknown}; the features are {sorted(known)}")
    return found
