"""What people do: each verb with the objects it takes, the articles that suit them and the uses that sound natural.

One row a frame: ``verb | objects | articles | uses | places``. Objects are tags and names of nouns. Among the
articles, ``bare`` is a plural or a substance with none, ``pl`` a plural with ``the``, ``own`` the subject's
possessive. The uses are:

now      in the progressive          habit    with often, every day
past     in the past and perfect     state    in the simple present, with no adverb
modal    with a modal verb           gern     after ``likes to``
order    as an imperative            duty     as something one has to do
fun      as something one is glad to do
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .nouns import Noun, nouns
from .verbs import VERB, Verb

TABLE = """
read | reading -text | a the own bare | now habit past modal gern fun | garden park library living_room kitchen
read | newspaper | the | habit gern | garden kitchen living_room office
write | letter poem story novel | a the bare | now habit past modal gern duty | garden library kitchen office
eat | fruit egg cake roll sausage soup | a the | now past modal fun order | kitchen garden
eat | fruit egg roll sausage cheese meat rice honey bread potato | bare | now habit past modal gern | kitchen \
    garden restaurant
drink | drink | the | past modal order fun | kitchen garden
drink | drink | bare | now habit past modal gern fun | kitchen garden restaurant
buy | book newspaper magazine novel furniture cloth device instrument bag suitcase umbrella vase cake ticket \
    present house flat car bike | a | past modal fun |
buy | fruit egg roll flower rose potato sausage | bare | now habit past modal duty | market supermarket
buy | bread cheese meat rice butter milk coffee tea honey juice wine beer water | bare | now habit past modal \
    duty | supermarket
sell | car bike boat house flat piano camera computer guitar violin sofa | the own | now past modal |
see | person -family animal vehicle -tram castle church museum | a the pl | past |
find | key ticket bag umbrella letter book ball pencil photo camera hat scarf jacket suitcase | the own | past |
look for | key ticket bag umbrella letter book ball pencil photo camera hat scarf jacket suitcase dog cat | the \
    own | now past |
look for | flat house hotel restaurant present | a | now modal |
need | knife spoon fork cup glass plate bottle basket box bag suitcase umbrella pencil ticket coat jacket jumper \
    car bike camera computer lamp table chair bed flat | a | state |
need | key knife ticket umbrella suitcase car bike camera computer book coat | the own | state |
open | opening | the pl | now past modal order |
open | box bottle letter present suitcase umbrella | the own | now past modal order |
close | opening | the pl | now past modal order |
close | box bottle suitcase umbrella | the own | now past modal order |
clean | window | pl | now habit past modal duty order |
clean | kitchen bathroom mirror shoe boot bike | the own | now habit past modal duty order |
wash | car shirt skirt dress jumper scarf dog horse apple pear tomato | the own pl | now past modal duty order |
cook | soup | a the | now past modal |
cook | rice egg meat | the bare | now habit past modal gern |
cook | potato | pl bare | now habit past modal gern |
bake | cake bread roll | a the bare | now habit past modal gern |
cut | cake bread cheese tomato apple sausage meat | the | now modal order |
visit | family neighbour teacher colleague -son -daughter | own | now habit past modal fun |
visit | castle museum church village town | the | now past modal fun |
help | person | the own pl | now habit past modal duty order |
thank | person -child -boy -girl -guest | the own | past modal duty |
answer | person -child | the own | past modal duty |
ask | person -child | the own | past modal order |
call | person -child -baker -waiter -waitress -saleswoman -actress -policeman | the own | now habit past modal \
    duty order |
pick up | family guest colleague child student actress artist suitcase present | the own | now past modal duty \
    order | station
invite | family colleague neighbour teacher student doctor artist actress | the own | now past modal fun |
repair | bike car clock computer television radio camera lamp chair umbrella boat | the own | now past modal duty \
    order |
