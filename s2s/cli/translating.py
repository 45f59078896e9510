"""`s2s translate`: text, lines, and files in the formats of translators."""

import contextlib
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from s2s.cli.common import Beam, Device, Int8, LengthPenalty, Model, Threads, app, destination, lines_of
from s2s.console import say
from s2s.errors import InputMissingError, UsageError
from s2s.formats.known import FORMATS, LINES, format_of

if TYPE_CHECKING:
    from s2s.jobs.documents import DocumentReport
    from s2s.jobs.translate import StreamReport


@app.command("translate")
def translate_command(
    text: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Sentences, or one file; none to read lines.")
    ] = None,
    model: Model = None,
    source: Annotated[
        str, typer.Option("--input", "-i", metavar="FILE", help="File to translate; - is standard input.")
    ] = "-",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File for the translations (default: stdout).")
    ] = None,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    n_best: Annotated[
        int, typer.Option(min=1, max=256, help="Translations a line, as `line ||| translation ||| score`.")
    ] = 1,
    min_length_ratio: Annotated[
        float, typer.Option(min=0.0, max=100.0, metavar="RATIO", help="At least so many pieces per source piece.")
    ] = 0.0,
    no_repeat_ngram: Annotated[
        int, typer.Option(min=0, metavar="N", help="Say no N pieces in a row twice; 0 for no such rule.")
    ] = 0,
    gnmt_penalty: Annotated[
        bool, typer.Option("--gnmt-penalty", help="Divide by ((5 + length) / 6) ^ --length-penalty, as GNMT does.")
    ] = False,
    prefix: Annotated[str | None, typer.Option(metavar="TEXT", help="What each translation begins with.")] = None,
    sampled: Annotated[
        bool, typer.Option("--sample", help="Draw translations at random; --n-best says how many.")
    ] = False,
    temperature: Annotated[
        float, typer.Option(min=0.01, metavar="T", help="With --sample: below 1 careful, above 1 daring.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(min=0, metavar="K", help="With --sample: among the K likeliest pieces.")] = 0,
    top_p: Annotated[
        float, typer.Option(min=0.01, max=1.0, metavar="P", help="With --sample: among the likeliest that have P.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="With --sample: seed of the random numbers.")] = 1,
    scores: Annotated[bool, typer.Option("--scores", help="Write score and tab before each translation.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
    to: Annotated[
        str | None, typer.Option("--to", metavar="LANG", help="Language to translate into, if the model knows several.")
    ] = None,
    align: Annotated[
        bool, typer.Option("--alignments", help="Add ` ||| 0-0 1-2`: source word, target word, from attention.")
    ] = False,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="lines, document, xliff, po, html, markdown or srt (default: by the file's ending).",
        ),
    ] = None,
    terms: Annotated[
        Path | None, typer.Option("--glossary", metavar="FILE", help="Terms: a line is `source TAB target`.")
    ] = None,
    split_sentences: Annotated[
        bool | None,
        typer.Option(
            "--split-sentences/--no-split-sentences",
            help="Translate sentence by sentence (default: in documents, not in lines).",
        ),
    ] = None,
    int8: Int8 = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    r"""Translate text, a file, or a pipe.

    Example: s2s translate "A dog sleeps." --model runs/demo

    Example: s2s translate --input in.txt --output out.txt

    Example: s2s translate in.xliff -o out.xliff --glossary terms.tsv

    As many lines come out as go in, in order; only \n ends a line, an empty line gives an empty line. XLIFF, PO, HTML,
    Markdown, SRT and WebVTT are translated in place.
    """
    text, source, form = _what(text, source, form)
    if sampled and (beam is not None or prefix is not None or min_length_ratio or no_repeat_ngram):
        raise UsageError("--sample goes without --beam, --prefix, --min-length-ratio and --no-repeat-ngram")
    if not sampled and (temperature, top_k, top_p, seed) != (1.0, 0, 1.0, 1):
        raise UsageError("--temperature, --top-k, --top-p and --seed need --sample")
    numbers = (temperature, top_p, length_penalty or 0.0, min_length_ratio)
    if not all(map(math.isfinite, numbers)):
        raise UsageError("--temperature, --top-p, --length-penalty and --min-length-ratio are finite numbers")
    if beam is not None and n_best > beam:
        raise UsageError(f"--n-best {n_best} needs --beam {n_best} or more")
    if align and n_best > 1 and not as_json:
        raise UsageError("--alignments are of one translation a line: leave out --n-best, or add --json")
    if terms is not None and (sampled or n_best > 1 or prefix is not None):
        raise UsageError("--glossary goes without --sample, --n-best and --prefix")
    plain = not (sampled or n_best > 1 or prefix is not None or scores or as_json or align)
    if split_sentences and not plain:
        raise UsageError(
            "--split-sentences goes without --sample, --n-best, --prefix, --scores, --json and --alignments"
        )
    if form != LINES:
        if not plain:
            raise UsageError(
                f"--format {form} goes without --sample, --n-best, --prefix, --scores, --json and --alignments",
                hint="With --format lines, each line of the file is translated.",
            )
        from s2s.jobs.documents import open_input

        document = open_input(source, form)
    with contextlib.ExitStack() as opened:
        if form == LINES:
            lines = opened.enter_context(lines_of(text, source))
        from s2s.decoding.sampling import Sampling
        from s2s.decoding.translator import Translator
        from s2s.jobs.documents import translate_document
        from s2s.jobs.glossary import read_glossary
        from s2s.jobs.translate import Format, model_path, translate_stream
        from s2s.runtime import set_threads

        set_threads(threads)
        translator = Translator.load(model_path(model), device, int8=int8)
        if sampled:
            beam = n_best
        options = replace(
            translator.options(beam=beam, length_penalty=length_penalty, n_best=n_best),
            min_length_ratio=min_length_ratio,
            no_repeat_ngram=no_repeat_ngram,
            gnmt_penalty=gnmt_penalty,
        )
        glossary = None if terms is None else read_glossary(terms)
        report: StreamReport | DocumentReport
        if form == LINES:
            shape: Format = "json" if as_json else "n-best" if n_best > 1 else "scores" if scores else "text"
            sampling = Sampling(temperature, top_k, top_p, seed) if sampled else None
            sink = opened.enter_context(destination(output))
            report = translate_stream(
                translator,
                options,
                lines,
                sink,
                shape,
                prefix,
                sampling,
                align=align,
                to=to,
                glossary=glossary,
                split_sentences=bool(split_sentences),
            )
        else:
            sink = opened.enter_context(destination(output))  # what cannot be written is said first
            translated, report = translate_document(
                translator,
                options,
                document,
                _name(source),
                to=to,
                glossary=glossary,
                split_sentences=split_sentences is not False,
            )
            sink.write(translated)
    report.tell()


def _what(text: list[str] | None, source: str, form: str | None) -> tuple[list[str] | None, str, str]:
    """Text, file and format: a single TEXT that names a file is that file."""
    if form is not None and form not in FORMATS:
        raise UsageError(f"there is no format {form}; there are: {', '.join(FORMATS)}")
    if text and source != "-":
        raise UsageError("give TEXT or --input, not both")
    if text == ["-"]:  # as --input - has it
        text = None
    if text:
        known = form or format_of(text[0])
        if len(text) > 1 or not _is_file(text[0]):
            if form not in (None, LINES):
                raise UsageError(f"--format {form} is of a file", hint="Give --input FILE; - is standard input.")
            if len(text) > 1 and form is None and all(map(_is_file, text)):
                raise UsageError("one file at a time is translated", hint="With --format lines the names are text.")
            looks_like_file = known != LINES or (form is None and re.fullmatch(r"\S+\.[A-Za-z]\w{1,4}", text[0]))
            if len(text) == 1 and looks_like_file and not re.search(r"\s", text[0]):
                raise InputMissingError(
                    "no such file", where=text[0], hint="With --format lines it is translated as text."
                )
            return text, source, LINES
        source = text[0]
        if known == LINES:
            say(f"{source}: this file is translated, line by line (its name as text: through a pipe)")
    found = form or format_of(source)
    if found != LINES:
        say(f"{_name(source)}: translated as {found}" + ("" if form else " (--format lines for line by line)"))
    return None, source, found


def _name(source: str) -> str:
    return "standard input" if source == "-" else source


def _is_file(name: str) -> bool:
    """Whether there is such a file; a text may be longer than any name, or hold a NUL."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
