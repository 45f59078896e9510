"""The command that serves."""

from pathlib import Path
from typing import Annotated

import typer

from s2s.cli.common import Device, Int8, Threads, app


@app.command("serve")
def serve_command(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN]...", help="Runs or their names, models, or hf:OWNER/NAME (default: newest run)."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; others than this machine need --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(metavar="TEXT", envvar="S2S_TOKEN", help="What clients have to know.", show_envvar=True),
    ] = None,
    corrections: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TSV to which corrections made on the page are appended.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600.0, metavar="S", help="A request is given up after so many.")
    ] = 30.0,
    waiting: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="So many requests may wait; others get 503.")
    ] = 256,
    int8: Int8 = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Serve models: a page to translate text, and LibreTranslate's API.

    Example: s2s serve runs/demo

    Example: s2s serve runs/a runs/b --corrections corrections.tsv

    Then open http://127.0.0.1:8000. Needs the extra serve: pip install '.[serve]'.
    """
    from s2s.jobs.serve import serve
    from s2s.jobs.translate import model_path
    from s2s.runtime import set_threads

    set_threads(threads)
    serve(
        [model_path(run) for run in runs] if runs else [model_path(None)],
        host=host,
        port=port,
        token=token,
        corrections=corrections,
        device=device,
        int8=int8,
        seconds=seconds,
        waiting=waiting,
    )
