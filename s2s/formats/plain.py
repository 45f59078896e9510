"""A content without its tags, as a model gets it, with what has to be put into its translation, and where."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field

from s2s.formats.content import Content, Piece, Tag, merged
from s2s.formats.html_tags import BLOCKS
from s2s.formats.protect import things

_OPENING, _CLOSING = "([{\"'„“‚«<¿¡", ")]}\"'“”’»>"
ATTACHED = ".,;:!?…)]}»”’。，、！？："
"""What has no space before it."""


@dataclass
class Unit:
    """What was taken out of the text and stands by itself.

    Attributes:
        pieces: Tags, and text that is protected.
        start: Where it stood in the plain text.
        space_left: White space was before it, or nothing.
        space_right: White space was after it, or nothing.
        left: The character before it.
        right: The character after it.
        spaced: In the plain text a space stands in its place, so that the words beside it are two.
    """

    pieces: list[Piece]
    start: int
    space_left: bool
    space_right: bool = True
    left: str = ""
    right: str = ""
    spaced: bool = False


@dataclass
class Pair:
    """A pair of tags with words between them; the whole text is one too, without tags.

    Attributes:
        tags: The two, or none.
        start: Where its words begin in the plain text.
        end: Where they end.
        inside: Pairs and units in it, in order.
    """

    tags: tuple[Tag, Tag] | None
    start: int
    end: int = 0
    inside: list["Pair | Unit"] = field(default_factory=list)


@dataclass(frozen=True)
class Plain:
    """What a model gets.

    Attributes:
        text: Words with single spaces.
        root: What has to be put into its translation.
    """

    text: str
    root: Pair

    @property
    def has_words(self) -> bool:
        """Whether there is anything to translate: a letter outside what is protected."""
        return has_words(self.text)


def has_words(text: str) -> bool:
    """Whether there is a letter outside what is protected.

    >>> has_words("%s: {name}"), has_words("%s dogs")
    (False, True)
    """
    place = 0
    for thing in things(text):
        if any(map(str.isalpha, text[place : thing.start])):
            return True
        place = thing.end
    return any(map(str.isalpha, text[place:]))


def peel(content: Content) -> tuple[Content, Content, Content]:
    """What stands before all words, the part with words, and what stands after: the edges stay where they are.

    White space, tags, and pairs of tags around all of it are edges.
    """
    pieces = list(content)
    start, end = 0, len(pieces)
    while start < end:
        first, last = pieces[start], pieces[end - 1]
        if _is_edge(first):
            start += 1
        elif _is_edge(last):
            end -= 1
        elif isinstance(first, Tag) and first.kind == "open":
            close = _close_of(pieces, start)
            if close == end - 1:
                start, end = start + 1, end - 1
            elif not any(map(_has_letters, pieces[start:close])):
                start = close + 1
            else:
                break
        elif isinstance(last, Tag) and last.kind == "close":
            opened = next(at for at in reversed(range(start, end)) if _opens(pieces[at], last))
            if any(map(_has_letters, pieces[opened:end])):
                break
            end = opened
        else:
            break
    before, core, after = list(pieces[:start]), list(pieces[start:end]), list(pieces[end:])
    if core and isinstance(core[0], str):
        stripped = core[0].lstrip()
        before.append(core[0][: len(core[0]) - len(stripped)])
        core[0] = stripped
    if core and isinstance(core[-1], str):
        stripped = core[-1].rstrip()
        after.insert(0, core[-1][len(stripped) :])
        core[-1] = stripped
    return merged(before), merged(core), merged(after)


def _is_edge(piece: Piece) -> bool:
    return not piece.strip() if isinstance(piece, str) else piece.kind == "alone"


def _has_letters(piece: Piece) -> bool:
    return isinstance(piece, str) and any(map(str.isalnum, piece))


def _opens(piece: Piece, close: Tag) -> bool:
    return isinstance(piece, Tag) and piece.kind == "open" and piece.pair == close.pair


def _close_of(pieces: list[Piece], opened: int) -> int:
    tag = pieces[opened]
    for place in range(opened + 1, len(pieces)):
        piece = pieces[place]
        if isinstance(piece, Tag) and isinstance(tag, Tag) and piece.kind == "close" and piece.pair == tag.pair:
            return place
    raise ValueError("a pair without its end; see unpaired_alone")


def plain(content: Content, out: Collection[str] | None) -> Plain:
    """Take the tags out of a content, and protected things with them.

    Args:
        content: Its pairs are nested (`unpaired_alone`).
        out: Keys of the things to take out; none for all.
    """
    return _Taking(_grouped(_split_off(content, out))).run()


def _split_off(content: Content, out: Collection[str] | None) -> list[Piece | list[Piece]]:
    """Texts, tags, and as lists what stands by itself."""
    found: list[Piece | list[Piece]] = []
    for piece in content:
        if isinstance(piece, Tag):
            found.append([piece] if piece.kind == "alone" else piece)
            continue
        place = 0
        for thing in things(piece):
            if out is None or thing.key in out:
                found += [piece[place : thing.start], [thing.raw]]
                place = thing.end
        found.append(piece[place:])
    return [piece for piece in found if piece != ""]


def _grouped(pieces: list[Piece | list[Piece]]) -> list[Piece | list[Piece]]:
    """Pairs without words in them, and what has no words between it, as one; brackets around it belong to it."""
    found: list[Piece | list[Piece]] = []
    place = 0
    while place < len(pieces):
        piece = pieces[place]
        if isinstance(piece, Tag) and piece.kind == "open":
            close = next(
                at
                for at in range(place, len(pieces))
                if isinstance(one := pieces[at], Tag) and one.kind == "close" and one.pair == piece.pair
            )
            if not any(isinstance(one, str) and any(map(str.isalnum, one)) for one in pieces[place:close]):
                group: list[Piece] = []
                for one in pieces[place : close + 1]:
                    group += one if isinstance(one, list) else [one]
                piece, place = group, close
        found.append(piece)
        place += 1
    joined: list[Piece | list[Piece]] = []
    for piece in found:
        if isinstance(piece, list) and joined and isinstance(joined[-1], list):
            joined[-1] = [*joined[-1], *piece]
        elif isinstance(piece, list) and len(joined) > 1 and _is_between(joined[-1]) and isinstance(joined[-2], list):
            between = joined.pop()
            joined[-1] = [*joined[-1], between, *piece]  # type: ignore[list-item, misc]
        else:
            joined.append(piece)
    for at, piece in enumerate(joined):
        before, after = (joined[i] if 0 <= i < len(joined) else "" for i in (at - 1, at + 1))
        if isinstance(piece, list) and isinstance(before, str) and isinstance(after, str) and before and after:
            opening = _OPENING.find(before[-1])
            if opening >= 0 and after[0] in _CLOSING:
                joined[at - 1 : at + 2] = [before[:-1], [before[-1], *piece, after[0]], after[1:]]
    return [piece for piece in joined if piece != ""]


_CLOSED = re.compile(r"(?:<|&lt;)/(\w+)")  # of HTML, be it code within a tag of XLIFF


def _is_between(piece: Piece | list[Piece]) -> bool:
    return isinstance(piece, str) and not any(map(str.isalnum, piece))


class _Taking:
    """Puts the plain text together."""

    def __init__(self, pieces: list[Piece | list[Piece]]) -> None:
        self._pieces = pieces
        self._text = ""
        self._stack = [Pair(None, 0)]
        self._waiting: list[Unit] = []  # their right side is not known yet
        self._ends_block = False  # since the last text

    def run(self) -> Plain:
        for piece in self._pieces:
            if isinstance(piece, str):
                self._add_text(piece)
            elif isinstance(piece, list):
                space = not self._text or self._text[-1] == " "
                unit = Unit(piece, len(self._text), space, left=self._text[-1:])
                self._stack[-1].inside.append(unit)
                self._waiting.append(unit)
            elif piece.kind == "open":
                pair = Pair((piece, piece), len(self._text))
                self._stack[-1].inside.append(pair)
                self._stack.append(pair)
            else:
                pair = self._stack.pop()
                assert pair.tags is not None
                pair.tags, pair.end = (pair.tags[0], piece), len(self._text)
                self._ends_block |= any(name in BLOCKS for name in _CLOSED.findall(piece.raw.lower()))
        [root] = self._stack
        text = self._text.rstrip()
        root.end = len(text)
        return Plain(text, root)

    def _add_text(self, piece: str) -> None:
        text = re.sub(r"\s+", " ", piece)
        if self._ends_block and _are_two(self._text[-1:], text[0]):
            self._text += " "  # as between what is shown below each other
        self._ends_block = False
        for unit in self._waiting:
            unit.space_right, unit.right = text[0] == " ", text[0]
        if self._waiting and self._text.endswith(" ") and text.lstrip()[:1] in ATTACHED and text[0] != " ":
            self._text = self._text[:-1]  # "Hello %s!" is "Hello!" without it
            for unit in self._waiting:
                unit.start = min(unit.start, len(self._text))
        if self._waiting and _are_two(self._text[-1:], text[0]) and not all(map(_is_within_word, self._waiting)):
            self._waiting[0].spaced = True
            self._text += " "
        if not self._text or self._text.endswith(" "):
            text = text.removeprefix(" ")
        self._waiting = []
        self._text += text


def _are_two(left: str, right: str) -> bool:
    """Whether characters with something between them belong to two words or sentences; some scripts have no spaces."""
    if not right.isalnum() or not left or any(unicodedata.east_asian_width(char) in "WF" for char in left + right):
        return False
    return left.isalnum() or left in ".!?…"


def _is_within_word(unit: Unit) -> bool:
    return all(isinstance(piece, Tag) and re.match(r"<wbr\b", piece.raw, re.IGNORECASE) for piece in unit.pieces)
