"""The study on real data: a week of Twitter, its kinds of events as topics."""

import aumann

KINDS = ["RT", "MT", "RE"]


def test_visible_panels_tell_another_story_than_the_population(higgs_kinds, tmp_path):
    assert higgs_kinds.topics == ("MT", "RE", "RT")
    # Every event is of one kind.
    assert sum(higgs_kinds.raw("activity", kind).sum() for kind in KINDS) == 563_069
    protocols = {"visibility": aumann.VisibilityBiased(), "random": aumann.UniformRandom()}
    study = aumann.Study(higgs_kinds, protocols=protocols, sizes=[10_000], seeds=[0, 1])
    results = study.run(tmp_path)
    for row in results.tables["cells"].to_pylist():
        if row["value_function"] == "Mean()":
            assert row["residual"] < 1e-14
        elif row["protocol"] == "visibility":
            assert row["residual"] > 0.05
    for row in results.summary().to_pylist():
        if row["tier"] == "top":
            if row["protocol"] == "visibility":
                assert row["flip"] > 0.1
            else:
                assert abs(row["flip"]) < 0.05
