"""Lines of text as arrays: what can be said of each line, for thousands of lines at once.

The lines are put one after the other into one array of code points; tables say what each character is, running sums
over the array say how much of it a line has, and a polynomial in a fixed number, modulo 2^64, is the hash sum of a word
or a line: a running sum again, divided by the power at which the line begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from s2s.doctor import characters
from s2s.doctor.characters import DIGIT, LEAD, LETTER, RARE, SPACE, TRAIL, UNSPACED, Bytes, Sums

Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

MAX_CHARACTERS = 20_000
"""Of a longer line only so many are looked at."""

RUN = 10
"""So many equal characters in a row are a run."""

_BASE = 0x9E3779B97F4A7C15 | 1  # odd, so that it has an inverse modulo 2^64
_INVERSE = pow(_BASE, -1, 1 << 64)


@dataclass(frozen=True)
class Lines:
    """Facts of some lines; arrays have an entry a line, those of words an entry a word.

    Attributes:
        n_characters: Characters but white space.
        n_letters: Letters and marks.
        n_own: Those of the scripts that belong to this side.
        n_digits: Digits and other numerals.
        n_words: Runs of letters and digits; a letter of a script without spaces is a word.
        has_run: Whether a character other than a digit or space stands there ten times in a row.
        has_rare: Whether there is a character worth a closer look, or the line is longer than what is looked at.
        digits: Hash sum of its digits, in any order.
        text: Hash sum of its letters and digits, without case, spaces and punctuation.
        words: Hash sum of each word, without case.
        line_of_word: Which line each word is in.
        script_of_word: The script of each word's letters, as bits; of scripts beyond the first eight, no bit.
    """

    n_characters: Integers
    n_letters: Integers
    n_own: Integers
    n_digits: Integers
    n_words: Integers
    has_run: Truths
    has_rare: Truths
    digits: Sums
    text: Sums
    words: Sums
    line_of_word: Integers
    script_of_word: Bytes

    def count_words(self, which: Truths) -> Integers:
        """How many of the chosen words each line has."""
        return np.bincount(self.line_of_word[which], minlength=len(self.text)).astype(np.int64)


def look_at(lines: Sequence[str], own: Bytes) -> Lines:
    """Look at lines.

    Args:
        lines: Text; bytes that were not UTF-8 as lone surrogates. It is looked at in the form NFC: the vocabulary
            composes accents too.
        own: 1 for each code point that is a letter of this side's scripts, else 0.
    """
    n = len(lines)
    lines = [line if line.isascii() else normalize("NFC", line) for line in lines]
    lengths = np.fromiter(map(len, lines), dtype=np.int64, count=n)
    is_long = lengths > MAX_CHARACTERS
    if is_long.any():
        lines = [line[:MAX_CHARACTERS] for line in lines]
        lengths = np.minimum(lengths, MAX_CHARACTERS)
    codes = np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    ends = np.cumsum(lengths)
    starts = ends - lengths
    kinds = characters.kind_of()[codes]

    is_letter = (kinds & LETTER) != 0
    in_word = (kinds & (LETTER | DIGIT)) != 0
    begins = in_word.copy()
    begins[1:] &= ~in_word[:-1] | ((kinds[1:] | kinds[:-1]) & UNSPACED != 0)
    begins[starts[lengths > 0]] = in_word[starts[lengths > 0]]

    # letters and digits alone, one after the other, and where words and lines lie in that
    kept = codes[in_word]
    running = _count(in_word)
    first, last = running[starts], running[ends]
    word_starts = np.flatnonzero(begins[in_word])
    word_ends = np.append(word_starts[1:], len(kept)) if len(word_starts) else word_starts
    powers, inverses = _powers(len(kept) + 1)
    sums = _running(characters.mix_of()[kept] * powers[: len(kept)])
    words = _spread((sums[word_ends] - sums[word_starts]) * inverses[word_starts])
    text = _spread((sums[last] - sums[first]) * inverses[first])
    n_words = _per_line(begins, starts, ends)

    is_digit = np.flatnonzero(kinds & DIGIT)
    digit_sums = _running(characters.digit_mix_of()[codes[is_digit]])
    from_, to = np.searchsorted(is_digit, starts), np.searchsorted(is_digit, ends)
    return Lines(
        n_characters=lengths - _per_line((kinds & SPACE) != 0, starts, ends),
        n_letters=_per_line(is_letter, starts, ends),
        n_own=_per_line(own[codes], starts, ends),
        n_digits=(to - from_).astype(np.int64),
        n_words=n_words,
        has_run=_has(_runs(codes, kinds), starts, ends - (RUN - 1)),
        has_rare=_has(np.flatnonzero(kinds & RARE), starts, ends)
        | _has(np.flatnonzero(((kinds[:-1] & LEAD) != 0) & ((kinds[1:] & TRAIL) != 0)), starts, ends - 1)
        | is_long,
        digits=digit_sums[to] - digit_sums[from_],
        text=text,
        words=words,
        line_of_word=np.repeat(np.arange(n), n_words),
        script_of_word=_scripts_of(kept, word_starts),
    )


def _running(values: Sums) -> Sums:
    """Sums of all values before each place, one place more than there are values."""
    sums = np.zeros(len(values) + 1, dtype=np.uint64)
    np.cumsum(values, out=sums[1:])
    return sums


def _count(marks: Truths | Bytes) -> Integers:
    """How many marks are before each place."""
    counts = np.zeros(len(marks) + 1, dtype=np.int64)
    np.cumsum(marks, out=counts[1:])
    return counts


def _per_line(marks: Truths | Bytes, starts: Integers, ends: Integers) -> Integers:
    counts = _count(marks)
    return counts[ends] - counts[starts]


def _has(places: Integers, starts: Integers, ends: Integers) -> Truths:
    """Whether any place is from a line's start on and before its end."""
    return np.searchsorted(places, starts) < np.searchsorted(places, np.maximum(starts, ends))


