"""Pairs to learn from, as files of translators have them: whole translations only, words apart as they are shown."""

import pytest

from s2s.formats.bitext import read_po, read_tmx, read_xliff

ARABIC = "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5;"


def po(text: str, plural_forms: str = "nplurals=2; plural=n != 1;") -> list[tuple[str, str]]:
    header = f'msgid ""\nmsgstr ""\n"Language: xx\\n"\n"Plural-Forms: {plural_forms}\\n"\n\n'
    return [row[:2] for row in read_po((header + text).split("\n"), "x.po", "en", "xx")]


@pytest.mark.parametrize(
    ("plural_forms", "forms", "pairs"),
    [
        ("nplurals=2; plural=n != 1;", ["eine", "viele"], [("One file", "eine"), ("%d files", "viele")]),
        (ARABIC, ["0", "1", "2", "3", "11", "100"], [("One file", "1"), ("%d files", "3")]),
        ("nplurals=1; plural=0;", ["%d file"], [("%d files", "%d file")]),
        ("nplurals=4; plural=n%100==1 ? 1 : n%100==2 ? 2 : n%100==3 || n%100==4 ? 3 : 0;", ["5", "1", "2", "3"],
         [("One file", "1"), ("%d files", "5")]),
    ],
)  # fmt: skip
def test_the_singular_goes_with_the_form_of_one(
    plural_forms: str, forms: list[str], pairs: list[tuple[str, str]]
) -> None:
    said = "\n".join(f'msgstr[{number}] "{form}"' for number, form in enumerate(forms))
    assert po(f'msgid "One file"\nmsgid_plural "%d files"\n{said}\n', plural_forms) == pairs


def test_words_on_both_sides_of_a_line_end_are_two() -> None:
    text = 'msgid "First<br>second<p>third</p><b>bo</b>ld"\nmsgstr "x<br/>y"\n'
    assert po(text) == [("First second third bold", "x y")]
    tmx = (
        '<tmx version="1.4"><body><tu><tuv xml:lang="en">'
        '<seg>one<ut>\\line</ut>two<it pos="begin">x</it>three</seg></tuv>'
        '<tuv xml:lang="xx"><seg>1</seg></tuv></tu></body></tmx>'
    )
    assert [row[:2] for row in read_tmx([tmx.encode()], "x.tmx", "en", "xx")] == [("one two three", "1")]


@pytest.mark.parametrize(("second", "target"), [("", ""), ("Du da.", "Hallo. Du da.")])
def test_a_unit_is_a_pair_when_all_its_segments_are_translated(second: str, target: str) -> None:
    unit = (
        '<trans-unit id="1"><source>Hello. You.</source><seg-source><mrk mtype="seg" mid="1">Hello.</mrk> '
        '<mrk mtype="seg" mid="2">You.</mrk></seg-source><target><mrk mtype="seg" mid="1">Hallo.</mrk> '
        f'<mrk mtype="seg" mid="2">{second}</mrk></target></trans-unit>'
        '<trans-unit id="2"><source>Next</source><target>Weiter</target></trans-unit>'
    )
    file = f'<xliff version="1.2"><file source-language="en" target-language="xx"><body>{unit}</body></file></xliff>'
    rows = [row[:2] for row in read_xliff([file.encode()], "x.xliff", "en", "xx")]
    assert rows == [("Hello. You.", target), ("Next", "Weiter")]
