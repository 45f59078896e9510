"""What is special about each format: what is translated, what is kept, how it is marked, what is refused."""

import re
from xml.etree import ElementTree

import pytest
from fake_translators import backwards, identity, shouting, silent

from s2s.errors import DataError, UsageError
from s2s.formats.content import Document, Outcome
from s2s.formats.documents import open_document
from s2s.formats.flow import Translate, Translated, outcomes
from s2s.formats.known import FORMATS, format_of
from s2s.formats.po_entries import escape


def translated(data: str | bytes, form: str, how: Translate = shouting, language: str | None = None) -> str:
    raw = data.encode() if isinstance(data, str) else data
    document = open_document(raw, "file", form)
    found = outcomes(document.segments, how, document.accepts)
    return document.render(found, language).decode()


def saying(said: dict[str, str]) -> Translate:
    """Translates texts by a table, words aligned one to one."""
    return lambda texts, align: [Translated(said[text], [(n, n) for n in range(20)]) for text in texts]


def opened(data: str, form: str) -> Document:
    return open_document(data.encode(), "file", form)


def test_formats_are_known_by_their_endings() -> None:
    names = ["a.xlf", "a.XLIFF", "a.pot", "a.htm", "a.md", "a.vtt", "a.txt", "-", "a"]
    assert [format_of(name) for name in names] == [
        "xliff", "xliff", "po", "html", "markdown", "srt", "lines", "lines", "lines",
    ]  # fmt: skip
    assert {format_of(f"a.{ending}") for ending in ("sdlxliff", "mqxliff", "mxliff")} == {"xliff"}
    with pytest.raises(UsageError, match="there is no format docx; there are: lines, document"):
        open_document(b"", "file", "docx")
    assert {format_of(f"a.{ending}") for ending in ("xlf", "po", "html", "md", "srt")} < set(FORMATS)


UNIT = '<file original="f" source-language="en" datatype="x"><body>{}</body></file>'
XLIFF = '<?xml version="1.0"?>\n<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">{}</xliff>\n'


def xliff(inside: str) -> str:
    return XLIFF.format(UNIT.format(inside))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '<trans-unit id="1">\n  <source>a dog</source>\n</trans-unit>',
            '<trans-unit id="1">\n  <source>a dog</source>\n  <target state="translated">A DOG</target>\n</trans-unit>',
        ),
        (
            "<trans-unit id='1'><source>a dog</source><target  state = 'new' xml:lang='de' /></trans-unit>",
            "<trans-unit id='1'><source>a dog</source><target  state = \"translated\" xml:lang='de'>A DOG</target>"
            "</trans-unit>",
        ),
        (
            '<trans-unit id="1"><source>a <![CDATA[<b>dog</b> & cat]]></source></trans-unit>',
            '<trans-unit id="1"><source>a <![CDATA[<b>dog</b> & cat]]></source><target state="translated">'
            "A &lt;b&gt;DOG&lt;/b&gt; &amp; CAT</target></trans-unit>",
        ),
        (
            '<trans-unit id="1"><source><g id="1">a</g> %s <mrk mtype="protected">Word</mrk> b</source></trans-unit>',
            '<trans-unit id="1"><source><g id="1">a</g> %s <mrk mtype="protected">Word</mrk> b</source>'
            '<target state="translated"><g id="1">A</g> %s <mrk mtype="protected">Word</mrk> B</target></trans-unit>',
        ),
    ],
)
def test_xliff_12_targets_are_made_or_filled_and_keep_their_attributes(before: str, after: str) -> None:
    assert translated(xliff(before), "xliff") == xliff(after)


@pytest.mark.parametrize(
    "unit",
    [
        '<trans-unit id="1" translate="no"><source>a dog</source></trans-unit>',
        '<group translate="no"><trans-unit id="1"><source>a dog</source></trans-unit></group>',
        '<trans-unit id="1" approved="yes"><source>a dog</source><target/></trans-unit>',
        '<trans-unit id="1"><source>a dog</source><target>ein Hund</target></trans-unit>',
        '<trans-unit id="1"><source>a dog</source><target><x id="1"/></target></trans-unit>',
        '<trans-unit id="1"><source/></trans-unit>',
        '<bin-unit id="1"><bin-source><source>a dog</source></bin-source></bin-unit>',
    ],
)
def test_xliff_12_leaves_alone_what_is_not_to_be_translated_or_is_already(unit: str) -> None:
    assert translated(xliff(unit), "xliff", language="de") == xliff(unit)


SEGMENTED = (
    '<trans-unit id="1"><source>A dog.</source>'
    '<seg-source><g id="1"><mrk mtype="seg" mid="0">A dog.</mrk></g></seg-source><target{}>{}</target></trans-unit>'
)


