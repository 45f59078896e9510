"""Pairs from TMX, XLIFF and PO: which texts belong together, places, and what is refused."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from s2s.corpus.guess import guess_languages
from s2s.corpus.pairs import PairCorpus, open_pairs
from s2s.errors import ConfigError, DataError

TMX = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en-US" segtype="sentence"/>
<body>
<tu tuid="1"><prop type="x">A <b/> note</prop>
  <tuv xml:lang="en-US"><seg>Press <bpt i="1">&lt;b&gt;</bpt>Save<ept i="1">&lt;/b&gt;</ept>
   &amp; wait.</seg></tuv>
  <tuv xml:lang="de-AT"><seg>Speichern (AT)</seg></tuv>
  <tuv xml:lang="de-DE"><seg><hi>Speichern</hi> drücken<ph>{0 <sub>no</sub>}</ph> &#x26; warten.</seg></tuv>
</tu>
<tu><tuv lang="EN"><seg>Only English</seg></tuv><tuv xml:lang="fr"><seg>Seul</seg></tuv></tu>
<tu><tuv xml:lang="de"><seg>Katze</seg></tuv><tuv xml:lang="en"><seg>cat</seg></tuv></tu>
</body></tmx>
"""
XLIFF = """<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
<file source-language="en-US" target-language="de" original="a" datatype="x"><body><group>
<trans-unit id="1"><source>A <g id="1">red</g> car<x id="2"/>.</source>
<target>Ein <g id="1">rotes</g> Auto<x id="2"/>.</target>
<alt-trans><source>no</source><target>nein</target></alt-trans></trans-unit>
<trans-unit id="2"><source>Not yet</source><target state="needs-translation">Not yet</target></trans-unit>
<trans-unit id="3"><source>None</source></trans-unit></group></body></file></xliff>
"""
XLIFF2 = """<xliff version="2.0" srcLang="en" trgLang="de" xmlns="urn:oasis:names:tc:xliff:document:2.0"><file id="f">
<unit id="u"><segment state="final"><source>One <pc id="1">cat</pc></source><target>Eine <pc id="1">Katze</pc></target>
</segment><ignorable><source> </source></ignorable>
<segment state="initial"><source>Two</source><target>Zwei</target></segment></unit></file></xliff>
"""
PO = """msgid ""
msgstr ""
"Language: de_DE\\n"

#, c-format
msgid "Delete <b>%s</b>\\n"
"now"
msgstr "Jetzt %s\\n"
"löschen"

#, fuzzy
msgid "old"
msgstr "alt"

msgid "one file"
msgid_plural "%d files"
msgstr[0] "eine Datei"
msgstr[1] "%d Dateien"
#~ msgid "gone"
#~ msgstr "weg"
"""


def corpus(folder: Path, name: str, text: str | bytes, source: str = "en", target: str = "de") -> PairCorpus:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return open_pairs(str(path), source=source, target=target)


def rows(pairs: PairCorpus) -> list[tuple[str, str, int]]:
    return [(pair.src, pair.tgt, pair.line) for pair in pairs]


def test_tmx_gives_the_exact_language_or_one_with_a_region_and_no_native_code(tmp_path: Path) -> None:
    expected = [("Press Save & wait.", "Speichern (AT)", 5), ("Only English", "", 11), ("cat", "Katze", 12)]
    assert rows(corpus(tmp_path, "a.tmx", TMX)) == expected
    assert rows(corpus(tmp_path, "a.tmx", TMX, "en-us", "de_DE"))[0][1] == "Speichern drücken & warten."
    assert rows(corpus(tmp_path, "a.tmx", TMX, "fr", "en")) == [
        ("", "Press Save & wait.", 5),
        ("Seul", "Only English", 11),
        ("", "cat", 12),
    ]


@pytest.mark.parametrize("name", ["a.tmx.gz", "A.TMX"])
def test_tmx_may_be_compressed_and_in_utf_16(tmp_path: Path, name: str) -> None:
    data = TMX.replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    assert rows(corpus(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data))[2] == ("cat", "Katze", 12)


def test_xliff_gives_what_is_translated_in_either_direction(tmp_path: Path) -> None:
    expected = [("A red car .", "Ein rotes Auto .", 3), ("Not yet", "", 6), ("None", "", 7)]
    assert rows(corpus(tmp_path, "a.xlf", XLIFF)) == expected
    assert rows(corpus(tmp_path, "a.xlf", XLIFF, "de", "en")) == [(tgt, src, line) for src, tgt, line in expected]
    assert rows(corpus(tmp_path, "b.xliff", XLIFF2)) == [("One cat", "Eine Katze", 2), ("Two", "", 4)]


