"""Plain documents: paragraphs, between empty lines, of wrapped lines or of lines that stand by themselves."""

import itertools
from collections.abc import Sequence

from s2s.formats.content import Content, Edit, Outcome, Segment, decode, splice
from s2s.formats.reflow import reflow

_WRAPPED = range(40, 121)
"""How long lines are that a program has wrapped, all but the last of a paragraph."""


class ParagraphFile:
    """A plain text; see `Document`.

    The lines of a paragraph are one text if all but the last are 40 to 120 characters long; else each is translated by
    itself.

    Args:
        data: Its bytes.
        where: Its name, for messages.

    Raises:
        DataError: It is not UTF-8, and has no mark of UTF-16.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.segments: list[Segment] = []
        self.n_kept = 0
        self.notes: list[str] = []
        self._encoded = decode(data, where)
        self._spans: list[list[tuple[int, int]]] = []
        paragraph: list[tuple[int, int, int]] = []
        place = 0
        for number, line in enumerate([*self._encoded.text.split("\n"), ""], start=1):
            stripped = line.strip()
            if stripped:
                start = place + line.index(stripped)
                paragraph.append((start, start + len(stripped), number))
            else:
                self._add(paragraph)
                paragraph = []
            place += len(line) + 1

    def _add(self, paragraph: list[tuple[int, int, int]]) -> None:
        if not paragraph:
            return
        text = self._encoded.text
        is_wrapped = all(end - start in _WRAPPED for start, end, _ in paragraph[:-1])
        for group in [paragraph] if is_wrapped else [[line] for line in paragraph]:
            content = " ".join(text[start:end] for start, end, _ in group)
            self.segments.append(Segment((content,), group[0][2]))
            self._spans.append([(start, end) for start, end, _ in group])

    def accepts(self, number: int, content: Content) -> bool:
        """Whether the file's encoding has its characters."""
        return self._encoded.holds("".join(piece for piece in content if isinstance(piece, str)))

    def render(self, outcomes: Sequence[Outcome], language: str | None) -> bytes:
        """The text, translated."""
        text = self._encoded.text
        edits = []
        for segment, spans, outcome in zip(self.segments, self._spans, outcomes, strict=True):
            if outcome.content is None or outcome.content == segment.content:
                continue
            breaks = [text[end:start] for (_, end), (start, _) in itertools.pairwise(spans)]
            lines = reflow(outcome.content, [end - start for start, end in spans], breaks, lambda text, place: True)
            written = "".join(piece if isinstance(piece, str) else piece.raw for piece in lines)
            edits.append(Edit(spans[0][0], spans[-1][1], written))
        return self._encoded.encode(splice(text, edits))