@pytest.mark.parametrize(
    ("state", "there"),
    [
        ("", '<mrk mtype="seg" mid="0"></mrk>'),
        ("", '<g id="1"><mrk mtype="seg" mid="0"/> </g><x id="2"/>'),
        (' state="new"', "\n A  dog."),
        (' state="needs-translation"', '<mrk mtype="seg" mid="0">A dog.</mrk>'),
    ],
)
def test_xliff_12_frames_and_copies_of_the_source_are_no_translations(state: str, there: str) -> None:
    after = SEGMENTED.format(' state="translated"', '<g id="1"><mrk mtype="seg" mid="0">A DOG.</mrk></g>')
    document = opened(xliff(SEGMENTED.format(state, there)), "xliff")
    assert (len(document.segments), document.n_kept) == (1, 0)
    assert translated(xliff(SEGMENTED.format(state, there)), "xliff") == xliff(after)


@pytest.mark.parametrize(
    ("state", "there"),
    [
        ("", '<mrk mtype="seg" mid="0">A dog.</mrk>'),
        (' state="translated"', "A dog."),
        (' state="new"', "Ein Hund."),
        (' state="new"', 'A <x id="1"/>dog.'),
        ("", '<mrk mtype="seg" mid="0"><x id="1"/></mrk>'),
        (' state="needs-review-translation"', '<mrk mtype="seg" mid="0">Ein Hund.</mrk>'),
    ],
)
def test_xliff_12_keeps_what_may_be_a_translation(state: str, there: str) -> None:
    text = xliff(SEGMENTED.format(state, there))
    assert opened(text, "xliff").n_kept == 1
    assert translated(text, "xliff") == text


def test_xliff_what_stayed_the_source_is_tried_again_the_next_time() -> None:
    unit = '<trans-unit id="1"><source>a %s <g id="1">dog</g></source></trans-unit>'
    for before in (xliff(unit), XLIFF2.format("", "<x:segment><x:source>a %s dog</x:source></x:segment>")):
        once = translated(before, "xliff", silent)
        assert "A %s" not in once
        again = translated(once, "xliff")
        assert "A %s" in again
        assert again == translated(before, "xliff")


def test_xliff_says_if_a_translation_lacks_segments() -> None:
    there = '<mrk mtype="seg" mid="0">Ein Hund.</mrk> <mrk mtype="seg" mid="1"/>'
    document = opened(xliff(SEGMENTED.format("", there)), "xliff")
    assert document.n_kept == 1
    assert document.notes == ["1 of those with a translation lack that of some of their segments"]


def test_xliff_counts_the_translations_that_it_keeps() -> None:
    done = '<trans-unit id="1"><source>a</source><target>b</target></trans-unit>'
    assert opened(xliff(done * 3 + done.replace("<target>b</target>", "")), "xliff").n_kept == 3


def test_xliff_12_segments_are_translated_one_by_one() -> None:
    unit = (
        '<trans-unit id="1"><source>A dog. A cat.</source>'
        '<seg-source><mrk mtype="seg" mid="0">A dog.</mrk> <mrk mtype="seg" mid="1">A cat.</mrk></seg-source>'
        "</trans-unit>"
    )
    out = translated(xliff(unit), "xliff", saying({"A dog.": "Ein Hund.", "A cat.": "Eine Katze."}))
    target = '<mrk mtype="seg" mid="0">Ein Hund.</mrk> <mrk mtype="seg" mid="1">Eine Katze.</mrk>'
    assert f'</seg-source><target state="translated">{target}</target></trans-unit>' in out


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('<x id="START_TAG_STRONG"/>', '<x id="CLOSE_TAG_STRONG"/>'),
        ('<x id="START_LINK_1"/>', '<x id="CLOSE_LINK"/>'),
        ('<it id="1" pos="open">[</it>', '<it id="2" pos="close">]</it>'),
        ('<ph id="1">&lt;b class="x"&gt;</ph>', '<ph id="2">&lt;/b></ph>'),
        ('<x id="1" equiv-text="&lt;b&gt;"/>', '<x id="2" equiv-text="&lt;/b&gt;"/>'),
    ],
)
def test_codes_that_stand_alone_but_open_and_close_something_are_pairs(first: str, second: str) -> None:
    unit = f'<trans-unit id="1"><source>hello {first}big world{second}, you</source></trans-unit>'
    out = translated(xliff(unit), "xliff", backwards)
    assert f'<target state="translated">you {first}world, big{second} hello</target>' in out


