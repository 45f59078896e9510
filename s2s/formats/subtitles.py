"""Subtitles, SRT and WebVTT: the text of cues, in as many lines as it has."""

import html
import itertools
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from s2s.formats.content import Content, Edit, Outcome, Piece, Segment, Tag, decode, merged, splice, unpaired_alone
from s2s.formats.reflow import reflow

_TIMES = re.compile(r"^\s*(?:\d+:)?\d+:\d\d[,.]\d+\s*-->\s*(?:\d+:)?\d+:\d\d[,.]\d+")
_NUMBER = re.compile(r"\s*\d+\s*")
_TAG = re.compile(r"\{\\[^{}]*\}|<(/?)([A-Za-z]*)[^<>]*>")
_SPEAKER = re.compile(r"\s*(?:\{\\[^{}]*\})*(?:<[^<>]*>)*\s*[-–—]\s*")


class SubtitleFile:
    """A file of subtitles; see `Document`.

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
        text = self._encoded.text
        self._is_vtt = text.startswith("WEBVTT")
        self._spans: list[list[tuple[int, int]]] = []  # of the lines of each segment
        cue: list[tuple[int, int, int]] | None = None
        place = 0
        for number, line in enumerate([*text.split("\n"), ""], start=1):
            end = place + len(line.removesuffix("\r"))
            if _TIMES.match(line):
                if cue and _NUMBER.fullmatch(text, cue[-1][0], cue[-1][1]):  # no empty line before it
                    cue.pop()
                self._add(cue or [])
                cue = []
            elif not line.strip():
                self._add(cue or [])
                cue = None
            elif cue is not None:
                cue.append((place, end, number))
            place += len(line) + 1
        self._add(cue or [])
        if not any(map(_TIMES.match, text.split("\n"))):
            self.notes.append("there is no cue in it (00:00:01,000 --> 00:00:02,000)")

    def _add(self, cue: list[tuple[int, int, int]]) -> None:
        """The text of a cue; if it has speakers, each line of theirs by itself."""
        text = self._encoded.text
        groups: list[list[tuple[int, int, int]]] = []
        for line in cue:
            speaker = _SPEAKER.match(text, line[0], line[1])
            if not groups or speaker:
                groups.append([])
            groups[-1].append((speaker.end() if speaker else line[0], line[1], line[2]))
        for group in groups:
            pieces: list[Piece] = []
            for start, end, _ in group:
                pieces += [" "] if pieces else []
                pieces += self._pieces(text[start:end])
            self.segments.append(Segment(merged(_paired(pieces)), group[0][2]))
            self._spans.append([(start, end) for start, end, _ in group])

    def _pieces(self, line: str) -> list[Piece]:
        pieces: list[Piece] = []
        place = 0
        for match in _TAG.finditer(line):
            pieces += [self._decoded(line[place : match.start()]), Tag(match[0])]
            place = match.end()
        return [*pieces, self._decoded(line[place:])]

    def _decoded(self, text: str) -> str:
        return html.unescape(text) if self._is_vtt else text

    def accepts(self, number: int, content: Content) -> bool:
        """Whether it does not look like the times of a cue or like tags, and can be written."""
        texts = [piece for piece in content if isinstance(piece, str)]
        written = self._written(content)
        tags = [piece.raw for piece in content if isinstance(piece, Tag)]
        read = [match[0] for match in _TAG.finditer(written)]
        meant = [match[0] for raw in tags for match in _TAG.finditer(raw)]
        if "-->" in written or read != meant:
            return False
        if not "".join(texts).strip() and any(isinstance(one, str) for one in self.segments[number].content):
            return False
        return self._is_vtt or self._encoded.holds("".join(texts))

    def render(self, outcomes: Sequence[Outcome], language: str | None) -> bytes:
        """The file with the texts of cues translated."""
        edits = []
        text = self._encoded.text
        for segment, spans, outcome in zip(self.segments, self._spans, outcomes, strict=True):
            if outcome.content is None or outcome.content == segment.content:
                continue
            breaks = [text[end:start] for (_, end), (start, _) in itertools.pairwise(spans)]
            widths = [end - start for start, end in spans]
            lines = reflow(outcome.content, widths, breaks, lambda text, place: True) if breaks else outcome.content
            edits.append(Edit(spans[0][0], spans[-1][1], self._written(lines)))
        return self._encoded.encode(splice(text, edits), references=self._is_vtt)

    def _written(self, content: Content) -> str:
        return "".join(
            piece.raw if isinstance(piece, Tag) else escape(piece) if self._is_vtt else piece for piece in content
        )


def _paired(pieces: list[Piece]) -> list[Piece]:
    """Tags of one name, the first `<i>` with the next `</i>`, as pairs."""
    opened: list[tuple[str, int]] = []
    n_pairs = 0
    found: list[Piece] = []
    for piece in pieces:
        match = _TAG.fullmatch(piece.raw) if isinstance(piece, Tag) else None
        if not isinstance(piece, Tag) or match is None or not match[2]:
            found.append(piece)
        elif not match[1]:
            n_pairs += 1
            opened.append((match[2].lower(), n_pairs))
            found.append(Tag(piece.raw, "open", n_pairs))
        else:
            number = next((pair for name, pair in reversed(opened) if name == match[2].lower()), -1)
            opened = [one for one in opened if one[1] != number]
            found.append(Tag(piece.raw, "close", number))
    return unpaired_alone(found)
