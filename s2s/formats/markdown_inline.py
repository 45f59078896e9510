"""The inline text of Markdown as text and tags: a parser says what is there, and this finds where it is written."""

import re
from collections.abc import Callable
from dataclasses import replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from s2s.formats.content import Content, Piece, Tag, merged, unpaired_alone
from s2s.formats.html_tags import VOID
from s2s.formats.protect import KEPT_WHOLE

_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]")
_OPAQUE = re.compile(
    rf"{KEPT_WHOLE}|"
    r"\{\{[^{}\n]{0,500}\}\}|\{%[^{}\n]{0,500}%\}"
    r"|\[\[[^\[\]\n]+\]\]"
    r"|(?<!\\)\$\$[^$\n]+\$\$"
    r"|(?<![\w\\$])\$(?:(?![\s\d$])[^$`\n]*(?<![\s\\])|\d[^\s$`]*)\$(?![\w$])"
    r"|(?<![\w<.+-])(?<!\]\()(?P<url>(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|www\.)[^\s<>\"'`\[\]{}|\\^]+)"
)
"""What is text for the parser, and no text: code of templates and in elements, links of wikis, mathematics, URLs."""
_AFTER_URL = ".,;:!?…»”’*_~&"
_SPECIAL = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)|[`*\[\]<|]|~(?=~)|~(?<=~~)|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|!(?=\[)"
)
_LINE_START = re.compile(r"^(\s*|\s*\d{1,9}(?=[.)](?:\s|$)))([-+=#>~:.)])")


class _LostError(Exception):
    """The place of a token was not found."""


def inline_content(raw: str, parser: MarkdownIt, env: dict[str, object], *, in_table: bool = False) -> Content | None:
    """Read inline text.

    Args:
        raw: As it is written, lines with their ends between them.
        parser: With `text_join` disabled, so that escapes and entities are tokens.
        env: With the definitions of links.
        in_table: `|` is escaped.

    Returns:
        Text and tags; none if they cannot be told apart with certainty.
    """
    source = raw.replace("\\|", "|") if in_table else raw
    escaped = in_table and source != raw
    try:
        hidden, restored = _hide(source)
        tokens = parser.parseInline(hidden, env)
        content = restored(_Walk(hidden, parser).run(tokens[0].children or [])) if tokens else ()
    except _LostError:
        return None
    if escaped:
        content = tuple(
            piece if isinstance(piece, str) else Tag(piece.raw.replace("|", "\\|"), piece.kind, piece.pair)
            for piece in content
        )
    return content


def _bare(url: str) -> str:
    """An address without the marks of the sentence, or of emphasis, after it; brackets that it opens belong to it."""
    url = re.split(r"\*\*|~~", url)[0]
    depth = 0
    for place, char in enumerate(url):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth < 0:
            url = url[:place]
            break
    return url.rstrip(_AFTER_URL)


def _hide(source: str) -> tuple[str, Callable[[Content], Content]]:
    """The text with letters that mean nothing for what the parser is not to read, and how to get it back as tags."""
    marks = [char for char in map(chr, range(0xE000, 0xF8FF)) if char not in source][:2]
    if len(marks) < 2:
        raise _LostError
    found: list[str] = []

    def hide(match: re.Match[str]) -> str:
        raw = _bare(match["url"]) if match["url"] else match[0]
        found.append(raw)
        mark = marks[len(found) % 2]  # two in turn, as one may follow the other
        return mark * len(raw) + match[0][len(raw) :]

    hidden = _OPAQUE.sub(hide, source)
    runs = re.compile(rf"{marks[0]}+|{marks[1]}+")

    def restored(content: Content) -> Content:
        raws = iter(found)
        pieces: list[Piece] = []
        for piece in content:
            if isinstance(piece, Tag):
                pieces.append(replace(piece, raw=runs.sub(lambda match: next(raws), piece.raw)))
                continue
            place = 0
            for match in runs.finditer(piece):
                pieces += [piece[place : match.start()], Tag(next(raws))]
                place = match.end()
            pieces.append(piece[place:])
        return merged(pieces)

    return hidden, restored


def written(content: Content, *, in_table: bool) -> str:
    """Content as Markdown, with what would be markup in its texts escaped."""
    parts = []
    for number, piece in enumerate(content):
        if isinstance(piece, Tag):
            parts.append(piece.raw)
            continue
        text = _escaped(piece, in_table)
        if number == 0:
            text = _LINE_START.sub(r"\1\\\2", text)
        if number == len(content) - 1:
            text = re.sub(r"(?<!\\)#+$", r"\\\g<0>", text)  # of a heading it would be the end
        parts.append(text)
    return "".join(parts)


def _escaped(text: str, in_table: bool) -> str:
    def escape(match: re.Match[str]) -> str:
        char = match[0]
        if char == "|" and not in_table:
            return char
        if char == "&":
            return "&amp;"
        return f"\\{char}"

    return _SPECIAL.sub(escape, text)


class _Walk:
    """Goes along the text and the parser's tokens at the same time."""

    def __init__(self, raw: str, parser: MarkdownIt) -> None:
        self.raw, self.parser, self.place = raw, parser, 0
        self.pieces: list[Piece] = []
        self.opened: list[int] = []
        self.elements: list[tuple[str, int]] = []
        self.n_pairs = 0

    def run(self, tokens: list[Token]) -> Content:
        n = 0
        while n < len(tokens):
            token = tokens[n]
            if token.type == "link_open" and token.info == "auto":
                end = self.raw.find(">", self.place)
                self._alone(end + 1 if end >= 0 and self.raw[self.place] == "<" else -1)
                n = next(at for at in range(n, len(tokens)) if tokens[at].type == "link_close")
            else:
                self._token(token)
            n += 1
        if self.raw[self.place :].strip():
            raise _LostError
        self.pieces.append(self.raw[self.place :])
        return merged(unpaired_alone(self._with_footnotes(self.pieces)))

    def _with_footnotes(self, pieces: list[Piece]) -> list[Piece]:
        found: list[Piece] = []
        for piece in pieces:
            if isinstance(piece, Tag):
                found.append(piece)
                continue
            place = 0
            for match in _FOOTNOTE.finditer(piece):
                found += [piece[place : match.start()], Tag(match[0])]
                place = match.end()
            found.append(piece[place:])
        return found

    def _take(self, text: str) -> None:
        if not self.raw.startswith(text, self.place):
            raise _LostError
        self.place += len(text)

    def _alone(self, end: int) -> None:
        if end <= self.place:
            raise _LostError
        self.pieces.append(Tag(self.raw[self.place : end]))
        self.place = end

    def _token(self, token: Token) -> None:
        match token.type:
            case "text":
                self._text(token.content)
            case "text_special":
                self._take(token.markup)
                self.pieces.append(token.content)
            case "softbreak":
                self._spaces()
                self._take("\n")
                self._spaces()
                self.pieces.append(" ")
            case "code_inline":
                self._code(token.markup)
            case "html_inline":
                self._html(token.content)
            case "em_open" | "strong_open" | "s_open" | "link_open":
                self._open(token.markup if token.type != "link_open" else "[")
            case "em_close" | "strong_close" | "s_close":
                self._close(self.place + len(token.markup), token.markup)
            case "link_close":
                self._close_link()
            case "image":
                self._alone(self._image_end())
            case _:
                raise _LostError

    def _text(self, content: str) -> None:
        self.pieces.append(content)
        self._take(content)

    def _spaces(self) -> None:
        while self.raw[self.place : self.place + 1] in (" ", "\t"):
            self.place += 1

    def _code(self, markup: str) -> None:
        self._take(markup)
        end = re.compile(rf"(?<!`){markup}(?!`)").search(self.raw, self.place)
        self.place -= len(markup)
        self._alone(end.end() if end else -1)

    def _html(self, raw: str) -> None:
        self._take(raw)
        match = re.match(r"<(/?)([A-Za-z][\w-]*)", raw)
        if match is None or raw.endswith("/>") or match[2].lower() in VOID:
            self.pieces.append(Tag(raw))
        elif not match[1]:
            self.n_pairs += 1
            self.elements.append((match[2].lower(), self.n_pairs))
            self.pieces.append(Tag(raw, "open", self.n_pairs))
        else:
            number = next((pair for name, pair in reversed(self.elements) if name == match[2].lower()), -1)
            self.elements = [one for one in self.elements if one[1] != number]
            self.pieces.append(Tag(raw, "close", number))

    def _open(self, raw: str) -> None:
        self._take(raw)
        self.n_pairs += 1
        self.opened.append(self.n_pairs)
        self.pieces.append(Tag(raw, "open", self.n_pairs))

    def _close(self, end: int, begins: str) -> None:
        if not self.raw.startswith(begins, self.place) or end <= self.place or not self.opened:
            raise _LostError
        self.pieces.append(Tag(self.raw[self.place : end], "close", self.opened.pop()))
        self.place = end

    def _close_link(self) -> None:
        """A link whose text is also the name of its target (`[x]`, `[x][]`) keeps the name when the text changes."""
        end, text_end = self._link_end(self.place), self.place
        self._close(end, "]")
        tag = self.pieces[-1]
        if isinstance(tag, Tag) and tag.raw in ("]", "][]"):
            depth, start = 1, text_end
            while depth and start > 0:
                start -= 1
                escaped = self.raw[start - 1 : start] == "\\"
                depth += 0 if escaped else {"]": 1, "[": -1}.get(self.raw[start], 0)
            self.pieces[-1] = Tag(f"][{self.raw[start + 1 : text_end]}]", "close", tag.pair)

    def _link_end(self, place: int) -> int:
        """Where a link ends whose text ends at `place`: after `](…)`, `][…]` or `]`."""
        raw, helpers = self.raw, self.parser.helpers
        if raw[place + 1 : place + 2] == "(":
            at = _after_space(raw, place + 2)
            found = helpers.parseLinkDestination(raw, at, len(raw))
            at = found.pos if found.ok else at
            with_space = _after_space(raw, at)
            title = helpers.parseLinkTitle(raw, with_space, len(raw))
            if title.ok and with_space > at:
                with_space = _after_space(raw, title.pos)
            if raw[with_space : with_space + 1] == ")":
                return with_space + 1
        if raw[place + 1 : place + 2] == "[":
            end = raw.find("]", place + 2)
            if end >= 0:
                return end + 1
        return place + 1

    def _image_end(self) -> int:
        if not self.raw.startswith("![", self.place):
            return -1
        depth = 0
        at = self.place + 1
        while at < len(self.raw):
            char = self.raw[at]
            if char == "\\":
                at += 1
            depth += {"[": 1, "]": -1}.get(char, 0)
            if depth == 0:
                return self._link_end(at)
            at += 1
        return -1


def _after_space(text: str, place: int) -> int:
    while text[place : place + 1] in (" ", "\t", "\n") and place < len(text):
        place += 1
    return place