@pytest.mark.parametrize("how", [backwards, shouting])
def test_codes_that_cross_do_not_close_before_they_open(how: Translate) -> None:
    codes = '<sc id="1"/>a b <sc id="2"/>c d<ec startRef="1"/> e f<ec startRef="2"/> g'
    text = '<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en"><file id="f"><unit id="u">'
    text += f"<segment><source>x {codes}</source></segment></unit></file></xliff>"
    out = translated(text, "xliff", how)
    target = re.search("<target>(.*)</target>", out)
    assert target
    places = [target[1].index(tag) for tag in re.findall("<[^>]*>", codes)]
    assert places[0] < places[2]
    assert places[1] < places[3]
    assert ("s2s:check" in out) == (how is backwards)


def test_a_mark_of_xliff_2_ends_after_it_begins() -> None:
    marked = 'the <sm id="m1" type="term"/>red car<em startRef="m1"/> stops'
    text = '<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en"><file id="f"><unit id="u">'
    text += f"<segment><source>{marked}</source></segment></unit></file></xliff>"

    def french(texts: list[str], align: bool) -> list[Translated]:
        return [Translated("la voiture rouge s'arrête", [(0, 0), (1, 2), (2, 1), (3, 3)]) for _ in texts]

    out = translated(text, "xliff", french)
    assert '<target>la <sm id="m1" type="term"/>voiture rouge<em startRef="m1"/> s\'arrête</target>' in out


def test_xliff_keeps_its_ends_of_lines() -> None:
    unit = '<trans-unit id="1">\r\n  <source>a dog</source>\r\n</trans-unit>'
    out = translated(xliff(unit), "xliff")
    assert '<source>a dog</source>\r\n  <target state="translated">A DOG</target>\r\n' in out


MESSAGES = {
    "xliff": (
        '{VAR_PLURAL, plural, =0 {no dogs} =1 {one dog} other {<x id="INTERPOLATION"/> <g id="1">dogs</g> &lt;}}',
        '{VAR_PLURAL, plural, =0 {NO DOGS} =1 {ONE DOG} other {<x id="INTERPOLATION"/> <g id="1">DOGS</g> &lt;}}',
    ),
    "po": (
        "Hi {n, plural, one {<b>#</b> dog} other {a <b>{who, select, other {<i># dog</i>}}</b>}}!",
        "HI {n, plural, one {<b>#</b> DOG} other {A <b>{who, select, other {<i># DOG</i>}}</b>}}!",
    ),
    "html": (
        '<p>{n, plural, one {<b>a &lt;</b> <img alt="dog">} other {dogs <a href="#">#</a>}}</p>',
        '<p>{n, plural, one {<b>A &lt;</b> <img alt="DOG">} other {DOGS <a href="#">#</a>}}</p>',
    ),
}
FRAMES = {
    "xliff": ('<trans-unit id="1"><source>', "</source></trans-unit>", '<target state="translated">'),
    "po": ('msgid "', '"\nmsgstr ""\n', 'msgstr "'),
    "html": ("", "", ""),
}


@pytest.mark.parametrize("form", MESSAGES)
def test_the_branches_of_a_message_may_have_tags(form: str) -> None:
    before, after = MESSAGES[form]
    start, end, written = FRAMES[form]
    text = f"{start}{before}{end}"
    out = translated(xliff(text) if form == "xliff" else text, form)
    assert f"{written}{after}" in out


def test_xliff_says_the_target_language_if_it_does_not_yet() -> None:
    unit = '<trans-unit id="1"><source>a</source></trans-unit>'
    assert 'datatype="x" target-language="de">' in translated(xliff(unit), "xliff", language="de")
    named = xliff(unit).replace('datatype="x"', 'datatype="x" target-language="de-AT"')
    assert 'target-language="de-AT">' in translated(named, "xliff", language="de")


def test_xliff_flags_are_states() -> None:
    unit = '<trans-unit id="1"><source>a %s dog</source></trans-unit>'
    assert '<target state="needs-translation">a %s dog</target>' in translated(xliff(unit), "xliff", silent)
    guessed: Translate = lambda texts, align: [Translated("ein Hund") for _ in texts]  # noqa: E731
    assert re.search(
        r'<target state="needs-review-translation">.*%s.*</target>', translated(xliff(unit), "xliff", guessed)
    )


XLIFF2 = (
    '<x:xliff version="2.1" xmlns:x="urn:oasis:names:tc:xliff:document:2.0" srcLang="en"{}><x:file id="f">'
    '<x:unit id="u">'
    "{}</x:unit></x:file></x:xliff>"
)


