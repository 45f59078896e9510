"""The verbs: principal parts in both languages.

One row a verb: ``English base, third person, past, participle, ing-form | German infinitive, du-form, er-form,
participle, auxiliary, imperative``. A separable verb is written with a ``+`` after its prefix; its du- and er-form
stand without the prefix. English verbs with a particle (``pick up``) carry it after every form. A row that begins
with ``=name`` gives the verb a name of its own, for English words with two German verbs.
"""

from __future__ import annotations

from dataclasses import dataclass

TABLE = """
read, reads, read, read, reading | lesen, liest, liest, gelesen, haben, lies
write, writes, wrote, written, writing | schreiben, schreibst, schreibt, geschrieben, haben, schreib
eat, eats, ate, eaten, eating | essen, isst, isst, gegessen, haben, iss
drink, drinks, drank, drunk, drinking | trinken, trinkst, trinkt, getrunken, haben, trink
buy, buys, bought, bought, buying | kaufen, kaufst, kauft, gekauft, haben, kauf
sell, sells, sold, sold, selling | verkaufen, verkaufst, verkauft, verkauft, haben, verkauf
see, sees, saw, seen, seeing | sehen, siehst, sieht, gesehen, haben, sieh
find, finds, found, found, finding | finden, findest, findet, gefunden, haben, finde
look for, looks for, looked for, looked for, looking for | suchen, suchst, sucht, gesucht, haben, such
need, needs, needed, needed, needing | brauchen, brauchst, braucht, gebraucht, haben, brauch
give, gives, gave, given, giving | geben, gibst, gibt, gegeben, haben, gib
show, shows, showed, shown, showing | zeigen, zeigst, zeigt, gezeigt, haben, zeig
send, sends, sent, sent, sending | schicken, schickst, schickt, geschickt, haben, schick
tell, tells, told, told, telling | erzählen, erzählst, erzählt, erzählt, haben, erzähl
open, opens, opened, opened, opening | auf+machen, machst, macht, aufgemacht, haben, mach
close, closes, closed, closed, closing | zu+machen, machst, macht, zugemacht, haben, mach
clean, cleans, cleaned, cleaned, cleaning | putzen, putzt, putzt, geputzt, haben, putz
wash, washes, washed, washed, washing | waschen, wäschst, wäscht, gewaschen, haben, wasch
cook, cooks, cooked, cooked, cooking | kochen, kochst, kocht, gekocht, haben, koch
bake, bakes, baked, baked, baking | backen, backst, backt, gebacken, haben, back
cut, cuts, cut, cut, cutting | schneiden, schneidest, schneidet, geschnitten, haben, schneide
visit, visits, visited, visited, visiting | besuchen, besuchst, besucht, besucht, haben, besuch
help, helps, helped, helped, helping | helfen, hilfst, hilft, geholfen, haben, hilf
thank, thanks, thanked, thanked, thanking | danken, dankst, dankt, gedankt, haben, dank
answer, answers, answered, answered, answering | antworten, antwortest, antwortet, geantwortet, haben, antworte
ask, asks, asked, asked, asking | fragen, fragst, fragt, gefragt, haben, frag
call, calls, called, called, calling | an+rufen, rufst, ruft, angerufen, haben, ruf
pick up, picks up, picked up, picked up, picking up | ab+holen, holst, holt, abgeholt, haben, hol
invite, invites, invited, invited, inviting | ein+laden, lädst, lädt, eingeladen, haben, lade
repair, repairs, repaired, repaired, repairing | reparieren, reparierst, repariert, repariert, haben, reparier
understand, understands, understood, understood, - | verstehen, verstehst, versteht, verstanden, haben, -
hear, hears, heard, heard, hearing | hören, hörst, hört, gehört, haben, hör
love, loves, loved, loved, - | lieben, liebst, liebt, geliebt, haben, -
know, knows, knew, known, - | kennen, kennst, kennt, gekannt, haben, -
like, likes, liked, liked, - | mögen, magst, mag, gemocht, haben, -
have, has, had, had, having | haben, hast, hat, gehabt, haben, -
be, is, was, been, being | sein, bist, ist, gewesen, sein, -
forget, forgets, forgot, forgotten, - | vergessen, vergisst, vergisst, vergessen, haben, vergiss
lose, loses, lost, lost, - | verlieren, verlierst, verliert, verloren, haben, -
carry, carries, carried, carried, carrying | tragen, trägst, trägt, getragen, haben, trag
wear, wears, wore, worn, wearing | tragen, trägst, trägt, getragen, haben, trag
put on, puts on, put on, put on, putting on | an+ziehen, ziehst, zieht, angezogen, haben, zieh
take off, takes off, took off, taken off, taking off | aus+ziehen, ziehst, zieht, ausgezogen, haben, zieh
turn on, turns on, turned on, turned on, turning on | ein+schalten, schaltest, schaltet, eingeschaltet, haben, schalte
turn off, turns off, turned off, turned off, turning off | \
    aus+schalten, schaltest, schaltet, ausgeschaltet, haben, schalte
unpack, unpacks, unpacked, unpacked, unpacking | aus+packen, packst, packt, ausgepackt, haben, pack
tidy up, tidies up, tidied up, tidied up, tidying up | auf+räumen, räumst, räumt, aufgeräumt, haben, räum
throw away, throws away, threw away, thrown away, throwing away | weg+werfen, wirfst, wirft, weggeworfen, haben, wirf
bring along, brings along, brought along, brought along, bringing along | \
    mit+bringen, bringst, bringt, mitgebracht, haben, bring
give back, gives back, gave back, given back, giving back | zurück+geben, gibst, gibt, zurückgegeben, haben, gib
draw, draws, drew, drawn, drawing | zeichnen, zeichnest, zeichnet, gezeichnet, haben, zeichne
play, plays, played, played, playing | spielen, spielst, spielt, gespielt, haben, spiel
speak, speaks, spoke, spoken, speaking | sprechen, sprichst, spricht, gesprochen, haben, sprich
wait, waits, waited, waited, waiting | warten, wartest, wartet, gewartet, haben, warte
think, thinks, thought, thought, thinking | denken, denkst, denkt, gedacht, haben, denk
sleep, sleeps, slept, slept, sleeping | schlafen, schläfst, schläft, geschlafen, haben, schlaf
work, works, worked, worked, working | arbeiten, arbeitest, arbeitet, gearbeitet, haben, arbeite
laugh, laughs, laughed, laughed, laughing | lachen, lachst, lacht, gelacht, haben, lach
cry, cries, cried, cried, crying | weinen, weinst, weint, geweint, haben, -
sing, sings, sang, sung, singing | singen, singst, singt, gesungen, haben, sing
dance, dances, danced, danced, dancing | tanzen, tanzt, tanzt, getanzt, haben, tanz
swim, swims, swam, swum, swimming | schwimmen, schwimmst, schwimmt, geschwommen, sein, schwimm
run, runs, ran, run, running | laufen, läufst, läuft, gelaufen, sein, lauf
jump, jumps, jumped, jumped, jumping | springen, springst, springt, gesprungen, sein, spring
go, goes, went, gone, going | gehen, gehst, geht, gegangen, sein, geh
drive, drives, drove, driven, driving | fahren, fährst, fährt, gefahren, sein, fahr
fly, flies, flew, flown, flying | fliegen, fliegst, fliegt, geflogen, sein, flieg
travel, travels, travelled, travelled, travelling | reisen, reist, reist, gereist, sein, reise
come, comes, came, come, coming | kommen, kommst, kommt, gekommen, sein, komm
arrive, arrives, arrived, arrived, arriving | an+kommen, kommst, kommt, angekommen, sein, -
leave, leaves, left, left, leaving | ab+fahren, fährst, fährt, abgefahren, sein, -
get up, gets up, got up, got up, getting up | auf+stehen, stehst, steht, aufgestanden, sein, steh
wake up, wakes up, woke up, woken up, waking up | auf+wachen, wachst, wacht, aufgewacht, sein, wach
fall asleep, falls asleep, fell asleep, fallen asleep, falling asleep | \
    ein+schlafen, schläfst, schläft, eingeschlafen, sein, schlaf
come back, comes back, came back, come back, coming back | zurück+kommen, kommst, kommt, zurückgekommen, sein, komm
shop, shops, shopped, shopped, shopping | ein+kaufen, kaufst, kauft, eingekauft, haben, kauf
watch television, watches television, watched television, watched television, watching television | \
    fern+sehen, siehst, sieht, ferngesehen, haben, sieh
begin, begins, began, begun, beginning | an+fangen, fängst, fängt, angefangen, haben, fang
stay, stays, stayed, stayed, staying | bleiben, bleibst, bleibt, geblieben, sein, bleib
live, lives, lived, lived, living | wohnen, wohnst, wohnt, gewohnt, haben, -
sit, sits, sat, sat, sitting | sitzen, sitzt, sitzt, gesessen, haben, sitz
stand, stands, stood, stood, standing | stehen, stehst, steht, gestanden, haben, steh
lie, lies, lay, lain, lying | liegen, liegst, liegt, gelegen, haben, lieg
hang, hangs, hung, hung, hanging | hängen, hängst, hängt, gehangen, haben, -
=hang up, hang, hangs, hung, hung, hanging | hängen, hängst, hängt, gehängt, haben, häng
=put down, put, puts, put, put, putting | legen, legst, legt, gelegt, haben, leg
=put up, put, puts, put, put, putting | stellen, stellst, stellt, gestellt, haben, stell
belong, belongs, belonged, belonged, - | gehören, gehörst, gehört, gehört, haben, -
cost, costs, cost, cost, - | kosten, kostest, kostet, gekostet, haben, -
say, says, said, said, saying | sagen, sagst, sagt, gesagt, haben, sag
believe, believes, believed, believed, - | glauben, glaubst, glaubt, geglaubt, haben, -
hope, hopes, hoped, hoped, - | hoffen, hoffst, hofft, gehofft, haben, -
=know that, know, knows, knew, known, - | wissen, weißt, weiß, gewusst, haben, -
"""


