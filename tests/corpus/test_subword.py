"""Splitting pieces at random: what is spelt stays the same, frequencies are as promised, chance is reproducible."""

import itertools

import numpy as np
import pytest

from s2s.config.schema import VocabConfig
from s2s.corpus.subword import Splitter
from s2s.corpus.vocabulary import Vocabulary
from s2s.symbols import EOS

SYLLABLES = ["ka", "to", "mi", "ne", "ru", "sol", "ver", "in", "de", "pa"]
WORDS = [*SYLLABLES, *("".join(two) for two in itertools.product(SYLLABLES, repeat=2))]
LINES = [" ".join(WORDS[number * place % len(WORDS)] for place in range(1, 7)) for number in range(300)]


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    config = VocabConfig(size=450, type=request.param, user_symbols=["<tag>", "kato"])
    return Vocabulary.learn([*LINES, "a <tag> b"], config)


def split(splitter: Splitter, ids: list[int], seed: int = 0) -> list[int]:
    found, rows = splitter(np.array(ids), np.zeros(len(ids), dtype=np.int64), np.random.PCG64(seed))
    assert len(found) == len(rows)
    return [int(id_) for id_ in found]


def spelt(vocabulary: Vocabulary, ids: list[int]) -> str:
    return "".join(vocabulary._processor.id_to_piece(id_) for id_ in ids)


def test_what_is_split_spells_the_same(vocabulary: Vocabulary) -> None:
    splitter = Splitter(vocabulary, 0.5)
    n_more = 0
    for number, line in enumerate(LINES[:50]):
        ids = vocabulary.encode(line + " 漢 <tag>")
        found = split(splitter, ids, number)
        n_more += len(found) - len(ids)
        assert spelt(vocabulary, found) == spelt(vocabulary, ids)
        assert vocabulary.decode(found) == vocabulary.decode(ids)
    assert n_more > 25


def test_with_certainty_only_what_cannot_be_split_is_left(vocabulary: Vocabulary) -> None:
    splitter = Splitter(vocabulary, 1.0 - 1e-12)
    pieces = {piece for piece, _ in vocabulary.scores().values()}
    for id_ in split(splitter, vocabulary.encode(" ".join(WORDS))):
        piece = vocabulary._processor.id_to_piece(id_)
        if id_ in vocabulary.scores():
            assert not any(piece[:at] in pieces and piece[at:] in pieces for at in range(1, len(piece)))


def test_symbols_of_the_user_and_bytes_stay_whole(vocabulary: Vocabulary) -> None:
    splitter = Splitter(vocabulary, 1.0 - 1e-12)
    processor = vocabulary._processor
    ids = [processor.piece_to_id("<tag>"), processor.piece_to_id("kato"), processor.piece_to_id("<0x41>"), EOS]
    assert split(splitter, ids) == ids


def test_each_piece_is_split_with_the_given_probability_by_the_vocabulary_s_scores(vocabulary: Vocabulary) -> None:
    scores = vocabulary.scores()
    ids = {piece: id_ for id_, (piece, _) in scores.items()}
    n_ways = {
        id_: [(p[:at], p[at:]) for at in range(1, len(p)) if p[:at] in ids and p[at:] in ids]
        for id_, (p, _) in scores.items()
    }
    id_ = max(n_ways, key=lambda candidate: len(n_ways[candidate]))
    splitter = Splitter(vocabulary, 0.25)
    rows = np.arange(40_000)
    found, found_rows = splitter(np.full(40_000, id_), rows, np.random.PCG64(7))
    n_pieces = np.bincount(found_rows)
    assert np.mean(n_pieces > 1) == pytest.approx(0.25, abs=0.01)
    only = found[np.isin(found_rows, np.flatnonzero(n_pieces == 2))].reshape(-1, 2)
    weights = {way: np.exp(scores[ids[way[0]]][1] + scores[ids[way[1]]][1] + 20) for way in n_ways[id_]}
    likeliest = max(weights, key=lambda way: weights[way])
    pairs, counts = np.unique(only, axis=0, return_counts=True)
    assert tuple(scores[int(part)][0] for part in pairs[counts.argmax()]) == likeliest


def test_chance_is_a_function_of_the_generator(vocabulary: Vocabulary) -> None:
    splitter, ids = Splitter(vocabulary, 0.3), vocabulary.encode(" ".join(LINES[:10]))
    assert split(splitter, ids, 1) == split(splitter, ids, 1) != split(splitter, ids, 2)