def test_xliff_2_keeps_prefixes_and_states_are_of_segments() -> None:
    before = XLIFF2.format(
        "",
        '<x:segment id="s" state="initial"><x:source xml:space="preserve">a <x:pc id="1">dog</x:pc>\n or two</x:source>'
        "</x:segment><x:ignorable><x:source> no </x:source></x:ignorable>"
        '<x:segment state="final"><x:source>b</x:source><x:target></x:target></x:segment>',
    )
    after = XLIFF2.format(
        ' trgLang="de"',
        '<x:segment id="s" state="translated"><x:source xml:space="preserve">a <x:pc id="1">dog</x:pc>\n or two'
        "</x:source>"
        '<x:target xml:space="preserve">A <x:pc id="1">DOG</x:pc>\n OR TWO</x:target>'
        "</x:segment><x:ignorable><x:source> no </x:source></x:ignorable>"
        '<x:segment state="final"><x:source>b</x:source><x:target></x:target></x:segment>',
    )
    assert translated(before, "xliff", language="de") == after
    flagged = translated(before, "xliff", silent, language="de")
    assert '<x:segment id="s" state="initial" subState="s2s:check">' in flagged


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<xliff><a></xliff>", "file:1: malformed XML: mismatched tag"),
        ("<xliff>\n<a", "file:2: malformed XML"),
        ("<tmx/>", "is no XLIFF: its outermost element is tmx"),
        ('<!DOCTYPE x [\n<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xliff>&b;</xliff>', "file:2: declares entities"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xliff>&a;</xliff>', "declares entities"),
        ('<!DOCTYPE x SYSTEM "x.dtd"><xliff>\n&a;</xliff>', "file:2: uses the entity &a;, which it does not declare"),
        ('<?xml version="1.0" encoding="klingon"?><xliff/>', "its encoding is klingon, which is not known"),
        ('<?xml version="1.0" encoding="rot13"?><xliff/>', "its encoding is rot13, which is not known"),
        ("", "malformed XML: no element found"),
    ],
)
def test_xml_that_is_damaged_or_dangerous_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        opened(text, "xliff")


@pytest.mark.parametrize("form", ["xliff", "po", "html", "markdown", "srt", "document"])
def test_bytes_in_another_encoding_are_refused_with_their_line(form: str) -> None:
    with pytest.raises(DataError, match=r"file:2: not UTF-8 \(byte 0xE9\)"):
        open_document(b"ok\ncaf\xe9", "file", form)


def test_what_the_encoding_lacks_is_a_reference_or_the_source_stays() -> None:
    page = '<meta charset="iso-8859-1"><p>caf\xe9 one</p>'.encode("latin-1")
    there: Translate = lambda texts, align: [Translated("мир") for _ in texts]  # noqa: E731
    document = open_document(page, "file", "html")
    out = document.render(outcomes(document.segments, there, document.accepts), None)
    assert b"<p>&#1084;&#1080;&#1088;</p>" in out
    po = b'msgid ""\nmsgstr "Content-Type: text/plain; charset=ISO-8859-1\\n"\n\nmsgid "caf\xe9"\nmsgstr ""\n'
    document = open_document(po, "file", "po")
    out = document.render(outcomes(document.segments, there, document.accepts), None)
    assert out == po.replace(b'\nmsgid "caf\xe9"\nmsgstr ""', b'\n#, fuzzy\nmsgid "caf\xe9"\nmsgstr "caf\xe9"')


def test_xliff_cdata_is_left_for_what_only_a_reference_can_say() -> None:
    unit = '<trans-unit id="1"><source><![CDATA[a <b> dog]]></source></trans-unit>'
    before = (
        xliff(unit).replace('<?xml version="1.0"?>', '<?xml version="1.0" encoding="ISO-8859-1"?>').encode("latin-1")
    )
    for said, written in (("„Hund“ <b>", "&#8222;Hund&#8220; &lt;b&gt;"), ("Hünd <b>", "<![CDATA[Hünd <b>]]>")):
        document = open_document(before, "file", "xliff")
        outcome = [Outcome((said,))]
        out = document.render(outcome, None)
        assert f'<target state="translated">{written}</target>'.encode("latin-1") in out
        assert said in "".join(ElementTree.fromstring(out).itertext())


@pytest.mark.parametrize("source", ["<![CDATA[a]]>", "a"])
def test_xliff_carriage_returns_in_a_text_are_references(source: str) -> None:
    document = opened(xliff(f'<trans-unit id="1"><source>{source}</source></trans-unit>'), "xliff")
    out = document.render([Outcome(("b\r\nc",))], None)
    assert b">b&#13;\nc</target>" in out
    assert "b\r\nc" in "".join(ElementTree.fromstring(out).itertext())


HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals={};\\n"\n\n'


def po(entry: str, plurals: str = "2; plural=(n != 1)") -> str:
    return HEAD.format(plurals) + entry


@pytest.mark.parametrize(
    ("entry", "after"),
    [
        ('msgid "a dog"\nmsgstr ""\n', 'msgid "a dog"\nmsgstr "A DOG"\n'),
        ('#~ msgid "a"\n#~ msgstr ""\n', '#~ msgid "a"\n#~ msgstr ""\n'),
        ('#, fuzzy\nmsgid "a"\nmsgstr "b"\n', '#, fuzzy\nmsgid "a"\nmsgstr "b"\n'),
        ('msgctxt "a"\nmsgid "a"\nmsgstr ""', 'msgctxt "a"\nmsgid "a"\nmsgstr "A"'),
        ('msgid ""\n"a\\n"\n"b\\n"\nmsgstr ""\n', 'msgid ""\n"a\\n"\n"b\\n"\nmsgstr ""\n"A\\n"\n"B\\n"\n'),
        ('msgid "say \\"a\\"\\t%s"\nmsgstr ""\n', 'msgid "say \\"a\\"\\t%s"\nmsgstr "SAY \\"A\\"\\t%s"\n'),
        ('msgid "<b>a</b> b"\r\nmsgstr ""\r\n', 'msgid "<b>a</b> b"\r\nmsgstr "<b>A</b> B"\r\n'),
    ],
)
def test_po_fills_what_is_empty(entry: str, after: str) -> None:
    assert translated(po(entry), "po") == po(after)


def test_po_plural_forms_are_those_of_the_header() -> None:
    entry = 'msgid "one dog"\nmsgid_plural "%d dogs"\nmsgstr[0] ""\nmsgstr[1] ""\n'
    out = translated(po(entry, "3; plural=n==1 ? 1 : n==0 ? 0 : 2"), "po")
    assert out.endswith('msgstr[0] "%d DOGS"\nmsgstr[1] "ONE DOG"\nmsgstr[2] "%d DOGS"\n')
    partly = entry.replace('msgstr[1] ""', 'msgstr[1] "da"')
    assert translated(po(partly), "po").endswith('msgstr[0] "ONE DOG"\nmsgstr[1] "da"\n')
    assert translated(po(entry.replace('msgstr[1] ""\n', ""), "1; plural=0"), "po").endswith('msgstr[0] "%d DOGS"\n')


def test_po_what_is_to_be_looked_at_is_fuzzy() -> None:
    out = translated(po('#, c-format\nmsgid "a %s"\nmsgstr ""\n\nmsgctxt "c"\nmsgid "b"\nmsgstr ""\n'), "po", silent)
    assert '#, fuzzy, c-format\nmsgid "a %s"\nmsgstr "a %s"\n\n#, fuzzy\nmsgctxt "c"\n' in out
    obsolete = '#, fuzzy\n#~ msgid "o"\n#~ msgstr "p"\n\n'
    out = translated(po(f'{obsolete}msgid "a %s"\nmsgstr ""\n'), "po", silent)
    assert f'{obsolete}#, fuzzy\nmsgid "a %s"\n' in out  # what is said of the obsolete one is not said of it


