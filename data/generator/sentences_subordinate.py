"""Sentences with a subordinate clause: weil, dass, ob, wenn, obwohl."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from . import places, times
from .adjectives import ADJECTIVE
from .choose import chance, pick
from .clauses import Clause, Complement, Pair, finish, inverted, join, question, statement, subordinate
from .events import (
    adjective_for,
    backward_subject,
    event,
    fill,
    fill_any,
    first_name,
    in_use,
    possible_frame,
    subject,
)
from .frames import frames
from .nouns import NOUN, nouns
from .phrases import Phrase, noun_phrase, pronoun, refer
from .sentences_plain import described, predicate_adjective
from .verbs import MODAL, VERB

HOME = Complement("at home", "zu Hause")
IT = Phrase("it", "it", ("es", "es", "", ""), "he", "er", "n", pronoun=True)


def feels(doer: Phrase, english: str, *, past: bool = False) -> Clause:
    adjective = ADJECTIVE[english]
    return Clause(
        doer, VERB["be"], "past" if past else "simple", complement=Complement(adjective.english, adjective.german)
    )


def weather_is(english: str, german_words: str) -> Clause:
    return Clause(IT, VERB["be"], "simple", complement=Complement(english, german_words))


def going_out(rng: Random, doer: Phrase) -> Clause:
    where = NOUN[pick(rng, ("park", "garden", "beach", "market", "forest", "lake", "town"))]
    return Clause(doer, VERB["go"], "progressive", complement=places.to(noun_phrase(where, "the")))


def because(rng: Random) -> Pair:
    """Gives a plausible reason with weil."""
    doer = backward_subject(rng)
    again = refer(doer)
    kind = pick(rng, ("home", "need", "hungry", "replace", "busy", "busy", "busy", "happy", "sad", "wants", "wants"))
    if kind == "home":
        first = Clause(doer, VERB["stay"], "progressive", complement=HOME)
        if chance(rng, 0.5):
            second = feels(again, pick(rng, ("tired", "sick")))
        else:
            second = duty(rng, again)
    elif kind == "need":
        owned = pick(rng, (("coat", "cold"), ("jacket", "cold"), ("scarf", "cold"), ("jumper", "cold")))
        first = Clause(
            doer,
            VERB["need"],
            "simple",
            accusative=noun_phrase(NOUN[owned[0]], "a", ADJECTIVE[pick(rng, ("warm", "new"))]),
        )
        second = weather_is(owned[1], {"cold": "kalt", "warm": "warm"}[owned[1]])
    elif kind == "hungry":
        verb = pick(rng, ("eat", "drink"))
        options = [f for f in frames("now") if f.verb.name == verb]
        first = fill_any(rng, options, "now", doer, place_chance=0.2)
        second = feels(again, "hungry" if verb == "eat" else "thirsty")
    elif kind == "replace":
        return replacing(rng, doer)
    elif kind == "busy":
        first = Clause(doer, VERB["have"], "simple", accusative=noun_phrase_time())
        second = duty(rng, again)
        if chance(rng, 0.5):
            going = going_out(rng, doer)
            first = replace(
                going,
                form="modal",
                modal=MODAL["can"],
                negated=True,
                time=times.coming(rng) if chance(rng, 0.5) else None,
            )
        text = join(statement(first), Pair(" ", ", "), subordinate(second, "because", "weil"))
        return finish(text)
    elif kind == "happy":
        frame = possible_frame(
            rng, [f for f in frames("fun") if f.verb.name in ("visit", "buy", "invite", "dance", "swim")], doer
        )
        second = fill(rng, frame, "modal", again, place_chance=0.2)
        second = (
            replace(second, modal=MODAL["can"])
            if frame.verb.name != "buy"
            else replace(second, form="perfect", modal=None)
        )
        first = feels(doer, "happy")
    elif kind == "sad":
        frame = possible_frame(rng, [f for f in frames("past") if f.verb.name in ("lose", "forget")], doer)
        second = replace(fill(rng, frame, "past", again), form="perfect")
        first = feels(doer, pick(rng, ("sad", "angry")))
    else:
        place, verb, wanted = pick(rng, PURPOSES)
        first = Clause(doer, VERB["go"], "progressive", complement=places.to(noun_phrase(NOUN[place], "the")))
        options = [f for f in frames("modal") if f.verb.name == verb]
        second = fill_any(rng, options, "modal", again, place_chance=0.0)
        second = replace(second, modal=MODAL[wanted])
    return order_of_clauses(rng, first, second, "because", "weil", start=0.25)


PURPOSES = (
    *(
        ("market", "buy", "want"),
        ("library", "read", "want"),
        ("office", "work", "must"),
        ("station", "pick up", "must"),
    ),
    *(
        ("kitchen", "cook", "want"),
        ("kitchen", "bake", "want"),
        ("supermarket", "shop", "must"),
        ("lake", "swim", "want"),
    ),
    *(("garden", "work", "must"), ("living room", "watch television", "want"), ("park", "run", "want")),
)


def noun_phrase_time() -> Phrase:
    return Phrase("no time", "no time", ("keine Zeit",) * 4, "he", "er", "f", phenomena=("kein",))


def duty(rng: Random, doer: Phrase) -> Clause:
    clause = in_use(rng, doer, "duty", time_chance=0.0)
    return replace(clause, form="modal", modal=MODAL[pick(rng, ("must", "have to"))])


def replacing(rng: Random, doer: Phrase) -> Pair:
    """Buys a new thing ``because the old one is broken``: the adjective alone shows the German gender."""
    noun = pick(rng, nouns("device bike car lamp chair umbrella guitar -clock"))
    verb = pick(rng, ("buy", "need"))
    thing = noun_phrase(noun, "a", ADJECTIVE["new"])
    first = Clause(doer, VERB[verb], "progressive" if verb == "buy" else "simple", accusative=thing)
    german_old = noun_phrase(noun, "the", ADJECTIVE["old"]).case("nominative").rpartition(" ")[0]
    rest = Pair(" because the old one is broken", f", weil {german_old} kaputt ist", (), ("verb last after weil",))
    return finish(join(statement(first), rest))


def order_of_clauses(
    rng: Random, main: Clause, second: Clause, conjunction: str, german_conjunction: str, *, start: float
) -> Pair:
    """Joins main and subordinate clause, in either order; before the main clause the noun moves with the order."""
    if chance(rng, start):
        full, again = replace(second, subject=main.subject), main
        if second.subject != IT and not main.subject.pronoun:
            again = replace(main, subject=refer(main.subject))
        else:
            full = second
        before = subordinate(full, conjunction, german_conjunction)
        return finish(join(before, ", ", inverted(again)))
    return finish(join(statement(main), Pair(" ", ", "), subordinate(second, conjunction, german_conjunction)))


def that(rng: Random) -> Pair:
    """Reports with dass: ``I hope that ...``, ``Peter says that ...``."""
    told = pronoun("I") if chance(rng, 0.35) else subject(rng)
    verb = VERB[
        pick(rng, ("say", "believe", "know that", "hope") if told.subject != "I" else ("believe", "know that", "hope"))
    ]
    main = Clause(told, verb, "simple")
    while True:
        about = subject(rng)
        if set(about.subject.split()) & set(told.subject.split()) - {"the", "and"}:
            continue
        break
    kind = pick(rng, ("event", "event", "thing"))
    if verb.name == "hope":
        second = event(rng, about, ("now", "modal", "past"), time_chance=0.5)
        if second.modal and second.modal.name not in ("can", "may"):
            second = replace(second, modal=MODAL["can"], time=None)
    elif kind == "thing":
        thing, options = described(rng, people=False)
        if thing.noun is None:
            raise ValueError("described() always gives a noun")
        second = Clause(thing, VERB["be"], "simple", complement=predicate_adjective(pick(rng, options), thing.noun))
    else:
        second = event(rng, about, ("now", "past", "habit", "modal"), time_chance=0.5)
    return finish(join(statement(main), Pair(" ", ", "), subordinate(second, "that", "dass")))


def whether(rng: Random) -> Pair:
    """Asks indirectly with ob: ``Do you know whether ...?``, ``We do not know whether ...``."""
    about = subject(rng)
    if about.subject in ("I", "you", "we"):
        about = first_name(rng)
    second = event(rng, about, ("now", "past", "habit", "modal"), time_chance=0.5)
    if chance(rng, 0.5):
        main = Clause(pronoun("you"), VERB["know that"], "simple")
        return finish(join(question(main), Pair(" ", ", "), subordinate(second, "whether", "ob")), "?")
    main = Clause(pronoun(pick(rng, ("I", "we"))), VERB["know that"], "simple", negated=True)
    if chance(rng, 0.4):
        asker = subject(rng, pronouns=False)
        if asker.noun == about.noun or asker.subject == about.subject:
            asker = pronoun("they")
        main = Clause(asker, VERB["ask"], "progressive")
    return finish(join(statement(main), Pair(" ", ", "), subordinate(second, "whether", "ob")))


def when_or_if(rng: Random) -> Pair:
    """Conditions with wenn, mostly first, so that the main clause begins with its verb."""
    kind = pick(rng, ("weather", "time", "time", "hungry", "tool", "rain", "home"))
    doer = backward_subject(rng)
    again = refer(doer)
    if kind == "weather":
        words = pick(rng, (("warm", "warm"), ("cold", "kalt"), ("hot", "heiß")))
        second = weather_is(*words)
        warmer = pick(rng, ("coat", "jacket", "jumper", "scarf"))
        several = doer.person == "they" and doer.back != "you"
        main = {
            "warm": going_out(rng, doer),
            "cold": Clause(
                doer,
                VERB["wear"],
                "simple",
                accusative=noun_phrase(
                    NOUN[warmer],
                    "" if several else "a",
                    ADJECTIVE["warm" if warmer == "jacket" else pick(rng, ("warm", "thick"))],
                    plural=several,
                ),
            ),
            "hot": Clause(
                doer,
                VERB["swim"],
                "simple",
                complement=places.prepositional("in", "in", "dative", noun_phrase(NOUN["lake"], "the")),
            ),
        }[words[0]]
        main = replace(main, form="simple", time=times.SOMETIMES[0] if chance(rng, 0.4) else None)
    elif kind == "time":
        second = Clause(doer, VERB["have"], "simple", accusative=Phrase("time", "time", ("Zeit",) * 4, "he", "er", "f"))
        options = [f for f in frames("habit") if ("gern" in f.uses or "fun" in f.uses) and f.verb.name != "work"]
        main = fill_any(rng, options, "habit", doer)
        main = replace(main, time=pick(rng, times.OFTEN[:2]) if chance(rng, 0.6) else None)
    elif kind == "rain":
        second = weather_is("cold", "kalt")
        main = Clause(doer, VERB["stay"], "simple", complement=HOME, time=pick(rng, times.OFTEN[:3]))
    elif kind == "home":
        second = Clause(doer, VERB["be"], "simple", complement=Complement("tired", "müde"))
        options = [f for f in frames("habit") if f.verb.name in ("watch television", "read")]
        options += [f for f in frames("now") if f.verb.name == "sleep"]
        main = replace(fill_any(rng, options, "habit", doer, place_chance=0.4), time=pick(rng, times.OFTEN[:3]))
    elif kind == "hungry":
        you = pronoun("you")
        verb, word = pick(rng, (("eat", "hungry"), ("drink", "thirsty")))
        offered = [n for n in nouns("food drink") if n.english not in ("wine", "beer", "coffee")]
        options = [
            replace(f, objects=tuple(n for n in f.objects if n in offered))
            for f in frames("modal")
            if f.verb.name == verb
        ]
        main = replace(fill_any(rng, options, "modal", you, place_chance=0.0), modal=MODAL["can"])
        second = feels(you, word)
        again = you
        return finish(join(subordinate(second, "if", "wenn"), ", ", inverted(main)))
    else:
        return tool(rng)
    conjunction = "when" if kind in ("time", "weather", "rain", "home") else "if"
    if chance(rng, 0.7):
        if second.subject == IT:
            return finish(join(subordinate(second, conjunction, "wenn"), ", ", inverted(main)))
        return finish(join(subordinate(second, conjunction, "wenn"), ", ", inverted(replace(main, subject=again))))
    if second.subject != IT:
        second = replace(second, subject=again)
    return finish(join(statement(main), Pair(" ", ", "), subordinate(second, conjunction, "wenn")))


TOOLS = (
    *(
        ("knife", "cut", "bread cheese cake tomato meat apple"),
        ("pencil", "draw", "house tree horse flower castle bird"),
    ),
    *(("key", "open", "door suitcase"), ("bag", "buy", "apple potato orange"), ("basket", "buy", "egg apple flower")),
)


def tool(rng: Random) -> Pair:
    """Says what one needs for something: ``If you want to cut the bread, you need a knife``."""
    you = pronoun(pick(rng, ("you", "you", "we")))
    name, verb, objects = pick(rng, TOOLS)
    noun = pick(rng, nouns(objects))
    mass = "mass" in noun.tags
    thing = noun_phrase(
        noun, "" if verb == "buy" else "the" if verb in ("cut", "open") else "a", plural=verb == "buy" and not mass
    )
    second = Clause(you, VERB[verb], "modal", modal=MODAL["want"], accusative=thing)
    needed = noun_phrase(
        NOUN[name],
        "a" if name != "key" else "the",
        adjective_for(rng, NOUN[name], "need") if chance(rng, 0.5) else None,
    )
    main = Clause(you, VERB["need"], "simple", accusative=needed)
    return finish(join(subordinate(second, "if", "wenn"), ", ", inverted(main)))


def although(rng: Random) -> Pair:
    """Concedes with obwohl, in either order."""
    doer = backward_subject(rng)
    again = refer(doer)
    kind = pick(rng, ("tired", "tired", "cold", "thing"))
    if kind == "tired":
        options = [f for f in frames("duty") if f.verb.name not in ("thank", "answer", "give back")]
        main = fill_any(rng, options, "now", doer)
        return order_of_clauses(rng, main, feels(again, pick(rng, ("tired", "sick"))), "although", "obwohl", start=0.6)
    if kind == "cold":
        main = going_out(rng, doer)
        if chance(rng, 0.4):
            main = Clause(
                doer,
                VERB[pick(rng, ("work", "sit", "read", "dance"))],
                "progressive",
                complement=places.at(noun_phrase(NOUN["garden"], "the")),
            )
        second = weather_is(*pick(rng, (("cold", "kalt"), ("dark", "dunkel"), ("late", "spät"))))
        return order_of_clauses(rng, main, second, "although", "obwohl", start=0.6)
    good, bad = pick(
        rng,
        (
            (("buy", "progressive"), ("expensive", "old", "heavy", "small")),
            (("like", "simple"), ("old", "ugly", "small", "broken")),
            (("need", "simple"), ("expensive",)),
        ),
    )
    things = nouns("furniture device instrument cloth bag suitcase umbrella car bike vase")
    while True:
        noun, word = pick(rng, things), pick(rng, bad)
        if ADJECTIVE[word].describes(noun) and not noun.fits(("footwear",)):
            break
    thing = noun_phrase(noun, "the")
    main = Clause(doer, VERB[good[0]], good[1], accusative=thing)
    second = Clause(thing, VERB["be"], "simple", complement=predicate_adjective(ADJECTIVE[word], noun))
    if chance(rng, 0.5):
        return finish(
            join(subordinate(second, "although", "obwohl"), ", ", inverted(replace(main, accusative=refer(thing))))
        )
    second = replace(second, subject=refer(thing))
    return finish(join(statement(main), Pair(" ", ", "), subordinate(second, "although", "obwohl")))


SUBORDINATE_SENTENCES = ((because, 6.0), (that, 6.0), (whether, 4.0), (when_or_if, 5.0), (although, 4.0))
