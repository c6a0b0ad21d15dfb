"""The timing comparison without its processes: estimates, order, shares, files, words."""

import builtins
from dataclasses import replace

import numpy as np
import pytest

from aumann.benchmark.timing import BUILT_IN, Cell, TimedMethod, run
from aumann.benchmark.timing.cell import FOREVER, LIMIT, with_events
from aumann.benchmark.timing.extrapolation import complete, fit
from aumann.benchmark.timing.figure import _apart, write_figure
from aumann.benchmark.timing.report import notes, short_cell, time_cell, write_markdown
from aumann.benchmark.timing.schedule import planned, share, stuck
from aumann.benchmark.timing.store import read_cells, write_cells

EXACT = Cell("exact", "m:e", "heat", 100, limit=10.0)
SAMPLED = Cell("sampled", "m:s", "heat", 100, samples=1_000, limit=10.0)


def measured(method, agents, seconds, function="heat"):
    return Cell(method, "m:f", function, agents, status="measured", seconds=seconds, ran=True)


def test_measurements_are_medians_and_quartiles():
    told = [{"seconds": 9.0, "cold": True}]
    told += [{"seconds": s, "peak_bytes": int(s)} for s in (4.0, 1.0, 2.0, 3.0, 5.0)]
    cell = with_events(EXACT, told, None)
    assert (cell.status, cell.calls, cell.peak_bytes) == ("measured", 5, 5)
    assert (cell.lower_quartile, cell.seconds, cell.upper_quartile) == (2, 3, 4)


def test_a_first_call_counts_where_there_was_no_other():
    cell = with_events(EXACT, [{"seconds": 9.0, "cold": True}], LIMIT)
    assert (cell.status, cell.seconds, cell.calls) == ("measured", 9, 1)


def test_fewer_samples_are_extended_along_a_line():
    # 0.5 s for the call and 0.02 s for each sample.
    told = [{"seconds": 0.5 + 0.02 * k, "samples": k} for k in (2, 16, 100)]
    cell = with_events(SAMPLED, told, LIMIT)
    assert (cell.status, cell.basis, cell.samples_timed) == ("extrapolated", "fewer samples", 100)
    assert cell.seconds == pytest.approx(20.5)
    assert (cell.calls, cell.lower_quartile) == (0, None)
    cell = with_events(SAMPLED, [*told, {"seconds": 21.0, "samples": 1_000}], None)
    assert (cell.status, cell.basis, cell.seconds) == ("measured", None, 21)


def test_estimates_beyond_thirty_days_are_infeasible():
    told = [{"seconds": 2e4, "samples": 2}]
    cell = with_events(replace(SAMPLED, samples=1_000_000), told, LIMIT)
    assert cell.status == "infeasible"
    assert cell.seconds == pytest.approx(1e10)
    assert cell.seconds > FOREVER


@pytest.mark.parametrize(
    ("told", "ended", "status", "note"),
    [
        ([], LIMIT, "unfinished", LIMIT),
        ([{"error": "KeyError: 1"}], None, "failed", "KeyError: 1"),
        ([{"refused": "at most 24"}], None, "infeasible", "at most 24"),
        ([{"seconds": 1.0, "samples": 2}], "ended by SIGKILL", "failed", "ended by SIGKILL"),
    ],
)
def test_what_gives_no_time(told, ended, status, note):
    cell = with_events(SAMPLED, told, ended)
    assert (cell.status, cell.note, cell.seconds, cell.ran) == (status, note, None, True)


def test_a_power_law_is_found_again():
    sizes = [100, 1_000, 50_000]
    law = fit(sizes, [3e-7 * n**1.37 for n in sizes])
    assert law.exponent == pytest.approx(1.37, rel=1e-12)
    assert law.seconds(10**6) == pytest.approx(3e-7 * 10 ** (6 * 1.37), rel=1e-11)


def test_estimates_come_from_the_three_largest_measured_sizes():
    cells = [measured("a", n, 1.0 if n < 1_000 else n**1.5) for n in (10, 100, 1_000, 2_000, 4_000)]
    later = [Cell("a", "m:f", "heat", n, note=LIMIT, ran=True) for n in (8_000, 10**6)]
    *same, near, far = complete([*cells, *later])
    assert same == cells
    assert (near.status, near.basis) == ("extrapolated", "power law")
    assert near.exponent == pytest.approx(1.5)
    assert near.seconds == pytest.approx(8_000**1.5)
    assert far.status == "infeasible"
    assert far.seconds == pytest.approx(1e9)


def test_nothing_is_made_from_two_sizes_or_other_curves_or_estimates():
    cells = [measured("a", 10, 1.0), measured("a", 20, 2.0)]
    cells += [measured("b", 30, 3.0), measured("a", 30, 3.0, "mean")]
    cells.append(replace(measured("a", 30, 3.0), status="extrapolated", basis="fewer samples"))
    missing = Cell("a", "m:f", "heat", 100, note=LIMIT)
    assert complete([*cells, missing])[-1] == missing
    # Nor is anything said of sizes below the measured ones.
    three = [measured("a", n, 1.0) for n in (200, 300, 400)]
    assert complete([*three, missing])[-1] == missing


def test_exact_methods_come_first_then_small_sizes():
    methods = {"s": TimedMethod("m:s", 10, per_agent=True), "e": TimedMethod("m:e")}
    about = {"repeats": 3, "limit": 1.0, "machine": "here", "version": "1"}
    cells = planned(methods, ["mean", "heat"], [20, 10], **about)
    assert [(c.method, c.agents, c.value_function) for c in cells] == [
        (method, agents, function)
        for method in "es"
        for agents in (10, 20)
        for function in ("mean", "heat")
    ]
    assert [c.samples for c in cells] == [None] * 4 + [100] * 2 + [200] * 2
    assert {(c.repeats, c.limit, c.machine, c.version) for c in cells} == {(3, 1.0, "here", "1")}


