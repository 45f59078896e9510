"""What is usual in a corpus, learnt from a sample of it: nothing is known of the languages but what the text shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from s2s.doctor import characters
from s2s.doctor.characters import Bytes, Sums
from s2s.doctor.lines import Integers, Lines, Truths, look_at

N_FREQUENT = 2_000
"""Words of a side, the most frequent, that tell its language."""

OWN, OTHER, KNOWN = 1, 2, 4
"""Bits of a word's class: typical of its side; typical of the other side; seen at least twice on its side."""

_TELLING = 10
"""A word that occurs less often says nothing about the side that a pair is written on."""

_ROUNDS = 10
"""So often pairs are turned and words counted anew, at most."""

_SLOTS_BITS = 22
_SHIFT = np.uint64(64 - _SLOTS_BITS)


@dataclass(frozen=True)
class UsualSide:
    """What is usual on one side.

    Attributes:
        scripts: Those that have a twentieth of its letters or more, the most frequent first.
        own: 1 for each code point that is a letter of one of them.
        classes: Class of each word, at the place of its hash sum's first bits.
        tells_unknown: Whether words repeat so much that a line of new ones is odd.
    """

    scripts: tuple[str, ...]
    own: Bytes
    classes: Bytes
    tells_unknown: bool

    def class_of(self, lines: Lines) -> Bytes:
        """The class of each word."""
        classes: Bytes = self.classes[lines.words >> _SHIFT]
        return classes


@dataclass(frozen=True)
class Usual:
    """What is usual in a corpus.

    Attributes:
        sides: On the source and the target side.
        ratio: Characters of a target a source character, the median.
        spread: How far a target's length strays from what its source lets expect, a character: the deviation divided by
            the root of the length (Gale and Church 1993).
    """

    sides: tuple[UsualSide, UsualSide]
    ratio: float
    spread: float

    def strays(self, n_src: Integers, n_tgt: Integers) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """How many times the usual spread a pair's lengths are apart."""
        expected = self.ratio * n_src
        return np.abs(n_tgt - expected) / (self.spread * np.sqrt(np.maximum(1.0, (n_tgt + expected) / 2)))


def learn(sources: Sequence[str], targets: Sequence[str]) -> Usual:
    """Learn what is usual from a sample, some tens of thousands of pairs spread over the corpus.

    Pairs that are written the other way round than most are turned first, lest each side have the words of both.

    Args:
        sources: Source sides.
        targets: As many target sides.
    """
    nothing: Bytes = np.zeros(characters.N_CODES, dtype=np.uint8)
    is_turned = _turned(look_at(sources, nothing), look_at(targets, nothing))
    if is_turned.any():
        pairs = list(zip(sources, targets, strict=True))
        sources = [tgt if turned else src for (src, tgt), turned in zip(pairs, is_turned, strict=True)]
        targets = [src if turned else tgt for (src, tgt), turned in zip(pairs, is_turned, strict=True)]
    scripts = [_scripts(text) for text in (sources, targets)]
    own = [_letters_of(names) for names in scripts]
    looked = [look_at(text, letters) for text, letters in zip((sources, targets), own, strict=True)]
    counts = [_counted(lines.words) for lines in looked]
    sides = []
    for side in (0, 1):
        mine, theirs = counts[side], counts[1 - side]
        classes = np.zeros(1 << _SLOTS_BITS, dtype=np.uint8)
        # a word may occur on the other side as a name or a loan: ten times as often there makes it foreign here
        for bit, (words, n), others in ((OWN, mine, theirs), (OTHER, theirs, mine)):
            frequent = np.argsort(-n, kind="stable")[:N_FREQUENT]
            frequent = frequent[n[frequent] > 1]
            typical = n[frequent] > 10 * _count_of(words[frequent], *others)
            classes[words[frequent[typical]] >> _SHIFT] |= bit
        classes[mine[0][mine[1] > 1] >> _SHIFT] |= KNOWN
        lines = looked[side]
        known = lines.count_words((classes[lines.words >> _SHIFT] & KNOWN) != 0)
        long = lines.n_words >= 6
        tells = bool(long.any()) and float(np.quantile(known[long] / lines.n_words[long], 0.02)) > 0.5
        sides.append(UsualSide(scripts[side], own[side], classes, tells))
    n_src, n_tgt = looked[0].n_characters.astype(float), looked[1].n_characters.astype(float)
    both = (n_src > 0) & (n_tgt > 0)
    ratio = float(np.median(n_tgt[both] / n_src[both])) if both.any() else 1.0
    apart = np.abs(n_tgt - ratio * n_src)[both] / np.sqrt(np.maximum(1.0, (n_tgt + ratio * n_src)[both] / 2))
    spread = float(np.median(apart)) / 0.6745 if both.any() else 1.0  # the median deviation of a normal variable
    return Usual((sides[0], sides[1]), ratio, max(spread, 0.5))


