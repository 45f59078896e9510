"""The parts of the formats' machinery: things, messages, sentences, projection, reflow."""

import itertools

import pytest
from fake_translators import backwards, identity, shouting
from hypothesis import given
from hypothesis import strategies as st

from s2s.formats.content import Content, Segment, Tag, unpaired_alone
from s2s.formats.flow import Translate, Translated, outcomes
from s2s.formats.plain import peel, plain
from s2s.formats.plural_forms import singular_form
from s2s.formats.projection import is_nested, links_of, nesting_faults, project
from s2s.formats.protect import difference, things, with_embedded_tags, with_messages
from s2s.formats.reflow import reflow
from s2s.formats.sentences import joined_text, sentences


def raw(content: Content | None) -> str:
    assert content is not None
    return "".join(piece if isinstance(piece, str) else piece.raw for piece in content)


def keys(text: str) -> list[str]:
    return [thing.key for thing in things(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%s of %1$d, %(name)s %-5.2f %% %@ %ld %zu", ["%s", "%1$d", "%(name)s", "%-5.2f", "%%", "%@", "%ld", "%zu"]),
        ("50% of it, 100 % sure, 100%sure", ["50", "100", "100"]),
        ("%name% and %s%d", ["%name%", "%s", "%d"]),
        (
            "{0} {name} {n, number, #.##} {{x}} ${y} %{z} #{w}",
            ["{0}", "{name}", "{n, number, #.##}", "{{x}}", "${y}", "%{z}", "#{w}"],
        ),
        ("see https://a.b/c?d=e, or www.x.org.", ["https://a.b/c?d=e", "www.x.org"]),
        ("(https://a.b/c_(d))", ["https://a.b/c_(d)"]),
        ("See https://a.b/{id}/x?y=%s&z=1.", ["https://a.b/{id}/x?y=%s&z=1"]),
        ("https://{host}/${x}/{{ y }}/{0}, {z}", ["https://{host}/${x}/{{ y }}/{0}", "{z}"]),
        ("at {https://a.b/c} or https://a.b{, x}", ["{https://a.b/c}", "https://a.b", "{, x}"]),
        ("me@example.org.", ["me@example.org"]),
        ("1,234.5 = 1.234,5; 3.14 3,14 MP3 0,5", ["1234.5", "1234.5", "3.14", "3.14", "0.5"]),
        ("&nbsp; &#169; &amp; a & b", ["&nbsp;", "&#169;", "&amp;"]),
        ("a\\nb <br/> x < y", ["\\n", "<br/>"]),
        ("'{literal}' it's", ["'{literal}'"]),
        ("d''{name} l'a", ["{name}"]),
        ("%#@files@ in %1$#@folders@ #@x", ["%#@files@", "%1$#@folders@"]),
        (
            "There {0,choice,0#are no files|1#is one 'file}'|1<are {0} files}.",
            ["{0,choice,0#are no files|1#is one 'file}'|1<are {0} files}"],
        ),
        ("-5 and (-1,000) or −2, 3-4, MP-3", ["-5", "-1000", "-2", "3", "4", "3"]),
    ],
)
def test_things_are_found(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


def test_a_number_may_come_from_a_word_but_a_placeholder_may_not() -> None:
    assert difference(("two dogs",), ("2 Hunde",)) == []
    assert difference(("two dogs",), ("%s Hunde",)) == ["%s"]
    assert difference(("2 dogs",), ("zwei Hunde",)) == ["2"]
    assert difference(("2 dogs",), ("2 2 Hunde",)) == ["2"]
    assert difference(("1,000 dogs",), ("1.000 Hunde",)) == []
    assert difference(("-5 dogs",), ("5 Hunde",)) == ["-5"]


def test_an_invented_number_of_two_digits_is_flagged() -> None:
    said = {"a dog in 1999": "1999 ein Hund, 12", "two dogs": "2 Hunde", "-15 dogs": "−15 Hunde"}
    found = outcomes(
        [Segment((text,), 1) for text in said], lambda texts, _: [Translated(said[text]) for text in texts]
    )
    assert [outcome.problem for outcome in found] == ["the number 12 is not in the source", "", ""]


def test_a_number_sign_that_is_invented_in_a_message_is_refused() -> None:
    content = with_messages(("{n, plural, one {a dog} other {# dogs}}",))
    [outcome] = outcomes([Segment(content, 1)], lambda texts, _: [Translated(f"{text} #", [(0, 0)]) for text in texts])
    assert outcome.content is None
    assert "# would not come out as it went in" in outcome.problem


def test_an_apostrophe_of_a_translation_opens_no_quotation_in_a_message() -> None:
    said = {"of {name} and {x} a": "d'{name} et l'{x} l'a", "dogs": "dogs'", "'{'of {name}": "'{' d''{name}"}
    content = with_messages(("{n, plural, one {of {name} and {x} a} two {dogs} few {'{'of {name}} other {dogs # of}}",))
    said["dogs of"] = "of' dogs"
    links = [(0, 1), (1, 0)]
    [outcome] = outcomes([Segment(content, 1)], lambda texts, _: [Translated(said[text], links) for text in texts])
    assert raw(outcome.content) == (
        "{n, plural, one {d''{name} et l''{x} l'a} two {dogs''} few {'{' d''{name}} other {# of' dogs}}"
    )
    again = with_messages(outcome.content or ())
    assert [len(piece.inner or ()) for piece in again if isinstance(piece, Tag)] == [9]


def test_the_branches_of_a_message_are_translated_and_nothing_else_of_it() -> None:
    text = (
        "You have {n, plural, offset:1 =0 {no '{' files} one {a # file by {who, select, a {cat} other {dog #}}}"
        " other {{n} files}}."
    )

    def shout(texts: list[str], align: bool) -> list[Translated]:
        return [Translated(one.upper(), [(n, n) for n in range(len(one.split()))]) for one in texts]

    [outcome] = outcomes([Segment(with_messages((text,)), 1)], shout)
    assert raw(outcome.content) == (
        "YOU HAVE {n, plural, offset:1 =0 {NO '{' FILES} one {A # FILE BY {who, select, a {CAT} other {DOG #}}}"
        " other {{n} FILES}}."
    )


@pytest.mark.parametrize(
    "text", ["{n, plural, one {x} other {y}", "so {n, select, }", "a {n, plural, one <b>{x}</b> other {y}}"]
)
def test_a_message_that_cannot_be_read_stays_and_is_flagged(text: str) -> None:
    content = with_messages(with_embedded_tags((text,)))
    assert raw(content) == text
    [outcome] = outcomes([Segment(content, 1)], shouting)
    assert outcome.content is None
    assert outcome.problem == "the source stays: an ICU message in it cannot be read"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It is 3.14. Yes! Really? no.", ["It is 3.14.", "Yes!", "Really? no."]),
        ("Am 3. Mai kam Dr. Ada z. B. mit J. S. Bach.", ["Am 3. Mai kam Dr. Ada z. B. mit J. S. Bach."]),
        ("He said “Go.” Then he left…  And?", ["He said “Go.”", "Then he left…", "And?"]),
        ("今日は。元気？はい！", ["今日は。", "元気？", "はい！"]),
        ("وه؟ Here।  Next", ["وه؟", "Here।", "Next"]),
        ("  ", []),
        ("It was in 1999. The end.", ["It was in 1999.", "The end."]),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


@given(st.text(alphabet="aB. !?。1\n\t\"'z", max_size=60))
def test_sentences_lose_nothing_but_white_space_and_come_back_equal(text: str) -> None:
    spans = sentences(text)
    assert "".join("".join(text[start:end] for start, end in spans).split()) == "".join(text.split())
    said = [text[start:end] for start, end in spans]
    if "。" not in text and not any(a[1] == b[0] for a, b in itertools.pairwise(spans)):
        assert joined_text(text, spans, said) == text.strip()


B, E = Tag("<b>", "open", 1), Tag("</b>", "close", 1)
X = Tag("<x/>")


@pytest.mark.parametrize(
    ("source", "target", "links", "expected"),
    [
        (("the ", B, "red car", E, " stops"), "das rote Auto hält", "0-0 1-1 2-2 3-3", "das <b>rote Auto</b> hält"),
        (("the ", B, "red", E, " car."), "la voiture rouge.", "0-0 1-2 2-1", "la voiture <b>rouge</b>."),
        ((B, "Stop.", E, " Go."), "Halt. Geh.", "0-0 1-1", "<b>Halt.</b> Geh."),
        (("Press ", B, "Save", E, ", then."), "Dann „Sichern“.", "0-1 1-1 2-0", "Dann <b>„Sichern“</b>."),
        (("A ", B, "man", E, " eats"), "Ein Mann isst", "1-0 1-1 2-2", "Ein <b>Mann</b> isst"),
        (("see ", X, " dogs"), "die Hunde sehen", "0-2 1-0 1-1", "die <x/> Hunde sehen"),
        (("file", X, " here"), "hier Datei", "0-1 1-0", "hier Datei<x/>"),
        (("a ", X, ", c ", X, " b"), "b a", "0-1 1-1 2-0", "<x/> b a <x/>"),
        (("a ", X, " c ", X, " b"), "b", "0-0 1-0 2-0", "<x/> <x/> b"),
        ((X, "one two"), "zwei eins", "0-1 1-0", "<x/>zwei eins"),
        (("one two ", X), "zwei eins", "0-1 1-0", "zwei eins <x/>"),
        (("a ", B, X, E, " b"), "B A", "0-1 1-0", "<b><x/></b> B A"),
    ],
)
def test_projection(source: Content, target: str, links: str, expected: str) -> None:
    one = plain(source, ())
    pairs = [(int(a), int(b)) for a, b in (link.split("-") for link in links.split())]
    projected = project(one, target, links_of(one.text, target, pairs))
    assert raw(projected.content) == expected
    assert not projected.guessed


def test_a_place_that_follows_from_nothing_is_said() -> None:
    one = plain(("the ", B, "red", E, " car"), ())
    projected = project(one, "das Auto", links_of(one.text, "das Auto", [(0, 0), (2, 1)]))
    assert projected.guessed
    assert is_nested(projected.content)


TEXTS = st.sampled_from(["a", "b c", " d, ", "e. ", "(f)", " %s ", "{0}", " 12 ", ": "])
CONTENTS = st.recursive(
    st.lists(st.one_of(TEXTS, st.just(X)), max_size=4),
    lambda inner: st.lists(st.one_of(TEXTS, inner.map(lambda one: [B, *one, E])), max_size=4).map(
        lambda parts: [piece for part in parts for piece in (part if isinstance(part, list) else [part])]
    ),
    max_leaves=12,
)


def numbered(pieces: list[str | Tag]) -> Content:
    """Pairs with numbers of their own."""
    opened: list[int] = []
    found: list[str | Tag] = []
    for n, piece in enumerate(pieces):
        if piece is B:
            opened.append(n)
            found.append(Tag(f"<b{n}>", "open", n))
        elif piece is E:
            number = opened.pop()
            found.append(Tag(f"</b{number}>", "close", number))
        else:
            found.append(Tag(f"<x{n}/>") if piece is X else piece)
    return tuple(found)


@given(CONTENTS, st.data())
def test_whatever_the_words_and_links_all_tags_are_there_once_and_nested(
    pieces: list[str | Tag], data: st.DataObject
) -> None:
    content = numbered(pieces)
    before, core, after = peel(content)
    assert raw(before) + raw(core) + raw(after) == raw(content)
    one = plain(core, data.draw(st.sampled_from([(), None])))
    target = " ".join(data.draw(st.lists(st.sampled_from(["u", "v.", "„w“", ","]), max_size=6)))
    pairs = data.draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=8))
    projected = project(one, target, links_of(one.text, target, pairs)).content
    assert is_nested(projected)
    wanted = [piece.raw for piece in core if isinstance(piece, Tag)]
    assert sorted(piece.raw for piece in projected if isinstance(piece, Tag)) == sorted(wanted)
    assert nesting_faults(projected) == 0
    if one.text != target:
        return
    assert raw(projected).split() == raw(core).split()


