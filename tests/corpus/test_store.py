import json
import random
from pathlib import Path

import numpy as np
import pytest

import s2s.corpus.store
from s2s.config.schema import VocabConfig
from s2s.corpus.batches import collate
from s2s.corpus.cleaning import CleaningRules
from s2s.corpus.pairs import PairCorpus, open_pairs
from s2s.corpus.store import EncodedSplit, _differences, encode_split, ensure_split
from s2s.corpus.vocabulary import Vocabularies
from s2s.errors import DataError, InputMissingError

RULES = CleaningRules(max_length=40, max_ratio=4.0, deduplicate=True)


def lines(n: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    words = ["ein", "kleiner", "Hund", "sieht", "die", "Katze", "im", "Garten"]
    return [f"{number} " + " ".join(generator.choices(words, k=generator.randint(3, 8))) for number in range(n)]


def corpus_of(folder: Path, pairs: list[tuple[str, str]]) -> PairCorpus:
    folder.mkdir(exist_ok=True)
    (folder / "x.en").write_text("".join(f"{src}\n" for src, _ in pairs), "utf-8")
    (folder / "x.de").write_text("".join(f"{tgt}\n" for _, tgt in pairs), "utf-8")
    return open_pairs(f"{folder}/x.{{en,de}}", source="en", target="de")


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    good = list(zip(lines(100, 1), lines(100, 2), strict=True))
    bad = [
        ("", "leer"),
        ("empty", "  "),
        good[3],
        ("ein " * 60, "ein"),
        ("ein", "ein " * 60),
        ("ein", "ein " * 30),
        ("\x01", "vanishes"),
    ]
    return good[:50] + bad + good[50:]


@pytest.fixture(scope="module")
def vocabularies(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> Vocabularies:
    corpus = corpus_of(tmp_path_factory.mktemp("vocabulary"), pairs[:50])
    return Vocabularies.learn(corpus, VocabConfig(size=300))


@pytest.fixture
def corpus(tmp_path: Path, pairs: list[tuple[str, str]]) -> PairCorpus:
    return corpus_of(tmp_path, pairs)


@pytest.mark.parametrize("chunk", [7, 8192])
def test_what_goes_in_comes_out(
    tmp_path: Path,
    corpus: PairCorpus,
    vocabularies: Vocabularies,
    pairs: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
) -> None:
    monkeypatch.setattr(s2s.corpus.store, "_CHUNK", chunk)
    report = encode_split(corpus, vocabularies, tmp_path / "store" / "train", RULES)
    split = EncodedSplit.open(tmp_path / "store" / "train", verify=True)
    kept = [number for number in range(107) if not 50 <= number < 57]
    assert split.pair_numbers.tolist() == kept
    assert split.line_numbers.tolist() == [number + 1 for number in kept]
    for index, number in enumerate(kept):
        src, tgt = (vocabularies.src.encode(text) for text in pairs[number])
        assert split.src(index).tolist() == src
        assert split.tgt(index).tolist() == tgt
        assert (split.src_lengths[index], split.tgt_lengths[index]) == (len(src), len(tgt))
    assert split.place(60) == f"{tmp_path}/x.{{en,de}}:68"
    assert split.src_ids.dtype == np.uint16
    assert not split.src_ids.flags.writeable
    assert report.as_dict() == split.report.as_dict()
    json.dumps(report.as_dict())


def test_report(tmp_path: Path, corpus: PairCorpus, vocabularies: Vocabularies) -> None:
    report = encode_split(corpus, vocabularies, tmp_path / "train", RULES)
    assert (report.read, report.kept) == (107, 100)
    assert report.dropped == {
        "empty source": 2,
        "empty target": 1,
        "duplicate": 1,
        "source too long": 1,
        "target too long": 1,
        "length ratio": 1,
    }
    origin = f"{tmp_path}/x.{{en,de}}"
    assert report.examples["empty source"] == [f"{origin}:51", f"{origin}:57"]
    assert f"dropped 1: length ratio ({origin}:56)" in report.text()
    assert "100 of 107 pairs kept" in report.text()
    assert report.src.words == sum(len(line.split()) for line in lines(100, 1))
    assert report.src.pieces == EncodedSplit.open(tmp_path / "train").src_lengths.sum()


def test_validation_text_keeps_all_but_empty_sides(
    tmp_path: Path, corpus: PairCorpus, vocabularies: Vocabularies
) -> None:
    report = encode_split(corpus, vocabularies, tmp_path / "valid", None)
    assert report.kept == 104
    assert {reason: n for reason, n in report.dropped.items() if n} == {"empty source": 2, "empty target": 1}


def test_large_vocabularies_need_more_bytes(
    tmp_path: Path, corpus: PairCorpus, vocabularies: Vocabularies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(vocabularies.src), "size", 65_536)
    encode_split(corpus, vocabularies, tmp_path / "train", None)
    split = EncodedSplit.open(tmp_path / "train")
    assert split.src_ids.dtype == np.uint32
    assert split.src(0).tolist() == vocabularies.src.encode(next(iter(corpus)).src)


def test_reused_when_right_and_made_again_when_stale(
    tmp_path: Path, corpus: PairCorpus, vocabularies: Vocabularies, pairs: list[tuple[str, str]]
) -> None:
    folder = tmp_path / "train"
    first, report = ensure_split(corpus, vocabularies, folder, RULES)
    made = (folder / "meta.json").stat().st_ino
    _, again = ensure_split(corpus_of(tmp_path / "moved", pairs), vocabularies, folder, RULES)
    assert (folder / "meta.json").stat().st_ino == made
    assert again.kept == report.kept
    assert again.identity[0]["files"][0]["path"] == f"{tmp_path}/moved/x.en"
    fingerprints = {first.fingerprint}
    other = Vocabularies.learn(corpus, VocabConfig(size=310))
    changed = corpus_of(tmp_path / "changed", [*pairs, ("one", "more")])
    for arguments in (
        (changed, vocabularies, RULES),
        (corpus, other, RULES),
        (corpus, vocabularies, CleaningRules(41, 4.0, True)),
        (corpus, vocabularies, None),
    ):
        split, _ = ensure_split(*arguments[:2], folder, arguments[2])
        fingerprints.add(split.fingerprint)
    assert len(fingerprints) == 5


@pytest.mark.parametrize(
    "name", ["src.ids", "tgt.ids", "src.offsets", "tgt.offsets", "lines", "numbers", "src.sums", "meta.json"]
)
@pytest.mark.parametrize("damage", ["cut", "missing", "flip"])
def test_damage_is_found_and_repaired(
    tmp_path: Path, corpus: PairCorpus, vocabularies: Vocabularies, name: str, damage: str
) -> None:
    folder = tmp_path / "train"
    report = encode_split(corpus, vocabularies, folder, RULES)
    path = folder / name
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[:-1] if name != "meta.json" else content[:-9])
    elif damage == "missing":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    if name != "src.sums" and (damage == "cut" or (damage == "missing" and name != "meta.json")):
        with pytest.raises(DataError, match=name):
            EncodedSplit.open(folder)
    with pytest.raises(DataError, match=name):
        EncodedSplit.open(folder, verify=True)
    split, again = ensure_split(corpus, vocabularies, folder, RULES)
    assert again.as_dict() == report.as_dict()
    assert len(EncodedSplit.open(folder, verify=True)) == len(split) == 100


def test_no_split(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError):
        EncodedSplit.open(tmp_path / "nothing")


def test_bad_text_leaves_nothing_behind(tmp_path: Path, vocabularies: Vocabularies) -> None:
    (tmp_path / "x.tsv").write_bytes(b"a\tb\n" * 9 + b"\xff\tb\n")
    bad = open_pairs(str(tmp_path / "x.tsv"), source="en", target="de")
    with pytest.raises(DataError, match=r"x\.tsv:10"):
        ensure_split(bad, vocabularies, tmp_path / "train", None)
    assert [path.name for path in tmp_path.iterdir()] == ["x.tsv"]


def test_a_corpus_of_which_nothing_is_left(tmp_path: Path, vocabularies: Vocabularies) -> None:
    split, report = ensure_split(corpus_of(tmp_path, [("", " ")]), vocabularies, tmp_path / "train", None)
    assert len(split) == 0
    assert report.kept == 0
    assert "0 of 1 pairs kept" in report.text()


def test_places_in_several_origins(tmp_path: Path, vocabularies: Vocabularies) -> None:
    specs = []
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.tsv").write_text("ein\teins\n\nzwei\tzwei\n" if name != "b" else "")
        specs.append(str(tmp_path / f"{name}.tsv"))
    split, _ = ensure_split(open_pairs(specs, source="en", target="de"), vocabularies, tmp_path / "s", None)
    places = [split.place(index) for index in range(len(split))]
    assert places == [f"{tmp_path}/a.tsv:1", f"{tmp_path}/a.tsv:3", f"{tmp_path}/c.tsv:1", f"{tmp_path}/c.tsv:3"]


def test_a_tag_alone_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("en\tde\n\u200b\teins\none\tzwei\n\ufeff \tdrei\n", "utf-8")
    spec = f"en>de {tmp_path}/x.tsv"
    text = corpus_of(tmp_path / "text", [(line, line) for line in ["one zwei drei", "eins"] * 9])
    learnt = Vocabularies.learn(text, VocabConfig(size=300, user_symbols=["<2de>"]))
    split, report = ensure_split(open_pairs(spec, source="en", target="de"), learnt, tmp_path / "s", RULES)
    assert (len(split), report.dropped["empty source"]) == (1, 2)
    assert split.place(0).endswith(":3")


@pytest.mark.parametrize("name", ["src.ids", "tgt.ids", "src.offsets", "tgt.sums", "numbers", "meta.json"])
@pytest.mark.parametrize("corpus_is_large", [True, False])
def test_ids_of_a_large_split_are_checked_when_they_are_read(
    tmp_path: Path,
    corpus: PairCorpus,
    vocabularies: Vocabularies,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    corpus_is_large: bool,
) -> None:
    monkeypatch.setattr(s2s.corpus.store, "_LARGE", 1 if corpus_is_large else 10**9)
    folder = tmp_path / "train"
    report = encode_split(corpus, vocabularies, folder, RULES)
    whole, _ = ensure_split(corpus, vocabularies, folder, RULES, thorough=False)
    for index in range(len(whole)):
        whole.check(np.array([index]))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    split, again = ensure_split(corpus, vocabularies, folder, RULES, thorough=False)
    assert again.as_dict() == report.as_dict()
    if corpus_is_large and name.endswith(".ids"):  # not noticed until now
        for read in (lambda: split.check(np.arange(100)), lambda: split.src(0), lambda: collate(split, np.arange(3))):
            with pytest.raises(DataError, match=name) as caught:
                read()
            assert "s2s tokenize" in str(caught.value.hint)
        split, again = ensure_split(corpus, vocabularies, folder, RULES)
        assert again.as_dict() == report.as_dict()
    split.check(np.arange(100))
    assert EncodedSplit.open(folder, verify=True).tgt_ids.tolist() == split.tgt_ids.tolist()


def test_a_store_of_an_earlier_format_is_made_again_and_counts_as_the_same_data(
    tmp_path: Path, corpus: PairCorpus, vocabularies: Vocabularies
) -> None:
    split, _ = ensure_split(corpus, vocabularies, tmp_path / "train", RULES)
    meta = json.loads((tmp_path / "train" / "meta.json").read_text("utf-8"))
    (tmp_path / "train" / "meta.json").write_text(json.dumps({**meta, "format_version": 1}))
    with pytest.raises(DataError, match="another version"):
        EncodedSplit.open(tmp_path / "train")
    again, _ = ensure_split(corpus, vocabularies, tmp_path / "train", RULES)
    assert again.fingerprint == split.fingerprint
    assert json.loads((tmp_path / "train" / "meta.json").read_text("utf-8")) == meta


def test_lengths_of_many_pairs() -> None:
    lengths = np.random.Generator(np.random.PCG64(1)).integers(0, 9, (1 << 20) + 5)
    for n in (0, 1, (1 << 20) - 1, 1 << 20, len(lengths)):
        offsets = np.concatenate(([0], np.cumsum(lengths[:n])))
        assert (_differences(offsets) == lengths[:n]).all()
