"""What every format is made of: a trained model as arrays by name, with its shape and its vocabularies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2s.config.schema import DecodeConfig
from s2s.corpus.vocabulary import Vocabularies, Vocabulary
from s2s.errors import UsageError
from s2s.model import TransformerConfig

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Portable:
    """A trained model as it leaves s2s.

    Attributes:
        shape: Of the Transformer.
        weights: In float32, by the names of s2s; a shared matrix is there once.
        vocabularies: Of both sides.
        decode: Defaults of the search.
        source: Source language.
        target: Target language.
        max_source_length: Pieces of the longest source that the model was trained on.
        tags: Of the languages to translate into, one of which each line begins with; none if there is one language.
    """

    shape: TransformerConfig
    weights: dict[str, Array]
    vocabularies: Vocabularies
    decode: DecodeConfig
    source: str
    target: str
    max_source_length: int
    tags: tuple[str, ...] = ()

    def max_length(self, n_source_pieces: int) -> int:
        """Most pieces of a translation, without the end symbol: the limit of `s2s translate`."""
        return int(self.decode.max_length_ratio * n_source_pieces) + 10

    @property
    def n_positions(self) -> int:
        """Positions that a format with a fixed table of them needs: sources as long as in training, at least 1,024."""
        return max(1024, self.max_source_length + 1, self.max_length(self.max_source_length) + 1)


def pieces_of(vocabulary: Vocabulary) -> list[str]:
    """All pieces of a vocabulary, in the order of their ids."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=vocabulary.model)
    return [processor.id_to_piece(id_) for id_ in range(vocabulary.size)]


def gather(weights: Mapping[str, Array], names: Mapping[str, Iterable[str]], what: str) -> dict[str, Array]:
    """Arrays under the names of a format.

    Args:
        weights: By the names of s2s.
        names: For each name of the format those of s2s whose arrays, one below the other, belong there.
        what: The format, for messages.

    Raises:
        UsageError: The model has a weight that has no place in the format.
    """
    used = {name for parts in names.values() for name in parts}
    if homeless := sorted(weights.keys() - used):
        raise UsageError(f"{what} has no place for {homeless[0]} of this model, and {len(homeless) - 1} more weights")
    return {name: np.concatenate([weights[part] for part in parts]) for name, parts in names.items()}