def test_time_is_shared_and_little_is_kept_for_what_will_not_finish():
    cells = [replace(EXACT, agents=n, limit=60.0) for n in (10, 20, 30)]
    other = replace(SAMPLED, limit=60.0, agents=200)
    # 42 s, less 0.5 s for each of four processes, in four parts.
    assert share(cells[0], [*cells[1:], other], {}, 42.0) == 10
    late = replace(SAMPLED, status="extrapolated", basis="fewer samples", ran=True)
    stuck_at = stuck([late, measured("exact", 10, 1.0)])
    assert stuck_at == {("sampled", "heat"): 100}
    assert share(cells[0], [*cells[1:], other], stuck_at, 42.0) == pytest.approx((40 - 5) / 3)
    assert share(other, [], stuck_at, 42.0) == 5
    assert share(cells[0], [], {}, 1_000.0) == 60
    assert share(other, [], stuck_at, 2.0) == 2


def test_cells_come_back_from_their_file(tmp_path):
    cells = [measured("a, b", 10, 0.1), replace(EXACT, note="é", exponent=1.5, peak_bytes=2**40)]
    file = tmp_path / "results.parquet"
    write_cells(cells, file)
    assert read_cells(file) == cells
    file.write_text("nothing")
    with pytest.raises(ValueError, match=r"not a complete Parquet file.*name another folder"):
        read_cells(file)


def test_marks_are_never_missing():
    reference = measured("Aumann-Shapley", 100, 2e-5)
    for status in ("extrapolated", "infeasible", "unfinished", "failed"):
        seconds = 5e4 if status in ("extrapolated", "infeasible") else None
        cell = replace(EXACT, status=status, seconds=seconds)
        assert status in time_cell(cell, reference)
        assert status in short_cell(cell, reference) or short_cell(cell, reference)[0] == "~"
    refused = replace(EXACT, status="infeasible", note="at most 24")
    assert time_cell(refused) == short_cell(refused) == "infeasible, refused"
    assert time_cell(measured("a", 100, 0.06), reference) == "60 ms (3.0e3x)"
    assert time_cell(replace(EXACT, status="extrapolated", seconds=7.2e3, exponent=2.0)) == (
        "2 h extrapolated, N^2.00"
    )


def test_markdown_says_it_all(tmp_path):
    few = replace(SAMPLED, status="extrapolated", basis="fewer samples", samples_timed=8)
    cells = [
        replace(measured("Aumann-Shapley", 100, 1e-3), calls=5, lower_quartile=9e-4,
                upper_quartile=2e-3, peak_bytes=3 * 2**20),
        replace(few, seconds=100.0),
    ]  # fmt: skip
    file = tmp_path / "results.md"
    write_markdown(cells, file)
    text = file.read_text()
    assert "| agents | Aumann-Shapley | sampled |" in text
    assert "| 100 | 1 ms | 1.67 min (1.0e5x) *extrapolated* |" in text
    assert "| 100 | 900 us to 2 ms, 5 |  |" in text
    assert "| 100 | 3 MiB |  |" in text
    assert "- sampled, heat, 100 agents: from 8 of 1,000 samples" in text
    assert notes(cells[:1]) == []


def test_labels_are_moved_apart():
    places = _apart({"a": 0.5, "b": 0.51, "c": 0.52, "d": 0.9, "e": 0.0, "f": 0.01}, 0.05)
    heights = sorted(places.values())
    assert np.diff(heights).min() >= 0.05 - 1e-12
    assert heights[0] >= 0
    assert [places[name] for name in "abc"] == pytest.approx([0.46, 0.51, 0.56])
    assert places["d"] == 0.9


def test_the_figure_is_written(tmp_path):
    pytest.importorskip("matplotlib")
    cells = [
        replace(measured(name, n, n * 1e-6, function), lower_quartile=n * 9e-7)
        for name in (*BUILT_IN, "mine")
        for function in ("mean", "gini")
        for n in (100, 1_000)
    ]
    cells.append(Cell("mine", "m:f", "gini", 10_000, status="infeasible", seconds=1e9))
    write_figure(cells, tmp_path)
    assert (tmp_path / "timing.png").read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "timing.svg").read_text()
    for name in (*BUILT_IN, "mine", "infeasible above"):
        assert name in text
    write_figure(cells, tmp_path)
    assert (tmp_path / "timing.svg").read_text() == text


def test_without_matplotlib_the_figure_says_what_to_install(monkeypatch, tmp_path):
    whole = builtins.__import__

    def without(name, *given, **more):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return whole(name, *given, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"aumann\[study\]"):
        write_figure([measured("a", 10, 1.0)], tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"methods": {}}, "methods: {}"),
        ({"methods": {"a": "module"}}, "target: 'module', 'module:function'"),
        ({"methods": {"a": len}}, "'a' is <built-in function len>"),
        ({"sizes": []}, r"sizes: \[\]"),
        ({"sizes": [10, 10]}, "has one twice"),
        ({"sizes": [1]}, "sizes: 1"),
        ({"value_functions": ["median"]}, "median"),
        ({"value_functions": "mean"}, "value_functions: 'mean'"),
        ({"repeats": 0}, "repeats: 0"),
        ({"limit": 0.0}, "limit: 0.0"),
        ({"budget": float("inf")}, "budget: inf"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        run(**arguments)
    with pytest.raises(ValueError, match="samples: 3"):
        TimedMethod("m:f", 3)