@dataclass(frozen=True)
class Verb:
    """One verb in both languages. ``prefix`` is empty for a verb that does not separate."""

    name: str
    base: str
    third: str
    past: str
    participle: str
    ing: str
    infinitive: str
    prefix: str
    du: str
    er: str
    german_participle: str
    auxiliary: str
    imperative: str

    @property
    def stem(self) -> str:
        """The German infinitive without its prefix: what the plural forms are."""
        return self.infinitive.removeprefix(self.prefix)


def read_verb(row: str) -> Verb:
    english, german = (column.strip() for column in row.split("|"))
    parts = english.split(", ")
    name = parts[0]
    if name.startswith("="):
        parts, name = parts[1:], name[1:]
    infinitive, du, er, participle, auxiliary, imperative = german.split(", ")
    prefix = infinitive.partition("+")[0] if "+" in infinitive else ""
    base, third, past, english_participle, ing = (part.strip("-") for part in parts)
    return Verb(
        name=name,
        base=base,
        third=third,
        past=past,
        participle=english_participle,
        ing=ing,
        infinitive=infinitive.replace("+", ""),
        prefix=prefix,
        du=du,
        er=er,
        german_participle=participle,
        auxiliary=auxiliary,
        imperative=imperative.strip("-"),
    )


VERB: dict[str, Verb] = {verb.name: verb for verb in (read_verb(row) for row in TABLE.strip().splitlines())}


