"""German forms: articles, adjective endings, noun cases, verbs, numbers, clock times and dates.

Each paradigm is a table. The four cases are always in the order nominative, accusative, dative, genitive; the four
columns of a declension table are masculine, feminine, neuter and plural.
"""

from __future__ import annotations

from .nouns import Noun
from .verbs import Modal, Verb

CASES = ("nominative", "accusative", "dative", "genitive")
COLUMNS = ("m", "f", "n", "pl")

DEFINITE = {
    "nominative": ("der", "die", "das", "die"),
    "accusative": ("den", "die", "das", "die"),
    "dative": ("dem", "der", "dem", "den"),
    "genitive": ("des", "der", "des", "der"),
}
# What follows ein-, kein-, mein-, ...
EIN_ENDINGS = {
    "nominative": ("", "e", "", "e"),
    "accusative": ("en", "e", "", "e"),
    "dative": ("em", "er", "em", "en"),
    "genitive": ("es", "er", "es", "er"),
}
# What follows dies-, welch-, jed-.
DIESER_ENDINGS = {
    "nominative": ("er", "e", "es", "e"),
    "accusative": ("en", "e", "es", "e"),
    "dative": ("em", "er", "em", "en"),
    "genitive": ("es", "er", "es", "er"),
}
# Adjective endings after der, dieser, welcher.
WEAK = {
    "nominative": ("e", "e", "e", "en"),
    "accusative": ("en", "e", "e", "en"),
    "dative": ("en", "en", "en", "en"),
    "genitive": ("en", "en", "en", "en"),
}
# Adjective endings after ein, kein, mein.
MIXED = {
    "nominative": ("er", "e", "es", "en"),
    "accusative": ("en", "e", "es", "en"),
    "dative": ("en", "en", "en", "en"),
    "genitive": ("en", "en", "en", "en"),
}
# Adjective endings where no article stands, also after a number.
STRONG = {
    "nominative": ("er", "e", "es", "e"),
    "accusative": ("en", "e", "es", "e"),
    "dative": ("em", "er", "em", "en"),
    "genitive": ("en", "er", "en", "er"),
}
RELATIVE = {
    "nominative": ("der", "die", "das", "die"),
    "accusative": ("den", "die", "das", "die"),
    "dative": ("dem", "der", "dem", "denen"),
    "genitive": ("dessen", "deren", "dessen", "deren"),
}
PRONOUNS = {
    "ich": ("ich", "mich", "mir"),
    "du": ("du", "dich", "dir"),
    "er": ("er", "ihn", "ihm"),
    "sie": ("sie", "sie", "ihr"),
    "es": ("es", "es", "ihm"),
    "wir": ("wir", "uns", "uns"),
    "sie (plural)": ("sie", "sie", "ihnen"),
}
THIRD_PERSON = {"m": "er", "f": "sie", "n": "es", "pl": "sie (plural)"}
POSSESSIVES = {"my": "mein", "your": "dein", "his": "sein", "her": "ihr", "our": "unser", "their": "ihr"}
CONTRACTIONS = {
    "in dem": "im",
    "in das": "ins",
    "an dem": "am",
    "an das": "ans",
    "zu dem": "zum",
    "zu der": "zur",
    "von dem": "vom",
    "bei dem": "beim",
}

SEIN = {"ich": "bin", "du": "bist", "er": "ist", "wir": "sind"}
WAR = {"ich": "war", "du": "warst", "er": "war", "wir": "waren"}
HABEN = {"ich": "habe", "du": "hast", "er": "hat", "wir": "haben"}
HATTE = {"ich": "hatte", "du": "hattest", "er": "hatte", "wir": "hatten"}
WISSEN = {"ich": "weiß", "du": "weißt", "er": "weiß", "wir": "wissen"}

ONES = (
    *("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"),
    *("dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"),
)
TENS = ("", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
IRREGULAR_ORDINALS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}


def column(noun: Noun, plural: bool) -> str:
    return "pl" if plural else noun.gender


def article(case: str, col: str) -> str:
    return DEFINITE[case][COLUMNS.index(col)]