def test_pairs_that_cross_stand_alone() -> None:
    first, second = (Tag("1", "open", 1), Tag("/1", "close", 1)), (Tag("2", "open", 2), Tag("/2", "close", 2))
    kinds = [
        piece.kind for piece in unpaired_alone([first[0], second[0], first[1], second[1]]) if isinstance(piece, Tag)
    ]
    assert kinds == ["open", "alone", "close", "alone"]


def test_what_is_taken_out_goes_with_its_brackets_and_leaves_no_space_before_a_mark() -> None:
    assert plain(("Hello %s!",), None).text == "Hello!"
    assert plain(("Open (%s) now",), None).text == "Open now"
    assert plain(("%s%d, {0}: go",), None).text == ": go"


def asked_for(content: Content) -> tuple[list[str], str]:
    """What a model is asked, and what comes out if it shouts."""
    asked: list[str] = []

    def translate(texts: list[str], align: bool) -> list[Translated]:
        asked.extend(texts)
        return shouting(texts, align)

    [outcome] = outcomes([Segment(content, 1)], translate)
    return asked, raw(outcome.content)


BREAKS = [
    "<br/>", "<BR class='a'>", '<x id="LINE_BREAK" ctype="lb" equiv-text="&lt;br/&gt;"/>',
    '<x id="1" ctype="x-html-br"/>', "<x id='1' equiv-text='&lt;br>'/>", '<ph id="1">&lt;br/></ph>',
    '<ph id="0" equiv="LINE_BREAK" disp="x"/>',
    "<it>\n</it>",
    '<ph id="2" type="fmt" subType="xlf:lb"/>', "<ph id='1'>\\n</ph>",
]  # fmt: skip


