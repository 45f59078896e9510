"""A text cut into sentences and put together again is the same text."""

import re

from hypothesis import given
from hypothesis import strategies as st

from s2s.serving.texts import cut


def at_points(line: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in re.finditer(r"\. ", line)]
    return list(zip([0, *ends], [*ends, len(line)], strict=True))


@given(st.text(alphabet="ab. \n\r\t\u00a0\u2028\ud800", max_size=40))
def test_nothing_is_lost(text: str) -> None:
    found = cut(text, at_points)
    whole = "".join(gap + sentence for gap, sentence in zip(found.gaps, [*found.sentences, ""], strict=True))
    assert whole == text.replace("\ud800", "\ufffd")
    assert all(sentence == sentence.strip() and sentence for sentence in found.sentences)
    assert all("\n" not in sentence and "\r" not in sentence for sentence in found.sentences)
    assert not any(gap.strip() for gap in found.gaps)


def test_sentences_of_a_line_are_parted_as_their_language_does() -> None:
    found = cut("One. Two.\r\n\r\n  Three. ", at_points)
    assert found.sentences == ["One.", "Two.", "Three."]
    assert found.joined(["A.", "B.", "C."], " ") == "A. B.\r\n\r\n  C. "
    assert found.joined(["一。", "二。", "三。"], "") == "一。二。\r\n\r\n  三。 "
    assert cut(" \n ", at_points).joined([], " ") == " \n "
