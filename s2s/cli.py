"""The command line: parse, call one function, print. Whatever is slow to import is imported inside the commands."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from s2s.errors import InputMissingError, UsageError
from s2s.exits import Commands
from s2s.version import __version__

if TYPE_CHECKING:
    from s2s.config.schema import Config


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="Config file, for example configs/demo.yaml.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change an option, e.g. train.max_steps=100.")
]
Model = Annotated[
    Path | None, typer.Option("--model", "-m", metavar="RUN", help="Run or model folder (default: newest run).")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.", envvar="S2S_DEVICE")]
Threads = Annotated[int | None, typer.Option(min=1, help="Processor threads (default: all cores).")]
Beam = Annotated[int | None, typer.Option(min=1, max=256, help="Hypotheses kept; 1 is greedy (default: the model's).")]
Int8 = Annotated[
    bool, typer.Option("--int8", help="Linear maps in 8 bits: faster on processors with VNNI, slightly less exact.")
]
LengthPenalty = Annotated[
    float | None, typer.Option(min=0.0, max=10.0, help="α in score = log-probability / length^α.")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"s2s {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train and run your own translation model.

    Example: s2s train configs/demo.yaml, then s2s translate "the dog sees the cat"

    Results go to stdout, everything else to stderr. Exit codes: 0 done, 2 usage, 65 bad data, 66 input missing, 69 hub,
    70 diverged, 71 a rank was lost, 73 cannot create, 74 output failed, 75 run in use, 78 bad config, 130/143 stopped
    (and saved).
    """
    if context.invoked_subcommand != "train":
        from s2s.training.ranks import refuse_several

        refuse_several(f"s2s {context.invoked_subcommand}")


def _load(config: Path, overrides: list[str] | None) -> "Config":
    from s2s.config.load import load_config

    return load_config(config, overrides or [])


@contextlib.contextmanager
def _lines_of(text: list[str] | None, given: str = "-") -> Iterator[Iterable[bytes]]:
    """Lines from the command line, else from a file, else (`-`) from standard input."""
    if text:
        yield [line.encode("utf-8", "surrogateescape") for line in text]
        return
    if given != "-":
        with contextlib.ExitStack() as opened:
            try:
                file = opened.enter_context(Path(given).open("rb"))
            except OSError as error:
                raise InputMissingError(error.strerror or str(error), where=given) from None
            yield file
        return
    if sys.stdin is None:
        raise UsageError("standard input is closed", hint="give TEXT or --input FILE")
    if sys.stdin.isatty():
        print("reading standard input; Ctrl-D ends it", file=sys.stderr)
    try:
        number = os.dup(sys.stdin.fileno())
    except (OSError, ValueError):  # not a real file, as in a test
        yield sys.stdin.buffer
        return
    # a file object of our own, never closed: a thread may be waiting in it when we leave, and Python aborts if
    # that thread holds the lock of its own standard input
    yield os.fdopen(number, "rb")


