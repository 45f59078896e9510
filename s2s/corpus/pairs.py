"""Sentence pairs by a spec: text files, tables, or a dataset of the Hugging Face hub. See `docs/data.md`."""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from s2s.corpus.arrow import ParquetFile
from s2s.corpus.columns import Wanted
from s2s.corpus.file_sums import FileSums
from s2s.corpus.hub import PREFIX, HubSplit
from s2s.corpus.memories import ENDINGS, MemoryFile
from s2s.corpus.tables import Complain, CsvFile, JsonLinesFile, Row, TsvFile
from s2s.corpus.text import check_readable, read_lines, uncompressed_suffix
from s2s.errors import ConfigError, DataError
from s2s.paths import at_home
from s2s.run_folder import refuse_to_lose

_BRACES = re.compile(r"\{([^{}]*)\}")
_DIRECTION = re.compile(r"([A-Za-z][\w-]{0,30})>([A-Za-z][\w-]{0,30})\s+")
TABLES = (".tsv", ".csv", ".jsonl", ".parquet", *ENDINGS)  # whose rows are pairs
_FORMATS = (
    "A spec is: a pair of text files (train.{en,de} or train.en,train.de), a table (.tsv, .csv, .jsonl, each also .gz"
    " or .zst; .parquet), a file of translators (.tmx, .xliff, .xlf, .po), or a hub dataset"
    " (hf:OWNER/NAME[/CONFIG]:SPLIT); before it `en>de ` if a model has several."
)


class Pair(NamedTuple):
    """A sentence and its translation.

    Attributes:
        src: Source side.
        tgt: Target side.
        origin: The spec it comes from.
        line: Line of the text file, or row of the dataset, from 1.
    """

    src: str
    tgt: str
    origin: str
    line: int


class _Rows(Protocol):
    """What the parts of a corpus have in common."""

    @property
    def format(self) -> str: ...

    def rows(self, complain: Complain | None = None) -> Iterator[Row]: ...

    def columns(self) -> tuple[str, str] | None: ...


class UnequalLinesError(DataError):
    """One of two text files has more lines than the other."""


@dataclass(frozen=True)
class LineFiles:
    """Two text files whose n-th lines belong together."""

    src: Path
    tgt: Path

    format = "lines"

    def rows(self, complain: Complain | None = None) -> Iterator[Row]:
        """Source, target and line number of each pair.

        Raises:
            DataError: One file has more lines than the other; raised at the end of the shorter.
        """
        sides = (read_lines(path, lenient=complain is not None) for path in (self.src, self.tgt))
        for number, (src, tgt) in enumerate(zip_longest(*sides), start=1):
            if src is None or tgt is None:
                if complain is None:
                    raise self._unequal()
                complain(self._unequal(lenient=True))
                return
            yield src, tgt, number

    def columns(self) -> None:
        """There are none."""

    def _unequal(self, *, lenient: bool = False) -> "UnequalLinesError":
        import numpy as np

        lines = (read_lines(path, lenient=lenient) for path in (self.src, self.tgt))
        src, tgt = (np.fromiter(map(len, side), dtype=np.int64) for side in lines)
        line = suspicious_line(src, tgt)
        near = f"They seem to part near line {line:,}: compare the two files there. " if line else ""
        hint = f"{near}Line n of one has to be the translation of line n of the other."
        return UnequalLinesError(f"{self.src} has {len(src):,} lines, {self.tgt} {len(tgt):,}", hint=hint)


@dataclass(frozen=True)
class _Part:
    spec: str
    source: _Rows
    paths: tuple[Path, ...]
    tag: str = ""

    def pairs(self, complain: Complain | None = None) -> Iterator[Pair]:
        origin, tag = self.spec, f"{self.tag} " if self.tag else ""
        for src, tgt, line in self.source.rows(complain):
            # an empty side stays empty: it is dropped and counted as such
            yield Pair(f"{tag}{src}" if tag and src and not src.isspace() else src, tgt, origin, line)

    def identity(self, sums: FileSums) -> dict[str, Any]:
        columns = self.source.columns()
        found: dict[str, Any] = {"spec": self.spec, "format": self.source.format}
        if isinstance(self.source, HubSplit):
            found.update(self.source.origin_identity())
        else:
            found["files"] = files = [sums.identity(path) for path in self.paths]
            if len(files) == 2 and files[0]["bytes"] and files[0]["sha256"] == files[1]["sha256"]:
                raise DataError(
                    f"{self.paths[0]} and {self.paths[1]} have the same content",
                    where=self.spec,
                    hint="One has to hold the source, the other its translation. (Copying is learnt from a table.)",
                )
        if self.tag:
            found["tag"] = self.tag
        return {**found, "columns": list(columns)} if columns else found


