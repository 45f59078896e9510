"""The bundled corpus: reproducible, held out by combination, one translation a source, and right German forms."""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data"
sys.path.insert(0, str(DATA))

from generate import DEFAULT_SEED, write  # noqa: E402
from generator import english, german, times  # noqa: E402
from generator.adjectives import ADJECTIVE  # noqa: E402
from generator.clauses import Clause, Pair, fronted, question, statement, subordinate  # noqa: E402
from generator.corpus import DEV, RAREST, TEST, TRAIN, Corpus, build, folded, held_out, is_held_out, words  # noqa: E402
from generator.nouns import NOUN, NOUNS  # noqa: E402
from generator.phrases import name, noun_phrase, pronoun, refer  # noqa: E402
from generator.verbs import MODAL, VERB  # noqa: E402

PARTS = ("train", "dev", "test")
# English verbs that stand for two German ones.
SHARED = ("put down", "put up", "hang", "hang up")
PHENOMENA = (
    *("adjective after der", "adjective after ein", "adjective without article", "plural", "possessive", "genitive"),
    *("dative object", "two-way preposition with accusative", "two-way preposition with dative", "relative clause"),
    *("separable verb split", "separable verb joined", "separable verb with modal", "separable participle"),
    *("modal verb", "perfect with haben", "perfect with sein", "nicht", "kein", "comparative", "so ... wie"),
    *("verb second after time", "verb second after clause", "verb last after weil", "verb last after dass"),
    *("verb last after wenn", "verb last after obwohl", "verb last after ob", "pronoun", "pronoun referring back"),
    *("question", "which", "imperative", "number in words", "number in digits", "date", "clock time", "weekday"),
    *("es gibt", "gern", "simple past of sein and haben"),
)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return build(DEFAULT_SEED)


def lines(part: str, language: str) -> list[str]:
    return (DATA / f"{part}.{language}").read_bytes().decode().split("\n")[:-1]


def test_generating_again_gives_the_committed_bytes(corpus: Corpus, tmp_path: Path) -> None:
    write(corpus, tmp_path)
    for part in PARTS:
        for language in ("en", "de"):
            file = f"{part}.{language}"
            assert (tmp_path / file).read_bytes() == (DATA / file).read_bytes(), file


def test_sizes_and_lengths() -> None:
    for part, size in zip(PARTS, (TRAIN, DEV, TEST), strict=True):
        assert len(lines(part, "en")) == len(lines(part, "de")) == size
        for language in ("en", "de"):
            lengths = [len(line.split()) for line in lines(part, language)]
            assert max(lengths) <= 18
            assert 6 <= sum(lengths) / size <= 12


def test_every_line_is_one_clean_sentence() -> None:
    for part in PARTS:
        for language in ("en", "de"):
            for line in lines(part, language):
                assert re.fullmatch(r"[A-ZÄÖÜ][A-Za-zÄÖÜäöüß0-9 ,.'-]*[a-zäöüß0-9'][.?]", line), line
                assert "  " not in line, line
                assert not re.search(r" [,.?]|,[^ ]", line), line


def test_parts_share_no_sentence_on_either_side() -> None:
    for language in ("en", "de"):
        seen: dict[str, str] = {}
        for part in PARTS:
            for line in lines(part, language):
                assert folded(line) not in seen, f"{part} and {seen.get(folded(line))}: {line}"
                seen[folded(line)] = part


def test_translation_is_a_function_of_the_source() -> None:
    translations: dict[str, str] = {}
    for part in PARTS:
        for source, target in zip(lines(part, "en"), lines(part, "de"), strict=True):
            assert translations.setdefault(folded(source), target) == target


def test_training_has_no_held_out_combination_and_every_test_pair_has_one(corpus: Corpus) -> None:
    trained = {combination for pair in corpus.train for combination in pair.combinations}
    assert not [combination for combination in trained if is_held_out(combination, corpus.seed)]
    for pair in (*corpus.dev, *corpus.test):
        assert held_out(pair, corpus.seed), pair
        assert trained.isdisjoint(held_out(pair, corpus.seed)), pair


def test_records_belong_to_the_committed_lines(corpus: Corpus) -> None:
    for part, pairs in zip(PARTS, (corpus.train, corpus.dev, corpus.test), strict=True):
        assert [pair.english for pair in pairs] == lines(part, "en")


def runs_of_words(part: str, longest: int) -> set[str]:
    """Returns every run of up to so many words inside a clause of the English text."""
    runs: set[str] = set()
    for line in lines(part, "en"):
        for clause in re.split(r"[,.?]", line.lower()):
            found = clause.split()
            for start in range(len(found)):
                runs.update(" ".join(found[start:end]) for end in range(start + 1, start + longest + 1))
    return runs


