"""The checks that need nothing but a pair and what is usual in its corpus."""

import contextlib
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from s2s.doctor.characters import CHARACTERS_AS_WORDS
from s2s.doctor.faults import Fault
from s2s.doctor.lines import Integers, Lines, Truths, look_at
from s2s.doctor.usual import KNOWN, OTHER, OWN, Usual

Flags = npt.NDArray[np.uint32]

MAX_WORDS, MAX_CHARACTERS = 200, 1_000
"""A longer side is told: few sentences are so long, and attention pays for them by the square."""

_NOT_ASCII = re.compile("[^\x00-\x7f]{2,}")
_AFTER_WORDS = "”’“‘…»›\u00a0«‹–—"  # which may follow a letter as they are
_RAISED = "²³¹°·ªº"  # units and footnotes: Å², Fuß¹; after Ã and Â they are half of a letter
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,200}>|<!--|&(?:[A-Za-z][A-Za-z0-9]{1,20}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
    "\ufff9-\ufffb]|(?<=[A-Za-zÀ-ɏ])[\u200c\u200d]"
)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_WORD = re.compile(r"[^\W\d_]+")
# letters that look like one of the Latin script
_LOOK_ALIKE = frozenset("аеорсухіјѕԁһӏвкмнтАВЕКМНОРСТУХІЈЅԌᎪοΑΒΕΖΗΙΚΜΝΟΡΤΥΧօհոսցզք")


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
    foreign, unknown = [], []
    for text, side in zip((sources, targets), usual.sides, strict=True):
        lines = look_at(text, side.own)
        looked.append(lines)
        classes = side.class_of(lines)
        n_other = lines.count_words((classes & OTHER) != 0)
        foreign.append((n_other >= 2) & (n_other > 2 * lines.count_words((classes & OWN) != 0)))
        _mark(flags, Fault.EMPTY, lines.n_characters == 0)
        n_known = lines.count_words((classes & KNOWN) != 0)
        unknown.append((lines.n_words >= 6) & (n_known * 3 < lines.n_words) & side.tells_unknown)
        _mark(flags, Fault.OTHER_SCRIPT, (lines.n_letters >= 3) & (lines.n_own * 2 < lines.n_letters))
        for index in np.flatnonzero(_mixed(lines)).tolist():
            flags[index] |= _looks_alike(text[index])
        in_words = lines.n_letters + lines.n_digits
        nothing = (in_words == 0) | ((lines.n_characters >= 8) & (in_words * 4 < lines.n_characters))
        _mark(flags, Fault.NO_LETTERS, (lines.n_characters > 0) & nothing)
        _mark(flags, Fault.LONG, (lines.n_words > MAX_WORDS) | (lines.n_characters > MAX_CHARACTERS))
        _mark(
            flags, Fault.REPETITION, lines.has_run | _repeats(lines, 6 if CHARACTERS_AS_WORDS & {*side.scripts} else 3)
        )
        for index in np.flatnonzero(lines.has_rare).tolist():
            flags[index] |= _rare(text[index])
    src, tgt = looked
    swapped = foreign[0] & foreign[1]
    _mark(flags, Fault.SWAPPED, swapped)
    _mark(flags, Fault.UNKNOWN_WORDS, (unknown[0] | unknown[1]) & ~swapped)
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


def _repeats(lines: Lines, times: int) -> Truths:
    """Lines in which words come so many times on average, and of three times as many words or more."""
    many = lines.n_words >= 3 * times
    result = np.zeros(len(many), dtype=np.bool_)
    if not many.any():
        return result
    which = many[lines.line_of_word]
    line, word = lines.line_of_word[which], lines.words[which]
    # the low bits of the hash sum tell words of a line apart; the line stands above them
    keys = np.sort((line.astype(np.uint64) << np.uint64(32)) | (word & np.uint64(0xFFFFFFFF)))
    keys = keys[np.append(True, keys[1:] != keys[:-1])] >> np.uint64(32)
    n_different: Integers = np.bincount(keys.astype(np.int64), minlength=len(many))
    return many & (n_different * times <= lines.n_words)


def _rare(text: str) -> int:
    """Faults that single characters hint at."""
    found = 0
    if "\ufffd" in text:
        found |= Fault.REPLACED
    if _NOT_UTF8.search(text):
        found |= Fault.NOT_UTF8
    if _is_mojibake(text):
        found |= Fault.MOJIBAKE
    if ("<" in text or "&" in text) and _MARKUP.search(text):
        found |= Fault.MARKUP
    if _CONTROL.search(text):
        found |= Fault.CONTROL
    return int(found)


def _is_mojibake(text: str) -> bool:
    """Whether parts of a text become sense when their bytes in Windows-1252 or Latin-1 are read as UTF-8."""
    n = 0
    for match in _NOT_ASCII.finditer(text):
        run = match[0]
        for encoding in ("cp1252", "latin-1"):
            with contextlib.suppress(UnicodeError):
                run.encode(encoding).decode("utf-8")
                if set(run[1:]) - set(_AFTER_WORDS if run[0] in "ÃÂ" else _AFTER_WORDS + _RAISED):
                    return True
                if run[0].isupper():  # as Ã; after a small letter it is what it is: weiß« and está…”
                    within = not set(run[1:]) & set("”’“‘…»›\u00a0") and text[match.end() :][:1].isalpha()  # NoÃ«l
                    n += 2 if within else 1  # it may be what it is; twice in a line it is not
                break
    return n > 1


def _looks_alike(text: str) -> int:
    """Whether a word that mixes scripts has look-alikes in the place of Latin letters, or Latin ones among them."""
    for word in _WORD.findall(text):
        if not word.isascii():
            latin = sum(char < "ɐ" for char in word)
            if 0 < latin < len(word) and all(char < "ɐ" or char in _LOOK_ALIKE for char in word):
                return int(Fault.MIXED_SCRIPT)
    return 0
