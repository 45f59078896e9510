"""Where two texts differ, word by word."""

from difflib import SequenceMatcher

from s2s.report.html import Html, element, join
from s2s.report.words import words_in

MAX_WORDS = 200
"""Longer texts are not marked: that takes the cube of their length."""


def marked(text: str, other: str) -> Html:
    """A text, with the words marked that another one does not have in their place."""
    mine, theirs = words_in(text), words_in(other)
    if max(len(mine), len(theirs)) > MAX_WORDS:
        return join([text, element("em", f" (over {MAX_WORDS} words: differences are not marked)")])
    parts: list[str] = []
    matcher = SequenceMatcher(None, [word.strip() for word in mine], [word.strip() for word in theirs], autojunk=False)
    for operation, first, last, _, _ in matcher.get_opcodes():
        words = "".join(mine[first:last])
        bare = words.rstrip()
        if operation == "equal" or not bare:
            parts.append(words)
        else:
            parts += [element("mark", bare), words[len(bare) :]]
    return join(parts)
