"""The page of a study: rendered from what the tables say, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from os import PathLike
from typing import Any

from aumann._files import check_output, replacing
from aumann._printable import printable
from aumann.report.evidence import Evidence
from aumann.report.figures import drawn
from aumann.report.glance import glance
from aumann.report.story import headline, story
from aumann.report.tables import tables
from aumann.report.verdict import verdicts
from aumann.report.words import indicator, percent
from aumann.study import StudyResults

__all__ = ["render_report", "write_report"]

CHECKSUM = "population (checksum)"
# A topic's figures take about 0.3 MB and some seconds.
DRAWN_TOPICS = 10
WANTED = ("whole", "steps", "cells", "shares")


def write_report(results: StudyResults, output: str | PathLike[str]) -> None:
    """Write the report of a study as one HTML file.

    Parameters
    ----------
    results : StudyResults
        A finished study.
    output : path
        The file. It loads nothing else, from the network or from disk, so that it can be sent.

    Raises
    ------
    ValueError
        If a table is missing that every study has, or `output` is a file of the study.
    ImportError
        If jinja2 or matplotlib is not installed.
    OSError
        If the file cannot be written; what was there before is then still there.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> study = aumann.Study(population, value_functions=[aumann.Heat()], sizes=[100], seeds=[0])
    >>> results = study.run(tempfile.mkdtemp())
    >>> write_report(results, results.folder / "report.html")
    """
    check_output(output, results.files)
    page = render_report(results)
    with replacing(output, inputs=results.files) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def render_report(results: StudyResults) -> str:
    """Return the report of a study as one HTML document, the same for the same tables.

    Parameters
    ----------
    results : StudyResults
        A finished study.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a table is missing that every study has.
    ImportError
        If jinja2 or matplotlib is not installed.

    Notes
    -----
    Seconds for a study of some thousand cells: most of it draws the figures.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
    >>> study = aumann.Study(population, value_functions=[aumann.Heat()], sizes=[100], seeds=[0])
    >>> render_report(study.run(tempfile.mkdtemp())).startswith("<!doctype html>")
    True
    """
    missing = [name for name in WANTED if name not in results.tables]
    if missing:
        raise ValueError(
            f"results: the tables {', '.join(missing)} are not in {results.folder}; "
            "those of a finished study are wanted"
        )
    evidence = Evidence.of(results)
    names = [topic for topic in evidence.topics if topic is not None]
    verdict, numbers = headline(evidence)
    style, script = _part("page.css"), _part("page.js")
    page: str = _template().render(
        style=style,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        evidence=evidence,
        verdict=verdict,
        numbers=numbers,
        blocks=glance(evidence, evidence.topics),
        answers=story(evidence, evidence.topics),
        topics=[
            (topic, story(evidence, [topic]), glance(evidence, [topic]))
            for topic in (names if len(names) > 1 else ())
        ],
        verdicts=verdicts(evidence),
        tables=tables(evidence),
        figures=[
            (topic, list(drawn(results, evidence, topic)))
            for topic in evidence.topics[:DRAWN_TOPICS]
        ],
        functions=[indicator(function) for function in evidence.functions],
        tiers=[
            (tier, agents, percent(agents / evidence.agents))
            for tier, agents in results.manifest["tiers"].items()
        ],
        manifest=_manifest(results.manifest),
        raw=json.dumps(results.manifest, indent=2, ensure_ascii=False),
    )
    return page


def _template() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise ImportError("a report needs jinja2: pip install 'aumann[study]'") from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("aumann.report", ""),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html")


def _shown(value: Any) -> Any:
    """Return a text of the page without what turns its direction of writing, markup as it is."""
    marked = not isinstance(value, str) or hasattr(value, "__html__")
    return value if marked else printable(value, keep="\n")


def _part(name: str) -> str:
    return files("aumann.report").joinpath(name).read_text(encoding="utf-8")


def _manifest(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the study is as names and texts, as the manifest has them."""
    lines = []
    for name, value in manifest.items():
        if isinstance(value, Mapping):
            text = ", ".join(f"{key}: {each}" for key, each in value.items())
        elif isinstance(value, list):
            text = ", ".join(map(str, value))
        else:
            text = str(value)
        label = CHECKSUM if name == "population" else name.replace("_", " ")
        lines.append((label, text or "none"))
    return lines
