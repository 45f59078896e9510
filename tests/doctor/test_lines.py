"""Facts of lines, held to a plain loop over characters."""

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from s2s.doctor import characters
from s2s.doctor.characters import CHARACTERS_AS_WORDS, SCRIPT_NAMES, script_of
from s2s.doctor.lines import MAX_CHARACTERS, look_at
from s2s.doctor.usual import _letters_of

LATIN = _letters_of(("Latin",))
TEXT = st.text(st.characters(exclude_categories=[]) | st.sampled_from("aAbB zÄ.ä1१𝟙1 \t语かไЖж"), max_size=40)


def category(char: str) -> str:
    return unicodedata.category(char)[0] if ord(char) < 0x32000 else "?"


def words_of(line: str) -> list[str]:
    """Runs of letters, marks and numerals; a letter of a script without spaces by itself."""
    words = [""]
    for char in line:
        if category(char) not in "LMN":
            words.append("")
        elif SCRIPT_NAMES[script_of()[ord(char)]] in CHARACTERS_AS_WORDS and category(char) in "LM":
            words += [char, ""]
        else:
            words[-1] += char
    return [word for word in words if word]


def lowered(text: str) -> str:
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


@given(st.lists(TEXT, max_size=12))
def test_counts_equal_a_plain_loop(lines: list[str]) -> None:
    seen = look_at(lines, LATIN)
    for index, line in enumerate(unicodedata.normalize("NFC", line) for line in lines):
        spaces = sum(category(char) == "Z" or char in "\t\n\r" for char in line)
        assert seen.n_characters[index] == len(line) - spaces
        assert seen.n_letters[index] == sum(category(char) in "LM" for char in line)
        assert seen.n_digits[index] == sum(category(char) == "N" for char in line)
        assert seen.n_words[index] == len(words_of(line))
        assert seen.n_own[index] == sum(LATIN[ord(char)] for char in line)
        values = sorted(unicodedata.decimal(char) for char in line if unicodedata.decimal(char, None) is not None)
        other = look_at(["".join(map(str, values))], LATIN)
        assert seen.digits[index] == other.digits[0]


@given(st.lists(TEXT, min_size=1, max_size=12))
def test_sums_tell_words_and_lines_apart_and_do_not_depend_on_neighbours(lines: list[str]) -> None:
    seen = look_at(lines, LATIN)
    lines = [unicodedata.normalize("NFC", line) for line in lines]
    words = [lowered(word) for line in lines for word in words_of(line)]
    assert len(words) == len(seen.words)
    of_word: dict[str, int] = {}
    for word, key in zip(words, seen.words.tolist(), strict=True):
        assert of_word.setdefault(word, key) == key
    assert len(set(of_word.values())) == len(of_word)
    assert seen.line_of_word.tolist() == [n for n, line in enumerate(lines) for _ in words_of(line)]
    texts = ["".join(lowered(word) for word in words_of(line)) for line in lines]
    of_text: dict[str, int] = {}
    for text, key in zip(texts, seen.text.tolist(), strict=True):
        assert of_text.setdefault(text, key) == key
    assert len(set(of_text.values())) == len(of_text)
    for index, line in enumerate(lines):
        alone = look_at([line], LATIN)
        for name in ("n_characters", "n_letters", "n_own", "n_words", "has_run", "has_rare", "digits", "text"):
            assert getattr(alone, name)[0] == getattr(seen, name)[index]


@given(st.lists(st.text("aab .1", max_size=30), max_size=8))
def test_runs_equal_a_plain_loop(lines: list[str]) -> None:
    seen = look_at(lines, LATIN)
    for index, line in enumerate(lines):
        expected = any(10 * char in line for char in "ab.")
        assert seen.has_run[index] == expected


def test_a_run_does_not_cross_lines_and_digits_may_repeat() -> None:
    assert look_at(["a" * 5, "a" * 5, "1" * 20, "b" * 10, "", "!" * 11], LATIN).has_run.tolist() == [
        False, False, False, True, False, True,
    ]  # fmt: skip


def test_nothing_and_empty_lines() -> None:
    assert len(look_at([], LATIN).text) == 0
    seen = look_at(["", " ", ""], LATIN)
    assert seen.n_characters.tolist() == [0, 0, 0]
    assert len(seen.words) == 0


def test_of_a_very_long_line_the_beginning_counts() -> None:
    seen = look_at(["a " * MAX_CHARACTERS, "b"], LATIN)
    assert seen.n_words.tolist() == [MAX_CHARACTERS // 2, 1]


def test_scripts() -> None:
    expected = {"a": "Latin", "ß": "Latin", "ж": "Cyrillic", "α": "Greek", "字": "Han", "か": "Kana", "한": "Hangul",
                "ש": "Hebrew", "ع": "Arabic", "अ": "Devanagari", "ก": "Thai", "ა": "Georgian", "አ": "Ethiopic",
                "1": "other", "!": "other", "𠀀": "Han"}  # fmt: skip
    assert {char: SCRIPT_NAMES[script_of()[ord(char)]] for char in expected} == expected
    assert not script_of()[0xD800:0xE000].any()
    assert (characters.mix_of()[ord("Ä")], characters.digit_mix_of()[ord("x")]) == (characters.mix_of()[ord("ä")], 0)
    assert np.unique(characters.mix_of()[[ord(char) for char in "abcdefgh"]]).size == 8
