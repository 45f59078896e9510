"""What became of the pairs of a split, in numbers: for the screen, `data.json` and the store itself."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer[Any]]


@dataclass
class SideReport:
    """Counts of one side of the kept pairs.

    Attributes:
        pieces: Pieces, without end symbols.
        words: Runs of characters between white space.
        unknown: Pieces that stand for something the vocabulary does not have.
        longest: Pieces of the longest.
    """

    pieces: int = 0
    words: int = 0
    unknown: int = 0
    longest: int = 0

    def add(self, lengths: Integers, words: Integers, unknown: Integers) -> None:
        """Count some more: pieces, words and unknown pieces of each line."""
        self.pieces += int(lengths.sum())
        self.words += int(words.sum())
        self.unknown += int(unknown.sum())
        self.longest = max(self.longest, int(lengths.max(initial=0)))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        per_word = round(self.pieces / self.words, 4) if self.words else None
        rate = round(self.unknown / self.pieces, 6) if self.pieces else None
        counts = {"pieces": self.pieces, "words": self.words, "unknown": self.unknown, "longest": self.longest}
        return {**counts, "pieces_per_word": per_word, "unknown_rate": rate}

    def text(self) -> str:
        """In words."""
        per_word = f", {self.pieces / self.words:.2f} a word" if self.words else ""
        unknown = f", {100 * self.unknown / self.pieces:.3f} % unknown" if self.unknown else ""
        return f"{self.pieces:,} pieces{per_word}, at most {self.longest:,} in a line{unknown}"


@dataclass
class SplitReport:
    """What became of the pairs of a split.

    Attributes:
        identity: What the pairs come from.
        read: Pairs there were.
        kept: Pairs that are in the store.
        dropped: Pairs that are not, by reason.
        examples: The first few places of each reason.
        src: Counts of the source side.
        tgt: Counts of the target side.
        n_bytes: Size of the store.
    """

    identity: list[dict[str, Any]]
    read: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    src: SideReport = field(default_factory=SideReport)
    tgt: SideReport = field(default_factory=SideReport)
    n_bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "src": self.src.as_dict(), "tgt": self.tgt.as_dict()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """The reverse of `as_dict`."""
        names = ("pieces", "words", "unknown", "longest")
        sides = {side: SideReport(*(content[side][name] for name in names)) for side in ("src", "tgt")}
        return cls(**{**content, **sides})

    def text(self) -> str:
        """In words, some lines."""
        if self.kept == self.read:
            lines = [f"{self.read:,} pairs"]
        else:
            lines = [f"{self.kept:,} of {self.read:,} pairs kept"]
        for reason, count in self.dropped.items():
            if count:
                places = ", ".join(self.examples[reason])
                more = ", …" if count > len(self.examples[reason]) else ""
                lines.append(f"dropped {count:,}: {reason} ({places}{more})")
        lines += [f"source: {self.src.text()}", f"target: {self.tgt.text()}"]
        return "\n  ".join(lines)
