"""Figures of a study: names and options, missing tables, formats, and that they can be read."""

from __future__ import annotations

import builtins
import io
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise

import pytest
from study_tables import made

import aumann
from aumann.figures import FIGURES

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402

RESULTS = made()
LONG = "people who post about everything"


def drawn(figure, kind="png"):
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    return buffer.getvalue()


def legible(figure):
    """No text leaves the figure, and no two labels of an axis touch."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    width, height = figure.canvas.get_width_height()
    legends = [text for legend in figure.legends for text in legend.get_texts()]
    for text in [*figure.texts, *legends]:
        box = text.get_window_extent(renderer)
        assert -1 <= box.x0 < box.x1 <= width + 1, text
        assert -1 <= box.y0 < box.y1 <= height + 1, text
    for axes in figure.axes:
        tight = axes.get_tightbbox(renderer)
        assert tight.x0 >= -1, axes
        assert tight.x1 <= width + 1, axes
        assert tight.y0 >= -1, axes
        assert tight.y1 <= height + 1, axes
        for axis, ends in ((axes.xaxis, ("x0", "x1")), (axes.yaxis, ("y0", "y1"))):
            low, high = sorted(axis.get_view_interval())
            boxes = sorted(
                (
                    tick.label1.get_window_extent(renderer)
                    for tick in axis.get_major_ticks()
                    if low <= tick.get_loc() <= high and tick.label1.get_visible()
                ),
                key=lambda box: getattr(box, ends[0]),
            )
            boxes = [box for box in boxes if box.width > 0 and box.height > 0]
            for before, after in pairwise(boxes):
                assert getattr(before, ends[1]) <= getattr(after, ends[0]), (axes, axis)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_written_in_every_format(name, tmp_path):
    figure = RESULTS.plot(name)
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF-"), ("svg", b"<?xml")):
        figure.savefig(tmp_path / f"figure.{kind}")
        found = (tmp_path / f"figure.{kind}").read_bytes()
        assert found.startswith(start)
        assert len(found) < 200_000
        # The same tables are the same file.
        assert drawn(RESULTS.plot(name), kind) == found
    root = ElementTree.parse(tmp_path / "figure.svg").getroot()
    words = "".join(root.itertext())
    assert "cats" in words
    assert "<dc:date>" not in (tmp_path / "figure.svg").read_text()
    assert figure._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    "study",
    [
        {},
        {"topics": (None,), "steps": ("only",), "seeds": (1,), "sizes": (1,)},
        {"tiers": ("all",), "bins": 1, "agents": 1, "protocols": ("random",)},
        {
            "tiers": tuple(f"tier {k} of seven" for k in range(7)),
            "protocols": tuple(f"{LONG}, {k}" for k in range(7)),
            "steps": tuple(f"2026-04-{8 + k // 6:02}T{k % 6 * 4:02}:00:00" for k in range(30)),
            "bins": 12,
            "seeds": (1, 2),
            "sizes": (100, 200, 1_000, 10_000, 100_000, 1_000_000),
            "topics": (f"what {LONG} say when nobody is listening to them",),
            "agents": 1_671_587,
        },
    ],
    ids=["usual", "one step", "one agent", "many and long"],
)
def test_every_figure_can_be_read(name, study):
    for function in ("Heat()", "Variance()") if name != "residuals" else (None,):
        legible(made(**study).plot(name, value_function=function))


@pytest.mark.parametrize("name", FIGURES)
def test_undefined_figures_leave_gaps(name):
    tables = {}
    for table, columns in RESULTS.tables.items():
        for column in ("share", "flip", "residual", "spearman", "low", "high", "standard_error"):
            if column in columns.column_names:
                nothing = [None] * len(columns)
                at = columns.column_names.index(column)
                columns = columns.set_column(at, column, [nothing])
        if "sum" in columns.column_names:
            at = columns.column_names.index("sum")
            columns = columns.set_column(at, "sum", [[0.0] * len(columns)])
        tables[table] = columns
    figure = replace(RESULTS, tables=tables).plot(name)
    legible(figure)
    words = [text.get_text() for text in figure.findobj(matplotlib.text.Text)]
    assert any("undefined" in word.lower() or "without interval" in word for word in words)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "tier"}, "name: 'tier' is not there, 'tiers' is the nearest; 'bins', "),
        ({"name": "tiers", "topic": "cat"}, "topic: 'cat' is not there, 'cats' is the nearest"),
        ({"name": "tiers", "value_function": "heath"}, r"value_function: 'heath' .*'Heat\(\)'"),
        ({"name": "dose", "value_function": aumann.GiniMeanDifference()}, "value_function: 'Gini"),
        ({"name": "tiers", "size": 900}, "size: 900 is not there, 1000 is the nearest; 100, 1000"),
        ({"name": "tiers", "size": "1000"}, "size: '1000' is not there, 1000 is the nearest"),
        ({"name": "bins", "protocol": 1}, "protocol: 1 is not there, 'visibility' is the nearest"),
        ({"name": "bins", "protocol": "random"}, "protocol: 'random' .*'visibility' is the near"),
        ({"name": "days", "protocol": "visible"}, "protocol: 'visible' .*'visibility' is the nea"),
        ({"name": "repair", "protocol": "visibility"}, "'random' is the nearest"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(options, message):
    with pytest.raises(ValueError, match=message):
        RESULTS.plot(**options)


def test_options_that_a_figure_does_not_take_are_refused():
    with pytest.raises(TypeError, match="size: 100; the figure 'scales' has no such option"):
        RESULTS.plot("scales", size=100)
    with pytest.raises(ValueError, match="topic: 'cats', the population of this study has no top"):
        made(topics=(None,)).plot("tiers", topic="cats")


@pytest.mark.parametrize(
    ("name", "table", "options", "message"),
    [
        ("tiers", "whole", {}, "has no table 'whole'; the same study, run again, makes it"),
        ("bins", "panel_bins", {"size": 100}, r"'panel_bins'; Study\(\.\.\., stepwise="),
        ("days", "panel_steps", {"protocol": "visibility"}, r"'panel_steps'; Study\("),
        ("repair", "repairs", {}, "'repairs'; a study with a protocol in which every agent can"),
    ],
)
def test_a_missing_table_is_answered_with_what_makes_it(name, table, options, message):
    tables = {key: value for key, value in RESULTS.tables.items() if key != table}
    with pytest.raises(ValueError, match=message):
        replace(RESULTS, tables=tables).plot(name, **options)


@pytest.mark.parametrize(("name", "table"), [("bins", "panel_bins"), ("days", "panel_steps")])
def test_without_panels_step_by_step_the_population_is_drawn_alone(name, table):
    tables = {key: value for key, value in RESULTS.tables.items() if key != table}
    titles = [axes.get_title("left") for axes in replace(RESULTS, tables=tables).plot(name).axes]
    assert titles[0] == "population, 5,000 agents"
    assert not any("visibility" in title for title in titles)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    whole = builtins.__import__

    def without(name, *given, **more):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return whole(name, *given, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "aumann.figures.style", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'aumann\[study\]'"):
        RESULTS.plot("tiers")


def test_the_settings_of_the_user_are_neither_used_nor_changed():
    plain = drawn(RESULTS.plot("tiers"), "svg")
    settings = {"font.size": 30, "axes.facecolor": "black", "svg.fonttype": "path"}
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        assert drawn(RESULTS.plot("tiers"), "svg") == plain
        assert dict(matplotlib.rcParams) == before


def test_no_window_system_is_touched(tmp_path):
    code = """if True:
        import sys
        import aumann
        assert "matplotlib" not in sys.modules
        aumann.attribute([[1.0], [2.0]], aumann.Mean()).plot().savefig(sys.argv[1])
        assert "matplotlib.pyplot" not in sys.modules
    """
    target = tmp_path / "figure.svg"
    subprocess.run([sys.executable, "-W", "error", "-c", code, target], check=True)
    assert target.exists()
