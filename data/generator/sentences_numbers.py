"""Sentences with numbers in words and digits, prices, ages, years, clock times and dates."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from . import english, german, times
from .choose import chance, pick
from .clauses import Adverb, Clause, Complement, Pair, asking, finish, statement
from .events import family_member, first_name, subject
from .nouns import NOUN, nouns
from .phrases import Phrase, noun_phrase
from .places import CITIES, COUNTRIES, city
from .sentences_plain import front_or_not
from .times import MONTHS
from .verbs import MODAL, VERB

COUNTED = (
    ("buy", "egg apple pear orange tomato roll potato book ticket flower rose bottle glass cup plate chair"),
    ("have", "book key shirt hat photo picture dog cat"),
    ("need", "chair plate glass cup knife fork spoon egg apple tomato ticket bottle box"),
    ("see", "bird horse cow dog ship boat bus"),
    ("sell", "book ticket"),
    ("write", "letter poem story"),
    ("read", "book novel"),
)


def some_number(rng: Random, most: int) -> int:
    """Chooses a number from 2 up; small ones more often."""
    return pick(rng, tuple(range(2, min(most, 20) + 1))) if chance(rng, 0.35) else pick(rng, tuple(range(2, most + 1)))


def counted(rng: Random) -> Pair:
    """``Anna bought twenty-three eggs.``, ``Anna hat dreiundzwanzig Eier gekauft``."""
    verb, names = pick(rng, COUNTED)
    noun = pick(rng, nouns(names))
    most = (
        4
        if verb == "have" and noun.fits(("pet",))
        else 12
        if noun.fits(("dog", "cat", "car", "ship", "boat", "bus", "hat", "key", "shirt"))
        or verb in ("write", "read", "sell")
        else 99
    )
    thing = noun_phrase(noun, str(some_number(rng, most)), plural=True)
    form = {"buy": "past", "have": "simple", "need": "simple"}.get(verb, "past")
    time = None
    if form == "past" and (verb == "read" or chance(rng, 0.5)):
        time = times.past(rng, far=verb != "see")
    return finish(front_or_not(rng, Clause(subject(rng), VERB[verb], form, accusative=thing, time=time)))


def number_complement(value: int, unit: tuple[str, str], *, digits: bool) -> Complement:
    words = str(value) if digits else english.number(value)
    german_words = str(value) if digits else german.number(value)
    return Complement(
        f"{words} {unit[0]}",
        f"{german_words} {unit[1]}",
        phenomena=("number in digits" if digits else "number in words",),
    )


PRICES = (
    (2, 20, "book cake bottle ball cup plate glass newspaper magazine ticket soup pencil vase knife rose"),
    (
        10,
        99,
        "shirt dress skirt jumper jacket hat scarf lamp bag umbrella suitcase chair radio clock mirror picture coat",
    ),
    (100, 900, "table bed sofa cupboard bike computer camera television guitar violin"),
)


IN_DIGITS = (4, 5, 6, 8, 12, 15, 18, 25, 30, 35, 40, 50, 60, 75, 80, 120, 150, 180, 250, 360, 480, 750)
YEARS = ("1968", "1972", "1975", "1981", "1984", "1987", "1990", "1993", "1996", "2002", "2005", "2009")


def price(rng: Random) -> Pair:
    """``The lamp costs forty-five euros.``, ``Die Lampe kostet fünfundvierzig Euro``."""
    low, high, names = pick(rng, PRICES)
    noun = pick(rng, nouns(names))
    value = pick(rng, tuple(range(low, high + 1))) if high < 100 else 100 * pick(rng, (1, 2, 3, 4, 5, 6, 7, 8, 9))
    digits = chance(rng, 0.3)
    if digits:
        value = pick(rng, [amount for amount in IN_DIGITS if low <= amount <= high])
    amount = number_complement(value, ("euros", "Euro"), digits=digits)
    thing = noun_phrase(noun, pick(rng, ("the", "the", "this")))
    amount = replace(amount, combinations=(("price", amount.english.rpartition(" ")[0], noun.english),))
    clause = Clause(thing, VERB["cost"], "simple", complement=amount)
    if chance(rng, 0.12):
        return finish(asking(replace(clause, complement=None), "how much", "wie viel"), "?")
    return finish(statement(clause))


def age(rng: Random) -> Pair:
    """``My grandmother is eighty-two years old``."""
    who = first_name(rng) if chance(rng, 0.35) else family_member(rng)
    old = who.noun is not None and who.noun.fits(("grandmother", "grandfather"))
    young = who.noun is not None and who.noun.fits(("son", "daughter"))
    parents = who.noun is not None and not old and not young
    low, high = (
        (60, 99)
        if old
        else (2, 30)
        if young
        else (30, 70)
        if parents and who.noun and not who.noun.fits(("brother", "sister"))
        else (6, 60)
    )
    value = pick(rng, tuple(range(low, high + 1)))
    amount = number_complement(value, ("years old", "Jahre alt"), digits=False)
    key = who.noun.english if who.noun else who.subject
    amount = replace(amount, combinations=(("age", amount.english.removesuffix(" years old"), key),))
    return finish(statement(Clause(who, VERB["be"], "simple", complement=amount)))


def year(rng: Random) -> Pair:
    """``My sister was born in 1994.``, ``Meine Schwester wurde 1994 geboren``."""
    owner = pick(rng, ("my", "your", "his", "her", "our", first_name(rng).subject + "'s"))
    who = first_name(rng) if chance(rng, 0.6) else noun_phrase(pick(rng, nouns("brother sister")), owner)
    value = pick(rng, YEARS)
    key = who.noun.english if who.noun else who.subject
    text = Pair(
        f"{who.subject} was born in {value}",
        f"{who.case('nominative')} wurde {value} geboren",
        (*who.combinations, ("year", value, key)),
        (*who.phenomena, "number in digits"),
    )
    return finish(text)


def transport(rng: Random) -> Phrase:
    noun = pick(rng, nouns("bus train tram ship"))
    return noun_phrase(noun, pick(rng, ("the", "my", "your", "our")) if noun.english == "train" else "the")


def at_a_time(rng: Random) -> Pair:
    """``The train leaves at half past seven.``, ``Der Zug fährt um halb acht ab``."""
    time = times.at_clock(rng)
    kind = pick(rng, ("leave", "arrive", "rise", "rise", "begin", "home", "person", "person"))
    if kind in ("leave", "arrive"):
        clause = Clause(transport(rng), VERB[kind], pick(rng, ("simple", "simple", "past")), time=time)
    elif kind == "begin":
        event = noun_phrase(pick(rng, nouns("lesson concert film party")), "the")
        clause = Clause(event, VERB["begin"], pick(rng, ("simple", "simple", "past")), time=time)
    elif kind == "rise":
        clause = Clause(
            subject(rng),
            VERB[pick(rng, ("get up", "wake up", "fall asleep"))],
            pick(rng, ("simple", "past")),
            time=time,
        )
        if clause.verb.name == "get up" and chance(rng, 0.4):
            clause = replace(
                clause, form="modal", modal=MODAL[pick(rng, ("must", "have to", "want", "had to", "should"))]
            )
    elif kind == "home":
        home = Complement("home", "nach Hause")
        clause = Clause(subject(rng), VERB[pick(rng, ("go", "come"))], "progressive", complement=home, time=time)
        if chance(rng, 0.6):
            clause = (
                replace(clause, form="past")
                if chance(rng, 0.5)
                else replace(clause, form="modal", modal=MODAL[pick(rng, ("must", "want", "can", "have to"))])
            )
    else:
        clause = Clause(
            subject(rng), VERB[pick(rng, ("come back", "arrive"))], pick(rng, ("progressive", "past")), time=time
        )
    return finish(front_or_not(rng, clause, 0.4))


def what_time(rng: Random) -> Pair:
    """``It is a quarter to nine.``, ``When does the train leave?``."""
    time = times.at_clock(rng)
    if chance(rng, 0.35):
        who = transport(rng) if chance(rng, 0.6) else noun_phrase(pick(rng, nouns("lesson concert film party")), "the")
        if who.noun and who.noun.fits(("transport", "ship")):
            return finish(
                asking(
                    Clause(who, VERB[pick(rng, ("leave", "arrive"))], pick(rng, ("simple", "past"))), "when", "wann"
                ),
                "?",
            )
        return finish(asking(Clause(who, VERB["begin"], pick(rng, ("simple", "past"))), "when", "wann"), "?")
    words, german_words = time.english.removeprefix("at "), time.german.removeprefix("um ")
    head, end = pick(
        rng,
        ((("it is now", "es ist jetzt"), "."), (("it is", "es ist"), "."), (("it is already", "es ist schon"), ".")),
    )
    return finish(Pair(f"{head[0]} {words}", f"{head[1]} {german_words}", time.combinations, time.phenomena), end)


def on_a_date(rng: Random) -> Pair:
    """``The concert is on the third of May.``, ``Das Konzert ist am dritten Mai``."""
    digits = chance(rng, 0.3)
    time = times.on_date(rng, digits=digits)
    kind = pick(rng, ("is", "birthday", "travel", "person", "today"))
    if kind == "today":
        words, german_words = time.english, time.german
        if digits:
            german_date = "der " + german_words.removeprefix("am ")
        else:
            ordinal, _, month = german_words.removeprefix("am ").partition(" ")
            german_date = f"der {ordinal.removesuffix('n')} {month}"
        lead = pick(rng, (("today is", "heute ist"), ("tomorrow is", "morgen ist")))
        return finish(
            Pair(
                f"{lead[0]} {words.removeprefix('on ')}", f"{lead[1]} {german_date}", time.combinations, time.phenomena
            )
        )
    if kind == "is":
        event = noun_phrase(pick(rng, nouns("concert party")), pick(rng, ("the", "our", "the")))
        return finish(
            statement(
                Clause(
                    event,
                    VERB["be"],
                    "simple",
                    complement=Complement(
                        time.english, time.german, combinations=time.combinations, phenomena=time.phenomena
                    ),
                )
            )
        )
    if kind == "birthday":
        whose = pick(rng, (("my", "mein"), ("your", "dein"), ("his", "sein"), ("her", "ihr"), ("named", "")))
        if whose[0] == "named":
            owner = first_name(rng)
            whose = (owner.subject + "'s", owner.case("genitive"))
        return finish(
            Pair(
                f"{whose[0]} birthday is {time.english}",
                f"{whose[1]} Geburtstag ist {time.german}",
                time.combinations,
                (*time.phenomena, "possessive"),
            )
        )
    doer = subject(rng)
    if kind == "travel":
        clause = Clause(
            doer,
            VERB[pick(rng, ("fly", "travel", "drive"))],
            pick(rng, ("progressive", "past")),
            complement=city(pick(rng, CITIES), going=True),
            time=time,
        )
    else:
        clause = Clause(doer, VERB[pick(rng, ("arrive", "come back"))], pick(rng, ("progressive", "past")), time=time)
    return finish(front_or_not(rng, clause, 0.4))


def day_of_week(rng: Random) -> Pair:
    """``Today is Monday.``, ``Tomorrow is Tuesday.``; bus numbers and rooms in digits."""
    number = pick(rng, tuple(range(1, 16)))
    noun, german_head = pick(rng, (("bus", "der Bus"), ("tram", "die Straßenbahn")))
    (words, german_words) = pick(rng, MONTHS)
    kind = pick(rng, ("line", "month"))
    if kind == "line":
        verb = VERB[pick(rng, ("leave", "arrive"))]
        time = times.at_clock(rng)
        tram = noun_phrase(NOUN[noun], "the")
        line = replace(
            tram,
            subject=f"{noun} number {number}",
            object=f"{noun} number {number}",
            german=(f"{german_head} Nummer {number}", "", "", ""),
            phenomena=("number in digits",),
        )
        return finish(statement(Clause(line, verb, "simple", time=time)))
    time_in = Adverb(f"in {words}", f"im {german_words}", combinations=(("month", words, "in"),))
    doer = subject(rng)
    goal = city(pick(rng, (*CITIES, *COUNTRIES)), going=True)
    clause = Clause(
        doer,
        VERB[pick(rng, ("fly", "travel", "drive"))],
        pick(rng, ("progressive", "past")),
        complement=goal,
        time=time_in,
    )
    return finish(front_or_not(rng, clause))


NUMBER_SENTENCES = (
    (counted, 6.0),
    (price, 4.0),
    (age, 3.5),
    (year, 1.0),
    (at_a_time, 5.0),
    (what_time, 1.6),
    (on_a_date, 5.5),
    (day_of_week, 2.2),
)