def test_held_out_pairs_never_stand_side_by_side_in_the_training_text(corpus: Corpus) -> None:
    """Looks in the text alone, whatever the records say: adjective and noun; verb, article and object."""
    runs = runs_of_words("train", 5)
    checked = Counter[str]()
    for pair in (*corpus.dev, *corpus.test):
        for kind, first, second in held_out(pair, corpus.seed):
            if kind == "adjective":
                adjective, noun = ADJECTIVE[first], NOUN[second]
                heads = [adjective.english, adjective.english_comparative]
            elif kind == "object" and first in VERB and second in NOUN and first not in SHARED:
                verb, noun = VERB[first], NOUN[second]
                articles = ("the", "a", "an", "my", "your", "his", "her", "our", "their")
                heads = [
                    f"{form} {a}" for form in (verb.base, verb.third, verb.past, verb.ing) if form for a in articles
                ]
            else:
                continue
            checked[kind] += 1
            for head in heads:
                assert not runs & {f"{head} {noun.english}", f"{head} {noun.english_plural}"}, (kind, first, second)
    assert min(checked["adjective"], checked["object"]) > 200


def test_training_knows_every_word_form_well() -> None:
    for language in ("en", "de"):
        counts = Counter(word for line in lines("train", language) for word in words(line))
        assert min(counts.values()) >= RAREST
        for part in ("dev", "test"):
            assert {word for line in lines(part, language) for word in words(line)} <= counts.keys()


def test_every_word_of_the_lexicon_occurs_in_training() -> None:
    known = {word for line in lines("train", "en") for word in words(line)}
    for noun in NOUNS:
        assert known & {noun.english.split()[-1], noun.english_plural.split()[-1]}, noun.english
    for adjective in ADJECTIVE.values():
        assert adjective.english in known, adjective.english
    for verb in VERB.values():
        forms = (verb.base, verb.third, verb.past, verb.participle, verb.ing)
        assert any(form and form.split()[0] in known for form in forms), verb.name


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_phenomenon_is_frequent(corpus: Corpus, phenomenon: str) -> None:
    assert sum(phenomenon in pair.phenomena for pair in corpus.train) >= 100
    assert sum(phenomenon in pair.phenomena for pair in corpus.test) >= 20
    assert sum(phenomenon in pair.phenomena for pair in corpus.dev) >= 8


def test_another_seed_gives_another_split() -> None:
    combinations = [("adjective", a, n.english) for a in ADJECTIVE for n in NOUNS]
    assert [is_held_out(c, 1) for c in combinations] != [is_held_out(c, 2) for c in combinations]


# Gold tables, written by hand -----------------------------------------------------------------------------------------

ADJECTIVE_TABLE = {
    ("the", "table"): ("der neue Tisch", "den neuen Tisch", "dem neuen Tisch", "des neuen Tisches"),
    ("the", "lamp"): ("die neue Lampe", "die neue Lampe", "der neuen Lampe", "der neuen Lampe"),
    ("the", "book"): ("das neue Buch", "das neue Buch", "dem neuen Buch", "des neuen Buches"),
    ("a", "table"): ("ein neuer Tisch", "einen neuen Tisch", "einem neuen Tisch", "eines neuen Tisches"),
    ("a", "lamp"): ("eine neue Lampe", "eine neue Lampe", "einer neuen Lampe", "einer neuen Lampe"),
    ("a", "book"): ("ein neues Buch", "ein neues Buch", "einem neuen Buch", "eines neuen Buches"),
    ("our", "table"): ("unser neuer Tisch", "unseren neuen Tisch", "unserem neuen Tisch", "unseres neuen Tisches"),
    ("no", "lamp"): ("keine neue Lampe", "keine neue Lampe", "keiner neuen Lampe", "keiner neuen Lampe"),
    ("this", "book"): ("dieses neue Buch", "dieses neue Buch", "diesem neuen Buch", "dieses neuen Buches"),
    ("Anna's", "book"): ("Annas neues Buch", "Annas neues Buch", "Annas neuem Buch", "Annas neuen Buches"),
}
PLURAL_TABLE = {
    ("the", "table"): ("die neuen Tische", "die neuen Tische", "den neuen Tischen", "der neuen Tische"),
    ("my", "book"): ("meine neuen Bücher", "meine neuen Bücher", "meinen neuen Büchern", "meiner neuen Bücher"),
    ("", "lamp"): ("neue Lampen", "neue Lampen", "neuen Lampen", "neuer Lampen"),
    ("3", "car"): ("drei neue Autos", "drei neue Autos", "drei neuen Autos", "drei neuer Autos"),
}


