"""The checks that need nothing but a pair and what is usual in its corpus."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from s2s.doctor.faults import Fault
from s2s.doctor.lines import Integers, Lines, Truths, look_at
from s2s.doctor.usual import KNOWN, OTHER, OWN, Usual

Flags = npt.NDArray[np.uint32]

MAX_WORDS, MAX_CHARACTERS = 200, 1_000
"""A longer side is told: few sentences are so long, and attention pays for them by the square."""

_MOJIBAKE = re.compile(r"[ÃÂÐÑ][\x80-¿‘-„†‡•…‰ƒŠšŒœŽžŸ€™‹›˜ˆ–—]|â€|ï»¿|ï¿½")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,200}>|&(?:[A-Za-z]{2,8}|#\d{1,6});")
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufff9-\ufffb]"
)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


def flags_of(sources: Sequence[str], targets: Sequence[str], usual: Usual) -> tuple[Flags, tuple[Lines, Lines]]:
    """What is wrong with each of some pairs, as far as the pair itself tells.

    Args:
        sources: Source sides.
        targets: Target sides.
        usual: What is usual in the corpus.

    Returns:
        The faults of each pair, and the facts of both sides.
    """
    flags = np.zeros(len(sources), dtype=np.uint32)
    looked = []
    foreign = []
    for text, side in zip((sources, targets), usual.sides, strict=True):
        lines = look_at(text, side.own)
        looked.append(lines)
        classes = side.class_of(lines)
        n_other = lines.count_words((classes & OTHER) != 0)
        foreign.append((n_other >= 2) & (n_other > 2 * lines.count_words((classes & OWN) != 0)))
        _mark(flags, Fault.EMPTY, lines.n_characters == 0)
        n_known = lines.count_words((classes & KNOWN) != 0)
        if side.tells_unknown:
            _mark(flags, Fault.UNKNOWN_WORDS, (lines.n_words >= 6) & (n_known * 3 < lines.n_words))
        _mark(flags, Fault.OTHER_SCRIPT, (lines.n_letters >= 3) & (lines.n_own * 2 < lines.n_letters))
        _mark(flags, Fault.MIXED_SCRIPT, _mixed(lines))
        in_words = lines.n_letters + lines.n_digits
        _mark(flags, Fault.NO_LETTERS, (lines.n_characters >= 3) & (in_words * 2 < lines.n_characters))
        _mark(flags, Fault.LONG, (lines.n_words > MAX_WORDS) | (lines.n_characters > MAX_CHARACTERS))
        _mark(flags, Fault.REPETITION, lines.has_run | _repeats(lines))
        for index in np.flatnonzero(lines.has_rare).tolist():
            flags[index] |= _rare(text[index])
    src, tgt = looked
    swapped = foreign[0] & foreign[1]
    _mark(flags, Fault.SWAPPED, swapped)
    same = (src.text == tgt.text) & (src.n_words >= 2) & (src.n_letters >= 4)
    _mark(flags, Fault.COPIED, same)
    _mark(flags, Fault.OTHER_LANGUAGE, (foreign[0] | foreign[1]) & ~swapped & ~same)
    _mark(flags, Fault.NUMBERS, src.digits != tgt.digits)
    n_src, n_tgt = src.n_characters, tgt.n_characters
    twice = np.maximum(n_tgt, usual.ratio * n_src) > 2 * np.minimum(n_tgt, usual.ratio * n_src)
    has_both = (n_src > 0) & (n_tgt > 0)
    _mark(flags, Fault.RATIO, has_both & twice & (usual.strays(n_src, n_tgt) > 4.5))
    return flags, (src, tgt)


def _mark(flags: Flags, fault: Fault, where: Truths) -> None:
    flags[where] |= np.uint32(fault)


def _mixed(lines: Lines) -> Truths:
    """Lines with a word that has letters of two scripts, of those that look alike: Latin, Greek, Cyrillic, Armenian."""
    scripts = lines.script_of_word & 0b1111
    return lines.count_words((scripts & (scripts - np.uint8(1))) != 0) > 0


def _repeats(lines: Lines) -> Truths:
    """Lines of nine words or more of which at most a third differ."""
    many = lines.n_words >= 9
    result = np.zeros(len(many), dtype=np.bool_)
    if not many.any():
        return result
    which = many[lines.line_of_word]
    line, word = lines.line_of_word[which], lines.words[which]
    # the low bits of the hash sum tell words of a line apart; the line stands above them
    keys = np.sort((line.astype(np.uint64) << np.uint64(32)) | (word & np.uint64(0xFFFFFFFF)))
    keys = keys[np.append(True, keys[1:] != keys[:-1])] >> np.uint64(32)
    n_different: Integers = np.bincount(keys.astype(np.int64), minlength=len(many))
    return many & (n_different * 3 <= lines.n_words)


def _rare(text: str) -> int:
    """Faults that single characters hint at."""
    found = 0
    if "\ufffd" in text:
        found |= Fault.REPLACED
    if _NOT_UTF8.search(text):
        found |= Fault.NOT_UTF8
    if _MOJIBAKE.search(text):
        found |= Fault.MOJIBAKE
    if ("<" in text or "&" in text) and _MARKUP.search(text):
        found |= Fault.MARKUP
    if _CONTROL.search(text):
        found |= Fault.CONTROL
    return int(found)
