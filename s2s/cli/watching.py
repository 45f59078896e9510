"""Commands that show what there is."""

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from s2s.cli.common import app


@app.command("report")
def report_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run folder, or its name.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The page (default: RUN/report.html).")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the charts there, as SVG files.")
    ] = None,
) -> None:
    """Write a page about a training: curves, data, samples, scores, environment.

    Example: s2s report runs/demo -o demo.html

    It opens from the disk. The training may still be going on.
    """
    from s2s.jobs.report import report
    from s2s.run_folder import run_path

    print(report(run_path(run), output, plots))


@app.command("runs")
def runs_command(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where the run folders are.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List all runs: state, size, updates, best validation BLEU, test BLEU.

    Example: s2s runs
    """
    from s2s.jobs.report import runs, runs_table

    found = runs(folder)
    print(json.dumps(found, indent=2, ensure_ascii=False) if as_json else runs_table(found))
    if not found:
        print(f"no runs in {folder}", file=sys.stderr)


@app.command("watch")
def watch_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run folder, or its name.")],
) -> None:
    """Show how a training stands, until it ends: loss, speed, time left, the last sample.

    Example: s2s watch my

    From any terminal that sees the run folder. Not on a terminal, it prints once.
    """
    from s2s.jobs.report import glance, watch
    from s2s.run_folder import run_path

    if not sys.stdout.isatty():
        print(glance(run_path(run)))
        return
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        for text in watch(run_path(run), shutil.get_terminal_size().columns):
            live.update(Text(text), refresh=True)


@app.command("doctor")
def doctor_command(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Look at this machine and installation: device, versions, threads, memory, disk, and what to do.

    Example: s2s doctor
    """
    from dataclasses import asdict

    from s2s.jobs.environment import as_text, examine_machine

    found = examine_machine()
    print(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False) if as_json else as_text(found))


@app.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of configs, for editors: they complete keys and mark mistakes.

    Example: s2s schema > s2s.schema.json

    In a config's first line: # yaml-language-server: $schema=PATH
    """
    from s2s.config.json_schema import json_schema

    print(json_schema(), end="")


config_app = typer.Typer(no_args_is_help=True, help="What a config can say.", rich_markup_mode=None)
app.add_typer(config_app, name="config")


@config_app.command("explain")
def explain_command(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="As train.warmup_steps, or a beginning: decode.")],
) -> None:
    """Say what an option of the config means, which values it takes, and what it is when it is left out.

    Example: s2s config explain train.warmup_steps decode.
    """
    from s2s.config.explain import explain

    print("\n\n".join(explain(key) for key in keys))
