"""Bad data: each is an error of the right kind that says where and what to do, never a traceback of a library."""

import random
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from s2s.corpus.pairs import open_pairs, suspicious_line
from s2s.errors import ConfigError, DataError, InputMissingError, S2SError


def error_of(spec: str | list[str], **columns: str) -> S2SError:
    with pytest.raises(S2SError) as caught:
        list(open_pairs(spec, source="en", target="de", **columns))
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "line", "message"),
    [
        ("x.tsv", b"a\tb\nno tab\n", 2, "1 cell in a table of 2 columns"),
        ("x.tsv", b"a\tb\nc\td\te\n", 2, "3 cells in a table of 2 columns"),
        ("x.tsv", b"no tab\n", 1, "no TAB"),
        ("x.tsv", b"1\ta\t2\tb\n", 1, "4 columns, and no header line"),
        ("x.tsv", b"de\ten\tid\na\tb\n", 2, "2 cells in a table of 3 columns"),
        ("x.tsv", b"a\tb\n\xff\tb\n", 2, r"not UTF-8 \(byte 0xFF at column 1\)"),
        ("x.csv", b"a,b\n1,2\n", 1, "no columns for en and de; there are: a, b"),
        ("x.csv", b"en,de\na,b\na,b,c\n", 3, "3 cells in a table of 2 columns"),
        ("x.csv", b'en,de\na,b\n"open,b\nc,d\n', 3, "malformed CSV"),
        ("x.csv", b'en,de\na,b\n"a"b,c\n', 3, "malformed CSV"),
        ("x.csv", b"en,de\na,\xe4\n", 2, "not UTF-8"),
        ("x.jsonl", b'{"en": "a", "de": "b"}\n{"en": "a", "de"\n', 2, "malformed JSON"),
        ("x.jsonl", b'[{"en": "a",\n "de": "b"}]\n', 1, "malformed JSON"),
        ("x.jsonl", b'["a", "b"]\n', 1, "no JSON object"),
        ("x.jsonl", b'{"a": "a", "b": "b"}\n', 1, "no columns for en and de; there are: a, b"),
        ("x.jsonl", b'{"translation": {"fr": "a"}}\n', 1, "there are: translation, translation.fr"),
        ("x.jsonl", b'{"en": "a", "de": "b"}\n{"en": "a"}\n', 2, "no column de; there are: en"),
        ("x.jsonl", b'{"en": "a", "de": 3}\n', 1, "column de holds a number"),
        ("x.jsonl", b'{"en": ["a"], "de": "b"}\n', 1, "column en holds a list"),
        ("x.jsonl", b'{"en": "a", "de": true}\n', 1, "column de holds true or false"),
        ("x.jsonl", b'{"en": "a", "de": "b"}\n{"en": "\\ud800", "de": "b"}\n', 2, "surrogate"),
        ("x.jsonl", b"[" * 100_000 + b"\n", 1, "malformed JSON"),
        ("x.jsonl", b'{"en": ' + b"9" * 5000 + b', "de": "b"}\n', 1, "malformed JSON"),
    ],
)
def test_tables_are_refused_with_the_line(tmp_path: Path, name: str, content: bytes, line: int, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    error = error_of(str(path))
    assert isinstance(error, DataError)
    assert error.exit_code == 65
    assert error.where == f"{path}:{line}"
    with pytest.raises(DataError, match=message):
        raise error


def test_a_column_that_was_named_and_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("en\tde\na\tb\n")
    error = error_of(str(tmp_path / "x.tsv"), source_column="english")
    assert "no columns for english and de; there are: en, de" in str(error)
    assert "data.source_column" in str(error)


@pytest.mark.parametrize("damage", ["cut", "flip", "none of it"])
def test_damaged_parquet(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.parquet"
    table = pyarrow.table({"en": [str(n) for n in range(1000)], "de": [str(n) for n in range(1000)]})
    pyarrow.parquet.write_table(table, path, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[-30:]
    elif damage == "flip":
        content[200] ^= 0xFF
    else:
        content[:] = b"en\tde\n"
    path.write_bytes(content)
    error = error_of(str(path))
    assert isinstance(error, DataError)
    assert error.where == str(path)


def test_parquet_without_the_columns_or_with_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"en": ["a"], "fr": ["b"]}), path)
    assert "no columns for en and de; there are: en, fr" in str(error_of(str(path)))
    pyarrow.parquet.write_table(pyarrow.table({"en": ["a"], "de": [3]}), path)
    assert "column de holds int64, not text" in str(error_of(str(path)))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("x.docx", "the ending of x.docx"),
        ("x", "the ending of x is none"),
        ("x.{a,b,c}", "braces hold two names"),
        ("x.{a}", "braces hold two names"),
        ("x,y,z", "comma"),
        ("x,", "comma"),
        ("x.{a,a}", "the same file"),
        ("x.tsv,y.tsv", "is a table"),
        ("x.parquet.gz", "the ending of"),
        ("hf:name", "no such form"),
        ("hf:a/b/c/d:train", "no such form"),
        ("hf:a/b:train[:5", "no such form"),
        ([], "an empty list"),
    ],
)
def test_specs_without_a_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str | list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x.docx", "x", "x.a", "x.tsv", "y.tsv", "x.parquet.gz"):
        (tmp_path / name).touch()
    error = error_of(spec)
    assert isinstance(error, ConfigError)
    assert message in str(error)
    assert error.hint


@pytest.mark.parametrize("spec", ["no.{en,de}", "no.tsv", "no.parquet", "hf:./no/folder:train", "."])
def test_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(error_of(spec), InputMissingError)


def test_unequal_line_counts(tmp_path: Path) -> None:
    generator = random.Random(1)
    en = ["x" * generator.randint(5, 120) for _ in range(2000)]
    de = ["y" * round(len(line) * generator.uniform(0.9, 1.4)) for line in en]
    del de[1233]
    (tmp_path / "train.en").write_text("\n".join(en) + "\n")
    (tmp_path / "train.de").write_text("\n".join(de) + "\n")
    error = error_of(f"{tmp_path}/train.{{en,de}}")
    assert isinstance(error, DataError)
    assert error.what == f"{tmp_path}/train.en has 2,000 lines, {tmp_path}/train.de 1,999"
    assert error.hint is not None
    near = int(error.hint.split("line ")[1].split(":")[0].replace(",", ""))
    assert abs(near - 1234) <= 3


def test_no_suspicion_without_a_reason() -> None:
    assert suspicious_line([5] * 10, [5] * 9) is None
    assert suspicious_line([], [5]) is None