@pytest.mark.parametrize("tag", BREAKS)
def test_tags_that_end_lines_cut_a_text(tag: str) -> None:
    content = ("One dog.", Tag(tag), "Two ", B, "old cats", Tag(tag), "and", E, " three")
    asked, said = asked_for(content)
    assert asked == ["One dog.", "Two old cats", "and three"] or sorted(asked) == [
        "One dog.",
        "Two old cats",
        "and three",
    ]
    assert said == f"ONE DOG.{tag}TWO <b>OLD CATS{tag}AND</b> THREE"
    message = with_messages(("{n, plural, one {a dog", Tag(tag), "runs} other {b}}"))
    assert asked_for(message)[0] == ["a dog", "runs", "b"]


@pytest.mark.parametrize("tag", ["<x id='1'/>", "<bride/>", '<ph id="1">\n{0}\n</ph>', '<x id="1" ctype="x-abbr"/>'])
def test_tags_of_other_kinds_glue_no_words_together(tag: str) -> None:
    x = Tag(tag)
    asked, said = asked_for(("One dog.", x, "Two cats", x, "three", x, "!"))
    assert asked == ["One dog.", "Two cats three!"]
    assert said == f"ONE DOG.{tag}TWO CATS{tag}THREE{tag}!"
    assert plain(("the ", B, "old", x, E, "cat"), ()).text == "the old cat"
    assert plain(("a", x, "’s 猫", x, "猫 Do", Tag("<wbr>"), "nau"), ()).text == "a’s 猫猫 Donau"


