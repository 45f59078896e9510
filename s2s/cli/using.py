"""Commands that use a model."""

import sys
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from s2s.cli.common import Beam, Device, Int8, LengthPenalty, Model, Threads, app
from s2s.errors import CannotCreateError, UsageError


@app.command("evaluate")
def evaluate_command(
    systems: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Runs or their names, models, or files of translations."),
    ],
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="SPLIT", help="test (default) or valid, of the run's config; repeatable."),
    ] = None,
    src: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Sentences to translate; repeatable, with a --ref each.")
    ] = None,
    ref: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Their references, a file for each --src.")
    ] = None,
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
    from s2s.run_folder import refuse_to_lose, run_path, write_atomic
    from s2s.runtime import set_threads

    set_threads(threads)
    files = write or []
    for file in files:
        job.form_of(file)
    if html is not None and not html.absolute().parent.is_dir():
        raise CannotCreateError("there is no such folder", where=str(html.parent))
    found = [system if system.is_file() else run_path(system) for system in systems]
    refuse_to_lose([*found, *sources, *references], [*files, *([html] if html else [])])
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
    if as_json:
        print(job.as_json(evaluated, judgements))
    elif as_tsv:
        print(job.as_tsv(judgements))
    else:
        print(table([one.evaluation for one in evaluated]))
        if more := "\n".join(text for judgement in judgements if (text := judgement.text())):
            print(f"\n{more}")
    for file in files:
        job.write(file, evaluated, judgements)
        print(f"written: {file}", file=sys.stderr)
    if html is not None:
        from s2s.report.judgement_page import judgement_page

        write_atomic(html, judgement_page(judgements))
        print(f"page: {html}", file=sys.stderr)


@app.command("score")
def score_command(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="File of source lines.")],
    target: Annotated[Path, typer.Argument(metavar="TGT", help="File of as many translations.")],
    model: Model = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="LANG", help="Language of TGT, if the model knows several.")
    ] = None,
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
    write_scores(score_files(translator, source, target, to), sys.stdout.buffer, as_json=as_json)


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

    bundle is one file that translates, evaluates and serves like a run. The others need their extra, in the folder of
    s2s: pip install '.[ctranslate2]', '.[transformers]' or '.[onnx]'. What does not translate the same is not kept; the
    exit code is 1 then.
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
        print(f'next: s2s translate --model {quote(str(result.path))} "your text"', file=sys.stderr)
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
