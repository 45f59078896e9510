"""Builds the corpus: holds combinations out, writes training, development and test pairs, and keeps the record.

A combination is two words that stand in a grammatical relation: an adjective and its noun, a verb and its object, a
subject and its verb, a number and what it counts, a day and its month, the hour and the minutes. Every sentence
records the combinations in it. Before anything is written, the seed decides for each combination whether it is held
out. Training takes only sentences with none of these; development and test only sentences with one at least. The
single words of a held-out combination all occur in training, only never together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from .clauses import Pair
from .grammar import sentence
from .phrases import Combination

TRAIN, DEV, TEST = 20_000, 500, 1_000
HELD_OUT_SHARE = 0.07
RAREST = 8
"""A word form is used in training at least so often, or not at all."""
POOL = 50_000
"""So many sentences are drawn for training to choose from."""
TEST_PHENOMENON, DEV_PHENOMENON = 25, 10
"""So many sentences at least show each phenomenon in test and in development."""


@dataclass(frozen=True)
class Corpus:
    """The three parts with their records, and the rule that says what is held out."""

    seed: int
    train: tuple[Pair, ...]
    dev: tuple[Pair, ...]
    test: tuple[Pair, ...]


def is_held_out(combination: Combination, seed: int) -> bool:
    """Decides by the seed and the combination alone, the same on every machine."""
    digest = sha256(f"{seed}:{':'.join(combination)}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32


def held_out(pair: Pair, seed: int) -> tuple[Combination, ...]:
    """Returns the held-out combinations in a pair."""
    return tuple(combination for combination in pair.combinations if is_held_out(combination, seed))


def words(text: str) -> list[str]:
    """Splits a sentence into its word forms, without punctuation and capitals."""
    return re.findall(r"[\w'-]+", text.lower())


def folded(text: str) -> str:
    return " ".join(words(text))


def forms(pair: Pair) -> list[tuple[str, str]]:
    """Returns the word forms of both sides, each with its language."""
    return [("en", word) for word in words(pair.english)] + [("de", word) for word in words(pair.german)]


def count_forms(pairs: Iterable[Pair]) -> Counter[tuple[str, str]]:
    return Counter(form for pair in pairs for form in forms(pair))


class Draw:
    """Draws sentences, none twice; refuses an English sentence that comes with a second German translation."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.english: dict[str, str] = {}
        self.german: dict[str, str] = {}

    def next(self) -> Pair | None:
        """Draws one pair, or None if either side was drawn before."""
        pair = sentence(self.rng)
        source, target = folded(pair.english), folded(pair.german)
        if self.english.get(source, target) != target:
            raise ValueError(f"two translations of {pair.english!r}: {self.english[source]!r} and {target!r}")
        if source in self.english or target in self.german:
            return None
        self.english[source], self.german[target] = target, source
        return pair


Marks = Callable[[Pair], Iterable[Hashable]]


def without_rare_words(pairs: list[Pair]) -> list[Pair]:
    """Leaves pairs out until every word form in them occurs at least ``RAREST`` times in them."""
    while True:
        counts = count_forms(pairs)
        kept = [pair for pair in pairs if all(counts[form] >= RAREST for form in forms(pair))]
        if len(kept) == len(pairs):
            return kept
        pairs = kept


def choose(pairs: list[Pair], size: int, marks: Marks, least: int) -> list[Pair]:
    """Takes ``size`` pairs, in their order, such that every mark in all of them occurs ``least`` times if it can.

    Marks are word forms or phenomena. The rarest marks are served first; then the first pairs fill what is left.
    """
    where: dict[Hashable, list[int]] = {}
    for index, pair in enumerate(pairs):
        for mark in dict.fromkeys(marks(pair)):
            where.setdefault(mark, []).append(index)
    taken: dict[int, None] = {}
    counts: Counter[Hashable] = Counter()
    for mark in sorted(where, key=lambda mark: len(where[mark])):
        for index in where[mark]:
            if counts[mark] >= least:
                break
            if index not in taken:
                taken[index] = None
                counts.update(dict.fromkeys(marks(pairs[index]), 1))
    if len(taken) > size:
        raise ValueError(f"{size} pairs are too few: {len(taken)} are needed for {len(where)} marks")
    for index in range(len(pairs)):
        if len(taken) == size:
            break
        taken[index] = None
    if len(taken) < size:
        raise ValueError(f"only {len(taken)} of {size} pairs")
    return [pairs[index] for index in sorted(taken)]


def build(seed: int = 1) -> Corpus:
    """Builds the whole corpus from a seed."""
    draw = Draw(seed)
    pool: list[Pair] = []
    apart: list[Pair] = []
    while len(pool) < POOL:
        pair = draw.next()
        if pair:
            (apart if held_out(pair, seed) else pool).append(pair)
    train = choose(without_rare_words(pool), TRAIN, forms, RAREST)
    known = {form for pair in train for form in forms(pair)}
    seen = {combination for pair in train for combination in pair.combinations}
    apart = [pair for pair in apart if usable(pair, known, seen, seed)]
    test = choose(apart, TEST, phenomena, TEST_PHENOMENON)
    tested = {pair.english for pair in test}
    dev = choose([pair for pair in apart if pair.english not in tested], DEV, phenomena, DEV_PHENOMENON)
    return Corpus(seed, tuple(train), tuple(dev), tuple(test))


def phenomena(pair: Pair) -> tuple[str, ...]:
    return pair.phenomena


def usable(pair: Pair, known: set[tuple[str, str]], seen: set[Combination], seed: int) -> bool:
    """Says whether training teaches all the words of a held-out pair (and, as it must, none of its combinations)."""
    return known.issuperset(forms(pair)) and seen.isdisjoint(held_out(pair, seed))
