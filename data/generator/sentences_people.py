"""Sentences with a dative or a preposition: giving, waiting for, speaking with, belonging to, doing with a tool."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from . import places, times
from .adjectives import ADJECTIVES
from .choose import chance, pick
from .clauses import Adverb, Clause, Complement, Pair, finish, question, statement
from .events import UNLIKELY, adjective_for, family_member, first_name, person, subject
from .nouns import NOUN, nouns
from .phrases import Phrase, both, noun_phrase
from .sentences_places import SIZES
from .sentences_plain import asked_subject, front_or_not
from .verbs import MODAL, VERB


def giving(rng: Random) -> Pair:
    """``Anna gave her brother a book yesterday.``, ``Anna hat gestern ihrem Bruder ein Buch gegeben``."""
    doer = subject(rng)
    verb = pick(rng, ("give", "show", "send", "tell", "give"))
    things = {
        "give": "book present flower key ticket apple cake ball letter umbrella pencil photo camera newspaper magazine",
        "show": "photo letter picture house garden flat text dress key camera camera bike castle town book film poem",
        "send": "letter photo present book picture poem story text",
        "tell": "story",
    }
    noun = pick(rng, nouns(things[verb]))
    receiver = receiver_for(rng, doer)
    det = (
        "the"
        if verb == "show" and noun.fits(("house", "garden", "flat", "castle", "town", "film"))
        else pick(rng, ("the", "a"))
    )
    adjective = None if chance(rng, 0.6) else adjective_for(rng, noun, "bring along")
    if adjective and adjective.english in (
        "cheap",
        "expensive",
        "heavy",
        "sour",
        "bad",
        "boring",
        "ugly",
        "loud",
        "quiet",
    ):
        adjective = None
    clause = Clause(doer, VERB[verb], "progressive", dative=receiver, accusative=noun_phrase(noun, det, adjective))
    return giving_when(rng, clause)


def receiver_for(rng: Random, doer: Phrase) -> Phrase:
    while True:
        receiver = pick(rng, (first_name(rng), family_member(rng), person(rng), person(rng), own_family(rng, doer)))
        if receiver.noun != doer.noun or (receiver.noun is None and receiver.subject != doer.subject):
            if doer.noun is None and receiver.subject in doer.subject:
                continue
            return receiver


def own_family(rng: Random, doer: Phrase) -> Phrase:
    unlikely = UNLIKELY.get(doer.noun.english, ()) if doer.noun else ()
    return noun_phrase(
        pick(rng, [noun for noun in nouns("family") if noun.english not in unlikely]),
        doer.human_back if doer.can_own else "my",
    )


def giving_when(rng: Random, clause: Clause) -> Pair:
    use = pick(rng, ("now", "past", "past", "modal", "perfect"))
    if use == "now":
        clause = replace(clause, time=times.coming(rng) if chance(rng, 0.5) else None, negated=chance(rng, 0.1))
    elif use == "past":
        clause = replace(clause, form="past", time=times.past(rng) if chance(rng, 0.6) else None)
    elif use == "perfect":
        clause = replace(clause, form="perfect")
    else:
        name = pick(rng, ("want", "must", "would like", "can", "should", "wanted"))
        clause = replace(clause, form="modal", modal=MODAL[name])
    if chance(rng, 0.12) and clause.subject.subject != "I":
        return finish(question(replace(clause, negated=False)), "?")
    return finish(front_or_not(rng, clause))


def with_preposition(rng: Random) -> Pair:
    """``We are waiting for the bus.`` (auf + accusative), ``Anna is dancing with her uncle.`` (mit + dative)."""
    doer = asked_subject(rng) if chance(rng, 0.3) else subject(rng)
    kind = pick(rng, ("wait", "wait", "speak with", "speak about", "think", "play", "dance", "for"))
    if kind == "wait":
        target = (
            noun_phrase(pick(rng, nouns("bus train tram letter")), "the")
            if chance(rng, 0.5)
            else receiver_for(rng, doer)
        )
        clause = Clause(
            doer, VERB["wait"], "progressive", complement=places.prepositional("for", "auf", "accusative", target)
        )
        clause = replace(clause, time=times.NOW[1] if chance(rng, 0.2) else None)
    elif kind == "speak with":
        clause = Clause(
            doer,
            VERB["speak"],
            "progressive",
            complement=places.prepositional("with", "mit", "dative", receiver_for(rng, doer)),
        )
    elif kind == "speak about":
        noun = pick(rng, nouns("film book novel problem concert exercise weather poem lesson"))
        fitting = [a for a in ADJECTIVES if a.describes(noun)]
        clause = Clause(
            doer,
            VERB["speak"],
            "progressive",
            complement=places.prepositional(
                "about",
                "über",
                "accusative",
                noun_phrase(noun, "the", pick(rng, fitting) if chance(rng, 0.4) else None),
            ),
        )
    elif kind == "think":
        often = Adverb("often", "oft", "mid") if chance(rng, 0.6) else None
        clause = Clause(
            doer,
            VERB["think"],
            "simple" if often else "progressive",
            complement=places.prepositional("of", "an", "accusative", own_family(rng, doer)),
            time=often,
        )
    elif kind == "play":
        noun = pick(rng, nouns("dog cat ball child"))
        playful = adjective_for(rng, noun) if chance(rng, 0.4) else None
        clause = Clause(
            doer,
            VERB["play"],
            "progressive",
            complement=places.prepositional("with", "mit", "dative", noun_phrase(noun, "the", playful)),
        )
    elif kind == "dance":
        clause = Clause(
            doer,
            VERB["dance"],
            "progressive",
            complement=places.prepositional("with", "mit", "dative", receiver_for(rng, doer)),
        )
    else:
        noun = pick(rng, nouns("present cake flower book bike ticket scarf jumper dress newspaper"))
        receiver = receiver_for(rng, doer)
        if noun == NOUN["dress"] and receiver.back != "she":
            noun = NOUN["present"]
        clause = Clause(
            doer,
            VERB["buy"],
            "progressive",
            accusative=noun_phrase(noun, "a"),
            complement=places.prepositional("for", "für", "accusative", receiver),
        )
    if clause.form == "progressive" and clause.time is None:
        style = pick(rng, ("now", "now", "past", "modal"))
        if style == "past":
            clause = replace(clause, form="past", time=times.past(rng) if chance(rng, 0.6) else None)
        elif style == "modal" and kind not in ("think",):
            clause = replace(
                clause, form="modal", modal=MODAL[pick(rng, ("want", "must", "can", "would like", "have to"))]
            )
    negated = chance(rng, 0.12) and clause.accusative is None and clause.form != "modal" and clause.time is None
    if chance(rng, 0.12) and doer.subject != "I":
        return finish(question(clause), "?")
    return finish(front_or_not(rng, replace(clause, negated=negated)))


def belonging(rng: Random) -> Pair:
    """``The bike belongs to my brother.``, ``Das Fahrrad gehört meinem Bruder``."""
    noun = pick(
        rng, nouns("thing -apple cloth device instrument bike car boat house flat garden dog cat horse vase picture")
    )
    fitting = [a for a in ADJECTIVES if a.describes(noun) and a.english in SIZES]
    plural = noun.fits(("footwear",)) or chance(rng, 0.15)
    thing = noun_phrase(
        noun,
        pick(rng, ("the", "the", "this")),
        pick(rng, fitting) if fitting and chance(rng, 0.5) else None,
        plural=plural,
    )
    receiver = pick(
        rng,
        (first_name(rng), family_member(rng), family_member(rng), person(rng), both(first_name(rng), first_name(rng))),
    )
    if " and " in receiver.subject:
        receiver = family_member(rng)
    to_whom = Complement(
        f"to {receiver.object}",
        receiver.case("dative"),
        (),
        receiver.combinations,
        (*receiver.phenomena, "dative object"),
    )
    clause = Clause(thing, VERB["belong"], "simple", complement=to_whom, negated=chance(rng, 0.2))
    return finish(question(replace(clause, negated=False)), "?") if chance(rng, 0.2) else finish(statement(clause))


def using(rng: Random) -> Pair:
    """``She is cutting the bread with a small knife.``, ``tea with fresh milk``: mit, also with no article."""
    doer = subject(rng)
    kind = pick(rng, ("knife", "pencil", "eat", "drink", "wash", "bake"))
    verb, objects, det, tool, tool_det = {
        "knife": ("cut", "bread cake cheese meat sausage tomato apple", "the", "knife", "a"),
        "pencil": ("draw", "house tree horse flower cat bird", "a", "pencil", "a"),
        "eat": ("eat", "bread meat rice soup potato roll", "", "butter bread cheese egg tomato meat", ""),
        "drink": ("drink", "tea coffee", "", "milk honey", ""),
        "wash": ("wash", "apple pear tomato shirt scarf jumper", "the", "water", ""),
        "bake": ("bake", "cake", "a", "apple egg butter pear honey", ""),
    }[kind]
    noun, helper = pick(rng, nouns(objects)), pick(rng, nouns(tool))
    if noun == helper or (noun.english, helper.english) in (
        ("roll", "bread"),
        ("soup", "soup"),
        ("bread", "bread"),
        ("rice", "bread"),
    ):
        helper = NOUN["butter"]
    adjectives = {
        "water": ("cold", "warm"),
        "milk": ("cold", "fresh", "warm"),
        "knife": ("big", "small", "clean"),
        "pencil": ("red", "blue", "green", "brown", "black", "long", "short"),
    }
    fitting = [
        a
        for a in ADJECTIVES
        if (a.describes(helper) or helper.english in ("knife", "pencil"))
        and a.english in adjectives.get(helper.english, ("fresh", "warm", "sweet"))
    ]
    adjective = pick(rng, fitting) if fitting and chance(rng, 0.9) else None
    what = noun_phrase(
        noun,
        det if det != "" or "mass" in noun.tags else "",
        plural="mass" not in noun.tags and (det == "" or (kind == "wash" and "fruit" in noun.tags)),
    )
    if noun == NOUN["soup"]:
        what = noun_phrase(noun, "a")
    plural = "mass" not in helper.tags and tool_det == ""
    with_what = places.prepositional("with", "mit", "dative", noun_phrase(helper, tool_det, adjective, plural=plural))
    clause = Clause(doer, VERB[verb], "progressive", accusative=what, complement=with_what)
    if chance(rng, 0.3) and kind not in ("knife",):
        clause = replace(clause, form="past", time=times.past(rng) if chance(rng, 0.5) else None)
    elif chance(rng, 0.3):
        clause = replace(clause, form="modal", modal=MODAL[pick(rng, ("want", "would like", "can"))])
    return finish(front_or_not(rng, clause))


PEOPLE_SENTENCES = ((giving, 5.0), (with_preposition, 3.5), (belonging, 2.0), (using, 3.0))
