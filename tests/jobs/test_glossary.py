"""Terms get into translations, whatever it takes, or it is said which did not."""

from dataclasses import replace
from pathlib import Path

import pytest

from s2s.decoding.search import SearchOptions
from s2s.decoding.translation import Candidate, Translation
from s2s.decoding.translator import Translator
from s2s.errors import DataError
from s2s.jobs.glossary import Glossary, Placed, Seen, Term, read_glossary, translate_with

WORDS = {"the": "der", "dog": "Hund", "sees": "sieht", "red": "rote", "car": "Auto", "and": "und", "cat": "Katze"}


class WordByWord:
    """Translates words one by one; what a prefix covers is taken from it.

    Args:
        sticky: Goes on within the last word of a prefix, as pieces may.
        deaf: Says the same whatever the prefix is.
    """

    def __init__(self, *, sticky: bool = False, deaf: bool = False, n_parts: int = 1) -> None:
        self.sticky, self.deaf, self.n_parts = sticky, deaf, n_parts
        self.asked: list[list[str] | None] = []

    def translate_lines(
        self,
        lines: list[str],
        options: SearchOptions,
        prefix: list[str] | None = None,
        align: bool = False,
        to: str | None = None,
    ) -> list[Translation]:
        self.asked.append(prefix)
        assert align
        found = []
        for line, start in zip(lines, prefix or [""] * len(lines), strict=True):
            words = [WORDS.get(word.strip(".,").lower(), word) for word in line.split()]
            said = start.split() if not self.deaf else []
            if self.sticky and said and said[-1] not in words:
                said[-1] += "chen"
            text = " ".join([*said, *words[len(said) :]])
            links = [(n, n) for n in range(len(words))]
            found.append(Translation(line, [Candidate(text, 0.0, 0.0, 1)], self.n_parts, 0, links))
        return found


def run(
    lines: list[str], terms: dict[str, str], model: WordByWord | None = None
) -> tuple[list[str], list[tuple[int, str, str]]]:
    glossary = Glossary([Term(source, target) for source, target in terms.items()])
    seen: list[Seen] = []
    fake: Translator = model or WordByWord()  # type: ignore[assignment]
    found, missing = translate_with(glossary, fake, SearchOptions(), lines, seen.append)
    assert {n + 1 for n in missing} == {one.line for one in seen if one.how == "missing"}
    return [one.text for one in found], [(one.line, one.term.source, one.how) for one in seen]


def test_a_term_that_is_there_costs_nothing_and_one_that_is_not_is_placed() -> None:
    model = WordByWord()
    texts, seen = run(["The dog sees the cat", "cat", "and"], {"dog": "Köter", "cat": "Katze"}, model)
    assert texts == ["der Köter sieht der Katze", "Katze", "und"]
    assert seen == [(1, "dog", "placed"), (1, "cat", "there"), (2, "cat", "there")]
    assert model.asked == [None, ["der Köter"]]


def test_several_terms_of_a_line_are_placed_from_left_to_right() -> None:
    terms = {"cat": "Mieze", "dog": "Köter", "red car": "rote Karre"}
    texts, seen = run(["the dog and the cat and the red car"], terms)
    assert texts == ["der Köter und der Mieze und der rote Karre"]
    assert {how for _, _, how in seen} == {"placed"}


def test_case_and_whole_words_count_and_the_longest_term_wins() -> None:
    texts, seen = run(["Dog, dogs (DOG) red car, car"], {"dog": "Köter", "car": "Wagen", "red car": "flinker Flitzer"})
    assert [source for _, source, _ in seen] == ["dog", "dog", "red car", "car"]
    assert {how for _, _, how in seen} == {"placed"}
    assert "dogs" in texts[0]


def test_a_translation_within_that_of_a_longer_term_is_not_that_of_the_shorter() -> None:
    terms = {"car": "Karre", "red car": "rote Karre"}
    texts, seen = run(["the red car and the car"], terms)
    assert texts == ["der rote Karre und der Karre"]
    assert seen == [(1, "red car", "placed"), (1, "car", "placed")]
    assert [how for _, _, how in run(["the red car and the car"], terms, WordByWord(deaf=True))[1]] == ["missing"] * 2


def test_a_term_that_the_model_goes_on_with_is_tried_with_the_next_word() -> None:
    texts, seen = run(["the dog sees"], {"dog": "Köter"}, WordByWord(sticky=True))
    assert texts == ["der Köter sieht"]
    assert seen == [(1, "dog", "placed")]


