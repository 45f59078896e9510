"""A text of several lines and sentences as what stands to be translated, and what stands between."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_LINE = re.compile(r"[^\n\r]+")
_NOT_TEXT = re.compile("[\ud800-\udfff]")
Spans = Callable[[str], Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class Text:
    """A text cut into sentences.

    Attributes:
        sentences: In order, without white space around them.
        gaps: What stands before the first, between them, and after the last: one more than sentences.
    """

    sentences: list[str]
    gaps: list[str]

    def joined(self, translations: Sequence[str], space: str) -> str:
        """Translations in the places of the sentences.

        Args:
            translations: One for each sentence.
            space: What stands between two sentences of a line in the language of the translations.
        """
        parts = [self.gaps[0]]
        for number, translation in enumerate(translations, 1):
            gap = self.gaps[number]
            within_line = number < len(translations) and not gap.strip(" ")
            parts += [translation, space if within_line else gap]
        return "".join(parts)


def cut(text: str, sentences_of: Spans) -> Text:
    """Cut a text into sentences. Lone surrogates, which are no text, become U+FFFD.

    Args:
        text: Of any number of lines.
        sentences_of: Start and end of each sentence of a line.
    """
    text = _NOT_TEXT.sub("\ufffd", text)
    sentences: list[str] = []
    gaps: list[str] = []
    end = 0
    for line in _LINE.finditer(text):
        for start, stop in sentences_of(line.group()):
            start, stop = line.start() + start, line.start() + stop
            while start < stop and text[start].isspace():
                start += 1
            while start < stop and text[stop - 1].isspace():
                stop -= 1
            if start < stop:
                gaps.append(text[end:start])
                sentences.append(text[start:stop])
                end = stop
    return Text(sentences, [*gaps, text[end:]])