@dataclass(frozen=True)
class Modal:
    """A modal verb: English before ``I`` / ``he``, its negation, and the German forms ich/er, du, plural."""

    name: str
    english: str
    english_third: str
    english_negated: str
    english_negated_third: str
    ich: str
    du: str
    plural: str
    past: bool = False


MODAL: dict[str, Modal] = {
    modal.name: modal
    for modal in (
        Modal("can", "can", "can", "cannot", "cannot", "kann", "kannst", "können"),
        Modal("must", "must", "must", "", "", "muss", "musst", "müssen"),
        Modal("have to", "have to", "has to", "do not have to", "does not have to", "muss", "musst", "müssen"),
        Modal("want", "want to", "wants to", "do not want to", "does not want to", "will", "willst", "wollen"),
        Modal("may", "may", "may", "", "", "darf", "darfst", "dürfen"),
        Modal("must not", "", "", "must not", "must not", "darf", "darfst", "dürfen"),
        Modal("should", "should", "should", "should not", "should not", "sollte", "solltest", "sollten"),
        Modal("would like", "would like to", "would like to", "", "", "möchte", "möchtest", "möchten"),
        Modal("could", "", "", "could not", "could not", "konnte", "konntest", "konnten", past=True),
        Modal("had to", "had to", "had to", "", "", "musste", "musstest", "mussten", past=True),
        Modal(
            "wanted",
            "wanted to",
            "wanted to",
            "did not want to",
            "did not want to",
            "wollte",
            "wolltest",
            "wollten",
            past=True,
        ),
    )
}
