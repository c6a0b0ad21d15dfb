"""The grid of panels, against plain NumPy; stopped and gone on with."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose
from scipy import stats

import aumann

POPULATION = aumann.synthesize(agents=2_500, steps=2, topics=2, seed=5)
PROTOCOLS = {"visibility": aumann.VisibilityBiased(), "random": aumann.UniformRandom()}
SMALL = {"protocols": PROTOCOLS, "sizes": [100, 1_000], "seeds": [3, 8]}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> aumann.StudyResults:
    return aumann.Study(POPULATION, **SMALL).run(tmp_path_factory.mktemp("study"))


def test_every_cell_is_what_numpy_finds(results):
    tiers = POPULATION.tiers()
    cells = results.tables["cells"].to_pylist()
    shares = results.tables["shares"].to_pylist()
    assert len(cells) == 2 * 4 * 2 * 2 * 2
    assert len(shares) == 3 * len(cells)
    draw = random.Random(1)
    for cell in draw.sample(cells, 12):
        x = POPULATION.features(cell["topic"], window="whole")
        name = {repr(f()): f.name for f in FUNCTIONS}[cell["value_function"]]
        members = PROTOCOLS[cell["protocol"]].draw(
            POPULATION, cell["size"], cell["seed"], topic=cell["topic"]
        )
        if name != "heat":
            # Which agents tie is a matter of the last bits of their composites.
            x = ((x[:, 0] + x[:, 1]) + x[:, 2])[:, None]
        whole = reference.aumann_shapley(name, x).astype(float)
        panel = reference.aumann_shapley(name, x[members]).astype(float)
        p, q = panel / panel.sum(), (whole / whole.sum())[members]
        factor = (p @ q) / (q @ q)
        assert cell["factor"] == pytest.approx(factor, rel=1e-8)
        rho = np.linalg.norm(p - factor * q) / np.linalg.norm(p)
        assert cell["residual"] == pytest.approx(rho, rel=1e-6, abs=1e-11)
        # Credits that are equal on paper differ by rounding in the reference.
        assert cell["spearman"] == pytest.approx(
            stats.spearmanr(p.round(12), q.round(12)).statistic, abs=2e-3
        )
        for row in shares:
            if all(row[key] == cell[key] for key in KEYS):
                tier = tiers.names.index(row["tier"])
                mine = tiers.codes[members] == tier
                assert row["agents"] == mine.sum()
                assert row["share"] == pytest.approx(p[mine].sum(), rel=1e-9, abs=1e-12)
                full = (whole / whole.sum())[tiers.codes == tier].sum()
                assert row["flip"] == pytest.approx(p[mine].sum() - full, rel=1e-8, abs=1e-12)


FUNCTIONS = (aumann.Mean, aumann.Heat, aumann.Variance, aumann.GiniMeanDifference)
KEYS = ("topic", "value_function", "protocol", "size", "seed")


def test_what_the_theory_says_of_the_grid(results):
    rows = results.tables["cells"].to_pylist()
    for row in rows:
        if row["value_function"] == "Mean()":
            assert row["residual"] < 1e-12
        else:
            assert row["residual"] > 1e-6
    summary = results.summary().to_pylist()
    top = {
        (row["protocol"], row["size"]): row["flip"]
        for row in summary
        if row["tier"] == "top"
        and row["value_function"] == "Variance()"
        and row["topic"] == POPULATION.topics[0]
    }
    assert top["visibility", 100] > 0.1 > abs(top["random", 1_000])


def test_every_step_is_what_numpy_finds(results):
    tiers, bins = POPULATION.tiers(), POPULATION.percentile_bins(100)
    rows = results.tables["steps"].to_pylist()
    assert len(rows) == 2 * 4 * 2 * 3
    for row in rows:
        x = POPULATION.features(row["topic"])[row["number"]]
        assert row["step"] == str(POPULATION.step_labels[row["number"]])
        name = {repr(f()): f.name for f in FUNCTIONS}[row["value_function"]]
        if name != "heat":
            x = ((x[:, 0] + x[:, 1]) + x[:, 2])[:, None]
        values = reference.aumann_shapley(name, x).astype(float)
        mine = tiers.codes == tiers.names.index(row["tier"])
        assert row["sum"] == pytest.approx(values[mine].sum(), rel=1e-9, abs=1e-12)
        assert row["share"] == pytest.approx(values[mine].sum() / values.sum(), rel=1e-9, abs=1e-12)
        assert row["value"] == pytest.approx(values.sum(), rel=1e-9)
        masses = [
            each["sum"]
            for each in results.tables["bins"].to_pylist()
            if all(each[key] == row[key] for key in ("topic", "value_function", "number"))
        ]
        wanted = np.bincount(bins.codes, weights=values, minlength=100)
        assert_allclose(masses, wanted, rtol=1e-9, atol=1e-12)
    peaks = results.peaks().to_pylist()
    assert len(peaks) == 2 * 4 * 3
    for peak in peaks:
        same = [r for r in rows if all(r[key] == peak[key] for key in ("topic", "value_function"))]
        assert peak["value"] == max(row["value"] for row in same)


def test_agents_who_are_never_there_count_for_nothing(tmp_path):
    x = np.random.default_rng(0).poisson(2.0, (2, 300))
    there = np.ones((2, 300), bool)
    there[:, 7] = False
    there[0, :50] = False
    x[~there] = 0
    counts = {"reach": x, "activity": 2 * x, "resonance": x // 2}
    population = aumann.Population.from_arrays(counts, kinds="count", presence=there)
    protocols = {"random": aumann.UniformRandom()}
    results = aumann.Study(population, protocols=protocols, sizes=[200], seeds=[0]).run(tmp_path)
    whole = aumann.attribute(
        population.features(window="whole"), aumann.Variance(), presence=there.any(axis=0)
    )
    rows = {
        row["tier"]: row
        for row in results.tables["whole"].to_pylist()
        if row["value_function"] == "Variance()"
    }
    grouped = whole.group(population.tiers())
    for k, tier in enumerate(grouped.names):
        assert rows[tier]["share"] == grouped.shares[k]
        assert rows[tier]["agents"] == grouped.counts[k]


def test_a_study_that_is_there_is_not_run_again(results, monkeypatch):
    kept = {path: path.stat().st_mtime_ns for path in results.folder.glob("parts/*")}
    monkeypatch.setattr(aumann.UniformRandom, "draw", None)
    again = aumann.Study(POPULATION, **SMALL).run(results.folder)
    assert all(again.tables[name].equals(table) for name, table in results.tables.items())
    assert kept == {path: path.stat().st_mtime_ns for path in results.folder.glob("parts/*")}


SCRIPT = """
import sys, aumann
population = aumann.synthesize(agents=2_500, steps=2, topics=2, seed=5)
protocols = {"visibility": aumann.VisibilityBiased(), "random": aumann.UniformRandom()}
aumann.Study(population, protocols=protocols, sizes=[100, 1_000], seeds=[3, 8]).run(sys.argv[1])
print("done", flush=True)
"""


@pytest.mark.lengthy
def test_a_study_that_is_killed_ten_times_ends_in_the_same_bits(results, tmp_path):
    draw = random.Random(7)
    folder = tmp_path / "killed"
    killed = 0
    for _ in range(10):
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)])
        before = len(list(folder.glob("parts/*.json"))) if folder.exists() else 0
        deadline = time.monotonic() + 60
        # Killed when the next part has come, or a little later.
        while process.poll() is None and time.monotonic() < deadline:
            if folder.exists() and len(list(folder.glob("parts/*.json"))) > before:
                time.sleep(draw.uniform(0, 0.02))
                break
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait(60)
    assert killed >= 3
    resumed = aumann.Study(POPULATION, **SMALL).run(folder)
    assert all(resumed.tables[name].equals(table) for name, table in results.tables.items())
    for name in results.tables:
        assert (folder / f"{name}.parquet").is_file()
    assert not list(folder.glob("parts/.*"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [2_500]}, "sizes: 2500, a number from 1 to 2499"),
        ({"sizes": []}, "sizes: none, at least one"),
        ({"seeds": [-1]}, "seeds: -1"),
        ({"topics": ["weather"]}, "topics: 'weather', some of"),
        ({"value_functions": [np.mean]}, "value_functions: <function mean"),
        ({"protocols": {"mine": 3}}, "protocols: 'mine' is 3"),
    ],
)
def test_studies_that_cannot_be(change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        aumann.Study(POPULATION, **{**SMALL, **change})


def test_the_folder_of_another_study_is_refused(results):
    with pytest.raises(ValueError, match="holds a study with other seeds; an empty folder"):
        aumann.Study(POPULATION, **{**SMALL, "seeds": [3, 9]}).run(results.folder)
    other = aumann.synthesize(agents=2_500, steps=2, topics=2, seed=6)
    with pytest.raises(ValueError, match="holds a study with other population"):
        aumann.Study(other, **SMALL).run(results.folder)
