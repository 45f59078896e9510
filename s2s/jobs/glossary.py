"""Terms that have to be translated in a certain way.

A line is translated. Where a term is not in the translation, the alignment says which word stands in its place; the
search is done again with all before that, and the term, as prefix, so that what follows fits. If the model then says
its own word too, it is given more of what followed: the next word, then all.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from s2s.console import say
from s2s.corpus.text import read_lines
from s2s.decoding.search import SearchOptions
from s2s.decoding.translation import Translation
from s2s.decoding.translator import Translator
from s2s.errors import DataError
from s2s.formats.protect import things

_WORD = re.compile(r"\S+")
_N_SHOWN = 20
_LEADING = re.compile(r"^[^\w]*")
_TRAILING = re.compile(r"[^\w]*$")

How = Literal["there", "placed", "missing"]


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
        """The terms of a line with their places, none within another, nor within what is protected, as `{car}`.

        >>> glossary = Glossary([Term("red car", "rotes Auto"), Term("car", "Wagen")])
        >>> [(term.target, place) for term, place in glossary.terms_in("A Red car, a car, {car}.")]
        [('rotes Auto', 2), ('Wagen', 13)]
        """
        found: list[tuple[Term, int]] = []
        protected = [thing for thing in things(line) if not thing.is_number]
        end = 0
        for match in re.finditer(r"\w+|[^\w\s]", line):
            if match.start() < end:
                continue
            for term in self.by_word.get(match[0].casefold(), ()):
                whole = _whole(term.source).match(line, match.start())
                if whole and not any(
                    thing.start <= whole.start() and whole.end() <= thing.end and thing.raw != whole[0]
                    for thing in protected
                ):
                    end = whole.end()
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
    how: How


@dataclass
class Placed:
    """What was done about terms.

    Attributes:
        n: How many became what.
        missing: The first few that are missing.
    """

    n: Counter[How] = field(default_factory=Counter)
    missing: list[Seen] = field(default_factory=list)

    def add(self, seen: Seen) -> None:
        """Count one more."""
        self.n[seen.how] += 1
        if seen.how == "missing" and len(self.missing) < _N_SHOWN:
            self.missing.append(seen)

    def tell(self) -> None:
        """Say it on stderr."""
        n = self.n
        say(
            f"glossary: {n.total():,} terms in the source: {n['there']:,} in place by themselves,"
            f" {n['placed']:,} placed, {n['missing']:,} not placed"
        )
        for one in self.missing:
            say(f"  line {one.line:,}: {one.term.source} is not {one.term.target}")
        if n["missing"] > len(self.missing):
            say(f"  and {n['missing'] - len(self.missing):,} more")


@dataclass
class _Work:
    """A line with terms that are not in its translation yet.

    Attributes:
        number: Of the line.
        waiting: Its terms that were not tried yet, with their places in the source.
        placed: How its translation begins, up to the last term that was placed.
        term: What is placed now, with its place in the source.
        begin: All before it, and it.
        replaced: The word that stood in its place.
        rest: What followed that.
        more: How much of the rest is given in further tries.
        given: How much is given now.
    """

    number: int
    waiting: list[tuple[Term, int]]
    placed: str = ""
    term: tuple[Term, int] | None = None
    begin: str = ""
    replaced: str = ""
    rest: str = ""
    more: list[str] = field(default_factory=list)
    given: str = ""


def translate_with(
    glossary: Glossary,
    translator: Translator,
    options: SearchOptions,
    lines: Sequence[str],
    add: Callable[[Seen], None],
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
        add: Is called with what became of each term.
        to: The language to translate into, for a model that knows several.
        numbers: Of the lines, from 0, for messages; none if they are as they are here.

    Returns:
        Translations with alignments, and by number of the line the terms that are not in its translation.
    """
    found = translator.translate_lines(lines, options, align=True, to=to)
    wanted = {number: terms for number, line in enumerate(lines) if (terms := glossary.terms_in(line))}
    first = {number: found[number].text for number in wanted}
    work = [
        _Work(number, list(terms))
        for number, terms in wanted.items()
        # a prefix is of a line that is translated as a whole
        if found[number].n_parts == 1 and any(_lacks(term, terms, first[number]) for term, _ in terms)
    ]
    for _ in range(3 * max((len(one.waiting) for one in work), default=0)):
        work = [one for one in work if _next_prefix(one, wanted[one.number], found[one.number])]
        if not work:
            break
        prefixes = [one.begin + one.given for one in work]
        texts = [lines[one.number] for one in work]
        tried = translator.translate_lines(texts, options, prefix=prefixes, align=True, to=to)
        for one, translation in zip(work, tried, strict=True):
            _judge(one, found, translation)
    missing: dict[int, list[Term]] = {}
    for number, terms in wanted.items():
        line = (number if numbers is None else numbers[number]) + 1
        there = {term: n_free(term, terms, first[number]) for term, _ in terms}
        for term, how in what_became(terms, found[number].text, there):
            add(Seen(line, term, how))
            if how == "missing":
                missing.setdefault(number, []).append(term)
    return found, missing


