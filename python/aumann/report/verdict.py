"""Which panels can be trusted: one line per protocol."""

from __future__ import annotations

from aumann.report.evidence import Evidence
from aumann.report.judgement import Judgement, judged
from aumann.report.repair import coverage, few, repaired_size, too_few
from aumann.report.table import PROTOCOL, Cell, Column, Table
from aumann.report.words import counted, percent_span

__all__ = ["verdicts"]

# Of indicators, the part that may come out wrong while the shares of a protocol are called good.
TOLERATED = 0.05


def verdicts(evidence: Evidence) -> Table:
    """Return in how many indicators each protocol errs, by size, and what follows from it."""
    rows = []
    for protocol in evidence.protocols:
        cells, wrong = [], []
        for size in evidence.sizes:
            counts, defined = judged(evidence, evidence.topics, protocol, size)
            other = counts[Judgement.OTHER_TIER]
            part = other / defined if defined else None
            cells.append(Cell(f"{other} of {defined}" if defined else "undefined", part))
            # Of what has no shares nothing can be right.
            wrong.append(1 - counts[Judgement.AGREE] / defined if defined else 1.0)
        words = (_as_they_are(evidence, wrong), _reweighted(evidence, protocol))
        rows.append([Cell(protocol, protocol), *cells, *(Cell(text, text) for text in words)])
    return Table(
        "verdicts",
        "Which panels to trust",
        "For how many indicators panels of a size name another main tier; from which size on "
        f"shares can be taken as they are: the main tier is named, and the {evidence.top} tier not "
        "misjudged nor typically off by more than 5 points, for 95 % of the indicators that are "
        f"defined; whether weights make them right: intervals are those of the {evidence.top} "
        "tier.",
        (
            PROTOCOL,
            *(Column(f"{size:,}") for size in evidence.sizes),
            Column("as they are", numeric=False),
            Column("reweighted", numeric=False),
        ),
        rows,
    )


def _as_they_are(evidence: Evidence, wrong: list[float]) -> str:
    good = 0
    for part in reversed(wrong):
        if part > TOLERATED:
            break
        good += 1
    if good == 0:
        return "no"
    return "yes" if good == len(wrong) else f"from {evidence.sizes[-good]:,} on"


def _reweighted(evidence: Evidence, protocol: str) -> str:
    if protocol == evidence.control:
        return "not needed"
    reached = [_reached(evidence, protocol, size) for size in evidence.sizes]
    held, known, without = coverage(evidence, evidence.topics, protocol)
    told = f"{held:,} of {known:,} intervals hold the truth"
    if without:
        told += f", {counted(without, 'panel')} without one"
    if reached[0] and min(reached[0]) < 1:
        refused = f"{percent_span(reached[0])} of the agents in reach"
        everyone = (
            size
            for size, parts in zip(evidence.sizes, reached, strict=True)
            if parts and min(parts) == 1
        )
        first = next(everyone, None)
        if first is None:
            return f"no: {refused}"
        least = max(first, repaired_size(evidence))
        return f"from {least:,} on {told}; below, {refused}" if known else f"no: {refused}"
    if not known:
        return "not measured"
    care = "with care" if too_few(evidence, held, known) or few(held, known) else "yes"
    least = repaired_size(evidence)
    since = f" from {least:,} on" if least > evidence.sizes[0] else ""
    return f"{care}{since}: {told}"


def _reached(evidence: Evidence, protocol: str, size: int) -> list[float]:
    """Return which part of the agents can be in a panel, by topic."""
    return [
        agents / evidence.agents
        for (_, name, n), agents in evidence.reach.items()
        if (name, n) == (protocol, size)
    ]
