"""Languages and pairs of files, found by their names."""

from pathlib import Path

import pytest

from s2s.corpus.guess import as_specs, guess_languages, in_direction, refuse_other_languages
from s2s.errors import UsageError


@pytest.mark.parametrize(
    ("arguments", "specs"),
    [
        (["train.en", "train.de"], ["train.en,train.de"]),
        (["a.{en,de}"], ["a.{en,de}"]),
        (["a.tsv", "x.en", "x.de", "hf:wmt/wmt14/de-en:train"], ["a.tsv", "x.en,x.de", "hf:wmt/wmt14/de-en:train"]),
        (["x.en.gz", "x.de.gz", "b.csv.zst"], ["x.en.gz,x.de.gz", "b.csv.zst"]),
        (["x.en", "b.tsv"], ["x.en", "b.tsv"]),  # an error later, where it is said what is wrong
        (["x.en,x.de"], ["x.en,x.de"]),
        (["a1.en", "a2.en.gz", "a1.de", "a2.de.gz"], ["a1.en,a1.de", "a2.en.gz,a2.de.gz"]),  # a*.en* a*.de*
        (["a1.en", "a1.de", "a2.en", "a2.de"], ["a1.en,a1.de", "a2.en,a2.de"]),
        (["b.en", "a.en", "a.de", "b.de"], ["b.en,b.de", "a.en,a.de"]),
        (["a1.EN", "a2.EN", "a1.DE", "a2.DE"], ["a1.EN,a1.DE", "a2.EN,a2.DE"]),
        (["a.txt", "b.txt"], ["a.txt,b.txt"]),
    ],
)
def test_two_files_in_a_row_are_a_pair(arguments: list[str], specs: list[str]) -> None:
    assert as_specs(arguments) == specs


@pytest.mark.parametrize(
    "files", [["a.en", "b.en"], ["a.en", "b.en", "c.de", "d.de"], ["a.en", "b.en", "a.de", "x.fr"]]
)
def test_two_files_of_one_language_are_no_pair(files: list[str]) -> None:
    with pytest.raises(UsageError, match="are both en"):
        as_specs(files)


@pytest.mark.parametrize(
    ("spec", "languages"),
    [
        ("train.{en,de}", ("en", "de")),
        ("corpora/{sw,fra}/x.txt.gz", ("sw", "fra")),
        ("train.en,train.de", ("en", "de")),
        ("train.en.gz,train.de.gz", ("en", "de")),
        ("europarl-v7.de-en.en,europarl-v7.de-en.de", ("en", "de")),
        ("a/x.pt_BR,a/x.en", ("pt_BR", "en")),
        ("source.txt,target.txt", None),
        ("x.1,x.2", None),
    ],
)
def test_languages_by_name(spec: str, languages: tuple[str, str] | None) -> None:
    assert guess_languages(spec) == languages


@pytest.mark.parametrize(
    ("name", "content", "languages"),
    [
        ("x.tsv", "de\ten\nHund\tdog\n", ("de", "en")),
        ("x.tsv", "id\tde\ten\n1\tHund\tdog\n", ("de", "en")),
        ("x.csv", "no,en,de\n1,dog,Hund\n", ("en", "de")),
        ("x.csv", "sn,tir,eng\n1,a,b\n", ("tir", "eng")),
        ("x.csv", "id,en,Tigrigna\n1,a,b\n", None),  # and not Indonesian
        ("x.csv", "en,id\ndog,anjing\n", ("en", "id")),
        ("x.csv", '"en";"qu";"notes, remarks"\n"a";"b";"c"\n', ("en", "qu")),
        ("x.tsv", "English\tGerman\ndog\tHund\n", ("en", "de")),
        ("x.csv", "id,Haitian Creole,ENGLISH\n1,chen,dog\n", ("ht", "en")),
        ("x.jsonl", '{"swahili": "mbwa", "english": "dog"}\n', ("sw", "en")),
        ("x.tsv", "English\tHund\ndog\tHund\n", None),
        ("x.tsv", "No\tJa\nyes\tja\n", None),
        ("x.tsv", "Hund\tdog\n", None),
        ("x.tsv", "yes\tja\nno\tnein\n", None),
        ("x.tsv", "idx\ten\tde\n1\ta\tb\n", ("en", "de")),
        ("x.tsv", "source\ttarget\tidx\tset\na\tb\t1\tx\n", None),
        ("x.tsv", "EN\tPT-BR\na\tb\n", ("EN", "PT-BR")),
        ("x.csv", "en, de \na,b\n", ("en", "de")),
        ("x.csv", "English,Cantonese\na,b\n", ("en", "yue")),
        ("x.jsonl", 'oops\n{"uid": "1", "en": "dog", "de": "Hund"}\n', ("en", "de")),
        ("x.csv", "source,target\nHund,dog\n", None),
        ("x.jsonl", '{"id": "1", "translation": {"de": "Hund", "en": "dog"}}\n', ("de", "en")),
        ("x.jsonl", '{"src": "Hund", "tgt": "dog"}\n', None),
    ],
)
def test_languages_of_a_table(tmp_path: Path, name: str, content: str, languages: tuple[str, str] | None) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    assert guess_languages(str(tmp_path / name)) == languages


@pytest.mark.parametrize(
    ("spec", "source", "target", "turned"),
    [
        ("train.{eng,khm}", "km", "en", "train.{khm,eng}"),
        ("dev.{eng_Latn,khm_Khmr}", "km", "en", "dev.{khm_Khmr,eng_Latn}"),
        ("train.{spa,quy}", "quy", "spa", "train.{quy,spa}"),
        ("train.{spa,xyz}", "xyz", "spa", "train.{xyz,spa}"),  # known because it was said
        ("train.{En,Wo}", "wo", "en", "train.{Wo,En}"),
        ("train.{ain,jpn}", "ain", "ja", "train.{ain,jpn}"),
        ("train.{src,tgt}", "de", "en", "train.{src,tgt}"),
    ],
)
def test_files_are_turned_by_whatever_names_the_languages_have(
    spec: str, source: str, target: str, turned: str
) -> None:
    assert in_direction(spec, source, target) == turned


def test_codes_of_two_and_three_letters_are_compared() -> None:
    refuse_other_languages(["a.{eng_Latn,khm_Khmr}", "b.{km,en}"])
    with pytest.raises(UsageError, match="is of fra and khm"):
        refuse_other_languages(["b.{km,en}", "a.{fra,khm}"])
