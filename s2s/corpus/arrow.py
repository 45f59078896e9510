"""Pairs from Arrow tables: Parquet files, and what the `datasets` library loads."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from s2s.corpus.columns import Wanted, one_line
from s2s.corpus.tables import Complain, Row
from s2s.corpus.text import check_readable
from s2s.errors import DataError

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file with a column of text for each side, or with both in `translation`."""

    path: Path
    wanted: Wanted

    format = "parquet"

    def rows(self, complain: Complain | None = None) -> Iterator[Row]:
        """Source, target and row number from 1 of each pair; null is an empty side."""
        names = self.columns()
        outer = sorted({_path(name, self._schema)[0] for name in names})
        import pyarrow

        try:
            with self._open() as file:
                batches = file.iter_batches(batch_size=ROWS_AT_ONCE, columns=outer)
                yield from rows_of(batches, self._schema, names, str(self.path))
        except (pyarrow.ArrowException, OSError, zlib.error) as error:
            raise self._damaged(error) from error

    def columns(self) -> tuple[str, str]:
        """Names of the chosen columns."""
        return choose_columns(self._schema, self.wanted, str(self.path))

    @cached_property
    def _schema(self) -> Any:
        import pyarrow

        try:
            with self._open() as file:
                return file.schema_arrow
        except (pyarrow.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def _open(self) -> Any:
        from pyarrow import parquet

        check_readable(self.path)
        return parquet.ParquetFile(self.path, page_checksum_verification=True)

    def _damaged(self, error: Exception) -> DataError:
        return DataError(
            f"the Parquet file is damaged, or none ({_first_line(error)})",
            where=str(self.path),
            hint="Copy or download it again.",
        )


def choose_columns(schema: Any, wanted: Wanted, where: str) -> tuple[str, str]:
    """The columns of an Arrow schema that hold the two sides.

    Raises:
        DataError: They are not there (lists what is), or hold no text.
    """
    from pyarrow import types

    names = list(schema.names)
    for field in schema:
        if types.is_struct(field.type):
            names += [f"{field.name}.{inner.name}" for inner in field.type]
    chosen = wanted.choose(names)
    if chosen is None:
        raise wanted.missing(where, names)
    for name in chosen:
        if len(schema.get_all_field_indices(_path(name, schema)[0])) > 1:
            raise DataError(f"column {name} is there twice", where=where, hint="Give one of them another name.")
        kind = _type_of(schema, name)
        value = kind.value_type if types.is_dictionary(kind) else kind
        text = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
        if not any(is_text(value) for is_text in text):
            raise DataError(f"column {name} holds {kind}, not text", where=where)
    return chosen


def rows_of(batches: Iterable[Any], schema: Any, names: tuple[str, str], where: str) -> Iterator[Row]:
    """Source, target and row number from 1 of each pair in record batches or tables with the chosen columns."""
    paths = [_path(name, schema) for name in names]
    number = 0
    for batch in batches:
        try:
            src, tgt = (_cells(batch, path) for path in paths)
        except UnicodeDecodeError as error:
            place = f"{where}, rows {number + 1} to {number + batch.num_rows}"
            raise DataError(f"a column of text is not UTF-8 ({error.reason})", where=place) from error
        for number, (one, other) in enumerate(zip(src, tgt, strict=True), start=number + 1):  # noqa: B020
            yield one_line(one or ""), one_line(other or ""), number


def _cells(batch: Any, path: list[str]) -> list[str | None]:
    from pyarrow import compute

    column = batch.column(path[0])
    if len(path) > 1:
        column = compute.struct_field(column, path[1])
    cells: list[str | None] = column.to_pylist()
    return cells


def _path(name: str, schema: Any) -> list[str]:
    """The names that lead to a column."""
    return [name] if name in schema.names else name.split(".", 1)


def _type_of(schema: Any, name: str) -> Any:
    path = _path(name, schema)
    kind = schema.field(path[0]).type
    return kind.field(path[1]).type if len(path) > 1 else kind


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
