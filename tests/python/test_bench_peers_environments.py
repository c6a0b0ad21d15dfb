"""Environments of peers, made from a wheel on disk; and real peers where they are installed.

No test uses the network, so the installation of the real peers from a package index is not tested.
"""

import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from reference import NAMES, aumann_shapley, value

import aumann
from aumann.benchmark.peers import PEERS, Method, Peer, compare, environment
from aumann.benchmark.peers.environment import NotInstalled, default_folder, interpreter
from aumann.benchmark.peers.runner import run
from aumann.benchmark.peers.workers.aumann import exact_method, value_function
from aumann.benchmark.peers.workers.population import Population

pytestmark = pytest.mark.lengthy

WORKER = """
def mean(population, budget, seed):
    import tinypeer
    return population.x.sum(axis=1) / population.agents * tinypeer.FACTOR

METHODS = {"mean": mean}
"""


def wheel(folder: Path, version: str, factor: int) -> str:
    """Write a wheel of one module and return its path; its .pth file lends it this NumPy."""
    numpy_lies_in = Path(np.__file__).parents[1]
    files = {
        "tinypeer.py": f"FACTOR = {factor}\n",
        "tinypeer_numpy.pth": f"{numpy_lies_in}\n",
        f"tinypeer-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: tinypeer\nVersion: {version}\n"
        ),
        f"tinypeer-{version}.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = f"tinypeer-{version}.dist-info/RECORD"
    files[record] = "".join(f"{name},,\n" for name in (*files, record))
    path = folder / f"tinypeer-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return str(path)


def tiny(folder: Path, *requirements: str, **options: Any) -> Peer:
    worker = folder / "worker.py"
    worker.write_text(WORKER)
    methods = (Method("mean", "Aumann-Shapley"),)
    return Peer("tinypeer", methods, worker, requirements, **options)


def silent(stage: str) -> None:
    pass


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_an_environment_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    if installer == "pip":
        monkeypatch.setattr(environment, "_uv", lambda: None)
    elif environment._uv() is None:
        pytest.skip("uv is not installed")
    folder = tmp_path / "deep" / "environments"
    peer = tiny(tmp_path, wheel(tmp_path, "1.5", factor=1))
    told: list[str] = []
    first = compare([peer], ["mean"], [5], environments=folder, progress=told.append)[0]
    assert (first.status, first.detail, first.version) == ("measured", "", "1.5")
    assert first.relative_error is not None
    assert first.relative_error < 1e-15
    assert told[0] == f"installing {peer.requirements[0]} for tinypeer"
    assert [path.name for path in folder.iterdir()] == ["tinypeer"]

    made = (folder / "tinypeer").stat().st_ino
    told.clear()
    python = interpreter(peer, folder, told.append)
    assert python.is_relative_to(folder / "tinypeer")
    assert ((folder / "tinypeer").stat().st_ino, told) == (made, [])

    if installer == "pip":
        return
    # Other requirements, another environment; what was there goes.
    changed = tiny(tmp_path, wheel(tmp_path, "1.6", factor=2))
    second = compare([changed], ["mean"], [5], environments=folder)[0]
    assert (second.version, second.relative_error) == ("1.6", pytest.approx(1))
    assert [path.name for path in folder.iterdir()] == ["tinypeer"]


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_what_cannot_be_installed_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    def stand_in(peer: Peer, made: Path, python: Path) -> list[list[str]]:
        says = "print('collecting'); print('no such wheel'); raise SystemExit(1)"
        return [[sys.executable, "-c", says]]

    folder = tmp_path / "environments"
    if installer == "pip":
        monkeypatch.setattr(environment, "_commands", stand_in)
    elif environment._uv() is None:
        pytest.skip("uv is not installed")
    rows = compare(
        [tiny(tmp_path, str(tmp_path / "absent.whl"))], ["mean"], [5], environments=folder
    )
    assert [row.status for row in rows] == ["not installed"]
    assert rows[0].detail == "no such wheel" or "absent.whl" in rows[0].detail
    assert list(folder.iterdir()) == []


