"""What the languages and columns of a corpus are, where nobody has said: by the names of files and columns."""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from s2s.corpus.columns import CONVENTIONS, NESTED, Wanted
from s2s.corpus.pairs import open_specs
from s2s.corpus.text import COMPRESSIONS, uncompressed_suffix
from s2s.errors import DataError

_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,4})?")
_BRACES = re.compile(r"\{([^{},]*),([^{},]*)\}")
_SEPARATORS = re.compile(r"[./\\]"), re.compile(r"[./\\_-]")
_TABLES = (".tsv", ".csv", ".jsonl", ".parquet", ".yaml", ".yml")

UNKNOWN = ("src", "tgt")
"""Names of the two languages if nothing tells them."""


def as_specs(arguments: Sequence[str]) -> list[str]:
    """Specs as they are typed on a command line: two files of text, one after the other, are a pair of files.

    >>> as_specs(["train.en", "train.de"]), as_specs(["a.tsv", "b.{en,de}"])
    (['train.en,train.de'], ['a.tsv', 'b.{en,de}'])
    """
    specs: list[str] = []
    waiting: str | None = None
    for argument in arguments:
        if not _is_one_text_file(argument):
            specs += [waiting, argument] if waiting is not None else [argument]
            waiting = None
        elif waiting is None:
            waiting = argument
        else:
            specs.append(f"{waiting},{argument}")
            waiting = None
    return [*specs, waiting] if waiting is not None else specs


def guess_languages(spec: str) -> tuple[str, str] | None:
    """The languages of the source and the target side, by names in a spec, or of a table's columns.

    Args:
        spec: A spec; a table is opened.

    Returns:
        Two names as they stand there, such as `en` and `de`, or None if there are no such names.
    """
    named = _in_name(spec)
    if named is not None or not _is_table(spec):
        return named
    wanted = _AnyLanguages(*UNKNOWN)
    with contextlib.suppress(DataError):  # no such columns, or no text: whoever opens it is told
        open_specs(spec, wanted).columns()
    return wanted.found[0] if wanted.found else None


@dataclass(frozen=True)
class _AnyLanguages(Wanted):
    """Takes the first two columns whose names are those of languages."""

    found: list[tuple[str, str]] = field(default_factory=list)

    def choose(self, names: Sequence[str]) -> tuple[str, str] | None:
        inner = [name for name in names if name.startswith(f"{NESTED}.")]
        for candidates in (inner, names):
            usual = [name for pair in CONVENTIONS for name in pair]
            codes = [name for name in candidates if name.lower() not in usual]
            codes = [name for name in codes if _LANGUAGE.fullmatch(name.removeprefix(f"{NESTED}.")) and name != "id"]
            if len(codes) >= 2:
                source, target = codes[:2]
                self.found.append((source.removeprefix(f"{NESTED}."), target.removeprefix(f"{NESTED}.")))
                return source, target
        return super().choose(names)


def _is_table(spec: str) -> bool:
    return spec.startswith("hf:") or uncompressed_suffix(Path(spec)) in _TABLES


def _is_one_text_file(argument: str) -> bool:
    if _is_table(argument) or _BRACES.search(argument):
        return False
    return "," not in argument or Path(argument).is_file()


def _in_name(spec: str) -> tuple[str, str] | None:
    """By what differs between the names of two files."""
    if _is_table(spec):
        return None
    braces = _BRACES.search(spec)
    if braces:
        sides = [braces[1].strip(), braces[2].strip()]
    else:
        sides = [side.strip() for side in spec.split(",")]
    if len(sides) != 2:
        return None
    for ending in COMPRESSIONS:
        sides = [side.removesuffix(ending) for side in sides]
    for separators in _SEPARATORS:
        parts = [separators.split(side) for side in sides]
        if len(parts[0]) == len(parts[1]):
            for source, target in zip(*(reversed(side) for side in parts), strict=True):
                if source != target and _LANGUAGE.fullmatch(source) and _LANGUAGE.fullmatch(target):
                    return source, target
    return None