@pytest.mark.parametrize(
    "line", ["msgid", "hello", 'msgid "a" b', 'msgstr[0] "a"', 'msgid "a\\"', 'msgid_plural "x"', '"x"']
)
def test_po_lines_that_are_none_are_named(line: str) -> None:
    with pytest.raises(DataError, match=r"file:7: "):
        opened(po(f"# c\n{line}\n"), "po")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>a <b>dog</b> &amp; cat", "<p>A <b>DOG</b> &amp; CAT"),
        ("<p>a<br>b</p>", "<p>A<br>B</p>"),
        ("<pre>a</pre><code>b</code><kbd>c</kbd>", "<pre>a</pre><code>b</code><kbd>c</kbd>"),
        ("a <code>b <i>c</i></code> d", "A <code>b <i>c</i></code> D"),
        ('<p>a <svg aria-label="b"/> c', '<p>A <svg aria-label="B"/> C'),
        ("<script>a('<p>b</p>')</script>c", "<script>a('<p>b</p>')</script>C"),
        ("<style>a</style><textarea>b</textarea>", "<style>a</style><textarea>b</textarea>"),
        ("<div translate=no>a<p>b</p></div>c", "<div translate=no>a<p>b</p></div>C"),
        ("<div class='x notranslate'>a<div>b</div></div>c", "<div class='x notranslate'>a<div>b</div></div>C"),
        ("a <span translate=\"no\">b</span> c", "A <span translate=\"no\">b</span> C"),
        ("<img alt=dog title='a \"b\"'>", '<img alt="DOG" title=\'A "B"\'>'),
        ("<p>a <a title='b &lt; c' href=d>e</a>", "<p>A <a title='B &lt; C' href=d>E</a>"),
        ('<input placeholder="a" value="b"><input type=submit value="c">',
         '<input placeholder="A" value="b"><input type=submit value="C">'),
        ('<meta name="description" content="a b"><meta name="viewport" content="a">',
         '<meta name="description" content="A B"><meta name="viewport" content="a">'),
        ("<title>a</title><p aria-label='b'>&nbsp;</p>", "<title>A</title><p aria-label='B'>&nbsp;</p>"),
        ("<!-- a --><p>b <!-- c --> d</p><![CDATA[e]]>", "<!-- a --><p>B <!-- c --> D</p><![CDATA[e]]>"),
        ("a < b <p>1 < 2</p>", "A &lt; B <p>1 < 2</p>"),
        ("<a><p>b</p></a> <b>c<p>d</b>", "<a><p>B</p></a> <b>C<p>D</b>"),
        ("<p>a\r\n   b</p>", "<p>A B</p>"),
        ("&copy; a&eacute;", "© AÉ"),
    ],
)  # fmt: skip
def test_html(before: str, after: str) -> None:
    assert translated(before, "html") == after


def test_html_says_its_new_language() -> None:
    assert translated("<html lang=en><p lang=fr>a", "html", language="de") == '<html lang="de"><p lang=fr>A'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# a *b*\n", "# A *B*\n"),
        ("a\n===\n", "A\n===\n"),
        ("- a\n- [x] b\n  1. c\n", "- A\n- [x] B\n  1. C\n"),
        ("> a\n> b c\n", "> A\n> B C\n"),
        ("a *b*  \nc [d](e)\\\nf\n", "A *B*  \nC [D](e)\\\nF\n"),
        ("a \\\\\nb\n", "A \\\\\nB\n"),
        ("**a  \nb** c\n", "**a  \nb** c\n"),
        ("a `b\nc` d.  \ne.\n", "A `b\nc`\nD.  \nE.\n"),
        ("[a\\\nb](c)\n\nd\n", "[a\\\nb](c)\n\nD\n"),
        ("a `b  \nc` d\n", "a `b  \nc` d\n"),
        ("a\rb\n\n| c |\n|---|\n| d |", "a\rb\n\n| C |\n|---|\n| D |"),
        ("a [b](c 'd') ![e](f)\n", "A [B](c 'd') ![e](f)\n"),
        ("a [b] c\n\n[b]: d\n", "A [B][b] C\n\n[b]: d\n"),
        ("a `b` ``c ` d``\n", "A `b` ``c ` d``\n"),
        ("    a\n\n```\nb\n```\n", "    a\n\n```\nb\n```\n"),
        ("<div>\na\n</div>\n\nb <i>c</i>\n", "<div>\na\n</div>\n\nB <i>C</i>\n"),
        ("---\na: b\n---\nc\n", "---\na: b\n---\nC\n"),
        ("| a | b \\| c |\n|---|---|\n| d | `e \\| f` g |\n", "| A | B \\| C |\n|---|---|\n| D | `e \\| f` G |\n"),
        ("a \\* b &amp; c_d_e\n", "A \\* B & C_D_E\n"),
        ("a  \nb\\\nc\n", "A  \nB\\\nC\n"),
        ("a[^1]\n\n[^1]: b\n", "A[^1]\n\n[^1]: b\n"),
        ("a[^1]\n\n[^1]: b c\n", "A[^1]\n\n[^1]: B C\n"),
        ("a ~~b~~ <https://c.d>\r\n", "A ~~B~~ <https://c.d>\r\n"),
        ("a\n* * *\n", "A\n* * *\n"),
        # code of templates stays
        ("[the guide]({{ site.baseurl }}/guide.html)", "[THE GUIDE]({{ site.baseurl }}/guide.html)"),
        ("- [the guide]({% link guide.md %}): read it", "- [THE GUIDE]({% link guide.md %}): READ IT"),
        ('See {{< ref "a.md" >}} now.', 'SEE {{< ref "a.md" >}} NOW.'),
        ("{{< note >}} a dog", "{{< note >}} A DOG"),
    ],
)
def test_markdown(before: str, after: str) -> None:
    assert translated(before, "markdown") == after


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("1. zwei", "1\\. zwei"),
        ("- zwei", "\\- zwei"),
        ("# zwei", "\\# zwei"),
        ("> a *b* _c_ [d] `e` <f>", "\\> a \\*b\\* \\_c\\_ \\[d\\] \\`e\\` \\<f>"),
        ("a_b 2 * 3 &lt;", "a_b 2 \\* 3 &amp;lt;"),
        ("Preis: 3 + 4", "Preis: 3 + 4"),
        ("zwei #", "zwei \\#"),
    ],
)
def test_markdown_marks_in_a_translation_are_text(said: str, written: str) -> None:
    # what the fake translation has of numbers and tags is in the source too
    source = " ".join(["one", *re.findall(r"\d+", said), *re.findall(r"<\w+>|&\w+;", said)])
    source = source.replace("<", "\\<").replace("&", "\\&")
    assert translated(f"{source}\n", "markdown", lambda texts, align: [Translated(said)] * len(texts)) == f"{written}\n"