def test_an_interrupted_installation_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(command: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "_run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        interpreter(tiny(tmp_path, "anything"), tmp_path / "environments", silent)
    assert list((tmp_path / "environments").iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotInstalled, match="file"):
        interpreter(tiny(tmp_path, "anything"), tmp_path / "file" / "environments", silent)


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
def test_a_python_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = {"python3.97": "exit 0", "python3.98": "exit 127", "python3.99": "exit 0"}
    for name, body in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    # The second is a shim without a Python behind it, the third is too new.
    assert environment._another_python((3, 97), (3, 99)) == str(tmp_path / "python3.97")
    assert environment._another_python((3, 98), (3, 99)) is None

    monkeypatch.setattr(environment, "_uv", lambda: None)
    peer = tiny(tmp_path, "anything", python=((3, 98), (3, 99)))
    with pytest.raises(NotInstalled, match=r"a Python from 3\.98 and below 3\.99; none is on"):
        interpreter(peer, tmp_path / "environments", silent)


def test_environments_lie_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "aumann" / "peers"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "aumann" / "peers"


def test_registered_peers() -> None:
    assert [peer.name for peer in PEERS] == ["aumann", "captum", "shap", "shapiq", "pydvl"]
    for peer in PEERS:
        assert peer.worker.is_file()
        assert len({method.name for method in peer.methods}) == len(peer.methods)
        assert all("<" in requirement for requirement in peer.requirements)
    assert "numpy<2" in PEERS[-1].requirements


# Real peers. The oracle enumerates all coalitions and shares no code with either side.

X = np.random.default_rng(3).exponential(size=(7, 3))


def enumerated(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shapley and leave-one-out values of X with the zero baseline."""
    n = len(X)
    inside = np.arange(2**n)[:, None] >> np.arange(n) & 1
    worth = np.array([value(name, X * row[:, None]) for row in inside])
    sizes = inside.sum(axis=1)
    weights = [factorial(k) * factorial(n - 1 - k) / factorial(n) for k in range(n)]
    shapley = np.empty(n)
    for agent in range(n):
        without = np.flatnonzero(inside[:, agent] == 0)
        gains = worth[without + 2**agent] - worth[without]
        shapley[agent] = gains @ np.take(weights, sizes[without])
    return shapley, worth[-1] - worth[2**n - 1 - 2 ** np.arange(n)]


Solvers = Mapping[str, Callable[[Population, Mapping[str, int], int], NDArray[np.float64]]]


@pytest.mark.parametrize("value_name", ["Shapley", "leave-one-out", "Aumann-Shapley"])
@pytest.mark.parametrize("name", NAMES)
def test_the_truth_is_right(name: str, value_name: str) -> None:
    method = exact_method(value_name, name, len(X))
    found = aumann.attribute(X, value_function(name), method=method).values
    shapley, left_out = enumerated(name)
    expected = {
        "Shapley": shapley,
        "leave-one-out": left_out,
        "Aumann-Shapley": aumann_shapley(name, X).astype(np.float64),
    }
    np.testing.assert_allclose(found, expected[value_name], rtol=0, atol=1e-13)


@pytest.mark.parametrize("value_name", ["Shapley", "Banzhaf"])
def test_the_expanded_truth_is_as_near_as_it_says(value_name: str) -> None:
    x = np.random.default_rng(8).exponential(size=(21, 3))
    expanded = aumann.attribute(x, aumann.Heat(), method=exact_method(value_name, "heat", 21))
    whole = {"Shapley": aumann.Shapley(), "Banzhaf": aumann.Banzhaf()}[value_name]
    off = np.abs(expanded.values - aumann.attribute(x, aumann.Heat(), method=whole).values).max()
    assert 0 < off < 2 * expanded.error_estimate
    assert off < 1e-3 * np.abs(expanded.values).max()


@pytest.fixture(scope="module")
def shapiq_methods() -> Solvers:
    if find_spec("shapiq") is None:
        if os.environ.get("CI"):
            pytest.fail("shapiq must be installed in CI (dependency group test)")
        pytest.skip("shapiq is not installed (dependency group test)")
    from aumann.benchmark.peers.workers import shapiq

    return shapiq.METHODS


# Warnings in the libraries it imports are not ours to mend.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_shapiq_agrees(shapiq_methods: Solvers, name: str) -> None:
    exact = shapiq_methods["ExactComputer"](Population(X, name), {}, 0)
    ours = aumann.attribute(X, value_function(name), method=exact_method("Shapley", name, len(X)))
    np.testing.assert_allclose(exact, enumerated(name)[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(ours.values, exact, rtol=0, atol=1e-13)

    population = Population(X, name)
    sampled = shapiq_methods["PermutationSamplingSV"](population, {"permutations": 2_000}, 1)
    # The empty and the full coalition once, and n - 1 more for every order: all were used.
    assert population.evaluations == 2 + 2_000 * (len(X) - 1)
    assert sampled.sum() == pytest.approx(value(name, X), rel=1e-12)
    np.testing.assert_allclose(sampled, exact, rtol=0, atol=0.05 * np.abs(exact).max())


def test_shapiq_in_a_process_of_its_own(shapiq_methods: Solvers) -> None:
    peer = next(peer for peer in PEERS if peer.name == "shapiq")
    done = run(Path(sys.executable), peer.worker, "shapiq", "ExactComputer", {}, X, "heat")
    assert (done.status, done.detail) == ("measured", "")
    assert done.version is not None
    np.testing.assert_allclose(done.values, enumerated("heat")[0], rtol=0, atol=1e-13)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_captum_agrees(name: str) -> None:
    if find_spec("captum") is None:
        if os.environ.get("CI"):
            pytest.fail("captum must be installed in CI (dependency group test)")
        pytest.skip("captum is not installed (dependency group test)")
    from aumann.benchmark.peers.workers.captum import METHODS

    ablation = METHODS["FeatureAblation"](Population(X, name), {}, 0)
    left_out = aumann.attribute(X, value_function(name), method=aumann.LeaveOneOut()).values
    np.testing.assert_allclose(ablation, enumerated(name)[1], rtol=0, atol=1e-13)
    np.testing.assert_allclose(left_out, ablation, rtol=0, atol=1e-13)
    path = METHODS["IntegratedGradients"](Population(X, name), {"steps": 50}, 0)
    # Its quadrature weights are float32.
    expected = aumann.attribute(X, value_function(name), method=aumann.AumannShapley()).values
    np.testing.assert_allclose(path, expected, rtol=0, atol=3e-9 * np.abs(expected).max())
