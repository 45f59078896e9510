"""Which sentences are in an encoded split, against a plain set of tuples."""

import random
from pathlib import Path

import pytest

import s2s.corpus.known
from s2s.config.schema import VocabConfig
from s2s.corpus.known import known_to
from s2s.corpus.pairs import open_pairs
from s2s.corpus.store import EncodedSplit, encode_split
from s2s.corpus.vocabulary import Vocabularies


@pytest.mark.parametrize("at_once", [7, 1 << 17])
def test_it_finds_what_a_set_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(s2s.corpus.known, "_AT_ONCE", at_once)
    generator = random.Random(1)

    def some(n: int) -> list[str]:
        return [" ".join(generator.choices(("a", "b", "c"), k=generator.randint(1, 5))) for _ in range(n)]

    (tmp_path / "x.en").write_text("".join(f"{line}\n" for line in some(200)), "utf-8")
    (tmp_path / "x.de").write_text("".join(f"{line}\n" for line in some(200)), "utf-8")
    corpus = open_pairs(f"{tmp_path}/x.{{en,de}}", source="en", target="de")
    vocabularies = Vocabularies.learn(corpus, VocabConfig(size=300))
    encode_split(corpus, vocabularies, tmp_path / "store", None)
    split = EncodedSplit.open(tmp_path / "store")
    in_split = [(tuple(split.src(row)), tuple(split.tgt(row))) for row in range(len(split))]

    sources = vocabularies.src.encode_all([*some(300), "", "a " * 60, "b"])
    targets = vocabularies.tgt.encode_all([*some(300), "a", "a " * 70, ""])
    by_source, by_pair = known_to(split, sources, targets)
    there = {src for src, _ in in_split}
    assert by_source.tolist() == [tuple(src) in there for src in sources]
    assert by_pair.tolist() == [
        (tuple(src), tuple(tgt)) in set(in_split) for src, tgt in zip(sources, targets, strict=True)
    ]
    assert 0 < by_pair.sum() < by_source.sum() < 300
