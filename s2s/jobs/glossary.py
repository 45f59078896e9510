"""Terms that have to be translated in a certain way.

A line is translated. Where a term is not in the translation, the alignment says which word stands in its place; the
search is done again with all before that, and the term, as prefix, so that what follows fits.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from s2s.console import say
from s2s.corpus.text import read_lines
from s2s.decoding.search import SearchOptions
from s2s.decoding.translation import Translation
from s2s.decoding.translator import Translator
from s2s.errors import DataError

_WORD = re.compile(r"\S+")
_N_SHOWN = 20
_LEADING = re.compile(r"^[^\w]*")


@dataclass(frozen=True)
class Term:
    """A term and its translation.

    Attributes:
        source: Words of the source language.
        target: Words of the target language.
    """

    source: str
    target: str


@dataclass(frozen=True)
class Glossary:
    """Terms by their first words; longer ones come first."""

    terms: list[Term]

    def __post_init__(self) -> None:
        by_word: dict[str, list[Term]] = {}
        for term in sorted(self.terms, key=lambda term: -len(term.source)):
            by_word.setdefault(_first_word(term.source), []).append(term)
        object.__setattr__(self, "_by_word", by_word)

    @property
    def by_word(self) -> dict[str, list[Term]]:
        """Terms by their first word."""
        found: dict[str, list[Term]] = self.__dict__["_by_word"]
        return found

    def terms_in(self, line: str) -> list[tuple[Term, int]]:
        """The terms of a line with their places, none within another; each once.

        >>> glossary = Glossary([Term("red car", "rotes Auto"), Term("car", "Wagen")])
        >>> [(term.target, place) for term, place in glossary.terms_in("A Red car, a car.")]
        [('rotes Auto', 2), ('Wagen', 13)]
        """
        found: list[tuple[Term, int]] = []
        end = 0
        for match in re.finditer(r"\w+|[^\w\s]", line):
            if match.start() < end:
                continue
            for term in self.by_word.get(match[0].casefold(), ()):
                whole = _whole(term.source).match(line, match.start())
                if whole:
                    end = whole.end()
                    if all(term != other for other, _ in found):
                        found.append((term, match.start()))
                    break
        return found


def _first_word(text: str) -> str:
    match = re.search(r"\w+|[^\w\s]", text)
    return match[0].casefold() if match else ""


def _whole(text: str) -> re.Pattern[str]:
    """A text as whole words, whatever its case and its spaces."""
    words = r"\s+".join(map(re.escape, text.split()))
    left = r"(?<!\w)" if text[:1].isalnum() else ""
    right = r"(?!\w)" if text[-1:].isalnum() else ""
    return re.compile(f"{left}{words}{right}", re.IGNORECASE)


def read_glossary(path: Path) -> Glossary:
    """Read `source TAB target` lines; those that begin with `#` and empty ones are passed over, further columns too.

    Raises:
        InputMissingError: There is no such file.
        DataError: A line has no target, a term has two, or there is none at all.
    """
    terms: dict[str, tuple[Term, int]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        source, *others = (" ".join(cell.split()) for cell in line.split("\t"))
        if not source or not others or not others[0]:
            raise DataError(
                "a line of a glossary is: source TAB target", where=f"{path}:{number}", hint="Begin a comment with #."
            )
        term = Term(source, others[0])
        before = terms.setdefault(source.casefold(), (term, number))
        if before[0].target != term.target:
            raise DataError(
                f"{source} is {term.target} here and {before[0].target} in line {before[1]}",
                where=f"{path}:{number}",
                hint="A term has one translation; delete one of the lines.",
            )
    if not terms:
        raise DataError("holds no term", where=str(path), hint="A line of a glossary is: source TAB target")
    return Glossary([term for term, _ in terms.values()])


@dataclass(frozen=True)
class Seen:
    """What became of a term of a line.

    Attributes:
        line: Number of the line, from 1.
        term: It.
        how: It was `there` by itself, it was `placed`, or it is `missing`.
    """

    line: int
    term: Term
    how: Literal["there", "placed", "missing"]


@dataclass
class Placed:
    """What was done about terms."""

    seen: list[Seen] = field(default_factory=list)

    def tell(self) -> None:
        """Say it on stderr."""
        n = Counter(one.how for one in self.seen)
        say(
            f"glossary: {len(self.seen):,} terms in the source: {n['there']:,} in place by themselves,"
            f" {n['placed']:,} placed, {n['missing']:,} not placed"
        )
        missing = [one for one in self.seen if one.how == "missing"]
        for one in missing[:_N_SHOWN]:
            say(f"  line {one.line:,}: {one.term.source} is not {one.term.target}")
        if len(missing) > _N_SHOWN:
            say(f"  and {len(missing) - _N_SHOWN:,} more")


@dataclass
class _Work:
    """A line with terms that are not in its translation yet.

    Attributes:
        number: Of the line.
        waiting: Its terms that were not tried yet, with their places in the source.
        fixed: How its translation begins.
        term: What is placed now.
        after: What followed its place before; it keeps the term a word by itself in a second try.
        is_second: This is the second try.
    """

    number: int
    waiting: list[tuple[Term, int]]
    fixed: str = ""
    term: Term | None = None
    after: str = ""
    is_second: bool = False


def translate_with(
    glossary: Glossary,
    translator: Translator,
    options: SearchOptions,
    lines: Sequence[str],
    placed: Placed,
    *,
    to: str | None = None,
    numbers: Sequence[int] | None = None,
) -> tuple[list[Translation], dict[int, list[Term]]]:
    """Translate lines with the terms of a glossary.

    Args:
        glossary: The terms.
        translator: The model.
        options: How to search.
        lines: Source text.
        placed: Is added to.
        to: The language to translate into, for a model that knows several.
        numbers: Of the lines, from 0, for messages; none if they are as they are here.

    Returns:
        Translations with alignments, and by number of the line the terms that are not in its translation.
    """
    found = translator.translate_lines(lines, options, align=True, to=to)
    wanted = {number: terms for number, line in enumerate(lines) if (terms := glossary.terms_in(line))}
    there = {number: {t for t, _ in terms if is_in(t, found[number].text)} for number, terms in wanted.items()}
    work = [
        _Work(number, list(terms))
        for number, terms in wanted.items()
        # a prefix is of a line that is translated as a whole
        if len(there[number]) < len(terms) and found[number].n_parts == 1
    ]
    for _ in range(2 * max((len(one.waiting) for one in work), default=0)):
        work = [one for one in work if _next_prefix(one, found[one.number])]
        if not work:
            break
        prefixes = [one.fixed for one in work]
        texts = [lines[one.number] for one in work]
        tried = translator.translate_lines(texts, options, prefix=prefixes, align=True, to=to)
        for one, translation in zip(work, tried, strict=True):
            _judge(one, found, translation)
    missing: dict[int, list[Term]] = {}
    for number, terms in wanted.items():
        line = (number if numbers is None else numbers[number]) + 1
        for term, _ in terms:
            if not is_in(term, found[number].text):
                missing.setdefault(number, []).append(term)
                placed.seen.append(Seen(line, term, "missing"))
            else:
                placed.seen.append(Seen(line, term, "there" if term in there[number] else "placed"))
    return found, missing


def is_in(term: Term, text: str) -> bool:
    """Whether the translation of a term is in a text, as words by themselves and in any case."""
    return _whole(term.target).search(text) is not None


def _next_prefix(work: _Work, translation: Translation) -> bool:
    """Choose the term that comes first in the translation, and all up to it as prefix; whether there is one."""
    if work.term is not None:  # the second try
        work.fixed = f"{work.fixed} {work.after}"
        work.is_second = True
        return True
    text = translation.text
    targets = [match.span() for match in _WORD.finditer(text)]
    places = []
    for term, start in work.waiting:
        if is_in(term, text):
            continue
        words = _words_of(translation.source, start, term.source)
        at = [j for i, j in translation.alignment or () if i in words and j < len(targets)]
        at = [j for j in at if targets[j][0] >= len(work.fixed)]
        if at:
            places.append((*_run(sorted(set(at)), len(words)), term))
    if not places:
        return False
    begin, end, term = min(places, key=lambda one: one[0])
    work.waiting = [one for one in work.waiting if one[0] != term]
    start = targets[begin][0]
    leading = _LEADING.match(text[start : targets[begin][1]])
    before = text[:start] + (leading[0] if leading else "")
    work.fixed, work.term = before + term.target, term
    work.after = text[targets[end + 1][0] : targets[end + 1][1]] if end + 1 < len(targets) else ""
    return True


def _run(words: list[int], n: int) -> tuple[int, int]:
    """First and last of those that follow each other, at most n: an article attends to its noun, and stays."""
    last = words[0]
    for word in words[1:]:
        last += word == last + 1
    return max(words[0], last - n + 1), last


def _words_of(source: str, start: int, term: str) -> set[int]:
    """Numbers of the words that a term covers."""
    end = start + len(term)
    return {n for n, match in enumerate(_WORD.finditer(source)) if match.start() < end and match.end() > start}


def _judge(work: _Work, found: list[Translation], tried: Translation) -> None:
    """Keep a translation if its term is a word of it."""
    assert work.term is not None
    if is_in(work.term, tried.text) and not tried.n_cut:
        found[work.number] = tried
    elif work.after and not work.is_second:
        return  # it went on within the word: once more, with the next word given too
    else:
        work.fixed = ""
    work.term, work.is_second = None, False
