"""A whole corpus: what is found in it, whatever its form."""

import json
from pathlib import Path

import pytest
from test_pair_checks import sentences

from s2s.corpus.columns import Wanted
from s2s.corpus.pairs import PairCorpus, open_specs
from s2s.doctor.examine import Examined, HeldOut, _blocks, examine, pairs_at
from s2s.doctor.faults import Fault
from s2s.errors import DataError

WANTED = Wanted("en", "de")


def corpus_of(folder: Path, pairs: list[tuple[str, str]], name: str = "train") -> PairCorpus:
    for side, ending in enumerate(("en", "de")):
        (folder / f"{name}.{ending}").write_text("".join(f"{pair[side]}\n" for pair in pairs), "utf-8")
    return open_specs(f"{folder}/{name}.{{en,de}}", WANTED)


def places(examined: Examined, fault: Fault) -> list[int]:
    return [index for index, flags in enumerate(examined.flags.tolist()) if flags & fault]


@pytest.fixture
def pairs() -> list[tuple[str, str]]:
    return list(zip(*sentences(1_000, seed=5), strict=True))


def test_duplicates_and_several_targets(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    pairs += [pairs[3], (pairs[4][0], pairs[5][1]), pairs[3]]
    examined = examine(corpus_of(tmp_path, pairs))
    assert places(examined, Fault.DUPLICATE) == [1_000, 1_002]
    assert places(examined, Fault.SEVERAL) == [4, 1_001]


def test_one_line_beside_many(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    for index in range(100, 125):
        pairs[index] = (pairs[index][0], "der Mann sieht ein Haus nicht")
    for index in range(200, 219):  # one less than many
        pairs[index] = (pairs[index][0], "der Mann sieht ein Haus noch")
    assert places(examine(corpus_of(tmp_path, pairs)), Fault.MANY_TO_ONE) == list(range(100, 125))


def test_overlap_with_what_is_held_out(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    test = examine(corpus_of(tmp_path, [("The dog sees a house!", "Der Hund sieht ein Haus."), ("a", "ein")], "test"))
    held = HeldOut.of(Fault.IN_TEST, test)
    pairs[7] = ("the dog sees a house", pairs[7][1])  # the source alone, in another case
    pairs[9] = (pairs[9][0], "der Hund sieht ein Haus")  # the target alone
    pairs[11] = (pairs[11][0], "ein")  # a short target proves nothing
    assert places(examine(corpus_of(tmp_path, pairs), [held]), Fault.IN_TEST) == [7, 9]


def test_overlap_of_numbers_and_of_text_without_spaces(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    thai = "ผู้หญิงคนหนึ่งกำลังอ่านหนังสืออยู่ในสวน"
    test = examine(corpus_of(tmp_path, [("12 34 56", "78"), ("a woman", thai)], "test"))
    pairs[7] = ("12 34 56", pairs[7][1])
    pairs[9] = (pairs[9][0], thai)
    assert places(examine(corpus_of(tmp_path, pairs), [HeldOut.of(Fault.IN_TEST, test)]), Fault.IN_TEST) == [7, 9]


def test_what_cannot_be_read_is_counted_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    src, tgt = sentences(300)
    rows = [f"{one}\t{other}".encode() for one, other in zip(src, tgt, strict=True)]
    rows[5] = b"no tab here"
    rows[6] = b"f\xfcr\tdas"
    (tmp_path / "train.tsv").write_bytes(b"\n".join(rows) + b"\n")
    examined = examine(open_specs(f"{tmp_path}/train.tsv", WANTED))
    assert examined.n_unreadable == 1
    assert str(examined.unreadable[0]).startswith(f"{tmp_path}/train.tsv:6: 1 cell")
    assert (len(examined.flags), places(examined, Fault.NOT_UTF8)) == (299, [5])
    assert examined.is_broken

    rows = [f"{one}\t{other}\tx".encode() for one, other in zip(src, tgt, strict=True)]
    rows[5] = rows[5][:-1] + b"J\xf6rg"  # in a column that is not chosen, for which training refuses the file too
    (tmp_path / "three.tsv").write_bytes(b"en\tde\tby\n" + b"\n".join(rows) + b"\n")
    (tmp_path / "three.csv").write_bytes(b"\n".join([b"en,de,by", *rows]).replace(b"\t", b",") + b"\n")
    cells = [json.dumps({"en": one, "de": other, "by": "x"}).encode() for one, other in zip(src, tgt, strict=True)]
    cells[5] = cells[5][:-3] + b'\xf6"}'
    (tmp_path / "three.jsonl").write_bytes(b"\n".join(cells))
    for ending in ("tsv", "csv", "jsonl"):
        examined = examine(open_specs(f"{tmp_path}/three.{ending}", WANTED))
        assert (examined.n_unreadable, len(examined.flags)) == (1, 300)  # its text is whole
        assert ("not UTF-8, beside the text" in str(examined.unreadable[0]), examined.is_broken) == (True, True)
    (tmp_path / "head.tsv").write_bytes(b"en\tde\t\xf6\n" + b"\n".join(rows[:5]) + b"\n")
    (tmp_path / "head.csv").write_bytes(b"en,de,\xf6\na,b,c\n")
    (tmp_path / "head.po").write_bytes(b'# Jos\xe9\nmsgid "a"\nmsgstr "b"\n')
    for ending, n_pairs in (("tsv", 5), ("csv", 1), ("po", 1)):
        examined = examine(open_specs(f"{tmp_path}/head.{ending}", WANTED))
        assert ([error.where for error in examined.unreadable], len(examined.flags)) == (
            [f"{tmp_path}/head.{ending}:1"],
            n_pairs,
        )

    records = [json.dumps({"en": one, "de": other}) for one, other in zip(src, tgt, strict=True)]
    records[3], records[4], records[5] = "{", '{"en": 1, "de": "x"}', "[1]"
    (tmp_path / "train.jsonl").write_text("\n".join(records), "utf-8")
    examined = examine(open_specs(f"{tmp_path}/train.jsonl", WANTED))
    assert (examined.n_unreadable, len(examined.flags)) == (3, 297)

    (tmp_path / "train.csv").write_text('en,de\na,b,c\n"x" y,z\nthe dog,der Hund\n', "utf-8")
    examined = examine(open_specs(f"{tmp_path}/train.csv", WANTED))
    assert (examined.n_unreadable, len(examined.flags)) == (2, 1)


def test_files_of_unequal_length(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    corpus = corpus_of(tmp_path, pairs)
    with (tmp_path / "train.de").open("a", encoding="utf-8") as file:
        file.write("zuviel\n")
    examined = examine(corpus)
    assert examined.is_broken
    assert "has 1,000 lines" in str(examined.unreadable[0])
    assert len(examined.flags) == 1_000


def test_files_of_unequal_length_are_known_whatever_else_is_wrong(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    (tmp_path / "bad.tsv").write_text("a\tb\n" + "one cell\n" * 1_500, "utf-8")
    corpus_of(tmp_path, pairs)
    with (tmp_path / "train.de").open("a", encoding="utf-8") as file:
        file.write("zuviel\n")
    examined = examine(open_specs([f"{tmp_path}/bad.tsv", f"{tmp_path}/train.{{en,de}}"], WANTED))
    assert (examined.n_unreadable, examined.is_incomplete, examined.is_parallel) == (1_501, True, False)


def test_what_is_wrong_is_said_if_nothing_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text('en,de\n"x" y,z\n', "utf-8")
    with pytest.raises(DataError, match="malformed CSV"):
        examine(open_specs(f"{tmp_path}/bad.csv", WANTED))


def test_rows_that_a_quote_has_swallowed_are_told(tmp_path: Path) -> None:
    rows = [f"dog {number},Hund {number}" for number in range(100)]
    rows[10], rows[60] = '"dog,Hund', '"a" cat,Katze'
    (tmp_path / "x.csv").write_text("\n".join(["en,de", *rows]) + "\n", "utf-8")
    [error] = examine(open_specs(f"{tmp_path}/x.csv", WANTED)).unreadable
    assert str(error).startswith(f"{tmp_path}/x.csv:12: malformed CSV, up to line 62")


def test_several_specs_are_told_apart(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    corpus_of(tmp_path, pairs[:700], "a")
    corpus_of(tmp_path, pairs[700:], "b")
    specs = [f"{tmp_path}/{name}.{{en,de}}" for name in ("a", "b")]
    corpus = open_specs(specs, WANTED)
    examined = examine(corpus)
    assert [(part.spec, part.first, part.last) for part in examined.parts] == [
        (specs[0], 0, 700),
        (specs[1], 700, 1_000),
    ]
    found = pairs_at(corpus, [0, 699, 700, 5_000])
    assert [(pair.origin, pair.line) for pair in found.values()] == [(specs[0], 1), (specs[0], 700), (specs[1], 1)]


def test_long_lines_make_small_blocks(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, [("x" * 400_000, "y")] * 7)
    sizes = [len(sources) for _, sources, _ in _blocks(corpus.readable(lambda _: None))]
    assert sizes == [3, 3, 1]


def test_no_pair_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pair"):
        examine(corpus_of(tmp_path, []))
