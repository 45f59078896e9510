"""Sentences about the noun phrase: genitives and comparisons."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from .adjectives import ADJECTIVES
from .choose import chance, pick
from .clauses import (
    Adverb,
    Clause,
    Complement,
    Pair,
    finish,
    question,
    statement,
)
from .events import (
    adjective_for,
    family_member,
    fill_any,
    first_name,
    person,
    subject,
)
from .frames import frames
from .nouns import NOUN, nouns
from .phrases import Phrase, noun_phrase, with_genitive
from .places import to
from .sentences_plain import front_or_not, predicate_adjective
from .verbs import MODAL, VERB


def owner(rng: Random) -> Phrase:
    if chance(rng, 0.4):
        return noun_phrase(pick(rng, nouns("family")), pick(rng, ("my", "your", "his", "her", "our")))
    return person(rng)


def genitive_of_owner(rng: Random) -> Pair:
    """``The teacher's car is red.``, ``Das Auto des Lehrers ist rot``."""
    noun = pick(
        rng,
        nouns(
            "bike car dog cat house flat garden camera computer guitar coat bag suitcase umbrella office kitchen "
            "piano jacket hat scarf boat"
        ),
    )
    whose = owner(rng)
    thing = with_genitive(noun, "the", whose, of=False)
    options = [a for a in ADJECTIVES if a.describes(noun)]
    clause = Clause(
        thing,
        VERB["be"],
        "past" if chance(rng, 0.2) else "simple",
        complement=predicate_adjective(pick(rng, options), noun),
    )
    if chance(rng, 0.3):
        doer = subject(rng)
        if doer.noun == whose.noun:
            doer = first_name(rng)
        verb = pick(
            rng,
            ("repair", "look for", "know", "need", "find")
            if noun.fits(("device", "bike", "car"))
            else ("know", "like"),
        )
        form = {"repair": "progressive", "look for": "progressive", "find": "past"}.get(verb, "simple")
        clause = Clause(doer, VERB[verb], form, accusative=thing)
    return finish(statement(clause))


PARTS = (
    ("door", "house school church office kitchen castle cellar cupboard car"),
    ("window", "house school church office kitchen living_room hotel"),
    ("wall", "kitchen living_room house office cellar"),
    ("garden", "house castle hotel"),
    ("street", "town village"),
    ("kitchen", "restaurant house hotel flat"),
)


OF_BUILDINGS = ("old", "new", "big", "small", "beautiful", "modern", "dark")


def genitive_of_part(rng: Random) -> Pair:
    """``The door of the house is green.``, ``Die Tür des Hauses ist grün``."""
    head, wholes = pick(rng, PARTS)
    noun, whole = NOUN[head], pick(rng, nouns(wholes))
    options = [a for a in ADJECTIVES if a.describes(whole) and a.english in OF_BUILDINGS]
    of = noun_phrase(
        whole, pick(rng, ("the", "the", "the", "our")), pick(rng, options) if options and chance(rng, 0.4) else None
    )
    fitting = [a for a in ADJECTIVES if a.describes(noun)]
    plural = head in ("window", "wall", "street")
    thing = with_genitive(noun, "the", of, of=True)
    if plural:
        base = noun_phrase(noun, "the", plural=True)
        words = f"{base.subject} of {of.subject}"
        thing = replace(
            base,
            subject=words,
            object=words,
            german=tuple(f"{form} {of.case('genitive')}" for form in base.german),
            combinations=thing.combinations,
            phenomena=(*thing.phenomena, "plural"),
        )
    return finish(
        statement(Clause(thing, VERB["be"], "simple", complement=predicate_adjective(pick(rng, fitting), noun)))
    )


def genitive_preposition(rng: Random) -> Pair:
    """``Because of the bad weather ...`` (wegen), ``during the concert`` (während), ``despite`` (trotz)."""
    kind = pick(rng, ("because of", "despite", "during", "during"))
    if kind == "during":
        noun = NOUN[pick(rng, ("lesson", "concert", "film", "party"))]
        what = noun_phrase(noun, "the", adjective_for(rng, noun) if chance(rng, 0.4) else None)
        options = [
            f for f in frames("past") if f.verb.name in ("sleep", "laugh", "cry", "read", "drink", "eat", "help")
        ]
        clause = replace(fill_any(rng, options, "past", subject(rng), place_chance=0.0), form="past")
        word, german_word = "during", "während"
    else:
        adjective = pick(
            rng,
            [a for a in ADJECTIVES if a.english in (("bad", "cold") if kind == "despite" else ("bad", "cold", "good"))],
        )
        what = noun_phrase(NOUN["weather"], "the", adjective)
        word, german_word = kind, {"because of": "wegen", "despite": "trotz"}[kind]
        doer = subject(rng)
        if kind == "because of" and adjective.english != "good":
            clause = Clause(doer, VERB["stay"], "past", complement=Complement("at home", "zu Hause"))
        else:
            where = NOUN[pick(rng, ("park", "garden", "beach", "market", "forest", "lake"))]
            clause = Clause(doer, VERB["go"], "past", complement=to(noun_phrase(where, "the")))
    adverb = Adverb(
        f"{word} {what.subject}",
        f"{german_word} {what.case('genitive')}",
        phenomena=(*what.phenomena, "genitive"),
        combinations=what.combinations,
    )
    clause = replace(clause, time=adverb)
    return finish(front_or_not(rng, clause, 0.6))


