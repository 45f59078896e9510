"""Put tags and protected things into a translation, where the alignment of words says.

A pair of tags goes around all words that come from its own; what stands by itself goes before or after the word that
comes from its neighbour. Pairs stay nested, as a pair's place is looked for within the pair that it is in.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from s2s.formats.content import Content, Piece, Tag, merged
from s2s.formats.html_tags import VOID
from s2s.formats.plain import ATTACHED, Pair, Plain, Unit

_WORD = re.compile(r"\S+")
_MARKS = ".,;:!?…。，、！？；："
_TRAILING = re.compile(r"[^\w\s]*$")
_LEADING = re.compile(r"^[^\w\s]*")


@dataclass(frozen=True)
class Link:
    """A word of the source and one of the translation that belong together, as spans of characters."""

    source: tuple[int, int]
    target: tuple[int, int]


def links_of(source: str, target: str, pairs: Sequence[tuple[int, int]], at: tuple[int, int] = (0, 0)) -> list[Link]:
    """Links by the numbers of words, which stand between spaces.

    Args:
        source: A text.
        target: Its translation.
        pairs: Word of the source, word of the target, from 0. What is no word of theirs is passed over.
        at: Where the two begin in larger texts.
    """
    src, tgt = ([match.span() for match in _WORD.finditer(text)] for text in (source, target))
    return [
        Link((src[i][0] + at[0], src[i][1] + at[0]), (tgt[j][0] + at[1], tgt[j][1] + at[1]))
        for i, j in pairs
        if i < len(src) and j < len(tgt)
    ]


@dataclass(frozen=True)
class Projected:
    """A translation with everything in it.

    Attributes:
        content: Texts and tags.
        guessed: Some place follows from no alignment.
    """

    content: Content
    guessed: bool


def project(plain: Plain, target: str, links: Sequence[Link]) -> Projected:
    """Put what was taken out of a text into its translation.

    Args:
        plain: The text.
        target: Its translation.
        links: Which words belong together.
    """
    projection = _Projection(plain, target, links)
    projection.write(plain.root, 0, len(target))
    return Projected(merged(projection.out), projection.guessed)


@dataclass
class _Projection:
    plain: Plain
    target: str
    links: Sequence[Link]
    out: list[Piece] = field(default_factory=list)
    guessed: bool = False

    def __post_init__(self) -> None:
        self.words = [match.span() for match in _WORD.finditer(self.plain.text)]
        self.starts = [word[0] for word in self.words]
        self.linked: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for link in self.links:
            # sentences without spaces between them are one word of the whole text
            n = bisect_right(self.starts, link.source[0]) - 1
            word = self.words[n] if n >= 0 and link.source[0] < self.words[n][1] else link.source
            self.linked.setdefault(word, []).append(link.target)

    def write(self, pair: Pair, start: int, end: int) -> None:
        """Write the part of the translation that a pair holds, with what is in it."""
        placed = []
        for order, inside in enumerate(pair.inside):
            span = self._span(inside) if isinstance(inside, Pair) else (self._point(inside),) * 2
            placed.append((span, order, inside))
        placed.sort(key=lambda one: one[:2])
        place = start
        for (wanted_start, wanted_end), _, inside in placed:
            inner_start = min(max(wanted_start, place), end)
            inner_end = min(max(wanted_end, inner_start), end)
            if isinstance(inside, Pair):  # white space at the edges stays outside
                said = self.target[inner_start:inner_end]
                inner_end = inner_start + len(said.rstrip())
                inner_start = inner_end - len(said.strip())
            self.out.append(self.target[place:inner_start])
            if isinstance(inside, Unit):
                if inside.spaced and inner_end < end and self.target[inner_end] == " ":
                    inner_end += 1
                self._write_unit(inside, inner_end)
            else:
                assert inside.tags is not None
                self.guessed |= not self.target[inner_start:inner_end].strip()
                self.out.append(inside.tags[0])
                self.write(inside, inner_start, inner_end)
                self.out.append(inside.tags[1])
            place = inner_end
        self.out.append(self.target[place:end])

    def _write_unit(self, unit: Unit, place: int) -> None:
        said = (piece for piece in reversed(self.out) if piece != "")
        if unit.spaced and self.out and isinstance(self.out[-1], str) and not self.target[place - 1 : place].strip():
            self.out[-1] = self.out[-1].removesuffix(" ")  # the space is not in the source
        shown = (piece for piece in said if isinstance(piece, str) or piece.kind == "alone")
        last = next(shown, "")
        before = last[-1:] if isinstance(last, str) else "\0"
        after = self.target[place : place + 1]
        touches = before.isalnum() and not unit.left.isalnum()
        if before and not before.isspace() and (unit.space_left or touches) and before not in "([{„“«":
            self.out.append(" ")
        self.out += unit.pieces
        touches = after.isalnum() and not unit.right.isalnum()
        if after and not after.isspace() and (unit.space_right or touches) and after not in ATTACHED:
            self.out.append(" ")

    def _span(self, pair: Pair) -> tuple[int, int]:
        """Where the words of a pair are in the translation."""
        text = self.plain.text
        first = max(0, bisect_right(self.starts, pair.start) - 1)
        words = [word for word in self.words[first : bisect_left(self.starts, pair.end)] if word[1] > pair.start]
        # a word that sticks out, and is punctuation alone within the pair, belongs to the word outside
        own = [
            word
            for word in words
            if (pair.start <= word[0] and word[1] <= pair.end)
            or re.search(r"\w", text[max(word[0], pair.start) : min(word[1], pair.end)])
        ]
        targets = [target for word in own for target in self.linked.get(word, [])]
        if not targets or not own:
            self.guessed = True
            place = self._relative(pair.start)
            return place, max(place, self._relative(pair.end))
        start, end = min(target[0] for target in targets), max(target[1] for target in targets)
        n_before = bisect_left(self.starts, own[0][0])
        before = self.words[n_before - 1] if n_before else None
        if before is not None and before not in self.linked and own[0] in self.linked:
            # an article that no word says attends to its noun; if it is outside in the source, it stays outside
            start = max(start, min(self._noun(self.linked[own[0]])[0], end))
        return self._trim(text, pair, own, start, end)

    def _trim(self, text: str, pair: Pair, own: list[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
        """Leave punctuation at the edges outside, if it is outside in the source."""
        last, first = own[-1], own[0]
        outside = text[pair.end : last[1]] if pair.end < last[1] else ""
        if outside and not re.search(r"\w", outside):
            end -= _n_trailing(self.target[start:end], outside)
        elif text[: pair.end].rstrip()[-1:].isalnum():  # nor is the end of a sentence in it that is not there
            end = start + len(self.target[start:end].rstrip(_MARKS))
        outside = text[first[0] : pair.start] if first[0] < pair.start else ""
        if outside and not re.search(r"\w", outside):
            start += len(_found(_LEADING, self.target[start:end]))
        return start, max(start, end)

    def _point(self, unit: Unit) -> int:
        """Where something that stands by itself goes."""
        text, place = self.plain.text, unit.start
        n_before = bisect_left(self.starts, place)
        if n_before == 0:
            return 0
        inside = self.words[n_before - 1] if place <= self.words[n_before - 1][1] else None
        follows = self.words[n_before] if n_before < len(self.words) else None
        if inside is not None and (place < inside[1] or not unit.space_left or follows is None):
            if re.search(r"\w", text[place : inside[1]]):  # in the middle of a word: before it, after its punctuation
                if (targets := self.linked.get(inside)) is not None:
                    start, end = min(targets)
                    return start + (len(_found(_LEADING, self.target[start:end])) if place > inside[0] else 0)
            elif (targets := self.linked.get(inside)) is not None:
                start, end = max(targets)
                return end - _n_trailing(self.target[start:end], text[place : inside[1]])
        if follows is None:
            return len(self.target)
        return self._beside(place, follows, unit)

    def _beside(self, place: int, follows: tuple[int, int], unit: Unit) -> int:
        """By the next word that is linked, or the one before."""
        n_before = bisect_left(self.starts, place)
        if n_before and self.words[n_before - 1][1] > place:
            n_before -= 1
        before = self.words[n_before - 1] if n_before else None
        if unit.space_left or not unit.space_right:
            if targets := self.linked.get(follows):
                return self._noun(targets)[0]
            if before is not None and (targets := self.linked.get(before)):
                return max(targets)[1]
        else:
            if before is not None and (targets := self.linked.get(before)):
                return max(targets)[1]
            if targets := self.linked.get(follows):
                return min(targets)[0]
        self.guessed = True
        return self._relative(place)

    def _noun(self, targets: list[tuple[int, int]]) -> tuple[int, int]:
        """The last of the first words that stand together: the noun, of an article and its noun."""
        in_order = sorted(targets)
        last = in_order[0]
        for target in in_order[1:]:
            if not self.target[last[1] : target[0]].strip():
                last = target
        return last

    def _relative(self, place: int) -> int:
        """The beginning of the word that is as far on in the translation."""
        share = place / max(1, len(self.plain.text))
        starts = [match.start() for match in _WORD.finditer(self.target)] + [len(self.target)]
        return min(starts, key=lambda start: abs(start - share * len(self.target)))


def _n_trailing(word: str, outside: str) -> int:
    """How many characters at the end of a word are the punctuation that stands outside in the source."""
    if not outside:
        return 0
    if word.endswith(outside):
        return len(outside)
    if not outside.strip(_MARKS):
        return len(word) - len(word.rstrip(_MARKS))
    return len(_found(_TRAILING, word))


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[0] if match else ""


_ELEMENT = re.compile(r"<(/?)([A-Za-z][\w:.-]*)(?:\s[^<>]*)?>")


def nesting_faults(content: Content) -> int:
    """How many tags of elements are not closed, or close nothing, in a content with pairs that are cut in two.

    >>> nesting_faults((Tag("<b>"), "x", Tag("<br/>"), Tag("<i>"), Tag("</b>")))
    1
    """
    opened: list[str] = []
    faults = 0
    for piece in content:
        match = _ELEMENT.fullmatch(piece.raw) if isinstance(piece, Tag) else None
        if match is None or match[0].endswith("/>") or match[2].lower() in VOID:
            continue
        if not match[1]:
            opened.append(match[2])
        elif match[2] in opened:
            while opened.pop() != match[2]:
                faults += 1
        else:
            faults += 1
    return faults + len(opened)


def is_nested(content: Content) -> bool:
    """Whether all pairs of tags are there, one in the other."""
    opened: list[int] = []
    for piece in content:
        if isinstance(piece, Tag) and piece.kind == "open":
            opened.append(piece.pair)
        elif isinstance(piece, Tag) and piece.kind == "close" and (not opened or opened.pop() != piece.pair):
            return False
    return not opened
