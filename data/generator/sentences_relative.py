"""Sentences with a relative clause: who and that in every case, also after a preposition, and whose."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from . import german
from .adjectives import ADJECTIVES
from .choose import chance, pick
from .clauses import (
    Clause,
    Complement,
    Pair,
    english_statement,
    finish,
    german_subordinate,
    join,
    statement,
)
from .events import (
    PEOPLE,
    adjective_for,
    can_do,
    fill,
    first_name,
    in_use,
    possible_frame,
    subject,
    timed,
)
from .frames import frames
from .nouns import NOUN, nouns
from .phrases import Phrase, noun_phrase
from .places import prepositional
from .sentences_plain import predicate_adjective
from .verbs import VERB

NOBODY = Phrase("", "", ("",) * 4, "he", "er", "m")
RELATIVES = ("brother", "uncle", "father", "grandfather", "sister", "aunt", "mother", "grandmother")


def relative(head: Phrase, words: str, german_words: str, inner: Pair, *seen: str) -> Phrase:
    """Attaches a relative clause to every form of a noun phrase; the German one stands between commas."""
    return replace(
        head,
        subject=f"{head.subject} {words}",
        object=f"{head.object} {words}",
        german=tuple(f"{form}, {german_words}," for form in head.german),
        combinations=head.combinations + inner.combinations,
        phenomena=(*head.phenomena, *inner.phenomena, *seen),
    )


def is_relative_of(rng: Random, head: Phrase) -> Complement:
    """Says who a person is: ``my uncle``, of the same sex."""
    if head.noun is None:
        raise ValueError("a person described by a noun")
    women = head.noun.gender == "f"
    noun = NOUN[pick(rng, RELATIVES[4:] if women else RELATIVES[:4])]
    owner = pick(rng, ("my", "your", "our", "his", "her", first_name(rng).subject + "'s"))
    who = noun_phrase(noun, owner)
    return Complement(who.subject, who.case("nominative"), phenomena=who.phenomena)


def someone(rng: Random) -> Phrase:
    """Chooses a grown man or woman to describe by a relative clause."""
    noun = NOUN[
        pick(rng, ("man", "woman", "man", "woman", "doctor", "teacher", "waitress", "policeman", "artist", "actress"))
    ]
    return noun_phrase(noun, "the", adjective_for(rng, noun) if chance(rng, 0.25) else None)


def predicate_of(rng: Random, head: Phrase) -> Complement:
    if chance(rng, 0.6):
        return is_relative_of(rng, head)
    if head.noun is None:
        raise ValueError("a person described by a noun")
    used = [c[1] for c in head.combinations]
    noun = head.noun
    adjective = pick(rng, [a for a in ADJECTIVES if a.describes(noun) and a.english not in used])
    return predicate_adjective(adjective, noun)


def relative_person(rng: Random) -> Pair:
    """``The man who is reading the newspaper is my uncle``."""
    head = someone(rng)
    inner = in_use(rng, head, pick(rng, ("now", "now", "past")), time_chance=0.15)
    if inner.form == "perfect":
        inner = replace(inner, form="past", time=None)
        if inner.verb.base == inner.verb.past:
            inner = timed(rng, inner, "past")
    words = "who " + english_statement(replace(inner, subject=NOBODY))
    german_words = (
        f"{german.relative_pronoun('nominative', head.column)} {german_subordinate(inner, leave_out_subject=True)}"
    )
    seen = (
        "relative clause",
        *(("separable verb joined",) if inner.verb.prefix and inner.form == "progressive" else ()),
    )
    full = relative(head, words, german_words, replace(inner, subject=replace(head, combinations=())).record, *seen)
    return finish(statement(Clause(full, VERB["be"], "simple", complement=predicate_of(rng, head))))


def relative_object(rng: Random) -> Pair:
    """``The book that Anna is reading is interesting.``, ``The woman whom we are helping is ...`` (dative)."""
    doer = subject(rng)
    while True:
        frame = possible_frame(
            rng, [f for f in frames(pick(rng, ("now", "past")), plain=False) if can_do(f, doer)], doer
        )
        inner = fill(rng, frame, pick(rng, [u for u in ("now", "past") if u in frame.uses]), doer, place_chance=0.1)
        if inner.form == "perfect":
            inner = replace(inner, form="past")
        thing = inner.accusative or inner.dative
        if thing and thing.noun and not thing.noun.fits(("family", "mass")) and thing.noun != doer.noun:
            break
    if thing is None or thing.noun is None:
        raise ValueError("the loop ends with an object")
    noun = thing.noun
    case = "dative" if inner.dative else "accusative"
    head = noun_phrase(noun, "the", plural=thing.column == "pl")
    human = noun.fits(("person",))
    bare = replace(inner, accusative=None, dative=None)
    if bare.verb.base == bare.verb.past and bare.form == "past":
        bare = timed(rng, bare, "past")
    words = f"{'whom' if human else 'that'} {english_statement(bare)}"
    german_words = f"{german.relative_pronoun(case, head.column)} {german_subordinate(bare)}"
    record = bare.record
    record = replace(record, combinations=(*record.combinations, ("object", bare.verb.name, noun.english)))
    seen = ("relative clause", *(("dative object",) if inner.dative else ()))
    full = relative(head, words, german_words, record, *seen)
    options = [
        a for a in ADJECTIVES if a.describes(noun) and a.english not in ("new", "young", "healthy", "hungry", "thirsty")
    ]
    if not options:
        return relative_object(rng)
    complement = predicate_adjective(pick(rng, options), noun)
    return finish(
        statement(
            Clause(full, VERB["be"], "past" if bare.form == "past" and not human else "simple", complement=complement)
        )
    )


def relative_place(rng: Random) -> Pair:
    """``The house in which my aunt lives is old.``, ``The bus for which we are waiting ...``."""
    doer = subject(rng)
    kind = pick(rng, ("live", "live", "work", "sit", "wait", "speak", "sleep"))
    if kind == "live":
        noun, words, preposition, case = pick(rng, nouns("house flat village town street")), "in", "in", "dative"
    elif kind == "work":
        noun, words, preposition, case = (
            pick(rng, nouns("office hotel restaurant library museum school bakery")),
            "in",
            "in",
            "dative",
        )
    elif kind == "sit":
        noun, words, preposition, case = pick(rng, nouns("seat bus train")), "on", "auf", "dative"
        if noun.fits(("transport",)):
            words, preposition = "in", "in"
    elif kind == "sleep":
        noun, words, preposition, case = pick(rng, nouns("bed sofa")), "in", "in", "dative"
        if noun == NOUN["sofa"]:
            words, preposition = "on", "auf"
    elif kind == "wait":
        noun, words, preposition, case = pick(rng, nouns("bus train tram letter")), "for", "auf", "accusative"
    else:
        noun, words, preposition, case = (
            pick(rng, nouns("film book novel problem concert")),
            "about",
            "über",
            "accusative",
        )
    head = noun_phrase(noun, "the")
    inner = Clause(doer, VERB[kind], "simple" if kind in ("live", "work") else "progressive")
    record = replace(inner.record, combinations=(*inner.record.combinations, ("object", kind, noun.english)))
    english_words = f"{words} which {english_statement(inner)}"
    german_words = f"{preposition} {german.relative_pronoun(case, head.column)} {german_subordinate(inner)}"
    full = relative(
        head,
        english_words,
        german_words,
        record,
        "relative clause",
        *prepositional(words, preposition, case, head).phenomena,
    )
    options = [a for a in ADJECTIVES if a.describes(noun) and a.english not in ("cold", "hot")]
    return finish(
        statement(Clause(full, VERB["be"], "simple", complement=predicate_adjective(pick(rng, options), noun)))
    )


def relative_genitive(rng: Random) -> Pair:
    """``The man whose car is broken is my neighbour``."""
    head = someone(rng)
    noun = pick(rng, nouns("bike car dog cat house flat garden brother sister son daughter camera computer"))
    used = [combination[1] for combination in head.combinations]
    options = [
        a for a in ADJECTIVES if a.describes(noun) and a.english not in used and a.english not in ("young", "lazy")
    ]
    adjective = pick(rng, options)
    words = f"whose {noun.english} is {adjective.english}"
    german_words = f"{german.relative_pronoun('genitive', head.column)} {noun.german} {adjective.german} ist"
    inner = Pair("", "", (("adjective", adjective.english, noun.english),))
    full = relative(head, words, german_words, inner, "relative clause", "genitive")
    return finish(statement(Clause(full, VERB["be"], "simple", complement=is_relative_of(rng, head))))


def relative_at_end(rng: Random) -> Pair:
    """``We know a man who likes to sing.``; the relative clause closes the sentence."""
    doer = first_name(rng) if chance(rng, 0.5) else subject(rng)
    noun = pick(
        rng, [n for n in PEOPLE if n.english not in ("guest", "child", "colleague", "neighbour") and n != doer.noun]
    )
    head = noun_phrase(noun, "a")
    while True:
        inner = in_use(rng, head, pick(rng, ("habit", "gern", "gern")), time_chance=0.5)
        if inner.verb.name not in ("sleep", "sit", "wear"):
            break
    words = "who " + english_statement(replace(inner, subject=NOBODY))
    german_words = (
        f"{german.relative_pronoun('nominative', head.column)} {german_subordinate(inner, leave_out_subject=True)}"
    )
    main = statement(Clause(doer, VERB["know"], "simple", accusative=head))
    record = replace(inner.record, english=" " + words, german=", " + german_words)
    return finish(join(main, replace(record, phenomena=(*record.phenomena, "relative clause"))))


RELATIVE_SENTENCES = (
    (relative_person, 3.5),
    (relative_object, 3.5),
    (relative_place, 3.0),
    (relative_genitive, 1.0),
    (relative_at_end, 1.2),
)
