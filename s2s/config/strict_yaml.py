"""A small, strict YAML: what people write in a config means what it looks like, and nothing else is accepted.

PyYAML reads `1e-4` as text, `no` (Norwegian) as False, `12:30` as 750, `0123` as 83, and lets the last of two equal
keys win. Here PyYAML only splits the text into events; the values are made below by the rules of YAML 1.2, without
anchors, tags, merge keys or second documents, and the place of every value is kept for error messages.

A plain scalar is true or false, null, a decimal whole number, a decimal fraction, or else text. Whole numbers with
leading zeros (`0123`), underscores, hexadecimal and dates are text: a number option then says what it got.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from s2s.errors import ConfigError

if TYPE_CHECKING:
    import yaml

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the top to a value, for example ("data", "train", 1)."""

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_VALUES = 10_000
MAX_DIGITS = 100

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# What YAML 1.1 readers take for a boolean, number, date or time: written in quotes, for their sake.
_DOUBTFUL = re.compile(r"(?i)y|n|yes|no|on|off|[-+.]*[0-9][-+._:0-9a-fox]*([t ][-0-9:.+ z]*)?")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# Characters that are invisible or that some programs take for a line end; double quotes can spell them (\t, \u2028).
_FORBIDDEN = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# Values that the file system or the UTF-8 encoder would choke on later.
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_SAFE_PLAIN = re.compile(r"(?:[^\W_]|[/.])(?:[^:#\n]|:(?=\S))*")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain values.

    Args:
        data: The mapping at the top; made of dict, list, str, int, float, bool and None.
        places: Line and column, both from 1, of each key and list item; of the top under the empty path.
        duplicates: Repeated keys: the path, and the places of the second and the first. The first value is in `data`.
    """

    data: dict[str, Any]
    places: dict[KeyPath, tuple[int, int]]
    duplicates: list[tuple[KeyPath, tuple[int, int], tuple[int, int]]]


def parse_document(content: bytes, name: str) -> Document:
    """Read a YAML file's bytes.

    Args:
        content: The bytes of the file.
        name: The file's name for messages.

    Raises:
        ConfigError: With `name:line:column` in `where`, for anything that is not plain, strict YAML.
    """
    builder = _Builder(_decode(content, name), name)
    data = builder.document()
    if not isinstance(data, dict):
        given = "empty" if data is None else f"a {'list' if isinstance(data, list) else 'single value'}"
        raise ConfigError(
            f"the file is {given}, but a config has sections such as data: and train:", where=f"{name}:1:1"
        )
    return Document(data, builder.places, builder.duplicates)


def parse_value(text: str, where: str) -> Any:
    """Read one value given outside a file: `[a, b]` and quoted text as YAML, anything else as a plain scalar.

    >>> parse_value("1e-4", "x"), parse_value("train.{en,de}", "x"), parse_value("[a.tsv, b.tsv]", "x")
    (0.0001, 'train.{en,de}', ['a.tsv', 'b.tsv'])
    """
    text = text.strip(" ")
    bad = _FORBIDDEN.search(text)
    if bad:
        raise ConfigError(f"has {_describe(bad[0])}", where=where)
    if text[:1] in ("[", '"', "'"):
        return _Builder(text, where, show_position=False).document()
    try:
        return plain_scalar(text)
    except ValueError as error:
        raise ConfigError(str(error), where=where) from None


def plain_scalar(text: str) -> bool | int | float | str | None:
    """The value of an unquoted scalar.

    Raises:
        ValueError: If it is a whole number of absurd length.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(f"a number of {len(text)} digits")
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


def to_yaml(data: dict[str, Any], indent: str = "") -> str:
    """Write nested dicts of scalars and lists so that `parse_document`, or any YAML reader, reads the same values."""
    lines = []
    for key, value in data.items():
        name = f"{indent}{_scalar(key)}:"
        if isinstance(value, dict) and value:
            lines.append(f"{name}\n{to_yaml(value, indent + '  ')}")
        elif isinstance(value, list) and value:
            lines.append(f"{name}\n" + "".join(f"{indent}  - {_scalar(item)}\n" for item in value))
        else:
            lines.append(f"{name} {_scalar(value)}\n")
    return "".join(lines)


def _scalar(value: Any) -> str:
    """One value on one line; text is quoted only where it would be read as something else."""
    if not isinstance(value, str):
        text = json.dumps(value)
        return re.sub("^(-?[0-9]+)e", r"\1.0e", text) if isinstance(value, float) else text  # 1e-9 is text in YAML 1.1
    if _SAFE_PLAIN.fullmatch(value) and not _FORBIDDEN.search(value) and value == value.strip() and _is_text(value):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _FORBIDDEN.sub(lambda match: f"\\U{ord(match[0]):08x}", quoted)


def _is_text(plain: str) -> bool:
    """Whether an unquoted scalar is text to every reader."""
    numbers = (_INT, _FLOAT, _SPECIAL, _DOUBTFUL)
    return not (plain in _NULL or plain in _BOOL or any(number.fullmatch(plain) for number in numbers))