@contextlib.contextmanager
def _destination(output: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that gets its name when all is written."""
    if output is None:
        yield sys.stdout.buffer
        return
    from s2s.run_folder import writing_to

    with writing_to(output) as file:
        yield file


@app.command("tokenize")
def tokenize_command(
    config: ConfigFile,
    overrides: Overrides = None,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Show the pieces of this line, of standard input with -.")
    ] = None,
    side: Annotated[str, typer.Option(metavar="SIDE", help="With --text: source or target.")] = "source",
) -> None:
    """Learn the vocabulary and encode the corpus once; or show the pieces of a text.

    `train` does it by itself if it has not been done.
    """
    loaded = _load(config, overrides)
    if side not in ("source", "target"):
        raise UsageError(f"--side is source or target, not {side}")
    from s2s.jobs.tokenize import show_pieces, tokenize

    if text is None:
        tokenize(loaded)
        print(f"next: s2s train {config}", file=sys.stderr)
        return
    with _lines_of(None if text == "-" else [text]) as lines:
        show_pieces(loaded, side, lines, sys.stdout.buffer)


@app.command("train")
def train_command(
    config: ConfigFile,
    overrides: Overrides = None,
    device: Device = "auto",
    threads: Threads = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check config, data, memory and disk, estimate the time; train nothing.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Throw away what the run folder holds and start anew.")
    ] = False,
) -> None:
    """Train a model. The same command again goes on where it stopped.

    Ctrl-C saves before it leaves. Under torchrun, its processes train one model together.
    """
    from s2s.training.ranks import refuse_several, together

    if dry_run:
        refuse_several("s2s train --dry-run")
        from s2s.jobs.dry_run import dry_run as check

        print(check(_load(config, overrides), device=device, threads=threads))
        return
    with together() as ranks:
        loaded = _load(config, overrides)
        from s2s.jobs.train import train

        result = train(
            loaded, device=device, threads=threads, overwrite=overwrite, given=config.read_bytes(), ranks=ranks
        )
    print(f"\nmodel: {result.run / 'model'}", file=sys.stderr)
    print(f'next: s2s translate --model {result.run} "your text"', file=sys.stderr)


@app.command("evaluate")
def evaluate_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, for example runs/demo.")],
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="SPLIT", help="test (default) or valid, of the run's config; repeatable."),
    ] = None,
    src: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Sentences to translate; repeatable.")] = None,
    ref: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Their references; repeatable.")] = None,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    int8: Int8 = False,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Score runs on test sets: BLEU, chrF, TER with signatures, perplexity.

    Translations and scores are kept in the run's eval folder.
    """
    sources, references, splits = src or [], ref or [], split or []
    if len(sources) != len(references):
        raise UsageError("as many --src as --ref are needed")
    unknown = [name for name in splits if name not in ("test", "valid")]
    if unknown:
        raise UsageError(f"--split is test or valid, not {unknown[0]}")
    from s2s.jobs import evaluate as job
    from s2s.runtime import set_threads

    set_threads(threads)
    files = [job.files_as_test_set(source, reference) for source, reference in zip(sources, references, strict=True)]
    if len({test_set.name for test_set in files}) < len(files):
        raise UsageError("two --src files have the same name", hint="translations are kept by name: rename one")
    tasks = job.tasks(runs, splits or ([] if files else ["test"]), files)
    evaluations = []
    for run, test_set in tasks:
        evaluation = job.evaluate(run, test_set, beam=beam, length_penalty=length_penalty, device=device, int8=int8)
        job.tell_notes(evaluation)
        evaluations.append(evaluation)
    print(job.as_json(evaluations) if as_json else job.table(evaluations))


@app.command("translate")
def translate_command(
    text: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Sentences; none to read lines.")
    ] = None,
    model: Model = None,
    source: Annotated[
        str, typer.Option("--input", "-i", metavar="FILE", help="File of lines to translate; - is standard input.")
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
        float, typer.Option(min=0.0, metavar="RATIO", help="At least so many pieces per source piece.")
    ] = 0.0,
    no_repeat_ngram: Annotated[
        int, typer.Option(min=0, metavar="N", help="Say no N pieces in a row twice; 0 for no such rule.")
    ] = 0,
    gnmt_penalty: Annotated[
        bool, typer.Option("--gnmt-penalty", help="Length penalty of GNMT: ((5 + length) / 6) ^ A.")
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
    align: Annotated[
        bool, typer.Option("--alignments", help="Add ` ||| 0-0 1-2`: source word, target word, from attention.")
    ] = False,
    int8: Int8 = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    r"""Translate text, a file, or a pipe: as many lines out as in, in order.

    Only \n ends a line. An empty line gives an empty line.
    """
    if text and source != "-":
        raise UsageError("give TEXT or --input, not both")
    if sampled and (beam is not None or prefix is not None or min_length_ratio or no_repeat_ngram):
        raise UsageError("--sample goes without --beam, --prefix, --min-length-ratio and --no-repeat-ngram")
    if not sampled and (temperature, top_k, top_p) != (1.0, 0, 1.0):
        raise UsageError("--temperature, --top-k and --top-p need --sample")
    if beam is not None and n_best > beam:
        raise UsageError(f"--n-best {n_best} needs --beam {n_best} or more")
    if align and n_best > 1:
        raise UsageError("--alignments are of one translation a line: leave out --n-best")
    with _lines_of(text, source) as lines, _destination(output) as sink:
        from s2s.decoding.sampling import Sampling
        from s2s.decoding.translator import Translator
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
        form: Format = "json" if as_json else "n-best" if n_best > 1 else "scores" if scores else "text"
        sampling = Sampling(temperature, top_k, top_p, seed) if sampled else None
        report = translate_stream(translator, options, lines, sink, form, prefix, sampling, align=align)
    report.tell()


@app.command("score")
def score_command(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="File of source lines.")],
    target: Annotated[Path, typer.Argument(metavar="TGT", help="File of as many translations.")],
    model: Model = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Score given translations: log-probability by length, one line a pair; higher is better."""
    from s2s.decoding.translator import Translator
    from s2s.jobs.score import score_files, write_scores
    from s2s.jobs.translate import model_path
    from s2s.runtime import set_threads

    set_threads(threads)
    translator = Translator.load(model_path(model), device)
    write_scores(score_files(translator, source, target), sys.stdout.buffer, as_json=as_json)


@app.command("export")
def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, for example runs/demo.")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="ctranslate2 or hf-marian.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder to make (default: RUN/export/FORMAT).")
    ] = None,
    check_on: Annotated[
        Path | None,
        typer.Option("--check-on", metavar="FILE", help="Lines to compare on (default: the run's validation set)."),
    ] = None,
    n_lines: Annotated[int, typer.Option("--lines", min=1, help="At most so many lines to compare on.")] = 100,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not compare with s2s.")] = False,
    threads: Threads = None,
) -> None:
    """Write a model in another tool's format, and prove that it translates the same.

    Needs the extra ctranslate2 or transformers: pip install 's2s[ctranslate2]'.
    """
    from s2s.jobs.export import export
    from s2s.runtime import set_threads

    set_threads(threads)
    result = export(run, to, output=output, check_on=check_on, n_lines=n_lines, check=not no_check)
    if result.parity is not None:
        print(result.parity.table())
    print(f"\nmodel: {result.folder}; its README.md says how to use it", file=sys.stderr)


def main() -> None:
    """Entry point of the command `s2s`."""
    app(prog_name="s2s")
