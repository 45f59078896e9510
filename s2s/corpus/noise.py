"""What training does to text at random, anew each time it is seen: pieces are split, and pieces are hidden.

Both keep a model from learning a small corpus by heart. Chance comes from a generator of ours, so that a resumed
training sees what it would have seen.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from s2s.config.schema import TrainConfig
from s2s.corpus.subword import Splitter, uniform
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
        """Some pieces `(L,)` with the unknown symbol for those that are hidden."""
        return np.where(self._is_text[ids_L] & (uniform(random, len(ids_L)) < self.probability), UNK, ids_L)


@dataclass(frozen=True)
class Noise:
    """What is done to the text of both sides.

    Attributes:
        split: Splitters of source and target pieces, or none.
        hide: Hiders of source and target pieces, or none.
    """

    split: tuple[Splitter, Splitter] | None
    hide: tuple[Hider, Hider] | None

    @classmethod
    def of(cls, vocabularies: Vocabularies, config: TrainConfig) -> Self | None:
        """For these vocabularies, as the config says; none if nothing is to be done."""

        def of_both(kind: Any, probability: float) -> Any:
            if probability == 0.0:
                return None
            src = kind(vocabularies.src, probability)
            return src, src if vocabularies.shared else kind(vocabularies.tgt, probability)

        noise = cls(of_both(Splitter, config.subword_dropout), of_both(Hider, config.word_dropout))
        return noise if noise.split or noise.hide else None
