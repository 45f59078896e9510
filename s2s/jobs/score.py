"""`s2s score`: how probable the model finds given translations, in the numbers that search reports."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from s2s.corpus.text import read_lines
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.translator import Translator
from s2s.errors import DataError

_CHUNK = 1024  # pairs scored together


@dataclass(frozen=True)
class PairScore:
    """Of one pair.

    Attributes:
        score: log_probability / length^α, as search ranks translations.
        log_probability: In nats, of all pieces and the end symbol.
        n_pieces: Target pieces, end symbol included.
    """

    score: float
    log_probability: float
    n_pieces: int


def score_files(translator: Translator, source: Path, target: Path, to: str | None = None) -> Iterator[PairScore]:
    """Score the lines of two files, in order; memory does not grow with them.

    An empty line is a text of no pieces: the probability of saying nothing, or of saying something to it.

    Args:
        translator: The model.
        source: File of texts.
        target: File of as many translations.
        to: Their language, for a model that knows several; none if each line says it itself.

    Raises:
        InputMissingError: If a file is not there.
        UsageError: If the model does not know that language, or nothing says it.
        DataError: If the files have unequal numbers of lines (said when it is noticed), or are not UTF-8.
    """
    pairs = itertools.zip_longest(read_lines(source), read_lines(target))
    n_pairs = 0
    while chunk := list(itertools.islice(pairs, _CHUNK)):
        for number, (src, tgt) in enumerate(chunk, start=n_pairs + 1):
            if src is None or tgt is None:
                shorter, longer = (source, target) if src is None else (target, source)
                raise DataError(f"{shorter.name} has {number - 1:,} lines, {longer.name} has more", where=str(shorter))
        yield from score_pairs(translator, [(src, tgt) for src, tgt in chunk], to)
        n_pairs += len(chunk)


def score_pairs(translator: Translator, pairs: list[tuple[str, str]], to: str | None = None) -> list[PairScore]:
    """Score pairs of texts. Long texts are scored whole, where search would translate them in parts."""
    vocabularies, options = translator.bundle.vocabularies, translator.options()
    sources = vocabularies.src.encode_all(translator.tagged([src for src, _ in pairs], to))
    targets = vocabularies.tgt.encode_all([tgt for _, tgt in pairs])
    found = forced_log_probabilities(
        translator.bundle.transformer, list(zip(sources, targets, strict=True)), autocast=translator.autocast
    )
    lengths = [len(target) + 1 for target in targets]
    return [PairScore(p / options.divisor(n), p, n) for p, n in zip(found, lengths, strict=True)]


def write_scores(scores: Iterator[PairScore], sink: BinaryIO, *, as_json: bool) -> None:
    """One line a pair: the score, or an object with all there is to say."""
    for one in scores:
        record = {"score": one.score, "log_probability": one.log_probability, "n_pieces": one.n_pieces}
        sink.write((json.dumps(record) if as_json else f"{one.score:.4f}").encode() + b"\n")
