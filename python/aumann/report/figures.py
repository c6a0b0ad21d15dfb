"""Figures of a study as SVG that can stand in a page beside others."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.dom import minidom

from aumann.report.evidence import Evidence
from aumann.report.repair import repaired_size
from aumann.study import StudyResults

__all__ = ["Drawn", "drawn", "inline_svg"]

# What each figure is for, in the order of the story.
CAPTIONS = {
    "bins": "Where the attribution is: agents by percentile of reach (or of what the study has "
    "in its place), step by step, all of them beside a panel.",
    "days": "When: the value and the shares of the tiers at every step, all agents beside panels.",
    "tiers": "Would a small panel agree: shares of the tiers, all agents beside panels of every "
    "protocol.",
    "scales": "How the shares of the tiers come to the population's as panels grow.",
    "dose": "How the flip follows from how many agents of the first tier a panel holds.",
    "residuals": "Could one factor reconcile them: what the best one leaves, and how far rankings "
    "agree.",
    "repair": "What weights do: shares as they are and reweighted, with 95 % intervals, beside the "
    "population's.",
}
NEEDED = {"bins": "bins", "repair": "repairs"}
OVER_STEPS = ("bins", "days")
# A study of more indicators is drawn for one value function, so that the page stays small.
ALL_DRAWN = 4
DROPPED = ("metadata", "style")
# What the dropped style sheet of a figure says, for that figure alone.
STYLE = "stroke-linejoin: round; stroke-linecap: butt"
LINK = "xlink:href"


@dataclass(frozen=True)
class Drawn:
    """A figure as an SVG element, its title, what it is for, and what it shows in words."""

    title: str
    caption: str
    alt: str
    svg: str


def drawn(results: StudyResults, evidence: Evidence, topic: str | None) -> Iterator[Drawn]:
    """Draw what there is of a topic: for every value function in a small study, else for one.

    Cost: about half a second per figure.
    """
    functions: tuple[str | None, ...] = evidence.functions
    if len(evidence.topics) * len(functions) > ALL_DRAWN:
        functions = (None,)
    steps = max((peak.steps for peak in evidence.peaks.values()), default=0)
    for name, caption in CAPTIONS.items():
        if (name in OVER_STEPS and steps < 2) or NEEDED.get(name, "whole") not in results.tables:
            continue
        for place, function in enumerate(functions if name != "residuals" else (None,)):
            size = repaired_size(evidence) if name == "repair" else None
            figure = results.plot(name, topic=topic, value_function=function, size=size)
            title = " ".join(figure.get_suptitle().split())
            alt = f"{title}. {' '.join(figure.get_supxlabel().split())}"
            key = f"f{evidence.topics.index(topic)}-{name}-{place}"
            yield Drawn(title, caption, alt, inline_svg(figure, key, alt))


def inline_svg(figure: Any, key: str, alt: str) -> str:
    """Return a figure as an SVG element.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        As `StudyResults.plot` gives it.
    key : str
        Goes before every identifier, so that figures of one page do not meet.
    alt : str
        What the figure shows, for those who do not see it.

    Returns
    -------
    str
        The element, scaled by its surroundings; the same for the same figure.

    Examples
    --------
    >>> from aumann.figures.style import Picture
    >>> svg = inline_svg(Picture(2, 1), "f1", "nothing")
    >>> svg[:4], 'aria-label="nothing"' in svg
    ('<svg', True)
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    document: Any = minidom.parseString(buffer.getvalue())
    svg = document.documentElement
    for name in DROPPED:
        for element in svg.getElementsByTagName(name):
            element.parentNode.removeChild(element)
    for element in [svg, *svg.getElementsByTagName("*")]:
        for name, value in list(element.attributes.items()):
            if name == "id":
                element.setAttribute(name, f"{key}-{value}")
            elif name == LINK and value.startswith("#"):
                element.setAttribute(name, f"#{key}-{value[1:]}")
            elif "url(#" in value:
                element.setAttribute(name, value.replace("url(#", f"url(#{key}-"))
    for name in ("width", "height"):
        svg.removeAttribute(name)
    for name, value in (("role", "img"), ("aria-label", alt), ("style", STYLE)):
        svg.setAttribute(name, value)
    return str(svg.toxml())
