"""Judgements of systems: flags, parts, differences, and the page that shows them."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from s2s.report.difference import marked
from s2s.report.html import Html, element, join, page, table
from s2s.report.judgement import Judgement, judge
from s2s.report.judgement_page import judgement_page
from s2s.report.outputs import FLAGS, flags_of_outputs, is_loop
from s2s.report.parts import by_kind, by_length
from s2s.scoring.measured import measure, measure_bleu

SOURCES = [f"the {size} dog number {number} sees Anna ." for number in range(40) for size in ("big", "small")]
REFERENCES = [f"der {size} Hund Nummer {number} sieht Anna ." for number in range(40) for size in ("große", "kleine")]
HOSTILE = '<script>alert("x")</script>&amp;\x00\x1b'


def judged(*systems: list[str], training: Counter[str] | None = None) -> Judgement:
    named = [(f"system {number}", text, measure(text, REFERENCES, "de")) for number, text in enumerate(systems)]
    return judge("mine", SOURCES, REFERENCES, named, "de", training)


def changed(**rows: str) -> list[str]:
    lines = list(REFERENCES)
    for row, text in rows.items():
        lines[int(row[1:])] = text
    return lines


class Checker(HTMLParser):
    """Every element is closed in its order; collects what a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.active: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "hr"):
            self.open.append(tag)
        names = {name for name, _ in attrs}
        if tag in ("script", "img", "link", "iframe", "object", "form") or names & {"src", "href", "onclick", "onload"}:
            self.active.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    return checker


def test_flags_name_what_is_wrong() -> None:
    wrong = {
        "n0": ("", "empty"),
        "n1": ("der Hund der Hund der Hund der Hund", "loop"),
        "n2": (SOURCES[2], "copied"),
        "n3": ("der " + "große alte schöne Hund mit einem langen Schwanz und vielen Freunden " * 2, "length"),
        "n4": ("der große Hund Nummer 77 sieht Anna .", "numbers"),
        "n5": ("то есть собака большая номер 2 видит", "language"),
        "n6": ("der große Hund Nummer 3 sieht \ufffdnna .", "characters"),
    }
    lines = changed(**{row: text for row, (text, _) in wrong.items()})
    [found] = flags_of_outputs(SOURCES, REFERENCES, [lines])
    for row, (_, flag) in wrong.items():
        assert flag in found[int(row[1:])], (row, found[int(row[1:])])
    assert {flag for flags in found for flag in flags} == set(FLAGS)
    assert all(not flags for flags in found[7:])


def test_what_the_reference_has_too_is_no_fault() -> None:
    sources, references = [*SOURCES, "three dogs", ""], [*REFERENCES, "3 Hunde", ""]
    [found] = flags_of_outputs(sources, references, [[*REFERENCES, "3 Hunde", ""]])
    assert not any(found)
    [found] = flags_of_outputs(sources, references, [[*REFERENCES, "4 Hunde 4 Hunde 4 Hunde", ""]])
    assert "loop" in found[-2]


@pytest.mark.parametrize(
    "text", ["我喜欢狗我喜欢狗我喜欢狗", "a a a a", "x a b a b a b", "Der der DER der Hund", "a b c a b c a b c d"]
)
def test_loops(text: str) -> None:
    assert is_loop(text)


@pytest.mark.parametrize("text", ["", "a", "a a a", "a b a b", "a b c a b c", "a b a c a d a e"])
def test_no_loops(text: str) -> None:
    assert not is_loop(text)


def test_parts_by_length_have_the_scores_of_their_sentences() -> None:
    references = ["a b c d", "a b c d e f g", "d c b a"] * 5
    hypotheses = ["a b c x", "a b c d e f g", "d c b a"] * 5
    short, long = by_length(references, [measure(hypotheses, references, "de")], "de")
    assert (short.name, short.n_sentences, long.name, long.n_sentences) == ("1 to 5", 10, "6 to 10", 5)
    rows = [row for row, line in enumerate(references) if len(line.split()) < 6]
    alone = measure_bleu([hypotheses[row] for row in rows], [references[row] for row in rows], "de")
    assert short.bleu == [pytest.approx(alone.score.value)]
    assert long.bleu == [pytest.approx(100)]


def test_words_are_counted_by_kind() -> None:
    sources = ["Anna has 12 dogs", "Bert sleeps"]
    references = ["Anna hat 12 Hunde", "Bert schläft"]
    hypotheses = ["Anna hat 13 Hunde", "er schläft schläft"]
    found = {part.name: part for part in by_kind(sources, references, [hypotheses], "de", Counter(hat=7, Hunde=100))}
    assert (found["numbers"].n_words, found["numbers"].f1) == (1, [0.0])
    assert found["names"].n_words == 2
    assert found["names"].f1 == [pytest.approx(100 * 2 * (1 / 1) * (1 / 2) / (1 / 1 + 1 / 2))]
    # never seen: Anna, Bert, schläft; said: Anna, er, schläft twice
    assert found["in training 0 times"].n_words == 3
    assert found["in training 0 times"].f1 == [pytest.approx(200 * 2 / (3 + 4))]
    assert found["in training 5 to 49 times"].f1 == found["in training 50 or more times"].f1 == [100.0]
    assert "in training 1 to 4 times" not in found
    assert not any("training" in part.name for part in by_kind(sources, references, [hypotheses], "de"))


