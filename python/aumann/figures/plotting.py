"""The `plot` methods of results, which import matplotlib when they are called."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aumann._printable import printable
from aumann.figures.names import known

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "PlottedAttribution", "PlottedStudy"]

# Module and function of every figure of a study.
FIGURES: Mapping[str, tuple[str, str]] = {
    "bins": ("bins", "bins"),
    "tiers": ("tiers", "tiers"),
    "scales": ("tiers", "scales"),
    "dose": ("dose", "dose"),
    "residuals": ("residuals", "residuals"),
    "days": ("days", "days"),
    "repair": ("repair", "repair"),
}


class PlottedAttribution:
    """An attribution that can be drawn."""

    def plot(self, groups: Any = None) -> Figure:
        """Draw who contributes: how concentrated the attribution is, or what groups have of it.

        One step without groups: the part of the total that the largest attributions have, against
        how many agents they are. One step with groups: a bar per group, and its part of the agents.
        Several steps: bars stacked per step, upwards what is positive and downwards what is
        negative, by group or else by sign, with the total as a line.

        Parameters
        ----------
        groups : Groups, or array-like of int, bool or str, shape (N,), optional
            The group of every agent. Of more than eight, the seven that have most are drawn, and
            the others as one.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by a notebook; `figure.savefig("name.svg")` writes SVG, PDF or PNG.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If there is not one label per agent.

        Notes
        -----
        O(T N), and O(N log N) for one step without groups. Where the attributions sum to 0 there
        are no shares, and the attributions themselves are drawn.

        Examples
        --------
        >>> import aumann
        >>> result = aumann.attribute([[1.0], [2.0], [6.0]], aumann.Mean())
        >>> result.plot().axes[0].get_ylabel()
        'share of the attribution (%)'
        >>> len(result.plot(["low", "low", "high"]).axes[0].patches)
        2
        """
        return _draw("contributions", "contributions", self, {"groups": groups})


class PlottedStudy:
    """Results of a study that can be drawn."""

    folder: Any
    tables: dict[str, Any]
    manifest: dict[str, Any]

    def plot(
        self,
        name: str,
        *,
        topic: str | None = None,
        value_function: Any = None,
        protocol: str | None = None,
        size: int | None = None,
    ) -> Figure:
        """Draw a figure of the study.

        ============= ===================================================================
        name          shows
        ============= ===================================================================
        ``bins``      attribution by percentile bin of reach and step, the population
                      beside a panel (the paper's Figure 1 (a))
        ``tiers``     tier shares of the population and of panels by every protocol, at
                      one size (the paper's Figure 1 (b))
        ``scales``    tier shares against the size of the panels
        ``dose``      agents of the first tier in a panel against the flip of its share
        ``residuals`` what is left after the best single factor, and agreement of ranks,
                      for every value function
        ``days``      value and tier shares step by step, the population beside panels
        ``repair``    reweighted shares with 95 % intervals, raw ones and the truth
        ============= ===================================================================

        Parameters
        ----------
        name : str
            One of the names above.
        topic : str, optional
            The first topic of the study if not given.
        value_function : ValueFunction or str, optional
            As the tables name it, such as "Heat()". If not given: heat. Of a study without, and
            where the population has no shares of heat (a feature is 0 for all): the first
            nonlinear one that has shares. Not for `residuals`.
        protocol : str, optional
            For `bins` and `days`, the protocol whose panels were attributed step by step, the
            first of them if not given; for `repair`, all if not given. Not for the others.
        size : int, optional
            The smallest of the study if not given. Not for `scales`.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by a notebook; `figure.savefig("name.svg")` writes SVG, PDF or PNG, the same
            bytes for the same tables.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a name is unknown, or the study lacks the table that the figure is drawn from.
        TypeError
            If the figure has no such option.

        Examples
        --------
        >>> import aumann, tempfile
        >>> population = aumann.synthesize(agents=2_000, steps=2, seed=1)
        >>> results = aumann.Study(population, seeds=[0, 1]).run(tempfile.mkdtemp())
        >>> figure = results.plot("tiers", value_function=aumann.Variance(), size=100)
        >>> [axes.get_title("left") for axes in figure.axes]
        ['top (20 agents)', 'middle (180 agents)', 'tail (1,800 agents)']
        """
        module, function = FIGURES[known("name", name, tuple(FIGURES))]
        asked = {"topic": topic, "value_function": value_function}
        asked |= {"protocol": protocol, "size": size}
        options = {option: value for option, value in asked.items() if value is not None}
        return _draw(module, function, self, options)


def _draw(module: str, function: str, results: Any, options: dict[str, Any]) -> Figure:
    try:
        style = importlib.import_module("aumann.figures.style")
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'aumann[study]'") from error
    draw = getattr(importlib.import_module(f"aumann.figures.{module}"), function)
    taken = inspect.signature(draw).parameters
    for option, value in options.items():
        if option not in taken:
            raise TypeError(f"{option}: {value!r}; the figure {function!r} has no such option")
    with style.style():
        figure: Figure = draw(results, **options)
        _make_printable(figure)
        # Every later layout begins where the one before ended, so that a second file would differ
        # from the first.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    return figure


def _make_printable(figure: Figure) -> None:
    """Escape in all texts of a figure what no page or XML file may hold."""
    from matplotlib.text import Text

    # Labels of ticks are made when they are drawn: `tick_names` makes them.
    for text in figure.findobj(Text):
        text.set_text(printable(text.get_text(), keep="\n"))
