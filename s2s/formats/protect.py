"""What among words comes out of a translation as it went in: placeholders, numbers, addresses; ICU messages."""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from s2s.formats.content import Content, Piece, Tag, merged, raw_text, unpaired_alone
from s2s.formats.html_tags import VOID

_THINGS = re.compile(
    r"""
      (?P<url> (?<![a-z0-9]) (?:[a-z][a-z0-9+.-]{1,20}://|www\.)
          (?: [^\s<>"'{}|\\^`] | \{\{ [^{}\n"<>]{1,80} \}\} | \{ [^{}\s"'<>|,]{0,80} \} )++         # https://a.b/{id}?x=%s
        | (?<![\w.+-]) [\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+ )
    | (?P<strict>
        \{\{\{? [^{}]* \}\}\}?                                       # {{x}}
      | \{% .{0,500}? %\} | <%.{0,500}?%>                            # templates
      | [$#%] \{ [^{}\s]* \} | \$ \( [\w.]+ \)                       # ${x} #{x} %{x} $(x)
      | (?<!') ' (?: \{ [^']* | \} ) '                               # quoted in an ICU message
      | \{ \s* [\w.-]+ \s*, \s* choice \s*,                           # {0,choice,0#none|1<{0} files}
        (?: [^{}'] | ' [^']{0,80} ' | \{ [^{}]{0,80} \} ){1,999}+ \}
      | \{ [^{}\s<>]? [^{}<>]{0,80}? \}                              # {0} {name} {n, number}
      | %% | % (?!(?:hh|ll?|[hqLjzt])?[diouxXeEfFgGaAcsSpn]%) [A-Za-z_]\w+ %   # %name%
      | % (?:\d+\$)? \#@ \w+ @                                       # %#@files@
      | (?<![\d%]) % L? [1-9] (?![\w$.,%])                           # %1 %L2 of Qt and KDE
      | (?<![\d%]) % [a-z]\w{3,}                                     # %title of Drupal
      | (?<![\w@$]) [@$] [a-z_]\w+                                   # @count $name
      | (?!(?<=\d)%[^\W\d_]{2}) %                                    # but not in 100%sure
        (?:\(\w+\)|<\w+>)? (?:\d+\$)? [-+\#0']* (?:\d+|\*)? (?:\.(?:\d+|\*))?
          (?:hh|h|ll|l|q|L|j|z|t)? [diouxXeEfFgGaAcsSpn@]
      | % (?:\(\w+\)) [a-zA-Z]
      | &(?:[A-Za-z]\w{1,30}|\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6});      # entities that are text
      | \\[nrt"\\]                                                   # escapes that are text
      | </?[A-Za-z][^<>]*>                                           # a tag that is text
      | [{}]                                                         # a brace by itself
      )
    | (?P<number> (?:(?<![^\s(\[{"'“„‚«»=<>:;/]) [-−])? (?<![^\W_]) \d+ (?: [.,'’\u00a0\u202f\u2009] \d+ )* )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_AFTER_URL = ".,;:!?…)]»”’'\""
_GROUP = re.compile(r"[^\d](\d{3})(?=[^\d]|$)")


@dataclass(frozen=True)
class Thing:
    """Something that comes out as often as it went in.

    Attributes:
        raw: As it is written.
        key: By which two are the same: numbers may be written in another language's way.
        start: Where it begins in its text.
        is_number: A number; the others may not be invented either.
    """

    raw: str
    key: str
    start: int
    is_number: bool = False

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.raw)


def things(text: str) -> Iterator[Thing]:
    """The protected things of a text, in order.

    >>> [thing.key for thing in things("In %s, {name} has 1,000.5 dogs: https://a.b/c.")]
    ['%s', '{name}', '1000.5', 'https://a.b/c']
    """
    for match in _THINGS.finditer(text):
        raw = match[0]
        if match["url"]:
            while raw[-1] in _AFTER_URL and not (raw[-1] == ")" and raw.count("(") >= raw.count(")")):
                raw = raw[:-1]
            yield Thing(raw, raw, match.start())
        elif match["number"]:
            yield Thing(raw, number_key(raw), match.start(), is_number=True)
        else:
            yield Thing(raw, raw, match.start())


def number_key(raw: str) -> str:
    """A number without the marks of its language: of a thousand none is left, that of a fraction is a point.

    >>> number_key("1.234,56"), number_key("3,14"), number_key("−10 000")
    ('1234.56', '3.14', '-10000')
    """
    if raw[0] in "-−":
        return f"-{number_key(raw[1:])}"
    digits = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else "." for char in raw)
    if digits.startswith("0"):
        return digits
    return _GROUP.sub(r"\1", digits)


def count_things(content: Content) -> Counter[tuple[str, bool]]:
    """How often each thing is in the texts of a content, by key and whether it is a number."""
    texts = (piece for piece in content if isinstance(piece, str))
    return Counter((thing.key, thing.is_number) for text in texts for thing in things(text))


def difference(source: Content, target: Content) -> list[str]:
    """Keys of the things that are not in the translation as often as in the source, or that were invented.

    A number that is in the translation alone is none of them: a word of the source may say it.
    """
    wanted, found = count_things(source), count_things(target)
    wrong = [key for key, n in wanted.items() if found[key] != n]
    wrong += [key for key in found if key not in wanted and not key[1]]
    return [key for key, _ in wrong]


def invented_number(source: Content, target: Content) -> str:
    """A number of two or more digits that is in the translation alone; empty if there is none."""
    wanted = count_things(source)
    found = (key for key, is_number in count_things(target) if is_number and (key, True) not in wanted)
    return next((key for key in found if sum(map(str.isdecimal, key)) > 1), "")


_HARD = ("\u00a0", "\u202f")


def with_hard_spaces(content: Content, source: Content) -> Content:
    """A translation in which the spaces beside numbers are those that do not break where they are so in the source."""
    hard: dict[tuple[str, int], str] = {}  # by number, and whether before it (-1) or after it (0)
    for piece in source:
        for thing in things(piece) if isinstance(piece, str) else ():
            assert isinstance(piece, str)
            for side, place in ((-1, thing.start - 1), (0, thing.end)):
                if thing.is_number and piece[max(place, 0) : place + 1] in _HARD:
                    hard[thing.key, side] = piece[place]
    if not hard:
        return content
    out: list[Piece] = []
    for piece in content:
        if isinstance(piece, str):
            chars = list(piece)
            for thing in things(piece):
                for side, place in ((-1, thing.start - 1), (0, thing.end)):
                    if thing.is_number and piece[max(place, 0) : place + 1] == " ":
                        chars[place] = hard.get((thing.key, side), " ")
            piece = "".join(chars)
        out.append(piece)
    return tuple(out)


EMBEDDED = re.compile(r"<(/?)([A-Za-z][\w:.-]*)((?:\s[^<>]*?)?)(/?)>|<!--.*?-->", re.DOTALL)
_SHORT = re.compile(r"\{(?P<open>\w{1,9})>|<(?P<close>\w{1,9})\}")  # {1>…<1}, as Phrase writes tags


KEPT_WHOLE = (
    r"<(?P<code>code|kbd|samp|var)\b[^<>\n]*>[^<>\n]*</(?P=code)\s*>"
    r"|<(?P<kept>[A-Za-z]\w*)\b[^<>\n]*\s(?:translate\s*=\s*[\"']?no\b|class\s*=\s*[\"'][^\"'<>\n]{0,200}\bnotranslate\b)"
    r"[^<>\n]*>[^<>\n]*</(?P=kept)\s*>"
)
"""Elements of HTML that are not translated, within other text."""
_KEPT_WHOLE = re.compile(KEPT_WHOLE, re.IGNORECASE)


def with_embedded_tags(pieces: Content) -> Content:
    """Texts in which tags of HTML are text, as in messages, with those as tags."""
    out: list[Piece] = []
    names: list[tuple[str, int]] = []
    n_pairs = max((max(piece.pair, abs(piece.half)) for piece in pieces if isinstance(piece, Tag)), default=-1)
    for piece in pieces:
        if isinstance(piece, Tag):
            out.append(piece)
            continue
        place = 0
        patterns = (_KEPT_WHOLE, EMBEDDED, _SHORT)  # of those that begin at the same place the first counts
        for match in sorted((one for pattern in patterns for one in pattern.finditer(piece)), key=re.Match.start):
            if match.start() < place:
                continue
            out.append(piece[place : match.start()])
            place = match.end()
            if match.re is _SHORT:
                name, is_open, is_alone = f"{{{match['open'] or match['close']}", match["open"] is not None, False
            elif match.re is _KEPT_WHOLE:
                name, is_open, is_alone = "", False, True
            else:
                name = (match[2] or "").lower()
                is_open, is_alone = not match[1], not name or bool(match[4]) or name in VOID
            if is_alone:
                out.append(Tag(match[0], is_text=True))
            elif is_open:
                n_pairs += 1
                names.append((name, n_pairs))
                out.append(Tag(match[0], "open", n_pairs, is_text=True))
            else:
                number = next((pair for opened, pair in reversed(names) if opened == name), -1)
                names = [one for one in names if one[1] != number]
                out.append(Tag(match[0], "close", number, is_text=True))
        out.append(piece[place:])
    return merged(unpaired_alone(out))


_DEEPEST = 10
_COMPLEX = re.compile(r"\{\s*[\w.-]+\s*,\s*(plural|select|selectordinal)\s*,")
_SELECTOR = re.compile(r"\s*(?:offset\s*:\s*\d+\s*)?(=\d+|[\w-]+)\s*\{")


def with_messages(pieces: Content) -> Content:
    """Texts with ICU messages of several branches as tags; the branches, with tags in them, are translated.

    What begins like such a message but cannot be read is a tag with a problem.
    """
    return merged(_messages(pieces, in_plural=False))


class _Row:
    """A content as one text, in which each tag is a character that is nothing to a pattern."""

    def __init__(self, content: Iterable[Piece]) -> None:
        parts: list[str] = []
        self._places: list[int] = []
        self._tags: list[Tag] = []
        length = 0
        for piece in content:
            if isinstance(piece, Tag):
                self._places.append(length)
                self._tags.append(piece)
            parts.append(piece if isinstance(piece, str) else "\ue000")
            length += len(parts[-1])
        self.text = "".join(parts)

    def cut(self, start: int, end: int) -> Content:
        """A part of it as it was."""
        out: list[Piece] = []
        for at in range(bisect_left(self._places, start), bisect_left(self._places, end)):
            out += [self.text[start : self._places[at]], self._tags[at]]
            start = self._places[at] + 1
        return merged([*out, self.text[start:end]])


def _messages(content: Content, *, in_plural: bool, depth: int = 0) -> list[Piece]:
    out: list[Piece] = []
    place = 0
    row = _Row(content)
    closing = _closing(row.text) if "{" in row.text else {}
    for match in _COMPLEX.finditer(row.text):
        if match.start() < place:
            continue
        is_plural = match[1] != "select" or in_plural
        parsed = _parse(row, match.end(), closing, is_plural=is_plural, depth=depth + 1) if depth < _DEEPEST else None
        out += row.cut(place, match.start())
        if parsed is None:
            out.append(Tag(match[0], is_text=True, problem="an ICU message in it cannot be read"))
            place = match.end()
            continue
        inner, place = parsed
        whole = (match[0] + str(inner[0]), *inner[1:])
        out.append(Tag(raw_text(row.cut(match.start(), place)), is_text=True, inner=whole))
    out += row.cut(place, len(row.text))
    return _hashes(out) if in_plural else out


def _hashes(pieces: list[Piece]) -> list[Piece]:
    """In a branch of a plural `#` is the number."""
    out: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Tag):
            out.append(piece)
            continue
        first, *others = piece.split("#")
        out.append(first)
        for other in others:
            out += [Tag("#", is_text=True), other]
    return out


def _parse(
    row: _Row, place: int, closing: dict[int, int], *, is_plural: bool, depth: int
) -> tuple[list[str | Content], int] | None:
    """Branches from `place` on, alternately skeleton and content, and where the message ends; none if it is broken."""
    inner: list[str | Content] = []
    skeleton = place
    while match := _SELECTOR.match(row.text, place):
        start = match.end()
        end = closing.get(start - 1)
        if end is None:
            return None
        branch = merged(_messages(row.cut(start, end), in_plural=is_plural, depth=depth))
        inner += [row.text[skeleton:start], branch]
        skeleton, place = end, end + 1
    last = re.compile(r"\s*\}").match(row.text, place)
    if last is None or not inner:
        return None
    return [*inner, row.text[skeleton : last.end()]], last.end()


_QUOTED = re.compile(r"'[{}](?:[^']|'')*+'")


def _closing(text: str) -> dict[int, int]:
    """Where the brace closes that opens at a place, by that place; what stands in quotes is no brace."""
    found: dict[int, int] = {}
    opened: list[int] = []
    place = 0
    while place < len(text):
        if text.startswith("''", place):  # is an apostrophe
            place += 1
        elif text[place] == "'" and text[place + 1 : place + 2] in ("{", "}"):
            quoted = _QUOTED.match(text, place)
            if quoted is None:
                break
            place = quoted.end() - 1
        elif text[place] == "{":
            opened.append(place)
        elif text[place] == "}" and opened:
            found[opened.pop()] = place
        place += 1
    return found


def apostrophes_doubled(branch: Content, source: Content) -> Content:
    """A branch of a message in which no apostrophe opens a quotation that its source has not: `d'{x}` is `d''{x}`."""
    texts = (piece for piece in source if isinstance(piece, str))
    quoted = {thing.raw for text in texts for thing in things(text) if thing.raw[0] == "'"}
    out: list[Piece] = []
    for piece, follows in pairwise([*branch, Tag("}")]):
        if isinstance(piece, str):
            ends = isinstance(follows, Tag) and follows.raw[:1] in ("{", "}", "#")
            pattern = "|".join([*map(re.escape, quoted), r"'+(?=[{}])", *([r"'+\Z"] if ends else [])])
            piece = re.sub(
                pattern, lambda match: match[0] + "'" * (match[0] not in quoted and len(match[0]) % 2), piece
            )
        out.append(piece)
    return merged(out)
