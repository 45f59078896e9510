"""What becomes of a line."""

from collections.abc import Iterable
from dataclasses import dataclass

from s2s.decoding.alignment import Links


@dataclass(frozen=True)
class Candidate:
    """One translation of a line.

    Attributes:
        text: Without line breaks.
        score: log_probability / length^α, by which candidates are ranked.
        log_probability: In nats, over all pieces and end symbols.
        n_pieces: Pieces and end symbols.
    """

    text: str
    score: float
    log_probability: float
    n_pieces: int


@dataclass(frozen=True)
class Translation:
    """What became of a line.

    Attributes:
        source: The line.
        candidates: Best first; one for a line without text, whose translation is empty.
        n_parts: Parts in which it was translated, because it is longer than anything seen in training; 0 if empty.
        n_cut: Parts whose translation was ended by the length limit.
        alignment: Pairs (source word, word of the best translation), counted from 0, if they were asked for.
        confidence: Of each word of the best translation the probability that the model gave to its pieces, their
            geometric mean; with the alignment.
    """

    source: str
    candidates: list[Candidate]
    n_parts: int
    n_cut: int
    alignment: Links | None = None
    confidence: list[float] | None = None

    @property
    def text(self) -> str:
        """The best translation."""
        return self.candidates[0].text


def count_notes(translations: Iterable[Translation]) -> dict[str, int]:
    """How many lines were empty, translated in parts, or ended by the length limit."""
    notes = {"empty": 0, "in_parts": 0, "cut": 0}
    for translation in translations:
        notes["empty"] += translation.n_parts == 0
        notes["in_parts"] += translation.n_parts > 1
        notes["cut"] += translation.n_cut > 0
    return notes
