"""`aumann bench axioms`: what holds, what does not, and that a broken method is found out."""

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from aumann.benchmark import axioms
from aumann.cli import app


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(axioms, "RUNS", 5)
    monkeypatch.setattr(axioms, "PERMUTATIONS", 10)
    monkeypatch.setattr(axioms, "COALITIONS", 500)
    monkeypatch.setattr(axioms, "MOST_ENUMERATED", 9)


@pytest.fixture(scope="module")
def findings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(axioms, "RUNS", 5)
        patch.setattr(axioms, "PERMUTATIONS", 10)
        patch.setattr(axioms, "COALITIONS", 500)
        found = axioms.run(5, seeds=1)
    return {(each.method, each.axiom, each.value_function): each for each in found}


def verdicts(findings, method, axiom):
    return {
        name: finding.verdict
        for (own, about, name), finding in findings.items()
        if (own, about) == (method, axiom)
    }


def test_every_cell_is_measured(findings):
    assert len(findings) == 6 * 4 * 4
    for finding in findings.values():
        assert np.isfinite(finding.violation)
        assert (finding.deviations is not None) == ("sampled" in finding.method)


@pytest.mark.parametrize("method", ["Aumann-Shapley", "Shapley, exact"])
def test_efficient_values_keep_all_four(findings, method):
    for axiom in axioms.AXIOMS:
        assert set(verdicts(findings, method, axiom).values()) == {"exact"}


def test_what_is_not_efficient(findings):
    assert verdicts(findings, "Banzhaf, exact", "efficiency") == {
        "mean": "exact",
        "heat": "violated",
        "variance": "exact",
        "gini": "exact",
    }
    left = verdicts(findings, "leave-one-out", "efficiency")
    assert left.pop("mean") == "exact"
    assert set(left.values()) == {"violated"}
    for method in ("Banzhaf, exact", "leave-one-out"):
        for axiom in ("symmetry", "dummy", "linearity"):
            assert set(verdicts(findings, method, axiom).values()) == {"exact"}


def test_samples_are_judged_by_their_standard_errors(findings):
    symmetry = findings["Banzhaf, sampled", "symmetry", "mean"]
    assert symmetry.violation > 1e-4
    assert symmetry.verdict == "within standard errors"
    assert findings["Shapley, sampled", "dummy", "gini"].verdict == "exact"


@pytest.mark.parametrize(
    ("axiom", "spoil"),
    [
        ("efficiency", lambda phi: phi * (1 + 1e-6)),
        ("symmetry", lambda phi: phi + 1e-6 * np.eye(1, len(phi))[0]),
        ("dummy", lambda phi: phi + 1e-6),
        ("linearity", lambda phi: phi * (1 + 1e-6 * phi.sum())),
    ],
)
def test_a_method_that_breaks_an_axiom_is_found_out(monkeypatch, axiom, spoil):
    whole = axioms._attributed
    monkeypatch.setattr(axioms, "METHODS", ("Aumann-Shapley",))
    monkeypatch.setattr(axioms, "_attributed", lambda *given: spoil(whole(*given)))
    found = axioms.worst(axioms.run(5, seeds=1))
    assert found["Aumann-Shapley", axiom].verdict == "violated"


def test_a_biased_sample_is_found_out():
    noise = np.random.default_rng(0).standard_normal((20, 1))
    assert axioms._deviations(0.1 * noise) < 4
    assert axioms._deviations(0.1 * noise + 0.5) > 4
    assert axioms._deviations(np.full((20, 1), 0.1)) == np.inf
    assert axioms._deviations(np.full((20, 1), 1e-15)) == 0


def test_the_largest_number_of_agents():
    largest = axioms.largest_exact(1_000)
    for name in axioms.VALUE_FUNCTIONS:
        assert largest["Aumann-Shapley", name] == largest["leave-one-out", name] == 1_000
        assert largest["Shapley, sampled", name] is largest["Banzhaf, sampled", name] is None
    assert largest["Shapley, exact", "heat"] == largest["Banzhaf, exact", "heat"] == 9


@pytest.mark.parametrize("numbers", [{"agents": 3}, {"agents": 21}, {"seeds": 0}])
def test_numbers_are_checked(numbers):
    (name,) = numbers
    with pytest.raises(ValueError, match=f"{name}: "):
        axioms.run(**numbers)


def test_the_command(monkeypatch, tmp_path):
    output = tmp_path / "axioms.csv"
    arguments = ["bench", "axioms", "--agents", "5", "--seeds", "1"]
    done = CliRunner().invoke(app, [*arguments, "--output", str(output)])
    assert (done.exit_code, done.stderr) == (0, "")
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert lines["Aumann-Shapley"].count("holds") == 4
    assert "1,671,587" in lines["Aumann-Shapley"]
    assert "NO" in lines["leave-one-out"]
    assert lines["Banzhaf, sampled"].rstrip().endswith("never")
    assert "heat 9" in lines["Shapley, exact"]
    assert pl.read_csv(output).height == 6 * 4 * 4
    monkeypatch.setattr(axioms, "METHODS", ("Aumann-Shapley", "Banzhaf, exact"))
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert len(document["findings"]) == 2 * 4 * 4
    assert {each["agents"] for each in document["largest_exact"]} == {9, 1_671_587}