understand | question exercise text word poem story teacher problem | the pl | state past |
hear | song radio concert bird dog | the | past |
love | family dog cat horse | own | state |
know | person -family castle book song film restaurant hotel village | the pl | state |
like | reading food cloth film song drink town village lake dog cat horse picture | the | state |
forget | bag key umbrella ticket camera scarf book hat present | the own | past |
lose | key bag ticket umbrella ball scarf photo hat camera pencil | the own | past |
carry | carried vase chair television mirror table | the | now past modal |
carry | bag box suitcase chair | pl | now past modal duty |
wear | cloth | a own | now |
wear | cloth -footwear | a | habit |
put on | cloth | the own | now past modal order |
take off | coat jacket jumper shoe boot hat scarf | the own | now past modal order |
turn on | lamp television radio computer | the | now past modal order |
turn off | lamp television radio computer | the | now past modal order |
unpack | suitcase present bag box | the own pl | now past modal order duty |
tidy up | kitchen living_room cellar office cupboard | the own | now habit past modal order duty |
throw away | newspaper magazine letter shoe chair umbrella picture jumper bottle | the | past modal order |
bring along | cake flower present guitar camera book bottle umbrella ball | a the own | now past modal order |
give back | book bike umbrella camera magazine key | the | past modal order duty |
draw | house tree horse cat bird flower dog castle ship | a the | now past modal |
draw | house tree horse cat bird flower dog castle ship | bare | habit gern |
"""
# An adjective that would be odd, or contradict the verb, before that verb's object.
ODD = {
    "cut": "old",
    "draw": "slow fast hungry thirsty tired sick healthy broken empty expensive dirty clean",
    "tidy up": "warm cold bright clean",
    "wash": "clean broken new",
    "clean": "clean broken new",
    "repair": "new broken",
    "throw away": "new beautiful expensive clean important",
    "buy": "bad boring sour dirty old empty full ugly",
    "open": "full empty sad broken heavy light long short thick",
    "close": "full empty broken",
    "unpack": "empty clean dirty",
    "bring along": "dirty broken empty full old",
    "pick up": "full empty broken",
    "eat": "dirty sour small big",
    "need": "broken dirty ugly full empty",
    "like": "broken dirty ugly full empty bad boring",
    "look for": "broken ugly dirty bad boring",
    "turn on": "broken",
    "turn off": "broken",
    "carry": "clean dirty broken modern ugly new",
    "put on": "dirty broken ugly",
    "bake": "fresh warm",
    "cook": "fresh cold warm hot small big",
    "drink": "bad sour",
    "give back": "broken dirty",
    "wear": "broken dirty cheap heavy",
}
# Prices are spoken of where one buys, sells, needs or looks for something.
PRICES = ("expensive", "cheap")
PRICED = ("buy", "sell", "look for", "need")
# What can lie weeks away.
FAR = ("buy", "sell", "visit", "invite", "repair", "bring along", "give back", "lose", "find")
STATES = ("tired", "sick", "healthy", "happy", "sad", "hungry", "thirsty", "angry")


@dataclass(frozen=True)
class Frame:
    """One verb with its objects, their articles, its uses and the places where it happens."""

    verb: Verb
    objects: tuple[Noun, ...]
    articles: tuple[str, ...]
    uses: tuple[str, ...]
    places: tuple[str, ...]


def read_frame(row: str) -> Frame:
    verb, objects, articles, uses, places = (column.strip() for column in row.split("|"))
    return Frame(
        VERB[verb],
        nouns(objects),
        tuple(articles.split()),
        tuple(uses.split()),
        tuple(place.replace("_", " ") for place in places.split()),
    )


FRAMES: tuple[Frame, ...] = tuple(read_frame(row) for row in TABLE.strip().splitlines())
# Verbs with no object: verb | uses | places where it happens.
PLAIN_TABLE = """
sleep | now past modal | living_room garden
work | now habit past modal duty gern | office garden library hotel restaurant kitchen
laugh | now past |
cry | now past | kitchen living_room bathroom
sing | now habit past modal gern fun | church garden bathroom kitchen
dance | now habit past modal gern fun | garden living_room street
swim | now habit past modal gern fun | lake
run | now habit past modal gern | park forest
wait | now past modal | station park bridge restaurant
shop | now habit past modal gern duty | market supermarket town
watch television | now habit past modal gern fun | living_room
sit | now habit past | garden kitchen park office restaurant library
"""


def read_plain(row: str) -> Frame:
    verb, uses, places = (column.strip() for column in row.split("|"))
    return Frame(VERB[verb], (), (), tuple(uses.split()), tuple(place.replace("_", " ") for place in places.split()))


PLAIN: tuple[Frame, ...] = tuple(read_plain(row) for row in PLAIN_TABLE.strip().splitlines())


@cache
def frames(use: str, *, plain: bool = True) -> tuple[Frame, ...]:
    """Returns the frames with a use."""
    return tuple(frame for frame in (FRAMES + PLAIN if plain else FRAMES) if use in frame.uses)
