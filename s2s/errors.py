"""Every error that a user can cause: what happened, where, and what to do about it.

The command line prints `str(error)` and exits with `exit_code`; no traceback is shown. The codes follow
sysexits.h, so that a script can tell a bad config (78) from bad data (65) or a full disk (74).
"""

import errno
from typing import Any


class S2SError(Exception):
    """Base of all errors with a message for the user.

    Args:
        what: What happened, one line.
        where: The place, for example `train.de:1841` or `configs/demo.yaml:3:1`.
        hint: What to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.what = what
        self.where = where
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        message = f"{self.where}: {self.what}" if self.where else self.what
        return f"{message}\n  {self.hint}" if self.hint else message


class UsageError(S2SError):
    """The command line does not make sense (exit code 2)."""

    exit_code = 2


class DataError(S2SError):
    """A data or model file is there but its content is bad or damaged (65)."""

    exit_code = 65


class InputMissingError(S2SError):
    """An input file or folder is not there or cannot be read (66)."""

    exit_code = 66


class HubError(S2SError):
    """A dataset on the hub cannot be reached or used (69)."""

    exit_code = 69


class DivergedError(S2SError):
    """Training produced a number that is not finite (70).

    Args:
        facts: What is known about the update, for a report: figures, and the place of each of its pairs.
    """

    exit_code = 70

    def __init__(self, what: str, *, hint: str | None = None, facts: dict[str, Any] | None = None) -> None:
        super().__init__(what, hint=hint)
        self.facts = facts or {}


class CannotCreateError(S2SError):
    """An output file or folder cannot be created (73)."""

    exit_code = 73


class OutputError(S2SError):
    """Writing failed: disk full, quota, closed output (74)."""

    exit_code = 74


class RunFolderBusyError(S2SError):
    """Another process is writing to the run folder (75)."""

    exit_code = 75


class ConfigError(S2SError):
    """The configuration is wrong; the message lists every mistake (78)."""

    exit_code = 78


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python or torch says that there is no memory left, of the machine or of a device."""
    said = ("out of memory", "can't allocate", "cannot allocate memory", "alloc_failed")
    return (
        isinstance(error, MemoryError)
        or getattr(error, "errno", None) == errno.ENOMEM
        or any(words in str(error).lower() for words in said)
    )


_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def harmless(text: str) -> str:
    """Text without the control characters that a terminal would obey."""
    return text.translate(_CONTROL)


class Interrupted(S2SError):  # noqa: N818 - not a mistake of anybody's
    """A signal asked to stop; the work so far is saved (128 + signal number).

    Args:
        signal_number: 2 for Ctrl-C, 15 for SIGTERM, 1 for SIGHUP.
    """

    def __init__(self, signal_number: int, what: str, *, hint: str | None = None) -> None:
        super().__init__(what, hint=hint)
        self.exit_code = 128 + signal_number
