"""Sentences of one main clause: statements, negations, questions, imperatives, modal verbs."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from . import places, times
from .adjectives import ADJECTIVES, Adjective
from .choose import chance, pick
from .clauses import (
    Clause,
    Complement,
    Pair,
    asking,
    asking_subject,
    finish,
    fronted,
    german_main,
    join,
    question,
    statement,
)
from .english import present
from .events import event, in_use, person, subject
from .frames import STATES
from .nouns import NOUN, Noun, nouns
from .phrases import Phrase, noun_phrase, pronoun
from .verbs import MODAL, VERB

SHOWN = nouns(
    "food drink reading work matter furniture hanging device thing gift plant vehicle cloth building home room "
    "outdoors settlement way instrument animal opening shop -lesson"
)
# What one speaks of with "the" rather than "my".
PUBLIC = nouns(
    "food drink written newspaper magazine transport film ship concert mouse cow bird shop settlement way sight "
    "outdoors matter building"
)
COLOURS = ("red", "blue", "green", "black", "white", "brown")
WHO = Phrase("who", "who", ("wer", "wen", "wem", "wessen"), "he", "er", "m", pronoun=True)


def front_or_not(rng: Random, clause: Clause, chance_of_front: float = 0.5) -> Pair:
    """Writes a main clause, with its time first if it has one that can stand there."""
    if clause.time and clause.time.place == "end" and chance(rng, chance_of_front):
        return fronted(clause)
    return statement(clause)


def plain(rng: Random) -> Pair:
    return finish(front_or_not(rng, event(rng, subject(rng))))


def with_modal(rng: Random) -> Pair:
    return finish(front_or_not(rng, event(rng, subject(rng), ("modal",), time_chance=0.5)))


def liking(rng: Random) -> Pair:
    return finish(statement(in_use(rng, subject(rng), "gern")))


def state(rng: Random) -> Pair:
    """Says what someone likes, knows, needs, understands: ``We know the old castle``."""
    return finish(statement(in_use(rng, subject(rng), "state", negated=chance(rng, 0.3))))


def negated(rng: Random) -> Pair:
    use = pick(rng, ("now", "past", "modal", "modal"))
    clause = in_use(rng, subject(rng), use, time_chance=0.35, negated=True)
    if clause.form == "perfect" or (clause.time and clause.time == times.ALREADY):
        clause = replace(clause, form="perfect", time=times.NOT_YET)
    return finish(front_or_not(rng, clause))


def has_no(rng: Random) -> Pair:
    """Says that someone has no such thing: ``My brother does not have a car``."""
    noun = pick(
        rng, nouns("vehicle device instrument umbrella dog cat house garden flat ticket key -train -tram -bus -ship")
    )
    doer = subject(rng)
    det = "no" if chance(rng, 0.5) else "a"
    owned = noun_phrase(noun, det)
    clause = Clause(doer, VERB["have"], "simple", accusative=owned, negated=det == "a")
    text = statement(clause)
    return finish(text if det == "a" else replace(text, phenomena=(*text.phenomena, "kein")))


def yes_or_no(rng: Random) -> Pair:
    use = pick(rng, ("now", "habit", "past", "modal", "state"))
    asked = asked_subject(rng)
    return finish(question(not_may(in_use(rng, asked, use, time_chance=0.4))), "?")


def asked_subject(rng: Random) -> Phrase:
    """Chooses whom a question is about: not the one who asks it."""
    doer = subject(rng)
    return pronoun("you") if doer.subject == "I" else doer


def not_may(clause: Clause) -> Clause:
    """Asks others what they can do; ``may`` is for asking leave."""
    return replace(clause, modal=MODAL["can"]) if clause.modal == MODAL["may"] else clause


def may_i(rng: Random) -> Pair:
    """Asks leave: ``May I open the window?``, ``Darf ich das Fenster aufmachen?``."""
    clause = in_use(rng, pronoun(pick(rng, ("I", "we"))), pick(rng, ("order", "fun")), time_chance=0.25)
    return finish(
        question(
            replace(clause, modal=MODAL["may"], time=clause.time if not clause.modal or not clause.modal.past else None)
        ),
        "?",
    )


def who_question(rng: Random) -> Pair:
    """Asks for the subject: ``Who is washing the car?``."""
    while True:
        clause = in_use(rng, WHO, pick(rng, ("now", "past")), time_chance=0.3)
        if clause.form == "progressive" or clause.form == "past":
            return finish(asking_subject(clause), "?")


def object_question(rng: Random) -> Pair:
    """Asks for the object: ``What is Anna buying?``, ``Who are you visiting?`` (wen), ``Which book ...?``."""
    while True:
        clause = in_use(rng, asked_subject(rng), pick(rng, ("now", "past", "modal")), time_chance=0.3, plain=False)
        thing = clause.accusative
        if thing is None or thing.noun is None or clause.form == "perfect":
            continue
        asked = not_may(replace(clause, accusative=None))
        if thing.noun.fits(("person",)):
            return finish(asking(asked, "who", "wen"), "?")
        if clause.verb.name in (
            "read",
            "eat",
            "drink",
            "buy",
            "draw",
            "bake",
            "cook",
            "write",
            "look for",
            "repair",
            "bring along",
            "wear",
            "find",
            "lose",
            "forget",
        ) and chance(rng, 0.5):
            if clause.verb.name in ("bring along",):
                continue
            return finish(asking(asked, "what", "was"), "?")
        if thing.noun.fits(("mass",)):
            continue
        which = noun_phrase(thing.noun, "which", plural=thing.column == "pl")
        text = asking(asked, which.object, which.case("accusative"))
        object_combination = ("object", clause.verb.name, thing.noun.english)
        record = replace(
            text, combinations=(*text.combinations, object_combination), phenomena=(*text.phenomena, "which")
        )
        return finish(record, "?")


def where_question(rng: Random) -> Pair:
    """Asks for the place: wo with rest, wohin with movement."""
    doer = asked_subject(rng)
    kind = pick(rng, ("live", "work", "go", "drive", "lie"))
    if kind in ("live", "work"):
        form = "simple"
        return finish(asking(Clause(doer, VERB[kind], form), "where", "wo"), "?")
    if kind == "lie":
        thing = noun_phrase(pick(rng, nouns("reading small camera scarf bag umbrella photo -poem -story -text")), "my")
        thing = noun_phrase(thing.noun, pick(rng, ("my", "your", "the"))) if thing.noun else thing
        return finish(asking(Clause(thing, VERB["be"], "simple"), "where", "wo"), "?")
    time = times.coming(rng) if chance(rng, 0.5) else None
    return finish(asking(Clause(doer, VERB[kind], "progressive", time=time), "where", "wohin"), "?")


def when_question(rng: Random) -> Pair:
    clause = in_use(rng, asked_subject(rng), pick(rng, ("now", "past")), time_chance=0.0)
    if clause.form == "perfect" or clause.time:
        clause = replace(clause, form="past", time=None)
    return finish(asking(clause, "when", "wann"), "?")


def why_question(rng: Random) -> Pair:
    clause = in_use(rng, asked_subject(rng), pick(rng, ("now", "past")), time_chance=0.0, negated=chance(rng, 0.2))
    if clause.form == "perfect" or clause.time:
        clause = replace(clause, form="past", time=None)
    return finish(asking(clause, "why", "warum"), "?")


def order(rng: Random) -> Pair:
    """Writes an imperative: ``Please open the window.``, ``Mach bitte das Fenster auf``."""
    clause = in_use(rng, pronoun("you"), "order", time_chance=0.0, plain=False)
    clause = replace(clause, form="simple", modal=None, time=None, complement=None)
    objects = " ".join(german_main(clause, "", subject=False).split()[1:])
    english_rest = english_order(clause)
    text = statement(clause)
    seen = (*(p for p in text.phenomena if p != "modal verb"), "imperative")
    return finish(Pair(f"please {english_rest}", f"{clause.verb.imperative} bitte {objects}", text.combinations, seen))


def english_order(clause: Clause) -> str:
    words = statement(clause).english
    return (
        words.removeprefix("you ").removeprefix(present(clause.verb, "they") + " ").join((clause.verb.base + " ", ""))
    )


def predicate_adjective(adjective: Adjective, noun: Noun) -> Complement:
    return Complement(
        adjective.english, adjective.german, combinations=(("adjective", adjective.english, noun.english),)
    )


def described(rng: Random, *, people: bool = True) -> tuple[Phrase, list[Adjective]]:
    """Chooses a thing or person and the adjectives that can be said of it."""
    while True:
        doer = person(rng) if people and chance(rng, 0.25) else None
        if doer is None:
            noun = pick(rng, SHOWN)
            plural = noun.plural != "-" and not noun.fits(("room",)) and chance(rng, 0.2)
            det = pick(rng, ("the", "the", "this", "my", "your", "our", "his", "her"))
            plural = plural or noun.fits(("footwear",))
            if noun in PUBLIC and det != "this":
                det = "the"
            doer = noun_phrase(noun, det, plural=plural)
        if doer.noun is None:
            continue
        used = [c[1] for c in doer.combinations]
        options = [a for a in ADJECTIVES if a.describes(doer.noun) and a.english not in used]
        if len(options) > 1:
            return doer, options


def being(rng: Random) -> Pair:
    """Describes a thing or person: ``These shoes are comfortable.``, ``Das Wetter war schlecht``."""
    doer, options = described(rng)
    if doer.noun is None:
        raise ValueError("described() always gives a noun")
    form = "past" if chance(rng, 0.25) and not doer.noun.fits(("person",)) else "simple"
    clause = Clause(doer, VERB["be"], form, complement=predicate_adjective(pick(rng, options), doer.noun))
    return finish(statement(replace(clause, negated=chance(rng, 0.2))))


def being_in_a_state(rng: Random) -> Pair:
    """Says how someone feels: ``My brother is often tired``."""
    doer = subject(rng)
    adjective = pick(rng, [a for a in ADJECTIVES if a.english in STATES and a.english != "healthy"])
    combos = (("adjective", adjective.english, doer.noun.english),) if doer.noun else ()
    used = [c for c in doer.combinations if c[0] == "adjective"]
    if used:
        return being(rng)
    complement = Complement(adjective.english, adjective.german, combinations=combos)
    past = chance(rng, 0.4)
    time = (
        (times.past(rng) if past else pick(rng, (*times.NOW[:1], *times.SOMETIMES[:2]))) if chance(rng, 0.5) else None
    )
    clause = Clause(doer, VERB["be"], "past" if past else "simple", complement=complement, time=time)
    if time is None and chance(rng, 0.3):
        return (
            finish(question(clause), "?") if doer.subject != "I" else finish(statement(replace(clause, negated=True)))
        )
    return finish(front_or_not(rng, clause))


def not_but(rng: Random) -> Pair:
    """Corrects: ``The table is not round, but ...``; only with colours and opposites."""
    opposites = (
        *(("old", "new"), ("big", "small"), ("clean", "dirty"), ("full", "empty"), ("expensive", "cheap")),
        *(("heavy", "light"), ("long", "short"), ("interesting", "boring"), ("difficult", "easy"), ("fast", "slow")),
        *(("warm", "cold"), ("dark", "bright"), ("quiet", "loud"), ("beautiful", "ugly"), ("good", "bad")),
    )
    while True:
        doer, options = described(rng, people=False)
        named = {a.english: a for a in options}
        pairs = [pair for pair in opposites if pair[0] in named and pair[1] in named]
        colours = [c for c in COLOURS if c in named]
        if len(colours) > 1:
            first = pick(rng, colours)
            pairs.append((first, pick(rng, [c for c in colours if c != first])))
        if not pairs or doer.noun is None:
            continue
        one, other = pick(rng, pairs)
        if chance(rng, 0.5):
            one, other = other, one
        clause = Clause(doer, VERB["be"], "simple", complement=predicate_adjective(named[one], doer.noun), negated=True)
        rest = predicate_adjective(named[other], doer.noun)
        return finish(
            join(statement(clause), Pair(", but ", ", sondern "), Pair(rest.english, rest.german, rest.combinations))
        )


def there_is(rng: Random) -> Pair:
    """Says what there is somewhere: ``In our village there is an old church``."""
    where, det = pick(
        rng, (("town", "our"), ("village", "our"), ("village", "this"), ("town", "this"), ("street", "our"))
    )
    inside = {"street": "museum church hotel restaurant cinema theatre bakery supermarket library"}
    there = nouns(
        inside.get(
            where,
            "museum church hotel restaurant cinema theatre bakery supermarket library castle "
            "park station market school lake",
        )
    )
    noun = pick(rng, there)
    options = [
        a
        for a in ADJECTIVES
        if a.describes(noun) and a.english not in ("dirty", "clean", "ugly", "dark", "empty", "full")
    ]
    thing = noun_phrase(noun, "a", pick(rng, options) if options and chance(rng, 0.8) else None)
    place = places.prepositional("in", "in", "dative", noun_phrase(NOUN[where], det))
    kein = not thing.phenomena and chance(rng, 0.5)
    text = Pair(
        f"{place.english} there is {'no ' + thing.object.split(' ', 1)[1] if kein else thing.object}",
        f"{place.german} gibt es {(thing.negated_case if kein else thing.case)('accusative')}",
        (*thing.combinations, ("object", "there is", noun.english)),
        (*place.phenomena, *thing.phenomena, "es gibt", *(("kein",) if kein else ())),
    )
    return finish(text)


PLAIN_SENTENCES = (
    (plain, 13.0),
    (with_modal, 5.0),
    (liking, 2.5),
    (state, 3.0),
    (negated, 5.0),
    (has_no, 1.2),
    (yes_or_no, 4.5),
    (may_i, 1.2),
    (who_question, 1.2),
    (object_question, 2.5),
    (where_question, 1.2),
    (when_question, 1.0),
    (why_question, 1.0),
    (order, 2.5),
    (being, 5.0),
    (being_in_a_state, 2.0),
    (not_but, 1.5),
    (there_is, 2.5),
)
