"""Time adverbials: today, often, yesterday, on Monday, at half past seven, on the third of May."""

from __future__ import annotations

from random import Random

from . import english, german
from .choose import chance, pick
from .clauses import Adverb

WEEKDAYS = (
    *(("Monday", "Montag"), ("Tuesday", "Dienstag"), ("Wednesday", "Mittwoch"), ("Thursday", "Donnerstag")),
    *(("Friday", "Freitag"), ("Saturday", "Samstag"), ("Sunday", "Sonntag")),
)
MONTHS = (
    *(("January", "Januar"), ("February", "Februar"), ("March", "März"), ("April", "April"), ("May", "Mai")),
    *(("June", "Juni"), ("July", "Juli"), ("August", "August"), ("September", "September")),
    *(("October", "Oktober"), ("November", "November"), ("December", "Dezember")),
)
DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MINUTES = (0, 5, 10, 15, 20, 30, 40, 45, 50, 55)

NOW = (Adverb("today", "heute"), Adverb("now", "jetzt"))
COMING = (
    *(Adverb("today", "heute"), Adverb("tomorrow", "morgen"), Adverb("this evening", "heute Abend")),
    Adverb("tomorrow evening", "morgen Abend"),
)
COMING_FAR = (Adverb("tomorrow", "morgen"), Adverb("next week", "nächste Woche"))
PAST = (
    *(Adverb("yesterday", "gestern"), Adverb("yesterday evening", "gestern Abend")),
    *(Adverb("this morning", "heute Morgen"), Adverb("two days ago", "vor zwei Tagen")),
)
PAST_FAR = (
    *(Adverb("yesterday", "gestern"), Adverb("last week", "letzte Woche"), Adverb("a week ago", "vor einer Woche")),
    *(Adverb("three weeks ago", "vor drei Wochen"), Adverb("two days ago", "vor zwei Tagen")),
)
SOMETIMES = (
    *(Adverb("often", "oft", "mid"), Adverb("sometimes", "manchmal", "mid"), Adverb("usually", "meistens", "mid")),
    Adverb("every week", "jede Woche"),
)
OFTEN = (
    *(Adverb("often", "oft", "mid"), Adverb("sometimes", "manchmal", "mid"), Adverb("usually", "meistens", "mid")),
    *(
        Adverb("every day", "jeden Tag"),
        Adverb("every evening", "jeden Abend"),
        Adverb("every morning", "jeden Morgen"),
    ),
    *(Adverb("in the evening", "am Abend"), Adverb("at the weekend", "am Wochenende")),
)
ALREADY = Adverb("already", "schon", "mid", late=True)
NOT_YET = Adverb("yet", "noch", "mid", late=True)


def on_weekday(rng: Random) -> Adverb:
    words, german_words = pick(rng, WEEKDAYS)
    return Adverb(f"on {words}", f"am {german_words}", phenomena=("weekday",))


def on_weekdays(rng: Random) -> Adverb:
    words, german_words = pick(rng, WEEKDAYS)
    return Adverb(f"on {words}s", f"{german_words.lower()}s", phenomena=("weekday",))


def at_clock(rng: Random) -> Adverb:
    hour, minute = pick(rng, tuple(range(1, 13))), pick(rng, (*MINUTES, 0, 0, 15, 30, 30, 30, 45))
    words = english.clock(hour, minute)
    part, _, spoken_hour = words.rpartition(" ")
    combination = ("clock", "o'clock", part) if minute == 0 else ("clock", part, spoken_hour)
    german_words = f"um {german.clock(hour, minute)}"
    return Adverb(f"at {words}", german_words, combinations=(combination,), phenomena=("clock time",))


# The days that are also written in digits.
DAYS_IN_DIGITS = (1, 2, 3, 4, 5, 7, 10, 12, 15, 20, 21, 22, 24, 25)


def on_date(rng: Random, *, digits: bool = False) -> Adverb:
    month = pick(rng, tuple(range(12)))
    day = pick(rng, DAYS_IN_DIGITS if digits else tuple(range(1, DAYS_IN_MONTH[month] + 1)))
    (words, german_words), ordinal = MONTHS[month], english.ordinal(day)
    combination = ("date", ordinal, words)
    if digits:
        suffix = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return Adverb(
            f"on the {day}{suffix} of {words}", f"am {day}. {german_words}",
            combinations=(combination,), phenomena=("date", "number in digits"),
        )  # fmt: skip
    return Adverb(
        english.date(day, words), german.date(day, german_words), combinations=(combination,), phenomena=("date",)
    )


def coming(rng: Random, *, far: bool = False) -> Adverb:
    return on_weekday(rng) if chance(rng, 0.3) else pick(rng, COMING_FAR if far else COMING)


def past(rng: Random, *, far: bool = False) -> Adverb:
    return on_weekday(rng) if chance(rng, 0.2) else pick(rng, PAST_FAR if far else PAST)


def often(rng: Random, *, seldom: bool = False) -> Adverb:
    return on_weekdays(rng) if chance(rng, 0.2) else pick(rng, SOMETIMES if seldom else OFTEN)
