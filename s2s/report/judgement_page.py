"""A judgement as a page."""

from collections.abc import Sequence

from s2s.report.difference import marked
from s2s.report.html import Html, bar, element, join, page, table
from s2s.report.judgement import Judgement
from s2s.report.outputs import FLAGS
from s2s.scoring.measured import N_SAMPLES, SEED, paired_signature

N_EXAMPLES = 10
"""Flagged translations that are shown of each kind and system."""


def judgement_page(judgements: Sequence[Judgement]) -> str:
    """One page for some test sets."""
    names = list(dict.fromkeys(system.name for judgement in judgements for system in judgement.systems))
    title = " and ".join(names) if len(names) < 3 else f"{len(names)} systems"
    parts = [part for judgement in judgements for part in _sections(judgement)]
    return page(f"Translations by {title}", *parts)


def _sections(judgement: Judgement) -> list[Html]:
    parts = [
        element("h2", f"{judgement.name}: {len(judgement.sources):,} sentences"),
        _scores(judgement),
        _significance(judgement),
        element("h3", "Where they are good and bad" if len(judgement.systems) > 1 else "Where it is good and bad"),
        _lengths(judgement),
        _kinds(judgement),
        element("h3", "Flags"),
        _flags(judgement),
        element("h3", _heading(judgement)),
        *(_segment(judgement, row) for row in judgement.shown()),
    ]
    return [part for part in parts if part]


def _heading(judgement: Judgement) -> str:
    n = len(judgement.shown())
    if len(judgement.systems) == 1:
        return f"The {n} worst by chrF2"
    return f"The {n} sentences that differ most by chrF2" if n else "No sentence differs by chrF2"


def _scores(judgement: Judgement) -> Html:
    measures = judgement.systems[0].measured
    header = ["system", *(f"{one.name} {'↓' if one.name == 'TER' else '↑'}" for one in measures)]
    rows = [
        [system.name, *(f"{one.score.value:.2f} ({one.mean:.2f} ± {one.half_width:.2f})" for one in system.measured)]
        for system in judgement.systems
    ]
    caption = (
        f"Scores, and in brackets mean and 95 % interval of {N_SAMPLES:,} bootstrap samples (seed {SEED}); ↑ the more"
        " the better, ↓ the less"
    )
    signatures = [
        element("li", element("code", f"{one.name}: {paired_signature(one)}"), class_="signature") for one in measures
    ]
    return join([table(caption, header, rows), element("ul", *signatures)])


def _significance(judgement: Judgement) -> Html:
    if len(judgement.systems) < 2:
        return Html("")
    names = [system.name for system in judgement.systems]
    rows = []
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            cells: list[str] = [f"{names[first]} → {names[second]}"]
            for one in judgement.differences:
                if (one.first, one.second) == (first, second):
                    better = (one.gain < 0) == (one.metric == "TER")
                    kind = None if not one.is_clear else "n good" if better else "n bad"
                    cells.append(element("td", f"{one.gain:+.2f} (p = {one.p:.3f})", class_=kind or "n soft"))
            rows.append(cells)
    caption = "Differences, with the probability of one as large by chance (paired bootstrap); grey: may be chance"
    return table(caption, ["systems", *(one.name for one in judgement.systems[0].measured)], rows)


def _lengths(judgement: Judgement) -> Html:
    header = ["words of the reference", "sentences"]
    header += [f"{metric}, {system.name}" for metric in ("BLEU", "chrF2") for system in judgement.systems]
    rows = [
        [part.name, f"{part.n_sentences:,}", *(bar(f"{score:.1f}", score / 100) for score in (*part.bleu, *part.chrf))]
        for part in judgement.lengths
    ]
    return table("By the length of the sentence", header, rows)


def _kinds(judgement: Judgement) -> Html:
    if not judgement.kinds:
        return Html("")
    header = ["words", "in the references", *(f"F1, {system.name}" for system in judgement.systems)]
    rows = [
        [part.name, f"{part.n_words:,}", *(bar(f"{score:.1f}", score / 100) for score in part.f1)]
        for part in judgement.kinds
    ]
    caption = (
        "Words of the reference that are said, and no others (F1), by kind; names are words that the source has too"
    )
    return table(caption, header, rows)


def _flags(judgement: Judgement) -> Html:
    counted = [system.count_flags() for system in judgement.systems]
    raised = [flag for flag in FLAGS if any(counts[flag] for counts in counted)]
    if not raised:
        return element(
            "p", "No translation is empty, loops, copies its source, loses numbers or is much too long or short."
        )
    rows = [[flag, FLAGS[flag], *(f"{counts[flag]:,}" for counts in counted)] for flag in raised]
    header = ["flag", "the translation …", *(system.name for system in judgement.systems)]
    parts = [table("Translations that have a flag which their reference would not have", header, rows, n_words=2)]
    for number, system in enumerate(judgement.systems):
        for flag in raised:
            found = [row for row, flags in enumerate(system.flags) if flag in flags]
            if found:
                more = f", the first {N_EXAMPLES}" if len(found) > N_EXAMPLES else ""
                summary = element("summary", f"{system.name}: {flag} ({len(found):,}{more})")
                shown = (_segment(judgement, row, only=number) for row in found[:N_EXAMPLES])
                parts.append(element("details", summary, *shown))
    return join(parts)


def _segment(judgement: Judgement, row: int, only: int | None = None) -> Html:
    """A sentence with its reference and translations; where two systems differ, the words that do are marked."""
    chosen = range(len(judgement.systems)) if only is None else [only]
    parts = [
        *_pair("source", judgement.sources[row]),
        *_pair("reference", judgement.references[row], judgement.target),
    ]
    texts = [judgement.systems[number].hypotheses[row] for number in chosen]
    columns: list[Html] = []
    for place, number in enumerate(chosen):
        system = judgement.systems[number]
        text = texts[place]
        # beside another system what differs from it; alone what differs from the reference
        other = judgement.references[row] if len(texts) == 1 else texts[1 if place == 0 else 0]
        flags = [element("span", flag, class_="flag") for flag in system.flags[row]]
        name = join([f"{system.name}, chrF2 {system.chrf[row]:.1f}", *flags])
        columns.append(element("dl", *_pair(name, marked(text, other), judgement.target)))
    both = element("div", *columns, class_="columns")
    return element("div", element("strong", f"{row + 1:,}"), element("dl", *parts), both, class_="segment")


def _pair(name: str, text: str, language: str | None = None) -> list[Html]:
    return [element("dt", name), element("dd", text, dir="auto", lang=language)]
