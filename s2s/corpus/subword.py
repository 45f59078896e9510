"""Subword dropout: while training, a word is now one piece, now several.

A model that only ever sees a word as one piece learns nothing about its parts. Subword regularisation (Kudo 2018,
https://arxiv.org/abs/1804.10959) and BPE-dropout (Provilkov et al. 2020, https://arxiv.org/abs/1910.13267) segment the
text anew for each epoch. Here encoded pieces are split: each with a given probability, into two pieces that spell it,
and those two again with the same probability. It needs no text, costs microseconds, and draws from a generator of ours,
so that a resumed training sees what it would have seen.

Shapes: L pieces of a batch laid end to end.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from s2s.corpus.vocabulary import Vocabulary

Integers = npt.NDArray[np.int64]


class Splitter:
    """Splits pieces of one vocabulary.

    Of the ways to split a piece, one is drawn in proportion to the product of the probabilities that the vocabulary
    gives to the two parts (for a BPE vocabulary, where scores are ranks, this is nearly always the split into the most
    frequent parts). Symbols of the user, bytes and control symbols stay whole.

    Args:
        vocabulary: Of the pieces.
        probability: Of splitting a piece that can be split.
    """

    def __init__(self, vocabulary: Vocabulary, probability: float) -> None:
        self.probability = probability
        scores = vocabulary.scores()
        id_of = {piece: id_ for id_, (piece, _) in scores.items()}
        self._n_ways = np.zeros(vocabulary.size, dtype=np.int64)
        parts: list[tuple[int, int]] = []
        chances: list[npt.NDArray[np.float64]] = []  # cumulative; those of piece i lie between i and i + 1
        for id_, (piece, _) in sorted(scores.items()):
            ways = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
            ids = [(id_of[left], id_of[right]) for left, right in ways if left in id_of and right in id_of]
            if ids:
                self._n_ways[id_] = len(ids)
                parts += ids
                score = np.array([scores[left][1] + scores[right][1] for left, right in ids])
                weight = np.exp(score - score.max())
                chances.append(id_ + np.cumsum(weight) / weight.sum())
        self._parts = np.array(parts, dtype=np.int64).reshape(-1, 2)
        self._chances = np.concatenate(chances) if chances else np.empty(0)
        self._last = np.cumsum(self._n_ways) - 1

    def __call__(self, ids_L: npt.NDArray[Any], rows_L: Integers, random: np.random.PCG64) -> tuple[Integers, Integers]:
        """Split some pieces.

        Args:
            ids_L: Pieces.
            rows_L: The row of each in its batch.
            random: Where chance comes from.

        Returns:
            As many pieces or more, and the row of each.
        """
        ids_L = ids_L.astype(np.int64)
        open_L = np.ones(len(ids_L), dtype=bool)
        while True:
            chosen_L = open_L & (self._n_ways[ids_L] > 0) & (uniform(random, len(ids_L)) < self.probability)
            n_chosen = int(chosen_L.sum())
            if n_chosen == 0:
                return ids_L, rows_L
            whole = ids_L[chosen_L]
            way = np.searchsorted(self._chances, whole + uniform(random, n_chosen), side="right")
            way = np.minimum(way, self._last[whole])  # where rounding leads one too far
            counts_L = 1 + chosen_L
            first = (np.cumsum(counts_L) - counts_L)[chosen_L]
            ids_L, rows_L = np.repeat(ids_L, counts_L), np.repeat(rows_L, counts_L)
            ids_L[first], ids_L[first + 1] = self._parts[way, 0], self._parts[way, 1]
            open_L = np.zeros(len(ids_L), dtype=bool)
            open_L[first] = open_L[first + 1] = True


def uniform(random: np.random.PCG64, n: int) -> npt.NDArray[np.float64]:
    """`n` numbers from 0 to below 1; raw output, as NumPy promises never to change that."""
    return np.asarray((random.random_raw(n) >> np.uint64(11)) * 2.0**-53)
