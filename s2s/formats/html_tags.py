"""HTML as a list of tags and texts with their places. Every text has one; nothing is malformed."""

import re
from collections import Counter
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

_BRACES = r"\{\{\{[^{}]*+\}\}\}|\{\{(?>[^{}]+|\{[^{}]*+\})*+\}\}"
_OPENING = _BRACES + r"|(?P<code>\{[%#]|<%|<\?)"
_TEMPLATE = re.compile(_OPENING)
_CLOSING = {"{%": "%}", "{#": "#}", "<%": "%>", "<?": "?>"}
_IN_TAG = _BRACES + r"|\{%.{0,500}?%\}|\{#.{0,500}?#\}|<%.{0,500}?%>|<\?.{0,500}?\?>"
_QUOTED = rf"""(?:"(?>{_IN_TAG}|[^"])*+"|'(?>{_IN_TAG}|[^'])*+')"""

_MARKUP = re.compile(
    rf"{_OPENING}"
    r"|<!--(?:>|->|.*?(?:--!?>|\Z))"
    r"|<!\[CDATA\[.*?(?:\]\]>|\Z)"
    r"|<![^>]*(?:>|\Z)"
    rf"""|<(?P<slash>/?)(?P<name>[A-Za-z][^\s/>]*)(?P<rest>(?>[^"'>={{<]+|=\s*{_QUOTED}|{_IN_TAG}|[="'{{<])*+)>"""
    r"|</[^A-Za-z>][^>]*>|</>",
    re.DOTALL,
)
_PROCESSING = re.compile(r"<\?[^>]*(?:>|\Z)")
_ATTRIBUTE = re.compile(
    rf"""{_IN_TAG}|(?P<name>[^\s"'<>/=]+)(?:\s*=\s*(?P<value>{_QUOTED}|(?:{_IN_TAG}|[^\s"'>])+))?""", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of HTML.

    Attributes:
        kind: A start tag, an end tag, text, the inside of a script and its like, code of a template (`{{…}}`
            `{%…%}` `{#…#}` `<%…%>` `<?…?>`), or a comment and its like.
        start: Where it begins.
        end: Where it ends.
        name: Of an element, in lower case.
        is_closed: A start tag that ends in `/>`.
    """

    kind: Literal["start", "end", "text", "raw", "template", "other"]
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
    place = at = 0
    last = max(text.rfind(">"), text.rfind("<!"))  # after it there are no tags
    codes = _Codes(text)
    while place < len(text):
        match = (_MARKUP if at <= last else _TEMPLATE).search(text, at)
        if match is None:
            yield Token("text", place, len(text))
            return
        code = codes.at(match)
        if code is not None and code.end < 0:  # it is text
            at = match.end()
            continue
        if match.start() > place:
            yield Token("text", place, match.start())
        place = at = code.end if code else match.end()
        if code:
            yield code
            continue
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
                if name in RCDATA:
                    yield from texts(text, place, stop)
                elif stop > place:
                    yield Token("raw", place, stop)
                place = at = stop


def texts(text: str, start: int, stop: int) -> Iterator[Token]:
    """A part of a text without tags, as text and code of templates."""
    codes = _Codes(text[:stop])
    place = at = start
    while match := _TEMPLATE.search(text, at, stop):
        at = match.end()
        code = codes.at(match)
        if code is None or code.end < 0:
            continue
        if match.start() > place:
            yield Token("text", place, match.start())
        yield code
        place = at = code.end
    if stop > place:
        yield Token("text", place, stop)


class _Codes:
    """Finds where code of templates ends, without looking again for an end that is not there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._last = {closing: text.rfind(closing) for closing in _CLOSING.values()}

    def at(self, match: re.Match[str]) -> Token | None:
        """The code that a match begins, its end -1 if it has none; none if the match is a tag or its like."""
        start, code = match.start(), match["code"]
        if code is None:
            return Token("template", start, match.end()) if match[0].startswith("{{") else None
        closing = _CLOSING[code]
        if start + 2 <= self._last[closing]:
            end = self._text.index(closing, start + 2) + 2
            is_xml = self._text.startswith("<?xml", start)
            return Token("other" if is_xml else "template", start, end)
        if code == "<?":
            if self._text.startswith(("<?php", "<?="), start):  # it may go on to the end of the file
                return Token("template", start, len(self._text))
            processing = _PROCESSING.match(self._text, start)
            return Token("other", start, processing.end() if processing else -1)
        return Token("template", start, -1)


def attributes(text: str, tag: Token) -> list[Attribute]:
    """The attributes of a start tag."""
    found = []
    start = tag.start + 1 + len(tag.name)
    for match in _ATTRIBUTE.finditer(text, start, tag.end - 1):
        if match["name"] is None:
            continue
        value = match["value"] or ""
        span = match.span("value") if value else (match.end(), match.end())
        found.append(Attribute(match["name"].lower(), value[1:-1] if value[:1] in ("'", '"') else value, *span))
    return found


_ROWS = names("tbody thead tfoot")
BLOCKS = names(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form header"
    " hgroup hr h1 h2 h3 h4 h5 h6 li main menu nav ol p pre search section summary table ul dd dt td th tr"
)
_ENDED_BY = {
    "p": BLOCKS | _ROWS,
    "li": names("li"),
    "dd": names("dd dt"),
    "dt": names("dd dt"),
    "td": names("td th tr") | _ROWS,
    "th": names("td th tr") | _ROWS,
    "tr": names("tr") | _ROWS,
    "option": names("option optgroup"),
    "optgroup": names("optgroup"),
}
"""Elements that end without an end tag where one of these begins."""
_SCOPES = (BLOCKS | names("html body button caption select object svg math template")) - set(_ENDED_BY)
"""Elements that keep what is in them from ending what is around them."""


def ended_by(name: str) -> frozenset[str]:
    """What ends an element where it begins."""
    return _ENDED_BY.get(name, frozenset())


class OpenElements:
    """Elements that are open at a place, outermost first."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._n: Counter[str] = Counter()
        self._n_scopes = 0

    def __contains__(self, name: str) -> bool:
        return self._n[name] > 0

    def open(self, name: str) -> None:
        """Go into an element."""
        self.names.append(name)
        self._n[name] += 1
        self._n_scopes += name in _SCOPES

    def _pop(self) -> str:
        name = self.names.pop()
        self._n[name] -= 1
        self._n_scopes -= name in _SCOPES
        return name

    def close(self, name: str) -> None:
        """Go out of the innermost with this name and of those in it; nothing if there is none."""
        while name in self and self._pop() != name:
            pass

    def begin(self, name: str) -> None:
        """End what ends because an element begins."""
        while self.names and name in ended_by(self.names[-1]):
            self._pop()

    def all_end_at(self, name: str) -> bool:
        """Whether all of them end because an element begins."""
        return not self._n_scopes and name in ended_by(self.names[0])

    @property
    def ends_by_itself(self) -> bool:
        """Whether the outermost needs no end tag."""
        return not self._n_scopes and self.names[0] in _ENDED_BY
