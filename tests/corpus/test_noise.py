"""What is done to text at random: hidden pieces are read as unknown and still to be said, all else stays as it is."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s2s.config.presets import PRESETS
from s2s.config.schema import TrainConfig, VocabConfig
from s2s.corpus.batches import collate
from s2s.corpus.noise import Hider, Noise
from s2s.corpus.pairs import open_pairs
from s2s.corpus.store import EncodedSplit, ensure_split
from s2s.corpus.vocabulary import Vocabularies
from s2s.symbols import BOS, EOS, PAD, UNK

SYLLABLES = ["ka", "to", "mi", "ne", "ru", "sol", "ver", "in", "de", "pa"]
WORDS = [*SYLLABLES, *("".join(two) for two in itertools.product(SYLLABLES, repeat=2))]
LINES = [f"<2x> {' '.join(WORDS[number * place % len(WORDS)] for place in range(1, 7))} 漢" for number in range(300)]


def noise_of(vocabularies: Vocabularies, subword: float, word: float) -> Noise | None:
    recipe: dict[str, Any] = {**PRESETS["tiny"]["train"], "subword_dropout": subword, "word_dropout": word}
    return Noise.of(vocabularies, TrainConfig(**recipe))


def backwards(line: str) -> str:
    return " ".join(reversed(line.split()))


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> tuple[EncodedSplit, Vocabularies]:
    folder = tmp_path_factory.mktemp("noise")
    without = [line.removesuffix(" 漢") for line in LINES]
    (folder / "plain.tsv").write_text("".join(f"{line}\t{backwards(line)}\n" for line in without), "utf-8")
    (folder / "x.tsv").write_text("".join(f"{line}\t{backwards(line)}\n" for line in LINES), "utf-8")
    corpus, plain = (open_pairs(str(folder / name), source="en", target="de") for name in ("x.tsv", "plain.tsv"))
    vocabularies = Vocabularies.learn(plain, VocabConfig(size=450, type="bpe", user_symbols=["<2x>"]))
    return ensure_split(corpus, vocabularies, folder / "store", None)[0], vocabularies


def test_all_pieces_of_bpe_but_symbols_are_text(encoded: tuple[EncodedSplit, Vocabularies]) -> None:
    """The score of the first merge is minus 0, that of a user's symbol is 0."""
    vocabulary = encoded[1].src
    n_bytes, n_symbols = 256, 5  # padding, BOS, EOS, unknown, <2x>
    assert len(vocabulary.scores()) == vocabulary.size - n_bytes - n_symbols
    assert "<2x>" not in {piece for piece, _ in vocabulary.scores().values()}


def test_a_batch_with_subword_dropout_is_the_same_text(encoded: tuple[EncodedSplit, Vocabularies]) -> None:
    store, vocabularies = encoded
    noise = noise_of(vocabularies, 0.4, 0.0)
    assert noise is not None
    indices = np.array([3, 50, 7])
    batch = collate(store, indices, noise, np.random.PCG64(1))
    assert batch.n_target_tokens > collate(store, indices).n_target_tokens
    for row, index in enumerate(indices):
        assert vocabularies.src.decode(batch.src_BS[row].tolist()) == LINES[index]
        assert vocabularies.tgt.decode(batch.tgt_out_BT[row].tolist()) == backwards(LINES[index])
        assert batch.tgt_in_BT[row, 1:].tolist()[: batch.tgt_out_BT.size(1) - 1] == [
            0 if id_ == EOS else id_ for id_ in batch.tgt_out_BT[row, :-1].tolist()
        ]


def test_none_is_none(encoded: tuple[EncodedSplit, Vocabularies]) -> None:
    assert noise_of(encoded[1], 0.0, 0.0) is None


def test_hidden_pieces_are_read_as_unknown_and_are_still_to_be_said(
    encoded: tuple[EncodedSplit, Vocabularies],
) -> None:
    store, vocabularies = encoded
    indices = np.arange(300)
    plain, hidden = (
        collate(store, indices, noise, np.random.PCG64(1)) for noise in (None, noise_of(vocabularies, 0.0, 0.25))
    )
    assert hidden.tgt_out_BT.equal(plain.tgt_out_BT)
    assert hidden.n_target_tokens == plain.n_target_tokens
    tag = vocabularies.src.encode("<2x>")[-1]
    bytes_ = vocabularies.src.encode("漢")[-3:]  # no character of the text that the vocabulary was learnt from
    for before, after in ((plain.src_BS, hidden.src_BS), (plain.tgt_in_BT, hidden.tgt_in_BT)):
        changed = before != after
        assert (after[changed] == UNK).all()
        assert not np.isin(before[changed].numpy(), [PAD, BOS, EOS, tag, *bytes_]).any()
        can_be = ~np.isin(before.numpy(), [PAD, UNK, BOS, EOS, tag, *bytes_])
        assert changed.numpy().sum() / can_be.sum() == pytest.approx(0.25, abs=0.03)


def test_what_is_hidden_is_a_function_of_the_generator(encoded: tuple[EncodedSplit, Vocabularies]) -> None:
    store, vocabularies = encoded
    hider, ids = Hider(vocabularies.src, 0.3), store.src_ids[:500]
    first, again, other = (hider(ids, np.random.PCG64(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_sides_with_vocabularies_of_their_own_have_noise_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("".join(f"{line}\t{line.upper()}\n" for line in LINES), "utf-8")
    corpus = open_pairs(str(tmp_path / "x.tsv"), source="en", target="de")
    vocabularies = Vocabularies.learn(corpus, VocabConfig(size=340, type="bpe", shared=False))
    noise = noise_of(vocabularies, 0.3, 0.3)
    assert noise is not None
    for side, vocabulary, text in (
        (noise.src, vocabularies.src, LINES[0]),
        (noise.tgt, vocabularies.tgt, LINES[0].upper()),
    ):
        ids = np.array(vocabulary.encode(text))
        found, _ = side.split(ids, np.zeros(len(ids), dtype=np.int64), np.random.PCG64(3))
        assert len(found) > len(ids)
        assert vocabulary.decode(found.tolist()) == text
        assert (side.hide(ids, np.random.PCG64(3)) == UNK).any()
