import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from s2s.corpus.pairs import Pair, open_pairs
from s2s.errors import DataError

PAIRS = [("A dog.", "Ein Hund."), ("", "leer"), ("two  words", 'ein "Zitat", ja'), ("tab", "Größe\u2028é")]


def opened(spec: str | list[str], **columns: str) -> list[Pair]:
    return list(open_pairs(spec, source="en", target="de", **columns))


def texts(spec: str | list[str], **columns: str) -> list[tuple[str, str]]:
    return [(pair.src, pair.tgt) for pair in opened(spec, **columns)]


def as_tsv(path: Path) -> bytes:
    return "".join(f"{src}\t{tgt}\n" for src, tgt in PAIRS).encode()


def as_tsv_with_header(path: Path) -> bytes:
    return b"id\tDE\tEN\n" + "".join(f"{n}\t{tgt}\t{src}\n" for n, (src, tgt) in enumerate(PAIRS)).encode()


def as_csv(path: Path) -> bytes:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["target", "source"])
        writer.writerows([tgt, src] for src, tgt in PAIRS)
    return path.read_bytes()


def as_jsonl(path: Path) -> bytes:
    return "".join(json.dumps({"src": src, "tgt": tgt, "n": 3}) + "\n" for src, tgt in PAIRS).encode()


def as_nested_jsonl(path: Path) -> bytes:
    rows = [{"id": 1, "translation": {"de": tgt, "en": src or None}} for src, tgt in PAIRS]
    return ("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n").encode()


TABLES: list[tuple[str, Callable[[Path], bytes]]] = [
    ("x.tsv", as_tsv),
    ("x.tsv", as_tsv_with_header),
    ("x.csv", as_csv),
    ("x.jsonl", as_jsonl),
    ("x.jsonl", as_nested_jsonl),
]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize(("name", "make"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_tables(tmp_path: Path, name: str, make: Callable[[Path], bytes], ending: str) -> None:
    path = tmp_path / f"{name}{ending}"
    content = make(path)
    if ending:
        content = gzip.compress(content) if ending == ".gz" else pyarrow.compress(content, codec="zstd", asbytes=True)
    path.write_bytes(content)
    assert texts(str(path)) == PAIRS


@pytest.mark.parametrize("nested", [False, True])
def test_parquet(tmp_path: Path, nested: bool) -> None:
    rows = [{"en": src, "de": tgt} for src, tgt in PAIRS] * 3
    rows.append({"en": "null here", "de": None})
    table = pyarrow.Table.from_pylist([{"translation": row} for row in rows] if nested else rows)
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=2)
    pairs = opened(str(path))
    assert [(pair.src, pair.tgt) for pair in pairs] == [*PAIRS * 3, ("null here", "")]
    assert [pair.line for pair in pairs] == list(range(1, 14))


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    table = pyarrow.table([["a"], ["b"], ["c"]], names=["en", "de", "en"])
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"column en is there twice"):
        texts(str(tmp_path / "x.parquet"))


