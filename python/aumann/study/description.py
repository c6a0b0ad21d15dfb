"""A study described in a file: read, checked, and made."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from aumann._ranking_column import numeric_columns, ranking_column
from aumann.population import Population
from aumann.study.eligibility import topic_rows
from aumann.study.keys import known_name, named, read_keys
from aumann.study.store import MANIFEST
from aumann.study.study import Study, paper_protocols

__all__ = ["StudyDescription", "read_study"]


@dataclass(frozen=True, eq=False)
class StudyDescription:
    """What a file asks for.

    Parameters
    ----------
    study : Study
        With its population.
    folder : Path
        Where the results go.
    """

    study: Study
    folder: Path


def read_study(path: str | PathLike[str]) -> StudyDescription:
    r"""Read a study from a TOML file, whose keys docs/study.md lists.

    Paths in the file are relative to it. Nothing is written, and nothing measured: what the file
    asks for in vain is said before the work begins.

    Parameters
    ----------
    path : path
        A TOML file with at least the keys `population` and `output`.

    Returns
    -------
    StudyDescription

    Raises
    ------
    ValueError
        If the file is no TOML, a key or a name is not known (the nearest one is named), a value is
        of the wrong kind or out of range, a protocol or the tiers need what the population does
        not have, or the population file is none.
    OSError
        If a file cannot be read, or the output cannot be a folder.
    ImportError
        If pyarrow is not installed.

    Notes
    -----
    Cost: reading the population, and one inclusion probability per agent, protocol and topic.

    Examples
    --------
    >>> import aumann, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> aumann.synthesize(agents=3_000, steps=2).write_parquet(folder / "week.parquet")
    >>> lines = ['population = "week.parquet"', 'output = "study"', "sizes = [100]", "seeds = 5"]
    >>> _ = (folder / "study.toml").write_text("\n".join(lines))
    >>> read_study(folder / "study.toml").study
    Study of 3,000 agents: 1 topics, 4 value functions, 4 protocols, 1 sizes, 5 seeds
    """
    file = Path(path)
    asked = _read_toml(file)
    with named(str(file)):
        keys = read_keys(asked)
        folder = _folder(file.parent / keys.pop("output"))
        where = file.parent / keys.pop("population")
        if not where.exists():
            raise ValueError(f"population: {where} is not there, a population file is wanted")
        for each in (file, where):
            _check_apart(each, folder)
    population = Population.read_parquet(where)
    with named(str(file)):
        study = _study(population, keys)
    return StudyDescription(study, folder)


def _read_toml(file: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        # The same library, by its name before it became part of Python.
        import tomli as tomllib

    try:
        # Some editors begin a file with a mark that it is UTF-8.
        asked: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{file} is not there; a file that describes a study is wanted (docs/study.md)"
        ) from None
    except IsADirectoryError:
        raise IsADirectoryError(
            f"{file} is a folder; a file that describes a study is wanted (docs/study.md)"
        ) from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file}: byte {error.start} is no UTF-8, in which TOML is written"
        ) from error
    except RecursionError as error:
        raise ValueError(f"{file} is no TOML that can be read: too deep in brackets") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is no TOML: {error}") from error
    return asked


def _study(population: Population, keys: dict[str, Any]) -> Study:
    """Make a study, or say what it needs and the population does not have."""
    protocols = keys.get("protocols", paper_protocols())
    numeric = numeric_columns(population)
    if "bins_by" in keys:
        known_name("bins_by", keys["bins_by"], numeric)
    tiers = keys.pop("tiers", {})
    tiers.setdefault("by", keys.get("bins_by") or ranking_column(population))
    if tiers["by"] is None:
        raise ValueError(
            "population: every feature is measured topic by topic, and tiers and bins need one "
            "number per agent; a count, a static feature or a numeric label is wanted"
        )
    if "reach" not in numeric:
        keys.setdefault("bins_by", tiers["by"])
    known_name("tiers: by", tiers["by"], numeric)
    for topic in keys.get("topics", ()):
        if not population.topics:
            raise ValueError(f"topics: {topic!r}, none is wanted, as the population has none")
        known_name("topics", topic, population.topics)
    for name in keys.get("stepwise", ()):
        known_name("stepwise", name, protocols)
    for function in keys.get("value_functions", ()):
        with named(f"value_functions: {function.name}"):
            function.weights_for(len(population.feature_list))
    with named("tiers"):
        groups = population.tiers(**tiers)
    study = Study(population, tiers=groups, **keys)
    eligible = [row["topic"] for row in topic_rows(study) if row["eligible"]]
    for topic in eligible:
        for name, protocol in study.protocols.items():
            with named(f"protocols: {name}"):
                protocol.inclusion(population, min(study.sizes or ()), topic=topic)
    return study


def _check_apart(file: Path, folder: Path) -> None:
    """Refuse a folder in which tables or the manifest would take the place of a file."""
    for written in (folder / MANIFEST, *folder.glob("*.parquet")):
        if written.exists() and written.samefile(file):
            raise ValueError(
                f"output: {written} is read, and would be overwritten; another folder is wanted"
            )


def _folder(path: Path) -> Path:
    """Return the output folder; it may be missing, but it must be possible to make it."""
    there = next(each for each in (path, *path.parents) if each.exists())
    if not there.is_dir():
        raise ValueError(f"output: {there} is a file, a folder is wanted")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"output: {there} is not writable, a folder to write to is wanted")
    return path
