"""That many processes give what one does, and what happens when one of them does not live long."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import s2s.corpus.encoder
import s2s.corpus.store
from s2s.config.schema import VocabConfig
from s2s.corpus.cleaning import CleaningRules
from s2s.corpus.encoder import EncodedChunk, Texts, encode_chunks
from s2s.corpus.pairs import open_pairs
from s2s.corpus.store import encode_split
from s2s.corpus.vocabulary import Vocabularies
from s2s.errors import DataError
from s2s.symbols import UNK

ODD = ["", " ", "\x01", "\u3000", "漢字 kanji", "half \ud800 a pair", "a\x00b", "👩‍🚀", "ein " * 70, "tab\tand\x85more"]


def sentences(n: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    words = ["ein", "kleiner", "Hund", "sieht", "die", "Katze", "im", "Garten"]
    lines = [" ".join(generator.choices(words, k=generator.randint(1, 9))) for _ in range(n)]
    return [generator.choice(ODD) if generator.random() < 0.1 else line for line in lines]


@pytest.fixture(scope="module", params=[True, False], ids=["shared", "apart"])
def vocabularies(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Vocabularies:
    folder = tmp_path_factory.mktemp("vocabulary")
    for side, seed in (("en", 1), ("de", 2)):
        (folder / f"x.{side}").write_text("\n".join(line for line in sentences(90, seed) if line not in ODD), "utf-8")
    shortest = min(len((folder / f"x.{side}").read_text("utf-8").split("\n")) for side in ("en", "de"))
    for side in ("en", "de"):
        lines = (folder / f"x.{side}").read_text("utf-8").split("\n")[:shortest]
        (folder / f"x.{side}").write_text("\n".join(lines) + "\n", "utf-8")
    corpus = open_pairs(f"{folder}/x.{{en,de}}", source="en", target="de")
    return Vocabularies.learn(corpus, VocabConfig(size=40, byte_fallback=False, shared=request.param))


def some_chunks() -> Iterator[Texts]:
    for n in (7, 1, 20, 20, 20, 3):
        yield sentences(n, n), sentences(n, n + 1)


def assert_same(one: EncodedChunk, other: EncodedChunk) -> None:
    for name in ("ids", "lengths", "words", "unknown", "blank"):
        for side in (0, 1):
            left, right = getattr(one, name)[side], getattr(other, name)[side]
            assert left.dtype == right.dtype
            assert left.tolist() == right.tolist()
    assert one.keys.tolist() == other.keys.tolist()


def test_what_a_chunk_holds(vocabularies: Vocabularies) -> None:
    texts = (ODD, [*ODD[5:], *ODD[:5]])
    chunk = EncodedChunk.of(texts, vocabularies)
    for side, vocabulary in enumerate((vocabularies.src, vocabularies.tgt)):
        ids = [[] if not text or text.isspace() else vocabulary.encode(text) for text in texts[side]]
        assert chunk.ids[side].tolist() == [id_ for one in ids for id_ in one]
        assert chunk.lengths[side].tolist() == [len(one) for one in ids]
        assert chunk.unknown[side].tolist() == [one.count(UNK) for one in ids]
        assert chunk.words[side].tolist() == [len(text.split()) for text in texts[side]]
        assert chunk.blank[side].tolist() == [not text or text.isspace() for text in texts[side]]
    assert len(set(chunk.keys.tolist())) == len(ODD)
    assert_same(EncodedChunk.from_bytes(chunk.to_bytes(), len(ODD)), chunk)


@pytest.mark.parametrize("n_processes", [1, 2])
def test_chunks_come_back_in_order(
    vocabularies: Vocabularies, monkeypatch: pytest.MonkeyPatch, n_processes: int
) -> None:
    monkeypatch.setattr(s2s.corpus.encoder, "N_CHUNKS_ALONE", 1)
    found = list(encode_chunks(some_chunks(), vocabularies, n_processes))
    expected = [EncodedChunk.of(texts, vocabularies) for texts in some_chunks()]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)


def test_the_store_is_the_same_with_many_processes(
    vocabularies: Vocabularies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src, tgt = ([line.replace("\ud800", "?") for line in sentences(300, seed)] * 2 for seed in (5, 6))
    (tmp_path / "x.en").write_text("\n".join(src) + "\n", "utf-8")
    (tmp_path / "x.de").write_text("\n".join(tgt) + "\n", "utf-8")
    corpus = open_pairs(f"{tmp_path}/x.{{en,de}}", source="en", target="de")
    rules = CleaningRules(30, 4.0, True)
    reports = [encode_split(corpus, vocabularies, tmp_path / "one", rules, n_processes=1)]
    monkeypatch.setattr(s2s.corpus.encoder, "N_CHUNKS_ALONE", 1)
    monkeypatch.setattr(s2s.corpus.store, "_CHUNK", 37)
    reports.append(encode_split(corpus, vocabularies, tmp_path / "two", rules, n_processes=2))
    assert reports[0].as_dict() == reports[1].as_dict()
    assert reports[0].dropped["duplicate"] > 0 < reports[0].dropped["length ratio"]
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert files[0] == files[1]
    assert len(files[0]) == 10


def test_a_worker_that_dies_is_done_without(
    vocabularies: Vocabularies, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(s2s.corpus.encoder, "N_CHUNKS_ALONE", 0)
    start = s2s.corpus.encoder._Worker.__init__

    def start_and_die(self: s2s.corpus.encoder._Worker) -> None:
        start(self)
        self.process.kill()
        self.process.wait()

    monkeypatch.setattr(s2s.corpus.encoder._Worker, "__init__", start_and_die)
    found = list(encode_chunks(some_chunks(), vocabularies, 2))
    for one, texts in zip(found, some_chunks(), strict=True):
        assert_same(one, EncodedChunk.of(texts, vocabularies))
    assert "Traceback" not in capsys.readouterr().err


def test_no_worker_can_be_started(vocabularies: Vocabularies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s2s.corpus.encoder, "N_CHUNKS_ALONE", 0)
    monkeypatch.setattr(s2s.corpus.encoder.sys, "executable", "/no/such/python")
    assert len(list(encode_chunks(some_chunks(), vocabularies, 2))) == 6


def test_bad_text_ends_the_workers(vocabularies: Vocabularies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s2s.corpus.encoder, "N_CHUNKS_ALONE", 1)
    processes = []
    start = s2s.corpus.encoder._Worker.__init__

    def note(self: s2s.corpus.encoder._Worker) -> None:
        start(self)
        processes.append(self.process)

    monkeypatch.setattr(s2s.corpus.encoder._Worker, "__init__", note)

    def chunks() -> Iterator[Texts]:
        yield from some_chunks()
        raise DataError("not UTF-8", where="train.de:7")

    with pytest.raises(DataError, match=r"train\.de:7"):
        list(encode_chunks(chunks(), vocabularies, 2))
    assert all(process.returncode is not None for process in processes)


def test_nothing_to_encode(vocabularies: Vocabularies) -> None:
    assert list(encode_chunks([], vocabularies, 2)) == []
    assert np.array_equal(EncodedChunk.of(([], []), vocabularies).keys, [])
