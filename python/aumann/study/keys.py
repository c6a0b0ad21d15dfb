"""The keys of a file that describes a study: what each may hold, and what it stands for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

from aumann._numbers import check_integer
from aumann.protocols import (
    Protocol,
    TopicByFollowers,
    TopicTop,
    UniformRandom,
    VisibilityBiased,
    VisibilityWeighted,
)
from aumann.value_functions import BuiltIn, Heat, from_name

__all__ = ["known_name", "named", "read_keys"]

REQUIRED = ("population", "output")
VALUE_FUNCTIONS = ("mean", "heat", "variance", "gini")
# More would be a seed that was taken for a number of seeds.
MOST_SEEDS = 10_000
# Every kind of protocol that a file can name, with its defaults.
PROTOCOLS: dict[str, Any] = {
    "visibility": VisibilityBiased(),
    "followers only": VisibilityBiased(weight=0.0),
    "topic by followers": TopicByFollowers(),
    "topic top": TopicTop(),
    "random": UniformRandom(),
    "visibility weighted": VisibilityWeighted(),
}


def read_keys(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the keys of a file stand for.

    Parameters
    ----------
    asked : mapping
        A TOML document.

    Returns
    -------
    dict
        For each key what `Study` takes by this name; texts for `population` and `output`, and a
        dict of arguments of `Population.tiers` for `tiers`.

    Raises
    ------
    TypeError, ValueError
        If a key or a name is not known, one is missing, or a value is of the wrong kind.

    Examples
    --------
    >>> read_keys({"population": "a.parquet", "output": "b", "seeds": 2})["seeds"]
    range(0, 2)
    """
    for key in asked:
        known_name("key", key, READERS)
    for key in REQUIRED:
        if key not in asked:
            raise ValueError(f"{key}: missing, a path is wanted")
    return {key: READERS[key](key, value) for key, value in asked.items()}


def known_name(what: str, name: Any, known: Collection[str]) -> str:
    """Return a name that is known, or say which one may be meant.

    Examples
    --------
    >>> known_name("key", "seeds", ["sizes", "seeds"])
    'seeds'
    """
    if isinstance(name, str) and name in known:
        return name
    near = difflib.get_close_matches(str(name), known, 1)
    names = ", ".join(known)
    hint = f"; {near[0]!r} is the nearest of {names}" if near else f", one of {names} is wanted"
    raise ValueError(f"{what}: {name!r} is not known{hint}")


@contextmanager
def named(what: str) -> Iterator[None]:
    """Say what an error is about.

    Examples
    --------
    >>> with named("tiers"):
    ...     raise TypeError("3, a name is wanted")
    Traceback (most recent call last):
    ...
    ValueError: tiers: 3, a name is wanted
    """
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{what}: {error}") from error


def _path(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key}: {value!r}, a path is wanted")
    return value


def _name(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{key}: {value!r}, a name is wanted")
    return value


def _list(key: str, value: Any, of: str) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{key}: {value!r}, a list of {of} is wanted")
    return value


def _table(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{key}: {value!r}, a table is wanted")
    return value


def _distinct(key: str, items: list[Any]) -> list[Any]:
    """Return items that can be told apart, or say which one comes again."""
    if len(set(items)) < len(items):
        again = next(item for place, item in enumerate(items) if item in items[:place])
        raise ValueError(f"{key}: {again!r} more than once, each once is wanted")
    return items


def _names(key: str, value: Any) -> list[str]:
    return _distinct(key, [_name(key, name) for name in _list(key, value, "names")])


def _numbers(key: str, value: Any) -> list[float]:
    for number in _list(key, value, "numbers"):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise TypeError(f"{key}: {number!r}, a number is wanted")
    return list(value)


def _integers(low: int) -> Callable[[str, Any], list[int]]:
    def read(key: str, value: Any) -> list[int]:
        for number in _list(key, value, "integers"):
            check_integer(key, number, low)
        return _distinct(key, list(value))

    return read


def _seeds(key: str, value: Any) -> list[int] | range:
    """Read a list of seeds, or how many there are to be, from 0 on."""
    if isinstance(value, list):
        return _integers(0)(key, value)
    check_integer(key, value, 1)
    if value > MOST_SEEDS:
        raise ValueError(
            f"{key}: {value} of them, at most {MOST_SEEDS} are wanted; a seed itself is in a list"
        )
    return range(value)


def _count(key: str, value: Any) -> int:
    check_integer(key, value, 0)
    return int(value)


def _boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{key}: {value!r}, true or false is wanted")
    return value


def _tiers(key: str, value: Any) -> dict[str, Any]:
    """Read a table with any of by, names and fractions."""
    readers: dict[str, Callable[[str, Any], Any]] = {
        "by": _name,
        "names": _names,
        "fractions": _numbers,
    }
    for name in _table(key, value):
        known_name(key, name, readers)
    return {name: readers[name](f"{key}: {name}", each) for name, each in value.items()}


def _value_functions(key: str, value: Any) -> list[BuiltIn]:
    """Read names and tables, each with a name and weights."""
    return _distinct(
        key, [_value_function(key, each) for each in _list(key, value, "value functions")]
    )


def _value_function(key: str, value: Any) -> BuiltIn:
    table = value if isinstance(value, dict) else {"name": value}
    if "name" not in table:
        raise ValueError(f"{key}: {value!r}, a table with a name is wanted")
    function = from_name(known_name(key, table["name"], VALUE_FUNCTIONS))
    about = f"{key}: {function.name}"
    for name in table:
        known_name(about, name, ["name"] if isinstance(function, Heat) else ["name", "weights"])
    if "weights" not in table:
        return function
    weights = _numbers(f"{about}: weights", table["weights"])
    with named(about):
        weighted = replace(function, weights=tuple(weights))
    return weighted


def _protocols(key: str, value: Any) -> dict[str, Protocol]:
    """Read names of kinds, or a table of tables: each with its kind and parameters."""
    if isinstance(value, dict):
        return {name: _protocol(f"{key}: {name}", name, each) for name, each in value.items()}
    if not isinstance(value, list):
        raise TypeError(f"{key}: {value!r}, a list of names or a table of tables is wanted")
    return {
        name: PROTOCOLS[name]
        for name in _distinct(key, [known_name(key, name, PROTOCOLS) for name in value])
    }


def _protocol(about: str, name: str, value: Any) -> Protocol:
    """Read the parameters of a protocol; its name says the kind where no key does."""
    parameters = dict(_table(about, value))
    kind = known_name(f"{about}: kind", parameters.pop("kind", name), PROTOCOLS)
    prototype = PROTOCOLS[kind]
    known = ["kind", *(field.name for field in fields(prototype))]
    for parameter in parameters:
        known_name(about, parameter, known)
    with named(about):
        protocol: Protocol = replace(prototype, **parameters)
    return protocol


READERS: dict[str, Callable[[str, Any], Any]] = {
    "population": _path,
    "output": _path,
    "topics": _names,
    "value_functions": _value_functions,
    "protocols": _protocols,
    "sizes": _integers(1),
    "seeds": _seeds,
    "tiers": _tiers,
    "bins_by": _name,
    "elites_in_topic": _boolean,
    "stepwise": _names,
    "least_participants": _count,
    "least_steps": _count,
    "merge_steps": _integers(2),
    "standardised": _boolean,
}
