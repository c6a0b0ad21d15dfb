"""The story of a study in plain words: five questions, answered as far as the tables go."""

from __future__ import annotations

from collections import Counter

from aumann.report.agreement import FEW_SEEDS, agreement
from aumann.report.answer import Answer, Topics, head_count, indicators, known, spread
from aumann.report.evidence import Evidence
from aumann.report.judgement import Judgement, judge, judged, told_protocol
from aumann.report.repair import repair
from aumann.report.words import (
    ROUNDING,
    counted,
    indicator,
    listed,
    number,
    percent,
    percent_span,
    quoted,
    residual_span,
)

__all__ = ["headline", "story"]

# More topics than this are left to the tables.
LISTED_TOPICS = 8


def headline(evidence: Evidence) -> tuple[str, str]:
    """Return the finding in one sentence, and the numbers behind it in another."""
    protocol, size = told_protocol(evidence), evidence.sizes[0]
    counts, defined = judged(evidence, evidence.topics, protocol, size)
    panels = f"anels of {size:,} drawn by {quoted(protocol)}"
    if not defined:
        return (
            "Nothing can be said of small panels: they have no shares",
            f"In p{panels} no indicator has shares that could be compared.",
        )
    other, off = counts[Judgement.OTHER_TIER], counts[Judgement.OFF]
    wrong = defined - counts[Judgement.AGREE]
    seeds = len(evidence.manifest["seeds"])
    everyone = f"all {evidence.agents:,} agents"
    if 2 * other >= defined:
        verdict = f"A small panel tells another story than {everyone}"
    elif 2 * (other + off) >= defined:
        verdict = f"A small panel misjudges the {evidence.top} tier of {everyone}"
    elif 2 * wrong >= defined:
        verdict = "A small panel tells the story only roughly: single panels are far off"
    elif wrong:
        verdict = f"A small panel tells the story of {everyone} for some indicators, not for all"
    elif seeds < FEW_SEEDS:
        verdict = (
            f"With {counted(seeds, 'panel')} of a kind, too few to tell bias from chance, a small "
            f"panel tells the same story as {everyone}"
        )
    else:
        verdict = f"A small panel tells the same story as {everyone}"
    numbers = f"P{panels} name another main tier than the population {_times(other, defined)}"
    control = evidence.control
    if control is None or control == protocol:
        return verdict, f"{numbers}."
    counts, defined = judged(evidence, evidence.topics, control, size)
    return verdict, (
        f"{numbers}; uniform panels of that size do "
        f"{_times(counts[Judgement.OTHER_TIER], defined)}."
    )


def story(evidence: Evidence, topics: Topics) -> list[Answer]:
    """Return the answers for one topic, or for several taken together."""
    return [
        _who(evidence, topics),
        _when(evidence, topics),
        agreement(evidence, topics),
        _factor(evidence, topics),
        repair(evidence, topics),
    ]


def _times(count: int, defined: int) -> str:
    return f"for {count} of {counted(defined, 'indicator')}"


def _who(evidence: Evidence, topics: Topics) -> Answer:
    leaders = {key: evidence.leader(key) for key in indicators(evidence, topics)}
    counts = Counter(tier for tier in leaders.values() if tier is not None)
    question = "Who drove it?"
    if not counts:
        return Answer(
            question,
            "Undefined",
            "no indicator has shares",
            ("The attributions sum to 0, so that there are no shares to compare.",),
        )
    first, times = counts.most_common(1)[0]
    sentences = []
    for tier in (tier for tier in evidence.tiers if counts[tier]):
        mine = [
            f"the {indicator(function)} ({percent_span(shares)})"
            for function in evidence.functions
            if (
                shares := known(
                    evidence.whole[key][tier]
                    for key, leader in leaders.items()
                    if key[1] == function and leader == tier
                )
            )
        ]
        sentences.append(
            f"The {tier} tier, {head_count(evidence, tier)}, has the largest share of "
            f"{listed(mine)}."
        )
    if counts[evidence.top] < counts.total():
        told = spread(
            evidence,
            lambda function: [evidence.whole[topic, function][evidence.top] for topic in topics],
            lambda shares, name: f"{percent_span(shares)} of the {name}",
        )
        if told:
            sentences.append(
                f"The {evidence.top} tier, {head_count(evidence, evidence.top)}, has "
                f"{listed(told)}."
            )
    lost = len(leaders) - counts.total()
    if lost:
        sentences.append(f"The shares of {counted(lost, 'indicator')} are undefined.")
    sentences += _left_out(evidence, topics)
    total = counted(counts.total(), "indicator")
    if times == counts.total():
        return Answer(
            question, f"The {first} tier", f"the largest share of {times} of {total}", (*sentences,)
        )
    each = [f"{tier} {n}" for tier, n in counts.most_common()]
    return Answer(
        question,
        f"Mostly the {first} tier" if 2 * times > counts.total() else "Different tiers",
        f"the largest shares of {total}: {listed(each)}",
        (*sentences,),
    )