@pytest.mark.parametrize(("key", "forms"), ADJECTIVE_TABLE.items())
def test_adjective_endings_in_the_singular(key: tuple[str, str], forms: tuple[str, ...]) -> None:
    assert noun_phrase(NOUN[key[1]], key[0], ADJECTIVE["new"]).german == forms


@pytest.mark.parametrize(("key", "forms"), PLURAL_TABLE.items())
def test_adjective_endings_in_the_plural(key: tuple[str, str], forms: tuple[str, ...]) -> None:
    assert noun_phrase(NOUN[key[1]], key[0], ADJECTIVE["new"], plural=True).german == forms


def test_adjective_endings_with_no_article() -> None:
    milk, tea, water = (noun_phrase(NOUN[n], "", ADJECTIVE["cold"]).german for n in ("milk", "tea", "water"))
    assert milk == ("kalte Milch", "kalte Milch", "kalter Milch", "kalter Milch")
    assert tea == ("kalter Tee", "kalten Tee", "kaltem Tee", "kalten Tees")
    assert water == ("kaltes Wasser", "kaltes Wasser", "kaltem Wasser", "kalten Wassers")


def test_adjectives_with_a_changing_stem() -> None:
    assert noun_phrase(NOUN["car"], "a", ADJECTIVE["expensive"]).german[0] == "ein teures Auto"
    assert noun_phrase(NOUN["wall"], "a", ADJECTIVE["high"]).german[0] == "eine hohe Wand"
    assert noun_phrase(NOUN["cellar"], "a", ADJECTIVE["dark"]).german[0] == "ein dunkler Keller"
    assert noun_phrase(NOUN["house"], "a", ADJECTIVE["big"], comparative=True).german[1] == "ein größeres Haus"


def test_weak_nouns_and_possessors() -> None:
    assert noun_phrase(NOUN["boy"], "the").german == ("der Junge", "den Jungen", "dem Jungen", "des Jungen")
    assert noun_phrase(NOUN["neighbour"], "my").german[2] == "meinem Nachbarn"
    assert noun_phrase(NOUN["child"], "the", plural=True).german[2] == "den Kindern"
    assert german.name_genitive("Anna") == "Annas"
    assert german.name_genitive("Lukas") == "Lukas'"


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("read", ("lese", "liest", "liest", "lesen")),
        ("wear", ("trage", "trägst", "trägt", "tragen")),
        ("work", ("arbeite", "arbeitest", "arbeitet", "arbeiten")),
        ("be", ("bin", "bist", "ist", "sind")),
        ("have", ("habe", "hast", "hat", "haben")),
        ("know that", ("weiß", "weißt", "weiß", "wissen")),
        ("like", ("mag", "magst", "mag", "mögen")),
        ("invite", ("lade", "lädst", "lädt", "laden")),
        ("tidy up", ("räume", "räumst", "räumt", "räumen")),
    ],
)
def test_present_tense(verb: str, forms: tuple[str, ...]) -> None:
    assert tuple(german.present(VERB[verb], person) for person in ("ich", "du", "er", "wir")) == forms


def test_separable_verb_in_every_place() -> None:
    window = noun_phrase(NOUN["window"], "the")
    clause = Clause(name("Anna"), VERB["open"], "progressive", accusative=window)
    assert statement(clause).german == "Anna macht das Fenster auf"
    assert statement(clause).english == "Anna is opening the window"
    assert subordinate(clause, "because", "weil").german == "weil Anna das Fenster aufmacht"
    assert question(clause).german == "macht Anna das Fenster auf"
    modal = Clause(name("Anna"), VERB["open"], "modal", MODAL["want"], accusative=window)
    assert statement(modal).german == "Anna will das Fenster aufmachen"
    assert subordinate(modal, "because", "weil").german == "weil Anna das Fenster aufmachen will"
    past = Clause(name("Anna"), VERB["open"], "past", accusative=window, time=times.PAST[0])
    assert fronted(past).german == "gestern hat Anna das Fenster aufgemacht"
    assert fronted(past).english == "yesterday Anna opened the window"
    assert subordinate(past, "that", "dass").german == "dass Anna gestern das Fenster aufgemacht hat"


def test_perfect_with_sein_and_haben() -> None:
    assert statement(Clause(pronoun("we"), VERB["swim"], "past")).german == "wir sind geschwommen"
    assert statement(Clause(pronoun("we"), VERB["sleep"], "past")).german == "wir haben geschlafen"
    assert statement(Clause(pronoun("he"), VERB["be"], "past")).german == "er war"


