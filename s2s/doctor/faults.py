"""The faults that a pair can have, and what is done about each."""

from dataclasses import dataclass
from enum import IntFlag, auto


class Fault(IntFlag):
    """What may be wrong with a pair; a pair may have several."""

    NOT_UTF8 = auto()
    EMPTY = auto()
    DUPLICATE = auto()
    IN_VALID = auto()
    IN_TEST = auto()
    COPIED = auto()
    SWAPPED = auto()
    OTHER_LANGUAGE = auto()
    UNKNOWN_WORDS = auto()
    OTHER_SCRIPT = auto()
    MIXED_SCRIPT = auto()
    NO_LETTERS = auto()
    RATIO = auto()
    MANY_TO_ONE = auto()
    REPETITION = auto()
    MOJIBAKE = auto()
    REPLACED = auto()
    CONTROL = auto()
    MARKUP = auto()
    NUMBERS = auto()
    LONG = auto()
    SEVERAL = auto()


@dataclass(frozen=True)
class Meaning:
    """What a fault is.

    Attributes:
        name: As it is shown.
        text: What is wrong, a sentence's predicate.
        drop: Whether a cleaned copy leaves such pairs out; the others are only told.
    """

    name: str
    text: str
    drop: bool


MEANINGS = {
    Fault.NOT_UTF8: Meaning("not UTF-8", "a side has bytes that are not UTF-8; training refuses them", True),
    Fault.EMPTY: Meaning("empty", "a side has no text", True),
    Fault.DUPLICATE: Meaning("duplicate", "the same pair came before", True),
    Fault.IN_VALID: Meaning("in valid", "source or target is also in the validation set", True),
    Fault.IN_TEST: Meaning("in test", "source or target is also in the test set", True),
    Fault.COPIED: Meaning("copied", "both sides say the same in the same language", True),
    Fault.SWAPPED: Meaning("swapped", "source and target have changed places", True),
    Fault.OTHER_LANGUAGE: Meaning("other language", "a side is in the other side's language", True),
    Fault.UNKNOWN_WORDS: Meaning("unknown words", "hardly a word of a side occurs elsewhere on it", True),
    Fault.OTHER_SCRIPT: Meaning("other script", "most letters of a side are not of its script", True),
    Fault.MIXED_SCRIPT: Meaning("mixed script", "a word has look-alike letters of another script", True),
    Fault.NO_LETTERS: Meaning("no letters", "most of a side is neither letter nor digit", True),
    Fault.RATIO: Meaning("length ratio", "one side is far longer than the other lets expect", True),
    Fault.MANY_TO_ONE: Meaning("many to one", "the same line stands beside 20 or more different ones", True),
    Fault.REPETITION: Meaning("repetition", "a side says the same again and again", True),
    Fault.MOJIBAKE: Meaning("mojibake", "UTF-8 was read as another encoding: Ã¼ for ü", True),
    Fault.REPLACED: Meaning("replaced", "U+FFFD stands for a character that could not be read", True),
    Fault.CONTROL: Meaning("control", "invisible or control characters", False),
    Fault.MARKUP: Meaning("markup", "tags or entities, as <b> or &amp;", False),
    Fault.NUMBERS: Meaning("numbers", "the two sides have different digits", False),
    Fault.LONG: Meaning("long", "a side has over 200 words or 1,000 characters", False),
    Fault.SEVERAL: Meaning("several targets", "the same source has another target elsewhere", False),
}

DROPPED = sum(fault for fault, meaning in MEANINGS.items() if meaning.drop)
"""All faults for which a cleaned copy leaves a pair out."""