def what_became(terms: Sequence[tuple[Term, int]], text: str, there: Mapping[Term, int]) -> Iterator[tuple[Term, How]]:
    """What became of each term of a line, by how often its translation is in that of the line.

    Args:
        terms: From `Glossary.terms_in`.
        text: The translation.
        there: How often a term's translation was there by itself.
    """
    seen = Counter[str]()
    for term, _ in terms:
        key = term.target.casefold()
        seen[key] += 1
        if seen[key] > n_free(term, terms, text):
            yield term, "missing"
        else:
            yield term, "there" if seen[key] <= there[term] else "placed"


def n_in(term: Term, text: str) -> int:
    """How often the translation of a term is in a text, as words by themselves and in any case."""
    return len(_whole(term.target).findall(text))


def n_free(term: Term, terms: Sequence[tuple[Term, int]], text: str) -> int:
    """How often the translation of a term is in a text, but not in the longer translation of another term of its line.

    >>> car, red = Term("car", "Wagen"), Term("red car", "roter Wagen")
    >>> n_free(car, [(red, 2), (car, 16)], "ein roter Wagen und ein Auto")
    0
    """
    for other in sorted((other.target for other, _ in terms), key=len, reverse=True):
        if len(other) > len(term.target) and n_in(term, other):
            text = _whole(other).sub("\ue000", text)
    return n_in(term, text)


def _lacks(term: Term, terms: Sequence[tuple[Term, int]], text: str) -> bool:
    """Whether a translation of a line with these terms has that of one less often than the line has it."""
    return n_free(term, terms, text) < sum(other.target.casefold() == term.target.casefold() for other, _ in terms)


def _next_prefix(work: _Work, terms: Sequence[tuple[Term, int]], translation: Translation) -> bool:
    """Choose the term that comes first in the translation, and all up to it as prefix; whether there is one."""
    if work.term is not None:  # once more, with more of what follows
        work.given = work.more.pop(0)
        return True
    text = translation.text
    targets = [match.span() for match in _WORD.finditer(text)]
    places = []
    for term, start in work.waiting:
        if not _lacks(term, terms, text):
            continue
        at = _linked(translation, term, start)
        there = [match.span() for match in _whole(term.target).finditer(text)]
        if any(targets[j][0] < end and targets[j][1] > begin for j in at for begin, end in there):
            continue  # it is another one that is lacking
        at = [j for j in at if targets[j][0] >= len(work.placed)]
        if at:
            places.append((*_run(at, len(term.source.split())), term, start))
    if not places:
        return False
    first, last, term, start = min(places, key=lambda one: one[:2])
    work.waiting.remove((term, start))
    begin, end = targets[first][0], targets[last][1]
    leading, trailing = _LEADING.match(text[begin:end]), _TRAILING.search(text[begin:end])
    before = text[:begin] + (leading[0] if leading else "")
    end -= len(trailing[0]) if trailing else 0
    work.term, work.begin, work.given = (term, start), before + term.target, ""
    work.replaced, work.rest = _LEADING.sub("", text[max(begin, targets[last][0]) : end]).casefold(), text[end:]
    following = text[end : targets[last + 1][1]] if last + 1 < len(targets) else ""
    work.more = list(dict.fromkeys(more for more in (following, work.rest) if more))
    return True


def _linked(translation: Translation, term: Term, start: int) -> list[int]:
    """Numbers of the words of a translation that come from a term."""
    end = start + len(term.source)
    source = _WORD.finditer(translation.source)
    words = {n for n, match in enumerate(source) if match.start() < end and match.end() > start}
    n_words = len(_WORD.findall(translation.text))
    return sorted({j for i, j in translation.alignment or () if i in words and j < n_words})


def _run(words: list[int], n: int) -> tuple[int, int]:
    """First and last of the last n words that are near each other: an article attends to its noun, and stays."""
    first = words[-1]
    for word in reversed(words[-n:]):
        if first - word <= 2:
            first = word
    return first, words[-1]


def _judge(work: _Work, found: list[Translation], tried: Translation) -> None:
    """Keep a translation if its term is a word of it, and stands for the model's own instead of beside it."""
    assert work.term is not None
    is_more = n_in(work.term[0], tried.text) > n_in(work.term[0], found[work.number].text)
    if is_more and not tried.n_cut and not _is_beside(work, tried):
        found[work.number] = tried
        work.placed = work.begin
    elif work.more:
        return
    work.term = None


def _is_beside(work: _Work, tried: Translation) -> bool:
    """Whether the word that a term replaces follows it, or another one that comes from it."""
    assert work.term is not None
    follows = tried.text[len(work.begin) :]
    if _n_begin_with(work.replaced, follows) > _n_begin_with(work.replaced, work.rest):
        return True
    if work.given == work.rest:
        return False  # all that follows is what followed the word
    targets = [match.span() for match in _WORD.finditer(tried.text)]
    at = _linked(tried, *work.term)
    end = len(work.begin)
    placed = [j for j in at if targets[j][1] > end - len(work.term[0].target) and targets[j][0] < end]
    return not placed and any(targets[j][0] >= end for j in at)


def _n_begin_with(word: str, text: str) -> int:
    return sum(other.startswith(word) for other in re.findall(r"\w[\w-]*", text.casefold()))
