"""Markdown: the inline text of its blocks. CommonMark, with tables, strikethrough, footnotes and front matter."""

import itertools
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from s2s.formats.content import Content, Edit, Outcome, Piece, Segment, Tag, decode, splice
from s2s.formats.markdown_inline import inline_content, written
from s2s.formats.reflow import reflow

_FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*\r?\n(?:.*\n)*?\1[ \t]*(?:\r?\n|\Z)")
_HARD_BREAK = re.compile(r"(?: {2,}|(?<!\\)(?:\\\\)*\\)\r?\n")
_BLOCK_START = re.compile(r"\s*(?:[-+*=#>|~`:]|\d{1,9}[.)]|</?[A-Za-z!?]|$|\[[^\]]{0,999}\]:)")
_TASK = re.compile(r"\[[ xX]\]\s+")
_MARKUP_LINE = re.compile(r"\[![A-Za-z]+\][+-]?\s*$|:::|[!?]{3}\+?\s+[\w-]")
"""Lines of other dialects that are no text: of alerts, containers, admonitions."""
_DEFINITION = re.compile(r":[ \t]+")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:?\s*")
_NOTE = re.compile(r"\[\^[^\]\s]+\]:\s*")


@dataclass(frozen=True)
class _Place:
    """Where a segment is.

    Attributes:
        spans: Of its lines in the file, without what stands before them in quotes and lists.
        in_table: It is a cell, where `|` is escaped.
        head: What stands before it in its block: the mark of a task or of a footnote.
    """

    spans: list[tuple[int, int]]
    in_table: bool
    head: str


