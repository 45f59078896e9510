"""What all formats have in common: segments of text with protected tags in them, and a file they are spliced into."""

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from s2s.errors import DataError

Kind = Literal["open", "close", "alone"]


@dataclass(frozen=True)
class Tag:
    """Something among the text that comes out exactly once, as it is.

    Attributes:
        raw: What it is.
        kind: Whether it opens or closes something, or stands by itself.
        pair: The same number for the two ends of a pair; -1 alone.
        start: Where it begins in the file, if parts of it may be translated; else -1.
        is_text: It is part of the text, and is escaped like it when it is written: a tag of HTML in a message.
        inner: An ICU message, alternately what stays and what is translated; none otherwise.
        problem: Why the text that it is in cannot be translated; empty if it can.
        half: Alone, but an end of something: a number that both ends have, negative for the closing one; else 0.
    """

    raw: str
    kind: Kind = "alone"
    pair: int = -1
    start: int = -1
    is_text: bool = False
    inner: tuple["str | Content", ...] | None = None
    problem: str = ""
    half: int = 0


Piece = str | Tag
Content = tuple[Piece, ...]


@dataclass(frozen=True)
class Segment:
    r"""A text that is translated as a whole.

    Attributes:
        content: Text, decoded, and tags.
        line: Where it begins in the file, from 1.
        keeps_lines: `\n` ends a line of it, which is translated by itself, as `\t` ends a column; otherwise they are
            white space.
    """

    content: Content
    line: int
    keeps_lines: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a segment.

    Attributes:
        content: Its translation; none if the source stays.
        problem: Why somebody should look at it; empty if all is well.
    """

    content: Content | None
    problem: str = ""


class Document(Protocol):
    """A file with the segments that are to be translated.

    Attributes:
        segments: In the order of the file.
        n_kept: How many texts have a translation already, and keep it.
        notes: What the user should know about the file.
    """

    segments: list[Segment]
    n_kept: int
    notes: list[str]

    def accepts(self, number: int, content: Content) -> bool:
        """Whether this translation of a segment leaves the file valid."""

    def render(self, outcomes: Sequence[Outcome], language: str | None) -> bytes:
        """The file with translations in it.

        Args:
            outcomes: Of each segment.
            language: Code of the language, for formats that say it; none if it is not known.
        """


def merged(pieces: Iterable[Piece]) -> Content:
    """Pieces with neighbouring texts joined and empty ones left out."""
    out: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        elif piece != "":
            out.append(piece)
    return tuple(out)


_BREAK = re.compile(
    r"""
      <br\b[^<>]*>
    | <[^<>]*? \s (?: (?:ctype|subType) \s*=\s* ["'] (?:xlf:|x-(?:[\w-]*-)?)? (?:lb|br) ["']
                  | (?:equiv-text|equiv|disp) \s*=\s* ["'] &lt;br\b
                  | (?:id|equiv) \s*=\s* ["'] LINE_BREAK ) .*
    | <(?P<name>[^\s<>/]+) [^<>]* (?<!/)>
        \s* (?: &lt;br\s*/?(?:&gt;|>) | [\r\n] | (?:\\r)?\\n | &\#(?:10|x0?A); ) \s*
      </(?P=name)\s*>
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def is_break(piece: Piece) -> bool:
    """Whether it is a tag that ends a line: `<br>`, or one of XLIFF that says that it stands for it."""
    return isinstance(piece, Tag) and piece.kind == "alone" and _BREAK.fullmatch(piece.raw) is not None


def raw_text(pieces: Iterable[Piece]) -> str:
    """Texts and tags as they are."""
    return "".join(piece if isinstance(piece, str) else piece.raw for piece in pieces)


def flattened(content: Content) -> Iterator[Piece]:
    """A content with the branches of its messages, and the tags in them, in place of the messages."""
    for piece in content:
        if isinstance(piece, Tag) and piece.inner is not None:
            for part in piece.inner:
                yield from (part,) if isinstance(part, str) else flattened(part)
        else:
            yield piece


_DEEPEST = 40
"""Pairs in each other; nobody writes more."""


def unpaired_alone(pieces: Iterable[Piece]) -> list[Piece]:
    """Pieces in which every pair is there and nested, not too deep; the tags of others stand alone, as halves."""
    found = list(pieces)
    opened: list[int] = []
    paired: set[int] = set()
    for place, piece in enumerate(found):
        if isinstance(piece, Tag) and piece.kind == "open":
            if len(opened) < _DEEPEST:
                opened.append(place)
        elif isinstance(piece, Tag) and piece.kind == "close":
            numbers = [_pair_of(found[index]) for index in opened]
            if piece.pair in numbers:
                index = len(numbers) - 1 - numbers[::-1].index(piece.pair)
                paired |= {opened[index], place}
                del opened[index:]
    for place, piece in enumerate(found):
        if isinstance(piece, Tag) and piece.kind != "alone" and place not in paired:
            half = (piece.pair + 1) * (1 if piece.kind == "open" else -1)
            found[place] = replace(piece, kind="alone", pair=-1, half=half)
    return found


def halves_in_order(content: Content) -> Content:
    """A content in which no closing half comes before its opening one: those that do change places."""
    found = list(content)
    closed: dict[int, int] = {}
    for place, piece in enumerate(found):
        if isinstance(piece, Tag) and piece.half < 0:
            closed[-piece.half] = place
        elif isinstance(piece, Tag) and piece.half in closed:
            other = closed.pop(piece.half)
            found[other], found[place] = piece, found[other]
    return tuple(found)


def _pair_of(piece: Piece) -> int:
    return piece.pair if isinstance(piece, Tag) else -1


@dataclass(frozen=True)
class Encoded:
    """The bytes of a file as text.

    Attributes:
        text: Without the byte order mark.
        encoding: Name of a codec.
        bom: Bytes that stand before the text.
    """

    text: str
    encoding: str
    bom: bytes = b""

    def encode(self, text: str, *, references: bool = False) -> bytes:
        """Another text in the encoding of the file.

        Args:
            text: The text.
            references: Whether `&#8364;` stands for characters that the encoding lacks.

        Raises:
            DataError: It lacks some.
        """
        try:
            return self.bom + text.encode(self.encoding, "xmlcharrefreplace" if references else "strict")
        except UnicodeEncodeError as error:
            raise DataError(
                f"the file's encoding {self.encoding} lacks {error.object[error.start]!r}, which the translation has",
                hint="Convert the file to UTF-8 first.",
            ) from error

    def holds(self, text: str) -> bool:
        """Whether the encoding has all characters of a text."""
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True


_BOMS = (  # the longer first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(data: bytes, where: str, declared: str | None = None) -> Encoded:
    """Read the bytes of a file.

    Args:
        data: All of them.
        where: The file, for messages.
        declared: The encoding that the file says it has; none for UTF-8. A byte order mark goes before it.

    Raises:
        DataError: They are not in that encoding.
    """
    bom, encoding = next(((mark, name) for mark, name in _BOMS if data.startswith(mark)), (b"", declared or "utf-8"))
    body = data[len(bom) :]
    try:
        codec = codecs.lookup(encoding)
        if not codec._is_text_encoding:
            raise LookupError
        text = body.decode(encoding)
    except LookupError:
        raise DataError(f"says that its encoding is {encoding}, which is not known", where=where) from None
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"not {encoding.upper()} (byte 0x{body[error.start]:02X})",
            where=f"{where}:{line}",
            hint="Convert it to UTF-8, for example with iconv, and let it say so where it names its encoding.",
        ) from error
    encoded = Encoded(text, codec.name, bom)
    if encoded.encode(text) != data:  # an encoding with states or with two forms of the same
        raise DataError(
            f"its bytes cannot be kept in the encoding {encoding}", where=where, hint="Convert it to UTF-8 first."
        )
    return encoded


class Lines:
    """Numbers of lines by offset."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def at(self, offset: int) -> int:
        """The line of an offset, from 1."""
        return bisect_right(self._starts, offset)


@dataclass(frozen=True)
class Edit:
    """New text for a span of the file."""

    start: int
    end: int
    text: str


def splice(text: str, edits: Iterable[Edit], start: int = 0, end: int | None = None) -> str:
    """A part of a text with edits that do not overlap; all else stays as it is."""
    parts = []
    place = start
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < place:
            raise ValueError("edits overlap")
        parts += [text[place : edit.start], edit.text]
        place = edit.end
    return "".join([*parts, text[place:end]])


def line_end_of(text: str) -> str:
    r"""How the lines of a file end: `\r\n` or `\n`, by its first."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
