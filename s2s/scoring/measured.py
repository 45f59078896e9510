"""Scores with what they are made of: the statistics of every sentence, and from these intervals and significance.

sacreBLEU (Post 2018) counts, a sentence at a time; a corpus score is computed from the sums. Sums over sentences drawn
at random, with repetition, show how much a score owes to the choice of sentences (Koehn 2004). Draws, samples and
formulas are sacreBLEU's: intervals and p-values are those of `sacrebleu --confidence` and `sacrebleu --paired-bs`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from s2s.scoring.metrics import Score, bleu_tokenizer, check_counts, statistics_of

N_SAMPLES = 1_000
SEED = 12_345
"""sacreBLEU's."""

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """A system by one metric.

    Attributes:
        metric: sacreBLEU's.
        score: Of the corpus.
        statistics: What was counted in each sentence, sentences × numbers.
        samples: The scores of the random samples; of the same sentences for all systems.
        mean: Their mean.
        half_width: Of the interval around it that has 95 % of them.
    """

    metric: Any
    score: Score
    statistics: Floats
    samples: npt.NDArray[Any]
    mean: float
    half_width: float

    @property
    def name(self) -> str:
        """`BLEU`, `chrF2` or `TER`."""
        return self.score.name

    def of(self, rows: Rows | Sequence[int]) -> float:
        """The score of some of the sentences."""
        return _score_of(self.metric, self.statistics[np.asarray(rows, dtype=np.int64)].sum(0))

    def of_each(self) -> list[float]:
        """The score of every sentence by itself: fit for chrF; BLEU is a measure of many sentences."""
        return [_score_of(self.metric, row) for row in self.statistics]


def measure(hypotheses: Sequence[str], references: Sequence[str], target: str) -> list[Measured]:
    """Measure a system by BLEU, chrF2 and TER.

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

    return _measure([BLEU(tokenize=bleu_tokenizer(target)), CHRF(), TER()], hypotheses, references)


def measure_bleu(hypotheses: Sequence[str], references: Sequence[str], target: str) -> Measured:
    """Measure a system by BLEU alone, as `measure` does."""
    from sacrebleu.metrics.bleu import BLEU

    return _measure([BLEU(tokenize=bleu_tokenizer(target))], hypotheses, references)[0]


def p_value(one: Measured, other: Measured) -> float:
    """The probability of a difference as large as that of two systems if there were none (paired bootstrap).

    sacreBLEU's, but where all samples differ by the same, as of systems that say the same, or of a single sentence:
    nothing is known then of what is chance, and sacreBLEU calls it significant; here it is 1.
    """
    from sacrebleu.significance import _compute_p_value

    differences = np.abs(other.samples - one.samples)
    if float(np.ptp(differences)) == 0:
        return 1.0
    apart = abs(one.score.value - other.score.value)
    return float(_compute_p_value(differences - differences.mean(), apart))


def paired_signature(measured: Measured) -> str:
    """The signature with the number of samples and their seed, as sacreBLEU writes it for the paired bootstrap."""
    signature = measured.metric.get_signature()
    signature.update("seed", str(SEED))
    signature.update("bs", N_SAMPLES)
    return str(signature)


def _measure(metrics: Sequence[Any], hypotheses: Sequence[str], references: Sequence[str]) -> list[Measured]:
    from sacrebleu.significance import estimate_ci

    check_counts(hypotheses, references)
    statistics = [np.array(statistics_of(metric, hypotheses, references), dtype=np.float64) for metric in metrics]
    side_by_side = np.concatenate(statistics, axis=1)
    edges = np.cumsum([0, *(part.shape[1] for part in statistics)])
    drawn: list[list[Any]] = [[] for _ in metrics]
    for times in _draws(len(references)):
        sums = times @ side_by_side
        for metric, scores, first, last in zip(metrics, drawn, edges, edges[1:], strict=False):
            # float32 as in sacreBLEU, whose samples are scored so: the last digits count for the p-value
            result = metric._compute_score_from_stats(sums[first:last].astype(np.float32))
            scores.append(result.score)
    found = []
    for metric, part, scores in zip(metrics, statistics, drawn, strict=True):
        whole = metric._aggregate_and_compute(part.tolist())
        samples = np.array(scores)
        mean, half_width = float(samples.mean(dtype=np.float64)), float(estimate_ci(samples)[1])
        score = Score(whole.name, float(whole.score), str(metric.get_signature()), mean, half_width)
        found.append(Measured(metric, score, part, samples, mean, half_width))
    return found


def _draws(n: int) -> Iterator[Floats]:
    """How often each of n sentences is in a sample, for each sample, as sacreBLEU draws them."""
    generator = np.random.default_rng(SEED)
    for _ in range(N_SAMPLES):
        yield np.bincount(generator.choice(n, size=n, replace=True), minlength=n).astype(np.float64)


def _score_of(metric: Any, sums: Floats) -> float:
    return float(metric._compute_score_from_stats(sums.tolist()).score)
