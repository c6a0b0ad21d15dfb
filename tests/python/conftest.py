"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

import aumann

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the real data that licences and privacy keep out of the repository."""
    data = Path(os.environ.get("AUMANN_DATA", SHARED / "data"))
    if not data.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"the real data must be present in CI, but {data} is missing")
        pytest.skip(f"real data not found at {data} (set AUMANN_DATA to its folder)")
    return data


@pytest.fixture(scope="session")
def higgs_path(shared_data: Path) -> Path:
    """A week of Twitter activity: 563,069 lines of `actor target unix_time kind`."""
    return shared_data / "higgs" / "higgs-activity_time.txt.gz"


@pytest.fixture(scope="session")
def higgs_kinds(higgs_path: Path) -> aumann.Population:
    """The same week, its kinds of events as topics."""
    kinds = ["RT", "MT", "RE"]
    return aumann.read_events(
        higgs_path,
        columns=["actor", "target", "time", "kind"],
        separator=" ",
        activity=kinds,
        resonance=kinds,
        topic_column="kind",
    )