def test_po_gives_singular_and_plural_and_nothing_that_is_fuzzy_or_obsolete(tmp_path: Path) -> None:
    expected = [
        ("Delete %s now", "Jetzt %s löschen", 6),
        ("old", "", 12),
        ("one file", "eine Datei", 15),
        ("%d files", "%d Dateien", 15),
    ]
    assert rows(corpus(tmp_path, "a.po", PO)) == expected
    assert rows(corpus(tmp_path, "a.po", PO, "de", "en")) == [(tgt, src, line) for src, tgt, line in expected]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tmx", TMX.replace("</tu>\n<tu>", "<tu>"), r"a.tmx:\d+: malformed XML: mismatched tag"),
        ("a.tmx", TMX[:500], r"a.tmx:\d+: malformed XML"),
        ("a.tmx", XLIFF, "is no TMX: its outermost element is xliff"),
        ("a.tmx", TMX.replace("de-AT", "fr").replace("de-DE", "fr").replace('"de"', '"fr"'), "has nothing in de; its"),
        ("a.tmx", '<!DOCTYPE tmx [<!ENTITY a "b">]>\n<tmx>&a;</tmx>', "a.tmx:1: declares entities"),
        ("a.tmx", '<!DOCTYPE tmx [\n<!ENTITY % a SYSTEM "file:///etc/passwd">]><tmx/>', "a.tmx:2: declares entities"),
        ("a.tmx", TMX.replace("&amp;", "&unknown;"), "uses the entity &unknown;"),
        ("a.xlf", XLIFF.replace('"de"', '"fr"'), "a.xlf:2: is from en-US to fr, not en to de"),
        ("a.xlf", TMX, "is no XLIFF"),
        ("a.po", PO.replace("de_DE", "pl"), "a.po:1: is in pl, neither en nor de"),
        ("a.po", PO.replace('msgid "old"', "msgid old"), "a.po:12: no line of a PO file"),
        ("a.po", PO.replace('msgid "old"\n', ""), "a.po:12: msgstr is not expected here"),
    ],
)
def test_what_is_damaged_or_dangerous_is_refused_with_its_place(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        rows(corpus(tmp_path, name, text))


def test_what_stands_before_a_fault_is_read_if_somebody_takes_complaints(tmp_path: Path) -> None:
    errors: list[DataError] = []
    pairs = [*corpus(tmp_path, "a.tmx", TMX.replace("</body></tmx>", "<tu></body>")).readable(errors.append)]
    assert [pair.src for pair in pairs] == ["Press Save & wait.", "Only English", "cat"]
    assert [error.what[:13] for error in errors] == ["malformed XML"]


def test_languages_are_found_in_the_file(tmp_path: Path) -> None:
    for name, text in (("a.tmx", TMX), ("a.xlf", XLIFF), ("b.xliff", XLIFF2), ("a.po", PO)):
        corpus(tmp_path, name, text)
        assert guess_languages(str(tmp_path / name)) == ("en", "de")
    for header, languages in (("en-GB", ("en", "de")), ("de-DE", ("de", "en")), ("*all*", ("en", "de"))):
        corpus(tmp_path, "d.tmx", TMX.replace('srclang="en-US"', f'srclang="{header}"'))
        assert guess_languages(str(tmp_path / "d.tmx")) == languages
    regions = TMX.replace("de-AT", "en-GB").replace("de-DE", "en-NZ").replace('"de"', '"en-GB"').replace("fr", "en-NZ")
    pairs = corpus(tmp_path, "e.tmx", regions, "en-US", "en-GB")
    assert guess_languages(str(tmp_path / "e.tmx")) == ("en-US", "en-GB")  # there are no two languages in it
    assert rows(pairs)[0][:2] == ("Press Save & wait.", "Speichern (AT)")
    corpus(tmp_path, "b.po", PO.replace("de_DE", "en_GB"))
    assert guess_languages(str(tmp_path / "b.po")) == ("en", "en_GB")
    corpus(tmp_path, "c.po", PO.replace("de_DE", ""))
    assert guess_languages(str(tmp_path / "c.po")) is None


def test_the_direction_belongs_to_what_a_corpus_is(tmp_path: Path) -> None:
    there, back = corpus(tmp_path, "a.tmx", TMX), corpus(tmp_path, "a.tmx", TMX, "de", "en")
    assert there.fingerprint != back.fingerprint
    assert there.fingerprint == corpus(tmp_path, "b.tmx", TMX).fingerprint


def test_two_memories_are_no_pair_of_text_files(tmp_path: Path) -> None:
    corpus(tmp_path, "a.tmx", TMX)
    corpus(tmp_path, "b.tmx", TMX)
    with pytest.raises(ConfigError, match="is no plain text"):
        open_pairs(f"{tmp_path}/a.tmx,{tmp_path}/b.tmx", source="en", target="de")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    head, rest = TMX.split("<body>")
    body, end = rest.split("</body>")
    pairs = corpus(tmp_path, "big.tmx", f"{head}<body>{body * 18000}</body>{end}")
    assert (tmp_path / "big.tmx").stat().st_size > 9_000_000
    tracemalloc.start()
    n = sum(1 for _ in pairs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 54_000
    # a block of the file and its rows; not the file
    assert peak < 6_000_000
