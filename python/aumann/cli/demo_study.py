"""The study of `aumann demo`: whether small panels would have told the same story."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from aumann.cli.terminal import working

if TYPE_CHECKING:
    import aumann

__all__ = ["print_study"]

# Panels of each kind: with the synthetic population of full size the study takes under a minute.
SEEDS = range(3)


def print_study(console: Any, population: aumann.Population, folder: Path) -> None:
    """Run a study into a folder, write its report, and print what it found."""
    import aumann
    from aumann.report import write_report
    from aumann.report.evidence import Evidence
    from aumann.report.story import headline, story
    from aumann.study import paper_protocols

    protocols = {**paper_protocols(), "visibility weighted": aumann.VisibilityWeighted()}
    study = aumann.Study(population, protocols=protocols, seeds=SEEDS)
    console.print(fill(f"Would a small panel have said the same? {study}.", 98), markup=False)
    console.print()
    results = study.run(folder)
    report = folder / "report.html"
    with working("drawing the report"):
        write_report(results, report)
    evidence = Evidence.of(results)
    for sentence in headline(evidence):
        console.print(fill(sentence, 98), markup=False)
    # Further sentences, the topics one by one, figures and tables are in the report.
    for answer in story(evidence, evidence.topics):
        console.print(f"\n{answer.question}")
        for sentence in (f"{answer.answer}: {answer.gist}.", *answer.sentences[:1]):
            console.print(fill(sentence, 98), markup=False)
    console.print(f"\nwritten to {report}", soft_wrap=True, markup=False)
