"""Which training pairs are dropped, each counted under the first reason that applies. Nothing is ever cut short."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from s2s.config.schema import DataConfig
from s2s.corpus.seen import Keys, SeenKeys

_T = TypeVar("_T", bound=np.generic)
Sides = tuple[npt.NDArray[_T], npt.NDArray[_T]]
"""An array for the source side and one for the target side."""

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
    _seen: SeenKeys = field(default_factory=SeenKeys)

    def reasons(self, blank: Sides[np.bool_], keys: Keys, lengths: Sides[np.int64]) -> list[tuple[int, Reason]]:
        """Which of some pairs are dropped, and why. Pairs come in the order of the corpus, each once.

        A side of control characters alone has text but no pieces, and counts as empty.

        Args:
            blank: Of source and target, which are nothing but white space.
            keys: A hash sum of each pair's text.
            lengths: Pieces of source and target.

        Returns:
            Index and reason, in order.
        """
        tests = [(Reason.EMPTY_SOURCE, blank[0]), (Reason.EMPTY_TARGET, blank[1])]
        rules = self.rules
        if rules is not None and rules.deduplicate:
            has_text = ~(blank[0] | blank[1])
            duplicate = np.zeros(len(keys), dtype=np.bool_)
            duplicate[has_text] = self._seen.add(keys[has_text])
            tests.append((Reason.DUPLICATE, duplicate))
        n_src, n_tgt = lengths
        tests += [(Reason.EMPTY_SOURCE, n_src == 0), (Reason.EMPTY_TARGET, n_tgt == 0)]
        if rules is not None:
            ratio = np.maximum(n_src, n_tgt) > rules.max_ratio * np.minimum(n_src, n_tgt)
            tests += [(Reason.LONG_SOURCE, n_src > rules.max_length), (Reason.LONG_TARGET, n_tgt > rules.max_length)]
            tests.append((Reason.RATIO, ratio))
        applies = np.stack([test for _, test in tests])
        first = np.argmax(applies, axis=0)
        return [(int(index), tests[first[index]][0]) for index in np.flatnonzero(applies.any(axis=0))]

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


def key_of(src: str, tgt: str) -> int:
    """A hash sum of a pair's text, 64 bits: any two of 10 million different pairs share one in 1 of 370,000 corpora."""
    # the length keeps ("ab", "c") apart from ("a", "bc")
    text = f"{len(src)} {src}{tgt}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
