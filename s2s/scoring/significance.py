"""Whether one system is better than another on a test set, or only luckier: paired bootstrap (Koehn 2004)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from s2s.scoring.metrics import bleu_tokenizer, check_counts

N_SAMPLES = 1_000


@dataclass(frozen=True)
class Comparison:
    """BLEU of two systems on the same sentences.

    Attributes:
        before: Of the first.
        after: Of the second.
        p: The probability of a difference as large if there were none.
        signature: sacreBLEU's, with the number of samples and their seed.
    """

    before: float
    after: float
    p: float
    signature: str

    def text(self) -> str:
        """In words."""
        gain = self.after - self.before
        clear = f"p = {self.p:.3f}" + ("" if self.p < 0.05 else ", which may be chance")
        return f"BLEU {self.before:.2f} → {self.after:.2f} ({gain:+.2f}; {clear})"


def compare(before: Sequence[str], after: Sequence[str], references: Sequence[str], target: str) -> Comparison:
    """Compare two systems' translations by BLEU, with sacreBLEU's paired bootstrap of 1,000 samples.

    Args:
        before: Translations of the first system, raw text.
        after: Of the second.
        references: One for each.
        target: Target language; it decides BLEU's tokenisation.

    Raises:
        DataError: If there are not as many of all, or none.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.significance import PairedTest

    check_counts(before, references)
    check_counts(after, references)
    logging.getLogger("sacrebleu").setLevel(logging.WARNING)
    # references go to the metric, where they are cached: the test would read `references` anew for each system
    metric = BLEU(tokenize=bleu_tokenizer(target), references=[list(references)])
    systems: list[tuple[str, Sequence[str]]] = [("before", list(before)), ("after", list(after))]
    test = PairedTest(systems, {"BLEU": metric}, None, test_type="bs", n_samples=N_SAMPLES)
    signatures, scores = test()
    first, second = cast(list[Any], scores["BLEU"])
    # sacreBLEU counts samples that differ by more than the systems do, and finds none where these are equal
    p = 1.0 if first.score == second.score else float(second.p_value)
    return Comparison(float(first.score), float(second.score), p, str(signatures["BLEU"]))
