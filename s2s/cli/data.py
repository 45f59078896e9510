"""Commands on text: look at it, cut it into pieces."""

import sys
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from s2s.cli.common import ConfigFile, Overrides, SourceColumn, TargetColumn, app, lines_of, load
from s2s.errors import UsageError


@app.command("check")
def check_command(
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA...", help="Pairs: train.{en,de}, two files, a table … or a CONFIG, or its run."),
    ],
    valid: Annotated[list[str] | None, typer.Option(metavar="DATA", help="Validation set; repeatable.")] = None,
    test: Annotated[list[str] | None, typer.Option(metavar="DATA", help="Test set; repeatable.")] = None,
    source_column: SourceColumn = None,
    target_column: TargetColumn = None,
    clean: Annotated[
        str | None,
        typer.Option(metavar="FILES", help="Write what is left: two files, as clean.{en,de}, a .tsv or .jsonl file."),
    ] = None,
    n_examples: Annotated[int, typer.Option("--examples", min=0, metavar="N", help="Pairs to show of a fault.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find what is wrong with parallel text: shifted lines, encodings, duplicates, overlap, wrong language.

    Example: s2s check 'train.{en,de}' --valid 'valid.{en,de}' --clean clean.tsv

    Exit code 65 if training would refuse it or it is not parallel.
    """
    from s2s.corpus.columns import Wanted
    from s2s.jobs import check as job
    from s2s.run_folder import config_path

    if len(data) == 1 and (data[0].endswith((".yaml", ".yml")) or config_path(data[0]).suffix == ".yaml"):
        if valid or test or source_column or target_column:
            raise UsageError("a config says what its data is: give no other options of data")
        corpora, wanted = job.of_config(load(Path(data[0]), None))
    else:
        held_out = {
            name: job.specs_of_option(f"--{name}", given or []) for name, given in (("valid", valid), ("test", test))
        }
        specs = {"train": job.as_specs(data), **{name: split for name, split in held_out.items() if split}}
        wanted = Wanted(*job.languages_of(specs["train"]), source_column, target_column)
        corpora = job.open_splits(specs, wanted)
    paths = None if clean is None else job.clean_files(clean, corpora, wanted)
    reports = job.check(corpora, n_examples=n_examples)
    print(job.as_json(reports) if as_json else "\n\n".join(report.text() for report in reports))
    if paths is not None:
        n = job.write_clean(corpora["train"], reports[0].examined, paths)
        print(f"{clean}: {n:,} pairs", file=sys.stderr)
    if any(report.examined.is_broken for report in reports):
        raise typer.Exit(65)


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

    Example: s2s tokenize configs/demo.yaml

    Example: s2s tokenize configs/demo.yaml --text "the dog sees the cat"

    `train` does it by itself if it has not been done.
    """
    loaded = load(config, overrides)
    if side not in ("source", "target"):
        raise UsageError(f"--side is source or target, not {side}")
    from s2s.jobs.tokenize import show_pieces, tokenize

    if text is None:
        tokenize(loaded)
        settings = "".join(f" --set {quote(setting)}" for setting in overrides or [])
        print(f"next: s2s train {quote(str(config))}{settings}", file=sys.stderr)
        return
    with lines_of(None if text == "-" else [text]) as lines:
        show_pieces(loaded, side, lines, sys.stdout.buffer)
