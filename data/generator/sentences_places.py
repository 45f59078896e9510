"""Sentences about places: lying and putting, going and travelling, living."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from . import german, places, times
from .adjectives import ADJECTIVES
from .choose import chance, pick
from .clauses import Clause, Complement, Pair, complements, finish, question, statement
from .events import adjective_for, family_member, first_name, subject
from .nouns import NOUN, Noun, nouns
from .phrases import Phrase, noun_phrase, pronoun
from .sentences_plain import front_or_not
from .verbs import MODAL, VERB

SIZES = ("big", "small", "old", "new", "beautiful", "red", "blue", "green", "black", "white", "brown", "round")
Positions = tuple[tuple[str, str], ...]
# What lies where, and what stands where: the position and the nouns it goes with.
LYING: Positions = (
    ("on", "table chair bed sofa shelf"),
    ("under", "table chair bed sofa"),
    ("next to", "bed lamp computer television radio"),
    ("in", "bag suitcase box cupboard"),
    ("behind", "sofa cupboard"),
)
STANDING: Positions = (
    ("on", "table shelf cupboard"),
    ("in", "cupboard kitchen"),
    ("next to", "radio computer television"),
)
STANDING_BIG: Positions = (
    ("next to", "bed sofa cupboard door table"),
    ("behind", "door sofa"),
    ("in", "kitchen living_room cellar office"),
    ("in front of", "bed door house window"),
    ("under", "table"),
)
LYING_THINGS = nouns(
    "reading -text -story -poem small -ticket scarf shirt jacket hat jumper coat umbrella ball photo camera guitar"
)
STANDING_THINGS = nouns("cup glass plate bottle vase radio")
BIG_THINGS = nouns("suitcase box basket lamp television chair")
VEHICLES_AT: Positions = (
    ("in front of", "house church hotel school castle"),
    ("behind", "house school hotel station"),
    ("next to", "house tree church"),
    ("under", "tree"),
)
HANGING_THINGS = nouns("hanging")
PETS_AT: Positions = (
    ("under", "table bed tree chair"),
    ("on", "sofa bed"),
    ("behind", "door house cupboard"),
    ("in front of", "door house window"),
    ("next to", "sofa bed"),
)


def place_phrase(rng: Random, options: Positions, without: Noun) -> tuple[str, Phrase]:
    while True:
        where, names = pick(rng, options)
        noun = pick(rng, nouns(names))
        if without.fits(("spoon", "fork", "knife")) and noun.english not in ("table", "cupboard", "box"):
            continue
        if noun != without and not (
            without.fits(("carried", "scarf", "coat", "guitar", "umbrella")) and noun.english == "bag"
        ):
            break
    fitting = [a for a in ADJECTIVES if a.describes(noun) and a.english in SIZES]
    return where, noun_phrase(noun, "the", pick(rng, fitting) if fitting and chance(rng, 0.3) else None)


def thing_phrase(rng: Random, noun: Noun, doer: Phrase | None = None) -> Phrase:
    fitting = [a for a in ADJECTIVES if a.describes(noun) and a.english in SIZES]
    det = "the"
    if chance(rng, 0.3):
        det = (
            "the"
            if doer and doer.person == "they"
            else (doer.human_back if doer else pick(rng, ("my", "your", "his", "her"))) or "the"
        )
    return noun_phrase(noun, det, pick(rng, fitting) if fitting and chance(rng, 0.25) else None)


def lying(rng: Random) -> Pair:
    """``The book is lying on the table.``, ``Das Buch liegt auf dem Tisch``."""
    kind = pick(rng, ("lie", "lie", "stand", "big", "vehicle", "hang", "pet", "sit"))
    if kind == "sit":
        doer = subject(rng)
        where, names = pick(
            rng,
            (
                ("on", "chair sofa bed"),
                ("in front of", "house television computer"),
                ("under", "tree"),
                ("next to", "window"),
            ),
        )
        noun = pick(rng, nouns(names))
        fitting = [a for a in ADJECTIVES if a.describes(noun) and a.english in SIZES]
        at = places.position(
            where, noun_phrase(noun, "the", pick(rng, fitting) if fitting and chance(rng, 0.3) else None)
        )
        return finish(statement(Clause(doer, VERB["sit"], "progressive", complement=at)))
    table: dict[str, tuple[str, tuple[Noun, ...], Positions]] = {
        "lie": ("lie", LYING_THINGS, LYING),
        "stand": ("stand", STANDING_THINGS, STANDING),
        "big": ("stand", BIG_THINGS, STANDING_BIG),
        "vehicle": ("stand", nouns("car bike"), VEHICLES_AT),
        "hang": ("hang", HANGING_THINGS, ()),
        "pet": (pick(rng, ("lie", "sleep", "sit")), nouns("dog cat"), PETS_AT),
    }
    verb, things, options = table[kind]
    noun = pick(rng, things)
    thing = thing_phrase(rng, noun)
    if kind == "hang":
        room = noun_phrase(NOUN["wall"], "the")
        where, target = "on the wall", room
    else:
        where, target = place_phrase(rng, options, noun)
    if kind in ("lie", "stand") and chance(rng, 0.25) and noun.plural != "-":
        count = pick(rng, ("2", "3", "4", "5", "6", "7"))
        thing = noun_phrase(noun, count, plural=True)
    if noun.fits(("footwear",)):
        thing = noun_phrase(noun, "the", plural=True)
    clause = Clause(thing, VERB[verb], "progressive", complement=places.position(where, target))
    if thing.subject.startswith(("the", "my", "your", "our", "his", "her")) and chance(rng, 0.2):
        return finish(question(clause), "?")
    return finish(
        statement(
            replace(
                clause, negated=chance(rng, 0.1) and not (thing.combinations and thing.combinations[0][0] == "number")
            )
        )
    )


def putting(rng: Random) -> Pair:
    """``Anna is putting the book on the table.``, ``Anna legt das Buch auf den Tisch``."""
    doer = subject(rng)
    kind = pick(rng, ("put down", "put down", "put up", "big", "hang up"))
    if kind == "put down":
        noun, verb, options = pick(rng, LYING_THINGS), "put down", LYING
    elif kind == "put up":
        noun, verb, options = pick(rng, STANDING_THINGS), "put up", STANDING
    elif kind == "big":
        noun, verb, options = pick(rng, BIG_THINGS), "put up", STANDING_BIG
    else:
        noun, verb, options = pick(rng, HANGING_THINGS), "hang up", LYING
    thing = thing_phrase(rng, noun, doer)
    where, target = (
        ("on the wall", noun_phrase(NOUN["wall"], "the")) if kind == "hang up" else place_phrase(rng, options, noun)
    )
    going = places.movement(where, target)
    clause = Clause(doer, VERB[verb], "progressive", accusative=thing, complement=going)
    style = pick(rng, ("now", "now", "past", "modal", "order", "perfect"))
    if style == "past":
        return finish(front_or_not(rng, replace(clause, form="past", time=times.past(rng))))
    if style == "perfect":
        return finish(statement(replace(clause, form="perfect", time=times.ALREADY if chance(rng, 0.4) else None)))
    if style == "modal":
        return finish(
            statement(
                replace(clause, form="modal", modal=MODAL[pick(rng, ("can", "must", "want", "should", "have to"))])
            )
        )
    if style == "order":
        thing = thing_phrase(rng, noun)
        thing = thing if thing.subject.startswith(("the", "my", "your")) else noun_phrase(noun, "the")
        text = statement(Clause(pronoun("you"), VERB[verb], "simple", accusative=thing, complement=going))
        seen = (*(p for p in text.phenomena if p != "pronoun"), "imperative")
        words = text.english.removeprefix("you ")
        german_words = f"{VERB[verb].imperative} bitte {thing.case('accusative')} {going.german}"
        return finish(Pair(f"please {words}", german_words, text.combinations, seen))
    return finish(statement(clause))


def company(rng: Random) -> Complement:
    whom = pick(rng, (first_name(rng), family_member(rng), family_member(rng)))
    return places.prepositional("with", "mit", "dative", whom)


def going(rng: Random) -> Pair:
    """``Today we are going to the cinema with Anna.``, ``Heute gehen wir mit Anna ins Kino``."""
    doer = subject(rng)
    noun = pick(rng, places.GOING_PLACES)
    fitting = [a for a in ADJECTIVES if a.describes(noun) and a.english in (*SIZES[:5], "modern", "famous", "dark")]
    where = noun_phrase(noun, "the", pick(rng, fitting) if fitting and chance(rng, 0.25) else None)
    goal = places.to(where)
    if chance(rng, 0.25) and not noun.fits(("room", "house", "flat")) and doer.column != "pl":
        goal = complements(goal, company(rng))
    indoors = noun.fits(("room", "house", "flat", "garden"))
    use = pick(rng, ("now", "now", "past", "modal")) if indoors else pick(rng, ("now", "now", "habit", "past", "modal"))
    return moving(rng, Clause(doer, VERB["go"], "progressive", complement=goal), use, soon=indoors)


def moving(rng: Random, clause: Clause, use: str, *, soon: bool = False) -> Pair:
    """Gives a movement a tense and a time."""
    if use == "past":
        clause = replace(clause, form="past", time=times.past(rng) if chance(rng, 0.7) else None)
    elif use == "modal":
        name = pick(rng, ("want", "want", "would like", "must", "can", "have to"))
        clause = replace(
            clause, form="modal", modal=MODAL[name], time=times.coming(rng) if chance(rng, 0.5) and not soon else None
        )
        clause = replace(clause, negated=name in ("want", "can") and chance(rng, 0.25))
    elif use == "habit":
        clause = replace(clause, form="simple", time=times.often(rng, seldom=True))
    else:
        time = times.NOW[1] if soon else times.coming(rng)
        clause = replace(clause, time=time if chance(rng, 0.7) else None, negated=chance(rng, 0.15))
    if chance(rng, 0.12) and clause.subject.subject != "I" and not clause.negated:
        return finish(question(clause), "?")
    return finish(front_or_not(rng, clause))


def jumping(rng: Random) -> Pair:
    """``The cat is jumping onto the bed.``, ``Die Katze springt auf das Bett``."""
    animal = NOUN[pick(rng, ("dog", "cat"))]
    fitting = adjective_for(rng, animal) if chance(rng, 0.35) else None
    who = noun_phrase(animal, pick(rng, ("the", "my", "our", "your")), fitting)
    if chance(rng, 0.5):
        noun = NOUN[pick(rng, ("bed", "sofa", "table", "chair", "cupboard"))]
        verb, goal = "jump", places.movement("onto", thing_phrase_plain(rng, noun))
    else:
        noun = NOUN[pick(rng, ("kitchen", "garden", "house", "living room", "forest", "bathroom", "cellar"))]
        verb, goal = "run", places.prepositional("into", "in", "accusative", thing_phrase_plain(rng, noun))
    clause = Clause(who, VERB[verb], "progressive", complement=goal)
    if chance(rng, 0.4):
        return finish(
            front_or_not(rng, replace(clause, form="past", time=times.past(rng) if chance(rng, 0.5) else None))
        )
    return finish(statement(clause))


def thing_phrase_plain(rng: Random, noun: Noun) -> Phrase:
    fitting = [a for a in ADJECTIVES if a.describes(noun) and a.english in (*SIZES, "dark", "clean", "modern")]
    return noun_phrase(noun, "the", pick(rng, fitting) if fitting and chance(rng, 0.35) else None)


def travelling(rng: Random) -> Pair:
    """``Next week Anna is flying to Rome.``; ``by train`` is ``mit dem Zug``, before the goal in German."""
    doer = subject(rng)
    city = chance(rng, 0.6)
    goal = places.city(pick(rng, places.CITIES if city else places.COUNTRIES), going=True)
    verb = pick(rng, ("drive", "fly", "travel"))
    if verb == "travel" and chance(rng, 0.6):
        by = pick(rng, nouns("train bus car ship" if not city else "train bus car"))
        means = Complement(
            f"by {by.english}", german.prepositional("mit", noun_phrase(by, "the").case("dative")), (by.english,)
        )
        goal = complements(goal, means)
    clause = Clause(doer, VERB[verb], "progressive", complement=goal)
    use = pick(rng, ("now", "past", "modal"))
    if use == "now":
        time = pick(rng, (*times.COMING_FAR, times.COMING[0])) if chance(rng, 0.6) else times.on_weekday(rng)
        return finish(front_or_not(rng, replace(clause, time=time)))
    if use == "past":
        time = times.past(rng, far=True)
        return finish(front_or_not(rng, replace(clause, form="past", time=time if chance(rng, 0.8) else None)))
    return moving(rng, clause, "modal")


def living(rng: Random) -> Pair:
    """``My uncle lives in a small village.``, ``We work in Berlin``."""
    doer = subject(rng)
    verb = pick(rng, ("live", "live", "work"))
    if chance(rng, 0.4):
        where = places.city(pick(rng, (*places.CITIES, *places.COUNTRIES)), going=False)
    else:
        noun = pick(
            rng,
            nouns(
                "house flat town village street"
                if verb == "live"
                else "office hotel restaurant museum library school supermarket bakery town village"
            ),
        )
        fitting = [a for a in ADJECTIVES if a.describes(noun) and a.english not in ("empty", "full", "dirty", "clean")]
        where = places.prepositional("in", "in", "dative", noun_phrase(noun, "a", pick(rng, fitting)))
    clause = Clause(doer, VERB[verb], "simple", complement=where, negated=chance(rng, 0.1))
    return finish(question(clause), "?") if chance(rng, 0.15) and doer.subject != "I" else finish(statement(clause))


PLACE_SENTENCES = (
    (lying, 5.0),
    (putting, 5.5),
    (going, 4.5),
    (jumping, 1.0),
    (travelling, 2.5),
    (living, 2.2),
)
