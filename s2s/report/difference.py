"""Where two texts differ, word by word."""

import re
from difflib import SequenceMatcher

from s2s.report.html import Html, element, join

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def marked(text: str, other: str) -> Html:
    """A text, with the words marked that another one does not have in their place."""
    mine, theirs = _WORDS.findall(text), _WORDS.findall(other)
    parts: list[str] = []
    for operation, first, last, _, _ in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        words = "".join(mine[first:last])
        if words:
            parts.append(words if operation == "equal" or not words.strip() else element("mark", words))
    return join(parts)
