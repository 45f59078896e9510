"""`s2s translate` with files, a glossary and sentences, as a user gives it, with the stored model."""

import contextlib
import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.corpus.vocabulary import Vocabulary
from s2s.decoding.translator import Translator
from s2s.symbols import UNK

GOLDEN = Path(__file__).parent.parent / "golden"
XLIFF = """<?xml version="1.0"?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
<file original="f" source-language="fr" datatype="plaintext"><body>
<trans-unit id="1"><source>red <g id="1">dog</g> three</source></trans-unit>
<trans-unit id="2"><source>{}</source></trans-unit>
</body></file></xliff>
"""


def s2s(folder: Path, *arguments: str, stdin: bytes = b"") -> Result:
    with contextlib.chdir(folder):
        return CliRunner().invoke(app, ["translate", "--model", str(GOLDEN / "model"), *arguments], input=stdin)


def test_a_file_is_translated_in_place_and_what_happened_is_said(tmp_path: Path) -> None:
    (tmp_path / "in.xliff").write_text(XLIFF.format("cat one"), "utf-8")
    done = s2s(tmp_path, "in.xliff", "-o", "out.xliff")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    out = (tmp_path / "out.xliff").read_text("utf-8")
    assert '<target state="translated">drei <g id="1">Hund</g> rot</target>' in out
    assert '<target state="translated">eins Katze</target>' in out
    assert 'target-language="de"' in out
    assert "in.xliff: translated as xliff" in done.stderr
    assert "in.xliff: 2 of 2 segments translated" in done.stderr
    assert "says that its source is fr; the model translates from en" in done.stderr
    again = s2s(tmp_path, "-i", "out.xliff", "-o", "out.xliff")
    assert "0 of 0 segments translated, 2 had a translation and keep it" in again.stderr
    assert (tmp_path / "out.xliff").read_text("utf-8") == out


@pytest.mark.parametrize(
    ("said", "note"),
    [("fr", True), ("fr_CA@latin", True), ("de_AT", False), ("de@euro", False), ("de-CH", False), ("", False)],
)
def test_a_po_file_of_another_language_is_said(tmp_path: Path, said: str, note: bool) -> None:
    text = f'msgid ""\nmsgstr "Language: {said}\\n"\n\nmsgid "cat one"\nmsgstr ""\n'
    (tmp_path / "in.po").write_text(text, "utf-8")
    done = s2s(tmp_path, "in.po")
    assert 'msgstr "eins Katze"' in done.stdout
    told = f"the file says that its target is {said}; the model translates into de"
    assert (told in done.stderr) == note
    assert ("the file says" in done.stderr) == note


def test_a_damaged_file_leaves_no_output(tmp_path: Path) -> None:
    (tmp_path / "in.xliff").write_text(XLIFF.format("<g>"), "utf-8")
    done = s2s(tmp_path, "in.xliff", "-o", "out.xliff")
    assert done.exit_code == 65
    assert "in.xliff:5: malformed XML" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.xliff"]