def test_a_thing_that_is_lost_is_put_where_the_alignment_says() -> None:
    asked: list[tuple[str, bool]] = []

    def translate(texts: list[str], align: bool) -> list[Translated]:
        asked.extend((text, align) for text in texts)
        return [Translated("rouge la voiture", [(0, 1), (1, 0), (2, 2)]) for _ in texts]

    [outcome] = outcomes([Segment(("the red %s car",), 1)], translate)
    assert raw(outcome.content) == "rouge la %s voiture"
    assert not outcome.problem
    assert asked == [("the red %s car", False), ("the red car", True)]


@pytest.mark.parametrize(
    ("said", "problem"),
    [("", "a sentence has no translation"), ("%d", "%d would not come out"), ("a\x07b", "control characters")],
)
def test_what_cannot_be_kept_leaves_the_source_and_says_why(said: str, problem: str) -> None:
    [outcome] = outcomes([Segment(("the red %s car",), 7)], lambda texts, align: [Translated(said) for _ in texts])
    assert outcome.content is None
    assert problem in outcome.problem


def test_a_document_may_refuse_a_translation() -> None:
    refused = outcomes([Segment(("one two",), 1)], backwards, lambda number, content: False)
    assert refused[0].content is None
    assert "valid" in refused[0].problem
    unchanged = outcomes([Segment(("one two",), 1)], identity, lambda number, content: False)
    assert raw(unchanged[0].content) == "one two"


