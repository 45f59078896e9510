"""The adjectives: English and German, with their comparatives, and the nouns that each one can describe.

One row an adjective: ``English, comparative | German, stem, comparative | nouns``. The stem is what takes an ending
(``teuer``, but ``ein teures Auto``). The last column lists tags and names of nouns; ``-name`` leaves one out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .nouns import Noun

TABLE = """
old, older | alt, alt, älter | adult animal -mouse -bird furniture cloth device instrument vehicle building home \
    book newspaper letter bag suitcase basket picture mirror bridge tree town vase umbrella door photo calendar
new, newer | neu, neu, neuer | furniture cloth device instrument vehicle building home bag suitcase umbrella vase \
    teacher colleague neighbour student -church -castle book novel kitchen office mirror door key calendar \
    supermarket ticket
big, bigger | groß, groß, größer | dog cat horse bird furniture box bag suitcase basket plate tree building room \
    garden lake forest town car ship boat house flat window fruit potato cake ball
small, smaller | klein, klein, kleiner | dog cat bird mouse furniture box bag basket plate cup tree -museum \
    building room garden lake forest town village car boat house flat window fruit child key vase potato egg \
    radio camera spoon ball
beautiful, more beautiful | schön, schön, schöner | cloth -boot -shoe plant garden house castle church town \
    village lake beach park picture photo song lamp horse cat vase bridge guitar theatre poem flat kitchen
ugly, uglier | hässlich, hässlich, hässlicher | cloth lamp picture house bag vase hotel sofa cupboard dog \
    building -church -castle
red, - | rot, rot, - | cloth coloured car bike bus door sofa plant -tree chair apple tomato lamp boat
blue, - | blau, blau, - | cloth coloured car bike bus door sofa flower chair lamp boat
green, - | grün, grün, - | cloth coloured car bike door sofa apple bottle tram chair lamp pear
black, - | schwarz, schwarz, - | cloth dog cat horse bag suitcase umbrella car bike piano sofa bird television
white, - | weiß, weiß, - | cloth dog cat horse cow mouse cup plate vase wall house rose flower ship cupboard shelf car
brown, - | braun, braun, - | dog cat horse cow bag suitcase coat jacket shoe boot hat table chair cupboard door
expensive, more expensive | teuer, teur, teurer | cloth furniture device instrument car bike boat hotel \
    restaurant flat wine vase bag present cheese honey
cheap, cheaper | billig, billig, billiger | cloth furniture device car bike hotel restaurant flat wine bag ticket \
    beer guitar
heavy, heavier | schwer, schwer, schwerer | carried furniture -lamp book television bottle bike mirror
light, lighter | leicht, leicht, leichter | bag suitcase jacket basket bike chair box
long, longer | lang, lang, länger | reading -newspaper -magazine -book film coat dress skirt scarf street bridge \
    table word train lesson song
short, shorter | kurz, kurz, kürzer | letter story poem text film song dress skirt novel concert word
tired, - | müde, müd, - | person dog cat horse
sick, - | krank, krank, - | person dog cat horse cow
healthy, healthier | gesund, gesund, gesünder | person dog cat horse cow
happy, happier | glücklich, glücklich, glücklicher | person
sad, sadder | traurig, traurig, trauriger | person dog song film story poem
hungry, - | hungrig, hungrig, - | person animal
thirsty, - | durstig, durstig, - | person dog horse cow
angry, - | wütend, wütend, - | person dog
young, younger | jung, jung, jünger | adult student colleague dog cat horse family -grandmother -grandfather
friendly, friendlier | freundlich, freundlich, freundlicher | person dog
nice, nicer | nett, nett, netter | person
clever, cleverer | klug, klug, klüger | person dog horse
lazy, lazier | faul, faul, fauler | student waiter boy brother dog cat colleague sister son
polite, politer | höflich, höflich, höflicher | person
famous, more famous | berühmt, berühmt, berühmter | artist actress doctor museum castle book novel picture song \
    film restaurant church
