"""Chooses who does what when: fills the frames with subjects, objects, places and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from . import places, times
from .adjectives import Adjective, adjectives_for
from .choose import chance, pick, pick_weighted
from .clauses import Adverb, Clause
from .frames import FAR, ODD, PRICED, PRICES, STATES, Frame, frames
from .nouns import NOUN, Noun, nouns
from .phrases import NAMES, Phrase, both, name, noun_phrase, pronoun
from .verbs import MODAL

PEOPLE = nouns("person -family")
FAMILY = nouns("family")
OWNERS = ("my", "my", "your", "his", "her", "our", "their")
# What one does at once or soon, not next Tuesday.
NEAR = ("eat", "drink", "draw", "read", "open", "close", "turn on", "turn off", "put on", "take off", "cut", "run")
UNPLEASANT = ("boring", "bad", "sour", "ugly", "cold")
USES = ("now", "habit", "past", "modal")


def first_name(rng: Random) -> Phrase:
    return name(pick(rng, NAMES[pick(rng, ("he", "she"))]))


def two_names(rng: Random) -> Phrase:
    women, men = name(pick(rng, NAMES["she"])), name(pick(rng, NAMES["he"]))
    return both(women, men) if chance(rng, 0.5) else both(men, women)


def adjective_for(rng: Random, noun: Noun, verb: str = "", *, states: bool = False) -> Adjective | None:
    """Chooses an adjective for a noun that does not clash with the verb; passing states of people only on demand."""
    odd = ODD.get(verb, "").split()
    if verb and verb not in PRICED:
        odd += PRICES
    options = [
        adjective
        for adjective in adjectives_for(noun)
        if adjective.english not in odd
        and not (adjective.english == "bad" and "person" in noun.tags)
        and (states or adjective.english not in STATES or "person" not in noun.tags)
    ]
    return pick(rng, options) if options else None


def family_member(rng: Random) -> Phrase:
    noun = pick(rng, FAMILY)
    if chance(rng, 0.3):
        return noun_phrase(noun, first_name(rng).subject + "'s")
    return noun_phrase(noun, pick(rng, OWNERS))


def person(rng: Random) -> Phrase:
    """Chooses a person other than by name: ``the old man``, ``the waiter``, ``the children``."""
    noun = pick(rng, PEOPLE)
    adjective = adjective_for(rng, noun) if chance(rng, 0.3) else None
    return noun_phrase(noun, "the", adjective, plural=chance(rng, 0.2))


def subject(rng: Random, *, pronouns: bool = True) -> Phrase:
    kind = pick_weighted(
        rng, (("name", 5), ("pronoun", 4 if pronouns else 0), ("family", 3), ("person", 5), ("both", 1))
    )
    if kind == "name":
        return first_name(rng)
    if kind == "pronoun":
        return pronoun(pick(rng, ("I", "I", "you", "he", "she", "we", "they")))
    if kind == "family":
        return family_member(rng)
    return person(rng) if kind == "person" else two_names(rng)


def backward_subject(rng: Random, *, pronouns: bool = True) -> Phrase:
    """Chooses a subject that a pronoun can refer back to."""
    while True:
        chosen = subject(rng, pronouns=pronouns)
        if chosen.back:
            return chosen


OLDER = ("grandmother", "grandfather", "mother", "father", "uncle", "aunt")
# Relatives whom one hardly has at that age.
UNLIKELY = {
    "grandmother": OLDER,
    "grandfather": OLDER,
    "boy": ("son", "daughter"),
    "son": ("son", "daughter"),
    "daughter": ("son", "daughter"),
}


def suits(noun: Noun, article: str, doer: Phrase, verb: str) -> bool:
    """Says whether a person can do this with such a noun: nobody owns a policeman, and Karl wears no dress."""
    if doer.noun == noun:
        return False
    if doer.noun and noun.english in UNLIKELY.get(doer.noun.english, ()):
        return False
    if article == "own" and not doer.can_own:
        return False
    if article == "own" and "food" in noun.tags:
        return False
    if article == "own" and "person" in noun.tags and "family" not in noun.tags and "known" not in noun.tags:
        return False
    return not (
        noun.english in ("dress", "skirt") and verb in ("wear", "put on", "take off", "buy") and doer.back != "she"
    )


def can_do(frame: Frame, doer: Phrase) -> bool:
    """Says whether a frame has an object for a subject to which no possessive refers back."""
    if doer.can_own or not frame.objects:
        return True
    return frame.articles != ("own",) and any("family" not in noun.tags for noun in frame.objects)


def chosen_object(rng: Random, frame: Frame, doer: Phrase, use: str) -> Phrase:
    """Chooses the object of a frame, with article and perhaps an adjective; habits go with no article if possible."""
    articles = ("bare",) if use in ("habit", "gern") and "bare" in frame.articles else frame.articles
    while True:
        noun = pick(rng, frame.objects)
        article = "own" if "family" in noun.tags else pick(rng, articles)
        if suits(noun, article, doer, frame.verb.name):
            break
    mass = "mass" in noun.tags
    shared = doer.person == "they" and doer.back != "you" and frame.verb.name in ("wear", "put on", "take off")
    plural = not mass and (article in ("bare", "pl") or "footwear" in noun.tags or (shared and "cloth" in noun.tags))
    det = {"bare": "", "pl": "the", "own": doer.human_back, "a": "" if plural or mass else "a"}.get(article, "the")
    adjective = None
    if "family" not in noun.tags and chance(rng, 0.4):
        adjective = adjective_for(rng, noun, frame.verb.name, states=frame.verb.name == "help")
        if adjective and use in ("gern", "modal", "habit") and adjective.english in UNPLEASANT:
            adjective = None
    return noun_phrase(noun, det, adjective, plural=plural)


def modal_for(rng: Random, frame: Frame, doer: Phrase) -> str:
    """Chooses a modal verb: one has to do duties; children and people known by name may do pleasant things."""
    if "fun" in frame.uses:
        if doer.noun and not doer.noun.fits(("young", "son", "daughter", "student")):
            return pick(rng, ("can", "want", "would like", "wanted"))
        return pick(rng, ("can", "want", "may", "may", "would like", "wanted"))
    if "duty" in frame.uses:
        return pick(rng, ("can", "must", "have to", "should", "had to", "want"))
    return pick(rng, ("can", "want", "would like", "wanted"))


def negative_modal_for(rng: Random, frame: Frame) -> str:
    if "fun" in frame.uses:
        return pick(rng, ("can", "must not", "could", "want"))
    if "duty" in frame.uses:
        return pick(rng, ("can", "have to", "want", "could", "wanted"))
    return pick(rng, ("can", "should", "want", "could"))


def fill(rng: Random, frame: Frame, use: str, doer: Phrase, *, place_chance: float = 0.35) -> Clause:
    """Makes a clause of a frame in one of its uses, with no time yet."""
    form = {"now": "progressive", "habit": "simple", "past": "past", "state": "simple", "gern": "gern"}.get(
        use, "modal"
    )
    if form == "past" and (frame.objects or frame.verb.name == "shop") and chance(rng, 0.3):
        form = "perfect"
    accusative = chosen_object(rng, frame, doer, use) if frame.objects else None
    clause = Clause(doer, frame.verb, form)
    if frame.verb.name in ("help", "thank", "answer"):
        clause = replace(clause, dative=accusative)
    else:
        clause = replace(clause, accusative=accusative)
    if frame.places and (frame.verb.name in ("sit", "wait") or chance(rng, place_chance)):
        where = noun_phrase(NOUN[pick(rng, frame.places)], "the")
        swimming = frame.verb.name == "swim"
        there = places.prepositional("in", "in", "dative", where) if swimming else places.at(where)
        clause = replace(clause, complement=replace(there, loose=True))
    return clause


def possible_frame(rng: Random, options: Sequence[Frame], doer: Phrase) -> Frame:
    return pick(rng, [frame for frame in options if can_do(frame, doer)])


def fill_any(rng: Random, options: Sequence[Frame], use: str, doer: Phrase, *, place_chance: float = 0.35) -> Clause:
    return fill(rng, possible_frame(rng, options, doer), use, doer, place_chance=place_chance)


def timed(rng: Random, clause: Clause, use: str) -> Clause:
    """Adds a time that suits the use and the verb."""
    verb, far = clause.verb.name, clause.verb.name in FAR
    adverb: Adverb
    if use == "now":
        if verb in ("cry", "laugh", "sleep", "wait", "sit"):
            adverb = times.NOW[1]
        elif verb in ("wear", "carry", "look for"):
            adverb = pick(rng, times.NOW)
        elif verb in NEAR:
            adverb = pick(rng, (*times.NOW, times.COMING[2]))
        else:
            adverb = pick(rng, times.NOW) if not far and chance(rng, 0.4) else times.coming(rng, far=far)
    elif use == "habit":
        adverb = pick(rng, times.SOMETIMES[:3]) if verb == "wear" else times.often(rng, seldom=verb == "buy")
    elif use == "past" or (clause.modal and clause.modal.past):
        adverb = times.ALREADY if clause.form == "perfect" else times.past(rng, far=far)
    else:
        near = times.COMING[2] if chance(rng, 0.5) else times.NOW[0]
        adverb = times.NOW[0] if verb in ("carry", "wait") else near if verb in NEAR else times.coming(rng, far=far)
    return replace(clause, time=adverb)


def in_use(
    rng: Random, doer: Phrase, use: str, *, time_chance: float = 0.6, negated: bool = False, plain: bool = True
) -> Clause:
    """Makes a clause about a person with any frame of one use."""
    frame = possible_frame(rng, frames(use, plain=plain), doer)
    clause = fill(rng, frame, use, doer)
    if clause.form == "modal":
        clause = replace(
            clause, modal=MODAL[negative_modal_for(rng, frame) if negated else modal_for(rng, frame, doer)]
        )
    # "put" and "read" are present and past alike, so that their past needs its time said.
    same = clause.form == "past" and clause.verb.base == clause.verb.past
    if use not in ("state", "gern") and (use == "habit" or same or chance(rng, time_chance)):
        clause = timed(rng, clause, use)
    return replace(clause, negated=negated)


def event(rng: Random, doer: Phrase, uses: tuple[str, ...] = USES, *, time_chance: float = 0.6) -> Clause:
    """Makes a clause about a person, any frame, any of the uses given."""
    return in_use(rng, doer, pick(rng, uses), time_chance=time_chance)