class PairCorpus:
    """The pairs of some specs, one after the other. Iterating reads them as a stream, as often as wanted."""

    def __init__(self, parts: list[_Part], sums: FileSums) -> None:
        self._parts, self._sums = parts, sums
        self._identity: list[dict[str, Any]] | None = None

    def __iter__(self) -> Iterator[Pair]:
        for part in self._parts:
            yield from part.pairs()

    def readable(self, complain: Complain) -> Iterator[Pair]:
        """The pairs that can be read at all; bytes that are not UTF-8 are lone surrogates.

        Args:
            complain: Gets the error of each row that cannot be read, and of files of unequal length.
        """
        for part in self._parts:
            yield from part.pairs(complain)

    def untagged(self) -> "PairCorpus":
        """The same text as it is written, without the tags of the languages to translate into."""
        return PairCorpus([replace(part, tag="") for part in self._parts], self._sums)

    def notes(self) -> list[str]:
        """What is to be said of how its tables are read."""
        notes = [part.source.note() for part in self._parts if isinstance(part.source, TsvFile)]
        return [note for note in notes if note]

    @property
    def directions(self) -> set[tuple[str, str] | None]:
        """The directions that stand before its specs; none for a spec without one."""
        return {split_direction(part.spec)[0] for part in self._parts}

    def by_direction(self) -> dict[tuple[str, str] | None, "PairCorpus"]:
        """The pairs of each of its `directions`, in the order of their first specs."""
        parts: dict[tuple[str, str] | None, list[_Part]] = {}
        for part in self._parts:
            parts.setdefault(split_direction(part.spec)[0], []).append(part)
        return {direction: PairCorpus(some, self._sums) for direction, some in parts.items()}

    def identity(self) -> list[dict[str, Any]]:
        """What the pairs come from, for JSON, part by part.

        Spec, format and chosen columns; path, size and sha256 of each file; for the hub its name, config, split and
        commit. Reads every file once, unless its sum is known; the result is kept.
        """
        if self._identity is None:
            self._identity = [part.identity(self._sums) for part in self._parts]
        return self._identity

    @property
    def fingerprint(self) -> str:
        """Sha256 over the content: equal for the same files elsewhere, another if anything in them changes."""
        return sum_of_content(self.identity())

    def columns(self) -> list[tuple[str, str] | None]:
        """Names of the chosen columns of each part; None for text files."""
        return [part.source.columns() for part in self._parts]

    def refuse_to_lose(self, outputs: Iterable[Path]) -> None:
        """Raise if a file that is to be written is one that is read here.

        Raises:
            CannotCreateError: Names it.
        """
        refuse_to_lose(self._files(), outputs)

    def _files(self) -> Iterator[Path]:
        """The files of its specs; of the hub those of local folders."""
        for part in self._parts:
            yield from part.paths
            if isinstance(part.source, HubSplit) and part.source.is_local:
                yield from (path for path in Path(part.source.name).rglob("*") if path.is_file())

    @property
    def description(self) -> str:
        """Specs and chosen columns in words, for display."""
        parts = []
        for part in self._parts:
            columns = None
            with contextlib.suppress(DataError):  # its first row cannot be read: whoever reads it is told
                columns = part.source.columns()
            parts.append(f"{part.spec} (columns {columns[0]}, {columns[1]})" if columns else part.spec)
        return "; ".join(parts)


def open_pairs(
    spec: str | list[str],
    *,
    source: str,
    target: str,
    source_column: str | None = None,
    target_column: str | None = None,
    sums: FileSums | None = None,
) -> PairCorpus:
    """Open sentence pairs.

    Files are looked for now and read when the pairs are; a hub dataset is downloaded when it is first needed.

    Args:
        spec: A spec, or several to concatenate; `docs/data.md` has the forms.
        source: Source language.
        target: Target language.
        source_column: Column of the source side in a table, if it is not to be found by its name.
        target_column: The same of the target side.
        sums: Remembers the sums of large files; None to read each.

    Raises:
        ConfigError: The spec has no known form.
        InputMissingError: A file is not there.
    """
    return open_specs(spec, Wanted(source, target, source_column, target_column), sums)


def open_specs(spec: str | list[str], wanted: Wanted, sums: FileSums | None = None) -> PairCorpus:
    """Like `open_pairs`, with what is known about the columns."""
    specs = [spec] if isinstance(spec, str) else spec
    if not specs:
        raise ConfigError("an empty list of specs", hint=_FORMATS)
    return PairCorpus([_open_part(one.strip(), wanted) for one in specs], sums or FileSums())


def sum_of_content(identity: Sequence[Mapping[str, Any]]) -> str:
    """A corpus's `fingerprint` by its `identity`, as `data.json` keeps it."""
    content = [_without_places(part) for part in identity]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def split_direction(spec: str) -> tuple[tuple[str, str] | None, str]:
    """The languages that stand before a spec, and the spec itself.

    >>> split_direction("en>fr corpora/x.{en,fr}")
    (('en', 'fr'), 'corpora/x.{en,fr}')
    >>> split_direction("corpora/x.{en,fr}")
    (None, 'corpora/x.{en,fr}')
    """
    match = _DIRECTION.match(spec)
    return ((match[1], match[2]), spec[match.end() :].strip()) if match else (None, spec)


def tag_of(language: str) -> str:
    """What stands before a source that is to be translated into a language: `<2fr>`."""
    return f"<2{language}>"


