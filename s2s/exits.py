"""From an exception to a message on stderr and an exit code: how every command ends that does not end well."""

import errno
import os
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from s2s.errors import S2SError
from s2s.version import __version__


class Commands(TyperGroup):
    """Turns every exception into a message on stderr and an exit code (see `errors.py`), never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
            return result
        except S2SError as error:
            _leave(f"error: {error}", error.exit_code)
        except KeyboardInterrupt:
            _leave("stopped", 130)
        except BrokenPipeError:
            # whoever read our output has left; what is still buffered must not raise again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from None
        except OSError as error:
            _leave(*_explain_os_error(error))
        except Exception as error:
            if os.environ.get("S2S_DEBUG") or type(error).__module__.startswith(("typer", "click")):
                raise
            _leave(*_explain_unexpected(error))


def _leave(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr, flush=True)
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(code) from None


def _explain_os_error(error: OSError) -> tuple[str, int]:
    where = f"{error.filename}: " if error.filename else ""
    code = 66 if error.errno in (errno.ENOENT, errno.ENOTDIR) else 74
    return f"error: {where}{error.strerror or error}", code


def _explain_unexpected(error: Exception) -> tuple[str, int]:
    """A message for what should not happen, with the path of a report; out of memory is no bug of ours."""
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "can't allocate" in str(error):
        hint = "lower train.batch_tokens (in a new run) or decode.batch_tokens with --set, or use a smaller beam"
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
