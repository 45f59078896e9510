"""What the languages and columns of a corpus are, where nobody has said: by the names of files and columns."""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from s2s.corpus.columns import NESTED, Wanted
from s2s.corpus.languages import code_of, is_language, shortest_code
from s2s.corpus.memories import ENDINGS, languages_in
from s2s.corpus.pairs import open_specs, split_direction
from s2s.corpus.text import COMPRESSIONS, uncompressed_suffix
from s2s.errors import DataError, UsageError
from s2s.formats.bitext import primary
from s2s.paths import at_home

_BRACES = re.compile(r"\{([^{},]*),([^{},]*)\}")
_SEPARATORS = re.compile(r"[./\\]"), re.compile(r"[./\\_-]")
_TABLES = (".tsv", ".csv", ".jsonl", ".parquet", ".yaml", ".yml", *ENDINGS)

UNKNOWN = ("src", "tgt")
"""Names of the two languages if nothing tells them."""


def as_specs(arguments: Sequence[str]) -> list[str]:
    """Specs as they are typed on a command line: two files of text, one after the other, are a pair of files.

    What a shell makes of `a*.en a*.de`, all of one side and then all of the other, is paired by names.

    >>> as_specs(["train.en", "train.de"]), as_specs(["a.tsv", "b.{en,de}"])
    (['train.en,train.de'], ['a.tsv', 'b.{en,de}'])
    >>> as_specs(["a1.en", "a2.en", "a1.de", "a2.de"])
    ['a1.en,a1.de', 'a2.en,a2.de']

    Raises:
        UsageError: Two files that would be a pair are of one language.
    """
    specs: list[str] = []
    for is_text, group in groupby(arguments, _is_one_text_file):
        some = list(group)
        specs += _paired(some) if is_text else some
    return specs


def specs_of_option(option: str, values: Sequence[str]) -> list[str]:
    """Specs as they are given to an option that is repeated for each.

    Raises:
        UsageError: One is a single file of text: a shell gives an option the first word of `dev.{en,de}`, no more.
    """
    specs = as_specs(values)
    alone = next((spec for spec in specs if _is_one_text_file(spec)), None)
    if alone is not None:
        hint = f"Quote what has braces, as {option} 'dev.{{en,de}}': the shell makes two words of it."
        raise UsageError(f"{option} {alone}: one file is no pair", hint=hint)
    return specs


def _paired(files: list[str]) -> list[str]:
    """Pairs of one text file after the other; one that is left over stays by itself."""
    codes = [_code_of(name) for name in files]
    same = [n for n in range(0, len(files) - 1, 2) if codes[n] is not None and codes[n] == codes[n + 1]]
    if same:
        different = list(dict.fromkeys(codes))
        both = list(zip(files, codes, strict=True))
        sides = [{_without_code(name): name for name, code in both if code == one} for one in different]
        if len(sides) == 2 and sides[0].keys() == sides[1].keys() and 2 * len(sides[0]) == len(files):
            return [f"{name},{sides[1][stem]}" for stem, name in sides[0].items()]
        first, second = files[same[0]], files[same[0] + 1]
        raise UsageError(
            f"{first} and {second} would be a pair, and are both {codes[same[0]]}",
            hint="Give the files of each pair one after the other, or as train.{en,de}.",
        )
    return [",".join(files[n : n + 2]) for n in range(0, len(files), 2)]


def _code_of(name: str) -> str | None:
    """The language that a file's name ends with."""
    code = uncompressed_suffix(Path(name)).removeprefix(".")
    return code if is_language(code) else None


def _without_code(name: str) -> str:
    code = _code_of(name)
    at = name.lower().rfind(f".{code}")
    return name if code is None else f"{name[:at]}{name[at + 1 + len(code) :]}"


_ROW_NUMBERS = ("id", "no", "nr", "sn", "ln")


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
    if not spec.startswith("hf:") and uncompressed_suffix(Path(spec)) in ENDINGS:
        with contextlib.suppress(DataError):
            return languages_in(at_home(spec))
        return None
    wanted = _AnyLanguages(*UNKNOWN)
    with contextlib.suppress(DataError):  # no such columns, or no text: whoever opens it is told
        next(open_specs(spec, wanted).readable(lambda _: None), None)
    return wanted.found[0] if wanted.found else None


