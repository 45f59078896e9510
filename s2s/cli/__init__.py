"""The command line: parse, call one function, print. Whatever is slow to import is imported inside the commands."""

from s2s.cli import (  # noqa: F401  (each adds its commands, in this order)
    data,
    serving,
    training,
    translating,
    using,
    watching,
)
from s2s.cli.common import app


def main() -> None:
    """Entry point of the command `s2s`."""
    app(prog_name="s2s")
