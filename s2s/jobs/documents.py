"""`s2s translate FILE` for files in the formats of translators: read, translate, splice, and say what happened."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from s2s.console import say
from s2s.decoding.search import SearchOptions
from s2s.decoding.translation import Translation
from s2s.decoding.translator import Translator
from s2s.errors import InputMissingError, UsageError
from s2s.formats.content import Content, Document, Outcome
from s2s.formats.documents import open_document
from s2s.formats.flow import Translated, outcomes
from s2s.formats.po import PoFile
from s2s.formats.xliff import XliffFile
from s2s.jobs.glossary import Glossary, Placed, Seen, Term, n_free, translate_with, what_became

_N_SHOWN = 20


@dataclass(frozen=True)
class DocumentReport:
    """What happened to a file.

    Attributes:
        where: Its name.
        document: It.
        outcomes: Of its segments.
        placed: What was done about terms; none without a glossary.
        n_in_parts: Sentences that were translated in parts.
    """

    where: str
    document: Document
    outcomes: list[Outcome]
    placed: Placed | None
    n_in_parts: int

    def tell(self) -> None:
        """Say on stderr how many segments there were, and which are to be looked at."""
        looked_at = [
            (segment.line, outcome.problem)
            for segment, outcome in zip(self.document.segments, self.outcomes, strict=True)
            if outcome.problem
        ]
        n_source = sum(outcome.content is None for outcome in self.outcomes)
        kept = f", {self.document.n_kept:,} had a translation and keep it" if self.document.n_kept else ""
        say(f"{self.where}: {len(self.outcomes) - n_source:,} of {len(self.outcomes):,} segments translated{kept}")
        for note in self.document.notes:
            say(f"note: {note}")
        if self.n_in_parts:
            say(f"note: {self.n_in_parts:,} sentences: longer than any sentence in training: translated in parts")
        if looked_at:
            say(f"note: {len(looked_at):,} segments to look at:")
            for line, problem in looked_at[:_N_SHOWN]:
                say(f"  {self.where}:{line}: {problem}")
            if len(looked_at) > _N_SHOWN:
                say(f"  and {len(looked_at) - _N_SHOWN:,} more")
        if self.placed is not None:
            self.placed.tell()


def read_input(given: str) -> bytes:
    """All bytes of a file, or (`-`) of standard input.

    Raises:
        InputMissingError: It cannot be read.
    """
    if given == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed", hint="give --input FILE")
        return sys.stdin.buffer.read()
    try:
        return Path(given).read_bytes()
    except OSError as error:
        raise InputMissingError(error.strerror or str(error), where=given) from None


def translate_document(
    translator: Translator,
    options: SearchOptions,
    document: Document,
    where: str,
    *,
    to: str | None = None,
    glossary: Glossary | None = None,
    split_sentences: bool = True,
) -> tuple[bytes, DocumentReport]:
    """Translate a document.

    Args:
        translator: The model.
        options: How to search.
        document: From `open_document`.
        where: Its name, for messages.
        to: The language to translate into, for a model that knows several.
        glossary: Terms that are to be in the translation.
        split_sentences: Whether sentences are translated one by one.

    Returns:
        The bytes of the translated file, and what happened.
    """
    said: dict[Term, list[str]] = {}
    in_parts = set[str]()
    translate = _translate(translator, options, to, glossary, said, in_parts)
    found = outcomes(document.segments, translate, document.accepts, split_sentences=split_sentences)
    language = to or translator.bundle.target
    if isinstance(document, XliffFile | PoFile):
        document.notes += _language_notes(document, translator.bundle.sources or (translator.bundle.source,), language)
    placed = None if glossary is None else _placed(glossary, document, found, said)
    return document.render(found, language), DocumentReport(where, document, found, placed, len(in_parts))


def _placed(glossary: Glossary, document: Document, found: list[Outcome], said: dict[Term, list[str]]) -> Placed:
    """What became of the terms, by what is in the file now.

    Args:
        glossary: The terms.
        document: The file.
        found: Its translation.
        said: By term the sentences in whose translation it was placed.
    """
    placed = Placed()
    for segment, outcome in zip(document.segments, found, strict=True):
        source, target = _words(segment.content), _words(outcome.content or ())
        terms = glossary.terms_in(source)
        n_placed = {term: sum(text in source for text in said.get(term, ())) for term, _ in terms}
        there = {term: n_free(term, terms, target) - n for term, n in n_placed.items()}
        for term, how in what_became(terms, target, there):
            placed.add(Seen(segment.line, term, how))
    return placed


def _words(content: Content) -> str:
    return " ".join("".join(piece for piece in content if isinstance(piece, str)).split())


def _translate(
    translator: Translator,
    options: SearchOptions,
    to: str | None,
    glossary: Glossary | None,
    said: dict[Term, list[str]],
    in_parts: set[str],
) -> Callable[[list[str], bool], Sequence[Translated]]:
    def translate(texts: list[str], align: bool) -> list[Translated]:
        seen: list[Seen] = []
        missing: dict[int, list[Term]] = {}
        if glossary is None:
            found = translator.translate_lines(texts, options, align=align, to=to)
        else:
            found, missing = translate_with(glossary, translator, options, texts, seen.append, to=to)
        in_parts.update(one.source for one in found if one.n_parts > 1)
        for one in seen:
            if one.how == "placed":
                said.setdefault(one.term, []).append(texts[one.line - 1])
        problems = {n: f"{terms[0].source} is not translated as {terms[0].target}" for n, terms in missing.items()}
        return [_translated(one, problems.get(number, "")) for number, one in enumerate(found)]

    return translate


def _translated(translation: Translation, problem: str = "") -> Translated:
    cut = "its translation was ended by the length limit" if translation.n_cut else ""
    return Translated(translation.text, translation.alignment or [], problem or cut)


def _language_notes(document: XliffFile | PoFile, sources: Sequence[str], target: str) -> list[str]:
    """If the file says that it is in other languages."""
    notes = []
    for said_source, said_target in document.languages:
        if said_source and _primary(said_source) not in map(_primary, sources):
            known = ", ".join(sources)
            notes.append(f"the file says that its source is {said_source}; the model translates from {known}")
        if said_target and _primary(said_target) != _primary(target):
            notes.append(f"the file says that its target is {said_target}; the model translates into {target}")
    return list(dict.fromkeys(notes))


def _primary(language: str) -> str:
    return re.split("[-_@.]", language)[0].lower()


def open_input(given: str, form: str) -> Document:
    """Read a file of one of the formats.

    Raises:
        InputMissingError: It cannot be read.
        DataError: It is not in that format.
    """
    return open_document(read_input(given), given if given != "-" else "standard input", form)
