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
from s2s.runtime import let_threads_sleep


def main() -> None:
    """Entry point of the command `s2s`."""
    let_threads_sleep()
    app(prog_name="s2s")
