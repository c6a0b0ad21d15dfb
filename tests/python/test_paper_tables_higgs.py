"""What docs/paper-tables.md says of real data: a week of Twitter, its kinds of events as topics."""

from functools import partial

import pytest
from study_rows import records

import aumann

pytestmark = pytest.mark.lengthy

KINDS = ["RT", "MT", "RE"]

near = partial(pytest.approx, abs=0.005)


def test_what_is_doubtful_in_the_paper(higgs_kinds, tmp_path):
    study = aumann.Study(
        higgs_kinds,
        [aumann.Heat(), aumann.Variance(), aumann.GiniMeanDifference()],
        {"visibility": aumann.VisibilityBiased(), "by followers": aumann.TopicByFollowers()},
        topics=KINDS,
        sizes=[100, 1_000],
        stepwise=[],
    )
    tables = study.run(tmp_path).paper_tables()
    rho = records(tables["Table 3"])
    assert [row["Heat()"] for row in rho] == near([0.368, 0.197, 0.117])
    ranks = records(tables["Appendix G"])[0]
    assert [ranks[f"{name}()"] for name in ("Heat", "Variance", "GiniMeanDifference")] == near(
        [0.417, 1.0, 1.0]
    )
    overlaps = {
        (row["anchor"], row["other"]): row["Jaccard"]
        for row in records(tables["Table 14, overlaps"])
    }
    assert overlaps["top 1 % by reach", "top 1 % by resonance"] == near(0.866)
    (followed,) = (row for row in records(tables["Table 17"]) if row["protocol"] == "by followers")
    assert followed["members"] == near(0.6)
    assert followed["flip, points"] < -0.1
    assert [name for name, table in tables.items() if table.missing] == ["Table 16"]
