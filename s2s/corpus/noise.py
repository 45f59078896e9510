"""What training does to text at random, anew each time it is seen: pieces are split, and pieces are hidden.

Both keep a model from learning a small corpus by heart. Chance comes from a generator of ours, so that a resumed
training sees what it would have seen.

Shapes: L pieces of a batch laid end to end.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from s2s.config.schema import TrainConfig
from s2s.corpus.subword import Integers, Splitter, uniform
from s2s.corpus.vocabulary import Vocabularies, Vocabulary
from s2s.symbols import UNK


class Hider:
    """Word dropout: the model reads the unknown symbol where a piece stood.

    So it has to guess from what stands around, in the source and in what it has said (Gal and Ghahramani 2016,
    https://arxiv.org/abs/1512.05287; Sennrich et al. 2016, https://arxiv.org/abs/1606.02891, drop whole words). Symbols
    of the user, among them the tag of a target language, bytes and control symbols stay.

    Args:
        vocabulary: Of the pieces.
        probability: Of hiding a piece.
    """

    def __init__(self, vocabulary: Vocabulary, probability: float) -> None:
        self.probability = probability
        self._is_text = np.zeros(vocabulary.size, dtype=bool)
        self._is_text[list(vocabulary.scores())] = True

    def __call__(self, ids_L: npt.NDArray[Any], random: np.random.PCG64) -> npt.NDArray[Any]:
        """The pieces, with the unknown symbol for those that are hidden."""
        return np.where(self._is_text[ids_L] & (uniform(random, len(ids_L)) < self.probability), UNK, ids_L)


@dataclass(frozen=True)
class SideNoise:
    """What is done to the text of one side, if anything."""

    splitter: Splitter | None
    hider: Hider | None

    def split(
        self, ids_L: npt.NDArray[Any], rows_L: Integers, random: np.random.PCG64
    ) -> tuple[npt.NDArray[Any], Integers]:
        """See `Splitter`: as many pieces or more, and the row of each."""
        return self.splitter(ids_L, rows_L, random) if self.splitter else (ids_L, rows_L)

    def hide(self, ids_L: npt.NDArray[Any], random: np.random.PCG64) -> npt.NDArray[Any]:
        """See `Hider`: what the model reads of the pieces."""
        return self.hider(ids_L, random) if self.hider else ids_L


@dataclass(frozen=True)
class Noise:
    """What is done to the text of both sides."""

    src: SideNoise
    tgt: SideNoise

    @classmethod
    def of(cls, vocabularies: Vocabularies, config: TrainConfig) -> Self | None:
        """For these vocabularies, as the config says; none if nothing is to be done."""
        if not (config.subword_dropout or config.word_dropout):
            return None

        def of_side(vocabulary: Vocabulary) -> SideNoise:
            splitter = Splitter(vocabulary, config.subword_dropout) if config.subword_dropout else None
            return SideNoise(splitter, Hider(vocabulary, config.word_dropout) if config.word_dropout else None)

        src = of_side(vocabularies.src)
        return cls(src, src if vocabularies.shared else of_side(vocabularies.tgt))
