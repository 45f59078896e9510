"""Commands that make a model."""

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from s2s.cli.common import (
    Beam,
    ConfigFile,
    Device,
    Overrides,
    SourceColumn,
    TargetColumn,
    Threads,
    app,
    load,
)
from s2s.paths import at_home, by_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s2s.jobs.compare import Domain

Valid = Annotated[
    list[str] | None, typer.Option(metavar="DATA", help="Validation set, as 'dev.{en,de}' (default: held-out pairs).")
]
Test = Annotated[list[str] | None, typer.Option(metavar="DATA", help="Test set (default: the same).")]
KeepAll = Annotated[bool, typer.Option("--keep-all", help="Leave no pair out that can be trained on.")]


@app.command("init")
def init_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Makes the run folder runs/NAME, or this path.")],
    corpus: Annotated[
        list[str],
        typer.Argument(metavar="DATA...", help="Pairs: train.{en,de}, two files, a table, a .tmx, hf:owner/name:train"),
    ],
    source: Annotated[str | None, typer.Option(metavar="LANG", help="Source language, if not by the names.")] = None,
    target: Annotated[str | None, typer.Option(metavar="LANG", help="Target language.")] = None,
    source_column: SourceColumn = None,
    target_column: TargetColumn = None,
    valid: Valid = None,
    test: Test = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, metavar="M", help="Train so long (default: as long as it helps).")
    ] = None,
    keep_all: KeepAll = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Look at parallel text, split it, and write the config that fits it. Then: s2s train NAME.

    Example: s2s init my corpus.en corpus.de --minutes 30

    Pairs with a fault (see `s2s check`) are left out; held-out pairs and what is nearly the same (of over 2,000,000
    pairs: what is the same) are not trained on.
    """
    from s2s.corpus.guess import as_specs, specs_of_option
    from s2s.jobs.init import init
    from s2s.jobs.split_text import Wishes

    to_choose_by, to_report = specs_of_option("--valid", valid or []), specs_of_option("--test", test or [])
    wishes = Wishes(
        as_specs(corpus),
        to_choose_by,
        to_report,
        source,
        target,
        minutes,
        clean=not keep_all,
        source_column=source_column,
        target_column=target_column,
    )
    config = init(_folder_for(name, Path(), ""), wishes, device=device, threads=threads)
    print(config.read_text("utf-8"))
    print(f"next: s2s train {quote(str(name))}", file=sys.stderr)


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
        bool,
        typer.Option(
            "--overwrite", help="Delete this run's model, checkpoints, scores, logs; start anew. Its text stays."
        ),
    ] = False,
) -> None:
    """Train a model. The same command again goes on where it stopped.

    Example: s2s train configs/demo.yaml

    Example: s2s train my --set train.max_minutes=60

    Ctrl-C saves before it leaves. Under torchrun, its processes train one model together.
    """
    from s2s.training.ranks import refuse_several, together

    if dry_run:
        refuse_several("s2s train --dry-run")
        from s2s.jobs.dry_run import dry_run as check

        print(check(load(config, overrides), overwrite=overwrite, device=device, threads=threads))
        return
    with together() as ranks:
        loaded = load(config, overrides)
        from s2s.jobs.train import train
        from s2s.run_folder import RunFolder, config_path

        path = config_path(config)
        # what a run keeps is what it is trained by; its own file stays as somebody has written it
        is_own = path.resolve() == RunFolder(Path(loaded.run)).config.resolve()
        given = b"" if overrides and not is_own else path.read_bytes()
        result = train(loaded, device=device, threads=threads, overwrite=overwrite, given=given, ranks=ranks)
    print(f"\nmodel: {result.run / 'model'}", file=sys.stderr)
    _say_next(result.run)


@app.command("adapt")
def adapt_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The model to adapt: its run folder, or its name.")],
    corpus: Annotated[list[str], typer.Argument(metavar="DATA...", help="Pairs of the new domain.")],
    to: Annotated[str | None, typer.Option(metavar="NAME", help="The new run (default: RUN-adapted).")] = None,
    source_column: SourceColumn = None,
    target_column: TargetColumn = None,
    valid: Valid = None,
    test: Test = None,
    replay: Annotated[
        float,
        typer.Option(
            min=0.0, max=1000.0, metavar="R", help="Pairs of the old training for each new one, not to forget."
        ),
    ] = 4.0,
    minutes: Annotated[float | None, typer.Option(min=0.1, metavar="M", help="Train so long.")] = None,
    keep_all: KeepAll = False,
    overrides: Overrides = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Go on training a model on text of another domain, with its vocabulary, and without forgetting the old one.

    Example: s2s adapt my medical.{en,de} --to my-medical

    Ends with both models' BLEU on both domains, and whether the differences are significant.
    """
    from s2s.corpus.guess import as_specs, specs_of_option
    from s2s.jobs.adapt import adapt
    from s2s.jobs.split_text import Wishes
    from s2s.run_folder import run_path

    parent = run_path(run)
    folder = _folder_for(to, parent, "adapted")
    to_choose_by, to_report = specs_of_option("--valid", valid or []), specs_of_option("--test", test or [])
    wishes = Wishes(
        as_specs(corpus),
        to_choose_by,
        to_report,
        minutes=minutes,
        clean=not keep_all,
        source_column=source_column,
        target_column=target_column,
    )
    domains = adapt(parent, folder, wishes, replay=replay, overrides=overrides or [], device=device, threads=threads)
    for domain in domains:
        print(domain.text())
    _say_signatures(domains)
    _say_next(folder)


