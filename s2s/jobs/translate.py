"""`s2s translate`: lines in, as many lines out, in order, as they come."""

import functools
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Literal

from s2s.console import say
from s2s.corpus.text import decode_line
from s2s.corpus.vocabulary import one_line
from s2s.decoding.sampling import Sampling
from s2s.decoding.search import SearchOptions
from s2s.decoding.translation import Candidate, Translation, count_notes
from s2s.decoding.translator import Translator
from s2s.errors import InputMissingError, UsageError
from s2s.formats.sentences import joined_text, sentences
from s2s.jobs.glossary import Glossary, Placed, translate_with
from s2s.jobs.read_ahead import CHUNK, chunks
from s2s.run_folder import newest_run, run_path
from s2s.symbols import UNK

Format = Literal["text", "scores", "n-best", "json"]


def model_path(given: Path | None) -> Path:
    """The model to use: the one given, or the newest under `runs/`, which is then named on stderr."""
    if given is not None:
        return run_path(given)
    newest = newest_run(Path("runs"))
    if newest is None:
        raise InputMissingError(
            "no trained model under runs/", hint="train one with `make demo`, or name one with --model RUN"
        )
    say(f"model: {newest}")
    return newest


@dataclass
class StreamReport:
    """What happened to the lines of a stream.

    Attributes:
        n_lines: How many there were.
        n_repaired: How many were not UTF-8.
        notes: See `count_notes`.
        is_slow: They were translated by PyTorch, as the C engine could not be compiled.
        placed: What was done about terms, if there is a glossary.
    """

    n_lines: int = 0
    n_repaired: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    is_slow: bool = False
    placed: Placed | None = None

    def add(self, translations: list[Translation]) -> None:
        """Count some more."""
        self.n_lines += len(translations)
        for note, count in count_notes(translations).items():
            self.notes[note] = self.notes.get(note, 0) + count

    def tell(self) -> None:
        """Say on stderr what a user should know."""
        texts = {
            "in_parts": "longer than any sentence in training: translated in parts",
            "cut": "ended by the length limit (decode.max_length_ratio)",
        }
        if self.n_repaired:
            say(f"note: {self.n_repaired:,} of {self.n_lines:,} lines: not UTF-8: bad bytes became U+FFFD")
        if self.is_slow and self.n_lines >= CHUNK:
            say_that_pytorch_translates()
        for note, text in texts.items():
            if self.notes.get(note):
                say(f"note: {self.notes[note]:,} of {self.n_lines:,} lines: {text}")
        if self.placed is not None:
            self.placed.tell()


def say_that_pytorch_translates() -> None:
    """Why it takes longer than it might, and what helps."""
    if os.environ.get("S2S_NATIVE") == "off":
        say("note: PyTorch translates, which takes longer, as S2S_NATIVE=off says")
        return
    say("note: PyTorch translates, which takes longer: the C engine is not compiled on this machine")
    say("  it needs a C compiler (cc) and a cache folder that only you can write to (~/.cache/s2s)")