TIMES = "00:00:01,000 --> 00:00:02,000"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"1\n{TIMES}\na b\n\n2\n{TIMES}\nc\n", f"1\n{TIMES}\nA B\n\n2\n{TIMES}\nC\n"),
        (f"1\r\n{TIMES}\r\n<i>a</i>\r\nb", f"1\r\n{TIMES}\r\n<i>A</i>\r\nB"),
        (f"1\n{TIMES}\n{{\\an8}}- a\n- b c\n", f"1\n{TIMES}\n{{\\an8}}- A\n- B C\n"),
        (f"note\n\n1\n{TIMES}\na & b\n", f"note\n\n1\n{TIMES}\nA & B\n"),
        (
            "WEBVTT\n\nNOTE a\n\nid\n00:01.000 --> 00:02.000 line:0\n<v Ann>a &amp; <c.x>b</c> &lt;\n",
            "WEBVTT\n\nNOTE a\n\nid\n00:01.000 --> 00:02.000 line:0\n<v Ann>A &amp; <c.x>B</c> &lt;\n",
        ),
    ],
)
def test_subtitles(before: str, after: str) -> None:
    assert translated(before, "srt") == after


def test_a_cue_keeps_as_many_lines_as_it_has() -> None:
    text = f"1\n{TIMES}\nthe old man\nsat by the sea\nall day\n"
    said = "der alte Mann saß den ganzen Tag am Meer und sah"
    out = translated(text, "srt", lambda texts, align: [Translated(said)])
    assert out == f"1\n{TIMES}\nder alte Mann saß\nden ganzen Tag am\nMeer und sah\n"


def test_a_file_without_cues_is_said() -> None:
    assert opened("nothing\n", "srt").notes == ["there is no cue in it (00:00:01,000 --> 00:00:02,000)"]


def test_wrapped_lines_of_a_document_are_one_text_and_short_ones_are_not() -> None:
    asked: list[str] = []

    def translate(texts: list[str], align: bool) -> list[Translated]:
        asked.extend(texts)
        return identity(texts, align)

    long = "This line is wrapped by a program that does such\nthings. It goes on here.\n"
    text = f"\ufeffTitle\nby me\n\n{long}\nEnd.  Second one."
    assert translated(text, "document", translate) == text
    assert asked[:2] == ["Title", "by me"]
    assert asked[2:] == [
        "This line is wrapped by a program that does such things.", "It goes on here.", "End.", "Second one.",
    ]  # fmt: skip


@pytest.mark.parametrize("form", [one for one in FORMATS if one not in ("lines", "xliff", "po")])
@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf", b"\r\n\r\n", b"  "])
def test_empty_files_stay_as_they_are(form: str, data: bytes) -> None:
    assert translated(data, form).encode() == data


@pytest.mark.parametrize(
    "text",
    ["<", "<a", "<!--", "<a href='", "</", "<![CDATA[", "&#x;", "[a](", "|", "```", "---\n", "\\", "**", "<script>x"],
)
def test_broken_markup_is_read_and_comes_back(text: str) -> None:
    for form in ("html", "markdown", "srt", "document"):
        assert translated(text, form, identity) == text


