"""Training text that a model has made: translations of many lines, beside what they were made from."""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from s2s.console import Progress, say
from s2s.decoding.sampling import Sampling
from s2s.decoding.translator import Translator
from s2s.run_folder import reporting_os_errors, writing_to

_AT_ONCE = 2_000


def translate_lines_to(
    translator: Translator,
    lines: Iterable[str],
    given: Path,
    made: Path,
    *,
    n_lines: int,
    beam: int | None = None,
    sampling: Sampling | None = None,
    mark: str = "",
    to: str | None = None,
) -> int:
    """Translate lines, and write each beside its translation.

    What is there already is not made again, and a call that was cut off goes on where it was.
    Lines without text, and those whose translation has none, are left out; translations that were cut off by the length
    limit are too, as nothing true can be learnt from them.

    Args:
        translator: The model.
        lines: What to translate.
        given: File for the lines.
        made: File for the translations.
        n_lines: How many lines there are, to show how far it is.
        beam: Hypotheses kept; none for the model's default.
        sampling: Draw translations at random instead.
        mark: What stands before each translation, with a space.
        to: The language to translate into, for a model that knows several; none if each line says it itself.

    Returns:
        Pairs written.
    """
    if given.is_file() and made.is_file():
        with made.open("rb") as file:
            return sum(1 for _ in file)
    given.parent.mkdir(parents=True, exist_ok=True)
    notes = made.with_name(f"{made.name}.part.jsonl")  # a line of notes for every line that was translated
    n_done = _complete_lines(notes)
    if n_done:
        say(f"going on after {n_done:,} of {n_lines:,} lines")
    options = translator.options(beam=1 if sampling else beam)  # of several samples the likeliest would be taken
    progress = Progress("translate")
    waiting = islice(lines, n_done, None)
    with reporting_os_errors(notes), notes.open("ab") as file:
        while chunk := list(islice(waiting, _AT_ONCE)):
            for translation in translator.translate_lines(chunk, options, sampling=sampling, first=n_done, to=to):
                note = [translation.source, translation.text, translation.n_cut > 0]
                file.write(f"{json.dumps(note)}\n".encode())
            file.flush()
            n_done += len(chunk)
            progress.show(n_done / max(1, n_lines), f"{n_done:,} of {n_lines:,} lines")
    progress.close()
    n_written = n_cut = 0
    with notes.open("rb") as file, writing_to(made) as translations, writing_to(given) as sources:
        for source, text, is_cut in map(json.loads, file):
            n_cut += is_cut
            if text and source.strip() and not is_cut:
                translations.write(f"{mark}{text}\n".encode("utf-8", "replace"))
                sources.write(f"{source}\n".encode("utf-8", "replace"))
                n_written += 1
    notes.unlink()
    left_out = n_done - n_written
    more = f"; left out {left_out:,}: empty, or cut off by the length limit ({n_cut:,})" if left_out else ""
    say(f"translated {n_done:,} lines{more}")
    return n_written


def _complete_lines(path: Path) -> int:
    """How many lines a file has; what a killed process wrote of one more is cut off."""
    if not path.exists():
        return 0
    with reporting_os_errors(path), path.open("r+b") as file:
        n_lines = n_bytes = 0
        for line in file:
            if line.endswith(b"\n"):
                n_lines += 1
                n_bytes += len(line)
        file.truncate(n_bytes)
    return n_lines
