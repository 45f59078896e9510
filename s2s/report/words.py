"""A text as words, for people: what is marked where texts differ, and what comes again where one loops."""

import unicodedata

from s2s.doctor.characters import UNSPACED, kind_of


def words_in(text: str) -> list[str]:
    """Words, each with the spaces after it; together they are the text.

    A mark (an accent, a vowel sign) belongs to the letter before it. Where words are not spaced apart, each character
    is one. A sign of punctuation is one too.

    >>> words_in("Der Hund, der bellt.")
    ['Der ', 'Hund', ', ', 'der ', 'bellt', '.']
    """
    kinds = kind_of()
    words: list[str] = []
    grows = False  # whether the next letter belongs to the last word
    for char in text:
        category = unicodedata.category(char)
        if words and (char.isspace() or category[0] == "M"):
            words[-1] += char
            grows = grows and not char.isspace()
        elif category[0] in "LMN" or char == "_":
            alone = bool(kinds[ord(char)] & UNSPACED)
            if grows and not alone:
                words[-1] += char
            else:
                words.append(char)
            grows = not alone
        else:
            words.append(char)
            grows = False
    return words
