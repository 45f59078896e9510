"""The nouns: English singular and plural, German gender and forms, and what kind of thing each one is.

One row a noun: ``English, plural | gender | German, genitive, plural | tags``. The gender is ``m``, ``f`` or ``n``;
``mw`` is a masculine noun of the weak declension, whose genitive form also serves as accusative and dative. A ``-``
stands for a plural that is not used. The tags say which adjectives and verbs the noun goes with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

TABLE = """
man, men | m | Mann, Mannes, Männer | person adult
woman, women | f | Frau, Frau, Frauen | person adult
boy, boys | mw | Junge, Jungen, Jungen | person young
girl, girls | n | Mädchen, Mädchens, Mädchen | person young
child, children | n | Kind, Kindes, Kinder | person young
teacher, teachers | m | Lehrer, Lehrers, Lehrer | person adult known
doctor, doctors | m | Arzt, Arztes, Ärzte | person adult known
neighbour, neighbours | mw | Nachbar, Nachbarn, Nachbarn | person adult known
student, students | mw | Student, Studenten, Studenten | person
colleague, colleagues | mw | Kollege, Kollegen, Kollegen | person known
waiter, waiters | m | Kellner, Kellners, Kellner | person adult
waitress, waitresses | f | Kellnerin, Kellnerin, Kellnerinnen | person adult
baker, bakers | m | Bäcker, Bäckers, Bäcker | person adult
policeman, policemen | mw | Polizist, Polizisten, Polizisten | person adult
saleswoman, saleswomen | f | Verkäuferin, Verkäuferin, Verkäuferinnen | person adult
actress, actresses | f | Schauspielerin, Schauspielerin, Schauspielerinnen | person adult
artist, artists | m | Künstler, Künstlers, Künstler | person adult
guest, guests | m | Gast, Gastes, Gäste | person known
mother, mothers | f | Mutter, Mutter, Mütter | person family
father, fathers | m | Vater, Vaters, Väter | person family
brother, brothers | m | Bruder, Bruders, Brüder | person family sibling
sister, sisters | f | Schwester, Schwester, Schwestern | person family sibling
son, sons | m | Sohn, Sohnes, Söhne | person family sibling
daughter, daughters | f | Tochter, Tochter, Töchter | person family sibling
grandmother, grandmothers | f | Großmutter, Großmutter, Großmütter | person family
grandfather, grandfathers | m | Großvater, Großvaters, Großväter | person family
uncle, uncles | m | Onkel, Onkels, Onkel | person family sibling
aunt, aunts | f | Tante, Tante, Tanten | person family sibling
dog, dogs | m | Hund, Hundes, Hunde | animal pet
cat, cats | f | Katze, Katze, Katzen | animal pet
horse, horses | n | Pferd, Pferdes, Pferde | animal
cow, cows | f | Kuh, Kuh, Kühe | animal
bird, birds | m | Vogel, Vogels, Vögel | animal
mouse, mice | f | Maus, Maus, Mäuse | animal
apple, apples | m | Apfel, Apfels, Äpfel | food fruit
pear, pears | f | Birne, Birne, Birnen | food fruit
orange, oranges | f | Orange, Orange, Orangen | food fruit
tomato, tomatoes | f | Tomate, Tomate, Tomaten | food fruit
potato, potatoes | f | Kartoffel, Kartoffel, Kartoffeln | food
egg, eggs | n | Ei, Eies, Eier | food
cake, cakes | m | Kuchen, Kuchens, Kuchen | food baked
roll, rolls | n | Brötchen, Brötchens, Brötchen | food
sausage, sausages | f | Wurst, Wurst, Würste | food
soup, soups | f | Suppe, Suppe, Suppen | food dish
bread, - | n | Brot, Brotes, - | mass food baked
cheese, - | m | Käse, Käses, - | mass food
meat, - | n | Fleisch, Fleisches, - | mass food
rice, - | m | Reis, Reises, - | mass food
honey, - | m | Honig, Honigs, - | mass food
butter, - | f | Butter, Butter, - | mass food
water, - | n | Wasser, Wassers, - | mass drink
milk, - | f | Milch, Milch, - | mass drink
tea, - | m | Tee, Tees, - | mass drink
coffee, - | m | Kaffee, Kaffees, - | mass drink
juice, - | m | Saft, Saftes, - | mass drink
beer, - | n | Bier, Bieres, - | mass drink
wine, - | m | Wein, Weines, - | mass drink
book, books | n | Buch, Buches, Bücher | reading thing
newspaper, newspapers | f | Zeitung, Zeitung, Zeitungen | reading thing
magazine, magazines | f | Zeitschrift, Zeitschrift, Zeitschriften | reading thing
letter, letters | m | Brief, Briefes, Briefe | reading written
novel, novels | m | Roman, Romans, Romane | reading written
poem, poems | n | Gedicht, Gedichts, Gedichte | reading written
story, stories | f | Geschichte, Geschichte, Geschichten | reading written
text, texts | m | Text, Textes, Texte | reading written
song, songs | n | Lied, Liedes, Lieder | work
film, films | m | Film, Films, Filme | work
question, questions | f | Frage, Frage, Fragen | matter
exercise, exercises | f | Aufgabe, Aufgabe, Aufgaben | matter
word, words | n | Wort, Wortes, Wörter | matter
problem, problems | n | Problem, Problems, Probleme | matter
table, tables | m | Tisch, Tisches, Tische | furniture
chair, chairs | m | Stuhl, Stuhls, Stühle | furniture seat
bed, beds | n | Bett, Bettes, Betten | furniture
sofa, sofas | n | Sofa, Sofas, Sofas | furniture seat
cupboard, cupboards | m | Schrank, Schranks, Schränke | furniture
shelf, shelves | n | Regal, Regals, Regale | furniture
lamp, lamps | f | Lampe, Lampe, Lampen | furniture
mirror, mirrors | m | Spiegel, Spiegels, Spiegel | hanging
picture, pictures | n | Bild, Bildes, Bilder | hanging
clock, clocks | f | Uhr, Uhr, Uhren | hanging device
calendar, calendars | m | Kalender, Kalenders, Kalender | hanging
photo, photos | n | Foto, Fotos, Fotos | hanging
key, keys | m | Schlüssel, Schlüssels, Schlüssel | thing small
pencil, pencils | m | Bleistift, Bleistifts, Bleistifte | thing small coloured
knife, knives | n | Messer, Messers, Messer | thing small dishes
spoon, spoons | m | Löffel, Löffels, Löffel | thing small dishes
fork, forks | f | Gabel, Gabel, Gabeln | thing small dishes
ticket, tickets | f | Fahrkarte, Fahrkarte, Fahrkarten | small
cup, cups | f | Tasse, Tasse, Tassen | thing dishes standing coloured
glass, glasses | n | Glas, Glases, Gläser | thing dishes standing
plate, plates | m | Teller, Tellers, Teller | thing dishes standing coloured
bottle, bottles | f | Flasche, Flasche, Flaschen | thing standing
vase, vases | f | Vase, Vase, Vasen | thing standing coloured
basket, baskets | m | Korb, Korbes, Körbe | thing standing carried
box, boxes | f | Kiste, Kiste, Kisten | thing standing carried
bag, bags | f | Tasche, Tasche, Taschen | thing carried coloured
suitcase, suitcases | m | Koffer, Koffers, Koffer | thing standing carried coloured
umbrella, umbrellas | m | Regenschirm, Regenschirms, Regenschirme | thing coloured
present, presents | n | Geschenk, Geschenks, Geschenke | gift
ball, balls | m | Ball, Balles, Bälle | thing coloured
flower, flowers | f | Blume, Blume, Blumen | plant
rose, roses | f | Rose, Rose, Rosen | plant
tree, trees | m | Baum, Baumes, Bäume | nature
computer, computers | m | Computer, Computers, Computer | device
television, televisions | m | Fernseher, Fernsehers, Fernseher | device
radio, radios | n | Radio, Radios, Radios | device
camera, cameras | f | Kamera, Kamera, Kameras | device
guitar, guitars | f | Gitarre, Gitarre, Gitarren | instrument
piano, pianos | n | Klavier, Klaviers, Klaviere | instrument
violin, violins | f | Geige, Geige, Geigen | instrument
shirt, shirts | n | Hemd, Hemdes, Hemden | cloth
dress, dresses | n | Kleid, Kleides, Kleider | cloth
skirt, skirts | m | Rock, Rocks, Röcke | cloth
coat, coats | m | Mantel, Mantels, Mäntel | cloth warmer
jacket, jackets | f | Jacke, Jacke, Jacken | cloth warmer
jumper, jumpers | m | Pullover, Pullovers, Pullover | cloth warmer
scarf, scarves | m | Schal, Schals, Schals | cloth warmer
hat, hats | m | Hut, Hutes, Hüte | cloth
shoe, shoes | m | Schuh, Schuhs, Schuhe | cloth footwear
boot, boots | m | Stiefel, Stiefels, Stiefel | cloth footwear
car, cars | n | Auto, Autos, Autos | vehicle road
bike, bikes | n | Fahrrad, Fahrrads, Fahrräder | vehicle road
bus, buses | m | Bus, Busses, Busse | vehicle transport
train, trains | m | Zug, Zuges, Züge | vehicle transport
tram, trams | f | Straßenbahn, Straßenbahn, Straßenbahnen | vehicle transport
boat, boats | n | Boot, Bootes, Boote | vehicle
ship, ships | n | Schiff, Schiffes, Schiffe | vehicle
house, houses | n | Haus, Hauses, Häuser | building home
flat, flats | f | Wohnung, Wohnung, Wohnungen | home
door, doors | f | Tür, Tür, Türen | opening
window, windows | n | Fenster, Fensters, Fenster | opening
wall, walls | f | Wand, Wand, Wände | part
school, schools | f | Schule, Schule, Schulen | building
church, churches | f | Kirche, Kirche, Kirchen | building sight
castle, castles | n | Schloss, Schlosses, Schlösser | building sight
museum, museums | n | Museum, Museums, Museen | building sight
hotel, hotels | n | Hotel, Hotels, Hotels | building
restaurant, restaurants | n | Restaurant, Restaurants, Restaurants | building
cinema, cinemas | n | Kino, Kinos, Kinos | building
theatre, theatres | n | Theater, Theaters, Theater | building
library, libraries | f | Bibliothek, Bibliothek, Bibliotheken | building
station, stations | m | Bahnhof, Bahnhofs, Bahnhöfe | building
bakery, bakeries | f | Bäckerei, Bäckerei, Bäckereien | shop
supermarket, supermarkets | m | Supermarkt, Supermarkts, Supermärkte | shop
market, markets | m | Markt, Marktes, Märkte | shop
kitchen, kitchens | f | Küche, Küche, Küchen | room
living room, living rooms | n | Wohnzimmer, Wohnzimmers, Wohnzimmer | room
bathroom, bathrooms | n | Badezimmer, Badezimmers, Badezimmer | room
cellar, cellars | m | Keller, Kellers, Keller | room
office, offices | n | Büro, Büros, Büros | room
garden, gardens | m | Garten, Gartens, Gärten | outdoors
park, parks | m | Park, Parks, Parks | outdoors
forest, forests | m | Wald, Waldes, Wälder | outdoors
lake, lakes | m | See, Sees, Seen | outdoors
beach, beaches | m | Strand, Strandes, Strände | outdoors
town, towns | f | Stadt, Stadt, Städte | settlement
village, villages | n | Dorf, Dorfes, Dörfer | settlement
street, streets | f | Straße, Straße, Straßen | way
bridge, bridges | f | Brücke, Brücke, Brücken | way
weather, - | n | Wetter, Wetters, - | weather
lesson, lessons | m | Unterricht, Unterrichts, - | event
concert, concerts | n | Konzert, Konzerts, Konzerte | event
party, parties | n | Fest, Festes, Feste | event
"""


@dataclass(frozen=True)
class Noun:
    """One noun in both languages; ``weak`` marks the masculine n-declension."""

    english: str
    english_plural: str
    gender: str
    german: str
    genitive: str
    plural: str
    weak: bool
    tags: tuple[str, ...]

    def fits(self, wanted: tuple[str, ...]) -> bool:
        """Says whether a list of tags and names takes this noun in; ``-name`` or ``-tag`` leaves it out."""
        own = (*self.tags, self.english)
        if any(f"-{label}" in wanted for label in own):
            return False
        return any(label in wanted for label in own)


def read_noun(row: str) -> Noun:
    english, gender, german, tags = (column.strip() for column in row.split("|"))
    singular, plural = english.split(", ")
    nominative, genitive, german_plural = german.split(", ")
    return Noun(
        english=singular,
        english_plural=plural,
        gender=gender[0],
        german=nominative,
        genitive=genitive,
        plural=german_plural,
        weak=gender == "mw",
        tags=tuple(tags.split()),
    )


NOUNS: tuple[Noun, ...] = tuple(read_noun(row) for row in TABLE.strip().splitlines())
NOUN: dict[str, Noun] = {noun.english: noun for noun in NOUNS}


@cache
def nouns(wanted: str) -> tuple[Noun, ...]:
    """Returns the nouns a space-separated list of tags and names takes in (a name's spaces written ``_``)."""
    labels = tuple(label.replace("_", " ") for label in wanted.split())
    return tuple(noun for noun in NOUNS if noun.fits(labels))