def test_formats_are_chosen_by_ending_or_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>cat <b>one</b></p>\n", "utf-8")
    (tmp_path / "a.txt").write_text("cat one\n\nthree red\n", "utf-8")
    assert s2s(tmp_path, "a.html").stdout == "<p><b>eins</b> Katze</p>\n"
    assert s2s(tmp_path, "--format", "html", stdin=b"<i>one</i>").stdout == "<i>eins</i>"
    lines = s2s(tmp_path, "-i", "a.txt")
    assert lines.stdout == "eins Katze\n\nrot drei\n"
    assert "translated as" not in lines.stderr
    for arguments in (["a.txt"], ["--format", "lines", "a.txt"]):
        file = s2s(tmp_path, *arguments)
        assert file.stdout == lines.stdout
        assert "a.txt: this file is translated, line by line" in file.stderr
    assert s2s(tmp_path, "a.txt", "one").stdout.endswith("\neins\n")  # two texts
    assert s2s(tmp_path, "--format", "document", "a.txt").stdout == "eins Katze\n\nrot drei\n"
    assert s2s(tmp_path, "--format", "lines", "-i", "a.html").stdout.count("\n") == 1
    assert s2s(tmp_path, "one").stdout == "eins\n"  # no file
    mistyped = s2s(tmp_path, "b.txt")
    assert (mistyped.exit_code, mistyped.stdout, "no such file" in mistyped.stderr) == (66, "", True)
    assert s2s(tmp_path, "--format", "lines", "b.txt").stdout.count("\n") == 1
    two = s2s(tmp_path, "a.txt", "a.html")
    assert (two.exit_code, two.stdout, "one file at a time" in two.stderr) == (2, "", True)
    assert s2s(tmp_path, "one two.html").exit_code == 0  # nor this
    assert s2s(tmp_path, "x " * 5000 + ".html").exit_code == 0
    missing = s2s(tmp_path, "b.html")
    assert missing.exit_code == 66
    assert "b.html: no such file" in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.html", "--json"], "--format html goes without"),
        (["a.html", "--n-best", "2"], "--format html goes without"),
        (["--format", "docx", "a.html"], "there is no format docx"),
        (["--format", "html", "cat one"], "--format html is of a file"),
        (["--glossary", "g.tsv", "--sample", "one"], "--glossary goes without"),
        (["--split-sentences", "--alignments", "one"], "--split-sentences goes without"),
        (["a.html", "-i", "a.html"], "give TEXT or --input"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "a.html").write_text("x", "utf-8")
    (tmp_path / "g.tsv").write_text("a\tb\n", "utf-8")
    done = s2s(tmp_path, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_glossary_for_lines_and_for_files(tmp_path: Path) -> None:
    (tmp_path / "g.tsv").write_text("one\tHund\nred\trot\n", "utf-8")
    done = s2s(tmp_path, "--glossary", "g.tsv", "cat one", "three red")
    first, second = done.stdout.split("\n")[:2]
    assert first == "Hund Katze"
    assert second == "rot drei"
    assert "glossary: 2 terms in the source: 1 in place by themselves, 1 placed, 0 not placed" in done.stderr
    (tmp_path / "a.html").write_text("<p>cat one</p>", "utf-8")
    done = s2s(tmp_path, "--glossary", "g.tsv", "a.html")
    assert done.stdout == "<p>Hund Katze</p>"
    assert "glossary: 1 terms in the source: 0 in place by themselves, 1 placed, 0 not placed" in done.stderr


def test_sentences_of_a_line_are_translated_one_by_one_if_asked(tmp_path: Path) -> None:
    model = Translator.load(GOLDEN / "model", "cpu")
    parts = model.translate(["Cat one.", "Three red!"])
    done = s2s(tmp_path, "--split-sentences", stdin=b"Cat one.  Three red!\n\nCat one.\n")
    assert done.stdout == f"{parts[0]}  {parts[1]}\n\n{parts[0]}\n"


def test_an_argument_of_two_lines_is_one_line(tmp_path: Path) -> None:
    done = s2s(tmp_path, "--split-sentences", "cat one.\nCat two.", "three red")
    assert done.stdout.count("\n") == 2
    assert done.stdout.endswith("\nrot drei\n")


def test_what_is_compressed_is_decompressed_and_what_is_no_text_is_refused(tmp_path: Path) -> None:
    text = b"cat one\n\nthree red\n" * 300 + b"one"
    (tmp_path / "a.txt").write_bytes(text)
    with gzip.open(tmp_path / "a.txt.gz", "wb") as file:
        file.write(text)
    assert s2s(tmp_path, "a.txt.gz").stdout == s2s(tmp_path, "a.txt").stdout
    (tmp_path / "cut.gz").write_bytes((tmp_path / "a.txt.gz").read_bytes()[:-20])
    damaged = s2s(tmp_path, "-i", "cut.gz", "-o", "out.txt")
    assert damaged.exit_code == 65
    assert not (tmp_path / "out.txt").exists()
    for name, begin in (("a.docx", b"PK\x03\x04"), ("a.pdf", b"%PDF-1.7"), ("a", b"\x1f\x8b")):
        (tmp_path / name).write_bytes(begin + bytes(99))
        refused = s2s(tmp_path, "-i", name)
        assert (refused.exit_code, refused.stdout) == (65, "")
        assert "no text" in refused.stderr


def test_an_output_that_cannot_be_written_is_said_before_anything_is_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.html").write_text("<p>cat</p>\n", "utf-8")
    monkeypatch.setattr(Translator, "translate_lines", lambda *_, **__: pytest.fail("translated"))
    assert s2s(tmp_path, "a.html", "-o", "nowhere/b.html").exit_code == 73


def test_a_hyphen_is_standard_output(tmp_path: Path) -> None:
    assert s2s(tmp_path, "cat one", "-o", "-").stdout == "eins Katze\n"
    assert not (tmp_path / "-").exists()


def test_a_prefix_that_the_vocabulary_does_not_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Vocabulary, "encode", lambda *_: [UNK])
    refused = s2s(tmp_path, "--prefix", "ж", "cat one")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_a_ratio_is_a_number(tmp_path: Path) -> None:
    assert s2s(tmp_path, "--min-length-ratio", "inf", "cat one").exit_code == 2


def test_a_term_is_placed_at_its_word_where_normalisation_makes_a_space(tmp_path: Path) -> None:
    (tmp_path / "terms.tsv").write_text("one\tHund\n", "utf-8")
    for line in ("cat one", "cat \u200b one"):
        assert s2s(tmp_path, "--glossary", "terms.tsv", line).stdout == "Hund Katze\n"


def test_each_line_may_have_a_prefix_of_its_own() -> None:
    model = Translator.load(GOLDEN / "model", "cpu")
    lines, prefixes = ["cat one", "", "three red", "two three red blue"], ["drei", "x", "", "rot zwei"]
    options = model.options()
    found = [one.text for one in model.translate_lines(lines, options, prefix=prefixes)]
    apart = [
        model.translate_lines([line], options, prefix=prefix)[0].text
        for line, prefix in zip(lines, prefixes, strict=True)
    ]
    assert found == apart
    assert found[0].startswith("drei")
    assert found[3].startswith("rot zwei")
    assert found[2] == model.translate(["three red"])[0]
    with pytest.raises(ValueError, match="zip"):
        model.translate_lines(lines, options, prefix=["a"])


def test_what_is_translated_in_parts_is_said(tmp_path: Path) -> None:
    path = tmp_path / "in.html"
    long = " ".join(["red dog three"] * 60)
    path.write_text(f"<p>{long}</p><p>red dog</p><p>{long}</p>", "utf-8")
    done = s2s(tmp_path, str(path), "-o", str(tmp_path / "out.html"))
    assert done.exit_code == 0, done.stderr
    assert "note: 1 sentences: longer than any sentence in training: translated in parts" in done.stderr