@pytest.mark.parametrize("model", [WordByWord(deaf=True), WordByWord(n_parts=2)])
def test_what_cannot_be_placed_is_said_with_its_line(model: WordByWord, capsys: pytest.CaptureFixture[str]) -> None:
    texts, seen = run(["cat", "the dog sees the cat"], {"dog": "Köter"}, model)
    assert texts[1] == "der Hund sieht der Katze"
    assert seen == [(2, "dog", "missing")]
    assert len(model.asked) <= 4
    placed = Placed()
    translate_with(Glossary([Term("dog", "Köter")]), model, SearchOptions(), ["dog"], placed.add, numbers=[41])  # type: ignore[arg-type]
    placed.tell()
    said = capsys.readouterr().err
    assert "glossary: 1 terms in the source: 0 in place by themselves, 0 placed, 1 not placed" in said
    assert "line 42: dog is not Köter" in said
    for number in range(10_000):  # of an endless pipe
        placed.add(Seen(number, Term("dog", "Köter"), "missing"))
    assert len(placed.missing) < 100
    placed.tell()
    assert "10,001 terms in the source: 0 in place by themselves, 0 placed, 10,001 not" in capsys.readouterr().err


class Beside(WordByWord):
    """Says its own word beside the term.

    Args:
        until: As long as the prefix ends with one of these.
    """

    def __init__(self, *until: str) -> None:
        super().__init__()
        self.until = until

    def translate_lines(self, lines, options, prefix=None, align=False, to=None):  # type: ignore[no-untyped-def]
        found = super().translate_lines(lines, options, prefix, align, to)
        starts = prefix or [""] * len(lines)
        return [self._with_own(one, start) for one, start in zip(found, starts, strict=True)]

    def _with_own(self, one: Translation, start: str) -> Translation:
        if not start.endswith(self.until):
            return one
        text, n = f"{start} Hund{one.text[len(start) :]}", len(start.split())
        links = [(i, j + (j >= n)) for i, j in one.alignment or ()] + [(n - 1, n)]
        return replace(one, candidates=[Candidate(text, 0.0, 0.0, 1)], alignment=links)


def test_a_term_stands_for_the_models_own_word_and_not_beside_it() -> None:
    once, twice = Beside("Köter"), Beside("Köter", "sieht")
    for model, n in ((once, 3), (twice, 4)):
        texts, seen = run(["the dog sees the cat"], {"dog": "Köter"}, model)
        assert texts == ["der Köter sieht der Katze"]
        assert seen == [(1, "dog", "placed")]
        assert len(model.asked) == n


def test_a_word_that_cannot_be_kept_away_is_said() -> None:
    texts, seen = run(["the dog sees the cat"], {"dog": "Köter"}, Beside("Köter", "sieht", "Katze"))
    assert texts == ["der Hund sieht der Katze"]
    assert seen == [(1, "dog", "missing")]


def test_a_term_is_placed_as_often_as_it_is_in_the_source() -> None:
    texts, seen = run(["the dog sees the dog"], {"dog": "Köter"})
    assert texts == ["der Köter sieht der Köter"]
    assert [how for _, _, how in seen] == ["placed", "placed"]

    class Once(WordByWord):
        def translate_lines(self, lines, options, prefix=None, align=False, to=None):  # type: ignore[no-untyped-def]
            one = super().translate_lines(lines, options, prefix, align)[0]
            return [replace(one, alignment=[(1, 1)])]

    texts, seen = run(["the dog sees the dog"], {"dog": "Köter"}, Once())
    assert texts == ["der Köter sieht der Hund"]
    assert [how for _, _, how in seen] == ["placed", "missing"]


def test_the_name_of_a_placeholder_is_no_term() -> None:
    assert run(["the {dog} sees https://dog.org"], {"dog": "Köter"})[1] == []
    assert [one[1] for one in run(["see {dog}"], {"{dog}": "{Hund}"})[1]] == ["{dog}"]


def test_an_article_that_attends_to_its_noun_stays() -> None:
    class German(WordByWord):
        def translate_lines(self, lines, options, prefix=None, align=False, to=None):  # type: ignore[no-untyped-def]
            start = (prefix or [""])[0] or "ein Hund"
            one = super().translate_lines(lines, options, align=True)[0]
            links = [(1, 0), (1, 1), (2, 2)]
            return [replace(one, candidates=[Candidate(f"{start} schläft", 0.0, 0.0, 1)], alignment=links)]

    assert run(["a dog sleeps"], {"dog": "Köter"}, German())[0] == ["ein Köter schläft"]


def test_a_glossary_is_read_with_comments_and_further_columns(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text("# a comment\n\nred  car\trote Karre\tnoun\ncat\tKatze\r\ncat\tKatze\n", "utf-8")
    assert read_glossary(path).terms == [Term("red car", "rote Karre"), Term("cat", "Katze")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat\tKatze\ndog\n", r"terms.tsv:2: a line of a glossary is"),
        ("cat\t \n", r"terms.tsv:1: a line of a glossary is"),
        ("cat\tKatze\nCat\tMieze\n", r"terms.tsv:2: Cat is Mieze here and Katze in line 1"),
        ("# nothing\n", "holds no term"),
    ],
)
def test_a_glossary_that_makes_no_sense_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=message):
        read_glossary(path)