def test_negation() -> None:
    cake, a_cake, tea = noun_phrase(NOUN["cake"], "the"), noun_phrase(NOUN["cake"], "a"), noun_phrase(NOUN["tea"], "")

    def negated(accusative: object) -> Pair:
        return statement(Clause(name("Max"), VERB["eat"], "past", accusative=accusative, negated=True))  # type: ignore[arg-type]

    assert negated(cake).german == "Max hat den Kuchen nicht gegessen"
    assert negated(a_cake).german == "Max hat keinen Kuchen gegessen"
    assert negated(a_cake).english == "Max did not eat a cake"
    assert negated(tea).german == "Max hat keinen Tee gegessen"


def test_pronouns_take_the_german_gender_and_stand_before_the_other_object() -> None:
    assert [refer(noun_phrase(NOUN[n], "the")).german[1] for n in ("coat", "lamp", "book")] == ["ihn", "sie", "es"]
    giving = Clause(
        pronoun("I"), VERB["give"], "progressive", accusative=refer(noun_phrase(NOUN["coat"], "a")),
        dative=pronoun("she"), time=times.COMING[1],
    )  # fmt: skip
    assert statement(giving).german == "ich gebe ihn ihr morgen"
    assert statement(giving).english == "I am giving it to her tomorrow"


@pytest.mark.parametrize(
    ("value", "german_words", "english_words"),
    [
        (0, "null", "zero"),
        (1, "eins", "one"),
        (7, "sieben", "seven"),
        (16, "sechzehn", "sixteen"),
        (17, "siebzehn", "seventeen"),
        (20, "zwanzig", "twenty"),
        (21, "einundzwanzig", "twenty-one"),
        (30, "dreißig", "thirty"),
        (66, "sechsundsechzig", "sixty-six"),
        (77, "siebenundsiebzig", "seventy-seven"),
        (99, "neunundneunzig", "ninety-nine"),
        (100, "einhundert", "one hundred"),
        (101, "einhunderteins", "one hundred and one"),
        (212, "zweihundertzwölf", "two hundred and twelve"),
        (731, "siebenhunderteinunddreißig", "seven hundred and thirty-one"),
        (999, "neunhundertneunundneunzig", "nine hundred and ninety-nine"),
    ],
)
def test_numbers(value: int, german_words: str, english_words: str) -> None:
    assert german.number(value) == german_words
    assert english.number(value) == english_words


def test_all_numbers_differ_and_end_at_999() -> None:
    assert len({german.number(value) for value in range(1000)}) == 1000
    assert len({english.number(value) for value in range(1000)}) == 1000
    with pytest.raises(ValueError, match="1000"):
        german.number(1000)


@pytest.mark.parametrize(
    ("hour", "minute", "german_words", "english_words"),
    [
        (1, 0, "ein Uhr", "one o'clock"),
        (12, 0, "zwölf Uhr", "twelve o'clock"),
        (7, 30, "halb acht", "half past seven"),
        (12, 30, "halb eins", "half past twelve"),
        (8, 45, "Viertel vor neun", "a quarter to nine"),
        (12, 45, "Viertel vor eins", "a quarter to one"),
        (9, 15, "Viertel nach neun", "a quarter past nine"),
        (6, 10, "zehn nach sechs", "ten past six"),
        (6, 40, "zwanzig vor sieben", "twenty to seven"),
        (11, 55, "fünf vor zwölf", "five to twelve"),
    ],
)
def test_clock(hour: int, minute: int, german_words: str, english_words: str) -> None:
    assert german.clock(hour, minute) == german_words
    assert english.clock(hour, minute) == english_words


@pytest.mark.parametrize(
    ("day", "month", "german_words", "english_words"),
    [
        (1, ("May", "Mai"), "am ersten Mai", "on the first of May"),
        (3, ("May", "Mai"), "am dritten Mai", "on the third of May"),
        (7, ("July", "Juli"), "am siebten Juli", "on the seventh of July"),
        (8, ("March", "März"), "am achten März", "on the eighth of March"),
        (12, ("June", "Juni"), "am zwölften Juni", "on the twelfth of June"),
        (19, ("April", "April"), "am neunzehnten April", "on the nineteenth of April"),
        (20, ("April", "April"), "am zwanzigsten April", "on the twentieth of April"),
        (31, ("January", "Januar"), "am einunddreißigsten Januar", "on the thirty-first of January"),
    ],
)
def test_dates(day: int, month: tuple[str, str], german_words: str, english_words: str) -> None:
    assert german.date(day, month[1]) == german_words
    assert english.date(day, month[0]) == english_words


def test_prepositions_contract_only_with_the_article() -> None:
    assert german.prepositional("in", "dem Garten") == "im Garten"
    assert german.prepositional("in", "das Haus") == "ins Haus"
    assert german.prepositional("zu", "der Schule") == "zur Schule"
    assert german.prepositional("in", "diesem Garten") == "in diesem Garten"
    assert german.prepositional("in", "dem") == "in dem"
