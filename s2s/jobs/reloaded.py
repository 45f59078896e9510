"""A model that was written by s2s, read again and run by s2s, as the check of `parity` sees it."""

from collections.abc import Sequence
from pathlib import Path

import torch

from s2s.decoding.batching import pad_rows
from s2s.decoding.bundle import Bundle, load_bundle
from s2s.decoding.compiled import fastest_engine
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.search import SearchOptions, search
from s2s.model.weights import weights_of
from s2s.symbols import EOS


class Reloaded:
    """A bundle, read from where it was written; see `parity.Engine`.

    Args:
        path: A folder or a file.

    Raises:
        DataError: It is damaged.
    """

    rescales = False

    def __init__(self, path: Path) -> None:
        self._bundle = load_bundle(path)
        self._decoder = fastest_engine(self._bundle.transformer)

    def changed(self, bundle: Bundle) -> str | None:
        """The first weight that is not, bit by bit, that of another bundle; None if all are."""
        ours, theirs = weights_of(self._bundle.transformer), weights_of(bundle.transformer)
        return next((name for name, tensor in theirs.items() if not torch.equal(tensor.cpu(), ours[name])), None)

    def can_read(self, _line: str) -> bool:
        """Always."""
        return True

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        """Source ids of lines."""
        return self._bundle.vocabularies.src.encode_all(lines)

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Texts of target ids."""
        return [self._bundle.vocabularies.tgt.decode(one) for one in ids]

    def search(
        self, sources: Sequence[Sequence[int]], beam: int, length_penalty: float, max_length: int
    ) -> list[list[int]]:
        """Ids of the best translations; the limit of their length is the one that was read."""
        ratio = self._bundle.decode.max_length_ratio
        options = SearchOptions(beam=beam, length_penalty=length_penalty, max_length_ratio=ratio)
        rows = pad_rows([[*ids, EOS] for ids in sources])
        return [found[0].ids[:max_length] for found in search(self._decoder, rows, options)]

    def log_probabilities(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        """Of each target with its end symbol, in nats."""
        return forced_log_probabilities(self._bundle.transformer, pairs)