def test_each_text_is_translated_once_and_what_has_no_words_never() -> None:
    asked: list[str] = []

    def translate(texts: list[str], align: bool) -> list[Translated]:
        asked.extend(texts)
        return identity(texts, align)

    counted: Translate = translate
    segments = [Segment((text,), 1) for text in ("A dog. A cat.", "A cat.", "%s: 12", "https://a.b", "A dog.")]
    found = outcomes(segments, counted)
    assert [raw(one.content) for one in found] == [raw(one.content) for one in segments]
    assert asked == ["A dog.", "A cat."]


def test_lines_of_a_segment_stay_lines() -> None:
    content = with_embedded_tags(("one <b>two\nthree</b> four\n",))
    [outcome] = outcomes([Segment(content, 1, keeps_lines=True)], backwards)
    assert raw(outcome.content) == "<b>two one\nfour three</b>\n" or raw(outcome.content).count("\n") == 2
    assert nesting_faults(outcome.content or ()) == 0


def test_white_space_that_means_something_stays() -> None:
    menu = outcomes([Segment(("&Open file\tCtrl+O\n\tno",), 1, keeps_lines=True)], backwards)[0]
    assert raw(menu.content) == "file &Open\tCtrl+O\n\tno"
    wide = outcomes([Segment(("10\u00a0km or\u00a0so, §\u202f5 of 7 dogs",), 1)], shouting)[0]
    assert raw(wide.content) == "10\u00a0KM OR SO, §\u202f5 OF 7 DOGS"
    assert not wide.problem


def test_reflow_breaks_in_proportion_and_never_within_a_thing() -> None:
    assert raw(reflow(("aaa bbb ccc ddd",), [3, 11], ["\n"], lambda text, place: True)) == "aaa\nbbb ccc ddd"
    assert raw(reflow(("aa {{ y }} bb",), [6, 6], ["\n"], lambda text, place: True)) in (
        "aa\n{{ y }} bb",
        "aa {{ y }}\nbb",
    )
    assert raw(reflow(("aaaa",), [2, 2], ["\n"], lambda text, place: True)) == "aaaa"
    assert raw(reflow(("a - b",), [1, 3], ["\n"], lambda text, place: not text.startswith("-", place))) == "a -\nb"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("nplurals=2; plural=(n != 1);", (2, 0)),
        ("nplurals=2; plural=n>1;", (2, 0)),
        ("nplurals=1; plural=0;", (1, None)),
        (
            "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);",
            (3, 0),
        ),
        (
            "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
            (6, 1),
        ),
        ("nplurals=4; plural=(n%100==1 ? 1 : n%100==2 ? 2 : n%100==3 || n%100==4 ? 3 : 0);", (4, 1)),
        ("nplurals=2; plural=__import__('os');", (2, 0)),
        ("nplurals=2; plural=n/0;", (2, 0)),
        ("nplurals=2; plural=" + "(" * 200 + "n;", (2, 0)),
    ],
)
def test_the_form_of_one_is_found_by_the_header(expression: str, expected: tuple[int, int | None]) -> None:
    assert singular_form(f"Language: x\nPlural-Forms: {expression}\n") == expected
