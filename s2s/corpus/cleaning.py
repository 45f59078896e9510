"""Which training pairs are dropped, each counted under the first reason that applies. Nothing is ever cut short."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Self

from s2s.config.schema import DataConfig

N_EXAMPLES = 5
"""Places remembered for each reason."""


class Reason(StrEnum):
    """Why a pair is dropped, in the order of the tests."""

    EMPTY_SOURCE = "empty source"
    EMPTY_TARGET = "empty target"
    DUPLICATE = "duplicate"
    LONG_SOURCE = "source too long"
    LONG_TARGET = "target too long"
    RATIO = "length ratio"


@dataclass(frozen=True)
class CleaningRules:
    """What a training pair must be like. Lengths are in pieces, without end symbols.

    Attributes:
        max_length: The most pieces on a side.
        max_ratio: The longer side has at most this many times the pieces of the shorter.
        deduplicate: Whether a pair that occurred before is dropped.
    """

    max_length: int
    max_ratio: float
    deduplicate: bool = False

    @classmethod
    def from_config(cls, config: DataConfig) -> Self:
        """The rules of a config."""
        return cls(config.max_length, config.max_ratio, config.deduplicate)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass
class Cleaner:
    """One pass over a corpus with the rules; counts what it drops.

    Attributes:
        rules: The rules; None drops only pairs with an empty side, which nothing can be learnt from or scored on.
        dropped: Pairs dropped, by reason.
        examples: The first few places of each, such as `train.tsv:17`.
    """

    rules: CleaningRules | None
    dropped: dict[Reason, int] = field(default_factory=lambda: dict.fromkeys(Reason, 0))
    examples: dict[Reason, list[str]] = field(default_factory=dict)
    _seen: set[bytes] = field(default_factory=set)

    def reason_by_text(self, src: str, tgt: str) -> Reason | None:
        """Why a pair is dropped on the sight of its text, or None."""
        if not src or src.isspace():
            return Reason.EMPTY_SOURCE
        if not tgt or tgt.isspace():
            return Reason.EMPTY_TARGET
        if self.rules is not None and self.rules.deduplicate:
            # the length keeps ("ab", "c") apart from ("a", "bc"); 16 bytes a pair, and no collision to be feared
            key = blake2b(f"{len(src)} {src}{tgt}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
            if key in self._seen:
                return Reason.DUPLICATE
            self._seen.add(key)
        return None

    def reason_by_pieces(self, src: Sequence[int], tgt: Sequence[int]) -> Reason | None:
        """Why a pair is dropped on the sight of its ids, or None.

        A side of control characters alone has text but no pieces, and counts as empty.
        """
        n_src, n_tgt = len(src), len(tgt)
        if n_src == 0:
            return Reason.EMPTY_SOURCE
        if n_tgt == 0:
            return Reason.EMPTY_TARGET
        rules = self.rules
        if rules is None:
            return None
        if n_src > rules.max_length:
            return Reason.LONG_SOURCE
        if n_tgt > rules.max_length:
            return Reason.LONG_TARGET
        if max(n_src, n_tgt) > rules.max_ratio * min(n_src, n_tgt):
            return Reason.RATIO
        return None

    def drop(self, reason: Reason, place: str) -> None:
        """Count a dropped pair.

        Args:
            reason: Why.
            place: Where it stood, for the examples.
        """
        self.dropped[reason] += 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < N_EXAMPLES:
            examples.append(place)
