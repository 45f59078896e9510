"""What the commands share: the application, options that several have, and where lines come from and go to."""

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from s2s.errors import DataError, InputMissingError, UsageError
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

ConfigFile = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="Config file, as configs/demo.yaml, or the name that `s2s init` got.")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change an option, e.g. train.max_steps=100.")
]
Model = Annotated[
    Path | None,
    typer.Option("--model", "-m", metavar="RUN", help="Run, model folder or file, hf:OWNER/NAME (default: newest)."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.", envvar="S2S_DEVICE")]
Threads = Annotated[int | None, typer.Option(min=1, help="Processor threads (default: all cores).")]
Beam = Annotated[int | None, typer.Option(min=1, max=256, help="Hypotheses kept; 1 is greedy (default: the model's).")]
Int8 = Annotated[
    bool, typer.Option("--int8", help="Linear maps in 8 bits: faster on processors with VNNI, slightly less exact.")
]
SourceColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Column of the source in a table.")]
TargetColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Column of the target in a table.")]
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


def load(config: Path, overrides: list[str] | None) -> "Config":
    """Read a config, with what `--set` changes."""
    from s2s.config.load import load_config
    from s2s.run_folder import config_path

    return load_config(config_path(config), overrides or [])


@contextlib.contextmanager
def lines_of(text: list[str] | None, given: str = "-") -> Iterator[Iterable[bytes]]:
    """Lines from the command line, else from a file, else (`-`) from standard input."""
    if text:
        yield [line.encode("utf-8", "surrogateescape") for line in text]
        return
    if given != "-":
        from s2s.corpus.text import COMPRESSIONS, raw_lines

        with contextlib.ExitStack() as opened:
            try:
                file = Path(given).open("rb")  # noqa: SIM115 - see below
            except OSError as error:
                raise InputMissingError(error.strerror or str(error), where=given) from None
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                opened.enter_context(file)  # (what is none is as standard input, below: to close it may take for ever)
            is_compressed = Path(given).suffix.lower() in COMPRESSIONS
            if not is_compressed:
                _refuse_binary(file.peek(4), given)
            yield raw_lines(Path(given)) if is_compressed else file
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


def _refuse_binary(begin: bytes, name: str) -> None:
    kinds = {
        b"PK\x03\x04": "a ZIP archive, as .docx and .odt are",
        b"%PDF": "a PDF",
        b"\x1f\x8b": "compressed, and not named .gz",
        b"\x28\xb5\x2f\xfd": "compressed, and not named .zst",
    }
    for magic, kind in kinds.items():
        if begin.startswith(magic):
            raise DataError(f"no text: it is {kind}", where=name, hint="Save it as text first.")


@contextlib.contextmanager
def destination(output: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that gets its name when all is written."""
    if output is None or str(output) == "-":
        yield sys.stdout.buffer
        return
    from s2s.run_folder import writing_to

    with writing_to(output) as file:
        yield file
