"""What all figures share: colours, sizes, axes, and a figure that shows itself in a notebook."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from io import BytesIO
from os import PathLike, fspath
from pathlib import PurePath
from typing import Any, NamedTuple

from matplotlib import style as matplotlib_style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import FuncFormatter, NullLocator

from aumann._files import replacing
from aumann._printable import printable

__all__ = [
    "BEHIND",
    "FAINT",
    "INK",
    "LOOKS",
    "WIDTH",
    "Look",
    "Picture",
    "counted",
    "describe",
    "grid",
    "legend_beside",
    "look",
    "percent_axis",
    "short_count",
    "size_axis",
    "style",
    "tick_names",
    "tidy",
    "title_tier",
]

# Inches: the text width of a page, so that what is printed keeps its font sizes.
WIDTH = 7.2
INK, FAINT = "#333333", "#8A8A8A"
# Behind numbers that lines may cross.
BEHIND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}


class Look(NamedTuple):
    """How a category is told from the others, in colour and without."""

    color: str
    marker: str
    line: str
    hatch: str


# Colours told apart by all common kinds of colour vision (Okabe and Ito); the rest of a look does
# the same in greyscale.
LOOKS = (
    Look("#D55E00", "o", "-", ""),
    Look("#0072B2", "s", "-", "//"),
    Look("#009E73", "^", "-", "\\\\"),
    Look("#CC79A7", "D", "-", "xx"),
    Look("#E69F00", "v", "--", "--"),
    Look("#56B4E9", "P", "--", "||"),
    Look("#000000", "X", "--", "++"),
    Look("#7F6000", "*", "--", "/////"),
)

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "figure.dpi": 110,
    "figure.titlesize": 10.5,
    "figure.titleweight": "bold",
    # What a browser has in place of the first is no wider.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica"],
    "font.size": 9,
    "hatch.linewidth": 0.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    # Text stays text, so that it can be searched and read out.
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "aumann",
    "text.color": INK,
    # Names with dollar signs are no formulas.
    "text.parse_math": False,
    # Hinted letters are wider at some resolutions than where the layout was made.
    "text.hinting": "no_hinting",
    "xtick.color": "#555555",
    "xtick.labelsize": 8,
    "ytick.color": "#555555",
    "ytick.labelsize": 8,
}
# For letters that the first family lacks. Fonts of coloured pictures cannot be drawn.
_FALLBACKS = (
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Noto Sans SC",
    "Noto Sans KR",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Bengali",
    "Noto Sans Thai",
    "Noto Emoji",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "Malgun Gothic",
    "SimHei",
    "Unifont",
)
# Without a date the same tables are the same file.
_UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws like this, whatever the user's settings.

    Examples
    --------
    >>> import matplotlib
    >>> with style():
    ...     print(matplotlib.rcParams["svg.fonttype"])
    none
    """
    families = {"font.family": ["sans-serif", *_installed()]}
    return matplotlib_style.context(["default", _STYLE | families])


@cache
def _installed() -> tuple[str, ...]:
    # Files of several fonts cannot be embedded in a PDF.
    single = {
        font.name for font in fontManager.ttflist if font.fname.lower().endswith((".ttf", ".otf"))
    }
    return tuple(name for name in _FALLBACKS if name in single)


@contextmanager
def _boxes_allowed() -> Iterator[None]:
    """Draw a box for a letter that no font has, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from", UserWarning)
        yield


class Picture(Figure):
    """A figure without pyplot: it shows itself in a notebook, and is written as it was drawn.

    Examples
    --------
    >>> Picture(1, 1)._repr_png_()[1:4]
    b'PNG'
    """

    def __init__(self, width: float, height: float) -> None:
        """Make an empty figure, in inches."""
        with style():
            super().__init__(figsize=(width, height), layout="constrained")

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the figure, as `matplotlib.figure.Figure.savefig` does, and without a date.

        A file is written whole or not at all.
        """
        suffix = PurePath(fname).suffix if isinstance(fname, str | PathLike) else ""
        kind = str(options.get("format") or suffix.lstrip(".") or "png").lower()
        options["metadata"] = {**_UNDATED.get(kind, {}), **(options.get("metadata") or {})}
        with ExitStack() as stack:
            if isinstance(fname, str | PathLike):
                if not PurePath(fname).suffix and "format" not in options:
                    fname = f"{fspath(fname)}.{kind}"
                fname = stack.enter_context(replacing(fname))
                options["format"] = kind
            stack.enter_context(style())
            stack.enter_context(_boxes_allowed())
            super().savefig(fname, **options)

    def draw(self, renderer: Any) -> None:
        """Draw the figure, as `matplotlib.figure.Figure.draw` does, whatever letters it has."""
        with _boxes_allowed():
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        # What a notebook asks of an object. Figures made without pyplot have no display of theirs.
        image = BytesIO()
        self.savefig(image, format="png", dpi=self.dpi)
        return image.getvalue()


