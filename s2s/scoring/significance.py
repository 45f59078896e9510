"""Whether one system is better than another on a test set, or only luckier: paired bootstrap (Koehn 2004)."""

from collections.abc import Sequence
from dataclasses import dataclass

from s2s.scoring.measured import measure_bleu, p_value, paired_signature


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
    first, second = (measure_bleu(hypotheses, references, target) for hypotheses in (before, after))
    return Comparison(first.score.value, second.score.value, p_value(first, second), paired_signature(first))
