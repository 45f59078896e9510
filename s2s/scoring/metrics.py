"""Scores of translations, all by sacreBLEU (Post 2018), each with the signature that makes it comparable."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from s2s.errors import DataError

_AT_ONCE = 1_000
# by code, and as files and columns are often called
_CHINESE = frozenset(
    ("zh", "zho", "chi", "cmn", "yue", "wuu", "lzh", "nan", "hak", "gan", "hsn", "cdo", "cn", "chinese")
)
_UNSPACED = frozenset(
    (
        *("ja", "jpn", "jp", "japanese", "th", "tha", "thai", "km", "khm", "khmer", "lo", "lao"),
        *("my", "mya", "bur", "burmese", "bo", "bod", "tib", "tibetan", "dz", "dzo", "shn"),
    )
)


@dataclass(frozen=True)
class Score:
    """A corpus score.

    Attributes:
        name: `BLEU`, `chrF2` or `TER`.
        value: 0 to 100; higher is better, except for TER.
        signature: sacreBLEU's, with case, tokenisation, smoothing and version.
        mean: Of the scores of 1,000 samples of the sentences (bootstrap), if it was computed.
        half_width: Of the 95 % interval around it: `mean` ± `half_width`, as `sacrebleu --confidence` has it.
    """

    name: str
    value: float
    signature: str
    mean: float | None = None
    half_width: float | None = None


def bleu_tokenizer(target: str) -> str:
    """SacreBLEU's tokenisation for a target language: words, or characters where words are not spaced apart."""
    language = target.lower().replace("_", "-").split("-")[0]
    return "zh" if language in _CHINESE else "char" if language in _UNSPACED else "13a"


def bleu(hypotheses: Sequence[str], references: Sequence[str], target: str, length: float = 1.0) -> Score:
    """BLEU alone, of the corpus.

    Args:
        hypotheses: Translations, raw text.
        references: As many references.
        target: Target language; it decides BLEU's tokenisation.
        length: What the words of the references count in the brevity penalty. If it is not 1, the score compares with
            no other, and its signature says so.

    Raises:
        DataError: If there are not as many of both, or none.
    """
    from sacrebleu.metrics.bleu import BLEU

    check_counts(hypotheses, references)
    metric = BLEU(tokenize=bleu_tokenizer(target))
    found = metric.corpus_score(list(hypotheses), [list(references)])
    value, signature = float(found.score), str(metric.get_signature())
    if length != 1.0:
        signature += f"|length:{length:.4f}"
        if found.bp > 0:
            value *= math.exp(min(0.0, 1 - length * found.ref_len / found.sys_len)) / found.bp
    return Score("BLEU", value, signature)


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """chrF2 of the corpus, 0 to 100.

    Raises:
        DataError: If there are not as many of both, or none.
    """
    from sacrebleu.metrics.chrf import CHRF

    check_counts(hypotheses, references)
    metric: Any = CHRF()
    return float(metric._aggregate_and_compute(statistics_of(metric, hypotheses, references)).score)


def statistics_of(metric: Any, hypotheses: Sequence[str], references: Sequence[str]) -> list[list[float]]:
    """What a metric of sacreBLEU counts in each sentence, some at a time: it keeps all n-grams of those it is given."""
    found: list[list[float]] = []
    for first in range(0, len(references), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        found += metric._extract_corpus_statistics(list(hypotheses[part]), [list(references[part])])
    return found


def words_of(lines: Sequence[str], target: str) -> list[list[str]]:
    """The words of lines, as BLEU counts them for a target language."""
    from sacrebleu.metrics.bleu import BLEU

    tokenizer = BLEU(tokenize=bleu_tokenizer(target)).tokenizer
    return [tokenizer(line.rstrip()).split() for line in lines]


def check_counts(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """Raise DataError if there are not as many of both, or none."""
    if len(hypotheses) != len(references):
        raise DataError(f"{len(hypotheses):,} translations cannot be scored against {len(references):,} references")
    if not references:
        raise DataError("there is nothing to score: no sentence pairs")