def test_the_segments_that_differ_most_come_first() -> None:
    same = changed(n3="x", n5="der große Hund")
    judgement = judged(REFERENCES, same)
    assert judgement.shown() == [3, 5]
    assert judged(REFERENCES, list(REFERENCES)).shown() == []
    assert judged(same).shown()[:2] == [3, 5]
    assert len(judged(same).shown()) == 50
    assert "system 1 against system 0: BLEU -" in judgement.text()
    assert "system 1: flagged translations: length 2, numbers 2" in judgement.text()
    assert judged(same, same, same, same).text().count(" against ") == 6
    assert "any two against each other: --html" in judged(*[same] * 5).text()
    assert [row[:3] for row in judgement.tsv()][:2] == [["mine", "system 0", "BLEU"], ["mine", "system 0", "chrF2"]]


def test_words_that_differ_are_marked() -> None:
    assert marked("Ein Hund läuft.", "Ein Kater läuft.") == "Ein <mark>Hund</mark> läuft."
    assert marked("a b", "a b") == "a b"
    assert marked("a <b>", "a") == "a <mark>&lt;b&gt;</mark>"
    assert marked("这是大狗。", "这是小狗。") == "这是<mark>大</mark>狗。"
    assert marked("कुत्ता है", "कुत्ते है") == "<mark>कुत्ता</mark> है"
    long = "a b " * 5_000  # which would take hours
    assert "differences are not marked" in marked(long, "b a " * 5_000)


def test_the_page_shows_the_figures_and_runs_nothing() -> None:
    lines = changed(n0=HOSTILE, n1="der Hund der Hund der Hund der Hund", n2="سيارة حمراء")
    judgement = judged(REFERENCES, lines, training=Counter(Hund=9))
    judgement.sources[0] = HOSTILE
    text = judgement_page([judgement])
    checked = read(text)
    assert checked.active == []
    shown = "".join(checked.text)
    assert '<script>alert("x")</script>&amp;\ufffd\ufffd' in shown.replace("\n", "")
    assert "http" not in re.sub("http-equiv", "", text)
    for system in judgement.systems:
        for one in system.measured:
            assert f"{one.score.value:.2f} ({one.mean:.2f} ± {one.half_width:.2f})" in shown
    for difference in judgement.differences:
        assert f"{difference.gain:+.2f} (p = {difference.p:.3f})" in shown
    assert "says the same words again and again" in shown
    assert 'dir="auto"' in text
    alone = "".join(read(judgement_page([judged(REFERENCES)])).text)
    assert "No translation is empty" in alone


def test_only_html_is_not_escaped() -> None:
    assert element("p", "<b>", Html("<i></i>"), class_='"') == '<p class="&quot;">&lt;b&gt;<i></i></p>'
    assert join(["<", Html("<br>")], "&") == "&lt;&amp;<br>"
    assert element("meta", charset="utf-8", name=None) == '<meta charset="utf-8">'
    cells = read(table("<c>", ["a", "<b>"], [["<x>", element("td", "<y>")]]))
    assert [one for one in cells.text if one.strip()] == ["<c>", "a", "<b>", "<x>", "<y>"]
    assert read(page("<t>", element("p", "x"))).active == []


def test_no_page_gets_what_turns_the_text_or_cannot_be_written() -> None:
    hostile = "a\u202eb\x7f\x9b\udc80\ufffe"
    for made in (element("p", hostile), element("p", title=hostile)):
        assert "a\ufffdb\ufffd\ufffd\ufffd\ufffd" in made
        made.encode("utf-8")


def test_many_sentences_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from s2s.report import outputs
    from s2s.scoring import metrics

    lines = changed(n0="", n44="der Hund der Hund der Hund der Hund", n79=SOURCES[79])
    whole = flags_of_outputs(SOURCES, REFERENCES, [lines])
    scores = [one.score for one in measure(lines, REFERENCES, "de")]
    monkeypatch.setattr(outputs, "_AT_ONCE", 7)
    monkeypatch.setattr(metrics, "_AT_ONCE", 7)
    assert flags_of_outputs(SOURCES, REFERENCES, [lines]) == whole
    assert [one.score for one in measure(lines, REFERENCES, "de")] == scores
    assert metrics.chrf(lines, REFERENCES) == scores[1].value
