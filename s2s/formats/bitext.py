"""Translations that are in files of translators already, as pairs of lines to learn from: TMX, XLIFF, PO.

Files are read as a stream: memory does not grow with them.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pyexpat import ExpatError

from s2s.errors import DataError
from s2s.formats.html_tags import BLOCKS, names
from s2s.formats.plural_forms import form_of, singular_form
from s2s.formats.po_entries import entries
from s2s.formats.protect import EMBEDDED
from s2s.formats.xliff import NOT_DONE_STATES
from s2s.formats.xml_scan import XML, Attributes, attributes_of, malformed, secure_parser, split_name

Row = tuple[str, str, int]
"""Source, target, line number from 1; an empty side where there is no translation."""

_NATIVE = frozenset(("bpt", "ept", "ph", "it", "ut", "sub", "cp"))
"""Inline elements whose inside is code, not text."""

_SPACES = frozenset(("x", "ph", "bx", "ex", "sc", "ec", "br", "it", "ut"))
"""Inline elements that may stand for a line's end, and leave a space."""

_ENDING = BLOCKS | names("br")
"""Elements of HTML at which a word ends."""


def same_language(said: str, wanted: str) -> bool:
    """Whether a language of a file is one that is wanted: the same, or one of them says no region.

    >>> same_language("en-US", "en"), same_language("EN_us", "en-US"), same_language("en-GB", "en-US")
    (True, True, False)
    """
    a, b = ([part.lower() for part in re.split(r"[-_]", language)] for language in (said, wanted))
    shorter = min(len(a), len(b))
    return a[:shorter] == b[:shorter]


def primary(language: str) -> str:
    """A language without its region or script, in lower case: `en` of `EN_us`."""
    return re.split(r"[-_]", language)[0].lower()


def one_line(text: str) -> str:
    """A text with single spaces in the place of white space."""
    return " ".join(text.split())


@dataclass
class _Variant:
    """A text in a language."""

    language: str
    text: list[str] = field(default_factory=list)


