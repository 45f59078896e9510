"""`s2s translate`: lines in, as many lines out, in order, as they come."""

import json
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from s2s.console import say
from s2s.corpus.text import decode_line
from s2s.decoding.sampling import Sampling
from s2s.decoding.search import SearchOptions
from s2s.decoding.translation import Translation, count_notes
from s2s.decoding.translator import Translator
from s2s.errors import InputMissingError
from s2s.run_folder import newest_run, run_path

Format = Literal["text", "scores", "n-best", "json"]

CHUNK = 1024  # lines translated together, if so many are waiting


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
    """

    n_lines: int = 0
    n_repaired: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    is_slow: bool = False

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
            say("note: PyTorch translates, which takes longer: the C engine is not compiled on this machine")
            say("  it needs a C compiler (cc) and a cache folder that only you can write to (~/.cache/s2s)")
        for note, text in texts.items():
            if self.notes.get(note):
                say(f"note: {self.notes[note]:,} of {self.n_lines:,} lines: {text}")


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

    Returns:
        Counts of what happened.
    """
    report = StreamReport()
    for chunk in _chunks(source):
        lines = []
        for number, raw in enumerate(chunk, start=report.n_lines):
            line, repaired = decode_line(raw, first=number == 0)
            lines.append(line)
            report.n_repaired += repaired
        translations = translator.translate_lines(
            lines, options, prefix=prefix, sampling=sampling, first=report.n_lines, align=align, to=to
        )
        for number, translation in enumerate(translations, start=report.n_lines):
            sink.write(_render(translation, number, form).encode("utf-8", "replace"))
        sink.flush()
        report.add(translations)
    report.is_slow = translator.by_pytorch
    return report


def _chunks(source: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines in chunks of what is waiting: at least one, at most `CHUNK`. A thread reads ahead, a few chunks at most."""
    waiting: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=4 * CHUNK)

    def read() -> None:
        try:
            for line in source:
                waiting.put(line)
            waiting.put(None)
        except BaseException as error:
            waiting.put(error)

    threading.Thread(target=read, daemon=True, name="read-ahead").start()
    item = waiting.get()
    while isinstance(item, bytes):
        chunk = [item]
        while len(chunk) < CHUNK:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                break
            if not isinstance(item, bytes):
                break
            chunk.append(item)
        yield chunk
        if isinstance(item, bytes):
            item = waiting.get()
    if item is not None:
        raise item


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
