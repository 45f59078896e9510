"""Clauses: who does what to whom, written out in both languages in every word order that is needed.

A clause is a record of its parts. From one record come the main clause (German verb second, also after a fronted
adverb), the subordinate clause (German verb last) and the question or inverted clause (German verb first).
"""

from __future__ import annotations

from dataclasses import dataclass

from . import english, german
from .phrases import Combination, Phrase
from .verbs import Modal, Verb

PARTICLES = ("up", "on", "off", "along", "back", "away")
DO_MODALS = ("have to", "want", "had to", "wanted")


@dataclass(frozen=True)
class Pair:
    """An English and a German text with the record of what is in it."""

    english: str
    german: str
    combinations: tuple[Combination, ...] = ()
    phenomena: tuple[str, ...] = ()


def join(*parts: Pair | str) -> Pair:
    """Joins pairs, and punctuation common to both languages, without adding spaces."""
    pairs = [Pair(part, part) if isinstance(part, str) else part for part in parts]
    return Pair(
        "".join(pair.english for pair in pairs),
        "".join(pair.german for pair in pairs),
        tuple(c for pair in pairs for c in pair.combinations),
        tuple(p for pair in pairs for p in pair.phenomena),
    )


@dataclass(frozen=True)
class Adverb:
    """A time or frequency adverbial.

    ``place`` is where English puts it: ``end``, or ``mid`` beside the verb. A ``late`` one follows definite objects
    in German (``hat das Buch schon gelesen``).
    """

    english: str
    german: str
    place: str = "end"
    late: bool = False
    combinations: tuple[Combination, ...] = ()
    phenomena: tuple[str, ...] = ()


@dataclass(frozen=True)
class Complement:
    """What closes the clause: a place, a direction, a predicate, an object with a preposition.

    A ``loose`` one only says where or with what something happens; in German it comes before an indefinite object
    (``hat im Garten einen Apfel gegessen``) and after a definite one.
    """

    english: str
    german: str
    nouns: tuple[str, ...] = ()
    combinations: tuple[Combination, ...] = ()
    phenomena: tuple[str, ...] = ()
    loose: bool = False


def complements(first: Complement, second: Complement) -> Complement:
    """Joins two: English ``to the cinema with Anna``, German ``mit Anna ins Kino``."""
    return Complement(
        f"{first.english} {second.english}",
        f"{second.german} {first.german}",
        first.nouns + second.nouns,
        first.combinations + second.combinations,
        first.phenomena + second.phenomena,
    )


@dataclass(frozen=True)
class Clause:
    """The parts of a clause. ``form`` is simple, progressive, past, perfect, modal or gern (``likes to``)."""

    subject: Phrase
    verb: Verb
    form: str
    modal: Modal | None = None
    dative: Phrase | None = None
    accusative: Phrase | None = None
    complement: Complement | None = None
    time: Adverb | None = None
    negated: bool = False
    dative_with_to: bool = False

    @property
    def with_kein(self) -> bool:
        return self.negated and self.accusative is not None and bool(self.accusative.negated)

    @property
    def record(self) -> Pair:
        """The combinations and phenomena of the parts, with no text."""
        combos: list[Combination] = []
        seen: list[str] = []
        if self.subject.noun and self.verb.name != "be":
            combos.append(("subject", self.subject.noun.english, self.verb.name))
        for phrase in (self.subject, self.dative, self.accusative):
            if phrase:
                combos += phrase.combinations
                seen += phrase.phenomena
        for phrase in (self.dative, self.accusative):
            if phrase and phrase.noun:
                combos.append(("object", self.verb.name, phrase.noun.english))
        if self.complement:
            combos += [("object", self.verb.name, noun) for noun in self.complement.nouns]
            combos += self.complement.combinations
            seen += self.complement.phenomena
        if self.time:
            combos += self.time.combinations
            seen += self.time.phenomena
        if self.dative:
            seen.append("dative object")
        if self.negated:
            seen.append("kein" if self.with_kein else "nicht")
        if self.form == "modal":
            seen.append("modal verb")
        if self.form == "gern":
            seen.append("gern")
        if self.form in ("past", "perfect"):
            if self.verb.name in ("be", "have"):
                seen.append("simple past of sein and haben")
            else:
                seen.append(f"perfect with {self.verb.auxiliary}")
        return Pair("", "", tuple(combos), tuple(seen))


# English ------------------------------------------------------------------------------------------------------------


