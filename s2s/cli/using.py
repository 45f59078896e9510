"""Commands that use a model."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from s2s.cli.common import Beam, Device, Int8, LengthPenalty, Model, Threads, app, destination, lines_of
from s2s.errors import CannotCreateError, UsageError


@app.command("evaluate")
def evaluate_command(
    systems: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders, as runs/demo, or files of translations."),
    ],
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="SPLIT", help="test (default) or valid, of the run's config; repeatable."),
    ] = None,
    src: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Sentences to translate; repeatable.")] = None,
    ref: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Their references; repeatable.")] = None,
    test_set: Annotated[
        list[str] | None,
        typer.Option("--test-set", metavar="NAME", help="One of sacreBLEU's, as wmt14/full; repeatable."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="LANG", help="Language of --ref, if no model says it or one knows several.")
    ] = None,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    int8: Int8 = False,
    device: Device = "auto",
    threads: Threads = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page: scores, differences, where each fails.")
    ] = None,
    write: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Write to a .html, .md, .tsv or .json; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: all that the page has.")] = False,
    as_tsv: Annotated[bool, typer.Option("--tsv", help="Print the scores as a table with tabs.")] = False,
) -> None:
    """Score runs and files of translations: BLEU, chrF, TER with signatures, intervals and significance.

    Example: s2s evaluate runs/demo runs/other --html report.html

    Example: s2s evaluate demo.s2s theirs.de --src test.en --ref test.de

    Of several systems on the same text, any two are compared. A run's translations and scores are kept in its eval
    folder.
    """
    sources, references, splits = src or [], ref or [], split or []
    if len(sources) != len(references):
        raise UsageError("as many --src as --ref are needed")
    if as_json and as_tsv:
        raise UsageError("--json and --tsv are two forms of the same: give one")
    unknown = [name for name in splits if name not in ("test", "valid")]
    if unknown:
        raise UsageError(f"--split is test or valid, not {unknown[0]}")
    from s2s.jobs import judge as job
    from s2s.jobs.evaluate import table
    from s2s.jobs.test_sets import other_text
    from s2s.run_folder import run_path, write_atomic
    from s2s.runtime import set_threads

    set_threads(threads)
    files = write or []
    for file in files:
        job.form_of(file)
    if html is not None and not html.absolute().parent.is_dir():
        raise CannotCreateError("there is no such folder", where=str(html.parent))
    found = [system if system.is_file() else run_path(system) for system in systems]
    texts = other_text(sources, references, test_set or [], found, to)
    evaluated = job.evaluate_all(
        found,
        splits or ([] if texts else ["test"]),
        texts,
        target=to,
        beam=beam,
        length_penalty=length_penalty,
        device=device,
        int8=int8,
    )
    with_page = html is not None or any(file.suffix in (".html", ".json") for file in files)
    judgements = job.judge_all(evaluated, with_training=with_page or as_json)
    for file in files:
        job.write(file, evaluated, judgements)
        print(f"written: {file}", file=sys.stderr)
    if html is not None:
        from s2s.report.judgement_page import judgement_page

        write_atomic(html, judgement_page(judgements))
        print(f"page: {html}", file=sys.stderr)
    if as_json:
        print(job.as_json(evaluated, judgements))
    elif as_tsv:
        print(job.as_tsv(judgements))
    else:
        print(table([one.evaluation for one in evaluated]))
        if more := "\n".join(text for judgement in judgements if (text := judgement.text())):
            print(f"\n{more}")


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
    to: Annotated[
        str | None, typer.Option("--to", metavar="LANG", help="Language to translate into, if the model knows several.")
    ] = None,
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
    with lines_of(text, source) as lines, destination(output) as sink:
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
        report = translate_stream(translator, options, lines, sink, form, prefix, sampling, align=align, to=to)
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
    """Score given translations: log-probability by length, one line a pair; higher is better.

    Example: s2s score test.en test.de --model runs/demo
    """
    from s2s.decoding.translator import Translator
    from s2s.jobs.score import score_files, write_scores
    from s2s.jobs.translate import model_path
    from s2s.runtime import set_threads

    set_threads(threads)
    translator = Translator.load(model_path(model), device)
    write_scores(score_files(translator, source, target), sys.stdout.buffer, as_json=as_json)


@app.command("export")
def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, for example runs/demo, or a model.")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="bundle, ctranslate2, hf-marian or onnx.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", help="Folder, or file of a bundle (default: in RUN/export)."),
    ] = None,
    check_on: Annotated[
        Path | None,
        typer.Option("--check-on", metavar="FILE", help="Lines to compare on (default: the run's validation set)."),
    ] = None,
    n_lines: Annotated[int, typer.Option("--lines", min=1, help="At most so many lines to compare on.")] = 100,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not compare with s2s.")] = False,
    threads: Threads = None,
) -> None:
    """Write a model as one file, or in another tool's format, and prove that it translates the same.

    Example: s2s export runs/demo --to bundle -o demo.s2s

    Example: s2s export runs/demo --to ctranslate2 --lines 500

    Example: s2s export demo.s2s --to onnx -o demo-onnx

    bundle is one file that all commands take as --model. The others need their extra: pip install 's2s[ctranslate2]',
    's2s[transformers]' or 's2s[onnx]'. What does not translate the same is not kept; the exit code is 1 then.
    """
    from s2s.jobs.export import BUNDLE, export
    from s2s.run_folder import run_path
    from s2s.runtime import set_threads

    set_threads(threads)
    result = export(run_path(run), to, output=output, check_on=check_on, n_lines=n_lines, check=not no_check)
    if result.parity is not None:
        print(result.parity.table())
    if to == BUNDLE:
        n_bytes = result.path.stat().st_size
        print(f"\nmodel: {result.path}, one file of {n_bytes / 1e6:.1f} MB", file=sys.stderr)
        print(f'next: s2s translate --model {result.path} "your text"', file=sys.stderr)
    else:
        print(f"\nmodel: {result.path}; its README.md says how to use it", file=sys.stderr)


@app.command("push")
def push_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run folder, its name, or a model.")],
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The repository on the Hugging Face hub.")],
    private: Annotated[bool, typer.Option("--private", help="If it is made now, only its owner sees it.")] = False,
) -> None:
    """Upload a model and its card to the Hugging Face hub; nothing else of the run leaves the machine.

    Example: s2s push runs/demo OWNER/NAME --private

    Then: s2s translate --model hf:OWNER/NAME
    """
    from s2s.jobs.push import push
    from s2s.run_folder import run_path

    print(push(run_path(run), name, private=private))
    print(f'next: s2s translate --model hf:{name} "your text"', file=sys.stderr)
