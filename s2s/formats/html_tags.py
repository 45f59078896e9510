"""HTML as a list of tags and texts with their places. Every text has one; nothing is malformed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


def names(text: str) -> frozenset[str]:
    """Names that stand between spaces."""
    return frozenset(text.split())


RAW_TEXT = names("script style xmp iframe noembed noframes")
"""Elements whose inside is no HTML."""

RCDATA = names("textarea title")
"""Elements with text and entities but without tags in them."""

VOID = names("area base br col embed hr img input link meta param source track wbr")
"""Elements without an inside."""

_MARKUP = re.compile(
    r"<!--(?:>|->|.*?(?:--!?>|\Z))"
    r"|<!\[CDATA\[.*?(?:\]\]>|\Z)"
    r"|<[!?][^>]*(?:>|\Z)"
    r"""|<(?P<slash>/?)(?P<name>[A-Za-z][^\s/>]*)(?P<rest>(?>[^"'>=]+|=\s*"[^"]*"|=\s*'[^']*'|[="'])*+)>"""
    r"|</[^A-Za-z>][^>]*>|</>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of HTML.

    Attributes:
        kind: A start tag, an end tag, text, the inside of a script and its like, or a comment and its like.
        start: Where it begins.
        end: Where it ends.
        name: Of an element, in lower case.
        is_closed: A start tag that ends in `/>`.
    """

    kind: Literal["start", "end", "text", "raw", "other"]
    start: int
    end: int
    name: str = ""
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a start tag.

    Attributes:
        name: In lower case.
        value: As it is written, without quotes.
        start: Where the value begins, its quote included.
        end: Where it ends.
    """

    name: str
    value: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """All of a text, in order."""
    place = 0
    last = max(text.rfind(">"), text.rfind("<!"), text.rfind("<?"))  # after it there is text alone
    while place < len(text):
        match = _MARKUP.search(text, place) if place <= last else None
        if match is None:
            yield Token("text", place, len(text))
            return
        if match.start() > place:
            yield Token("text", place, match.start())
        place = match.end()
        name = (match["name"] or "").lower()
        if not name:
            yield Token("other", match.start(), place)
        elif match["slash"]:
            yield Token("end", match.start(), place, name)
        else:
            is_closed = match["rest"].endswith("/")
            yield Token("start", match.start(), place, name, is_closed)
            if name in RAW_TEXT | RCDATA and not is_closed:
                end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(text, place)
                stop = end.start() if end else len(text)
                if stop > place:
                    yield Token("text" if name in RCDATA else "raw", place, stop)
                place = stop


def attributes(text: str, tag: Token) -> list[Attribute]:
    """The attributes of a start tag."""
    found = []
    start = tag.start + 1 + len(tag.name)
    for match in _ATTRIBUTE.finditer(text, start, tag.end - 1):
        value = match[2] or ""
        span = match.span(2) if match[2] else (match.end(), match.end())
        found.append(Attribute(match[1].lower(), value[1:-1] if value[:1] in ("'", '"') else value, *span))
    return found
