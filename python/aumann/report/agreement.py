"""Whether a small panel agrees with the population, in words."""

from __future__ import annotations

from aumann.report.answer import Answer, Topics, indicators, spread
from aumann.report.evidence import Evidence
from aumann.report.judgement import Judgement, judged, told_protocol
from aumann.report.words import counted, listed, points_span, quoted

__all__ = ["agreement"]

# With fewer panels per cell, a bias cannot be told from chance.
FEW_SEEDS = 3


def agreement(evidence: Evidence, topics: Topics) -> Answer:
    """Answer whether small panels agree, with uniform panels as the control."""
    protocol, control = told_protocol(evidence), evidence.control
    smallest, largest = evidence.sizes[0], evidence.sizes[-1]
    counts, defined = judged(evidence, topics, protocol, smallest)
    question = "Would a small panel agree?"
    if not defined:
        text = f"Panels of {smallest:,} by {quoted(protocol)} have undefined shares throughout."
        return Answer(question, "Undefined", "no panel has shares", (text,))
    other, off, far = (
        counts[each] for each in (Judgement.OTHER_TIER, Judgement.OFF, Judgement.FAR)
    )
    seeds = len(evidence.manifest["seeds"])
    answer = "Yes, in these panels" if seeds >= FEW_SEEDS else "Perhaps, but the panels are few"
    if 2 * (other + off) >= defined:
        answer = "No"
    elif 2 * (other + off + far) >= defined:
        answer = "Only roughly"
    elif other + off + far:
        answer = "Not for all indicators"
    gist = f"another main tier for {other} of {counted(defined, 'indicator')}"
    if not other and off:
        gist = f"the {evidence.top} tier is off for {off} of {counted(defined, 'indicator')}"
    elif not other and far:
        gist = f"typically off by over 5 points for {far} of {counted(defined, 'indicator')}"
    sentences = []
    for size in dict.fromkeys((smallest, largest)):
        flips = _flips(evidence, topics, protocol, size)
        if flips:
            sentences.append(
                f"Flip of the {evidence.top} tier in panels of {size:,} by {quoted(protocol)}, "
                f"percentage points: {listed(flips)}. {_leaders(evidence, topics, protocol, size)}"
            )
    if control is not None and control != protocol:
        flips = _flips(evidence, topics, control, smallest)
        if flips:
            sentences.append(
                f"Uniform panels of {smallest:,}, the control: {listed(flips)}. "
                f"{_leaders(evidence, topics, control, smallest)}"
            )
    for name in dict.fromkeys((protocol, control or protocol)):
        lost = sum(
            evidence.panels[topic, function, name, smallest].shares[evidence.top].undefined
            for topic, function in indicators(evidence, topics)
        )
        if lost:
            sentences.append(f"Without shares by {quoted(name)}: {counted(lost, 'case')}.")
    same = [
        f"{size:,} by {quoted(name)}"
        for name in evidence.protocols
        for size in evidence.sizes
        if seeds > 1 and all(evidence.certain.get((t, name, size)) == size for t in topics)
    ]
    if same:
        sentences.append(
            f"Panels of {listed(same)} hold the same agents whatever the seed, as nobody else can "
            "be drawn."
        )
    if seeds < FEW_SEEDS:
        sentences.append(
            f"With {counted(seeds, 'panel')} per protocol and size, bias and chance are hard to "
            "tell apart."
        )
    return Answer(question, answer, gist, tuple(sentences))


def _flips(evidence: Evidence, topics: Topics, protocol: str, size: int) -> list[str]:
    return spread(
        evidence,
        lambda function: [
            evidence.panels[topic, function, protocol, size].flips[evidence.top].mean
            for topic in topics
        ],
        lambda flips, name: f"{points_span(flips)} ({name})",
    )


def _leaders(evidence: Evidence, topics: Topics, protocol: str, size: int) -> str:
    panels = [
        evidence.panels[topic, function, protocol, size]
        for topic, function in indicators(evidence, topics)
    ]
    same, defined = (sum(each.same_leader for each in panels), sum(each.defined for each in panels))
    return f"They name the population's main tier in {same:,} of {defined:,} cases."
