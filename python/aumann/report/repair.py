"""What would repair a panel: weights, where every agent could have been drawn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from aumann.report.answer import Answer, Topics, indicators
from aumann.report.evidence import Evidence, Repair
from aumann.report.words import SPACE, counted, indicator, listed, percent, percent_span, quoted

__all__ = ["coverage", "few", "repair", "repaired_protocol", "repaired_size", "too_few"]

# The size that the nominal coverage of the intervals is claimed for.
TOLD_SIZE = 1_000
NORMAL_95 = 1.96
POINT = 0.01
# Fewer intervals that hold the truth than chance leaves with this probability are too few.
IMPROBABLE = 0.01
# A nominal 95 % that holds in a smaller part of the cases is not called good.
RELIED_ON = 0.9


def repaired_protocol(evidence: Evidence) -> str | None:
    """Return the protocol that repairs are told of: not uniform, reweighted at the most sizes.

    A pool that panels of some size exhaust leaves no one out at that size.
    """
    there = {(cell[2], cell[3]) for cell, _ in evidence.repairs if cell[2] != evidence.control}
    sizes = Counter(protocol for protocol, _ in there)
    told = [p for p in evidence.protocols if (p, repaired_size(evidence)) in there]
    return max(told, key=lambda protocol: sizes[protocol], default=None)


def repaired_size(evidence: Evidence) -> int:
    """Return the size that repairs are told of: the smallest from 1,000 on, else the largest."""
    return min((size for size in evidence.sizes if size >= TOLD_SIZE), default=evidence.sizes[-1])


def repair(evidence: Evidence, topics: Topics) -> Answer:
    """Answer whether and how panels can be repaired."""
    question = "What would repair it?"
    protocol, size = repaired_protocol(evidence), repaired_size(evidence)
    pools = _pools(evidence, topics)
    if protocol is None:
        text = "Uniform panels need no weights. "
        if len(evidence.protocols) > 1 or evidence.control is None:
            text = (
                "The protocols of this study that are not uniform leave agents out, or have not "
                "been reweighted. "
            )
        text += (
            "With aumann.VisibilityWeighted among its protocols a study measures what weights can "
            "do."
        )
        return Answer(question, "Not measured", "no panels to reweight", (text, *pools))
    told, needed = [], []
    for function in evidence.functions:
        cells = ((topic, function, protocol, size) for topic in topics)
        found = [evidence.repairs.get((cell, evidence.top)) for cell in cells]
        defined = [each for each in found if each is not None and each.missed is not None]
        if defined:
            told.append(_told(function, defined))
            needed += _needed(evidence, function, defined, size)
    if not told:
        text = "No reweighted panel has shares."
        return Answer(question, "Undefined", "no reweighted panel has shares", (text, *pools))
    sentences = [
        f"Panels of {size:,} by {quoted(protocol)} do not draw all alike, but everyone can be in "
        f"them. {_order(evidence, topics)}: {'; '.join(told)}."
    ]
    held, judged, without = coverage(evidence, topics, protocol)
    answer, gist = "Weights, where everyone can be drawn", "no interval is defined"
    if judged:
        gist = f"the 95{SPACE}% intervals hold the truth in {held:,} of {judged:,} cases"
        narrow, weak = too_few(evidence, held, judged), few(held, judged)
        sentences.append(
            f"The nominal 95{SPACE}% intervals of the {evidence.top} tier's share in panels "
            f"{_from(evidence)} hold the population's in {held:,} of {judged:,} cases, "
            f"{percent(held / judged)}"
            + ("; that is too few, so take them as too narrow" if narrow else "")
            + ("; with so few seeds that may be chance" if weak and not narrow else "")
            + (f"; {counted(without, 'panel')} more have no interval" if without else "")
            + _smaller(evidence, topics, protocol)
            + " Indicators share their panels, so that such parts are rough."
        )
        if narrow or weak:
            answer = "Weights, in part"
    if needed:
        sentences.append(
            f"To know it to \N{PLUS-MINUS SIGN}1 point takes about {listed(needed)}; "
            "aumann.plan_panel computes it."
        )
    return Answer(question, answer, gist, (*sentences, *pools))


def _order(evidence: Evidence, topics: Topics) -> str:
    if len(topics) > 1:
        return f"They miss the share of the {evidence.top} tier, in the worst topic, by points"
    return (
        f"Share of the {evidence.top} tier by them, reweighted (average 95{SPACE}% interval), and "
        "in the population"
    )


def _told(function: str, found: Sequence[Repair]) -> str:
    name = indicator(function)
    if len(found) > 1:
        before, after = (
            f"{100 * max(errors):.1f}"
            for errors in zip(*(each.missed for each in found if each.missed), strict=True)
        )
        return f"{name} {before}, reweighted {after}"
    each = found[0]
    interval = ""
    if each.low.mean is not None and each.high.mean is not None:
        interval = f" ({percent_span([each.low.mean, each.high.mean])})"
    return (
        f"{name} {percent(each.own)}, reweighted {percent(each.share.mean)}{interval}, truly "
        f"{percent(each.whole)}"
    )


def _needed(evidence: Evidence, function: str, found: Sequence[Repair], size: int) -> list[str]:
    """Return how many agents a point of precision takes, errors falling as the square root."""
    errors = [each.error.mean for each in found if each.error.mean is not None]
    if not errors:
        return []
    wanted = size * (NORMAL_95 * max(errors) / POINT) ** 2
    if wanted < size or wanted >= evidence.agents:
        return []
    return [f"{float(f'{wanted:.2g}'):,.0f} agents for the {indicator(function)}"]


def coverage(
    evidence: Evidence, topics: Topics, protocol: str, *, smaller: bool = False
) -> tuple[int, int, int]:
    """Count the intervals of the top tier that hold the truth, all of them, and panels without.

    Those of panels of the size that repairs are told of, and larger; or of smaller ones.
    """
    least = repaired_size(evidence)
    found = [
        each
        for topic, function in indicators(evidence, topics)
        for size in evidence.sizes
        if (size < least) == smaller
        and (each := evidence.repairs.get(((topic, function, protocol, size), evidence.top)))
    ]
    held, judged = sum(each.covered for each in found), sum(each.judged for each in found)
    return held, judged, sum(each.without for each in found)


def few(held: int, judged: int) -> bool:
    """Return whether fewer intervals hold the truth than one would rely on, be it by chance."""
    return held < RELIED_ON * judged


def too_few(evidence: Evidence, held: int, judged: int) -> bool:
    """Return whether chance is no excuse for the intervals that do not hold the truth.

    The cases of a seed and size are counted as one, since indicators share their panels: the
    binomial distribution of so many cases, each held with probability 0.95.
    """
    sizes = sum(size >= repaired_size(evidence) for size in evidence.sizes)
    cases = len(evidence.manifest["seeds"]) * sizes
    most = held * cases // judged
    chance = sum(math.comb(cases, k) * 0.95**k * 0.05 ** (cases - k) for k in range(most + 1))
    return chance < IMPROBABLE


def _from(evidence: Evidence) -> str:
    size = repaired_size(evidence)
    return f"of {size:,}" + (" and more" if size < evidence.sizes[-1] else "")


def _smaller(evidence: Evidence, topics: Topics, protocol: str) -> str:
    held, judged, _ = coverage(evidence, topics, protocol, smaller=True)
    if not judged:
        return "."
    return f"; of smaller ones in {held:,} of {judged:,}, {percent(held / judged)}."


def _pools(evidence: Evidence, topics: Topics) -> list[str]:
    """Return for whom the protocols speak that cannot draw everyone."""
    size = evidence.sizes[0]
    told = []
    for protocol in evidence.protocols:
        reached = [
            evidence.reach[topic, protocol, size]
            for topic in topics
            if (topic, protocol, size) in evidence.reach
        ]
        if reached and min(reached) < evidence.agents:
            low, high = min(reached), max(reached)
            many = f"{low:,}" if low == high else f"{low:,} to {high:,}"
            parts = percent_span([agents / evidence.agents for agents in reached])
            told.append(f"{quoted(protocol)} for {many} ({parts})")
    if not told:
        return []
    return [
        f"Panels of {size:,} can speak for some of the {evidence.agents:,} agents only: by "
        f"{listed(told)}. Nothing is known of the others, and no weights repair that."
    ]
