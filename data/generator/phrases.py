"""Noun phrases: an English phrase together with its German forms in all four cases.

A noun phrase is built once and then placed: as subject it gives its English subject form and German nominative, as
object another case. It keeps what a later sentence part needs to agree with it, and the record of the word
combinations and phenomena in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import english, german
from .adjectives import Adjective
from .german import CASES
from .nouns import Noun

Combination = tuple[str, str, str]
"""A kind of combination and its two members: ``("adjective", "old", "lamp")``."""


@dataclass(frozen=True)
class Phrase:
    """A noun phrase or pronoun in both languages.

    ``person`` chooses the English verb form (I, he, they), ``german_person`` the German one (ich, du, er, wir).
    ``back`` is the English pronoun that refers back to the phrase, empty where one is better avoided.
    ``group`` marks a plural like the doctors, who as a group own no umbrella together. ``negated`` holds
    the German forms with ``kein``, where the phrase is indefinite.
    """

    subject: str
    object: str
    german: tuple[str, ...]
    person: str
    german_person: str
    column: str
    back: str = ""
    noun: Noun | None = None
    negated: tuple[str, ...] = ()
    pronoun: bool = False
    group: bool = False
    combinations: tuple[Combination, ...] = ()
    phenomena: tuple[str, ...] = ()

    def case(self, case: str) -> str:
        return self.german[CASES.index(case)]

    def negated_case(self, case: str) -> str:
        return self.negated[CASES.index(case)]

    @property
    def can_own(self) -> bool:
        """Says whether a possessive can refer back: not to the child (its, sein), not to a group like the doctors."""
        return bool(self.human_back) and not self.group

    @property
    def human_back(self) -> str:
        """The possessive that refers back to a person: ``her`` for Anna; empty where there is none."""
        return {"I": "my", "you": "your", "he": "his", "she": "her", "we": "our", "they": "their"}.get(self.back, "")


NAMES = {
    "he": ("Peter", "Paul", "Max", "Felix", "Jonas", "Lukas", "Martin", "Tom", "David", "Karl"),
    "she": ("Anna", "Maria", "Julia", "Laura", "Lena", "Sarah", "Eva", "Clara", "Emma", "Sophie"),
}
BACK_GERMAN = {"I": "ich", "you": "du", "he": "er", "she": "sie", "we": "wir", "they": "sie (plural)"}
PERSONS = {
    **{"I": ("I", "ich"), "you": ("they", "du"), "he": ("he", "er"), "she": ("he", "er")},
    **{"it": ("he", "er"), "we": ("they", "wir"), "they": ("they", "wir")},
}


def pronoun(word: str, column: str = "") -> Phrase:
    """Builds a personal pronoun; ``it`` needs the German gender column of what it stands for."""
    nominative = german.THIRD_PERSON[column] if column else BACK_GERMAN[word]
    person, german_person = PERSONS[word]
    subject, object_form = english.PRONOUNS[word]
    forms = german.PRONOUNS[nominative]
    return Phrase(
        subject, object_form, (*forms, ""), person, german_person, column or word, back=word, pronoun=True,
        phenomena=("pronoun",),
    )  # fmt: skip


def refer(phrase: Phrase) -> Phrase:
    """Returns the pronoun that refers back to a phrase, with its German gender."""
    if phrase.pronoun:
        return replace(phrase, phenomena=())
    if phrase.noun is None or phrase.back in ("he", "she"):
        return replace(pronoun(phrase.back), phenomena=(), group=phrase.group)
    return replace(pronoun(phrase.back, phrase.column), phenomena=("pronoun referring back",), group=phrase.group)


def name(word: str) -> Phrase:
    back = "he" if word in NAMES["he"] else "she"
    forms = (word, word, word, german.name_genitive(word))
    return Phrase(word, word, forms, "he", "er", back, back=back)


def both(first: Phrase, second: Phrase) -> Phrase:
    """Joins two names: ``Anna and Peter``."""
    words = f"{first.subject} and {second.subject}"
    german_words = f"{first.german[0]} und {second.german[0]}"
    return Phrase(words, words, (german_words,) * 4, "they", "wir", "pl", back="they")


def refers_back_with(noun: Noun, plural: bool) -> str:
    """Returns the English pronoun for a noun, or nothing where the two languages would disagree (the child: es)."""
    if plural:
        return "they"
    if "person" in noun.tags:
        return "" if noun.gender == "n" else {"m": "he", "f": "she"}[noun.gender]
    return "it"


def determiner(word: str, case: str, column: str) -> tuple[str, str]:
    """Returns the German determiner for an English one, and the adjective declension that follows it."""
    if word == "the":
        return german.article(case, column), "weak"
    if word in ("this", "these"):
        return german.dieser_word("dies", case, column), "weak"
    if word == "which":
        return german.dieser_word("welch", case, column), "weak"
    if word == "every":
        return german.dieser_word("jed", case, column), "weak"
    if word in ("a", "no"):
        return german.ein_word("ein" if word == "a" else "kein", case, column), "mixed"
    if word in german.POSSESSIVES:
        return german.ein_word(german.POSSESSIVES[word], case, column), "mixed"
    if word.endswith("'s"):
        return german.name_genitive(word[:-2]), "strong"
    if word:
        return german.number(int(word)) if word.isdigit() else word, "strong"
    return "", "strong"


def german_forms(noun: Noun, det: str, adjective: Adjective | None, plural: bool, comparative: bool) -> tuple[str, ...]:
    """Returns the four case forms; a phrase with no article shows no genitive, which German then avoids."""
    forms = []
    column = german.column(noun, plural)
    for case in CASES:
        word, declension = determiner(det, case, column)
        words = [word] if word else []
        if adjective:
            stem = adjective.comparative if comparative else adjective.stem
            words.append(german.adjective_form(stem, declension, case, column))
        words.append(german.noun_form(noun, case, plural))
        forms.append(" ".join(words))
    return tuple(forms)


def noun_phrase(
    noun: Noun, det: str, adjective: Adjective | None = None, *, plural: bool = False, comparative: bool = False
) -> Phrase:
    """Builds a noun phrase.

    Args:
        noun: The noun.
        det: ``the``, ``a``, ``no``, ``this``, ``which``, ``every``, a possessive, ``Anna's``, a number in digits
            (which is then written in words), or nothing.
        adjective: An adjective before the noun.
        plural: Whether the noun is plural.
        comparative: Whether the adjective stands in the comparative.

    Returns:
        The phrase in both languages.
    """
    words = noun.english_plural if plural else noun.english
    if adjective:
        words = f"{adjective.english_comparative if comparative else adjective.english} {words}"
    if det == "a":
        words = english.indefinite(words)
    elif det.isdigit():
        words = f"{english.number(int(det))} {words}"
    elif det:
        words = f"{'these' if det == 'this' and plural else det} {words}"
    combinations: list[Combination] = []
    phenomena = ["plural"] if plural else []
    if adjective:
        combinations.append(("adjective", adjective.english, noun.english))
        after = {"the": "der", "this": "der", "which": "der", "": "no article"}.get(det, "ein")
        phenomena.append(f"adjective after {after}" if after != "no article" else "adjective without article")
    if comparative:
        phenomena.append("comparative")
    if det in german.POSSESSIVES:
        phenomena.append("possessive")
    if det.endswith("'s"):
        phenomena.append("genitive")
    if det.isdigit():
        phenomena.append("number in words")
        combinations.append(("number", english.number(int(det)), noun.english))
    column = german.column(noun, plural)
    indefinite = det == "a" or not det
    return Phrase(
        subject=words,
        object=words,
        german=german_forms(noun, det, adjective, plural, comparative),
        person="they" if plural else "he",
        german_person="wir" if plural else "er",
        column=column,
        back=refers_back_with(noun, plural),
        noun=noun,
        group=plural,
        negated=german_forms(noun, "no", adjective, plural, comparative) if indefinite else (),
        combinations=tuple(combinations),
        phenomena=tuple(phenomena),
    )


def english_genitive(phrase: Phrase) -> str:
    return phrase.subject + ("'" if phrase.column == "pl" and phrase.subject.endswith("s") else "'s")


def with_genitive(head: Noun, det: str, owner: Phrase, *, of: bool) -> Phrase:
    """Attaches a genitive: ``the teacher's car`` or ``the door of the house``, both ``das Auto des Lehrers``."""
    base = noun_phrase(head, det)
    words = f"{base.subject} of {owner.subject}" if of else f"{english_genitive(owner)} {head.english}"
    forms = tuple(f"{form} {owner.case('genitive')}" for form in base.german)
    owned: tuple[Combination, ...] = (("genitive", head.english, owner.noun.english),) if owner.noun else ()
    return replace(
        base, subject=words, object=words, german=forms,
        combinations=base.combinations + owner.combinations + owned,
        phenomena=(*base.phenomena, *owner.phenomena, "genitive"),
    )  # fmt: skip