class MarkdownFile:
    """A text in Markdown; see `Document`. Code, HTML, front matter, targets of links and definitions stay.

    Args:
        data: Its bytes.
        where: Its name, for messages.

    Raises:
        DataError: It is in an unknown encoding.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.segments: list[Segment] = []
        self.n_kept = 0
        self.notes: list[str] = []
        self._encoded = decode(data, where)
        self._text = self._encoded.text
        front = _FRONT.match(self._text)
        self._first = self._text.count("\n", 0, front.end()) if front else 0
        self._lines = self._text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._places: list[_Place] = []
        self._parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable(["text_join"])
        self._env: dict[str, object] = {}
        # (a carriage return by itself ends a line for the parser: the numbers of lines are to be the same)
        body = "\n".join(line.removesuffix("\r").replace("\r", " ") for line in self._lines[self._first :])
        self._n_unread = 0
        self._cell = 0  # how far the cells of a row are found
        in_table = False
        row = -1
        tokens = self._parser.parse(body, self._env)
        references = self._env.get("references")
        if isinstance(references, dict):  # a footnote of one word looks like the target of a link
            links = {name: one for name, one in references.items() if not name.startswith("^")}
            self._n_unread += len(references) - len(links)
            self._env["references"] = links
        for token in tokens:
            in_table = (in_table or token.type == "table_open") and token.type != "table_close"
            if token.type == "tr_open" and token.map:
                row, self._cell = token.map[0] + self._first, 0
            if token.type == "inline":
                spans = self._cell_span(token, row) if in_table else self._spans(token)
                if spans:
                    self._add(token, spans, in_table)
                elif token.content.strip():
                    self._n_unread += 1
        if self._n_unread:
            self.notes.append(
                f"{self._n_unread} blocks of text are left as they are: their places were not found, or a line is"
                " broken within emphasis, a link or code"
            )

    def _spans(self, token: Token) -> list[tuple[int, int]]:
        """Where the lines of a paragraph or heading are; none if they are not found."""
        if token.map is None:
            return []
        first = token.map[0] + self._first
        spans = []
        for number, content in enumerate(token.content.split("\n"), start=first):
            line = self._lines[number].removesuffix("\r") if number < len(self._lines) else ""
            stripped = content.strip(" \t")
            place = line.find(content) if number == first else line.rfind(content)
            if place < 0:
                place = line.rfind(stripped)
                content = stripped
            if place < 0:
                return []
            spans.append((self._starts[number] + place, self._starts[number] + place + len(content)))
        return spans

    def _cell_span(self, token: Token, row: int) -> list[tuple[int, int]]:
        line = self._lines[row].removesuffix("\r")
        raw = token.content
        place = line.find(raw, self._cell) if raw else -1
        if place < 0 and raw:  # a bar in a cell is escaped
            raw = raw.replace("|", "\\|")
            place = line.find(raw, self._cell)
        if place < 0:
            return []
        self._cell = place + len(raw)
        return [(self._starts[row] + place, self._starts[row] + self._cell)]

    def _add(self, token: Token, spans: list[tuple[int, int]], in_table: bool) -> None:
        """A block, in as many segments as hard line breaks make of it."""
        groups: list[list[tuple[int, int]]] = [[]]
        breaks = [one.level for one in token.children or () if one.type == "hardbreak"]
        n_cuts = sum(_HARD_BREAK.search(self._text[start:end] + "\n") is not None for start, end in spans[:-1])
        in_math = False
        has_math = sum(self._text.count("$$", start, end) for start, end in spans) % 2 == 0  # all is closed
        for number, (start, end) in enumerate(spans):
            line = self._text[start:end].lstrip(" \t")
            start = end - len(line)  # what is indented may be taken for code
            is_last = number == len(spans) - 1
            if not in_table:
                was_in_math = in_math
                in_math ^= has_math and line.count("$$") % 2 == 1
                begins_math = line.startswith("$$") and (in_math or line.rstrip().endswith("$$"))
                if _MARKUP_LINE.match(line) or was_in_math or begins_math:
                    groups.append([])
                    continue
                if _DEFINITION.match(line) or _NOTE.match(line):
                    groups.append([])
            following = "" if is_last else "\n"
            groups[-1].append((start, end))
            if _HARD_BREAK.search(line + following):
                if breaks != n_cuts * [0]:
                    self._n_unread += 1  # one is within emphasis, a link or code, which a cut would destroy
                    return
                groups[-1][-1] = (start, start + len(line.rstrip(" ").removesuffix("\\").rstrip(" ")))
                groups.append([])
        for group in filter(None, groups):
            start = group[0][0]
            head = _TASK.match(self._text, start, group[0][1]) if group is groups[0] else None
            head = head or (_FOOTNOTE if group is groups[0] else _NOTE).match(self._text, start, group[0][1])
            head = head or (None if in_table else _DEFINITION.match(self._text, start, group[0][1]))
            if head:
                group[0] = (head.end(), group[0][1])
            lines = [self._text[a:b] for a, b in group]
            content = inline_content("\n".join(lines), self._parser, self._env, in_table=in_table)
            if content is None:
                self._n_unread += 1
            elif any(isinstance(piece, str) and piece.strip() for piece in content):
                self.segments.append(Segment(content, bisect_right(self._starts, group[0][0])))
                self._places.append(_Place(group, in_table, head[0] if head else ""))

    def accepts(self, number: int, content: Content) -> bool:
        """Whether it is read as it is meant: with the same tags, and nothing else than text between them."""
        place = self._places[number]
        flat = written(self._reflowed(content, ["\n"] * (len(place.spans) - 1), place), in_table=False)
        if not self._encoded.holds(flat):
            return False
        again = inline_content(flat, self._parser, self._env, in_table=False)
        if again is None or _tags(again) != _tags(content):
            return False
        wanted = " ".join(_words(content).split())
        if " ".join(_words(again).split()) != wanted:
            return False
        blocks = self._parser.parse(place.head + flat, dict(self._env))
        return len(blocks) == 3 and blocks[0].type == "paragraph_open"

    def _reflowed(self, content: Content, breaks: list[str], place: _Place) -> Content:
        if not breaks:
            return content
        widths = [end - start for start, end in place.spans]
        return reflow(content, widths, breaks, lambda text, at: not _BLOCK_START.match(text, at))

    def render(self, outcomes: Sequence[Outcome], language: str | None) -> bytes:
        """The text, translated."""
        edits = []
        for number, outcome in enumerate(outcomes):
            content, place = outcome.content, self._places[number]
            if content is None or content == self.segments[number].content:
                continue
            breaks = [self._text[end:start] for (_, end), (start, _) in itertools.pairwise(place.spans)]
            text = written(self._reflowed(content, breaks, place), in_table=place.in_table)
            edits.append(Edit(place.spans[0][0], place.spans[-1][1], text))
        return self._encoded.encode(splice(self._text, edits))


def _tags(content: Content) -> Counter[tuple[str, str]]:
    return Counter((piece.raw, piece.kind) for piece in content if isinstance(piece, Tag))


def _words(content: Content) -> str:
    pieces: list[Piece] = list(content)
    return "".join(piece if isinstance(piece, str) else "\x00" for piece in pieces)