@app.command("ensemble")
def ensemble_command(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Models with one vocabulary: run folders.")],
    to: Annotated[str | None, typer.Option(metavar="NAME", help="The new run (default: RUN-ensemble).")] = None,
    seeds: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="Train more like the first, with other seeds, until N.")
    ] = 1,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Make one model of several that translate together: better, and as many times slower.

    Example: s2s ensemble my --seeds 3

    Example: s2s ensemble my other --to both

    Ends with the BLEU of each and of all. What translates, evaluates or serves takes it as any model; s2s distill makes
    one fast model of it.
    """
    from s2s.jobs.ensemble import ensemble
    from s2s.run_folder import run_path

    members = [run_path(run) for run in runs]
    folder = _folder_for(to, members[0], "ensemble")
    result = ensemble(members, folder, n_seeds=seeds, device=device, threads=threads)
    print(result.text())
    _say_signatures(result.domains)
    _say_next(folder)


@app.command("distill")
def distill_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The teacher: its run folder, or its name.")],
    to: Annotated[str | None, typer.Option(metavar="NAME", help="The new run (default: RUN-student).")] = None,
    beam: Beam = None,
    overrides: Overrides = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train a small fast model on a large one's translations.

    Example: s2s distill my --to my-small

    Ends with both models' BLEU and speed. The student has a smaller preset (of small and mini: tiny) and one decoder
    layer, unless --set says otherwise.
    """
    from s2s.jobs.distill import distill
    from s2s.run_folder import run_path

    teacher = run_path(run)
    folder = _folder_for(to, teacher, "student")
    result = distill(teacher, folder, beam=beam, overrides=overrides or [], device=device, threads=threads)
    print(result.text())
    _say_signatures(result.domains)
    _say_next(folder, " --beam 1")


@app.command("backtranslate")
def backtranslate_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The model to improve: its run folder, or its name.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Text in the target language, a line each.")],
    to: Annotated[str | None, typer.Option(metavar="NAME", help="The new run (default: RUN-backtranslated).")] = None,
    reverse: Annotated[
        str | None, typer.Option(metavar="RUN", help="A model of the other direction (default: one is trained).")
    ] = None,
    sampled: Annotated[
        bool, typer.Option("--sample", help="Draw translations at random: better where there is much text.")
    ] = False,
    overrides: Overrides = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train a model on its pairs and on more text in the target language, translated back by a model.

    Example: s2s backtranslate my news.de.gz --to my-news

    Ends with BLEU before and after, and whether the difference is significant.
    """
    from s2s.jobs.backtranslate import backtranslate
    from s2s.run_folder import run_path

    parent = run_path(run)
    folder = _folder_for(to, parent, "backtranslated")
    other = None if reverse is None else run_path(reverse)
    domain = backtranslate(
        parent,
        folder,
        files,
        reverse=other,
        sample=sampled,
        overrides=overrides or [],
        device=device,
        threads=threads,
    )
    print(domain.text())
    _say_signatures([domain])
    _say_next(folder)


def _say_signatures(domains: "Sequence[Domain]") -> None:
    """The signatures of the scores that were printed: languages without spaces have others."""
    for signature in dict.fromkeys(domain.comparison.signature for domain in domains):
        print(f"BLEU: {signature}", file=sys.stderr)


def _say_next(run: Path, options: str = "") -> None:
    """How to translate with a model that has been made."""
    from s2s.decoding.bundle import load_targets

    to = f" --to {targets[0]}" if (targets := load_targets(run)) else ""
    print(f'next: s2s translate --model {quote(str(run))}{to}{options} "your text"', file=sys.stderr)


def _folder_for(name: str | None, parent: Path, suffix: str) -> Path:
    """The run folder that a name stands for: under `runs/`, or beside the parent if there is no name."""
    if name is None:
        return parent.with_name(f"{parent.name}-{suffix}")
    path = by_name(at_home(name))
    return Path("runs") / path if len(path.parts) == 1 else path
