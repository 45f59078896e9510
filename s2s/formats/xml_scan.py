"""XML as a flat list of what stands where, so that a file can be changed without writing all of it anew.

Expat reads it, with nothing from outside: entities that a file declares are refused, as a small file can make them
huge, and what it refers to is not loaded.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pyexpat import ErrorString, ExpatError, ParserCreate, XMLParserType
from typing import Any, Literal
from xml.sax.saxutils import escape

from s2s.errors import DataError
from s2s.formats.content import Encoded, Lines, decode

XML = "http://www.w3.org/XML/1998/namespace"
_DECLARED = re.compile(rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ATTRIBUTE = re.compile(r"""\s([^\s=<>"'/]+)\s*=\s*("[^"]*"|'[^']*')""")

Attributes = dict[tuple[str, str], str]
"""By namespace (empty without) and name."""


@dataclass(slots=True)
class Node:
    """A tag, or text between two.

    Attributes:
        kind: A start tag, an end tag, text, a section of CDATA, or a comment or instruction.
        start: Where it begins.
        end: Where it ends.
        name: Of an element, without its prefix; `(namespace, name)`.
        attributes: Of a start tag.
        text: Decoded.
        is_empty: A start tag that ends its element too (`<x/>`); no end tag follows.
        close: Index of the end tag of a start tag; its own if it is empty.
    """

    kind: Literal["start", "end", "text", "cdata", "other"]
    start: int
    end: int = -1
    name: tuple[str, str] = ("", "")
    attributes: Attributes = field(default_factory=dict)
    text: str = ""
    is_empty: bool = False
    close: int = -1


@dataclass(frozen=True)
class Scanned:
    """A file of XML.

    Attributes:
        encoded: Its text.
        nodes: In order, without the declaration and the document type.
        lines: Its lines.
    """

    encoded: Encoded
    nodes: list[Node]
    lines: Lines

    @property
    def text(self) -> str:
        """The file as text."""
        return self.encoded.text


def secure_parser(where: str, encoding: str | None = None) -> XMLParserType:
    """A parser of expat that refuses what is dangerous.

    Args:
        where: The file, for messages.
        encoding: What its bytes are, whatever it says itself.
    """
    parser = ParserCreate(encoding, " ")
    parser.ordered_attributes = True

    def refuse(*_: Any) -> None:
        raise DataError(
            "declares entities, which are not read: they could make a small file huge, or name other files",
            where=f"{where}:{parser.CurrentLineNumber}",
            hint="Write what they stand for in their place, and delete them.",
        )

    def unknown(name: str, is_parameter: bool) -> None:
        if not is_parameter:
            raise DataError(f"uses the entity &{name};, which it does not declare", where=_place(where, parser))

    parser.EntityDeclHandler = refuse
    parser.SkippedEntityHandler = unknown
    return parser


def _place(where: str, parser: XMLParserType) -> str:
    return f"{where}:{parser.CurrentLineNumber}"


def malformed(error: ExpatError, where: str) -> DataError:
    """The error for XML that is none."""
    return DataError(
        f"malformed XML: {ErrorString(error.code)} (column {error.offset + 1})",
        where=f"{where}:{error.lineno}",
        hint="An XML file is read as a whole or not at all: mend it, or export it again.",
    )


def split_name(name: str) -> tuple[str, str]:
    """Namespace and local name of what expat calls `namespace name`."""
    namespace, _, local = name.rpartition(" ")
    return namespace, local


def attributes_of(pairs: list[str]) -> Attributes:
    """Attributes from expat's list of names and values."""
    return {split_name(name): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)}


def scan(data: bytes, where: str) -> Scanned:
    """Read a file of XML.

    Args:
        data: The file.
        where: Its name, for messages.

    Raises:
        DataError: It is malformed, in an unknown encoding, or declares entities. The line is named.
    """
    declared = _DECLARED.match(data)
    encoded = decode(data, where, declared[1].decode("ascii") if declared else None)
    utf8 = encoded.text.encode("utf-8", "surrogatepass")
    found = _Scan(utf8, where)
    offsets = _characters(encoded.text, utf8)
    for node in found.nodes:
        node.start, node.end = offsets(node.start), offsets(node.end)
    return Scanned(encoded, found.nodes, Lines(encoded.text))


def _characters(text: str, utf8: bytes) -> Callable[[int], int]:
    """From offsets in bytes to offsets in characters."""
    if len(text) == len(utf8):
        return lambda offset: offset
    known: dict[int, int] = {}
    state = [0, 0]

    def convert(offset: int) -> int:
        if offset not in known:
            if offset < state[0]:
                state[:] = [0, 0]
            state[1] += len(utf8[state[0] : offset].decode("utf-8", "surrogatepass"))
            state[0] = offset
            known[offset] = state[1]
        return known[offset]

    return convert


class _Scan:
    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.nodes = data, list[Node]()
        self._open: list[int] = []
        self._in_doctype = False
        self.parser = parser = secure_parser(where, "utf-8")
        parser.buffer_text = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartCdataSectionHandler = self._cdata
        parser.EndCdataSectionHandler = self._end_cdata
        parser.CommentHandler = lambda _: self._other(b"-->")
        parser.ProcessingInstructionHandler = lambda *_: self._other(b"?>")
        parser.StartDoctypeDeclHandler = lambda *_: self._doctype(True)
        parser.EndDoctypeDeclHandler = lambda: self._doctype(False)
        self._in_cdata = False
        try:
            parser.Parse(data, True)
        except ExpatError as error:
            raise malformed(error, where) from error

    @property
    def _at(self) -> int:
        return self.parser.CurrentByteIndex

    def _start(self, name: str, pairs: list[str]) -> None:
        end = _tag_end(self.data, self._at)
        is_empty = self.data[end - 2 : end] == b"/>"
        attributes = attributes_of(pairs)
        self._open.append(len(self.nodes))
        self.nodes.append(Node("start", self._at, end, split_name(name), attributes, is_empty=is_empty))

    def _end(self, name: str) -> None:
        opened = self._open.pop()
        self.nodes[opened].close = opened if self.nodes[opened].is_empty else len(self.nodes)
        if not self.nodes[opened].is_empty:
            self.nodes.append(Node("end", self._at, self.data.index(b">", self._at) + 1, split_name(name)))

    def _text(self, text: str) -> None:
        if self._in_cdata:
            self.nodes[-1].text += text
            return
        end = self.data.find(b"<", self._at)
        last = self.nodes[-1] if self.nodes else None
        if last is not None and last.kind == "text":
            last.text += text
        else:
            self.nodes.append(Node("text", self._at, end, text=text))

    def _cdata(self) -> None:
        self._in_cdata = True
        self.nodes.append(Node("cdata", self._at))

    def _end_cdata(self) -> None:
        self._in_cdata = False
        self.nodes[-1].end = self._at + 3

    def _other(self, end: bytes) -> None:
        if not self._in_doctype:
            self.nodes.append(Node("other", self._at, self.data.index(end, self._at) + len(end)))

    def _doctype(self, begins: bool) -> None:
        self._in_doctype = begins


def _tag_end(data: bytes, start: int) -> int:
    """Where a tag ends: at the first `>` outside quotes."""
    match = re.compile(rb"""[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""").match(data, start)
    assert match is not None  # expat has read it
    return match.end()


def with_attributes(tag: str, wanted: dict[str, str | None]) -> str:
    """A start tag with some attributes changed, added, or (None) without them; all else stays.

    >>> with_attributes('<target  state = "new" x="1"/>', {"state": "final", "y": "<", "z": None})
    '<target  state = "final" x="1" y="&lt;"/>'
    """
    left = dict(wanted)

    def change(match: re.Match[str]) -> str:
        if match[1] not in left:
            return match[0]
        value = left.pop(match[1])
        if value is None:
            return ""
        return match[0][: -len(match[2])] + quoted(value)

    changed = _ATTRIBUTE.sub(change, tag)
    added = "".join(f" {name}={quoted(value)}" for name, value in left.items() if value is not None)
    end = len(changed) - (2 if changed.endswith("/>") else 1)
    return changed[:end].rstrip() + added + changed[end:] if added else changed


def quoted(value: str) -> str:
    """A value of an attribute, in quotes."""
    return f'"{escape(value, {chr(34): "&quot;"})}"'