def translate_stream(
    translator: Translator,
    options: SearchOptions,
    source: Iterable[bytes],
    sink: BinaryIO,
    form: Format = "text",
    prefix: str | None = None,
    sampling: Sampling | None = None,
    *,
    align: bool = False,
    to: str | None = None,
    glossary: Glossary | None = None,
    split_sentences: bool = False,
) -> StreamReport:
    """Translate lines as they come in; what waits is translated together, what comes alone at once.

    Args:
        translator: The model.
        options: How to search.
        source: Lines with their line feeds, for example a binary file.
        sink: Where translations go, flushed after each chunk.
        form: `text` one translation a line; `scores` with its score and a tab before it; `n-best` in the form
            `line ||| translation ||| score`, lines counted from 0; `json` one object a line.
        prefix: What each translation begins with, if given.
        sampling: Draw translations at random, if given.
        align: Add to each translation ` ||| ` and the words of the source that its words come from, as `0-0 1-2`
            (source word, target word, from 0); with `json`, as lists.
        to: The language to translate into, for a model that knows several.
        glossary: Terms that are to be in the translations; without `prefix` and `sampling`.
        split_sentences: Translate sentence by sentence; the form is `text`.

    Returns:
        Counts of what happened.

    Raises:
        UsageError: The prefix cannot be said, or the model does not translate into that language.
    """
    if prefix is not None and UNK in translator.bundle.vocabularies.tgt.encode(prefix):
        raise UsageError(f"--prefix has characters that the model does not know: {prefix}")
    report = StreamReport(placed=None if glossary is None else Placed())
    with_terms = functools.partial(_with_terms, translator, options, to, glossary, report.placed)
    for chunk in chunks(source):
        lines = []
        for number, raw in enumerate(chunk, start=report.n_lines):
            line, repaired = decode_line(raw, first=number == 0)
            lines.append(line)
            report.n_repaired += repaired
        first = report.n_lines
        if split_sentences or glossary is not None:
            numbers = list(range(first, first + len(lines)))
            if split_sentences:
                translations = _by_sentences(lines, numbers, with_terms)
            else:
                translations = with_terms(lines, numbers)
            if not align:
                translations = [replace(one, alignment=None) for one in translations]
        else:
            translations = translator.translate_lines(
                lines, options, prefix=prefix, sampling=sampling, first=first, align=align, to=to
            )
        for number, translation in enumerate(translations, start=report.n_lines):
            sink.write(_render(translation, number, form).encode("utf-8", "replace"))
        sink.flush()
        report.add(translations)
    report.is_slow = translator.by_pytorch
    return report


def _with_terms(
    translator: Translator,
    options: SearchOptions,
    to: str | None,
    glossary: Glossary | None,
    placed: Placed | None,
    texts: list[str],
    numbers: list[int],
) -> list[Translation]:
    """Translate texts from the lines of these numbers, with the terms of a glossary, if there is one."""
    if glossary is None or placed is None:
        return translator.translate_lines(texts, options, to=to)
    return translate_with(glossary, translator, options, texts, placed.add, to=to, numbers=numbers)[0]


def _by_sentences(
    lines: list[str], numbers: list[int], translate: Callable[[list[str], list[int]], list[Translation]]
) -> list[Translation]:
    """Translate lines sentence by sentence; the white space between sentences stays."""
    spans = [sentences(line) for line in lines]
    texts = [line[start:end] for line, parts in zip(lines, spans, strict=True) for start, end in parts]
    origins = [number for number, parts in zip(numbers, spans, strict=True) for _ in parts]
    said = iter(translate(texts, origins))
    translations = []
    for line, parts in zip(lines, spans, strict=True):
        found = [next(said) for _ in parts]
        text = one_line(joined_text(line, parts, [one.text for one in found]))
        log_probability = sum(one.candidates[0].log_probability for one in found)
        n_pieces = sum(one.candidates[0].n_pieces for one in found)
        candidate = Candidate(text, log_probability / max(1, n_pieces), log_probability, n_pieces)
        n_parts = max((one.n_parts for one in found), default=0)
        translations.append(Translation(line, [candidate], n_parts, sum(one.n_cut for one in found)))
    return translations


def _render(translation: Translation, number: int, form: Format) -> str:
    links = translation.alignment
    end = "\n" if links is None else " ||| " + " ".join(f"{source}-{target}" for source, target in links) + "\n"
    if form == "text":
        return translation.text + end
    if form == "scores":
        return f"{translation.candidates[0].score:.4f}\t{translation.text}{end}"
    if form == "n-best":
        return "".join(f"{number} ||| {one.text} ||| {one.score:.4f}\n" for one in translation.candidates)
    candidates = [
        {"text": one.text, "score": one.score, "log_probability": one.log_probability, "n_pieces": one.n_pieces}
        for one in translation.candidates
    ]
    record: dict[str, object] = {
        "source": translation.source,
        "translation": translation.text,
        "candidates": candidates,
    }
    if links is not None:
        record["alignment"] = links
        record["confidence"] = translation.confidence
    return (
        json.dumps({**record, "n_parts": translation.n_parts, "cut": translation.n_cut > 0}, ensure_ascii=False) + "\n"
    )
