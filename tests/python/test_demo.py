"""`aumann demo`: three tables whose numbers fit together and agree with plain NumPy."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

import aumann
from aumann.cli import app

pytestmark = pytest.mark.lengthy

FUNCTIONS = ("Mean()", "Heat()", "Variance()", "GiniMeanDifference()")
DAYS = 14


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def screen(folder):
    result = CliRunner().invoke(app, ["demo", "--agents", "20000", "-o", str(folder)])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def table(screen, *headings):
    """Cells of the rows under the line that starts with the headings."""
    (head,) = (k for k, line in enumerate(screen) if re.split(r"\s{2,}", line)[:2] == [*headings])
    body = []
    for line in screen[head + 2 :]:
        if not line.strip():
            break
        body.append(line)
    return [line.split() for line in body]


def percentages(cells):
    return [float(cell[:-1]) for cell in cells if cell.endswith("%")]


def test_the_screen_says_what_it_shows(screen):
    assert screen[0].startswith("20,000 synthetic agents over 14 days")
    assert all(len(line.rstrip()) <= 100 for line in screen[:-1])


def test_the_study_and_its_report_are_there(screen, folder):
    assert screen[-1] == f"written to {folder / 'report.html'}"
    page = (folder / "report.html").read_text()
    (headline,) = (line for line in screen if line.startswith("A small panel "))
    assert headline in page
    results = aumann.StudyResults.read(folder)
    covered = [
        row["low"] <= row["whole_share"] <= row["high"]
        for row in results.tables["repairs"].to_pylist()
        if (row["protocol"], row["tier"]) == ("visibility weighted", "top")
        and row["size"] >= 1_000
        and row["low"] is not None
    ]
    text = " ".join(screen).replace("\xa0", " ")
    assert f"the 95 % intervals hold the truth in {sum(covered)} of {len(covered)} cases" in text


def test_timings_come_with_residuals_at_rounding(screen):
    rows = table(screen, "value function", "aumann")
    assert [row[0] for row in rows] == list(FUNCTIONS)
    for _, ours, plain, ratio, tuned, other, residual in rows:
        assert float(ours) >= 0
        assert float(plain) >= 0
        assert float(tuned) >= 0
        assert ratio[-1] == other[-1] == "x"
        assert abs(float(residual)) < 1e-12


def test_tier_shares_sum_to_one_and_agree_with_numpy(screen):
    rows = table(screen, "value function", "drawn from")
    assert [row[0] for row in rows[::3]] == list(FUNCTIONS)
    shares = np.array([percentages(row) for row in rows])
    assert shares.shape == (12, 3)
    np.testing.assert_allclose(shares.sum(axis=1), 100, atol=0.15 + 1e-9)

    population = aumann.synthesize(agents=20_000, topics=5)
    names = ("reach", "activity", "resonance")
    s = np.log1p(np.column_stack([population.raw(name) for name in names])).sum(axis=1)
    order = np.lexsort((np.arange(s.size), -population.raw("reach")))
    for row, attribution in ((0, s), (6, s * (s - s.mean()))):
        parts = [part.sum() for part in np.split(attribution[order], (200, 2000))]
        expected = 100 * np.array(parts) / attribution.sum()
        np.testing.assert_allclose(shares[row], expected, atol=0.05 + 1e-9)
    for everyone, visible, uniform in shares.reshape(4, 3, 3):
        # The tail carries its part in the population and next to nothing in a biased panel.
        assert visible[2] < min(everyone[2], uniform[2]) - 20


def test_the_largest_day_is_the_peak(screen):
    rows = table(screen, "day", "heat")
    assert [row[:2] for row in rows] == [["day", str(day)] for day in range(1, DAYS + 1)]
    heat = [float(row[2]) for row in rows]
    assert ["peak" in row for row in rows] == [value == max(heat) for value in heat]
    for row, value in zip(rows, heat, strict=True):
        assert sum(percentages(row)) == pytest.approx(100, abs=0.15 + 1e-9)
        bar = max((cell for cell in row if set(cell) == {"#"}), default="")
        assert len(bar) == pytest.approx(40 * value / max(heat), abs=0.6)


def test_too_few_agents_are_refused():
    result = CliRunner().invoke(app, ["demo", "--agents", "999"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--agents" in result.stderr
