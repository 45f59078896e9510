"""Places: where something is and where someone goes, with the preposition that each noun takes.

The two-way prepositions (an, auf, in, unter, hinter, neben, vor) take the dative for a place and the accusative for
a direction.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import german
from .clauses import Complement
from .nouns import NOUN
from .phrases import Phrase

TWO_WAY = ("an", "auf", "in", "unter", "hinter", "neben", "vor")

# noun | English, German preposition for being there | English, German preposition for going there, case
TABLE = """
station | at, an | to, zu, dative
park | in, in | to, in, accusative
garden | in, in | into, in, accusative
forest | in, in | into, in, accusative
museum | in, in | to, in, accusative
cinema | at, in | to, in, accusative
theatre | at, in | to, in, accusative
restaurant | in, in | to, in, accusative
hotel | in, in | to, in, accusative
church | in, in | to, in, accusative
market | at, auf | to, auf, accusative
library | in, in | to, in, accusative
office | in, in | to, in, accusative
school | in, in | to, zu, dative
bakery | in, in | to, zu, dative
supermarket | in, in | to, in, accusative
castle | in, in | to, zu, dative
lake | at, an | to, zu, dative
beach | on, an | to, an, accusative
town | in, in | to, in, accusative
village | in, in | to, in, accusative
street | on, auf | -
bridge | on, auf | to, zu, dative
kitchen | in, in | into, in, accusative
living room | in, in | into, in, accusative
bathroom | in, in | into, in, accusative
cellar | in, in | into, in, accusative
house | in, in | into, in, accusative
flat | in, in | into, in, accusative
"""


@dataclass(frozen=True)
class Place:
    """The prepositions of one place noun; an empty ``to`` means that one does not go there."""

    at: str
    german_at: str
    to: str = ""
    german_to: str = ""
    case: str = ""


def read_place(row: str) -> tuple[str, Place]:
    noun, at, to = (column.strip() for column in row.split("|"))
    going = () if to == "-" else tuple(to.split(", "))
    return noun, Place(*at.split(", "), *going)


PLACE: dict[str, Place] = dict(read_place(row) for row in TABLE.strip().splitlines())
CITIES = (
    *(("Berlin", "Berlin"), ("Hamburg", "Hamburg"), ("Vienna", "Wien"), ("Munich", "München"), ("Cologne", "Köln")),
    *(("London", "London"), ("Paris", "Paris"), ("Rome", "Rom"), ("Zurich", "Zürich")),
)
COUNTRIES = (
    *(("Germany", "Deutschland"), ("France", "Frankreich"), ("Italy", "Italien"), ("Spain", "Spanien")),
    *(("England", "England"), ("Austria", "Österreich")),
)
# Positions at a piece of furniture and the like: English preposition at rest, with movement, German preposition.
POSITIONS = {
    "on": ("on", "on", "auf"),
    "under": ("under", "under", "unter"),
    "in": ("in", "into", "in"),
    "next to": ("next to", "next to", "neben"),
    "behind": ("behind", "behind", "hinter"),
    "in front of": ("in front of", "in front of", "vor"),
    "on the wall": ("on", "on", "an"),
    "onto": ("on", "onto", "auf"),
}


def prepositional(preposition: str, german_preposition: str, case: str, phrase: Phrase) -> Complement:
    """Builds a prepositional phrase and notes what a two-way preposition does in it."""
    phenomena = list(phrase.phenomena)
    if german_preposition in TWO_WAY:
        phenomena.append(f"two-way preposition with {case}")
    return Complement(
        f"{preposition} {phrase.object}",
        german.prepositional(german_preposition, phrase.case(case)),
        (phrase.noun.english,) if phrase.noun else (),
        phrase.combinations,
        tuple(phenomena),
    )


def place_key(phrase: Phrase) -> str:
    if phrase.noun is None or phrase.noun.english not in PLACE:
        raise ValueError(f"not a place: {phrase.subject}")
    return phrase.noun.english


def at(phrase: Phrase) -> Complement:
    place = PLACE[place_key(phrase)]
    return prepositional(place.at, place.german_at, "dative", phrase)


def to(phrase: Phrase) -> Complement:
    place = PLACE[place_key(phrase)]
    return prepositional(place.to, place.german_to, place.case, phrase)


def position(where: str, phrase: Phrase) -> Complement:
    still, _, preposition = POSITIONS[where]
    return prepositional(still, preposition, "dative", phrase)


def movement(where: str, phrase: Phrase) -> Complement:
    _, moving, preposition = POSITIONS[where]
    return prepositional(moving, preposition, "accusative", phrase)


def city(names: tuple[str, str], *, going: bool) -> Complement:
    """Builds ``in Vienna`` or ``to Vienna``; towns and countries take no article."""
    words, german_words = names
    return Complement(
        f"{'to' if going else 'in'} {words}", f"{'nach' if going else 'in'} {german_words}", nouns=(words,)
    )


GOING_PLACES = tuple(NOUN[name] for name, place in PLACE.items() if place.to)