strong, stronger | stark, stark, stärker | man woman boy horse coffee tea policeman uncle
warm, warmer | warm, warm, wärmer | soup milk water bread room -cellar jumper coat jacket scarf bed roll
cold, colder | kalt, kalt, kälter | drink soup room lake weather
hot, hotter | heiß, heiß, heißer | tea coffee soup water milk
fresh, fresher | frisch, frisch, frischer | bread milk fruit egg roll butter cheese cake juice meat
sweet, sweeter | süß, süß, süßer | apple pear orange cake tea wine juice honey
sour, sourer | sauer, saur, saurer | apple orange wine juice milk
clean, cleaner | sauber, sauber, sauberer | dishes cloth -hat -scarf opening room car water beach street bed hotel
dirty, dirtier | schmutzig, schmutzig, schmutziger | dishes cloth opening room car bike street dog bag bus
full, - | voll, voll, - | bottle glass cup basket suitcase box transport restaurant bag
empty, - | leer, leer, - | bottle glass cup basket suitcase box transport cinema plate house flat shelf
broken, - | kaputt, kaputt, - | device vehicle -boat -ship -tram chair cup window door umbrella lamp guitar shoe
dark, darker | dunkel, dunkl, dunkler | room -office street forest house cinema church
bright, brighter | hell, hell, heller | room -cellar lamp flat
quiet, quieter | ruhig, ruhig, ruhiger | street village hotel park child guest beach
loud, louder | laut, laut, lauter | street child radio restaurant guest song party
modern, more modern | modern, modern, moderner | building -castle -church device furniture kitchen bathroom \
    office flat bridge tram house
interesting, more interesting | interessant, interessant, interessanter | reading film museum question town \
    lesson concert
boring, more boring | langweilig, langweilig, langweiliger | reading film museum lesson concert party
exciting, more exciting | spannend, spannend, spannender | book novel story film
important, more important | wichtig, wichtig, wichtiger | letter question word text problem
difficult, more difficult | schwierig, schwierig, schwieriger | question exercise text word problem
easy, easier | einfach, einfach, einfacher | question exercise text word
thick, thicker | dick, dick, dicker | book novel jumper coat wall scarf
round, - | rund, rund, - | table mirror clock lamp window
comfortable, more comfortable | bequem, bequem, bequemer | seat bed shoe boot
fast, faster | schnell, schnell, schneller | car train horse boat ship computer bike
slow, slower | langsam, langsam, langsamer | car train bus computer ship tram waiter
funny, funnier | lustig, lustig, lustiger | film story book man dog poem song picture uncle hat photo
delicious, more delicious | lecker, lecker, leckerer | food -butter -rice
good, better | gut, gut, besser | film book novel wine beer coffee teacher doctor artist hotel restaurant \
    question camera story student bakery school weather violin
bad, worse | schlecht, schlecht, schlechter | film novel hotel restaurant coffee beer waiter student camera weather
high, higher | hoch, hoh, höher | wall bridge shelf tree
"""


@dataclass(frozen=True)
class Adjective:
    """One adjective in both languages; an empty comparative means that none is used."""

    english: str
    english_comparative: str
    german: str
    stem: str
    comparative: str
    nouns: tuple[str, ...]

    def describes(self, noun: Noun) -> bool:
        return noun.fits(self.nouns)


def read_adjective(row: str) -> Adjective:
    english, german, wanted = (column.strip() for column in row.split("|"))
    positive, comparative = english.split(", ")
    german_positive, stem, german_comparative = german.split(", ")
    return Adjective(
        english=positive,
        english_comparative=comparative.strip("-"),
        german=german_positive,
        stem=stem,
        comparative=german_comparative.strip("-"),
        nouns=tuple(label.replace("_", " ") for label in wanted.split()),
    )


ADJECTIVES: tuple[Adjective, ...] = tuple(read_adjective(row) for row in TABLE.strip().splitlines())
ADJECTIVE: dict[str, Adjective] = {adjective.english: adjective for adjective in ADJECTIVES}


@cache
def adjectives_for(noun: Noun) -> tuple[Adjective, ...]:
    """Returns the adjectives that can describe a noun."""
    return tuple(adjective for adjective in ADJECTIVES if adjective.describes(noun))