def _when(evidence: Evidence, topics: Topics) -> Answer:
    question = "When did it peak?"
    peaks = {
        key: evidence.peaks[key]
        for key in indicators(evidence, topics)
        if key in evidence.peaks and evidence.peaks[key].steps > 1
    }
    if not peaks and evidence.steps > 1:
        text = "Every indicator has the same value at all steps, or none."
        return Answer(question, "No peak", "nothing moves", (text,))
    if not peaks:
        text = "With a single step nothing can be said of when."
        return Answer(question, "One step", "no course in time", (text,))
    steps = Counter(peak.step for peak in peaks.values())
    commonest, count = steps.most_common(1)[0]
    answer = commonest
    if 2 * count <= len(peaks):
        answer = f"{len(steps)} different steps"
    sentences = []
    if len(topics) == 1:
        for (_, function), peak in peaks.items():
            shares = {tier: share for tier, share in peak.shares.items() if share is not None}
            text = f"The {indicator(function)} peaks at {peak.step}"
            if peak.median > 0:
                text += f", {number(peak.value / peak.median, 3)} times the median of the steps"
            if shares:
                tier = max(shares, key=lambda each: shares[each])
                text += f"; the {tier} tier has the largest share there, {percent(shares[tier])}"
            sentences.append(f"{text}.")
    elif len(topics) <= LISTED_TOPICS:
        for topic in topics:
            mine = Counter(peak.step for key, peak in peaks.items() if key[0] == topic)
            told = [f"{step} ({n} of {mine.total()})" for step, n in mine.most_common()]
            sentences += [f"{topic}: {listed(told)}."] if told else []
    still = len(indicators(evidence, topics)) - len(peaks)
    if still:
        verb = "has" if still == 1 else "have"
        sentences.append(
            f"{counted(still, 'indicator')} {verb} no peak, being the same at all steps."
        )
    sentences += _panel_peaks(evidence, topics)
    return Answer(
        question,
        answer,
        f"the peak of {count} of {counted(len(peaks), 'indicator')}"
        if answer == commonest
        else f"among the peaks of {counted(len(peaks), 'indicator')}",
        tuple(sentences),
    )


def _panel_peaks(evidence: Evidence, topics: Topics) -> list[str]:
    size = evidence.sizes[0]
    told = []
    for protocol in evidence.protocols:
        found = [
            evidence.panel_peaks[cell]
            for topic, function in indicators(evidence, topics)
            if (cell := (topic, function, protocol, size)) in evidence.panel_peaks
        ]
        if found:
            same, total = (sum(each) for each in zip(*found, strict=True))
            told.append(
                f"Panels of {size:,} by {quoted(protocol)} peak at the population's step in "
                f"{same:,} of {total:,} cases."
            )
    return told


def _left_out(evidence: Evidence, topics: Topics) -> list[str]:
    lost = [str(row["topic"]) for row in evidence.rows("topics") if not row["eligible"]]
    if not lost or len(topics) < len(evidence.topics):
        return []
    told = listed(lost) if len(lost) <= LISTED_TOPICS else f"{len(lost):,} topics"
    return [f"Left out, as too few agents take part: {told}."]


def _off(evidence: Evidence, topics: Topics, names: list[str]) -> bool:
    """Return whether panels are biased in all of these value functions and topics."""
    protocol, size = told_protocol(evidence), evidence.sizes[0]
    found = {
        judge(evidence, (topic, function, protocol, size))
        for topic in topics
        for function in evidence.functions
        if indicator(function) in names
    }
    return found <= {Judgement.OTHER_TIER, Judgement.OFF}


def _factor(evidence: Evidence, topics: Topics) -> Answer:
    protocol, size = told_protocol(evidence), evidence.sizes[0]
    control = evidence.control
    question = "Could one factor reconcile them?"

    def rho(function: str, by: str) -> list[float]:
        return known(evidence.panels[t, function, by, size].residual.mean for t in topics)

    found = {function: rho(function, protocol) for function in evidence.functions}
    found = {function: figures for function, figures in found.items() if figures}
    if not found:
        text = "No panel has shares to compare."
        return Answer(question, "Undefined", "no panel has shares", (text,))
    exact = [indicator(each) for each, figures in found.items() if max(figures) < ROUNDING]
    apart = {each: figures for each, figures in found.items() if max(figures) >= ROUNDING}
    sentences = []
    if exact:
        sentences.append(
            f"For the {listed(exact)}, each member's share in the panel is the same multiple of "
            "its share in the population (rho 0 to rounding). This does not bring back the agents "
            "who are not in the panel"
            + (": the shares of its tiers stay off." if _off(evidence, topics, exact) else ".")
        )
    if not apart:
        answer, gist = f"For the {listed(exact)}, yes", "rho 0 to rounding"
        return Answer(question, answer, gist, tuple(sentences))
    figures = [figure for each in apart.values() for figure in each]
    told = []
    for name, mine in apart.items():
        uniform = [] if control in (None, protocol) else rho(name, str(control))
        beside = f" ({residual_span(uniform)} in uniform panels)" if uniform else ""
        told.append(f"{residual_span(mine)} for the {indicator(name)}{beside}")
    sentences.append(
        f"What the best factor leaves of the shares in panels of {size:,} by {quoted(protocol)} "
        f"(rho: 0 nothing, 1 all) is {listed(told)}."
    )
    return Answer(
        question,
        f"Only for the {listed(exact)}" if exact else "No",
        f"rho {residual_span(figures)}{' for the others' if exact else ''}",
        tuple(sentences),
    )
