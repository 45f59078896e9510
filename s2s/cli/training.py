"""Commands that make a model."""

import sys
from typing import Annotated

import typer

from s2s.cli.common import ConfigFile, Device, Overrides, Threads, app, load


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

        print(check(load(config, overrides), device=device, threads=threads))
        return
    with together() as ranks:
        loaded = load(config, overrides)
        from s2s.jobs.train import train

        result = train(
            loaded, device=device, threads=threads, overwrite=overwrite, given=config.read_bytes(), ranks=ranks
        )
    print(f"\nmodel: {result.run / 'model'}", file=sys.stderr)
    print(f'next: s2s translate --model {result.run} "your text"', file=sys.stderr)