def verb_group(clause: Clause, asked: bool) -> tuple[str, str]:
    """Returns the first auxiliary and the rest; with no auxiliary the first is empty. ``asked`` adds do-support."""
    verb, person, negated = clause.verb, clause.subject.person, clause.negated
    first, rest = "", ""
    if verb.name == "be" and clause.form in ("simple", "past"):
        first = english.be(person, past=clause.form == "past")
    elif clause.form == "progressive":
        first, rest = english.be(person), verb.ing
    elif clause.form == "perfect":
        first, rest = english.have(person), verb.participle
    elif clause.form == "modal" and clause.modal:
        modal = clause.modal
        if asked and modal.name in DO_MODALS:
            first = english.do(person, modal.past)
            rest = ("have to " if modal.name in ("have to", "had to") else "want to ") + verb.base
        elif asked and modal.name == "would like":
            first, rest = "would", "like to " + verb.base
        else:
            first, rest = english.modal_form(modal, person, negated), verb.base
            negated = False
    elif clause.form == "gern":
        first, rest = (english.do(person), "like to " + verb.base) if asked else (
            "", ("likes to " if person == "he" else "like to ") + verb.base)  # fmt: skip
    elif asked or negated:
        first, rest = english.do(person, clause.form == "past"), verb.base
    else:
        rest = (english.past if clause.form == "past" else english.present)(verb, person)
    if negated and asked:
        rest = f"not {rest}".strip()
    elif negated:
        first = f"{first} not"
    if clause.time and clause.time.place == "mid":
        rest = f"{clause.time.english} {rest}".strip()
    return first, rest


def english_objects(clause: Clause, rest: str) -> str:
    """Places the objects after the verb; a pronoun goes before the particle (``turns it on``)."""
    dative, accusative = clause.dative, clause.accusative
    head, _, last = rest.rpartition(" ")
    if accusative and accusative.pronoun and last in PARTICLES:
        words = [head, accusative.object, last]
    else:
        words = [rest]
        if dative and accusative and not accusative.pronoun and not clause.dative_with_to:
            words.append(dative.object)
            dative = None
        if accusative:
            words.append(accusative.object)
    if dative:
        words.append(dative.object if not clause.accusative else f"to {dative.object}")
    return " ".join(word for word in words if word)


def english_tail(clause: Clause, rest: str, time_at_end: bool) -> list[str]:
    words = [english_objects(clause, rest)]
    if clause.complement:
        words.append(clause.complement.english)
    if time_at_end and clause.time and clause.time.place == "end":
        words.append(clause.time.english)
    return words


def english_statement(clause: Clause, *, time_at_end: bool = True) -> str:
    first, rest = verb_group(clause, asked=False)
    return " ".join(word for word in [clause.subject.subject, first, *english_tail(clause, rest, time_at_end)] if word)


def english_question(clause: Clause, *, with_subject: bool = True) -> str:
    first, rest = verb_group(clause, asked=True)
    subject = clause.subject.subject if with_subject else ""
    return " ".join(word for word in [first, subject, *english_tail(clause, rest, True)] if word)


# German -------------------------------------------------------------------------------------------------------------


def german_verbs(clause: Clause) -> tuple[str, str, str]:
    """Returns the finite verb, the prefix that splits off it, and the infinitive or participle at the end."""
    verb, person = clause.verb, clause.subject.german_person
    if clause.form == "modal" and clause.modal:
        return german.modal_form(clause.modal, person), "", verb.infinitive
    if clause.form in ("past", "perfect"):
        simple_past = {"be": german.WAR, "have": german.HATTE}.get(verb.name)
        if simple_past:
            return simple_past[person], "", ""
        return german.auxiliary(verb, person), "", verb.german_participle
    return german.present(verb, person), verb.prefix, ""


