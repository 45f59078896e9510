"""The entries of a PO file, line by line."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from s2s.errors import DataError

_KEYWORD = re.compile(r"\s*(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d+)\])?)\s*(?=\")")
_LITERAL = re.compile(r'\s*"((?:[^"\\\n]|\\.)*)"\s*$')
_ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass
class Field:
    """One keyword with its text.

    Attributes:
        first: Number of its first line, from 0.
        last: Number of the line after its last.
        text: Decoded.
    """

    first: int
    last: int
    text: str


@dataclass
class Entry:
    """A message.

    Attributes:
        context: `msgctxt`.
        source: `msgid`.
        plural: `msgid_plural`.
        targets: `msgstr` by number; 0 without a plural.
        flags: What `#,` says, as `fuzzy` and `c-format`.
        flag_line: The line that says it, from 0; -1 if none does.
    """

    context: Field | None = None
    source: Field | None = None
    plural: Field | None = None
    targets: dict[int, Field] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    flag_line: int = -1

    @property
    def is_header(self) -> bool:
        """Whether it is the one that says the charset."""
        return self.source is not None and not self.source.text and self.context is None


def unescape(literal: str) -> str:
    r"""What stands between the quotes, decoded.

    >>> unescape(r"a\tb\"")
    'a\tb"'
    """

    def decoded(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "x" and len(code) > 1:
            return chr(int(code[1:], 16))
        return chr(int(code, 8)) if code[0] in "01234567" else _ESCAPES.get(code, code)

    return _ESCAPE.sub(decoded, literal) if "\\" in literal else literal


def escape(text: str) -> str:
    r"""A text as it stands between quotes.

    >>> print(escape('a\t"b"\n'))
    a\t\"b\"\n
    """
    names = {value: f"\\{name}" for name, value in _ESCAPES.items()} | {"\\": "\\\\", '"': '\\"'}
    return "".join(names.get(char, char) for char in text)


def entries(lines: Iterable[str], where: str) -> Iterator[Entry]:
    """The entries of a file, the header too; obsolete ones are left out.

    Args:
        lines: With or without their ends.
        where: The file, for messages.

    Raises:
        DataError: A line is none of PO; it is named.
    """
    entry = Entry()
    current: Field | None = None
    for number, raw in enumerate(lines):
        line = raw.strip()
        if line.startswith("#") or not line:
            if entry.source is not None and entry.targets:
                yield entry
                entry = Entry()
            current = None
            if line.startswith("#~") and entry.source is None:
                entry = Entry()  # what was said before an obsolete one is said of that
            if line.startswith("#,"):
                entry.flags |= {flag.strip() for flag in line[2:].split(",")}
                entry.flag_line = number
            continue
        keyword = _KEYWORD.match(raw)
        literal = _LITERAL.match(raw, keyword.end() if keyword else 0)
        if literal is None or (keyword is None and current is None):
            raise DataError(
                f"no line of a PO file: {line[:60]}",
                where=f"{where}:{number + 1}",
                hint="`msgfmt -c` finds the mistakes of a PO file.",
            )
        text = unescape(literal[1])
        if keyword is None:
            assert current is not None
            current.text += text
            current.last = number + 1
            continue
        if keyword[1] in ("msgid", "msgctxt") and entry.source is not None and entry.targets:
            yield entry
            entry = Entry()
        current = Field(number, number + 1, text)
        if not _add(entry, keyword, current):
            raise DataError(
                f"{keyword[1]} is not expected here",
                where=f"{where}:{number + 1}",
                hint="A message is msgctxt (if any), msgid, msgid_plural (if any), msgstr.",
            )
    if entry.source is not None and entry.targets:
        yield entry


def _add(entry: Entry, keyword: re.Match[str], found: Field) -> bool:
    """Put a field where it belongs; whether there was room."""
    name = keyword[1]
    if name == "msgctxt" and entry.context is None and entry.source is None:
        entry.context = found
    elif name == "msgid" and entry.source is None:
        entry.source = found
    elif name == "msgid_plural" and entry.source is not None and entry.plural is None and not entry.targets:
        entry.plural = found
    elif name.startswith("msgstr") and entry.source is not None:
        number = int(keyword[2] or 0)
        if number in entry.targets or (keyword[2] is not None) != (entry.plural is not None):
            return False
        entry.targets[number] = found
    else:
        return False
    return True
