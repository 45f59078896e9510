"""Sums of large files, remembered, so that a corpus of many gigabytes is not read at every start to see if it changed.

A sum is believed for as long as the file has the same size, number, time of change and time of its record's change
(`ctime`, which no program can set). What that cannot show is a bit that flips on the disk; but nothing is trained on
text: it is encoded once, and what was encoded has sums of its own. A file that changed within the last seconds before
it was read could change again within the same tick of the clock: its sum is not remembered.
"""

import json
import os
import time
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from s2s.errors import InputMissingError
from s2s.run_folder import write_atomic

_WORTHWHILE = 1 << 26  # bytes; smaller files are read
_TICK_NS = 3 * 10**9  # more than the steps of any file system's clock
_FORMAT = 2


class FileSums:
    """Sha256 of files.

    Args:
        path: Where sums are remembered; None for nowhere.
        believe: Whether to use what is remembered, or read all files and remember anew.
    """

    def __init__(self, path: Path | None = None, *, believe: bool = True) -> None:
        self._path = path
        self._known = _read(path) if path is not None and believe else {}
        self._changed = False

    def identity(self, path: Path) -> dict[str, Any]:
        """Path, size and sha256 of a file.

        Raises:
            InputMissingError: It cannot be read.
        """
        try:
            with path.open("rb") as file:
                key, mark = str(path.absolute()), _mark(file.fileno())
                known = self._known.get(key)
                if known is None or known[:-1] != mark:
                    began = time.time_ns()
                    digest = file_digest(file, "sha256").hexdigest()
                    self._remember(key, mark, digest, began)
                else:
                    digest = known[-1]
                return {"path": str(path), "bytes": mark[0], "sha256": digest}
        except OSError as error:
            raise InputMissingError(f"cannot be read: {error.strerror or error}", where=str(path)) from error

    def _remember(self, key: str, mark: list[Any], digest: str, began: int) -> None:
        self._known.pop(key, None)
        if self._path is not None and mark[0] >= _WORTHWHILE and max(mark[2], mark[3]) + _TICK_NS < began:
            self._known[key] = [*mark, digest]
        self._changed = True

    def save(self) -> None:
        """Write what is to be remembered.

        Raises:
            CannotCreateError, OutputError: It cannot be written.
        """
        if self._path is not None and self._changed and (self._known or self._path.exists()):
            content = {"format": _FORMAT, "files": self._known, "sha256": _seal(self._known)}
            write_atomic(self._path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _mark(number: int) -> list[Any]:
    """What of an open file changes when its content does."""
    found = os.fstat(number)
    return [found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]


def _seal(known: dict[str, list[Any]]) -> str:
    return sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _read(path: Path) -> dict[str, list[Any]]:
    """What was remembered; nothing if it is not there, or not ours."""
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT:
            return {}
        files: dict[str, list[Any]] = content["files"]
        if content["sha256"] != _seal(files):  # damaged: the text is read
            return {}
        return {str(key): list(value) for key, value in files.items() if _is_sound(value)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _is_sound(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 5
        and all(type(number) is int for number in value[:4])
        and isinstance(value[4], str)
    )