def _runs(codes: npt.NDArray[np.uint32], kinds: Bytes) -> Integers:
    """Where runs of equal characters begin."""
    if len(codes) < RUN:
        return np.zeros(0, dtype=np.int64)
    equal = (codes[1:] == codes[:-1]) & ((kinds[1:] & (SPACE | DIGIT)) == 0)
    two = equal[:-1] & equal[1:]
    four = two[:-2] & two[2:]
    eight = four[:-4] & four[4:]
    return np.flatnonzero(eight[: len(codes) - RUN + 1] & equal[RUN - 2 :])


def _scripts_of(kept: npt.NDArray[np.uint32], word_starts: Integers) -> Bytes:
    """The scripts that each word has letters of, as bits."""
    if not len(word_starts):
        return np.zeros(0, dtype=np.uint8)
    return np.bitwise_or.reduceat(_script_bits()[kept], word_starts)


@cache
def _script_bits() -> Bytes:
    bits = np.zeros(256, dtype=np.uint8)
    bits[1:9] = 1 << np.arange(8)
    return bits[characters.script_of()]


@cache
def _power_tables(n: int) -> tuple[Sums, Sums]:
    def table(base: int) -> Sums:
        powers = np.full(n, base, dtype=np.uint64)
        powers[0] = 1
        return np.multiply.accumulate(powers)

    return table(_BASE), table(_INVERSE)


def _powers(n: int) -> tuple[Sums, Sums]:
    """Powers 0 to n - 1 of the base, and of its inverse."""
    tables = _power_tables(1 << max(20, (n - 1).bit_length()))
    return tables[0][:n], tables[1][:n]


def _spread(sums: Sums) -> Sums:
    """Spread a polynomial over all bits: its low bits depend on the low bits of its terms alone."""
    sums = (sums ^ (sums >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return sums ^ (sums >> np.uint64(29))
