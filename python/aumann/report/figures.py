"""Figures of a study as SVG that can stand in a page beside others."""

from __future__ import annotations

import io
from typing import Any
from xml.dom import minidom

__all__ = ["inline_svg", "topic_figures"]

DROPPED = ("metadata", "style")
# What the dropped style sheet of a figure says, for that figure alone.
STYLE = "stroke-linejoin: round; stroke-linecap: butt"
LINK = "xlink:href"


def inline_svg(figure: Any, key: str, alt: str) -> str:
    """Return a matplotlib figure as an SVG element.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
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
    >>> from matplotlib.figure import Figure
    >>> svg = inline_svg(Figure(), "f1", "nothing")
    >>> svg[:4], 'aria-label="nothing"' in svg
    ('<svg', True)
    """
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": key, "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
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


def topic_figures(results, topic, place):
    return []
