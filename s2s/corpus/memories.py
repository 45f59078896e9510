"""Pairs from files of translators: translation memories (TMX), XLIFF, PO."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from s2s.corpus.columns import Wanted
from s2s.corpus.tables import Complain, Row, bad_beside, has_surrogate
from s2s.corpus.text import read_bytes, read_lines, uncompressed_suffix
from s2s.errors import DataError
from s2s.formats.bitext import languages_of, primary, read_po, read_tmx, read_xliff

ENDINGS = {".tmx": "tmx", ".xlf": "xliff", ".xliff": "xliff", ".po": "po"}
"""Formats by the endings of files."""


class CutOffError(DataError):
    """What stands behind a fault of a file cannot be read."""


@dataclass(frozen=True)
class MemoryFile:
    """A file with texts and their translations; units that lack one have an empty side."""

    path: Path
    wanted: Wanted

    @property
    def format(self) -> str:
        """Its name."""
        return ENDINGS[uncompressed_suffix(self.path)]

    def rows(self, complain: Complain | None = None) -> Iterator[Row]:
        """Source, target and line of each unit.

        Raises:
            DataError: The file is malformed, or in other languages. If somebody takes complaints, they get it, and
                what stands before the fault is read.
        """
        path, (source, target) = str(self.path), self.columns()
        try:
            if self.format == "po":
                yield from read_po(self._lines(complain), path, source, target)
            else:
                read = read_tmx if self.format == "tmx" else read_xliff
                yield from read(read_bytes(self.path), path, source, target)
        except DataError as error:
            if complain is None:
                raise
            complain(CutOffError(error.what, where=error.where, hint=error.hint))

    def _lines(self, complain: Complain | None) -> Iterator[str]:
        for number, line in enumerate(read_lines(self.path, lenient=complain is not None), start=1):
            if complain is not None and line.startswith(("#", "msgctxt")) and has_surrogate(line):
                complain(bad_beside(f"{self.path}:{number}"))
            yield line

    def columns(self) -> tuple[str, str]:
        """The two languages: another direction gives other pairs."""
        return self.wanted.source, self.wanted.target


def languages_in(path: Path) -> tuple[str, str] | None:
    """The languages that such a file says it has; of a PO file English and that of its header.

    They are without regions, unless they differ in those alone.

    Raises:
        DataError: It is malformed.
    """
    form = ENDINGS[uncompressed_suffix(path)]
    if form == "po":
        head = "\n".join(islice(read_lines(path, lenient=True), 60))
        said = re.search(r'^"Language:[ \t]*([A-Za-z]+(?:[-_][A-Za-z]+)?)', head, re.MULTILINE)
        if said is None:
            return None
        return "en", said[1] if primary(said[1]) == "en" else primary(said[1])
    found = languages_of(read_bytes(path), str(path), form)
    if found is None or primary(found[0]) == primary(found[1]):
        return found
    return primary(found[0]), primary(found[1])