def test_parquet_with_strings_of_other_types(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "en": pyarrow.array(["a", "b"], pyarrow.large_string()),
            "de": pyarrow.array(["c", "c"]).dictionary_encode(),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    assert texts(str(tmp_path / "x.parquet")) == [("a", "c"), ("b", "c")]


@pytest.mark.parametrize("spec", ["{}/train.{{en,de}}", "{0}/train.en,{0}/train.de", "{}/train.{{ en , de }}"])
def test_pair_of_files(tmp_path: Path, spec: str) -> None:
    (tmp_path / "train.en").write_bytes(b"one\ntwo\n")
    (tmp_path / "train.de").write_bytes(b"eins\r\nzwei")
    spec = spec.format(tmp_path)
    assert opened(spec) == [Pair("one", "eins", spec, 1), Pair("two", "zwei", spec, 2)]


def test_braces_in_folders_and_compressed_files(tmp_path: Path) -> None:
    for language, text in (("en", b"one\n"), ("de", b"eins\n")):
        (tmp_path / language).mkdir()
        (tmp_path / language / f"x.{language}.gz").write_bytes(gzip.compress(text))
    assert texts(f"{tmp_path}/{{en,de}}/x.{{en,de}}.gz") == [("one", "eins")]


def test_a_list_of_specs_is_concatenated_and_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("one\teins\n")
    (tmp_path / "b.jsonl").write_text('{"en": "two", "de": "zwei"}\n')
    corpus = open_pairs([str(tmp_path / "a.tsv"), str(tmp_path / "b.jsonl")], source="en", target="de")
    first = list(corpus)
    assert [pair.tgt for pair in first] == ["eins", "zwei"]
    assert first == list(corpus)
    assert corpus.description.endswith("b.jsonl (columns en, de)")


@pytest.mark.parametrize(
    ("header", "columns", "found"),
    [
        ("en\tde", {}, ("0", "1")),
        ("EN\tDE\tsource\ttarget", {}, ("0", "1")),
        ("target\tsource", {}, ("1", "0")),
        ("id\tGerman\tENGLISH", {}, ("2", "1")),
        ("English\tGerman\tde\ten", {}, ("3", "2")),
        ("Source\tTarget", {}, ("0", "1")),
        ("x\ttgt\tsrc", {}, ("2", "1")),
        ("sentence\ttranslation", {}, ("0", "1")),
        ("Translation\tOriginal", {}, ("1", "0")),
        ("en\tde\tbetter", {"target_column": "better"}, ("0", "2")),
        ("a\tb\tc", {"source_column": "C", "target_column": "a"}, ("2", "0")),
        ("1\tx\t2\ty", {"source_column": "2", "target_column": "4"}, ("x", "y")),
    ],
)
def test_choice_of_columns(tmp_path: Path, header: str, columns: dict[str, str], found: tuple[str, str]) -> None:
    cells = "\t".join(str(number) for number in range(header.count("\t") + 1))
    (tmp_path / "x.tsv").write_text(f"{header}\n{cells}\n")
    assert texts(str(tmp_path / "x.tsv"), **columns)[0] == found


@pytest.mark.parametrize(
    ("first", "columns", "is_said"),
    [
        ("English text\tdeutscher Satz", {}, True),
        ("phrase\tPhrase (de)", {}, True),
        ("phrase\tde", {"source_column": "phrase"}, False),  # a header, then
        ("phrase\tSatz", {"source_column": "1", "target_column": "2"}, False),
        ("sentence\ttranslation", {}, False),
        ("A dog.\tEin Hund.", {}, False),
        ("a dog runs over the grass\tein Hund läuft über das Gras", {}, False),
        ("phrase\t", {}, False),
    ],
)
def test_a_first_line_that_may_be_a_header_is_said(
    tmp_path: Path, first: str, columns: dict[str, str], is_said: bool
) -> None:
    (tmp_path / "x.tsv").write_text(f"{first}\nA cat.\tEine Katze.\n", "utf-8")
    corpus = open_pairs(str(tmp_path / "x.tsv"), source="en", target="de", **columns)
    notes = corpus.notes()
    assert len(notes) == is_said
    assert all(cell in note for note in notes for cell in (*first.split("\t"), "x.tsv", "--source-column"))
    assert len(list(corpus)) == 2 - (columns == {"source_column": "phrase"} or first == "sentence\ttranslation")


def test_what_holds_both_sides_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "x", "translation": {"fr": "un", "en": "one"}}\n')
    with pytest.raises(DataError, match="no columns for en and de; there are: text, translation"):
        opened(str(tmp_path / "x.jsonl"))


def test_language_codes_match_whatever_their_case_and_dash(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"translation": {"pt_br": "um", "EN-us": "one"}}\n')
    pairs = list(open_pairs(str(tmp_path / "x.jsonl"), source="en_US", target="pt-BR"))
    assert pairs[0][:2] == ("one", "um")


def test_line_numbers_of_csv_with_a_line_break_in_a_cell(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b'\xef\xbb\xbfen;de\r\n1,5;"a;b"\r\n')  # as where the comma is in numbers
    assert [pair[:2] for pair in opened(str(tmp_path / "x.csv"))] == [("1,5", "a;b")]
    (tmp_path / "x.csv").write_bytes(b'en,de\r\n"a\r\nb",c\r\n\r\nd,e\r\n')
    assert [(*pair[:2], pair.line) for pair in opened(str(tmp_path / "x.csv"))] == [("a b", "c", 2), ("d", "e", 5)]


def test_line_breaks_in_json_become_spaces(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps({"en": "a\nb\r\nc", "de": "d"}) + "\n")
    assert texts(str(tmp_path / "x.jsonl")) == [("a b c", "d")]


def test_empty_files_have_no_pairs(tmp_path: Path) -> None:
    for name in ("x.tsv", "x.csv", "x.jsonl", "a", "b"):
        (tmp_path / name).touch()
    for spec in (f"{tmp_path}/x.tsv", f"{tmp_path}/x.csv", f"{tmp_path}/x.jsonl", f"{tmp_path}/{{a,b}}"):
        assert texts(spec) == []


def test_identity_follows_the_content_not_the_place(tmp_path: Path) -> None:
    fingerprints = []
    for folder, text in (("a", "one\teins\n"), ("b", "one\teins\n"), ("c", "one\tzwei\n")):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "x.tsv"
        path.write_text(text)
        corpus = open_pairs(str(path), source="en", target="de")
        assert json.loads(json.dumps(corpus.identity()))[0]["files"][0]["bytes"] == len(text)
        fingerprints.append(corpus.fingerprint)
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_identity_changes_with_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text("en\tde\tfr\na\tb\tc\n")
    german = open_pairs(str(path), source="en", target="de")
    french = open_pairs(str(path), source="en", target="fr")
    assert german.fingerprint != french.fingerprint
