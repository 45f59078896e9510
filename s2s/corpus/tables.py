"""Pairs from tables of text: TSV, CSV and JSON Lines."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from s2s.corpus.columns import HINT, Wanted, one_line, shown
from s2s.corpus.text import read_lines
from s2s.errors import DataError

Row = tuple[str, str, int]
"""Source, target, line number from 1."""

Complain = Callable[[DataError], None]
"""What takes the error of a row that cannot be read, so that the next can be; without it the error is raised."""

_LONGEST_NAME = 30  # characters
_JSON_HINT = 'A line looks like this: {"en": "A dog.", "de": "Ein Hund."}'


@dataclass(frozen=True)
class Columns:
    """The two columns that were chosen.

    Attributes:
        source: Name, or number from 1 if there is no header.
        target: Name or number.
        positions: Where they are in a row, from 0.
        width: Cells in a row.
        header: Whether the first line names the columns.
    """

    source: str
    target: str
    positions: tuple[int, int]
    width: int
    header: bool


@dataclass(frozen=True)
class TsvFile:
    """Cells separated by TAB, no quoting; with a header line that names the columns, or source TAB target."""

    path: Path
    wanted: Wanted

    format = "tsv"

    def rows(self, complain: Complain | None = None) -> Iterator[Row]:
        """Source, target and line number of each pair. An empty line is a pair of empty sides."""
        columns = self._columns
        src, tgt = columns.positions
        lines = enumerate(read_lines(self.path, lenient=complain is not None), start=1)
        for number, line in lines:
            cells = line.split("\t")
            if complain is not None and len(cells) > 2 and not line.isascii():
                _look_beside(complain, cells, columns.positions, f"{self.path}:{number}")
            if number == 1 and columns.header:
                continue
            if len(cells) == columns.width:
                yield cells[src], cells[tgt], number
            elif not line:
                yield "", "", number
            else:
                _tell(
                    complain, _wrong_width(self.path, number, len(cells), columns.width, "a TAB is missing or too many")
                )

    def columns(self) -> tuple[str, str]:
        """Names or numbers of the chosen columns."""
        return self._columns.source, self._columns.target

    @cached_property
    def _columns(self) -> Columns:
        first = next(read_lines(self.path, lenient=True), None)  # bytes that are not UTF-8 may come later
        if first is None:
            return Columns("1", "2", (0, 1), 2, header=False)
        cells = first.split("\t")
        names = self.wanted.choose(cells)
        if names is not None:
            return Columns(*names, (cells.index(names[0]), cells.index(names[1])), len(cells), header=True)
        return self._by_number(cells)

    def note(self) -> str | None:
        """What is to be said if the first line is read as a pair, and looks as if it named the columns."""
        columns, cells = self._columns, next(read_lines(self.path, lenient=True), "").split("\t")
        was_told = self.wanted.source_column or self.wanted.target_column
        if columns.header or was_told or not all(map(_may_be_a_name, cells)):
            return None
        return f"{self.path}: no header is known here, line 1 is a pair: {shown(cells)}. If it names columns: {HINT}"

    def _by_number(self, cells: list[str]) -> Columns:
        """Columns of a file without a header: the first two, or those whose numbers are given as names."""
        wanted, where = self.wanted, f"{self.path}:1"
        given = (wanted.source_column, wanted.target_column)
        numbers = [int(name) for name in given if name is not None and name.isdecimal()]
        if len(numbers) == 2 and numbers[0] != numbers[1] and all(1 <= number <= len(cells) for number in numbers):
            positions = numbers[0] - 1, numbers[1] - 1
            return Columns(str(numbers[0]), str(numbers[1]), positions, len(cells), header=False)
        if given != (None, None):
            raise wanted.missing(where, cells)
        if len(cells) == 2:
            return Columns("1", "2", (0, 1), 2, header=False)
        if len(cells) == 1:
            raise DataError("there is no TAB in the line", where=where, hint="A line is: source TAB target.")
        raise DataError(
            f"{len(cells)} columns, and no header line that says which are {wanted.source} and {wanted.target}",
            where=where,
            hint=f"The first line has {shown(cells)}. {HINT} Without a header line give their numbers, counted from 1.",
        )


@dataclass(frozen=True)
class CsvFile:
    """Comma-separated cells, quoted where needed, with a header line."""

    path: Path
    wanted: Wanted

    format = "csv"

    def rows(self, complain: Complain | None = None) -> Iterator[Row]:
        """Source, target and line number of each pair; a line break in a quoted cell becomes a space."""
        records = self._records(complain, lenient=complain is not None)
        header = next(records, None)
        if header is None:
            return
        src, tgt = self._positions(header[0])
        width = len(header[0])
        for cells, number in chain([header], records):
            if complain is not None and len(cells) > 2:
                _look_beside(complain, cells, (src, tgt), f"{self.path}:{number}")
            if cells is header[0]:
                continue
            if len(cells) == width:
                yield one_line(cells[src]), one_line(cells[tgt]), number
            elif cells:  # the csv module gives an empty list for an empty line
                hint = "a cell with a comma in it lacks its quotes"
                _tell(complain, _wrong_width(self.path, number, len(cells), width, hint))

    def columns(self) -> tuple[str, str]:
        """Names of the chosen columns."""
        header = next(self._records(), None)
        if header is None:
            raise DataError("is empty; a header line is needed", where=str(self.path))
        src, tgt = self._positions(header[0])
        return header[0][src], header[0][tgt]

    def _positions(self, header: list[str]) -> tuple[int, int]:
        names = self.wanted.choose(header)
        if names is None:
            error = self.wanted.missing(f"{self.path}:1", header)
            error.hint = f"A CSV file begins with a line that names its columns, as en,de. {HINT}"
            raise error
        return header.index(names[0]), header.index(names[1])

    def _records(self, complain: Complain | None = None, *, lenient: bool = True) -> Iterator[tuple[list[str], int]]:
        """Cells of each record, with the line it begins in."""
        lines = read_lines(self.path, lenient=lenient)
        first = next(lines, None)
        if first is None:
            return
        # where the comma is in numbers, spreadsheets write semicolons; within quotes either may be
        bare = re.sub(r'"[^"]*"', "", first)
        delimiter = max(",;\t", key=bare.count)
        reader = csv.reader((f"{line}\n" for line in chain([first], lines)), strict=True, delimiter=delimiter)
        while True:
            number = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                hint = 'A quote in a quoted cell is written twice (""), and every quote is closed.'
                here = "" if reader.line_num == number else f", up to line {reader.line_num:,}"
                what = f"malformed CSV{here}: {error}"
                _tell(complain, DataError(what, where=f"{self.path}:{number}", hint=hint), error)
                continue
            yield cells, number


@dataclass(frozen=True)
class JsonLinesFile:
    """A JSON object a line, flat or with both sides in `translation`. Lines of white space are passed over."""

    path: Path
    wanted: Wanted

    format = "jsonl"

    def rows(self, complain: Complain | None = None) -> Iterator[Row]:
        """Source, target and line number of each pair; null is an empty side."""
        keys: tuple[list[str], list[str]] | None = None
        for number, record, is_bad in self._records(complain, lenient=complain is not None):
            if keys is None:
                source, target = self._choose(number, record)
                keys = _path(source, record), _path(target, record)
            try:
                row = self._cell(record, keys[0], number), self._cell(record, keys[1], number), number
            except DataError as error:
                _tell(complain, error)
                continue
            if complain is not None and is_bad:
                complain(bad_beside(f"{self.path}:{number}"))
            yield row

    def columns(self) -> tuple[str, str]:
        """Names of the chosen columns, by the first line."""
        first = next(self._records(), None)
        if first is None:
            raise DataError("holds no JSON object", where=str(self.path))
        return self._choose(*first[:2])

    def _choose(self, number: int, record: dict[str, Any]) -> tuple[str, str]:
        names = _names(record)
        chosen = self.wanted.choose(names)
        if chosen is None:
            raise self.wanted.missing(f"{self.path}:{number}", names)
        return chosen

    def _records(
        self, complain: Complain | None = None, *, lenient: bool = True
    ) -> Iterator[tuple[int, dict[str, Any], bool]]:
        """Number and content of each line, and whether it has bytes that are not UTF-8."""
        for number, line in enumerate(read_lines(self.path, lenient=lenient), start=1):
            where = f"{self.path}:{number}"
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                if line and not line.isspace():
                    hint = f"Each line of the file is one JSON object, not a list of them. {_JSON_HINT}"
                    _tell(complain, DataError(f"malformed JSON: {error}", where=where, hint=hint), error)
                continue
            if type(record) is dict:
                yield number, record, not line.isascii() and has_surrogate(line)
            else:
                _tell(complain, DataError("is no JSON object", where=where, hint=_JSON_HINT))

    def _cell(self, record: dict[str, Any], keys: list[str], number: int) -> str:
        value: Any = record
        for key in keys:
            if value is None:  # "translation": null
                break
            if type(value) is not dict or key not in value:
                names = ", ".join(_names(record))
                raise DataError(
                    f"no column {'.'.join(keys)}; there are: {names}",
                    where=f"{self.path}:{number}",
                    hint="All lines have both columns, as the first has; mend this one or delete it.",
                )
            value = value[key]
        if value is None:
            return ""
        if type(value) is not str:
            kind = {dict: "an object", list: "a list", bool: "true or false"}.get(type(value), "a number")
            raise DataError(
                f"column {'.'.join(keys)} holds {kind}, not text",
                where=f"{self.path}:{number}",
                hint=f"Put it in quotes if it is meant as text, or name other columns. {_JSON_HINT}",
            )
        if not value.isascii() and has_surrogate(value):
            raise DataError(
                f"column {'.'.join(keys)} holds what is no text: bytes that are not UTF-8, or half of a surrogate pair"
                " (\\ud800 to \\udfff)",
                where=f"{self.path}:{number}",
                hint="Mend or delete this line.",
            )
        return one_line(value)


def _may_be_a_name(cell: str) -> bool:
    """Whether a cell could be the name of a column: a few words, not a sentence."""
    text = cell.strip()
    return 0 < len(text) <= _LONGEST_NAME and len(text.split()) <= 3 and text[-1] not in ".!?…。！？"


def _names(record: dict[str, Any]) -> list[str]:
    """Columns of a JSON object, with `outer.inner` for those one level down."""
    names = list(record)
    for outer, value in record.items():
        if isinstance(value, dict):
            names += [f"{outer}.{inner}" for inner in value]
    return names


def _path(name: str, record: dict[str, Any]) -> list[str]:
    """The keys that lead to a column."""
    return [name] if name in record else name.split(".", 1)


def has_surrogate(text: str) -> bool:
    """Whether there are bytes in it that are not UTF-8, or halves of a character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _look_beside(complain: Complain, cells: list[str], chosen: tuple[int, int], where: str) -> None:
    """Complain of bytes that are not UTF-8 in other cells than the chosen ones, which are looked at elsewhere."""
    if any(not cell.isascii() and has_surrogate(cell) for n, cell in enumerate(cells) if n not in chosen):
        complain(bad_beside(where))


def bad_beside(where: str) -> DataError:
    """What is said of bytes that are not UTF-8 beside the text, which is whole."""
    hint = "The text of this line is whole, but training refuses the file. What --clean and s2s init write is without."
    return DataError("not UTF-8, beside the text", where=where, hint=hint)


def _tell(complain: Complain | None, error: DataError, cause: BaseException | None = None) -> None:
    """Pass an error on, or raise it if nobody takes it."""
    if complain is None:
        raise error from cause
    complain(error)


def _wrong_width(path: Path, number: int, n_cells: int, width: int, hint: str) -> DataError:
    cells = "1 cell" if n_cells == 1 else f"{n_cells} cells"
    return DataError(f"{cells} in a table of {width} columns", where=f"{path}:{number}", hint=f"Perhaps {hint}.")
