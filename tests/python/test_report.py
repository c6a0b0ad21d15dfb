"""The report of a study: its numbers against the tables, and what it says where there is little."""

import json
import re
from collections import defaultdict

import numpy as np
import pytest
from report_studies import PROTOCOLS, Page, renamed, small_study

import aumann
from aumann.report import render_report, write_report

CELL = ("topic", "protocol", "size", "value_function")
NAMES = {"Mean()": "mean", "Heat()": "heat", "Variance()": "variance"}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> aumann.StudyResults:
    return small_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def source(results) -> str:
    return render_report(results)


@pytest.fixture(scope="module")
def page(source) -> Page:
    return Page(source)


def by(rows, *keys):
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return groups


def figure(text: str) -> float:
    return float(re.sub(r"[^0-9.e-]", "", text.replace("\N{MINUS SIGN}", "-")))


def leader(shares: dict[str, float]) -> str:
    return max(shares, key=shares.get)


def leaders(rows):
    """The tier with the largest share, by whatever is left of the keys."""
    return {
        key: leader({row["tier"]: row["share"] for row in mine})
        for key, mine in by(rows, "topic", "value_function").items()
    }


def test_panels_in_the_table_are_what_the_tables_of_the_study_say(results, page):
    shares = by(results.tables["shares"].to_pylist(), *CELL)
    cells = by(results.tables["cells"].to_pylist(), *CELL)
    main = leaders(results.tables["whole"].to_pylist())
    rows = page.rows("panels")
    assert len(rows) == len(shares) == 2 * 3 * 4 * 2
    for row in rows:
        topic, function, protocol = (cell[0] for cell in row[:3])
        (name,) = (key for key, told in NAMES.items() if told == function)
        key = (topic, protocol, int(row[3][1]), name)
        tiers = by(shares[key], "tier")
        top = np.array([each["share"] for each in tiers["top",]])
        assert float(row[4][1]) == pytest.approx(top.mean(), rel=1e-12)
        assert figure(row[4][0]) == pytest.approx(100 * top.mean(), abs=0.0501)
        assert float(row[5][1]) == pytest.approx(top.std(ddof=1), rel=1e-9)
        for place, tier in enumerate(("top", "middle", "tail"), 6):
            flip = np.mean([each["flip"] for each in tiers[tier,]])
            assert float(row[place][1]) == pytest.approx(flip, rel=1e-9, abs=1e-12)
            assert figure(row[place][0]) == pytest.approx(100 * flip, abs=0.0501)
        per_seed = by(shares[key], "seed")
        named = [leader({r["tier"]: r["share"] for r in mine}) for mine in per_seed.values()]
        assert row[9][0] == f"{named.count(main[topic, name])} of 3"
        rho = np.mean([each["residual"] for each in cells[key]])
        assert float(row[10][1]) == pytest.approx(rho, rel=1e-9)
        assert (row[10][0] == "0") == (function == "mean")
        for place, column in ((11, "spearman"), (12, "jaccard_10"), (13, "jaccard_100")):
            mean = np.mean([each[column] for each in cells[key]])
            assert float(row[place][1]) == pytest.approx(mean, rel=1e-9)
        assert row[14][0] == "0"


def test_peaks_repairs_and_reach_are_what_the_tables_say(results, page):
    steps = by(results.tables["steps"].to_pylist(), "topic", "value_function")
    for row in page.rows("peaks"):
        (mine,) = (m for (t, f), m in steps.items() if (t, NAMES[f]) == (row[0][0], row[1][0]))
        values = {each["step"]: each["value"] for each in mine}
        assert row[2][0] == leader(values)
        assert float(row[3][1]) == max(values.values())
        ratio = max(values.values()) / np.median(list(values.values()))
        assert float(row[4][1]) == pytest.approx(ratio, rel=1e-12)
        at_peak = {each["tier"]: each["share"] for each in mine if each["step"] == row[2][0]}
        assert [float(cell[1]) for cell in row[5:]] == list(at_peak.values())
    repairs = by(results.tables["repairs"].to_pylist(), *CELL, "tier")
    shares = by(results.tables["shares"].to_pylist(), *CELL, "tier")
    rows = page.rows("repairs")
    # Both pools are smaller than 1,000, so that there everyone can be drawn.
    assert len(rows) == len(repairs) == 2 * 3 * (2 + 4) * 3
    for row in rows:
        (name,) = (key for key, told in NAMES.items() if told == row[1][0])
        key = (row[0][0], row[2][0], int(row[3][1]), name, row[4][0])
        assert float(row[5][1]) == pytest.approx(np.mean([r["share"] for r in shares[key]]))
        lacking = sum(r["low"] is None for r in repairs[key])
        for place, column in ((6, "share"), (7, "low"), (8, "high"), (9, "whole_share")):
            known = [r[column] for r in repairs[key] if r[column] is not None]
            if lacking and column in ("low", "high"):
                # Not the mean of some panels beside that of all.
                assert row[place][0] == "undefined"
            else:
                assert float(row[place][1]) == pytest.approx(np.mean(known))
        assert int(row[11][1]) == lacking
        ends = [(r["low"], r["whole_share"], r["high"]) for r in repairs[key]]
        ends = [each for each in ends if None not in each]
        held = sum(low <= truth <= high for low, truth, high in ends)
        assert row[10][0] == f"{held} of {len(ends)}"
    for row in page.rows("reach"):
        protocol, size = PROTOCOLS[row[1][0]], int(row[2][1])
        population = aumann.synthesize(agents=3_000, steps=3, topics=2, seed=4)
        chances = protocol.inclusion(population, size, topic=row[0][0])
        assert int(row[3][1]) == np.count_nonzero(chances)