def tags_in(spec: str | list[str] | None) -> list[str]:
    """The tags of the languages into which some specs translate, each once, in order; none without directions."""
    return list(map(tag_of, targets_in(spec)))


def targets_in(spec: str | list[str] | None) -> list[str]:
    """The languages into which some specs translate, each once, in order; none without directions."""
    return list(dict.fromkeys(target for _, target in _directions_in(spec)))


def sources_in(spec: str | list[str] | None) -> list[str]:
    """The languages from which some specs translate, each once, in order; none without directions."""
    return list(dict.fromkeys(source for source, _ in _directions_in(spec)))


def _directions_in(spec: str | list[str] | None) -> Iterator[tuple[str, str]]:
    for one in [spec] if isinstance(spec, str) else spec or []:
        direction, _ = split_direction(one.strip())
        if direction:
            yield direction


def _open_part(given: str, wanted: Wanted) -> _Part:
    direction, spec = split_direction(given)
    if direction:
        part = _open_part(spec, replace(wanted, source=direction[0], target=direction[1]))
        return replace(part, spec=given, tag=tag_of(direction[1]))
    if spec.startswith(PREFIX):
        return _Part(spec, HubSplit.parse(spec, wanted), ())
    paths = files_of(spec)
    for path in paths:
        check_readable(path)
    if len(paths) == 2:
        for path in paths:
            if uncompressed_suffix(path) in TABLES:
                kind = "no plain text" if uncompressed_suffix(path) in ENDINGS else "a table"
                raise ConfigError(f"{path} is {kind}; a pair of files is two text files", where=spec, hint=_FORMATS)
        return _Part(spec, LineFiles(*paths), tuple(paths))
    return _Part(spec, _open_table(paths[0], spec, wanted), tuple(paths))


def _open_table(path: Path, spec: str, wanted: Wanted) -> _Rows:
    match uncompressed_suffix(path):
        case ".tsv":
            return TsvFile(path, wanted)
        case ".csv":
            return CsvFile(path, wanted)
        case ".jsonl":
            return JsonLinesFile(path, wanted)
        case ".parquet" if path.suffix.lower() == ".parquet":
            return ParquetFile(path, wanted)
        case ending if ending in ENDINGS:
            return MemoryFile(path, wanted)
        case _:
            hint = f"If it is one side of plain text, give the file of the other side too. {_FORMATS}"
            raise ConfigError(f"the ending of {path.name} is none that is known", where=spec, hint=hint)


def files_of(spec: str) -> list[Path]:
    """The two files of a pair of files, or the one of a table; they need not be there.

    Raises:
        ConfigError: The spec has no known form.
    """
    groups = [group.split(",") for group in _BRACES.findall(spec)]
    if any(len(group) != 2 for group in groups):
        raise ConfigError("braces hold two names, of the source and of the target", where=spec, hint=_FORMATS)
    if groups:
        names = [
            _BRACES.sub(lambda match: match[1].split(",")[0].strip(), spec),
            _BRACES.sub(lambda match: match[1].split(",")[1].strip(), spec),
        ]
    elif "," in spec and not Path(spec).is_file():
        names = [name.strip() for name in spec.split(",")]
    else:
        names = [spec]
    if len(names) > 2 or not all(names):
        raise ConfigError("a comma stands between two files, source and target", where=spec, hint=_FORMATS)
    if len(names) == 2 and names[0] == names[1]:
        raise ConfigError("source and target are the same file", where=spec, hint=_FORMATS)
    return [at_home(name) for name in names]


def _without_places(value: Any) -> Any:
    """An identity without what changes when files are moved."""
    if isinstance(value, dict):
        return {key: _without_places(inner) for key, inner in value.items() if key not in ("spec", "path")}
    if isinstance(value, list):
        return [_without_places(inner) for inner in value]
    return value


def suspicious_line(src_lengths: Any, tgt_lengths: Any) -> int | None:
    """Where two texts of unequal line counts seem to part, by the ratio of line lengths.

    Supposes that the longer text has one gap of as many lines as are too many, and finds where it fits best: before it
    the n-th lines belong together, after it those that many lines apart.

    Args:
        src_lengths: Array with the number of characters of each source line.
        tgt_lengths: The same of the target.

    Returns:
        The line, from 1, or None if no place fits clearly better than the others.
    """
    import numpy as np

    longer, shorter = sorted((np.log1p(src_lengths), np.log1p(tgt_lengths)), key=len, reverse=True)
    n, gap = len(shorter), len(longer) - len(shorter)
    if n == 0 or gap == 0:
        return None
    ratio = np.median(longer) - np.median(shorter)
    together = np.abs(longer[:n] - shorter - ratio)
    apart = np.abs(longer[gap:] - shorter - ratio)
    cost = np.concatenate(([0.0], np.cumsum(together))) + np.concatenate((np.cumsum(apart[::-1])[::-1], [0.0]))
    place = int(np.argmin(cost))
    clear = cost.max() - cost[place] > 3.0
    return place + 1 if clear else None