def counted(agents: int) -> str:
    """Return a number of agents in words.

    Examples
    --------
    >>> counted(1), counted(1000)
    ('1 agent', '1,000 agents')
    """
    return f"{agents:,} agent{'s' * (agents != 1)}"


def title_tier(axes: Axes, tier: str, agents: int, columns: int) -> None:
    """Write a tier's name and size above axes that are one of so many columns.

    Examples
    --------
    >>> axes = Picture(3, 2).subplots()
    >>> title_tier(axes, "top", 200, 3)
    >>> axes.get_title("left")
    'top (200 agents)'
    """
    title = f"{tier} ({counted(agents)})"
    if len(title) > 92 // (columns + 1):
        title = f"{textwrap.fill(tier, 84 // (columns + 1))}\n({counted(agents)})"
    axes.set_title(title, loc="left")


def look(position: int) -> Look:
    """Return the look of the category at a position; they come again after eight.

    Examples
    --------
    >>> look(0) == look(8)
    True
    """
    return LOOKS[position % len(LOOKS)]


def describe(figure: Figure, title: str, notes: Sequence[str]) -> None:
    """Write the title above a figure and notes under it, in lines that fit.

    Examples
    --------
    >>> figure = Picture(3, 2)
    >>> describe(figure, "Shares", ["mean of 10 panels"])
    >>> figure.get_suptitle()
    'Shares'
    """
    inches = figure.get_size_inches()[0]
    wide = textwrap.fill(title, int(inches * 11))
    figure.suptitle(wide, x=0.01, horizontalalignment="left")
    if notes:
        text = textwrap.fill(". ".join(notes) + ".", int(inches * 17.5))
        figure.supxlabel(
            text, x=0.01, horizontalalignment="left", fontsize=7.5, color="#555555", weight="normal"
        )


def grid(figure: Figure, count: int, columns: int, **options: Any) -> list[Axes]:
    """Return so many axes in rows of at most so many columns, the unused ones not drawn.

    Examples
    --------
    >>> len(grid(Picture(4, 3), 5, 3))
    5
    """
    rows = -(-count // columns)
    every = figure.subplots(rows, min(columns, count), squeeze=False, **options)
    axes = list(every.flat)
    for unused in axes[count:]:
        unused.remove()
    if options.get("sharex"):
        for above in axes[:count]:
            above.tick_params(labelbottom=True)
    return axes[:count]


def legend_beside(figure: Figure, axes: Axes, *, title: str | None = None) -> None:
    """Put the legend of some axes to the right of the figure, where it covers nothing.

    Examples
    --------
    >>> figure = Picture(3, 2)
    >>> axes = figure.subplots()
    >>> _ = axes.plot([1, 2], label="top")
    >>> legend_beside(figure, axes)
    """
    handles, names = axes.get_legend_handles_labels()
    names = [textwrap.fill(name, 24) for name in names]
    figure.legend(
        handles, names, loc="outside right center", title=title, title_fontsize=8.5
    ).set_alignment("left")


def tick_names(names: Iterable[str]) -> list[str]:
    r"""Return names for the ticks of an axis, with escapes for what no file of a figure may hold.

    Examples
    --------
    >>> tick_names(["top", "\x1b[1m"])
    ['top', '\\x1b[1m']
    """
    return [printable(name, keep="\n") for name in names]


def tidy(axes: Axes, *, along: str = "y") -> None:
    """Draw faint lines along the ticks of one axis.

    Examples
    --------
    >>> tidy(Picture(1, 1).subplots())
    """
    axes.grid(True, axis=along, color="#E4E4E4", linewidth=0.6)  # type: ignore[arg-type]


def percent_axis(axes: Axes, which: str, *, sign: bool = False) -> None:
    """Label the ticks of an axis of parts in percent, or in signed percentage points.

    Examples
    --------
    >>> percent_axis(Picture(1, 1).subplots(), "x")
    """
    form = "{:+.6g}" if sign else "{:.6g}"

    def percent(part: float, _: object) -> str:
        points = round(100 * part, 6)
        return form.format(points).replace("-", "\u2212") if points else "0"

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(percent))


def short_count(count: float) -> str:
    """Return a number of agents in few letters.

    Examples
    --------
    >>> [short_count(n) for n in (100, 1_000, 2_500, 1_671_587)]
    ['100', '1k', '2.5k', '1.7M']
    """
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= unit:
            return f"{count / unit:.{2 if count < 100 * unit else 3}g}{letter}"
    return f"{count:.0f}"


def size_axis(axes: Axes, sizes: Sequence[int]) -> None:
    """Make the horizontal axis one of numbers of agents, logarithmic, with ticks at these.

    Examples
    --------
    >>> size_axis(Picture(1, 1).subplots(), [100, 1000])
    """
    axes.set_xscale("log")
    shown: list[int] = []
    for size in sorted(sizes):
        # Sizes close to each other would write over each other.
        if not shown or size / shown[-1] > 2.5:
            shown.append(size)
    axes.set_xticks(shown, [short_count(size) for size in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(min(sizes) / 1.3, max(sizes) * 1.3)
