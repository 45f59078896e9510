"""English forms: a and an, verbs, numbers, clock times and dates."""

from __future__ import annotations

from .verbs import Modal, Verb

PRONOUNS = {
    "I": ("I", "me"),
    "you": ("you", "you"),
    "he": ("he", "him"),
    "she": ("she", "her"),
    "it": ("it", "it"),
    "we": ("we", "us"),
    "they": ("they", "them"),
}

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
IRREGULAR_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"},
    **{"nine": "ninth", "twelve": "twelfth"},
}


def indefinite(words: str) -> str:
    """Puts ``a`` or ``an`` before some words of this lexicon, where spelling and sound agree."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def be(person: str, past: bool = False) -> str:
    """Returns the form of ``be`` for the person I, he or they (which stands for you and all plurals)."""
    if past:
        return "were" if person == "they" else "was"
    return {"I": "am", "he": "is", "they": "are"}[person]


def have(person: str) -> str:
    return "has" if person == "he" else "have"


def do(person: str, past: bool = False) -> str:
    if past:
        return "did"
    return "does" if person == "he" else "do"


def present(verb: Verb, person: str) -> str:
    if verb.name == "be":
        return be(person)
    return verb.third if person == "he" else verb.base


def past(verb: Verb, person: str) -> str:
    return be(person, past=True) if verb.name == "be" else verb.past


def modal_form(modal: Modal, person: str, negated: bool = False) -> str:
    if negated:
        return modal.english_negated_third if person == "he" else modal.english_negated
    return modal.english_third if person == "he" else modal.english


def number(value: int) -> str:
    """Writes a whole number from 0 to 999 in words."""
    if not 0 <= value <= 999:
        raise ValueError(f"number in words: 0 to 999, not {value}")
    if value >= 100:
        hundreds = ONES[value // 100] + " hundred"
        return hundreds + (" and " + number(value % 100) if value % 100 else "")
    if value < 20:
        return ONES[value]
    return TENS[value // 10] + ("-" + ONES[value % 10] if value % 10 else "")


def ordinal(value: int) -> str:
    """Writes an ordinal from 1 to 99 in words: ``third``, ``twenty-first``."""
    head, hyphen, last = number(value).rpartition("-")
    if last in IRREGULAR_ORDINALS:
        return head + hyphen + IRREGULAR_ORDINALS[last]
    return head + hyphen + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def clock(hour: int, minute: int) -> str:
    """Says a time in steps of five minutes: ``half past seven``, ``a quarter to nine``."""
    if minute == 0:
        return number(hour) + " o'clock"
    if minute == 30:
        return "half past " + number(hour)
    if minute < 30:
        return ("a quarter" if minute == 15 else number(minute)) + " past " + number(hour)
    return ("a quarter" if minute == 45 else number(60 - minute)) + " to " + number(hour % 12 + 1)


def date(day: int, month: str) -> str:
    return f"on the {ordinal(day)} of {month}"