@dataclass(frozen=True)
class _AnyLanguages(Wanted):
    """Takes the first two columns whose names are those of languages."""

    found: list[tuple[str, str]] = field(default_factory=list)

    def choose(self, names: Sequence[str]) -> tuple[str, str] | None:
        usual = super().choose(names)
        if usual is not None:
            return usual
        inner = [name for name in names if name.startswith(f"{NESTED}.")]
        for candidates in (inner, names):
            codes = [(code, name) for name in candidates if (code := code_of(name.removeprefix(f"{NESTED}.")))]
            if len(candidates) > 2:  # a number of each row is more frequent than these languages
                codes = [(code, name) for code, name in codes if name.lower() not in _ROW_NUMBERS]
            if len(codes) >= 2:
                (source, source_name), (target, target_name) = codes[:2]
                self.found.append((source, target))
                return source_name, target_name
        return None


def in_direction(spec: str, source: str, target: str) -> str:
    """A pair of files with the source's first, where their names say which is which; else the spec as it is.

    >>> in_direction("x.{en,de}", "de", "en"), in_direction("x.en,x.de", "DE", "EN"), in_direction("x.tsv", "de", "en")
    ('x.{de,en}', 'x.de,x.en', 'x.tsv')
    """
    named = None if split_direction(spec)[0] else _in_name(spec, (source, target))
    if named is None or not same_languages(named, (target, source)):
        return spec
    if _BRACES.search(spec):
        return _BRACES.sub(r"{\2,\1}", spec)
    return ",".join(reversed(spec.split(",")))


def same_languages(some: tuple[str, str], others: tuple[str, str]) -> bool:
    """Whether two pairs of languages are the same, whatever their case; regions count where all else is one.

    >>> same_languages(("EN", "pt_BR"), ("en", "pt")), same_languages(("de-en", "en-de"), ("de", "en"))
    (True, False)
    """
    ours, theirs = (tuple(name.lower().replace("_", "-") for name in pair) for pair in (some, others))
    are_directions = ours[0].split("-")[::-1] == ours[1].split("-")  # `de-en` and `en-de` are no regions
    if primary(some[0]) == primary(some[1]) or (are_directions and "-" in ours[0]):
        return ours == theirs
    return [*map(shortest_code, some)] == [*map(shortest_code, others)]


def refuse_other_languages(specs: Sequence[str], known: tuple[str, str] | None = None) -> None:
    """Raise UsageError if pairs of files are not all of the same two languages, by their names.

    Codes of two and of three letters are compared where the same language has both.

    Args:
        specs: The pairs, and tables, which have columns by which they are found.
        known: Languages that they should have, if any are known.
    """
    before = None if known is None else ("the model", known)
    for spec in specs:
        named = None if split_direction(spec)[0] else _in_name(spec, known or ())
        if named is None:
            continue
        who, languages = before = before or (spec, named)
        ours, theirs = (sorted(map(shortest_code, pair)) for pair in (named, languages))
        if ours != theirs and [*map(len, ours)] == [*map(len, theirs)]:
            raise UsageError(
                f"{spec} is of {' and '.join(named)}, by its name, and {who} of {' and '.join(languages)}",
                hint="All has to be of the same two languages. If it is, name the files so.",
            )


def _is_table(spec: str) -> bool:
    return spec.startswith("hf:") or uncompressed_suffix(Path(spec)) in _TABLES


def _is_one_text_file(argument: str) -> bool:
    if _is_table(argument) or _BRACES.search(argument):
        return False
    return "," not in argument or Path(argument).is_file()


def _in_name(spec: str, known: Sequence[str] = ()) -> tuple[str, str] | None:
    """By what differs between the names of two files: codes of languages, or those that are looked for."""
    own = [*map(shortest_code, known)]
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
                if source != target and all(is_language(one) or shortest_code(one) in own for one in (source, target)):
                    return source, target
    return None
