"""PO files of gettext: each empty msgstr is filled from its msgid."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from s2s.formats.content import Content, Edit, Outcome, Segment, decode, line_end_of, merged, splice
from s2s.formats.plural_forms import singular_form
from s2s.formats.po_entries import Entry, Field, entries, escape
from s2s.formats.protect import with_embedded_tags, with_messages

_CHARSET = re.compile(rb"Content-Type:[^\n]*?charset=([A-Za-z0-9._-]+)")
_TEMPLATE = "CHARSET"


@dataclass(frozen=True)
class _Filling:
    """An entry that is filled.

    Attributes:
        entry: It.
        forms: By number of the msgstr: number of the segment, and the field that it translates.
        missing: Which of them the file lacks.
    """

    entry: Entry
    forms: dict[int, tuple[int, Field]]
    missing: list[int]


class PoFile:
    """A PO file; see `Document`. Texts that are there are kept, also fuzzy ones, the header and obsolete entries.

    Args:
        data: Its bytes.
        where: Its name, for messages.

    Raises:
        DataError: A line is none of PO, or it is in an unknown encoding.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.segments: list[Segment] = []
        self.n_kept = 0
        self.notes: list[str] = []
        charset = _CHARSET.search(data)
        name = charset[1].decode("ascii") if charset else None
        self._encoded = decode(data, where, None if name == _TEMPLATE else name)
        self._lines = self._encoded.text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._end = line_end_of(self._encoded.text)
        self._fillings: list[_Filling] = []
        self.languages: list[tuple[str, ...]] = []
        n_forms, singular = 2, 0
        for entry in entries(self._lines, where):
            if entry.is_header:
                text = entry.targets[0].text if 0 in entry.targets else ""
                n_forms, one = singular_form(text)
                singular = -1 if one is None else one
                said = re.search(r"^Language:[ \t]*(\S+)", text, re.MULTILINE)
                self.languages = [("", said[1])] if said else []
                if name == _TEMPLATE or "INTEGER" in text:
                    self.notes.append(
                        "its header is a template's: before programs can read the translation, msginit has to fill in"
                        " charset=UTF-8, Language and Plural-Forms"
                    )
            else:
                self._add(entry, n_forms, singular)

    def _add(self, entry: Entry, n_forms: int, singular: int) -> None:
        assert entry.source is not None
        if entry.plural is None:
            wanted = {0: entry.source}
        else:
            numbers = sorted({*range(n_forms), *entry.targets})
            wanted = {number: entry.source if number == singular else entry.plural for number in numbers}
        empty = {n: field for n, field in wanted.items() if n not in entry.targets or not entry.targets[n].text}
        if not empty:
            self.n_kept += 1
            return
        forms: dict[int, tuple[int, Field]] = {}
        of_field: dict[int, int] = {}
        for number, field in empty.items():
            if field.first not in of_field:
                of_field[field.first] = len(self.segments)
                content = with_messages(with_embedded_tags((field.text,) if field.text else ()))
                self.segments.append(Segment(content, field.first + 1, keeps_lines=True))
            forms[number] = of_field[field.first], field
        self._fillings.append(_Filling(entry, forms, [number for number in forms if number not in entry.targets]))

    def accepts(self, number: int, content: Content) -> bool:
        """Whether the file's encoding has its characters."""
        return self._encoded.holds(_text(content))

    def render(self, outcomes: Sequence[Outcome], language: str | None) -> bytes:
        """The file with msgstr filled; what is to be looked at is fuzzy."""
        edits: list[Edit] = []
        for filling in self._fillings:
            entry = filling.entry
            for number, (segment, source) in filling.forms.items():
                if number in entry.targets:
                    there = entry.targets[number]
                    name = self._lines[there.first].split('"')[0].rstrip()
                    text = self._field(name, source, segment, outcomes[segment])
                    # the last line's end is not written anew, nor a carriage return before it
                    end = self._starts[there.last] - 1 - self._lines[there.last - 1].endswith("\r")
                    edits.append(Edit(self._starts[there.first], end, text))
            if filling.missing:
                texts = [
                    self._field(f"msgstr[{n}]", filling.forms[n][1], filling.forms[n][0], outcomes[filling.forms[n][0]])
                    for n in filling.missing
                ]
                last = max(field.last for field in entry.targets.values())
                end = self._starts[last] - 1 - self._lines[last - 1].endswith("\r")
                edits.append(Edit(end, end, "".join(self._end + text for text in texts)))
            if "fuzzy" not in entry.flags and any(outcomes[n].problem for n, _ in filling.forms.values()):
                edits.append(self._fuzzy(entry))
        return self._encoded.encode(splice(self._encoded.text, edits))

    def _fuzzy(self, entry: Entry) -> Edit:
        if entry.flag_line >= 0:
            place = self._starts[entry.flag_line] + self._lines[entry.flag_line].index("#,") + 2
            return Edit(place, place, " fuzzy,")
        first = entry.context or entry.source
        assert first is not None
        return Edit(self._starts[first.first], self._starts[first.first], f"#, fuzzy{self._end}")

    def _field(self, name: str, source: Field, number: int, outcome: Outcome) -> str:
        """One msgstr, without the last line's end."""
        content = outcome.content
        if content is None or content == self.segments[number].content:  # as it is in the file, line by line
            lines = [line.removesuffix("\r") for line in self._lines[source.first : source.last]]
            lines[0] = f"{name} {lines[0][lines[0].index(chr(34)) :]}"
            return self._end.join(lines)
        text = _text(content)
        lines = [f'"{escape(line)}"' for line in re.findall(r"[^\n]*\n|[^\n]+", text)]
        return self._end.join([f'{name} ""', *lines] if len(lines) > 1 else [f"{name} {lines[0]}"])


def _text(content: Content) -> str:
    return "".join(piece if isinstance(piece, str) else piece.raw for piece in merged(content))
