"""Scores of translations, all by sacreBLEU (Post 2018), each with the signature that makes it comparable."""

from collections.abc import Sequence
from dataclasses import dataclass

from s2s.errors import DataError


@dataclass(frozen=True)
class Score:
    """A corpus score.

    Attributes:
        name: `BLEU`, `chrF2` or `TER`.
        value: 0 to 100; higher is better, except for TER.
        signature: sacreBLEU's, with case, tokenisation, smoothing and version.
    """

    name: str
    value: float
    signature: str


def bleu_tokenizer(target: str) -> str:
    """SacreBLEU's tokenisation for a target language: words, or characters where words are not spaced apart."""
    language = target.lower().replace("_", "-").split("-")[0]
    return {"zh": "zh", "ja": "char", "th": "char", "km": "char", "lo": "char", "my": "char"}.get(language, "13a")


def corpus_scores(hypotheses: Sequence[str], references: Sequence[str], target: str) -> list[Score]:
    """BLEU, chrF2 and TER of a test set.

    Args:
        hypotheses: Translations, raw text.
        references: As many references.
        target: Target language; it decides BLEU's tokenisation.

    Raises:
        DataError: If there are not as many of both, or none.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    check_counts(hypotheses, references)
    metrics = (BLEU(tokenize=bleu_tokenizer(target)), CHRF(), TER())
    scores = []
    for metric in metrics:
        result = metric.corpus_score(list(hypotheses), [list(references)])
        scores.append(Score(result.name, float(result.score), str(metric.get_signature())))
    return scores


def bleu(hypotheses: Sequence[str], references: Sequence[str], target: str) -> Score:
    """BLEU alone, as in `corpus_scores`."""
    from sacrebleu.metrics.bleu import BLEU

    check_counts(hypotheses, references)
    metric = BLEU(tokenize=bleu_tokenizer(target))
    score = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score("BLEU", float(score), str(metric.get_signature()))


def check_counts(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """Raise DataError if there are not as many of both, or none."""
    if len(hypotheses) != len(references):
        raise DataError(f"{len(hypotheses):,} translations cannot be scored against {len(references):,} references")
    if not references:
        raise DataError("there is nothing to score: no sentence pairs")