HOSTILE = [
    "<b>a " * 1000,
    "<b>a " * 1000 + "</b>" * 1000,
    "{a, plural, other {b " * 800,
    "{a, plural, other {b " * 800 + "}}" * 800,
    "<a " + 'b="c" ' * 8000,
    "<a<" * 8000,
    "<a b='" * 5000,
    "a" * 100_000,
    "a." * 8000 + " B",
    "." * 20_000,
    "'{" * 8000,
    "%(" * 8000,
    "[" * 800 + "a" + "]" * 800,
    "> " * 300 + "a",
    "*a " * 800,
    "`a" * 800,
    "&a" * 8000,
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_texts_are_read_in_time_that_goes_with_their_length(number: int) -> None:
    text = HOSTILE[number]
    for form in ("html", "markdown", "srt", "document"):
        data = f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n" if form == "srt" else text
        assert translated(data, form, identity) == data
        translated(data, form)
    po = f'msgid "{escape(text)}"\nmsgstr ""\n'
    assert escape(text) in translated(po, "po")
    assert "</target>" in translated(xliff(f"<trans-unit><source>{text.translate(XML)}</source></trans-unit>"), "xliff")


XML = str.maketrans({"<": "&lt;", "&": "&amp;"})


@pytest.mark.parametrize("form", ["markdown", "po"])
def test_elements_that_are_code_or_not_to_be_translated_stay(form: str) -> None:
    text = "Run <code>git push origin</code> and <span translate=no>Acme Corp</span>, <kbd class=x>Ctrl</kbd>"
    want = "RUN <code>git push origin</code> AND <span translate=no>Acme Corp</span>, <kbd class=x>Ctrl</kbd>"
    if form == "po":
        text, want = f'msgid "{text}"\nmsgstr ""\n', f'msgid "{text}"\nmsgstr "{want}"\n'
    assert translated(text, form) == want


def test_short_tags_of_phrase_are_pairs() -> None:
    before = "<trans-unit id='1'><source>Read {1&gt;the manual&lt;1} now {2}</source><target></target></trans-unit>"
    assert '<target state="translated">READ {1&gt;THE MANUAL&lt;1} NOW {2}</target>' in translated(
        xliff(before), "xliff"
    )


@pytest.mark.parametrize(
    "inside",
    [
        "<![CDATA[<h2>Opening hours</h2><p>We are open</p>]]>",
        '<bpt id="1">&lt;p&gt;</bpt>Opening hours<ept id="1">&lt;/p&gt;</ept>'
        '<bpt id="2">&lt;p&gt;</bpt>We are open<ept id="2">&lt;/p&gt;</ept>',
    ],
)
def test_blocks_that_are_text_do_not_make_one_word_of_two(inside: str) -> None:
    asked: list[str] = []

    def asking(texts: list[str], align: bool) -> list[Translated]:
        asked.extend(texts)
        return shouting(texts, align)

    out = translated(xliff(f'<trans-unit id="1"><source>{inside}</source></trans-unit>'), "xliff", asking)
    assert asked == ["Opening hours We are open"]
    assert "OPENING HOURS<" in out
    assert ">WE ARE OPEN<" in out


@pytest.mark.parametrize("thing", ["%1", "%L2", "%title", "%site_name", "@count", "$cmd"])
def test_placeholders_of_toolkits_come_out_or_the_entry_is_fuzzy(thing: str) -> None:
    text = f'msgid "Open {thing} now"\nmsgstr ""\n'
    assert f'msgstr "OPEN {thing} NOW"' in translated(text, "po")
    lost = translated(text, "po", lambda texts, align: [Translated("NOTHING", []) for _ in texts])
    assert "#, fuzzy" in lost or thing in lost


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>Save <b>50 %</b> today, <i>10 €</i></p>", "<p>SAVE <b>50 %</b> TODAY, <i>10 €</i></p>"),
        ('<p><a href="z">Read more →</a> or not</p>', '<p><a href="z">READ MORE →</a> OR NOT</p>'),
    ],
)
def test_symbols_within_a_tag_stay_within_it(before: str, after: str) -> None:
    assert translated(before, "html") == after


def test_locked_units_stay_and_an_empty_seg_source_hides_nothing() -> None:
    unit = '<trans-unit id="1" m:locked="locked" xmlns:m="MQXliff"><source>a dog</source><target/></trans-unit>'
    assert translated(xliff(unit), "xliff") == xliff(unit)
    unit = '<trans-unit id="1"><source>a dog</source><seg-source/></trans-unit>'
    assert "A DOG</target>" in translated(xliff(unit), "xliff")


def test_a_template_of_gettext_is_said_to_need_its_header() -> None:
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=CHARSET\\n"\n\nmsgid "a"\nmsgstr ""\n'
    assert "msginit" in opened(header, "po").notes[0]  # type: ignore[attr-defined]
    assert not opened(header.replace("CHARSET", "UTF-8"), "po").notes  # type: ignore[attr-defined]


def test_patterns_take_time_that_goes_with_the_length() -> None:
    """Of broken templates: without a bound each `{%` looks through all that follows."""
    text = "{%" * 20_000 + "<a" + " " * 20_000
    assert translated(f'msgid "{text}"\nmsgstr ""\n', "po")