class _Reader:
    """What TMX and XLIFF have in common: events of expat, and the text within some elements.

    Args:
        where: The file, for messages.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.rows: list[Row] = []
        self.depth = 0
        self._into: list[str] | None = None
        self._native = 0
        self._segments: list[int] = []  # where those that are open begin
        self.is_partial = False
        self.parser = parser = secure_parser(where)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    @property
    def line(self) -> int:
        return self.parser.CurrentLineNumber

    def gather(self, into: list[str] | None) -> None:
        """Put what follows into a list; none for nowhere."""
        self._into, self._native = into, 0

    def begin(self, name: str, attributes: Attributes) -> None:
        """A start tag outside the text of segments."""
        raise NotImplementedError

    def finish(self, name: str) -> None:
        """An end tag outside the text of segments."""
        raise NotImplementedError

    def _start(self, name: str, pairs: list[str]) -> None:
        local = split_name(name)[1]
        self.depth += 1
        if self.depth == 1:
            self.check_root(local)
        if self._into is not None:
            if local == "mrk" and attributes_of(pairs).get(("", "mtype")) == "seg":
                self._segments.append(len(self._into))
            self._native += self._native > 0 or local in _NATIVE
            self._into.append(" " if local in _SPACES else "")
        else:
            self.begin(local, attributes_of(pairs))

    def _end(self, name: str) -> None:
        self.depth -= 1
        local = split_name(name)[1]
        if self._into is not None and local not in ("seg", "source", "target"):
            if local == "mrk" and self._segments and not self._native:
                self.is_partial |= not "".join(self._into[self._segments.pop() :]).strip()
            self._native -= self._native > 0
        else:
            self.gather(None)
            self.finish(local)

    def _text(self, text: str) -> None:
        if self._into is not None and not self._native:
            self._into.append(text)

    def check_root(self, name: str) -> None:
        """Raise if the outermost element is not that of the format."""
        raise NotImplementedError

    def read(self, blocks: Iterable[bytes]) -> Iterator[Row]:
        """Rows, as they come."""
        try:
            for block in blocks:
                self.parser.Parse(block, False)
                yield from self.rows
                self.rows.clear()
            self.parser.Parse(b"", True)
            yield from self.rows
        except ExpatError as error:
            yield from self.rows  # those before the fault are good
            raise malformed(error, self.where) from error


class _Tmx(_Reader):
    """Translation units of TMX; the first variant of each language counts."""

    def __init__(self, where: str, source: str, target: str) -> None:
        super().__init__(where)
        self.source, self.target = source, target
        self.variants: list[_Variant] = []
        self.languages: list[str] = []
        self.unit_line = 0

    def check_root(self, name: str) -> None:
        if name != "tmx":
            raise DataError(f"is no TMX: its outermost element is {name}", where=self.where)

    def begin(self, name: str, attributes: Attributes) -> None:
        if name == "tu":
            self.variants, self.unit_line = [], self.line
        elif name == "tuv":
            language = attributes.get((XML, "lang"), attributes.get(("", "lang"), ""))
            self.variants.append(_Variant(language))
            if language and language not in self.languages:
                self.languages.append(language)
        elif name == "seg" and self.variants:
            self.gather(self.variants[-1].text)

    def finish(self, name: str) -> None:
        if name == "tu":
            self.rows.append((self._find(self.source), self._find(self.target), self.unit_line))

    def _find(self, wanted: str) -> str:
        exact = [one for one in self.variants if one.language.lower().replace("_", "-") == wanted.lower()]
        found = [*exact, *(one for one in self.variants if same_language(one.language, wanted))]
        return one_line("".join(found[0].text)) if found else ""


class _Xliff(_Reader):
    """Units of XLIFF 1.2 and segments of XLIFF 2 that are translated."""

    def __init__(self, where: str, source: str, target: str) -> None:
        super().__init__(where)
        self.wanted = (source, target)
        self.languages: list[tuple[str, str]] = []
        self.turned = False
        self.skipped = 0  # depth of what is passed over
        self.unit_line = 0
        self.done = False
        self.source: list[str] | None = None
        self.target: list[str] | None = None

    def check_root(self, name: str) -> None:
        if name != "xliff":
            raise DataError(f"is no XLIFF: its outermost element is {name}", where=self.where)

    def begin(self, name: str, attributes: Attributes) -> None:
        if name in ("xliff", "file"):
            names = ("srcLang", "trgLang") if name == "xliff" else ("source-language", "target-language")
            said = (attributes.get(("", names[0]), ""), attributes.get(("", names[1]), ""))
            if any(said):
                self.languages.append(said)
                self.turned = self._is_turned(said)
        elif name in ("alt-trans", "bin-unit", "ignorable") and not self.skipped:
            self.skipped = self.depth
        elif name in ("trans-unit", "segment") and not self.skipped:
            self.source, self.target, self.unit_line = None, None, self.line
            self._segments, self.is_partial = [], False
            self.done = attributes.get(("", "state"), "") not in NOT_DONE_STATES
        elif name == "source" and not self.skipped and self.source is None:
            self.source = []
            self.gather(self.source)
        elif name == "target" and not self.skipped and self.target is None:
            self.target = []
            self.done = self.done and attributes.get(("", "state"), "") not in NOT_DONE_STATES
            self.gather(self.target)

    def finish(self, name: str) -> None:
        if self.skipped == self.depth + 1:
            self.skipped = 0
        elif name in ("trans-unit", "segment") and not self.skipped and self.source is not None:
            source = one_line("".join(self.source))
            # (with a segment that is not translated yet it is no translation of the source)
            target = one_line("".join(self.target or ())) if self.done and not self.is_partial else ""
            self.rows.append((target, source, self.unit_line) if self.turned else (source, target, self.unit_line))

    def _is_turned(self, said: tuple[str, str]) -> bool:
        """Whether the file goes from the language that is the target here; raises if it is of other languages."""
        source, target = self.wanted
        known = [language for language in said if language]
        if all(same_language(a, b) for a, b in zip(said, (source, target), strict=True) if a):
            return False
        if len(known) == 2 and same_language(said[0], target) and same_language(said[1], source):
            return True
        raise DataError(
            f"is from {said[0] or 'an unknown language'} to {said[1] or 'an unknown one'}, not {source} to {target}",
            where=f"{self.where}:{self.line}",
            hint="Name its languages: data.source and data.target, or a direction before the spec.",
        )


def read_tmx(blocks: Iterable[bytes], where: str, source: str, target: str) -> Iterator[Row]:
    """The units of a TMX file; a side is empty where a unit lacks the language.

    Args:
        blocks: The bytes of the file.
        where: Its name, for messages.
        source: Language of the source.
        target: Language of the target.

    Raises:
        DataError: It is malformed, no TMX, declares entities, or has nothing in one of the languages.
    """
    reader = _Tmx(where, source, target)
    yield from reader.read(blocks)
    for wanted in (source, target):
        if reader.languages and not any(same_language(language, wanted) for language in reader.languages):
            raise DataError(
                f"has nothing in {wanted}; its languages are {', '.join(reader.languages[:20])}",
                where=where,
                hint="Name its languages: data.source and data.target, or a direction before the spec.",
            )


def read_xliff(blocks: Iterable[bytes], where: str, source: str, target: str) -> Iterator[Row]:
    """The units of an XLIFF file, in either direction; the target is empty where it is not translated.

    Args:
        blocks: The bytes of the file.
        where: Its name, for messages.
        source: Language of the source.
        target: Language of the target.

    Raises:
        DataError: It is malformed, no XLIFF, declares entities, or is of other languages.
    """
    yield from _Xliff(where, source, target).read(blocks)


def read_po(lines: Iterable[str], where: str, source: str, target: str) -> Iterator[Row]:
    """The messages of a PO file without plurals; the target is empty where it is not translated, or fuzzy.

    Args:
        lines: Of the file.
        where: Its name, for messages.
        source: Language of the source; if the file says that its translations are in it, they are the source here.
        target: Language of the target.

    Raises:
        DataError: A line is none of PO, or the file is in another language.
    """
    turned = False
    singular: int | None = 0
    plural = 1
    for entry in entries(lines, where):
        assert entry.source is not None
        text = entry.targets[0].text if 0 in entry.targets else ""
        if entry.is_header:
            singular, plural = singular_form(text)[1], form_of(text, 10)
            said = re.search(r"^Language:[ \t]*(\S+)", text, re.MULTILINE)
            if said is None or same_language(said[1], target):
                continue
            if not same_language(said[1], source):
                raise DataError(
                    f"is in {said[1]}, neither {source} nor {target}",
                    where=f"{where}:{entry.source.first + 1}",
                    hint="Name its languages: data.source and data.target, or a direction before the spec.",
                )
            turned = True
            continue
        line = entry.source.first + 1
        done = "fuzzy" not in entry.flags
        texts = [(entry.source.text, text)]
        if entry.plural is not None:
            texts = [
                (field.text, entry.targets[form].text if form in entry.targets else "")
                for field, form in ((entry.source, singular), (entry.plural, plural))
                if form is not None
            ]
        for one, other in texts:
            pair = _without_tags(one), _without_tags(other) if done else ""
            yield (pair[1], pair[0], line) if turned else (pair[0], pair[1], line)


def _without_tags(text: str) -> str:
    """A message without the HTML in it, as models are given it; elements that end a line or block end a word too."""
    return one_line(EMBEDDED.sub(lambda tag: " " if (tag[2] or "").lower() in _ENDING else "", text))


def languages_of(blocks: Iterable[bytes], where: str, form: str) -> tuple[str, str] | None:
    """The languages that a file says it has, by its beginning.

    Args:
        blocks: The bytes of a TMX or XLIFF file.
        where: Its name, for messages.
        form: `tmx` or `xliff`.

    Returns:
        Source and target as they are written there, or None if it does not say them. Of a memory with regions they are
        two that differ in more than these, if there are such.

    Raises:
        DataError: It is malformed.
    """
    found: list[str] = []
    sought: Callable[[str, Attributes], None]

    def in_tmx(name: str, attributes: Attributes) -> None:
        language = attributes.get((XML, "lang"), attributes.get(("", "lang"), ""))
        if name == "header" and attributes.get(("", "srclang"), "*all*") != "*all*":
            found.append(attributes["", "srclang"])
        elif name == "tuv" and language and not any(same_language(language, one) for one in found):
            found.append(language)

    def in_xliff(name: str, attributes: Attributes) -> None:
        names = ("srcLang", "trgLang") if name == "xliff" else ("source-language", "target-language")
        if name in ("xliff", "file") and not found:
            said = [attributes.get(("", one), "") for one in names]
            found.extend(said if all(said) else [])

    sought = in_tmx if form == "tmx" else in_xliff
    parser = secure_parser(where)
    parser.StartElementHandler = lambda name, pairs: sought(split_name(name)[1], attributes_of(pairs))
    try:
        for block in blocks:
            parser.Parse(block, False)
            if len(set(map(primary, found))) > 1 or (form == "xliff" and found):
                break
    except ExpatError as error:
        if len(found) < 2:  # else they stand before the fault
            raise malformed(error, where) from error
    if len(found) < 2:
        return None
    return found[0], next((one for one in found if primary(one) != primary(found[0])), found[1])