def _decode(content: bytes, name: str) -> str:
    """Decode bytes and make all line ends the same, refusing whatever an editor would not show."""
    if len(content) > MAX_BYTES:
        raise ConfigError(f"larger than {MAX_BYTES // 1024} KiB, which no config is", where=name)
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError("starts with a byte order mark", where=f"{name}:1:1", hint="Save it as UTF-8 without BOM.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        byte = content[error.start]
        raise ConfigError(
            f"not UTF-8 (byte 0x{byte:02X})", where=_where(name, before), hint="Save the file as UTF-8."
        ) from None
    text = text.replace("\r\n", "\n")
    bad = _FORBIDDEN.search(text)
    if bad:
        hint = "Indent with spaces." if bad[0] == "\t" else "Remove it, or spell it inside double quotes."
        raise ConfigError(_describe(bad[0]), where=_where(name, text[: bad.start()]), hint=hint)
    return text


def _describe(character: str) -> str:
    return "a tab" if character == "\t" else f"the invisible character U+{ord(character):04X}"


def _where(name: str, before: str) -> str:
    """The place just after the text `before`."""
    return f"{name}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


class _Mark(Protocol):
    """A place as PyYAML counts: from 0."""

    line: int
    column: int


class _Builder:
    """Makes the values of one document from PyYAML's events, with limits on number and depth."""

    def __init__(self, text: str, name: str, *, show_position: bool = True) -> None:
        self.places: dict[KeyPath, tuple[int, int]] = {(): (1, 1)}
        self.duplicates: list[tuple[KeyPath, tuple[int, int], tuple[int, int]]] = []
        self._name = name
        self._show_position = show_position
        self._n_values = 0
        self._events = self._checked_events(text)

    def document(self) -> Any:
        """The value of the only document; None if there is none."""
        import yaml

        value = None
        n_documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                n_documents += 1
                if n_documents > 1:
                    raise self._error("a second document starts here; a config is one", event.start_mark)
                value = self._value(next(self._events), ())
        return value

    def _checked_events(self, text: str) -> Iterator["yaml.Event"]:
        """PyYAML's events; refuses what strict YAML has not, and turns PyYAML's errors into ours."""
        import yaml

        try:
            for event in yaml.parse(text, Loader=yaml.SafeLoader):
                self._n_values += isinstance(event, yaml.NodeEvent)
                if self._n_values > MAX_VALUES:
                    raise self._error(f"more than {MAX_VALUES} values", event.start_mark)
                if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
                    sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
                    raise self._error(
                        f"{sign}{event.anchor}: anchors and aliases are not supported",
                        event.start_mark,
                        hint="Write the value out, or quote text that starts with & or *.",
                    )
                if getattr(event, "tag", None) is not None:
                    raise self._error("tags (!) are not supported", event.start_mark, hint="Quote text that has a !.")
                yield event
        except yaml.MarkedYAMLError as error:
            problem = (error.problem or error.context or "cannot be read").replace("'\\t'", "a tab")
            hint = "Quote text that has any of : # { } [ ] , & * ! | > ' \" % @ ` in it."
            raise self._error(f"not valid YAML: {problem}", error.problem_mark or error.context_mark, hint) from None
        except (yaml.YAMLError, ValueError, OverflowError):  # such as "\UFFFFFFFF", or %YAML with 5,000 digits
            raise self._error("not valid YAML", None) from None

    def _value(self, event: "yaml.Event", path: KeyPath, depth: int = 0) -> Any:
        import yaml

        if depth >= MAX_DEPTH:
            raise self._error(f"nested more than {MAX_DEPTH} deep", event.start_mark)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                place = (*path, len(items))
                self.places[place] = _position(event.start_mark)
                items.append(self._value(event, place, depth + 1))
            return items
        assert isinstance(event, yaml.ScalarEvent)
        return self._scalar(event)

    def _mapping(self, path: KeyPath, depth: int) -> dict[str, Any]:
        import yaml

        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._scalar(event) if isinstance(event, yaml.ScalarEvent) else None
            if not isinstance(key, str):
                raise self._error("a key has to be a name", event.start_mark, hint="Quote it if it is meant as text.")
            if key == "<<":
                raise self._error("merge keys (<<) are not supported", event.start_mark, hint="Write the values out.")
            place = (*path, key)
            if key in mapping:
                self.duplicates.append((place, _position(event.start_mark), self.places[place]))
                repeated = (*place, f"<repeated at {_position(event.start_mark)}>")  # keeps the first one's places
                self._value(next(self._events), repeated, depth + 1)
                continue
            self.places[place] = _position(event.start_mark)
            mapping[key] = self._value(next(self._events), place, depth + 1)
        return mapping

    def _scalar(self, event: "yaml.ScalarEvent") -> Any:
        bad = _UNUSABLE.search(event.value)
        if bad:
            raise self._error(f"the character U+{ord(bad[0]):04X} cannot be used", event.start_mark)
        if event.style is not None:  # quoted or a block: text
            return event.value
        try:
            return plain_scalar(event.value)
        except ValueError as error:
            raise self._error(str(error), event.start_mark) from None

    def _error(self, what: str, mark: _Mark | None, hint: str | None = None) -> ConfigError:
        if mark is None or not self._show_position:
            return ConfigError(what, where=self._name, hint=hint)
        line, column = _position(mark)
        return ConfigError(what, where=f"{self._name}:{line}:{column}", hint=hint)


def _position(mark: _Mark | None) -> tuple[int, int]:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