def german_middle(clause: Clause, *, subject: bool, time: bool = True) -> list[str]:
    """Returns what stands between the two verb positions.

    Pronouns come first, then the person who gets something, the time, the other objects, nicht, the rest.
    """
    words = [clause.subject.case("nominative")] if subject else []
    accusative, dative = clause.accusative, clause.dative
    if accusative and accusative.pronoun:
        words.append(accusative.case("accusative"))
    if dative and dative.pronoun:
        words.append(dative.case("dative"))
    objects: list[str] = []
    first_objects: list[str] = []
    if dative and not dative.pronoun:
        (first_objects if accusative else objects).append(dative.case("dative"))
    if accusative and not accusative.pronoun:
        objects.append(accusative.negated_case("accusative") if clause.with_kein else accusative.case("accusative"))
    adverbs = [clause.time.german] if clause.time and time else []
    if clause.form == "gern":
        adverbs.append("gern")
    words += first_objects
    nicht = clause.negated and not clause.with_kein
    definite = not (accusative and accusative.negated)
    complement = [clause.complement.german] if clause.complement else []
    if clause.complement and clause.complement.loose and accusative and accusative.negated:
        if clause.time and clause.time.late:
            adverbs, complement = complement + adverbs, []
        else:
            objects, complement = complement + objects, []
    if nicht or (clause.time and clause.time.late and definite):
        words += objects + adverbs
    else:
        words += adverbs + objects
    if nicht:
        words.append("nicht")
    return words + complement


def german_main(clause: Clause, first: str | None = None, *, subject: bool = True, time: bool = True) -> str:
    """Writes a main clause. ``first`` stands before the verb: None means the subject, '' nothing at all."""
    finite, prefix, closing = german_verbs(clause)
    if first is None:
        words = [clause.subject.case("nominative"), finite, *german_middle(clause, subject=False, time=time)]
    else:
        words = [first, finite, *german_middle(clause, subject=subject, time=time)]
    return " ".join(word for word in [*words, closing, prefix] if word)


def german_subordinate(clause: Clause, *, leave_out_subject: bool = False) -> str:
    finite, prefix, closing = german_verbs(clause)
    words = [*german_middle(clause, subject=not leave_out_subject), closing, prefix + finite]
    return " ".join(word for word in words if word)


# Both ---------------------------------------------------------------------------------------------------------------


def bracket(clause: Clause, subordinate: bool) -> tuple[str, ...]:
    """Says what becomes of a separable verb in this clause."""
    if not clause.verb.prefix:
        return ()
    if clause.form == "modal":
        return ("separable verb with modal",)
    if clause.form in ("past", "perfect"):
        return ("separable participle",)
    return ("separable verb joined",) if subordinate else ("separable verb split",)


def pair(clause: Clause, words: str, german_words: str, *phenomena: str, subordinate: bool = False) -> Pair:
    record = clause.record
    return Pair(
        words, german_words, record.combinations, (*record.phenomena, *bracket(clause, subordinate), *phenomena)
    )


def statement(clause: Clause) -> Pair:
    return pair(clause, english_statement(clause), german_main(clause))


def fronted(clause: Clause) -> Pair:
    """Puts the time first: ``Yesterday Anna bought ...``, ``Gestern hat Anna ... gekauft``."""
    if clause.time is None:
        raise ValueError("a clause with no time adverbial has nothing to put first")
    words = f"{clause.time.english} {english_statement(clause, time_at_end=False)}"
    return pair(clause, words, german_main(clause, clause.time.german, time=False), "verb second after time")


def inverted(clause: Clause) -> Pair:
    """Writes a main clause for after a subordinate clause: English as usual, German verb first."""
    return pair(clause, english_statement(clause), german_main(clause, ""), "verb second after clause")


def subordinate(clause: Clause, conjunction: str, german_conjunction: str) -> Pair:
    words = f"{conjunction} {english_statement(clause)}"
    german_words = f"{german_conjunction} {german_subordinate(clause)}"
    return pair(clause, words, german_words, f"verb last after {german_conjunction}", subordinate=True)


def question(clause: Clause) -> Pair:
    return pair(clause, english_question(clause), german_main(clause, ""), "question")


def asking(clause: Clause, word: str, german_word: str) -> Pair:
    """Asks with a question word for a part that the clause leaves out."""
    words = f"{word} {english_question(clause)}"
    return pair(clause, words, german_main(clause, german_word), "question")


def asking_subject(clause: Clause) -> Pair:
    """Asks ``who``: the clause's subject is the question word itself."""
    return pair(clause, english_statement(clause), german_main(clause), "question")


def finish(text: Pair, mark: str = ".") -> Pair:
    """Makes a sentence: capital letter and closing mark."""
    words, german_words = text.english, text.german
    return Pair(
        words[0].upper() + words[1:] + mark,
        german_words[0].upper() + german_words[1:] + mark,
        tuple(dict.fromkeys(text.combinations)),
        tuple(dict.fromkeys(text.phenomena)),
    )
