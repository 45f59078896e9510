"""From an exception to a message on stderr and an exit code: how every command ends that does not end well."""

import codecs
import contextlib
import errno
import io
import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, Self

import typer
from typer.core import TyperGroup

from s2s.console import say
from s2s.errors import OutputError, S2SError, is_out_of_memory
from s2s.version import __version__


class Commands(TyperGroup):
    """Turns every exception into a message on stderr and an exit code (see `errors.py`), never a traceback."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        """Read the command line; `--help` and `--version` answer here."""
        _open_closed_streams()
        with _explaining():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with _explaining():
            return super().invoke(ctx)


@contextlib.contextmanager
def _explaining() -> Iterator[None]:
    try:
        try:
            yield
        except typer.Exit:
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except S2SError as error:
        _leave(f"error: {error}", error.exit_code)
    except KeyboardInterrupt:
        _leave("stopped", 130)
    except BrokenPipeError:
        _forget_output()  # whoever read it has left
        raise typer.Exit(141) from None
    except OSError as error:
        _leave(*_explain_os_error(error))
    except Exception as error:
        if os.environ.get("S2S_DEBUG") or type(error).__module__.startswith(("typer", "click")):
            raise
        _leave(*_explain_unexpected(error))


class _ClosedOutput(io.TextIOBase):
    """In the place of a standard output that is closed: what is to be written there is not lost silently."""

    @property
    def buffer(self) -> Self:
        return self

    def write(self, _text: object) -> int:
        raise OutputError("standard output is closed", hint="where the command has --output, that writes to a file")


def _open_closed_streams() -> None:
    """Take the numbers of standard streams that are closed, so that no file gets them and what is said to them."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    if sys.stdout is None:
        sys.stdout = _ClosedOutput()
    if sys.stderr is None:  # print(file=None) would go to standard output
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        codecs.register_error("s2s", _escaped)  # what no other encoding than UTF-8 has
        sys.stdout.reconfigure(errors="s2s")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What an encoding does not have, as JSON writes it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _leave(message: str, code: int) -> NoReturn:
    say(message)
    try:
        sys.stdout.flush()
    except OSError:
        _forget_output()
    raise typer.Exit(code) from None


def _forget_output() -> None:
    """Let nothing that is still buffered raise again at exit."""
    with contextlib.suppress(OSError, ValueError):  # not a real file, as in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain_os_error(error: OSError) -> tuple[str, int]:
    where = f"{error.filename}: " if error.filename else ""
    code = 66 if error.errno in (errno.ENOENT, errno.ENOTDIR) else 74
    return f"error: {where}{error.strerror or error}", code


def _explain_unexpected(error: Exception) -> tuple[str, int]:
    """A message for what should not happen, with the path of a report; out of memory is no bug of ours."""
    if is_out_of_memory(error):
        hint = "a smaller --beam or fewer --threads take less; a training a lower train.batch_tokens (in a new run)"
        return f"error: out of memory\n  {hint}", 74
    report = Path("s2s-crash-report.txt")
    text = f"s2s {__version__}, Python {sys.version}\n\n{traceback.format_exc()}"
    try:
        report.write_text(text, encoding="utf-8")
    except OSError:
        return f"error: this is a bug in s2s: {type(error).__name__}: {error}", 1
    return (
        f"error: this is a bug in s2s: {type(error).__name__}: {error}\n  please report it with {report.resolve()}",
        1,
    )