def _turned(src: Lines, tgt: Lines) -> Truths:
    """Which pairs are written the other way round than most, if that is plain.

    A word speaks for the side on which it is found oftener; what the words of a pair say together turns it, then words
    are counted anew. This is believed only if in the end most words are typical of one side, which more of them
    were not before: in a corpus of one language, or of two that share their words, nothing is.
    """
    different, index = np.unique(np.concatenate([src.words, tgt.words]), return_inverse=True)
    words = index[: len(src.words)], index[len(src.words) :]
    lines = src.line_of_word, tgt.line_of_word
    n_words, n = len(different), len(src.text)

    def count(is_turned: Truths) -> tuple[Integers, Integers]:
        """How often each word occurs on either side once the pairs are turned."""
        straight = [np.bincount(words[side][~is_turned[lines[side]]], minlength=n_words) for side in (0, 1)]
        turned = [np.bincount(words[side][is_turned[lines[side]]], minlength=n_words) for side in (0, 1)]
        return straight[0] + turned[1], straight[1] + turned[0]

    def typical(counts: tuple[Integers, Integers]) -> float:
        """The share of the words that may tell which are typical of their side."""
        most, least = np.maximum(*counts), np.minimum(*counts)
        both = most + least
        return float(most[(both >= _TELLING) & (most > 10 * least)].sum()) / max(1, int(both[both >= _TELLING].sum()))

    none: Truths = np.zeros(n, dtype=np.bool_)
    is_turned, counts = none, count(none)
    before = typical(counts)
    if n and np.array_equal(*counts):  # as where a corpus follows itself turned round: one pair has to begin
        is_turned = np.arange(n) == np.argmax(src.n_words + tgt.n_words)
        counts = count(is_turned)
    for _ in range(_ROUNDS):
        says = np.where(counts[0] + counts[1] >= _TELLING, np.log((counts[0] + 1) / (counts[1] + 1)), 0.0)
        sums = [np.bincount(lines[side], weights=says[words[side]], minlength=n) for side in (0, 1)]
        now: Truths = sums[0] < sums[1]
        if (now == is_turned).all():
            break
        is_turned, counts = now, count(now)
    if 2 * int(is_turned.sum()) > n:
        is_turned = ~is_turned
    after = typical(counts)
    return is_turned if after > 0.5 and after > before else none


def _scripts(text: Sequence[str]) -> tuple[str, ...]:
    """Scripts that have a twentieth of the letters or more, the most frequent first."""
    codes = np.frombuffer("".join(text).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    codes = codes[(characters.kind_of()[codes] & characters.LETTER) != 0]
    n = np.bincount(characters.script_of()[codes], minlength=len(characters.SCRIPT_NAMES))
    return tuple(characters.SCRIPT_NAMES[i] for i in np.argsort(-n, kind="stable") if n[i] and n[i] * 20 >= n.sum())


def _letters_of(scripts: tuple[str, ...]) -> Bytes:
    of = np.array([name in scripts for name in characters.SCRIPT_NAMES], dtype=np.uint8)
    letters: Bytes = of[characters.script_of()] & ((characters.kind_of() & characters.LETTER) != 0)
    return letters


def _counted(words: Sums) -> tuple[Sums, Integers]:
    """The different words, sorted, and how often each occurs."""
    different, n = np.unique(words, return_counts=True)
    return different, n.astype(np.int64)


def _count_of(words: Sums, known: Sums, n: Integers) -> Integers:
    """How often each word occurs, by sorted words and their counts."""
    if not len(known):
        return np.zeros(len(words), dtype=np.int64)
    place = np.minimum(np.searchsorted(known, words), len(known) - 1)
    return np.where(known[place] == words, n[place], 0)