def test_the_story_counts_what_the_tables_hold(results, page):
    whole = leaders(results.tables["whole"].to_pylist())
    shares = [row for row in results.tables["shares"].to_pylist() if row["size"] == 100]
    told = {}
    for protocol in ("visibility", "random"):
        mine = [row for row in shares if row["protocol"] == protocol]
        other = 0
        for key, rows in by(mine, "topic", "value_function").items():
            named = [
                leader({r["tier"]: r["share"] for r in panel})
                for panel in by(rows, "seed").values()
            ]
            other += named.count(whole[key]) < len(named) / 2
        told[protocol] = other
    assert (
        f"name another main tier than the population for {told['visibility']} of 6 indicators; "
        f"uniform panels of that size do for {told['random']} of 6 indicators."
    ) in page.text
    assert told["visibility"] >= 2
    assert "A small panel tells another story than all 3,000 agents" in page.text
    flips = by([r for r in shares if r["tier"] == "top"], "protocol", "value_function", "topic")
    means = [
        100 * np.mean([row["flip"] for row in flips["visibility", "Variance()", topic]])
        for topic in results.manifest["topics"]
    ]
    assert f"+{min(means):.1f} to +{max(means):.1f} (variance)" in page.text
    rho = [
        np.mean([row["residual"] for row in rows])
        for key, rows in by(results.tables["cells"].to_pylist(), *CELL).items()
        if key[1:3] == ("visibility", 100) and key[3] != "Mean()"
    ]
    assert f"rho {min(rho):.2g} to {max(rho):.2g} for the others" in page.text
    assert "Only for the mean" in page.text
    repaired = [
        row
        for row in results.tables["repairs"].to_pylist()
        if (row["protocol"], row["tier"]) == ("visibility weighted", "top")
        and row["low"] is not None
    ]
    counts = {}
    for size in (100, 1_000):
        mine = [row for row in repaired if row["size"] == size]
        held = sum(row["low"] <= row["whole_share"] <= row["high"] for row in mine)
        counts[size] = f"{held} of {len(mine)}"
    assert f"intervals hold the truth in {counts[1_000]} cases" in page.text
    assert f"hold the population's in {counts[1_000]} cases, " in page.text
    assert f"; of smaller ones in {counts[100]}, " in page.text


def test_every_protocol_has_a_verdict_that_follows_from_its_panels(results, page):
    whole = leaders(results.tables["whole"].to_pylist())
    shares = by(results.tables["shares"].to_pylist(), "protocol", "size")
    reach = by(results.tables["protocols"].to_pylist(), "protocol", "size")
    assert [row[0][0] for row in page.rows("verdicts")] == list(PROTOCOLS)
    for row in page.rows("verdicts"):
        protocol = row[0][0]
        right = []
        for place, size in enumerate((100, 1_000), 1):
            other = far = 0
            for key, rows in by(shares[protocol, size], "topic", "value_function").items():
                panels = by(rows, "seed").values()
                named = [leader({r["tier"]: r["share"] for r in panel}) for panel in panels]
                other += named.count(whole[key]) < len(named) / 2
                flips = np.array([r["flip"] for r in rows if r["tier"] == "top"])
                far += np.sqrt(np.mean(flips**2)) > 0.05
            assert row[place][0] == f"{other} of 6"
            right.append(other == far == 0)
        if protocol == "random":
            words = {(True, True): "yes", (False, True): "from 1,000 on"}
            assert row[3][0] == words.get(tuple(right), "no")
        elif not right[1]:
            assert row[3][0] == "no"
        reached = [each["reachable"] / 3_000 for each in reach[protocol, 100]]
        if min(reached) < 1:
            # Either pool is smaller than 1,000, where everyone can be drawn.
            assert row[4][0].startswith("from 1,000 on ")
            assert f"; below, {100 * min(reached):.1f}" in row[4][0]
        elif protocol == "random":
            assert row[4][0] == "not needed"
        else:
            assert "intervals hold the truth" in row[4][0]


def test_the_same_study_gives_the_same_page(results, source, tmp_path):
    write_report(aumann.StudyResults.read(results.folder), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == source


def test_every_name_is_shown_as_it_is(results):
    hostile = "<b>&\"x</b><script>alert(1)</script>'"
    names = {"topic 1": hostile, "visibility": "</style>" + hostile, "top": "</svg>" + hostile}
    source = render_report(renamed(results, names))
    page = Page(source)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert "b" not in {tag for tag, _ in page.tags}
    for name in names.values():
        assert name in page.text
    assert hostile in {row[0][0] for row in page.rows("panels")}


def test_figures_are_described_and_share_no_identifier(page):
    drawn = [attributes for tag, attributes in page.tags if attributes.get("role") == "img"]
    assert len(drawn) == 2 * 7
    assert all(len(attributes["aria-label"]) > 20 for attributes in drawn)
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    known = {f"#{each}" for each in identifiers}
    for _, attributes in page.tags:
        for name, value in attributes.items():
            for reference in re.findall(r"url\((#[^)]+)\)", value or ""):
                assert reference in known
            if name == "xlink:href" and value.startswith("#"):
                assert value in known


def test_the_manifest_is_there(results, page):
    assert results.manifest["population"] in page.text
    assert json.dumps(results.manifest["versions"]["numpy"]) in page.text