def comparison(rng: Random) -> Pair:
    """``The table is older than the chair.``, ``The dog is as big as the cat``."""
    groups = (
        "furniture",
        "cloth -footwear",
        "device",
        "bike car",
        "bus train tram",
        "sight",
        "hanging",
        "instrument",
        "bag suitcase basket box",
        "reading -text -letter",
        "dog cat horse",
        "fruit",
        "village town",
        "park garden forest",
        "room",
        "street bridge",
        "hotel restaurant",
        "ship boat",
        "film book",
    )
    while True:
        if chance(rng, 0.35):
            first, second = (
                (family_member(rng) if chance(rng, 0.5) else first_name(rng)),
                (first_name(rng) if chance(rng, 0.6) else family_member(rng)),
            )
            traits = ("young", "friendly", "happy", "clever", "nice", "polite", "healthy")
            options = [
                a
                for a in ADJECTIVES
                if a.english in traits and all(p.noun is None or a.describes(p.noun) for p in (first, second))
            ]
            if (
                first.subject == second.subject
                or (first.noun and first.noun == second.noun)
                or second.subject in first.subject
            ):
                continue
        else:
            group = nouns(pick(rng, groups))
            one, other = pick(rng, group), pick(rng, group)
            options = [a for a in ADJECTIVES if a.english_comparative and a.describes(one) and a.describes(other)]
            if one == other:
                continue
            dets = (
                ("the", "my", "your", "this")
                if one.fits(("furniture", "cloth", "device", "instrument", "bike", "car", "bag", "dog", "cat"))
                else ("the", "this")
            )
            first, second = noun_phrase(one, pick(rng, dets)), noun_phrase(other, pick(rng, ("the", "the", *dets[1:3])))
        if options:
            break
    adjective = pick(rng, options)
    combos = tuple(("adjective", adjective.english, p.noun.english) for p in (first, second) if p.noun)
    combos += second.combinations
    kind = pick(rng, ("than", "than", "as", "not as"))
    if kind == "than":
        words = f"{adjective.english_comparative} than {second.subject}"
        german_words = f"{adjective.comparative} als {second.case('nominative')}"
    else:
        words = f"as {adjective.english} as {second.subject}"
        german_words = f"so {adjective.german} wie {second.case('nominative')}"
    complement = Complement(
        words,
        german_words,
        combinations=combos,
        phenomena=(*second.phenomena, "comparative" if kind == "than" else "so ... wie"),
    )
    return finish(statement(Clause(first, VERB["be"], "simple", complement=complement, negated=kind == "not as")))


COMPARED = (
    "big",
    "small",
    "cheap",
    "light",
    "modern",
    "beautiful",
    "fast",
    "warm",
    "bright",
    "quiet",
    "comfortable",
    "old",
    "strong",
    "good",
    "new",
)


def comparative_object(rng: Random) -> Pair:
    """``My uncle is looking for a bigger flat``."""
    verb = pick(rng, ("need", "buy", "look for", "have", "find"))
    things = (
        "house flat hotel restaurant"
        if verb in ("look for", "find")
        else "car bike computer camera television sofa table bed cupboard lamp jacket coat bag suitcase chair shelf"
    )
    noun = pick(rng, nouns(things if verb != "buy" else things + " house flat"))
    options = [
        a
        for a in ADJECTIVES
        if a.english in COMPARED and a.describes(noun) and not (verb == "buy" and a.english == "old")
    ]
    thing = noun_phrase(noun, "a", pick(rng, options), comparative=True)
    form = {"need": "simple", "have": "simple", "find": "perfect"}.get(verb, pick(rng, ("progressive", "modal")))
    doer = subject(rng)
    clause = Clause(doer, VERB[verb], form, accusative=thing)
    if form == "modal":
        clause = in_modal(rng, clause)
    return finish(question(clause), "?") if chance(rng, 0.12) and doer.subject != "I" else finish(statement(clause))


def in_modal(rng: Random, clause: Clause) -> Clause:
    return replace(clause, modal=MODAL[pick(rng, ("want", "would like", "must", "can"))])


NOMINAL_SENTENCES = (
    (genitive_of_owner, 3.0),
    (genitive_of_part, 1.8),
    (genitive_preposition, 1.5),
    (comparison, 5.5),
    (comparative_object, 3.0),
)