def ein_word(stem: str, case: str, col: str) -> str:
    """Inflects ein, kein or a possessive; ``unser`` keeps its e."""
    return stem + EIN_ENDINGS[case][COLUMNS.index(col)]


def dieser_word(stem: str, case: str, col: str) -> str:
    return stem + DIESER_ENDINGS[case][COLUMNS.index(col)]


def adjective_form(stem: str, declension: str, case: str, col: str) -> str:
    """Adds the ending of the ``weak``, ``mixed`` or ``strong`` declension to an adjective's stem."""
    table = {"weak": WEAK, "mixed": MIXED, "strong": STRONG}[declension]
    return stem + table[case][COLUMNS.index(col)]


def noun_form(noun: Noun, case: str, plural: bool) -> str:
    if plural:
        if case == "dative" and noun.plural[-1] not in "ns":
            return noun.plural + "n"
        return noun.plural
    if case == "genitive" or (noun.weak and case != "nominative"):
        return noun.genitive
    return noun.german


def relative_pronoun(case: str, col: str) -> str:
    return RELATIVE[case][COLUMNS.index(col)]


def prepositional(preposition: str, phrase: str) -> str:
    """Puts a preposition before a noun phrase: ``in`` + ``dem Garten`` gives ``im Garten``."""
    first, _, rest = phrase.partition(" ")
    contracted = CONTRACTIONS.get(f"{preposition} {first}")
    if contracted and rest:
        return f"{contracted} {rest}"
    return f"{preposition} {phrase}"


def name_genitive(name: str) -> str:
    """Returns the genitive of a first name: ``Annas``, but ``Lukas'``."""
    return name + "'" if name[-1] in "sßxz" else name + "s"


def present(verb: Verb, person: str) -> str:
    """Returns the finite present form without the prefix; ``person`` is ich, du, er or wir (all plurals)."""
    special = {"sein": SEIN, "haben": HABEN, "wissen": WISSEN}.get(verb.infinitive)
    if special:
        return special[person]
    if person == "wir":
        return verb.stem
    if person == "ich":
        return "mag" if verb.infinitive == "mögen" else verb.stem.removesuffix("n").removesuffix("e") + "e"
    return verb.du if person == "du" else verb.er


def modal_form(modal: Modal, person: str) -> str:
    return {"ich": modal.ich, "er": modal.ich, "du": modal.du, "wir": modal.plural}[person]


def auxiliary(verb: Verb, person: str) -> str:
    return (SEIN if verb.auxiliary == "sein" else HABEN)[person]


def number(value: int) -> str:
    """Writes a whole number from 0 to 999 in words, as one counts: 1 is ``eins``."""
    if not 0 <= value <= 999:
        raise ValueError(f"number in words: 0 to 999, not {value}")
    if value >= 100:
        hundreds = ("ein" if value // 100 == 1 else ONES[value // 100]) + "hundert"
        return hundreds + (number(value % 100) if value % 100 else "")
    if value < 20:
        return ONES[value]
    if value % 10 == 0:
        return TENS[value // 10]
    return ("ein" if value % 10 == 1 else ONES[value % 10]) + "und" + TENS[value // 10]


def ordinal(value: int, ending: str = "en") -> str:
    """Writes an ordinal in words: ``dritten``, ``zwanzigsten``."""
    if value in IRREGULAR_ORDINALS:
        return IRREGULAR_ORDINALS[value] + ending
    return number(value) + ("t" if value < 20 else "st") + ending


def clock(hour: int, minute: int) -> str:
    """Says a time on the twelve-hour clock in steps of five minutes: ``halb acht``, ``Viertel vor neun``."""
    following = hour % 12 + 1
    if minute == 0:
        return ("ein" if hour == 1 else number(hour)) + " Uhr"
    if minute == 30:
        return "halb " + number(following)
    if minute < 30:
        return ("Viertel" if minute == 15 else number(minute)) + " nach " + number(hour)
    return ("Viertel" if minute == 45 else number(60 - minute)) + " vor " + number(following)


def date(day: int, month: str) -> str:
    return f"am {ordinal(day)} {month}"
