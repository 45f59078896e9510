"""Sentences of two main clauses, in which a pronoun refers back and takes the German gender of its noun."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from . import times
from .adjectives import ADJECTIVE, ADJECTIVES
from .choose import chance, pick
from .clauses import Clause, Complement, Pair, finish, join, statement
from .events import (
    backward_subject,
    family_member,
    fill,
    first_name,
    possible_frame,
)
from .frames import frames
from .nouns import NOUN, nouns
from .phrases import noun_phrase, pronoun, refer
from .sentences_plain import described, predicate_adjective
from .verbs import MODAL, VERB

GOOD = (
    *("beautiful", "new", "comfortable", "modern", "interesting", "exciting", "funny", "light", "clean", "good"),
    *("delicious", "sweet", "fresh", "fast", "cheap", "warm", "famous", "bright", "quiet"),
)
BAD = (
    *("old", "expensive", "small", "ugly", "heavy", "dirty", "slow", "boring", "difficult", "long", "loud", "dark"),
    *("sour", "cold", "bad", "short"),
)
OPPOSED = (
    *({"new", "old"}, {"cheap", "expensive"}, {"light", "heavy"}, {"clean", "dirty"}, {"fast", "slow"}),
    *({"beautiful", "ugly"}, {"interesting", "boring"}, {"exciting", "boring"}, {"funny", "boring"}, {"sweet", "sour"}),
    *({"interesting", "bad"}, {"exciting", "bad"}, {"funny", "bad"}, {"new", "bad"}),
    *(
        {"warm", "cold"},
        {"bright", "dark"},
        {"quiet", "loud"},
        {"good", "bad"},
        {"good", "boring"},
        {"delicious", "bad"},
    ),
)


def but_it_is(rng: Random) -> Pair:
    """``The lamp is old, but it is beautiful.``: the pronoun takes the German gender of its noun."""
    while True:
        thing, options = described(rng, people=False)
        if not thing.back or thing.noun is None:
            continue
        good = [a for a in options if a.english in GOOD]
        bad = [a for a in options if a.english in BAD]
        if not good or not bad:
            continue
        one, other = pick(rng, good), pick(rng, bad)
        if {one.english, other.english} in OPPOSED:
            continue
        if other.english in ("long", "short") and not thing.noun.fits(("reading", "film")):
            continue
        if chance(rng, 0.5):
            one, other = other, one
        first = Clause(thing, VERB["be"], "simple", complement=predicate_adjective(one, thing.noun))
        second = Clause(refer(thing), VERB["be"], "simple", complement=predicate_adjective(other, thing.noun))
        return finish(join(statement(first), Pair(", but ", ", aber "), statement(second)))


def but_not_it(rng: Random) -> Pair:
    """``Anna is looking for her key, but she cannot find it.``, ``... aber sie kann ihn nicht finden``."""
    doer = backward_subject(rng)
    again = refer(doer)
    kind = pick(rng, ("find", "repair", "like", "see", "understand", "read"))
    if kind == "find":
        frame = possible_frame(
            rng, [f for f in frames("now") if f.verb.name == "look for" and len(f.objects) > 8], doer
        )
        first = fill(rng, frame, "now", doer)
        last = Clause(again, VERB["find"], "modal", modal=MODAL["can"], negated=True)
    elif kind == "repair":
        thing = noun_phrase(
            pick(rng, nouns("device bike car lamp chair umbrella guitar")), pick(rng, ("the", "my", "our"))
        )
        broken = Complement("broken", "kaputt", combinations=(("adjective", "broken", thing.subject.split()[-1]),))
        last = Clause(doer, VERB["repair"], "modal", modal=MODAL["can"], accusative=refer(thing))
        return finish(
            join(
                statement(Clause(thing, VERB["be"], "simple", complement=broken)),
                Pair(", but ", ", aber "),
                statement(last),
            )
        )
    elif kind == "like":
        frame = possible_frame(rng, [f for f in frames("past") if f.verb.name == "buy" and len(f.objects) > 15], doer)
        frame = replace(
            frame, objects=tuple(n for n in frame.objects if not n.fits(("gift", "home", "building", "ticket")))
        )
        first = replace(fill(rng, frame, "past", doer), form="perfect")
        last = Clause(again, VERB[pick(rng, ("like", "need"))], "simple", negated=True)
    elif kind == "see":
        first = Clause(
            doer,
            VERB["know"],
            "simple",
            accusative=noun_phrase(pick(rng, nouns("book song film castle restaurant hotel village")), "the"),
        )
        last = Clause(again, VERB["like"], "simple", negated=True)
    elif kind == "understand":
        noun = pick(rng, nouns("question exercise text word poem story letter novel"))
        read = noun.fits(("reading",))
        word = pick(rng, ("difficult", "important", "long", "short", "interesting"))
        first = Clause(
            doer,
            VERB["read" if read else "know"],
            "progressive" if read else "simple",
            accusative=noun_phrase(
                noun, "the", ADJECTIVE[word] if ADJECTIVE[word].describes(noun) and chance(rng, 0.6) else None
            ),
        )
        last = Clause(again, VERB["understand"], "simple", negated=True)
    else:
        noun = pick(rng, nouns("book magazine newspaper letter novel"))
        first = Clause(
            doer,
            VERB["have"],
            "simple",
            accusative=noun_phrase(
                noun,
                "a",
                ADJECTIVE[pick(rng, ("new", "old", "interesting", "thick"))] if noun == NOUN["book"] else None,
            ),
        )
        last = Clause(again, VERB["read"], "modal", modal=MODAL[pick(rng, ("can", "want"))], negated=True)
    if first.accusative is None:
        raise ValueError("the first clause has an object")
    last = replace(last, accusative=refer(first.accusative))
    return finish(join(statement(first), Pair(", but ", ", aber "), statement(last)))


GIFT_ADJECTIVES = ("new", "beautiful", "red", "blue", "green", "interesting", "exciting", "good", "delicious", "fresh")


def giving_it(rng: Random) -> Pair:
    """``I have a present for my aunt, and I am giving it to her tomorrow.``: two pronouns, accusative first."""
    receiver = family_member(rng)
    doer = pick(rng, (pronoun("I"), pronoun("we"), first_name(rng)))
    if receiver.subject.startswith(doer.subject):
        receiver = noun_phrase(pick(rng, nouns("family")), "my")
    noun = pick(rng, nouns("present book letter flower cake bike vase camera scarf picture ticket"))
    suitable = [a for a in ADJECTIVES if a.describes(noun) and a.english in GIFT_ADJECTIVES]
    thing = noun_phrase(noun, "a", pick(rng, suitable) if suitable and chance(rng, 0.5) else None)
    for_whom = Complement(f"for {receiver.object}", f"für {receiver.case('accusative')}", phenomena=receiver.phenomena)
    first = Clause(doer, VERB["have"], "simple", accusative=thing, complement=for_whom)
    time = pick(rng, times.COMING) if chance(rng, 0.7) else times.on_weekday(rng)
    second = Clause(
        refer(doer),
        VERB[pick(rng, ("give", "give", "show"))],
        "progressive",
        accusative=refer(thing),
        dative=refer(receiver),
        time=time,
    )
    return finish(join(statement(first), Pair(", and ", ", und "), statement(second)))


BACK_SENTENCES = ((but_it_is, 4.0), (but_not_it, 4.0), (giving_it, 1.5))
