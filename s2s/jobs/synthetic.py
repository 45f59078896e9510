"""Training text that a model has made: translations of many lines, beside what they were made from."""

from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from s2s.console import Progress, say
from s2s.decoding.sampling import Sampling
from s2s.decoding.translator import Translator
from s2s.run_folder import writing_to

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
) -> int:
    """Translate lines, and write each beside its translation. What is there already is not made again.

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

    Returns:
        Pairs written.
    """
    if given.is_file() and made.is_file():
        with made.open("rb") as file:
            return sum(1 for _ in file)
    given.parent.mkdir(parents=True, exist_ok=True)
    options = translator.options(beam=beam)
    progress = Progress("translate")
    waiting = iter(lines)
    n_done = n_written = n_cut = 0
    with ExitStack() as stack:
        files = [stack.enter_context(writing_to(path)) for path in (made, given)]
        while chunk := list(islice(waiting, _AT_ONCE)):
            for translation in translator.translate_lines(chunk, options, sampling=sampling, first=n_done):
                n_cut += translation.n_cut > 0
                if translation.text and translation.source.strip() and not translation.n_cut:
                    files[0].write(f"{mark}{translation.text}\n".encode("utf-8", "replace"))
                    files[1].write(f"{translation.source}\n".encode("utf-8", "replace"))
                    n_written += 1
            n_done += len(chunk)
            progress.show(n_done / max(1, n_lines), f"{n_done:,} of {n_lines:,} lines")
    progress.close()
    left_out = n_done - n_written
    more = f"; left out {left_out:,}: empty, or cut off by the length limit ({n_cut:,})" if left_out else ""
    say(f"translated {n_done:,} lines{more}")
    return n_written
