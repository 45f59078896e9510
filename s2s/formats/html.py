"""HTML: blocks of text with the inline elements in them, and the attributes that people read."""

import html
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from s2s.formats.content import (
    Content,
    Edit,
    Lines,
    Outcome,
    Piece,
    Segment,
    Tag,
    decode,
    merged,
    splice,
    unpaired_alone,
)
from s2s.formats.html_tags import VOID, Attribute, OpenElements, Token, attributes, ended_by, names, texts, tokens
from s2s.formats.protect import with_messages

_INLINE = names(
    "a abbr acronym b bdi bdo big cite del dfn em font i ins label mark q rp rt ruby s small span strike strong sub sup"
    " time tt u"
)
_ALONE = names("img wbr input")
_OPAQUE_INLINE = names("code kbd samp var svg math object audio video canvas output meter progress picture")
_FOREIGN = names("svg math object audio video canvas")  # blocks may be in them
_OPAQUE = names("script style pre textarea template iframe xmp noembed noframes")
_READ = ("alt", "title", "placeholder", "aria-label")
_CHARSET = re.compile(rb"""<meta\s[^>]*charset\s*=\s*["']?\s*([A-Za-z0-9._-]+)""", re.IGNORECASE)
_XML_DECLARED = re.compile(rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_IS_VALUE = re.compile(r"\{\{(?!\{?~?\s*(?:[#/^]|else\b))|\{#|<%[-=#]|<\?(?:=|php\s+echo\b)")
"""Code of a template that stands for a word, or is a comment."""
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")


@dataclass
class _Run:
    """Inline content that is being gathered."""

    start: int = -1
    end: int = -1
    pieces: list[Piece] = field(default_factory=list)
    opened: list[tuple[str, int]] = field(default_factory=list)
    n_pairs: int = 0


@dataclass(frozen=True)
class _Place:
    """Where a segment is.

    Attributes:
        start: Where it begins in the file.
        end: Where it ends.
        quote: What stands around the value of an attribute: a quotation mark, or nothing; none for inline content.
    """

    start: int
    end: int
    quote: str | None = None


class HtmlFile:
    """A page; see `Document`. Whatever is in it, it can be read.

    Args:
        data: Its bytes.
        where: Its name, for messages.

    Raises:
        DataError: It is not in the encoding that it says, or UTF-8.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.segments: list[Segment] = []
        self.n_kept = 0
        self.notes: list[str] = []
        declared = _XML_DECLARED.match(data) or _CHARSET.search(data[:4096])
        self._encoded = decode(data, where, _codec(declared[1].decode("ascii"), data) if declared else None)
        self._text = self._encoded.text
        self._lines = Lines(self._text)
        self._places: list[_Place] = []
        self._language: tuple[Attribute, ...] = ()
        self._run = _Run()
        self._blocks = OpenElements()  # those that are translated
        self._skipped = OpenElements()  # one that is not translated, with the blocks in it
        self._skipped_at = self._passed = 0  # where it begins, and how far it has been passed over
        self._is_inline = False
        for token in tokens(self._text):
            self._take(token)
        if self._skipped.names:
            self._end_skip(len(self._text))
        self._end_run()

    def _take(self, token: Token) -> None:
        if self._skipped.names and self._skip(token):
            return
        if token.kind == "text":
            self._extend(token, [html.unescape(self._text[token.start : token.end])])
        elif token.kind == "template":
            if _IS_VALUE.match(self._text, token.start):
                self._extend(token, [Tag(self._text[token.start : token.end])])
            else:  # a condition or loop: what it governs is a text of its own
                self._end_run()
        elif token.kind == "other":
            if self._text.startswith("<!--", token.start):
                self._extend(token, [Tag(self._text[token.start : token.end])])
            else:
                self._end_run()
        elif token.kind == "start":
            self._start(token)
        elif token.kind == "end" and token.name in _INLINE:
            opened = self._run.opened
            number = next((pair for name, pair in reversed(opened) if name == token.name), -1)
            self._run.opened = [one for one in opened if one[1] != number]
            self._extend(token, [Tag(self._text[token.start : token.end], "close", number)])
        else:
            self._end_run()
            self._blocks.close(token.name)

    def _start(self, token: Token) -> None:
        found = attributes(self._text, token)
        values = {one.name: one.value.lower() for one in found}
        if token.name == "html":
            said = (one for one in found if one.name in ("lang", "xml:lang"))
            self._language = tuple(one for one in said if not _has_code(one))
        translated = values.get("translate") != "no" and "notranslate" not in values.get("class", "").split()
        is_inline = token.name in _INLINE | _ALONE | _OPAQUE_INLINE
        if not is_inline:
            self._end_run()
            self._blocks.begin(token.name)
        if translated:
            self._add_attributes(found, values, token.name)
        is_void = token.name in VOID or token.is_closed
        raw = self._text[token.start : token.end]
        if not translated or token.name in _OPAQUE | _OPAQUE_INLINE:
            if is_void:
                if is_inline:
                    self._extend(token, [Tag(raw, start=token.start)])
                return
            self._skipped.open(token.name)
            self._skipped_at, self._passed, self._is_inline = token.start, token.end, is_inline
        elif token.name in _ALONE or (token.is_closed and token.name in _INLINE):
            self._extend(token, [Tag(raw, start=token.start)])
        elif token.name in _INLINE:
            self._run.n_pairs += 1
            self._run.opened.append((token.name, self._run.n_pairs))
            self._extend(token, [Tag(raw, "open", self._run.n_pairs, token.start)])
        elif not is_void:
            self._blocks.open(token.name)

    def _skip(self, token: Token) -> bool:
        """Pass over what is in an element that is not translated; false where it has ended without an end tag."""
        skipped, root = self._skipped, self._skipped.names[0]
        if token.kind == "end" and token.name in skipped:
            skipped.close(token.name)
            if not skipped.names:
                self._end_skip(token.end)
                return True
        elif (token.kind == "end" and self._is_open(token.name)) or (
            token.kind == "start" and self._is_ended_by(token.name, root)
        ):
            self._end_skip(self._passed)
            return False
        elif token.kind == "start" and token.name not in VOID and not token.is_closed:
            skipped.open(token.name)
        self._passed = token.end
        return True

    def _is_open(self, name: str) -> bool:
        """Whether an element around the one that is passed over is open."""
        return name in self._blocks or (self._is_inline and any(one == name for one, _ in self._run.opened))

    def _is_ended_by(self, name: str, root: str) -> bool:
        if not self._is_inline:
            return self._skipped.all_end_at(name)
        parent = self._blocks.names[-1:]
        return root not in _FOREIGN and name in ended_by(*parent) if parent else False

    def _end_skip(self, end: int) -> None:
        """The element ends here; that it is not closed is said if it may have gone on to the end of the file."""
        if end == len(self._text) and self._skipped.names and not self._skipped.ends_by_itself:
            root, line = self._skipped.names[0], self._lines.at(self._skipped_at)
            self.notes.append(
                f"line {line}: <{root}> is not closed: what follows it to the end of the file stays as it is"
            )
        self._skipped = OpenElements()
        if self._is_inline:
            raw = self._text[self._skipped_at : end]
            self._extend(Token("other", self._skipped_at, end), [Tag(raw, start=self._skipped_at)])

    def _extend(self, token: Token, pieces: list[Piece]) -> None:
        run = self._run
        if run.start < 0:
            run.start = token.start
        run.pieces += pieces
        run.end = token.end

    def _end_run(self) -> None:
        run, self._run = self._run, _Run()
        content = with_messages(merged(unpaired_alone(run.pieces)))
        if _is_worth_it(content):
            text = self._text[run.start : run.end]
            first = run.start + len(text) - len(text.lstrip())
            self._add(Segment(content, self._lines.at(first)), _Place(run.start, run.end))

    def _add_attributes(self, found: list[Attribute], values: dict[str, str], name: str) -> None:
        wanted = [one for one in found if one.name in _READ]
        if name == "meta" and values.get("name") in ("description", "keywords"):
            wanted += [one for one in found if one.name == "content"]
        if name == "input" and values.get("type") in ("submit", "button", "reset"):
            wanted += [one for one in found if one.name == "value"]
        for one in wanted:
            quote = self._text[one.start] if one.start < one.end and self._text[one.start] in "'\"" else ""
            start = one.start + len(quote)
            runs: list[list[Token]] = [[]]
            for part in texts(one.value, 0, len(one.value)):
                if part.kind == "template" and not _IS_VALUE.match(one.value, part.start):
                    runs.append([])  # a condition or loop: what it governs is a text of its own
                else:
                    runs[-1].append(part)
            if len(runs) > 1 and not quote:  # which its parts would need
                continue
            for run in filter(None, runs):
                self._add_value(one.value, run, _Place(start + run[0].start, start + run[-1].end, quote))

    def _add_value(self, value: str, run: list[Token], place: _Place) -> None:
        """A value of an attribute, or a part of one."""
        pieces: list[Piece] = []
        for part in run:
            raw = value[part.start : part.end]
            is_code = part.kind == "template"
            pieces.append(Tag(raw) if is_code else _REFERENCE.sub(lambda match: html.unescape(match[0]), raw))
        content = with_messages(merged(pieces))
        if _is_worth_it(content):
            self._add(Segment(content, self._lines.at(place.start)), place)

    def _add(self, segment: Segment, place: _Place) -> None:
        self.segments.append(segment)
        self._places.append(place)

    def accepts(self, number: int, content: Content) -> bool:
        """HTML takes every text."""
        return True

    def render(self, outcomes: Sequence[Outcome], language: str | None) -> bytes:
        """The page with its texts translated, and the language that it says it has."""
        edits: list[Edit] = []
        runs: list[tuple[_Place, Content]] = []
        for place, segment, outcome in zip(self._places, self.segments, outcomes, strict=True):
            content = outcome.content
            if content is None or content == segment.content:
                continue
            if place.quote is not None:
                edits.append(Edit(place.start, place.end, self._value(place, content)))
            else:
                runs.append((place, content))
        outside: list[Edit] = []
        at = 0
        for place, content in runs:
            first, last = _within(edits, place.start, place.end)
            outside += [*edits[at:first], Edit(place.start, place.end, self._written(content, edits[first:last]))]
            at = last
        edits = [*outside, *edits[at:]]
        if language and outcomes:
            edits += [Edit(one.start, one.end, f'"{language}"') for one in self._language if one.value]
        return self._encoded.encode(splice(self._text, edits), references=True)

    def _value(self, place: _Place, content: Content) -> str:
        quote = place.quote or '"'
        reference = "&#39;" if quote == "'" else "&quot;"
        parts = []
        for piece in content:
            raw = piece if isinstance(piece, str) else piece.raw
            is_text = isinstance(piece, str) or piece.is_text
            parts.append(html.escape(raw, quote=False).replace(quote, reference) if is_text else raw)
        return "".join(parts) if place.quote else f"{quote}{''.join(parts)}{quote}"

    def _written(self, content: Content, edits: list[Edit]) -> str:
        parts = []
        for piece in content:
            if isinstance(piece, str):
                parts.append(html.escape(piece, quote=False))
            elif piece.is_text:
                parts.append(html.escape(piece.raw, quote=False))
            elif piece.start < 0:
                parts.append(piece.raw)
            else:
                end = piece.start + len(piece.raw)
                first, last = _within(edits, piece.start, end)
                parts.append(splice(self._text, edits[first:last], piece.start, end))
        return "".join(parts)


def _has_code(attribute: Attribute) -> bool:
    """Whether there is code of a template in its value."""
    return any(part.kind == "template" for part in texts(attribute.value, 0, len(attribute.value)))


def _is_worth_it(content: Content) -> bool:
    """Whether there is something to translate, or to look at."""
    return any(piece.strip() if isinstance(piece, str) else bool(piece.inner or piece.problem) for piece in content)


def _within(edits: list[Edit], start: int, end: int) -> tuple[int, int]:
    """Which of the edits, in the order of the file, are in this part of it."""
    first = bisect_left(edits, start, key=lambda edit: edit.start)
    return first, bisect_left(edits, end, first, key=lambda edit: edit.start)


def _codec(name: str, data: bytes) -> str:
    """The codec that browsers take: what says that it is Latin-1 is Windows-1252."""
    if name.lower() in ("iso-8859-1", "latin1", "latin-1", "ascii", "us-ascii"):
        try:
            data.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"
        return "cp1252"
    return name
