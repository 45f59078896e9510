"""What there is to know of each character: a few tables with a place per code point, made when first needed."""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Sums = npt.NDArray[np.uint64]

N_CODES = 0x110000
_N_TOLD = 0x32000  # beyond are variation selectors, private use and nothing

LETTER, DIGIT, SPACE, UNSPACED, RARE, LEAD, TRAIL = 1, 2, 4, 8, 16, 32, 64
"""Kinds, as bits. UNSPACED: a letter that is a word. RARE: worth a closer look. LEAD and TRAIL: what the first and the
other bytes of a character in UTF-8 look like when they are read as Windows-1252 or Latin-1."""

# Ranges of code points, the last included. Those of ISO 15924 that have much text; others are all one "other".
SCRIPTS: dict[str, list[tuple[int, int]]] = {
    "other": [],
    "Latin": [(0x41, 0x24F), (0x250, 0x2AF), (0x1D00, 0x1D25), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF),
              (0xAB30, 0xAB64), (0xFB00, 0xFB06), (0xFF21, 0xFF5A)],
    "Greek": [(0x370, 0x3FF), (0x1F00, 0x1FFF)],
    "Cyrillic": [(0x400, 0x52F), (0x1C80, 0x1C88), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)],
    "Armenian": [(0x530, 0x58F), (0xFB13, 0xFB17)],
    "Hebrew": [(0x590, 0x5FF), (0xFB1D, 0xFB4F)],
    "Arabic": [(0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)],
    "Syriac": [(0x700, 0x74F)],
    "Thaana": [(0x780, 0x7BF)],
    "N'Ko": [(0x7C0, 0x7FF)],
    "Devanagari": [(0x900, 0x97F), (0xA8E0, 0xA8FF)],
    "Bengali": [(0x980, 0x9FF)],
    "Gurmukhi": [(0xA00, 0xA7F)],
    "Gujarati": [(0xA80, 0xAFF)],
    "Oriya": [(0xB00, 0xB7F)],
    "Tamil": [(0xB80, 0xBFF)],
    "Telugu": [(0xC00, 0xC7F)],
    "Kannada": [(0xC80, 0xCFF)],
    "Malayalam": [(0xD00, 0xD7F)],
    "Sinhala": [(0xD80, 0xDFF)],
    "Thai": [(0xE00, 0xE7F)],
    "Lao": [(0xE80, 0xEFF)],
    "Tibetan": [(0xF00, 0xFFF)],
    "Myanmar": [(0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)],
    "Georgian": [(0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)],
    "Ethiopic": [(0x1200, 0x139F), (0x2D80, 0x2DDF), (0xAB00, 0xAB2F)],
    "Cherokee": [(0x13A0, 0x13FF), (0xAB70, 0xABBF)],
    "Canadian Aboriginal": [(0x1400, 0x167F), (0x18B0, 0x18FF)],
    "Khmer": [(0x1780, 0x17FF)],
    "Mongolian": [(0x1800, 0x18AF)],
    "Tifinagh": [(0x2D30, 0x2D7F)],
    "Hangul": [(0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF)],
    "Kana": [(0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)],
    "Han": [(0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)],
}  # fmt: skip
SCRIPT_NAMES = list(SCRIPTS)
CHARACTERS_AS_WORDS = {"Kana", "Han"}
"""Of these scripts, which have no spaces, a character is taken for a word. In Thai, Lao, Khmer, Burmese and Tibetan,
which have none either, single letters say too little: there what stands between spaces is a word."""
UNSPACED_SCRIPTS = CHARACTERS_AS_WORDS | {"Thai", "Lao", "Khmer", "Myanmar", "Tibetan"}
"""All scripts without spaces between words."""

# markup, U+FFFD, and bytes that were not UTF-8 (lone surrogates)
_RARE = [*map(ord, "<&\ufffd"), *range(0xDC80, 0xDD00)]


@cache
def script_of() -> Bytes:
    """The script of each letter, as an index into `SCRIPT_NAMES`; 0 for others and for what is no letter."""
    table = np.zeros(N_CODES, dtype=np.uint8)
    for number, ranges in enumerate(SCRIPTS.values()):
        for first, last in ranges:
            table[first : last + 1] = number
    table[(kind_of() & LETTER) == 0] = 0
    return table


@cache
def kind_of() -> Bytes:
    """The kind of each character."""
    table = np.zeros(N_CODES, dtype=np.uint8)
    category = unicodedata.category
    kinds = {"L": LETTER, "M": LETTER, "N": DIGIT, "Z": SPACE, "C": RARE}
    told = (kinds.get(category(chr(code))[0], 0) for code in range(_N_TOLD))
    table[:_N_TOLD] = np.fromiter(told, dtype=np.uint8, count=_N_TOLD)
    table[[9, 10, 13]] = SPACE
    table[[0x2028, 0x2029, 0xFEFF]] |= RARE
    table[_RARE] |= RARE
    table[0xC2:0xF5] |= LEAD
    table[0x80:0xC0] |= TRAIL
    table[[ord(char) for char in bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")]] |= TRAIL
    for name in CHARACTERS_AS_WORDS:
        for first, last in SCRIPTS[name]:
            part = table[first : last + 1]
            part[(part & LETTER) != 0] |= UNSPACED
    return table


@cache
def mix_of() -> Sums:
    """A random number for each letter and digit; the same for a capital and its small letter."""
    random = np.random.Generator(np.random.PCG64(20_170_612)).integers(0, 1 << 64, N_CODES, dtype=np.uint64)
    lower = np.arange(N_CODES)
    for code in range(_N_TOLD):
        small = chr(code).lower()
        if len(small) == 1:
            lower[code] = ord(small)
    return random[lower]


@cache
def digit_mix_of() -> Sums:
    """A random number for each digit by its value, whatever its script; 0 for others."""
    table = np.zeros(N_CODES, dtype=np.uint64)
    by_value = np.random.Generator(np.random.PCG64(1)).integers(1, 1 << 63, 10, dtype=np.uint64)
    for code in range(_N_TOLD):
        value = unicodedata.decimal(chr(code), None)
        if value is not None:
            table[code] = by_value[value]
    return table
